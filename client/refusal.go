package client

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/twilio-conversations-go/conversations/api/json"
)

// maxErrorBody is the maximum number of bytes that are read of an unsuccessful response.
const maxErrorBody = 64 << 10

// refusal is what an unsuccessful response says, as far as it is known to be harmless, see
// redactor.
type refusal struct {
	code              int
	message, moreInfo string
	retryAfter        time.Duration
}

// readRefusal reads an unsuccessful response and closes its body. It reads to the end if it can, so
// that the connection can be reused.
func (a *attempt) readRefusal(resp *http.Response) refusal {
	defer resp.Body.Close()
	r := refusal{retryAfter: retryAfter(resp.Header, time.Now())}
	if resp.StatusCode < http.StatusOK {
		return r // 101: another protocol follows, not a body
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	if err != nil {
		a.cutShort(err)
	}
	var members map[string]any
	if resp.StatusCode < http.StatusMultipleChoices || json.Unmarshal(body, &members) != nil {
		return r
	}
	if code, ok := members["code"].(float64); ok && code >= 1 && code < 1e6 {
		r.code = int(code)
	}
	if message, _ := members["message"].(string); message != "" {
		r.message = a.redact.text(message, "the message is too long to be repeated")
	}
	if moreInfo, _ := members["more_info"].(string); isMoreInfo(moreInfo) && a.redact.text(moreInfo, "") == moreInfo {
		r.moreInfo = moreInfo
	}
	return r
}

// isMoreInfo reports whether s is the URL of a page of Twilio's about an error.
func isMoreInfo(s string) bool {
	path, ok := strings.CutPrefix(s, "https://www.twilio.com/")
	return ok && len(s) <= 200 && strings.Trim(path, "abcdefghijklmnopqrstuvwxyz0123456789-_/") == ""
}

// requestID returns the header Twilio-Request-Id, or "" if it does not look like one of Twilio's.
func requestID(h http.Header) string {
	if id := h.Get("Twilio-Request-Id"); isSID("RQ", id) {
		return id
	}
	return ""
}

// retryAfter returns the delay that the header Retry-After requests, in seconds or as a date. A
// date is compared with the Date header of the response, or else with now. The delay is 0 if the
// header is absent, malformed or past.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := h.Get("Retry-After")
	if date, err := http.ParseTime(value); err == nil {
		if serverNow, err := http.ParseTime(h.Get("Date")); err == nil {
			now = serverNow
		}
		return max(0, date.Sub(now))
	}
	const longest = time.Duration(1<<63-1) / time.Second
	seconds, err := strconv.ParseUint(value, 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0
	}
	return time.Duration(min(seconds, uint64(longest))) * time.Second
}
