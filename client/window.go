package client

import (
	"errors"
	"math"
	"slices"
)

// window is a period of creation dates that one worker reads, from its newest conversation to its
// oldest. It owns whole seconds, which is what responses show of dates, and each second has one owner.
//
// Its requests reach a second further, since it is not known whether the server compares dates to the
// second or finer. What they return from beyond the window is dropped. So nothing is missed and
// nothing is yielded twice, with nothing to remember.
//
// Because the newest come first, the older part of a window can be given to another worker at any time:
// the first one stops at the first conversation that it no longer owns.
type window struct {
	oldest, newest int64  // the seconds that it owns, in Unix time
	from, until    int64  // the dates its requests ask for; page tokens belong to them
	last           int64  // the second reached so far: [oldest, last] is left
	cursor         Cursor // of its next page
	reading        bool   // that page is in flight
	splitOff       bool   // and is its first, which tells whether splitting it off paid
	seen           *cycle
	density
}

// density is what pages told about how conversations lie in time. A window that is split off inherits it.
type density struct {
	span  float64 // seconds that a page covers; 0 while nothing is known
	since int64   // the newest second from which on it has been about like that
	known float64 // for how many seconds from there that was seen
}

const (
	// noOldest and noNewest bound a window that is not bounded, and leave room to calculate.
	noOldest, noNewest = math.MinInt64 / 4, math.MaxInt64 / 4
	// oldestGuess is the Unix time before which no conversations are expected. If there are some, they
	// are read like all others, but by one worker.
	oldestGuess = 0
	// worthSplitting is how many pages must be left in a window for it to be split.
	worthSplitting = 1.5
	// A split that finds less than a page costs a request. Up to freeSplits of them, and one more for each
	// pagesPerSplit pages, may do so: many workers on few pages would otherwise search for more.
	freeSplits, pagesPerSplit = 8, 5
	// denser is how much denser conversations must become for what was known before to say nothing.
	denser = 8
)

// windows are the windows of a scan that are not read to their end. Together they own every second in
// which a conversation may be left.
type windows struct {
	open   []*window
	splits int // windows that were split off
	paid   int // those of them that held more than a page
	full   int // pages that were read and that others followed
}

// newWindows returns one window, of all seconds from the given one.
func newWindows(oldest int64) *windows {
	return &windows{open: []*window{{oldest: oldest, newest: noNewest, from: oldest, until: noNewest, last: noNewest, seen: newCycle("")}}}
}

// next returns a window to read a page of: one that waits, or else the older part of the one that has
// most left. It returns nil if no window is worth splitting, or too many splits did not pay.
func (s *windows) next() *window {
	var most *window
	pages := worthSplitting
	for _, w := range s.open {
		if !w.reading {
			return w
		}
		if left := w.pagesLeft(); left >= pages {
			most, pages = w, left
		}
	}
	if most == nil || s.splits-s.paid >= freeSplits+s.full/pagesPerSplit {
		return nil
	}
	s.splits++
	older := most.split()
	s.open = append(s.open, older)
	return older
}

var errScanOrder = errors.New("the conversations are not those of the requested dates, newest first")

// take notes that a page of the window was read, and returns those of its conversations that the
// window owns.
func (s *windows) take(w *window, page *Page) ([]*Conversation, error) {
	from, end, done := 0, len(page.Items), page.Next == ""
	before := min(w.last, w.newest)
	for i, conv := range page.Items {
		at := conv.DateCreated.Unix()
		if conv.DateCreated.IsZero() || at > w.last {
			return nil, errScanOrder // continuing would miss some
		}
		w.last = at
		switch {
		case at > w.newest:
			from = i + 1
		case at < w.oldest:
			end, done = min(end, i), true
		}
	}
	if done {
		s.open = slices.DeleteFunc(s.open, func(o *window) bool { return o == w })
	} else {
		s.full++
		if w.splitOff {
			w.splitOff = false
			s.paid++
		}
		if w.seen.repeats(page.Next) {
			return nil, errPageRepeated
		}
		w.cursor = page.Next
		w.measure(page.Items, before)
	}
	return page.Items[from:max(from, end)], nil
}

// left returns how many seconds are left in the window, and how many lie between them and the second from
// which on the density is known.
func (w *window) left() (before, left float64) {
	return max(w.span, float64(w.since-w.last)), float64(w.last - max(w.oldest, oldestGuess))
}

// pagesLeft estimates how many pages are left, the one in flight included.
//
// At the known density there would be 1/span pages in each second, but how far back conversations remain as
// dense is unknown. The estimate takes the moment of looking for a random one: what was seen for t seconds is
// still so x seconds further back with a chance of t/(t+x). The sum of these chances over all seconds
// left is a logarithm. So a window that is open to the past counts for a few pages rather than
// thousands, and one within a dense period for nearly all that it can hold.
func (w *window) pagesLeft() float64 {
	before, left := w.left()
	if w.span == 0 || left < 2 {
		return 0 // nothing is known, or there are no two parts with a second between them
	}
	return w.known * math.Log(1+left/before) / w.span
}

// split gives away the older part of what is left, with half of the pages expected there. By the
// logarithm of pagesLeft, half of them are newer than the geometric mean of before and before+left.
func (w *window) split() *window {
	before, left := w.left()
	keep := (math.Sqrt(before*(before+left)) - before) / w.span // pages
	// The window keeps whole pages, less a standard deviation for pages of 100: its last page then
	// reaches beyond its end. Otherwise it would take one more request to see that nothing is left.
	keep = max(1, math.Floor(keep))
	keep -= 0.1 * math.Sqrt(keep)
	// The second reached last may hold many conversations: the older part stays clear of it.
	newest := w.last - int64(math.Ceil(max(2, keep*w.span)))
	older := &window{oldest: w.oldest, newest: newest, from: w.oldest, until: newest + 1, last: newest + 1, splitOff: true, seen: newCycle(""), density: w.density}
	w.oldest = newest + 1
	return older
}

// measure updates the density after a page that begins somewhere below the second before.
func (w *window) measure(items []*Conversation, before int64) {
	if len(items) == 0 {
		return
	}
	newest := items[0].DateCreated.Unix()
	span := max(0.5, float64(newest-w.last))
	if before < noNewest {
		// The geometric mean of the span of the page, and that with the gap before it: conversations that come
		// in bursts are neither as dense as a burst nor as sparse as all of them.
		span = math.Sqrt(span * max(0.5, float64(before-w.last)))
	}
	if w.span == 0 || span*denser < w.span {
		w.since = newest
	}
	w.span, w.known = span, max(span, float64(w.since-w.last))
}
