package conversationstest

import "time"

// timer is when a timer fires, 0 being never.
type timer instant

// timerAfter is the timer that fires a duration after a time; a duration of 0 is no timer.
func timerAfter(d time.Duration, from instant) timer {
	if d == 0 {
		return 0
	}
	return timer(from) + timer(d.Milliseconds())
}

// maxFired is how many timers one request lets fire at most. A million may be due at once, when the
// clock was moved. What is left fires with the requests that follow; until then a request that reads
// sees it through [conversation.asOf], and one that changes a conversation settles that one.
const maxFired = 250

// due returns when the conversation's next timer fires and what its state is then, or 0.
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

// asOf returns the conversation with the timers fired that are due, as fire will leave it.
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

// fire lets timers fire that are due, of all conversations and in the order in which they are due,
// but no more than maxFired of them. The caller holds e.mu.
func (e *Emulator) fire(now instant) {
	for range maxFired {
		c, ok := e.due.Min()
		if !ok || !c.isDue(now) {
			return
		}
		e.fireOne(c)
	}
}

// settle lets the timers of a conversation fire that are due, ahead of those of others. A request that
// changes a conversation does so first, and need not wait for a million others. The caller holds e.mu.
func (e *Emulator) settle(c *conversation, now instant) {
	for c.isDue(now) {
		e.fireOne(c)
	}
}

// fireOne lets the next timer of a conversation fire. No timer changes a conversation anywhere else.
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
