package drill

// The files that changes touch.
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
				after(resource, "\t\t{\"bindings\", bindings},\n", "\t\t{\"topic\", \"Delivery\"},\n"),
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
				after(resource, "\t\t{\"bindings\", bindings},\n", "\t\t{\"location\", object{{\"city\", \"Vilnius\"}}},\n"),
			}},
		},
	},
}

// member describes a member of a conversation, in the examples too.
func member(name, schema, example string) []edit {
	const indent = "\n        "
	return []edit{
		after(openAPI, "        bindings:\n          $ref: '#/components/schemas/ConversationBindings'\n", "        "+name+":"+schema),
		{openAPI, indent + "links:\n          participants: h", indent + name + ": " + example + indent + "links:\n          participants: h", true},
		before(openAPI, "            links:\n              participants: h", "            "+name+": "+example+"\n"),
	}
}
