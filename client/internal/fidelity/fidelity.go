// Package fidelity is the manifest of how the Conversation endpoints behave: a table of rules. Each
// rule has its source and a check that can run against any server.
//
// The checks send plain HTTP requests and judge the responses. They share no code with the client
// or the emulator, so all three cannot agree on a mistake. [Run] checks a server. [Sections] is the
// table. FIDELITY.md and the documentation of conversationstest are generated from it by
//
//	go test ./client/internal/fidelity -run TestTables -update
package fidelity

import "slices"

// Source is how a rule is known.
type Source string

// The sources of rules, the most certain first.
const (
	Documented Source = "documented" // a page of Twilio's says so
	Recorded   Source = "recorded"   // a response of Twilio's was seen that way
	Assumed    Source = "assumed"    // Twilio documents nothing; the rule is the emulator's choice
)

// Sources lists all sources, in the order of summaries.
func Sources() []Source { return []Source{Documented, Recorded, Assumed} }

// Needs is what a rule's check needs besides credentials. Its values are flags.
type Needs int

const (
	// NeedsMinutes marks a check that waits for timers, for at most ten minutes.
	NeedsMinutes Needs = 1 << iota
	// NeedsBurst marks a check that exceeds the documented write rate.
	NeedsBurst
	// NeedsService marks a check that compares a Conversation Service with the default one.
	NeedsService
	// NeedsWebhooks marks a check that receives webhooks.
	NeedsWebhooks
)

// Rule is one fact about the behaviour of the API.
type Rule struct {
	// ID names the rule. It never changes once published, because reports are compared by it.
	ID string
	// Sentence states the rule.
	Sentence string
	// Source is how the rule is known. Reference is where it is known from: a URL or a few words.
	Source    Source
	Reference string
	// Option is the option of conversationstest that makes the emulator follow the rule. It is
	// empty if the emulator follows the rule by default.
	Option string
	// Needs is what the check needs.
	Needs Needs

	check func(*session)
}

// Section is a group of rules about one subject.
type Section struct {
	Title string
	Rules []Rule
}

// Sections returns the manifest.
func Sections() []Section {
	return []Section{
		{"Operations", operationRules()},
		{"The resource", resourceRules()},
		{"Names and attributes", nameRules()},
		{"Lists", listRules()},
		{"Pages", pageRules()},
		{"States", stateRules()},
		{"Timers", timerRules()},
		{"Webhooks", webhookRules()},
		{"Errors", errorRules()},
	}
}

// Rules returns all rules of the manifest, in order.
func Rules() []Rule {
	var all []Rule
	for _, section := range Sections() {
		all = slices.Concat(all, section.Rules)
	}
	return all
}

// These pages are references of several rules.
const (
	resourcePage   = "https://www.twilio.com/docs/conversations-classic/api/conversation-resource"
	statesPage     = "https://www.twilio.com/docs/conversations-classic/states-timers"
	limitsPage     = "https://www.twilio.com/docs/conversations-classic/conversations-limits"
	responsePage   = "https://www.twilio.com/docs/usage/twilios-response"
	errorPages     = "https://www.twilio.com/docs/api/errors/"
	emptyValues    = "https://github.com/twilio/twilio-php/issues/711"
	pageToken      = "https://github.com/twilio/twilio-go/issues/226"
	headersSeen    = "https://github.com/twilio-labs/dev-phone/issues/211"
	timersInUse    = "https://github.com/twilio-labs/plugin-rtc/pull/69"
	responseSeen   = "response shown in the documentation of twelixir 0.1.0 (2021)"
	liveNotes      = "developer's notes of a live service (2026)"
	webhooksPage   = "https://www.twilio.com/docs/conversations-classic/conversations-webhooks"
	serviceHooks   = "https://www.twilio.com/docs/conversations/api/per-service-webhook-resource"
	signaturePage  = "https://www.twilio.com/docs/usage/webhooks/webhooks-security"
	hooksSeen      = "webhooks shown in public code (2021 to 2026)"
	hookHeaders    = "https://github.com/tigerfarm/tfpecho"
	publicCode     = "responses shown in public code"
	publishedTypes = "https://github.com/twilio/twilio-oai/blob/main/spec/json/twilio_conversations_v1.json"
)
