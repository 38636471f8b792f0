package fidelity

import (
	"time"
)

// timed is the state of conversations with timers, from now until ten minutes later.
type timed struct {
	both        *response // timers of 1 and 10 minutes: created,
	bothLater   *response // after one minute,
	bothEnd     *response // after ten
	directLater *response // a timer of 10 minutes to closed alone: after one minute,
	directEnd   *response // after ten
	crossedEnd  *response // timers of 15 and 10 minutes: after ten
	idle        *response // a timer of 1 minute: after it,
	revived     *response // set active again
}

func (s *session) timed() *timed {
	return fixture(s, "timed", func() *timed {
		var t timed
		t.both = s.conversation("Timers.Inactive", "PT1M", "Timers.Closed", "PT10M")
		direct := s.conversation("Timers.Closed", "PT10M")
		crossed := s.conversation("Timers.Inactive", "PT15M", "Timers.Closed", "PT10M")
		idle := s.conversation("Timers.Inactive", "PT1M")
		created := s.now()
		s.pass(time.Minute + time.Second)
		t.bothLater = s.settled(t.both, "inactive")
		t.idle = s.settled(idle, "inactive")
		t.directLater = s.get(s.path(direct.sid()))
		t.revived = s.post(s.path(idle.sid()), "State", "active")
		s.pass(created.Add(10*time.Minute + time.Second).Sub(s.now()))
		t.bothEnd = s.settled(t.both, "closed")
		t.directEnd = s.settled(direct, "closed")
		t.crossedEnd = s.settled(crossed, "closed")
		return &t
	})
}

// settled waits briefly for a timer that is late.
func (s *session) settled(c *response, state string) *response {
	res := s.get(s.path(c.sid()))
	for range 12 {
		if res.text("state") == state {
			break
		}
		s.pass(5 * time.Second)
		res = s.get(s.path(c.sid()))
	}
	return res
}

func stateRules() []Rule {
	return []Rule{
		{ID: "state.create-inactive", Sentence: "A conversation may be created inactive.",
			Source: Documented, Reference: resourcePage, check: func(s *session) {
				wantMember(s.create("State", "inactive"), "state", "inactive")
			}},
		{ID: "state.deactivate", Sentence: "An update may set an active conversation inactive.",
			Source: Documented, Reference: statesPage, check: func(s *session) {
				wantMember(s.post(s.path(s.conversation().sid()), "State", "inactive"), "state", "inactive")
			}},
		{ID: "state.activate", Sentence: "An update may set an inactive conversation active.",
			Source: Documented, Reference: statesPage, check: func(s *session) {
				wantMember(s.post(s.path(s.conversation("State", "inactive").sid()), "State", "active"), "state", "active")
			}},
		{ID: "state.close-active", Sentence: "An update may close an active conversation.",
			Source: Documented, Reference: statesPage, check: func(s *session) {
				wantMember(s.post(s.path(s.conversation().sid()), "State", "closed"), "state", "closed")
			}},
		{ID: "state.close-inactive", Sentence: "An update may close an inactive conversation.",
			Source: Documented, Reference: statesPage, check: func(s *session) {
				wantMember(s.post(s.path(s.conversation("State", "inactive").sid()), "State", "closed"), "state", "closed")
			}},
		{ID: "state.same", Sentence: "An update may set the state that an active conversation has.",
			Source: Assumed, check: func(s *session) {
				wantMember(s.post(s.path(s.conversation().sid()), "State", "active"), "state", "active")
			}},
		{ID: "state.closed-fetch", Sentence: "A closed conversation can be fetched.",
			Source: Recorded, Reference: liveNotes, check: func(s *session) {
				wantMember(s.get(s.path(s.closed().sid())), "state", "closed")
			}},
		{ID: "state.closed-fetch-name", Sentence: "A closed conversation can be fetched by its unique name.",
			Source: Assumed, check: func(s *session) {
				wantMember(s.get(s.path(s.closed().text("unique_name"))), "sid", s.closed().sid())
			}},
		{ID: "state.closed-stays", Sentence: "A refused update leaves a closed conversation as it was.",
			Source: Documented, Reference: statesPage, check: func(s *session) {
				s.post(s.path(s.closed().sid()), "State", "active", "Attributes", `{"a":1}`)
				res := s.get(s.path(s.closed().sid()))
				wantMember(res, "state", "closed")
				wantMember(res, "attributes", "{}")
			}},
		{ID: "state.close-again", Sentence: "Closing a closed conversation is refused with code 50377.",
			Source: Assumed, check: func(s *session) {
				wantRefused(s.post(s.path(s.closed().sid()), "State", "closed"), 50377)
			}},
		{ID: "state.closed-empty-update", Sentence: "An update without fields of a closed conversation is refused with code 50377.",
			Source: Assumed, check: func(s *session) {
				wantRefused(s.post(s.path(s.closed().sid())), 50377)
			}},
		{ID: "state.closed-timers", Sentence: "timers of a closed conversation keeps its dates.",
			Source: Assumed, Reference: resourcePage, check: func(s *session) {
				want(s.closed().text("timers", "date_inactive") != "" && s.closed().text("timers", "date_closed") != "", "timers is %s", show(s.closed().at("timers")))
			}},
	}
}

