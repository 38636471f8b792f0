package client

import (
	"context"
	"runtime"

	"github.com/twilio-conversations-go/conversations/gen"
)

// fetched is the result of requesting a page.
type fetched struct {
	page     *Page
	response Response // the last response
	err      error

	ended    bool // the goroutine ended before the request did
	panicked any  // with this value; nil if runtime.Goexit ended it, as a failing test does
}

// surface ends the goroutine of the caller in the way in which the goroutine of the request ended.
// A panic in a transport or a request editor then looks as it does without a goroutine in between.
func (f fetched) surface() {
	if !f.ended {
		return
	}
	if f.panicked != nil {
		panic(f.panicked)
	}
	runtime.Goexit()
}

// repeated returns the error of a page whose next page was seen before.
func (f fetched) repeated(call *call) *Error {
	e := f.response.error(call, errPageRepeated)
	e.Cursor = f.page.Next
	return e
}

func (r *Conversations) fetchPage(ctx context.Context, call call, query gen.ListConversationParams, cursor Cursor) (f fetched) {
	call.response = &f.response
	f.page, f.err = r.page(ctx, &call, query, cursor)
	return f
}

// fetchAhead fetches a page in its own goroutine. It calls deliver in any case, also if the request
// panics.
func (r *Conversations) fetchAhead(ctx context.Context, call call, query gen.ListConversationParams, cursor Cursor, deliver func(fetched)) {
	go func() {
		f := fetched{ended: true}
		defer func() {
			if f.ended {
				f.panicked = recover()
			}
			deliver(f)
		}()
		f = r.fetchPage(ctx, call, query, cursor)
	}()
}

// prefetch fetches the pages of a list one after the other, each in advance if start was called.
type prefetch struct {
	list   *Conversations
	ctx    context.Context
	cancel context.CancelFunc
	call   call
	query  gen.ListConversationParams
	ahead  chan fetched // the page in flight, nil if there is none
}

func (r *Conversations) prefetch(ctx context.Context, call call, query gen.ListConversationParams) *prefetch {
	ctx, cancel := context.WithCancel(ctx)
	return &prefetch{list: r, ctx: ctx, cancel: cancel, call: call, query: query}
}

// start begins to fetch a page, unless one is in flight.
func (p *prefetch) start(cursor Cursor) {
	if p.ahead == nil {
		p.ahead = make(chan fetched, 1)
		p.list.fetchAhead(p.ctx, p.call, p.query, cursor, func(f fetched) { p.ahead <- f })
	}
}

// next returns the page in flight. If there is none, it fetches the given page.
func (p *prefetch) next(cursor Cursor) fetched {
	if p.ahead == nil {
		return p.list.fetchPage(p.ctx, p.call, p.query, cursor)
	}
	f := <-p.ahead
	p.ahead = nil
	f.surface()
	return f
}

// stop cancels the request in flight and waits for its end.
func (p *prefetch) stop() {
	p.cancel()
	if p.ahead != nil {
		<-p.ahead
	}
}
