package client

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/twilio-conversations-go/conversations/gen"
)

// defaultPageSize is how many conversations a page holds unless ListParams says otherwise: the
// most that Twilio documents today.
const defaultPageSize = 100

// maxPageSize is the most that a page may ask for.
const maxPageSize = 1000

// ListParams selects the conversations of a list and sets its page size. A zero field is left out.
//
// See https://www.twilio.com/docs/conversations/api/conversation-resource#read-multiple-conversation-resources
type ListParams struct {
	// State selects the conversations in one state.
	State State
	// StartDate selects the conversations created at that time or later. It is sent in UTC, to the
	// millisecond.
	StartDate time.Time
	// EndDate selects the conversations created at that time or earlier. It must not be before
	// StartDate. It is sent in UTC, to the millisecond.
	EndDate time.Time
	// PageSize is how many conversations to request in each page, from 1 to 1000. The default is 100,
	// or Limit if that is less. Twilio documents a maximum of 100 today, and may return fewer than requested. A
	// response with more is an error.
	PageSize int
	// Limit is the maximum number of conversations List yields. Zero means no limit. It cannot be used
	// with Page.
	Limit int
	// Cursor is where to begin: [Page.Next] or [Error.Cursor] of an earlier list of the same service,
	// State, StartDate and EndDate. If it is empty, the list begins with its first page.
	Cursor Cursor
}

// Page is one page of a list.
type Page struct {
	// Items are the conversations of the page. There may be none although more pages follow.
	Items []*Conversation
	// Next identifies the page after this one. It is empty on the last page; as [ListParams.Cursor] it
	// would then begin the list again.
	Next Cursor
}

// List returns the conversations that match, fetching one page at a time.
//
// The first request is sent when the loop starts. The next page is fetched while the caller works on
// the current one; on the first page not before the loop asks for the second conversation, so that
// looking at one costs one request. Leaving the loop cancels the request in flight and waits for its
// end: nothing is left behind.
//
// A failure is yielded once, after the conversations of the pages before it, and ends the list.
// [Error.Cursor] resumes it. To store a cursor after each page, use [Conversations.Page].
//
// A server that returns a page again as the next one is an error, at once if it is the page just
// read. A longer circle is noticed before three times as many pages were read as there are; until then
// its conversations are yielded again.
//
// With a start or end date the newest conversations come first. Otherwise Twilio documents no order.
// Nor does it document what becomes of conversations that are created or deleted meanwhile.
func (r *Conversations) List(ctx context.Context, params ListParams, opts ...CallOption) iter.Seq2[*Conversation, error] {
	return func(yield func(*Conversation, error) bool) {
		call, query, err := r.newList(params, opts)
		if err != nil {
			yield(nil, err)
			return
		}
		pages := r.prefetch(ctx, *call, query)
		defer pages.stop()
		left := cmp.Or(params.Limit, math.MaxInt)
		cursor, first := params.Cursor, true
		seen := newCycle(cursor)
		for {
			f := pages.next(cursor)
			if call.response != nil {
				*call.response = f.response
			}
			if f.err != nil {
				yield(nil, f.err)
				return
			}
			cursor = f.page.Next
			repeated := seen.repeats(cursor)
			more := cursor != "" && !repeated && left > len(f.page.Items)
			for i, conv := range f.page.Items {
				if more && (i > 0 || !first) {
					pages.start(cursor)
				}
				if !yield(conv, nil) {
					return
				}
				if left--; left == 0 {
					return
				}
			}
			if repeated {
				yield(nil, f.repeated(call))
			}
			if !more {
				return
			}
			first = false
		}
	}
}

