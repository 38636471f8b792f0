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
// need: [WithWebhookEnabled] fires webhooks, [WithResponse] tells the status and the header of the answer.
//
// # Errors
//
// A parameter that cannot be right is a [*ParamError], found before anything is sent. Any other failure
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
// A call that fails is tried again where that is safe, four times in all by default, with growing
// delays. What is safe depends on the operation, and is not configurable; how often and how patiently
// is, with [WithRetry]. An attempt may take 30 seconds ([WithAttemptTimeout]); the context bounds the
// whole call, waiting included.
//
//	failure                             fetch, list   update                delete                create
//	429                                 retry         retry                 retry                 retry
//	never sent: no connection was made  retry         retry                 retry                 retry
//	500, 502, 503, 504; connection      retry         retry; refused as     retry; a 404 after    retry with a unique
//	lost; attempt timed out; answer                   closed or, renamed,   that is success       name; a conflict after
//	truncated: the outcome is unclear                 not found after that,                       that is resolved by
//	                                                  it is success if the                        fetching the name;
//	                                                  conversation is what                        ErrMaybeCreated without
//	                                                  was asked for
//	any other status; an answer that    error         error                 error                 error
//	is malformed or too large
//
// A refusal (4xx) that is cut short is asked for again, whatever the operation.
//
// A Retry-After header is honoured; if it asks for more than the longest delay of the policy, or than
// the context has left, the error is returned at once, with [Error.RetryAfter]. The error always
// describes the last answer. [Error.Unclear] tells whether a change may have been carried out all the
// same. Changes to this table are announced as breaking.
//
// # Testing
//
// Package [github.com/twilio-conversations-go/conversations/client/conversationstest] has an emulator of
// the API that runs inside a test, and hands out a client that is ready to use:
//
//	c := conversationstest.Start(t).Client()
package client
