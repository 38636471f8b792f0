package webhook_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/api"
	"github.com/twilio-conversations-go/conversations/client"
	"github.com/twilio-conversations-go/conversations/client/webhook"
	"github.com/twilio-conversations-go/conversations/gen"
)

const (
	accountSID      = "AC0123456789abcdef0123456789abcdef"
	conversationSID = "CH0123456789abcdef0123456789abcdef"
	serviceSID      = "IS0123456789abcdef0123456789abcdef"
)

func newReceiver(t testing.TB, opts ...webhook.Option) *webhook.Receiver {
	t.Helper()
	r, err := webhook.New(authToken, opts...)
	require.NoError(t, err)
	return r
}

// added and expired are events with what a function needs of them.
func added() url.Values {
	return url.Values{
		"EventType": {"onConversationAdded"}, "ConversationSid": {conversationSID}, "AccountSid": {accountSID},
		"ChatServiceSid": {serviceSID}, "State": {"active"}, "Attributes": {`{"order":7}`}, "FriendlyName": {"Größe+1 & 2=3"},
		"DateCreated": {"2026-01-18T03:17:17.000Z"}, "RetryCount": {"0"}, "Source": {"API"},
	}
}

func expired() url.Values {
	return url.Values{
		"EventType": {"onConversationStateUpdated"}, "ConversationSid": {conversationSID}, "AccountSid": {accountSID},
		"ChatServiceSid": {serviceSID}, "StateFrom": {"active"}, "StateTo": {"closed"}, "Reason": {"TIMER"},
		"StateUpdated": {"2026-01-18T03:17:17.050Z"}, "RetryCount": {"0"},
	}
}

// status returns the status of the response to a request, 200 if it is accepted.
func status(t testing.TB, r *webhook.Receiver, req *http.Request) int {
	t.Helper()
	event, err := r.Parse(req)
	if err == nil {
		return http.StatusOK
	}
	assert.Nil(t, event)
	e, ok := errors.AsType[*webhook.Error](err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, "webhook: "+e.Reason, err.Error())
	return e.Status
}

// The examples of the description are the recorded requests: each of their parameters arrives.
func TestParseExamples(t *testing.T) {
	t.Parallel()
	doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI)
	require.NoError(t, err)
	require.Len(t, doc.Components.Callbacks, 7)
	for name, callback := range doc.Components.Callbacks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Len(t, callback.Value.Map(), 1)
			for _, item := range callback.Value.Map() {
				media := item.Post.RequestBody.Value.Content["application/x-www-form-urlencoded"]
				sent := url.Values{}
				for param, value := range media.Examples[name].Value.Value.(map[string]any) {
					sent.Set(param, value.(string))
				}
				for _, req := range []*http.Request{post(hookURL, sent), get(hookURL, sent), get(hookURL+"?tenant=7", sent)} {
					event, err := newReceiver(t).Parse(req)
					require.NoError(t, err)
					assert.Equal(t, name, string(event.EventType))
					assert.Equal(t, "0d2f8c4a-7b61-4e0e-9c43-5f7a1b2c3d4e", event.IdempotencyToken)
					assert.Equal(t, req.URL.Query().Get("tenant"), event.Params.Get("tenant"))
					for param := range sent {
						assert.Equal(t, sent[param], event.Params[param])
					}
					assert.Equal(t, sent, fields(t, event))
				}
			}
		})
	}
}

// fields returns the fields of an event that are set, as parameters. Their names are those of the
// generated types.
func fields(t *testing.T, event *webhook.Event) url.Values {
	t.Helper()
	var data []byte
	var err error
	if event.Conversation != nil {
		assert.Nil(t, event.StateChange)
		data, err = json.Marshal(gen.ConversationEvent(*event.Conversation))
	} else {
		data, err = json.Marshal(gen.ConversationStateEvent(*event.StateChange))
	}
	require.NoError(t, err)
	members := map[string]any{}
	require.NoError(t, json.Unmarshal(data, &members))
	params := url.Values{"EventType": {string(event.EventType)}, "RetryCount": {"0"}}
	for name, value := range members {
		text := fmt.Sprint(value)
		if strings.HasPrefix(name, "Date") || name == "StateUpdated" {
			at, err := time.Parse(time.RFC3339Nano, text)
			require.NoError(t, err)
			if at.IsZero() {
				continue
			}
			text = at.Format("2006-01-02T15:04:05.000Z")
		}
		params.Set(name, text)
	}
	return params
}

