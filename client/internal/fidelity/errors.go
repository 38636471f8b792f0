package fidelity

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// refusal is a request that is refused. It yields a rule for the code and the status, or one for
// each if their sources differ. If the text is known, it yields another rule.
type refusal struct {
	id   string
	what string // is refused
	ask  func(*session) *response

	code      int
	known     Source // of the code
	reference string // of the code; empty is the page of the code

	status      int
	statusKnown Source

	text      string // a regular expression
	textKnown Source

	option string
	needs  Needs
}

// asked returns the response to a refusal's request, which is sent once.
func (r refusal) asked(s *session) *response {
	return fixture(s, "refusal "+r.id, func() *response { return r.ask(s) })
}

func (r refusal) rules() []Rule {
	reference := r.reference
	if reference == "" {
		reference = errorPages + strconv.Itoa(r.code)
	}
	rule := Rule{Option: r.option, Needs: r.needs}
	code, status, text := rule, rule, rule

	code.ID, code.Source, code.Reference = r.id, r.known, reference
	code.Sentence = fmt.Sprintf("%s is refused with %d and code %d.", r.what, r.status, r.code)
	code.check = func(s *session) {
		wantStatus(r.asked(s), r.status)
		wantRefused(r.asked(s), r.code)
	}
	rules := []Rule{code}
	if r.statusKnown != r.known {
		rules[0].Sentence = fmt.Sprintf("%s is refused with code %d.", r.what, r.code)
		rules[0].check = func(s *session) { wantRefused(r.asked(s), r.code) }

		status.ID, status.Source, status.Reference = r.id+".status", r.statusKnown, seenIf(r.statusKnown)
		status.Sentence = fmt.Sprintf("%s is refused with %d.", r.what, r.status)
		status.check = func(s *session) { wantStatus(r.asked(s), r.status) }
		rules = append(rules, status)
	}
	if r.text == "" {
		return rules
	}
	text.ID, text.Sentence = r.id+".text", fmt.Sprintf("The message is then %q.", plainText(r.text))
	text.Source, text.Reference = r.textKnown, seenIf(r.textKnown)
	if r.textKnown == Assumed {
		text.Reference = reference
	}
	text.check = func(s *session) {
		got := r.asked(s).text("message")
		want(regexp.MustCompile("^"+r.text+"$").MatchString(got), "it is %s", show(got))
	}
	return append(rules, text)
}

// seenIf returns the reference of what was seen in responses.
func seenIf(source Source) string {
	if source == Recorded {
		return publicCode
	}
	return ""
}

// plainText returns a regular expression as a sentence shows it.
func plainText(pattern string) string { return strings.ReplaceAll(pattern, ".*", "…") }

// onePage is a request for a page, with further parameters.
func onePage(pairs ...string) func(*session) *response {
	return func(s *session) *response { return s.get(s.collection + "?" + form(pairs...).Encode()) }
}

func creating(pairs ...string) func(*session) *response {
	return func(s *session) *response { return s.create(pairs...) }
}

const nowhere = "CH00000000000000000000000000000000"

