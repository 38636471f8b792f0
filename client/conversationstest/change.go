package conversationstest

import (
	"net/url"
	"time"
)

// changeKind is the kind of change that a request makes to a conversation.
type changeKind int

const (
	created changeKind = iota
	updated
	removed
)

// change is what a request changes in a conversation.
type change struct {
	kind    changeKind
	store   *store
	before  *conversation // as stored; nil for a create
	after   *conversation // after the change; unchanged by a delete
	at      instant
	nothing bool // the request names no value to change; before and after are the same
}

// change makes the change that prepare checks and returns, with the webhooks that it fires. It
// returns the conversation after the change.
//
// If there is a pre-event, the change waits for it. The emulator is not locked meanwhile, so the
// change is prepared again afterwards, with the form as the pre-event left it.
func (e *Emulator) change(c *call, form url.Values, prepare func(url.Values, time.Time) (change, *apiError)) (conversation, *apiError) {
	e.mu.Lock()
	defer e.unlock()
	ch, err := e.prepared(form, prepare)
	if err != nil {
		return conversation{}, err
	}
	if pre := e.preEvent(c, &ch); pre != nil {
		if form, err = e.decide(pre, form); err != nil {
			return conversation{}, err
		}
		if ch, err = e.prepared(form, prepare); err != nil {
			return conversation{}, err
		}
	}
	post := e.postEvents(c, &ch)
	ch.commit()
	e.queue(post...)
	return *ch.after, nil
}

// prepared prepares a change after due timers have fired. The caller holds e.mu.
func (e *Emulator) prepared(form url.Values, prepare func(url.Values, time.Time) (change, *apiError)) (change, *apiError) {
	now := e.now()
	e.fire(toInstant(now))
	return prepare(form, now)
}

// commit stores the change. The caller holds e.mu.
func (ch *change) commit() {
	switch ch.kind {
	case created:
		ch.store.add(ch.after)
	case updated:
		ch.store.remove(ch.before)
		*ch.before = *ch.after
		ch.store.add(ch.before)
	case removed:
		ch.store.remove(ch.before)
	}
}

// writeAllowed counts the write of a call as [store.writeAllowed] does, but only once per call.
func (c *call) writeAllowed(limit int, s *store, now time.Time, conv *conversation) bool {
	if c.counted {
		return true
	}
	c.counted = true
	return s.writeAllowed(limit, now, conv)
}