func TestParseConversation(t *testing.T) {
	t.Parallel()
	params := added()
	params["Topic"] = []string{"a", "b"}
	event, err := newReceiver(t).Parse(post(hookURL, params))
	require.NoError(t, err)
	assert.Equal(t, webhook.OnConversationAdded, event.EventType)
	assert.Equal(t, params, event.Params, "parameters without a field are kept")
	assert.Equal(t, &webhook.Conversation{
		ConversationSID: conversationSID, AccountSID: accountSID, ChatServiceSID: serviceSID,
		FriendlyName: "Größe+1 & 2=3", State: client.StateActive, Attributes: `{"order":7}`, Source: "API",
		DateCreated: time.Date(2026, 1, 18, 3, 17, 17, 0, time.UTC),
	}, event.Conversation)
	var attributes struct{ Order int }
	require.NoError(t, event.Conversation.DecodeAttributes(&attributes))
	assert.Equal(t, 7, attributes.Order)
	require.NoError(t, (&webhook.Conversation{}).DecodeAttributes(&attributes))
}

func TestParseStateChange(t *testing.T) {
	t.Parallel()
	event, err := newReceiver(t).Parse(post(hookURL, expired()))
	require.NoError(t, err)
	assert.Equal(t, &webhook.StateChange{
		ConversationSID: conversationSID, AccountSID: accountSID, ChatServiceSID: serviceSID,
		StateFrom: webhook.StateActive, StateTo: webhook.StateClosed, Reason: webhook.ReasonTimer,
		StateUpdated: time.Date(2026, 1, 18, 3, 17, 17, 50e6, time.UTC),
	}, event.StateChange)
	assert.Nil(t, event.Conversation)
}

// What Twilio sends of messages and participants arrives as it is, also what would be malformed in
// an event of a conversation.
func TestParseOtherEvents(t *testing.T) {
	t.Parallel()
	params := url.Values{"EventType": {"onMessageAdded"}, "Body": {"Hello"}, "Index": {"one"}, "DateCreated": {"today"}}
	event, err := newReceiver(t).Parse(post(hookURL, params))
	require.NoError(t, err)
	assert.Equal(t, webhook.EventType("onMessageAdded"), event.EventType)
	assert.Equal(t, params, event.Params)
	assert.Nil(t, event.Conversation)
	assert.Nil(t, event.StateChange)
}

func TestParseEmptyParameters(t *testing.T) {
	t.Parallel()
	params := added()
	for _, name := range []string{"RetryCount", "DateCreated", "State", "Attributes"} {
		params.Set(name, "")
	}
	event, err := newReceiver(t).Parse(post(hookURL, params))
	require.NoError(t, err)
	assert.Zero(t, event.Conversation.RetryCount)
	assert.True(t, event.Conversation.DateCreated.IsZero())
	assert.Empty(t, event.Conversation.State)
}

func TestParseTimes(t *testing.T) {
	t.Parallel()
	want := time.Date(2026, 1, 18, 3, 17, 17, 0, time.UTC)
	for _, text := range []string{"2026-01-18T03:17:17Z", "2026-01-18T03:17:17.000Z", "2026-01-18T05:17:17+02:00"} {
		params := added()
		params.Set("DateCreated", text)
		event, err := newReceiver(t).Parse(post(hookURL, params))
		require.NoError(t, err)
		assert.Equal(t, want, event.Conversation.DateCreated)
	}
}

func TestParseCutText(t *testing.T) {
	t.Parallel()
	params := added()
	params.Set("FriendlyName", "half a smile \xf0\x9f")
	event, err := newReceiver(t).Parse(post(hookURL, params))
	require.NoError(t, err)
	assert.Equal(t, "half a smile \xf0\x9f", event.Conversation.FriendlyName)
}

