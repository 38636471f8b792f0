package fidelity

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// life is the events of a conversation that is created, renamed, closed and deleted.
type life struct {
	*hooked
	created *response
	newName string
	events  []event
}

func (s *session) life() *life {
	return fixture(s, "life", func() *life {
		l := s.lifeWith(allEvents)
		if len(l.events) == 0 {
			cannotTell("no webhook arrives")
		}
		return l
	})
}

func (s *session) lifeWith(settings WebhookSettings) *life {
	h := s.hooked(settings)
	l := &life{hooked: h}
	l.events = h.during(nil, func() {
		l.created = usable(h.askCreate())
		path := h.path(l.created.sid())
		h.pass(1100 * time.Millisecond) // until date_updated is another
		l.newName = h.name()
		wantStatus(h.ask(http.MethodPost, path, "FriendlyName", l.newName), 200)
		wantStatus(h.ask(http.MethodPost, path, "State", "closed"), 200)
		wantStatus(h.ask(http.MethodDelete, path), 204)
	})
	return l
}

// timerEvents are the events of a timer to inactive.
func (s *session) timerEvents() []event {
	return fixture(s, "timer events", func() []event {
		h := s.hooked(allEvents)
		return h.during(nil, func() {
			h.conversation("Timers.Inactive", "PT1M")
			h.pass(time.Minute + 2*time.Second)
		})
	})
}

// deactivated is the events of an update of the state.
func (s *session) deactivated() []event {
	return fixture(s, "deactivated", func() []event {
		h := s.hooked(allEvents)
		c := h.conversation()
		return h.during(c, func() {
			wantStatus(h.ask(http.MethodPost, h.path(c.sid()), "State", "inactive"), 200)
		})
	})
}

// wantStateUpdated checks the event of a change of state.
func wantStateUpdated(events []event, from, to, reason string) {
	p := the(events, "onConversationStateUpdated").params
	got := []string{p.Get("StateFrom"), p.Get("StateTo"), p.Get("Reason")}
	want(slices.Equal(got, []string{from, to, reason}), "it is from %q to %q for the reason %q", got[0], got[1], got[2])
}

// wantNone checks that a server that delivers webhooks does not deliver the event.
func (s *session) wantNone(events []event, name string) {
	s.life()
	want(len(named(events, name)) == 0, "%s arrives", name)
}

// wantSilence checks that a server that delivers webhooks delivers no event.
func (s *session) wantSilence(events []event) {
	s.life()
	wantEvents(events)
}

