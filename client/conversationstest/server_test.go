package conversationstest

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// probe is a test within a test. It collects failures and runs the cleanup when told to.
type probe struct {
	testing.TB
	errors  []string
	cleanup []func()
}

func (p *probe) Errorf(format string, args ...any) {
	p.errors = append(p.errors, fmt.Sprintf(format, args...))
}
func (p *probe) Cleanup(f func()) { p.cleanup = append(p.cleanup, f) }
func (p *probe) end() {
	for len(p.cleanup) > 0 {
		last := len(p.cleanup) - 1
		f := p.cleanup[last]
		p.cleanup = p.cleanup[:last]
		f()
	}
}

func TestStartOnLoopback(t *testing.T) {
	t.Parallel()
	p := &probe{TB: t}
	s := Start(p)
	assert.Regexp(t, `^http://127\.0\.0\.1:\d+$`, s.URL)
	res, err := http.Get(s.URL + "/v1/Conversations")
	require.NoError(t, err)
	res.Body.Close()
	assert.Equal(t, 401, res.StatusCode)
	assert.Equal(t, 201, post(t, s, "/v1/Conversations").StatusCode)
	p.end()
	_, err = net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	assert.Error(t, err, "it still listens")
	assert.Empty(t, p.errors)
	http.DefaultClient.CloseIdleConnections()
}

func TestHTTPClientReachesTheServerUnderAnyHost(t *testing.T) {
	t.Parallel()
	for _, opts := range [][]Option{{}, {InMemory()}} {
		s := Start(t, opts...)
		req, err := http.NewRequest(http.MethodGet, "https://conversations.twilio.com/v1/Conversations?State=closed", nil)
		require.NoError(t, err)
		req.SetBasicAuth(s.AccountSID, s.AuthToken)
		res, err := s.HTTPClient().Do(req)
		require.NoError(t, err)
		res.Body.Close()
		assert.Equal(t, 200, res.StatusCode)
		assert.Equal(t, "https://conversations.twilio.com/v1/Conversations?State=closed", res.Request.URL.String())
		assert.Equal(t, "conversations.twilio.com", s.Requests()[0].Host)
	}
}

func TestHTTPClientReportsWhatBreaksTheContract(t *testing.T) {
	t.Parallel()
	p := &probe{TB: t}
	s := Start(p, InMemory(), Lenient())
	defer p.end()
	form := url.Values{"Colour": {"red"}}
	req, err := http.NewRequest(http.MethodPost, s.URL+"/v1/Conversations", strings.NewReader(form.Encode()))
	require.NoError(t, err)
	req.SetBasicAuth(s.AccountSID, s.AuthToken)
	req.Header.Set("Content-Type", formType)
	res, err := s.HTTPClient().Do(req)
	require.NoError(t, err)
	res.Body.Close()
	assert.Equal(t, 201, res.StatusCode)
	require.Len(t, p.errors, 1)
	assert.Contains(t, p.errors[0], "Colour")
}

// When the test has ended, the server and all its goroutines have. In a bubble, a goroutine that is
// left is a failure.
func TestStopWaits(t *testing.T) {
	t.Parallel()
	for range 20 {
		var served, closed atomic.Int32
		listener := &countingListener{Listener: newPipeListener(), accepting: &served}
		stop := serve(listener, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			defer closed.Add(1)
			runtime.Gosched()
		}))
		conn, err := listener.Listener.(*pipeListener).dial(t.Context(), "", "")
		require.NoError(t, err)
		_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		require.NoError(t, err)
		stop()
		assert.Zero(t, served.Load(), "Serve has returned")
		require.NoError(t, conn.Close())
	}
}

// countingListener counts the calls of Accept that have not returned.
type countingListener struct {
	net.Listener
	accepting *atomic.Int32
}

func (l *countingListener) Accept() (net.Conn, error) {
	l.accepting.Add(1)
	defer l.accepting.Add(-1)
	defer runtime.Gosched()
	return l.Listener.Accept()
}

// The response of a fault is invalid on purpose, and not checked.
func TestFaultsAreNoViolations(t *testing.T) {
	t.Parallel()
	p := &probe{TB: t}
	s := Start(p, InMemory())
	defer p.end()
	s.Fail("listConversation", Fault{Body: "<html>"})
	assert.Equal(t, "<html>", get(t, s, "/v1/Conversations").text)
	assert.Empty(t, p.errors)

	s.check(&http.Request{Method: "GET", URL: &url.URL{Path: "/v1/Conversations"}}, jsonAnswer(200, []int{}))
	assert.Len(t, p.errors, 1, "an answer of the emulator's own is checked")
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	s := Start(t, InMemory())
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 10 {
				name := fmt.Sprintf("%d-%d", i, j)
				assert.Equal(t, 201, post(t, s, "/v1/Conversations", "UniqueName", name, "Timers.Inactive", "PT1M").StatusCode)
				assert.Equal(t, 200, post(t, s, "/v1/Conversations/"+name, "State", "inactive", "Bindings.Email.Name", name).StatusCode)
				assert.Equal(t, 200, get(t, s, "/v1/Conversations?State=inactive").StatusCode)
				s.Advance(1)
				s.Requests()
				s.Conversations("")
			}
			assert.Equal(t, 204, do(t, s, http.MethodDelete, fmt.Sprintf("/v1/Conversations/%d-0", i), nil).StatusCode)
		})
	}
	wg.Wait()
	assert.Len(t, s.Conversations(""), 72)

	// A name that many requests create at once is created once.
	created := make(chan int, 8)
	for range 8 {
		wg.Go(func() { created <- post(t, s, "/v1/Conversations", "UniqueName", "one").StatusCode })
	}
	wg.Wait()
	close(created)
	count := map[int]int{}
	for status := range created {
		count[status]++
	}
	assert.Equal(t, map[int]int{201: 1, 409: 7}, count)
}