// Authentic requests that are not what Twilio sends.
func TestParseMalformed(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(url.Values){
		"EventType is missing":       func(p url.Values) { p.Del("EventType") },
		"ConversationSid is missing": func(p url.Values) { p.Del("ConversationSid") },
		"DateCreated is malformed":   func(p url.Values) { p.Set("DateCreated", "2026-01-18") },
		"DateUpdated is malformed":   func(p url.Values) { p.Set("DateUpdated", "2026-02-30T00:00:00Z") },
		"RetryCount is malformed":    func(p url.Values) { p.Set("RetryCount", "1.5") },
	} {
		params := added()
		change(params)
		_, err := newReceiver(t).Parse(post(hookURL, params))
		assert.EqualError(t, err, "webhook: "+name)
		assert.Equal(t, 400, status(t, newReceiver(t), post(hookURL, params)))
	}
	params := added()
	params.Set("EventType", "onConversationAdd")
	params.Del("ConversationSid")
	assert.Equal(t, 200, status(t, newReceiver(t), post(hookURL, params)), "there is no SID yet")

	for name, contentType := range map[string]string{"JSON": "application/json", "no type": "", "no media type": "/"} {
		req := httptest.NewRequest(http.MethodPost, hookURL, strings.NewReader("{}"))
		req.Header.Set("Content-Type", contentType)
		req.Header.Set("X-Twilio-Signature", sign(authToken, hookURL, nil))
		assert.Equal(t, 400, status(t, newReceiver(t), req), name)
	}

	// Whoever signs a body that is no form signs what can be read of it.
	req := httptest.NewRequest(http.MethodPost, hookURL, strings.NewReader("a=%zz&b=1"))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("X-Twilio-Signature", sign(authToken, hookURL, url.Values{"b": {"1"}}))
	assert.Equal(t, 400, status(t, newReceiver(t), req))

	req = post(hookURL, added())
	req.Body = io.NopCloser(iotest.ErrReader(errors.New("connection reset")))
	assert.Equal(t, 400, status(t, newReceiver(t), req))
}

func TestParseBounds(t *testing.T) {
	t.Parallel()
	params := added()
	params.Set("Attributes", `"`+strings.Repeat("ü", 16<<10)+`"`)
	assert.Equal(t, 200, status(t, newReceiver(t), post(hookURL, params)), "the largest event fits")

	params.Set("Attributes", strings.Repeat("a", 256<<10))
	assert.Equal(t, 413, status(t, newReceiver(t), post(hookURL, params)))

	req := post(hookURL, added())
	endless := &counter{}
	req.Body = io.NopCloser(endless)
	assert.Equal(t, 413, status(t, newReceiver(t), req))
	assert.Less(t, endless.read, 1<<20)

	req = post(hookURL, added())
	req.Body = http.MaxBytesReader(httptest.NewRecorder(), req.Body, 10)
	assert.Equal(t, 413, status(t, newReceiver(t), req), "a smaller limit of the program's own")
}

// counter is a body without an end.
type counter struct{ read int }

func (c *counter) Read(p []byte) (int, error) {
	c.read += len(p)
	return copy(p, bytes.Repeat([]byte("a"), len(p))), nil
}

func TestParseMethods(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "post"} {
		req := post(hookURL, added())
		req.Method = method
		assert.Equal(t, 405, status(t, newReceiver(t), req), method)
	}
}

// Signatures of Twilio's own: that of its documentation, and one from the tests of twilio-go.
func TestSignatures(t *testing.T) {
	t.Parallel()
	params := url.Values{
		"CallSid": {"CA1234567890ABCDE"}, "Caller": {"+14158675309"}, "Digits": {"1234"},
		"From": {"+14158675309"}, "To": {"+18005551212"},
	}
	more := maps.Clone(params)
	more["ReasonConferenceEnded"], more["Reason"] = []string{"test"}, []string{"Participant"}
	receiver, err := webhook.New("12345")
	require.NoError(t, err)
	for signature, params := range map[string]url.Values{"RSOYDt4T1cUTdK1PDd93/VVr8B8=": params, "vOEb5UThFn24KEfnOFLQY2AE5FY=": more} {
		req := post("https://mycompany.com/myapp.php?foo=1&bar=2", params)
		req.Header.Set("X-Twilio-Signature", signature)
		assert.Equal(t, 400, status(t, receiver, req), "authentic, but about no conversation")
		params.Set("Digits", "1235")
		req = post("https://mycompany.com/myapp.php?foo=1&bar=2", params)
		req.Header.Set("X-Twilio-Signature", signature)
		assert.Equal(t, 403, status(t, receiver, req))
		params.Set("Digits", "1234")
	}
}

