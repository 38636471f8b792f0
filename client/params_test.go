package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/client"
	"github.com/twilio-conversations-go/conversations/client/conversationstest"
)

// paramError returns the error of a parameter that was refused without a request.
func paramError(t *testing.T, err error) *client.ParamError {
	t.Helper()
	e, ok := errors.AsType[*client.ParamError](err)
	require.Truef(t, ok, "want a *client.ParamError, got %T: %v", err, err)
	return e
}

func TestHopelessParamsAreNotSent(t *testing.T) {
	t.Parallel()
	c := newClient(t, newScript(t))
	for name, tc := range map[string]struct {
		params client.CreateParams
		param  string
	}{
		"friendly name too long":      {client.CreateParams{FriendlyName: new(strings.Repeat("ü", 257))}, "FriendlyName"},
		"friendly name not UTF-8":     {client.CreateParams{FriendlyName: new("\xff")}, "FriendlyName"},
		"unique name is a SID":        {client.CreateParams{UniqueName: new("CH" + strings.Repeat("0aF1", 8))}, "UniqueName"},
		"unique name is a dot":        {client.CreateParams{UniqueName: new(".")}, "UniqueName"},
		"unique name is two dots":     {client.CreateParams{UniqueName: new("..")}, "UniqueName"},
		"unique name not UTF-8":       {client.CreateParams{UniqueName: new("a\x80")}, "UniqueName"},
		"attributes as a string":      {client.CreateParams{Attributes: `{"a":1}`}, "Attributes"},
		"attributes as bytes":         {client.CreateParams{Attributes: []byte(`{"a":1}`)}, "Attributes"},
		"attributes malformed":        {client.CreateParams{Attributes: json.RawMessage(`{"a":`)}, "Attributes"},
		"attributes empty":            {client.CreateParams{Attributes: json.RawMessage{}}, "Attributes"},
		"attributes not UTF-8":        {client.CreateParams{Attributes: json.RawMessage("\"\xff\"")}, "Attributes"},
		"attributes not encodable":    {client.CreateParams{Attributes: make(chan int)}, "Attributes"},
		"attributes too long":         {client.CreateParams{Attributes: map[string]string{"a": strings.Repeat("x", 16<<10)}}, "Attributes"},
		"state unknown":               {client.CreateParams{State: new(client.State("open"))}, "State"},
		"state initializing":          {client.CreateParams{State: new(client.StateInitializing)}, "State"},
		"date no scan could read":     {client.CreateParams{DateCreated: new(time.Date(9999, 12, 31, 23, 59, 59, 1e6, time.UTC))}, "DateCreated"},
		"state empty":                 {client.CreateParams{State: new(client.State(""))}, "State"},
		"created closed":              {client.CreateParams{State: new(client.StateClosed)}, "State"},
		"inactive after too little":   {client.CreateParams{InactiveAfter: new(59 * time.Second)}, "InactiveAfter"},
		"inactive after a fraction":   {client.CreateParams{InactiveAfter: new(time.Minute + time.Millisecond)}, "InactiveAfter"},
		"inactive after a past":       {client.CreateParams{InactiveAfter: new(-time.Hour)}, "InactiveAfter"},
		"closed after too little":     {client.CreateParams{ClosedAfter: new(10*time.Minute - time.Second)}, "ClosedAfter"},
		"messaging service malformed": {client.CreateParams{MessagingServiceSID: new("MG123")}, "MessagingServiceSID"},
		"messaging service other":     {client.CreateParams{MessagingServiceSID: new("IS" + strings.Repeat("0", 32))}, "MessagingServiceSID"},
		"zero date":                   {client.CreateParams{DateCreated: new(time.Time{})}, "DateCreated"},
		"date too late":               {client.CreateParams{DateUpdated: new(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC))}, "DateUpdated"},
		"address not UTF-8":           {client.CreateParams{BindingsEmailAddress: new("\xff")}, "BindingsEmailAddress"},
		"sender not UTF-8":            {client.CreateParams{BindingsEmailName: new("\xff")}, "BindingsEmailName"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := c.Conversations.Create(t.Context(), tc.params)
			assert.Equal(t, tc.param, paramError(t, err).Param)
			if name != "created closed" {
				_, err = c.Conversations.Update(t.Context(), "order-1234", client.UpdateParams(tc.params))
				assert.Equal(t, tc.param, paramError(t, err).Param)
			}
		})
	}
}

