package client_test

import (
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/api"
	"github.com/twilio-conversations-go/conversations/client"
	"github.com/twilio-conversations-go/conversations/client/conversationstest"
	"github.com/twilio-conversations-go/conversations/gen"
)

// One table connects the description, the generated client, the wrappers and the emulator. An
// operation that is added to one of them is missing from the others until this test passes.
func TestOperationsAreTheSameEverywhere(t *testing.T) {
	t.Parallel()
	operations := map[string]string{
		"createConversation":        "POST /v1/Conversations",
		"listConversation":          "GET /v1/Conversations",
		"fetchConversation":         "GET /v1/Conversations/{Sid}",
		"updateConversation":        "POST /v1/Conversations/{Sid}",
		"deleteConversation":        "DELETE /v1/Conversations/{Sid}",
		"createServiceConversation": "POST /v1/Services/{ChatServiceSid}/Conversations",
		"listServiceConversation":   "GET /v1/Services/{ChatServiceSid}/Conversations",
		"fetchServiceConversation":  "GET /v1/Services/{ChatServiceSid}/Conversations/{Sid}",
		"updateServiceConversation": "POST /v1/Services/{ChatServiceSid}/Conversations/{Sid}",
		"deleteServiceConversation": "DELETE /v1/Services/{ChatServiceSid}/Conversations/{Sid}",
	}

	described := map[string]string{}
	doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI)
	require.NoError(t, err)
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			described[op.OperationID] = method + " " + path
		}
	}
	assert.Equal(t, operations, described, "described")

	var generated []string
	for m := range reflect.TypeFor[gen.ClientWithResponsesInterface]().Methods() {
		name, _ := strings.CutSuffix(m.Name, "WithResponse")
		if name, isForm := strings.CutSuffix(name, "WithFormdataBody"); isForm || !strings.HasSuffix(name, "WithBody") {
			generated = append(generated, strings.ToLower(name[:1])+name[1:])
		}
	}
	names := slices.Sorted(maps.Keys(operations))
	assert.ElementsMatch(t, names, generated, "generated")
	assert.ElementsMatch(t, names, conversationstest.Operations(), "emulated")

	// Each verb of each scope sends the one operation that it is named after, and the emulator
	// takes it for that operation.
	server := conversationstest.Start(t)
	c := server.Client()
	for _, conversations := range []*client.Conversations{c.Conversations, c.Service(serviceSID).Conversations} {
		for _, verb := range []string{"create", "list", "fetch", "update", "delete"} {
			_ = verbs[verb](t.Context(), conversations)
		}
	}
	wrapped := map[string]string{}
	for _, req := range server.Requests() {
		path := strings.NewReplacer(serviceSID, "{ChatServiceSid}", "order-1234", "{Sid}").Replace(req.Path)
		wrapped[req.Operation] = req.Method + " " + path
	}
	assert.Equal(t, operations, wrapped, "wrapped")
}

// Both scopes send the same request, except for the scope in its path.
func TestScopesSendTheSame(t *testing.T) {
	t.Parallel()
	for verb, do := range verbs {
		var sent [2]*http.Request
		for i := range sent {
			server := newScript(t, success(verb))
			conversations := newClient(t, server).Conversations
			if i == 1 {
				conversations = newClient(t, server).Service(serviceSID).Conversations
			}
			require.NoError(t, do(t.Context(), conversations))
			sent[i] = server.requests[0]
		}
		scoped, err := url.Parse(strings.Replace(sent[1].URL.String(), "/Services/"+serviceSID, "", 1))
		require.NoError(t, err)
		assert.Equal(t, sent[0].URL.String(), scoped.String(), verb)
		assert.Equal(t, sent[0].Method, sent[1].Method, verb)
		assert.Equal(t, sent[0].Header, sent[1].Header, verb)
		assert.Equal(t, sent[0].ContentLength, sent[1].ContentLength, verb)
	}
}

// The wrappers have the fields of the description. A form field or a list parameter that is added
// to it must be added to CreateParams.form or newList.
func TestWrappersSendEveryField(t *testing.T) {
	t.Parallel()
	server := conversationstest.Start(t)
	c := server.Client().Conversations
	params := allParams()
	_, err := c.Create(t.Context(), params)
	require.NoError(t, err)
	list := client.ListParams{State: client.StateActive, StartDate: *params.DateCreated, EndDate: *params.DateUpdated, PageSize: 5}
	list.Cursor = c.CursorOf(list, "PTactive_2026-01-18T03:17:17.005Z_CH00000000000000000000000000000001")
	_, err = c.Page(t.Context(), list)
	require.NoError(t, err)

	doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI)
	require.NoError(t, err)
	requests := server.Requests()
	assert.ElementsMatch(t, slices.Collect(maps.Keys(doc.Components.Schemas["ConversationForm"].Value.Properties)),
		slices.Collect(maps.Keys(requests[0].Form)), "form fields; see CreateParams.form")
	var query []string
	for _, p := range doc.Paths.Value("/v1/Conversations").Get.Parameters {
		query = append(query, p.Value.Name)
	}
	assert.ElementsMatch(t, query, slices.Collect(maps.Keys(requests[1].Query)), "list parameters; see newList")
	assert.Equal(t, reflect.TypeFor[client.CreateParams]().NumField(), len(requests[0].Form))
}

// The emulator stores what it is sent and shows it: after a create with all parameters, each field
// of a conversation has a value.
func TestEmulatorShowsEveryField(t *testing.T) {
	t.Parallel()
	created, err := conversationstest.Start(t).Client().Conversations.Create(t.Context(), allParams())
	require.NoError(t, err)
	for field, value := range reflect.ValueOf(*created).Fields() {
		assert.False(t, value.IsZero(), "%s is not emulated; see resource in conversationstest", field.Name)
	}
}
