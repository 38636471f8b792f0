package drill

// These are the files that changes touch.
const (
	openAPI       = "api/openapi.yaml"
	conversations = "client/conversations.go"
	params        = "client/params.go"
	list          = "client/list.go"
	operation     = "client/operation.go"
	operationTest = "client/operation_test.go"
	store         = "client/conversationstest/store.go"
	resource      = "client/conversationstest/resource.go"
	filters       = "client/conversationstest/list.go"
	handlers      = "client/conversationstest/handlers.go"
	answer        = "client/conversationstest/answer.go"
)

const vet = "go vet ./client/..."

var changes = []change{
	{
		row: "a response member", kind: "string", most: 2,
		description: member("topic", `
          description: What the conversation is about.
          type: string
          nullable: true
`, "Delivery"),
		steps: []step{
			{vet, []string{`client/conversations.go:\d+:\d+: cannot convert conv .* to type \*Conversation`}, []edit{
				after(conversations, "\tLinks Links `json:\"links\"`\n", "\t// Topic is what the conversation is about.\n\tTopic string `json:\"topic\"`\n"),
			}},
			{describedTests, []string{
				"member topic of createConversation is not shown: add it to call.resource in resource.go",
				"Topic is not shown: add its member to call.resource in client/conversationstest/resource.go",
			}, []edit{
				after(resource, "\t\tBindings            bindings `json:\"bindings\"`\n", "\t\tTopic string `json:\"topic\"`\n"),
				after(resource, "\t\tDateUpdated:         date(conv.Updated),\n", "\t\tTopic: \"Delivery\",\n"),
			}},
		},
	},
	{
		row: "a response member", kind: "nested object", most: 2,
		description: append(member("location", `
          $ref: '#/components/schemas/ConversationLocation'
`, "{city: Vilnius}"), before(openAPI, "    ConversationLinks:\n", `    ConversationLocation:
      description: Where the conversation is stored.
      type: object
      nullable: true
      properties:
        city:
          description: The city.
          type: string
          nullable: true

`)),
		steps: []step{
			{vet, []string{`client/conversations.go:\d+:\d+: cannot convert conv .* to type \*Conversation`}, []edit{
				after(conversations, "\tLinks Links `json:\"links\"`\n", "\t// Location is where the conversation is stored.\n\tLocation gen.ConversationLocation `json:\"location\"`\n"),
			}},
			{describedTests, []string{
				"member location of createConversation is not shown: add it to call.resource in resource.go",
				"Location is not shown: add its member to call.resource in client/conversationstest/resource.go",
			}, []edit{
				after(resource, "\t\tBindings            bindings `json:\"bindings\"`\n", "\t\tLocation map[string]string `json:\"location\"`\n"),
				after(resource, "\t\tDateUpdated:         date(conv.Updated),\n", "\t\tLocation: map[string]string{\"city\": \"Vilnius\"},\n"),
			}},
		},
	},
	field("string", "Bindings.Email.ReplyTo", "type: string", "support@example.com",
		after(openAPI, "          description: The name.\n          type: string\n          nullable: true\n", `        reply_to:
          description: The address that replies go to.
          type: string
          nullable: true
`),
		after(params, "\tBindingsEmailName *string\n", "\t// BindingsEmailReplyTo is the address that replies go to.\n\tBindingsEmailReplyTo *string\n"),
		after(params, "p.BindingsEmailName, 0),\n", "\t\tBindingsEmailReplyTo: c.text(\"BindingsEmailReplyTo\", \"Bindings.Email.ReplyTo\", p.BindingsEmailReplyTo, 0),\n"),
		after(store, "`form:\"Bindings.Email.Name\"`\n", "\tEmailReplyTo     string  `form:\"Bindings.Email.ReplyTo\"`\n"),
		after(resource, "\t\tName             *string `json:\"name\"`\n", "\t\tReplyTo *string `json:\"reply_to\"`\n"),
		after(resource, "\t\t\tName:             orNull(conv.EmailName),\n", "\t\t\tReplyTo: orNull(conv.EmailReplyTo),\n"),
	),
	field("integer", "Bindings.Email.Priority", "type: integer", "3",
		after(openAPI, "          description: The name.\n          type: string\n          nullable: true\n", `        priority:
          description: The priority, from 1 to 5.
          type: integer
          nullable: true
`),
		after(params, "\tBindingsEmailName *string\n", "\t// BindingsEmailPriority is the priority of outbound email.\n\tBindingsEmailPriority *int\n"),
		after(params, "p.BindingsEmailName, 0),\n", "\t\tBindingsEmailPriority: p.BindingsEmailPriority,\n"),
		after(store, "`form:\"Bindings.Email.Name\"`\n", "\tEmailPriority    int64   `form:\"Bindings.Email.Priority\"`\n"),
		after(resource, "\t\tName             *string `json:\"name\"`\n", "\t\tPriority *int64 `json:\"priority\"`\n"),
		after(resource, "\t\t\tName:             orNull(conv.EmailName),\n", "\t\t\tPriority: orNull(conv.EmailPriority),\n"),
	),
	field("boolean", "Bindings.Email.Tracking", "type: boolean", "true",
		after(openAPI, "          description: The name.\n          type: string\n          nullable: true\n", `        tracking:
          description: Whether outbound email is tracked.
          type: boolean
          nullable: true
`),
		after(params, "\tBindingsEmailName *string\n", "\t// BindingsEmailTracking is whether outbound email is tracked.\n\tBindingsEmailTracking *bool\n"),
		after(params, "p.BindingsEmailName, 0),\n", "\t\tBindingsEmailTracking: p.BindingsEmailTracking,\n"),
		after(store, "`form:\"Bindings.Email.Name\"`\n", "\tEmailTracking    bool    `form:\"Bindings.Email.Tracking\"`\n"),
		after(resource, "\t\tName             *string `json:\"name\"`\n", "\t\tTracking bool `json:\"tracking\"`\n"),
		after(resource, "\t\t\tName:             orNull(conv.EmailName),\n", "\t\t\tTracking: conv.EmailTracking,\n"),
	),
	field("date-time", "DateArchived", "type: string\n          format: date-time", "'2026-01-18T03:17:17Z'",
		after(openAPI, "          description: When the conversation becomes `closed`.\n          type: string\n          format: date-time\n          nullable: true\n", `        date_archived:
          description: When the conversation is archived.
          type: string
          format: date-time
          nullable: true
`),
		after(params, "\tBindingsEmailName *string\n", "\t// DateArchived is when the conversation is archived.\n\tDateArchived *time.Time\n"),
		after(params, "p.BindingsEmailName, 0),\n", "\t\tDateArchived: c.date(\"DateArchived\", p.DateArchived),\n"),
		after(store, "`form:\"Bindings.Email.Name\"`\n", "\tArchived         instant `form:\"DateArchived\"`\n"),
		after(resource, "\t\tDateClosed   string `json:\"date_closed,omitempty\"`\n", "\t\tDateArchived string `json:\"date_archived,omitempty\"`\n"),
		before(resource, "\tif conv.EmailAddress != \"\"", "\tif conv.Archived != 0 {\n\t\tshown.Timers.DateArchived = date(conv.Archived)\n\t}\n"),
	),
	parameter("string", "FriendlyName", "type: string", "Support",
		after(list, "\tEndDate time.Time\n", "\t// FriendlyName selects the conversations with that name.\n\tFriendlyName string\n"),
		after(list, "c.bound(\"EndDate\", params.EndDate),\n", "\t\tFriendlyName: c.text(\"FriendlyName\", \"\", given(params.FriendlyName), maxFriendlyName),\n"),
		after(filters, "{\"State\", func(l *listing, value string) { l.state, _ = parseState(value) }},\n", `	{"FriendlyName", func(l *listing, value string) {
		l.where = append(l.where, func(c *conversation) bool { return c.FriendlyName == value })
	}},
`),
	),
	parameter("date", "UpdatedAfter", "type: string\n        pattern: '^[0-9T:.Z-]*$'", "'2026-01-01T00:00:00Z'",
		after(list, "\tEndDate time.Time\n", "\t// UpdatedAfter selects the conversations updated at that time or later.\n\tUpdatedAfter time.Time\n"),
		after(list, "c.bound(\"EndDate\", params.EndDate),\n", "\t\tUpdatedAfter: c.bound(\"UpdatedAfter\", params.UpdatedAfter),\n"),
		after(filters, "{\"State\", func(l *listing, value string) { l.state, _ = parseState(value) }},\n", `	{"UpdatedAfter", func(l *listing, value string) {
		from, _, _ := parseDate(value)
		l.where = append(l.where, func(c *conversation) bool { return c.Updated >= from })
	}},
`),
	),
	{
		row: "an enum value", kind: "a state, with its rules in the emulator", most: 3,
		description: []edit{{file: openAPI, old: "enum: [initializing, inactive, active, closed]", new: "enum: [initializing, inactive, active, closed, archived]"}},
		steps: []step{{describedTests, []string{
			"state archived has no short name: add StateArchived = gen.ConversationEnumStateArchived to the constants beside StateActive in client/conversations.go",
			"state archived is not emulated: add it to the states and to stateNames in store.go, and its rules to assumptions.go",
		}, []edit{
			after(conversations, "\tStateInitializing = gen.ConversationEnumStateInitializing\n", "\t// StateArchived is the state of a conversation that is kept, and not shown.\n\tStateArchived = gen.ConversationEnumStateArchived\n"),
			after(store, "\tclosed\n", "\tarchived\n"),
			after(store, "\"active\", \"closed\"", ", \"archived\""),
		}}},
	},
	limit("of characters",
		"name of the conversation, at most 256 characters.\n          type: string\n          maxLength: 256\n", "name of the conversation, at most 512 characters.\n          type: string\n          maxLength: 512\n",
		"the maximum of FriendlyName is described as 512: change maxFriendlyName in client/params.go",
		edit{file: params, old: "maxFriendlyName = 256", new: "maxFriendlyName = 512"},
		"error.50003: 201 instead of 400",
		edit{file: "client/internal/fidelity/names.go", old: "longestFriendlyName = 256", new: "longestFriendlyName = 512"},
	),
	limit("of a page",
		"        maximum: 1000\n", "        maximum: 500\n",
		"the maximum of PageSize is described as 500: change maxPageSize in client/list.go",
		edit{file: list, old: "const maxPageSize = 1000", new: "const maxPageSize = 500"},
		"page.size-above-100: the list is refused: 400 with code 20007",
		edit{file: "client/internal/fidelity/page.go", old: "const largestPageSize = 1000", new: "const largestPageSize = 500"},
	),
	{
		row: "a limit or a pattern", kind: "a pattern that the client does not check", most: 0,
		description: []edit{after(openAPI, "          description: The default address that outbound email of the conversation is sent from.\n          type: string\n", "          pattern: '^(.*@.*)?$'\n")},
	},
	{
		row: "a response header", kind: "of every response", most: 1,
		description: []edit{
			{openAPI, "          headers:\n", "          headers:\n            Twilio-Cluster:\n              $ref: '#/components/headers/Twilio-Cluster'\n", true},
			before(openAPI, "    Access-Control-Allow-Origin:\n      description", `    Twilio-Cluster:
      description: The cluster that responded.
      schema:
        type: string
      example: a
`),
		},
		steps: []step{{describedTests, []string{"header Twilio-Cluster of 200 of fetchConversation is not sent: add it to setHeaders in answer.go"}, []edit{
			after(answer, "\th.Set(\"X-Home-Region\", e.region)\n", "\th.Set(\"Twilio-Cluster\", \"a\")\n"),
		}}},
	},
	{
		row: "an operation on a conversation", kind: "in both scopes", most: 3,
		description: []edit{
			before(openAPI, "  /v1/Services/{ChatServiceSid}/Conversations:\n", described("/v1/Conversations/{Sid}/Summary", "summarizeConversation",
				"Conversation", "ConversationsV1Conversation", "Conversation", "Sid")),
			before(openAPI, "\ncomponents:\n", described("/v1/Services/{ChatServiceSid}/Conversations/{Sid}/Summary", "summarizeServiceConversation",
				"ServiceConversation", "ConversationsV1ServiceServiceConversation", "ServiceConversation", "ChatServiceSid", "Sid")),
		},
		unfinished: &unfinished{"/v1/Conversations/a/Summary", "summarizeConversation"},
		steps: []step{{describedTests, []string{
			`summarizeConversation \(GET /v1/Conversations/{Sid}/Summary\) is described but not emulated: add it to handlers in client/conversationstest/handlers.go`,
			"summarizeServiceConversation is described but not wrapped: see scope.fetch in client/operation.go and Conversations.Fetch in client/conversations.go, and add a row to operations in client/operation_test.go",
		}, []edit{
			after(handlers, "\t\"deleteServiceConversation\": (*Emulator).remove,\n", "\t\"summarizeConversation\":        (*Emulator).fetch,\n\t\"summarizeServiceConversation\": (*Emulator).fetch,\n"),
			before(operation, "var listConversation =", `var summarizeConversation = operation{"summarizeConversation", "summarizeServiceConversation", http.StatusOK, false}

func (s scope) summarize(ctx context.Context, g *gen.ClientWithResponses, id string) (*gen.ConversationsV1Conversation, error) {
	if s.service == "" {
		res, err := g.SummarizeConversationWithResponse(ctx, id)
		return ok((*gen.FetchConversationResult)(res), err)
	}
	res, err := g.SummarizeServiceConversationWithResponse(ctx, s.service, id)
	return ok((*gen.FetchConversationResult)(res), err)
}

`),
			before(conversations, "// Update changes the given fields", `// Summarize returns a summary of a conversation, by its SID or unique name.
func (r *Conversations) Summarize(ctx context.Context, id string, opts ...CallOption) (*Conversation, error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	call, err := r.newCall(&summarizeConversation, id, nil, opts)
	if err != nil {
		return nil, err
	}
	var got *gen.ConversationsV1Conversation
	e := r.client.do(ctx, call, func(ctx context.Context, g *gen.ClientWithResponses) (err error) {
		got, err = r.scope.summarize(ctx, g, id)
		return r.check(call, got, err, id, nil)
	})
	if e != nil {
		return nil, e
	}
	return fromGenerated(got), nil
}

`),
			after(operationTest, "\t\treturn s.Conversations.Fetch(ctx, anyID)\n\t}},\n", `	{"summarizeConversation", "summarizeServiceConversation", jsonAnswer(200, wireConversation), func(ctx context.Context, s *client.Service) (any, error) {
		return s.Conversations.Summarize(ctx, anyID)
	}},
`),
		}}},
	},
	{
		row: "an operation of another resource", kind: "in one scope", most: 3,
		description: []edit{
			before(openAPI, "\ncomponents:\n", described("/v1/Services/{ChatServiceSid}/Conversations/{ConversationSid}/Participants/{Sid}", "fetchServiceConversationParticipant",
				"ServiceConversation", "ConversationsV1ServiceConversationParticipant", "Participant", "ChatServiceSid", "ConversationSid", "ParticipantSid")),
			before(openAPI, "    StartDate:\n      name: StartDate\n", `    ConversationSid:
      name: ConversationSid
      in: path
      required: true
      description: The SID of the conversation, or its unique name.
      schema:
        type: string
        minLength: 1
      example: order-1234
    ParticipantSid:
      name: Sid
      in: path
      required: true
      description: The SID of the participant.
      schema:
        type: string
        minLength: 1
      example: MB0123456789abcdef0123456789abcdef
`),
			before(openAPI, "    ConversationTimers:\n      description", `    ConversationsV1ServiceConversationParticipant:
      description: A participant of a conversation.
      type: object
      properties:
        sid:
          description: The SID of the participant.
          type: string
          nullable: true
        conversation_sid:
          description: The SID of the conversation.
          type: string
          nullable: true
`),
			before(openAPI, "    ConversationPage:\n      summary", `    Participant:
      summary: A participant
      value:
        sid: MB0123456789abcdef0123456789abcdef
        conversation_sid: CH0123456789abcdef0123456789abcdef
`),
		},
		unfinished: &unfinished{"/v1/Services/IS00000000000000000000000000000001/Conversations/a/Participants/a", "fetchServiceConversationParticipant"},
		steps: []step{{describedTests, []string{
			`fetchServiceConversationParticipant \(GET .*\) is described but not emulated: add it to handlers in client/conversationstest/handlers.go`,
			"fetchServiceConversationParticipant is described but not wrapped: see scope.fetch in client/operation.go",
		}, []edit{
			{file: "client/participants.go", new: `package client

import (
	"context"
	"net/http"

	"github.com/twilio-conversations-go/conversations/gen"
)

// Participants are the participants of a conversation.
type Participants struct {
	conversations *Conversations
	conversation  string
}

// Participants returns the participants of a conversation, by its SID or unique name.
func (s *Service) Participants(conversation string) *Participants {
	return &Participants{s.Conversations, conversation}
}

// Participant is a participant of a conversation.
type Participant = gen.ConversationsV1ServiceConversationParticipant

var fetchParticipant = operation{"", "fetchServiceConversationParticipant", http.StatusOK, false}

const errNoParticipant = fault("the response is not a participant")

// Fetch fetches a participant by its SID. If there is none, the error matches [ErrNotFound].
func (p *Participants) Fetch(ctx context.Context, sid string, opts ...CallOption) (*Participant, error) {
	for _, id := range []string{p.conversation, sid} {
		if err := checkID(id); err != nil {
			return nil, err
		}
	}
	call, err := p.conversations.newCall(&fetchParticipant, p.conversation, nil, opts)
	if err != nil {
		return nil, err
	}
	var fetched *Participant
	e := p.conversations.client.do(ctx, call, func(ctx context.Context, g *gen.ClientWithResponses) error {
		res, err := g.FetchServiceConversationParticipantWithResponse(ctx, p.conversations.scope.service, p.conversation, sid)
		switch {
		case err != nil:
			return err
		case res.JSON200 == nil || res.JSON200.SID == "":
			return errNoParticipant
		}
		fetched = res.JSON200
		return nil
	})
	if e != nil {
		return nil, e
	}
	return fetched, nil
}
`},
			{file: "client/conversationstest/participants.go", new: `package conversationstest

import (
	"net/http"
	"net/url"
)

// fetchParticipant shows the one participant of a conversation.
func (e *Emulator) fetchParticipant(c *call, _, _ url.Values) answer {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.stores[c.key()]
	if s == nil {
		return notFound(c.path).answer()
	}
	conv := s.find(c.values["ConversationSid"])
	if conv == nil || c.values["Sid"] != derivedSID("MB", conv.sid.String()) {
		return notFound(c.path).answer()
	}
	return jsonAnswer(http.StatusOK, map[string]string{"sid": c.values["Sid"], "conversation_sid": conv.sid.String()})
}
`},
			after(handlers, "\t\"deleteServiceConversation\": (*Emulator).remove,\n", "\t\"fetchServiceConversationParticipant\": (*Emulator).fetchParticipant,\n"),
			after(operationTest, "\t\treturn s.Conversations.Fetch(ctx, anyID)\n\t}},\n", `	{"", "fetchServiceConversationParticipant", jsonAnswer(200, `+"`{\"sid\":\"MB1\",\"conversation_sid\":\"CH1\"}`"+`), func(ctx context.Context, s *client.Service) (any, error) {
		return s.Participants(anyID).Fetch(ctx, "MB/1")
	}},
`),
		}}},
	},
}

