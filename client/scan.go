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
	// defaultScanWorkers is how many requests a scan has in flight unless ScanParams says otherwise.
	defaultScanWorkers = 8
	maxScanWorkers     = 64
)

// ScanParams selects what a scan visits, and how. A zero field is left out.
type ScanParams struct {
	// State selects the conversations in one state.
	State State
	// StartDate and EndDate select by creation date, both inclusive, as in [ListParams]. Neither is needed:
	// a scan finds out by itself where the conversations are.
	StartDate, EndDate time.Time
	// PageSize is how many conversations to request in each page, as in [ListParams].
	PageSize int
	// Workers is the maximum number of requests in flight, from 1 to 64. The default is 8. A scan uses no
	// more than pay: few pages are read by few workers.
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
	// Requests is how many pages were requested, not counting retries.
	Requests int
}

// Scan returns all conversations that match, as [Conversations.List] does, but several times as fast
// and in no particular order. It divides the time in which they were created into windows, and reads
// several at once. What was created within one second is not divided.
//
// A conversation that is there throughout the scan is yielded exactly once, unless its creation date is
// changed meanwhile. One that is created or deleted meanwhile is yielded once or not at all.
//
// When the server responds that there are too many requests (429), the scan halves the number of
// requests in flight. It adds one after each round without such a response, up to Workers. The request
// itself is retried like any other, and counts as in flight while it waits. When it has no attempts
// left, that is a failure only if no other request is in flight.
//
// The first failure is yielded once and ends the scan, which cannot be resumed. Leaving the loop cancels the
// requests in flight and waits for their end: nothing is left behind. At most Workers+1 pages are held
// in memory, however many conversations there are.
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
	query   gen.ListConversationParams // of every window, but for its own dates
	oldest  int64                      // of the first window, whose StartDate is the caller's
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

// newScan checks the parameters and returns a scan of which nothing is in flight.
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
		// Twilio promises an order only where there is a date. This one leaves nothing out.
		query.EndDate, _ = date("EndDate", latest)
	}
	workers := cmp.Or(params.Workers, defaultScanWorkers)
	ctx, cancel := context.WithCancel(ctx)
	return &scan{list: r, ctx: ctx, cancel: cancel, call: call, query: query, oldest: oldest,
		windows: newWindows(oldest), workers: newPool(workers), pages: make(chan scanned, workers)}, nil
}

// start requests pages as long as there is a worker and a window for it, and returns how many.
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

// queryOf returns the query of a window. The first window has the caller's own dates, and any other one
// has the older part of one with a StartDate of its own or the caller's.
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
			e.Cursor = "" // it is one of the window, which the caller cannot resume
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
