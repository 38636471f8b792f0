package interop

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/client/conversationstest"
)

// snippet returns the README's code block in a language, with the address of another emulator.
func snippet(t *testing.T, language, url string) string {
	t.Helper()
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	block := regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllSubmatch(readme, -1)
	require.Len(t, block, 1)
	return strings.ReplaceAll(string(block[0][1]), "http://127.0.0.1:4010", url)
}

// uniqueNames returns the unique names of the default service's conversations.
func uniqueNames(server *conversationstest.Server) (names []string) {
	for _, conv := range server.Conversations("") {
		names = append(names, conv.UniqueName)
	}
	return names
}

func TestREADMEShell(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil && os.Getenv("CI") == "" {
		t.Skip("the shell snippet was left out: there is no curl")
	}
	server := conversationstest.Start(t)
	out, err := exec.Command("sh", "-c", strings.Replace(snippet(t, "sh", server.URL), "curl", "curl -sS --fail-with-body", 1)).CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Equal(t, []string{"order-1"}, uniqueNames(server))
}

func TestREADMENode(t *testing.T) {
	t.Parallel()
	needNode(t)
	server := conversationstest.Start(t)
	cmd := exec.Command("node", "-")
	cmd.Dir = "node"
	cmd.Stdin = strings.NewReader(snippet(t, "js", server.URL))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Regexp(t, `^CH[0-9a-f]{32} active\norder-5678\n$`, string(out))
	assert.Equal(t, []string{"order-5678"}, uniqueNames(server))
}

// The Go snippet compiles, and its client reaches the emulator.
func TestREADMEGo(t *testing.T) {
	t.Parallel()
	emulator, err := conversationstest.New()
	require.NoError(t, err)
	server := httptest.NewServer(emulator)
	t.Cleanup(server.Close)
	const frame = `package main

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	twilio "github.com/twilio/twilio-go/client"
	openapi "github.com/twilio/twilio-go/rest/conversations/v1"
)

func main() {
	params := &openapi.CreateConversationParams{}
	params.SetUniqueName("order-5678")
	conv, err := newClient(os.Args[1], os.Args[2]).CreateConversation(params)
	if err != nil {
		panic(err)
	}
	fmt.Println(*conv.State)
}

`
	scratch := t.TempDir()
	source := filepath.Join(scratch, "main.go")
	require.NoError(t, os.WriteFile(source, []byte(frame+snippet(t, "go", server.URL)), 0o644))
	here, err := filepath.Abs("readme")
	require.NoError(t, err)
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {filepath.Join(here, "main.go"): source}})
	require.NoError(t, err)
	overlayFile := filepath.Join(scratch, "overlay.json")
	require.NoError(t, os.WriteFile(overlayFile, overlay, 0o644))
	var stderr bytes.Buffer
	cmd := exec.Command("go", "run", "-overlay", overlayFile, "./readme", accountSID, authToken)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%s", stderr.String())
	assert.Equal(t, "active\n", string(out))
	require.Len(t, emulator.Requests(), 1)
	assert.Equal(t, url.Values{"UniqueName": {"order-5678"}}, emulator.Requests()[0].Form)
}
