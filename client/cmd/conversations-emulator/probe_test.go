package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/client/conversationstest"
	"github.com/twilio-conversations-go/conversations/client/internal/fidelity"
)

// server serves an emulator that follows all rules but those about bursts.
func server(t *testing.T) (*conversationstest.Emulator, string) {
	t.Helper()
	e, err := conversationstest.New(conversationstest.Lenient(), conversationstest.WithServices("IS00000000000000000000000000000001"))
	require.NoError(t, err)
	s := httptest.NewServer(e)
	t.Cleanup(s.Close)
	return e, s.URL
}

func credentials(t *testing.T) {
	t.Setenv("TWILIO_API_KEY", "")
	t.Setenv("TWILIO_ACCOUNT_SID", conversationstest.DefaultAccountSID)
	t.Setenv("TWILIO_AUTH_TOKEN", conversationstest.DefaultAuthToken)
}

// quick are rules whose checks do not wait.
const quick = `^(create|delete|fetch|error\.503|form|resource|service)`

func TestProbe(t *testing.T) {
	credentials(t)
	e, url := server(t)
	file := filepath.Join(t.TempDir(), "report.json")
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"probe", "-base-url", url, "-yes", "-run", quick, "-json", file}, &stdout, &stderr)
	assert.Equal(t, 0, code, stdout.String()+stderr.String())
	assert.Empty(t, e.Conversations(""))
	assert.Contains(t, stdout.String(), "holds           documented  create ")
	assert.Contains(t, stdout.String(), "cannot be told  documented  service.apart ")
	assert.Contains(t, stdout.String(), "needs a service besides the default one")
	assert.Regexp(t, `documented +\d+ +0 +1\n +recorded +\d+ +0 +0\n +assumed +\d+ +0 +1\n$`, stdout.String())
	assert.Contains(t, stderr.String(), "It creates up to ")
	assert.Contains(t, stderr.String(), "Deleting what was created\n")
	for _, secret := range []string{conversationstest.DefaultAccountSID, conversationstest.DefaultAuthToken} {
		assert.NotContains(t, stdout.String()+stderr.String(), secret)
	}
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	var report fidelity.Report
	require.NoError(t, json.Unmarshal(data, &report))
	assert.NotEmpty(t, report.Results)
	assert.NotContains(t, string(data), conversationstest.DefaultAuthToken)

	stdout.Reset()
	args := []string{"probe", "-base-url", url, "-yes", "-run", quick, "-service", "IS00000000000000000000000000000001", "-compare", file}
	assert.Equal(t, 0, run(t.Context(), args, &stdout, io.Discard), stdout.String())
	assert.Contains(t, stdout.String(), "Nothing has changed since ")
	assert.Regexp(t, `documented +\d+ +0 +0\n`, stdout.String())

	for i, result := range report.Results {
		if result.ID == "create.state" {
			report.Results[i].Outcome = fidelity.Differs
		}
	}
	require.NoError(t, writeReport(file, &report))
	stdout.Reset()
	assert.Equal(t, 1, run(t.Context(), args, &stdout, io.Discard))
	assert.Contains(t, stdout.String(), `create.state: was "differs", is "holds"`)
}

// A rule that does not hold makes the probe fail, and says what came instead.
func TestProbeDiffers(t *testing.T) {
	credentials(t)
	e, err := conversationstest.New()
	require.NoError(t, err)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		e.ServeHTTP(w, r)
	}))
	defer s.Close()
	var stdout, stderr bytes.Buffer
	assert.Equal(t, 1, run(t.Context(), []string{"probe", "-base-url", s.URL, "-yes", "-run", `^delete\.gone$`}, &stdout, &stderr))
	assert.Contains(t, stdout.String(), "differs         documented  delete.gone  ")
	assert.Contains(t, stdout.String(), "\n                200 instead of code 20404\n")
	assert.NotContains(t, stderr.String(), "may be left", "the server says that it deleted it")
}

