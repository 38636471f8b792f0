package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
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
)

// anyID is a unique name that needs care in a URL.
const anyID = "order/1234?a=b#c %2e"

// operations is the one table of operations: how each is called with all its parameters, and the
// response with which it succeeds. An operation that joins the description joins this table, and
// gets its golden files by go test ./client -run TestWire -update.
var operations = []struct {
	id, serviceID string // the operationId in either scope; empty where there is none
	success       step
	call          func(context.Context, *client.Service) (any, error)
}{
	{"createConversation", "createServiceConversation", jsonAnswer(201, wireConversation), func(ctx context.Context, s *client.Service) (any, error) {
		return s.Conversations.Create(ctx, allParams(), client.WithWebhookEnabled(true))
	}},
	{"fetchConversation", "fetchServiceConversation", jsonAnswer(200, wireConversation), func(ctx context.Context, s *client.Service) (any, error) {
		return s.Conversations.Fetch(ctx, anyID)
	}},
	{"listConversation", "listServiceConversation", jsonAnswer(200, wirePage), func(ctx context.Context, s *client.Service) (any, error) {
		params := allListParams()
		params.Cursor = s.Conversations.CursorOf(params, "PTclosed_2024-01-18T03:17:17.005Z_CHa09ace6334284f0aa7f988ebad3e231a")
		return s.Conversations.Page(ctx, params)
	}},
	{"updateConversation", "updateServiceConversation", jsonAnswer(200, wireConversation), func(ctx context.Context, s *client.Service) (any, error) {
		return s.Conversations.Update(ctx, anyID, client.UpdateParams(allParams()), client.WithWebhookEnabled(true))
	}},
	{"deleteConversation", "deleteServiceConversation", answer(204, "", ""), func(ctx context.Context, s *client.Service) (any, error) {
		return nil, s.Conversations.Delete(ctx, anyID, client.WithWebhookEnabled(true))
	}},
}

// eachOperation calls f for each operation of each scope.
func eachOperation(f func(id string, success step, call func(context.Context, *client.Client) (any, error))) {
	for _, op := range operations {
		if op.id != "" {
			f(op.id, op.success, func(ctx context.Context, c *client.Client) (any, error) {
				return op.call(ctx, &client.Service{Conversations: c.Conversations})
			})
		}
		if op.serviceID != "" {
			f(op.serviceID, op.success, func(ctx context.Context, c *client.Client) (any, error) {
				return op.call(ctx, c.Service(serviceSID))
			})
		}
	}
}

// The table ties the description, the wrappers and the emulator together. Each wrapper sends the
// one operation that its row names, and the emulator takes it for that operation.
func TestOperationsAreTheSameEverywhere(t *testing.T) {
	t.Parallel()
	var described, called []string
	doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI)
	require.NoError(t, err)
	for _, item := range doc.Paths.Map() {
		for _, op := range item.Operations() {
			described = append(described, op.OperationID)
		}
	}
	eachOperation(func(id string, _ step, call func(context.Context, *client.Client) (any, error)) {
		called = append(called, id)
		server := conversationstest.Start(t)
		_, _ = call(t.Context(), server.Client())
		if assert.Len(t, server.Requests(), 1, id) {
			assert.Equal(t, id, server.Requests()[0].Operation, "the row of operations in client/operation_test.go calls something else")
		}
	})
	for _, id := range described {
		if !slices.Contains(called, id) {
			t.Errorf("%s is described but not wrapped: see scope.fetch in client/operation.go and Conversations.Fetch in client/conversations.go, and add a row to operations in client/operation_test.go", id)
		}
	}
	for _, id := range called {
		if !slices.Contains(described, id) {
			t.Errorf("%s is not described any more: remove it from operations in client/operation_test.go", id)
		}
	}
}

// The same request, but for the scope in its path, comes from both scopes.
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

