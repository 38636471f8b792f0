package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/api"
)

func theirs(t testing.TB) facts {
	t.Helper()
	data, err := os.ReadFile("facts.txt")
	require.NoError(t, err)
	return parseFacts(string(data))
}

func ours(t testing.TB) operations {
	t.Helper()
	root, err := parseDescription(api.OpenAPI)
	require.NoError(t, err)
	return operationsOf(root)
}

// derived returns the facts of a description as fetch reads them.
func derived(t testing.TB, doc object) facts {
	t.Helper()
	data, err := json.Marshal(doc)
	require.NoError(t, err)
	root, err := parseDescription(data)
	require.NoError(t, err)
	f, err := derive(root, ours(t))
	require.NoError(t, err)
	return f
}

func TestDescriptionFollowsUpstream(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	ok, err := check(".", &out)
	require.NoError(t, err)
	assert.True(t, ok, "%s", &out)
}

func TestFactsAreWhatADescriptionSays(t *testing.T) {
	t.Parallel()
	f := theirs(t)
	for name, doc := range shapes(f) {
		assert.Equal(t, f.String(), derived(t, doc).String(), name)
	}
}

// Every change of every fact is reported, in each shape that a description may have.
func TestEveryChangeIsReported(t *testing.T) {
	t.Parallel()
	f := theirs(t)
	for kind, mutate := range map[string]func(key, attributes string) string{
		"type": func(_, attributes string) string {
			kind, rest, _ := strings.Cut(attributes, " ")
			return strings.TrimSpace(map[string]string{"string": "integer"}[kind] + " " + rest)
		},
		"drop":       func(_, attributes string) string { kind, _, _ := strings.Cut(attributes, " "); return kind },
		"alter":      func(_, attributes string) string { return alter(attributes) },
		"enum value": func(_, attributes string) string { return strings.Replace(attributes, "enum=", "enum=added,", 1) },
		"enum slip": func(_, attributes string) string {
			return strings.Replace(attributes, ",initializing", ",intializing", 1)
		},
		"format":     with("format=uuid"),
		"enum":       with("enum=a,b"),
		"pattern":    with("pattern=^x$"),
		"minLength":  with("minLength=3"),
		"maxLength":  with("maxLength=99"),
		"minimum":    with("minimum=-1.5"),
		"maximum":    with("maximum=12"),
		"multipleOf": with("multipleOf=2"),
		"default":    with("default=5"),
		"nullable":   with("nullable"),
		"deprecated": with("deprecated"),
		"readOnly":   with("readOnly"),
		"title":      with("title=T"),
		"required":   with("required"),
		"closed":     with("additionalProperties=false"),
	} {
		changed := maps.Clone(f)
		var want []string
		for key, attributes := range f {
			if !hasSchema(key) {
				continue
			}
			mutated := mutate(key, attributes)
			if kind == "required" && (strings.Contains(key, "[]") || strings.Contains(key, " 20")) {
				mutated = attributes // neither an item nor a response has it
			}
			if mutated != attributes && mutated != "" {
				changed[key] = mutated
				want = append(want, key)
			}
		}
		slices.Sort(want)
		require.NotEmpty(t, want, kind)
		for name, doc := range shapes(changed) {
			var reported []string
			for _, c := range compare(f, derived(t, doc)) {
				reported = append(reported, c.operation+" "+c.element)
			}
			assert.Equal(t, want, slices.Compact(reported), "%s, %s", kind, name)
		}
	}
}

// Every element that is added or removed is reported, and nothing else.
func TestEveryElementIsReported(t *testing.T) {
	t.Parallel()
	f := theirs(t)
	for _, key := range slices.Sorted(maps.Keys(f)) {
		operation, _, _ := strings.Cut(key, " ")
		if operation != "listServiceConversation" && operation != "updateConversation" {
			continue // the others have no other elements
		}
		less := maps.Clone(f)
		for other := range f {
			if within(other, key) {
				delete(less, other)
			}
		}
		fewer := compare(f, derived(t, describe(less, false)))
		require.NotEmpty(t, fewer, key)
		for _, c := range fewer {
			assert.Equal(t, byte('-'), c.String()[0], "%s", c)
			assert.True(t, within(strings.TrimSpace(c.operation+" "+c.element), key), "%s", c)
		}
		if len(fewer) == 1 {
			more := compare(less, f)
			require.Len(t, more, 1)
			assert.Equal(t, "+"+fewer[0].String()[1:], more[0].String())
		}
	}
}

