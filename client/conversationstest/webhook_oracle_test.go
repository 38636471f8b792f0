package conversationstest

import (
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/api"
	"github.com/twilio-conversations-go/conversations/client/webhook"
)

// The oracle is a model of webhooks, written from Twilio's pages and not from the emulator. After
// each step, the test compares it with a random run of requests, timers, responses and faults.

// world is the model of everything outside the emulator.
type world struct {
	rng      *rand.Rand
	hooks    map[string]*Webhooks // by service
	assume   assumed
	now      func() time.Time
	convs    map[string]*conv
	received map[string][]map[string]string // what a handler must have seen since the last step, by conversation
	lose     map[string]bool                // post-events that are lost
	lost     int                            // what must have been sent besides
}

// conv is a conversation. Its timers are durations from the last activity until they fire.
type conv struct {
	account, service, messaging, sid string
	friendlyName, uniqueName         string
	attributes, state                string
	created, updated, active         time.Time
	inactiveAfter, closedAfter       time.Duration
}

// due returns the next timer that fires.
func (c *conv) due() (at time.Time, state string) {
	in, cl := c.active.Add(c.inactiveAfter), c.active.Add(c.closedAfter)
	switch {
	case c.state == "closed":
	case c.inactiveAfter != 0 && c.state == "active" && (c.closedAfter == 0 || in.Before(cl)):
		return in, "inactive"
	case c.closedAfter != 0:
		return cl, "closed"
	}
	return time.Time{}, ""
}

const milliseconds = "2006-01-02T15:04:05.000Z"

// params returns the parameters of a conversation's event that have a value.
func (c *conv) params(event string) map[string]string {
	all := map[string]string{
		"EventType": event, "AccountSid": c.account, "ChatServiceSid": c.service, "MessagingServiceSid": c.messaging, "RetryCount": "0", "Source": "API",
		"State": c.state, "Attributes": c.attributes, "FriendlyName": c.friendlyName, "UniqueName": c.uniqueName,
	}
	if event != "onConversationAdd" {
		all["ConversationSid"] = c.sid
		all["DateCreated"] = c.created.UTC().Format(milliseconds)
		all["DateUpdated"] = c.updated.UTC().Format(milliseconds)
	}
	maps.DeleteFunc(all, func(_, value string) bool { return value == "" })
	return all
}

func (w *world) sends(service, event string, urlOf func(*Webhooks) string) bool {
	hooks := w.hooks[service]
	return hooks != nil && urlOf(hooks) != "" && (hooks.Filters == nil && !w.assume.is("webhook.filters-default", "none") || slices.Contains(hooks.Filters, event))
}

// tell records a post-event.
func (w *world) tell(c *conv, event string, more map[string]string) {
	if !w.sends(c.service, event, func(h *Webhooks) string { return h.PostURL }) {
		return
	}
	params := c.params(event)
	if event == "onConversationStateUpdated" {
		params = map[string]string{"EventType": event, "AccountSid": c.account, "ChatServiceSid": c.service, "ConversationSid": c.sid, "RetryCount": "0"}
	}
	maps.Copy(params, more)
	if w.lose[event] {
		w.lost++
		return
	}
	w.received[c.sid] = append(w.received[c.sid], params)
}

func (w *world) stateUpdated(c *conv, from, reason string, at time.Time) {
	w.tell(c, "onConversationStateUpdated", map[string]string{
		"StateFrom": from, "StateTo": c.state, "Reason": reason, "StateUpdated": at.UTC().Format(milliseconds)})
}

// expire fires due timers.
func (w *world) expire() {
	for _, c := range w.convs {
		for at, state := c.due(); state != "" && !at.After(w.now()); at, state = c.due() {
			from := c.state
			c.state, c.updated = state, at
			if w.assume.is("webhook.timer-updated", "sent") {
				w.tell(c, "onConversationUpdated", nil)
			}
			w.stateUpdated(c, from, "TIMER", at)
		}
	}
}

