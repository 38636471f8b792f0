package api_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/gen"
)

// event is what an event is, apart from its name.
type event struct {
	firedBy  string // the verb of the operations
	pre      bool
	changes  bool // its response can change what was requested
	schema   string
	required []string
}

var (
	eventParameters  = []string{"AccountSid", "Attributes", "ChatServiceSid", "EventType", "Source", "State"}
	storedParameters = slices.Concat(eventParameters, []string{"ConversationSid", "DateCreated"})
	stateParameters  = []string{
		"AccountSid", "ChatServiceSid", "ConversationSid", "EventType", "Reason", "StateFrom", "StateTo", "StateUpdated",
	}
)

var events = map[string]event{
	"onConversationAdd":          {"create", true, true, "ConversationEvent", eventParameters},
	"onConversationAdded":        {"create", false, false, "ConversationEvent", storedParameters},
	"onConversationUpdate":       {"update", true, true, "ConversationEvent", storedParameters},
	"onConversationUpdated":      {"update", false, false, "ConversationEvent", storedParameters},
	"onConversationStateUpdated": {"update", false, false, "ConversationStateEvent", stateParameters},
	"onConversationRemove":       {"delete", true, false, "ConversationEvent", storedParameters},
	"onConversationRemoved":      {"delete", false, false, "ConversationEvent", append([]string{"DateRemoved"}, storedParameters...)},
}

// callbacks returns what Twilio calls, by the name of the event.
func callbacks(doc *openapi3.T) map[string]operation {
	all := map[string]operation{}
	for name, callback := range doc.Components.Callbacks {
		for url, item := range callback.Value.Map() {
			for method, op := range item.Operations() {
				o := operation{Operation: op, method: method, path: url}
				for _, p := range op.Parameters {
					o.parameters = append(o.parameters, p.Value)
				}
				all[name] = o
			}
		}
	}
	return all
}

func isCallback(id string) bool { return strings.HasPrefix(id, "on") }

// properties returns the properties of a schema and of those that it consists of.
func properties(schema *openapi3.Schema) openapi3.Schemas {
	all := maps.Clone(schema.Properties)
	for _, part := range schema.AllOf {
		if all == nil {
			all = openapi3.Schemas{}
		}
		maps.Copy(all, properties(part.Value))
	}
	return all
}

func TestCallbacks(t *testing.T) {
	t.Parallel()
	doc := load(t)
	got := callbacks(doc)
	assert.ElementsMatch(t, slices.Collect(maps.Keys(events)), slices.Collect(maps.Keys(got)))
	for name, want := range events {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, got, name)
			op := got[name]
			url := "https://example.com/webhooks/post"
			responses := []string{"2XX", "4XX", "5XX"}
			if want.pre {
				url = "https://example.com/webhooks/pre"
				responses[0] = "200"
			}
			assert.Equal(t, "POST "+url, op.method+" "+op.path)
			assert.Equal(t, name, op.OperationID)
			assert.NotEmpty(t, op.Summary)
			assert.NotEmpty(t, op.Description)
			assert.Equal(t, &openapi3.SecurityRequirements{}, op.Security, "the signature stands in for credentials")

			require.Len(t, op.parameters, 2)
			assert.Equal(t, []any{"X-Twilio-Signature", "header", true}, []any{op.parameters[0].Name, op.parameters[0].In, op.parameters[0].Required})
			assert.Equal(t, []any{"I-Twilio-Idempotency-Token", "header", false}, []any{op.parameters[1].Name, op.parameters[1].In, op.parameters[1].Required})

			assert.Len(t, op.RequestBody.Value.Content, 1)
			form := op.form()
			require.Len(t, form.AllOf, 2)
			assert.Equal(t, "#/components/schemas/"+want.schema, form.AllOf[0].Ref)
			assert.Equal(t, []any{name}, form.AllOf[1].Value.Properties["EventType"].Value.Enum)
			assert.ElementsMatch(t, want.required, form.AllOf[1].Value.Required)
			assert.Contains(t, op.RequestBody.Value.Content[formType].Examples, name)

			assert.ElementsMatch(t, responses, op.Responses.Keys())
			success := op.Responses.Value(responses[0]).Value
			assert.Equal(t, want.changes, success.Content != nil)
			if want.changes {
				assert.Equal(t, "#/components/schemas/ConversationChange", success.Content["application/json"].Schema.Ref)
				assert.NotEmpty(t, success.Content["application/json"].Examples)
			}
		})
	}
}

// An event hangs on the operations that fire it, in both scopes, and on no others.
func TestCallbacksOfOperations(t *testing.T) {
	t.Parallel()
	for id, op := range operations(load(t)) {
		var want []string
		for name, event := range events {
			if strings.HasPrefix(id, event.firedBy) {
				want = append(want, name)
			}
		}
		assert.ElementsMatch(t, want, slices.Collect(maps.Keys(op.Callbacks)), id)
		for name, callback := range op.Callbacks {
			assert.Equal(t, "#/components/callbacks/"+name, callback.Ref)
		}
	}
}

func TestGeneratedReasons(t *testing.T) {
	t.Parallel()
	for _, value := range load(t).Components.Schemas["ConversationStateEvent"].Value.Properties["Reason"].Value.Enum {
		assert.True(t, gen.ConversationStateEventReason(value.(string)).Valid(), value)
	}
	assert.False(t, gen.ConversationStateEventReason("timer").Valid())
}
