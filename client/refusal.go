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

// maxErrorBody bounds what is read of the response to a request that failed.
const maxErrorBody = 64 << 10

// refusal is what a response without success says: only what is known to be harmless, see redactor.
type refusal struct {
	code              int
	message, moreInfo string
	retryAfter        time.Duration
}

// readRefusal reads a response that is no success and closes its body. Whatever the body is, the status is
// known. The connection can be used again if the body was read to its end.
func (a *attempt) readRefusal(resp *http.Response) refusal {
	defer resp.Body.Close()
	r := refusal{retryAfter: retryAfter(resp.Header, time.Now())}
	if resp.StatusCode < http.StatusOK {
		return r // another protocol follows, not a body
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
		r.message = a.redact.text(message, "the message is left out, it is too long")
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

// requestID returns the header Twilio-Request-Id, "" if it is not what Twilio sends.
func requestID(h http.Header) string {
	if id := h.Get("Twilio-Request-Id"); isSID("RQ", id) {
		return id
	}
	return ""
}

// retryAfter reads the header Retry-After, in seconds or as a date, which is taken against the
// server's own clock where it tells it. It is 0 where there is none, or it is malformed or past.
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
