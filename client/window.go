package client

import (
	"math"

	"github.com/twilio-conversations-go/conversations/gen"
)

// window is a part of the time. It owns whole seconds, which is what answers show of dates, and each second
// has one owner. Its requests reach a second further, since it is not known whether the server compares
// dates to the second or finer, and what they return from beyond the window is dropped. So nothing is
// missed and nothing is returned twice, with nothing to remember.
//
// A window is read from its newest conversation to its oldest. Its older part can therefore be given to
// another reader at any time: this one stops when it comes to the first conversation that it no longer owns.
type window struct {
	oldest, newest int64 // the seconds that it owns, in Unix time
	query          gen.ListConversationParams
	cursor         Cursor // of its next page
	inFlight       bool   // that page was asked for
	last           int64  // the second reached so far: [oldest, last] is left

	// What there is to estimate from. A window that is split off inherits it.
	span  float64 // the seconds that a page covers; 0 while nothing is known
	since int64   // the newest second from which on conversations are about as dense as that
	known float64 // for how many seconds from there they were seen to be

	pages int    // how many pages were read
	mark  Cursor // one that came before, to notice when they go round in circles
}

const (
	// noOldest and noNewest bound a window that is not bounded, and leave room to calculate.
	noOldest, noNewest = math.MinInt64 / 4, math.MaxInt64 / 4
	// oldestGuess is the Unix time before which no conversations are expected. If there are some, they
	// are read like all others, but by one worker.
	oldestGuess = 0
	// worthSplitting is how many pages must be left in a window for it to be divided.
	worthSplitting = 1.5
	// denser is how much denser conversations must have become for their past to say nothing any more.
	denser = 8
)

// left returns the seconds that are left in the window, and those that conversations would have been
// about as dense before it.
func (w *window) left() (before, left float64) {
	return max(w.span, float64(w.since-w.last)), float64(w.last - max(w.oldest, oldestGuess))
}

// pagesLeft estimates how many pages are left, the one in flight included. How far conversations go on to
// be as dense as they were is unknown; what lasted for a time t lasts for a time x with a chance of t/x
// (as if it were seen at a random moment of its duration). What that comes to in a window is a logarithm,
// which covers all cases alike: a window that is open to the past, one that was just split off, one deep
// within a dense period.
func (w *window) pagesLeft() float64 {
	before, left := w.left()
	if w.span == 0 || left < 2 {
		return 0 // nothing is known, or there are no two parts that keep a second between them
	}
	return w.known * math.Log(1+left/before) / w.span
}

// split gives away the older part of what is left in the window: half of what is expected there.
func (w *window) split() *window {
	before, left := w.left()
	// The window keeps whole pages less a standard deviation for a page of 100, so that the last of them
	// comes to its end: otherwise it would take one more to find that out.
	keep := max(1, math.Floor((math.Sqrt(before*(before+left))-before)/w.span))
	keep -= 0.1 * math.Sqrt(keep)
	// The second reached last may hold many conversations: the older part stays clear of it.
	newest := w.last - int64(math.Ceil(max(2, keep*w.span)))
	older := &window{oldest: w.oldest, newest: newest, last: newest + 1, span: w.span, since: w.since, known: w.known}
	w.oldest = newest + 1
	return older
}

// measure updates what is known of the density, after a page that begins somewhere below the second before.
func (w *window) measure(items []*Conversation, before int64) {
	if len(items) == 0 {
		return
	}
	newest := items[0].DateCreated.Unix()
	span := max(0.5, float64(newest-w.last))
	if before < noNewest {
		// In between the density within the page and that with the gap before it: conversations that come
		// in bursts are neither as dense as a burst nor as sparse as all of them.
		span = math.Sqrt(span * max(0.5, float64(before-w.last)))
	}
	if w.span == 0 || span*denser < w.span {
		w.since = newest
	}
	w.span, w.known = span, max(span, float64(w.since-w.last))
}
