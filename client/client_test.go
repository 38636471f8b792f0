package client_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/twilio-conversations-go/conversations/client"
)

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
		"leading hyphen":        {client.WithRegion("-ie1")},
		"trailing hyphen":       {client.WithEdge("dublin-")},
		"nil http client":       {client.WithHTTPClient(nil)},
		"nil logger":            {client.WithLogger(nil)},
		"negative attempts":     {client.WithRetry(client.RetryPolicy{MaxAttempts: -1})},
		"delays the wrong way":  {client.WithRetry(client.RetryPolicy{MinDelay: time.Minute, MaxDelay: time.Second})},
		"no attempt timeout":    {client.WithAttemptTimeout(0)},
		"a negative size bound": {client.WithMaxResponseBytes(-1)},
		"a nil option":          {nil},
	} {
		_, err := client.New(auth, opts...)
		require.Error(t, err, name)
		paramError(t, err)
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

// A program, or a test of it, may replace net/http's default transport. Clients made meanwhile use that
// one, and those made afterwards do not.
//
// It is not parallel, because it replaces http.DefaultTransport.
func TestReplacedDefaultTransport(t *testing.T) {
	standard, errReplaced := http.DefaultTransport, errors.New("replaced")
	http.DefaultTransport = roundTripper(func(*http.Request) (*http.Response, error) { return nil, errReplaced })
	meanwhile, err := client.New(client.BasicAuth(accountSID, authToken), client.WithRetry(client.RetryPolicy{MaxAttempts: 1}))
	http.DefaultTransport = standard
	require.NoError(t, err)
	_, err = meanwhile.Conversations.Fetch(t.Context(), "order")
	assert.ErrorIs(t, err, errReplaced)

	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	before := goleak.IgnoreCurrent()
	afterwards, err := client.New(client.BasicAuth(accountSID, authToken), client.WithBaseURL(server.URL))
	require.NoError(t, err)
	_, err = afterwards.Conversations.Fetch(t.Context(), "order")
	assert.ErrorIs(t, err, client.ErrNotFound)
	afterwards.CloseIdleConnections()
	server.CloseClientConnections()
	assert.NoError(t, goleak.Find(before))
}
