package client

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"time"
)

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
		return nil, withoutURL(err)
	}
	a.status, a.header, a.answered = resp.StatusCode, resp.Header, time.Now()
	if resp.StatusCode != a.call.success {
		a.refused = a.refusal(req, resp)
		return nil, a.refused
	}
	if resp.StatusCode != http.StatusNoContent {
		if !isJSON(resp.Header) {
			_, _ = readRefusal(resp)
			return nil, errors.New("the answer is not JSON")
		}
		if !strings.Contains(resp.Header.Get("Content-Type"), "json") {
			resp.Header = resp.Header.Clone()
			resp.Header.Set("Content-Type", "application/json") // the generated parser knows no capitals
		}
	}
	resp.Body = &answerBody{ReadCloser: http.MaxBytesReader(nil, resp.Body, s.maxResponse), attempt: a, size: resp.ContentLength}
	return resp, nil
}

// stay is a transport that follows no redirect: it could lead the credentials to another host, and a POST
// that is redirected may have been carried out. Without a location, whose text may also be malformed,
// http.Client takes a redirect for an answer like any other.
type stay struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t stay) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(req)
	if err == nil && resp != nil && resp.StatusCode/100 == 3 && resp.Header != nil {
		resp.Header.Del("Location")
	}
	return resp, err
}

// withoutURL takes the URL out of the text of an error, and so the unique name. What the error wraps is
// still found in it.
func withoutURL(err error) error {
	for {
		outer, ok := err.(*url.Error)
		if !ok {
			break
		}
		err = outer.Err
	}
	if inner, ok := errors.AsType[*url.Error](err); ok {
		return textError{withoutURL(inner.Err).Error(), err}
	}
	return err
}

// textError is an error with a text of its own.
type textError struct {
	text string
	error
}

// Error implements error.
func (e textError) Error() string { return e.text }

// Unwrap implements what errors.Is and errors.As look for.
func (e textError) Unwrap() error { return e.error }

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
