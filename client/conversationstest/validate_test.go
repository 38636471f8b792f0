package conversationstest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/api"
	"github.com/twilio-conversations-go/conversations/client/conversationstest"
)

const (
	host        = "https://conversations.twilio.com"
	inDefault   = "/v1/Conversations"
	inService   = "/v1/Services/IS0123456789abcdef0123456789ABCDEF/Conversations"
	formType    = "application/x-www-form-urlencoded"
	hookHeader  = "X-Twilio-Webhook-Enabled"
	account     = "AC0123456789abcdef0123456789abcdef"
	fullForm    = "FriendlyName=Order+1&UniqueName=order-1&DateCreated=2026-01-18T03%3A17%3A17Z&DateUpdated=2026-01-18T03%3A17%3A17.5%2B01%3A00&MessagingServiceSid=MG0123456789abcdef0123456789abcdef&Attributes=%7B%7D&State=inactive&Timers.Inactive=PT1H&Timers.Closed=P1D&Bindings.Email.Address=a%40example.com&Bindings.Email.Name="
	fullQuery   = "?StartDate=2026-01-01&EndDate=2026-12-31T00%3A00%3A00Z&State=closed&PageSize=100&Page=0&PageToken=PTactive_2026-01-18T03%3A17%3A17.005Z_CH0123456789abcdef0123456789abcdef"
	secretToken = "0123456789abcdef-the-auth-token"
)

// call is one request. A zero member is left out of the request.
type call struct {
	method, path string
	body         string
	header       http.Header // replaces what the call would have
}

func (c call) request(t testing.TB) *http.Request {
	t.Helper()
	target := c.path
	if strings.HasPrefix(target, "/") {
		target = host + target
	}
	var body io.Reader // of a type that http.NewRequest cannot rewind
	if c.body != "" {
		body = io.MultiReader(strings.NewReader(c.body))
	}
	req, err := http.NewRequestWithContext(t.Context(), c.method, target, body)
	require.NoError(t, err)
	req.SetBasicAuth(account, secretToken)
	if c.body != "" {
		req.Header.Set("Content-Type", formType)
	}
	maps.Copy(req.Header, c.header)
	maps.DeleteFunc(req.Header, func(_ string, values []string) bool { return values == nil })
	return req
}

// full has every operation with all of its parameters.
func full() map[string]call {
	on := http.Header{hookHeader: {"true"}}
	calls := map[string]call{}
	for noun, path := range map[string]string{"Conversation": inDefault, "ServiceConversation": inService} {
		calls["create"+noun] = call{method: "POST", path: path, body: fullForm, header: on}
		calls["list"+noun] = call{method: "GET", path: path + fullQuery}
		calls["fetch"+noun] = call{method: "GET", path: path + "/order-1"}
		calls["update"+noun] = call{method: "POST", path: path + "/order-1", body: fullForm, header: on}
		calls["delete"+noun] = call{method: "DELETE", path: path + "/order-1", header: on}
	}
	return calls
}

func TestValidateRequestAccepts(t *testing.T) {
	t.Parallel()
	name, page := limits(t)
	calls := full()
	maps.Copy(calls, map[string]call{
		"no fields":             {method: "POST", path: inDefault},
		"no fields, with type":  {method: "POST", path: inDefault, header: http.Header{"Content-Type": {formType}}},
		"a charset":             {method: "POST", path: inDefault, body: "State=active", header: http.Header{"Content-Type": {formType + "; charset=UTF-8"}}},
		"an empty text":         {method: "POST", path: inDefault + "/x", body: "UniqueName="},
		"a long name":           {method: "POST", path: inDefault, body: "FriendlyName=" + url.QueryEscape(strings.Repeat("🙂", name))},
		"a large page":          {method: "GET", path: inDefault + fmt.Sprint("?PageSize=", page)},
		"webhooks off":          {method: "DELETE", path: inDefault + "/x", header: http.Header{hookHeader: {"false"}}},
		"another scheme":        {method: "GET", path: inDefault, header: http.Header{"Authorization": {"Bearer t"}}},
		"other headers":         {method: "GET", path: inDefault, header: http.Header{"X-Request-Id": {"1", "2"}}},
		"a loopback host":       {method: "GET", path: "http://127.0.0.1:8080/v1/Conversations/x"},
		"a regional host":       {method: "GET", path: "https://conversations.dublin.ie1.twilio.com/v1/Conversations?PageSize=1"},
		"a base path":           {method: "GET", path: "http://127.0.0.1/proxy/v1" + inService + "/x"},
		"a slash in the id":     {method: "GET", path: inDefault + "/a%2Fb"},
		"a path for an id":      {method: "GET", path: inDefault + "/v1%2FConversations%2F.."},
		"a space in the id":     {method: "GET", path: inService + "/a%20b"},
		"a query in the id":     {method: "DELETE", path: inDefault + "/a%3Fb%23c"},
		"the id %2e":            {method: "DELETE", path: inDefault + "/%252e"},
		"the id ...":            {method: "DELETE", path: inDefault + "/..."},
		"unicode in the id":     {method: "POST", path: inService + "/%C3%BC%F0%9F%99%82", body: "State=closed"},
		"the id Conversations":  {method: "GET", path: inDefault + "/Conversations"},
		"an id like a SID":      {method: "GET", path: inDefault + "/IS0123456789abcdef0123456789abcdef"},
		"an id with a semi;":    {method: "GET", path: inDefault + "/a;b"},
		"an escape in the path": {method: "GET", path: "/v1/%43onversations"},
	})
	for name, c := range calls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := c.request(t)
			require.NoError(t, conversationstest.ValidateRequest(req))
			if c.body != "" {
				body, err := io.ReadAll(req.Body)
				require.NoError(t, err)
				assert.Equal(t, c.body, string(body), "the body is to be read after")
			}
		})
	}
}

