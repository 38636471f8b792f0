package conversationstest

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Fault is a scripted failure of an operation or a webhook, for one or several requests. Its
// members combine:
//
//	Fault{Status: 503, Times: 2}                   // the service is unavailable, twice
//	Fault{Status: 429, Header: http.Header{"Retry-After": {"2"}}}
//	Fault{Commit: true, Drop: true}                // performed, but the response is lost
//	Fault{Delay: time.Minute}                      // slow, then as usual
//	Fault{Commit: true, Delay: time.Minute}        // performed at once, late response
//	Fault{Status: 502, Body: "<html>bad gateway"}  // a proxy's page
//	Fault{Truncate: true}                          // performed, the response breaks off
//
// The operation's own response is sent unless Status, Body or Drop replaces it. If it is sent, the
// operation is performed. If it is replaced, the operation is performed only with Commit.
type Fault struct {
	// Times is how many requests the fault applies to. 0 means 1. A negative number means all
	// further requests.
	Times int
	// Status is the HTTP status of the response. From 400, the body is an error in Twilio's form
	// unless Body is set. Below 400, or with Body alone, the body is Body. With Body alone, the
	// status is 200.
	Status int
	// Code and Message are those of the error. By default they follow from Status: 20429 for 429
	// and so on. See https://www.twilio.com/docs/api/errors
	Code    int
	Message string
	// Header is added to the response. It replaces members of the same name, such as Content-Type.
	Header http.Header
	// Body is sent unchanged, for responses that are not Twilio's. Its content type is guessed
	// unless Header sets one.
	Body string
	// Delay passes before the operation is performed or, with Commit, after it. It ends early,
	// without a response, when the client gives up or the server stops.
	Delay time.Duration
	// Commit performs the operation although its response is replaced.
	Commit bool
	// Drop closes the connection instead of responding. Go's http.Transport itself repeats a GET
	// when a reused connection is dropped.
	Drop bool
	// Truncate announces the whole response, sends half of its body and closes the connection.
	Truncate bool
}

// replaces reports whether the fault replaces the operation's own response.
func (f *Fault) replaces() bool { return f.Status != 0 || f.Body != "" || f.Drop }

// Fail scripts faults for an operation such as "createConversation". Each request for the operation
// takes the next fault. When none is left, requests are answered normally.
//
// The operations are those of [Operations]. "" or "*" stands for any operation. Its faults apply to
// an operation that has no faults of its own left. Faults are added to those already scripted. Only
// requests with valid credentials take a fault. The rest of the request does not matter unless the
// operation is performed.
//
// With the name of an event, one of [Events], the faults apply to its webhooks: each delivery takes
// the next fault, and the receiver takes the place of the operation. With Drop, the webhook is lost
// on its way. With Commit and Drop, it is received but its response is lost. Status or Body
// replaces the receiver's response. Delay counts towards the 5 seconds that a delivery may take.
//
// Fail panics if the operation or event does not exist, or if a Status is neither 0 nor from 200 to
// 599.
func (e *Emulator) Fail(operation string, faults ...Fault) {
	if operation == "*" {
		operation = ""
	}
	if operation != "" && !implemented(operation) && !slices.Contains(Events(), operation) {
		panic(fmt.Sprintf("conversationstest: no operation %q", operation))
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, f := range faults {
		if f.Status != 0 && (f.Status < 200 || f.Status > 599) {
			panic(fmt.Sprintf("conversationstest: no status %d", f.Status))
		}
		if f.Times == 0 {
			f.Times = 1
		}
		f.Header = f.Header.Clone()
		e.faults[operation] = append(e.faults[operation], f)
	}
}

// nextFault takes the next fault scripted for one of the keys. Earlier keys take precedence.
func (e *Emulator) nextFault(keys ...string) *Fault {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, key := range keys {
		queue := e.faults[key]
		if len(queue) == 0 {
			continue
		}
		fault := queue[0]
		if queue[0].Times--; queue[0].Times == 0 {
			e.faults[key] = queue[1:]
		}
		return &fault
	}
	return nil
}

// script applies a [Fault] to a request. Without a fault, it performs the operation and returns its
// answer. It also reports whether the answer must be truncated.
//
// The delay passes before the operation is performed or, with Commit, after it. A client that gives
// up during the delay therefore finds the operation not performed, or performed.
func (e *Emulator) script(c *call, r *http.Request, perform func() answer) (a answer, truncate bool) {
	wait(r, e.latency)
	fault := e.nextFault(c.op.id, "")
	if fault == nil {
		return perform(), false
	}
	e.mu.Lock()
	c.entry.Fault = fault
	e.mu.Unlock()
	if fault.Commit {
		a = perform()
		wait(r, fault.Delay)
	} else {
		wait(r, fault.Delay)
	}
	switch {
	case fault.Drop:
		panic(http.ErrAbortHandler)
	case fault.replaces():
		a = fault.answer()
	case !fault.Commit:
		a = perform()
	}
	for name, values := range fault.Header {
		a.header[http.CanonicalHeaderKey(name)] = values
	}
	return a, fault.Truncate
}

// wait delays a request by d. It ends the request if the client gives up or the server stops.
func wait(r *http.Request, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
		panic(http.ErrAbortHandler)
	}
}

// answer returns what the fault sends in place of the operation's own answer.
func (f *Fault) answer() answer {
	if f.Body != "" || f.Status < 400 {
		status := f.Status
		if status == 0 {
			status = http.StatusOK
		}
		return answer{status, http.Header{}, func(yield func([]byte) bool) { yield([]byte(f.Body)) }}
	}
	code, message := f.Code, f.Message
	if code == 0 {
		code = codeFor(f.Status)
	}
	if message == "" {
		message = http.StatusText(f.Status)
	}
	return fail(f.Status, code, "%s", message).answer()
}

// codeFor returns Twilio's general error code for a status.
func codeFor(status int) int {
	switch status {
	case http.StatusBadRequest:
		return 20001
	case http.StatusUnauthorized:
		return 20003
	case http.StatusMethodNotAllowed:
		return 20004
	}
	return 20000 + status
}
