package client

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"net/http"
	"slices"
	"time"

	"github.com/twilio-conversations-go/conversations/gen"
)

// defaultScanWorkers is how many requests a scan has in flight unless ScanParams says otherwise.
const defaultScanWorkers = 8

// maxScanWorkers is the most requests that a scan may have in flight.
const maxScanWorkers = 64

// ScanParams select what a scan visits, and how. A zero field is left out.
type ScanParams struct {
	// State selects the conversations in one state.
	State State
	// StartDate and EndDate select by creation date, both inclusive, as in [ListParams]. Neither is needed:
	// a scan finds out by itself where the conversations are.
	StartDate, EndDate time.Time
	// PageSize is how many conversations to ask for in each request, as in [ListParams].
	PageSize int
	// Workers is how many requests are in flight at the most, from 1 to 64, 8 if zero.
	Workers int
	// Progress, if set, is called after the conversations of each page. It is called by the goroutine
	// that ranges over the scan, never while the body of the loop runs.
	Progress func(ScanProgress)
}

// ScanProgress is how far a scan has come.
type ScanProgress struct {
	// Done is how many conversations were yielded.
	Done int
	// Windows is how many windows of time are being read. A scan is complete when none is left.
	Windows int
	// Requests is how many pages were asked for, not counting retries.
	Requests int
}

// Scan returns all conversations that match, as [Conversations.List] does, but several times as fast
// and in no particular order: it divides the time in which they were created into windows, and reads several
// at once. What was created within one second is not divided.
//
// A conversation that is there throughout the scan is yielded exactly once, unless its creation date is
// changed meanwhile. One that is created or deleted meanwhile is yielded once or not at all.
//
// When the server answers that there are too many requests (429), half as many are in flight from then
// on, and one more after each round without such an answer, up to Workers. The request itself is tried
// again as any other, and counts as in flight while it waits; when it has no attempts left, that is a failure
// only if no other one is in flight.
//
// The first failure is yielded once and ends the scan, which cannot be resumed. Leaving the loop cancels the
// requests in flight and waits for their end, so that nothing is left behind. At most Workers+1 pages
// are held in memory, however many conversations there are.
func (r *Conversations) Scan(ctx context.Context, params ScanParams, opts ...CallOption) iter.Seq2[*Conversation, error] {
	return func(yield func(*Conversation, error) bool) {
		call, query, err := r.newList(ListParams{State: params.State, StartDate: params.StartDate, EndDate: params.EndDate, PageSize: params.PageSize}, opts)
		if err == nil && (params.Workers < 0 || params.Workers > maxScanWorkers) {
			err = &ParamError{Param: "Workers", Reason: "it must be from 1 to 64, or zero"}
		}
		if err != nil {
			yield(nil, err)
			return
		}
		ctx, cancel := context.WithCancel(ctx)
		workers := newPool(cmp.Or(params.Workers, defaultScanWorkers))
		type result struct {
			window *window
			fetched
		}
		results := make(chan result, workers.most)
		inFlight := 0
		defer func() {
			cancel()
			for ; inFlight > 0; inFlight-- {
				<-results
			}
		}()
		s := newScan(params, query)
		var progress ScanProgress
		var page []*Conversation
		for {
			// The next requests are under way before the caller works on the page.
			for inFlight < workers.size() {
				w := s.next()
				if w == nil {
					break
				}
				w.inFlight = true
				inFlight++
				progress.Requests++
				r.fetchAhead(onRateLimit(ctx, workers.limited()), *call, w.query, w.cursor, func(f fetched) { results <- result{w, f} })
			}
			for _, c := range page {
				if !yield(c, nil) {
					return
				}
			}
			progress.Done, progress.Windows = progress.Done+len(page), len(s.windows)
			if params.Progress != nil && progress.Requests > inFlight {
				params.Progress(progress)
			}
			if inFlight == 0 {
				return
			}

			f := <-results
			inFlight--
			f.window.inFlight = false
			page = nil
			if call.response != nil {
				*call.response = f.response
			}
			e, ok := errors.AsType[*Error](f.err)
			if ok && e.Status == http.StatusTooManyRequests && e.RetryAfter <= r.client.retry.MaxDelay && inFlight > 0 {
				continue // others took its place; it waits until there are fewer
			}
			if f.err == nil {
				workers.succeeded()
				if page, err = s.take(f.window, f.page); err != nil {
					f.err = f.response.error(call, err)
				}
			}
			if f.err != nil {
				if ok {
					e.Cursor = "" // it is one of the window, which the caller cannot resume
				}
				yield(nil, f.err)
				return
			}
		}
	}
}

// scan divides time into windows, and decides which is read next.
type scan struct {
	query   gen.ListConversationParams // of every window, but for its own dates
	oldest  int64
	windows []*window // those that are not read to their end
}

// latest is a date that all conversations are older than.
var latest = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)

var errScanOrder = errors.New("the conversations are not those of the dates asked for, newest first")

func newScan(params ScanParams, query gen.ListConversationParams) *scan {
	s := &scan{query: query, oldest: noOldest}
	if !params.StartDate.IsZero() {
		s.oldest = params.StartDate.Unix()
	} else if params.EndDate.IsZero() {
		// Twilio promises an order only where there is a date. This one leaves nothing out.
		s.query.EndDate, _ = date("EndDate", latest)
	}
	s.windows = []*window{{oldest: s.oldest, newest: noNewest, last: noNewest, query: s.query}}
	return s
}

// next returns a window to read a page of, nil if there is none: one that waits, or else the older part of
// the one that has the most left.
func (s *scan) next() *window {
	var most *window
	pages := worthSplitting
	for _, w := range s.windows {
		if !w.inFlight {
			return w
		}
		if left := w.pagesLeft(); left >= pages {
			most, pages = w, left
		}
	}
	if most == nil {
		return nil
	}
	older := most.split()
	older.query = s.query
	if older.oldest != s.oldest {
		older.query.StartDate, _ = date("StartDate", time.Unix(older.oldest, 0))
	}
	older.query.EndDate, _ = date("EndDate", time.Unix(older.newest+1, 0))
	s.windows = append(s.windows, older)
	return older
}

// take returns those conversations of a page that the window owns.
func (s *scan) take(w *window, page *Page) ([]*Conversation, error) {
	from, end, done := 0, len(page.Items), page.Next == ""
	before := min(w.last, w.newest)
	for i, c := range page.Items {
		at := c.DateCreated.Unix()
		if c.DateCreated.IsZero() || at > w.last {
			return nil, errScanOrder // to go on would be to miss some
		}
		w.last = at
		switch {
		case at > w.newest:
			from = i + 1
		case at < w.oldest:
			end, done = min(end, i), true
		}
	}
	if w.pages++; !done {
		if page.Next.token() == w.mark.token() {
			return nil, errPageRepeated
		}
		if w.pages&(w.pages-1) == 0 { // Brent: a circle of any length is noticed in its second round or third
			w.mark = page.Next
		}
		w.cursor = page.Next
		w.measure(page.Items, before)
	} else {
		s.windows = slices.DeleteFunc(s.windows, func(o *window) bool { return o == w })
	}
	return page.Items[from:max(from, end)], nil
}
