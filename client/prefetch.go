package client

import (
	"context"
	"errors"

	"github.com/twilio-conversations-go/conversations/gen"
)

// fetched is a page, and the last answer that it took to fetch it.
type fetched struct {
	page     *Page
	response Response
	err      error
}

func (r *Conversations) fetchPage(ctx context.Context, call call, query gen.ListConversationParams, cursor Cursor) (f fetched) {
	call.response = &f.response
	f.page, f.err = r.page(ctx, &call, query, cursor)
	return f
}

var errGoexit = errors.New("the transport ended the goroutine that it was called in")

// fetchAhead fetches a page in a goroutine of its own, which delivers it in any case: a test double
// that fails its test ends the goroutine.
func (r *Conversations) fetchAhead(ctx context.Context, call call, query gen.ListConversationParams, cursor Cursor, deliver func(fetched)) {
	go func() {
		f := fetched{err: (&Response{}).error(&call, errGoexit)}
		defer func() { deliver(f) }()
		f = r.fetchPage(ctx, call, query, cursor)
	}()
}
