package api_test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/gen"
)

// hostile is text that says on arrival whether it was escaped, once and as what it is.
const hostile = `a b+c&d=e/f?g#h%2ei;j,k"ü🙂{}`

// doer answers every request and keeps the last one.
type doer struct {
	status int
	answer string

	request *http.Request
	body    string
}

func (d *doer) Do(req *http.Request) (*http.Response, error) {
	d.request, d.body = req, ""
	if req.Body != nil {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		d.body = string(body)
	}
	return &http.Response{
		StatusCode: d.status,
		Header:     http.Header{"Content-Type": {"application/json"}},
		Body:       io.NopCloser(strings.NewReader(d.answer)),
	}, nil
}

// call is a call of the generated client by reflection: nothing here knows a field or a parameter by
// name, so that none can be forgotten.
type call struct {
	method reflect.Value
	args   []reflect.Value
	fields []field // the fields of its argument structs, none of them set
}

// field is a field of one of the arguments of a call.
type field struct {
	name  string
	value reflect.Value
}

func newCall(t *testing.T, client *gen.ClientWithResponses, id string, op operation) call {
	t.Helper()
	name := strings.ToUpper(id[:1]) + id[1:]
	if op.form() != nil {
		name += "WithFormdataBody"
	}
	c := call{method: reflect.ValueOf(client).MethodByName(name + "WithResponse")}
	if !c.method.IsValid() {
		t.Fatalf("gen has no %sWithResponse: run go generate ./...", name)
	}
	c.args = []reflect.Value{reflect.ValueOf(t.Context())}
	for i := 1; i < c.method.Type().NumIn()-1; i++ { // the last are the editors
		in := c.method.Type().In(i)
		arg := reflect.New(in).Elem()
		fields := arg
		switch {
		case in.Kind() == reflect.Pointer:
			arg.Set(reflect.New(in.Elem()))
			fields = arg.Elem()
		case in.Kind() == reflect.String && i == 1 && strings.Contains(op.path, "{ChatServiceSid}"):
			arg.SetString("IS0123456789abcdef0123456789abcdef")
		case in.Kind() == reflect.String:
			arg.SetString(hostile)
		}
		if fields.Kind() == reflect.Struct {
			for j := range fields.NumField() {
				c.fields = append(c.fields, field{fields.Type().Field(j).Name, fields.Field(j)})
			}
		}
		c.args = append(c.args, arg)
	}
	return c
}

func (c call) do(t *testing.T) reflect.Value {
	t.Helper()
	out := c.method.Call(c.args)
	require.Nil(t, out[1].Interface())
	return out[0]
}

// set gives a field a value of the kind that schema wants and returns its text on the wire. With
// zero, the value is the zero of its kind, which is not the same as none.
func (f field) set(t *testing.T, name string, schema *openapi3.Schema, zero bool) string {
	t.Helper()
	if f.value.Kind() != reflect.Pointer {
		t.Fatalf("%s cannot be left unset: take x-go-type-skip-optional-pointer from it in api/overlay.yaml", name)
	}
	if _, isTime := reflect.New(f.value.Type().Elem()).Interface().(*time.Time); isTime && strings.HasPrefix(name, "form ") {
		t.Fatalf("%s is a time.Time, the client writes it as text: give it x-go-type: string in api/overlay.yaml", name)
	}
	f.value.Set(reflect.New(f.value.Type().Elem()))
	value := f.value.Elem()
	if at, ok := value.Addr().Interface().(*time.Time); ok {
		*at = time.Date(2026, time.January, 18, 3, 17, 17, 0, time.UTC)
		return "2026-01-18T03:17:17Z"
	}
	for _, member := range schema.AllOf {
		schema = member.Value
	}
	switch value.Kind() {
	case reflect.String:
		switch {
		case zero:
		case len(schema.Enum) > 0:
			value.SetString(schema.Enum[len(schema.Enum)-1].(string))
		case schema.Format == "date-time":
			value.SetString("2026-01-18T03:17:17+01:00")
		default:
			value.SetString(hostile + f.name)
		}
		return value.String()
	case reflect.Int, reflect.Int32, reflect.Int64:
		if !zero {
			value.SetInt(987)
		}
		return strconv.FormatInt(value.Int(), 10)
	case reflect.Bool:
		value.SetBool(!zero)
		return strconv.FormatBool(!zero)
	default:
		t.Fatalf("%s is a %s: say in field.set of generated_test.go what that is on the wire", name, value.Type())
		return ""
	}
}

