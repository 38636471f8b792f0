package conversationstest

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	maxBody         = 128 << 10 // 16 KB of attributes are 48 KB when every byte is escaped
	maxFriendlyName = 256       // characters
	maxUniqueName   = 256       // characters; Twilio does not publish its limit
	maxAttributes   = 16 << 10  // bytes
	minInactive     = time.Minute
	minClosed       = 10 * time.Minute
)

var (
	sidLike        = regexp.MustCompile(`^CH[0-9a-fA-F]{32}$`)
	serviceSID     = regexp.MustCompile(`^IS[0-9a-fA-F]{32}$`)
	messagingSID   = regexp.MustCompile(`^MG[0-9a-fA-F]{32}$`)
	accountSID     = regexp.MustCompile(`^AC[0-9a-fA-F]{32}$`)
	keySID         = regexp.MustCompile(`^SK[0-9a-fA-F]{32}$`)
	durationFormat = regexp.MustCompile(`^P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?` +
		`(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:[.,](\d{1,9}))?S)?)?$`)
)

// readBody reads a bounded body. A body that cannot be read to its end is the client's failure too.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, *apiError) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, fail(http.StatusRequestEntityTooLarge, 20413, "Request entity too large")
	case err != nil:
		return nil, invalid("The request body could not be read")
	}
	return body, nil
}

// checkShape reads the query and the form of a request and checks everything about them that does
// not depend on a single field.
func (e *Emulator) checkShape(op *operation, r *http.Request, body []byte) (query, form url.Values, _ *apiError) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, nil, invalid("The query string is malformed")
	}
	if err := checkNames(e.lenient, query, op.query, "query parameter"); err != nil {
		return nil, nil, err
	}
	for name, p := range op.header {
		values := r.Header.Values(name)
		if len(values) > 1 || len(values) == 1 && p.Schema.Value.VisitJSON(values[0]) != nil {
			return nil, nil, invalid("The header %s is invalid", name)
		}
	}
	if op.body == nil {
		if len(body) > 0 && !e.lenient {
			return nil, nil, invalid("A %s request takes no body", op.method)
		}
		return query, url.Values{}, nil
	}
	if !isForm(r.Header, body) {
		return nil, nil, fail(http.StatusUnsupportedMediaType, 20001, "The request body must be of the type %s", specFormType)
	}
	form, err = url.ParseQuery(string(body))
	if err != nil {
		return nil, nil, invalid("The request body is malformed")
	}
	if err := checkNames(e.lenient, form, op.formFields(), "form field"); err != nil {
		return nil, nil, err
	}
	return query, form, nil
}

// isForm accepts an empty body without a type too, as curl -X POST sends it.
func isForm(header http.Header, body []byte) bool {
	if header.Get("Content-Encoding") != "" {
		return false
	}
	contentType := header.Get("Content-Type")
	if contentType == "" {
		return len(body) == 0
	}
	mediaType, _, err := mime.ParseMediaType(contentType)
	return err == nil && mediaType == specFormType
}

func checkNames[T any](lenient bool, values url.Values, known map[string]T, what string) *apiError {
	for name, v := range values {
		_, ok := known[name]
		switch {
		case !ok && lenient:
		case !ok:
			return invalid("Unknown %s %q", what, name)
		case len(v) > 1 && !lenient:
			return invalid("The %s %s is repeated", what, name)
		case !utf8.ValidString(v[0]):
			return invalid("The %s %s is not valid UTF-8", what, name)
		}
	}
	return nil
}

// fields are the fields of a create or an update, checked. What is empty was not sent, or was sent
// empty, which changes nothing.
type fields struct {
	friendlyName, uniqueName, attributes, messagingService string
	emailAddress, emailName                                string
	state                                                  state
	created, updated                                       *int64
	inactive, closed                                       *time.Duration
}

func (f fields) empty() bool { return f == fields{} }

