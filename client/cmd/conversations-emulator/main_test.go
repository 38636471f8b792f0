package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/client/conversationstest"
)

// asProgram makes the test's own binary the program, so that signals can be sent to a real process.
const asProgram = "CONVERSATIONS_EMULATOR_TEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// program is a run of the program within the test.
type program struct {
	url    string
	stop   context.CancelFunc
	exited chan int
	stderr *bytes.Buffer
	client *http.Client
}

func start(t *testing.T, args ...string) *program {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	p := &program{stop: cancel, exited: make(chan int, 1), stderr: &bytes.Buffer{}, client: &http.Client{Transport: &http.Transport{}}}
	r, w := io.Pipe()
	go func() {
		code := run(ctx, append([]string{"-addr", "127.0.0.1:0"}, args...), w, p.stderr)
		w.Close()
		p.exited <- code
	}()
	out := bufio.NewReader(r)
	line, err := out.ReadString('\n')
	require.NoError(t, err, "stderr: %s", p.stderr)
	require.Regexp(t, `^listening on http://127\.0\.0\.1:\d+\n$`, line)
	p.url = strings.TrimSuffix(strings.TrimPrefix(line, "listening on "), "\n")
	rest := make(chan string, 1)
	go func() {
		text, _ := io.ReadAll(out)
		rest <- string(text)
	}()
	t.Cleanup(func() {
		p.client.CloseIdleConnections()
		cancel()
		assert.Equal(t, 0, <-p.exited)
		assert.Empty(t, <-rest, "more than one line")
		assert.Empty(t, p.stderr.String())
	})
	return p
}

func (p *program) do(t *testing.T, method, path, contentType, body string, edit ...func(*http.Request)) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, p.url+path, strings.NewReader(body))
	require.NoError(t, err)
	req.SetBasicAuth(conversationstest.DefaultAccountSID, conversationstest.DefaultAuthToken)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	for _, edit := range edit {
		edit(req)
	}
	res, err := p.client.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(text)
}

const (
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"
	service1 = "/v1/Services/IS00000000000000000000000000000001/Conversations"
	service2 = "/v1/Services/IS00000000000000000000000000000002/Conversations"
	service3 = "/v1/Services/IS00000000000000000000000000000003/Conversations"
)

func TestFlags(t *testing.T) {
	t.Parallel()
	t.Run("defaults", func(t *testing.T) {
		t.Parallel()
		p := start(t)
		status, _ := p.do(t, "POST", "/v1/Conversations", formType, "FriendlyName=x")
		assert.Equal(t, 201, status)
		status, _ = p.do(t, "POST", service1, formType, "Colour=red")
		assert.Equal(t, 400, status)
		status, text := p.do(t, "GET", "/_emulator/requests", "", "")
		assert.Equal(t, 404, status, "control is off")
		assert.Contains(t, text, "20404")
	})
	t.Run("all", func(t *testing.T) {
		t.Parallel()
		const other = "AC00000000000000000000000000000009"
		p := start(t, "-account-sid", other, "-auth-token", "secret", "-api-key", "SK00000000000000000000000000000009:hush",
			"-services", "IS00000000000000000000000000000001,IS00000000000000000000000000000002", "-lenient",
			"-write-limit", "1", "-max-page-size", "1", "-latency", "1ms", "-region", "ie1")
		key := func(r *http.Request) { r.SetBasicAuth("SK00000000000000000000000000000009", "hush") }
		token := func(r *http.Request) { r.SetBasicAuth(other, "secret") }
		region := func(r *http.Request) { token(r); r.Host = "conversations.us1.twilio.com" }
		for _, tc := range []struct {
			method, path, body string
			edit               func(*http.Request)
			status             int
		}{
			{"GET", "/v1/Conversations", "", token, 200},
			{"GET", "/v1/Conversations", "", key, 200},
			{"GET", "/v1/Conversations", "", region, 401},
			{"GET", "/v1/Conversations", "", func(*http.Request) {}, 401},
			{"GET", service1, "", token, 200},
			{"GET", service3, "", token, 404},
			{"POST", service2, "Colour=red", token, 201},
		} {
			status, text := p.do(t, tc.method, tc.path, formType, tc.body, tc.edit)
			assert.Equal(t, tc.status, status, "%s %s: %s", tc.method, tc.path, text)
		}
		_, text := p.do(t, "GET", service2+"?PageSize=50", "", "", token)
		assert.Contains(t, text, `"page_size":1`)
	})
	t.Run("write limit", func(t *testing.T) {
		t.Parallel()
		p := start(t, "-write-limit", "2")
		limited := false
		for range 1000 { // at least two of them fall into one second
			status, _ := p.do(t, "POST", "/v1/Conversations", formType, "")
			if limited = status == 429; limited {
				break
			}
		}
		assert.True(t, limited)
	})
}