// Changes outside the operations or in prose are not reported.
func TestNothingElseIsReported(t *testing.T) {
	t.Parallel()
	f := theirs(t)
	doc := describe(f, true)
	doc["info"] = object{"title": "Other", "version": "2.0.0", "description": "Other"}
	doc["tags"] = []any{object{"name": "Other"}}
	paths := in(doc, "paths")
	for path, item := range paths {
		for method, op := range in(item) {
			if slices.Contains(methods, method) {
				op := in(op)
				op["summary"], op["description"], op["tags"], op["x-maturity"] = "Other", "Other", []any{"Other"}, []any{"Beta"}
				op["callbacks"] = object{"event": object{"https://example.com": object{"post": operation("event")}}}
				parameters, _ := op["parameters"].([]any)
				for _, p := range parameters {
					in(p)["description"], in(p)["x-other"], in(p)["example"] = "Other", true, "Other"
				}
				for _, r := range in(op, "responses") {
					in(r)["description"] = "Other"
				}
			}
		}
		in(item)["patch"], in(item)["x-twilio"] = operation("patch"+path), object{"pathType": "other"}
	}
	for _, path := range []string{
		"/v1/Conversations/{ConversationSid}/Participants", "/v1/Conversations/{ConversationSid}/Messages/{Sid}", "/v1/Services/{Sid}",
		"/v1/Services/{ChatServiceSid}/Conversations/{Sid}/Webhooks", "/v2/Conversations", "/v1/Conversations.json",
	} {
		paths[path] = object{"get": operation("get" + path), "post": operation("post" + path)}
	}
	schemas := in(doc, "components", "schemas")
	for _, schema := range schemas {
		in(schema)["description"], in(schema)["x-other"], in(schema)["example"] = "Other", object{}, "other"
		if enum, ok := in(schema)["enum"].([]any); ok {
			slices.Reverse(enum)
		}
	}
	schemas["tree"] = object{"type": "object", "properties": object{"children": object{"type": "array", "items": ref("tree")}}}
	paths["/v1/Broken"] = object{"get": object{"operationId": 1, "parameters": ref("none")}}
	assert.Equal(t, f.String(), derived(t, doc).String())
}

func TestRenamedPathParameter(t *testing.T) {
	t.Parallel()
	f := theirs(t)
	doc := describe(f, true)
	paths := in(doc, "paths")
	item := in(paths, "/v1/Conversations/{Sid}")
	delete(paths, "/v1/Conversations/{Sid}")
	paths["/v1/Conversations/{ConversationSid}"] = item
	changes := compare(f, derived(t, doc))
	require.Len(t, changes, 3)
	assert.Equal(t, "~ deleteConversation: DELETE /v1/Conversations/{Sid} -> DELETE /v1/Conversations/{ConversationSid}", changes[0].String())
}

func TestRecursiveSchema(t *testing.T) {
	t.Parallel()
	doc := describe(theirs(t), true)
	schemas := in(doc, "components", "schemas")
	schemas["tree"] = object{"type": "object", "properties": object{"children": object{"type": "array", "items": ref("tree")}, "all": object{"allOf": []any{ref("tree")}}}}
	op := in(doc, "paths", "/v1/Conversations", "get")
	in(op, "responses", "200", "content")["text/csv"] = object{"schema": ref("tree")}
	assert.Contains(t, derived(t, doc).String(), "listConversation 200 text/csv member children[]: recursive\n")
}

