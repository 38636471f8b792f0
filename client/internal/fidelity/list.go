package fidelity

import (
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// window is five conversations of a day long past on which there are no others. The list of that
// day can therefore be judged however many conversations the service has.
type window struct {
	day  string
	sids []string // in the order of creation, the newest first
	at   []string // their dates of creation
}

// all returns the parameters of a list of the window.
func (w *window) all(more ...string) []string {
	return append([]string{"StartDate", w.day, "EndDate", w.day}, more...)
}

// These are the states of the conversations in the window, newest first.
var windowStates = []string{"active", "closed", "active", "inactive", "active"}

func (s *session) window() *window {
	return fixture(s, "window", func() *window {
		day := time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, rand.IntN(6000)).Format(time.DateOnly)
		w := &window{day: day, sids: make([]string, 5)}
		for _, clock := range []string{"23:59:59", "18:00:00", "12:00:00", "06:00:00", "00:00:00"} {
			w.at = append(w.at, day+"T"+clock+"Z")
		}
		for _, i := range []int{2, 0, 4, 1, 3} { // so that the order of the requests is another
			pairs := []string{"DateCreated", w.at[i], "UniqueName", s.name()}
			if windowStates[i] == "inactive" {
				pairs = append(pairs, "State", "inactive")
			}
			c := s.conversation(pairs...)
			if c.text("date_created") != w.at[i] {
				cannotTell("conversations of the past cannot be created")
			}
			if windowStates[i] == "closed" {
				s.post(s.path(c.sid()), "State", "closed")
			}
			w.sids[i] = c.sid()
		}
		s.soon(func() bool { return len(s.list(w.all("PageSize", "50")...).items()) >= len(w.sids) })
		return w
	})
}

// soon reports whether a condition is met now or within some seconds, because a list may lag behind
// writes.
func (s *session) soon(holds func() bool) bool {
	for range 5 {
		if holds() {
			return true
		}
		s.pass(time.Second)
	}
	return holds()
}

// wantList checks that a list has the conversations of the window with the given numbers, in order.
func (s *session) wantList(query []string, numbers ...int) {
	w := s.window()
	var got []int
	for _, sid := range s.list(query...).sids() {
		got = append(got, slices.Index(w.sids, sid))
	}
	want(slices.Equal(got, numbers), "it has the conversations %v instead of %v, by age from 0, the newest", got, numbers)
}

// recent is the first page of a list of everything, and two conversations in it. The second was
// updated after the first was created.
type recent struct {
	page         listed
	newer, older string
}

func (s *session) recent(query ...string) recent {
	sids := fixture(s, "recent", func() [2]string {
		older := s.conversation()
		s.pass(1100 * time.Millisecond)
		newer := s.conversation()
		s.pass(1100 * time.Millisecond)
		s.post(s.path(older.sid()), "FriendlyName", s.name())
		return [2]string{newer.sid(), older.sid()}
	})
	r := recent{newer: sids[0], older: sids[1]}
	s.soon(func() bool {
		r.page = s.list(append(query, "PageSize", "100")...)
		return slices.Contains(r.page.sids(), r.newer)
	})
	return r
}

// wantNewestFirst checks the order of a page.
func (r recent) wantNewestFirst() {
	dates := []string{}
	for _, item := range r.page.items() {
		dates = append(dates, item.text("date_created"))
	}
	descending := slices.IsSortedFunc(dates, func(a, b string) int { return strings.Compare(b, a) })
	want(descending, "date_created is not descending")
	if len(slices.Compact(dates)) < 2 {
		cannotTell("the list has too few conversations")
	}
	sids := r.page.sids()
	newer, older := slices.Index(sids, r.newer), slices.Index(sids, r.older)
	want(newer >= 0, "the newest is not on the first page")
	want(older < 0 || newer < older, "an update changes the order")
}

