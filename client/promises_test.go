package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"io"
	"log/slog"
	"maps"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/client"
	"github.com/twilio-conversations-go/conversations/client/conversationstest"
)

// What a user is promised, one test for each promise, by what can be seen from outside.

// oneJSON replies to a request with JSON.
func oneJSON(req *http.Request, status int, body string, header ...string) (*http.Response, error) {
	h := http.Header{"Content-Type": {"application/json"}}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: h,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: req}, nil
}

func conversationJSON(sid string, members ...string) string {
	return fmt.Sprintf(`{"sid":%q,"account_sid":%q,"chat_service_sid":%q,"state":"active","attributes":"{}","date_created":"2026-01-18T03:17:17Z","date_updated":"2026-01-18T03:17:17Z","timers":{},"bindings":{}%s}`,
		sid, accountSID, serviceSID, strings.Join(append([]string{""}, members...), ","))
}

func conversationSID(n int) string { return fmt.Sprintf("CH%032x", n) }

func pageJSON(next string, items ...string) string {
	meta := `null`
	if next != "" {
		meta = `"https://conversations.twilio.com/v1/Conversations?Page=1&PageToken=` + next + `"`
	}
	return `{"conversations":[` + strings.Join(items, ",") + `],"meta":{"next_page_url":` + meta + `}}`
}

// isParamError checks that a parameter was refused, and that nothing was sent.
func isParamError(t *testing.T, err error, requests int) *client.ParamError {
	t.Helper()
	p, ok := errors.AsType[*client.ParamError](err)
	assert.Truef(t, ok, "want a *ParamError, got %T: %v", err, err)
	assert.Zero(t, requests, "requests")
	return p
}

func TestPromiseCursorsOfAnotherList(t *testing.T) {
	t.Parallel()
	server := conversationstest.Start(t, conversationstest.InMemory())
	now := time.Now()
	for i := range 6 {
		_, err := server.Seed(conversationstest.Conversation{DateCreated: now.Add(-time.Duration(i) * time.Hour)},
			conversationstest.Conversation{ServiceSID: serviceSID, DateCreated: now.Add(-time.Duration(i) * time.Hour)})
		require.NoError(t, err)
	}
	c := server.Client()
	base := client.ListParams{State: client.StateActive, StartDate: now.Add(-100 * time.Hour), EndDate: now, PageSize: 2}
	page, err := c.Conversations.Page(t.Context(), base)
	require.NoError(t, err)
	require.NotEmpty(t, page.Next)
	for name, other := range map[string]struct {
		conversations *client.Conversations
		change        func(p *client.ListParams)
	}{
		"another state":      {c.Conversations, func(p *client.ListParams) { p.State = client.StateClosed }},
		"no state":           {c.Conversations, func(p *client.ListParams) { p.State = "" }},
		"another start date": {c.Conversations, func(p *client.ListParams) { p.StartDate = now.Add(-50 * time.Hour) }},
		"no start date":      {c.Conversations, func(p *client.ListParams) { p.StartDate = time.Time{} }},
		"another end date":   {c.Conversations, func(p *client.ListParams) { p.EndDate = now.Add(-time.Second) }},
		"no end date":        {c.Conversations, func(p *client.ListParams) { p.EndDate = time.Time{} }},
		"another service":    {c.Service(serviceSID).Conversations, func(*client.ListParams) {}},
	} {
		t.Run(name, func(t *testing.T) {
			params := base
			params.Cursor = page.Next
			other.change(&params)
			before := len(server.Requests())
			_, err := other.conversations.Page(t.Context(), params)
			p := isParamError(t, err, len(server.Requests())-before)
			if p != nil {
				assert.Equal(t, "Cursor", p.Param)
			}
			for _, err := range other.conversations.List(t.Context(), params) {
				isParamError(t, err, len(server.Requests())-before)
			}
		})
	}
	for name, change := range map[string]func(p *client.ListParams){
		"the same list":            func(*client.ListParams) {},
		"another page size":        func(p *client.ListParams) { p.PageSize = 3 },
		"the same time, elsewhere": func(p *client.ListParams) { p.EndDate = p.EndDate.In(time.FixedZone("x", 3600)) },
	} {
		params := base
		params.Cursor = page.Next
		change(&params)
		page, err := c.Conversations.Page(t.Context(), params)
		require.NoError(t, err, name)
		assert.NotEmpty(t, page.Items, name)
	}
	// One that was stored by the first version is taken or refused, but not silently empty.
	params := base
	_, token, _ := strings.Cut(string(page.Next), ":")
	params.Cursor = client.Cursor("1:" + token)
	if old, err := c.Conversations.Page(t.Context(), params); err == nil {
		assert.NotEmpty(t, old.Items)
	} else {
		isParamError(t, err, 0)
	}
}

func TestPromisePageCycles(t *testing.T) {
	t.Parallel()
	for _, length := range []int{1, 2, 3, 7} {
		t.Run(fmt.Sprintf("a cycle of %d", length), func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int32
			c := newTruthClient(t, func(req *http.Request) (*http.Response, error) {
				n := int(requests.Add(1))
				if n > 200 {
					return nil, errors.New("without end")
				}
				return oneJSON(req, 200, pageJSON(fmt.Sprintf("T%d", n%length), conversationJSON(conversationSID(n))))
			})
			var last error
			for _, err := range c.Conversations.List(t.Context(), client.ListParams{}) {
				last = err
			}
			assert.Error(t, last)
			assert.LessOrEqual(t, int(requests.Load()), 5*length+5)
		})
	}
	c := newTruthClient(t, func(req *http.Request) (*http.Response, error) {
		return oneJSON(req, 200, pageJSON("T1", conversationJSON(conversationSID(1))))
	})
	first, err := c.Conversations.Page(t.Context(), client.ListParams{})
	require.NoError(t, err)
	_, err = c.Conversations.Page(t.Context(), client.ListParams{Cursor: first.Next})
	assert.Error(t, err, "a page that names itself as the next one")
}

