package conversationstest

import "time"

// This file holds the assumptions where Twilio documents nothing. FIDELITY.md lists them for users.

const (
	// maxUniqueName is in characters. Twilio has a limit but does not publish it.
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

// settable reports whether a request can set the state.
func settable(state string) bool { return state != initializing.String() }

// editable returns the error of updating a conversation in state s, or nil.
func editable(s state) *apiError {
	switch s {
	case closed:
		return errClosed
	case initializing:
		return errInitializing
	}
	return nil
}

// restart restarts both timers from now, as activity does. Each keeps its length, which is the time
// from the last activity until it fires.
func (c *conversation) restart(now instant) {
	for _, t := range []*timer{&c.Inactive, &c.Closed} {
		if *t != 0 {
			*t = min(*t+timer(now-c.timersFrom), timer(maxInstant))
		}
	}
	c.timersFrom = now
}

// expire applies a timer that fires. Both dates stay unchanged.
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

// awake applies activity, such as a message, to the state: an inactive conversation becomes active.
func awake(s state) state {
	if s == inactive {
		return active
	}
	return s
}