func TestHopelessListsAreNotSent(t *testing.T) {
	t.Parallel()
	c := newClient(t, newScript(t))
	now := time.Now()
	for param, params := range map[string]client.ListParams{
		"State":     {State: "open"},
		"StartDate": {StartDate: time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC)},
		"EndDate":   {StartDate: now, EndDate: now.Add(-time.Second)},
		"PageSize":  {PageSize: 1001},
		"Limit":     {Limit: -1},
		"Cursor":    {Cursor: "PTactive_2026-01-18T03:17:17.005Z_CH0"},
	} {
		_, err := collect(t, c, params)
		assert.Equal(t, param, paramError(t, err).Param)
	}
	_, err := c.Conversations.Page(t.Context(), client.ListParams{Limit: 1})
	assert.Equal(t, "Limit", paramError(t, err).Param)
	_, err = collect(t, c, client.ListParams{PageSize: -1})
	assert.Equal(t, "PageSize", paramError(t, err).Param)
	_, err = collect(t, c, client.ListParams{EndDate: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)})
	assert.Equal(t, "EndDate", paramError(t, err).Param)
	_, err = collect(t, c, client.ListParams{Cursor: "-1:x"})
	assert.Equal(t, "Cursor", paramError(t, err).Param)
	_, err = collect(t, c, client.ListParams{Cursor: "1:"})
	assert.Equal(t, "Cursor", paramError(t, err).Param)
}

// Requests that would reach the collection, or what is above it, are not sent.
func TestHopelessIDsAreNotSent(t *testing.T) {
	t.Parallel()
	c := newClient(t, newScript(t))
	for _, id := range []string{"", ".", ".."} {
		_, err := c.Conversations.Fetch(t.Context(), id)
		assert.Equal(t, "id", paramError(t, err).Param)
		_, err = c.Conversations.Update(t.Context(), id, client.UpdateParams{})
		assert.Equal(t, "id", paramError(t, err).Param)
		assert.Equal(t, "id", paramError(t, c.Conversations.Delete(t.Context(), id)).Param)
	}
	for _, sid := range []string{"", ".", "..", "IS123", "is" + strings.Repeat("0", 32), "IS" + strings.Repeat("g", 32), "IS" + strings.Repeat("0", 31) + "/", serviceSID + "0"} {
		for verb, do := range verbs {
			assert.Equal(t, "service SID", paramError(t, do(t.Context(), c.Service(sid).Conversations)).Param, verb)
		}
	}
	for _, verb := range []string{"fetch", "list"} {
		var err error
		if verb == "fetch" {
			_, err = c.Conversations.Fetch(t.Context(), "order-1234", client.WithWebhookEnabled(true))
		} else {
			_, err = c.Conversations.Page(t.Context(), client.ListParams{}, client.WithWebhookEnabled(false))
		}
		assert.Equal(t, "WithWebhookEnabled", paramError(t, err).Param)
	}
}

// hostileNames are unique names that a careless client would turn into another URL.
var hostileNames = []string{
	"a/b", "/", "//", "../x", "a/..", "a/../b", "./a", "...", "a b", " ", "+", "?", "a?State=closed", "#", "a#b", "%", "%2e", "%2e%2e", "%2F", "%00", "%zz",
	"ü", "日本語", "🙂", "\u202e", "a&b=c", "a;b", ":", "http://evil.example/", "//evil.example", "@", "user:pass@host", "\\", "..\\", "{Sid}", "'\"", "\t", "\n", "\x00", "a\r\nHost: evil.example",
	"CH123", "Conversations", strings.Repeat("n", 256),
}

