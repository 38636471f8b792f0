package client_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/client"
	"github.com/twilio-conversations-go/conversations/client/conversationstest"
)

func TestInvalidParamsAreNotSent(t *testing.T) {
	t.Parallel()
	c := newClient(t, newScript(t))
	for name, tc := range map[string]struct {
		params client.CreateParams
		param  string
	}{
		"friendly name too long":      {client.CreateParams{FriendlyName: new(strings.Repeat("ü", 1<<12))}, "FriendlyName"},
		"friendly name not UTF-8":     {client.CreateParams{FriendlyName: new("\xff")}, "FriendlyName"},
		"unique name is a SID":        {client.CreateParams{UniqueName: new("CH" + strings.Repeat("0aF1", 8))}, "UniqueName"},
		"unique name is a dot":        {client.CreateParams{UniqueName: new(".")}, "UniqueName"},
		"unique name is two dots":     {client.CreateParams{UniqueName: new("..")}, "UniqueName"},
		"unique name not UTF-8":       {client.CreateParams{UniqueName: new("a\x80")}, "UniqueName"},
		"attributes as a string":      {client.CreateParams{Attributes: `{"a":1}`}, "Attributes"},
		"attributes as bytes":         {client.CreateParams{Attributes: []byte(`{"a":1}`)}, "Attributes"},
		"attributes malformed":        {client.CreateParams{Attributes: json.RawMessage(`{"a":`)}, "Attributes"},
		"attributes empty":            {client.CreateParams{Attributes: json.RawMessage{}}, "Attributes"},
		"attributes not UTF-8":        {client.CreateParams{Attributes: json.RawMessage("\"\xff\"")}, "Attributes"},
		"attributes not encodable":    {client.CreateParams{Attributes: make(chan int)}, "Attributes"},
		"attributes too long":         {client.CreateParams{Attributes: map[string]string{"a": strings.Repeat("x", 16<<10)}}, "Attributes"},
		"state unknown":               {client.CreateParams{State: new(client.State("open"))}, "State"},
		"state initializing":          {client.CreateParams{State: new(client.StateInitializing)}, "State"},
		"date no scan could read":     {client.CreateParams{DateCreated: new(time.Date(1, 1, 1, 0, 0, 0, 1e6, time.UTC))}, "DateCreated"},
		"state empty":                 {client.CreateParams{State: new(client.State(""))}, "State"},
		"created closed":              {client.CreateParams{State: new(client.StateClosed)}, "State"},
		"inactive after too little":   {client.CreateParams{InactiveAfter: new(59 * time.Second)}, "InactiveAfter"},
		"inactive after a fraction":   {client.CreateParams{InactiveAfter: new(time.Minute + time.Millisecond)}, "InactiveAfter"},
		"inactive after a past":       {client.CreateParams{InactiveAfter: new(-time.Hour)}, "InactiveAfter"},
		"closed after too little":     {client.CreateParams{ClosedAfter: new(10*time.Minute - time.Second)}, "ClosedAfter"},
		"messaging service malformed": {client.CreateParams{MessagingServiceSID: new("MG123")}, "MessagingServiceSID"},
		"messaging service other":     {client.CreateParams{MessagingServiceSID: new("IS" + strings.Repeat("0", 32))}, "MessagingServiceSID"},
		"zero date":                   {client.CreateParams{DateCreated: new(time.Time{})}, "DateCreated"},
		"date too late":               {client.CreateParams{DateUpdated: new(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC))}, "DateUpdated"},
		"address not UTF-8":           {client.CreateParams{BindingsEmailAddress: new("\xff")}, "BindingsEmailAddress"},
		"sender not UTF-8":            {client.CreateParams{BindingsEmailName: new("\xff")}, "BindingsEmailName"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := c.Conversations.Create(t.Context(), tc.params)
			assert.Equal(t, tc.param, paramError(t, err).Param)
			if name != "created closed" {
				_, err = c.Conversations.Update(t.Context(), "order-1234", client.UpdateParams(tc.params))
				assert.Equal(t, tc.param, paramError(t, err).Param)
			}
		})
	}
}

// What is wrong with a parameter is said with its limit.
func TestParamErrorText(t *testing.T) {
	t.Parallel()
	longest := longestFriendlyName(t)
	c := newClient(t, newScript(t))
	for text, params := range map[string]client.CreateParams{
		fmt.Sprintf("FriendlyName: must be at most %d characters", longest):                {FriendlyName: new(strings.Repeat("x", longest+1))},
		"MessagingServiceSID (MessagingServiceSid): must be MG and 32 hexadecimal digits":  {MessagingServiceSID: new("MG123")},
		"InactiveAfter (Timers.Inactive): must be at least 1m0s, or 0 to remove the timer": {InactiveAfter: new(time.Second)},
		"ClosedAfter (Timers.Closed): must be at least 10m0s, or 0 to remove the timer":    {ClosedAfter: new(time.Minute)},
	} {
		_, err := c.Conversations.Create(t.Context(), params)
		assert.EqualError(t, err, text)
	}
}

