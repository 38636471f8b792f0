package client

import (
	"errors"
	"math"
	"slices"
)

// window is a period of creation dates that one worker reads, from the newest conversation to the
// oldest. It owns whole seconds, since responses show dates to the second. Each second has one
// owner.
//
// The requests of a window reach one second further at either end, since it is not known whether
// the server compares dates to the second or more finely. Conversations outside the window are
// dropped. So nothing is missed and nothing is yielded twice, with nothing to remember.
//
// Because the newest conversations come first, the older part of a window can be given to another
// worker at any time. The first worker stops at the first conversation that its window no longer
// owns.
type window struct {
	oldest, newest int64  // the seconds that it owns, in Unix time
	from, until    int64  // the dates of its requests, to which its page tokens belong
	last           int64  // the second reached so far: [oldest, last] is left
	cursor         Cursor // the next page
	reading        bool   // the next page is in flight
	splitOff       bool   // no page was read since it was split off
	seen           *cycle
	density
}

// density is what the pages read so far say about how conversations are spread over time. A window
// that is split off inherits it.
type density struct {
	span  float64 // how many seconds a page covers; 0 while nothing is known
	since int64   // the newest second of the period with about this density
	known float64 // the length in seconds of that period, as far as it was read
}

const (
	// noOldest and noNewest are the bounds of an unbounded window. They leave room to calculate.
	noOldest, noNewest = math.MinInt64 / 4, math.MaxInt64 / 4
	// oldestGuess is the Unix time before which no conversations are expected. If there are some,
	// one worker reads them.
	oldestGuess = 0
	// worthSplitting is the minimum number of pages left in a window for it to be split.
	worthSplitting = 1.5
	// A split that finds less than a page costs a request. Up to freeSplits of them may do so, and
	// one more for each pagesPerSplit pages. Otherwise many workers on few pages would search on
	// and on.
	freeSplits, pagesPerSplit = 8, 5
	// denser is the factor by which the density must grow for what was known before to be
	// forgotten.
	denser = 8
)

// windows are the windows of a scan that are not read to their end. Together they own every second
// that may hold more conversations.
type windows struct {
	open   []*window
	splits int // windows split off
	paid   int // windows split off that held more than a page
	full   int // pages read that were not the last of their window
}

// newWindows returns one window, of all seconds from oldest on.
func newWindows(oldest int64) *windows {
	return &windows{open: []*window{{oldest: oldest, newest: noNewest, from: oldest, until: noNewest, last: noNewest, seen: newCycle("")}}}
}

// next returns a window to read a page of: one that is not being read, or else the older part of
// the one with the most pages left. It returns nil if no window is worth splitting, or if too many
// splits did not pay.
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

var errScanOrder = errors.New("the response does not have the conversations of the requested dates, newest first")

// take records that a page of the window was read. It returns those of its conversations that the
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

// left returns the length in seconds of what was read at the known density (before), and of what is
// left to read.
func (w *window) left() (before, left float64) {
	return max(w.span, float64(w.since-w.last)), float64(w.last - max(w.oldest, oldestGuess))
}

// pagesLeft estimates how many pages are left, including the one in flight.
//
// At the known density there would be 1/span pages in each second, but it is unknown how far back
// that density goes. The estimate assumes that we look at a random moment: if the density was seen
// for t seconds, it holds x seconds further back with probability t/(t+x). The sum of these
// probabilities over all seconds left is a logarithm.
//
// So a window that is open to the past counts for a few pages rather than thousands. A window
// within a dense period counts for nearly all that it can hold.
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
	// The window keeps whole pages, less a standard deviation for pages of 100, so that its last
	// page reaches beyond its end. Otherwise it would take one more request to see that nothing is
	// left.
	keep = max(1, math.Floor(keep))
	keep -= 0.1 * math.Sqrt(keep)
	// The second reached last may hold many conversations. The older part begins at a distance from
	// it.
	newest := w.last - int64(math.Ceil(max(2, keep*w.span)))
	older := &window{oldest: w.oldest, newest: newest, from: w.oldest, until: newest + 1, last: newest + 1, splitOff: true, seen: newCycle(""), density: w.density}
	w.oldest = newest + 1
	return older
}

// measure updates the density after a page. The page begins below the second before, to which the
// previous page reached.
func (w *window) measure(items []*Conversation, before int64) {
	if len(items) == 0 {
		return
	}
	newest := items[0].DateCreated.Unix()
	span := max(0.5, float64(newest-w.last))
	if before < noNewest {
		// The geometric mean of the span of the page alone and the span including the gap before
		// it. Conversations that come in bursts are neither as dense as a burst nor as sparse as
		// their average.
		span = math.Sqrt(span * max(0.5, float64(before-w.last)))
	}
	if w.span == 0 || span*denser < w.span {
		w.since = newest
	}
	w.span, w.known = span, max(span, float64(w.since-w.last))
}