// The fields of the wrappers are those of the description: a form field or a list parameter that
// joins it must join CreateParams.form or newList too.
func TestWrappersSendEveryField(t *testing.T) {
	t.Parallel()
	server := conversationstest.Start(t)
	c := server.Client().Conversations
	params := allParams()
	_, err := c.Create(t.Context(), params)
	require.NoError(t, err)
	list := allListParams()
	list.Cursor = c.CursorOf(list, "PTactive_2026-01-18T03:17:17.005Z_CH00000000000000000000000000000001")
	_, err = c.Page(t.Context(), list)
	require.NoError(t, err)

	doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI)
	require.NoError(t, err)
	requests := server.Requests()
	for name := range doc.Components.Schemas["ConversationForm"].Value.Properties {
		if !requests[0].Form.Has(name) {
			t.Errorf("form field %s is not sent: add a field to CreateParams and UpdateParams, and a row to CreateParams.form in client/params.go", name)
		}
	}
	for _, p := range doc.Paths.Value("/v1/Conversations").Get.Parameters {
		if !requests[1].Query.Has(p.Value.Name) {
			t.Errorf("list parameter %s is not sent: add a field to ListParams and a row to Conversations.newList in client/list.go", p.Value.Name)
		}
	}
	if sent, fields := len(requests[0].Form), reflect.TypeFor[client.CreateParams]().NumField(); sent != fields {
		t.Errorf("%d of %d fields of CreateParams are sent: CreateParams.form in client/params.go lacks a row", sent, fields)
	}
}

// The limits that the client checks are those of the description.
// longestFriendlyName is the maximum of its characters in the description.
func longestFriendlyName(t *testing.T) int {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI)
	require.NoError(t, err)
	return int(*doc.Components.Schemas["ConversationForm"].Value.Properties["FriendlyName"].Value.MaxLength)
}

// largestPageSize is the maximum of PageSize in the description.
func largestPageSize(t *testing.T) int {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI)
	require.NoError(t, err)
	return int(*doc.Components.Parameters["PageSize"].Value.Schema.Value.Max)
}

func TestLimitsAreTheSame(t *testing.T) {
	t.Parallel()
	doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI)
	require.NoError(t, err)
	form := doc.Components.Schemas["ConversationForm"].Value.Properties
	attributes := int(*form["Attributes"].Value.MaxLength)
	c := conversationstest.Start(t).Client().Conversations
	text := func(length int) string { return strings.Repeat("x", length) }
	page := func(size int) error {
		_, err := c.Page(t.Context(), client.ListParams{PageSize: size})
		return err
	}
	create := func(params client.CreateParams) error {
		_, err := c.Create(t.Context(), params)
		return err
	}
	for _, limit := range []struct {
		name     string
		most     int
		try      func(int) error
		constant string
	}{
		{"PageSize", largestPageSize(t), page, "maxPageSize in client/list.go"},
		{"FriendlyName", longestFriendlyName(t), func(n int) error { return create(client.CreateParams{FriendlyName: new(text(n))}) }, "maxFriendlyName in client/params.go"},
		{"Attributes", attributes, func(n int) error {
			return create(client.CreateParams{Attributes: json.RawMessage(`"` + text(n-2) + `"`)})
		}, "maxAttributes in client/params.go"},
	} {
		_, low := errors.AsType[*client.ParamError](limit.try(limit.most))
		_, high := errors.AsType[*client.ParamError](limit.try(limit.most + 1))
		if low || !high {
			t.Errorf("the maximum of %s is described as %d: change %s", limit.name, limit.most, limit.constant)
		}
	}
	for pattern, want := range map[string]string{
		form["MessagingServiceSid"].Value.Pattern:                              "^MG[0-9a-fA-F]{32}$",
		doc.Components.Parameters["ChatServiceSid"].Value.Schema.Value.Pattern: "^IS[0-9a-fA-F]{32}$",
	} {
		if pattern != want {
			t.Errorf("a SID is described as %s: change isSID in client/params.go, and %s in client/operation_test.go", pattern, want)
		}
	}
}

// Each state has a short name.
func TestStatesHaveShortNames(t *testing.T) {
	t.Parallel()
	doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI)
	require.NoError(t, err)
	source, err := os.ReadFile("conversations.go")
	require.NoError(t, err)
	for _, value := range doc.Components.Schemas["ConversationEnumState"].Value.Enum {
		name := strings.ToUpper(value.(string)[:1]) + value.(string)[1:]
		if short := "State" + name + " = gen.ConversationEnumState" + name; !strings.Contains(string(source), short) {
			t.Errorf("state %s has no short name: add %s to the constants beside StateActive in client/conversations.go", value, short)
		}
	}
}

// The emulator keeps what it is sent, and shows it: each field of a conversation has a value after
// a create with all parameters.
func TestEmulatorShowsEveryField(t *testing.T) {
	t.Parallel()
	created, err := conversationstest.Start(t).Client().Conversations.Create(t.Context(), allParams())
	require.NoError(t, err)
	for field, value := range reflect.ValueOf(*created).Fields() {
		if value.IsZero() {
			t.Errorf("%s is not shown: add its member to call.resource in client/conversationstest/resource.go", field.Name)
		}
	}
}
