// Package conversationstest emulates the Conversation endpoints of Twilio Conversations (classic)
// in memory, for tests of code that uses them: no account, no network, nothing to clean up.
//
//	func TestOpenTicket(t *testing.T) {
//		emulator := conversationstest.Start(t)
//		err := openTicket(t.Context(), emulator.Client(), "7")
//		// now look at err, emulator.Conversations("") and emulator.Requests()
//	}
//
// [Start] serves an [Emulator] until the test ends. [Server.Client] returns a ready client, and
// [Server.HTTPClient] serves any other HTTP client. [Emulator.Seed] stores conversations,
// [Emulator.Advance] fires their timers, [Emulator.Fail] scripts failures, and [Emulator.Webhooks]
// delivers webhooks to a handler. With [InMemory], all of it works in a bubble of
// [testing/synctest]. [New] returns the bare [net/http.Handler]. The program conversations-emulator
// serves it for other languages.
//
// [ValidatingTransport] checks requests and responses, including Twilio's, against the OpenAPI
// document. A strict emulator makes the same checks. It refuses a request that [ValidateRequest]
// reports, and no other request for its shape.
//
// # What it does
//
// The emulator performs the ten operations of the project's OpenAPI document, with every field,
// filter and page token. It follows
// https://www.twilio.com/docs/conversations/api/conversation-resource and recorded responses of
// Twilio. Another operation that the document describes is answered with 501.
//
// URLs in responses have the requested host and the form of path that was called. Every well-formed
// service SID is a service; [WithServices] limits them. The default service of an account has its
// own SID, which is valid in paths too. Every response has Twilio's CORS headers, so web pages can
// use the emulator. Errors have Twilio's codes and the titles of its error dictionary:
//
//	400 20001  unknown or repeated parameter, value out of range (Lenient ignores unknown names)
//	400 20007  PageSize above 1000
//	400 50003, 50004, 50303, 50304   text too long, attributes that are not JSON
//	400 50308, 50309, 50341          date, messaging service SID
//	400 50374, 50378, 50384          state empty, unknown, closed on create
//	400 50375, 50376, 50379, 50380   timer too short, not an ISO 8601 duration
//	400 50377  update of a closed conversation
//	400 50390  unique name in the form of a conversation SID
//	401 20003  credentials or region
//	403 50056  refused by a webhook
//	403 50385  any request in the region au1, which has no Conversations
//	404 20404  no such conversation, service or path
//	405 20004  no such method
//	409 50353  unique name taken in its service
//	413 20413, 415 20001   body too large (128 KB), or not a form
//	429 50063  above the limit of WithWriteLimit
//	501 20501  described, but not emulated
//
// If several values of a form are invalid, the first by name determines the error. The other
// resources of Conversations, such as messages and participants, are not emulated. [Emulator.Touch]
// takes the place of a message.
//
// # Webhooks
//
// The emulator sends the seven events of conversations as Twilio does. Pre-events can change or
// refuse a request. Post-events follow it. Timers cause events for changes of state. See
// https://www.twilio.com/docs/conversations/conversations-webhooks
//
// [Emulator.Webhooks] connects the handler under test, made with package webhook or otherwise,
// without a port. [WithWebhooks] and [WithServiceWebhooks] configure URLs, methods and filters. A
// request fires events only with the header X-Twilio-Webhook-Enabled: true, which
// client.WithWebhookEnabled sends.
//
//	func TestOnTimeout(t *testing.T) {
//		server := conversationstest.Start(t)
//		server.Webhooks(newHandler(server.AuthToken)) // what the application serves
//		openTicket(t.Context(), server.Client(), "7") // with ClosedAfter: 10 minutes
//		server.Advance(10 * time.Minute)              // fires onConversationStateUpdated
//		server.Settle()                               // it was delivered
//		// now look at what the handler did, and at server.Deliveries()
//	}
//
// Each delivery is signed with the auth token of its account. It has the headers and parameters
// that were recorded from Twilio. It goes only to its URL: redirects are not followed.
//
// A pre-event changes nothing if it gets no response within 5 seconds or cannot be delivered. Any
// status but 200 refuses the request, which then fails with 403 and code 50056. While a receiver
// works, the emulator serves other requests. Post-events are delivered one at a time, in the order
// of what happened. [Emulator.Fail] takes the name of an event and scripts faults of its
// deliveries. [Emulator.Redeliver] repeats a delivery.
//
// Twilio documents little of this. The rules webhook.* of FIDELITY.md say what is assumed. The
// following is assumed besides:
//   - Post-events wait for one another, and pre-events for nothing.
//   - A response to a pre-event whose friendly_name or attributes is not a string fails the request
//     with code 20001. null and an empty string change nothing.
//   - An update that sets the values that a conversation has fires the events of an update.
//
// Participants, messages, conversation-scoped webhooks, Studio, Event Streams and the fragment of a
// URL (after #) are not emulated.
//
// # Assumptions
//
// Where Twilio documents nothing, the emulator follows assumptions. The section Fidelity names
// them, FIDELITY.md states them, and [Assume] chooses variants of some. Do not let a test depend on
// them. The following is assumed besides, where requests to Twilio reveal nothing:
//   - Conversations that were created in the same millisecond are listed with the newest first.
//   - An empty value of a parameter is an error, unless FIDELITY.md says that it is none. [Lenient]
//     ignores it, except for State.
//   - A conversation that was seeded as initializing is refused any update, with 409 and code
//     20409. It can be deleted, and its timers run.
//   - If both timers are due at once, the conversation is closed.
//   - [Emulator.Touch] sets date_updated only if the state changes.
//   - The service of a request is checked after the shape of the request, and before the
//     conversation.
//
// # Size
//
// The cost of a page is independent of the number of conversations. A page of 100 out of a million
// takes less than a millisecond. A conversation takes about 330 bytes besides its texts
// (BenchmarkPage and BenchmarkSeedMillion). Responses that [Start] checks take longer.
//
// A page is written piece by piece. A client that does not read it within 30 seconds loses the
// connection.
//
// When the clock is moved and many timers are due at once, no request waits for all of them. Each
// request fires some, and sees the effect of the others.
package conversationstest
