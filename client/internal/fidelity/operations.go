package fidelity

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

// plain is a conversation that has only a friendly name, as its create returned it.
func (s *session) plain() *response {
	return fixture(s, "plain", func() *response { return s.conversation("FriendlyName", s.name()) })
}

// named is a conversation that has only a unique name.
func (s *session) named() *response {
	return fixture(s, "named", func() *response { return s.conversation("UniqueName", s.name()) })
}

// closed is a conversation with a unique name and both timers, after it was closed.
func (s *session) closed() *response {
	return fixture(s, "closed", func() *response {
		c := s.conversation("UniqueName", s.name(), "Timers.Inactive", "PT1H", "Timers.Closed", "PT2H")
		res := s.post(s.path(c.sid()), "State", "closed")
		if res.status != http.StatusOK || res.text("state") != "closed" {
			cannotTell("a conversation could not be closed: %v", res)
		}
		return res
	})
}

func operationRules() []Rule {
	webhookHeader := http.Header{"X-Twilio-Webhook-Enabled": {"false"}}
	return []Rule{
		{ID: "create", Sentence: "A create responds with 201 and the conversation.",
			Source: Documented, Reference: resourcePage, check: func(s *session) {
				res := s.create()
				wantStatus(res, 201)
				want(res.sid() != "", "the body has no sid")
				wantStatus(s.get(s.path(res.sid())), 200)
			}},
		{ID: "create.state", Sentence: "A conversation is created active, unless State says otherwise.",
			Source: Documented, Reference: statesPage, check: func(s *session) {
				wantMember(s.plain(), "state", "active")
			}},
		{ID: "create.dates", Sentence: "date_created and date_updated of a new conversation are the time of the request.",
			Source: Recorded, Reference: responseSeen, check: func(s *session) {
				res := usable(s.create())
				now := s.now()
				wantMember(res, "date_updated", res.at("date_created"))
				off := now.Sub(res.time("date_created"))
				want(off.Abs() < 5*time.Minute, "date_created is %v off", off.Round(time.Second))
			}},
		{ID: "create.date-created", Sentence: "A create may set DateCreated.",
			Source: Documented, Reference: resourcePage, check: func(s *session) {
				wantMember(s.create("DateCreated", "2015-12-16T22:18:37Z"), "date_created", "2015-12-16T22:18:37Z")
			}},
		{ID: "create.date-updated", Sentence: "A create may set DateUpdated.",
			Source: Documented, Reference: resourcePage, check: func(s *session) {
				wantMember(s.create("DateUpdated", "2015-12-16T22:18:38Z"), "date_updated", "2015-12-16T22:18:38Z")
			}},
		{ID: "create.date-updated-default", Sentence: "date_updated of a conversation created with DateCreated alone is the time of the request.",
			Source: Assumed, check: func(s *session) {
				res := usable(s.create("DateCreated", "2015-12-16T22:18:37Z"))
				off := s.now().Sub(res.time("date_updated"))
				want(off.Abs() < 5*time.Minute, "date_updated is %s", show(res.at("date_updated")))
			}},
		{ID: "date.offset", Sentence: "A date with an offset is converted to UTC.",
			Source: Assumed, check: func(s *session) {
				wantMember(s.create("DateCreated", "2015-12-17T00:18:37+02:00"), "date_created", "2015-12-16T22:18:37Z")
			}},
		{ID: "fetch", Sentence: "A fetch responds with 200 and the conversation as its create returned it.",
			Source: Documented, Reference: resourcePage, check: func(s *session) {
				created := s.plain()
				res := s.get(s.path(created.sid()))
				wantStatus(res, 200)
				for _, member := range members {
					want(show(res.at(member)) == show(created.at(member)), "%s is %s after %s", member, show(res.at(member)), show(created.at(member)))
				}
			}},
		{ID: "fetch.unique-name", Sentence: "A fetch takes the unique name in place of the SID.",
			Source: Documented, Reference: resourcePage, check: func(s *session) {
				wantMember(s.get(s.path(s.named().text("unique_name"))), "sid", s.named().sid())
			}},
		{ID: "fetch.unique-name-blank", Sentence: "A unique name with a blank and an @ is addressed percent-encoded.",
			Source: Recorded, Reference: "names in public code", check: func(s *session) {
				c := s.conversation("UniqueName", s.name()+" a@b")
				wantMember(s.get(s.path(c.text("unique_name"))), "sid", c.sid())
			}},
		{ID: "fetch.unique-name-slash", Sentence: "A unique name with a slash is addressed with %2F.",
			Source: Assumed, check: func(s *session) {
				c := s.conversation("UniqueName", s.name()+"/a")
				wantMember(s.get(s.path(c.text("unique_name"))), "sid", c.sid())
			}},
		{ID: "update", Sentence: "An update responds with 200 and the changed conversation.",
			Source: Documented, Reference: resourcePage, check: func(s *session) {
				c, name := s.conversation(), s.name()
				res := s.post(s.path(c.sid()), "FriendlyName", name)
				wantStatus(res, 200)
				wantMember(res, "friendly_name", name)
				wantMember(s.get(s.path(c.sid())), "friendly_name", name)
			}},
		{ID: "update.unique-name", Sentence: "An update takes the unique name in place of the SID.",
			Source: Recorded, Reference: emptyValues, check: func(s *session) {
				c := s.conversation("UniqueName", s.name())
				res := s.post(s.path(c.text("unique_name")), "Attributes", `{"a":1}`)
				wantStatus(res, 200)
				wantMember(res, "sid", c.sid())
			}},
		{ID: "update.others-stay", Sentence: "Fields that an update leaves out stay as they are.",
			Source: Documented, Reference: resourcePage, check: func(s *session) {
				c := s.conversation("UniqueName", s.name(), "FriendlyName", s.name(), "Attributes", `{"a":1}`)
				res := s.post(s.path(c.sid()), "State", "inactive")
				for _, member := range []string{"unique_name", "friendly_name", "attributes"} {
					wantMember(res, member, c.at(member))
				}
			}},
		{ID: "update.date-updated", Sentence: "An update sets date_updated to its time and leaves date_created.",
			Source: Documented, Reference: resourcePage, check: func(s *session) {
				c := s.conversation("DateUpdated", "2015-12-16T22:18:38Z")
				res := s.post(s.path(c.sid()), "FriendlyName", s.name())
				wantMember(res, "date_created", c.at("date_created"))
				off := s.now().Sub(res.time("date_updated"))
				want(off.Abs() < 5*time.Minute, "date_updated is %s", show(res.at("date_updated")))
			}},
		{ID: "update.set-dates", Sentence: "An update may set DateCreated and DateUpdated.",
			Source: Documented, Reference: resourcePage, check: func(s *session) {
				c := s.conversation()
				res := s.post(s.path(c.sid()), "DateCreated", "2015-12-16T22:18:37Z", "DateUpdated", "2015-12-16T22:18:38Z")
				wantMember(res, "date_created", "2015-12-16T22:18:37Z")
				wantMember(res, "date_updated", "2015-12-16T22:18:38Z")
			}},
		{ID: "update.empty-friendly-name", Sentence: "An empty FriendlyName changes nothing.",
			Source: Recorded, Reference: emptyValues, check: func(s *session) { s.emptyValue("FriendlyName", "friendly_name") }},
		{ID: "update.empty-unique-name", Sentence: "An empty UniqueName changes nothing.",
			Source: Assumed, check: func(s *session) { s.emptyValue("UniqueName", "unique_name") }},
		{ID: "update.empty-attributes", Sentence: "Empty Attributes change nothing.",
			Source: Assumed, check: func(s *session) { s.emptyValue("Attributes", "attributes") }},
		{ID: "update.nothing", Sentence: "An update without fields responds with 200 and changes nothing, date_updated included.",
			Source: Assumed, check: func(s *session) {
				c := s.conversation("DateUpdated", "2015-12-16T22:18:38Z")
				res := s.post(s.path(c.sid()))
				wantStatus(res, 200)
				wantMember(res, "date_updated", c.at("date_updated"))
			}},
		{ID: "delete", Sentence: "A delete responds with 204 and no body.",
			Source: Documented, Reference: resourcePage, check: func(s *session) {
				res := s.delete(s.path(s.conversation().sid()))
				wantStatus(res, 204)
				want(len(res.body) == 0, "there is a body")
			}},
		{ID: "delete.gone", Sentence: "A deleted conversation is found no more.",
			Source: Documented, Reference: resourcePage, check: func(s *session) {
				c := s.conversation()
				s.delete(s.path(c.sid()))
				wantRefused(s.get(s.path(c.sid())), 20404)
			}},
		{ID: "delete.unique-name", Sentence: "A delete takes the unique name in place of the SID.",
			Source: Documented, Reference: resourcePage, check: func(s *session) {
				c := s.conversation("UniqueName", s.name())
				wantStatus(s.delete(s.path(c.text("unique_name"))), 204)
				wantStatus(s.get(s.path(c.sid())), 404)
			}},
		{ID: "delete.twice", Sentence: "A second delete is refused with 404 and code 20404.",
			Source: Assumed, check: func(s *session) {
				c := s.conversation()
				s.delete(s.path(c.sid()))
				res := s.delete(s.path(c.sid()))
				wantStatus(res, 404)
				wantRefused(res, 20404)
			}},
		{ID: "delete.closed", Sentence: "A closed conversation can be deleted.",
			Source: Assumed, check: func(s *session) {
				c := s.conversation()
				s.post(s.path(c.sid()), "State", "closed")
				wantStatus(s.delete(s.path(c.sid())), 204)
			}},
		{ID: "service.path", Sentence: "A conversation of the default service is found under the service's own path too.",
			Source: Documented, Reference: resourcePage, check: func(s *session) {
				c := s.inDefault()
				wantMember(s.get(serviceCollection(c.text("chat_service_sid"))+"/"+c.sid()), "sid", c.sid())
			}},
		{ID: "service.apart", Sentence: "Services share no conversations.",
			Source: Documented, Reference: resourcePage, Needs: NeedsService, check: func(s *session) {
				wantStatus(s.get(defaultCollection+"/"+s.plain().sid()), 404)
			}},
		{ID: "service.unique-names", Sentence: "Two services may each have a conversation with the same unique name.",
			Source: Assumed, Needs: NeedsService, check: func(s *session) {
				wantStatus(s.createIn(defaultCollection, "UniqueName", s.named().text("unique_name")), 201)
			}},
		{ID: "header.webhook-create", Sentence: "A create takes the header X-Twilio-Webhook-Enabled.",
			Source: Documented, Reference: resourcePage, check: func(s *session) {
				wantStatus(s.send(request{method: "POST", path: s.collection, form: form("FriendlyName", s.name()), header: webhookHeader}), 201)
			}},
		{ID: "header.webhook-update", Sentence: "An update takes the header X-Twilio-Webhook-Enabled.",
			Source: Documented, Reference: resourcePage, check: func(s *session) {
				path := s.path(s.conversation().sid())
				wantStatus(s.send(request{method: "POST", path: path, form: form("FriendlyName", s.name()), header: webhookHeader}), 200)
			}},
		{ID: "header.webhook-delete", Sentence: "A delete takes the header X-Twilio-Webhook-Enabled.",
			Source: Documented, Reference: resourcePage, check: func(s *session) {
				path := s.path(s.conversation().sid())
				wantStatus(s.send(request{method: "DELETE", path: path, header: webhookHeader}), 204)
			}},
		{ID: "form.unknown", Sentence: "An unknown form field is ignored.",
			Source: Assumed, Reference: errorPages + "20001", Option: "Lenient", check: func(s *session) {
				wantStatus(s.create("Colour", "red"), 201)
			}},
		{ID: "form.repeated", Sentence: "Of a repeated form field the first value counts.",
			Source: Assumed, Option: "Lenient", check: func(s *session) {
				first := s.name()
				wantMember(s.create("FriendlyName", first, "FriendlyName", s.name()), "friendly_name", first)
			}},
		{ID: "query.unknown", Sentence: "An unknown query parameter is ignored.",
			Source: Assumed, Option: "Lenient", check: func(s *session) {
				wantStatus(s.get(s.collection+"?PageSize=1&Colour=red"), 200)
			}},
		{ID: "form.charset", Sentence: "The content type of a form may name a charset.",
			Source: Assumed, check: func(s *session) {
				res := s.send(request{method: "POST", path: s.collection, form: form("FriendlyName", s.name()), contentType: formType + "; charset=utf-8"})
				wantStatus(res, 201)
			}},
		{ID: "header.content-type", Sentence: "A body is of the type application/json; charset=utf-8.",
			Source: Recorded, Reference: headersSeen, check: func(s *session) {
				got := s.get(s.path(s.plain().sid())).header.Get("Content-Type")
				want(strings.EqualFold(strings.ReplaceAll(got, " ", ""), "application/json;charset=utf-8"), "it is %s", show(got))
			}},
		{ID: "header.request-id", Sentence: "The header Twilio-Request-Id is RQ and 32 hexadecimal digits.",
			Source: Recorded, Reference: headersSeen, check: func(s *session) {
				wantHeader(s.get(s.path(s.plain().sid())), "Twilio-Request-Id", `^RQ[0-9a-f]{32}$`)
			}},
		{ID: "header.request-duration", Sentence: "The header Twilio-Request-Duration is in seconds, with three decimals.",
			Source: Recorded, Reference: headersSeen, check: func(s *session) {
				wantHeader(s.get(s.path(s.plain().sid())), "Twilio-Request-Duration", `^\d+\.\d{3}$`)
			}},
		{ID: "header.concurrent-requests", Sentence: "The header Twilio-Concurrent-Requests is a number.",
			Source: Recorded, Reference: headersSeen, check: func(s *session) {
				wantHeader(s.get(s.path(s.plain().sid())), "Twilio-Concurrent-Requests", `^\d+$`)
			}},
		{ID: "header.home-region", Sentence: "The header X-Home-Region names a region.",
			Source: Recorded, Reference: headersSeen, check: func(s *session) {
				wantHeader(s.get(s.path(s.plain().sid())), "X-Home-Region", `^[a-z]+[0-9]+$`)
			}},
		{ID: "header.api-domain", Sentence: "The header X-Api-Domain is the domain of the API.",
			Source: Recorded, Reference: headersSeen, check: func(s *session) {
				wantHeader(s.get(s.path(s.plain().sid())), "X-Api-Domain", `^conversations(\.[a-z0-9-]+)*\.twilio\.com$`)
			}},
		{ID: "header.cors", Sentence: "The header Access-Control-Allow-Origin lets web pages read the response.",
			Source: Documented, Reference: publishedTypes, check: func(s *session) {
				wantHeader(s.get(s.path(s.plain().sid())), "Access-Control-Allow-Origin", `.`)
			}},
		{ID: "header.etag", Sentence: "A conversation has no header ETag.",
			Source: Assumed, check: func(s *session) {
				got := s.get(s.path(s.plain().sid())).header.Get("ETag")
				want(got == "", "there is one")
			}},
	}
}

// inDefault is a conversation that was created under the path without a service.
func (s *session) inDefault() *response {
	if s.target.Service == "" {
		return s.plain()
	}
	return fixture(s, "in default", func() *response { return usable(s.createIn(defaultCollection)) })
}

// emptyValue checks that an empty value leaves a member unchanged.
func (s *session) emptyValue(field, member string) {
	c := s.conversation("UniqueName", s.name(), "FriendlyName", s.name(), "Attributes", `{"a":1}`)
	res := s.send(request{method: "POST", path: s.path(c.sid()), form: url.Values{field: {""}}})
	wantStatus(res, 200)
	wantMember(res, member, c.at(member))
}
