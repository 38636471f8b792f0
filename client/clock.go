package client

import (
	"net/http"
	"time"
)

// clockSlack is how far apart two clocks of a server may be: that of its responses and that of its dates.
const clockSlack = 5 * time.Second

// clock says when a call began, by the local clock and by the server's. Either may be wrong. A verdict on
// what happened before or during the call therefore needs both, and there is none without the server's.
type clock struct {
	began            time.Time // by the local clock
	earliest, latest time.Time // by the server's; zero while no response had a date
}

// read takes the server's time from the response to a request that was sent and answered at the given times.
func (c *clock) read(h http.Header, sent, answered time.Time) {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return
	}
	// Its clock said so, to the second below, at some time in between. Each response narrows it down.
	earliest, latest := date.Add(c.began.Sub(answered)), date.Add(c.began.Sub(sent)+time.Second)
	if c.earliest.IsZero() || earliest.After(c.earliest) {
		c.earliest = earliest
	}
	if c.latest.IsZero() || latest.Before(c.latest) {
		c.latest = latest
	}
}

// known reports whether the server's clock is known: responses had dates that do not contradict each other.
func (c *clock) known() bool { return !c.earliest.IsZero() && !c.earliest.After(c.latest) }

// during reports whether a date, which is to the second, is certainly within the call. The server's clock may
// run ahead of the local one, by which there is no latest date.
func (c *clock) during(date time.Time, slack time.Duration) bool {
	date = date.Add(slack)
	return c.known() &&
		!date.Before(c.earliest.Truncate(time.Second)) && !date.Before(c.began.Truncate(time.Second)) &&
		!date.After(c.latest.Add(time.Since(c.began)+2*slack+time.Second))
}

// before reports whether a date is certainly in an earlier second than the beginning of the call, by more than
// the slack.
func (c *clock) before(date time.Time, slack time.Duration) bool {
	earlier := func(began time.Time) bool { return date.Add(slack).Before(began.Truncate(time.Second)) }
	return c.known() && !date.IsZero() && earlier(c.earliest) && earlier(c.began)
}

// after reports whether a date is certainly in a later second than the beginning of the call. A date that is
// still to come says that the server's dates cannot be relied on.
func (c *clock) after(date time.Time) bool {
	later := func(began time.Time) bool { return date.Truncate(time.Second).After(began) }
	return later(c.latest) && later(c.began) && c.during(date, 0)
}

// about reports whether a date is within the call, as far as clocks may be apart.
func (c *clock) about(date time.Time) bool { return c.during(date, clockSlack) }
