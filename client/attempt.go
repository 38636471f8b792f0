package client

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twilio-conversations-go/conversations/gen"
)

// attempt is one attempt of a call. It is the HttpRequestDoer of a generated client that is made for it,
// sends its request, and lets through to the generated parser only a success that is JSON (or has no
// content) and whose size is bounded. It remembers what the loop of retries has to know.
type attempt struct {
	client    *Client
	call      *call
	ctx       context.Context
	generated gen.Client
	responses gen.ClientWithResponses
	trace     httptrace.ClientTrace

	edited     bool        // all request editors let the request pass
	handed     bool        // the transport was called
	connecting atomic.Bool // it asked for a connection
	connected  atomic.Bool // and got one

	sent, answered time.Time // when the request was handed over, and when the response began to arrive
	responded      bool      // there is a response
	status         int       // of the response, 0 if it is not from 200 to 599
	header         http.Header
	refusal        refusal // what the response says, if it is no success
	cut            error   // what cut the response short
	redact         redactor
}

// newAttempt returns an attempt and the generated client that makes it.
func (c *Client) newAttempt(ctx context.Context, call *call) (*attempt, *gen.ClientWithResponses) {
	a := &attempt{client: c, call: call, ctx: ctx, generated: c.generated, redact: redactor{names: call.names}}
	a.generated.Client = a
	a.responses.ClientInterface = &a.generated
	return a, &a.responses
}

// errHost is what is wrong with a request that an editor directed elsewhere: it has the credentials.
const errHost = fault("a request editor changed the host of the request: use WithBaseURL")

// What may be wrong with a response.
const (
	errStatus         = fault("unexpected status")
	errMalformed      = fault("the response is malformed")
	errNotJSON        = fault("the response is not JSON")
	errTooLarge       = fault("the response is larger than WithMaxResponseBytes allows")
	errNoConversation = fault("the response is not a conversation")
	errMismatch       = fault("the response is that of another request: it is not the requested conversation")
)

var errRefused = errors.New("refused") // for the generated client only: the attempt knows the response

// Do implements gen.HttpRequestDoer.
func (a *attempt) Do(req *http.Request) (*http.Response, error) {
	req.Header.Set("User-Agent", a.client.userAgent)
	for _, edit := range a.call.editors {
		if err := edit(a.ctx, req); err != nil {
			a.redact.learn(req)
			return nil, err
		}
	}
	if req.URL.Host != a.client.host {
		return nil, errHost
	}
	a.edited = true
	if user, _, ok := req.BasicAuth(); ok && isSID("AC", user) {
		a.call.account = user
	}
	if err := a.ctx.Err(); err != nil {
		return nil, err
	}
	if a.call.op.changes && (req.Header.Get("Idempotency-Key") != "" || req.Header.Get("X-Idempotency-Key") != "") {
		// net/http would take this for a promise and repeat the request by itself. Without a body that it
		// can get again it does not.
		req.GetBody = nil
		if req.Body == nil || req.Body == http.NoBody {
			req.Body = io.NopCloser(http.NoBody)
		}
	}
	ctx := req.Context()
	if ctx != a.ctx { // an editor replaced it: the call's own still ends the attempt
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		context.AfterFunc(a.ctx, cancel)
	}
	// Not before the editors, one of which may use the context to fetch a token.
	a.trace.GetConn = func(string) { a.connecting.Store(true) }
	a.trace.GotConn = func(httptrace.GotConnInfo) { a.connected.Store(true) }
	req = req.WithContext(httptrace.WithClientTrace(ctx, &a.trace))

	a.handed, a.sent = true, time.Now()
	resp, err := a.client.httpClient.Do(req)
	if err != nil {
		a.redact.learn(req)
		return nil, err
	}
	a.responded, a.header, a.answered = true, resp.Header, time.Now()
	a.call.clock.read(resp.Header, a.sent, a.answered)
	if resp.StatusCode >= 200 && resp.StatusCode <= 599 {
		a.status = resp.StatusCode
	}
	if a.status != a.call.op.success {
		a.redact.learn(req)
		a.refusal = a.readRefusal(resp)
		return nil, errRefused
	}
	if a.status != http.StatusNoContent {
		if !isJSON(resp.Header) {
			a.readRefusal(resp)
			return nil, errNotJSON
		}
		if !strings.Contains(resp.Header.Get("Content-Type"), "json") {
			resp.Header = resp.Header.Clone()
			resp.Header.Set("Content-Type", "application/json") // the generated parser knows no capitals
		}
	}
	resp.Body = &successBody{ReadCloser: http.MaxBytesReader(nil, resp.Body, a.client.maxResponse), attempt: a, size: resp.ContentLength}
	return resp, nil
}

