package client

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/twilio-conversations-go/conversations/gen"
)

// CreateParams are the fields of a new conversation, all optional: nil leaves a field out. An
// invalid value is reported as a [*ParamError] before anything is sent.
//
// See https://www.twilio.com/docs/conversations/api/conversation-resource#create-a-conversation-resource
type CreateParams struct {
	// FriendlyName is the human-readable name, at most 256 characters.
	FriendlyName *string
	// UniqueName identifies the conversation within its service and can be used in place of its SID.
	// It must not look like a conversation SID, and not be empty in a create; Twilio documents no limit of
	// its length. With a unique name, a Create whose outcome is unknown can be retried; without one it cannot.
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
	// Twilio fills in the default one. An empty one is left out.
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

// form checks the fields and returns them as they are sent. This is the table to extend when a field
// joins the form: the parameter, Twilio's name where it differs, the value and its limit.
func (p CreateParams) form() (gen.ConversationForm, error) {
	var c checker
	form := gen.ConversationForm{
		FriendlyName:         c.text("FriendlyName", "", p.FriendlyName, maxFriendlyName),
		UniqueName:           c.name("UniqueName", p.UniqueName),
		Attributes:           c.attributes("Attributes", p.Attributes),
		State:                c.state("State", p.State, StateActive, StateInactive, StateClosed),
		TimersInactive:       c.timer("InactiveAfter", "Timers.Inactive", p.InactiveAfter, minInactive),
		TimersClosed:         c.timer("ClosedAfter", "Timers.Closed", p.ClosedAfter, minClosed),
		MessagingServiceSID:  c.sid("MessagingServiceSID", "MessagingServiceSid", p.MessagingServiceSID, "MG"),
		DateCreated:          c.date("DateCreated", p.DateCreated),
		DateUpdated:          c.date("DateUpdated", p.DateUpdated),
		BindingsEmailAddress: c.text("BindingsEmailAddress", "Bindings.Email.Address", p.BindingsEmailAddress, 0),
		BindingsEmailName:    c.text("BindingsEmailName", "Bindings.Email.Name", p.BindingsEmailName, 0),
	}
	return form, c.err
}

// checker checks parameters and returns them as they are sent. It keeps the first error.
type checker struct{ err error }

// refuse says of a parameter what to do; field is Twilio's name of it where that differs.
func (c *checker) refuse(param, field, reason string) {
	if c.err == nil {
		c.err = &ParamError{Param: param, Field: field, Reason: reason}
	}
}

// text checks a text of at most so many characters, 0 for any number.
func (c *checker) text(param, field string, s *string, most int) *string {
	switch {
	case s == nil:
	case !utf8.ValidString(*s):
		c.refuse(param, field, "must be valid UTF-8")
	case most > 0 && utf8.RuneCountInString(*s) > most:
		c.refuse(param, field, fmt.Sprintf("must be at most %d characters", most))
	}
	return s
}

func (c *checker) name(param string, s *string) *string {
	switch {
	case s == nil:
	case *s == "." || *s == "..":
		c.refuse(param, "", "must not be . or .., which no URL can address")
	case isSID("CH", *s):
		c.refuse(param, "", "must not look like a conversation SID")
	}
	return c.text(param, "", s, 0)
}

func (c *checker) state(param string, s *State, allowed ...State) *State {
	if s != nil && !slices.Contains(allowed, *s) {
		c.refuse(param, "", fmt.Sprintf("must be one of %s", strings.Trim(strings.ReplaceAll(fmt.Sprint(allowed), " ", ", "), "[]")))
	}
	return s
}

// sid leaves out an empty SID, which says nothing.
func (c *checker) sid(param, field string, s *string, prefix string) *string {
	if s == nil || *s == "" {
		return nil
	}
	if !isSID(prefix, *s) {
		c.refuse(param, field, "must be "+prefix+" and 32 hexadecimal digits")
	}
	return s
}

// attributes encodes the value as JSON.
func (c *checker) attributes(param string, v any) *string {
	var data []byte
	switch v := v.(type) {
	case nil:
		return nil
	case string, []byte:
		c.refuse(param, "", "must be a json.RawMessage if it is JSON text")
		return nil
	case json.RawMessage:
		if data = v; !json.Valid(data) || !utf8.Valid(data) {
			c.refuse(param, "", "must be valid JSON")
		}
	default:
		var err error
		if data, err = json.Marshal(v); err != nil {
			c.refuse(param, "", "must be a value that encodes to JSON")
		}
	}
	if len(data) > maxAttributes {
		c.refuse(param, "", fmt.Sprintf("must be at most %d bytes of JSON", maxAttributes))
	}
	return new(string(data))
}

// timer writes a duration as ISO 8601 has it, in hours, minutes and seconds: longer units would
// stand for calendar days and months, which differ in length.
func (c *checker) timer(param, field string, after *time.Duration, least time.Duration) *string {
	switch {
	case after == nil:
		return nil
	case *after == 0:
		return new("PT0S")
	case *after%time.Second != 0:
		c.refuse(param, field, "must be whole seconds")
	case *after < least:
		c.refuse(param, field, fmt.Sprintf("must be at least %s, or 0 to remove the timer", least))
	}
	text := strings.ToUpper(after.String()) // such as 1H0M30S
	for _, zero := range []string{"M0S", "H0M"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return new("PT" + text)
}

func (c *checker) date(param string, t *time.Time) *string {
	if t == nil {
		return nil
	}
	text, err := date(param, *t)
	if c.err == nil {
		c.err = err
	}
	return text
}

// bound checks a date of a list, of which the zero one is left out.
func (c *checker) bound(param string, t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	return c.date(param, &t)
}

// filter checks a state of a list, of which the empty one is left out.
func (c *checker) filter(param string, s State) *State {
	if s != "" && !s.Valid() {
		c.refuse(param, "", "must be a state of the API, such as active, inactive or closed")
	}
	return given(s)
}

// given returns a pointer to a parameter of a list, nil for the zero one, which is left out.
func given[T comparable](value T) *T {
	if value == *new(T) {
		return nil
	}
	return &value
}

// date writes a time as Twilio reads it, to the millisecond that it stores. No scan could find a conversation of
// the first second of the year 1, whose date reads as none.
func date(param string, t time.Time) (*string, error) {
	t = t.UTC()
	if t.Truncate(time.Second).IsZero() || t.Year() < 1 || t.Year() > 9999 {
		return nil, &ParamError{Param: param, Reason: "must be after the first second of the year 1, and not after the year 9999"}
	}
	return new(t.Format("2006-01-02T15:04:05.999Z")), nil
}

// isSID reports whether s is the prefix followed by 32 hexadecimal digits. Package regexp would make every program
// that imports the client 0.4 MB larger.
func isSID(prefix, s string) bool {
	digits, ok := strings.CutPrefix(s, prefix)
	return ok && len(digits) == 32 && strings.Trim(digits, "0123456789abcdefABCDEF") == ""
}

// checkID refuses what would not address a conversation: nothing, and the path segments that stand
// for the collection and what is above it. Any other unique name is escaped to a segment of its own.
func checkID(id string) error {
	if id == "" || id == "." || id == ".." {
		return &ParamError{Param: "id", Field: "Sid", Reason: "must be a conversation SID or a unique name, not empty, . or .."}
	}
	return nil
}
