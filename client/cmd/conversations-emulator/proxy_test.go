package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/client/conversationstest"
)

// lockedBuffer is a buffer that several goroutines may write.
type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

// startProxy runs the proxy. It returns a function that stops it and returns its exit status and
// output.
func startProxy(t *testing.T, to string) (url string, stop func() (int, string)) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	r, w := io.Pipe()
	stderr := new(lockedBuffer)
	exited := make(chan int, 1)
	go func() { exited <- run(ctx, []string{"proxy", "-to", to, "-addr", "127.0.0.1:0"}, w, stderr) }()
	line, err := bufio.NewReader(r).ReadString('\n')
	require.NoError(t, err)
	url = strings.TrimSuffix(strings.TrimPrefix(line, "listening on "), "\n")
	return url, func() (int, string) {
		cancel()
		return <-exited, stderr.String()
	}
}

// through sends a request through the proxy.
func through(t *testing.T, method, url, contentType, body string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	require.NoError(t, err)
	req.SetBasicAuth(conversationstest.DefaultAccountSID, conversationstest.DefaultAuthToken)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	res, err := client.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(text)
}

func TestProxy(t *testing.T) {
	t.Parallel()
	e, server := server(t)
	url, stop := startProxy(t, server)
	for _, name := range []string{"a%2Fb", "c"} {
		res, text := through(t, "POST", url+"/v1/Conversations", formType, "UniqueName="+name)
		assert.Equal(t, 201, res.StatusCode, text)
		assert.Contains(t, text, server, "a body is not changed but for the URLs of pages")
	}
	res, text := through(t, "GET", url+"/v1/Conversations/a%2Fb", "", "")
	assert.Equal(t, 200, res.StatusCode, text)
	assert.Regexp(t, "^RQ", res.Header.Get("Twilio-Request-Id"))
	_, text = through(t, "GET", url+"/v1/Conversations?PageSize=1", "", "")
	assert.Contains(t, text, `"next_page_url":"`+url+`/v1/Conversations?PageSize=1&Page=1&PageToken=`)
	assert.Contains(t, text, `"url":"`+server+`/v1/Conversations?PageSize=1&Page=0"`)
	assert.Len(t, e.Conversations(""), 2)
	code, stderr := stop()
	assert.Equal(t, 0, code)
	assert.Empty(t, stderr)
}

func TestProxyReportsViolations(t *testing.T) {
	t.Parallel()
	const secret = "Hush-hush"
	for name, tc := range map[string]struct{ method, path, contentType, body, want string }{
		"value":      {"POST", "/v1/Conversations", formType, "State=" + secret, "createConversation: request: form field State: "},
		"two":        {"POST", "/v1/Conversations", formType, "State=" + secret + "&Colour=" + secret, "form field Colour is not documented; createConversation: request: form field State: "},
		"JSON":       {"POST", "/v1/Conversations", formType, `{"FriendlyName":"` + secret + `"}`, "createConversation: request: form field … is not documented"},
		"text":       {"POST", "/v1/Conversations", "text/plain", secret, "createConversation: request: header Content-Type is not application/x-www-form-urlencoded"},
		"name":       {"POST", "/v1/Conversations", formType, secret + "=1", "createConversation: request: form field … is not documented"},
		"query":      {"GET", "/v1/Conversations?PageSize=" + secret, "", "", "listConversation: request: query parameter PageSize is not an integer"},
		"query name": {"GET", "/v1/Conversations?" + secret + "=1", "", "", "listConversation: request: query parameter … is not documented"},
		"malformed":  {"GET", "/v1/Conversations?PageSize=1&a=%zz" + secret, "", "", "listConversation: request: the query is malformed"},
		"path":       {"GET", "/v1/Conversations/" + secret + "/Participants", "", "", "request: GET /v1/Conversations/…/Participants is no documented operation"},
		"quoted":     {"GET", "/v1/Conversations/%22" + secret + "/%22/x", "", "", "request: GET /v1/Conversations/…/…/… is no documented operation"},
		"method":     {"PATCH", "/v1/Conversations/" + secret, "", "", "request: PATCH is not a documented method of /v1/Conversations/{Sid}"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, server := server(t)
			url, stop := startProxy(t, server)
			through(t, tc.method, url+tc.path, tc.contentType, tc.body)
			code, stderr := stop()
			assert.Equal(t, 1, code)
			assert.Contains(t, stderr, tc.want)
			assert.Equal(t, 1, strings.Count(stderr, "\n"), stderr)
			for _, secret := range []string{secret, conversationstest.DefaultAccountSID, conversationstest.DefaultAuthToken} {
				assert.NotContains(t, stderr, secret)
			}
		})
	}
}

