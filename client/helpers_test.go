package client_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/client"
	"github.com/twilio-conversations-go/conversations/client/conversationstest"
)

type fault = conversationstest.Fault

// lostAnswers are the ways in which an operation is carried out and its answer lost.
var lostAnswers = map[string]fault{
	"dropped":   {Commit: true, Drop: true},
	"503":       {Commit: true, Status: 503},
	"truncated": {Truncate: true},
	"late":      {Commit: true, Delay: time.Minute},
}

// bubble runs a test in a synctest bubble with an emulator in it, so that delays take no time.
func bubble(t *testing.T, f func(t *testing.T, server *conversationstest.Server, c *client.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server := conversationstest.Start(t, conversationstest.InMemory())
		f(t, server, server.Client())
	})
}

// afterLostAnswers runs a test with each of the given ways in which an answer is lost.
func afterLostAnswers(t *testing.T, ways map[string]fault, f func(t *testing.T, lost fault, server *conversationstest.Server, c *client.Client)) {
	t.Helper()
	for name, lost := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, server *conversationstest.Server, c *client.Client) { f(t, lost, server, c) })
		})
	}
}

var noRetry = client.WithRetry(client.RetryPolicy{MaxAttempts: 1})

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

const (
	accountSID = "AC00000000000000000000000000000001"
	authToken  = "a-secret-auth-token"
	serviceSID = "IS00000000000000000000000000000001"
	theSID     = "CH00000000000000000000000000000001"
	requestID  = "RQ0123456789abcdef0123456789abcdef"
)

// newClient returns a client whose requests go to the transport. It is for what an emulator does
// not do; other tests use conversationstest.
func newClient(t *testing.T, transport http.RoundTripper, opts ...client.Option) *client.Client {
	t.Helper()
	opts = append([]client.Option{client.WithHTTPClient(&http.Client{Transport: transport})}, opts...)
	c, err := client.New(client.BasicAuth(accountSID, authToken), opts...)
	require.NoError(t, err)
	return c
}

// script is a transport that answers one request after the other, and fails the test on one more than
// it has answers for.
type script struct {
	t        *testing.T
	steps    []step
	requests []*http.Request
}

// step answers a request. It is called as a transport is: an error means that there was no answer.
type step func(*http.Request) (*http.Response, error)

func newScript(t *testing.T, steps ...step) *script { return &script{t: t, steps: steps} }

func (s *script) RoundTrip(req *http.Request) (*http.Response, error) {
	s.requests = append(s.requests, req)
	if req.Body != nil {
		_, _ = io.Copy(io.Discard, req.Body)
		req.Body.Close()
	}
	if len(s.requests) > len(s.steps) {
		s.t.Errorf("request %d, %s %s, was not expected", len(s.requests), req.Method, req.URL)
		return nil, errors.New("unexpected request")
	}
	resp, err := s.steps[len(s.requests)-1](req)
	lost, isNet := errors.AsType[*net.OpError](err)
	trace(req, !isNet || lost.Op != "dial")
	return resp, err
}

// done checks that all answers were asked for.
func (s *script) done() {
	s.t.Helper()
	require.Len(s.t, s.requests, len(s.steps), "requests")
}

// trace reports to the client what net/http's transport reports.
func trace(req *http.Request, connected bool) {
	if ct := httptrace.ContextClientTrace(req.Context()); ct != nil {
		ct.GetConn("host")
		if connected {
			ct.GotConn(httptrace.GotConnInfo{})
		}
	}
}

func answer(status int, contentType, body string, header ...string) step {
	return func(req *http.Request) (*http.Response, error) {
		h := http.Header{"Content-Type": {contentType}, "Twilio-Request-Id": {requestID}, "Date": {time.Now().UTC().Format(http.TimeFormat)}}
		for i := 0; i < len(header); i += 2 {
			if h.Set(header[i], header[i+1]); header[i+1] == "" {
				h.Del(header[i])
			}
		}
		return &http.Response{
			StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: h,
			Body: io.NopCloser(strings.NewReader(body)), ContentLength: -1, Request: req,
		}, nil
	}
}

func jsonAnswer(status int, body string, header ...string) step {
	return answer(status, "application/json", body, header...)
}

// cutShort answers with the beginning of a body, and then the connection is lost.
func cutShort(status int, body string) step {
	return func(req *http.Request) (*http.Response, error) {
		resp, err := jsonAnswer(status, "")(req)
		resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(body), lost{}))
		return resp, err
	}
}

type lost struct{}

var errLost = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}

func (lost) Read([]byte) (int, error) { return 0, errLost }

func connectionLost(*http.Request) (*http.Response, error) { return nil, errLost }

// silence never answers.
func silence(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}

