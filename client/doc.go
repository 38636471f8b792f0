// Package client is a client of Twilio Conversations (classic). It creates, fetches, lists, updates
// and deletes conversations:
//
//	c, err := client.New(client.BasicAuth(accountSID, authToken))
//	conv, err := c.Conversations.Create(ctx, client.CreateParams{
//		UniqueName:    new("order-1234"),
//		InactiveAfter: new(time.Hour),
//	})
//	conv, err = c.Conversations.Fetch(ctx, "order-1234") // or conv.SID
//	if errors.Is(err, client.ErrNotFound) { … }
//
// [New] takes credentials ([BasicAuth], [BearerToken]) and options; [FromEnv] reads environment
// variables. A [Client] is safe for concurrent use. It needs no Close. [Conversations] has the
// methods. [Client.Service] selects another Conversation Service. A [CallOption] changes a single
// call. Redirects and URLs in responses are not followed, so that credentials reach no other
// server.
//
// [Conversations.List] yields conversations page by page. [Conversations.Page] returns a page and a
// [Cursor] to resume from. [Conversations.Scan] is several times as fast, without an order.
// [ForEach] acts on each conversation at a limited rate.
//
// An invalid parameter is reported as a [*ParamError] before anything is sent. Any other failure of
// a call is an [*Error], which matches the Err variables.
//
// # Retries
//
// A call that fails is retried if that is safe, which is not configurable: by default after growing
// delays, up to four attempts in total, each of at most 30 seconds ([WithRetry],
// [WithAttemptTimeout]). The context bounds the whole call.
//
//	failure                         fetch, list  update   delete   create, named  create
//	request editor failed           error        error    error    error          error
//	never sent                      retry        retry    retry    retry          retry
//	429                             retry        retry    retry    retry          retry
//	other 4xx, cut short            retry        retry    retry    retry          retry
//	408, 500, 502, 503, 504         retry        retry    retry    retry          unclear
//	connection lost                 retry        retry    retry    retry          unclear
//	attempt timed out               retry        retry    retry    retry          unclear
//	success response cut short      retry        retry    retry    retry          unclear
//	any other 4xx                   error        error    error    error          error
//	any other status                error        unclear  unclear  unclear        unclear
//	success response is malformed   error        unclear  unclear  unclear        unclear
//
// A request was never sent if no connection could be made, or if the context had ended before one
// was requested. A success response is cut short also if it ends before its JSON does. It is
// malformed if it is not JSON, too large, or not the requested conversation. Unclear is an error
// with [Error.Unclear]: the change may have been carried out, now or in an earlier attempt whose
// outcome no retry settled. Changes to this table are breaking changes.
//
// The API has no idempotency keys, so some things cannot be promised. A unique name is no lock: a
// Create may return an equal conversation that another caller created during the call, and creates
// a second one if another caller renames or deletes the first between two attempts. In between, a
// change by name can reach a new holder, if that was renamed or given an earlier DateCreated; it
// stays unclear if the holder is as young as the call. A change by SID has no such limits.
//
// # Testing
//
// Package [github.com/twilio-conversations-go/conversations/client/conversationstest] emulates the
// API in a test: conversationstest.Start(t).Client() is a client of it.
package client