func TestPromiseTheLastDuplicateCounts(t *testing.T) {
	t.Parallel()
	sid := conversationSID(1)
	c := newTruthClient(t, func(req *http.Request) (*http.Response, error) {
		if strings.HasSuffix(req.URL.Path, sid) {
			conv := conversationJSON(sid)
			return oneJSON(req, 200, `{"timers":{"date_closed":"2030-01-01T00:00:00Z"},`+conv[1:])
		}
		body := pageJSON("", conversationJSON(sid))
		return oneJSON(req, 200, `{"meta":{"next_page_url":"https://x/v1/Conversations?PageToken=T9"},`+strings.Replace(body, `"next_page_url":null`, "", 1)[1:])
	})
	conv, err := c.Conversations.Fetch(t.Context(), sid)
	require.NoError(t, err)
	assert.Zero(t, conv.Timers.DateClosed, "an earlier timers shows through")
	page, err := c.Conversations.Page(t.Context(), client.ListParams{})
	require.NoError(t, err)
	assert.Empty(t, page.Next, "an earlier next_page_url shows through")
}

func TestPromiseNamesThatMayBeNormalised(t *testing.T) {
	t.Parallel()
	for asked, got := range map[string]string{"Order-1": "order-1", " order ": "order", "order": " order", "cafe\u0301": "caf\u00e9", "ÄRGER": "ärger"} {
		c := newTruthClient(t, func(req *http.Request) (*http.Response, error) {
			name, _ := json.Marshal(got)
			return oneJSON(req, map[string]int{"POST": 201, "GET": 200}[req.Method], conversationJSON(conversationSID(1), `"unique_name":`+string(name)))
		})
		_, err := c.Conversations.Fetch(t.Context(), asked)
		assert.NoError(t, err, "%q and %q", asked, got)
		_, err = c.Conversations.Create(t.Context(), client.CreateParams{UniqueName: &asked})
		assert.NoError(t, err, "%q and %q", asked, got)
	}
	// What is addressed by SID may come back with it in other capitals.
	sid := "CH" + strings.Repeat("Ab", 16)
	c := newTruthClient(t, func(req *http.Request) (*http.Response, error) {
		return oneJSON(req, 200, conversationJSON("CH"+strings.Repeat("ab", 16)))
	})
	_, err := c.Conversations.Fetch(t.Context(), sid)
	assert.NoError(t, err)
}

// A connection that is out of step gives each caller the response to another.
func TestPromiseDesynchronised(t *testing.T) {
	t.Parallel()
	var wrong, calls atomic.Int32
	var mu sync.Mutex
	before := conversationSID(0)
	c := newTruthClient(t, func(req *http.Request) (*http.Response, error) {
		mu.Lock()
		defer mu.Unlock()
		sid := before
		before = req.URL.Path[strings.LastIndex(req.URL.Path, "/")+1:]
		return oneJSON(req, 200, conversationJSON(sid))
	})
	var callers sync.WaitGroup
	for i := range 8 {
		callers.Go(func() {
			for j := range 50 {
				sid := conversationSID(1 + i + 8*j)
				if conv, err := c.Conversations.Fetch(t.Context(), sid); err == nil && conv.SID != sid {
					wrong.Add(1)
				} else if _, err := c.Conversations.Update(t.Context(), sid, client.UpdateParams{FriendlyName: new("x")}); err != nil {
					e, ok := errors.AsType[*client.Error](err)
					assert.True(t, ok && e.Unclear, "an update with the response to another is unclear: %v", err)
				}
				calls.Add(1)
			}
		})
	}
	callers.Wait()
	assert.Zero(t, wrong.Load(), "of %d fetches returned another conversation", calls.Load())
}

func TestPromiseEmptyUniqueName(t *testing.T) {
	t.Parallel()
	requests := 0
	c := newTruthClient(t, func(req *http.Request) (*http.Response, error) {
		requests++
		return oneJSON(req, 201, conversationJSON(conversationSID(1)))
	})
	_, err := c.Conversations.Create(t.Context(), client.CreateParams{UniqueName: new("")})
	if p := isParamError(t, err, requests); p != nil {
		assert.Equal(t, "UniqueName", p.Param)
		assert.Contains(t, p.Reason, "nil")
	}
}

// TestPromiseDeadConnection runs in a process of its own, which trusts the certificate of the
// test's server: the transport that a client makes by itself is not to be reached otherwise.
func TestPromiseDeadConnection(t *testing.T) {
	t.Parallel()
	const variable = "CONVERSATIONS_TEST_DEAD_CONNECTION"
	if base := os.Getenv(variable); base != "" {
		c, err := client.New(client.BasicAuth(accountSID, authToken), client.WithBaseURL(base), client.WithAttemptTimeout(time.Second),
			client.WithRetry(client.RetryPolicy{MinDelay: time.Millisecond}))
		require.NoError(t, err)
		_, err = c.Conversations.Fetch(t.Context(), conversationSID(1))
		require.NoError(t, err, "while the connection works")
		own := http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true}}
		_, err = own.Post(base+"/blackhole", "", nil)
		require.NoError(t, err)
		var response client.Response
		_, err = c.Conversations.Fetch(t.Context(), conversationSID(1), client.WithResponse(&response))
		require.NoError(t, err, "when the connection is dead")
		require.LessOrEqual(t, response.Attempts, 3)
		return
	}
	hole := &holes{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/blackhole" {
			hole.open(r.RemoteAddr)
			return
		}
		if r.ProtoMajor != 2 {
			t.Errorf("%s instead of HTTP/2", r.Proto)
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, conversationJSON(conversationSID(1)))
	}))
	server.EnableHTTP2 = true
	server.Listener = holedListener{server.Listener, hole}
	server.StartTLS()
	defer server.Close()
	roots := filepath.Join(t.TempDir(), "roots.pem")
	require.NoError(t, os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600))
	out := ownProcess(t, "TestPromiseDeadConnection", variable+"="+server.URL, "SSL_CERT_FILE="+roots, "SSL_CERT_DIR="+t.TempDir(), "GODEBUG=")
	assert.Contains(t, out, "PASS: TestPromiseDeadConnection")
}

