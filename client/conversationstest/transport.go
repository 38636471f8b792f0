package conversationstest

import (
	"encoding/json"
	"io"
	"net/http"
	"sync"
)

// ValidatingTransport returns a transport that validates the requests and responses of any HTTP
// client. It sends requests through base, or [http.DefaultTransport] if base is nil. It calls
// report with each error of [ValidateRequest] and [ValidateResponse]:
//
//	httpClient.Transport = conversationstest.ValidatingTransport(nil, func(err error) { t.Error(err) })
//
// It never stops a request and never changes a response. The body of a response is checked as the
// caller reads it: at its end, or when it is closed after one complete JSON value. A body is not
// checked if the caller abandons it earlier, if it ends with an error, if it is compressed, or if
// it is larger than 64 MB.
//
// The transport is safe for concurrent use. If it is used so, report is called concurrently.
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

// CloseIdleConnections implements [http.Client.CloseIdleConnections].
func (t *validatingTransport) CloseIdleConnections() {
	if c, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// maxChecked is larger than any response of the operations.
const maxChecked = 64 << 20

// checkedBody records what is read of a body and checks it once. It does not read ahead, so a
// caller can still give up on an endless or stalled body.
type checkedBody struct {
	io.ReadCloser
	check func(body []byte)

	mu   sync.Mutex // Close may be called during a Read, to end it
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
	// A json.Decoder stops at the end of a value, before the end of the body.
	b.finish(json.Valid)
	return b.ReadCloser.Close()
}

// finish checks what was read if it is complete. Only the first call has an effect.
func (b *checkedBody) finish(complete func([]byte) bool) {
	b.mu.Lock()
	body, done := b.read, b.done
	b.done = true
	b.mu.Unlock()
	if !done && complete(body) {
		b.check(body)
	}
}
