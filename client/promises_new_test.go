//go:build next

package client_test

import (
	"context"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/client"
)

func TestPromise17UserAgentOfTheApplication(t *testing.T) {
	t.Parallel()
	c := newTruthClient(t, func(req *http.Request) (*http.Response, error) {
		assert.Regexp(t, `^app/1\.2 twilio-conversations-go/\S+ \(go\S*\)$`, req.Header.Get("User-Agent"))
		return oneJSON(req, 204, "")
	}, client.WithUserAgent("app/1.2"))
	require.NoError(t, c.Conversations.Delete(t.Context(), conversationSID(1)))
	for _, bad := range []string{"", "app\r\nX: y", "app\x00", "äpp"} {
		_, err := client.New(client.BasicAuth(accountSID, authToken), client.WithUserAgent(bad))
		isParamError(t, err, 0)
	}
}

// The name of an operation reaches what names spans after it, and holds no id.
func TestPromise17Operation(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var seen []string
	c := newTruthClient(t, func(req *http.Request) (*http.Response, error) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, client.Operation(req.Context()))
		switch req.Method {
		case http.MethodGet:
			return oneJSON(req, 200, conversationJSON(conversationSID(1)))
		case http.MethodDelete:
			return oneJSON(req, 204, "")
		}
		return oneJSON(req, 201, conversationJSON(conversationSID(1)))
	})
	for _, r := range []*client.Conversations{c.Conversations, c.Service(serviceSID).Conversations} {
		_, err := r.Fetch(t.Context(), conversationSID(1))
		require.NoError(t, err)
		require.NoError(t, r.Delete(t.Context(), conversationSID(1)))
		_, err = r.Create(t.Context(), client.CreateParams{})
		require.NoError(t, err)
	}
	assert.Equal(t, []string{"fetchConversation", "deleteConversation", "createConversation",
		"fetchServiceConversation", "deleteServiceConversation", "createServiceConversation"}, seen)
	assert.Empty(t, client.Operation(context.Background()))
}
