package conversationstest

import (
	"net/http"
	"net/url"
	"slices"
	"time"
)

// handler performs an operation. The request has passed all checks and its service exists. Form and
// query hold the values that were sent.
type handler func(e *Emulator, c *call, query, form url.Values) answer

// handlers maps each operationId to what the emulator does. A new operation needs a line here. The
// operation comes from the description, never from the shape of the path.
var handlers = map[string]handler{
	"createConversation":        (*Emulator).create,
	"createServiceConversation": (*Emulator).create,
	"listConversation":          (*Emulator).list,
	"listServiceConversation":   (*Emulator).list,
	"fetchConversation":         (*Emulator).fetch,
	"fetchServiceConversation":  (*Emulator).fetch,
	"updateConversation":        (*Emulator).update,
	"updateServiceConversation": (*Emulator).update,
	"deleteConversation":        (*Emulator).remove,
	"deleteServiceConversation": (*Emulator).remove,
}

// Operations returns the operationIds that the emulator implements, in alphabetical order. All of
// them are operations of the project's OpenAPI document. [Emulator.Fail] takes them.
func Operations() []string { return sortedKeys(handlers) }

func implemented(operationID string) bool { return slices.Contains(Operations(), operationID) }

// notEmulated returns the answer to a described operation without a handler.
func notEmulated(op *operation) *apiError {
	return fail(http.StatusNotImplemented, 20501,
		"%s (%s %s) is described but not emulated: add it to handlers in client/conversationstest/handlers.go",
		op.id, op.method, op.template)
}

func (e *Emulator) create(c *call, _, form url.Values) answer {
	if form.Get("State") == closed.String() {
		return errCreatedClosed.answer()
	}
	conv, err := e.change(c, form, func(form url.Values, now time.Time) (change, *apiError) {
		s := e.store(c.key())
		if !c.writeAllowed(e.writeLimit, s, now, nil) {
			return change{}, errWriteLimit
		}
		if s.byName[form.Get("UniqueName")] != nil {
			return change{}, errNameTaken
		}
		at := toInstant(now)
		conv := &conversation{
			position:         position{Created: at, sid: e.nextSID()},
			Updated:          at,
			timersFrom:       at,
			State:            active,
			Attributes:       "{}",
			MessagingService: s.messagingService,
			Inactive:         c.account.inactive(at),
			Closed:           c.account.closed(at),
		}
		conv.set(form, at)
		e.vary(conv, form, at, false)
		return change{kind: created, store: s, after: conv, at: at}, nil
	})
	if err != nil {
		return err.answer()
	}
	return jsonAnswer(http.StatusCreated, c.resource(&conv))
}

func (e *Emulator) fetch(c *call, _, _ url.Values) answer {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := toInstant(e.now())
	e.fire(now)
	_, stored := e.conversation(c)
	if stored == nil {
		return notFound(c.path).answer()
	}
	conv := stored.asOf(now)
	return jsonAnswer(http.StatusOK, c.resource(&conv))
}

func (e *Emulator) update(c *call, _, form url.Values) answer {
	conv, err := e.change(c, form, func(form url.Values, now time.Time) (change, *apiError) {
		at := toInstant(now)
		s, conv := e.conversation(c)
		if conv == nil {
			return change{}, notFound(c.path)
		}
		if !c.writeAllowed(e.writeLimit, s, now, conv) {
			return change{}, errWriteLimit
		}
		e.settle(conv, at)
		if conv.State == closed && form.Get("State") == closed.String() && e.variants.is("state.close-again", "accepted") {
			return change{kind: updated, store: s, before: conv, after: conv, at: at, nothing: true}, nil
		}
		if err := editable(conv.State); err != nil {
			return change{}, err
		}
		if holder := s.byName[form.Get("UniqueName")]; holder != nil && holder != conv {
			return change{}, errNameTaken
		}
		changed := *conv
		changed.Updated = at
		if !e.variants.is("timer.restart", "kept") {
			changed.restart(at)
		}
		anySet := changed.set(form, at)
		if !e.vary(&changed, form, at, true) && !anySet {
			return change{kind: updated, store: s, before: conv, after: conv, at: at, nothing: true}, nil
		}
		return change{kind: updated, store: s, before: conv, after: &changed, at: at}, nil
	})
	if err != nil {
		return err.answer()
	}
	return jsonAnswer(http.StatusOK, c.resource(&conv))
}

func (e *Emulator) remove(c *call, _, _ url.Values) answer {
	_, err := e.change(c, nil, func(_ url.Values, now time.Time) (change, *apiError) {
		at := toInstant(now)
		s, conv := e.conversation(c)
		if conv == nil {
			return change{}, notFound(c.path)
		}
		if !c.writeAllowed(e.writeLimit, s, now, nil) {
			return change{}, errWriteLimit
		}
		e.settle(conv, at)
		return change{kind: removed, store: s, before: conv, after: conv, at: at}, nil
	})
	if err != nil {
		return err.answer()
	}
	return answer{status: http.StatusNoContent, header: http.Header{}, body: nothing}
}

// conversation returns the conversation that a call names, with its store. It returns nil if there
// is none. The caller holds e.mu.
func (e *Emulator) conversation(c *call) (*store, *conversation) {
	s := e.stores[c.key()]
	if s == nil {
		return nil, nil
	}
	return s, s.find(c.values["Sid"])
}

// exists reports whether the conversation that a call names exists.
func (e *Emulator) exists(c *call) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, conv := e.conversation(c)
	return conv != nil
}

// Touch simulates activity in the conversation with the given SID, such as a new message. An
// inactive conversation becomes active, and its timers restart. Use it in place of messages, which
// are not emulated.
//
// It is an error if the conversation does not exist or is closed. See
// https://www.twilio.com/docs/conversations/states-timers
func (e *Emulator) Touch(sid string) error {
	e.mu.Lock()
	defer e.unlock()
	now := toInstant(e.now())
	e.fire(now)
	conv := e.findSID(sid)
	if conv == nil {
		return errNoConversation(sid)
	}
	e.settle(conv, now)
	if conv.State == closed {
		return errClosed
	}
	changed := *conv
	changed.restart(now)
	if changed.State = awake(conv.State); changed.State != conv.State {
		changed.Updated = now
		e.queue(e.stateUpdated(conv.store, &changed, conv.State, now, "EVENT"))
	}
	touched := change{kind: updated, store: conv.store, before: conv, after: &changed}
	touched.commit()
	return nil
}

// findSID returns the conversation with a SID in any service, or nil. The caller holds e.mu.
func (e *Emulator) findSID(text string) *conversation {
	id, ok := parseSID(text)
	if !ok {
		return nil
	}
	for _, s := range e.stores {
		if conv := s.bySID[id]; conv != nil {
			return conv
		}
	}
	return nil
}