// reaction is how a receiver responds to a pre-event, or a fault of its delivery.
type reaction struct {
	status  int
	body    string
	takes   time.Duration
	fault   *Fault
	arrives bool
	// These members are the expected outcome.
	code                     int // of the error of the caller
	friendlyName, attributes string
	accepted                 *reaction // what comes of it where a status below 400 accepts
}

// reactions are all that the model knows, with the outcome that Twilio documents.
var reactions = []reaction{
	{status: 200, arrives: true},
	{status: 200, arrives: true, body: "{}"},
	{status: 200, arrives: true, body: "OK"},
	{status: 200, arrives: true, body: `{"friendly_name": "renamed"}`, friendlyName: "renamed"},
	{status: 200, arrives: true, body: `{"friendly_name": null, "colour": "red"}`},
	{status: 200, arrives: true, body: `{"friendly_name": "both", "attributes": "{\"a\":1}"}`, friendlyName: "both", attributes: `{"a":1}`},
	{status: 200, arrives: true, body: `{"friendly_name": "` + strings.Repeat("x", longestFriendlyName()+1) + `"}`, code: 50003},
	{status: 200, arrives: true, body: `{"attributes": "{"}`, code: 50304},
	{status: 403, arrives: true, body: `{"friendly_name": "refused"}`, code: 50056},
	{status: 500, arrives: true, code: 50056},
	{status: 201, arrives: true, body: `{"friendly_name": "created"}`, code: 50056, accepted: &reaction{friendlyName: "created"}},
	{status: 307, arrives: true, code: 50056, accepted: &reaction{}},
	{status: 200, arrives: true, takes: 4 * time.Second, body: `{"friendly_name": "late"}`, friendlyName: "late"},
	{status: 403, arrives: true, takes: 6 * time.Second},
	{fault: &Fault{Drop: true}},
	{fault: &Fault{Drop: true, Commit: true}, status: 403, arrives: true},
	{fault: &Fault{Status: 503}, code: 50056},
	{fault: &Fault{Body: `{"friendly_name": "scripted"}`}, friendlyName: "scripted"},
	{fault: &Fault{Truncate: true}, status: 403, arrives: true},
	{fault: &Fault{Delay: time.Second}, status: 403, arrives: true, code: 50056},
	{fault: &Fault{Delay: time.Minute}},
}

// decide models a pre-event. It returns an error or the changed values.
func (w *world) decide(c *conv, event string, r *reaction) (code int, change *reaction) {
	if w.assume.is("webhook.pre-by-rest", "none") || !w.sends(c.service, event, func(h *Webhooks) string { return h.PreURL }) {
		return 0, nil
	}
	if r.arrives {
		sid := c.sid
		if event == "onConversationAdd" {
			sid = ""
		}
		w.received[sid] = append(w.received[sid], c.params(event))
	} else {
		w.lost++
	}
	if r.accepted != nil && w.assume.is("webhook.other-status", "accepted") {
		r = r.accepted
	}
	if event == "onConversationRemove" && r.code != 50056 {
		return 0, nil
	}
	if w.assume.is("webhook.change-attributes", "ignored") {
		r = &reaction{code: r.code, friendlyName: r.friendlyName}
		if r.code == 50304 {
			r.code = 0
		}
	}
	return r.code, r
}

func TestWebhooksOracle(t *testing.T) {
	t.Parallel()
	schemas := eventSchemas(t)
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { runOracle(t, seed, schemas) })
		})
	}
}

