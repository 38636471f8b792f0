package client

import (
	"net/http"
	"time"
)

// clockSlack is the maximum difference between two clocks of a server: the one of its Date headers
// and the one of its dates of conversations.
const clockSlack = 5 * time.Second

// clock says when a call began, by the local clock and by the server's. Either may be wrong. To say
// that something happened before or during the call, both clocks must agree. Without a Date header
// from the server, nothing can be said.
type clock struct {
	began            time.Time // by the local clock
	earliest, latest time.Time // the bounds of it by the server's clock; zero before the first Date
}

// read learns the server's time from the response to a request that was sent and answered at the
// given times.
func (c *clock) read(h http.Header, sent, answered time.Time) {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return
	}
	// The server wrote the date, rounded down to the second, at some time between sending and
	// receiving. Each response narrows down the bounds.
	earliest, latest := date.Add(c.began.Sub(answered)), date.Add(c.began.Sub(sent)+time.Second)
	if c.earliest.IsZero() || earliest.After(c.earliest) {
		c.earliest = earliest
	}
	if c.latest.IsZero() || latest.Before(c.latest) {
		c.latest = latest
	}
}

// known reports whether the server's clock is known: there were Date headers, and they do not
// contradict each other.
func (c *clock) known() bool { return !c.earliest.IsZero() && !c.earliest.After(c.latest) }

// during reports whether a date, which is to the second, is certainly within the call. The local
// clock gives no upper bound, since the server's clock may be ahead of it.
func (c *clock) during(date time.Time, slack time.Duration) bool {
	date = date.Add(slack)
	return c.known() &&
		!date.Before(c.earliest.Truncate(time.Second)) && !date.Before(c.began.Truncate(time.Second)) &&
		!date.After(c.latest.Add(time.Since(c.began)+2*slack+time.Second))
}

// before reports whether a date is certainly in an earlier second than the start of the call, by
// more than the slack.
func (c *clock) before(date time.Time, slack time.Duration) bool {
	earlier := func(began time.Time) bool { return date.Add(slack).Before(began.Truncate(time.Second)) }
	return c.known() && !date.IsZero() && earlier(c.earliest) && earlier(c.began)
}

// after reports whether a date is certainly in a later second than the start of the call. A date in
// the future means that the dates of the server are not reliable.
func (c *clock) after(date time.Time) bool {
	later := func(began time.Time) bool { return date.Truncate(time.Second).After(began) }
	return later(c.latest) && later(c.began) && c.during(date, 0)
}

// about reports whether a date is within the call, give or take clockSlack.
func (c *clock) about(date time.Time) bool { return c.during(date, clockSlack) }
