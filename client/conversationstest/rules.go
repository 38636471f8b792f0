package conversationstest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
)

// formats check the formats of strings that the document uses, each with Go's own parser. The
// pattern of kin-openapi accepts 2026-02-30 as a date, and kin-openapi does not check the format
// uri.
var formats = map[string]openapi3.StringFormatValidator{
	"date-time": openapi3.NewCallbackValidator(func(s string) error {
		if _, ok := parseTime(s); !ok {
			return errors.New("not an RFC 3339 date and time")
		}
		return nil
	}),
	"uri": openapi3.NewCallbackValidator(func(s string) error {
		if u, err := url.Parse(s); err != nil || !u.IsAbs() {
			return errors.New("not an absolute URI")
		}
		return nil
	}),
}

// broken describes how a value breaks a rule: the keyword that selects the error code, and the
// reason.
type broken struct{ keyword, reason string }

// rules maps the key of a parameter to the rules that the document cannot express: those that
// Twilio documents and those that the emulator assumes. They are not applied to an empty value.
var rules = map[string]func(value string) *broken{
	"ConversationForm.UniqueName": func(s string) *broken {
		if utf8.RuneCountInString(s) > maxUniqueName {
			return &broken{"maxLength", fmt.Sprintf("maximum string length is %d", maxUniqueName)}
		}
		return nil
	},
	"ConversationForm.Attributes": func(s string) *broken {
		switch {
		case len(s) > maxAttributes:
			return &broken{"maxLength", fmt.Sprintf("longer than %d bytes", maxAttributes)}
		case !json.Valid([]byte(s)):
			return &broken{"json", "not JSON"}
		}
		return nil
	},
	"ConversationForm.State": func(s string) *broken {
		if !settable(s) {
			return &broken{"enum", "a request cannot set the state " + s}
		}
		return nil
	},
	"ConversationForm.Timers.Inactive": atLeast(minInactive),
	"ConversationForm.Timers.Closed":   atLeast(minClosed),
	"StartDate.StartDate":              isDate,
	"EndDate.EndDate":                  isDate,
	"PageToken.PageToken": func(s string) *broken {
		if _, _, ok := parseToken(s); !ok {
			return &broken{"format", "not a page token"}
		}
		return nil
	},
}

// Limits that Twilio documents. See https://www.twilio.com/docs/conversations/conversations-limits
// and https://www.twilio.com/docs/conversations/states-timers
const (
	maxAttributes = 16 << 10 // bytes
	minInactive   = time.Minute
	minClosed     = 10 * time.Minute
	maxPageSize   = 100
)

// atLeast returns the rule of a timer: an ISO 8601 duration of at least a minimum, or 0 to remove
// the timer.
func atLeast(minimum time.Duration) func(string) *broken {
	return func(s string) *broken {
		switch d, ok := parseDuration(s); {
		case !ok:
			return &broken{"format", "not an ISO 8601 duration"}
		case d != 0 && d < minimum:
			return &broken{"minimum", fmt.Sprintf("must be at least %v, or 0", minimum)}
		}
		return nil
	}
}

func isDate(s string) *broken {
	if _, _, ok := parseDate(s); !ok {
		return &broken{"format", "not an ISO 8601 date or time"}
	}
	return nil
}

var durationFormat = regexp.MustCompile(`^P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?` +
	`(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:[.,](\d{1,9}))?S)?)?$`)

// parseDuration parses an ISO 8601 duration of whole numbers. Only the seconds may have a fraction.
// A duration that overflows [time.Duration], about 292 years, is invalid.
func parseDuration(text string) (time.Duration, bool) {
	m := durationFormat.FindStringSubmatch(text)
	if m == nil || strings.HasSuffix(text, "T") || text == "P" {
		return 0, false
	}
	var sum time.Duration
	for i, unit := range []time.Duration{isoYear, isoMonth, 7 * isoDay, isoDay, time.Hour, time.Minute, time.Second} {
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

// parseTime parses an RFC 3339 date-time more strictly than [time.Parse]. In UTC its year must have
// four digits, because it could not be formatted otherwise.
func parseTime(text string) (t time.Time, ok bool) {
	err := t.UnmarshalText([]byte(text))
	return t, err == nil && inRange(t)
}

// inRange reports whether the year of a time has four digits in UTC.
func inRange(t time.Time) bool {
	year := t.UTC().Year()
	return year >= 0 && year <= 9999
}

// dateFormats are the forms of StartDate and EndDate that include a time.
var dateFormats = []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02T15:04"}

// parseDate returns the range of milliseconds that a StartDate or EndDate covers: a day, a second
// or, with a fraction, one millisecond. Without an offset, it is in UTC.
func parseDate(text string) (first, last instant, ok bool) {
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return toInstant(t), toInstant(t.Add(24*time.Hour)) - 1, true
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
		return toInstant(t), toInstant(t), true
	}
	return toInstant(t), toInstant(t) + 999, true
}
