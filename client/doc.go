// Package client is a client of Twilio Conversations (classic): it creates, fetches, lists, updates and
// deletes conversations, in the account's default Conversation Service or in a named one.
//
// # Constructing
//
// [New] takes the credentials, as an editor of requests, and options; [FromEnv] reads the environment variables that Twilio's
// tools use. A [Client] is safe for concurrent use and has nothing to close.
//
//	c, err := client.New(client.BasicAuth(accountSID, authToken))
//
// [BasicAuth] takes an account SID and auth token, or an API key SID and secret; [BearerToken] takes a
// function that returns an access token. [WithRegion], [WithEdge] and [WithBaseURL] choose the server.
// Credentials go to that server only: redirects are not followed, nor are the absolute page URLs in
// answers, and plain http is refused but for loopback.
//
// # Calling
//
// [Client.Conversations] are the conversations of the account's default service; [Client.Service]
// returns those of another. Both have the same methods. Optional fields are pointers, and new makes
// one of any value:
//
//	conv, err := c.Conversations.Create(ctx, client.CreateParams{
//		UniqueName:    new("order-1234"),
//		FriendlyName:  new("Order 1234"),
//		InactiveAfter: new(time.Hour),
//	})
//	conv, err = c.Conversations.Fetch(ctx, "order-1234")
//	conv, err = c.Service("IS…").Conversations.Update(ctx, conv.SID, client.UpdateParams{
//		State: new(client.StateClosed),
//	})
//
// A conversation is addressed by its SID or its unique name. Call options are for what few calls
// need: [WithWebhookEnabled] fires webhooks, [WithResponse] tells the status and the header of the response,
// [WithCallRetry] and [WithCallAttemptTimeout] replace what the client is configured with, and
// [WithRequestEditor] sets headers.
//
// # Errors
//
// An invalid parameter is reported as a [*ParamError] before anything is sent. Any other failure
// is an [*Error] with the operation, the HTTP status, Twilio's code and message and the request id,
// and matches one of the Err variables where one fits:
//
//	if errors.Is(err, client.ErrNotFound) { … }
//	if e, ok := errors.AsType[*client.Error](err); ok { log.Print(e.Code, e.RequestID) }
//
// # Listing
//
// [Conversations.List] ranges over the conversations that match, fetching the next page while the
// caller works on the current one. [Conversations.Page] returns one page and a [Cursor] for the next,
// which can be stored to resume after a crash. A cursor belongs to the service, state and dates of its
// list; any other list refuses it. A list that fails yields its error after everything before it, with
// a cursor to resume from.
//
// [Conversations.Scan] visits the same conversations several times as fast, in no particular order, by
// reading windows of creation dates in parallel. [ForEach] acts on each conversation of a list or a
// scan, at a rate that the server allows, and continues past those that fail.
//
// Memory is bounded by the page requested: a response with more conversations is an error, and a
// conversation that is kept does not keep its page.
//
// # Retries
//
// A call that fails is retried if that is safe, with growing delays and up to four attempts in total. What is
// safe depends on the operation and is not configurable. How often and how patiently is, with [WithRetry] and
// [WithCallRetry]. An attempt may take 30 seconds ([WithAttemptTimeout]). The context bounds the whole call,
// waiting included. All retries of a client share a budget ([RetryPolicy]).
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
// A request was never sent if no connection could be made, or if the context had ended before one was
// requested. A success response is cut short also if it ends before its JSON does, whatever length it states. It
// is malformed if it is no JSON, too large, or not the requested conversation. Unclear means an error with [Error.Unclear]: the change may have been carried out. The error also is if no
// retry tells what became of an attempt whose outcome is unknown, which are those from 408 to a success
// response cut short:
//
//   - A create with a unique name that then is a conflict succeeds if the holder of the name is what was sent,
//     and was created during the call. It is clear that nothing was created only if the holder differs, is
//     older than the call, and was not updated since.
//   - An update or a delete by unique name is not repeated before the holder of the name was fetched. It is then
//     repeated by SID, if the holder is older than the call. If the name is free or the holder is newer, a
//     delete has succeeded, and an update fails unless it renamed the conversation.
//   - A delete that then is a 404 has succeeded. An update that then is refused because the conversation is
//     closed has succeeded if the conversation is what was sent.
//
// Whether a conversation is older is decided only if the clock of this machine and the Date headers of the
// responses agree.
//
// The API has no idempotency keys, so some things cannot be promised. A unique name is no lock: a Create may
// return an equal conversation that another caller created during the call. If a unique name changes hands
// between two attempts, a change by that name can reach the conversation that has it now, if that was renamed or
// given an earlier DateCreated; a change by SID cannot. A named create with a DateCreated is recognized by that
// date, and by an update during the call; with a DateUpdated too, it stays unclear.
//
// A Retry-After header is honoured; a random part is added to it. If it requests more than the longest delay of
// the policy, or than the context has left, the error is returned at once, with [Error.RetryAfter]. The error
// describes the last response. Changes to this table are announced as breaking.
//
// # Testing
//
// Package [github.com/twilio-conversations-go/conversations/client/conversationstest] has an emulator of
// the API that runs inside a test, and hands out a client that is ready to use:
//
//	c := conversationstest.Start(t).Client()
package client