// Requests that would reach the collection, or what is above it, are not sent.
func TestInvalidIDsAreNotSent(t *testing.T) {
	t.Parallel()
	c := newClient(t, newScript(t))
	for _, id := range []string{"", ".", ".."} {
		_, err := c.Conversations.Fetch(t.Context(), id)
		assert.Equal(t, "id", paramError(t, err).Param)
		_, err = c.Conversations.Update(t.Context(), id, client.UpdateParams{})
		assert.Equal(t, "id", paramError(t, err).Param)
		assert.Equal(t, "id", paramError(t, c.Conversations.Delete(t.Context(), id)).Param)
	}
	for _, sid := range []string{"", ".", "..", "IS123", "is" + strings.Repeat("0", 32), "IS" + strings.Repeat("g", 32), "IS" + strings.Repeat("0", 31) + "/", serviceSID + "0"} {
		for verb, do := range verbs {
			assert.Equal(t, "service SID", paramError(t, do(t.Context(), c.Service(sid).Conversations)).Param, verb)
		}
	}
	for _, verb := range []string{"fetch", "list"} {
		var err error
		if verb == "fetch" {
			_, err = c.Conversations.Fetch(t.Context(), "order-1234", client.WithWebhookEnabled(true))
		} else {
			_, err = c.Conversations.Page(t.Context(), client.ListParams{}, client.WithWebhookEnabled(false))
		}
		assert.Equal(t, "WithWebhookEnabled", paramError(t, err).Param)
	}
}

// hostileNames are unique names that a careless client would turn into another URL.
var hostileNames = []string{
	"a/b", "/", "//", "../x", "a/..", "a/../b", "./a", "...", "a b", " ", "+", "?", "a?State=closed", "#", "a#b", "%", "%2e", "%2e%2e", "%2F", "%00", "%zz",
	"ü", "日本語", "🙂", "\u202e", "a&b=c", "a;b", ":", "http://evil.example/", "//evil.example", "@", "user:pass@host", "\\", "..\\", "{Sid}", "'\"", "\t", "\n", "\x00", "a\r\nHost: evil.example",
	"CH123", "Conversations", strings.Repeat("n", 256),
}

func TestAnyOtherNameReachesItsConversation(t *testing.T) {
	t.Parallel()
	server := conversationstest.Start(t)
	conversations := map[string]*client.Conversations{"default": server.Client().Conversations, "service": server.Client().Service(serviceSID).Conversations}
	for scope, c := range conversations {
		sids := map[string]string{}
		for _, name := range hostileNames {
			conv, err := c.Create(t.Context(), client.CreateParams{UniqueName: &name})
			require.NoError(t, err, "%q", name)
			sids[name] = conv.SID
		}
		for i, name := range hostileNames {
			conv, err := c.Fetch(t.Context(), name)
			require.NoError(t, err, "%s %q", scope, name)
			assert.Equal(t, sids[name], conv.SID, "%q", name)
			assert.Equal(t, name, conv.UniqueName)
			conv, err = c.Update(t.Context(), name, client.UpdateParams{FriendlyName: &name})
			require.NoError(t, err, "%q", name)
			assert.Equal(t, sids[name], conv.SID)
			require.NoError(t, c.Delete(t.Context(), name), "%q", name)
			assert.Len(t, server.Conversations(conv.ChatServiceSID), len(hostileNames)-i-1, "deleting %q", name)
		}
	}
}

func FuzzID(f *testing.F) {
	for _, name := range append(hostileNames, "", ".", "..") {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, id string) {
		var sent *http.Request
		c := newClient(t, roundTripper(func(req *http.Request) (*http.Response, error) {
			sent = req
			return answer(http.StatusNoContent, "", "")(req)
		}))
		err := c.Conversations.Delete(t.Context(), id)
		if id == "" || id == "." || id == ".." {
			paramError(t, err)
			assert.Nil(t, sent)
			return
		}
		require.NoError(t, err)
		assert.Equal(t, "conversations.twilio.com", sent.URL.Host)
		assert.Empty(t, sent.URL.RawQuery)
		segment, ok := strings.CutPrefix(sent.URL.EscapedPath(), "/v1/Conversations/")
		require.True(t, ok, sent.URL.EscapedPath())
		assert.NotContains(t, segment, "/")
		got, err := url.PathUnescape(segment)
		require.NoError(t, err)
		assert.Equal(t, id, got)
	})
}