// refuser is a transport that gets no connection.
type refuser struct{ requests int }

func (r *refuser) RoundTrip(req *http.Request) (*http.Response, error) {
	r.requests++
	trace(req, false)
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
}

// conversation is an answer that holds a conversation, with members replaced or added.
func conversation(members ...string) string {
	m := map[string]string{
		"sid": `"CH00000000000000000000000000000001"`, "unique_name": `"order-1234"`, "state": `"active"`, "attributes": `"{}"`,
		"date_created": `"2026-01-18T03:17:17Z"`, "date_updated": `"2026-01-18T03:17:17Z"`,
	}
	for i := 0; i < len(members); i += 2 {
		m[members[i]] = members[i+1]
	}
	var b strings.Builder
	for name, value := range m {
		b.WriteString(`,"` + name + `":` + value)
	}
	return "{" + b.String()[1:] + "}"
}

const (
	nameTaken = `{"code":50353,"message":"Conversation with provided unique name already exists","more_info":"https://www.twilio.com/docs/errors/50353","status":409}`
	notFound  = `{"code":20404,"message":"The requested resource was not found","more_info":"https://www.twilio.com/docs/errors/20404","status":404}`
	isClosed  = `{"code":50377,"message":"Can't update conversation as it's in final closed state","status":400}`
)

// apiError returns the error as the one type that calls fail with.
func apiError(t *testing.T, err error) *client.Error {
	t.Helper()
	e, ok := errors.AsType[*client.Error](err)
	require.Truef(t, ok, "want a *client.Error, got %T: %v", err, err)
	// It contains neither itself nor another one, and what it says is bounded.
	for inner, depth := errors.Unwrap(e), 0; inner != nil; inner, depth = errors.Unwrap(inner), depth+1 {
		_, nested := inner.(*client.Error)
		require.False(t, nested || depth > 10, "an error in itself")
		_, found := errors.AsType[*client.Error](inner)
		require.False(t, found, "an error of another call")
	}
	require.Less(t, len(e.Error()), 1500)
	return e
}

// verbs are the five operations, for tests of what they have in common.
var verbs = map[string]func(context.Context, *client.Conversations) error{
	"create": func(ctx context.Context, c *client.Conversations) error {
		_, err := c.Create(ctx, client.CreateParams{})
		return err
	},
	"create named": func(ctx context.Context, c *client.Conversations) error {
		_, err := c.Create(ctx, client.CreateParams{UniqueName: new("order-1234")})
		return err
	},
	"fetch": func(ctx context.Context, c *client.Conversations) error {
		_, err := c.Fetch(ctx, "order-1234")
		return err
	},
	"list": func(ctx context.Context, c *client.Conversations) error {
		for _, err := range c.List(ctx, client.ListParams{}) {
			if err != nil {
				return err
			}
		}
		return nil
	},
	"update": func(ctx context.Context, c *client.Conversations) error {
		_, err := c.Update(ctx, "order-1234", client.UpdateParams{State: new(client.StateClosed)})
		return err
	},
	"delete": func(ctx context.Context, c *client.Conversations) error { return c.Delete(ctx, "order-1234") },
}

// verbsBySID are the operations on a conversation that is addressed by its SID, which need no lookup.
var verbsBySID = func() map[string]func(context.Context, *client.Conversations) error {
	bySID := maps.Clone(verbs)
	bySID["fetch"] = func(ctx context.Context, c *client.Conversations) error {
		_, err := c.Fetch(ctx, theSID)
		return err
	}
	bySID["update"] = func(ctx context.Context, c *client.Conversations) error {
		_, err := c.Update(ctx, theSID, client.UpdateParams{State: new(client.StateClosed)})
		return err
	}
	bySID["delete"] = func(ctx context.Context, c *client.Conversations) error { return c.Delete(ctx, theSID) }
	return bySID
}()

// success is the answer with which an operation succeeds.
func success(verb string) step {
	switch verb {
	case "create", "create named":
		return jsonAnswer(http.StatusCreated, conversation())
	case "list":
		return jsonAnswer(http.StatusOK, `{"conversations":[`+conversation()+`],"meta":{"next_page_url":null}}`)
	case "delete":
		return answer(http.StatusNoContent, "", "")
	}
	return jsonAnswer(http.StatusOK, conversation("state", `"closed"`))
}

// paramError returns the error of a parameter that was refused without a request.
func paramError(t *testing.T, err error) *client.ParamError {
	t.Helper()
	e, ok := errors.AsType[*client.ParamError](err)
	require.Truef(t, ok, "want a *client.ParamError, got %T: %v", err, err)
	assert.Regexp(t, `\b(must|cannot|set|use|list again|applies to)\b`, e.Reason, "it says what to do")
	return e
}