// Whatever changes on the way, the request is refused.
func TestForgedRequests(t *testing.T) {
	t.Parallel()
	const called = hookURL + "?tenant=7"
	signature := post(called, added()).Header.Get("X-Twilio-Signature")
	forge := func(calledURL string, change func(url.Values)) *http.Request {
		params := added()
		change(params)
		req := post(calledURL, params)
		req.Header.Set("X-Twilio-Signature", signature)
		return req
	}
	same := func(url.Values) {}
	require.Equal(t, 200, status(t, newReceiver(t), forge(called, same)))

	for name, req := range map[string]*http.Request{
		"a value":            forge(called, func(p url.Values) { p.Set("State", "closed") }),
		"another parameter":  forge(called, func(p url.Values) { p.Set("Topic", "x") }),
		"a second value":     forge(called, func(p url.Values) { p.Add("State", "closed") }),
		"a parameter less":   forge(called, func(p url.Values) { p.Del("State") }),
		"no parameter":       forge(called, func(p url.Values) { clear(p) }),
		"the letters' case":  forge(called, func(p url.Values) { p.Set("ConversationSid", strings.ToUpper(conversationSID)) }),
		"the path":           forge("https://example.com/other?tenant=7", same),
		"a slash":            forge(hookURL+"/?tenant=7", same),
		"the query":          forge(hookURL+"?tenant=8", same),
		"no query":           forge(hookURL, same),
		"the host":           forge("https://example.org/twilio?tenant=7", same),
		"the scheme":         forge("http://example.com/twilio?tenant=7", same),
		"the port of others": forge("https://example.com:80/twilio?tenant=7", func(p url.Values) { p.Set("State", "closed") }),
	} {
		assert.Equal(t, 403, status(t, newReceiver(t), req), name)
	}

	other, err := webhook.New(strings.Repeat("f", 32))
	require.NoError(t, err)
	assert.Equal(t, 403, status(t, other, post(called, added())), "the token")
	for _, wrong := range []string{"", " ", "=", signature[1:], signature + "=", strings.ToLower(signature), signature + "," + signature} {
		req := post(called, added())
		req.Header.Set("X-Twilio-Signature", wrong)
		assert.Equal(t, 403, status(t, newReceiver(t), req), "%q", wrong)
	}

	req := post(called, added())
	req.Header.Del("X-Twilio-Signature")
	_, err = newReceiver(t).Parse(req)
	assert.EqualError(t, err, "webhook: the header X-Twilio-Signature is missing")

	// The parameters of a POST are not taken from its URL, nor those of a GET from a body.
	req = httptest.NewRequest(http.MethodPost, hookURL+"?"+added().Encode(), nil)
	req.Header.Set("X-Twilio-Signature", get(hookURL, added()).Header.Get("X-Twilio-Signature"))
	assert.Equal(t, 400, status(t, newReceiver(t), req))
	req = httptest.NewRequest(http.MethodGet, hookURL, strings.NewReader(added().Encode()))
	req.Header = post(hookURL, added()).Header
	assert.Equal(t, 403, status(t, newReceiver(t), req))
}

// Twilio signs with or without the port, and without the slash that a URL without a path is called
// with.
func TestSpellingsOfURLs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		signed, called string
		want           int
	}{
		{"https://example.com/twilio", "https://example.com:443/twilio", 200},
		{"https://example.com:443/twilio", "https://example.com/twilio", 200},
		{"http://example.com:80/twilio", "http://example.com/twilio", 200},
		{"http://example.com/twilio", "http://example.com:80/twilio", 200},
		{"https://example.com/twilio", "https://example.com:8443/twilio", 200},
		{"https://example.com:8443/twilio", "https://example.com/twilio", 403},
		{"https://example.com:8443/twilio", "https://example.com:9443/twilio", 403},
		{"https://example.com:80/twilio", "https://example.com/twilio", 403},
		{"http://[::1]/twilio", "http://[::1]:80/twilio", 200},
		{"http://[::1]:80/twilio", "http://[::1]/twilio", 200},
		{"https://example.com", "https://example.com/", 200},
		{"https://example.com?a=1", "https://example.com/?a=1", 200},
		{"https://example.com/twilio", "https://example.com/twilio/", 403},
		{"https://example.com/a%20b%2Fc%3A?q=%20+%3A:", "https://example.com/a%20b%2Fc%3A?q=%20+%3A:", 200},
		{"https://example.com/a:b", "https://example.com/a%3Ab", 403},
	} {
		req := post(c.called, added())
		req.Header.Set("X-Twilio-Signature", sign(authToken, c.signed, added()))
		assert.Equal(t, c.want, status(t, newReceiver(t), req), "%s signed, %s called", c.signed, c.called)
	}
}

