package conversationstest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	testService  = "IS00000000000000000000000000000001"
	otherService = "IS00000000000000000000000000000002"
)

// reply is a response of the emulator whose body was read.
type reply struct {
	*http.Response
	text string
	body map[string]any // nil if there is none
}

func (r reply) code() int {
	code, _ := r.body["code"].(float64)
	return int(code)
}

func (r reply) meta() map[string]any { return r.body["meta"].(map[string]any) }

func (r reply) items() []any { return r.body["conversations"].([]any) }

// names returns the unique names of a page.
func (r reply) names() (names []string) {
	for _, item := range r.items() {
		names = append(names, item.(map[string]any)["unique_name"].(string))
	}
	return names
}

// roundTrip sends a request, which may violate the contract. The target is a path or an absolute
// URL.
func roundTrip(t testing.TB, s *Server, method, target string, form url.Values, edit ...func(*http.Request)) (reply, error) {
	t.Helper()
	if strings.HasPrefix(target, "/") {
		target = s.URL + target
	}
	req, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(form.Encode()))
	require.NoError(t, err)
	req.SetBasicAuth(s.AccountSID, s.AuthToken)
	if method == http.MethodPost {
		req.Header.Set("Content-Type", formType)
	}
	for _, edit := range edit {
		edit(req)
	}
	res, err := s.transport.RoundTrip(req)
	if err != nil {
		return reply{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return reply{}, err
	}
	r := reply{Response: res, text: string(text)}
	_ = json.Unmarshal(text, &r.body)
	return r, nil
}

func do(t testing.TB, s *Server, method, target string, form url.Values, edit ...func(*http.Request)) reply {
	t.Helper()
	r, err := roundTrip(t, s, method, target, form, edit...)
	require.NoError(t, err)
	return r
}

func get(t testing.TB, s *Server, target string) reply {
	t.Helper()
	return do(t, s, http.MethodGet, target, nil)
}

// post sends a form given as alternating names and values.
func post(t testing.TB, s *Server, target string, namesAndValues ...string) reply {
	t.Helper()
	form := url.Values{}
	for i := 0; i < len(namesAndValues); i += 2 {
		form.Add(namesAndValues[i], namesAndValues[i+1])
	}
	return do(t, s, http.MethodPost, target, form)
}

func seed(t testing.TB, s *Server, conversations ...Conversation) []string {
	t.Helper()
	sids, err := s.Seed(conversations...)
	require.NoError(t, err)
	return sids
}

func TestTheTenOperations(t *testing.T) {
	t.Parallel()
	for _, scope := range []string{"/v1", "/v1/Services/" + testService} {
		t.Run(scope, func(t *testing.T) {
			t.Parallel()
			s := Start(t, InMemory())
			collection := scope + "/Conversations"

			created := post(t, s, collection, "UniqueName", "a")
			assert.Equal(t, 201, created.StatusCode)
			sid := created.body["sid"].(string)
			assert.Equal(t, created.text, get(t, s, collection+"/"+sid).text)
			assert.Equal(t, created.text, get(t, s, collection+"/a").text)
			assert.Equal(t, []string{"a"}, get(t, s, collection).names())

			updated := post(t, s, collection+"/"+sid, "FriendlyName", "A")
			assert.Equal(t, 200, updated.StatusCode)
			assert.Equal(t, "A", updated.body["friendly_name"])

			deleted := do(t, s, http.MethodDelete, collection+"/a", nil)
			assert.Equal(t, 204, deleted.StatusCode)
			assert.Empty(t, deleted.text)
			assert.Empty(t, deleted.Header.Get("Content-Type"))
			assert.Equal(t, 404, get(t, s, collection+"/"+sid).StatusCode)
			assert.Equal(t, 404, do(t, s, http.MethodDelete, collection+"/"+sid, nil).StatusCode)
			assert.Empty(t, get(t, s, collection).items())
		})
	}
}