// These are invalid for every operation. The error names the operation and the violation.
func TestValidateRequestOfEachOperation(t *testing.T) {
	t.Parallel()
	for id, c := range full() {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			isList, hasForm := strings.HasPrefix(id, "list"), c.body != ""

			check := func(want string, change func(*http.Request)) {
				t.Helper()
				req := c.request(t)
				change(req)
				assert.EqualError(t, conversationstest.ValidateRequest(req), id+": request: "+want)
			}
			addQuery := func(raw string) func(*http.Request) {
				return func(req *http.Request) { req.URL.RawQuery = strings.Trim(req.URL.RawQuery+"&"+raw, "&") }
			}
			setBody := func(body string) func(*http.Request) {
				return func(req *http.Request) { req.Body = io.NopCloser(strings.NewReader(body)) }
			}

			check("header Authorization is missing", func(req *http.Request) { req.Header.Del("Authorization") })
			check("header Authorization is missing", func(req *http.Request) { req.Header.Set("Authorization", "") })
			check("header Authorization is given 2 times", func(req *http.Request) { req.Header.Add("Authorization", "Basic eA==") })
			check("query parameter Colour is not documented", addQuery("Colour=red"))
			check("query parameter pagesize is not documented", addQuery("pagesize=1"))
			check(`query parameter "" is not documented`, addQuery("=1"))
			check("the query is malformed", addQuery("%zz=1"))
			if isList {
				check("query parameter Page is given 2 times", addQuery("Page=0"))
				check("query parameter Timers.Inactive is not documented", addQuery("Timers.Inactive=PT1H"))
			} else {
				check("query parameter PageSize is not documented", addQuery("PageSize=1"))
			}
			if hasForm {
				check("form field UniqueName is in the query", addQuery("UniqueName=x"))
				check("form field Colour is not documented", setBody("Colour=red"))
				check("form field State is given 2 times", setBody("State=active&State=active"))
				check("form field Timers.Inactive is in the query", addQuery("Timers.Inactive=PT1M"))
				check("the form is malformed", setBody("State=active&x=%zz"))
				check("header Content-Type is not "+formType, func(req *http.Request) { req.Header.Set("Content-Type", "application/json") })
				check("the body is encoded: there is a header Content-Encoding", func(req *http.Request) { req.Header.Set("Content-Encoding", "gzip") })
				check("header Content-Type is missing, want "+formType, func(req *http.Request) { req.Header.Del("Content-Type") })
			} else {
				check("there is a body, and the operation takes none", setBody("State=active"))
			}
			if c.header != nil {
				allowed := `: value is not one of the allowed values ["true","false"]`
				check("header "+hookHeader+allowed, func(req *http.Request) { req.Header.Set(hookHeader, "True") })
				check("header "+hookHeader+allowed, func(req *http.Request) { req.Header.Set(hookHeader, "") })
				check("header "+hookHeader+" is given 2 times", func(req *http.Request) { req.Header.Add(hookHeader, "true") })
			} else {
				check("header "+hookHeader+" is not documented for this operation", func(req *http.Request) { req.Header.Set(hookHeader, "true") })
			}
			if strings.Contains(id, "Service") {
				for _, sid := range []string{"IS1", "IS0123456789abcdef0123456789abcdef0", "is0123456789abcdef0123456789abcdef", "CH0123456789abcdef0123456789abcdef", "my-service"} {
					req := c.request(t)
					req.URL.Path = strings.Replace(req.URL.Path, "IS0123456789abcdef0123456789ABCDEF", sid, 1)
					err := conversationstest.ValidateRequest(req)
					assert.ErrorContains(t, err, id+": request: path parameter ChatServiceSid: ", sid)
				}
			}
			if strings.HasSuffix(c.path, "/order-1") {
				for sent, want := range map[string]string{
					"":       "path parameter Sid is empty",
					".":      `path parameter Sid is ".", which stands for another path`,
					"..":     `path parameter Sid is "..", which stands for another path`,
					"%2e":    `path parameter Sid is ".", which stands for another path`,
					".%2E":   `path parameter Sid is "..", which stands for another path`,
					"a%FFb":  "path parameter Sid is not valid UTF-8",
					"%C3%28": "path parameter Sid is not valid UTF-8",
				} {
					check(want, func(req *http.Request) {
						u, err := url.Parse(host + strings.TrimSuffix(c.path, "order-1") + sent)
						require.NoError(t, err)
						req.URL = u
					})
				}
			}
		})
	}
}