// allOf, oneOf and references of parameters, bodies, responses and headers yield the same facts as
// what they stand for.
func TestSchemasAreFlattened(t *testing.T) {
	t.Parallel()
	f := theirs(t)
	doc := describe(f, false)
	components := in(doc, "components")
	op := in(doc, "paths", "/v1/Conversations", "post")
	hoist := func(kind, name string, part any) object {
		if components[kind] == nil {
			components[kind] = object{}
		}
		in(components, kind)[name] = part
		return object{"$ref": "#/components/" + kind + "/" + name}
	}
	for i, p := range op["parameters"].([]any) {
		op["parameters"].([]any)[i] = hoist("parameters", fmt.Sprint("p", i), p)
	}
	in(op, "responses", "201")["headers"] = object{"Access-Control-Allow-Origin": hoist("headers", "h", in(op, "responses", "201", "headers")["Access-Control-Allow-Origin"])}
	op["requestBody"] = hoist("requestBodies", "b", op["requestBody"])
	in(op, "responses")["201"] = hoist("responses", "r", in(op, "responses")["201"])
	schema := in(components, "responses", "r", "content", "application/json")
	properties := in(schema, "schema", "properties")
	schema["schema"] = object{
		"allOf":      []any{object{"type": "object", "properties": object{"sid": properties["sid"]}, "required": []any{"sid"}}, object{"properties": properties, "required": []any{"url"}}},
		"properties": object{"either": object{"oneOf": []any{object{"type": "string"}, object{"type": "integer"}}}},
	}
	var lines []string
	for _, c := range compare(f, derived(t, doc)) {
		lines = append(lines, c.String())
	}
	assert.Equal(t, []string{
		"+ createConversation 201 member either: any",
		"+ createConversation 201 member either(oneOf[0]): string",
		"+ createConversation 201 member either(oneOf[1]): integer",
		"~ createConversation 201 member sid: + required",
		"~ createConversation 201 member url: + required",
	}, slices.DeleteFunc(lines, func(line string) bool { return strings.Contains(line, "header Access-Control") }))
}

// These are past changes of Twilio's, reported in words that a maintainer can use.
func TestReport(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		edit func(facts)
		want string
	}{
		"bindings": {
			func(f facts) {
				maps.DeleteFunc(f, func(key, _ string) bool { return strings.HasSuffix(key, " member bindings") })
			},
			"- 2xx member bindings: any nullable\n    breaking; a response member\n    createConversation, createServiceConversation, fetchConversation, fetchServiceConversation, updateConversation, updateServiceConversation\n",
		},
		"member": {set("createConversation 201 member topic", "string"), "+ 2xx member topic: string\n    not breaking; a response member\n    createConversation\n"},
		"typed":  {set("fetchConversation 200 member timers", "object nullable"), "~ 2xx member timers: any -> object\n    not breaking; a response member\n    fetchConversation\n"},
		"untyped": {
			set("fetchConversation 200 member friendly_name", "any nullable"),
			"~ 2xx member friendly_name: string -> any\n    breaking; a response member\n    fetchConversation\n",
		},
		"nullable": {
			set("fetchConversation 200 member state", "string enum=active,closed,inactive,initializing nullable"),
			"~ 2xx member state: + nullable\n    breaking; a response member\n    fetchConversation\n",
		},
		"field":          {set("updateConversation form Topic", "string"), "+ form Topic: string\n    not breaking; a form field\n    updateConversation\n"},
		"required field": {set("updateConversation form Topic", "string required"), "+ form Topic: string required\n    breaking; a form field\n    updateConversation\n"},
		"parameter":      {set("listConversation query StartDate", ""), "- query StartDate: string\n    breaking; a list parameter\n    listConversation\n"},
		"page size": {
			set("listConversation query PageSize", "integer format=int64 minimum=1 maximum=50"),
			"~ query PageSize: maximum=100 -> maximum=50\n    breaking; a limit or a pattern\n    listConversation\n",
		},
		"larger page": {
			set("listConversation query PageSize", "integer format=int64 minimum=0 maximum=100"),
			"~ query PageSize: minimum=1 -> minimum=0\n    not breaking; a limit or a pattern\n    listConversation\n",
		},
		"slip": {
			set("listConversation query State", "string enum=active,closed,inactive,intializing"),
			"~ query State: - enum=initializing\n    breaking; an enum value\n    listConversation\n" +
				"~ query State: + enum=intializing\n    not breaking; an enum value\n    listConversation\n",
		},
		"enum in a response": {
			set("fetchConversation 200 member state", "string enum=active,archived,closed,inactive,initializing"),
			"~ 2xx member state: + enum=archived\n    breaking; an enum value\n    fetchConversation\n",
		},
		"default": {
			set("listConversation query PageToken", "string default=a"),
			"~ query PageToken: + default=a\n    breaking; a list parameter\n    listConversation\n",
		},
		"default in a response": {
			set("fetchConversation 200 member sid", theirs(t)["fetchConversation 200 member sid"]+" default=a"),
			"~ 2xx member sid: + default=a\n    not breaking; a response member\n    fetchConversation\n",
		},
		"deprecated": {
			set("deleteConversation deprecated", " "),
			"+ deprecated\n    not breaking; no row: read it by hand\n    deleteConversation\n",
		},
		"deprecated field": {
			set("updateConversation form Attributes", "string deprecated"),
			"~ form Attributes: + deprecated\n    not breaking; a form field\n    updateConversation\n",
		},
		"header": {
			set("fetchConversation 200 header Retry-After", "integer"),
			"+ 2xx header Retry-After: integer\n    not breaking; a response header\n    fetchConversation\n",
		},
		"request header": {
			set("deleteConversation header X-Twilio-Webhook-Enabled", ""),
			"- header X-Twilio-Webhook-Enabled: string enum=false,true\n    breaking; no row: read it by hand\n    deleteConversation\n",
		},
		"names": {
			set("deleteConversation operationId", "Remove"),
			"~ operationId: DeleteConversation -> Remove\n    not breaking; no row: nobody sends that name\n    deleteConversation\n",
		},
		"operation": {
			func(f facts) {
				maps.DeleteFunc(f, func(key, _ string) bool { return within(key, "deleteConversation") })
			},
			"- deleteConversation: DELETE /v1/Conversations/{Sid}\n    breaking; an operation on a conversation\n    deleteConversation\n",
		},
		"path parameter": {
			set("deleteConversation", "DELETE /v1/Conversations/{ConversationSid}"),
			"~ deleteConversation: DELETE /v1/Conversations/{Sid} -> DELETE /v1/Conversations/{ConversationSid}\n    breaking; an operation on a conversation\n    deleteConversation\n",
		},
		"status": {
			set("deleteConversation status 202", " "),
			"+ status 202\n    breaking; no row: read it by hand\n    deleteConversation\n",
		},
		"security": {
			set("deleteConversation security accountSid_authToken", "http scheme=bearer"),
			"~ security accountSid_authToken: scheme=basic -> scheme=bearer\n    breaking; no row: read it by hand\n    deleteConversation\n",
		},
	} {
		changed := maps.Clone(theirs(t))
		tc.edit(changed)
		assert.Equal(t, tc.want, report(compare(theirs(t), changed)), name)
	}
}