// Twilio leaves colons in a query as they are, and encodes blanks as +.
func TestParseGETVerbatim(t *testing.T) {
	t.Parallel()
	const called = hookURL + "?EventType=onConversationAdded&ConversationSid=CH1&DateCreated=2026-01-18T03:17:17.005Z&FriendlyName=Order+7"
	req := httptest.NewRequest(http.MethodGet, called, nil)
	req.Header.Set("X-Twilio-Signature", sign(authToken, called, nil))
	event, err := newReceiver(t).Parse(req)
	require.NoError(t, err)
	assert.Equal(t, "Order 7", event.Conversation.FriendlyName)

	req = httptest.NewRequest(http.MethodGet, strings.ReplaceAll(called, "7:17", "8:17"), nil)
	req.Header.Set("X-Twilio-Signature", sign(authToken, called, nil))
	assert.Equal(t, 403, status(t, newReceiver(t), req))
}

func TestRepeatedParameters(t *testing.T) {
	t.Parallel()
	params := added()
	params["Filters"] = []string{"b", "a", "b"}
	req := post(hookURL, params)
	params["Filters"] = []string{"a", "b"} // Twilio's libraries sign each value once
	req.Header.Set("X-Twilio-Signature", sign(authToken, hookURL, params))
	event, err := newReceiver(t).Parse(req)
	require.NoError(t, err)
	assert.Equal(t, []string{"b", "a", "b"}, event.Params["Filters"])
}

func TestAuthTokens(t *testing.T) {
	t.Parallel()
	const next = "fedcba9876543210fedcba9876543210"
	receiver, err := webhook.New(next, webhook.WithAuthTokens("x", authToken))
	require.NoError(t, err)
	req := post(hookURL, added())
	assert.Equal(t, 200, status(t, receiver, req))
	req = post(hookURL, added())
	req.Header.Set("X-Twilio-Signature", sign(next, hookURL, added()))
	assert.Equal(t, 200, status(t, receiver, req))
	req = post(hookURL, added())
	req.Header.Set("X-Twilio-Signature", sign("y", hookURL, added()))
	assert.Equal(t, 403, status(t, receiver, req))
}

// proxied is a request that a proxy calls http://10.0.0.7:8080 with, after Twilio called it.
func proxied(calledURL, path string, header ...string) *http.Request {
	req := post("http://10.0.0.7:8080"+path, added())
	req.Header.Set("X-Twilio-Signature", sign(authToken, calledURL, added()))
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return req
}

func TestPublicURL(t *testing.T) {
	t.Parallel()
	req := proxied(hookURL, "/twilio")
	_, err := newReceiver(t).Parse(req)
	require.Error(t, err)
	assert.Contains(t, err.Error(), `if Twilio called "http://10.0.0.7:8080": WithPublicURL`)

	for _, c := range []struct {
		public, called, path string
		want                 int
	}{
		{"https://example.com/twilio", hookURL, "/twilio", 200},
		{"https://example.com/twilio", hookURL, "/", 200},
		{"https://example.com/twilio", hookURL + "?tenant=7", "/inner?tenant=7", 200},
		{"https://example.com/twilio", hookURL + "?tenant=7", "/inner?tenant=8", 403},
		{"https://example.com", hookURL + "?tenant=7", "/twilio?tenant=7", 200},
		{"https://example.com", hookURL, "/inner", 403},
		{"https://example.com:443", hookURL, "/twilio", 200},
		{"https://example.com/a%2Fb", "https://example.com/a%2Fb", "/x", 200},
		{"https://example.org", hookURL, "/twilio", 403},
	} {
		receiver := newReceiver(t, webhook.WithPublicURL(c.public), webhook.WithForwardedHeaders())
		req := proxied(c.called, c.path, "X-Forwarded-Host", "example.com", "X-Forwarded-Proto", "https")
		assert.Equal(t, c.want, status(t, receiver, req), "%+v", c)
	}
}