func TestValidateRequestValues(t *testing.T) {
	t.Parallel()
	states := notAState(t)
	name, page := limits(t)
	for _, test := range []struct{ where, sent, want string }{
		{"query", "State=open", "query parameter State: " + states},
		{"query", "State=", "query parameter State: " + states},
		{"query", "PageSize=0", "query parameter PageSize: number must be at least 1"},
		{"query", fmt.Sprint("PageSize=", page+1), fmt.Sprint("query parameter PageSize: number must be at most ", page)},
		{"query", "PageSize=", "query parameter PageSize is not an integer"},
		{"query", "PageSize=5.0", "query parameter PageSize is not an integer"},
		{"query", "PageSize=%2B5", "query parameter PageSize is not an integer"},
		{"query", "PageSize=0x5", "query parameter PageSize is not an integer"},
		{"query", "PageSize=99999999999999999999", "query parameter PageSize is not an integer"},
		{"query", "Page=-1", "query parameter Page: number must be at least 0"},
		{"query", "PageToken=%FF", "query parameter PageToken is not valid UTF-8"},
		{"query", "Page%20Size=1", `query parameter "Page Size" is not documented`},
		{"form", "State=open", "form field State: " + states},
		{"form", "State=ACTIVE", "form field State: " + states},
		{"form", "DateCreated=2026-01-18", `form field DateCreated: string doesn't match the format "date-time" (not an RFC 3339 date and time)`},
		{"form", "DateCreated=2026-02-30T00%3A00%3A00Z", `form field DateCreated: string doesn't match the format "date-time" (not an RFC 3339 date and time)`},
		{"form", "DateUpdated=2026-01-18+03%3A17%3A17+%2B0000+UTC", `form field DateUpdated: string doesn't match the format "date-time" (not an RFC 3339 date and time)`},
		{"form", "FriendlyName=" + strings.Repeat("x", name+1), fmt.Sprint("form field FriendlyName: maximum string length is ", name)},
		{"form", "FriendlyName=%FF", "form field FriendlyName is not valid UTF-8"},
		{"form", "MessagingServiceSid=MG0123456789abcdef0123456789abcdeg", `form field MessagingServiceSid: string doesn't match the regular expression "^MG[0-9a-fA-F]{32}$"`},
		{"form", "MessagingServiceSid=MG012", "form field MessagingServiceSid: minimum string length is 34"},
		{"form", "State=initializing", "form field State: a request cannot set the state initializing"},
		{"form", "Timers.Inactive=1h", `form field Timers.Inactive: string doesn't match the regular expression "^(P[0-9YMWDTHS.,]+)?$"`},
		{"form", "Timers.Closed=PT1H1H", "form field Timers.Closed: not an ISO 8601 duration"},
		{"form", "Timers.Closed=PT9M", "form field Timers.Closed: must be at least 10m0s, or 0"},
		{"form", "UniqueName=" + strings.Repeat("x", 257), "form field UniqueName: maximum string length is 256"},
		{"form", "UniqueName=CH0123456789abcdef0123456789abcdef", "form field UniqueName: value breaks the keyword not"},
		{"form", "Attributes={", "form field Attributes: not JSON"},
		{"form", "Attributes=%22" + strings.Repeat("%C3%A9", 9000) + "%22", "form field Attributes: longer than 16384 bytes"},
		{"form", "DateCreated=", `form field DateCreated: string doesn't match the format "date-time" (not an RFC 3339 date and time)`},
		{"form", "Bindings.Email.Name=" + strings.Repeat("x", 128<<10), "the body is larger than 131072 bytes"},
		{"query", "StartDate=2026-02-30", "query parameter StartDate: not an ISO 8601 date or time"},
		{"query", "EndDate=today", "query parameter EndDate: string doesn't match the regular expression \"^([0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?)?$\""},
		{"query", "PageToken=x", "query parameter PageToken: not a page token"},
		{"query", "PageSize=007", "query parameter PageSize is not an integer"},
		{"form", "timers.inactive=PT1M", "form field timers.inactive is not documented"},
		{"form", "Timers%5BInactive%5D=PT1M", `form field Timers[Inactive] is not documented`},
		{"form", `{"State"%3A"active"}`, `form field "{\"State\":\"active\"}" is not documented`},
	} {
		t.Run(test.where+" "+test.sent[:min(len(test.sent), 40)], func(t *testing.T) {
			t.Parallel()
			c, id := call{method: "GET", path: inDefault + "?" + test.sent}, "listConversation"
			if test.where == "form" {
				c, id = call{method: "POST", path: inDefault, body: test.sent}, "createConversation"
			}
			err := conversationstest.ValidateRequest(c.request(t))
			require.Error(t, err)
			// A value may violate its schema in several ways. The test looks for one of them.
			assert.Contains(t, strings.Split(err.Error(), "\n"), id+": request: "+test.want)
		})
	}
}