func TestAnyOtherNameReachesItsConversation(t *testing.T) {
	t.Parallel()
	server := conversationstest.Start(t)
	conversations := map[string]*client.Conversations{"default": server.Client().Conversations, "service": server.Client().Service(serviceSID).Conversations}
	for scope, c := range conversations {
		sids := map[string]string{}
		for _, name := range hostileNames {
			conv, err := c.Create(t.Context(), client.CreateParams{UniqueName: &name})
			require.NoError(t, err, "%q", name)
			sids[name] = conv.SID
		}
		for i, name := range hostileNames {
			conv, err := c.Fetch(t.Context(), name)
			require.NoError(t, err, "%s %q", scope, name)
			assert.Equal(t, sids[name], conv.SID, "%q", name)
			assert.Equal(t, name, conv.UniqueName)
			conv, err = c.Update(t.Context(), name, client.UpdateParams{FriendlyName: &name})
			require.NoError(t, err, "%q", name)
			assert.Equal(t, sids[name], conv.SID)
			require.NoError(t, c.Delete(t.Context(), name), "%q", name)
			assert.Len(t, server.Conversations(conv.ChatServiceSID), len(hostileNames)-i-1, "deleting %q", name)
		}
	}
}

func FuzzID(f *testing.F) {
	for _, name := range append(hostileNames, "", ".", "..") {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, id string) {
		var sent *http.Request
		c := newClient(t, roundTripper(func(req *http.Request) (*http.Response, error) {
			sent = req
			return answer(http.StatusNoContent, "", "")(req)
		}))
		err := c.Conversations.Delete(t.Context(), id)
		if id == "" || id == "." || id == ".." {
			paramError(t, err)
			assert.Nil(t, sent)
			return
		}
		require.NoError(t, err)
		assert.Equal(t, "conversations.twilio.com", sent.URL.Host)
		assert.Empty(t, sent.URL.RawQuery)
		segment, ok := strings.CutPrefix(sent.URL.EscapedPath(), "/v1/Conversations/")
		require.True(t, ok, sent.URL.EscapedPath())
		assert.NotContains(t, segment, "/")
		got, err := url.PathUnescape(segment)
		require.NoError(t, err)
		assert.Equal(t, id, got)
	})
}

func TestConstruction(t *testing.T) {
	t.Parallel()
	auth := client.BasicAuth(accountSID, authToken)
	for name, opts := range map[string][]client.Option{
		"an empty base URL":     {client.WithBaseURL("")},
		"no host but a port":    {client.WithBaseURL("https://:443")},
		"plain http":            {client.WithBaseURL("http://example.com")},
		"no scheme":             {client.WithBaseURL("example.com")},
		"another scheme":        {client.WithBaseURL("ftp://example.com")},
		"no host":               {client.WithBaseURL("https:///x")},
		"a user":                {client.WithBaseURL("https://u@example.com")},
		"a query":               {client.WithBaseURL("https://example.com?x=1")},
		"a fragment":            {client.WithBaseURL("https://example.com#x")},
		"malformed":             {client.WithBaseURL("https://exa mple.com")},
		"a version":             {client.WithBaseURL("https://example.com/v1/")},
		"no user agent":         {client.WithUserAgent("")},
		"a user agent of lines": {client.WithUserAgent("app/1.0\r\nX: y")},
		"a negative budget":     {client.WithRetry(client.RetryPolicy{Budget: -1})},
		"base URL and region":   {client.WithBaseURL("https://example.com"), client.WithRegion("ie1")},
		"region with a dot":     {client.WithRegion("evil.example")},
		"empty region":          {client.WithRegion("")},
		"edge with a slash":     {client.WithEdge("evil.example/")},
		"nil http client":       {client.WithHTTPClient(nil)},
		"nil logger":            {client.WithLogger(nil)},
		"negative attempts":     {client.WithRetry(client.RetryPolicy{MaxAttempts: -1})},
		"delays the wrong way":  {client.WithRetry(client.RetryPolicy{MinDelay: time.Minute, MaxDelay: time.Second})},
		"no attempt timeout":    {client.WithAttemptTimeout(0)},
		"a negative size bound": {client.WithMaxResponseBytes(-1)},
	} {
		_, err := client.New(auth, opts...)
		assert.Error(t, err, name)
	}
	_, err := client.New(nil)
	assert.Equal(t, "auth", paramError(t, err).Param)
}

