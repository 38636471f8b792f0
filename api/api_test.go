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

// verbs are the methods of the five operations that each of the two scopes has, with the status of
// their success and whether they are about one conversation. What else they are follows from the other
// scope, or from what Twilio's reference says of a parameter or field, which is looked up by name.
var verbs = map[string]struct {
	method, status string
	ofOne          bool
}{
	"create": {"POST", "201", false},
	"list":   {"GET", "200", false},
	"fetch":  {"GET", "200", true},
	"update": {"POST", "200", true},
	"delete": {"DELETE", "204", true},
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

// parameterNames returns the parameters of the operation as "query Page", but for those named.
func (o operation) parameterNames(without ...string) (names []string) {
	for _, p := range o.parameters {
		if name := p.In + " " + p.Name; !slices.Contains(without, name) {
			names = append(names, name)
		}
	}
	return names
}

// formFields returns the names of the fields that the operation's form has.
func (o operation) formFields() []string {
	if o.form() == nil {
		return nil
	}
	return slices.Collect(maps.Keys(o.form().Properties))
}

// Every operation says what it is, and fails as all do.
func TestEveryOperationIsDescribed(t *testing.T) {
	t.Parallel()
	for id, op := range operations(load(t)) {
		assert.NotEmpty(t, op.Summary, "%s has no summary: add it in openapi.yaml", id)
		assert.NotEmpty(t, op.Description, "%s has no description: add it in openapi.yaml", id)
		for _, p := range op.parameters {
			assert.NotEmpty(t, p.Description, "parameter %s of %s has no description: add it in openapi.yaml", p.Name, id)
			assert.Equal(t, p.In == "path", p.Required, "parameter %s of %s: those of paths are required, others are not", p.Name, id)
			assert.Equal(t, p.In == "path", strings.Contains(op.path, "{"+p.Name+"}"), "parameter %s of %s: is it in the path?", p.Name, id)
		}
		if form := op.form(); form != nil {
			assert.Len(t, op.RequestBody.Value.Content, 1, id)
			assert.Equal(t, len(form.Required) > 0, op.RequestBody.Value.Required, id)
		}
		assert.Len(t, op.Responses.Keys(), 2, "%s: one success, and a default response", id)
		failure := op.Responses.Default()
		if assert.NotNil(t, failure, "%s has no default response: refer to components/responses/Error", id) {
			assert.Equal(t, "#/components/responses/Error", failure.Ref, id)
		}
	}
	failure := load(t).Components.Schemas["Error"].Value
	assert.ElementsMatch(t, []string{"code", "message", "more_info", "status"}, slices.Collect(maps.Keys(failure.Properties)))
	assert.Nil(t, failure.AdditionalProperties.Has, "open to more members")
}

func TestConversationOperations(t *testing.T) {
	t.Parallel()
	got := operations(load(t))
	for verb, want := range verbs {
		for noun, path := range map[string]string{
			"Conversation":        "/v1/Conversations",
			"ServiceConversation": "/v1/Services/{ChatServiceSid}/Conversations",
		} {
			id := verb + noun
			op, ok := got[id]
			if !ok {
				t.Errorf("%s is not described in openapi.yaml", id)
				continue
			}
			if want.ofOne {
				path += "/{Sid}"
			}
			assert.Equal(t, want.method+" "+path, op.method+" "+op.path)
			success := op.Responses.Value(want.status)
			if !assert.NotNil(t, success, "%s has no response %s", id, want.status) {
				continue
			}
			isList, isService := verb == "list", noun == "ServiceConversation"
			schema := map[[2]bool]string{
				{false, false}: "ConversationsV1Conversation",
				{false, true}:  "ConversationsV1ServiceServiceConversation",
				{true, false}:  "ListConversationResponse",
				{true, true}:   "ListServiceConversationResponse",
			}[[2]bool{isList, isService}]
			if verb == "delete" {
				assert.Empty(t, success.Value.Content)
			} else if assert.Contains(t, success.Value.Content, "application/json") {
				assert.Equal(t, "#/components/schemas/"+schema, success.Value.Content["application/json"].Schema.Ref)
			}
			assert.Equal(t, want.method != "GET", slices.Contains(op.parameterNames(), "header X-Twilio-Webhook-Enabled"), id)
			assert.Equal(t, want.method == "POST", op.form() != nil, id)

			// The scopes differ in the path and in nothing else.
			other := got[verb+"Conversation"]
			assert.ElementsMatch(t, other.parameterNames(), op.parameterNames("path ChatServiceSid"), id)
			assert.ElementsMatch(t, other.formFields(), op.formFields(), id)
			assert.ElementsMatch(t, slices.Collect(maps.Keys(other.Responses.Value(want.status).Value.Headers)), slices.Collect(maps.Keys(success.Value.Headers)), id)
		}
	}
	assert.ElementsMatch(t, got["createConversation"].formFields(), got["updateConversation"].formFields())
}

func TestParameterConstraints(t *testing.T) {
	t.Parallel()
	doc := load(t)
	states := doc.Components.Schemas["ConversationEnumState"].Value.Enum
	parameter := func(name string) *openapi3.Schema { return doc.Components.Parameters[name].Value.Schema.Value }

	size := parameter("PageSize")
	assert.Equal(t, []any{1.0, "int64"}, []any{*size.Min, size.Format})
	assert.Equal(t, 0.0, *parameter("Page").Min)
	assert.Subset(t, states, []any{"initializing", "inactive", "active", "closed"})
	assert.Equal(t, states, parameter("State").Enum)
	assert.Equal(t, []any{"true", "false"}, parameter("XTwilioWebhookEnabled").Enum)
	assert.Empty(t, parameter("Sid").Pattern, "a unique name will do")
	assert.EqualValues(t, 1, parameter("Sid").MinLength)

	form := doc.Components.Schemas["ConversationForm"].Value.Properties
	assert.Equal(t, "date-time", form["DateCreated"].Value.Format)
	assert.Equal(t, "date-time", form["DateUpdated"].Value.Format)
	for name, values := range map[string]map[string]bool{
		"Timers.Inactive": {"": true, "PT0S": true, "P1DT2H": true, "PT1.5S": true, "1h": false, "p1d": false, "60": false},
		"UniqueName":      {"": true, "order-1234": true, "CH1": true, "CH0123456789abcdef0123456789ABCDEF": false},
	} {
		for value, ok := range values {
			assert.Equal(t, ok, form[name].Value.VisitJSON(value) == nil, "%s %q", name, value)
		}
	}
	for _, name := range []string{"StartDate", "EndDate"} {
		for value, ok := range map[string]bool{
			"": true, "2026-01-01": true, "2026-01-01T00:00Z": true, "2026-01-01T00:00:00": true, "2026-01-01T00:00:00.5+01:00": true,
			"today": false, "20260101": false, "2026-01-01 00:00:00": false, "2026-01": false,
		} {
			assert.Equal(t, ok, parameter(name).VisitJSON(value) == nil, "%s %q", name, value)
		}
	}
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
		if property.Value.Nullable != (member != "state") {
			t.Errorf("member %s: all are nullable but state: say so in openapi.yaml, or here if Twilio's reference differs", member)
		}
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
	doc := load(t)
	shown, fields := map[string]bool{}, map[string]bool{}
	for _, body := range doc.Components.RequestBodies {
		for field := range body.Value.Content[formType].Schema.Value.Properties {
			fields[field] = true
		}
		for _, example := range body.Value.Content[formType].Examples {
			for field := range example.Value.Value.(map[string]any) {
				shown[field] = true
			}
		}
	}
	for field := range fields {
		if !shown[field] {
			t.Errorf("form field %s is in no example: add it to one in components/requestBodies of openapi.yaml", field)
		}
	}
}

func TestExamples(t *testing.T) {
	t.Parallel()
	for _, broken := range brokenExamples(load(t)) {
		t.Error(broken)
	}
}

// Formats that nothing here parses would let any example pass.
func TestFormatsAreKnown(t *testing.T) {
	t.Parallel()
	for name, schema := range load(t).Components.Schemas {
		for member, property := range schema.Value.Properties {
			if s := property.Value; s.Type.Is("string") && s.Format != "" && formats[s.Format] == nil {
				t.Errorf("the format %s of %s.%s is not checked: add it to formats in api_test.go", s.Format, name, member)
			}
		}
	}
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
				different = append(different, "no member "+name+": add it to the example in components/examples of openapi.yaml")
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
