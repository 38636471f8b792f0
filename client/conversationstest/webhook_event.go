package conversationstest

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
)

// event is an event on its way to a URL.
type event struct {
	name         string
	id           string // the idempotency token
	conversation string // its SID; empty before there is one
	method       string
	target       string
	authToken    string
	params       []param
	log          *recordLog[loggedDelivery]
}

// newEvent returns an event of a conversation, or nil if it is sent nowhere. It leaves out
// parameters without a value. The caller holds e.mu.
func (e *Emulator) newEvent(s *store, name string, params ...param) *event {
	w := e.webhooksOf(s.key.service)
	target := w.target(name)
	if target == "" || w.Filters == nil && e.variants.is("webhook.filters-default", "none") {
		return nil
	}
	ev := &event{
		name:      name,
		id:        randomUUID(),
		method:    w.Method,
		target:    target,
		authToken: e.creds.users[s.key.account].account.AuthToken,
		log:       e.webhooks.log,
	}
	for _, p := range append(params,
		param{"RetryCount", "0"}, param{"EventType", name}, param{"ChatServiceSid", s.key.service}, param{"AccountSid", s.key.account}) {
		if p.value != "" {
			ev.params = append(ev.params, p)
		}
		if p.name == "ConversationSid" {
			ev.conversation = p.value
		}
	}
	return ev
}

func randomUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// conversationParams returns the parameters of the events that show a conversation.
func conversationParams(c *conversation) []param {
	return []param{
		{"MessagingServiceSid", c.MessagingService},
		{"State", c.State.String()},
		{"Attributes", c.Attributes},
		{"FriendlyName", c.FriendlyName},
		{"UniqueName", c.UniqueName},
	}
}

// storedParams returns the parameters of events of an existing conversation.
func storedParams(c *conversation) []param {
	return append(conversationParams(c),
		param{"ConversationSid", c.sid.String()},
		param{"DateCreated", webhookTime(c.Created.time())},
		param{"DateUpdated", webhookTime(c.Updated.time())})
}

// viaAPI is the source of all changes here, because no client SDK and no channel is emulated.
var viaAPI = param{"Source", "API"}

// fires reports whether a change fires events other than that of its state.
func (e *Emulator) fires(c *call, ch *change) bool {
	return c.webhooks && (!ch.nothing || e.variants.is("webhook.no-change", "sent"))
}

// preEvent returns the event that a change must wait for, or nil.
func (e *Emulator) preEvent(c *call, ch *change) *event {
	if !e.fires(c, ch) || e.variants.is("webhook.pre-by-rest", "none") {
		return nil
	}
	switch ch.kind {
	case created:
		return e.newEvent(ch.store, onConversationAdd, append(conversationParams(ch.after), viaAPI)...)
	case updated:
		requested := *ch.after
		requested.Updated = ch.before.Updated // it is not updated yet
		return e.newEvent(ch.store, onConversationUpdate, append(storedParams(&requested), viaAPI)...)
	}
	return e.newEvent(ch.store, onConversationRemove, append(storedParams(ch.before), viaAPI)...)
}

// postEvents returns the events that a change fires. Some may be nil.
func (e *Emulator) postEvents(c *call, ch *change) (events []*event) {
	changesState := ch.kind == updated && ch.after.State != ch.before.State
	switch {
	case !e.fires(c, ch), changesState && e.variants.is("webhook.state-and-updated", "state-updated"):
	case ch.kind == created:
		events = append(events, e.newEvent(ch.store, onConversationAdded, append(storedParams(ch.after), viaAPI)...))
	case ch.kind == updated:
		events = append(events, e.newEvent(ch.store, onConversationUpdated, append(storedParams(ch.after), viaAPI)...))
	case ch.kind == removed:
		params := append(storedParams(ch.before), viaAPI, param{"DateRemoved", webhookTime(ch.at.time())})
		events = append(events, e.newEvent(ch.store, onConversationRemoved, params...))
	}
	if changesState && (c.webhooks || e.variants.is("webhook.state-header", "sent")) {
		events = append(events, e.stateUpdated(ch.store, ch.after, ch.before.State, ch.at, "API"))
	}
	return events
}

// stateUpdated returns the event of a change of state with the given reason, or nil.
func (e *Emulator) stateUpdated(s *store, c *conversation, from state, at instant, reason string) *event {
	return e.newEvent(s, onConversationStateUpdated,
		param{"StateTo", c.State.String()},
		param{"StateFrom", from.String()},
		param{"Reason", reason},
		param{"ConversationSid", c.sid.String()},
		param{"StateUpdated", webhookTime(at.time())})
}

// timerFired queues the events of a conversation's timer.
func (e *Emulator) timerFired(c *conversation, from state, at instant) {
	if !e.sendsWebhooks() {
		return
	}
	if e.variants.is("webhook.timer-updated", "sent") {
		e.queue(e.newEvent(c.store, onConversationUpdated, append(storedParams(c), viaAPI)...))
	}
	e.queue(e.stateUpdated(c.store, c, from, at, "TIMER"))
}

// decide delivers a pre-event and returns the form as changed by its response. The caller holds
// e.mu, which is released during the delivery.
func (e *Emulator) decide(pre *event, form url.Values) (url.Values, *apiError) {
	var r webhookResponse
	func() {
		e.unlock()
		defer e.mu.Lock()
		r = e.deliver(pre, 0)
	}()
	switch {
	case r.err != nil: // without a response the change is made as it was requested
		return form, nil
	case r.status >= 400, r.status != http.StatusOK && !e.variants.is("webhook.other-status", "accepted"):
		return nil, e.refusedByWebhook()
	case pre.name == onConversationRemove:
		return form, nil
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(r.body, &members) != nil { // such as OK, which some frameworks write
		return form, nil
	}
	form = maps.Clone(form)
	for member, field := range map[string]string{"friendly_name": "FriendlyName", "attributes": "Attributes"} {
		if field == "Attributes" && e.variants.is("webhook.change-attributes", "ignored") {
			continue
		}
		var value *string
		if members[member] != nil && json.Unmarshal(members[member], &value) != nil {
			return nil, badValue(20001, "The pre-event's "+member+" is not a string")
		}
		if value == nil {
			continue
		}
		if err := checkField(field, *value); err != nil {
			return nil, err
		}
		form.Set(field, *value)
	}
	return form, nil
}

// refusedByWebhook returns the error of a request that a pre-event refuses.
func (e *Emulator) refusedByWebhook() *apiError {
	status := http.StatusForbidden
	if e.variants.is("webhook.refused-error", "400") {
		status = http.StatusBadRequest
	}
	return fail(status, 50056, "Webhook cancelled processing of command")
}
