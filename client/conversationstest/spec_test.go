package conversationstest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/api"
)

// The tests in this file compare the emulator with the description. After a change of the
// description, each says in one line what to do and where.

func TestEveryOperationIsEmulated(t *testing.T) {
	t.Parallel()
	for _, op := range spec().operations {
		if handlers[op.id] == nil {
			t.Error(notEmulated(op).Message)
		}
	}
	for id := range handlers {
		if spec().operation(id) == nil {
			t.Errorf("%s is emulated but not described: remove it from handlers in handlers.go", id)
		}
	}
}

// conversationOperations returns the operations whose handler is one of those given.
func conversationOperations(handler ...handler) (ops []*operation) {
	for _, op := range spec().operations {
		for _, h := range handler {
			if reflect.ValueOf(handlers[op.id]).Pointer() == reflect.ValueOf(h).Pointer() {
				ops = append(ops, op)
			}
		}
	}
	return ops
}

func TestEveryFormFieldIsStored(t *testing.T) {
	t.Parallel()
	for _, op := range conversationOperations((*Emulator).create, (*Emulator).update) {
		for _, name := range sortedKeys(op.form) {
			if !slices.ContainsFunc(formFields, func(f formField) bool { return f.name == name }) {
				t.Errorf("form field %s of %s is not emulated: add a member with the tag `form:%q` to conversation in store.go", name, op.id, name)
			}
		}
		for _, field := range formFields {
			if op.form[field.name] == nil {
				t.Errorf("form field %s is not described for %s: remove its member from conversation in store.go", field.name, op.id)
			}
		}
	}
}

func TestEveryListParameterIsObeyed(t *testing.T) {
	t.Parallel()
	known := []string{"PageSize", "Page", "PageToken"}
	for _, filter := range filters {
		known = append(known, filter.name)
	}
	for _, op := range conversationOperations((*Emulator).list) {
		for _, name := range sortedKeys(op.query) {
			if !slices.Contains(known, name) {
				t.Errorf("query parameter %s of %s is not emulated: add it to filters in list.go", name, op.id)
			}
		}
		for _, name := range known {
			if op.query[name] == nil {
				t.Errorf("query parameter %s is not described for %s: remove it from filters in list.go", name, op.id)
			}
		}
	}
}

// Some conversation or page shows each member of the responses.
func TestEveryMemberIsShown(t *testing.T) {
	t.Parallel()
	s := Start(t, InMemory())
	r := post(t, s, "/v1/Conversations", everyField(t)...)
	require.Equal(t, 201, r.StatusCode, r.text)
	page := get(t, s, "/v1/Conversations")
	for id, body := range map[string]map[string]any{"createConversation": r.body, "listConversation": page.body} {
		status := map[string]string{"createConversation": "201", "listConversation": "200"}[id]
		schema := spec().operation(id).responses.Value(status).Value.Content["application/json"].Schema
		for _, member := range missingMembers(schema.Value, body, "") {
			t.Errorf("member %s of %s is not shown: add it to call.resource in resource.go", member, id)
		}
	}
}

// everyField returns a form with every field, with the description's examples as values.
func everyField(t *testing.T) (form []string) {
	doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI)
	require.NoError(t, err)
	values := map[string]string{}
	for _, body := range doc.Components.RequestBodies {
		for _, example := range body.Value.Content[formType].Examples {
			for name, value := range example.Value.Value.(map[string]any) {
				values[name] = fmt.Sprint(value)
			}
		}
	}
	values["State"] = active.String()
	values["Timers.Inactive"], values["Timers.Closed"] = "PT1H", "PT2H"
	for _, name := range sortedKeys(values) {
		form = append(form, name, values[name])
	}
	return form
}

func TestEveryStateIsKnown(t *testing.T) {
	t.Parallel()
	for _, name := range spec().operation("createConversation").form["State"].schema.Value.AllOf[0].Value.Enum {
		if _, ok := parseState(name.(string)); !ok {
			t.Errorf("state %s is not emulated: add it to the states and to stateNames in store.go, and its rules to assumptions.go", name)
		}
	}
}

func missingMembers(schema *openapi3.Schema, value any, path string) (missing []string) {
	switch value := value.(type) {
	case map[string]any:
		for _, name := range sortedKeys(schema.Properties) {
			member, ok := value[name]
			if !ok {
				missing = append(missing, path+name)
				continue
			}
			missing = append(missing, missingMembers(schema.Properties[name].Value, member, path+name+".")...)
		}
	case []any:
		for _, item := range value {
			missing = append(missing, missingMembers(schema.Items.Value, item, path)...)
		}
	}
	return missing
}