// Page returns one page of a list: the first, or the one that params.Cursor identifies. A program that stores the
// cursor after each page can resume after a crash; the page it was working on then comes again.
//
//	for params := (client.ListParams{}); ; {
//		page, err := c.Conversations.Page(ctx, params)
//		// … work on page.Items, then store page.Next, or that there is none
//		if params.Cursor = page.Next; params.Cursor == "" {
//			break
//		}
//	}
func (r *Conversations) Page(ctx context.Context, params ListParams, opts ...CallOption) (*Page, error) {
	if params.Limit != 0 {
		return nil, &ParamError{Param: "Limit", Reason: "cannot be used with Page; use PageSize"}
	}
	call, query, err := r.newList(params, opts)
	if err != nil {
		return nil, err
	}
	f := r.fetchPage(ctx, *call, query, params.Cursor)
	if call.response != nil {
		*call.response = f.response
	}
	if f.err == nil && newCycle(params.Cursor).repeats(f.page.Next) {
		f.err = f.repeated(call)
	}
	if f.err != nil {
		return nil, f.err
	}
	return f.page, nil
}

// newList checks the parameters and returns the query of each page but for the cursor. This is the table to
// extend when a parameter joins the list.
func (r *Conversations) newList(params ListParams, opts []CallOption) (*call, gen.ListConversationParams, error) {
	var c checker
	query := gen.ListConversationParams{
		State:     c.filter("State", params.State),
		StartDate: c.bound("StartDate", params.StartDate),
		EndDate:   c.bound("EndDate", params.EndDate),
		PageSize:  c.pageSize("PageSize", params.PageSize, params.Limit),
	}
	if params.Limit < 0 {
		c.refuse("Limit", "", "must be positive, or 0 for no limit")
	}
	if query.EndDate != nil && params.EndDate.Before(params.StartDate) {
		c.refuse("EndDate", "", "must not be before StartDate")
	}
	if c.err != nil {
		return nil, query, c.err
	}
	if _, _, err := params.Cursor.parse(r.listDigest(query)); err != nil {
		return nil, query, err
	}
	call, err := r.newCall(&listConversation, "", nil, opts)
	return call, query, err
}

func (c *checker) pageSize(param string, size, limit int) *int64 {
	if size < 0 || size > maxPageSize {
		c.refuse(param, "", fmt.Sprintf("must be from 1 to %d, or 0 for the default", maxPageSize))
	}
	if size == 0 {
		size = defaultPageSize
		if limit > 0 {
			size = min(size, limit)
		}
	}
	return new(int64(size))
}

const (
	errNoPage       = fault("the response is not a page of conversations")
	errPageTooLarge = fault("the page has more conversations than requested")
	errPageRepeated = fault("the next page is one that the server returned before")
)

// page fetches the page that the cursor identifies.
func (r *Conversations) page(ctx context.Context, call *call, query gen.ListConversationParams, cursor Cursor) (*Page, error) {
	digest := r.listDigest(query)
	index, token, err := cursor.parse(digest)
	if err != nil {
		return nil, err
	}
	if token != "" {
		query.Page, query.PageToken = &index, &token
	}
	var page *Page
	e := r.client.do(ctx, call, func(ctx context.Context, g *gen.ClientWithResponses) error {
		list, err := r.scope.list(ctx, g, &query)
		if err != nil {
			return err
		}
		if page, err = r.newPage(call, list, int(*query.PageSize)); err != nil {
			return err
		}
		page.Next, err = nextCursor(digest, list.Meta.NextPageURL)
		return err
	})
	if e != nil {
		e.Cursor = cursor
		return nil, e
	}
	return page, nil
}

// newPage returns the conversations of a response, at most as many as were requested.
func (r *Conversations) newPage(call *call, list *gen.ListConversationResponse, requested int) (*Page, error) {
	if list == nil || list.Conversations == nil || list.Meta == nil {
		return nil, errNoPage
	}
	if len(list.Conversations) > requested {
		return nil, errPageTooLarge
	}
	page := &Page{Items: make([]*Conversation, len(list.Conversations))}
	for i, conv := range list.Conversations {
		if err := r.check(call, conv, nil, "", nil); err != nil {
			return nil, err
		}
		page.Items[i] = fromGenerated(conv)
	}
	return page, nil
}

// error is the error of a call that was answered, but not as it has to be.
func (r *Response) error(call *call, cause error) *Error {
	return &Error{Operation: *call.operationID, Status: r.StatusCode, RequestID: r.RequestID, Attempts: r.Attempts, cause: cause}
}