// holes are connections whose bytes go nowhere any more.
type holes struct {
	mu    sync.Mutex
	conns []*holedConn
}

// open loses what is sent on all connections that are there, but for the one of the given address.
func (h *holes) open(but string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.conns {
		if c.RemoteAddr().String() != but {
			c.dead.Store(true)
		}
	}
}

type holedListener struct {
	net.Listener
	holes *holes
}

func (l holedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &holedConn{Conn: conn}
	l.holes.mu.Lock()
	defer l.holes.mu.Unlock()
	l.holes.conns = append(l.holes.conns, c)
	return c, nil
}

type holedConn struct {
	net.Conn
	dead atomic.Bool
}

func (c *holedConn) Write(p []byte) (int, error) {
	if c.dead.Load() {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// ownProcess runs a test of this package in a process of its own, for what would take the others
// with it, and returns what it prints.
func ownProcess(t *testing.T, test string, env ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+test+"$", "-test.v", "-test.count=1", "-test.timeout=60s")
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Logf("%s: %v\n%.500s", test, err, out)
	}
	return string(out)
}

// A panic of a transport or a request editor in a goroutine of the client would end the program,
// whatever the caller recovers from. So it must surface where the caller can recover, as in Fetch.
func TestPromisePanicsSurface(t *testing.T) {
	t.Parallel()
	const variable = "CONVERSATIONS_TEST_PANICS"
	calls := map[string]func(c *client.Conversations){
		"fetch": func(c *client.Conversations) { _, _ = c.Fetch(context.Background(), "x") },
		"list": func(c *client.Conversations) {
			for range c.List(context.Background(), client.ListParams{}) {
			}
		},
		"scan": func(c *client.Conversations) {
			for range c.Scan(context.Background(), client.ScanParams{}) {
			}
		},
	}
	if what := os.Getenv(variable); what != "" {
		who, call, _ := strings.Cut(what, "/")
		var requests atomic.Int32
		boom := func() {
			if requests.Add(1) > 1 || call == "fetch" {
				panic("the planted panic")
			}
		}
		transport := transportFunc(func(req *http.Request) (*http.Response, error) {
			if who == "transport" {
				boom()
			}
			return oneJSON(req, 200, pageJSON(fmt.Sprintf("T%d", requests.Load()), conversationJSON(conversationSID(1)), conversationJSON(conversationSID(2))))
		})
		auth := func(ctx context.Context, req *http.Request) error {
			if who == "editor" {
				boom()
			}
			return client.BasicAuth(accountSID, authToken)(ctx, req)
		}
		c, err := client.New(auth, client.WithHTTPClient(&http.Client{Transport: transport}))
		require.NoError(t, err)
		defer func() { assert.Contains(t, fmt.Sprint(recover()), "the planted panic") }()
		calls[call](c.Conversations)
		return
	}
	for _, who := range []string{"transport", "editor"} {
		for call := range calls {
			out := ownProcess(t, "TestPromisePanicsSurface", variable+"="+who+"/"+call)
			assert.Contains(t, out, "PASS: TestPromisePanicsSurface", "%s in %s", who, call)
		}
	}
}

// recovered calls f and returns its panic.
func recovered(f func()) (panicked any) {
	defer func() { panicked = recover() }()
	f()
	return nil
}

func TestPromiseNothingPanics(t *testing.T) {
	t.Parallel()
	c := newTruthClient(t, func(req *http.Request) (*http.Response, error) {
		return oneJSON(req, 200, pageJSON("", conversationJSON(conversationSID(1))))
	})
	r := c.Conversations
	list := func(seq func(func(*client.Conversation, error) bool)) (err error) {
		for _, e := range seq {
			err = e
		}
		return err
	}
	sid := conversationSID(1)
	for name, f := range map[string]func() error{
		"nil option, create": func() error { _, err := r.Create(t.Context(), client.CreateParams{}, nil); return err },
		"nil option, fetch":  func() error { _, err := r.Fetch(t.Context(), sid, nil); return err },
		"nil option, update": func() error { _, err := r.Update(t.Context(), sid, client.UpdateParams{}, nil); return err },
		"nil option, delete": func() error { return r.Delete(t.Context(), sid, nil) },
		"nil option, page":   func() error { _, err := r.Page(t.Context(), client.ListParams{}, nil); return err },
		"nil option, list":   func() error { return list(r.List(t.Context(), client.ListParams{}, nil)) },
		"nil option, scan":   func() error { return list(r.Scan(t.Context(), client.ScanParams{}, nil)) },
	} {
		var err error
		assert.Nil(t, recovered(func() { err = f() }), name)
		isParamError(t, err, 0)
	}
	// A nil action would panic in a goroutine of its own if there were something to act on.
	var err error
	assert.Nil(t, recovered(func() {
		_, err = client.ForEach(t.Context(), func(func(*client.Conversation, error) bool) {}, nil, client.BulkParams{})
	}))
	isParamError(t, err, 0)
}

