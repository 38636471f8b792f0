package fidelity

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/client/conversationstest"
)

var update = flag.Bool("update", false, "rewrite the tables made from the manifest")

// The tables that are generated from the manifest are up to date.
func TestTables(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"../../conversationstest/FIDELITY.md": markdown(),
		"../../conversationstest/fidelity.go": godoc(),
	} {
		if *update {
			require.NoError(t, os.WriteFile(path, []byte(want), 0o644))
		}
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, want, string(got), "%s is stale: run go test ./client/internal/fidelity -run TestTables -update", path)
	}
}

// Every rule has a sentence and a source, and names have the form that reports and options need.
func TestManifest(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, rule := range Rules() {
		assert.Regexp(t, `^[a-z-]+(\.[a-z0-9-]+)*$`, rule.ID)
		assert.False(t, seen[rule.ID], "%s is there twice", rule.ID)
		seen[rule.ID] = true
		assert.Regexp(t, `^[^|]+\.$`, rule.Sentence, rule.ID)
		assert.Contains(t, Sources(), rule.Source, rule.ID)
		assert.NotNil(t, rule.check, "%s has no check", rule.ID)
		switch rule.Source {
		case Documented:
			assert.Regexp(t, `^https://(www\.twilio\.com/docs|github\.com/twilio)/`, rule.Reference, rule.ID)
		case Recorded:
			assert.NotEmpty(t, rule.Reference, rule.ID)
		}
	}
}

const generated = "made from client/internal/fidelity by TestTables"

// markdown returns FIDELITY.md.
func markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "<!-- Generated: %s; do not edit. -->\n\n", generated)
	fmt.Fprint(&b, `# What the emulator does, and how that is known

Every rule below has a check. The command

    go run ./client/cmd/conversations-emulator probe -base-url https://conversations.twilio.com

puts Twilio, or any other server, to the checks and says which rules hold there.
`+"`go doc ./client/cmd/conversations-emulator`"+` describes it.

- *Documented*: a page of Twilio's says so.
- *Recorded*: a response of Twilio's was seen that way.
- *Assumed*: Twilio documents nothing. No test should depend on it.

Where Twilio may well behave otherwise, the emulator can too. The variants are named below the rule. The
option `+"`conversationstest.Assume(\"timer.restart\", \"kept\")`"+` chooses one, or the flag
`+"`-assume timer.restart=kept`"+` of conversations-emulator.

| | documented | recorded | assumed |
|---|--:|--:|--:|
`)
	row := func(title string, rules []Rule) {
		counts := map[Source]int{}
		for _, rule := range rules {
			counts[rule.Source]++
		}
		fmt.Fprintf(&b, "| %s | %d | %d | %d |\n", title, counts[Documented], counts[Recorded], counts[Assumed])
	}
	for _, section := range Sections() {
		row(section.Title, section.Rules)
	}
	row("**All**", Rules())
	for _, section := range Sections() {
		fmt.Fprintf(&b, "\n## %s\n\n| Rule | What holds | Source |\n|---|---|---|\n", section.Title)
		for _, rule := range section.Rules {
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", rule.ID, sentence(rule), source(rule))
		}
	}
	return b.String()
}

func sentence(rule Rule) string {
	text := escape(rule.Sentence)
	if rule.Option != "" {
		text += fmt.Sprintf(" (The emulator: with `%s`.)", rule.Option)
	}
	for _, v := range conversationstest.Variants() {
		if v.Rule == rule.ID {
			text += fmt.Sprintf("<br>`%s`: %s", v.Name, escape(v.Sentence))
		}
	}
	return text
}

// escape escapes characters that have a meaning in Markdown.
func escape(text string) string { return regexp.MustCompile(`[<>*_]`).ReplaceAllString(text, `\$0`) }

func source(rule Rule) string {
	switch {
	case rule.Reference == "":
		return string(rule.Source)
	case strings.HasPrefix(rule.Reference, "https://"):
		return fmt.Sprintf("[%s](%s)", rule.Source, rule.Reference)
	}
	return fmt.Sprintf("%s: %s", rule.Source, rule.Reference)
}

// godoc returns the section of the documentation of conversationstest.
func godoc() string {
	var b strings.Builder
	fmt.Fprintf(&b, "// Code generated: %s. DO NOT EDIT.\n\n", generated)
	counts := map[Source]int{}
	for _, rule := range Rules() {
		counts[rule.Source]++
	}
	fmt.Fprintf(&b, `// # Fidelity
//
// The emulator follows %d rules. FIDELITY.md lists them, each with its source, and the command
// conversations-emulator probe checks them against Twilio or any other server.
//
//	documented  %3d  a page of Twilio's says so
//	recorded    %3d  a response of Twilio's was seen that way
//	assumed     %3d  Twilio documents nothing
//
// Do not let a test depend on what is assumed. For some of it [Assume] chooses a variant.
//
`, len(Rules()), counts[Documented], counts[Recorded], counts[Assumed])
	for _, section := range Sections() {
		line := "//	" + section.Title + ":"
		for _, rule := range section.Rules {
			if rule.Source != Assumed {
				continue
			}
			if len(line)+len(rule.ID) > 97 { // a tab counts as four
				fmt.Fprintln(&b, line)
				line = "//	   "
			}
			line += " " + rule.ID
		}
		fmt.Fprintln(&b, line)
	}
	fmt.Fprintln(&b, "package conversationstest")
	return b.String()
}
