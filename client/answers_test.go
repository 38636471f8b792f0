package client_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/twilio-conversations-go/conversations/client"
)

var noRetry = client.WithRetry(client.RetryPolicy{MaxAttempts: 1})

// Whatever the body of a failure is, the error has operation, status and request id.
func TestErrorAnswers(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		body    string
		code    int
		message string
	}{
		"Twilio's":            {`{"code":20001,"message":"Bad","more_info":"https://x","status":400,"detail":{"a":[1]}}`, 20001, "Bad"},
		"HTML":                {"<html>Bad Gateway</html>", 0, ""},
		"empty":               {"", 0, ""},
		"null":                {"null", 0, ""},
		"array":               {`[{"code":1}]`, 0, ""},
		"truncated":           {`{"code":20001,"mess`, 0, ""},
		"other types":         {`{"code":"20001","message":{"text":"Bad"},"more_info":7}`, 0, ""},
		"no code":             {`{"message":"Bad"}`, 0, "Bad"},
		"invalid UTF-8":       {"{\"code\":20001,\"message\":\"B\xffd\"}", 20001, "B\ufffdd"},
		"10 MB":               {`{"code":20001,"message":"` + strings.Repeat("x", 10<<20) + `"}`, 0, ""},
		"code as a fraction":  {`{"code":20001.0,"message":"Bad"}`, 20001, "Bad"},
		"deeply nested":       {strings.Repeat("[", 60000), 0, ""},
		"twice the same name": {`{"code":1,"code":20001}`, 20001, ""},
	} {
		for verb, do := range verbs {
			t.Run(name+"/"+verb, func(t *testing.T) {
				t.Parallel()
				err := do(t.Context(), newClient(t, newScript(t, answer(400, "text/html", tc.body))).Conversations)
				e := apiError(t, err)
				assert.Equal(t, 400, e.Status)
				assert.Equal(t, tc.code, e.Code)
				assert.Equal(t, tc.message, e.Message)
				assert.Equal(t, requestID, e.RequestID)
				assert.Contains(t, e.Operation, strings.Fields(verb)[0]+"Conversation")
				assert.Less(t, len(err.Error()), 300)
			})
		}
	}
}

// A success that is no success is an error with status and request id, never a zero value.
func TestBrokenSuccesses(t *testing.T) {
	t.Parallel()
	page := func(items, meta string) string { return `{"conversations":` + items + `,"meta":` + meta + `}` }
	for name, body := range map[string]string{
		"empty":                    "",
		"null":                     "null",
		"empty object":             "{}",
		"array":                    "[]",
		"text":                     `"CH"`,
		"truncated":                `{"sid":"CH`,
		"error with a success":     `{"code":20404,"message":"x","status":404}`,
		"two values":               conversation() + conversation(),
		"trailing garbage":         conversation() + "garbage",
		"no sid":                   `{"state":"active"}`,
		"null sid":                 conversation("sid", "null"),
		"a number for a text":      conversation("friendly_name", "7"),
		"a text for a date":        conversation("date_created", `"yesterday"`),
		"an array for links":       conversation("links", "[]"),
		"an object for attributes": conversation("attributes", "{}"),
		"no page":                  page("null", "{}"),
		"no meta":                  `{"conversations":[]}`,
		"null meta":                page("[]", "null"),
		"a null item":              page("[null]", "{}"),
		"an empty item":            page("["+conversation()+",{}]", "{}"),
		"a page URL without token": page("[]", `{"next_page_url":"https://x/v1/Conversations?Page=1"}`),
		"a page URL that is none":  page("[]", `{"next_page_url":"::%zz"}`),
		"a number for a page URL":  page("[]", `{"next_page_url":7}`),
	} {
		for verb, do := range verbs {
			if verb == "delete" {
				continue // its answer has no body
			}
			t.Run(name+"/"+verb, func(t *testing.T) {
				t.Parallel()
				status := http.StatusOK
				if strings.HasPrefix(verb, "create") {
					status = http.StatusCreated
				}
				err := do(t.Context(), newClient(t, newScript(t, jsonAnswer(status, body)), noRetry).Conversations)
				e := apiError(t, err)
				assert.Equal(t, status, e.Status)
				assert.Equal(t, requestID, e.RequestID)
				if strings.HasPrefix(verb, "create") {
					assert.ErrorIs(t, err, client.ErrMaybeCreated)
				}
			})
		}
	}
}

func TestAnswerThatIsNotJSON(t *testing.T) {
	t.Parallel()
	for _, contentType := range []string{"", "text/html", "text/html; charset=json", "application/jsonlines"} {
		_, err := newClient(t, newScript(t, answer(200, contentType, conversation()))).Conversations.Fetch(t.Context(), "order-1234")
		assert.EqualError(t, err, "fetchConversation {UniqueName}: 200 OK: the response is not JSON (request "+requestID+")")
	}
}