func TestPromiseEditorThatReplacesTheContext(t *testing.T) {
	t.Parallel()
	c, err := client.New(func(_ context.Context, req *http.Request) error {
		*req = *req.WithContext(context.Background())
		return nil
	}, client.WithHTTPClient(&http.Client{Transport: transportFunc(func(req *http.Request) (*http.Response, error) {
		return oneJSON(req, 200, conversationJSON(conversationSID(1)))
	})}))
	require.NoError(t, err)
	assert.Nil(t, recovered(func() { _, _ = c.Conversations.Fetch(t.Context(), conversationSID(1)) }))
}

func TestPromiseAttemptsWithoutEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var requests atomic.Int32
		c := newTruthClient(t, func(req *http.Request) (*http.Response, error) {
			if requests.Add(1) < 4 {
				return oneJSON(req, 429, `{"code":20429}`)
			}
			return oneJSON(req, 204, "")
		}, client.WithRetry(client.RetryPolicy{MaxAttempts: math.MaxInt}))
		result, err := client.ForEach(t.Context(), func(yield func(*client.Conversation, error) bool) {
			yield(&client.Conversation{SID: conversationSID(1)}, nil)
		}, func(ctx context.Context, conv *client.Conversation) error {
			return c.Conversations.Delete(ctx, conv.SID)
		}, client.BulkParams{})
		require.NoError(t, err)
		assert.Equal(t, client.BulkResult{Succeeded: 1}, result)
	})
}

// A call whose context ended before a connection was requested was never sent, and says so.
func TestPromiseOverBeforeItWasSent(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	c, err := client.New(func(context.Context, *http.Request) error { cancel(); return nil },
		client.WithBaseURL("http://127.0.0.1:1"), client.WithHTTPClient(&http.Client{Transport: &http.Transport{}}))
	require.NoError(t, err)
	_, err = c.Conversations.Create(ctx, client.CreateParams{})
	require.ErrorIs(t, err, context.Canceled)
	assert.NotErrorIs(t, err, client.ErrMaybeCreated)
	assert.Contains(t, err.Error(), "no conversation was created")
}

// Any date with which a conversation can be created is one that a Scan can read.
func TestPromiseDatesThatAScanCanRead(t *testing.T) {
	t.Parallel()
	for _, date := range []time.Time{
		time.Date(1, 1, 1, 0, 0, 0, 1e6, time.UTC), time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC), time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC),
		time.Date(1899, 1, 1, 0, 0, 0, 0, time.UTC), time.Unix(0, 0), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
		time.Date(9999, 12, 31, 23, 59, 59, 500e6, time.UTC), time.Date(9999, 12, 31, 23, 59, 58, 0, time.UTC),
	} {
		server := conversationstest.Start(t, conversationstest.InMemory())
		_, err := server.Seed(conversationstest.Conversation{}, conversationstest.Conversation{}, conversationstest.Conversation{})
		require.NoError(t, err)
		c := server.Client().Conversations
		conv, err := c.Create(t.Context(), client.CreateParams{DateCreated: &date})
		if err != nil {
			_, refused := errors.AsType[*client.ParamError](err)
			assert.True(t, refused, "%v: %v", date, err)
			continue
		}
		for _, params := range []client.ScanParams{{}, {PageSize: 1}, {StartDate: date}, {EndDate: date}} {
			found := false
			for got, err := range c.Scan(t.Context(), params) {
				require.NoError(t, err, "%v, %+v", date, params)
				found = found || got.SID == conv.SID
			}
			assert.True(t, found, "%v is not in %+v", date, params)
		}
	}
}

// UpdateParams: nil leaves a field as it is, and so does an empty string.
func TestPromiseEmptyMessagingService(t *testing.T) {
	t.Parallel()
	server := conversationstest.Start(t, conversationstest.InMemory())
	c := server.Client().Conversations
	conv, err := c.Create(t.Context(), client.CreateParams{MessagingServiceSID: new("MG00000000000000000000000000000001")})
	require.NoError(t, err)
	updated, err := c.Update(t.Context(), conv.SID, client.UpdateParams{MessagingServiceSID: new(""), FriendlyName: new("x")})
	if assert.NoError(t, err) {
		assert.Equal(t, "MG00000000000000000000000000000001", updated.MessagingServiceSID)
	}
}

// Redaction is linear in the text. It does not run beside others, which would take its time.
func TestPromiseRedactionIsLinear(t *testing.T) {
	took := func(name, text string) time.Duration {
		body, _ := json.Marshal(map[string]any{"code": 20404, "message": text})
		c := newTruthClient(t, func(req *http.Request) (*http.Response, error) { return oneJSON(req, 404, string(body)) })
		least := time.Hour
		for range 2 {
			began := time.Now()
			_ = c.Conversations.Delete(t.Context(), name)
			least = min(least, time.Since(began))
		}
		return least
	}
	text := strings.Repeat("a", 30<<10)
	quick := took("b"+strings.Repeat("a", 6<<10), text)
	slow := took(strings.Repeat("a", 6<<10)+"b", text)
	assert.Less(t, slow, 10*quick+20*time.Millisecond, "a name that nearly matches everywhere")
}

