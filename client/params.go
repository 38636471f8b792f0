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

// CreateParams are the fields of a new conversation. All are optional: nil leaves a field out, and
// new makes a pointer to any value, as in new("order-1234") or new(time.Hour). An invalid value is
// reported as a [*ParamError] before anything is sent.
//
// See
// https://www.twilio.com/docs/conversations/api/conversation-resource#create-a-conversation-resource
type CreateParams struct {
	// FriendlyName is the human-readable name, at most 256 characters.
	FriendlyName *string
	// UniqueName identifies the conversation within its service and can be used in place of its
	// SID. It must not be empty or look like a conversation SID. Twilio documents no maximum
	// length.
	//
	// A Create with a unique name can be retried when its outcome is unknown. One without cannot.
	UniqueName *string
	// Attributes are any data of the application that encode to JSON of at most 16 KiB. JSON text
	// is given as a json.RawMessage, which is checked and sent verbatim. A string or a []byte is
	// refused, since it could mean either.
	Attributes any
	// State is the state. The default is StateActive. A conversation cannot be created closed.
	State *State
	// InactiveAfter is the time without activity after which the conversation becomes inactive:
	// whole seconds, at least a minute. Zero means no timer.
	InactiveAfter *time.Duration
	// ClosedAfter is the time without activity after which the conversation is closed: whole
	// seconds, at least ten minutes. Zero means no timer.
	ClosedAfter *time.Duration
	// MessagingServiceSID is the Messaging Service of the conversation (MG and 32 hexadecimal
	// digits). Without one Twilio sets the default one. An empty SID is left out.
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

// UpdateParams has the fields of CreateParams in the same order, so that it converts to them. A
// field that is added to one is a compile error until it is added to the other.

// UpdateParams are the fields to change. Nil leaves a field as it is. So does an empty string:
// Twilio has no way to clear one. An invalid value is reported as a [*ParamError] before anything
// is sent.
//
// See https://www.twilio.com/docs/conversations/api/conversation-resource#update-conversation
type UpdateParams struct {
	// FriendlyName is the human-readable name, at most 256 characters.
	FriendlyName *string
	// UniqueName renames the conversation. It must not look like a conversation SID. Twilio
	// documents no maximum length.
	UniqueName *string
	// Attributes replace all data of the application, see [CreateParams].
	Attributes any
	// State is the new state. StateClosed closes the conversation for good.
	State *State
	// InactiveAfter is the time without activity after which the conversation becomes inactive:
	// whole seconds, at least a minute. Zero removes the timer.
	InactiveAfter *time.Duration
	// ClosedAfter is the time without activity after which the conversation is closed: whole
	// seconds, at least ten minutes. Zero removes the timer.
	ClosedAfter *time.Duration
	// MessagingServiceSID is the Messaging Service of the conversation (MG and 32 hexadecimal
	// digits).
	MessagingServiceSID *string
	// DateCreated replaces the date of creation. It is sent in UTC to the millisecond.
	DateCreated *time.Time
	// DateUpdated replaces the date of the last update. It is sent in UTC to the millisecond.
	DateUpdated *time.Time
	// BindingsEmailAddress replaces the default address that outbound email is sent from.
	BindingsEmailAddress *string
	// BindingsEmailName replaces the default name that outbound email is sent from.
	BindingsEmailName *string
}

const (
	maxFriendlyName = 256       // characters
	maxAttributes   = 16 * 1024 // bytes
	noAttributes    = "{}"      // what Twilio returns where none are set
	minInactive     = time.Minute
	minClosed       = 10 * time.Minute
)

// form checks the fields and returns them as they are sent. A field that is added to the form is
// added to this table: the parameter, Twilio's name if it differs, the value and its limit.
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

// refuse records that a parameter is invalid. The field is Twilio's name of it, "" if it is the
// same. The reason says what to do.
func (c *checker) refuse(param, field, reason string) {
	if c.err == nil {
		c.err = &ParamError{Param: param, Field: field, Reason: reason}
	}
}

// text checks a text of at most the given number of characters, 0 for any number.
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

// attributes encodes a value as JSON.
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

// timer writes a duration in ISO 8601, in hours, minutes and seconds. Days, months and years would
// be calendar units, which differ in length.
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

// bound checks a date of a list. The zero time is left out.
func (c *checker) bound(param string, t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	return c.date(param, &t)
}

// filter checks a state of a list. The empty state is left out.
func (c *checker) filter(param string, s State) *State {
	if s != "" && !s.Valid() {
		c.refuse(param, "", "must be a state of the API, such as active, inactive or closed")
	}
	return given(s)
}

// given returns a pointer to a parameter of a list, or nil if it is the zero value and left out.
func given[T comparable](value T) *T {
	if value == *new(T) {
		return nil
	}
	return &value
}

// date writes a time as Twilio reads it, to the millisecond that Twilio stores. The first second of
// the year 1 is refused: in a response it could not be told from an absent date.
func date(param string, t time.Time) (*string, error) {
	t = t.UTC()
	if t.Truncate(time.Second).IsZero() || t.Year() < 1 || t.Year() > 9999 {
		return nil, &ParamError{Param: param, Reason: "must be after the first second of the year 1, and not after the year 9999"}
	}
	return new(t.Format("2006-01-02T15:04:05.999Z")), nil
}

// isSID reports whether s is prefix followed by 32 hexadecimal digits. Package regexp would make
// every program that imports the client 0.4 MB larger.
func isSID(prefix, s string) bool {
	digits, ok := strings.CutPrefix(s, prefix)
	return ok && len(digits) == 32 && strings.Trim(digits, "0123456789abcdefABCDEF") == ""
}

// checkID refuses an id that addresses no conversation. An empty id and the path segment . would
// address the collection, and .. what is above it. Any other unique name is escaped to one segment.
func checkID(id string) error {
	if id == "" || id == "." || id == ".." {
		return &ParamError{Param: "id", Field: "Sid", Reason: "must be a conversation SID or a unique name, not empty, . or .."}
	}
	return nil
}
