package client

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/twilio-conversations-go/conversations/gen"
)

// CreateParams are the fields of a new conversation, all optional: nil leaves a field out. Values
// that cannot be right are refused with a [*ParamError] before anything is sent.
//
// See https://www.twilio.com/docs/conversations/api/conversation-resource#create-a-conversation-resource
type CreateParams struct {
	// FriendlyName is the human-readable name, at most 256 characters.
	FriendlyName *string
	// UniqueName identifies the conversation within its service and can be used in place of its SID.
	// It must not look like a conversation SID; Twilio documents no limit of its length. With a unique name, a Create whose outcome is unclear
	// can be repeated and resolved; without one it cannot.
	UniqueName *string
	// Attributes are any data of the application that encode to JSON of at most 16 KiB. JSON text is
	// given as a json.RawMessage, which is checked and sent verbatim; a string or a []byte is refused,
	// since it could be meant either way.
	Attributes any
	// State is the state, StateActive by default. A conversation cannot be created closed.
	State *State
	// InactiveAfter is the time without activity after which the conversation becomes inactive: whole
	// seconds, at least a minute. Zero removes the timer.
	InactiveAfter *time.Duration
	// ClosedAfter is the time without activity after which the conversation is closed: whole seconds,
	// at least ten minutes. Zero removes the timer.
	ClosedAfter *time.Duration
	// MessagingServiceSID is the Messaging Service of the conversation (MG and 32 hexadecimal digits).
	// Twilio fills in the default one.
	MessagingServiceSID *string
	// DateCreated replaces the date of creation, for conversations that are imported. It is sent in
	// UTC to the millisecond.
	DateCreated *time.Time
	// DateUpdated replaces the date of the last update. It is sent in UTC to the millisecond.
	DateUpdated *time.Time
	// BindingsEmailAddress is the default address that outbound email is sent from.
	BindingsEmailAddress *string
	// BindingsEmailName is the default name that outbound email is sent from.
	BindingsEmailName *string
}

// UpdateParams are the fields to change, the same as in [CreateParams]: nil leaves a field as it is, and
// so does an empty string, with which Twilio cannot clear one. Setting State to StateClosed closes the
// conversation, for good.
//
// See https://www.twilio.com/docs/conversations/api/conversation-resource#update-conversation
type UpdateParams CreateParams

const (
	maxFriendlyName = 256       // characters
	maxAttributes   = 16 * 1024 // bytes
	noAttributes    = "{}"      // what Twilio returns where none are set
	minInactive     = time.Minute
	minClosed       = 10 * time.Minute
)

// form checks the fields and returns them as they are sent. This is the place to extend when a field
// joins the form.
func (p CreateParams) form() (gen.ConversationForm, error) {
	var f gen.ConversationForm
	text := func(param string, s *string) (*string, error) {
		if s != nil && !utf8.ValidString(*s) {
			return nil, &ParamError{Param: param, Reason: "it is not valid UTF-8"}
		}
		return s, nil
	}
	var err error
	if f.FriendlyName, err = text("FriendlyName", p.FriendlyName); err != nil {
		return f, err
	}
	if p.FriendlyName != nil && utf8.RuneCountInString(*p.FriendlyName) > maxFriendlyName {
		return f, &ParamError{Param: "FriendlyName", Reason: fmt.Sprintf("it is longer than %d characters", maxFriendlyName)}
	}
	if f.UniqueName, err = text("UniqueName", p.UniqueName); err != nil {
		return f, err
	}
	if p.UniqueName != nil {
		switch name := *p.UniqueName; {
		case name == "." || name == "..":
			return f, &ParamError{Param: "UniqueName", Reason: "no URL can address a conversation with this name"}
		case isSID("CH", name):
			return f, &ParamError{Param: "UniqueName", Reason: "it looks like a conversation SID"}
		}
	}
	if f.Attributes, err = attributes(p.Attributes); err != nil {
		return f, err
	}
	if p.State != nil && !p.State.Valid() {
		return f, &ParamError{Param: "State", Reason: "it is none of the states"}
	}
	f.State = p.State
	if f.TimersInactive, err = timer("Timers.Inactive", p.InactiveAfter, minInactive); err != nil {
		return f, err
	}
	if f.TimersClosed, err = timer("Timers.Closed", p.ClosedAfter, minClosed); err != nil {
		return f, err
	}
	if p.MessagingServiceSID != nil && !isSID("MG", *p.MessagingServiceSID) {
		return f, &ParamError{Param: "MessagingServiceSid", Reason: "it must be MG and 32 hexadecimal digits"}
	}
	f.MessagingServiceSID = p.MessagingServiceSID
	if p.DateCreated != nil {
		if f.DateCreated, err = date("DateCreated", *p.DateCreated); err != nil {
			return f, err
		}
	}
	if p.DateUpdated != nil {
		if f.DateUpdated, err = date("DateUpdated", *p.DateUpdated); err != nil {
			return f, err
		}
	}
	if f.BindingsEmailAddress, err = text("Bindings.Email.Address", p.BindingsEmailAddress); err != nil {
		return f, err
	}
	f.BindingsEmailName, err = text("Bindings.Email.Name", p.BindingsEmailName)
	return f, err
}

