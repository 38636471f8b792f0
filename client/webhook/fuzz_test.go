package webhook_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whatever a body is, it is refused without a signature. With one, each of its parameters arrives,
// or the request is malformed.
func FuzzParseBody(f *testing.F) {
	f.Add(added().Encode(), true)
	f.Add(expired().Encode(), false)
	for _, body := range []string{
		"", "&", "=", "a", "EventType=onMessageAdded&Body=%00", "EventType=onConversationAdd&RetryCount=&DateCreated=", "%zz", "a;b", "a=1&a=1&a=0",
		"EventType=onConversationAdd&Attributes=%FF%FE&State=\xff", "EventType=onConversationAdd&Filters%5B=1", "EventType=onConversationAdd&RetryCount=99999999999999999999",
		"EventType=onConversationAdd&DateCreated=10000-01-01T00:00:00Z", "EventType=onConversationAdd&%FF=1&%FE=2",
	} {
		f.Add(body, true)
	}
	f.Fuzz(func(t *testing.T, body string, form bool) {
		request := func() *http.Request {
			req := httptest.NewRequest(http.MethodPost, hookURL, strings.NewReader(body))
			if form {
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			}
			return req
		}
		receiver := newReceiver(t)
		unsigned := request()
		unsigned.Header.Set("X-Twilio-Signature", "RSOYDt4T1cUTdK1PDd93/VVr8B8=")
		if len(body) <= 256<<10 {
			assert.Equal(t, 403, status(t, receiver, unsigned))
		}

		params, err := url.ParseQuery(body)
		signed := request()
		signed.Header.Set("X-Twilio-Signature", sign(authToken, hookURL, distinct(params)))
		event, parseErr := receiver.Parse(signed)
		if parseErr != nil {
			return // that every error is an Error is what status has checked
		}
		require.NoError(t, err)
		require.True(t, form)
		assert.Equal(t, params, event.Params)
		assert.Equal(t, params.Get("EventType"), string(event.EventType))
		if c := event.Conversation; c != nil {
			assert.Equal(t, params.Get("FriendlyName"), c.FriendlyName)
			assert.Equal(t, strings.Trim(params.Get("RetryCount"), "+-0") != "", c.RetryCount != 0)
			assert.Equal(t, params.Get("DateCreated") == "", c.DateCreated.IsZero() && params.Get("DateCreated") != "0001-01-01T00:00:00Z")
		}
	})
}

// distinct returns parameters with each of their values once.
func distinct(params url.Values) url.Values {
	out := url.Values{}
	for name, values := range params {
		seen := map[string]bool{}
		for _, value := range values {
			if !seen[value] {
				out.Add(name, value)
			}
			seen[value] = true
		}
	}
	return out
}

// Whatever URL is called, a request that is signed for it is accepted, and none that is signed for
// another.
func FuzzParseURL(f *testing.F) {
	for _, target := range []string{"/", "/twilio?tenant=7", "/a%2fb%20c:d;e?f=%zz&g;h#i", "//x", "/?", "/ü", "/twilio?EventType=onMessageAdded"} {
		f.Add(target, "example.com")
	}
	f.Add("/", "[::1]:80")
	f.Add("/", "example.com:")
	f.Fuzz(func(t *testing.T, target, host string) {
		if _, err := url.ParseRequestURI("http://" + host + target); err != nil || !strings.HasPrefix(target, "/") || strings.ContainsAny(target, " #\r\n") {
			return // nothing that a server would pass on
		}
		request := func(method, signedURL string, params url.Values) *http.Request {
			req, err := http.NewRequest(method, "http://example.com/", strings.NewReader(params.Encode()))
			require.NoError(t, err)
			u, err := url.ParseRequestURI(target)
			if err != nil {
				t.Skip()
			}
			req.URL, req.RequestURI, req.Host = u, target, host
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.Header.Set("X-Twilio-Signature", sign(authToken, signedURL, params))
			return req
		}
		receiver := newReceiver(t)
		called := "http://" + host + target
		assert.Equal(t, 200, status(t, receiver, request(http.MethodPost, called, added())))
		assert.Equal(t, 403, status(t, receiver, request(http.MethodPost, called+"x", added())))
		assert.Equal(t, 403, status(t, receiver, request(http.MethodPost, "https://"+host+target, added())))
		assert.NotEqual(t, 403, status(t, receiver, request(http.MethodGet, called, nil)))
		assert.Equal(t, 403, status(t, receiver, request(http.MethodGet, called+"&a=1", nil)))
	})
}
