package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

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

// The rules of webhooks hold for the program, which delivers over HTTP. The rule of the timeout
// would take five seconds; package fidelity checks it without waiting.
func TestProgramDeliversWebhooks(t *testing.T) {
	t.Parallel()
	api := start(t)
	options := fidelity.Options{
		Only:    regexp.MustCompile(`^webhook\.([^t]|time[^o])`),
		Advance: func(time.Duration) {},
		Webhooks: func(settings fidelity.WebhookSettings, receiver http.Handler) (fidelity.WebhookServer, error) {
			hooks := httptest.NewServer(receiver)
			t.Cleanup(hooks.Close)
			args := []string{"-control", "-webhook-pre-url", hooks.URL + "/pre?a=1", "-webhook-post-url", hooks.URL + "/post", "-webhook-method", settings.Method}
			if settings.Filters != nil {
				args = append(args, "-webhook-filters", strings.Join(settings.Filters, ","))
			}
			if settings.Service != "" {
				args = append(args, "-webhook-service", settings.Service, "-webhook-post-url", hooks.URL+"/service", "-webhook-method", settings.Method)
			}
			p := start(t, args...)
			control := func(path, body string) {
				res, err := p.client.Post(p.url+"/_emulator/"+path, "application/json", strings.NewReader(body))
				require.NoError(t, err)
				defer res.Body.Close()
				require.Less(t, res.StatusCode, 300, path)
			}
			return fidelity.WebhookServer{
				Origin:    hooks.URL,
				Direct:    true,
				Settle:    func() { control("settle", "") },
				Activity:  func(sid string) error { control("activity", `{"sid": "`+sid+`"}`); return nil },
				Advance:   func(d time.Duration) { control("clock", `{"advance": "`+d.String()+`"}`) },
				Transport: toProgram{p},
			}, nil
		},
	}
	target := fidelity.Target{BaseURL: api.url, Username: conversationstest.DefaultAccountSID, Password: conversationstest.DefaultAuthToken}
	report, err := fidelity.Run(t.Context(), target, options)
	require.NoError(t, err)
	for _, result := range report.Results {
		assert.Equal(t, fidelity.Holds, result.Outcome, "%s: %s", result.ID, result.Detail)
	}
	assert.Len(t, report.Results, 33)
	assert.Zero(t, report.Left)
}

// toProgram sends requests to a program, whatever host they name.
type toProgram struct{ program *program }

func (t toProgram) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Host = strings.TrimPrefix(t.program.url, "http://")
	return t.program.client.Transport.RoundTrip(r)
}

// A probe receives webhooks if the server was configured to deliver them. Rules that need other
// settings, a message or ten minutes stay unknown.
func TestProbeWebhooks(t *testing.T) {
	credentials(t)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	at := free.Addr().String()
	require.NoError(t, free.Close())
	hooks := "http://" + at + "/hooks?a=1"
	p := start(t, "-webhook-pre-url", hooks, "-webhook-post-url", hooks, "-assume", "webhook.refused-error=400")
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"probe", "-base-url", p.url, "-yes", "-webhook-url", hooks, "-webhook-listen", at,
		"-run", `^webhook\.(service|get|event-reason|timer|signature|headers|change|refused-error|lost-pre)$`}, &stdout, &stderr)
	assert.Equal(t, 1, code, stderr.String())
	assert.Regexp(t, `documented +2 +0 +1\n +recorded +1 +0 +2\n +assumed +1 +1 +1\n$`, stdout.String())
	assert.Contains(t, stdout.String(), "differs         assumed     webhook.refused-error ")
	assert.Contains(t, stdout.String(), "needs other settings of webhooks than those of -webhook-url")
	assert.Contains(t, stdout.String(), "needs a message in a conversation")
	assert.Contains(t, stderr.String(), "It takes about 5 minutes.")

	stdout.Reset()
	assert.Equal(t, 0, run(t.Context(), []string{"probe", "-base-url", p.url, "-yes", "-run", `^webhook\.header$`}, &stdout, io.Discard))
	assert.Contains(t, stdout.String(), "needs webhooks that reach the probe: run it with -webhook-url")
}

// If a rule is broken, the probe fails and reports how.
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

// Nothing is created without confirmation.
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

// If a server behaves differently from an assumption, the probe finds it, and
// [conversationstest.Assume] can emulate it.
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
		"-webhook-url must be https://host/path or http://host/path":          {"-base-url", url, "-webhook-url", "http://127.0.0.1"},
		"-webhook-listen: listen tcp: address x: missing port in address":     {"-base-url", url, "-webhook-url", "http://127.0.0.1/", "-webhook-listen", "x"},
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