// The checks leave out what an OpenAPI document can require but this one does not.
func TestChecksKnowAllThatTheDocumentUses(t *testing.T) {
	t.Parallel()
	doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI)
	require.NoError(t, err)
	const extend = "%s of %s %s: the checks do not know it; extend checkHead or typed in validate.go"
	known := func(schema *openapi3.Schema) bool {
		return schema.AllOf != nil || schema.Type.Is("string") || schema.Type.Is("integer") || schema.Type.Is("boolean")
	}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			for _, p := range slices.Concat(item.Parameters, op.Parameters) {
				if p.Value.Required != (p.Value.In == "path") || p.Value.In == "cookie" || p.Value.Content != nil || !known(p.Value.Schema.Value) {
					t.Errorf(extend, p.Value.Name, method, path)
				}
			}
			if op.Security != nil {
				t.Errorf(extend, "security", method, path)
			}
			if op.RequestBody == nil {
				continue
			}
			content := op.RequestBody.Value.Content
			if op.RequestBody.Value.Required || len(content) != 1 || content[formType] == nil {
				t.Errorf(extend, "the body", method, path)
				continue
			}
			for name, field := range content[formType].Schema.Value.Properties {
				if !known(field.Value) {
					t.Errorf(extend, "form field "+name, method, path)
				}
			}
		}
	}
}

func TestValidateRequestReportsAll(t *testing.T) {
	t.Parallel()
	c := call{method: "POST", path: inDefault, body: "State=open&Colour=red&PageSize=1", header: http.Header{"Authorization": nil}}
	assert.EqualError(t, conversationstest.ValidateRequest(c.request(t)), strings.Join([]string{
		"createConversation: request: header Authorization is missing",
		"createConversation: request: form field Colour is not documented",
		"createConversation: request: form field PageSize is not documented",
		"createConversation: request: form field State: " + notAState(t),
	}, "\n"))
}

func TestValidateRequestOfNoOperation(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ method, path, want string }{
		{"PUT", inDefault + "/x", "request: PUT is not a documented method of /v1/Conversations/{Sid}"},
		{"HEAD", inService, "request: HEAD is not a documented method of /v1/Services/{ChatServiceSid}/Conversations"},
		{"DELETE", inDefault, "request: DELETE is not a documented method of /v1/Conversations"},
		{"GET", "/v2/Conversations", `request: GET "/v2/Conversations" is no documented operation`},
		{"GET", "/v1/conversations", `request: GET "/v1/conversations" is no documented operation`},
		{"GET", inDefault + "/a/b", `request: GET "/v1/Conversations/a/b" is no documented operation`},
		{"GET", inDefault + "/x/Messages", `request: GET "/v1/Conversations/x/Messages" is no documented operation`},
		{"GET", "//v1//Conversations", `request: GET "//v1//Conversations" is no documented operation`},
		{"GET", "/v1%2FConversations", `request: GET "/v1%2FConversations" is no documented operation`},
		// This is not the list under a base path, but an id with unescaped slashes.
		{"GET", inDefault + inDefault, `request: GET "/v1/Conversations/v1/Conversations" is no documented operation`},
		{"GET", "/v1/Services", `request: GET "/v1/Services" is no documented operation`},
		{"GET", "", `request: GET "" is no documented operation`},
	} {
		t.Run(test.method+" "+test.path, func(t *testing.T) {
			t.Parallel()
			c := call{method: test.method, path: host + test.path}
			assert.EqualError(t, conversationstest.ValidateRequest(c.request(t)), test.want)
			assert.EqualError(t, conversationstest.ValidateResponse(c.request(t), answer(200, "{}")), test.want)
		})
	}
	assert.EqualError(t, conversationstest.ValidateRequest(&http.Request{}), "request: it has no URL")
}

