package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/client/conversationstest"
)

func TestQuickstart(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	require.Zero(t, run(t.Context(), nil, &stdout, &stderr), stderr.String())
	assert.Empty(t, stderr.String())
	lines := strings.Split(strings.TrimSpace(stdout.String()), "\n")
	require.Len(t, lines, 11)
	var want, performed []string
	for _, scope := range []string{"", "Service"} {
		for _, verb := range []string{"create", "fetch", "list", "update", "delete"} {
			want = append(want, verb+scope+"Conversation")
		}
	}
	for _, line := range lines[:10] {
		performed = append(performed, strings.Fields(line)[0])
	}
	assert.ElementsMatch(t, want, performed)
	assert.Equal(t, "10 of 10 operations", lines[10])
}

func TestQuickstartOnAnotherServer(t *testing.T) {
	server := conversationstest.Start(t)
	t.Setenv("TWILIO_API_KEY", "")
	t.Setenv("TWILIO_ACCOUNT_SID", server.AccountSID)
	t.Setenv("TWILIO_AUTH_TOKEN", server.AuthToken)
	var stdout, stderr bytes.Buffer
	require.Zero(t, run(t.Context(), []string{"-base-url", server.URL}, &stdout, &stderr), stderr.String())
	assert.Empty(t, server.Conversations(""), "it cleans up")

	t.Setenv("TWILIO_AUTH_TOKEN", "wrong")
	stderr.Reset()
	assert.Equal(t, 1, run(t.Context(), []string{"-base-url", server.URL}, &stdout, &stderr))
	assert.Regexp(t, `^quickstart: createConversation: 401 Unauthorized: .*no conversation was created\n$`, stderr.String())
}
