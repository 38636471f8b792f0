package fidelity

import (
	"net/url"
	"regexp"
	"strings"
)

// members are the members of a conversation.
var members = []string{
	"account_sid", "chat_service_sid", "messaging_service_sid", "sid", "friendly_name", "unique_name", "attributes",
	"state", "date_created", "date_updated", "timers", "url", "links", "bindings",
}

// links maps the members of links to the ends of their paths.
var links = map[string]string{
	"participants": "/Participants", "messages": "/Messages", "webhooks": "/Webhooks", "export": "/Export",
}

func wantHeader(res *response, name, pattern string) {
	got := res.header.Get(name)
	want(regexp.MustCompile(pattern).MatchString(got), "it is %s", show(got))
}

func wantMatch(res *response, member, pattern string) {
	want(regexp.MustCompile(pattern).MatchString(res.text(member)), "%s is %s", member, show(res.at(member)))
}

// wantURL checks that a URL has the given path on the host under probe.
func (s *session) wantURL(what, got, path string) {
	u, err := url.Parse(got)
	want(err == nil && u.IsAbs(), "%s is no absolute URL", what)
	want(u.EscapedPath() == path, "%s has the path %s", what, show(u.EscapedPath()))
	base, _ := url.Parse(s.base)
	twilio := strings.HasSuffix(base.Hostname(), ".twilio.com") && u.Host == "conversations.twilio.com"
	want(u.Host == base.Host || twilio, "%s is on another host", what)
}

// withTimers is a conversation that has only the timer to closed. withBoth has both timers.
func (s *session) withTimers() *response {
	return fixture(s, "closed timer", func() *response { return s.conversation("Timers.Closed", "PT20M") })
}

func (s *session) withBoth() *response {
	return fixture(s, "both timers", func() *response {
		return s.conversation("Timers.Inactive", "PT2M", "Timers.Closed", "PT20M")
	})
}