// A log of violations must not leak secrets. The secrets of a request are in its headers.
func TestValidateKeepsSecrets(t *testing.T) {
	t.Parallel()
	for _, path := range []string{inDefault, "/nowhere"} {
		c := call{method: "POST", path: path + "?Colour=" + secretToken, body: "State=" + secretToken + "&DateCreated=" + secretToken, header: http.Header{
			hookHeader:      {secretToken},
			"Content-Type":  {formType},
			"Authorization": {"Bearer " + secretToken, secretToken},
		}}
		err := conversationstest.ValidateRequest(c.request(t))
		require.Error(t, err)
		assert.NotContains(t, err.Error(), secretToken)
	}
	c := call{method: "POST", path: inDefault, body: "State=active", header: http.Header{"Content-Type": {secretToken}}}
	err := conversationstest.ValidateRequest(c.request(t))
	require.ErrorContains(t, err, "Content-Type")
	assert.NotContains(t, err.Error(), secretToken)
	res := answer(200, "{}")
	res.Header.Set("Content-Type", secretToken)
	err = conversationstest.ValidateResponse(call{method: "GET", path: inDefault}.request(t), res)
	require.ErrorContains(t, err, "Content-Type")
	assert.NotContains(t, err.Error(), secretToken)
}

func answer(status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status,
		Header:     http.Header{"Content-Type": {"application/json; charset=utf-8"}},
		Body:       io.NopCloser(strings.NewReader(body)),
	}
}

const resource = `{"account_sid":"AC0123456789abcdef0123456789abcdef","chat_service_sid":"IS0123456789abcdef0123456789abcdef",
	"messaging_service_sid":null,"sid":"CH0123456789abcdef0123456789abcdef","friendly_name":null,"unique_name":null,
	"attributes":"{}","state":"active","date_created":"2026-01-18T03:17:17Z","date_updated":"2026-01-18T03:17:17Z",
	"timers":{"date_inactive":"2026-01-18T03:18:17Z","more":1},"url":"https://conversations.twilio.com/v1/Conversations/CH",
	"links":{"participants":"https://conversations.twilio.com/p","reactions":"x"},"bindings":null,"colour":{"new":[1]}}`

func page(items string) string {
	return `{"conversations":[` + items + `],"meta":{"page":0,"page_size":50,"first_page_url":"https://x.example/?Page=0",
		"previous_page_url":null,"url":"https://x.example/?Page=0","next_page_url":null,"key":"conversations"}}`
}

