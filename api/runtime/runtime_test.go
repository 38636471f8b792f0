package runtime_test

import (
	"net/url"
	"testing"
	"time"

	oapi "github.com/oapi-codegen/runtime"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/api/runtime"
)

type color string

func TestMarshalForm(t *testing.T) {
	t.Parallel()
	type form struct {
		Text     *string    `json:"Text,omitempty"`
		Dotted   *color     `json:"Dotted.&Name,omitempty"`
		Number   *int64     `json:"Number,omitempty"`
		Yes      *bool      `json:"Yes,omitempty"`
		At       *time.Time `json:"At,omitempty"`
		List     *[]string  `json:"List,omitempty"`
		Required string     `json:"Required"`
	}
	for name, row := range map[string]struct {
		form form
		want url.Values
	}{
		"nothing set": {form{}, url.Values{"Required": {""}}},
		"all set": {
			form{
				Text: new("a b+c&d=e%ü\x00"), Dotted: new(color("red&green")), Number: new(int64(-7)), Yes: new(true),
				At: new(time.Date(2026, time.January, 18, 3, 17, 17, 5e6, time.UTC)), List: new([]string{"x", "y&z"}), Required: "r",
			},
			url.Values{
				"Text": {"a b+c&d=e%ü\x00"}, "Dotted.&Name": {"red&green"}, "Number": {"-7"}, "Yes": {"true"},
				"At": {"2026-01-18T03:17:17.005Z"}, "List": {"x", "y&z"}, "Required": {"r"},
			},
		},
		"zero values are sent": {
			form{Text: new(""), Dotted: new(color("")), Number: new(int64(0)), Yes: new(false)},
			url.Values{"Text": {""}, "Dotted.&Name": {""}, "Number": {"0"}, "Yes": {"false"}, "Required": {""}},
		},
	} {
		encoded, err := runtime.MarshalForm(row.form, nil)
		require.NoError(t, err, name)
		got, err := url.ParseQuery(encoded.Encode())
		require.NoError(t, err, name)
		assert.Equal(t, row.want, got, name)
	}
}

// What cannot be sent is an error, never left out.
func TestMarshalFormRefuses(t *testing.T) {
	t.Parallel()
	_, err := runtime.MarshalForm(struct {
		Func func() `json:"Func"`
	}{}, nil)
	assert.ErrorContains(t, err, "form field Func")
	_, err = runtime.MarshalForm(struct{}{}, map[string]oapi.RequestBodyEncoding{"Text": {ContentType: "application/json"}})
	assert.ErrorContains(t, err, "not supported")
}
