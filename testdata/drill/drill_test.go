// Package drill rehearses changes of the description of the API. Each change is made on a copy of
// the module, until go test ./... is green. Before each step, the output of the failed command must
// name it. The places that had to be edited by hand are counted and printed into the table of
// .github/CONTRIBUTING.md.
//
// The changes are data; see changes_test.go.
package drill

import (
	"crypto/sha256"
	"encoding/binary"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write what the drills print into .github/CONTRIBUTING.md")

// change is a change of the description and what a maintainer does about it.
type change struct {
	row, kind   string // of the table of costs; the row begins as in testdata/upstream/compare.go
	description []edit
	unfinished  *unfinished // an operation that is not emulated yet
	steps       []step
	most        int // places that may have to be edited by hand, without tests
}

// unfinished is an operation that is described but not emulated, with a path that calls it. The
// emulator must not mistake it for another operation.
type unfinished struct{ path, id string }

// test is a test of it for package conversationstest.
func (u unfinished) test() string {
	return `package conversationstest

import "testing"

func TestUnfinished(t *testing.T) {
	s := Start(t, InMemory())
	seed(t, s, Conversation{UniqueName: "a"})
	r := get(t, s, "` + u.path + `")
	if r.StatusCode != 501 {
		t.Fatal(r.StatusCode)
	}
	t.Log(r.body["message"])
}
`
}

// step is what a maintainer does after a command failed.
type step struct {
	command string
	says    []string // each in a line of what the command prints, and each followed by one of the edits
	edits   []edit
}

// edit replaces a text that a file contains once. A new file has no old text.
type edit struct {
	file, old, new string
	often          bool // the file has the text several times
}

// after adds lines after others.
func after(file, lines, added string) edit { return edit{file: file, old: lines, new: lines + added} }

// before adds lines before others.
func before(file, lines, added string) edit { return edit{file: file, old: lines, new: added + lines} }

// place is where an edit is made: a declaration of a file. New declarations count with an edited
// one of the same file.
func (e edit) place(source string) string {
	switch {
	case e.old == "":
		return "new file " + e.file
	case !strings.HasSuffix(e.file, ".go"):
		return e.file
	}
	same := 0
	for same < len(e.old) && same < len(e.new) && e.old[same] == e.new[same] {
		same++
	}
	at := strings.Index(source, e.old) + same
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, e.file, source, parser.SkipObjectResolution)
	if err != nil {
		panic(err)
	}
	for _, decl := range file.Decls {
		if files.Position(decl.Pos()).Offset <= at && at < files.Position(decl.End()).Offset {
			return e.file + ": " + declared(decl)
		}
	}
	return e.file
}

// declared returns the name of a declaration, such as CreateParams.form.
func declared(decl ast.Decl) string {
	switch decl := decl.(type) {
	case *ast.FuncDecl:
		if decl.Recv == nil {
			return decl.Name.Name
		}
		receiver := decl.Recv.List[0].Type
		if star, ok := receiver.(*ast.StarExpr); ok {
			receiver = star.X
		}
		return receiver.(*ast.Ident).Name + "." + decl.Name.Name
	case *ast.GenDecl:
		switch spec := decl.Specs[0].(type) {
		case *ast.TypeSpec:
			return spec.Name.Name
		case *ast.ValueSpec:
			return spec.Names[0].Name
		}
	}
	return "imports"
}

// scratch is a copy of the module. It always has the same path, and the modification times of its
// files follow from their contents. go test can therefore reuse the results of earlier tests.
type scratch struct {
	*testing.T
	dir    string
	places []string // that were edited by hand
}

var root = filepath.Join("..", "..")

func newScratch(t *testing.T, name string) *scratch {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join(".copies", name))
	require.NoError(t, err)
	require.NoError(t, os.RemoveAll(dir))
	s := &scratch{T: t, dir: dir}
	for _, tree := range []string{"api", "gen", "client", "testdata/wire", "README.md", ".github", "go.mod", "go.sum", "generate.go", "tools.go"} {
		require.NoError(t, filepath.WalkDir(filepath.Join(root, tree), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			name, err := filepath.Rel(root, path)
			s.write(name, data)
			return err
		}))
	}
	return s
}

