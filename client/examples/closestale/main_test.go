package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/client/conversationstest"
)

// seed makes 300 conversations. 240 of them were not updated for 100 days; 40 of those are closed.
func seed(t *testing.T, server *conversationstest.Emulator) {
	now := time.Now()
	for i := range 300 {
		conv := conversationstest.Conversation{
			FriendlyName: fmt.Sprint("Order ", i),
			State:        []string{"active", "inactive"}[i%2],
			DateCreated:  now.AddDate(0, 0, -100-i),
		}
		conv.DateUpdated = now.AddDate(0, 0, -100)
		switch {
		case i < 40:
			conv.State = "closed"
		case i < 70:
			conv.DateUpdated = now.AddDate(0, 0, -80)
		case i < 100:
			conv.DateCreated, conv.DateUpdated = now, now
		}
		_, err := server.Seed(conv)
		require.NoError(t, err)
	}
}

func open(server *conversationstest.Emulator) (n int) {
	for _, conv := range server.Conversations("") {
		if conv.State != "closed" {
			n++
		}
	}
	return n
}

func start(t *testing.T) *conversationstest.Server {
	server := conversationstest.Start(t)
	seed(t, server.Emulator)
	t.Setenv("TWILIO_API_KEY", "")
	t.Setenv("TWILIO_ACCOUNT_SID", server.AccountSID)
	t.Setenv("TWILIO_AUTH_TOKEN", server.AuthToken)
	return server
}

func TestCloseStale(t *testing.T) {
	server := start(t)
	var stdout, stderr bytes.Buffer
	args := []string{"-base-url", server.URL, "-rate", "10000"}
	require.Zero(t, run(t.Context(), args, &stdout, &stderr), stderr.String())
	assert.Equal(t, 200, strings.Count(stdout.String(), "last updated"))
	assert.Contains(t, stdout.String(), "\nwould close 200 of 270 conversations\nNothing was changed.")
	assert.Equal(t, 260, open(server.Emulator), "nothing is closed unless asked for")

	// One fails.
	server.Fail("updateConversation", conversationstest.Fault{Status: 403})
	stdout.Reset()
	require.Equal(t, 1, run(t.Context(), append(args, "-close"), &stdout, &stderr))
	assert.Equal(t, "closed 199 of 200 conversations, 1 failed\n", stdout.String())
	assert.Regexp(t, `^closestale: CH[0-9a-f]{32}: updateConversation CH[0-9a-f]{32}: 403 Forbidden.*\n$`, stderr.String())

	// It is left for the next time; the others are not touched again.
	stdout.Reset()
	stderr.Reset()
	require.Zero(t, run(t.Context(), append(args, "-close"), &stdout, &stderr))
	assert.Equal(t, "closed 1 of 1 conversations, 0 failed\n", stdout.String())
	assert.Empty(t, stderr.String(), "no progress where there is no terminal")
	assert.Equal(t, 60, open(server.Emulator))
}

func TestCloseStaleCanBeInterrupted(t *testing.T) {
	server := start(t)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var updates atomic.Int64
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && updates.Add(1) == 5 {
			interrupt()
		}
		server.ServeHTTP(w, r)
	}))
	defer front.Close()
	var stdout, stderr bytes.Buffer
	args := []string{"-base-url", front.URL, "-close", "-rate", "10000"}
	assert.Equal(t, 130, run(ctx, args, &stdout, &stderr))
	assert.Equal(t, "closestale: interrupted; run it again to resume\n", stderr.String())
	closed := 260 - open(server.Emulator)
	assert.EqualValues(t, updates.Load(), closed, "every update that was sent has ended")
	assert.Regexp(t, fmt.Sprintf(`^closed %d of 200 conversations, 0 failed\n$`, closed), stdout.String())
	assert.Less(t, closed, 200)

	stdout.Reset()
	require.Zero(t, run(t.Context(), args, &stdout, &stderr))
	assert.Equal(t, fmt.Sprintf("closed %[1]d of %[1]d conversations, 0 failed\n", 200-closed), stdout.String())
}

func TestCloseStaleRefuses(t *testing.T) {
	t.Setenv("TWILIO_API_KEY", "")
	t.Setenv("TWILIO_ACCOUNT_SID", "")
	for _, args := range [][]string{nil, {"-days", "0"}, {"-nonsense"}, {"all"}} {
		var stdout, stderr bytes.Buffer
		assert.Equal(t, 2, run(t.Context(), args, &stdout, &stderr))
		assert.NotEmpty(t, stderr.String())
	}
}

func TestCloseStaleInterruptedWhileLooking(t *testing.T) {
	server := start(t)
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	var stdout, stderr bytes.Buffer
	assert.Equal(t, 130, run(ctx, []string{"-base-url", server.URL, "-close"}, &stdout, &stderr))
	assert.Equal(t, "closestale: interrupted; run it again to resume\n", stderr.String())
	assert.Empty(t, stdout.String())
}

// Both kinds of progress, in a bubble, where time passes only by Sleep.
func TestProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		plain := newProgress(&out)
		text := func() string { return "closed 1 of 20, 0 failed" }
		plain.show(text)
		assert.Empty(t, out.String(), "nothing has lasted long yet")
		time.Sleep(10 * time.Second)
		plain.show(text)
		plain.show(text)
		plain.print(&out, "message\n")
		assert.Equal(t, "closestale: closed 1 of 20, 0 failed\nmessage\n", out.String())

		out.Reset()
		terminal := &progress{out: &out, columns: func() int { return 12 }, interval: time.Second}
		terminal.show(text)
		terminal.show(text)
		terminal.print(&out, "message\n")
		terminal.show(text)
		line := eraseLine + "closed 1 of"
		assert.Equal(t, line+eraseLine+"message\n"+line, out.String(), "cut to the width of the terminal")
	})
}

func TestRateAndTimeLeft(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "1900/s", perSecond(19_000, 10*time.Second))
	assert.Equal(t, "0.5/s", perSecond(10, 20*time.Second))
	assert.Equal(t, "10s left", timeLeft(288, 576, 10*time.Second))
	assert.Equal(t, "3m0s left", timeLeft(10, 100, 20*time.Second))
	assert.Equal(t, "0s left", timeLeft(10, 9, 10*time.Second), "more were found than were counted")
}