func TestResourceShape(t *testing.T) {
	t.Parallel()
	s := Start(t, InMemory())
	plain := post(t, s, "/v1/Conversations")
	sid := plain.body["sid"].(string)
	u := s.URL + "/v1/Conversations/" + sid
	assert.Regexp(t, `^CH[0-9a-f]{32}$`, sid)
	var want map[string]any
	require.NoError(t, json.Unmarshal([]byte(`{
		"account_sid": "`+DefaultAccountSID+`",
		"chat_service_sid": "`+plain.body["chat_service_sid"].(string)+`",
		"messaging_service_sid": "`+plain.body["messaging_service_sid"].(string)+`",
		"sid": "`+sid+`", "friendly_name": null, "unique_name": null, "attributes": "{}", "state": "active",
		"date_created": "`+plain.body["date_created"].(string)+`",
		"date_updated": "`+plain.body["date_created"].(string)+`",
		"timers": {}, "url": "`+u+`",
		"links": {"participants": "`+u+`/Participants", "messages": "`+u+`/Messages",
			"webhooks": "`+u+`/Webhooks", "export": "`+u+`/Export"},
		"bindings": {}}`), &want))
	assert.Subset(t, plain.body, want, "it has these members; those that joined the description are tested elsewhere")
	assert.Regexp(t, `^IS[0-9a-f]{32}$`, plain.body["chat_service_sid"])
	assert.Regexp(t, `^MG[0-9a-f]{32}$`, plain.body["messaging_service_sid"])
	assert.Regexp(t, `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`, plain.body["date_created"])

	assert.Equal(t, "application/json; charset=utf-8", plain.Header.Get("Content-Type"))
	assert.Regexp(t, `^RQ[0-9a-f]{32}$`, plain.Header.Get("Twilio-Request-Id"))
	assert.Regexp(t, `^\d+\.\d{3}$`, plain.Header.Get("Twilio-Request-Duration"))
	assert.Equal(t, "1", plain.Header.Get("Twilio-Concurrent-Requests"))

	full := post(t, s, "/v1/Services/"+testService+"/Conversations",
		"FriendlyName", "a < b & c", "UniqueName", "ü/ ?", "Attributes", `{ "a" : [1,"<"] }`,
		"DateCreated", "2020-02-03T04:05:06.789+01:00", "DateUpdated", "2021-02-03T04:05:06Z",
		"MessagingServiceSid", "MGABCDEF0123456789abcdef0123456789", "State", "inactive",
		"Bindings.Email.Address", "a@example.com", "Bindings.Email.Name", "A")
	assert.Equal(t, testService, full.body["chat_service_sid"])
	assert.Equal(t, s.URL+"/v1/Services/"+testService+"/Conversations/"+full.body["sid"].(string), full.body["url"])
	assert.Equal(t, "a < b & c", full.body["friendly_name"])
	assert.Contains(t, full.text, "a < b & c")
	assert.Equal(t, "ü/ ?", full.body["unique_name"])
	assert.Equal(t, `{ "a" : [1,"<"] }`, full.body["attributes"])
	assert.Equal(t, "2020-02-03T03:05:06Z", full.body["date_created"])
	assert.Equal(t, "2021-02-03T04:05:06Z", full.body["date_updated"])
	assert.Equal(t, "MGABCDEF0123456789abcdef0123456789", full.body["messaging_service_sid"])
	assert.Equal(t, "inactive", full.body["state"])
	assert.Subset(t, full.body["bindings"].(map[string]any)["email"], map[string]any{"projected_address": "a@example.com", "name": "A"})
}

func TestURLsNameTheHostOfTheRequest(t *testing.T) {
	t.Parallel()
	s := Start(t, InMemory())
	sid := seed(t, s, Conversation{})[0]
	for host, origin := range map[string]string{
		"localhost:1234":                      "http://localhost:1234",
		"conversations.twilio.com":            "https://conversations.twilio.com",
		"conversations.dublin.us1.twilio.com": "https://conversations.dublin.us1.twilio.com",
	} {
		r := do(t, s, http.MethodGet, "/v1/Conversations/"+sid, nil, func(r *http.Request) { r.Host = host })
		assert.Equal(t, origin+"/v1/Conversations/"+sid, r.body["url"])
		r = do(t, s, http.MethodGet, "/v1/Conversations", nil, func(r *http.Request) { r.Host = host })
		assert.Equal(t, origin+"/v1/Conversations?PageSize=50&Page=0", r.meta()["url"])
	}
}

