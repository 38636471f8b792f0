package conversationstest

import (
	"encoding/json"
	"io"
	"net/http"
	"sync"
)

// ValidatingTransport returns a transport that sends requests through base (nil for
// [http.DefaultTransport]) and calls report with what [ValidateRequest] and [ValidateResponse] have
// against them. It goes under any HTTP client whose requests should be those of the API:
//
//	httpClient.Transport = conversationstest.ValidatingTransport(nil, func(err error) { t.Error(err) })
//
// It never keeps a request from being sent or changes a response. The body of a response is checked as
// the caller reads it: at its end, or when it is closed after one whole JSON value. A body that the
// caller abandons earlier, that breaks off with an error, that is compressed or larger than 64 MB
// is not checked.
//
// The transport may be used by several goroutines at a time, and then report is called by them.
func ValidatingTransport(base http.RoundTripper, report func(error)) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	return &validatingTransport{base: base, report: report}
}

type validatingTransport struct {
	base   http.RoundTripper
	report func(error)
}

// RoundTrip implements [http.RoundTripper].
func (t *validatingTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	sent := req
	if req.Body != nil && req.Body != http.NoBody {
		sent = req.WithContext(req.Context()) // a copy: its body is replaced, and req is the caller's
	}
	if err := ValidateRequest(sent); err != nil {
		t.report(err)
	}
	res, err := t.base.RoundTrip(sent)
	if err != nil || res == nil {
		return res, err
	}
	if res.Request == sent {
		res.Request = req
	}
	op, _, err := spec().find(req)
	if err != nil {
		return res, nil // reported with the request
	}
	prefix := op.id + ": response: "
	head := &violations{prefix: prefix}
	check := op.checkResponse(head, res)
	if err := head.err(); err != nil {
		t.report(err)
	}
	if check != nil && res.Body != nil {
		res.Body = &checkedBody{ReadCloser: res.Body, check: func(body []byte) {
			v := &violations{prefix: prefix}
			if check(v, body); v.err() != nil {
				t.report(v.err())
			}
		}}
	}
	return res, nil
}

// CloseIdleConnections passes on [http.Client.CloseIdleConnections].
func (t *validatingTransport) CloseIdleConnections() {
	if c, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// maxChecked is more than any response of the operations has.
const maxChecked = 64 << 20

// checkedBody records what is read of a body and checks it once, without reading ahead: a caller that
// gives up on an endless or stalled body can still do so.
type checkedBody struct {
	io.ReadCloser
	check func(body []byte)

	mu   sync.Mutex // Close may be called to end a Read
	read []byte
	done bool
}

func (b *checkedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.mu.Lock()
	if !b.done {
		b.read = append(b.read, p[:n]...)
	}
	if len(b.read) > maxChecked {
		b.read, b.done = nil, true
	}
	b.mu.Unlock()
	if err != nil {
		b.finish(func([]byte) bool { return err == io.EOF })
	}
	return n, err
}

func (b *checkedBody) Close() error {
	// A json.Decoder stops at the end of a value, short of the end of the body.
	b.finish(json.Valid)
	return b.ReadCloser.Close()
}

// finish checks what has been read if it is complete, the first time that it is called.
func (b *checkedBody) finish(complete func([]byte) bool) {
	b.mu.Lock()
	body, done := b.read, b.done
	b.done = true
	b.mu.Unlock()
	if !done && complete(body) {
		b.check(body)
	}
}
