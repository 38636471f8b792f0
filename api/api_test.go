package api_test

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/api"
)

const formType = "application/x-www-form-urlencoded"

var (
	listParameters = []string{"query EndDate", "query Page", "query PageSize", "query PageToken", "query StartDate", "query State"}
	formFields     = []string{
		"Attributes", "Bindings.Email.Address", "Bindings.Email.Name", "DateCreated", "DateUpdated", "FriendlyName",
		"MessagingServiceSid", "State", "Timers.Closed", "Timers.Inactive", "UniqueName",
	}
)

// expected is what an operation is, apart from its id and from the place of its conversation.
type expected struct {
	method     string
	ofOne      bool // the path ends in {Sid}
	parameters []string
	form       bool
	status     string
}

// verbs are the five operations that each of the two scopes has.
var verbs = map[string]expected{
	"create": {method: "POST", parameters: []string{"header X-Twilio-Webhook-Enabled"}, form: true, status: "201"},
	"list":   {method: "GET", parameters: listParameters, status: "200"},
	"fetch":  {method: "GET", ofOne: true, status: "200"},
	"update": {method: "POST", ofOne: true, parameters: []string{"header X-Twilio-Webhook-Enabled"}, form: true, status: "200"},
	"delete": {method: "DELETE", ofOne: true, parameters: []string{"header X-Twilio-Webhook-Enabled"}, status: "204"},
}

// load reads the document anew, since tests change what they have read.
func load(t testing.TB) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI)
	require.NoError(t, err)
	return doc
}

// operation is an operation of the document with what its path contributes to it.
type operation struct {
	*openapi3.Operation
	method, path string
	parameters   []*openapi3.Parameter
}

// operations returns the document's operations by id.
func operations(doc *openapi3.T) map[string]operation {
	all := map[string]operation{}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			o := operation{Operation: op, method: method, path: path}
			for _, p := range slices.Concat(item.Parameters, op.Parameters) {
				o.parameters = append(o.parameters, p.Value)
			}
			all[op.OperationID] = o
		}
	}
	return all
}

// form is the schema of the form that the operation takes, nil if it takes none.
func (o operation) form() *openapi3.Schema {
	if o.RequestBody == nil {
		return nil
	}
	return o.RequestBody.Value.Content[formType].Schema.Value
}

func TestDocumentIsValid(t *testing.T) {
	t.Parallel()
	assert.NoError(t, load(t).Validate(t.Context(),
		openapi3.EnableExamplesValidation(),
		openapi3.EnableSchemaDefaultsValidation(),
		openapi3.EnableSchemaPatternValidation(),
		openapi3.EnableSchemaFormatValidation(),
		openapi3.EnableMultiError(),
	))
	assert.NotContains(t, string(api.OpenAPI), "x-go-", "what concerns Go stands in the overlay")
}

