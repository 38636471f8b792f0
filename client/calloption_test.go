package client_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/client"
)

func TestInvalidCallOptions(t *testing.T) {
	t.Parallel()
	c := newClient(t, newScript(t))
	for param, opt := range map[string]client.CallOption{
		"CallOption":             nil,
		"WithResponse":           client.WithResponse(nil),
		"WithCallRetry":          client.WithCallRetry(client.RetryPolicy{MaxAttempts: -1}),
		"WithCallAttemptTimeout": client.WithCallAttemptTimeout(0),
		"WithRequestEditor":      client.WithRequestEditor(nil),
	} {
		_, err := c.Conversations.Fetch(t.Context(), "order-1234", opt)
		assert.Equal(t, param, paramError(t, err).Param)
	}
	_, err := c.Conversations.Fetch(t.Context(), "order-1234", client.WithCallRetry(client.RetryPolicy{Budget: 1}))
	assert.EqualError(t, err, "WithCallRetry: Budget must be zero: it belongs to the client (WithRetry)")
}

// The options of a call hold for that call, and for no other of the same client.
func TestCallOptionsAreOfOneCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		mark := func(value string) client.CallOption {
			return client.WithRequestEditor(func(_ context.Context, req *http.Request) error {
				req.Header.Add("X-Mark", value)
				return nil
			})
		}
		server := newScript(t, silence, success("fetch"), answer(503, "", ""), success("fetch"))
		c := newClient(t, server).Conversations
		began := time.Now()
		_, err := c.Fetch(t.Context(), "order-1234", client.WithCallAttemptTimeout(time.Second),
			client.WithCallRetry(client.RetryPolicy{MaxAttempts: 1}), mark("a"), mark("b"))
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(began))
		assert.Equal(t, []string{"a", "b"}, server.requests[0].Header["X-Mark"])

		_, err = c.Fetch(t.Context(), "order-1234", mark("c"))
		require.NoError(t, err)
		assert.Equal(t, []string{"c"}, server.requests[1].Header["X-Mark"])
		_, err = c.Fetch(t.Context(), "order-1234")
		require.NoError(t, err, "retried")
		assert.Empty(t, server.requests[3].Header["X-Mark"])
		server.done()
	})
}

// A request editor that fails stops the call. Its error is found, and told without names and credentials.
func TestRequestEditorFails(t *testing.T) {
	t.Parallel()
	failure := errors.New("order-1234 and " + authToken + " are refused\n" + "now")
	for text, editorErr := range map[string]error{
		"createConversation: {UniqueName} and [redacted] are refused now; no conversation was created":               failure,
		"createConversation: a request editor failed, its error is too long to be told; no conversation was created": &client.ParamError{Param: "x", Reason: strings.Repeat("x", 2000)},
	} {
		_, err := newClient(t, newScript(t)).Conversations.Create(t.Context(), client.CreateParams{UniqueName: new("order-1234")},
			client.WithRequestEditor(func(context.Context, *http.Request) error { return editorErr }))
		assert.EqualError(t, err, text)
		assert.ErrorIs(t, err, editorErr)
		assert.Zero(t, apiError(t, err).Attempts)
	}
}

// A request editor cannot send the credentials to another host.
func TestRequestEditorChangesTheHost(t *testing.T) {
	t.Parallel()
	_, err := newClient(t, newScript(t)).Conversations.Fetch(t.Context(), "order-1234",
		client.WithRequestEditor(func(_ context.Context, req *http.Request) error {
			req.URL.Host = "other.example"
			return nil
		}))
	assert.EqualError(t, err, "fetchConversation {UniqueName}: a request editor changed the host of the request: use WithBaseURL")
}

// Each request has the operation that it is for in its context.
func TestOperationIsInTheContext(t *testing.T) {
	t.Parallel()
	assert.Empty(t, client.Operation(t.Context()))
	for verb, do := range verbsBySID {
		for scope, noun := range map[string]string{"": "Conversation", serviceSID: "ServiceConversation"} {
			var sent, edited string
			c, err := client.New(func(ctx context.Context, _ *http.Request) error {
				edited = client.Operation(ctx)
				return nil
			}, client.WithHTTPClient(&http.Client{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
				sent = client.Operation(req.Context())
				return success(verb)(req)
			})}))
			require.NoError(t, err)
			conversations := c.Conversations
			if scope != "" {
				conversations = c.Service(scope).Conversations
			}
			require.NoError(t, do(t.Context(), conversations))
			assert.Equal(t, strings.Fields(verb)[0]+noun, sent)
			assert.Equal(t, sent, edited)
		}
	}
}

// A key that makes net/http repeat a request by itself does not make it repeat a change.
func TestIdempotencyKeyDoesNotRepeatAChange(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"Idempotency-Key", "X-Idempotency-Key"} {
		for verb, do := range verbsBySID {
			server := newScript(t, success(verb))
			c, err := client.New(func(_ context.Context, req *http.Request) error {
				req.Header.Set(key, "k")
				return nil
			}, client.WithHTTPClient(&http.Client{Transport: server}))
			require.NoError(t, err)
			require.NoError(t, do(t.Context(), c.Conversations))
			sent := server.requests[0]
			reads := verb == "fetch" || verb == "list"
			assert.Equal(t, reads, sent.Body == nil || sent.Body == http.NoBody || sent.GetBody != nil, "net/http may repeat it: %s", verb)
		}
	}
}