func parseFields(form url.Values) (f fields, _ *apiError) {
	// Cloned, because a value can be a piece of the whole body, which it would keep in memory.
	text := func(name string) string { return strings.Clone(form.Get(name)) }
	f = fields{
		friendlyName:     text("FriendlyName"),
		uniqueName:       text("UniqueName"),
		attributes:       text("Attributes"),
		messagingService: text("MessagingServiceSid"),
		emailAddress:     text("Bindings.Email.Address"),
		emailName:        text("Bindings.Email.Name"),
	}
	if err := checkTexts(f.friendlyName, f.uniqueName, f.attributes, f.messagingService); err != nil {
		return f, err
	}
	if form.Has("State") {
		name := form.Get("State")
		s, ok := parseState(name)
		switch {
		case name == "":
			return f, fail(http.StatusBadRequest, 50374, "'State' can't be empty or removed")
		case !ok || s == initializing:
			return f, fail(http.StatusBadRequest, 50378, "'State' parameter value is invalid, supported values are active, inactive and closed")
		}
		f.state = s
	}
	for name, at := range map[string]**int64{"DateCreated": &f.created, "DateUpdated": &f.updated} {
		if text := form.Get(name); text != "" {
			var t time.Time
			if t.UnmarshalText([]byte(text)) != nil || !inRange(t) { // stricter than time.Parse
				code := map[string]int{"DateCreated": 50308, "DateUpdated": 50309}[name]
				return f, fail(http.StatusBadRequest, code, "'%s' is not a valid date", name)
			}
			*at = new(t.UnixMilli())
		}
	}
	for _, timer := range []struct {
		field, name, least string
		after              **time.Duration
		min                time.Duration
		malformed, short   int
	}{
		{"Timers.Inactive", "TimeToInactive", "1 minute", &f.inactive, minInactive, 50379, 50375},
		{"Timers.Closed", "TimeToClosed", "10 minutes", &f.closed, minClosed, 50380, 50376},
	} {
		text := form.Get(timer.field)
		if text == "" {
			continue
		}
		d, ok := parseDuration(text)
		switch {
		case !ok:
			return f, fail(http.StatusBadRequest, timer.malformed, "%s format is invalid, it should be an ISO 8601 duration", timer.name)
		case d != 0 && d < timer.min:
			return f, fail(http.StatusBadRequest, timer.short, "%s should be greater or equal to %s", timer.name, timer.least)
		}
		*timer.after = &d
	}
	return f, nil
}

// inRange reports whether a time can be written with a year of four digits, in UTC.
func inRange(t time.Time) bool {
	year := t.UTC().Year()
	return year >= 0 && year <= 9999
}

// checkTexts checks the fields that a seeded conversation has in the same form. Empty ones are absent.
func checkTexts(friendlyName, uniqueName, attributes, messagingService string) *apiError {
	switch {
	case utf8.RuneCountInString(friendlyName) > maxFriendlyName:
		return fail(http.StatusBadRequest, 50003, "Friendly name is too long, the maximum is %d characters", maxFriendlyName)
	case utf8.RuneCountInString(uniqueName) > maxUniqueName:
		return fail(http.StatusBadRequest, 50004, "Unique name is too long, the maximum is %d characters", maxUniqueName)
	case sidLike.MatchString(uniqueName):
		return fail(http.StatusBadRequest, 50390, "Unique name should not match conversation sid pattern")
	case len(attributes) > maxAttributes:
		return fail(http.StatusBadRequest, 50303, "Attributes are too long, the maximum is 16 KB")
	case attributes != "" && !json.Valid([]byte(attributes)):
		return fail(http.StatusBadRequest, 50304, "Attributes are not valid JSON")
	case messagingService != "" && !messagingSID.MatchString(messagingService):
		return fail(http.StatusBadRequest, 50341, "Messaging service SID is invalid")
	}
	return nil
}

// parseDuration parses an ISO 8601 duration: whole numbers, a fraction of the seconds. A year has 365
// days and a month has 30. What overflows a [time.Duration], about 292 years, is invalid.
func parseDuration(text string) (time.Duration, bool) {
	m := durationFormat.FindStringSubmatch(text)
	if m == nil || strings.HasSuffix(text, "T") || text == "P" {
		return 0, false
	}
	const day = 24 * time.Hour
	var sum time.Duration
	for i, unit := range []time.Duration{365 * day, 30 * day, 7 * day, day, time.Hour, time.Minute, time.Second} {
		if m[i+1] == "" {
			continue
		}
		n, err := strconv.ParseInt(m[i+1], 10, 64)
		if err != nil || n > int64((1<<63-1-sum)/unit) {
			return 0, false
		}
		sum += time.Duration(n) * unit
	}
	if fraction := m[8]; fraction != "" {
		n, _ := strconv.Atoi((fraction + "000000000")[:9])
		if sum += time.Duration(n); sum < 0 {
			return 0, false
		}
	}
	return sum, true
}

// queryEscape escapes a value of a query as Twilio does in page URLs: a colon stays as it is.
func queryEscape(value string) string {
	return strings.ReplaceAll(url.QueryEscape(value), "%3A", ":")
}

// dateFormats are the forms of StartDate and EndDate that have a time.
var dateFormats = []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02T15:04"}

// parseDate parses a StartDate or EndDate to the milliseconds that it covers: a day, a second or, with a
// fraction, one. Without an offset it is in UTC.
func parseDate(text string) (first, last int64, ok bool) {
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t.UnixMilli(), t.Add(24*time.Hour).UnixMilli() - 1, true
	}
	i := slices.IndexFunc(dateFormats, func(layout string) bool {
		_, err := time.Parse(layout, text)
		return err == nil
	})
	if i < 0 {
		return 0, 0, false
	}
	t, _ := time.Parse(dateFormats[i], text)
	if strings.ContainsAny(text, ".,") {
		return t.UnixMilli(), t.UnixMilli(), true
	}
	return t.UnixMilli(), t.UnixMilli() + 999, true
}