// wire returns what a request carries as "query Name", "header Name" or "form Name", without what
// every request of its kind carries.
func (d *doer) wire(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	add := func(in string, values map[string][]string) {
		for name, v := range values {
			all[in+" "+name] = v
		}
	}
	query, err := url.ParseQuery(d.request.URL.RawQuery)
	require.NoError(t, err)
	add("query", query)
	form, err := url.ParseQuery(d.body)
	require.NoError(t, err)
	add("form", form)
	header := d.request.Header.Clone()
	if header.Get("Content-Type") == formType {
		header.Del("Content-Type")
	}
	add("header", header)
	return all
}

// settable returns the schemas of what a call of the operation can set, by the names that wire uses.
func (o operation) settable() map[string]*openapi3.Schema {
	all := map[string]*openapi3.Schema{}
	for _, p := range o.parameters {
		if p.In != openapi3.ParameterInPath {
			all[p.In+" "+p.Name] = p.Schema.Value
		}
	}
	if form := o.form(); form != nil {
		for name, field := range form.Properties {
			all["form "+name] = field.Value
		}
	}
	return all
}

// plain reduces a Go name and the name it stands for to the same letters.
func plain(name string) string {
	return strings.ToLower(strings.NewReplacer(".", "", "-", "", "query ", "", "header ", "", "form ", "").Replace(name))
}

func newClient(t *testing.T, d *doer) *gen.ClientWithResponses {
	t.Helper()
	client, err := gen.NewClientWithResponses("https://api.example/base", gen.WithHTTPClient(d))
	require.NoError(t, err)
	return client
}

func TestGeneratedOperations(t *testing.T) {
	t.Parallel()
	var want []string
	for id := range operations(load(t)) {
		want = append(want, strings.ToUpper(id[:1])+id[1:])
	}
	slices.Sort(want)
	methods := reflect.TypeFor[gen.ClientWithResponsesInterface]()
	var got []string
	for i := range methods.NumMethod() {
		name := strings.TrimSuffix(methods.Method(i).Name, "WithResponse")
		got = append(got, strings.TrimSuffix(strings.TrimSuffix(name, "WithFormdataBody"), "WithBody"))
	}
	slices.Sort(got)
	assert.Equal(t, want, slices.Compact(got))
}