// Clients that are made at the same time may be given the same options; for the race detector.
func TestOptionsAreShared(t *testing.T) {
	t.Parallel()
	opts := []client.Option{
		client.WithBaseURL("https://example.com"), client.WithHTTPClient(http.DefaultClient), client.WithInsecureHTTP(),
		client.WithRetry(client.RetryPolicy{MaxAttempts: 2}), client.WithAttemptTimeout(time.Minute),
		client.WithMaxResponseBytes(1 << 20), client.WithLogger(slog.Default()),
	}
	var made sync.WaitGroup
	for range 10 {
		made.Go(func() {
			_, err := client.New(client.BasicAuth(accountSID, authToken), opts...)
			assert.NoError(t, err)
		})
	}
	made.Wait()
}

func TestHosts(t *testing.T) {
	t.Parallel()
	for want, opts := range map[string][]client.Option{
		"https://conversations.twilio.com/v1/Conversations/order-1234":            nil,
		"https://conversations.ie1.twilio.com/v1/Conversations/order-1234":        {client.WithRegion("ie1")},
		"https://conversations.dublin.us1.twilio.com/v1/Conversations/order-1234": {client.WithEdge("dublin")},
		"https://conversations.dublin.ie1.twilio.com/v1/Conversations/order-1234": {client.WithEdge("dublin"), client.WithRegion("ie1")},
		"https://example.com/twilio/v1/Conversations/order-1234":                  {client.WithBaseURL("https://example.com/twilio")},
		"https://example.org/v1/Conversations/order-1234":                         {client.WithRegion("ie1"), client.WithBaseURL("https://example.org")},
		"https://example.com:8443/twilio/v1/Conversations/order-1234":             {client.WithBaseURL("https://example.com:8443/twilio/")},
		"http://localhost:4010/v1/Conversations/order-1234":                       {client.WithBaseURL("http://localhost:4010")},
		"http://[::1]:4010/v1/Conversations/order-1234":                           {client.WithBaseURL("http://[::1]:4010")},
		"http://127.9.9.9/v1/Conversations/order-1234":                            {client.WithBaseURL("http://127.9.9.9")},
		"http://emulator:4010/v1/Conversations/order-1234":                        {client.WithBaseURL("http://emulator:4010"), client.WithInsecureHTTP()},
	} {
		var got string
		c := newClient(t, roundTripper(func(req *http.Request) (*http.Response, error) {
			got = req.URL.String()
			return success("fetch")(req)
		}), opts...)
		_, err := c.Conversations.Fetch(t.Context(), "order-1234")
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
}

func TestFromEnv(t *testing.T) {
	env := []string{"TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_API_KEY", "TWILIO_API_SECRET", "TWILIO_REGION", "TWILIO_EDGE", "TWILIO_CONVERSATIONS_URL"}
	for name, tc := range map[string]struct {
		values  []string // in the order of env
		missing string
		user    string
		host    string
	}{
		"account":            {[]string{"AC1", "token", "", "", "", "", ""}, "", "AC1", "conversations.twilio.com"},
		"API key first":      {[]string{"AC1", "token", "SK1", "secret", "", "", ""}, "", "SK1", "conversations.twilio.com"},
		"region and edge":    {[]string{"AC1", "token", "", "", "au1", "sydney", ""}, "", "AC1", "conversations.sydney.au1.twilio.com"},
		"nothing":            {[]string{"", "", "", "", "", "", ""}, "credentials", "", ""},
		"no token":           {[]string{"AC1", "", "", "", "", "", ""}, "TWILIO_AUTH_TOKEN", "", ""},
		"key without secret": {[]string{"AC1", "token", "SK1", "", "", "", ""}, "TWILIO_API_SECRET", "", ""},
		"secret without key": {[]string{"AC1", "token", "", "secret", "", "", ""}, "TWILIO_API_KEY", "", ""},
		"token without SID":  {[]string{"", "token", "", "", "", "", ""}, "TWILIO_ACCOUNT_SID", "", ""},
		"a SID beside a key": {[]string{"AC1", "", "SK1", "secret", "", "", ""}, "", "SK1", "conversations.twilio.com"},
		"base URL":           {[]string{"AC1", "token", "", "", "", "", "http://127.0.0.1:4010"}, "", "AC1", "127.0.0.1:4010"},
		"base URL and edge":  {[]string{"AC1", "token", "", "", "au1", "sydney", "http://127.0.0.1:4010"}, "", "AC1", "127.0.0.1:4010"},
		"malformed base URL": {[]string{"AC1", "token", "", "", "", "", "127.0.0.1:4010"}, "TWILIO_CONVERSATIONS_URL", "", ""},
		"malformed region":   {[]string{"AC1", "token", "", "", "a/b", "", ""}, "region", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			for i, value := range tc.values {
				t.Setenv(env[i], value)
			}
			var sent *http.Request
			c, err := client.FromEnv(client.WithHTTPClient(&http.Client{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
				sent = req
				return success("fetch")(req)
			})}))
			if tc.missing != "" {
				assert.Equal(t, tc.missing, paramError(t, err).Param)
				return
			}
			require.NoError(t, err)
			_, err = c.Conversations.Fetch(t.Context(), "order-1234")
			require.NoError(t, err)
			user, _, _ := sent.BasicAuth()
			assert.Equal(t, tc.user, user)
			assert.Equal(t, tc.host, sent.URL.Host)
		})
	}
}

