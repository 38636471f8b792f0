package json

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// MaxItems is the maximum number of items in an [Array]: the number in the largest page of a list.
const MaxItems = 1000

// Array is a JSON array of at most [MaxItems] items. It is nil for null. Decoding stops at the
// first item beyond the maximum, so that a short document cannot take much memory. Each item is
// allocated separately: an item that is kept does not keep the others.
type Array[T any] []*T

// ErrTooManyItems is the error for an [Array] of more than [MaxItems] items.
var ErrTooManyItems = fmt.Errorf("the array has more than %d items", MaxItems)

var errNoArray = errors.New("the value is not an array")

// UnmarshalJSONFrom decodes an array. JSON v2 calls it.
func (a *Array[T]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	token, err := dec.ReadToken()
	if err != nil {
		return err
	}
	if *a = nil; token.Kind() == 'n' {
		return nil
	}
	if token.Kind() != '[' {
		return errNoArray
	}
	for *a = (Array[T]{}); dec.PeekKind() != ']'; {
		if len(*a) == MaxItems {
			return ErrTooManyItems
		}
		item := new(T)
		if err := json.UnmarshalDecode(dec, item); err != nil {
			return err
		}
		*a = append(*a, item)
	}
	_, err = dec.ReadToken()
	return err
}