// A description may be malformed in any way.
func FuzzDerive(f *testing.F) {
	small := facts{
		"a": "GET /v1/Conversations", "a status 200": "", "a 200 body application/json": "object", "a 200 member b": "string enum=c,d required",
		"a query e": "integer maximum=1", "a security f": "http scheme=basic", "a 200 header g": "string",
	}
	for _, doc := range shapes(small) {
		data, err := json.Marshal(doc)
		require.NoError(f, err)
		f.Add(data)
	}
	ops := ours(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		if !json.Valid(data) {
			return // YAML is ours only
		}
		root, err := parseDescription(data)
		if err != nil {
			return
		}
		if facts, err := derive(root, ops); err == nil {
			assert.Equal(t, facts, parseFacts(facts.String()))
		}
	})
}

func TestBreaking(t *testing.T) {
	t.Parallel()
	assert.True(t, change{element: "query PageSize", keyword: "default", from: "default=50"}.breaking())
	assert.False(t, change{element: "200 member page_size", keyword: "default", from: "default=50"}.breaking())
	assert.False(t, change{element: "deprecated"}.breaking(), "not deprecated any more")
}

// set sets the attributes of the elements that match a pattern, or removes the elements if there
// are none.
func set(pattern, attributes string) func(facts) {
	return func(f facts) {
		if attributes != "" {
			f[pattern] = strings.TrimSpace(attributes)
			return
		}
		maps.DeleteFunc(f, func(key, _ string) bool {
			return key == pattern || strings.HasSuffix(key, " 200 member bindings") && strings.Contains(pattern, "bindings")
		})
	}
}

