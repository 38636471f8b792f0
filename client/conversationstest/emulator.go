package conversationstest

import (
	"io"
	"math"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Emulator is an in-memory emulator of the ten operations, as an [http.Handler]. Create one with
// [New], or with a server around it with [Start]. It is safe for concurrent use.
//
// Unless webhooks are configured, it starts no goroutine and holds nothing that needs to be
// released. If they are, call [Emulator.Close] when done.
//
// To abort a connection, as a [Fault] can request, it panics with [http.ErrAbortHandler], which
// servers of net/http recover from.
type Emulator struct {
	config
	document *document
	creds    *credentials
	inFlight atomic.Int64
	check    func(*http.Request, answer) // checks the responses of operations; nil in programs

	mu       sync.Mutex // guards the following members
	stores   map[storeKey]*store
	due      index // the conversations of all stores that have a timer
	faults   map[string][]Fault
	log      recordLog[Request]
	advanced time.Duration
	sequence uint64
	webhooks webhooks
}

// New returns an emulator without conversations. An invalid or nil option is an error.
func New(opts ...Option) (*Emulator, error) {
	c, err := newConfig(opts)
	if err != nil {
		return nil, err
	}
	creds, err := c.credentials()
	if err != nil {
		return nil, err
	}
	e := &Emulator{
		config:   *c,
		document: spec(),
		creds:    creds,
		stores:   map[storeKey]*store{},
		due:      newDueIndex(),
		faults:   map[string][]Fault{},
		log:      recordLog[Request]{max: c.requestLog},
		sequence: uint64(time.Now().UnixNano()),
	}
	e.webhooks.init(c.requestLog)
	return e, nil
}

// Reset removes all conversations, scripted faults and recorded requests, and undoes the effect of
// [Emulator.Advance]. The options stay in effect.
func (e *Emulator) Reset() {
	e.mu.Lock()
	defer e.unlock()
	e.stores = map[storeKey]*store{}
	e.due = newDueIndex()
	clear(e.faults)
	e.log.reset()
	e.webhooks.reset(e.requestLog)
	e.advanced = 0
}

// Advance moves the emulator's clock ahead by d. Timers that are due by then fire.
//
// Otherwise the clock runs like [time.Now]. In a bubble of [testing/synctest], sleeping therefore
// has the same effect. Advance panics if d is negative. In total, the clock can be moved by at most
// 292 years.
func (e *Emulator) Advance(d time.Duration) {
	if d < 0 {
		panic("conversationstest: the clock cannot go back")
	}
	e.mu.Lock()
	defer e.unlock()
	e.advanced += min(d, math.MaxInt64-e.advanced)
}

// now returns the emulator's time. The caller holds e.mu.
func (e *Emulator) now() time.Time { return time.Now().Add(e.advanced) }

// call is an account's request for an operation.
type call struct {
	op         *operation
	values     map[string]string // of the path
	account    *Account
	service    string // the one in the path, or the account's default one
	path       string // for error messages
	collection string // absolute URL, in the form of path that was called
	violations violations
	entry      *Request
	webhooks   bool // the request enables webhooks
	counted    bool // the write limit has counted it
}

func (c *call) key() storeKey { return storeKey{c.account.SID, c.service} }

// ServeHTTP responds to a request. It finds the account and the operation (open), applies a
// scripted fault (script), checks the request, and performs the operation (perform), in this order.
func (e *Emulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	arrived := time.Now()
	concurrent := e.inFlight.Add(1)
	defer e.inFlight.Add(-1)
	e.setHeaders(w.Header(), concurrent)

	// Read the body first: once an operation is performed, it must not fail any more. One byte more
	// than the maximum is read, so that the checks see that a body is too large.
	body, readErr := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	// A server's ReadTimeout is meant for reading. If it stayed in effect, it would cut off a
	// scripted delay.
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	c, refused := e.open(r)
	if refused == nil {
		// These are the checks of ValidateRequest, which returns what they find.
		c.op.checkHead(&c.violations, r, c.values)
		c.op.checkBody(&c.violations, r.Header, body)
	}
	entry := e.record(c, r, body)
	done := func(status int, failure string) {
		e.mu.Lock()
		defer e.mu.Unlock()
		if entry.Duration == 0 {
			entry.Status, entry.Error, entry.Duration = status, failure, max(time.Since(arrived), 1)
		}
	}
	defer done(0, "") // the connection was dropped

	a, truncate := answer{}, false
	switch {
	case r.Method == http.MethodOptions: // a browser asks before it sends a request, without credentials
		a = answer{status: http.StatusNoContent, header: http.Header{}, body: nothing}
	case refused != nil:
		a = refused.answer()
	case readErr != nil:
		a = fail(http.StatusBadRequest, 20001, "The request body could not be read").answer()
	default:
		a, truncate = e.script(c, r, func() answer { return e.perform(c, r, body) })
	}
	failure := ""
	if a.status >= 400 {
		failure = errorText(a.bytes())
	}
	done(a.status, failure)
	if truncate {
		sendTruncated(w, a, arrived)
	}
	send(w, a, arrived)
}

// open finds the account and the operation of a request. It refuses invalid credentials, and paths
// and methods that no operation has.
func (e *Emulator) open(r *http.Request) (*call, *apiError) {
	if region, ok := regionOf(r.Host); ok && region != e.region {
		return nil, unauthorized("Authenticate", "The credentials do not belong to the region "+region+".")
	}
	account, err := e.creds.authenticate(r)
	if err != nil {
		return nil, err
	}
	escaped := r.URL.EscapedPath()
	c := &call{account: account, service: account.DefaultServiceSID, path: strings.TrimPrefix(escaped, "/v1")}
	c.webhooks = r.Header.Get("X-Twilio-Webhook-Enabled") == "true"
	if e.variants.is("error.path", "whole") {
		c.path = escaped
	}
	if e.region == regionWithout {
		return c, errRegion
	}
	var allow []string
	c.op, c.values, allow = e.document.route(r.Method, escaped)
	switch {
	case allow != nil:
		err := fail(http.StatusMethodNotAllowed, 20004, "Method not allowed")
		err.allow = allow
		return c, err
	case c.op == nil:
		return c, notFound(c.path)
	}
	c.collection = origin(r) + "/v1/Conversations"
	if service, ok := c.values["ChatServiceSid"]; ok {
		c.service = service
		c.collection = origin(r) + "/v1/Services/" + url.PathEscape(service) + "/Conversations"
	}
	return c, nil
}

// perform performs the requested operation if the request is valid.
func (e *Emulator) perform(c *call, r *http.Request, body []byte) answer {
	handle := handlers[c.op.id]
	if handle == nil {
		return notEmulated(c.op).answer()
	}
	if e.variants.is("error.order-fields", "conversation-first") && c.values["Sid"] != "" && !e.exists(c) {
		return notFound(c.path).answer()
	}
	// The first violation decides.
	for _, violation := range c.violations.list {
		if !e.lenient || !ignorable(violation) {
			return refusal(violation, c.path).answer()
		}
	}
	if !e.hasService(c.account, c.service) {
		return notFound(c.path).answer()
	}
	query, _ := url.ParseQuery(r.URL.RawQuery) // both passed the checks
	form := url.Values{}
	if c.op.form != nil {
		form, _ = url.ParseQuery(string(body))
	}
	if refused := e.refusedByVariant(c, query, form); refused != nil {
		return refused.answer()
	}
	a := handle(e, c, query, form).vary(e.variants)
	if e.check != nil {
		e.check(r, a)
	}
	return a
}

// hasService reports whether a service exists in an account.
func (e *Emulator) hasService(account *Account, service string) bool {
	return serviceSID.MatchString(service) && (e.services == nil || e.services[service] || service == account.DefaultServiceSID)
}

// origin returns the base address that the client used. For Twilio's own hosts, which a client's
// transport may redirect here, the scheme is always https.
func origin(r *http.Request) string {
	if _, twilio := regionOf(r.Host); twilio || r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
