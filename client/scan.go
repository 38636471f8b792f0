package client

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"net/http"
	"time"

	"github.com/twilio-conversations-go/conversations/gen"
)

const (
	// defaultScanWorkers is the default maximum number of requests in flight.
	defaultScanWorkers = 8
	maxScanWorkers     = 64
)

// ScanParams selects what a scan visits, and how. A zero field is left out.
type ScanParams struct {
	// State selects the conversations in one state.
	State State
	// StartDate and EndDate select by creation date, both inclusive, as in [ListParams]. A scan
	// needs neither: it finds out by itself where the conversations are.
	StartDate, EndDate time.Time
	// PageSize is the number of conversations to request in each page, as in [ListParams].
	PageSize int
	// Workers is the maximum number of requests in flight, from 1 to 64. The default is 8. A scan
	// uses fewer if more would not make it faster, as with few pages.
	Workers int
	// Progress, if set, is called after the conversations of each page. It is called in the
	// goroutine of the loop, never while the body of the loop runs.
	Progress func(ScanProgress)
}

// ScanProgress is the progress of a scan.
type ScanProgress struct {
	// Done is the number of conversations yielded.
	Done int
	// Windows is the number of windows of time that are being read. A scan is complete when none is
	// left.
	Windows int
	// Requests is the number of pages requested, not counting retries.
	Requests int
}

// Scan returns all conversations that match, as [Conversations.List] does, but several times as
// fast and in no particular order. It divides the time in which they were created into windows, and
// reads several windows at once. What was created within one second is not divided.
//
// A conversation that exists throughout the scan is yielded exactly once, unless its creation date
// is changed meanwhile. One that is created or deleted meanwhile is yielded once or not at all.
//
// When a response is a 429 (too many requests), the scan halves the number of requests in flight.
// It adds one after each round without such a response, up to Workers. The request itself is
// retried like any other, and counts as in flight while it waits. If it has no attempts left, the
// scan fails only if no other request is in flight.
//
// The first failure is yielded once and ends the scan, which cannot be resumed. Breaking out of the
// loop cancels whatever is in flight and waits for its end; no goroutine is left. At most Workers+1
// pages are held in memory, however many conversations there are.
func (r *Conversations) Scan(ctx context.Context, params ScanParams, opts ...CallOption) iter.Seq2[*Conversation, error] {
	return func(yield func(*Conversation, error) bool) {
		s, err := r.newScan(ctx, params, opts)
		if err != nil {
			yield(nil, err)
			return
		}
		defer s.stop()
		var page []*Conversation
		var progress ScanProgress
		for {
			// The next requests are in flight before the caller works on the page.
			progress.Requests += s.start()
			for _, conv := range page {
				if !yield(conv, nil) {
					return
				}
			}
			progress.Done, progress.Windows = progress.Done+len(page), len(s.windows.open)
			if params.Progress != nil && progress.Requests > s.inFlight {
				params.Progress(progress)
			}
			if s.inFlight == 0 {
				return
			}
			if page, err = s.next(); err != nil {
				yield(nil, err)
				return
			}
		}
	}
}

// scan reads the pages of windows, several at once.
type scan struct {
	list    *Conversations
	ctx     context.Context
	cancel  context.CancelFunc
	call    *call
	query   gen.ListConversationParams // of every window, except for its dates
	oldest  int64                      // the oldest second of the first window
	windows *windows
	workers *pool

	inFlight int
	pages    chan scanned
}

// scanned is a page of a window.
type scanned struct {
	window *window
	fetched
}

// latest is a date that no conversation is newer than.
var latest = time.Date(9999, 12, 31, 23, 59, 59, 999e6, time.UTC)

// newScan checks the parameters and returns a scan with nothing in flight.
func (r *Conversations) newScan(ctx context.Context, params ScanParams, opts []CallOption) (*scan, error) {
	call, query, err := r.newList(ListParams{State: params.State, StartDate: params.StartDate, EndDate: params.EndDate, PageSize: params.PageSize}, opts)
	if err != nil {
		return nil, err
	}
	if params.Workers < 0 || params.Workers > maxScanWorkers {
		return nil, &ParamError{Param: "Workers", Reason: "must be from 1 to 64, or 0 for the default"}
	}
	oldest := int64(noOldest)
	if !params.StartDate.IsZero() {
		oldest = params.StartDate.Unix()
	} else if params.EndDate.IsZero() {
		// Twilio promises an order only if there is a date. This one leaves nothing out.
		query.EndDate, _ = date("EndDate", latest)
	}
	workers := cmp.Or(params.Workers, defaultScanWorkers)
	ctx, cancel := context.WithCancel(ctx)
	return &scan{list: r, ctx: ctx, cancel: cancel, call: call, query: query, oldest: oldest,
		windows: newWindows(oldest), workers: newPool(workers), pages: make(chan scanned, workers)}, nil
}

// start requests pages while there is a worker and a window for it. It returns their number.
func (s *scan) start() (requests int) {
	for ; s.inFlight < s.workers.size(); requests++ {
		w := s.windows.next()
		if w == nil {
			break
		}
		w.reading = true
		s.inFlight++
		ctx := onRateLimit(s.ctx, s.workers.limited())
		s.list.fetchAhead(ctx, *s.call, s.queryOf(w), w.cursor, func(f fetched) { s.pages <- scanned{w, f} })
	}
	return requests
}

// queryOf returns the query of a window. A date that is not the window's own is the caller's, to
// the millisecond.
func (s *scan) queryOf(w *window) gen.ListConversationParams {
	query := s.query
	if w.from != s.oldest {
		query.StartDate, _ = date("StartDate", time.Unix(w.from, 0))
	}
	if w.until != noNewest {
		query.EndDate, _ = date("EndDate", time.Unix(w.until, 0))
	}
	return query
}

// next waits for a page and returns those of its conversations that its window owns.
func (s *scan) next() ([]*Conversation, error) {
	f := <-s.pages
	s.inFlight--
	f.window.reading = false
	f.surface()
	if s.call.response != nil {
		*s.call.response = f.response
	}
	if f.err != nil {
		e, ok := errors.AsType[*Error](f.err)
		if ok && e.Status == http.StatusTooManyRequests && e.RetryAfter <= s.call.retry.MaxDelay && s.inFlight > 0 {
			return nil, nil // the window waits until there are fewer requests
		}
		if ok {
			e.Cursor = "" // it belongs to the window, which the caller cannot resume
		}
		return nil, f.err
	}
	s.workers.succeeded()
	page, err := s.windows.take(f.window, f.page)
	if err != nil {
		return nil, f.response.error(s.call, err)
	}
	return page, nil
}

// stop cancels the requests in flight and waits for their end.
func (s *scan) stop() {
	for s.cancel(); s.inFlight > 0; s.inFlight-- {
		<-s.pages
	}
}