// member describes a member of a conversation, including its examples.
func member(name, schema, example string) []edit {
	const indent = "\n        "
	return []edit{
		after(openAPI, "        bindings:\n          $ref: '#/components/schemas/ConversationBindings'\n", "        "+name+":"+schema),
		{openAPI, indent + "links:\n          participants: h", indent + name + ": " + example + indent + "links:\n          participants: h", true},
		before(openAPI, "            links:\n              participants: h", "            "+name+": "+example+"\n"),
	}
}

// field is the change by a form field that is also a member of a response object. The struct's
// field is added to CreateParams and to UpdateParams.
func field(kind, name, schema, example string, shown, structField, row, stored edit, rendered ...edit) change {
	in := func(verb string) edit { // their comments differ by the verb
		comment := verb + " the default name that outbound email is sent from.\n"
		return edit{params, comment + structField.old, comment + structField.new, false}
	}
	return change{
		row: "a form field", kind: kind, most: 5,
		description: []edit{
			after(openAPI, "                Timers.Closed: PT0S\n", "                "+name+": "+example+"\n"),
			before(openAPI, "        Bindings.Email.Address:\n          description", "        "+name+":\n          description: Something new.\n          "+schema+"\n"),
			shown,
		},
		steps: []step{{describedTests, []string{
			"form field " + name + " is not sent: add a field to CreateParams and UpdateParams, and a row to CreateParams.form in client/params.go",
			"form field " + name + " of createConversation is not emulated: add a member with the tag `form:\"" + name + "\"` to conversation in store.go",
			`member \w+\.\S+ of createConversation is not shown: add it to call.resource in resource.go`,
		}, append([]edit{in("is"), in("replaces"), row, stored}, rendered...)}},
	}
}