func TestOperations(t *testing.T) {
	t.Parallel()
	doc := load(t)
	got := operations(doc)
	assert.Len(t, got, 10)
	for verb, want := range verbs {
		for noun, path := range map[string]string{
			"Conversation":        "/v1/Conversations",
			"ServiceConversation": "/v1/Services/{ChatServiceSid}/Conversations",
		} {
			id := verb + noun
			t.Run(id, func(t *testing.T) {
				t.Parallel()
				require.Contains(t, got, id)
				op := got[id]

				parameters := slices.Clone(want.parameters)
				if noun == "ServiceConversation" {
					parameters = append(parameters, "path ChatServiceSid")
				}
				if want.ofOne {
					path += "/{Sid}"
					parameters = append(parameters, "path Sid")
				}
				assert.Equal(t, want.method+" "+path, op.method+" "+op.path)
				var names []string
				for _, p := range op.parameters {
					names = append(names, p.In+" "+p.Name)
					assert.NotEmpty(t, p.Description, p.Name)
					assert.Equal(t, p.In == "path", p.Required, p.Name)
				}
				assert.ElementsMatch(t, parameters, names)

				assert.NotEmpty(t, op.Summary)
				assert.NotEmpty(t, op.Description)
				assert.Equal(t, want.form, op.form() != nil)
				if form := op.form(); form != nil {
					assert.Len(t, op.RequestBody.Value.Content, 1)
					assert.False(t, op.RequestBody.Value.Required)
					assert.ElementsMatch(t, formFields, slices.Collect(maps.Keys(form.Properties)))
					assert.Empty(t, form.Required)
					for name, field := range form.Properties {
						assert.NotEmpty(t, field.Value.Description, name)
					}
				}

				assert.ElementsMatch(t, []string{want.status, "default"}, op.Responses.Keys())
				content := op.Responses.Value(want.status).Value.Content
				schema := map[string]string{
					"createConversation":        "ConversationsV1Conversation",
					"createServiceConversation": "ConversationsV1ServiceServiceConversation",
					"fetchConversation":         "ConversationsV1Conversation",
					"fetchServiceConversation":  "ConversationsV1ServiceServiceConversation",
					"updateConversation":        "ConversationsV1Conversation",
					"updateServiceConversation": "ConversationsV1ServiceServiceConversation",
					"listConversation":          "ListConversationResponse",
					"listServiceConversation":   "ListServiceConversationResponse",
				}[id]
				if schema == "" {
					assert.Empty(t, content)
				} else if assert.Contains(t, content, "application/json") {
					assert.Equal(t, "#/components/schemas/"+schema, content["application/json"].Schema.Ref)
				}
				failure := op.Responses.Default().Value.Content["application/json"].Schema.Value
				assert.ElementsMatch(t, []string{"code", "message", "more_info", "status"}, slices.Collect(maps.Keys(failure.Properties)))
				assert.Nil(t, failure.AdditionalProperties.Has, "open to more members")
			})
		}
	}
}

func TestParameterConstraints(t *testing.T) {
	t.Parallel()
	doc := load(t)
	states := []any{"initializing", "inactive", "active", "closed"}
	parameter := func(name string) *openapi3.Schema { return doc.Components.Parameters[name].Value.Schema.Value }

	size := parameter("PageSize")
	assert.Equal(t, []any{1.0, 1000.0, "int64"}, []any{*size.Min, *size.Max, size.Format})
	assert.Equal(t, 0.0, *parameter("Page").Min)
	assert.Equal(t, states, parameter("State").Enum)
	assert.Equal(t, []any{"true", "false"}, parameter("XTwilioWebhookEnabled").Enum)
	assert.Equal(t, "^IS[0-9a-fA-F]{32}$", parameter("ChatServiceSid").Pattern)
	assert.Empty(t, parameter("Sid").Pattern, "a unique name will do")
	assert.EqualValues(t, 1, parameter("Sid").MinLength)

	form := doc.Components.Schemas["ConversationForm"].Value.Properties
	assert.Equal(t, "date-time", form["DateCreated"].Value.Format)
	assert.Equal(t, "date-time", form["DateUpdated"].Value.Format)
	assert.Equal(t, "^MG[0-9a-fA-F]{32}$", form["MessagingServiceSid"].Value.Pattern)
	assert.EqualValues(t, 256, *form["FriendlyName"].Value.MaxLength)
	assert.Equal(t, states, form["State"].Value.AllOf[0].Value.Enum)
}

func TestSchemas(t *testing.T) {
	t.Parallel()
	doc := load(t)
	for name, alias := range map[string]string{
		"ConversationsV1Conversation":               "",
		"ConversationsV1ServiceServiceConversation": "ConversationsV1Conversation",
		"ListConversationResponse":                  "",
		"ListServiceConversationResponse":           "ListConversationResponse",
		"ConversationEnumState":                     "",
		"ServiceConversationEnumState":              "ConversationEnumState",
		"ConversationEnumWebhookEnabledType":        "",
		"ServiceConversationEnumWebhookEnabledType": "ConversationEnumWebhookEnabledType",
	} {
		if !assert.Contains(t, doc.Components.Schemas, name) {
			continue
		}
		ref := ""
		if alias != "" {
			ref = "#/components/schemas/" + alias // one thing is defined once
		}
		assert.Equal(t, ref, doc.Components.Schemas[name].Ref, name)
	}
	for name, schema := range doc.Components.Schemas {
		if schema.Ref == "" {
			assert.NotEmpty(t, schema.Value.Description, name)
		}
		for member, property := range schema.Value.Properties {
			assert.NotEmpty(t, property.Value.Description, name+"."+member)
		}
	}
	for member, property := range doc.Components.Schemas["ConversationsV1Conversation"].Value.Properties {
		assert.Equal(t, member != "state", property.Value.Nullable, member)
	}
}