// neverSent reports whether the server cannot have got the request: the transport was not called, or asked for
// a connection and got none. That it asked for none counts only of net/http's own, which reports it.
func (a *attempt) neverSent() bool {
	return !a.handed || !a.connected.Load() && (a.connecting.Load() || a.client.reports)
}

// cutShort notes what ended a body before its end. Compressed data that cannot be decompressed is malformed
// instead.
func (a *attempt) cutShort(err error) {
	_, corrupt := errors.AsType[flate.CorruptInputError](err)
	if !corrupt && !errors.Is(err, gzip.ErrHeader) && !errors.Is(err, gzip.ErrChecksum) {
		a.cut = err
	}
}

// stay is a transport that follows no redirect: it could lead the credentials to another host, and a POST
// that is redirected may have been carried out. Without a location, whose text may also be malformed,
// http.Client takes a redirect for a response like any other.
type stay struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t stay) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(req)
	if err == nil && resp != nil && resp.StatusCode/100 == 3 && resp.Header != nil {
		resp.Header.Del("Location")
	}
	return resp, err
}

// CloseIdleConnections is what http.Client.CloseIdleConnections calls.
func (t stay) CloseIdleConnections() {
	if closer, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}

func isJSON(h http.Header) bool {
	contentType := h.Get("Content-Type")
	if contentType == "application/json" || contentType == "application/json; charset=utf-8" {
		return true // Twilio's
	}
	mediaType, _, _ := mime.ParseMediaType(contentType)
	return mediaType == "application/json" || strings.HasSuffix(mediaType, "+json")
}

// successBody is the body of a success. It notes a response that is cut short, which may be worth
// another attempt where one that is malformed is not.
type successBody struct {
	io.ReadCloser
	attempt *attempt
	size    int64         // what the server says it is, -1 if it does not
	buffer  *bytes.Buffer // what it was read into
}

func (b *successBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return n, errTooLarge
	}
	if err != nil && err != io.EOF {
		b.attempt.cutShort(err)
	}
	return n, err
}

// buffers are for responses, which the generated client reads whole to decode them. Used again and again
// they make listing a quarter faster, and its memory the same however long the list is.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// maxBuffer bounds what a buffer is grown to on the server's word alone, and what is kept for later: a
// page of 1,000 conversations takes between 1 and 2 MB, but may take much more.
const maxBuffer = 4 << 20

// ReadAll reads the body to its end. What it returns is valid until the body is closed, which the
// generated client does when it has decoded it: decoded values share no memory with it.
func (b *successBody) ReadAll() ([]byte, error) {
	b.buffer = buffers.Get().(*bytes.Buffer)
	b.buffer.Reset()
	if b.size > 0 {
		b.buffer.Grow(int(min(b.size, maxBuffer)) + bytes.MinRead)
	}
	_, err := b.buffer.ReadFrom(b)
	return b.buffer.Bytes(), err
}

func (b *successBody) Close() error {
	if b.buffer != nil && b.buffer.Cap() <= 2*maxBuffer {
		buffers.Put(b.buffer)
	}
	b.buffer = nil
	return b.ReadCloser.Close()
}
