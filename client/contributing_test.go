package client_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func readRoot(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", name))
	require.NoError(t, err)
	return string(data)
}

// What the maintainers' guide names is there: files, declarations and tests.
func TestGuideNamesWhatExists(t *testing.T) {
	t.Parallel()
	guide := readRoot(t, ".github/CONTRIBUTING.md")
	_, err := os.Stat("../Makefile")
	inCopy := err != nil // of a drill, which lacks what no drill changes
	sources := ""
	for _, pattern := range []string{"*.go", "conversationstest/*.go", "internal/fidelity/*.go"} {
		names, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, name := range names {
			sources += readRoot(t, filepath.Join("client", name))
		}
	}
	for _, quoted := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(guide, -1) {
		text := strings.TrimPrefix(quoted[1], "new file ")
		file, declaration, both := strings.Cut(text, ": ")
		switch {
		case text != quoted[1], strings.HasPrefix(text, "Deprecated"): // made by a change
		case both:
			name := declaration[strings.LastIndex(declaration, ".")+1:]
			assert.Regexp(t, `(?m)^(func |type |var |const |\t).*\b`+name+`\b`, readRoot(t, file), text)
		case strings.HasPrefix(text, "go "):
			if name := regexp.MustCompile(`-run (\w+)`).FindStringSubmatch(text); name != nil && name[1] != "TestChanges" {
				assert.Contains(t, sources, "func "+name[1]+"(", text)
			}
		case inCopy && (strings.HasPrefix(text, "make ") || strings.HasPrefix(text, "testdata/")):
		case strings.HasPrefix(text, "make "):
			target := strings.Fields(text)[1]
			assert.Contains(t, readRoot(t, "Makefile"), "\n"+target+": ", text)
		case strings.ContainsAny(text, "/"):
			_, err := os.Stat(filepath.Join("..", text))
			assert.NoError(t, err, text)
		default:
			assert.Regexp(t, `(?m)^(func (\(.*\) )?|type |const |var )`+text+`\b`, sources, text)
		}
	}
	assert.NotContains(t, guide, "\t")
}

// The newest version of the changelog is that of the client. The release workflow compares it with
// the tag.
func TestChangelogHasTheVersion(t *testing.T) {
	t.Parallel()
	version := regexp.MustCompile(`const version = "(.*)"`).FindStringSubmatch(readRoot(t, "client/client.go"))
	require.NotNil(t, version)
	newest := regexp.MustCompile(`(?m)^## (.*)$`).FindStringSubmatch(readRoot(t, ".github/CHANGELOG.md"))
	require.NotNil(t, newest)
	assert.Equal(t, "v"+version[1], newest[1])
}