// parameter is the change by a list parameter.
func parameter(kind, name, schema, example string, structField, row, filter edit) change {
	return change{
		row: "a list parameter", kind: kind, most: 3,
		description: []edit{
			{openAPI, "        - $ref: '#/components/parameters/EndDate'\n", "        - $ref: '#/components/parameters/EndDate'\n        - $ref: '#/components/parameters/" + name + "'\n", true},
			before(openAPI, "    PageSize:\n      name: PageSize\n", "    "+name+":\n      name: "+name+"\n      in: query\n      description: Something new.\n      schema:\n        "+schema+"\n      example: "+example+"\n"),
		},
		steps: []step{{describedTests, []string{
			"list parameter " + name + " is not sent: add a field to ListParams and a row to Conversations.newList in client/list.go",
			"query parameter " + name + " of listConversation is not emulated: add it to filters in list.go",
		}, []edit{structField, row, filter}}},
	}
}

// limit is the change of a limit that the client checks too, and that is a rule of Twilio, by whose
// manifest the emulator is measured.
func limit(kind, from, to, says string, checked edit, differs string, rule edit) change {
	return change{
		row: "a limit or a pattern", kind: "a limit " + kind, most: 2,
		description: []edit{{openAPI, from, to, false}},
		steps:       []step{{describedTests, []string{says}, []edit{checked}}, {manifestTest, []string{differs}, []edit{rule}}},
	}
}

// described describes an operation with the method GET.
func described(path, id, tag, schema, example string, parameters ...string) string {
	text := "  " + path + ":\n    parameters:\n"
	for _, parameter := range parameters {
		text += "      - $ref: '#/components/parameters/" + parameter + "'\n"
	}
	return text + `    get:
      operationId: ` + id + `
      tags: [` + tag + `]
      summary: Something new
      description: Something new.
      responses:
        '200':
          description: Something new.
          content:
            application/json:
              schema:
                $ref: '#/components/schemas/` + schema + `'
              examples:
                fetched:
                  $ref: '#/components/examples/` + example + `'
        default:
          $ref: '#/components/responses/Error'
`
}