func TestAuth(t *testing.T) {
	t.Parallel()
	denied := errors.New("denied")
	type editor = func(context.Context, *http.Request) error
	token := func(token string, err error) editor {
		return client.BearerToken(func(context.Context) (string, error) { return token, err })
	}
	for name, tc := range map[string]struct {
		auth editor
		want string // the header
	}{
		"account":          {client.BasicAuth("AC1", "x:y"), "Basic QUMxOng6eQ=="},
		"API key":          {client.BasicAuth("SK1", "s"), "Basic U0sxOnM="},
		"bearer":           {token("t.o-k_e~n", nil), "Bearer t.o-k_e~n"},
		"no user":          {client.BasicAuth("", "x"), ""},
		"a user too many":  {client.BasicAuth("AC1:x", "x"), ""},
		"no password":      {client.BasicAuth("AC1", ""), ""},
		"no token":         {token("", nil), ""},
		"malformed token":  {token("a\r\nb", nil), ""},
		"token is refused": {token("", denied), ""},
		"no function":      {client.BearerToken(nil), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sent := 0
			c, err := client.New(tc.auth, client.WithHTTPClient(&http.Client{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
				sent++
				assert.Equal(t, tc.want, req.Header.Get("Authorization"))
				return success("create")(req)
			})}))
			require.NoError(t, err)
			_, err = c.Conversations.Create(t.Context(), client.CreateParams{})
			if tc.want != "" {
				require.NoError(t, err)
				assert.Equal(t, 1, sent)
				return
			}
			e := apiError(t, err)
			assert.Zero(t, e.Attempts)
			assert.NotErrorIs(t, err, client.ErrMaybeCreated)
			assert.Zero(t, sent, "a request without credentials")
			if name == "token is refused" {
				assert.ErrorIs(t, err, denied)
			}
		})
	}
}

// The caller's http.Client is copied: another use of it follows redirects as before.
func TestHTTPClientIsNotChanged(t *testing.T) {
	t.Parallel()
	httpClient := &http.Client{Transport: newScript(t, success("fetch"))}
	c, err := client.New(client.BasicAuth(accountSID, authToken), client.WithHTTPClient(httpClient))
	require.NoError(t, err)
	_, err = c.Conversations.Fetch(t.Context(), "order-1234")
	require.NoError(t, err)
	assert.Nil(t, httpClient.CheckRedirect)
}
