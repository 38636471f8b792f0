package client

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twilio-conversations-go/conversations/api/json"
	"github.com/twilio-conversations-go/conversations/gen"
)

// call is one call of a method, and what its attempts share.
type call struct {
	operation  string // operationId
	success    int    // the status of success
	changes    bool   // not a fetch or a list
	repeatable bool   // may be tried again after an attempt whose outcome is unclear

	webhookEnabled *bool
	response       *Response
}

func (r *Conversations) newCall(verb string, success int, opts []CallOption) (*call, error) {
	if r.invalid != nil {
		return nil, r.invalid
	}
	reads := verb == verbFetch || verb == verbList
	c := &call{operation: verb + r.endpoints.noun, success: success, changes: !reads, repeatable: reads}
	for _, opt := range opts {
		opt(c)
	}
	if reads && c.webhookEnabled != nil {
		return nil, &ParamError{Param: "X-Twilio-Webhook-Enabled", Reason: "it applies to create, update and delete"}
	}
	return c, nil
}

func (c *call) webhookHeader() *gen.ConversationEnumWebhookEnabledType {
	if c.webhookEnabled == nil {
		return nil
	}
	return new(gen.ConversationEnumWebhookEnabledType(strconv.FormatBool(*c.webhookEnabled)))
}

// attempt is one attempt of a call. It travels in the context through the generated client, to which
// it adds what a plain error cannot tell: how far the request came.
type attempt struct {
	call *call

	dispatched bool        // no request editor stopped the request
	connecting atomic.Bool // the transport asked for a connection
	connected  atomic.Bool // and got one
	status     int         // of the answer
	header     http.Header // of the answer
	readErr    error       // what cut the answer short
}

type attemptKey struct{}

// sender is the HttpRequestDoer of the generated client: it sends one attempt, and lets through to the
// generated parser only a success of JSON (or without content) and bounded size.
type sender struct {
	httpClient  *http.Client
	maxResponse int64
}

// Do sends the request of an attempt.
func (s *sender) Do(req *http.Request) (*http.Response, error) {
	a := req.Context().Value(attemptKey{}).(*attempt)
	a.dispatched = true
	req = req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
		GetConn: func(string) { a.connecting.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { a.connected.Store(true) },
	}))
	resp, err := s.httpClient.Do(req)
	if err != nil {
		// The text of a url.Error holds the URL, and that the unique name.
		for urlErr, ok := errors.AsType[*url.Error](err); ok; urlErr, ok = errors.AsType[*url.Error](err) {
			err = urlErr.Err
		}
		return nil, err
	}
	a.status, a.header = resp.StatusCode, resp.Header
	if resp.StatusCode != a.call.success {
		defer resp.Body.Close()
		return nil, a.refusal(req, resp)
	}
	if resp.StatusCode != http.StatusNoContent && !isJSON(resp.Header) {
		resp.Body.Close()
		return nil, errors.New("the answer is not JSON")
	}
	resp.Body = &answerBody{ReadCloser: http.MaxBytesReader(nil, resp.Body, s.maxResponse), attempt: a, size: resp.ContentLength}
	return resp, nil
}

func isJSON(h http.Header) bool {
	mediaType, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	return mediaType == "application/json" || strings.HasSuffix(mediaType, "+json")
}

// answerBody is the body of a success. It notes an answer that is cut short, which may be worth
// another attempt where one that is malformed is not.
type answerBody struct {
	io.ReadCloser
	attempt *attempt
	size    int64         // what the server says it is, -1 if it does not
	buffer  *bytes.Buffer // what it was read into
}

func (b *answerBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return n, fmt.Errorf("the answer is larger than %d bytes", tooLarge.Limit)
	}
	if err != nil && err != io.EOF {
		b.attempt.readErr = err
	}
	return n, err
}

// buffers are for answers, which the generated client reads whole to decode them. Used again and again
// they make listing a quarter faster, and its memory the same however long the list is.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// maxBuffer bounds what a buffer is grown to on the server's word alone, and what is kept for later: a
// page of 1,000 conversations takes between 1 and 2 MB, but may take much more.
const maxBuffer = 4 << 20

// ReadAll reads the body to its end. What it returns is valid until the body is closed, which the
// generated client does when it has decoded it: decoded values share no memory with it.
func (b *answerBody) ReadAll() ([]byte, error) {
	b.buffer = buffers.Get().(*bytes.Buffer)
	b.buffer.Reset()
	if b.size > 0 {
		b.buffer.Grow(int(min(b.size, maxBuffer)) + bytes.MinRead)
	}
	_, err := b.buffer.ReadFrom(b)
	return b.buffer.Bytes(), err
}

func (b *answerBody) Close() error {
	if b.buffer != nil && b.buffer.Cap() <= 2*maxBuffer {
		buffers.Put(b.buffer)
	}
	b.buffer = nil
	return b.ReadCloser.Close()
}

// maxErrorBody bounds what is read of the answer to a request that failed.
const maxErrorBody = 64 << 10

// refusal is the error that an answer without success stands for. Whatever its body is, the status is
// known.
func (a *attempt) refusal(req *http.Request, resp *http.Response) *Error {
	e := &Error{RetryAfter: retryAfter(resp.Header, time.Now())}
	if resp.StatusCode < http.StatusMultipleChoices {
		e.cause = errors.New("unexpected status")
		return e
	}
	// Read to its end, the connection can be used again.
	var body []byte
	body, a.readErr = io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	var members map[string]any
	if json.Unmarshal(body, &members) != nil {
		return e
	}
	if code, ok := members["code"].(float64); ok {
		e.Code = int(code)
	}
	message, _ := members["message"].(string)
	moreInfo, _ := members["more_info"].(string)
	e.Message, e.MoreInfo = redact(req, message), redact(req, moreInfo)
	return e
}

// redact removes from a text of the server what the request must not be repeated with: the unique
// name in its path, and its credentials.
func redact(req *http.Request, text string) string {
	const collection = "/Conversations/"
	path := req.URL.EscapedPath()
	if i := strings.LastIndex(path, collection); i >= 0 {
		escaped := path[i+len(collection):]
		if id, err := url.PathUnescape(escaped); err == nil && !isSID("CH", id) {
			text = strings.ReplaceAll(text, collection+id, collection+"{Sid}")
			text = strings.ReplaceAll(text, collection+escaped, collection+"{Sid}")
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

// withAttempt returns the context that an attempt is made with.
func withAttempt(ctx context.Context, a *attempt) context.Context {
	return context.WithValue(ctx, attemptKey{}, a)
}