func TestControl(t *testing.T) {
	t.Parallel()
	p := start(t, "-control")
	control := func(path, body string) (int, string) {
		t.Helper()
		return p.do(t, "POST", "/_emulator/"+path, jsonType, body)
	}
	status, _ := control("faults", `{"operation": "createConversation", "faults": [
		{"status": 503, "times": 1, "code": 50391, "message": "Busy", "header": {"Retry-After": "2"}},
		{"status": 502, "body": "<html>", "commit": true, "delay": "1ms"}]}`)
	assert.Equal(t, 204, status)
	status, text := p.do(t, "POST", "/v1/Conversations", formType, "UniqueName=a")
	assert.Equal(t, 503, status)
	assert.Contains(t, text, `"code":50391,"message":"Busy"`)
	status, text = p.do(t, "POST", "/v1/Conversations", formType, "UniqueName=a")
	assert.Equal(t, 502, status)
	assert.Equal(t, "<html>", text)
	status, _ = p.do(t, "GET", "/v1/Conversations/a", "", "")
	assert.Equal(t, 200, status)

	status, text = control("conversations", `[{"unique_name": "b", "state": "inactive", "date_created": "2020-01-02T03:04:05Z",
		"date_closed": "2100-01-01T00:00:00Z", "chat_service_sid": "IS00000000000000000000000000000001", "email_name": "B"}, {"friendly_name": "c"}]`)
	assert.Equal(t, 200, status)
	var seeded struct{ SIDs []string }
	require.NoError(t, json.Unmarshal([]byte(text), &seeded))
	assert.Len(t, seeded.SIDs, 2)
	_, text = p.do(t, "GET", service1+"/b", "", "")
	assert.Contains(t, text, `"state":"inactive","date_created":"2020-01-02T03:04:05Z"`)
	status, _ = control("clock", `{"advance": "1752000h"}`)
	assert.Equal(t, 204, status)
	_, text = p.do(t, "GET", service1+"/b", "", "")
	assert.Contains(t, text, `"state":"closed"`)

	status, text = p.do(t, "GET", "/_emulator/requests", "", "")
	assert.Equal(t, 200, status)
	var requests []request
	require.NoError(t, json.Unmarshal([]byte(text), &requests))
	require.NotEmpty(t, requests)
	assert.Equal(t, "createConversation", requests[0].Operation)
	assert.Equal(t, 503, requests[0].Status)
	assert.NotContains(t, text, "0123456789abcdef0123456789abcdef:")

	status, _ = p.do(t, "POST", "/_emulator/reset", "", "")
	assert.Equal(t, 204, status)
	_, text = p.do(t, "GET", "/_emulator/requests", "", "")
	assert.Equal(t, "[]\n", text)
	status, _ = p.do(t, "GET", service1+"/b", "", "")
	assert.Equal(t, 404, status)

	for path, bodies := range map[string][]string{
		"faults": {"", "{", `{"operation": "create"}`, `{"colour": "red"}`, `{"operation": "*"} {}`,
			`{"operation": "*", "faults": [{"status": 99}]}`, `{"operation": "*", "faults": [{"delay": "1"}]}`, `{"operation": "*", "faults": [{"delay": "-1s"}]}`},
		"conversations": {"{}", `[{"state": "open"}]`, `[{"date_created": "yesterday"}]`},
		"clock":         {`{"advance": "-1h"}`, `{"advance": 1}`},
	} {
		for _, body := range bodies {
			status, text := control(path, body)
			assert.Equal(t, 400, status, "%s %s", path, body)
			assert.Equal(t, 1, strings.Count(text, "\n"))
		}
	}
	status, _ = p.do(t, "POST", "/_emulator/clock", formType, `{"advance": "1h"}`)
	assert.Equal(t, 415, status)
	status, _ = p.do(t, "GET", "/v1//Conversations", "", "")
	assert.Equal(t, 404, status, "no path is cleaned")
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	for name, tc := range map[string]struct {
		args []string
		code int
	}{
		"unknown flag": {[]string{"-colour"}, 2},
		"argument":     {[]string{"x"}, 2},
		"account":      {[]string{"-account-sid", "AC1"}, 2},
		"key":          {[]string{"-api-key", "SK00000000000000000000000000000009"}, 2},
		"service":      {[]string{"-services", "IS1"}, 2},
		"write limit":  {[]string{"-write-limit", "-1"}, 2},
		"page size":    {[]string{"-max-page-size", "0"}, 2},
		"taken":        {[]string{"-addr", taken.Addr().String()}, 1},
		"address":      {[]string{"-addr", "nowhere"}, 1},
		"help":         {[]string{"-help"}, 0},
	} {
		var stdout, stderr bytes.Buffer
		assert.Equal(t, tc.code, run(t.Context(), tc.args, &stdout, &stderr), name)
		assert.Empty(t, stdout.String(), name)
		assert.NotEmpty(t, stderr.String(), name)
		if name != "unknown flag" && name != "help" {
			assert.Regexp(t, "^conversations-emulator: [^\n]+\n$", stderr.String(), name)
		}
	}
}

// A delay does not keep the program from stopping.
func TestStopEndsDelays(t *testing.T) {
	t.Parallel()
	p := start(t, "-latency", "1h", "-control")
	failed := make(chan error, 1)
	go func() {
		req, _ := http.NewRequest("GET", p.url+"/v1/Conversations", nil)
		req.SetBasicAuth(conversationstest.DefaultAccountSID, conversationstest.DefaultAuthToken)
		_, err := p.client.Do(req)
		failed <- err
	}()
	for text := "[]\n"; text == "[]\n"; { // until the request is there
		_, text = p.do(t, "GET", "/_emulator/requests", "", "")
	}
	p.stop()
	assert.Error(t, <-failed)
}

func TestSignals(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-addr", "127.0.0.1:0")
		cmd.Env = append(os.Environ(), asProgram+"=1")
		cmd.WaitDelay = 10 * time.Second
		stdout, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		line, err := bufio.NewReader(stdout).ReadString('\n')
		require.NoError(t, err)
		assert.Contains(t, line, "listening on http://127.0.0.1:")
		require.NoError(t, cmd.Process.Signal(signal))
		assert.NoError(t, cmd.Wait(), "exit status after %v", signal)
	}
}