// What Twilio may well answer is no error, however little it was expected.
func TestTolerantDecoding(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		body string
		want func(*testing.T, *client.Conversation)
	}{
		"unknown members": {conversation("reactions", `[{"a":1}]`), func(*testing.T, *client.Conversation) {}},
		"unknown state":   {conversation("state", `"archived"`), func(t *testing.T, c *client.Conversation) { assert.EqualValues(t, "archived", c.State) }},
		"half a character": {conversation("friendly_name", `"cut \ud83d"`), func(t *testing.T, c *client.Conversation) {
			assert.Equal(t, "cut \ufffd", c.FriendlyName)
		}},
		"nulls": {conversation("friendly_name", "null", "timers", "null", "bindings", "null", "links", "null", "attributes", "null"), func(t *testing.T, c *client.Conversation) {
			assert.Zero(t, c.Timers)
			assert.Empty(t, c.FriendlyName)
		}},
		"null timer":     {conversation("timers", `{"date_closed":null}`), func(t *testing.T, c *client.Conversation) { assert.Zero(t, c.Timers) }},
		"milliseconds":   {conversation("date_created", `"2026-01-18T03:17:17.123Z"`), func(t *testing.T, c *client.Conversation) { assert.Equal(t, 123000000, c.DateCreated.Nanosecond()) }},
		"an offset":      {conversation("date_created", `"2026-01-18T05:17:17+02:00"`), func(t *testing.T, c *client.Conversation) { assert.Equal(t, 3, c.DateCreated.UTC().Hour()) }},
		"new links":      {conversation("links", `{"messages":"https://m","reactions":"https://r"}`), func(t *testing.T, c *client.Conversation) { assert.Equal(t, "https://m", c.Links.Messages) }},
		"a member twice": {conversation("friendly_name", `"a","friendly_name":"b"`), func(t *testing.T, c *client.Conversation) { assert.Equal(t, "b", c.FriendlyName) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conv, err := newClient(t, newScript(t, jsonAnswer(200, tc.body))).Conversations.Fetch(t.Context(), "order-1234")
			require.NoError(t, err)
			assert.Equal(t, "CH00000000000000000000000000000001", conv.SID)
			tc.want(t, conv)
		})
	}
}

// loopback returns a client of a real server, and counts the connections made to it.
func loopback(t *testing.T, handler http.HandlerFunc, opts ...client.Option) (*client.Client, *atomic.Int32) {
	t.Helper()
	connections := new(atomic.Int32)
	server := httptest.NewUnstartedServer(handler)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		server.Close()
	})
	opts = append([]client.Option{client.WithBaseURL(server.URL), client.WithHTTPClient(&http.Client{Transport: transport})}, opts...)
	c, err := client.New(client.BasicAuth(accountSID, authToken), opts...)
	require.NoError(t, err)
	return c, connections
}

func TestGzipBomb(t *testing.T) {
	t.Parallel()
	var bomb bytes.Buffer
	zip := gzip.NewWriter(&bomb)
	fmt.Fprint(zip, `{"friendly_name":"`)
	_, _ = io.Copy(zip, io.LimitReader(endless('x'), 8<<20))
	zip.Close()
	c, _ := loopback(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bomb.Bytes())
	}, client.WithMaxResponseBytes(1<<20))
	_, err := c.Conversations.Fetch(t.Context(), "order-1234")
	e := apiError(t, err)
	assert.Equal(t, 200, e.Status)
	assert.Equal(t, 1, e.Attempts, "a larger answer is no reason to ask again")
	assert.ErrorContains(t, err, "larger than WithMaxResponseBytes allows")
}

type endless byte

func (e endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(e)
	}
	return len(p), nil
}

// An answer may be as large as the bound, and the default bound holds the largest page there can be:
// 1,000 conversations with 16 KB of attributes, in which two bytes take six when they are escaped.
func TestLargestAnswer(t *testing.T) {
	t.Parallel()
	body := conversation("attributes", `"`+strings.Repeat(`\u0022`, 8<<10)+`"`)
	assert.Less(t, 1000*(len(body)+2000), 64<<20)

	bound := client.WithMaxResponseBytes(int64(len(body)))
	conv, err := newClient(t, newScript(t, jsonAnswer(200, body)), bound).Conversations.Fetch(t.Context(), "order-1234")
	require.NoError(t, err)
	assert.Len(t, conv.Attributes, 8<<10)
	_, err = newClient(t, newScript(t, jsonAnswer(200, body+" ")), bound).Conversations.Fetch(t.Context(), "order-1234")
	assert.ErrorContains(t, err, "larger than")
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	var leaked atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { leaked.Add(1) }))
	t.Cleanup(elsewhere.Close)
	for _, status := range []int{301, 302, 303, 307, 308} {
		for verb, do := range verbs {
			c, _ := loopback(t, func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, elsewhere.URL+r.URL.Path, status)
			})
			err := do(t.Context(), c.Conversations)
			e := apiError(t, err)
			assert.Equal(t, status, e.Status, verb)
			assert.NotContains(t, err.Error(), elsewhere.URL)
		}
	}
	assert.Zero(t, leaked.Load(), "requests to another host")
}