func TestValidateResponse(t *testing.T) {
	t.Parallel()
	const failure = `{"code":20404,"message":"not found","more_info":"https://x.example","status":404,"detail":{"a":1}}`
	with := func(member, value string) string {
		var m map[string]json.RawMessage
		require.NoError(t, json.Unmarshal([]byte(resource), &m))
		require.Contains(t, m, member)
		m[member] = json.RawMessage(value)
		out, err := json.Marshal(m)
		require.NoError(t, err)
		return string(out)
	}
	const notDate = `: string doesn't match the format "date-time" (not an RFC 3339 date and time)`
	for id, c := range full() {
		verb := id[:6]
		status, body := 200, resource
		switch verb {
		case "create":
			status = 201
		case "delete":
			status, body = 204, ""
		case "listCo", "listSe":
			body = page(resource + "," + resource)
		}
		tests := []struct {
			name   string
			status int
			body   string
			want   string // empty: nothing is wrong
		}{
			{"documented", status, body, ""},
			{"failure", 404, failure, ""},
			{"failure of a server", 503, failure, ""},
			{"other success", 202, body, "status 202 is not documented"},
			{"redirect", 302, "", "status 302 is not documented"},
			{"failure of another type", 400, `{"code":"20404"}`, "body /code: value must be an integer"},
			{"failure in a list", 400, `[]`, "body /: value must be an object"},
			{"failure without body", 500, "", "the body of status 500 is not JSON: unexpected end of JSON input"},
			{"failure in HTML", 502, "<html>", "the body of status 502 is not JSON: invalid character '<' looking for beginning of value"},
		}
		switch verb {
		case "create", "fetchC", "fetchS", "update":
			for _, more := range []struct{ member, value, want string }{
				{"sid", `1`, "body /sid: value must be a string"},
				{"state", `"gone"`, "body /state: " + notAState(t)},
				{"sid", `"CHx"`, `body /sid: string doesn't match the regular expression "^CH[0-9a-fA-F]{32}$"`},
				{"attributes", `{}`, "body /attributes: value must be a string"},
				{"date_created", `"2026-02-30T00:00:00Z"`, "body /date_created" + notDate},
				{"date_updated", `"Sun, 18 Jan 2026 03:17:17 +0000"`, "body /date_updated" + notDate},
				{"timers", `{"date_closed":"PT1H"}`, "body /timers/date_closed" + notDate},
				{"timers", `[]`, "body /timers: value must be an object"},
				{"timers", `null`, ""},
				{"links", `{"messages":"/v1/Conversations"}`, `body /links/messages: string doesn't match the format "uri" (not an absolute URI)`},
				{"bindings", `{"email":{"projected_address":1}}`, "body /bindings/email/projected_address: value must be a string"},
				{"bindings", `{"email":{"projected_address":null,"name":"x"}}`, ""},
			} {
				tests = append(tests, struct {
					name   string
					status int
					body   string
					want   string
				}{more.member + " " + more.value, status, with(more.member, more.value), more.want})
			}
		case "listCo", "listSe":
			tests = append(tests, []struct {
				name   string
				status int
				body   string
				want   string
			}{
				{"empty page", 200, page(""), ""},
				{"bad item", 200, page(resource + "," + with("sid", "1")), "body /conversations/1/sid: value must be a string"},
				{"null item", 200, page("null"), "body /conversations/0: Value is not nullable"},
				{"null url", 200, strings.Replace(page(""), `"url":"https://x.example/?Page=0"`, `"url":null`, 1), "body /meta/url: Value is not nullable"},
			}...)
		case "delete":
			tests = append(tests, struct {
				name   string
				status int
				body   string
				want   string
			}{"body", 204, "{}", "status 204 has a body, and none is documented"})
		}
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			for _, test := range tests {
				res := answer(test.status, test.body)
				err := conversationstest.ValidateResponse(c.request(t), res)
				if test.want == "" {
					require.NoError(t, err, test.name)
				} else if assert.Error(t, err, test.name) {
					assert.Contains(t, strings.Split(err.Error(), "\n"), id+": response: "+test.want, test.name)
				}
				got, err := io.ReadAll(res.Body)
				require.NoError(t, err)
				assert.Equal(t, test.body, string(got), "the body is to be read after")
			}
		})
	}
}

func TestValidateResponseContentType(t *testing.T) {
	t.Parallel()
	req := call{method: "GET", path: inDefault}.request(t)
	for _, contentType := range []string{"", "text/html", "application/problem+json", ";"} {
		res := answer(200, page(""))
		res.Header.Set("Content-Type", contentType)
		assert.EqualError(t, conversationstest.ValidateResponse(req, res), "listConversation: response: header Content-Type of status 200 is not application/json")
	}
	res := answer(200, "\x1f\x8b…")
	res.Header.Set("Content-Encoding", "gzip")
	assert.NoError(t, conversationstest.ValidateResponse(req, res), "a compressed body is not looked into")
	res = answer(200, page(""))
	res.Header.Set("Access-Control-Allow-Credentials", "yes")
	assert.EqualError(t, conversationstest.ValidateResponse(req, res), "listConversation: response: header Access-Control-Allow-Credentials is not true or false")
	res = answer(204, "")
	res.Body, res.Header = http.NoBody, nil
	assert.NoError(t, conversationstest.ValidateResponse(call{method: "DELETE", path: inDefault + "/x"}.request(t), res))
}

// A body that breaks off is the caller's concern, not a violation.
func TestValidateOfBrokenBodies(t *testing.T) {
	t.Parallel()
	broken := func(data string) io.ReadCloser {
		return io.NopCloser(io.MultiReader(strings.NewReader(data), iotest.ErrReader(io.ErrUnexpectedEOF)))
	}
	req := call{method: "POST", path: inDefault}.request(t)
	req.Body = broken("State=act")
	require.NoError(t, conversationstest.ValidateRequest(req))
	got, err := io.ReadAll(req.Body)
	assert.Equal(t, "State=act", string(got))
	assert.Equal(t, io.ErrUnexpectedEOF, err)

	res := answer(201, "")
	res.Body = broken(`{"sta`)
	require.NoError(t, conversationstest.ValidateResponse(req, res))
	got, err = io.ReadAll(res.Body)
	assert.Equal(t, `{"sta`, string(got))
	assert.Equal(t, io.ErrUnexpectedEOF, err)
}

// report collects what a transport reports.
type report struct {
	mu    sync.Mutex
	lines []string
}

func (r *report) add(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, err.Error())
}