// heap returns how many bytes are reachable.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A conversation that is kept does not keep its page. It does not run beside others, whose memory
// would count.
func TestPromiseAKeptConversationDoesNotKeepItsPage(t *testing.T) {
	size := largestPageSize(t)
	pages := 8000 / size
	items := make([]string, size)
	for i := range items {
		items[i] = conversationJSON(conversationSID(i), `"friendly_name":"`+strings.Repeat("x", 100)+`"`)
	}
	for name, seq := range map[string]func(*client.Conversations) func(func(*client.Conversation, error) bool){
		"list": func(c *client.Conversations) func(func(*client.Conversation, error) bool) {
			return c.List(t.Context(), client.ListParams{PageSize: size})
		},
		"page": func(c *client.Conversations) func(func(*client.Conversation, error) bool) {
			return func(yield func(*client.Conversation, error) bool) {
				for range pages {
					page, err := c.Page(t.Context(), client.ListParams{PageSize: size})
					require.NoError(t, err)
					for _, conv := range page.Items {
						if !yield(conv, nil) {
							return
						}
					}
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := 0
			c := newTruthClient(t, func(req *http.Request) (*http.Response, error) {
				n++
				next := fmt.Sprintf("T%d", n)
				if n >= pages {
					next = ""
				}
				return oneJSON(req, 200, pageJSON(next, items...))
			})
			before := heap()
			var kept []*client.Conversation
			i := 0
			for conv, err := range seq(c.Conversations) {
				require.NoError(t, err)
				if i++; i%size == size/2 {
					kept = append(kept, conv)
				}
			}
			grown := int64(heap()) - int64(before)
			require.Len(t, kept, pages)
			assert.Less(t, grown, int64(1<<20), "%d conversations keep %d KiB", len(kept), grown>>10)
			runtime.KeepAlive(kept)
			runtime.KeepAlive(c)
		})
	}
}

func TestPromiseListDoesNotRememberEveryToken(t *testing.T) {
	const pages = 800
	n := 0
	c := newTruthClient(t, func(req *http.Request) (*http.Response, error) {
		if n++; n == pages {
			return oneJSON(req, 200, pageJSON("", conversationJSON(conversationSID(n))))
		}
		return oneJSON(req, 200, pageJSON(fmt.Sprintf("%08d%s", n, strings.Repeat("x", 8<<10)), conversationJSON(conversationSID(n))))
	})
	before, most := heap(), uint64(0)
	i := 0
	for _, err := range c.Conversations.List(t.Context(), client.ListParams{}) {
		require.NoError(t, err)
		if i++; i == pages-10 {
			most = heap()
		}
	}
	assert.Less(t, int64(most)-int64(before), int64(2<<20), "bytes held after %d pages", i)
}

// The transport that a client makes keeps as many connections as a Scan or ForEach may use.
func TestPromiseConnectionsAreKept(t *testing.T) {
	t.Parallel()
	const workers, rounds = 64, 4
	var opened atomic.Int32
	var arrived sync.WaitGroup
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived.Done()
		arrived.Wait() // so that all of a round are in flight at once
		w.WriteHeader(http.StatusNoContent)
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	c, err := client.New(client.BasicAuth(accountSID, authToken), client.WithBaseURL(server.URL))
	require.NoError(t, err)
	for range rounds {
		arrived.Add(workers)
		var calls sync.WaitGroup
		for i := range workers {
			calls.Go(func() { assert.NoError(t, c.Conversations.Delete(t.Context(), conversationSID(i))) })
		}
		calls.Wait()
	}
	assert.LessOrEqual(t, opened.Load(), int32(2*workers), "connections for %d requests, %d at once", rounds*workers, workers)
}

func TestPromiseScanDoesNotMultiplyRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for name, age := range map[string]func(rnd *rand.Rand, i int) time.Duration{
			"a day": func(rnd *rand.Rand, _ int) time.Duration { return randomly(rnd, 24*time.Hour) },
			"bursts of a minute in a year": func(rnd *rand.Rand, i int) time.Duration {
				return time.Duration(i%20)*18*24*time.Hour + randomly(rnd, time.Minute)
			},
			"imported in seconds": func(_ *rand.Rand, i int) time.Duration { return time.Duration(i/60) * time.Hour },
		} {
			emulator, err := conversationstest.New(conversationstest.WithAccounts(conversationstest.Account{SID: accountSID, AuthToken: truthToken}))
			require.NoError(t, err)
			rnd := rand.New(rand.NewPCG(1, 2))
			seeds := make([]conversationstest.Conversation, 1200)
			for i := range seeds {
				seeds[i].DateCreated = time.Now().Add(-age(rnd, i))
			}
			_, err = emulator.Seed(seeds...)
			require.NoError(t, err)
			var requests atomic.Int32
			c := newTruthClient(t, func(req *http.Request) (*http.Response, error) {
				requests.Add(1)
				time.Sleep(100 * time.Millisecond)
				rec := httptest.NewRecorder()
				arrived := httptest.NewRequest(req.Method, req.URL.String(), nil)
				arrived.Header = req.Header
				emulator.ServeHTTP(rec, arrived)
				return rec.Result(), nil
			})
			for workers, most := range map[int]int32{1: 61, 8: 150, 64: 180} {
				requests.Store(0)
				n := 0
				for _, err := range c.Conversations.Scan(t.Context(), client.ScanParams{Workers: workers, PageSize: 20}) {
					require.NoError(t, err)
					n++
				}
				require.Equal(t, len(seeds), n)
				assert.LessOrEqual(t, requests.Load(), most, "requests of %d workers for 60 pages of %s", workers, name)
			}
		}
	})
}