// attributes encodes the value for the form.
func attributes(v any) (*string, error) {
	const param = "Attributes"
	switch v.(type) {
	case nil:
		return nil, nil
	case string, []byte:
		return nil, &ParamError{Param: param, Reason: "JSON text is given as a json.RawMessage"}
	}
	data, verbatim := v.(json.RawMessage)
	if verbatim {
		if !json.Valid(data) || !utf8.Valid(data) {
			return nil, &ParamError{Param: param, Reason: "it is not valid JSON"}
		}
	} else {
		var err error
		if data, err = json.Marshal(v); err != nil {
			return nil, &ParamError{Param: param, Reason: "it cannot be encoded as JSON"}
		}
	}
	if len(data) > maxAttributes {
		return nil, &ParamError{Param: param, Reason: fmt.Sprintf("its JSON is longer than %d bytes", maxAttributes)}
	}
	return new(string(data)), nil
}

// timer writes a duration as ISO 8601 has it, in hours, minutes and seconds: longer units would
// stand for calendar days and months, which differ in length.
func timer(param string, after *time.Duration, least time.Duration) (*string, error) {
	if after == nil {
		return nil, nil
	}
	d := *after
	switch {
	case d%time.Second != 0:
		return nil, &ParamError{Param: param, Reason: "it must be whole seconds"}
	case d == 0:
		return new("PT0S"), nil
	case d < least:
		return nil, &ParamError{Param: param, Reason: fmt.Sprintf("it must be at least %s, or zero to remove the timer", least)}
	}
	var b strings.Builder
	b.WriteString("PT")
	for _, unit := range []struct {
		length time.Duration
		letter byte
	}{{time.Hour, 'H'}, {time.Minute, 'M'}, {time.Second, 'S'}} {
		if n := d / unit.length; n > 0 {
			fmt.Fprintf(&b, "%d%c", n, unit.letter)
			d %= unit.length
		}
	}
	return new(b.String()), nil
}

// date writes a time as Twilio reads it, to the millisecond that it stores.
func date(param string, t time.Time) (*string, error) {
	t = t.UTC()
	if t.Year() < 1 || t.Year() > 9999 || t.IsZero() {
		return nil, &ParamError{Param: param, Reason: "it is zero or not within the years 1 to 9999"}
	}
	return new(t.Format("2006-01-02T15:04:05.999Z")), nil
}

// isSID tells whether s is the prefix and 32 hexadecimal digits. Package regexp would make every program
// that imports the client 0.4 MB larger.
func isSID(prefix, s string) bool {
	digits, ok := strings.CutPrefix(s, prefix)
	return ok && len(digits) == 32 && strings.Trim(digits, "0123456789abcdefABCDEF") == ""
}

// checkID refuses what would not address a conversation: nothing, and the path segments that stand
// for the collection and what is above it. Any other unique name is escaped to a segment of its own.
func checkID(id string) error {
	if id == "" || id == "." || id == ".." {
		return &ParamError{Param: "Sid", Reason: "it must be a conversation SID or a unique name, not empty, . or .."}
	}
	return nil
}