// respondWith responds with a status and a body.
func respondWith(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// askWith requests a conversation and responds to its pre-event in the given way.
func (h *hooked) askWith(respond http.HandlerFunc, pairs ...string) (res *response) {
	if h.responding("onConversationAdd", respond, func() { res = h.askCreate(pairs...) }) == 0 {
		cannotTell("no pre-event arrives")
	}
	return res
}

func (h *hooked) changedName() string { return h.prefix + "changed" }

// changed is a conversation that its pre-event changed.
func (s *session) changed() *response {
	return fixture(s, "changed", func() *response {
		h := s.hooked(allEvents)
		return h.askWith(respondWith(200, fmt.Sprintf(`{"friendly_name": %q, "attributes": "{\"a\":1}"}`, h.changedName())))
	})
}

// refusedBy is the outcome of a create that a pre-event refuses.
type refusedBy struct {
	create, fetched *response
	events          []event
}

func (s *session) refusedBy(status int) refusedBy {
	return fixture(s, fmt.Sprint("refused by ", status), func() (r refusedBy) {
		h := s.hooked(allEvents)
		name := h.name()
		r.events = h.during(nil, func() { r.create = h.askWith(respondWith(status, ""), "UniqueName", name) })
		r.fetched = h.get(h.path(name))
		return r
	})
}

// signature returns the signature of a webhook.
func (h *hooked) signature(ev event) string {
	mac := hmac.New(sha1.New, []byte(h.target.Password))
	_, _ = io.WriteString(mac, h.server.Origin+ev.uri)
	if ev.method == http.MethodPost {
		for _, name := range slices.Sorted(maps.Keys(ev.params)) {
			_, _ = io.WriteString(mac, name+ev.params.Get(name))
		}
	}
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func (h *hooked) wantSigned(ev event) {
	if !strings.HasPrefix(h.target.Username, "AC") {
		cannotTell("needs the auth token of the account in place of an API key")
	}
	want(ev.header.Get("X-Twilio-Signature") == h.signature(ev), "%s has another signature", ev.name())
}

var (
	uuidForm     = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	milliseconds = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`)
)

func webhookRules() []Rule {
	rules := []Rule{
		{ID: "webhook.header", Sentence: "A request without X-Twilio-Webhook-Enabled: true fires no event.",
			Source: Documented, Reference: webhooksPage, check: func(s *session) {
				h := s.hooked(allEvents)
				s.wantSilence(h.during(nil, func() {
					c := h.conversation()
					h.post(h.path(c.sid()), "FriendlyName", h.name())
					h.delete(h.path(c.sid()))
				}))
			}},
		{ID: "webhook.service", Sentence: "The settings of a service replace those of the account, also where they have no URL.",
			Source: Documented, Reference: serviceHooks, check: func(s *session) {
				settings := allEvents
				if settings.Service = s.target.Service; settings.Service == "" {
					settings.Service = "IS22222222222222222222222222222222"
				}
				h := s.hooked(settings)
				in := func(collection string) []event {
					return h.during(nil, func() { usable(h.ask(http.MethodPost, collection, "FriendlyName", h.name())) })
				}
				wantEvents(in(defaultCollection), "onConversationAdd", "onConversationAdded")
				events := in(serviceCollection(settings.Service))
				wantEvents(events, "onConversationAdded")
				want(strings.HasPrefix(events[0].uri, "/service"), "it goes to the URL of the account")
			}},
		{ID: "webhook.filters", Sentence: "Only the events that the filters name are sent.",
			Source: Documented, Reference: serviceHooks, check: func(s *session) {
				filters := []string{"onConversationAdded", "onConversationUpdate"}
				l := s.lifeWith(WebhookSettings{Method: http.MethodPost, Filters: filters})
				wantEvents(l.events, "onConversationAdded", "onConversationUpdate", "onConversationUpdate")
			}},
		{ID: "webhook.filters-default", Sentence: "All seven events are sent where no filters were set.",
			Source: Assumed, check: func(s *session) {
				s.life() // which shows that events arrive at all
				l := s.lifeWith(WebhookSettings{Method: http.MethodPost})
				for _, name := range allEvents.Filters {
					want(len(named(l.events, name)) > 0, "%s does not arrive", name)
				}
			}},
		{ID: "webhook.pre-by-rest", Sentence: "A request over REST with the header fires pre-events too.",
			Source: Assumed, Reference: webhooksPage, check: func(s *session) {
				the(s.life().events, "onConversationAdd")
				the(s.life().events, "onConversationRemove")
			}},
		{ID: "webhook.timer", Sentence: "A timer fires onConversationStateUpdated with the Reason TIMER, without the header.",
			Source: Recorded, Reference: hooksSeen, Needs: NeedsMinutes, check: func(s *session) {
				wantStateUpdated(s.timerEvents(), "active", "inactive", "TIMER")
			}},
		{ID: "webhook.timer-updated", Sentence: "A timer does not fire onConversationUpdated.",
			Source: Assumed, Needs: NeedsMinutes, check: func(s *session) {
				wantEvents(s.timerEvents(), "onConversationStateUpdated")
			}},
		{ID: "webhook.state", Sentence: "An update that changes the state fires onConversationStateUpdated with the Reason API.",
			Source: Documented, Reference: webhooksPage, check: func(s *session) {
				wantStateUpdated(s.deactivated(), "active", "inactive", "API")
			}},
		{ID: "webhook.state-and-updated", Sentence: "An update that changes the state fires onConversationUpdated before onConversationStateUpdated.",
			Source: Assumed, check: func(s *session) {
				updated := func(ev event) bool { return ev.name() == "onConversationUpdated" }
				state := func(ev event) bool { return ev.name() == "onConversationStateUpdated" }
				first := slices.IndexFunc(s.deactivated(), updated)
				want(first >= 0, "onConversationUpdated does not arrive")
				want(first < slices.IndexFunc(s.deactivated(), state), "it comes after onConversationStateUpdated")
			}},
		{ID: "webhook.state-header", Sentence: "Without the header, an update that changes the state fires nothing.",
			Source: Assumed, Reference: webhooksPage, check: func(s *session) {
				h := s.hooked(allEvents)
				c := h.conversation()
				s.wantSilence(h.during(c, func() { wantStatus(h.post(h.path(c.sid()), "State", "inactive"), 200) }))
			}},
		{ID: "webhook.no-change", Sentence: "An update without fields fires nothing.",
			Source: Assumed, check: func(s *session) {
				h := s.hooked(allEvents)
				c := h.conversation()
				s.wantSilence(h.during(c, func() { h.ask(http.MethodPost, h.path(c.sid())) }))
			}},
		{ID: "webhook.same-state", Sentence: "An update that sets the state that the conversation has fires no onConversationStateUpdated.",
			Source: Assumed, check: func(s *session) {
				h := s.hooked(allEvents)
				c := h.conversation()
				s.wantNone(h.during(c, func() {
					wantStatus(h.ask(http.MethodPost, h.path(c.sid()), "State", "active"), 200)
				}), "onConversationStateUpdated")
			}},
		{ID: "webhook.create-delete-state", Sentence: "A create with a state and a delete fire no onConversationStateUpdated.",
			Source: Assumed, check: func(s *session) {
				h := s.hooked(allEvents)
				s.wantNone(h.during(nil, func() {
					c := usable(h.askCreate("State", "inactive"))
					wantStatus(h.ask(http.MethodDelete, h.path(c.sid())), 204)
				}), "onConversationStateUpdated")
			}},
		{ID: "webhook.event-reason", Sentence: "Activity that makes a conversation active again fires onConversationStateUpdated with the Reason EVENT.",
			Source: Assumed, Reference: webhooksPage, check: func(s *session) {
				h := s.hooked(allEvents)
				if h.server.Activity == nil {
					cannotTell("needs a message in a conversation")
				}
				c := h.conversation("State", "inactive")
				wantStateUpdated(h.during(c, func() {
					if err := h.server.Activity(c.sid()); err != nil {
						cannotTell("%v", err)
					}
				}), "inactive", "active", "EVENT")
			}},
		{ID: "webhook.signature", Sentence: "X-Twilio-Signature is the HMAC-SHA1, in base64, of the URL and the sorted parameters of the form, with the auth token as its key.",
			Source: Documented, Reference: signaturePage, check: func(s *session) {
				for _, ev := range s.life().events {
					s.life().wantSigned(ev)
				}
			}},
		{ID: "webhook.headers", Sentence: "A webhook has the headers I-Twilio-Idempotency-Token (a UUID), Accept, User-Agent and Content-Type.",
			Source: Recorded, Reference: hookHeaders, check: func(s *session) {
				for _, ev := range s.life().events {
					for name, value := range map[string]string{
						"Accept": "*/*", "User-Agent": "TwilioProxy/1.1", "Content-Type": formType + "; charset=utf-8"} {
						want(ev.header.Get(name) == value, "%s is %s", name, show(ev.header.Get(name)))
					}
					token := ev.header.Get("I-Twilio-Idempotency-Token")
					want(uuidForm.MatchString(token), "I-Twilio-Idempotency-Token is %s", show(token))
				}
			}},
		{ID: "webhook.times", Sentence: "Times in webhooks have milliseconds.",
			Source: Recorded, Reference: hooksSeen, check: func(s *session) {
				times := 0
				for _, ev := range s.life().events {
					for name := range ev.params {
						if strings.HasPrefix(name, "Date") || name == "StateUpdated" {
							times++
							want(milliseconds.MatchString(ev.params.Get(name)), "%s is %s", name, show(ev.params.Get(name)))
						}
					}
				}
				want(times > 0, "there are none")
			}},
		{ID: "webhook.absent", Sentence: "What has no value is left out of the parameters.",
			Source: Recorded, Reference: hooksSeen, check: func(s *session) {
				for _, ev := range s.life().events {
					want(!ev.params.Has("UniqueName"), "%s has a UniqueName", ev.name())
					for name := range ev.params {
						want(ev.params.Get(name) != "", "%s of %s is empty", name, ev.name())
					}
				}
			}},
		{ID: "webhook.add-no-sid", Sentence: "onConversationAdd has no ConversationSid.",
			Source: Recorded, Reference: hooksSeen, check: func(s *session) {
				want(!the(s.life().events, "onConversationAdd").params.Has("ConversationSid"), "it has one")
			}},
		{ID: "webhook.state-params", Sentence: "onConversationStateUpdated has nine parameters, and no MessagingServiceSid.",
			Source: Recorded, Reference: hooksSeen, check: func(s *session) {
				got := slices.Sorted(maps.Keys(the(s.life().events, "onConversationStateUpdated").params))
				nine := []string{"AccountSid", "ChatServiceSid", "ConversationSid", "EventType", "Reason", "RetryCount",
					"StateFrom", "StateTo", "StateUpdated"}
				want(slices.Equal(got, nine), "they are %s", strings.Join(got, " "))
			}},
		{ID: "webhook.retry-count", Sentence: "RetryCount of a first delivery is 0.",
			Source: Recorded, Reference: hooksSeen, check: func(s *session) {
				for _, ev := range s.life().events {
					want(ev.params.Get("RetryCount") == "0", "it is %s", show(ev.params.Get("RetryCount")))
				}
			}},
		{ID: "webhook.get", Sentence: "With the method GET the parameters are in the query, behind that of the URL, and the signature is that of the URL alone.",
			Source: Recorded, Reference: hooksSeen, check: func(s *session) {
				h := s.hooked(WebhookSettings{Method: http.MethodGet, Filters: allEvents.Filters})
				ev := the(h.during(nil, func() { usable(h.askCreate()) }), "onConversationAdded")
				want(ev.method == http.MethodGet && ev.body == "", "the method is %s", show(ev.method))
				want(ev.params.Has("ConversationSid"), "there is no ConversationSid")
				h.wantSigned(ev)
			}},
		{ID: "webhook.added-date-updated", Sentence: "onConversationAdded has DateUpdated.",
			Source: Documented, Reference: webhooksPage, check: func(s *session) {
				want(the(s.life().events, "onConversationAdded").params.Has("DateUpdated"), "it has none")
			}},
		{ID: "webhook.update-requested", Sentence: "onConversationUpdate has the requested values, and DateUpdated of before.",
			Source: Assumed, check: func(s *session) {
				l := s.life()
				updates := named(l.events, "onConversationUpdate")
				want(len(updates) > 0, "it does not arrive")
				p := updates[0].params
				want(p.Get("FriendlyName") == l.newName, "FriendlyName is %s", show(p.Get("FriendlyName")))
				updated, _ := time.Parse(time.RFC3339, p.Get("DateUpdated"))
				want(updated.Truncate(time.Second).Equal(l.created.time("date_updated")), "DateUpdated is %s", show(p.Get("DateUpdated")))
			}},
		{ID: "webhook.change", Sentence: "friendly_name in the response to a pre-event changes what is stored.",
			Source: Documented, Reference: webhooksPage, check: func(s *session) {
				wantMember(s.changed(), "friendly_name", s.hooked(allEvents).changedName())
			}},
		{ID: "webhook.change-attributes", Sentence: "attributes in the response to a pre-event changes what is stored too.",
			Source: Assumed, Reference: "a program of Twilio's (twilio/frontline-demo-service)", check: func(s *session) {
				wantMember(s.changed(), "attributes", `{"a":1}`)
			}},
		{ID: "webhook.invalid-change", Sentence: "If the response to a pre-event has an invalid value, the request fails with the value's own code.",
			Source: Assumed, Reference: webhooksPage, check: func(s *session) {
				long := `{"friendly_name": "` + strings.Repeat("x", longestFriendlyName+1) + `"}`
				wantRefused(s.hooked(allEvents).askWith(respondWith(200, long)), 50003)
			}},
		{ID: "webhook.refuse", Sentence: "A pre-event that is answered with 4xx or 5xx refuses the request: nothing is stored, and no post-event follows.",
			Source: Documented, Reference: webhooksPage, check: func(s *session) {
				for _, status := range []int{403, 500} {
					r := s.refusedBy(status)
					want(r.create.status >= 400, "%d: the create responds with %d", status, r.create.status)
					wantStatus(r.fetched, 404)
					wantEvents(r.events, "onConversationAdd")
				}
			}},
		{ID: "webhook.refused-error", Sentence: "A request that a pre-event refuses fails with 403 and code 50056.",
			Source: Assumed, Reference: errorPages + "50056", check: func(s *session) {
				wantRefused(s.refusedBy(403).create, 50056)
				wantStatus(s.refusedBy(403).create, 403)
			}},
		{ID: "webhook.other-status", Sentence: "A pre-event that is answered with any status but 200 refuses the request.",
			Source: Assumed, Reference: errorPages + "50056", check: func(s *session) {
				for _, status := range []int{201, 307} {
					wantRefused(s.hooked(allEvents).askWith(respondWith(status, "")), 50056)
				}
			}},
		{ID: "webhook.not-json", Sentence: "A pre-event that is answered with 200 and a body that is not JSON accepts the request.",
			Source: Assumed, check: func(s *session) {
				wantStatus(s.hooked(allEvents).askWith(respondWith(200, "OK")), 201)
			}},
		{ID: "webhook.timeout", Sentence: "A pre-event without a response is given up after 5 seconds, and the change is made as it was requested.",
			Source: Documented, Reference: webhooksPage, check: func(s *session) {
				h := s.hooked(allEvents)
				began := time.Now()
				res := h.askWith(func(w http.ResponseWriter, r *http.Request) {
					_ = sleep(r.Context(), 15*time.Second)
					w.WriteHeader(http.StatusForbidden)
				})
				took := time.Since(began)
				wantMember(res, "friendly_name", h.nameOf(h.names))
				want(took > 4*time.Second && took < 12*time.Second, "it takes %v", took.Round(time.Second))
			}},
		{ID: "webhook.lost-pre", Sentence: "If the connection of a pre-event is lost, the change is made at once as it was requested.",
			Source: Assumed, check: func(s *session) {
				h := s.hooked(allEvents)
				if !h.server.Direct {
					cannotTell("a tunnel would hide that the connection is lost")
				}
				began := time.Now()
				res := h.askWith(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
				took := time.Since(began)
				wantMember(res, "friendly_name", h.nameOf(h.names))
				want(took < 4*time.Second, "it takes %v", took.Round(time.Second))
			}},
		{ID: "webhook.retry", Sentence: "A post-event is not delivered again, whatever the receiver responds.",
			Source: Assumed, check: func(s *session) {
				h := s.hooked(allEvents)
				h.responding("onConversationAdded", respondWith(503, ""), func() {
					the(h.during(nil, func() { usable(h.askCreate()) }), "onConversationAdded")
				})
			}},
	}
	for i := range rules {
		rules[i].Needs |= NeedsWebhooks
	}
	return rules
}