func TestPromiseForEachFinishesUnderSporadic429s(t *testing.T) {
	t.Parallel()
	for _, share := range []float64{0.02, 0.1, 0.3} {
		synctest.Test(t, func(t *testing.T) {
			const n = 300
			var mu sync.Mutex
			rnd := rand.New(rand.NewPCG(7, 7))
			limits := map[string]int{}
			c := newTruthClient(t, func(req *http.Request) (*http.Response, error) {
				mu.Lock()
				limited := rnd.Float64() < share && limits[req.URL.Path] < 7 // by chance none runs out of attempts
				if limited {
					limits[req.URL.Path]++
				}
				mu.Unlock()
				time.Sleep(50 * time.Millisecond)
				if limited {
					return oneJSON(req, 429, `{"code":20429}`)
				}
				return oneJSON(req, 204, "")
			})
			began := time.Now()
			result, err := client.ForEach(t.Context(), func(yield func(*client.Conversation, error) bool) {
				for i := range n {
					if !yield(&client.Conversation{SID: conversationSID(i)}, nil) {
						return
					}
				}
			}, func(ctx context.Context, conv *client.Conversation) error {
				return c.Conversations.Delete(ctx, conv.SID)
			}, client.BulkParams{})
			require.NoError(t, err)
			assert.Equal(t, n, result.Succeeded, "%v of the requests limited", share)
			assert.Less(t, time.Since(began), 5*time.Minute, "%v of the requests limited: at 30 a second it would take 10 s", share)
		})
	}
}

// The cause of a context is not the result of the call.
func TestPromiseCauseOfTheContext(t *testing.T) {
	t.Parallel()
	sid := conversationSID(1)
	calls := map[string]func(ctx context.Context, c *client.Conversations) error{
		"create": func(ctx context.Context, c *client.Conversations) error {
			_, err := c.Create(ctx, client.CreateParams{})
			return err
		},
		"fetch":  func(ctx context.Context, c *client.Conversations) error { _, err := c.Fetch(ctx, sid); return err },
		"delete": func(ctx context.Context, c *client.Conversations) error { return c.Delete(ctx, sid) },
		"update": func(ctx context.Context, c *client.Conversations) error {
			_, err := c.Update(ctx, sid, client.UpdateParams{FriendlyName: new("x")})
			return err
		},
		"page": func(ctx context.Context, c *client.Conversations) error {
			_, err := c.Page(ctx, client.ListParams{})
			return err
		},
		"list": func(ctx context.Context, c *client.Conversations) (err error) {
			for _, err = range c.List(ctx, client.ListParams{}) {
			}
			return err
		},
		"scan": func(ctx context.Context, c *client.Conversations) (err error) {
			for _, err = range c.Scan(ctx, client.ScanParams{}) {
			}
			return err
		},
		"for each": func(ctx context.Context, c *client.Conversations) error {
			_, err := client.ForEach(ctx, c.List(ctx, client.ListParams{}), func(context.Context, *client.Conversation) error { return nil }, client.BulkParams{})
			return err
		},
	}
	sentinels := []error{client.ErrNotFound, client.ErrUnauthorized, client.ErrForbidden, client.ErrConflict, client.ErrRateLimited, client.ErrClosed}
	for name, call := range calls {
		for _, cause := range []error{
			&client.Error{Operation: "fetchConversation", Status: 404}, &client.Error{Operation: "updateConversation", Status: 400, Code: 50377},
			fmt.Errorf("wrapped: %w", &client.Error{Operation: "createConversation", Status: 409, Unclear: true}),
			errors.Join(errors.New("both"), client.ErrNotFound), errors.New("the deploy began"),
		} {
			for _, status := range []int{0, 503} {
				if name == "create" && status != 0 {
					continue // it is not repeated, and so over before its context
				}
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := context.WithCancelCause(t.Context())
					defer cancel(nil)
					time.AfterFunc(100*time.Millisecond, func() { cancel(cause) })
					c := newTruthClient(t, func(req *http.Request) (*http.Response, error) {
						if status != 0 {
							return oneJSON(req, status, "", "Retry-After", "10")
						}
						<-req.Context().Done()
						return nil, req.Context().Err()
					})
					err := call(ctx, c.Conversations)
					require.ErrorIs(t, err, context.Canceled, name)
					for _, s := range sentinels {
						assert.NotErrorIs(t, err, s, "%s, cancelled because of %v", name, cause)
					}
					if name != "create" {
						assert.NotErrorIs(t, err, client.ErrMaybeCreated, "%s, cancelled because of %v", name, cause)
					}
					if cause.Error() == "the deploy began" {
						assert.True(t, errors.Is(err, cause) || strings.Contains(err.Error(), "the deploy began"), "the cause cannot be read: %v", err)
					}
				})
			}
		}
	}
}

// retryDelays are the waits of a call whose first attempts are refused.
func retryDelays(t *testing.T, header ...string) (delays []time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		var last time.Time
		c := newTruthClient(t, func(req *http.Request) (*http.Response, error) {
			if !last.IsZero() {
				delays = append(delays, time.Since(last))
			}
			last = time.Now()
			return oneJSON(req, 429, "", header...)
		})
		_ = c.Conversations.Delete(t.Context(), conversationSID(1))
	})
	return delays
}

func TestPromiseJitterOnRetryAfter(t *testing.T) {
	t.Parallel()
	seen := map[time.Duration]bool{}
	for range 5 {
		for _, d := range retryDelays(t, "Retry-After", "5") {
			assert.GreaterOrEqual(t, d, 5*time.Second)
			assert.LessOrEqual(t, d, 15*time.Second)
			seen[d] = true
		}
	}
	assert.Greater(t, len(seen), 3, "all clients of a fleet come back at the same time")
}

func TestPromiseRetryBudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		requests := 0
		c := newTruthClient(t, func(req *http.Request) (*http.Response, error) {
			requests++
			return oneJSON(req, 503, "")
		})
		const calls = 1000
		for range calls {
			_, err := c.Conversations.Fetch(t.Context(), conversationSID(1))
			require.Error(t, err)
		}
		assert.Less(t, requests, 2*calls, "every call of a fleet multiplies the load of a server that is down")
	})
}

func Test408IsUnclear(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newTruthClient(t, func(req *http.Request) (*http.Response, error) { return oneJSON(req, 408, "") })
		_, err := c.Conversations.Create(t.Context(), client.CreateParams{})
		assert.ErrorIs(t, err, client.ErrMaybeCreated)
	})
}

