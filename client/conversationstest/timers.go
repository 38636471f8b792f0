package conversationstest

import (
	"runtime"
	"time"
)

// timer is when a timer fires, 0 being never.
type timer instant

// timerAfter is the timer that fires a duration after a time; a duration of 0 is no timer.
func timerAfter(d time.Duration, from instant) timer {
	if d == 0 {
		return 0
	}
	return timer(from) + timer(d.Milliseconds())
}

// maxFired is how many timers fire at most while the emulator is locked. A million may be due at
// once, when the clock is moved; other requests get their turn after each batch.
const maxFired = 500

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
// and reports whether none is left. It lets at most maxFired fire. The caller holds e.mu.
//
// No timer changes a conversation anywhere else: this is the place to tell an observer.
func (e *Emulator) fire(now instant) (none bool) {
	for range maxFired {
		c, ok := e.due.Min()
		if !ok || !c.isDue(now) {
			return true
		}
		e.due.DeleteMin()
		c.store.byDate[c.State].Delete(c)
		c.expire(c.due())
		c.store.byDate[c.State].ReplaceOrInsert(c)
		if at, _ := c.due(); at != 0 {
			e.due.ReplaceOrInsert(c)
		}
	}
	c, ok := e.due.Min()
	return !ok || !c.isDue(now)
}

// lockSettled locks e.mu when every timer has fired that is due, for requests that change a
// conversation: what they find is what is stored, and timers fire in order. Requests that only read
// do not wait: they fire one batch, and see what is left through [conversation.asOf].
func (e *Emulator) lockSettled() (now time.Time) {
	for {
		e.mu.Lock()
		now = e.now()
		if e.fire(toInstant(now)) {
			return now
		}
		e.mu.Unlock()
		runtime.Gosched()
	}
}