func listRules() []Rule {
	return []Rule{
		{ID: "list", Sentence: "A list responds with 200, the member conversations and the member meta.",
			Source: Documented, Reference: resourcePage, check: func(s *session) {
				page := s.list("PageSize", "1")
				_, isArray := page.at("conversations").([]any)
				_, isObject := page.at("meta").(map[string]any)
				want(isArray, "conversations is no array")
				want(isObject, "meta is %s", show(page.at("meta")))
			}},
		{ID: "list.meta", Sentence: "meta has page, page_size, first_page_url, previous_page_url, url, next_page_url and key.",
			Source: Documented, Reference: responsePage, check: func(s *session) {
				meta := &response{value: s.list("PageSize", "1").at("meta")}
				for _, member := range []string{"page", "page_size", "first_page_url", "previous_page_url", "url", "next_page_url", "key"} {
					want(meta.has(member), "there is no %s", member)
				}
			}},
		{ID: "list.key", Sentence: "key of meta is conversations.",
			Source: Documented, Reference: responsePage, check: func(s *session) {
				got := s.list("PageSize", "1").text("meta", "key")
				want(got == "conversations", "it is %s", show(got))
			}},
		{ID: "list.item", Sentence: "A list has each conversation as a fetch returns it.",
			Source: Documented, Reference: resourcePage, check: func(s *session) {
				items := s.list(s.window().all()...).items()
				want(len(items) > 0, "the list is empty")
				fetched := s.get(s.path(items[0].sid()))
				for _, member := range members {
					want(show(items[0].at(member)) == show(fetched.at(member)), "%s is %s, fetched %s", member, show(items[0].at(member)), show(fetched.at(member)))
				}
			}},
		{ID: "list.empty", Sentence: "A list without matches has an empty array and no next page.",
			Source: Recorded, Reference: "https://github.com/twilio/twilio-go/pull/148", check: func(s *session) {
				page := s.list("EndDate", "1980-01-01")
				want(show(page.at("conversations")) == "[]", "conversations is not an empty array")
				want(page.at("meta", "next_page_url") == nil, "there is a next page")
			}},
		{ID: "list.start-date", Sentence: "StartDate leaves out what was created before it, and includes its own second.",
			Source: Documented, Reference: resourcePage, check: func(s *session) {
				w := s.window()
				s.wantList([]string{"StartDate", w.at[2], "EndDate", w.day}, 0, 1, 2)
			}},
		{ID: "list.end-date", Sentence: "EndDate leaves out what was created after it, and includes its own second.",
			Source: Documented, Reference: resourcePage, check: func(s *session) {
				w := s.window()
				s.wantList([]string{"StartDate", w.day, "EndDate", w.at[2]}, 2, 3, 4)
			}},
		{ID: "list.start-day", Sentence: "A StartDate without a time is the beginning of the day.",
			Source: Documented, Reference: resourcePage, check: func(s *session) {
				w := s.window()
				s.wantList([]string{"StartDate", w.day, "EndDate", w.at[0]}, 0, 1, 2, 3, 4)
			}},
		{ID: "list.end-day", Sentence: "An EndDate without a time is the last second of the day.",
			Source: Documented, Reference: resourcePage, check: func(s *session) {
				w := s.window()
				s.wantList([]string{"StartDate", w.at[4], "EndDate", w.day}, 0, 1, 2, 3, 4)
			}},
		{ID: "list.dates-order", Sentence: "With StartDate or EndDate the newest come first.",
			Source: Documented, Reference: resourcePage, check: func(s *session) {
				w := s.window()
				dates := []string{}
				for _, item := range s.list(w.all()...).items() {
					dates = append(dates, item.text("date_created"))
				}
				want(len(dates) > 1, "too few conversations are listed")
				want(slices.IsSortedFunc(dates, func(a, b string) int { return strings.Compare(b, a) }), "date_created is not descending")
			}},
		{ID: "list.date-offset", Sentence: "A date of a filter may have an offset.",
			Source: Assumed, check: func(s *session) {
				w := s.window()
				s.wantList([]string{"StartDate", w.day + "T14:00:00+02:00", "EndDate", w.day}, 0, 1, 2)
			}},
		{ID: "list.date-local", Sentence: "A date of a filter without an offset is in UTC.",
			Source: Assumed, check: func(s *session) {
				w := s.window()
				s.wantList([]string{"StartDate", w.day + "T12:00:00", "EndDate", w.day}, 0, 1, 2)
			}},
		{ID: "list.date-milliseconds", Sentence: "A date of a filter may have milliseconds.",
			Source: Assumed, Reference: "a program in production", check: func(s *session) {
				w := s.window()
				s.wantList([]string{"StartDate", w.day, "EndDate", w.day + "T12:00:00.000Z"}, 2, 3, 4)
			}},
		{ID: "list.end-second", Sentence: "An EndDate without a fraction includes its whole second.",
			Source: Assumed, check: func(s *session) {
				c := s.conversation("UniqueName", s.name(), "DateCreated", s.window().day[:5]+"01-01T01:02:03.500Z")
				second := s.window().day[:5] + "01-01T01:02:03Z"
				listed := s.soon(func() bool { return slices.Contains(s.list("StartDate", second, "EndDate", second).sids(), c.sid()) })
				want(listed, "a conversation of the same second is left out")
			}},
		{ID: "list.state", Sentence: "State leaves out conversations in other states.",
			Source: Documented, Reference: resourcePage, check: func(s *session) {
				s.wantList(s.window().all("State", "active"), 0, 2, 4)
				s.wantList(s.window().all("State", "inactive"), 3)
				s.wantList(s.window().all("State", "closed"), 1)
			}},
		{ID: "list.state-moves", Sentence: "A conversation whose state changes moves from one list to the other.",
			Source: Documented, Reference: resourcePage, check: func(s *session) {
				day := s.window().day[:5] + "02-01"
				c := s.conversation("UniqueName", s.name(), "DateCreated", day+"T12:00:00Z")
				s.post(s.path(c.sid()), "State", "inactive")
				in := func(state string) bool {
					return slices.Contains(s.list("StartDate", day, "EndDate", day, "State", state).sids(), c.sid())
				}
				want(s.soon(func() bool { return in("inactive") }), "it is not in the new list")
				want(s.soon(func() bool { return !in("active") }), "it is still in the old list")
			}},
		{ID: "list.state-initializing", Sentence: "State takes initializing too.",
			Source: Documented, Reference: publishedTypes, check: func(s *session) {
				s.wantList(s.window().all("State", "initializing"))
			}},
		{ID: "list.empty-values", Sentence: "An empty StartDate, EndDate or PageToken is none.",
			Source: Assumed, check: func(s *session) {
				page := s.list("StartDate", s.window().day, "EndDate", "", "PageToken", "", "PageSize", "1")
				want(len(page.items()) == 1, "the list is empty")
				s.list("StartDate", "", "PageSize", "1")
			}},
		{ID: "list.order", Sentence: "Without filters the newest come first.",
			Source: Assumed, check: func(s *session) { s.recent().wantNewestFirst() }},
		{ID: "list.state-order", Sentence: "With State alone the newest come first.",
			Source: Assumed, check: func(s *session) { s.recent("State", "active").wantNewestFirst() }},
		{ID: "list.deleted", Sentence: "A deleted conversation is in no list.",
			Source: Documented, Reference: resourcePage, check: func(s *session) {
				day := s.window().day[:5] + "03-01"
				c := s.conversation("UniqueName", s.name(), "DateCreated", day+"T12:00:00Z")
				s.delete(s.path(c.sid()))
				unlisted := s.soon(func() bool { return !slices.Contains(s.list("StartDate", day, "EndDate", day).sids(), c.sid()) })
				want(unlisted, "it is listed")
			}},
	}
}
