package conversationstest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The log is bounded in bytes: large requests displace older ones.
func TestRequestLogIsBounded(t *testing.T) {
	t.Parallel()
	e, err := New()
	require.NoError(t, err)
	const each = 1 << 20
	for i := range 400 {
		req := httptest.NewRequest(http.MethodGet, fmt.Sprintf("/v1/Conversations/%d", i), nil)
		req.SetBasicAuth(DefaultAccountSID, DefaultAuthToken)
		req.Header.Set("X-Large", strings.Repeat("a", each))
		e.ServeHTTP(httptest.NewRecorder(), req)
	}
	requests := e.Requests()
	assert.Len(t, requests, maxLogBytes/each-1, "with what else a request has, one less than fits")
	assert.Equal(t, "/v1/Conversations/399", requests[len(requests)-1].Path)
	size := 0
	for _, r := range requests {
		size += r.size()
		assert.Greater(t, r.size(), each)
	}
	assert.Equal(t, size, e.log.bytes)
	assert.LessOrEqual(t, size, maxLogBytes)

	e.Reset()
	assert.Zero(t, e.log.bytes)

	req := httptest.NewRequest(http.MethodGet, "/v1/Conversations", nil)
	req.SetBasicAuth(DefaultAccountSID, DefaultAuthToken)
	req.Header.Set("X-Large", strings.Repeat("a", maxLogBytes))
	e.ServeHTTP(httptest.NewRecorder(), req)
	assert.Empty(t, e.Requests(), "one that does not fit at all")
}

func TestRequestSizeCountsEverything(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("a", 10_000)
	values := map[string][]string{text: {"", text}}
	for name, r := range map[string]Request{
		"method": {Method: text + text}, "path": {Path: text + text}, "host": {Host: text + text},
		"query": {Query: values}, "form": {Form: values}, "header": {Header: values},
	} {
		assert.GreaterOrEqual(t, r.size(), 20_000, name)
		assert.Less(t, r.size(), 25_000, name)
	}
	many := map[string][]string{"a": make([]string, 1000)}
	assert.Greater(t, (&Request{Form: many}).size(), 16_000, "empty strings take memory too")
}

// A request without valid credentials leaves nothing in the log, and no credentials are logged.
func TestRequestLogKeepsNoSecrets(t *testing.T) {
	t.Parallel()
	const secret = "0123456789abcdef-secret"
	s := Start(t, InMemory(), WithAccounts(Account{SID: DefaultAccountSID, AuthToken: secret, BearerTokens: []string{"bearer-" + secret}}))
	refused := func(edit func(*http.Request)) {
		t.Helper()
		s.Reset()
		r := do(t, s, http.MethodPost, "/v1/Conversations/path?Query=x", map[string][]string{"Form": {"x"}}, edit)
		assert.Equal(t, 401, r.StatusCode)
		requests := s.Requests()
		require.Len(t, requests, 1)
		assert.False(t, requests[0].Time.IsZero())
		assert.Contains(t, []string{"20003: Authenticate", "20003: Authentication Error - No credentials provided"}, requests[0].Error)
		assert.Equal(t, Request{Status: 401, Error: requests[0].Error, Time: requests[0].Time, Number: requests[0].Number, Duration: requests[0].Duration}, requests[0])
	}
	refused(func(r *http.Request) { r.Header.Del("Authorization") })
	refused(func(r *http.Request) { r.SetBasicAuth(DefaultAccountSID, "wrong") })
	refused(func(r *http.Request) { r.Header.Set("Authorization", secret) })
	refused(func(r *http.Request) { r.Host = "conversations.ie1.twilio.com" })

	for _, header := range []http.Header{
		{"Authorization": {"Bearer bearer-" + secret}},
		{"Authorization": {"Bearer bearer-" + secret, "Bearer " + secret}, "authorization": {secret}, "AUTHORIZATION": {secret}, "Proxy-Authorization": {secret}, "proxy-authorization": {secret}},
	} {
		s.Reset()
		req := httptest.NewRequest(http.MethodGet, "/v1/Conversations", nil)
		req.Header = header
		s.ServeHTTP(httptest.NewRecorder(), req)
		requests := s.Requests()
		require.Len(t, requests, 1)
		assert.Equal(t, "Bearer", requests[0].Header.Get("Authorization"))
		assert.NotContains(t, fmt.Sprint(requests[0]), secret)
	}
}

// A request with valid credentials is recorded even if it is no operation.
func TestRequestsOfNoOperationAreRecorded(t *testing.T) {
	t.Parallel()
	s := Start(t, InMemory())
	get(t, s, "/v1/Nothing?a=b")
	r := s.Requests()[0]
	assert.Equal(t, []any{"", "GET", "/v1/Nothing", []string{"b"}, 404}, []any{r.Operation, r.Method, r.Path, r.Query["a"], r.Status})

	// A form is recorded only where it is one.
	do(t, s, http.MethodPost, "/v1/Conversations", map[string][]string{"a": {"b"}}, func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") })
	post(t, s, "/v1/Conversations", "a", "b")
	requests := s.Requests()
	assert.Empty(t, requests[1].Form)
	assert.Equal(t, []string{"b"}, requests[2].Form["a"])
}
