package client_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The Go code in the README compiles. A block that is not a whole file is put in a function, with
// the variables that it uses as parameters.
func TestREADMECompiles(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?ms)^```go\n(.*?)^```$").FindAllSubmatch(readme, -1)
	require.Greater(t, len(blocks), 5)

	const prelude = `package readme

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"testing"
	"time"

	"github.com/twilio-conversations-go/conversations/client"
	"github.com/twilio-conversations-go/conversations/client/conversationstest"
	"github.com/twilio-conversations-go/conversations/client/webhook"
)

var (
	_ = errors.New
	_ = fmt.Println
	_ = log.Print
	_ time.Duration
	_ context.Context
	_ http.Client
	_ testing.TB
	_ conversationstest.Fault
	_ = webhook.New

	accountSID, authToken, apiKeySID, apiKeySecret string

	accessToken func(context.Context) (string, error)
	auth        client.RequestEditor
	attributes  any
	openOrder   func(context.Context, *client.Client, string) error
)
`
	// The files exist in an overlay only, so that the module is not changed.
	dir, err := filepath.Abs(".")
	require.NoError(t, err)
	scratch := t.TempDir()
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	overlayFile := filepath.Join(scratch, "overlay.json")
	args := []string{"build", "-overlay", overlayFile, "-o", os.DevNull}
	for i, block := range blocks {
		code, pkg := string(block[1]), fmt.Sprintf("readme%d", i)
		switch {
		case strings.HasPrefix(code, "package "):
		case strings.HasPrefix(code, "func "):
			code = prelude + code
		default:
			code = prelude + "\nfunc readme(ctx context.Context, c *client.Client, t *testing.T, httpClient *http.Client, conv *client.Conversation, err error) error {\n{\n" +
				code + "\n_, _, _, _ = c, httpClient, conv, err\n}\nreturn nil\n}\n"
			pkg = fmt.Sprintf("readme%d", i)
		}
		file := filepath.Join(scratch, fmt.Sprintf("block%d.go", i))
		require.NoError(t, os.WriteFile(file, []byte(code), 0o644))
		overlay.Replace[filepath.Join(dir, "examples", pkg, "block.go")] = file
		args = append(args, "./examples/"+pkg)
	}
	data, err := json.Marshal(overlay)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(overlayFile, data, 0o644))
	out, err := exec.Command("go", args...).CombinedOutput()
	assert.NoError(t, err, "%s", out)
}
