package conversationstest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Variant is a way in which Twilio may behave differently from an assumption of the emulator.
// [Assume] chooses it.
type Variant struct {
	// Rule is the ID of the rule in FIDELITY.md that the variant replaces. Name is the variant's
	// name.
	Rule, Name string
	// Sentence says how the emulator behaves with the variant.
	Sentence string
}

// Variants returns the variants that [Assume] knows, by rule.
func Variants() []Variant { return slices.Clone(variants) }

var variants = []Variant{
	{"attributes.any-value", "refused", "Attributes that are no object are refused with 400 and code 50304."},
	{"attributes.verbatim", "compact", "attributes has no blanks between its tokens."},
	{"create.date-updated-default", "date-created", "date_updated is DateCreated where only that is sent."},
	{"error.no-retry-after", "sent", "A 429 has the header Retry-After: 1."},
	{"error.order-fields", "conversation-first", "The conversation is looked for before fields are checked."},
	{"error.path", "whole", "The path in the message of a 404 has /v1."},
	{"list.end-second", "exact", "An EndDate without a fraction is that very instant."},
	{"list.order", "oldest-first", "Without filters the oldest come first."},
	{"list.state-order", "oldest-first", "With State alone the oldest come first."},
	{"page.alone", "offset", "Page without PageToken skips as many pages."},
	{"page.last-full", "empty-page", "A full last page leads to an empty one."},
	{"page.size-above-100", "accepted", "A PageSize up to 1000 is taken as it is."},
	{"page.size-above-100", "refused", "A PageSize above 100 is refused with 400 and code 20007."},
	{"state.close-again", "accepted", "Closing a closed conversation responds with 200 and changes nothing."},
	{"state.closed-timers", "cleared", "An update that closes a conversation removes its timers."},
	{"timer.create-zero", "refused", "PT0S in a create is refused as too short."},
	{"timer.date-updated", "unchanged", "A timer that fires leaves date_updated."},
	{"timer.kept", "cleared", "A timer that fires is removed from timers."},
	{"timer.months", "refused", "A duration in months or years is refused as malformed."},
	{"timer.restart", "kept", "An update leaves the timers that it does not set."},
	{"timer.update", "refused", "An update that sets timers without State is refused with 400 and code 50382."},
	{"timer.update-zero", "refused", "PT0S in an update is refused as too short."},
	{"timer.weeks", "refused", "A duration in weeks is refused as malformed."},
	{"timer.without-state", "refused", "A create that sets timers without State is refused with 400 and code 50382."},
	{"unique-name.after-close", "freed", "Closing a conversation frees its unique name, by which it is found no more."},
	{"update.empty-attributes", "cleared", "Empty Attributes in an update set attributes to {}."},
	{"update.empty-unique-name", "cleared", "An empty UniqueName in an update sets unique_name to null."},
	{"update.nothing", "date-updated", "An update without fields sets date_updated."},
	{"update.nothing", "refused", "An update without fields is refused with 400 and code 20161."},
	{"webhook.change-attributes", "ignored", "attributes in the response to a pre-event are ignored."},
	{"webhook.filters-default", "none", "No event is sent where no filters are set."},
	{"webhook.no-change", "sent", "An update without fields fires onConversationUpdate and onConversationUpdated."},
	{"webhook.other-status", "accepted", "A status below 400 accepts the change, as 200 does."},
	{"webhook.pre-by-rest", "none", "A request over REST fires no pre-event."},
	{"webhook.refused-error", "400", "A request that a pre-event refuses fails with 400 and code 50056."},
	{"webhook.retry", "once", "A post-event that timed out or was answered with 429, 503 or 504 is delivered once more, at once, with the RetryCount 1."},
	{"webhook.state-and-updated", "state-updated", "An update that changes the state fires onConversationStateUpdated alone."},
	{"webhook.state-header", "sent", "An update that changes the state fires onConversationStateUpdated without the header too."},
	{"webhook.timer-updated", "sent", "A timer fires onConversationUpdated before onConversationStateUpdated."},
}

// Assume makes the emulator follow a variant of a rule that FIDELITY.md marks as assumed. Use it if
// conversations-emulator probe shows that Twilio does not follow the rule.
//
// Rule is the ID of the rule. Variant is the name of a variant that FIDELITY.md and [Variants] list
// for it. If two options choose a variant of the same rule, the last one wins. An unknown rule or
// variant is an error.
func Assume(rule, variant string) Option {
	return func(c *config) error {
		if !slices.ContainsFunc(variants, func(v Variant) bool { return v.Rule == rule && v.Name == variant }) {
			return fmt.Errorf("conversationstest: no variant %q of a rule %q", variant, rule)
		}
		if c.variants == nil {
			c.variants = map[string]string{}
		}
		c.variants[rule] = variant
		if rule == "page.size-above-100" && variant == "accepted" {
			c.maxPageSize = 1000
		}
		return nil
	}
}

