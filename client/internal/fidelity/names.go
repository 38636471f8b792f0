package fidelity

import (
	"fmt"
	"strings"
)

// pad lengthens a name to n characters.
func pad(name string, n int) string { return name + strings.Repeat("é", max(n-len([]rune(name)), 0)) }

// attributesOf returns a JSON document of n bytes.
func attributesOf(n int) string { return `{"a":"` + strings.Repeat("x", n-len(`{"a":""}`)) + `"}` }

// longestFriendlyName is the maximum number of characters of a friendly name.
const longestFriendlyName = 256

func nameRules() []Rule {
	return []Rule{
		{ID: "friendly-name.longest", Sentence: fmt.Sprintf("A friendly name may have %d characters.", longestFriendlyName),
			Source: Documented, Reference: limitsPage, check: func(s *session) {
				name := pad(s.name(), longestFriendlyName)
				wantMember(s.create("FriendlyName", name), "friendly_name", name)
			}},
		{ID: "friendly-name.shared", Sentence: "Two conversations may have the same friendly name.",
			Source: Assumed, check: func(s *session) {
				wantStatus(s.create("FriendlyName", s.plain().text("friendly_name")), 201)
			}},
		{ID: "unique-name.longest", Sentence: "A unique name may have 256 characters.",
			Source: Assumed, check: func(s *session) {
				name := pad(s.name(), 256)
				wantMember(s.create("UniqueName", name), "unique_name", name)
			}},
		{ID: "unique-name.case", Sentence: "Unique names that differ in case are different.",
			Source: Assumed, check: func(s *session) {
				c := s.conversation("UniqueName", s.name()+"-a")
				wantStatus(s.create("UniqueName", strings.TrimSuffix(c.text("unique_name"), "a")+"A"), 201)
			}},
		{ID: "unique-name.own", Sentence: "An update may send the unique name that the conversation has.",
			Source: Assumed, check: func(s *session) {
				wantStatus(s.post(s.path(s.named().sid()), "UniqueName", s.named().text("unique_name")), 200)
			}},
		{ID: "unique-name.rename", Sentence: "A renamed conversation is found under its new unique name alone.",
			Source: Assumed, check: func(s *session) {
				c, name := s.conversation("UniqueName", s.name()), s.name()
				wantMember(s.post(s.path(c.sid()), "UniqueName", name), "unique_name", name)
				wantStatus(s.get(s.path(c.text("unique_name"))), 404)
				wantMember(s.get(s.path(name)), "sid", c.sid())
			}},
		{ID: "unique-name.update-taken", Sentence: "An update to a unique name that is taken is refused with code 50353.",
			Source: Assumed, Reference: errorPages + "50353", check: func(s *session) {
				wantRefused(s.post(s.path(s.conversation().sid()), "UniqueName", s.named().text("unique_name")), 50353)
			}},
		{ID: "unique-name.after-delete", Sentence: "A delete frees the unique name.",
			Source: Assumed, check: func(s *session) {
				c := s.conversation("UniqueName", s.name())
				s.delete(s.path(c.sid()))
				wantStatus(s.create("UniqueName", c.text("unique_name")), 201)
			}},
		{ID: "unique-name.after-close", Sentence: "A closed conversation keeps its unique name.",
			Source: Assumed, Reference: "a program that deletes closed conversations to reuse their names", check: func(s *session) {
				wantRefused(s.create("UniqueName", s.closed().text("unique_name")), 50353)
			}},
		{ID: "attributes.longest", Sentence: "Attributes may have 16 KB.",
			Source: Documented, Reference: limitsPage, check: func(s *session) {
				text := attributesOf(16 << 10)
				want(s.create("Attributes", text).text("attributes") == text, "they are refused or shortened")
			}},
		{ID: "attributes.any-value", Sentence: "Attributes may be any JSON value, not only an object.",
			Source: Assumed, check: func(s *session) {
				c := s.conversation()
				for _, text := range []string{`[1]`, `"a"`, `1`, `null`} {
					wantMember(s.post(s.path(c.sid()), "Attributes", text), "attributes", text)
				}
			}},
	}
}
