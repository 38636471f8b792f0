// Package json replaces encoding/json in the imports of the generated client. It decodes with JSON
// v2 for its speed. It is tolerant where JSON v2 is stricter than a client of a server can be, and
// bounds the memory that decoding takes.
package json

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

var (
	// tolerant accepts a name that is cut in the middle of a character. Clients that count UTF-16
	// units send such names to Twilio.
	tolerant = jsontext.AllowInvalidUTF8(true)
	// repeated also accepts a member that is given twice. JSON v2 then merges an object into the
	// one before.
	repeated = json.JoinOptions(tolerant, jsontext.AllowDuplicateNames(true))
)

// maxMembers is the maximum number of members in a document: 100 for each conversation of the
// largest page. JSON v2 remembers each unknown name to find duplicates.
const maxMembers = 100 * MaxItems

// Unmarshal decodes one JSON value into the value v points to, and replaces what that held.
// Anything after the value is an error. If an object has two members of the same name, the last one
// counts and the others are ignored. A document of more than 100,000 members is an error.
func Unmarshal(data []byte, v any) error {
	// Colons are quick to count, and there are no more members than colons.
	if bytes.Count(data, []byte{':'}) > maxMembers {
		if err := checkMembers(data); err != nil {
			return err
		}
	}
	err := json.Unmarshal(data, v, tolerant)
	if errors.Is(err, jsontext.ErrDuplicateName) {
		reflect.ValueOf(v).Elem().SetZero() // it holds what came before the duplicate
		err = json.Unmarshal(lastMembers(data), v, repeated)
	}
	return err
}

var errMembers = fmt.Errorf("the document has more than %d members", maxMembers)

// checkMembers returns an error if the document has too many members. Other errors are left to the
// decoder.
func checkMembers(data []byte) error {
	dec := jsontext.NewDecoder(bytes.NewBuffer(data), repeated)
	for members := 0; members <= maxMembers; {
		if _, err := dec.ReadToken(); err != nil {
			return nil
		}
		if kind, length := dec.StackIndex(dec.StackDepth()); kind == '{' && length%2 == 1 {
			members++ // the token was a name
		}
	}
	return errMembers
}

// lastMembers returns the document without the members that a later member of the same name in the
// same object replaces. A malformed document is returned as it is: its error is left to the
// decoder.
func lastMembers(data []byte) []byte {
	type member struct {
		name  string
		begin int64
	}
	type span struct{ begin, end int64 }
	var objects [][]member // the objects around the decoder's position, with the members seen so far
	var replaced []span
	dec := jsontext.NewDecoder(bytes.NewBuffer(data), repeated)
	for {
		if kind, length := dec.StackIndex(dec.StackDepth()); kind == '{' && length%2 == 0 && dec.PeekKind() == '"' {
			quoted, err := dec.ReadValue()
			if err != nil {
				return data
			}
			name, _ := jsontext.AppendUnquote(nil, quoted) // invalid UTF-8 is replaced, as in decoding
			object := &objects[len(objects)-1]
			*object = append(*object, member{string(name), dec.InputOffset() - int64(len(quoted))})
			continue
		}
		token, err := dec.ReadToken()
		if err == io.EOF { //nolint:errorlint // ReadToken does not wrap it
			break
		}
		if err != nil {
			return data
		}
		switch token.Kind() {
		case '{':
			objects = append(objects, nil)
		case '}':
			members := objects[len(objects)-1]
			objects = objects[:len(objects)-1]
			later := map[string]bool{}
			for i, m := range slices.Backward(members) {
				if later[m.name] { // so there is a next member, before whose name this one ends
					replaced = append(replaced, span{m.begin, members[i+1].begin})
				}
				later[m.name] = true
			}
		}
	}
	slices.SortFunc(replaced, func(a, b span) int { return cmp.Compare(a.begin, b.begin) })
	kept, end := make([]byte, 0, len(data)), int64(0)
	for _, r := range replaced {
		if r.begin >= end { // not within another one
			kept = append(kept, data[end:r.begin]...)
			end = r.end
		}
	}
	return append(kept, data[end:]...)
}
