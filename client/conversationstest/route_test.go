package conversationstest

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// segment escapes an id as a careful client does. It escapes a dot too where the id is nothing
// else.
func segment(id string) string { return strings.ReplaceAll(url.PathEscape(id), "..", "%2E%2E") }

func TestEveryNameAddressesOneConversation(t *testing.T) {
	t.Parallel()
	s := Start(t, InMemory())
	names := []string{
		"a", "A", "a/b", "/", "//", "a b", " ", "+", "%", "%2e", "%2E%2E", "%2F", "a?b=c", "#", "a#b", "...", "..a",
		"../Conversations", "a/../b", "Ünïcødé", "日本", "a\\b", "a;b", "a&b=c", "\t", "Conversations", "\u00e9", "e\u0301", "'\"<>",
	}
	sids := map[string]string{}
	for _, name := range names {
		r := post(t, s, "/v1/Conversations", "UniqueName", name)
		require.Equal(t, 201, r.StatusCode, name)
		sids[name] = r.body["sid"].(string)
	}
	for _, name := range names {
		path := "/v1/Conversations/" + segment(name)
		assert.Equal(t, sids[name], get(t, s, path).body["sid"], name)
		assert.Equal(t, name, post(t, s, path, "FriendlyName", "x").body["unique_name"], name)
		assert.Equal(t, 204, do(t, s, http.MethodDelete, path, nil).StatusCode, name)
		assert.Equal(t, 404, get(t, s, path).StatusCode, name)
	}
	assert.Empty(t, s.Conversations(""))
}

func TestPathsOfNoOperation(t *testing.T) {
	t.Parallel()
	s := Start(t, InMemory())
	seed(t, s, Conversation{UniqueName: "a"}, Conversation{UniqueName: "."}, Conversation{UniqueName: ".."})
	for _, path := range []string{
		"/", "/v1", "/v1/", "/v2/Conversations", "/v1/conversations", "/v1/Conversations/", "//v1/Conversations",
		"/v1//Conversations", "/v1/Conversations//", "/v1/Conversations/.", "/v1/Conversations/..", "/v1/Conversations/%2e",
		"/v1/Conversations/%2E%2e", "/v1/Conversations/a/Messages", "/v1/Conversations/../Conversations", "/v1/./Conversations",
		"/v1/Services/" + testService, "/v1/Services/../Conversations",
		"/v1/Services/%2e%2e/Conversations/a", "/v1/Services/" + testService + "/Conversations/",
	} {
		for _, method := range []string{http.MethodGet, http.MethodDelete, http.MethodPost} {
			unescaped, err := url.PathUnescape(path)
			require.NoError(t, err)
			r := do(t, s, method, s.URL, nil, func(r *http.Request) { r.URL.Path, r.URL.RawPath = unescaped, path })
			assert.Equal(t, 404, r.StatusCode, "%s %s", method, path)
			assert.Equal(t, 20404, r.code())
			assert.Equal(t, "The requested resource "+strings.TrimPrefix(path, "/v1")+" was not found", r.body["message"])
		}
	}
	assert.Len(t, s.Conversations(""), 3)
}

func TestMethodsOfNoOperation(t *testing.T) {
	t.Parallel()
	s := Start(t, InMemory())
	for path, allow := range map[string]string{
		"/v1/Conversations":                                "GET, POST",
		"/v1/Conversations/a":                              "DELETE, GET, POST",
		"/v1/Services/" + testService + "/Conversations":   "GET, POST",
		"/v1/Services/" + testService + "/Conversations/a": "DELETE, GET, POST",
	} {
		for _, method := range []string{http.MethodPut, http.MethodPatch} {
			r := do(t, s, method, path, nil)
			assert.Equal(t, 405, r.StatusCode)
			assert.Equal(t, 20004, r.code())
			assert.Equal(t, allow, r.Header.Get("Allow"))
		}
	}
	assert.Equal(t, 405, do(t, s, http.MethodDelete, "/v1/Conversations", nil).StatusCode)
}

// FuzzPath sends any text in place of a conversation in a path. Either it is that conversation's
// name, or the path is not one of the API's.
func FuzzPath(f *testing.F) {
	for _, path := range []string{"a", "a/b", "a%2Fb", "%", "%zz", "..", "%2e%2E", "", "?", "%00", "%ff", "a?PageSize=1", "..;", "CH0", "%E2%82"} {
		f.Add(path)
	}
	e, err := New()
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, path string) {
		rawPath, query, _ := strings.Cut("/v1/Conversations/"+path, "?")
		unescaped, err := url.PathUnescape(rawPath)
		if err != nil {
			unescaped = rawPath
		}
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
			req := httptest.NewRequest(method, "/", nil)
			req.URL = &url.URL{Path: unescaped, RawPath: rawPath, RawQuery: query}
			req.SetBasicAuth(DefaultAccountSID, DefaultAuthToken)
			rec := httptest.NewRecorder()
			e.ServeHTTP(rec, req)
			assert.Contains(t, []int{400, 404}, rec.Code, "%s %q", method, path)
		}
	})
}
