package conversationstest

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// Emulator is an in-memory emulator of the ten operations, as an [http.Handler]. Create one with [New],
// or with a server around it with [Start]. It is safe for concurrent use, starts no goroutine and holds
// nothing that needs to be released.
//
// To abort a connection, as a [Fault] can ask, it panics with [http.ErrAbortHandler], which servers of
// net/http understand.
type Emulator struct {
	config
	creds    *credentials
	inFlight atomic.Int64
	check    func(*http.Request, answer) // of what the operations answer; nil in programs

	mu       sync.Mutex // guards what follows
	stores   map[storeKey]*store
	faults   map[string][]Fault
	requests []*Request
	advanced time.Duration
	sequence uint64
}

type storeKey struct{ account, service string }

// New returns an emulator without conversations. An option that does not hold is an error.
func New(opts ...Option) (*Emulator, error) {
	c, err := newConfig(opts)
	if err != nil {
		return nil, err
	}
	creds, err := c.credentials()
	if err != nil {
		return nil, err
	}
	return &Emulator{
		config:   *c,
		creds:    creds,
		stores:   map[storeKey]*store{},
		faults:   map[string][]Fault{},
		sequence: uint64(time.Now().UnixNano()),
	}, nil
}

// Reset removes all conversations, scripted faults and recorded requests, and takes back what
// [Emulator.Advance] did. The options stay.
func (e *Emulator) Reset() {
	e.mu.Lock()
	defer e.mu.Unlock()
	clear(e.stores)
	clear(e.faults)
	e.requests = nil
	e.advanced = 0
}

// Advance moves the emulator's clock ahead, so that the timers of conversations fire which are due by
// then. The clock otherwise runs like [time.Now], in a bubble of [testing/synctest] too, where sleeping
// has the same effect. It panics if d is negative; all that is ahead at most is some 292 years.
func (e *Emulator) Advance(d time.Duration) {
	if d < 0 {
		panic("conversationstest: the clock cannot go back")
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.advanced += min(d, math.MaxInt64-e.advanced)
}

// now is the emulator's time. The caller holds e.mu.
func (e *Emulator) now() time.Time { return time.Now().Add(e.advanced) }

// call is a request for an operation, authenticated.
type call struct {
	op         *operation
	account    *Account
	service    string
	id         string // of the conversation, if the path has one
	path       string // for error messages
	collection string // absolute URL, in the form of path that was called
}

// ServeHTTP answers one request.
func (e *Emulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	concurrent := e.inFlight.Add(1)
	defer e.inFlight.Add(-1)

	body, bodyErr := readBody(w, r)
	c, callErr := e.open(r)
	record := e.record(c, r, body)

	var a answer
	var fault *Fault
	switch {
	case callErr != nil:
		a = callErr.answer()
	default:
		e.wait(r, e.latency)
		if fault = e.nextFault(c.op.id); fault == nil {
			fault = &Fault{}
		}
		if !fault.Commit {
			e.wait(r, fault.Delay)
		}
		if fault.Commit || !fault.replaces() {
			a = e.perform(c, r, body, bodyErr)
			if e.check != nil {
				e.check(r, a)
			}
		}
		if fault.Commit {
			e.wait(r, fault.Delay)
		}
		if fault.Drop {
			panic(http.ErrAbortHandler)
		}
		if fault.replaces() {
			a = fault.answer()
		}
		for name, values := range fault.Header {
			a.header[http.CanonicalHeaderKey(name)] = values
		}
	}

	e.mu.Lock()
	record.Status = a.status
	e.mu.Unlock()
	send(w, a, start, concurrent, fault != nil && fault.Truncate)
}

// send writes an answer; a truncated one ends with the connection.
func send(w http.ResponseWriter, a answer, start time.Time, concurrent int64, truncate bool) {
	header := w.Header()
	header.Set("Twilio-Request-Id", "RQ"+strings.ReplaceAll(uuid.NewString(), "-", ""))
	header.Set("Twilio-Request-Duration", fmt.Sprintf("%.3f", time.Since(start).Seconds()))
	header.Set("Twilio-Concurrent-Requests", strconv.FormatInt(concurrent, 10))
	for name, values := range a.header {
		header[name] = values
	}
	if !truncate {
		w.WriteHeader(a.status)
		_, _ = w.Write(a.body) // the client is gone if this fails
		return
	}
	header.Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body[:len(a.body)/2])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// wait lets a request take time. If its client gives up or the server stops, the request is over.
func (e *Emulator) wait(r *http.Request, d time.Duration) {
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

// open finds out who asks for what.
func (e *Emulator) open(r *http.Request) (*call, *apiError) {
	if region, ok := regionOf(r.Host); ok && region != e.region {
		return nil, unauthorized("Authenticate", "The credentials do not belong to the region "+region+".")
	}
	account, err := e.creds.authenticate(r)
	if err != nil {
		return nil, err
	}
	escaped := r.URL.EscapedPath()
	op, values, allow := route(r.Method, escaped)
	c := &call{op: op, account: account, service: account.DefaultServiceSID, path: strings.TrimPrefix(escaped, "/v1")}
	switch {
	case allow != nil:
		err := fail(http.StatusMethodNotAllowed, 20004, "Method not allowed")
		err.allow = allow
		return nil, err
	case op == nil:
		return nil, notFound(c.path)
	}
	service, named := values["ChatServiceSid"]
	if named {
		if !serviceSID.MatchString(service) || e.services != nil && !e.services[service] && service != c.service {
			return nil, notFound(c.path)
		}
		c.service = service
	}
	c.id = values["Sid"]
	c.collection = origin(r) + "/v1/Conversations"
	if named {
		c.collection = origin(r) + "/v1/Services/" + service + "/Conversations"
	}
	return c, nil
}

// origin is the address that the client used. Twilio's own hosts, to which a client's transport can be
// made to believe it talks, have https only.
func origin(r *http.Request) string {
	if _, twilio := regionOf(r.Host); twilio || r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