func TestSecurity(t *testing.T) {
	t.Parallel()
	doc := load(t)
	require.Len(t, doc.Components.SecuritySchemes, 1)
	scheme := doc.Components.SecuritySchemes["accountSid_authToken"].Value
	assert.Equal(t, "http basic", scheme.Type+" "+scheme.Scheme)
	assert.Equal(t, openapi3.SecurityRequirements{{"accountSid_authToken": {}}}, doc.Security)
	for id, op := range operations(doc) {
		assert.Nil(t, op.Security, id)
	}
	require.NotEmpty(t, doc.Servers)
	assert.Equal(t, "https://conversations.twilio.com", doc.Servers[0].URL)
}

func TestEverythingHasAnExample(t *testing.T) {
	t.Parallel()
	for id, op := range operations(load(t)) {
		for _, p := range op.parameters {
			assert.NotNil(t, p.Example, "%s: %s", id, p.Name)
		}
		if op.RequestBody != nil {
			assert.NotEmpty(t, op.RequestBody.Value.Content[formType].Examples, id)
		}
		for status, response := range op.Responses.Map() {
			for mediaType, media := range response.Value.Content {
				assert.NotEmpty(t, media.Examples, "%s: %s %s", id, status, mediaType)
			}
		}
	}
	shown := map[string]bool{}
	for _, body := range load(t).Components.RequestBodies {
		for _, example := range body.Value.Content[formType].Examples {
			for field := range example.Value.Value.(map[string]any) {
				shown[field] = true
			}
		}
	}
	assert.ElementsMatch(t, formFields, slices.Collect(maps.Keys(shown)))
}

func TestExamples(t *testing.T) {
	t.Parallel()
	assert.Empty(t, brokenExamples(load(t)))
}

// The examples are what the emulator and people take the API for, so the check of them is checked too.
func TestBrokenExamplesAreFound(t *testing.T) {
	t.Parallel()
	example := func(doc *openapi3.T, name string) map[string]any {
		return doc.Components.Examples[name].Value.Value.(map[string]any)
	}
	for name, change := range map[string]func(*openapi3.T){
		"a parameter's type":     func(d *openapi3.T) { d.Components.Parameters["PageSize"].Value.Example = "100" },
		"a parameter's range":    func(d *openapi3.T) { d.Components.Parameters["PageSize"].Value.Example = 1001.0 },
		"a parameter's pattern":  func(d *openapi3.T) { d.Components.Parameters["ChatServiceSid"].Value.Example = "IS1" },
		"a header's enum":        func(d *openapi3.T) { d.Components.Parameters["XTwilioWebhookEnabled"].Value.Example = true },
		"a form's field":         func(d *openapi3.T) { formExample(d)["State"] = "open" },
		"a form's unknown field": func(d *openapi3.T) { formExample(d)["friendlyName"] = "x" },
		"an answer's type":       func(d *openapi3.T) { example(d, "Conversation")["attributes"] = map[string]any{} },
		"an answer's null":       func(d *openapi3.T) { example(d, "Conversation")["state"] = nil },
		"an answer's date":       func(d *openapi3.T) { example(d, "Conversation")["date_created"] = "2026-02-30T00:00:00Z" },
		"an answer's url":        func(d *openapi3.T) { example(d, "Conversation")["url"] = "/v1/Conversations" },
		"an unknown member":      func(d *openapi3.T) { example(d, "Conversation")["friendlyName"] = "x" },
		"a missing member":       func(d *openapi3.T) { delete(example(d, "Conversation"), "timers") },
		"a member further down": func(d *openapi3.T) {
			example(d, "Conversation")["timers"].(map[string]any)["inactive"] = "2026-01-18T03:17:17Z"
		},
		"an item of a page": func(d *openapi3.T) {
			example(d, "ServiceConversationPage")["conversations"].([]any)[0].(map[string]any)["sid"] = "CH1"
		},
		"an event's parameter":         func(d *openapi3.T) { eventExample(d)["StateTo"] = "open" },
		"an event's unknown parameter": func(d *openapi3.T) { eventExample(d)["State"] = "closed" },
		"an event's missing parameter": func(d *openapi3.T) { delete(eventExample(d), "Reason") },
		"an event's type":              func(d *openapi3.T) { eventExample(d)["EventType"] = "onConversationUpdated" },
		"an event's time":              func(d *openapi3.T) { eventExample(d)["StateUpdated"] = "2026-01-18" },
		"an event's header": func(d *openapi3.T) {
			d.Components.Parameters["XTwilioSignature"].Value.Example = 1.0
		},
		"a change": func(d *openapi3.T) {
			d.Components.Responses["WebhookAccepted"].Value.Content["application/json"].Examples["changed"].Value.Value.(map[string]any)["FriendlyName"] = "x"
		},
		"a failure": func(d *openapi3.T) {
			d.Components.Responses["Error"].Value.Content["application/json"].Examples["notFound"].Value.Value.(map[string]any)["code"] = "20404"
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc := load(t)
			change(doc)
			assert.NotEmpty(t, brokenExamples(doc))
		})
	}
}