// Nothing is created unless it is confirmed.
func TestProbeAsks(t *testing.T) {
	credentials(t)
	for answer, code := range map[string]int{"": 2, "n\n": 2, "maybe\n": 2, "y\n": 0, "Yes\n": 0} {
		e, url := server(t)
		var stderr bytes.Buffer
		got := probe(t.Context(), []string{"-base-url", url, "-run", "^create$"}, strings.NewReader(answer), io.Discard, &stderr)
		assert.Equal(t, code, got, answer)
		assert.Contains(t, stderr.String(), "Go on? [y/N] ")
		assert.Equal(t, code == 0, len(e.Requests()) > 0, answer)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, url := server(t)
	never, w := io.Pipe()
	defer w.Close()
	assert.Equal(t, 2, probe(ctx, []string{"-base-url", url}, never, io.Discard, io.Discard))
}

// An interrupted probe deletes what it created and fails.
func TestProbeInterrupted(t *testing.T) {
	credentials(t)
	e, err := conversationstest.New()
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	creates := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if e.ServeHTTP(w, r); r.Method == http.MethodPost {
			if creates++; creates == 5 {
				cancel()
			}
		}
	}))
	defer s.Close()
	var stderr bytes.Buffer
	assert.Equal(t, 1, run(ctx, []string{"probe", "-base-url", s.URL, "-yes"}, io.Discard, &stderr))
	assert.Contains(t, stderr.String(), "conversations-emulator: interrupted\n")
	assert.Empty(t, e.Conversations(""))
}

// A server that behaves otherwise where the emulator assumes something is found, and can be
// emulated.
func TestAssume(t *testing.T) {
	credentials(t)
	p := start(t, "-assume", "timer.update=refused", "-assume", "page.size-above-100=accepted", "-assume", "list.order=oldest-first")
	var stdout bytes.Buffer
	args := []string{"probe", "-base-url", p.url, "-yes", "-run", `^(page\.size.*|timer\.update|timer\.weeks)$`}
	assert.Equal(t, 1, run(t.Context(), args, &stdout, io.Discard))
	assert.Contains(t, stdout.String(), "differs         assumed     page.size-above-100 ")
	assert.Contains(t, stdout.String(), "differs         assumed     timer.update ")
	assert.Contains(t, stdout.String(), "holds           assumed     timer.weeks ")

	var stderr bytes.Buffer
	assert.Equal(t, 2, run(t.Context(), []string{"-assume", "timer.update"}, io.Discard, &stderr))
	assert.Equal(t, "conversations-emulator: no variant \"\" of a rule \"timer.update\"\n", stderr.String())
}

func TestProbeMistakes(t *testing.T) {
	credentials(t)
	broken := filepath.Join(t.TempDir(), "broken")
	require.NoError(t, os.WriteFile(broken, []byte("{"), 0o600))
	_, url := server(t)
	for want, args := range map[string][]string{
		"-base-url is missing":                                                {},
		`unexpected argument "x"`:                                             {"-base-url", url, "x"},
		"-base-url must be https://host or http://host":                       {"-base-url", "twilio"},
		"the base URL must be http://host or https://host":                    {"-base-url", "ftp://twilio", "-yes"},
		"-service must be IS and 32 hexadecimal digits":                       {"-base-url", url, "-service", "IS1"},
		"-run: error parsing regexp: missing closing ): `(`":                  {"-base-url", url, "-run", "("},
		"-run matches no rule":                                                {"-base-url", url, "-run", "^x$", "-yes"},
		"-compare: open missing: no such file or directory":                   {"-base-url", url, "-compare", "missing"},
		"-compare: " + broken + " is no report: unexpected end of JSON input": {"-base-url", url, "-compare", broken},
	} {
		var stderr bytes.Buffer
		assert.Equal(t, 2, run(t.Context(), append([]string{"probe"}, args...), io.Discard, &stderr), want)
		assert.True(t, strings.HasSuffix(stderr.String(), "conversations-emulator: "+want+"\n"), stderr.String())
	}
	assert.Equal(t, 0, run(t.Context(), []string{"probe", "-help"}, io.Discard, io.Discard))

	var stderr bytes.Buffer
	t.Setenv("TWILIO_AUTH_TOKEN", "secret")
	assert.Equal(t, 2, run(t.Context(), []string{"probe", "-base-url", url, "-yes"}, io.Discard, &stderr))
	assert.Contains(t, stderr.String(), "conversations-emulator: the server refuses the credentials\n")
	assert.NotContains(t, stderr.String(), "secret")
	t.Setenv("TWILIO_API_KEY", "SK1")
	stderr.Reset()
	assert.Equal(t, 2, run(t.Context(), []string{"probe", "-base-url", url, "-yes"}, io.Discard, &stderr))
	assert.Contains(t, stderr.String(), "TWILIO_API_KEY and TWILIO_API_SECRET are not both set\n")
}
