package main

import (
	"debug/buildinfo"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/client/conversationstest"
)

// The program is built and run as its user would do it.
func TestProgram(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "consumer")
	out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput()
	require.NoError(t, err, "%s", out)

	server := conversationstest.Start(t)
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), "BASE_URL="+server.URL,
		"TWILIO_API_KEY=", "TWILIO_API_SECRET=", "TWILIO_REGION=", "TWILIO_EDGE=",
		"TWILIO_ACCOUNT_SID="+server.AccountSID, "TWILIO_AUTH_TOKEN="+server.AuthToken)
	out, err = cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Equal(t, `opened: order-1234 active {"order":1234} 24h0m0s
listed: order-1234
closed: true
deleted: true
`, string(out))

	// These are all modules that the client brings with it. Users must trust and update each of
	// them.
	info, err := buildinfo.ReadFile(program)
	require.NoError(t, err)
	var linked []string
	for _, module := range info.Deps {
		linked = append(linked, module.Path)
	}
	assert.ElementsMatch(t, []string{
		"github.com/apapsch/go-jsonmerge/v2", // of the runtime
		"github.com/go-json-experiment/json",
		"github.com/google/uuid", // of the runtime
		"github.com/oapi-codegen/runtime",
		"github.com/twilio-conversations-go/conversations",
	}, linked)
}

// In a user's test, the same code runs against an emulator in the process, which checks each
// request.
func TestRun(t *testing.T) {
	t.Parallel()
	server := conversationstest.Start(t)
	require.NoError(t, run(t.Context(), server.Client().Conversations))
	assert.Empty(t, server.Conversations(""))
	assert.Len(t, server.Requests(), 7)
}