func TestDeliberateDifferences(t *testing.T) {
	t.Parallel()
	_, err := parseDeliberate("# a reason\n+ a\n\n- b\n")
	assert.EqualError(t, err, "deliberate difference without a reason above it: - b")
	list, err := parseDeliberate("# a reason\n+ * status default\n# another\n- gone\n")
	require.NoError(t, err)
	unexplained, unused := list.unexplained([]change{
		{operation: "x", element: "status default", came: true},
		{operation: "x", element: "status default 2", came: true},
	})
	require.Len(t, unexplained, 1)
	assert.Equal(t, "+ x status default 2", unexplained[0].String())
	assert.Equal(t, []string{"- gone"}, unused)
}

func TestFetch(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := theirs(t)
	file, facts := filepath.Join(dir, "theirs.json"), filepath.Join(dir, "facts.txt")
	save := func(doc any) {
		data, err := json.Marshal(doc)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(file, data, 0o600))
	}
	require.NoError(t, os.WriteFile(facts, []byte(f.String()), 0o600))

	var out bytes.Buffer
	save(describe(f, true))
	require.NoError(t, fetch(dir, file, &out))
	assert.Equal(t, "Nothing changed in 10 operations.\n", out.String())

	out.Reset()
	f["createConversation form A`b\nc"] = "string" // as hostile as a name can be
	save(describe(f, true))
	require.NoError(t, fetch(dir, file, &out))
	assert.Equal(t, "+ form A\\u0060b\\u000ac: string\n    not breaking; a form field\n    createConversation\n", out.String())
	renewed, err := os.ReadFile(facts)
	require.NoError(t, err)
	assert.Contains(t, string(renewed), "createConversation form A\\u0060b\\u000ac: string\n")

	dangling := describe(f, true)
	in(dangling, "components")["schemas"] = object{}
	for _, doc := range []any{nil, "text", dangling, object{}, object{"openapi": "3.0.1", "paths": object{}}, object{"openapi": "3.0.1", "paths": object{"/v2/X": object{"get": operation("x")}}}} {
		save(doc)
		assert.Error(t, fetch(dir, file, &out), "%v", doc)
	}
	assert.Error(t, fetch(dir, filepath.Join(dir, "none"), &out))
	after, err := os.ReadFile(facts)
	require.NoError(t, err)
	assert.Equal(t, string(renewed), string(after), "an invalid description changes nothing")
}

// with adds an attribute if its keyword is absent.
func with(attribute string) func(key, attributes string) string {
	keyword, _, _ := strings.Cut(attribute, "=")
	return func(_, attributes string) string {
		if keywords(attributes)[keyword] != "" {
			return attributes
		}
		return attributes + " " + attribute
	}
}

// alter changes the value of every attribute that has one.
func alter(attributes string) string {
	words := strings.Fields(attributes)
	for i, word := range words {
		if keyword, value, ok := strings.Cut(word, "="); ok {
			if n, err := strconv.Atoi(value); err == nil {
				words[i] = fmt.Sprintf("%s=%d", keyword, n+1)
			} else {
				words[i] = word + "X"
			}
		}
	}
	return strings.Join(words, " ")
}

// hasSchema reports whether an element has a schema, and therefore attributes.
func hasSchema(key string) bool {
	kind, response := change{element: key[strings.Index(key, " ")+1:]}.kind()
	return strings.Contains(key, " ") && (response && kind != "status" || slices.Contains([]string{"path", "query", "header", "form", "body"}, kind))
}

// within reports whether an element is another one or described as a part of it.
func within(key, of string) bool {
	if key == of || !strings.Contains(of, " ") && strings.HasPrefix(key, of+" ") {
		return true
	}
	if strings.Contains(of, " member ") {
		return strings.HasPrefix(key, of+".") || strings.HasPrefix(key, of+"[]")
	}
	for part, whole := range map[string]string{" form ": " body ", " member ": " body "} {
		if before, _, ok := strings.Cut(key, part); ok && strings.HasPrefix(of, before+whole) {
			return true
		}
	}
	operation, status, ok := strings.Cut(of, " status ")
	return ok && strings.HasPrefix(key, operation+" "+status+" ")
}
