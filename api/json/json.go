// Package json is what the generated client decodes answers with: JSON v2 for its speed, tolerant
// where JSON v2 is stricter than a server needs to be.
package json

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// tolerant accepts a name cut in the middle of a character, which reaches Twilio through clients
// that count UTF-16 units, and a member given twice, of which the last counts.
var tolerant = json.JoinOptions(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))

// Unmarshal decodes one JSON value into v, and reports whatever follows it as an error.
func Unmarshal(data []byte, v any) error {
	return json.Unmarshal(data, v, tolerant)
}
