package client_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/client"
)

// An unexpected response that Twilio may well send is not an error.
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

func TestDecodeNoAttributes(t *testing.T) {
	t.Parallel()
	conv, err := newClient(t, newScript(t, jsonAnswer(200, conversation("attributes", "null")))).Conversations.Fetch(t.Context(), "order-1234")
	require.NoError(t, err)
	var v map[string]any
	require.NoError(t, conv.DecodeAttributes(&v))
	assert.Empty(t, v)
}
