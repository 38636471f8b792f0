package client

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/twilio-conversations-go/conversations/gen"
)

// defaultPageSize is how many conversations a page holds unless ListParams says otherwise: the
// most that Twilio documents today.
const defaultPageSize = 100

// maxPageSize is the most that a page may ask for.
const maxPageSize = 1000

// ListParams select and page a list. A zero field is left out.
//
// See https://www.twilio.com/docs/conversations/api/conversation-resource#read-multiple-conversation-resources
type ListParams struct {
	// State selects the conversations in one state.
	State State
	// StartDate selects the conversations created at that time or later. It is sent in UTC to the
	// millisecond.
	StartDate time.Time
	// EndDate selects the conversations created at that time or earlier, and not before StartDate. It is sent
	// in UTC to the millisecond.
	EndDate time.Time
	// PageSize is how many conversations to ask for in each page, from 1 to 1000, 100 if zero.
	// Twilio documents a maximum of 100 today, and may return fewer than were asked for.
	PageSize int
	// Limit is how many conversations List yields at the most, not negative; zero is no limit. Page refuses it.
	Limit int
	// Cursor is where to begin: [Page.Next] or [Error.Cursor] of an earlier list with the same
	// parameters. If empty, the list begins at its first conversation.
	Cursor Cursor
}

// Page is one page of a list.
type Page struct {
	// Items are the conversations of the page. There may be none although more pages follow.
	Items []*Conversation
	// Next stands for the page after this one. It is empty on the last; as [ListParams.Cursor] it would then
	// begin again.
	Next Cursor
}

// List returns the conversations that match, a page at a time. Nothing is sent before the loop
// begins. While the caller works on a page, the next one is fetched; on the first page not before the
// second conversation is asked for, so that a look at one costs one request. Leaving the loop cancels
// the request in flight and waits for its end, so that nothing is left behind.
//
// A failure is yielded once, after the conversations of the pages before it, and ends the list;
// [Error.Cursor] then resumes it. To store a cursor after each page, use [Conversations.Page].
//
// With a start or end date the newest conversations come first; otherwise Twilio documents no order, nor what
// becomes of conversations that are created or deleted meanwhile.
func (r *Conversations) List(ctx context.Context, params ListParams, opts ...CallOption) iter.Seq2[*Conversation, error] {
	return func(yield func(*Conversation, error) bool) {
		call, query, err := r.newList(params, opts)
		if err != nil {
			yield(nil, err)
			return
		}
		ctx, cancel := context.WithCancel(ctx)
		ahead := make(chan fetched, 1)
		fetching := false // whether the next page is on its way
		defer func() {
			cancel()
			if fetching {
				<-ahead
			}
		}()
		left := params.Limit
		if left == 0 {
			left = -1
		}
		cursor, seen := params.Cursor, map[string]bool{params.Cursor.token(): true}
		for first := true; ; {
			var next fetched
			if fetching {
				next, fetching = <-ahead, false
			} else {
				next = r.fetchPage(ctx, *call, query, cursor)
			}
			if call.response != nil {
				*call.response = next.response
			}
			if next.err != nil {
				yield(nil, next.err)
				return
			}
			token := next.page.Next.token()
			repeated := token != "" && seen[token]
			seen[token] = true
			cursor = next.page.Next
			more := cursor != "" && !repeated && (left < 0 || left > len(next.page.Items))
			for i, c := range next.page.Items {
				if more && !fetching && (i > 0 || !first) {
					fetching = true
					r.fetchAhead(ctx, *call, query, cursor, func(f fetched) { ahead <- f })
				}
				if !yield(c, nil) {
					return
				}
				if left--; left == 0 {
					return
				}
			}
			first = false
			if repeated {
				e := next.response.error(call, errPageRepeated)
				e.Cursor = cursor
				yield(nil, e)
				return
			}
			if cursor == "" {
				return
			}
		}
	}
}

// Page returns one page of a list: the first, or the one that params.Cursor stands for. A program that stores the
// cursor after each page can go on after a crash; the page that it was at work on then comes again.
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
		return nil, &ParamError{Param: "Limit", Reason: "it applies to List; use PageSize"}
	}
	call, query, err := r.newList(params, opts)
	if err != nil {
		return nil, err
	}
	return r.page(ctx, call, query, params.Cursor)
}

// newList checks the parameters and returns the query of each page but for the cursor. This is the table to
// extend when a parameter joins the list.
func (r *Conversations) newList(params ListParams, opts []CallOption) (*call, gen.ListConversationParams, error) {
	var c checker
	query := gen.ListConversationParams{
		State:     c.filter("State", params.State, StateActive, StateInactive, StateClosed, StateInitializing),
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
	if _, _, err := params.Cursor.parse(); err != nil {
		c.refuse("Cursor", "", "must be a cursor of a list")
	}
	if c.err != nil {
		return nil, query, c.err
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
	errPageURL      = fault("the URL of the next page has no page token")
	errPageRepeated = fault("the server returned a page that it had returned before as the next one")
)

// page fetches the page that the cursor stands for.
func (r *Conversations) page(ctx context.Context, call *call, query gen.ListConversationParams, cursor Cursor) (*Page, error) {
	if cursor != "" {
		index, token, _ := cursor.parse()
		query.Page, query.PageToken = &index, &token
	}
	var list *gen.ListConversationResponse
	var next Cursor
	e := r.client.do(ctx, call, func(ctx context.Context, g *gen.ClientWithResponses) (err error) {
		if list, err = r.scope.list(ctx, g, &query); err != nil {
			return err
		}
		if list == nil || list.Conversations == nil || list.Meta == nil {
			return errNoPage
		}
		for i := range list.Conversations {
			if err := r.check(call, &list.Conversations[i], nil, "", nil); err != nil {
				return err
			}
		}
		next, err = nextCursor(list.Meta.NextPageURL)
		return err
	})
	if e != nil {
		e.Cursor = cursor
		return nil, e
	}
	page := &Page{Items: make([]*Conversation, len(list.Conversations)), Next: next}
	for i := range list.Conversations {
		page.Items[i] = (*Conversation)(&list.Conversations[i])
	}
	return page, nil
}

// error is the error of a call that was answered, but not as it has to be.
func (r *Response) error(call *call, cause error) *Error {
	return &Error{Operation: *call.operationID, Status: r.StatusCode, RequestID: r.RequestID, Attempts: r.Attempts, cause: cause}
}
