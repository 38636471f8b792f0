package fidelity

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// WebhookSettings are the webhook settings that a check needs on the server. They are settings of
// the account, whose pre and post URL both lead to the receiver.
type WebhookSettings struct {
	Method string // GET or POST
	// Filters are the events that are sent. Nil means an account that never set any.
	Filters []string
	// Service is a Conversation Service with its own settings: no pre URL, and a post URL whose
	// path is /service. Empty means none.
	Service string
}

// allEvents are the settings that most checks need.
var allEvents = WebhookSettings{Method: http.MethodPost, Filters: []string{
	"onConversationAdd", "onConversationAdded", "onConversationUpdate", "onConversationUpdated",
	"onConversationRemove", "onConversationRemoved", "onConversationStateUpdated"}}

// AllEvents reports whether the settings are all seven events by POST, without a service that has
// its own.
func (w WebhookSettings) AllEvents() bool {
	return w.Method == allEvents.Method && slices.Equal(w.Filters, allEvents.Filters) && w.Service == ""
}

// WebhookServer is a server that delivers webhooks.
type WebhookServer struct {
	// Origin is the scheme and host of the URLs that it delivers to.
	Origin string
	// Direct reports that no tunnel hides a connection that the receiver drops.
	Direct bool
	// Settle waits until everything due is delivered.
	Settle func()
	// Activity has the effect of a message in a conversation. Nil means that the server cannot
	// simulate it.
	Activity func(sid string) error
	// Advance and Transport have the same meaning as in [Options].
	Advance   func(time.Duration)
	Transport http.RoundTripper
}

// event is a webhook that the receiver got.
type event struct {
	method, uri string // as they were received
	header      http.Header
	params      url.Values // of the form, or of the query if there is none
	body        string
}

func (ev event) name() string { return ev.params.Get("EventType") }

// receiver keeps the events that it gets.
type receiver struct {
	mu        sync.Mutex
	events    []event
	respondTo string // the event to which respond responds; to others the response is 200
	respond   http.HandlerFunc
	responses int // by respond
}

func (rc *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return
	}
	ev := event{method: r.Method, uri: r.RequestURI, header: r.Header.Clone(), body: string(body)}
	if ev.params, _ = url.ParseQuery(ev.body); len(body) == 0 {
		ev.params = r.URL.Query()
	}
	rc.mu.Lock()
	rc.events = append(rc.events, ev)
	respond := rc.respond
	if rc.respondTo != ev.name() {
		respond = nil
	} else if respond != nil {
		rc.responses++
	}
	rc.mu.Unlock()
	if respond != nil {
		respond(w, r)
	}
}

// take returns the events since its last call.
func (rc *receiver) take() []event {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	events := rc.events
	rc.events = nil
	return events
}

// hooked is a session with a server that delivers webhooks to a receiver.
type hooked struct {
	*session
	*receiver
	server WebhookServer
}

// hooked returns the session with the server that has the given settings.
func (s *session) hooked(settings WebhookSettings) *hooked {
	key := "webhooks " + settings.Method + settings.Service + strings.Join(settings.Filters, " ")
	return fixture(s, key, func() *hooked {
		h := &hooked{receiver: &receiver{}}
		var err error
		if h.server, err = s.options.Webhooks(settings, h.receiver); err != nil {
			cannotTell("%v", err)
		}
		options := s.options
		options.Advance = h.server.Advance
		if h.server.Transport != nil {
			options.Transport = h.server.Transport
		}
		if h.session, err = newSession(s.ctx, s.target, options); err != nil {
			cannotTell("%v", err)
		}
		h.prefix = s.prefix + string(rune('a'+len(s.hookedSessions))) + "-" // it may be the same server
		s.hookedSessions = append(s.hookedSessions, h.session)
		return h
	})
}

// ask sends a request that enables webhooks.
func (h *hooked) ask(method, path string, pairs ...string) *response {
	r := request{method: method, path: path, header: http.Header{"X-Twilio-Webhook-Enabled": {"true"}}}
	if method == http.MethodPost {
		r.form = form(pairs...)
	}
	return h.send(r)
}

// askCreate requests a conversation whose name shows people where it comes from.
func (h *hooked) askCreate(pairs ...string) *response {
	return h.ask(http.MethodPost, h.collection, append(pairs, "FriendlyName", h.name())...)
}

// during returns the events of the conversations that do creates and of an existing one, which may
// be nil.
func (h *hooked) during(subject *response, do func()) []event {
	sid := ""
	if subject != nil {
		sid = subject.sid()
	}
	created, names := len(h.created), h.names
	h.take()
	do()
	h.server.Settle()
	own := func(ev event) bool {
		of := ev.params.Get("ConversationSid")
		isCreated := func(path string) bool { return strings.HasSuffix(path, "/"+of) }
		if of != "" && (of == sid || slices.ContainsFunc(h.created[created:], isCreated)) {
			return true
		}
		for n := names + 1; n <= h.names; n++ { // a pre-event may come before there is a SID
			if ev.params.Get("FriendlyName") == h.nameOf(n) {
				return true
			}
		}
		return false
	}
	return slices.DeleteFunc(h.take(), func(ev event) bool { return !own(ev) })
}

// responding sets the response to the named events while do runs. It returns how many there were.
func (rc *receiver) responding(to string, respond http.HandlerFunc, do func()) int {
	set := func(to string, respond http.HandlerFunc) int {
		rc.mu.Lock()
		defer rc.mu.Unlock()
		rc.respondTo, rc.respond = to, respond
		return rc.responses
	}
	before := set(to, respond)
	defer set("", nil) // even if a check ends
	do()
	return set("", nil) - before
}

// named returns the events with a name.
func named(events []event, name string) []event {
	return slices.DeleteFunc(slices.Clone(events), func(ev event) bool { return ev.name() != name })
}

// the returns the only event with a name.
func the(events []event, name string) event {
	found := named(events, name)
	want(len(found) == 1, "%s comes %d times instead of once", name, len(found))
	return found[0]
}

// wantEvents checks which events arrived, in any order.
func wantEvents(events []event, names ...string) {
	got := []string{}
	for _, ev := range events {
		got = append(got, ev.name())
	}
	slices.Sort(got)
	slices.Sort(names)
	want(slices.Equal(got, names), "the events are %s", show(got))
}