func resourceRules() []Rule {
	return []Rule{
		{ID: "resource.members", Sentence: "A conversation has " + strings.Join(members[:len(members)-1], ", ") + " and " + members[len(members)-1] + ".",
			Source: Documented, Reference: resourcePage, check: func(s *session) {
				res := fixture(s, "members", func() *response { return s.create() })
				for _, member := range members {
					want(res.has(member), "there is no %s: %v", member, res)
				}
			}},
		{ID: "sid.form", Sentence: "A SID is its prefix (CH, AC, IS, MG) and 32 hexadecimal digits.",
			Source: Documented, Reference: publishedTypes, check: func(s *session) {
				for member, prefix := range map[string]string{"sid": "CH", "account_sid": "AC", "chat_service_sid": "IS", "messaging_service_sid": "MG"} {
					if s.plain().at(member) != nil {
						wantMatch(s.plain(), member, "^"+prefix+"[0-9a-fA-F]{32}$")
					}
				}
			}},
		{ID: "sid.lower-case", Sentence: "The digits of a SID are in lower case.",
			Source: Recorded, Reference: publicCode, check: func(s *session) {
				wantMatch(s.plain(), "sid", "^CH[0-9a-f]{32}$")
			}},
		{ID: "chat-service-sid.same", Sentence: "chat_service_sid is filled in whichever form of path was called.",
			Source: Documented, Reference: resourcePage, check: func(s *session) {
				c := s.inDefault()
				wantMatch(c, "chat_service_sid", "^IS")
				wantMember(s.get(serviceCollection(c.text("chat_service_sid"))+"/"+c.sid()), "chat_service_sid", c.at("chat_service_sid"))
			}},
		{ID: "messaging-service-sid.default", Sentence: "messaging_service_sid is the default messaging service where the create names none.",
			Source: Recorded, Reference: responseSeen, check: func(s *session) {
				wantMatch(s.plain(), "messaging_service_sid", "^MG")
				again := usable(s.create())
				wantMember(again, "messaging_service_sid", s.plain().at("messaging_service_sid"))
			}},
		{ID: "messaging-service-sid.set", Sentence: "A create may set MessagingServiceSid.",
			Source: Documented, Reference: resourcePage, check: func(s *session) {
				sid := s.plain().text("messaging_service_sid")
				if sid == "" {
					cannotTell("the account has no messaging service")
				}
				wantMember(s.create("MessagingServiceSid", sid), "messaging_service_sid", sid)
			}},
		{ID: "friendly-name", Sentence: "friendly_name is what was sent.",
			Source: Documented, Reference: resourcePage, check: func(s *session) {
				name := s.name() + " & co. = 100 % ✓"
				wantMember(s.create("FriendlyName", name), "friendly_name", name)
			}},
		{ID: "friendly-name.null", Sentence: "friendly_name is null where none was sent.",
			Source: Recorded, Reference: publicCode, check: func(s *session) { wantMember(s.named(), "friendly_name", nil) }},
		{ID: "unique-name", Sentence: "unique_name is what was sent.",
			Source: Documented, Reference: resourcePage, check: func(s *session) {
				name := s.name()
				wantMember(s.create("UniqueName", name), "unique_name", name)
			}},
		{ID: "unique-name.null", Sentence: "unique_name is null where none was sent.",
			Source: Documented, Reference: resourcePage, check: func(s *session) { wantMember(s.plain(), "unique_name", nil) }},
		{ID: "attributes.unset", Sentence: "attributes is the text {} where none were sent.",
			Source: Documented, Reference: resourcePage, check: func(s *session) { wantMember(s.plain(), "attributes", "{}") }},
		{ID: "attributes.text", Sentence: "attributes is a JSON document in a string, equal to what was sent.",
			Source: Documented, Reference: resourcePage, check: func(s *session) {
				wantMember(s.create("Attributes", `{"topic":"feedback"}`), "attributes", `{"topic":"feedback"}`)
			}},
		{ID: "attributes.verbatim", Sentence: "attributes keeps blanks, the order of members and the form of numbers.",
			Source: Assumed, Reference: resourcePage, check: func(s *session) {
				const text = `{ "topic": "feedback",  "b": 1.0, "a": 2 }`
				wantMember(s.create("Attributes", text), "attributes", text)
			}},
		{ID: "date.form", Sentence: "Dates are in UTC, to the second, with a Z.",
			Source: Recorded, Reference: responseSeen, check: func(s *session) {
				c := s.withTimers()
				for _, member := range []string{"date_created", "date_updated"} {
					wantMatch(c, member, `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`)
				}
				got := c.text("timers", "date_closed")
				want(got == "" || len(got) == len("2015-12-16T22:18:37Z"), "date_closed is %s", show(got))
			}},
		{ID: "timers.none", Sentence: "timers is an empty object where no timer is set.",
			Source: Documented, Reference: resourcePage, check: func(s *session) {
				if timers, _ := s.plain().at("timers").(map[string]any); len(timers) > 0 {
					cannotTell("the account has default timers")
				}
				want(show(s.plain().at("timers")) == "{}", "timers is %s", show(s.plain().at("timers")))
			}},
		{ID: "timers.one", Sentence: "timers has date_closed alone where only that timer is set.",
			Source: Recorded, Reference: liveNotes, check: func(s *session) {
				timers, _ := s.withTimers().at("timers").(map[string]any)
				_, hasClosed := timers["date_closed"]
				want(hasClosed && len(timers) == 1, "timers is %s", show(timers))
			}},
		{ID: "timers.dates", Sentence: "timers holds the times at which the timers fire: date_inactive and date_closed.",
			Source: Documented, Reference: resourcePage, check: func(s *session) {
				c := s.withBoth()
				want(c.time("timers", "date_inactive").After(c.time("date_created")) && c.time("timers", "date_closed").After(c.time("timers", "date_inactive")),
					"timers is %s", show(c.at("timers")))
			}},
		{ID: "url", Sentence: "url is absolute and addresses the conversation by its SID, in the form of path that was called.",
			Source: Documented, Reference: resourcePage, check: func(s *session) {
				s.wantURL("url", s.plain().text("url"), s.path(s.plain().sid()))
			}},
		{ID: "url.short", Sentence: "url of a call without a service has no service.",
			Source: Documented, Reference: resourcePage, check: func(s *session) {
				s.wantURL("url", s.inDefault().text("url"), defaultCollection+"/"+s.inDefault().sid())
			}},
		{ID: "url.service", Sentence: "url of a call that names the service names it too.",
			Source: Documented, Reference: resourcePage, check: func(s *session) {
				c := s.inDefault()
				path := serviceCollection(c.text("chat_service_sid")) + "/" + c.sid()
				s.wantURL("url", s.get(path).text("url"), path)
			}},
		{ID: "url.unique-name", Sentence: "url has the SID also where the call had the unique name.",
			Source: Recorded, Reference: emptyValues, check: func(s *session) {
				res := s.get(s.path(s.named().text("unique_name")))
				s.wantURL("url", res.text("url"), s.path(s.named().sid()))
			}},
		{ID: "links", Sentence: "links has the absolute URLs of participants, messages, webhooks and export, below url.",
			Source: Documented, Reference: resourcePage, check: func(s *session) {
				for name, end := range links {
					s.wantURL(name, s.plain().text("links", name), s.path(s.plain().sid())+end)
				}
			}},
		{ID: "bindings.none", Sentence: "bindings is an empty object where none were sent.",
			Source: Documented, Reference: resourcePage, check: func(s *session) {
				want(show(s.plain().at("bindings")) == "{}", "bindings is %s", show(s.plain().at("bindings")))
			}},
		{ID: "bindings.email", Sentence: "Bindings.Email.Address and .Name come back as projected_address and name of bindings.email.",
			Source: Documented, Reference: resourcePage, check: func(s *session) {
				c := s.withEmail()
				want(c.text("bindings", "email", "projected_address") == "support@example.com" && c.text("bindings", "email", "name") == "Support",
					"bindings is %s", show(c.at("bindings")))
			}},
		{ID: "bindings.update", Sentence: "An update of one part of the e-mail binding leaves the other.",
			Source: Assumed, check: func(s *session) {
				res := s.post(s.path(s.withEmail().sid()), "Bindings.Email.Name", "Sales")
				wantStatus(res, 200)
				want(res.text("bindings", "email", "projected_address") == "support@example.com" && res.text("bindings", "email", "name") == "Sales",
					"bindings is %s", show(res.at("bindings")))
			}},
	}
}

func (s *session) withEmail() *response {
	return fixture(s, "email", func() *response {
		res := s.create("Bindings.Email.Address", "support@example.com", "Bindings.Email.Name", "Support")
		if res.status >= 400 {
			cannotTell("e-mail bindings are refused: %v", res)
		}
		return usable(res)
	})
}