func TestForwardedHeaders(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		header []string
		want   int
	}{
		"both":         {[]string{"X-Forwarded-Proto", "https", "X-Forwarded-Host", "example.com"}, 200},
		"several":      {[]string{"X-Forwarded-Proto", "HTTPS, http", "X-Forwarded-Host", "example.com , inner"}, 200},
		"the port":     {[]string{"X-Forwarded-Proto", "https", "X-Forwarded-Host", "example.com:443"}, 200},
		"none":         {nil, 403},
		"the protocol": {[]string{"X-Forwarded-Proto", "https"}, 403},
		"the host":     {[]string{"X-Forwarded-Host", "example.com"}, 403},
	} {
		assert.Equal(t, c.want, status(t, newReceiver(t, webhook.WithForwardedHeaders()), proxied(hookURL, "/twilio", c.header...)), name)
		assert.Equal(t, 403, status(t, newReceiver(t), proxied(hookURL, "/twilio", c.header...)), "%s, without the option", name)
	}
}

// The signature is about the request that arrived, whatever routers have made of it since.
func TestBehindRouters(t *testing.T) {
	t.Parallel()
	receiver := newReceiver(t)
	var got []int
	mux := http.NewServeMux()
	mux.Handle("/api/", http.StripPrefix("/api", http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		got = append(got, status(t, receiver, req))
	})))
	mux.HandleFunc("/parsed", func(_ http.ResponseWriter, req *http.Request) {
		assert.NoError(t, req.ParseForm())
		got = append(got, status(t, receiver, req))
	})
	server := httptest.NewUnstartedServer(mux)
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	for _, path := range []string{"/api/hooks/twilio?a=%41", "/parsed"} {
		req := post(server.URL+path, added())
		req.RequestURI = ""
		res, err := server.Client().Do(req)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		assert.Equal(t, 2, res.ProtoMajor)
	}
	assert.Equal(t, []int{200, 200}, got)

	// A request that was never on the wire.
	req, err := http.NewRequest(http.MethodPost, "http://example.com/twilio?a=1", strings.NewReader(added().Encode()))
	require.NoError(t, err)
	req.Header = post("http://example.com/twilio?a=1", added()).Header
	assert.Equal(t, 200, status(t, receiver, req))
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, opt := range map[string]webhook.Option{
		"nil":         nil,
		"empty token": webhook.WithAuthTokens(authToken, ""),
		"newline":     webhook.WithAuthTokens(authToken + "\n"),
		"no scheme":   webhook.WithPublicURL("example.com/twilio"),
		"ftp":         webhook.WithPublicURL("ftp://example.com"),
		"no host":     webhook.WithPublicURL("https:///twilio"),
		"query":       webhook.WithPublicURL("https://example.com/?a=1"),
		"empty query": webhook.WithPublicURL("https://example.com/?"),
		"fragment":    webhook.WithPublicURL("https://example.com/#rc=3"),
		"user":        webhook.WithPublicURL("https://me:" + authToken + "@example.com/"),
		"malformed":   webhook.WithPublicURL("https://me:" + authToken + "@%zz"),
		"no logger":   webhook.WithLogger(nil),
	} {
		receiver, err := webhook.New("x", opt)
		assert.Nil(t, receiver, name)
		if assert.Error(t, err, name) {
			assert.NotContains(t, err.Error(), authToken, name)
		}
	}
	_, err := webhook.New("")
	assert.EqualError(t, err, "webhook: an auth token is empty or contains white space")
}

func TestEventTypes(t *testing.T) {
	t.Parallel()
	doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI)
	require.NoError(t, err)
	assert.ElementsMatch(t, slices.Collect(maps.Keys(doc.Components.Callbacks)), []string{
		string(webhook.OnConversationAdd), string(webhook.OnConversationAdded), string(webhook.OnConversationUpdate),
		string(webhook.OnConversationUpdated), string(webhook.OnConversationRemove), string(webhook.OnConversationRemoved),
		string(webhook.OnConversationStateUpdated),
	})
}

// A program that only receives webhooks links neither the client nor what tests need.
func TestDependencies(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{$.ImportPath}}{{end}}", ".").Output()
	require.NoError(t, err)
	var packages []string
	for path := range strings.Lines(string(out)) {
		if own, ok := strings.CutPrefix(strings.TrimSpace(path), "github.com/twilio-conversations-go/conversations/"); ok {
			packages = append(packages, own)
		}
	}
	assert.ElementsMatch(t, []string{"api/io", "api/json", "api/runtime", "gen", "client/webhook"}, packages)
}
