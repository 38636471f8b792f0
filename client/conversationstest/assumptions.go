package conversationstest

import "time"

// This file holds what is assumed where Twilio documents nothing. FIDELITY.md lists it for users.

const (
	// maxUniqueName is in characters. Twilio has a limit and does not publish it.
	maxUniqueName = 256
	// maxBody is in bytes: 16 KB of attributes are 48 KB when every byte is escaped.
	maxBody = 128 << 10

	isoDay   = 24 * time.Hour
	isoMonth = 30 * isoDay
	isoYear  = 365 * isoDay

	// regionWithout has no Conversations, and regionOfChat no Messaging Services.
	regionWithout = "au1"
	regionOfChat  = "ie1"
)

// settable reports whether a request can set a state.
func settable(state string) bool { return state != initializing.String() }

// editable returns the error of an update of a conversation in a state, or nil.
func editable(s state) *apiError {
	switch s {
	case closed:
		return errClosed
	case initializing:
		return errInitializing
	}
	return nil
}

// restart is what activity does to the timers: both count anew from now. They keep their length,
// which is how long after the last activity they were to fire.
func (c *conversation) restart(now instant) {
	for _, t := range []*timer{&c.Inactive, &c.Closed} {
		if *t != 0 {
			*t = min(*t+timer(now-c.timersFrom), timer(maxInstant))
		}
	}
	c.timersFrom = now
}

// expire is what a timer does when it fires. Both dates stay where they are.
func (c *conversation) expire(at instant, next state) {
	chosen := c.store.variants
	if chosen.is("timer.kept", "cleared") {
		if next == inactive {
			c.Inactive = 0
		} else {
			c.Closed = 0
		}
	}
	c.State = next
	if !chosen.is("timer.date-updated", "unchanged") {
		c.Updated = at
	}
}

// awake is the state after activity such as a message: an inactive conversation is active again.
func awake(s state) state {
	if s == inactive {
		return active
	}
	return s
}