// refusals returns all of them.
func refusals() []refusal {
	return []refusal{
		{id: "error.20001-page-size", what: "A PageSize of 0", ask: onePage("PageSize", "0"), code: 20001, known: Assumed, status: 400, statusKnown: Assumed},
		{id: "error.20001-page", what: "A Page that is no number", ask: onePage("Page", "x"), code: 20001, known: Assumed, status: 400, statusKnown: Assumed},
		{id: "error.20001-page-token", what: "A malformed PageToken", ask: onePage("PageToken", "x"), code: 20001, known: Assumed, status: 400, statusKnown: Assumed},
		{id: "error.20001-state", what: "A list with an unknown State", ask: onePage("State", "open"), code: 20001, known: Assumed, status: 400, statusKnown: Assumed},
		{id: "error.20001-start-date", what: "A malformed StartDate", ask: onePage("StartDate", "yesterday"), code: 20001, known: Assumed, status: 400, statusKnown: Assumed},
		{id: "error.20001-end-date", what: "A malformed EndDate", ask: onePage("EndDate", "2026-02-30"), code: 20001, known: Assumed, status: 400, statusKnown: Assumed},
		{id: "error.20003-none", what: "A request without credentials", ask: func(s *session) *response {
			return s.send(request{method: "GET", path: s.collection, anonymous: true})
		}, code: 20003, known: Recorded, reference: publicCode, status: 401, statusKnown: Recorded,
			text: "Authentication Error - No credentials provided", textKnown: Recorded},
		{id: "error.20003-username", what: "A request with an unknown user name", ask: func(s *session) *response {
			return s.send(request{method: "GET", path: s.collection, username: "AC00000000000000000000000000000000", password: "x"})
		}, code: 20003, known: Recorded, reference: publicCode, status: 401, statusKnown: Recorded,
			text: "Authentication Error - invalid username", textKnown: Recorded},
		{id: "error.20003-password", what: "A request with a wrong password", ask: func(s *session) *response {
			return s.send(request{method: "GET", path: s.collection, username: s.target.Username, password: "wrong"})
		}, code: 20003, known: Recorded, reference: publicCode, status: 401, statusKnown: Recorded,
			text: "Authenticate", textKnown: Recorded},
		{id: "error.20004", what: "A method that a path does not have", ask: func(s *session) *response {
			return s.send(request{method: "PUT", path: s.path(s.plain().sid()), form: form("FriendlyName", s.name())})
		}, code: 20004, known: Assumed, status: 405, statusKnown: Assumed, text: "Method not allowed", textKnown: Assumed},
		{id: "error.20007", what: fmt.Sprintf("A PageSize above %d", largestPageSize), ask: onePage("PageSize", strconv.Itoa(largestPageSize+1)), code: 20007, known: Assumed, status: 400, statusKnown: Assumed,
			text: "Page size too large", textKnown: Assumed},
		{id: "error.20404", what: "A fetch of a conversation that does not exist", ask: func(s *session) *response {
			return s.get(s.path(nowhere))
		}, code: 20404, known: Recorded, reference: publicCode, status: 404, statusKnown: Recorded,
			text: "The requested resource .* was not found", textKnown: Recorded},
		{id: "error.20404-update", what: "An update of a conversation that does not exist", ask: func(s *session) *response {
			return s.post(s.path(nowhere), "FriendlyName", s.name())
		}, code: 20404, known: Assumed, status: 404, statusKnown: Assumed},
		{id: "error.20404-service", what: "A service that does not exist", ask: func(s *session) *response {
			return s.get(serviceCollection("IS00000000000000000000000000000000"))
		}, code: 20404, known: Assumed, status: 404, statusKnown: Assumed, option: "WithServices"},
		{id: "error.20404-service-form", what: "A service that is named by no SID", ask: func(s *session) *response {
			return s.get(serviceCollection("support"))
		}, code: 20404, known: Assumed, status: 404, statusKnown: Assumed},
		{id: "error.20404-path", what: "A path that does not exist", ask: func(s *session) *response {
			return s.get("/v1/Conversation")
		}, code: 20404, known: Assumed, status: 404, statusKnown: Assumed},
		{id: "error.20404-slash", what: "A path with a slash at its end", ask: func(s *session) *response {
			return s.get(s.collection + "/")
		}, code: 20404, known: Assumed, status: 404, statusKnown: Assumed},
		{id: "error.20413", what: "A body of 200 KB", ask: func(s *session) *response {
			return s.create("Attributes", attributesOf(200<<10))
		}, code: 20413, known: Assumed, status: 413, statusKnown: Assumed},
		{id: "error.20415", what: "A body that is not a form", ask: func(s *session) *response {
			return s.send(request{method: "POST", path: s.collection, form: form("FriendlyName", s.name()), contentType: "text/plain"})
		}, code: 20001, known: Assumed, status: 415, statusKnown: Assumed},
		{id: "error.50003", what: fmt.Sprintf("A friendly name of %d characters", longestFriendlyName+1), ask: func(s *session) *response {
			return s.create("FriendlyName", pad(s.name(), longestFriendlyName+1))
		}, code: 50003, known: Assumed, status: 400, statusKnown: Assumed, text: "Friendly name too long", textKnown: Assumed},
		{id: "error.50004", what: "A unique name of 257 characters", ask: func(s *session) *response {
			return s.create("UniqueName", pad(s.name(), 257))
		}, code: 50004, known: Assumed, status: 400, statusKnown: Assumed, text: "Unique Name too long", textKnown: Assumed},
		{id: "error.50063", what: "A write above the documented rate", ask: (*session).burst,
			code: 50063, known: Documented, status: 429, statusKnown: Documented,
			text: "Actions per second limit exceeded", textKnown: Assumed, option: "WithWriteLimit", needs: NeedsBurst},
		{id: "error.50303", what: "A create with attributes above 16 KB", ask: creating("Attributes", attributesOf(16<<10+1)),
			code: 50303, known: Assumed, status: 400, statusKnown: Assumed, text: "Attributes too long", textKnown: Assumed},
		{id: "error.50304", what: "A create with attributes that are not JSON", ask: creating("Attributes", "{"),
			code: 50304, known: Recorded, reference: "https://github.com/craigpaul/twiligo", status: 400, statusKnown: Recorded, text: "Attributes not valid JSON", textKnown: Recorded},
		{id: "error.50308", what: "A malformed DateCreated", ask: creating("DateCreated", "yesterday"),
			code: 50308, known: Assumed, status: 400, statusKnown: Assumed, text: "Invalid Date Created parameter", textKnown: Assumed},
		{id: "error.50309", what: "A malformed DateUpdated", ask: creating("DateUpdated", "yesterday"),
			code: 50309, known: Assumed, status: 400, statusKnown: Assumed, text: "Invalid Date Updated parameter", textKnown: Assumed},
		{id: "error.50341", what: "A malformed MessagingServiceSid", ask: creating("MessagingServiceSid", "MG1"),
			code: 50341, known: Assumed, status: 400, statusKnown: Assumed, text: "Invalid messaging service SID", textKnown: Assumed},
		{id: "error.50353", what: "A create with a unique name that is taken", ask: func(s *session) *response {
			return s.create("UniqueName", s.named().text("unique_name"))
		}, code: 50353, known: Recorded, reference: publicCode, status: 409, statusKnown: Recorded,
			text: "Conversation with provided unique name already exists", textKnown: Recorded},
		{id: "error.50374", what: "An empty State", ask: creating("State", ""),
			code: 50374, known: Assumed, status: 400, statusKnown: Assumed, text: "'State' field can't be empty", textKnown: Assumed},
		{id: "error.50375", what: "A Timers.Inactive below one minute", ask: creating("Timers.Inactive", "PT30S"),
			code: 50375, known: Recorded, reference: liveNotes, status: 400, statusKnown: Assumed,
			text: "TimeToInactive should be greater or equal to 1 minute", textKnown: Recorded},
		{id: "error.50376", what: "A Timers.Closed below ten minutes", ask: creating("Timers.Closed", "PT5M30S"),
			code: 50376, known: Recorded, reference: liveNotes, status: 400, statusKnown: Assumed,
			text: "TimeToClosed should be greater or equal to 10 minutes", textKnown: Recorded},
		{id: "error.50377", what: "An update of a closed conversation", ask: func(s *session) *response {
			return s.post(s.path(s.closed().sid()), "FriendlyName", s.name())
		}, code: 50377, known: Recorded, reference: liveNotes, status: 400, statusKnown: Recorded,
			text: "Can't update conversation as it's in final closed state", textKnown: Recorded},
		{id: "error.50378", what: "An unknown State", ask: creating("State", "open"),
			code: 50378, known: Documented, status: 400, statusKnown: Assumed, text: "'State' parameter value is invalid", textKnown: Assumed},
		{id: "error.50378-initializing", what: "A State of initializing", ask: creating("State", "initializing"),
			code: 50378, known: Assumed, status: 400, statusKnown: Assumed},
		{id: "error.50379", what: "A Timers.Inactive that is no ISO 8601 duration", ask: creating("Timers.Inactive", "1h"),
			code: 50379, known: Documented, status: 400, statusKnown: Assumed, text: "TimeToInactive format is invalid", textKnown: Assumed},
		{id: "error.50380", what: "A Timers.Closed that is no ISO 8601 duration", ask: creating("Timers.Closed", "1h"),
			code: 50380, known: Documented, status: 400, statusKnown: Assumed, text: "TimeToClosed format is invalid", textKnown: Assumed},
		{id: "error.50384", what: "A create of a closed conversation", ask: creating("State", "closed"),
			code: 50384, known: Documented, status: 400, statusKnown: Assumed, text: "Initial state can't be 'closed'", textKnown: Assumed},
		{id: "error.50390", what: "A unique name in the form of a conversation's SID", ask: func(s *session) *response {
			return s.create("FriendlyName", s.name(), "UniqueName", strings.Replace(nowhere, "000", "abc", 1))
		}, code: 50390, known: Documented, status: 400, statusKnown: Assumed,
			text: "Unique name should not match conversation sid pattern", textKnown: Assumed},
	}
}