func TestURLsOverTLS(t *testing.T) {
	t.Parallel()
	e, err := New()
	require.NoError(t, err)
	server := httptest.NewTLSServer(e)
	defer server.Close()
	req, err := http.NewRequest(http.MethodGet, server.URL+"/v1/Conversations", nil)
	require.NoError(t, err)
	req.SetBasicAuth(DefaultAccountSID, DefaultAuthToken)
	res, err := server.Client().Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	assert.Contains(t, string(text), `"url":"`+server.URL+`/v1/Conversations?PageSize=50&Page=0"`)
}

func TestServicesShareNothing(t *testing.T) {
	t.Parallel()
	s := Start(t, InMemory())
	seed(t, s, Conversation{UniqueName: "a"}, Conversation{UniqueName: "a", ServiceSID: testService})
	own := get(t, s, "/v1/Conversations/a").body
	byService := get(t, s, "/v1/Services/"+own["chat_service_sid"].(string)+"/Conversations/a").body
	assert.Equal(t, own["sid"], byService["sid"], "the default service is reachable by both paths")
	assert.NotEqual(t, own["url"], byService["url"])

	scoped := "/v1/Services/" + testService + "/Conversations"
	assert.NotEqual(t, own["sid"], get(t, s, scoped+"/a").body["sid"])
	assert.Equal(t, 404, get(t, s, scoped+"/"+own["sid"].(string)).StatusCode)
	assert.Equal(t, 404, get(t, s, "/v1/Services/"+otherService+"/Conversations/a").StatusCode)
	assert.Len(t, get(t, s, scoped).items(), 1)
	assert.Empty(t, get(t, s, "/v1/Services/"+otherService+"/Conversations").items())
}

func TestListedServicesOnly(t *testing.T) {
	t.Parallel()
	s := Start(t, InMemory(), WithServices(testService))
	assert.Equal(t, 201, post(t, s, "/v1/Services/"+testService+"/Conversations").StatusCode)
	own := post(t, s, "/v1/Conversations").body["chat_service_sid"].(string)
	assert.Equal(t, 200, get(t, s, "/v1/Services/"+own+"/Conversations").StatusCode)
	r := post(t, s, "/v1/Services/"+otherService+"/Conversations")
	assert.Equal(t, 404, r.StatusCode)
	assert.Equal(t, 20404, r.code())
	assert.Equal(t, 404, get(t, s, "/v1/Services/IS1/Conversations").StatusCode)
	_, err := s.Seed(Conversation{ServiceSID: otherService})
	assert.Error(t, err)
}

func TestUniqueNames(t *testing.T) {
	t.Parallel()
	s := Start(t, InMemory())
	a := post(t, s, "/v1/Conversations", "UniqueName", "a").body["sid"].(string)
	b := post(t, s, "/v1/Conversations", "UniqueName", "b").body["sid"].(string)

	taken := func(r reply) {
		t.Helper()
		assert.Equal(t, 409, r.StatusCode)
		assert.JSONEq(t, `{"code": 50353, "message": "Conversation with provided unique name already exists",
			"more_info": "https://www.twilio.com/docs/errors/50353", "status": 409}`, r.text)
	}
	taken(post(t, s, "/v1/Conversations", "UniqueName", "a"))
	taken(post(t, s, "/v1/Conversations/"+b, "UniqueName", "a"))
	assert.Equal(t, 200, post(t, s, "/v1/Conversations/"+a, "UniqueName", "a").StatusCode, "its own name")
	assert.Equal(t, 201, post(t, s, "/v1/Services/"+testService+"/Conversations", "UniqueName", "a").StatusCode)

	assert.Equal(t, 200, post(t, s, "/v1/Conversations/a", "State", "closed").StatusCode)
	taken(post(t, s, "/v1/Conversations", "UniqueName", "a"))
	assert.Equal(t, 204, do(t, s, http.MethodDelete, "/v1/Conversations/a", nil).StatusCode)
	assert.Equal(t, 201, post(t, s, "/v1/Conversations", "UniqueName", "a").StatusCode)

	assert.Equal(t, 200, post(t, s, "/v1/Conversations/b", "UniqueName", "c").StatusCode)
	assert.Equal(t, 404, get(t, s, "/v1/Conversations/b").StatusCode)
	assert.Equal(t, b, get(t, s, "/v1/Conversations/c").body["sid"])
	assert.Equal(t, 201, post(t, s, "/v1/Conversations", "UniqueName", "b").StatusCode)
}