// Responses are checked too, and forwarded unchanged. A server that would compress is asked not to.
func TestProxyChecksResponses(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			w.Header().Set("Content-Encoding", "gzip")
			zip := gzip.NewWriter(w)
			_, _ = zip.Write([]byte(`{"state":1}`))
			_ = zip.Close()
			return
		}
		_, _ = w.Write([]byte(`{"state":1}`))
	}))
	defer s.Close()
	url, stop := startProxy(t, s.URL)
	_, text := through(t, "GET", url+"/v1/Conversations/hush", "", "")
	assert.Equal(t, `{"state":1}`, text)
	code, stderr := stop()
	assert.Equal(t, 1, code)
	assert.Regexp(t, `^fetchConversation: response: body /state: [^\n]*\n$`, stderr)
}

// If a response breaks off, it does so for the client too. If the server is unreachable, the
// response is 502.
func TestProxyFailures(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte(`{"meta":`))
	}))
	url, stop := startProxy(t, s.URL)
	req, err := http.NewRequest("GET", url+"/v1/Conversations", nil)
	require.NoError(t, err)
	req.SetBasicAuth("AC1", "x")
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	res, err := client.Do(req)
	require.NoError(t, err)
	text, err := io.ReadAll(res.Body)
	require.NoError(t, res.Body.Close())
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.Equal(t, `{"meta":`, string(text))

	s.Close()
	res, _ = through(t, "GET", url+"/v1/Conversations", "", "")
	assert.Equal(t, 502, res.StatusCode)
	code, stderr := stop()
	assert.Equal(t, 0, code, "nothing violates the description")
	assert.Regexp(t, `^no response: dial tcp [^\n]+\n$`, stderr)
}

// The output repeats nothing that a server sends, even if it is not a valid response.
func TestProxyRepeatsNoGarbage(t *testing.T) {
	t.Parallel()
	for _, garbage := range []string{"secret\r\n\r\n", "HTTP/1.1 secret OK\r\n\r\n", "HTTP/1.1 200 OK\r\nsecret\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: secret\r\n\r\n"} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		go func() {
			defer listener.Close()
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			_, _ = http.ReadRequest(bufio.NewReader(conn))
			_, _ = io.WriteString(conn, garbage)
		}()
		url, stop := startProxy(t, "http://"+listener.Addr().String())
		res, _ := through(t, "POST", url+"/v1/Conversations", formType, "")
		assert.Equal(t, 502, res.StatusCode)
		_, stderr := stop()
		assert.Equal(t, "no response: the server closed the connection, or does not speak HTTP\n", stderr)
	}
}

// An endless body is forwarded as it arrives.
func TestProxyHoldsNoEndlessBody(t *testing.T) {
	t.Parallel()
	sent := 0
	endless := readerFunc(func(p []byte) (int, error) {
		sent += len(p)
		return len(p), nil
	})
	res := &http.Response{Header: http.Header{}, ContentLength: -1, Body: io.NopCloser(endless)}
	keepPages(res, "http://proxy")
	assert.LessOrEqual(t, sent, 2*maxPage)
	n, err := io.CopyN(io.Discard, res.Body, 2*maxPage)
	require.NoError(t, err)
	assert.EqualValues(t, 2*maxPage, n)
	assert.EqualValues(t, -1, res.ContentLength)
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestProxyMistakes(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"-to must be https://host or http://host": {"-to", "twilio"},
		`unexpected argument "x"`:                 {"-to", "http://127.0.0.1:1", "x"},
		`-addr "nowhere" is not host:port`:        {"-to", "http://127.0.0.1:1", "-addr", "nowhere"},
	} {
		var stderr bytes.Buffer
		assert.NotZero(t, run(t.Context(), append([]string{"proxy"}, args...), io.Discard, &stderr))
		assert.Equal(t, "conversations-emulator: "+want+"\n", stderr.String())
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	for _, to := range []string{"http://x/path", "http://user:secret@x", "http://x?y", "http://x#y", "http://:80"} {
		assert.Equal(t, exitUsage, run(stopped, []string{"proxy", "-to", to, "-addr", "127.0.0.1:0"}, io.Discard, io.Discard), to)
	}
	assert.Equal(t, 0, run(t.Context(), []string{"proxy", "-help"}, io.Discard, io.Discard))
}
