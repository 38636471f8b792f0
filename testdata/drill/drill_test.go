// Package drill changes the description of the API in a copy of the module, as Twilio does from time to
// time, and checks that each step of a maintainer is told the next one: by the compiler or by one test
// that names the place. Its log is what the maintainer sees.
package drill

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// scratch is the copy of the module.
type scratch struct {
	*testing.T
	dir string
}

func newScratch(t *testing.T) scratch {
	t.Helper()
	s := scratch{t, t.TempDir()}
	root := filepath.Join("..", "..")
	for _, name := range []string{"api", "gen", "client", filepath.Join("testdata", "wire")} {
		require.NoError(t, os.CopyFS(filepath.Join(s.dir, name), os.DirFS(filepath.Join(root, name))))
	}
	for _, name := range []string{"go.mod", "go.sum", "generate.go", "tools.go"} {
		data, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(s.dir, name), data, 0o644))
	}
	return s
}

// add adds lines to a file, after others that are there once.
func (s scratch) add(file, after, lines string) {
	s.Helper()
	name := filepath.Join(s.dir, file)
	data, err := os.ReadFile(name)
	require.NoError(s, err)
	require.Equal(s, 1, strings.Count(string(data), after), "%s has moved in %s: move it in this test too", after, file)
	require.NoError(s, os.WriteFile(name, []byte(strings.Replace(string(data), after, after+lines, 1)), 0o644))
	s.Logf("%s:\n%s", file, "+"+strings.ReplaceAll(strings.TrimSuffix(lines, "\n"), "\n", "\n+"))
}

// run runs a command in the copy and returns what it printed.
func (s scratch) run(command string) (output string, ok bool) {
	s.Helper()
	args := strings.Fields(command)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = s.dir
	out, err := cmd.CombinedOutput()
	s.Logf("$ %s\n%s", command, out)
	return string(out), err == nil
}

func (s scratch) read(pattern string) string {
	s.Helper()
	names, err := filepath.Glob(filepath.Join(s.dir, pattern))
	require.NoError(s, err)
	require.NotEmpty(s, names)
	var all strings.Builder
	for _, name := range names {
		data, err := os.ReadFile(name)
		require.NoError(s, err)
		all.Write(data)
	}
	return all.String()
}

func TestSpecChange(t *testing.T) {
	t.Parallel()
	s := newScratch(t)

	// A form field and a field of the answer join the description.
	s.add("api/openapi.yaml", `        Bindings.Email.Name:
          description: The default name that outbound email of the conversation is sent from.
          type: string
`, `        Topic:
          description: What the conversation is about.
          type: string
`)
	s.add("api/openapi.yaml", `        bindings:
          $ref: '#/components/schemas/ConversationBindings'
`, `        topic:
          description: What the conversation is about.
          type: string
          nullable: true
`)
	_, ok := s.run("go generate ./...")
	require.True(t, ok)
	generated := s.read("gen/*.go")
	assert.Contains(t, generated, "\tTopic *string `json:\"Topic,omitempty\"`\n")
	assert.Contains(t, generated, "\tTopic string `json:\"topic,omitempty\"`\n")

	// The compiler wants the field of the answer, and all that it says is about the one type.
	out, ok := s.run("go build ./...")
	require.False(t, ok)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	assert.Equal(t, "# github.com/twilio-conversations-go/conversations/client", lines[0])
	for _, line := range lines[1:] {
		assert.Regexp(t, `^client/\w+\.go:\d+:\d+: cannot convert .* \(.* of type \*gen\.ConversationsV1Conversation\) to type \*Conversation$`, line)
	}
	s.add("client/conversations.go", "\tLinks Links `json:\"links\"`\n", "\t// Topic is what the conversation is about.\n\tTopic string `json:\"topic\"`\n")
	_, ok = s.run("go build ./...")
	require.True(t, ok)

	// A test wants the form field, and names the function to extend.
	out, ok = s.run("go test -run=TestWrappersSendEveryField ./client")
	require.False(t, ok)
	assert.Regexp(t, `extra elements in list A:\s+\(\[\]interface \{\}\) \(len=1\) \{\s+\(string\) \(len=5\) "Topic"`, out)
	assert.Contains(t, out, "form fields; see CreateParams.form\n")
	s.add("client/params.go", "\tBindingsEmailName *string\n", "\t// Topic is what the conversation is about.\n\tTopic *string\n")
	s.add("client/params.go", "p.BindingsEmailName, 0),\n", "\t\tTopic:                c.text(\"Topic\", \"\", p.Topic, 0),\n")
	s.add("client/wire_test.go", "\t\tBindingsEmailName:    new(\"Support, EU\"),\n", "\t\tTopic:                new(\"Delivery\"),\n")
	_, ok = s.run("go test -run=TestWrappersSendEveryField ./client")
	assert.True(t, ok)

	// The golden files of the four operations with a form have it when they are written again.
	_, ok = s.run("go test -run=TestWire ./client -update")
	require.True(t, ok)
	assert.Equal(t, 4, strings.Count(s.read("testdata/wire/*.golden"), "Topic=Delivery"))

	// What is left is the emulator, which does not know the field yet.
	out, ok = s.run("go test -run=TestEmulatorShowsEveryField ./client")
	require.False(t, ok)
	assert.Contains(t, out, "Topic is not emulated; see resource in conversationstest\n")
}
