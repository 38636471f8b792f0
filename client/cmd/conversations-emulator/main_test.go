package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/client/conversationstest"
)

// asProgram makes the test binary run as the program, so that signals can be sent to a real
// process.
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
		second := ""
		if slices.Contains(args, "-control") {
			second = "inspector on " + p.url + "/_emulator/\n"
		}
		assert.Equal(t, second, <-rest, "the other lines")
		assert.Empty(t, p.stderr.String())
	})
	return p
}

func (p *program) do(t *testing.T, method, path, contentType, body string, edit ...func(*http.Request)) (int, string) {
	t.Helper()
	status, text, _ := p.send(t, method, path, contentType, body, edit...)
	return status, text
}

func (p *program) send(t *testing.T, method, path, contentType, body string, edit ...func(*http.Request)) (int, string, http.Header) {
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
	return res.StatusCode, string(text), res.Header
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
		{"status": 503, "times": 1, "code": 50391, "message": "Busy", "header": {"Retry-After": "2", "X-Two": ["a", "b"]}},
		{"status": 502, "body": "<html>", "commit": true, "delay": "1ms"}]}`)
	assert.Equal(t, 204, status)
	status, text, header := p.send(t, "POST", "/v1/Conversations", formType, "UniqueName=a")
	assert.Equal(t, []string{"a", "b"}, header["X-Two"])
	assert.Equal(t, "2", header.Get("Retry-After"))
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

	status, _ = p.do(t, "POST", "/_emulator/reset", jsonType, "{}")
	assert.Equal(t, 204, status)
	_, text = p.do(t, "GET", "/_emulator/requests", "", "")
	assert.Equal(t, "[]\n", text)
	status, _ = p.do(t, "GET", service1+"/b", "", "")
	assert.Equal(t, 404, status)

	for _, fault := range []string{
		`"status": 200`, `"status": 599`, `"body": "x"`, `"delay": "1ms"`, `"header": {"A": "b"}`, `"drop": true`, `"truncate": true`,
	} {
		status, text := control("faults", `{"operation": "fetchConversation", "faults": [{`+fault+`}]}`)
		assert.Equal(t, 204, status, "%s: %s", fault, text)
	}
	for path, bodies := range map[string][]string{
		"faults": {"", "{", `{"operation": "create"}`, `{"colour": "red"}`, `{"operation": "*"} {}`,
			`{"operation": "*", "faults": []}`, `{"operation": "*", "faults": [{}]}`, `{"operation": "*", "faults": [{"commit": true}]}`, "null",
			`{"operation": "*", "faults": [{"header": {"A": 1}}]}`, `{"faults": [{"status": 500}]}`,
			`{"operation": "*", "faults": [{"status": 600}]}`, `{"operation": "*", "faults": [{"status": 99}]}`, `{"operation": "*", "faults": [{"delay": "1"}]}`, `{"operation": "*", "faults": [{"delay": "-1s"}]}`},
		"deliveries/repeat": {"{}", `{"id": "x"}`, `{"sid": "x"}`},
		"activity":          {"{}", `{"sid": "CH00000000000000000000000000000009"}`},
		"conversations":     {"{}", "[]", `[{"state": "open"}]`, `[{"date_created": "yesterday"}]`},
		"clock":             {"{}", `{"advance": "0s"}`, `{"advance": "-1h"}`, `{"advance": 1}`},
	} {
		for _, body := range bodies {
			status, text := control(path, body)
			assert.Equal(t, 400, status, "%s %s", path, body)
			assert.Equal(t, 1, strings.Count(text, "\n"))
		}
	}
	for _, path := range []string{"faults", "conversations", "activity", "clock", "settle", "deliveries/repeat", "reset"} {
		for _, contentType := range []string{"", formType, "text/plain", "text/plain;application/json"} {
			status, _ = p.do(t, "POST", "/_emulator/"+path, contentType, `{"advance": "1h"}`)
			assert.Equal(t, 415, status, "%s %s", path, contentType)
		}
	}
	status, _ = control("clock", `{"advance": "`+strings.Repeat(" ", maxControlBody)+`"}`)
	assert.Equal(t, 413, status)
	status, _ = p.do(t, "PUT", "/_emulator/clock", jsonType, "{}")
	assert.Equal(t, 405, status)
	status, _ = p.do(t, "GET", "/_emulator/nothing", "", "")
	assert.Equal(t, 404, status)
	status, _ = p.do(t, "GET", "/v1//Conversations", "", "")
	assert.Equal(t, 404, status, "no path is cleaned")
}

// Web pages cannot use the control requests: neither a page of another origin, nor a page whose
// host name was made to resolve to this address.
func TestControlIsNotForWebPages(t *testing.T) {
	t.Parallel()
	p := start(t, "-control")
	origin := p.url
	_, port, err := net.SplitHostPort(strings.TrimPrefix(p.url, "http://"))
	require.NoError(t, err)
	with := func(host string, header ...string) func(*http.Request) {
		return func(r *http.Request) {
			r.Host = host
			for i := 0; i < len(header); i += 2 {
				r.Header.Set(header[i], header[i+1])
			}
		}
	}
	for name, tc := range map[string]struct {
		edit func(*http.Request)
		post int
		get  int
	}{
		"a program":             {with(""), 204, 200},
		"localhost":             {with("localhost:" + port), 204, 200},
		"capitals":              {with("LocalHost:" + port), 204, 200},
		"IPv6 loopback":         {with("[::1]:" + port), 204, 200},
		"a page of this server": {with("", "Origin", origin, "Sec-Fetch-Site", "same-origin"), 204, 200},
		"old browser":           {with("", "Origin", origin), 204, 200},
		"another origin":        {with("", "Origin", "http://evil.example"), 403, 200},
		"another port":          {with("", "Origin", "http://127.0.0.1:1"), 403, 200},
		"null":                  {with("", "Origin", "null"), 403, 200},
		"cross-site":            {with("", "Sec-Fetch-Site", "cross-site"), 403, 200},
		"rebound name":          {with("evil.example:"+port, "Origin", "http://evil.example:"+port, "Sec-Fetch-Site", "same-origin"), 403, 403},
		"wrong port":            {with("127.0.0.1:1"), 403, 403},
		"no port":               {with("127.0.0.1"), 403, 403},
		"another address":       {with("192.0.2.1:" + port), 403, 403},
		"begins like one":       {with("localhost.evil.example:" + port), 403, 403},
	} {
		status, text := p.do(t, "POST", "/_emulator/reset", jsonType, "{}", tc.edit)
		assert.Equal(t, tc.post, status, "POST, %s: %s", name, text)
		status, _, header := p.send(t, "GET", "/_emulator/requests", "", "", tc.edit)
		assert.Equal(t, tc.get, status, "GET, %s", name)
		assert.Empty(t, header.Get("Access-Control-Allow-Origin"), "nobody else may read it")
		assert.Equal(t, "same-origin", header.Get("Cross-Origin-Resource-Policy"))
		assert.Equal(t, "nosniff", header.Get("X-Content-Type-Options"))
	}
	status, _, header := p.send(t, "OPTIONS", "/_emulator/reset", "", "", with("", "Origin", "http://evil.example"))
	assert.NotEqual(t, 204, status)
	assert.Empty(t, header.Get("Access-Control-Allow-Headers"))
}

func TestHosts(t *testing.T) {
	t.Parallel()
	ip := func(text string, port int) net.Addr { return &net.TCPAddr{IP: net.ParseIP(text), Port: port} }
	all := hosts(":80", ip("::", 80))
	for host, want := range map[string]bool{"192.0.2.1": true, "[2001:db8::1]:80": true, "localhost": true, "evil.example": false, "": false, ":80": false} {
		assert.Equal(t, want, all(host), host)
	}
	named := hosts("emulator:4010", ip("192.0.2.1", 4010))
	for host, want := range map[string]bool{"emulator:4010": true, "192.0.2.1:4010": true, "192.0.2.2:4010": false, "emulator": false, "evil.example:4010": false} {
		assert.Equal(t, want, named(host), host)
	}
}

func TestActivity(t *testing.T) {
	t.Parallel()
	p := start(t, "-control")
	_, text := p.do(t, "POST", "/v1/Conversations", formType, "State=inactive")
	var created struct{ SID string }
	require.NoError(t, json.Unmarshal([]byte(text), &created))
	status, text := p.do(t, "POST", "/_emulator/activity", jsonType, `{"sid": "`+created.SID+`"}`)
	assert.Equal(t, 204, status, text)
	_, text = p.do(t, "GET", "/v1/Conversations/"+created.SID, "", "")
	assert.Contains(t, text, `"state":"active"`)
}

func TestAccounts(t *testing.T) {
	t.Parallel()
	const first, second = "AC00000000000000000000000000000001", "AC00000000000000000000000000000002"
	p := start(t,
		"-account-sid", first, "-auth-token", "one", "-bearer-token", "t1", "-bearer-token", "t2", "-default-closed", "10m",
		"-account-sid", second, "-auth-token", "two", "-api-key", "SK00000000000000000000000000000001:a", "-api-key", "SK00000000000000000000000000000002:b")
	bearer := func(token string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
	}
	basic := func(name, password string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth(name, password) }
	}
	for _, tc := range []struct {
		edit    func(*http.Request)
		account string
		timer   bool
	}{
		{basic(first, "one"), first, true},
		{bearer("t1"), first, true},
		{bearer("t2"), first, true},
		{basic(second, "two"), second, false},
		{basic("SK00000000000000000000000000000001", "a"), second, false},
		{basic("SK00000000000000000000000000000002", "b"), second, false},
	} {
		status, text := p.do(t, "POST", "/v1/Conversations", formType, "", tc.edit)
		assert.Equal(t, 201, status)
		assert.Contains(t, text, `"account_sid":"`+tc.account+`"`)
		assert.Equal(t, tc.timer, strings.Contains(text, "date_closed"))
		assert.NotContains(t, text, "date_inactive")
	}
	status, _ := p.do(t, "GET", "/v1/Conversations", "", "", basic(first, "two"))
	assert.Equal(t, 401, status)

	p = start(t, "-auth-token", "secret", "-account-sid", first, "-default-inactive", "1m")
	_, text := p.do(t, "POST", "/v1/Conversations", formType, "", basic(first, "secret"))
	assert.Contains(t, text, "date_inactive", "the order of the flags of the first account does not matter")
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
		"address":      {[]string{"-addr", "nowhere"}, 2},
		"port":         {[]string{"-addr", "127.0.0.1:99999"}, 2},
		"region":       {[]string{"-region", "x y"}, 2},
		"two accounts": {[]string{"-account-sid", "AC00000000000000000000000000000001", "-account-sid", "AC00000000000000000000000000000002"}, 2},
		"timer":        {[]string{"-default-closed", "1m"}, 2},
		"webhook":      {[]string{"-webhook-post-url", "example.com"}, 2},
		"event":        {[]string{"-webhook-filters", "onConversation"}, 2},
		"hook service": {[]string{"-webhook-service", "IS1"}, 2},
		"empty hook":   {[]string{"-webhook-service", "", "-webhook-post-url", "http://x", "-addr", taken.Addr().String()}, 2},
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

// A pending delay does not keep the program from stopping.
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

// The flags set where webhooks are delivered. The control requests wait for deliveries, show and
// repeat them, and script their faults.
func TestWebhooks(t *testing.T) {
	t.Parallel()
	received := make(chan string, 100)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		received <- r.Method + " " + r.URL.Path + " " + r.Form.Get("EventType") + " " + r.Header.Get("I-Twilio-Idempotency-Token")
		_, _ = io.WriteString(w, `{"friendly_name": "by `+strings.TrimPrefix(r.URL.Path, "/")+`"}`)
	}))
	defer receiver.Close()
	p := start(t, "-control", "-webhook-pre-url", receiver.URL+"/pre", "-webhook-post-url", receiver.URL+"/post",
		"-webhook-filters", "onConversationAdd,onConversationAdded,onConversationStateUpdated",
		"-webhook-service", "IS00000000000000000000000000000001", "-webhook-post-url", receiver.URL+"/service", "-webhook-method", "GET")
	enabled := func(r *http.Request) { r.Header.Set("X-Twilio-Webhook-Enabled", "true") }
	control := func(path, body string) {
		t.Helper()
		status, text := p.do(t, "POST", "/_emulator/"+path, jsonType, body)
		require.Equal(t, 204, status, text)
	}
	control("faults", `{"operation": "onConversationAdded", "faults": [{"drop": true}]}`)
	status, text := p.do(t, "POST", "/v1/Conversations", formType, "Timers.Closed=PT10M", enabled)
	require.Equal(t, 201, status, text)
	assert.Contains(t, text, `"friendly_name":"by pre"`)
	p.do(t, "POST", service1, formType, "", enabled)
	control("clock", `{"advance": "10m"}`)
	control("settle", "{}")

	_, text = p.do(t, "GET", "/_emulator/deliveries", "", "")
	var deliveries []delivery
	require.NoError(t, json.Unmarshal([]byte(text), &deliveries))
	var list []string
	for _, d := range deliveries {
		list = append(list, fmt.Sprint(d.EventType, " ", d.Method, " ", d.Status, " ", d.Error))
	}
	assert.Equal(t, []string{
		"onConversationAdd POST 200 ", "onConversationAdded POST 0 lost, as a Fault says",
		"onConversationAdded GET 200 ", "onConversationStateUpdated POST 200 ",
	}, list)
	last := deliveries[3]
	assert.Equal(t, []string{"TIMER"}, last.Params["Reason"])
	assert.Equal(t, `{"friendly_name": "by post"}`, last.Body)
	assert.NotEmpty(t, last.Header.Get("X-Twilio-Signature"))
	assert.NotEmpty(t, last.ConversationSID)
	_, text = p.do(t, "GET", "/_emulator/deliveries?latest=1", "", "")
	var latest []delivery
	require.NoError(t, json.Unmarshal([]byte(text), &latest))
	assert.Equal(t, deliveries[3:], latest)
	_, text = p.do(t, "GET", "/_emulator/status", "", "")
	assert.Contains(t, text, `"webhooks":[{"chat_service_sid":"","pre_url":"`+receiver.URL+`/pre","post_url":"`+receiver.URL+`/post","method":"POST",`+
		`"filters":["onConversationAdd","onConversationAdded","onConversationStateUpdated"]},`+
		`{"chat_service_sid":"IS00000000000000000000000000000001","pre_url":"","post_url":"`+receiver.URL+`/service","method":"GET","filters":null}]`)
	assert.Contains(t, text, `"latest_delivery":4`)
	control("deliveries/repeat", `{"id": "`+last.ID+`"}`)
	control("settle", "{}")
	for i, want := range []string{
		"POST /pre onConversationAdd " + deliveries[0].ID, "GET /service onConversationAdded " + deliveries[2].ID,
		"POST /post onConversationStateUpdated " + last.ID, "POST /post onConversationStateUpdated " + last.ID,
	} {
		assert.Equal(t, want, <-received, i)
	}
	assert.Empty(t, received)
	control("reset", "{}")
	_, text = p.do(t, "GET", "/_emulator/deliveries", "", "")
	assert.Equal(t, "[]\n", text)
}

// A receiver that does not respond does not keep the program from stopping.
func TestStopEndsWebhooks(t *testing.T) {
	t.Parallel()
	called := make(chan struct{}, 1)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		called <- struct{}{}
		<-r.Context().Done()
	}))
	defer receiver.Close()
	p := start(t, "-webhook-pre-url", receiver.URL)
	status := make(chan int, 1)
	go func() {
		req, _ := http.NewRequest("POST", p.url+"/v1/Conversations", nil)
		req.SetBasicAuth(conversationstest.DefaultAccountSID, conversationstest.DefaultAuthToken)
		req.Header.Set("X-Twilio-Webhook-Enabled", "true")
		if res, err := p.client.Do(req); assert.NoError(t, err) {
			_ = res.Body.Close()
			status <- res.StatusCode
		}
	}()
	<-called
	p.stop()
	assert.Equal(t, 201, <-status)
}