func runOracle(t *testing.T, seed uint64, schemas map[string]*openapi3.Schema) {
	rng := rand.New(rand.NewPCG(seed, 0))
	one := func(n int) bool { return rng.IntN(n) == 0 }
	hooks := func() Webhooks {
		h := Webhooks{PreURL: "https://example.com/pre?a=1", PostURL: "http://example.com:8080/post"}
		if one(3) {
			h.Method = http.MethodGet
		}
		switch rng.IntN(8) {
		case 0, 1:
			h.PreURL = ""
		case 2:
			h.PostURL = ""
		}
		if one(3) {
			h.Filters = []string{"onMessageAdded"}
			for _, event := range Events() {
				if !one(3) {
					h.Filters = append(h.Filters, event)
				}
			}
		}
		return h
	}
	w := &world{rng: rng, convs: map[string]*conv{}, received: map[string][]map[string]string{}, hooks: map[string]*Webhooks{}}
	var chosen []Option
	w.assume = assumed{}
	if one(2) {
		for _, v := range Variants() {
			rarity := 2
			if v.Name == "none" { // of the events that the other variants are about
				rarity = 6
			}
			// The model does not retry.
			if strings.HasPrefix(v.Rule, "webhook.") && v.Rule != "webhook.retry" && one(rarity) {
				w.assume[v.Rule] = v.Name
				chosen = append(chosen, Assume(v.Rule, v.Name))
			}
		}
	}
	account, service := hooks(), hooks()
	s := Start(t, append(chosen, InMemory(), WithWebhooks(account), WithServiceWebhooks(testService, service))...)
	w.hooks[s.accounts[0].DefaultServiceSID], w.hooks[otherService], w.hooks[testService] = &account, &account, &service
	w.now = func() time.Time { return time.Now().Add(s.advanced) }

	receiver, err := webhook.New(s.AuthToken)
	require.NoError(t, err)
	var mu sync.Mutex
	var next reaction
	got := map[string][]map[string]string{}
	s.Webhooks(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		event, err := receiver.Parse(r)
		if !assert.NoError(t, err) {
			return
		}
		wantMethod := http.MethodPost
		hooks := account
		if event.Params.Get("ChatServiceSid") == testService {
			hooks = service
		}
		if hooks.Method != "" {
			wantMethod = hooks.Method
		}
		assert.Equal(t, wantMethod, r.Method)
		params := map[string]string{}
		for name, values := range event.Params {
			assert.Len(t, values, 1)
			params[name] = values[0]
		}
		delete(params, "a")
		checkSchema(t, schemas, params)
		mu.Lock()
		got[params["ConversationSid"]] = append(got[params["ConversationSid"]], params)
		reaction := next
		mu.Unlock()
		if strings.HasSuffix(r.URL.Path, "/pre") {
			time.Sleep(reaction.takes)
			rw.WriteHeader(reaction.status)
			_, _ = io.WriteString(rw, reaction.body)
		}
	}))

	collections := map[string]string{
		s.accounts[0].DefaultServiceSID: "/v1/Conversations",
		otherService:                    "/v1/Services/" + otherService + "/Conversations",
		testService:                     "/v1/Services/" + testService + "/Conversations",
	}
	services := slices.Sorted(maps.Keys(collections))
	anyConv := func() *conv {
		if len(w.convs) == 0 {
			return nil
		}
		return w.convs[slices.Sorted(maps.Keys(w.convs))[rng.IntN(len(w.convs))]]
	}
	for step := range 60 {
		asks := !one(4)
		header := func(r *http.Request) {
			if asks {
				r.Header.Set("X-Twilio-Webhook-Enabled", "true")
			} else if one(2) {
				r.Header.Set("X-Twilio-Webhook-Enabled", "false")
			}
		}
		mu.Lock() // the handler may still be at work on the one before
		next = reactions[rng.IntN(len(reactions))]
		mu.Unlock()
		form := url.Values{}
		for _, field := range []struct {
			name   string
			values []string
		}{
			{"FriendlyName", []string{"Größe 1+1", "b&c=d", ""}}, {"UniqueName", []string{"a", "b", "c d"}}, {"Attributes", []string{`{"a": "%20"}`, "[1]"}},
			{"State", []string{"active", "inactive", "active", "inactive", "closed"}},
			{"Timers.Inactive", []string{"PT1M", "PT15M", "PT0S"}}, {"Timers.Closed", []string{"PT10M", "PT20M", "PT0S"}},
		} {
			if one(3) {
				form.Set(field.name, field.values[rng.IntN(len(field.values))])
			}
		}
		c := anyConv()
		action := rng.IntN(10)
		w.scriptPostEvents(s)
		if c == nil {
			action = 0
		}
		name := fmt.Sprintf("step %d, action %d, asks %v, %+v, %v", step, action, asks, next, form)
		switch {
		case action < 3: // create
			service := services[rng.IntN(len(services))]
			if form.Get("State") == "closed" {
				form.Del("State")
			}
			c = &conv{account: s.AccountSID, service: service, messaging: derivedSID("MG", s.AccountSID+service), attributes: "{}", state: "active"}
			c.apply(form, nil)
			code, change := w.taken(c), (*reaction)(nil)
			if code == 0 && asks {
				next.script(s, "onConversationAdd")
				code, change = w.decide(c, "onConversationAdd", &next)
			}
			r := do(t, s, http.MethodPost, collections[service], form, header)
			w.expire() // while the pre-event was decided
			if require.Equal(t, code, r.code(), name); code != 0 {
				break
			}
			c.sid = r.body["sid"].(string)
			c.apply(url.Values{}, change)
			c.created, c.updated, c.active = w.now(), w.now(), w.now()
			w.convs[c.sid] = c
			if asks {
				w.tell(c, "onConversationAdded", nil)
			}
		case action < 6: // update
			code, change := 0, (*reaction)(nil)
			asked := *c
			asked.apply(form, nil)
			nothing := len(form) == 0 || len(form) == 1 && form.Has("FriendlyName") && form.Get("FriendlyName") == ""
			events := asks && (!nothing || w.assume.is("webhook.no-change", "sent"))
			if c.state == "closed" {
				code = 50377
			} else if code = w.taken(&asked); code == 0 && events {
				next.script(s, "onConversationUpdate")
				code, change = w.decide(&asked, "onConversationUpdate", &next)
			}
			r := do(t, s, http.MethodPost, collections[c.service]+"/"+c.sid, form, header)
			w.expire()
			if code == 0 && c.state == "closed" {
				code = 50377 // while the pre-event was decided
			}
			if require.Equal(t, code, r.code(), name); code != 0 {
				break
			}
			from := c.state
			if !nothing || change.changes() {
				if c.apply(form, change); !nothing || change.changes() {
					c.updated, c.active = w.now(), w.now()
				}
			}
			if events && !(w.assume.is("webhook.state-and-updated", "state-updated") && from != c.state) {
				w.tell(c, "onConversationUpdated", nil)
			}
			if from != c.state && (asks || w.assume.is("webhook.state-header", "sent")) {
				w.stateUpdated(c, from, "API", w.now())
			}
		case action < 7: // delete
			code := 0
			if asks {
				next.script(s, "onConversationRemove")
				code, _ = w.decide(c, "onConversationRemove", &next)
			}
			r := do(t, s, http.MethodDelete, collections[c.service]+"/"+c.sid, nil, header)
			w.expire()
			if require.Equal(t, code, r.code(), name); code != 0 {
				break
			}
			delete(w.convs, c.sid)
			if asks {
				w.tell(c, "onConversationRemoved", map[string]string{"DateRemoved": w.now().UTC().Format(milliseconds)})
			}
		case action < 8: // a message
			err := s.Touch(c.sid)
			if assert.Equal(t, c.state == "closed", err != nil, name); err != nil {
				break
			}
			if c.active = w.now(); c.state == "inactive" {
				c.state, c.updated = "active", w.now()
				w.stateUpdated(c, "inactive", "EVENT", w.now())
			}
		case one(2): // time passes by itself
			time.Sleep(time.Duration(rng.IntN(900)) * time.Second)
			w.expire()
		default:
			s.Advance(time.Duration(rng.IntN(900)) * time.Second)
			w.expire()
		}
		s.Settle()

		mu.Lock()
		require.Equal(t, w.received, got, name)
		sent := w.lost
		for _, list := range got {
			sent += len(list)
		}
		clear(got)
		mu.Unlock()
		deliveries := s.Deliveries()
		require.Len(t, deliveries, sent, name)
		s.webhooks.log.reset()
		clear(w.received)
		w.lost = 0
		clear(s.faults)
		w.compareStored(t, s, services, name)
	}
}