// One connection serves a failure and what follows it.
func TestConnectionsAreReused(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	c, connections := loopback(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch requests.Add(1) % 4 {
		case 0:
			fmt.Fprint(w, conversation())
		case 1:
			w.WriteHeader(503)
			fmt.Fprint(w, strings.Repeat("x", 60<<10))
		case 2:
			w.WriteHeader(404)
			fmt.Fprint(w, notFound)
		case 3:
			fmt.Fprint(w, "null")
		}
	}, noRetry)
	for range 12 {
		_, _ = c.Conversations.Fetch(t.Context(), "order-1234")
	}
	assert.EqualValues(t, 12, requests.Load())
	assert.EqualValues(t, 1, connections.Load())
}

// A server that misbehaves on the wire leaves neither goroutine nor connection behind.
func TestNothingIsLeftBehind(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		for i := 0; ; i++ {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			buf := make([]byte, 4096)
			_, _ = conn.Read(buf)
			switch i % 6 {
			case 0: // nothing
			case 1:
				fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
			case 2:
				fmt.Fprint(conn, "garbage\r\n\r\n")
			case 3:
				fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
			case 4:
				fmt.Fprint(conn, "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello")
			case 5:
				fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
			}
			conn.Close()
		}
	}()
	transport := &http.Transport{}
	c, err := client.New(client.BasicAuth(accountSID, authToken), noRetry, client.WithAttemptTimeout(5*time.Second),
		client.WithBaseURL("http://"+listener.Addr().String()), client.WithHTTPClient(&http.Client{Transport: transport}))
	require.NoError(t, err)
	for range 3 {
		for verb, do := range verbs {
			if verb != "delete" {
				apiError(t, do(t.Context(), c.Conversations))
			} else {
				_ = do(t.Context(), c.Conversations) // a 204 is a success, whatever comes after it
			}
		}
	}
	listener.Close()
	<-closed
	transport.CloseIdleConnections()
}

// A redirect whose Location is malformed is an answer like any other.
func TestMalformedLocation(t *testing.T) {
	t.Parallel()
	c, _ := loopback(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "https://elsewhere.example/%zz/alice@example.com")
		w.WriteHeader(302)
	})
	_, err := c.Conversations.Fetch(t.Context(), "order-1234")
	e := apiError(t, err)
	assert.Equal(t, 302, e.Status)
	assert.Equal(t, 1, e.Attempts)
	assert.NotContains(t, err.Error(), "alice")
}

func TestContentTypeInCapitals(t *testing.T) {
	t.Parallel()
	_, err := newClient(t, newScript(t, answer(200, "Application/JSON; charset=UTF-8", conversation()))).Conversations.Fetch(t.Context(), "order-1234")
	require.NoError(t, err)
}

func TestConnectionsAreReusedAfterOddAnswers(t *testing.T) {
	t.Parallel()
	n := 0
	c, connections := loopback(t, func(w http.ResponseWriter, _ *http.Request) {
		if n++; n%2 == 0 {
			w.WriteHeader(202)
		}
		fmt.Fprint(w, strings.Repeat("<p>", 10_000))
	}, noRetry)
	for range 6 {
		_, err := c.Conversations.Fetch(t.Context(), "order-1234")
		require.Error(t, err)
	}
	assert.EqualValues(t, 1, connections.Load())
}

func TestErrorIsALine(t *testing.T) {
	t.Parallel()
	_, err := newClient(t, newScript(t, jsonAnswer(400, `{"code":1e300,"message":"a\nb\u001b[31m"}`))).Conversations.Fetch(t.Context(), "order-1234")
	assert.EqualError(t, err, "fetchConversation {UniqueName}: 400 Bad Request: a b [31m (request "+requestID+")")
}

func TestDecodeNoAttributes(t *testing.T) {
	t.Parallel()
	conv, err := newClient(t, newScript(t, jsonAnswer(200, conversation("attributes", "null")))).Conversations.Fetch(t.Context(), "order-1234")
	require.NoError(t, err)
	var v map[string]any
	require.NoError(t, conv.DecodeAttributes(&v))
	assert.Empty(t, v)
}

// An answer that changes the protocol has no body that would end.
func TestAnotherProtocol(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		_, err := newClient(t, newScript(t, func(req *http.Request) (*http.Response, error) {
			resp, err := answer(101, "", "")(req)
			resp.Body = stalled{req.Context()}
			return resp, err
		})).Conversations.Fetch(t.Context(), "order-1234")
		assert.Zero(t, apiError(t, err).Status, "it is no status of a response")
		assert.ErrorContains(t, err, "unexpected status")
		assert.Zero(t, time.Since(began))
	})
}
