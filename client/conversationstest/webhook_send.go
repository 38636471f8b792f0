package conversationstest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// webhookTimeout is how long Twilio waits for the response to a webhook.
	webhookTimeout = 5 * time.Second
	// maxWebhookResponse is in bytes. It allows attributes of 16 KB that are escaped twice.
	maxWebhookResponse = 128 << 10
)

// param is a parameter of a webhook. Parameters keep the order of their list; they are not sorted.
type param struct{ name, value string }

// webhookTime formats a time as webhooks have it, always with milliseconds.
func webhookTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// webhookRequest returns a signed request that delivers an event. With GET, the parameters are
// appended to the query of the URL, with colons unescaped.
func webhookRequest(method, target, authToken, idempotencyToken string, params []param) (*http.Request, error) {
	target, _, _ = strings.Cut(target, "#") // a fragment is neither sent nor signed
	u, err := url.Parse(target)
	if err != nil {
		return nil, errors.New("the URL is malformed")
	}
	target = u.String() // the signed URL is the one sent, with its escapes
	pairs := make([]string, len(params))
	for i, p := range params {
		pairs[i] = url.QueryEscape(p.name) + "=" + url.QueryEscape(p.value)
	}
	form := strings.Join(pairs, "&")
	signed := target
	var body io.Reader
	if method == http.MethodGet {
		separator := "?"
		if strings.Contains(target, "?") {
			separator = "&"
		}
		target += separator + strings.ReplaceAll(form, "%3A", ":")
		signed = target
	} else {
		body = strings.NewReader(form)
		sorted := slices.SortedFunc(slices.Values(params), func(a, b param) int { return strings.Compare(a.name, b.name) })
		for _, p := range sorted {
			signed += p.name + p.value
		}
	}
	req, err := http.NewRequest(method, target, body)
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha1.New, []byte(authToken))
	_, _ = io.WriteString(mac, signed)
	req.Header.Set("X-Twilio-Signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	req.Header.Set("I-Twilio-Idempotency-Token", idempotencyToken)
	req.Header.Set("Accept", "*/*")
	req.Header.Set("User-Agent", "TwilioProxy/1.1")
	if body != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	}
	return req, nil
}

// webhookResponse is the outcome of a request.
type webhookResponse struct {
	status   int // 0 if there is no response
	body     []byte
	err      error
	duration time.Duration
}

var (
	errLost      = errors.New("lost, as a Fault says")
	errTruncated = errors.New("the response was truncated, as a Fault says")
)

// exchange sends a request and reads its response, within 5 seconds. It applies fault, which may be
// nil.
func exchange(ctx context.Context, transport http.RoundTripper, fault *Fault, req *http.Request) (r webhookResponse) {
	ctx, cancel := context.WithTimeout(ctx, webhookTimeout)
	defer cancel()
	began := time.Now()
	defer func() { r.duration = time.Since(began) }()
	if fault == nil {
		return receive(ctx, transport, req)
	}
	if fault.Commit {
		r = receive(ctx, transport, req)
	}
	if err := sleep(ctx, fault.Delay); err != nil {
		return webhookResponse{err: err}
	}
	switch {
	case fault.Drop:
		return webhookResponse{err: errLost}
	case fault.replaces():
		a := fault.answer()
		r = webhookResponse{status: a.status, body: a.bytes()}
	case !fault.Commit:
		r = receive(ctx, transport, req)
	}
	if fault.Truncate && r.err == nil {
		return webhookResponse{err: errTruncated}
	}
	return r
}

// sleep waits for d. If ctx ends first, it returns the cause.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// receive sends a request and reads its response. It uses a round tripper, which follows no
// redirect and sends no cookie.
func receive(ctx context.Context, transport http.RoundTripper, req *http.Request) webhookResponse {
	res, err := transport.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return webhookResponse{err: err}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxWebhookResponse+1))
	if err == nil && len(body) > maxWebhookResponse {
		err = errors.New("the response is too large")
	}
	if err != nil {
		return webhookResponse{err: err}
	}
	return webhookResponse{status: res.StatusCode, body: body}
}

// handlerTransport calls a handler instead of a server.
type handlerTransport struct {
	handler http.Handler
	calls   *sync.WaitGroup // running calls, including those that nobody waits for
}

// RoundTrip implements [http.RoundTripper]. A panic of the handler is treated as a lost connection.
func (t handlerTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	received := receivedRequest(req)
	done := make(chan *http.Response, 1)
	t.calls.Go(func() {
		w := &bufferedResponse{header: http.Header{}}
		defer func() {
			if recover() != nil {
				done <- nil
				return
			}
			w.WriteHeader(http.StatusOK)
			done <- &http.Response{StatusCode: w.status, Header: w.header, Body: io.NopCloser(&w.body), Request: req}
		}()
		t.handler.ServeHTTP(w, received)
	})
	select {
	case res := <-done:
		if res == nil {
			return nil, errors.New("the handler panicked")
		}
		return res, nil
	case <-req.Context().Done():
		return nil, context.Cause(req.Context())
	}
}

// receivedRequest returns a request as a server would have read it.
func receivedRequest(req *http.Request) *http.Request {
	received := req.Clone(req.Context())
	received.Host = req.URL.Host
	received.RequestURI = req.URL.RequestURI()
	received.RemoteAddr = "127.0.0.1:4010"
	received.URL = &url.URL{Path: req.URL.Path, RawPath: req.URL.RawPath, RawQuery: req.URL.RawQuery, ForceQuery: req.URL.ForceQuery}
	if received.URL.Path == "" {
		received.URL.Path = "/"
	}
	if req.URL.Scheme == "https" {
		received.TLS = &tls.ConnectionState{Version: tls.VersionTLS13, HandshakeComplete: true, ServerName: req.URL.Hostname()}
	}
	if received.Body == nil {
		received.Body = http.NoBody
	}
	return received
}

// bufferedResponse is the response that a handler writes. It keeps only as much as is read of it.
type bufferedResponse struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *bufferedResponse) Header() http.Header { return w.header }

func (w *bufferedResponse) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status, w.header = status, w.header.Clone()
	}
}

func (w *bufferedResponse) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.body.Len() <= maxWebhookResponse {
		w.body.Write(p)
	}
	return len(p), nil
}