func (r *report) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	lines := r.lines
	r.lines = nil
	return lines
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func TestValidatingTransport(t *testing.T) {
	t.Parallel()
	got := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- r.Method + " " + r.RequestURI + " " + string(body)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(201)
		_, _ = io.WriteString(w, `{"state":"`+r.PostFormValue("none")+`"}`)
	}))
	t.Cleanup(server.Close)
	var reports report
	client := &http.Client{Transport: conversationstest.ValidatingTransport(server.Client().Transport, reports.add)}
	req := call{method: "POST", path: server.URL + inDefault + "?Colour=red", body: "FriendlyName=x"}.request(t)
	req.ContentLength = int64(len("FriendlyName=x"))
	sentBody := &closable{Reader: req.Body, closed: make(chan struct{})}
	req.Body = sentBody

	res, err := client.Do(req)
	require.NoError(t, err)
	assert.Equal(t, "POST /v1/Conversations?Colour=red FriendlyName=x", <-got, "a violation is sent nevertheless")
	assert.Equal(t, []string{"createConversation: request: query parameter Colour is not documented"}, reports.take())
	assert.Same(t, sentBody, req.Body, "a transport must not change the request")
	<-sentBody.closed // by a goroutine of net/http, after the response may have come
	assert.Same(t, req, res.Request)

	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	assert.Equal(t, `{"state":""}`, string(body))
	bad := "createConversation: response: body /state: " + notAState(t)
	assert.Equal(t, []string{bad}, reports.take())
	require.NoError(t, res.Body.Close())
	assert.Empty(t, reports.take(), "once is enough")
}

func TestValidatingTransportReportsTheHeadAtOnce(t *testing.T) {
	t.Parallel()
	var reports report
	transport := conversationstest.ValidatingTransport(roundTrip(func(*http.Request) (*http.Response, error) {
		return answer(202, "{}"), nil
	}), reports.add)
	res, err := transport.RoundTrip(call{method: "GET", path: inDefault}.request(t))
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	assert.Equal(t, []string{"listConversation: response: status 202 is not documented"}, reports.take())

	res, err = transport.RoundTrip(call{method: "GET", path: "/nowhere"}.request(t))
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	assert.Equal(t, []string{`request: GET "/nowhere" is no documented operation`}, reports.take())

	transport = conversationstest.ValidatingTransport(roundTrip(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 204, Body: http.NoBody}, nil
	}), reports.add)
	res, err = transport.RoundTrip(call{method: "DELETE", path: inDefault + "/x"}.request(t))
	require.NoError(t, err)
	assert.Equal(t, http.NoBody, res.Body)
	assert.Empty(t, reports.take())
}

// If the base transport follows a redirect, the response says which request it belongs to.
func TestValidatingTransportKeepsTheRequestOfTheResponse(t *testing.T) {
	t.Parallel()
	other := call{method: "GET", path: inDefault}.request(t)
	transport := conversationstest.ValidatingTransport(roundTrip(func(*http.Request) (*http.Response, error) {
		res := answer(201, resource)
		res.Request = other
		return res, nil
	}), func(err error) { t.Error(err) })
	res, err := transport.RoundTrip(call{method: "POST", path: inDefault, body: "State=active"}.request(t))
	require.NoError(t, err)
	assert.Same(t, other, res.Request)
}

func TestValidatingTransportLeavesErrorsAlone(t *testing.T) {
	t.Parallel()
	failure := errors.New("no route to host")
	transport := conversationstest.ValidatingTransport(roundTrip(func(req *http.Request) (*http.Response, error) {
		_, err := io.ReadAll(req.Body)
		require.ErrorIs(t, err, io.ErrClosedPipe, "the request's own error reaches the base")
		return nil, failure
	}), func(err error) { t.Error(err) })
	req := call{method: "POST", path: inDefault, body: "x"}.request(t)
	body := &closable{Reader: iotest.ErrReader(io.ErrClosedPipe), closed: make(chan struct{})}
	req.Body = body
	res, err := transport.RoundTrip(req)
	assert.Nil(t, res)
	assert.Equal(t, failure, err)
	select {
	case <-body.closed:
		assert.Fail(t, "closing is for the base to do")
	default:
	}
}

type closable struct {
	io.Reader
	closed chan struct{}
	once   sync.Once
}

func (c *closable) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}

