package client_test

import (
	"maps"
	"net/http"
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

func TestNamedCreateSurvivesALostAnswer(t *testing.T) {
	t.Parallel()
	afterLostAnswers(t, lostAnswers, func(t *testing.T, lost fault, server *conversationstest.Server, c *client.Client) {
		server.Fail("createConversation", lost)
		params := client.CreateParams{
			UniqueName: new("order-1234"), FriendlyName: new("Order"), Attributes: map[string]int{"n": 1},
			InactiveAfter: new(time.Hour), BindingsEmailAddress: new("a@example.com"),
		}
		conv, err := c.Conversations.Create(t.Context(), params)
		require.NoError(t, err)
		assert.Equal(t, "order-1234", conv.UniqueName)
		assert.Len(t, server.Conversations(""), 1)

		// Somebody else's conversation with that name is never taken for one's own.
		time.Sleep(time.Minute)
		server.Fail("createConversation", lost)
		params.FriendlyName = new("Another order")
		_, err = c.Conversations.Create(t.Context(), params)
		assert.ErrorIs(t, err, client.ErrConflict)
		assert.NotErrorIs(t, err, client.ErrMaybeCreated)
		assert.Len(t, server.Conversations(""), 1)
	})
}

func TestUnnamedCreateIsNeverRepeated(t *testing.T) {
	t.Parallel()
	afterLostAnswers(t, lostAnswers, func(t *testing.T, lost fault, server *conversationstest.Server, c *client.Client) {
		server.Fail("createConversation", lost)
		_, err := c.Conversations.Create(t.Context(), client.CreateParams{FriendlyName: new("Order")})
		assert.ErrorIs(t, err, client.ErrMaybeCreated)
		assert.Len(t, server.Requests(), 1)
		assert.Len(t, server.Conversations(""), 1, "it was, in fact")
	})
}

func TestUpdateSurvivesALostAnswer(t *testing.T) {
	t.Parallel()
	afterLostAnswers(t, lostAnswers, func(t *testing.T, lost fault, server *conversationstest.Server, c *client.Client) {
		conv, err := c.Conversations.Create(t.Context(), client.CreateParams{})
		require.NoError(t, err)
		server.Fail("updateConversation", lost)
		closed, err := c.Conversations.Update(t.Context(), conv.SID, client.UpdateParams{State: new(client.StateClosed), FriendlyName: new("Done")})
		require.NoError(t, err)
		assert.Equal(t, client.StateClosed, closed.State)
		assert.Equal(t, "Done", closed.FriendlyName)

		server.Fail("updateConversation", lost)
		_, err = c.Conversations.Update(t.Context(), conv.SID, client.UpdateParams{FriendlyName: new("Reopened")})
		assert.ErrorIs(t, err, client.ErrClosed)
	})
}

func TestDeleteSurvivesALostAnswer(t *testing.T) {
	t.Parallel()
	ways := maps.Clone(lostAnswers)
	delete(ways, "truncated") // its answer has no body
	afterLostAnswers(t, ways, func(t *testing.T, lost fault, server *conversationstest.Server, c *client.Client) {
		conv, err := c.Conversations.Create(t.Context(), client.CreateParams{})
		require.NoError(t, err)
		server.Fail("deleteConversation", lost)
		require.NoError(t, c.Conversations.Delete(t.Context(), conv.SID))
		assert.Empty(t, server.Conversations(""))
		assert.ErrorIs(t, c.Conversations.Delete(t.Context(), conv.SID), client.ErrNotFound)
	})
}

func TestListSurvivesLostAnswers(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, server *conversationstest.Server, _ *client.Client) {
		_, err := server.Seed(make([]conversationstest.Conversation, 25)...)
		require.NoError(t, err)
		for _, lost := range lostAnswers {
			server.Fail("listConversation", lost, fault{Status: 429})
		}
		c := server.Client(client.WithRetry(client.RetryPolicy{MaxAttempts: 9}))
		sids, err := collect(t, c, client.ListParams{PageSize: 10})
		require.NoError(t, err)
		assert.Len(t, sids, 25)
	})
}

// Rate limits, faults and a refusal at last: what a caller sees of a bad day.
func TestRateLimitThenGone(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, server *conversationstest.Server, c *client.Client) {
		server.Fail("fetchConversation", fault{Status: 429, Times: 2, Header: http.Header{"Retry-After": {"3"}}})
		began := time.Now()
		_, err := c.Conversations.Fetch(t.Context(), "nobody")
		assert.ErrorIs(t, err, client.ErrNotFound)
		assert.Equal(t, 3, apiError(t, err).Attempts)
		assert.GreaterOrEqual(t, time.Since(began), 6*time.Second)
	})
}