// assumed holds the name of the chosen variant of each rule.
type assumed map[string]string

// is reports whether the given variant of a rule was chosen.
func (a assumed) is(rule, variant string) bool { return a[rule] == variant }

// refusedByVariant returns the error of a request that only a chosen variant refuses, or nil.
func (e *Emulator) refusedByVariant(c *call, query, form url.Values) *apiError {
	if len(e.variants) == 0 {
		return nil
	}
	refused := func(rule string) bool { return e.variants.is(rule, "refused") }
	isUpdate := c.op.form != nil && c.values["Sid"] != ""
	if n, _ := strconv.Atoi(query.Get("PageSize")); n > maxPageSize && refused("page.size-above-100") {
		return valueErrors["PageSize.PageSize"]["maximum"]
	}
	if text := strings.TrimSpace(form.Get("Attributes")); text != "" && text[0] != '{' && refused("attributes.any-value") {
		return valueErrors["ConversationForm.Attributes"]["json"]
	}
	sent := func(text []string) bool { return text[0] != "" }
	if isUpdate && refused("update.nothing") && !slices.ContainsFunc(slices.Collect(maps.Values(form)), sent) {
		return badValue(20161, "Parameters are missing")
	}
	withoutState, zero := "timer.without-state", "timer.create-zero"
	if isUpdate {
		withoutState, zero = "timer.update", "timer.update-zero"
	}
	for _, field := range []string{"Timers.Inactive", "Timers.Closed"} {
		text := form.Get(field)
		if text == "" {
			continue
		}
		date, _, _ := strings.Cut(text, "T")
		d, _ := parseDuration(text)
		refusals := valueErrors["ConversationForm."+field]
		switch {
		case strings.Contains(date, "W") && refused("timer.weeks"), strings.ContainsAny(date, "YM") && refused("timer.months"):
			return refusals[""]
		case d == 0 && refused(zero):
			return refusals["minimum"]
		case form.Get("State") == "" && refused(withoutState):
			return badValue(50382, "Timer can't be set without state")
		}
	}
	return nil
}

// vary applies the chosen variants to a conversation that was created or updated. It reports
// whether it changed anything that was sent.
func (e *Emulator) vary(conv *conversation, form url.Values, now instant, isUpdate bool) (changed bool) {
	emptied := func(field, rule string) bool {
		return isUpdate && form.Has(field) && form.Get(field) == "" && e.variants.is(rule, "cleared")
	}
	if emptied("UniqueName", "update.empty-unique-name") {
		conv.UniqueName, changed = "", true
	}
	if emptied("Attributes", "update.empty-attributes") {
		conv.Attributes, changed = "{}", true
	}
	if form.Get("Attributes") != "" && e.variants.is("attributes.verbatim", "compact") {
		var compact bytes.Buffer
		_ = json.Compact(&compact, []byte(conv.Attributes)) // it was checked to be JSON
		conv.Attributes = compact.String()
	}
	if !isUpdate && form.Get("DateCreated") != "" && form.Get("DateUpdated") == "" && e.variants.is("create.date-updated-default", "date-created") {
		conv.Updated = conv.Created
	}
	if conv.State == closed && e.variants.is("state.closed-timers", "cleared") {
		conv.Inactive, conv.Closed = 0, 0
	}
	return changed || e.variants.is("update.nothing", "date-updated")
}

// vary applies the chosen variants to a response.
func (a answer) vary(chosen assumed) answer {
	if a.status == http.StatusTooManyRequests && chosen.is("error.no-retry-after", "sent") {
		a.header.Set("Retry-After", "1")
	}
	return a
}

// vary applies the chosen variants to a listing.
func (l *listing) vary(query url.Values, chosen assumed) {
	order := "list.order"
	if l.state != anyState {
		order = "list.state-order"
	}
	l.oldestFirst = query.Get("StartDate") == "" && query.Get("EndDate") == "" && chosen.is(order, "oldest-first")
	if l.token == "" && chosen.is("page.alone", "offset") {
		l.skip = min(l.page, math.MaxInt64/maxPageSize/10) * uint64(l.pageSize)
	}
	l.emptyPage = chosen.is("page.last-full", "empty-page")
	if text := query.Get("EndDate"); strings.Contains(text, "T") && chosen.is("list.end-second", "exact") {
		l.to, _, _ = parseDate(text)
	}
}