func TestPromiseErrorTexts(t *testing.T) {
	t.Parallel()
	sid := conversationSID(1)
	refused := func(status int, base string) *client.Conversations {
		return newTruthClient(t, func(req *http.Request) (*http.Response, error) {
			return oneJSON(req, status, fmt.Sprintf(`{"code":20%d,"message":"no"}`, status))
		}, client.WithBaseURL(base)).Conversations
	}
	_, err := refused(404, "https://conversations.twilio.com").Fetch(t.Context(), sid)
	assert.ErrorContains(t, err, sid, "which conversation")
	_, err = refused(404, "https://conversations.twilio.com").Fetch(t.Context(), "alice")
	assert.ErrorContains(t, err, "{UniqueName}")
	assert.NotContains(t, err.Error(), "alice")
	for _, base := range []string{"https://conversations.twilio.com", "https://conversations.dublin.ie1.twilio.com"} {
		_, err = refused(401, base).Fetch(t.Context(), sid)
		assert.ErrorContains(t, err, strings.TrimPrefix(base, "https://"), "the host of a 401")
		assert.ErrorContains(t, err, "region")
	}
}

func TestPromiseParamErrors(t *testing.T) {
	t.Parallel()
	c := newTruthClient(t, func(*http.Request) (*http.Response, error) { return nil, errors.New("sent") })
	create := func(p client.CreateParams) error { _, err := c.Conversations.Create(t.Context(), p); return err }
	page := func(p client.ListParams) error { _, err := c.Conversations.Page(t.Context(), p); return err }
	base := func(u string) error {
		_, err := client.New(client.BasicAuth(accountSID, authToken), client.WithBaseURL(u))
		return err
	}
	for want, err := range map[string]error{
		"State: must be a state of the API, such as active": page(client.ListParams{State: "actve"}),
		"base URL: must not end in /v1":                     base("https://conversations.twilio.com/v1"),
		"ClosedAfter (Timers.Closed): ":                     create(client.CreateParams{ClosedAfter: new(time.Minute)}),
		"InactiveAfter (Timers.Inactive): ":                 create(client.CreateParams{InactiveAfter: new(time.Second)}),
		"MessagingServiceSID (MessagingServiceSid): ":       create(client.CreateParams{MessagingServiceSID: new("x")}),
	} {
		if assert.Error(t, err, want) {
			assert.True(t, strings.HasPrefix(err.Error(), want), "want %q, got %q", want, err)
		}
	}
}

func TestPromiseFromEnv(t *testing.T) {
	for _, tc := range []struct{ set, named []string }{
		{nil, []string{"TWILIO_API_KEY", "TWILIO_API_SECRET", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"}},
		{[]string{"TWILIO_API_KEY"}, []string{"TWILIO_API_SECRET"}},
		{[]string{"TWILIO_API_SECRET"}, []string{"TWILIO_API_KEY"}},
		{[]string{"TWILIO_AUTH_TOKEN"}, []string{"TWILIO_ACCOUNT_SID"}},
		{[]string{"TWILIO_ACCOUNT_SID"}, []string{"TWILIO_AUTH_TOKEN"}},
		{[]string{"TWILIO_API_SECRET", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"}, []string{"TWILIO_API_KEY"}},
	} {
		for _, name := range []string{"TWILIO_API_KEY", "TWILIO_API_SECRET", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_REGION", "TWILIO_EDGE"} {
			t.Setenv(name, "")
			os.Unsetenv(name)
		}
		for _, name := range tc.set {
			t.Setenv(name, "x")
		}
		_, err := client.FromEnv()
		if !assert.Error(t, err, "%v set", tc.set) {
			continue
		}
		for _, name := range tc.named {
			assert.ErrorContains(t, err, name, "%v set", tc.set)
		}
	}
}

// logged returns the records of a call.
func logged(t *testing.T, transport transportFunc, call func(ctx context.Context, c *client.Conversations) error) (records []map[string]any, text string) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		c := newTruthClient(t, transport, client.WithBaseURL("https://conversations.dublin.ie1.twilio.com"),
			client.WithLogger(slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))))
		_ = call(t.Context(), c.Conversations)
		text = log.String()
		for line := range strings.Lines(text) {
			var record map[string]any
			require.NoError(t, json.Unmarshal([]byte(line), &record))
			records = append(records, record)
		}
	})
	return records, text
}

func TestPromiseLogs(t *testing.T) {
	t.Parallel()
	fetch := func(ctx context.Context, c *client.Conversations) error {
		_, err := c.Fetch(ctx, conversationSID(1))
		return err
	}
	dial := &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	for want, transport := range map[string]transportFunc{
		"connection refused": func(*http.Request) (*http.Response, error) { return nil, dial },
		"timeout": func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		},
		"503": func(req *http.Request) (*http.Response, error) { return oneJSON(req, 503, "") },
	} {
		records, text := logged(t, transport, fetch)
		require.Len(t, records, 4)
		for i, record := range records {
			line, _ := json.Marshal(record)
			assert.Contains(t, string(line), "conversations.dublin.ie1.twilio.com", "the host")
			assert.Contains(t, string(line), want, "the reason")
			delays := slices.ContainsFunc(slices.Collect(maps.Keys(record)), func(name string) bool {
				return strings.Contains(name, "delay") || strings.Contains(name, "retry") || strings.Contains(name, "wait")
			})
			assert.True(t, delays || i == 3, "the next delay, in %s", line)
		}
		assert.Contains(t, text, `"WARN"`, "a failure that nobody expects")
	}
	for _, status := range []int{404, 409} {
		_, text := logged(t, func(req *http.Request) (*http.Response, error) { return oneJSON(req, status, "") }, fetch)
		assert.NotContains(t, text, `"WARN"`, "an expected %d", status)
	}
	_, text := logged(t, func(req *http.Request) (*http.Response, error) {
		<-req.Context().Done()
		return nil, req.Context().Err()
	},
		func(ctx context.Context, c *client.Conversations) error {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(time.Second, cancel)
			return fetch(ctx, c)
		})
	assert.NotContains(t, text, `"WARN"`, "the caller's own cancellation")
}