// script scripts a fault for the next delivery of an event, if the reaction has one.
func (r *reaction) script(s *Server, event string) {
	if r.fault != nil {
		s.Fail(event, *r.fault)
	}
}

// scriptPostEvents scripts faults for post-events, the same for all events of a name. The receiver
// may or may not see the delivery.
func (w *world) scriptPostEvents(s *Server) {
	w.lose = map[string]bool{}
	for _, event := range []string{"onConversationAdded", "onConversationUpdated", "onConversationRemoved", "onConversationStateUpdated"} {
		switch w.rng.IntN(8) {
		case 0:
			w.lose[event] = true
			s.Fail(event, Fault{Drop: true, Times: -1})
		case 1:
			s.Fail(event, Fault{Drop: true, Commit: true, Times: -1})
		case 2:
			s.Fail(event, Fault{Status: 503, Commit: true, Times: -1})
		}
	}
}

func (r *reaction) changes() bool { return r != nil && (r.friendlyName != "" || r.attributes != "") }

// apply sets the values of a form on a conversation, and then those of a pre-event.
func (c *conv) apply(form url.Values, change *reaction) {
	set := func(into *string, value string) {
		if value != "" {
			*into = value
		}
	}
	set(&c.friendlyName, form.Get("FriendlyName"))
	set(&c.uniqueName, form.Get("UniqueName"))
	set(&c.attributes, form.Get("Attributes"))
	set(&c.state, form.Get("State"))
	for field, timer := range map[string]*time.Duration{"Timers.Inactive": &c.inactiveAfter, "Timers.Closed": &c.closedAfter} {
		if text := form.Get(field); text != "" {
			minutes, _ := strconv.Atoi(strings.Trim(text, "PTMS"))
			*timer = time.Duration(minutes) * time.Minute
		}
	}
	if change != nil {
		set(&c.friendlyName, change.friendlyName)
		set(&c.attributes, change.attributes)
	}
}

