package client_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/twilio-conversations-go/conversations/client"
)

// A transport that does not report on connections may have sent the request.
func TestSilentTransportIsUnclear(t *testing.T) {
	t.Parallel()
	requests := 0
	c := newClient(t, roundTripper(func(*http.Request) (*http.Response, error) {
		requests++
		return nil, errors.New("broken")
	}))
	_, err := c.Conversations.Create(t.Context(), client.CreateParams{})
	assert.ErrorIs(t, err, client.ErrMaybeCreated)
	assert.Equal(t, 1, requests)
}

func TestAttemptTimeoutCoversTheBody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		trickle := func(req *http.Request) (*http.Response, error) {
			resp, err := jsonAnswer(200, "")(req)
			resp.Body = stalled{req.Context()}
			return resp, err
		}
		server := newScript(t, trickle, success("fetch"))
		began := time.Now()
		_, err := newClient(t, server, client.WithAttemptTimeout(3*time.Second)).Conversations.Fetch(t.Context(), "order-1234")
		require.NoError(t, err)
		assert.GreaterOrEqual(t, time.Since(began), 3*time.Second)
		assert.Less(t, time.Since(began), 4*time.Second)
		server.done()
	})
}

// stalled is a body that never comes.
type stalled struct{ ctx context.Context }

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

// A location that is no redirect's is a header like any other.
func TestLocationOfASuccess(t *testing.T) {
	t.Parallel()
	server := newScript(t, jsonAnswer(201, conversation(), "Location", "/v1/Conversations/"+theSID))
	var resp client.Response
	_, err := newClient(t, server).Conversations.Create(t.Context(), client.CreateParams{}, client.WithResponse(&resp))
	require.NoError(t, err)
	assert.Equal(t, "/v1/Conversations/"+theSID, resp.Header.Get("Location"))
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

// Answers are read into buffers that are used again: what was decoded from one stays as it was.
func TestDecodedValuesOutliveTheBuffer(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
		w.Header().Set("Content-Type", "application/json")
		body := conversation("unique_name", `"`+n+`"`, "friendly_name", `"name `+n+`"`, "attributes", `"{\"n\":`+n+`}"`)
		if i, _ := strconv.Atoi(n); i%2 == 0 { // otherwise its length is not told
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		} else {
			w.(http.Flusher).Flush()
		}
		fmt.Fprint(w, body)
	}))
	defer server.Close()
	c, err := client.New(client.BasicAuth(accountSID, authToken), client.WithBaseURL(server.URL))
	require.NoError(t, err)

	var workers sync.WaitGroup
	for w := range 4 {
		workers.Go(func() {
			var fetched []*client.Conversation
			for i := range 50 {
				conv, err := c.Conversations.Fetch(t.Context(), strconv.Itoa(100*w+i))
				if !assert.NoError(t, err) {
					return
				}
				fetched = append(fetched, conv)
			}
			for i, conv := range fetched {
				assert.Equal(t, fmt.Sprintf("name %d", 100*w+i), conv.FriendlyName)
				assert.Equal(t, fmt.Sprintf(`{"n":%d}`, 100*w+i), conv.Attributes)
			}
		})
	}
	workers.Wait()
}

// The length that a server tells is not believed further than a page may be long.
func TestBoastedLength(t *testing.T) {
	t.Parallel()
	body := conversation()
	c := newClient(t, newScript(t, func(req *http.Request) (*http.Response, error) {
		resp, err := jsonAnswer(200, body)(req)
		resp.ContentLength = 1 << 50
		return resp, err
	}))
	conv, err := c.Conversations.Fetch(t.Context(), "order-1234")
	require.NoError(t, err)
	assert.NotEmpty(t, conv.SID)
}