func TestPromiseUserAgent(t *testing.T) {
	t.Parallel()
	c := newTruthClient(t, func(req *http.Request) (*http.Response, error) {
		assert.Regexp(t, `^twilio-conversations-go/\S+ \(go\S*\)$`, req.Header.Get("User-Agent"))
		return oneJSON(req, 204, "")
	})
	require.NoError(t, c.Conversations.Delete(t.Context(), conversationSID(1)))
}

// A program that tries the emulator needs no edit.
func TestPromiseBaseURLFromEnv(t *testing.T) {
	t.Setenv("TWILIO_ACCOUNT_SID", accountSID)
	t.Setenv("TWILIO_AUTH_TOKEN", authToken)
	t.Setenv("TWILIO_CONVERSATIONS_URL", "http://127.0.0.1:4010")
	for _, name := range []string{"TWILIO_API_KEY", "TWILIO_API_SECRET", "TWILIO_REGION", "TWILIO_EDGE"} {
		t.Setenv(name, "")
		os.Unsetenv(name)
	}
	var host string
	c, err := client.FromEnv(client.WithHTTPClient(&http.Client{Transport: transportFunc(func(req *http.Request) (*http.Response, error) {
		host = req.URL.Host
		return oneJSON(req, 204, "")
	})}))
	require.NoError(t, err)
	require.NoError(t, c.Conversations.Delete(t.Context(), conversationSID(1)))
	assert.Equal(t, "127.0.0.1:4010", host)

	t.Setenv("TWILIO_CONVERSATIONS_URL", "ftp://x")
	_, err = client.FromEnv()
	assert.ErrorContains(t, err, "TWILIO_CONVERSATIONS_URL")
}

// The signatures of what a user writes down do not show the generated package.
func TestPromiseAuthDoesNotShowGenerated(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	seen := 0
	for _, name := range files {
		file, err := parser.ParseFile(gotoken.NewFileSet(), name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Recv != nil || !slices.Contains([]string{"New", "BasicAuth", "BearerToken"}, f.Name.Name) {
				continue
			}
			seen++
			ast.Inspect(f.Type, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok {
					assert.NotEqual(t, "gen", fmt.Sprint(s.X), "%s shows gen.%s", f.Name, s.Sel)
				}
				return true
			})
		}
	}
	assert.Equal(t, 3, seen)
}

// A unique name in the address and in the text, in every usual spelling, is not repeated.
func TestPromiseNamesInEverySpelling(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Zoë O'Brien", "a+b@example.org", `50% "off" & <more>`, "x/y?z#1", "日本語", "tab\tname", "a"} {
		for _, spelling := range append(spellings(name), strings.ToLower(url.PathEscape(name)), strings.ToUpper(name)) {
			message, _ := json.Marshal("The conversation [" + spelling + "] is taken")
			c := newTruthClient(t, func(req *http.Request) (*http.Response, error) {
				return oneJSON(req, 409, `{"code":50353,"message":`+string(message)+`}`)
			})
			for _, err := range []error{
				c.Conversations.Delete(t.Context(), name),
				func() error {
					_, err := c.Conversations.Create(t.Context(), client.CreateParams{UniqueName: &name})
					return err
				}(),
			} {
				assert.NotContains(t, strings.ToLower(err.Error()), "["+strings.ToLower(spelling)+"]", "%q as %q", name, spelling)
			}
		}
	}
}

func TestPromiseUserAgentOfTheApplication(t *testing.T) {
	t.Parallel()
	c := newTruthClient(t, func(req *http.Request) (*http.Response, error) {
		assert.Regexp(t, `^app/1\.2 twilio-conversations-go/\S+ \(go\S*\)$`, req.Header.Get("User-Agent"))
		return oneJSON(req, 204, "")
	}, client.WithUserAgent("app/1.2"))
	require.NoError(t, c.Conversations.Delete(t.Context(), conversationSID(1)))
	for _, bad := range []string{"", "app\r\nX: y", "app\x00", "äpp"} {
		_, err := client.New(client.BasicAuth(accountSID, authToken), client.WithUserAgent(bad))
		isParamError(t, err, 0)
	}
}

// The name of an operation reaches what names spans after it, and holds no id.
func TestPromiseOperation(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var seen []string
	c := newTruthClient(t, func(req *http.Request) (*http.Response, error) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, client.Operation(req.Context()))
		switch req.Method {
		case http.MethodGet:
			return oneJSON(req, 200, conversationJSON(conversationSID(1)))
		case http.MethodDelete:
			return oneJSON(req, 204, "")
		}
		return oneJSON(req, 201, conversationJSON(conversationSID(1)))
	})
	for _, r := range []*client.Conversations{c.Conversations, c.Service(serviceSID).Conversations} {
		_, err := r.Fetch(t.Context(), conversationSID(1))
		require.NoError(t, err)
		require.NoError(t, r.Delete(t.Context(), conversationSID(1)))
		_, err = r.Create(t.Context(), client.CreateParams{})
		require.NoError(t, err)
	}
	assert.Equal(t, []string{"fetchConversation", "deleteConversation", "createConversation",
		"fetchServiceConversation", "deleteServiceConversation", "createServiceConversation"}, seen)
	assert.Empty(t, client.Operation(context.Background()))
}