// Whoever imports gen alone gets every documented field onto the wire as what it is: a date or an
// enum as its text, and nothing as Go would print it.
func TestGeneratedRequests(t *testing.T) {
	t.Parallel()
	for id, op := range operations(load(t)) {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			d := &doer{status: http.StatusTeapot, answer: "{}"}
			client := newClient(t, d)
			names := map[string]string{} // of the fields in the description, by their plain name
			settable := op.settable()
			for name := range settable {
				names[plain(name)] = name
			}
			require.Len(t, names, len(settable))

			unset := newCall(t, client, id, op)
			fields := map[string]bool{}
			for _, f := range unset.fields {
				fields[plain(f.name)] = true
			}
			for name, described := range names {
				if !fields[name] {
					t.Errorf("gen has no field for %s of %s: run go generate ./...", described, id)
				}
			}

			unset.do(t)
			assert.Empty(t, d.wire(t), "what is not set is not sent")
			path := strings.ReplaceAll("/base"+op.path, "{ChatServiceSid}", "IS0123456789abcdef0123456789abcdef")
			path = regexp.MustCompile(`\{\w+\}`).ReplaceAllLiteralString(path, hostile)
			assert.Equal(t, op.method+" "+path, d.request.Method+" "+d.request.URL.Path)
			assert.Equal(t, strings.Count("/base"+op.path, "/"), strings.Count(d.request.URL.EscapedPath(), "/"), "an id is one segment")

			for _, zero := range []bool{false, true} {
				all := newCall(t, client, id, op)
				want := map[string][]string{}
				for i, f := range all.fields {
					name := names[plain(f.name)]
					if name == "" {
						t.Fatalf("%s of %s is not in the description any more: run go generate ./...", f.name, id)
					}
					want[name] = []string{f.set(t, name, settable[name], zero)}

					alone := newCall(t, client, id, op)
					text := alone.fields[i].set(t, name, settable[name], zero)
					alone.do(t)
					assert.Equal(t, map[string][]string{name: {text}}, d.wire(t), "%s alone", f.name)
				}
				all.do(t)
				assert.Equal(t, want, d.wire(t))
			}

			none := newCall(t, client, id, op)
			for i, arg := range none.args {
				if arg.Kind() == reflect.Pointer {
					none.args[i] = reflect.Zero(arg.Type())
				}
			}
			none.do(t)
			assert.Empty(t, d.wire(t), "nil parameters are none")
		})
	}
}

// What an answer shows, the generated types hold: encoding them again gives the example back.
func TestGeneratedAnswers(t *testing.T) {
	t.Parallel()
	for id, op := range operations(load(t)) {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			for status, response := range op.Responses.Map() {
				for _, media := range response.Value.Content {
					for name, example := range media.Examples {
						d := &doer{status: http.StatusNotFound}
						member := "JSONDefault"
						if status != "default" {
							var err error
							d.status, err = strconv.Atoi(status)
							require.NoError(t, err)
							member = "JSON" + status
						}
						want, err := json.Marshal(example.Value.Value)
						require.NoError(t, err)
						d.answer = string(want)
						result := newCall(t, newClient(t, d), id, op).do(t)

						got, err := json.Marshal(result.Elem().FieldByName(member).Interface())
						require.NoError(t, err)
						assert.JSONEq(t, filled(t, want), filled(t, got), "%s %s", status, name)
					}
				}
			}
		})
	}
}

// filled returns JSON without the members that hold nothing: a Go value has no null and no absence.
func filled(t *testing.T, data []byte) string {
	t.Helper()
	var value any
	require.NoError(t, json.Unmarshal(data, &value))
	var drop func(any) any
	drop = func(value any) any {
		switch value := value.(type) {
		case map[string]any:
			maps.DeleteFunc(value, func(_ string, member any) bool { return drop(member) == nil })
			if len(value) == 0 {
				return nil
			}
		case []any:
			for _, item := range value {
				drop(item)
			}
			if len(value) == 0 {
				return nil
			}
		case float64:
			if value == 0 {
				return nil
			}
		case string:
			if value == "" {
				return nil
			}
		}
		return value
	}
	out, err := json.Marshal(drop(value))
	require.NoError(t, err)
	require.NotEqual(t, "null", string(out))
	return string(out)
}

func TestGeneratedEnums(t *testing.T) {
	t.Parallel()
	schemas := load(t).Components.Schemas
	for name, valid := range map[string]func(string) bool{
		"ConversationEnumState":              func(s string) bool { return gen.ConversationEnumState(s).Valid() },
		"ConversationEnumWebhookEnabledType": func(s string) bool { return gen.ConversationEnumWebhookEnabledType(s).Valid() },
	} {
		for _, value := range schemas[name].Value.Enum {
			if !valid(value.(string)) {
				t.Errorf("gen does not have %v of %s: run go generate ./...", value, name)
			}
		}
		assert.False(t, valid("another"), name)
	}
}
