// Package conversationstest emulates the Conversation endpoints of Twilio Conversations (classic) in
// memory, for tests of code that uses them: no account, no network, nothing to clean up.
//
//	func TestOpenTicket(t *testing.T) {
//		emulator := conversationstest.Start(t)
//		err := openTicket(t.Context(), emulator.Client(), "7")
//		// now look at err, emulator.Conversations("") and emulator.Requests()
//	}
//
// [Start] serves an [Emulator] until the test ends, [Server.Client] is a ready client of it, and
// [Server.HTTPClient] serves any other HTTP client. [Emulator.Seed] puts conversations in,
// [Emulator.Advance] lets their timers fire, and [Emulator.Fail] scripts failures. With [InMemory] all of
// it works in a bubble of [testing/synctest]. [New] makes the bare [net/http.Handler]; the program
// conversations-emulator serves it for other languages.
//
// [ValidatingTransport] is independent of the emulator: it checks requests and answers, Twilio's too,
// against the OpenAPI document.
//
// # What it does
//
// It answers the ten operations of the project's OpenAPI document, with every field, filter and page
// token, as https://www.twilio.com/docs/conversations/api/conversation-resource and recorded answers of
// Twilio's have it. Answers say what their URLs are on the host that the request named, in the form of
// path that was called. Every well-formed service SID is a service ([WithServices] limits them); the
// default service of an account has a SID of its own, which works too. Errors have Twilio's codes:
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
//	404 20404  no such conversation, service or path
//	405 20004  no such method
//	409 50353  unique name taken in its service
//	413 20413, 415 20001   body too large (128 KB), or not a form
//	429 50063  above the limit of WithWriteLimit
//
// The other resources of Conversations, such as messages and participants, and webhooks are not emulated.
//
// # Assumptions
//
// Where Twilio documents nothing, this is assumed. Do not let a test depend on it.
//   - Lists are always in the order of creation, newest first; conversations created in the same
//     millisecond too. Twilio documents that order for lists with StartDate or EndDate.
//   - A page token points behind the last conversation of a page, so that nothing is skipped or repeated
//     when others are created or deleted meanwhile. A token that lost its milliseconds gives an empty page,
//     as was seen with Twilio; any other that is malformed is refused. Page without a token has no
//     effect but to be counted on from.
//   - An EndDate without a fraction includes its whole second, a bare one the whole day. Dates without an
//     offset are in UTC.
//   - PageSize may be up to 1000, where Twilio documents 100 today ([WithMaxPageSize]).
//   - Unique names have at most 256 characters, attributes may be any JSON value.
//   - An empty form value changes nothing, except that State cannot be empty; an update without any other
//     value changes nothing, date_updated included.
//   - State cannot be set to initializing. A conversation that was seeded so is refused any update, with
//     409 and code 20409; it can be deleted, and its timers run.
//   - Any other update counts the timers anew from its time, also where it sets DateUpdated. A timer that
//     fires sets date_updated to when it was due. timers keeps both dates afterwards, and if both are due at
//     once the conversation is closed.
//   - Timers may be set without State. In durations a year has 365 days and a month 30.
//   - A closed conversation keeps its unique name and can be fetched and deleted.
//   - date_updated of a conversation that is created with DateCreated alone is the time of the request.
//   - Fields are checked before the conversation is looked for, then its state, then the unique name.
//   - Answers with 429 have no Retry-After, and those with 401 no WWW-Authenticate.
//   - The path in the message of a 404 is as it was called, without /v1.
//
// # Size
//
// A page costs the same however many conversations there are: 100 of a million take about 0.2 ms, and a
// conversation takes about 300 bytes besides its texts (BenchmarkPage and BenchmarkSeedMillion). Answers
// that [Start] checks take longer.
package conversationstest