func formExample(doc *openapi3.T) map[string]any {
	return doc.Components.RequestBodies["CreateConversation"].Value.Content[formType].Examples["named"].Value.Value.(map[string]any)
}

func eventExample(doc *openapi3.T) map[string]any {
	const name = "onConversationStateUpdated"
	return callbacks(doc)[name].RequestBody.Value.Content[formType].Examples[name].Value.Value.(map[string]any)
}

// brokenExamples says what is wrong with the document's examples. It is stricter than the document's
// own validation: URIs and dates are parsed, each member must be one that the schema names, and an
// answer must show all that it can hold but what only some conversations have.
func brokenExamples(doc *openapi3.T) []string {
	var broken []string
	check := func(where string, schema *openapi3.SchemaRef, value any, whole bool) {
		if err := schema.Value.VisitJSON(value, openapi3.WithStringFormatValidators(formats)); err != nil {
			broken = append(broken, where+": "+err.Error())
		}
		for _, member := range differentMembers(schema.Value, value, whole) {
			broken = append(broken, where+": "+member)
		}
	}
	all := operations(doc)
	maps.Copy(all, callbacks(doc))
	for id, op := range all {
		for _, p := range op.parameters {
			check(id+" "+p.Name, p.Schema, p.Example, false)
		}
		if op.RequestBody != nil {
			for mediaType, media := range op.RequestBody.Value.Content {
				for name, example := range media.Examples {
					check(fmt.Sprintf("%s %s %s", id, mediaType, name), media.Schema, example.Value.Value, false)
				}
			}
		}
		for status, response := range op.Responses.Map() {
			for mediaType, media := range response.Value.Content {
				for name, example := range media.Examples {
					check(fmt.Sprintf("%s %s %s %s", id, status, mediaType, name), media.Schema, example.Value.Value, !isCallback(id))
				}
			}
		}
	}
	return broken
}

// differentMembers names the members that value has and schema does not, and if it is whole those of
// a conversation, a page and a failure that it lacks.
func differentMembers(schema *openapi3.Schema, value any, whole bool) []string {
	var different []string
	properties := properties(schema)
	switch value := value.(type) {
	case map[string]any:
		for name, member := range value {
			property := properties[name]
			if property == nil {
				different = append(different, "unknown member "+name)
				continue
			}
			for _, d := range differentMembers(property.Value, member, whole && !slices.Contains([]string{"timers", "bindings"}, name)) {
				different = append(different, name+": "+d)
			}
		}
		for name := range properties {
			if _, ok := value[name]; whole && !ok {
				different = append(different, "no member "+name)
			}
		}
	case []any:
		for _, item := range value {
			different = append(different, differentMembers(schema.Items.Value, item, whole)...)
		}
	}
	return different
}

var formats = map[string]openapi3.StringFormatValidator{
	"date-time": openapi3.NewCallbackValidator(func(s string) error {
		return new(time.Time).UnmarshalText([]byte(s))
	}),
	"uri": openapi3.NewCallbackValidator(func(s string) error {
		if u, err := url.Parse(s); err != nil || !u.IsAbs() || strings.ContainsAny(s, " {}") {
			return errors.New("not an absolute URI")
		}
		return nil
	}),
}
