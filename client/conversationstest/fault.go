package conversationstest

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Fault is something that goes wrong, once or several times, with an operation. Its members combine:
//
//	Fault{Status: 503, Times: 2}                   // the service is unavailable, twice
//	Fault{Status: 429, Header: http.Header{"Retry-After": {"2"}}}
//	Fault{Commit: true, Drop: true}                // performed, but the answer is lost
//	Fault{Delay: time.Minute}                      // slow, then as usual
//	Fault{Commit: true, Delay: time.Minute}        // performed at once, answered late
//	Fault{Status: 502, Body: "<html>bad gateway"}  // a proxy's page
//	Fault{Truncate: true}                          // performed, the answer breaks off
//
// The operation's own answer is sent unless Status, Body or Drop replaces it, and where it is sent the
// operation is performed; where it is replaced the operation is performed only with Commit.
type Fault struct {
	// Times is how many requests the fault applies to. 0 means 1; a negative number means all that
	// follow.
	Times int
	// Status is the HTTP status of the answer. With 400 or more the body is an error of Twilio's shape
	// unless Body is set; below, or with Body alone, it is Body, and 0 then means 200.
	Status int
	// Code and Message are those of the error. Where they are 0 and empty they follow from Status: 20429
	// for 429 and so on, see https://www.twilio.com/docs/api/errors
	Code    int
	Message string
	// Header is added to the answer and replaces members of the same name, Content-Type for one.
	Header http.Header
	// Body is sent as it is, for answers that are not Twilio's. Its content type is guessed unless Header
	// has one.
	Body string
	// Delay passes before the operation is performed or, with Commit, after it. It ends early, without
	// an answer, when the client gives up or the server stops.
	Delay time.Duration
	// Commit performs the operation although its answer is replaced.
	Commit bool
	// Drop closes the connection instead of answering. Note that Go's http.Transport repeats a GET by
	// itself when a connection that it has used before is dropped.
	Drop bool
	// Truncate announces the whole answer, sends half of its body and closes the connection.
	Truncate bool
}

// replaces reports whether the operation's own answer is not sent.
func (f *Fault) replaces() bool { return f.Status != 0 || f.Body != "" || f.Drop }

// Fail scripts what goes wrong with an operation, "createConversation" for one: each request for it
// takes the next fault until none is left, and is answered as usual from then on. The operations are
// those of [Operations]; "" or "*" stands for any operation and is consulted for one that has no fault
// of its own left. Faults are added to those already scripted. Only requests with valid credentials
// take them; what else the request holds does not matter unless the operation is performed.
//
// With the name of an event, one of [Events], the faults are those of its webhooks: each delivery
// takes the next. The receiver then stands for the operation. With Drop the webhook is lost on its way,
// with Commit and Drop it is received but its response is lost. A Status or a Body stands in for the
// receiver's response. A Delay counts towards the 5 seconds that a delivery may take.
//
// Fail panics if there is no such operation or event, or if a Status is neither 0 nor from 200 to 599.
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

// nextFault takes the fault that applies to what one of the keys names, the first before the others.
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

// script lets a request go wrong as a [Fault] says. Without one it performs the operation and returns
// its answer. It also reports whether the answer is to be truncated.
//
// The delay passes before the operation is performed, or after it with Commit: so a client that gives
// up meanwhile finds that nothing happened, or that it did.
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

// wait lets a request take time. If its client gives up or the server stops, the request is over.
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

// answer is what a fault puts in the place of the operation's own answer.
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

// codeFor is the general code of Twilio's for a status.
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
