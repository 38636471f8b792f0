// Package webhook receives the webhooks of Twilio Conversations (classic). They are requests by
// which Twilio asks before a conversation changes, and tells after it has changed. The package
// needs no other part of the client, and works with any router.
//
//	receiver, err := webhook.New(authToken, webhook.WithPublicURL("https://example.com/twilio"))
//	…
//	mux.Handle("/twilio", receiver.Handler(webhook.Events{
//		OnConversationStateUpdated: func(ctx context.Context, e *webhook.StateEvent) error {
//			log.Printf("%s is %s", e.ConversationSID, e.StateTo)
//			return nil
//		},
//	}))
//
// [Receiver.Handler] calls a function for each event that the program handles. [Receiver.Parse]
// only checks and decodes a request.
//
// # Which events arrive
//
// The URLs, the method and the names of the events are configured in Twilio, for the account or for
// one service. A change made over REST fires events only if the request asks for it, see
// client.WithWebhookEnabled. A timer that expires always fires [OnConversationStateUpdated]. See
// https://www.twilio.com/docs/conversations/conversations-webhooks
//
// # Which requests are accepted
//
// Twilio signs each request with the auth token of the account: the URL as Twilio called it, and
// the parameters of a POST. A request that is not signed with a token of the Receiver is refused
// with 403.
//
// Behind a proxy that terminates TLS or changes the host or the path, the server cannot know the
// URL that Twilio called. Set it with [WithPublicURL], or let the proxy pass it on with
// [WithForwardedHeaders].
//
//	405  the method is neither GET nor POST
//	403  the signature is missing or wrong
//	413  the body is larger than 256 KiB
//	400  the request is authentic but malformed, for example a date is invalid
//
// A signature has no date, so it does not protect from a request that was recorded and is sent
// again. A request can be recorded only where TLS is terminated. Twilio itself may deliver an event
// more than once, and then repeats [Delivery.IdempotencyToken], which is not signed. A function
// should therefore have the same effect however often it is called.
//
// # Pre-events
//
// Twilio holds back the change until the response to [OnConversationAdd], [OnConversationUpdate]
// and [OnConversationRemove]:
//
//	function                        response      what Twilio does
//	returns nil                     200           makes the change
//	returns a *Change               200, JSON     makes the change with other values
//	returns an error, ErrRefused    403           refuses the change
//	returns any other error         500           refuses the change
//	panics                          500           refuses the change
//	takes more than 5 seconds       200           has made the change by then
//
// The context of a function ends after 5 seconds, which is how long Twilio waits for a response. A
// post-event is sent after the change. If its function returns an error, that is logged and the
// response is a 500, but nothing changes. Twilio documents no other attempt to deliver it.
package webhook
