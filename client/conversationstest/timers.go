package conversationstest

import "time"

// timer is when a timer fires. 0 means never.
type timer instant

// timerAfter returns the timer that fires a duration after a time. A duration of 0 means no timer.
func timerAfter(d time.Duration, from instant) timer {
	if d == 0 {
		return 0
	}
	return timer(from) + timer(d.Milliseconds())
}

// maxFired is the maximum number of timers that one request fires. A million may be due at once
// after the clock was moved. The rest fires with later requests. Until then, a request that reads a
// conversation sees the effect through [conversation.asOf], and a request that changes a
// conversation settles it first.
const maxFired = 250

// due returns when the conversation's next timer fires and its state after that. It returns 0 if
// there is no timer.
func (c *conversation) due() (at instant, next state) {
	switch {
	case c.State == closed:
	case c.Inactive != 0 && c.State != inactive && (c.Closed == 0 || c.Inactive < c.Closed):
		return instant(c.Inactive), inactive
	case c.Closed != 0:
		return instant(c.Closed), closed
	}
	return 0, anyState
}

// isDue reports whether a timer of the conversation is due at a time.
func (c *conversation) isDue(now instant) bool {
	at, _ := c.due()
	return at != 0 && at <= now
}

// asOf returns the conversation with its due timers fired, as fire will leave it.
func (c *conversation) asOf(now instant) conversation {
	then := *c
	for then.isDue(now) {
		then.expire(then.due())
	}
	return then
}

// newDueIndex returns an index of conversations by the time when their next timer fires.
func newDueIndex() index {
	return newIndex(func(a, b *conversation) bool {
		at, _ := a.due()
		bt, _ := b.due()
		if at != bt {
			return at < bt
		}
		return a.position.before(b.position)
	})
}

// fire fires due timers of all conversations, in the order in which they are due, but at most
// maxFired of them. The caller holds e.mu.
func (e *Emulator) fire(now instant) {
	for range maxFired {
		c, ok := e.due.Min()
		if !ok || !c.isDue(now) {
			return
		}
		e.fireOne(c)
	}
}

// settle fires the due timers of one conversation, ahead of those of others. A request that changes
// a conversation calls it first, so that it need not wait for a million other timers. The caller
// holds e.mu.
func (e *Emulator) settle(c *conversation, now instant) {
	for c.isDue(now) {
		e.fireOne(c)
	}
}

// fireOne fires the next timer of a conversation. Timers change conversations nowhere else.
func (e *Emulator) fireOne(c *conversation) {
	from := c.State
	at, next := c.due()
	e.due.Delete(c)
	c.store.byDate[c.State].Delete(c)
	c.expire(at, next)
	e.timerFired(c, from, at)
	c.store.byDate[c.State].ReplaceOrInsert(c)
	c.store.indexName(c)
	if at, _ := c.due(); at != 0 {
		e.due.ReplaceOrInsert(c)
	}
}

// settled reports whether no timer is due. The caller holds e.mu.
func (e *Emulator) settled(now instant) bool {
	c, ok := e.due.Min()
	return !ok || !c.isDue(now)
}
