package conversationstest

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Request is a request that an [Emulator] received.
type Request struct {
	// Time is when it arrived, by the emulator's clock.
	Time time.Time
	// Operation is its operationId. It is empty where the path is not one of the API's or the request was
	// not authorised.
	Operation string
	// Method is the HTTP method and Path the path in its escaped form.
	Method, Path string
	// Host is the host that the client asked for.
	Host string
	// Query and Form are the parameters and the form fields as they were sent; what could not be parsed
	// is left out.
	Query, Form url.Values
	// Header has only the scheme of Authorization.
	Header http.Header
	// Status is the status of the answer; 0 if there is none, because the connection was dropped or the
	// request is still being worked on.
	Status int
}

// Requests returns what the emulator received since it began or was reset, oldest first, whatever the
// answer was: the latest 10,000 requests or as many as [WithRequestLog] says.
func (e *Emulator) Requests() []Request {
	e.mu.Lock()
	defer e.mu.Unlock()
	requests := make([]Request, len(e.requests))
	for i, r := range e.requests {
		requests[i] = *r
	}
	return requests
}

// record keeps a request. The result may be changed only under e.mu.
func (e *Emulator) record(c *call, r *http.Request, body []byte) *Request {
	if e.requestLog == 0 {
		return &Request{}
	}
	query, _ := url.ParseQuery(r.URL.RawQuery)
	req := &Request{
		Method: r.Method,
		Path:   r.URL.EscapedPath(),
		Host:   r.Host,
		Query:  query,
		Form:   url.Values{},
		Header: r.Header.Clone(),
	}
	if c != nil {
		req.Operation = c.op.id
	}
	if len(body) > 0 && isForm(r.Header, body) {
		req.Form, _ = url.ParseQuery(string(body))
	}
	if authorization := req.Header.Get("Authorization"); authorization != "" {
		scheme, _, _ := strings.Cut(authorization, " ")
		req.Header.Set("Authorization", scheme)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	req.Time = e.now()
	if len(e.requests) == e.requestLog {
		e.requests[0] = nil
		e.requests = e.requests[1:]
	}
	e.requests = append(e.requests, req)
	return req
}