func TestEveryHeaderIsSent(t *testing.T) {
	t.Parallel()
	s := Start(t, InMemory())
	r := get(t, s, "/v1/Conversations")
	for _, op := range spec().operations {
		for status, response := range op.responses.Map() {
			for _, name := range sortedKeys(response.Value.Headers) {
				if r.Header.Get(name) == "" {
					t.Errorf("header %s of %s of %s is not sent: add it to setHeaders in answer.go", name, status, op.id)
				}
			}
		}
	}
}

func TestEveryFormatIsChecked(t *testing.T) {
	t.Parallel()
	doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI)
	require.NoError(t, err)
	seen := map[*openapi3.Schema]bool{}
	var visit func(where string, ref *openapi3.SchemaRef)
	visit = func(where string, ref *openapi3.SchemaRef) {
		if ref == nil || seen[ref.Value] {
			return
		}
		seen[ref.Value] = true
		if s := ref.Value; s.Type.Is("string") && s.Format != "" && formats[s.Format] == nil {
			t.Errorf("the format %s of %s is not checked: add it to formats in rules.go", s.Format, where)
		}
		visit(where, ref.Value.Items)
		for name, property := range ref.Value.Properties {
			visit(where+"."+name, property)
		}
	}
	for name, schema := range doc.Components.Schemas {
		visit(name, schema)
	}
	for name, parameter := range doc.Components.Parameters {
		visit(name, parameter.Value.Schema)
	}
}

// A rule or an error code would silently stop working if its parameter were renamed.
func TestEveryRuleHasItsParameter(t *testing.T) {
	t.Parallel()
	keys := map[string]bool{}
	for _, op := range spec().operations {
		for _, p := range op.query {
			keys[p.key] = true
		}
		for _, p := range op.form {
			keys[p.key] = true
		}
	}
	for key := range rules {
		assert.Contains(t, keys, key, "rules in rules.go")
	}
	for key := range valueErrors {
		assert.Contains(t, keys, key, "valueErrors in errors.go")
	}
}

// extended returns a server whose document also has operations with GET under the given paths.
func extended(t *testing.T, paths map[string]string) *Server {
	t.Helper()
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromData(api.OpenAPI)
	require.NoError(t, err)
	for path, id := range paths {
		item := &openapi3.PathItem{Get: openapi3.NewOperation()}
		item.Get.OperationID = id
		item.Get.Responses = openapi3.NewResponses()
		for _, segment := range strings.Split(path, "/") {
			if name, ok := strings.CutPrefix(segment, "{"); ok {
				parameter := openapi3.NewPathParameter(strings.TrimSuffix(name, "}")).WithSchema(openapi3.NewStringSchema())
				item.Parameters = append(item.Parameters, &openapi3.ParameterRef{Value: parameter})
			}
		}
		doc.Paths.Set(path, item)
	}
	data, err := json.Marshal(doc)
	require.NoError(t, err)
	s := Start(t, InMemory())
	s.document, err = readDocument(data)
	require.NoError(t, err)
	return s
}

// The operation does not follow from the path. A described operation that is not emulated is not
// mistaken for another whose path resembles it.
func TestDescribedButNotEmulated(t *testing.T) {
	t.Parallel()
	const participant = "/v1/Conversations/{ConversationSid}/Participants/{Sid}"
	s := extended(t, map[string]string{
		participant:                  "fetchConversationParticipant",
		"/v1/Conversations/Archive":  "fetchArchive",
		"/v1/Participants/{Sid}":     "fetchParticipant",
		"/v1/Services/{Sid}":         "fetchService",
		"/v1/Conversations/{Sid}/Me": "fetchMe",
	})
	seed(t, s, Conversation{UniqueName: "a"}, Conversation{UniqueName: "Archive"}, Conversation{UniqueName: "Participants"})
	for path, id := range map[string]string{
		"/v1/Conversations/a/Participants/a": "fetchConversationParticipant",
		"/v1/Conversations/Archive":          "fetchArchive",
		"/v1/Participants/a":                 "fetchParticipant",
		"/v1/Services/" + testService:        "fetchService",
		"/v1/Conversations/a/Me":             "fetchMe",
	} {
		r := get(t, s, path)
		assert.Equal(t, 501, r.StatusCode, path)
		assert.Equal(t, 20501, r.code())
		assert.Contains(t, r.body["message"], id+" (GET ")
		assert.Contains(t, r.body["message"], "add it to handlers in client/conversationstest/handlers.go")
		requests := s.Requests()
		assert.Equal(t, id, requests[len(requests)-1].Operation)
	}
	r := get(t, s, "/v1/Conversations/a/Participants/a")
	assert.Contains(t, r.body["message"], "GET "+participant)
	assert.Equal(t, "a", get(t, s, "/v1/Conversations/a").body["unique_name"])
	assert.Equal(t, "Participants", get(t, s, "/v1/Conversations/Participants").body["unique_name"])
	assert.Equal(t, 404, get(t, s, "/v1/Conversations/a/Participants").StatusCode)
	assert.Equal(t, 405, do(t, s, http.MethodDelete, "/v1/Participants/a", nil).StatusCode)
	// Archive is fixed only for GET. With another method it is an id.
	assert.Equal(t, 204, do(t, s, http.MethodDelete, "/v1/Conversations/Archive", nil).StatusCode)
}