// taken returns the error if another conversation of the service has the name.
func (w *world) taken(c *conv) int {
	for _, other := range w.convs {
		if c.uniqueName != "" && other.uniqueName == c.uniqueName && other.service == c.service && other.sid != c.sid {
			return 50353
		}
	}
	return 0
}

// compareStored compares the stored conversations with the model.
func (w *world) compareStored(t *testing.T, s *Server, services []string, name string) {
	t.Helper()
	stored := map[string][]string{}
	for _, service := range services {
		for _, c := range s.Conversations(service) {
			stored[c.SID] = []string{c.ServiceSID, c.FriendlyName, c.UniqueName, c.Attributes, c.State, c.DateUpdated.UTC().Format(milliseconds)}
		}
	}
	want := map[string][]string{}
	for sid, c := range w.convs {
		want[sid] = []string{c.service, c.friendlyName, c.uniqueName, c.attributes, c.state, c.updated.UTC().Format(milliseconds)}
	}
	require.Equal(t, want, stored, name)
}

// eventSchemas returns the description's schemas of events.
func eventSchemas(t *testing.T) map[string]*openapi3.Schema {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI)
	require.NoError(t, err)
	schemas := map[string]*openapi3.Schema{}
	for name, callback := range doc.Components.Callbacks {
		for _, item := range callback.Value.Map() {
			schemas[name] = item.Post.RequestBody.Value.Content[formType].Schema.Value
		}
	}
	require.Len(t, schemas, len(Events()))
	return schemas
}

// checkSchema checks the parameters of an event against the description.
func checkSchema(t *testing.T, schemas map[string]*openapi3.Schema, params map[string]string) {
	value := map[string]any{}
	for name, text := range params {
		value[name] = text
	}
	if schema := schemas[params["EventType"]]; assert.NotNil(t, schema, params["EventType"]) {
		assert.NoError(t, schema.VisitJSON(value))
	}
}
