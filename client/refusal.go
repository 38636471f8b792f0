package client

import (
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/twilio-conversations-go/conversations/api/json"
)

// maxErrorBody bounds what is read of the answer to a request that failed.
const maxErrorBody = 64 << 10

// readRefusal reads the body of an answer that is no success and closes it. Read to its end, the
// connection can be used again.
func readRefusal(resp *http.Response) ([]byte, error) {
	defer resp.Body.Close()
	if resp.StatusCode < http.StatusOK {
		return nil, nil // another protocol follows
	}
	return io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
}

// refusal is the error that an answer without success stands for. Whatever its body is, the status is
// known.
func (a *attempt) refusal(req *http.Request, resp *http.Response) *Error {
	e := &Error{RetryAfter: retryAfter(resp.Header, time.Now())}
	var body []byte
	body, a.readErr = readRefusal(resp)
	if resp.StatusCode < http.StatusMultipleChoices {
		e.cause = errors.New("unexpected status")
		return e
	}
	var members map[string]any
	if json.Unmarshal(body, &members) != nil {
		return e
	}
	if code, ok := members["code"].(float64); ok && code > 0 && code < 1e6 {
		e.Code = int(code)
	}
	message, _ := members["message"].(string)
	moreInfo, _ := members["more_info"].(string)
	e.Message, e.MoreInfo = a.redact(req, message), a.redact(req, moreInfo)
	return e
}

// redact removes from a text of the server what it is not to be repeated with: the unique names of the
// call, and its credentials.
func (a *attempt) redact(req *http.Request, text string) string {
	for _, name := range a.call.names {
		for _, spelling := range []string{name, url.PathEscape(name), url.QueryEscape(name)} {
			text = replaceFold(text, spelling, "{UniqueName}")
		}
	}
	scheme, credentials, _ := strings.Cut(req.Header.Get("Authorization"), " ")
	secrets := []string{credentials}
	if decoded, err := base64.StdEncoding.DecodeString(credentials); err == nil && scheme == "Basic" {
		_, password, _ := strings.Cut(string(decoded), ":")
		secrets = append(secrets, password)
	}
	for _, secret := range secrets {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "[redacted]")
		}
	}
	return text
}

// replaceFold replaces a text in another wherever it stands, in capitals or not; but a very short one, such as
// a, only where it is no part of a word.
func replaceFold(text, old, by string) string {
	partOfWord := func(i int) bool {
		return len(old) < 4 && i >= 0 && i < len(text) && isWord(text[i])
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		end := i + len(old)
		if end <= len(text) && strings.EqualFold(text[i:end], old) &&
			!partOfWord(i-1) && !partOfWord(end) {
			b.WriteString(by)
			i = end
			continue
		}
		b.WriteByte(text[i])
		i++
	}
	return b.String()
}

// isWord tells whether a byte belongs to a word: an ASCII letter or digit, or a part of any other character.
func isWord(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || c >= utf8.RuneSelf
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