// wantTimer checks that a timer fires a duration after the time of the request, which is
// date_updated.
func wantTimer(res *response, member string, after time.Duration) {
	want(res.status < 300, "refused: %v", res)
	got := res.time("timers", member).Sub(res.time("date_updated"))
	want((got-after).Abs() <= time.Second, "%s is %v after date_updated instead of %v", member, got.Round(time.Second), after)
}

func timerRules() []Rule {
	duration := func(text string, d time.Duration) func(*session) {
		return func(s *session) { wantTimer(s.create("Timers.Closed", text), "date_closed", d) }
	}
	const day = 24 * time.Hour
	return []Rule{
		{ID: "timer.same-start", Sentence: "Both timers count from the time of the request, not one from the other.",
			Source: Documented, Reference: resourcePage, check: func(s *session) {
				wantTimer(s.withBoth(), "date_inactive", 2*time.Minute)
				wantTimer(s.withBoth(), "date_closed", 20*time.Minute)
			}},
		{ID: "timer.minimum", Sentence: "Timers.Inactive may be one minute, and Timers.Closed ten.",
			Source: Documented, Reference: statesPage, check: func(s *session) {
				res := s.create("Timers.Inactive", "PT1M", "Timers.Closed", "PT10M")
				wantTimer(res, "date_inactive", time.Minute)
				wantTimer(res, "date_closed", 10*time.Minute)
			}},
		{ID: "timer.days", Sentence: "A duration may be in days: P1D.",
			Source: Documented, Reference: errorPages + "50379", check: duration("P1D", day)},
		{ID: "timer.mixed", Sentence: "A duration may mix days, hours, minutes and seconds.",
			Source: Documented, Reference: statesPage, check: duration("P1DT2H3M4S", day+2*time.Hour+3*time.Minute+4*time.Second)},
		{ID: "timer.weeks", Sentence: "A duration may be in weeks.",
			Source: Assumed, check: duration("P1W", 7*day)},
		{ID: "timer.months", Sentence: "A month has 30 days, and a year 365.",
			Source: Assumed, check: func(s *session) {
				duration("P1M", 30*day)(s)
				duration("P1Y", 365*day)(s)
			}},
		{ID: "timer.without-state", Sentence: "A create may set timers without State.",
			Source: Recorded, Reference: timersInUse, check: func(s *session) {
				wantStatus(s.create("Timers.Closed", "P1D"), 201)
			}},
		{ID: "timer.update", Sentence: "An update may set timers without State.",
			Source: Assumed, Reference: "programs in public code", check: func(s *session) {
				wantTimer(s.post(s.path(s.conversation().sid()), "Timers.Closed", "PT15M"), "date_closed", 15*time.Minute)
			}},
		{ID: "timer.create-zero", Sentence: "PT0S in a create sets no timer.",
			Source: Assumed, Reference: errorPages + "50379", check: func(s *session) {
				res := s.create("Timers.Closed", "PT0S")
				wantStatus(res, 201)
				want(res.at("timers", "date_closed") == nil, "timers is %s", show(res.at("timers")))
			}},
		{ID: "timer.update-zero", Sentence: "PT0S in an update removes the timer, and leaves the other.",
			Source: Assumed, Reference: errorPages + "50379", check: func(s *session) {
				c := s.conversation("Timers.Inactive", "PT2M", "Timers.Closed", "PT20M")
				res := s.post(s.path(c.sid()), "Timers.Inactive", "PT0S")
				wantStatus(res, 200)
				want(res.at("timers", "date_inactive") == nil && res.at("timers", "date_closed") != nil, "timers is %s", show(res.at("timers")))
			}},
		{ID: "timer.empty", Sentence: "An empty timer in an update changes nothing.",
			Source: Assumed, check: func(s *session) {
				c := s.conversation("Timers.Closed", "PT20M")
				res := s.post(s.path(c.sid()), "Timers.Closed", "")
				wantStatus(res, 200)
				want(res.at("timers", "date_closed") == c.at("timers", "date_closed"), "timers is %s", show(res.at("timers")))
			}},
		{ID: "timer.restart", Sentence: "An update counts the timers anew from its time.",
			Source: Assumed, check: func(s *session) {
				c := s.conversation("Timers.Closed", "PT20M")
				s.pass(2100 * time.Millisecond)
				res := s.post(s.path(c.sid()), "FriendlyName", s.name())
				wantStatus(res, 200)
				moved := res.time("timers", "date_closed").Sub(c.time("timers", "date_closed"))
				want(moved >= 2*time.Second && moved < time.Minute, "date_closed moves by %v", moved)
			}},
		{ID: "timer.restart-date-updated", Sentence: "An update that sets DateUpdated counts the timers from the time of the request all the same.",
			Source: Assumed, check: func(s *session) {
				c := s.conversation("Timers.Closed", "PT20M")
				res := s.post(s.path(c.sid()), "DateUpdated", "2015-12-16T22:18:38Z")
				wantStatus(res, 200)
				moved := res.time("timers", "date_closed").Sub(c.time("timers", "date_closed"))
				want(moved >= 0 && moved < time.Minute, "date_closed is %s", show(res.at("timers", "date_closed")))
			}},
		{ID: "timer.inactive-fires", Sentence: "Timers.Inactive makes an active conversation inactive.",
			Source: Documented, Reference: statesPage, Needs: NeedsMinutes, check: func(s *session) {
				wantMember(s.timed().bothLater, "state", "inactive")
			}},
		{ID: "timer.closed-fires", Sentence: "Timers.Closed closes an inactive conversation.",
			Source: Documented, Reference: statesPage, Needs: NeedsMinutes, check: func(s *session) {
				wantMember(s.timed().bothEnd, "state", "closed")
			}},
		{ID: "timer.closed-alone", Sentence: "With Timers.Closed alone a conversation stays active and is then closed.",
			Source: Recorded, Reference: liveNotes, Needs: NeedsMinutes, check: func(s *session) {
				wantMember(s.timed().directLater, "state", "active")
				wantMember(s.timed().directEnd, "state", "closed")
			}},
		{ID: "timer.closed-first", Sentence: "Where Timers.Closed is the shorter one, the conversation is closed without having been inactive.",
			Source: Assumed, Needs: NeedsMinutes, check: func(s *session) {
				wantMember(s.timed().crossedEnd, "state", "closed")
			}},
		{ID: "timer.date-updated", Sentence: "A timer that fires sets date_updated to the time when it was due.",
			Source: Assumed, Needs: NeedsMinutes, check: func(s *session) {
				res := s.timed().bothLater
				wantMember(res, "date_updated", s.timed().both.at("timers", "date_inactive"))
			}},
		{ID: "timer.kept", Sentence: "timers keeps a date after that timer has fired.",
			Source: Assumed, Reference: resourcePage, Needs: NeedsMinutes, check: func(s *session) {
				for _, member := range []string{"date_inactive", "date_closed"} {
					want(s.timed().bothEnd.at("timers", member) == s.timed().both.at("timers", member), "timers is %s", show(s.timed().bothEnd.at("timers")))
				}
			}},
		{ID: "timer.not-restarted", Sentence: "A timer that fires does not restart the other.",
			Source: Assumed, Reference: resourcePage, Needs: NeedsMinutes, check: func(s *session) {
				want(s.timed().bothLater.at("timers", "date_closed") == s.timed().both.at("timers", "date_closed"), "date_closed moves")
			}},
		{ID: "timer.revived", Sentence: "A conversation set active again becomes inactive anew, counted from that update.",
			Source: Assumed, Needs: NeedsMinutes, check: func(s *session) {
				wantMember(s.timed().revived, "state", "active")
				wantTimer(s.timed().revived, "date_inactive", time.Minute)
			}},
	}
}