func (s *scratch) write(name string, data []byte) {
	s.Helper()
	path := filepath.Join(s.dir, name)
	require.NoError(s, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(s, os.WriteFile(path, data, 0o644))
	sum := sha256.Sum256(data)
	at := time.Unix(int64(binary.BigEndian.Uint32(sum[:])>>2), 0) // in the past
	require.NoError(s, os.Chtimes(path, at, at))
}

func (s *scratch) read(name string) string {
	s.Helper()
	data, err := os.ReadFile(filepath.Join(s.dir, name))
	require.NoError(s, err)
	return string(data)
}

func (s *scratch) apply(edits []edit, byHand bool) {
	s.Helper()
	for _, e := range edits {
		source := ""
		if e.old != "" {
			source = s.read(e.file)
			count := strings.Count(source, e.old)
			require.True(s, count == 1 || e.often && count > 1, "%s has %d times, not once: follow it in changes_test.go:\n%s", e.file, count, e.old)
		}
		if place := e.place(source); byHand && !slices.Contains(s.places, place) {
			s.places = append(s.places, place)
		}
		s.write(e.file, []byte(strings.ReplaceAll(source, e.old, e.new)))
		s.Logf("%s:\n%s", e.file, e.new)
	}
}

// run runs a command in the copy and returns its output.
func (s *scratch) run(command string) (output string, ok bool) {
	s.Helper()
	args := strings.Fields(command)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-trimpath") // what the copies share is built once
	out, err := cmd.CombinedOutput()
	s.Logf("$ %s\n%s", command, out)
	return string(out), err == nil
}

// fixTimes sets the modification times of files that a command wrote, by their contents.
func (s *scratch) fixTimes(trees ...string) {
	s.Helper()
	for _, tree := range trees {
		names, err := filepath.Glob(filepath.Join(s.dir, tree, "*"))
		require.NoError(s, err)
		for _, name := range names {
			name, err := filepath.Rel(s.dir, name)
			require.NoError(s, err)
			s.write(name, []byte(s.read(name)))
		}
	}
}

const (
	describedTests = "go test ./api ./client ./client/conversationstest -run ^(TestEvery|TestGenerated|TestConversation|TestDocument|TestExamples|TestSchemas|TestOperations|TestWrappers|TestEmulator|TestLimits|TestStates)"
	manifestTest   = "go test ./client/internal/fidelity -run ^TestEmulatorHolds$"
)

// rehearse makes a change in a copy and returns the edited places.
func rehearse(t *testing.T, c change) []string {
	t.Helper()
	s := newScratch(t, strings.ReplaceAll(c.row+" "+c.kind, " ", "-"))
	s.apply(c.description, false)
	out, ok := s.run("go generate ./...")
	require.True(t, ok, "%s", out)
	s.fixTimes("gen")
	if c.unfinished != nil {
		name := "client/conversationstest/unfinished_test.go"
		s.write(name, []byte(c.unfinished.test()))
		out, ok := s.run("go test -v -run ^TestUnfinished$ ./client/conversationstest")
		require.True(t, ok, "%s", out)
		assert.Regexp(t, c.unfinished.id+` \(GET .*\) is described but not emulated: add it to handlers in client/conversationstest/handlers.go`, out)
		require.NoError(t, os.Remove(filepath.Join(s.dir, name)))
	}
	for _, step := range c.steps {
		out, ok := s.run(step.command)
		require.False(t, ok, "%s succeeded, and should have named the next step", step.command)
		assert.NotContains(t, out, "Should be true")
		for _, line := range step.says {
			assert.Regexp(t, "(?m)^.*"+line+".*$", out)
		}
		s.apply(step.edits, true)
	}
	for _, golden := range []struct{ test, says string }{
		{"go test ./client -run TestWire", `testdata/wire/\w+\.golden differs: if it is meant to, write it with `},
		{"go test ./client/internal/fidelity -run TestTables", `\S+ is stale: run `},
	} {
		if out, ok := s.run(golden.test); !ok {
			assert.Regexp(t, golden.says+golden.test+" -update", out)
			out, ok = s.run(golden.test + " -update")
			require.True(t, ok, "%s", out)
		}
	}
	s.fixTimes("testdata/wire")
	// The skipped test compiles README's examples, which takes long and depends on no change here.
	out, ok = s.run("go test -skip ^TestREADMECompiles$ ./...")
	require.True(t, ok, "%s", failures.ReplaceAllString(out, ""))
	return s.places
}

var failures = regexp.MustCompile(`(?m)^(ok|\?) .*\n`)

const guide = ".github/CONTRIBUTING.md"

func TestChanges(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	rows := make([]string, len(changes))
	t.Run("group", func(t *testing.T) {
		for i, c := range changes {
			t.Run(c.row+"/"+c.kind, func(t *testing.T) {
				t.Parallel()
				places := rehearse(t, c)
				var text []string
				count := 0
				for _, place := range places {
					if !strings.Contains(place, "_test.go") {
						count++
					}
					text = append(text, "`"+place+"`")
				}
				assert.LessOrEqual(t, count, c.most, "places")
				mu.Lock()
				defer mu.Unlock()
				rows[i] = fmt.Sprintf("| %s: %s | %d | %s |\n", c.row, c.kind, count, strings.Join(text, "<br>"))
			})
		}
	})
	if t.Failed() || slices.Contains(rows, "") {
		return // some have failed, or were not selected
	}
	table := strings.Join(rows, "")
	t.Logf("\n%s", table)
	path := filepath.Join(root, guide)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	const heading = "|---|---|---|\n"
	before, rest, ok := strings.Cut(string(text), heading)
	require.True(t, ok, "%s has no table of costs", guide)
	_, behind, _ := strings.Cut(rest, "\n\n")
	want := before + heading + table + "\n" + behind
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(want), 0o644))
		return
	}
	assert.Equal(t, want, string(text), "write the table of %s with go test ./testdata/drill -update", guide)
}