// burst writes faster than the rate limit, as fast as the server allows, until a write is refused.
func (s *session) burst() *response {
	path := s.path(s.plain().sid())
	for range 300 {
		res := s.send(request{method: "POST", path: path, form: form("FriendlyName", s.name()), burst: true})
		if res.status != http.StatusOK {
			return res
		}
	}
	differs("300 writes in a row are accepted")
	return nil
}

func errorRules() []Rule {
	var rules []Rule
	for _, r := range refusals() {
		rules = append(rules, r.rules()...)
	}
	missing := func(s *session) *response {
		return fixture(s, "missing", func() *response { return s.get(s.path(nowhere)) })
	}
	return slices.Concat(rules, []Rule{
		{ID: "error.body", Sentence: "The body of an error has code, message, more_info and status.",
			Source: Recorded, Reference: publicCode, check: func(s *session) {
				for _, member := range []string{"code", "message", "more_info", "status"} {
					want(missing(s).has(member), "there is no %s", member)
				}
			}},
		{ID: "error.more-info", Sentence: "more_info is https://www.twilio.com/docs/errors/ and the code.",
			Source: Recorded, Reference: publicCode, check: func(s *session) {
				got := missing(s).text("more_info")
				want(got == fmt.Sprintf("https://www.twilio.com/docs/errors/%d", missing(s).number("code")), "it is %s", show(got))
			}},
		{ID: "error.status", Sentence: "status is the HTTP status.",
			Source: Recorded, Reference: publicCode, check: func(s *session) {
				want(missing(s).number("status") == missing(s).status, "it is %s with %d", show(missing(s).at("status")), missing(s).status)
			}},
		{ID: "error.content-type", Sentence: "An error is JSON.",
			Source: Recorded, Reference: publicCode, check: func(s *session) {
				wantHeader(missing(s), "Content-Type", `^application/json\b`)
			}},
		{ID: "error.request-id", Sentence: "An error has the header Twilio-Request-Id.",
			Source: Assumed, check: func(s *session) {
				wantHeader(missing(s), "Twilio-Request-Id", `^RQ[0-9a-f]{32}$`)
			}},
		{ID: "error.path", Sentence: "The path in the message of a 404 is as it was called, without /v1.",
			Source: Assumed, Reference: publicCode, check: func(s *session) {
				got := missing(s).text("message")
				path := strings.TrimPrefix(s.path(nowhere), "/v1")
				want(strings.Contains(got, " "+path+" "), "it is %s", show(got))
			}},
		{ID: "error.detail", Sentence: "A wrong password is explained in detail.",
			Source: Recorded, Reference: publicCode, check: func(s *session) {
				got := s.send(request{method: "GET", path: s.collection, username: s.target.Username, password: "wrong"}).text("detail")
				want(got == "Your AccountSid or AuthToken was incorrect.", "it is %s", show(got))
			}},
		{ID: "error.no-challenge", Sentence: "A 401 has no header WWW-Authenticate.",
			Source: Assumed, check: func(s *session) {
				res := s.send(request{method: "GET", path: s.collection, anonymous: true})
				want(res.header.Get("WWW-Authenticate") == "", "there is one")
			}},
		{ID: "error.no-retry-after", Sentence: "A 429 has no header Retry-After.",
			Source: Assumed, Option: "WithWriteLimit", Needs: NeedsBurst, check: func(s *session) {
				res := s.burst()
				wantStatus(res, 429)
				want(res.header.Get("Retry-After") == "", "there is one")
			}},
		{ID: "error.allow", Sentence: "A 405 has the header Allow.",
			Source: Assumed, check: func(s *session) {
				res := s.send(request{method: "PUT", path: s.path(s.plain().sid()), form: url.Values{}})
				wantStatus(res, 405)
				want(res.header.Get("Allow") != "", "there is none")
			}},
		{ID: "error.order-credentials", Sentence: "Credentials are checked before the path.",
			Source: Assumed, check: func(s *session) {
				wantStatus(s.send(request{method: "GET", path: "/v1/Conversation", anonymous: true}), 401)
			}},
		{ID: "error.order-fields", Sentence: "Fields are checked before the conversation is looked for.",
			Source: Assumed, check: func(s *session) { wantRefused(s.post(s.path(nowhere), "State", "open"), 50378) }},
		{ID: "error.order-state", Sentence: "The state is checked before the unique name.",
			Source: Assumed, check: func(s *session) {
				wantRefused(s.post(s.path(s.closed().sid()), "UniqueName", s.named().text("unique_name")), 50377)
			}},
		{ID: "error.nothing-created", Sentence: "A refused create creates nothing.",
			Source: Documented, Reference: responsePage, check: func(s *session) {
				name := s.name()
				res := s.create("UniqueName", name, "Timers.Closed", "PT5M")
				want(res.status >= 400, "it is not refused")
				wantStatus(s.get(s.path(name)), 404)
			}},
		{ID: "error.nothing-changed", Sentence: "A refused update changes nothing.",
			Source: Documented, Reference: responsePage, check: func(s *session) {
				c := s.conversation("Attributes", `{"a":1}`)
				res := s.post(s.path(c.sid()), "Attributes", `{"a":2}`, "Timers.Closed", "PT5M")
				want(res.status >= 400, "it is not refused")
				wantMember(s.get(s.path(c.sid())), "attributes", `{"a":1}`)
			}},
	})
}