// All kinds of values that a form field can have are stored.
func TestFormFieldsOfEachKind(t *testing.T) {
	t.Parallel()
	for _, field := range formFields {
		member := reflect.TypeFor[conversation]().FieldByIndex(field.index).Type
		assert.Contains(t, []reflect.Type{
			reflect.TypeFor[string](), reflect.TypeFor[int64](), reflect.TypeFor[bool](),
			reflect.TypeFor[instant](), reflect.TypeFor[timer](), reflect.TypeFor[state](),
		}, member, "setMember in form.go needs a case for the member of %s", field.name)
	}
	var c struct {
		Text    string
		Number  int64
		Flag    bool
		Time    instant
		Timer   timer
		State   state
		unknown chan int
	}
	const now = 1000
	setMember(&c.Text, "a", now)
	setMember(&c.Number, "-7", now)
	setMember(&c.Flag, "true", now)
	setMember(&c.Time, "1970-01-01T00:00:01.5Z", now)
	setMember(&c.Timer, "PT2S", now)
	setMember(&c.State, "closed", now)
	assert.Equal(t, []any{"a", int64(-7), true, instant(1500), timer(3000), closed}, []any{c.Text, c.Number, c.Flag, c.Time, c.Timer, c.State})
	setMember(&c.Timer, "PT0S", now)
	setMember(&c.Flag, "false", now)
	assert.Zero(t, c.Timer)
	assert.False(t, c.Flag)
	assert.Panics(t, func() { setMember(&c.unknown, "a", now) })
}

func TestHeadersOfEveryResponse(t *testing.T) {
	t.Parallel()
	s := Start(t, InMemory(), WithRegion("ie1"))
	s.Fail("updateConversation", Fault{Status: 503})
	for name, r := range map[string]reply{
		"success":         get(t, s, "/v1/Conversations"),
		"nothing":         get(t, s, "/v1/Nothing"),
		"no credentials":  do(t, s, http.MethodGet, "/v1/Conversations", nil, func(r *http.Request) { r.Header.Del("Authorization") }),
		"fault":           post(t, s, "/v1/Conversations/a"),
		"preflight":       do(t, s, http.MethodOptions, "/v1/Conversations", nil, func(r *http.Request) { r.Header.Del("Authorization") }),
		"another service": do(t, s, http.MethodOptions, "/v1/Services/"+testService+"/Conversations/a", nil),
	} {
		want := map[string]string{
			"Access-Control-Allow-Origin":      "*",
			"Access-Control-Allow-Headers":     "Accept, Authorization, Content-Type, If-Match, If-Modified-Since, If-None-Match, If-Unmodified-Since, Idempotency-Key",
			"Access-Control-Allow-Methods":     "GET, POST, DELETE, OPTIONS",
			"Access-Control-Expose-Headers":    "ETag",
			"Access-Control-Allow-Credentials": "true",
			"X-Home-Region":                    "ie1",
			"X-Api-Domain":                     "conversations.twilio.com",
		}
		got := map[string]string{}
		for header := range want {
			got[header] = r.Header.Get(header)
		}
		assert.Equal(t, want, got, name)
		if name == "preflight" || name == "another service" {
			assert.Equal(t, 204, r.StatusCode)
			assert.Empty(t, r.text)
			continue
		}
		assert.Equal(t, strconv.Itoa(len(r.text)), r.Header.Get("Content-Length"), name)
	}
}

// longestFriendlyName is the maximum of its characters in the description.
func longestFriendlyName() int {
	return int(*spec().operation("createConversation").form["FriendlyName"].schema.Value.MaxLength)
}

// largestPageSize is the maximum of PageSize in the description.
func largestPageSize() int {
	return int(*spec().operation("listConversation").query["PageSize"].schema.Value.Max)
}