// The transport reads no further than its caller, so a caller can give up on an endless body. A
// body that a json.Decoder has read is checked although its end was never reached.
func TestValidatingTransportReadsNoFurtherThanItsCaller(t *testing.T) {
	t.Parallel()
	const bad = "listConversation: response: body /meta: value must be an object"
	for name, test := range map[string]struct {
		body io.Reader
		use  func(*testing.T, io.Reader)
		want []string
	}{
		"read to its end": {
			strings.NewReader(`{"meta":1}`),
			func(t *testing.T, r io.Reader) { _, err := io.ReadAll(r); require.NoError(t, err) },
			[]string{bad},
		},
		"read by a decoder": {
			io.MultiReader(strings.NewReader(`{"meta":1}`), iotest.ErrReader(errors.New("read ahead"))),
			func(t *testing.T, r io.Reader) { require.NoError(t, json.NewDecoder(r).Decode(new(any))) },
			[]string{bad},
		},
		"endless": {
			endless{},
			func(t *testing.T, r io.Reader) { _, err := io.CopyN(io.Discard, r, 1<<20); require.NoError(t, err) },
			nil,
		},
		"never read": {
			strings.NewReader(`{"meta":1}`),
			func(*testing.T, io.Reader) {},
			nil,
		},
		"broken off": {
			io.MultiReader(strings.NewReader(`{"meta":1`), iotest.ErrReader(io.ErrUnexpectedEOF)),
			func(t *testing.T, r io.Reader) {
				got, err := io.ReadAll(r)
				assert.Equal(t, `{"meta":1`, string(got))
				assert.Equal(t, io.ErrUnexpectedEOF, err)
			},
			nil,
		},
		"broken off after a whole value": {
			io.MultiReader(strings.NewReader(`{"meta":1}`), iotest.ErrReader(io.ErrUnexpectedEOF)),
			func(t *testing.T, r io.Reader) {
				_, err := io.ReadAll(r)
				assert.Equal(t, io.ErrUnexpectedEOF, err)
			},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var reports report
			transport := conversationstest.ValidatingTransport(roundTrip(func(*http.Request) (*http.Response, error) {
				res := answer(200, "")
				res.Body = io.NopCloser(test.body)
				return res, nil
			}), reports.add)
			res, err := transport.RoundTrip(call{method: "GET", path: inDefault}.request(t))
			require.NoError(t, err)
			test.use(t, res.Body)
			require.NoError(t, res.Body.Close())
			assert.Equal(t, test.want, reports.take())
		})
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func TestValidatingTransportIsConcurrent(t *testing.T) {
	t.Parallel()
	var reports report
	transport := conversationstest.ValidatingTransport(roundTrip(func(*http.Request) (*http.Response, error) {
		return answer(200, page("1")), nil
	}), reports.add)
	var group sync.WaitGroup
	for range 8 {
		req := call{method: "GET", path: inDefault + "?PageSize=0"}.request(t)
		group.Go(func() {
			res, err := transport.RoundTrip(req)
			if assert.NoError(t, err) {
				_, _ = io.ReadAll(res.Body)
				_ = res.Body.Close()
			}
		})
	}
	group.Wait()
	lines := reports.take()
	assert.Len(t, lines, 16)
	slices.Sort(lines)
	assert.Len(t, slices.Compact(lines), 2)
}

func TestValidatingTransportClosesIdleConnections(t *testing.T) {
	t.Parallel()
	base := &idle{}
	client := &http.Client{Transport: conversationstest.ValidatingTransport(base, nil)}
	client.CloseIdleConnections()
	assert.True(t, base.closed)
	(&http.Client{Transport: conversationstest.ValidatingTransport(roundTrip(nil), nil)}).CloseIdleConnections()
}

type idle struct {
	http.RoundTripper
	closed bool
}

func (i *idle) CloseIdleConnections() { i.closed = true }

// Under any client, the transport reports what the API would have ignored or refused.
func ExampleValidatingTransport() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()
	client := &http.Client{Transport: conversationstest.ValidatingTransport(nil, func(err error) { fmt.Println(err) })}

	req, err := http.NewRequest(http.MethodDelete, server.URL+"/v1/Conversations/", nil)
	if err != nil {
		panic(err)
	}
	req.SetBasicAuth("AC0123456789abcdef0123456789abcdef", "auth token")
	res, err := client.Do(req)
	if err != nil {
		panic(err)
	}
	fmt.Println(res.StatusCode, res.Body.Close())
	// Output:
	// deleteConversation: request: path parameter Sid is empty
	// 204 <nil>
}

// notAState is what is wrong with a value that is none of the states in the description.
func notAState(t *testing.T) string {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI)
	require.NoError(t, err)
	states, err := json.Marshal(doc.Components.Schemas["ConversationEnumState"].Value.Enum)
	require.NoError(t, err)
	return "value is not one of the allowed values " + string(states)
}

// limits are the lengths of a friendly name and of a page at most, in the description.
func limits(t *testing.T) (name, page int) {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI)
	require.NoError(t, err)
	form := doc.Components.Schemas["ConversationForm"].Value.Properties
	return int(*form["FriendlyName"].Value.MaxLength), int(*doc.Components.Parameters["PageSize"].Value.Schema.Value.Max)
}
