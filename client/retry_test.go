package client_test

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/client"
)

// tableRows are the ways to fail that the rows of the retry table stand for, for an operation whose success has
// the given status.
var tableRows = map[string]func(success int) []step{
	"request editor failed": nil, // TestAuth
	"never sent":            func(int) []step { return []step{noConnection} },
	"429":                   func(int) []step { return []step{htmlAnswer(429), cutShort(429, "{")} },
	"other 4xx, cut short":  func(int) []step { return []step{cutShort(400, `{"code":`), cutShort(404, "")} },
	"408, 500, 502, 503, 504": func(int) []step {
		return []step{htmlAnswer(408), htmlAnswer(500), htmlAnswer(502), htmlAnswer(503), htmlAnswer(504), cutShort(408, "{"), cutShort(503, "{"), badGzip(503)}
	},
	"connection lost":   func(int) []step { return []step{connectionLost} },
	"attempt timed out": func(int) []step { return []step{silence} },
	"success response cut short": func(success int) []step {
		if success == 204 {
			return nil // it has no body
		}
		return []step{cutShort(success, `{"sid":"CH`), jsonAnswer(success, `{"sid":"CH`)}
	},
	"any other 4xx": func(int) []step {
		return []step{htmlAnswer(400), htmlAnswer(401), htmlAnswer(403), htmlAnswer(404), jsonAnswer(409, nameTaken), badGzip(404), htmlAnswer(499)}
	},
	"any other status": func(success int) []step {
		other := 204
		if success == 204 {
			other = 200
		}
		return []step{htmlAnswer(302), htmlAnswer(202), cutShort(202, "{"), htmlAnswer(501), cutShort(501, "{"), htmlAnswer(505), htmlAnswer(599), htmlAnswer(101), htmlAnswer(0), htmlAnswer(600), jsonAnswer(other, conversation())}
	},
	"success response is malformed": func(success int) []step {
		if success == 204 {
			return nil
		}
		return []step{
			htmlAnswer(success), badGzip(success), jsonAnswer(success, "null"), jsonAnswer(success, `{"sid":7}`),
			jsonAnswer(success, strings.Repeat(" ", 1<<20)), jsonAnswer(success, conversation("sid", `"CH1"`)),
		}
	},
}

func htmlAnswer(status int) step { return answer(status, "text/html", "<html>") }

// badGzip answers with what the transport cannot decompress.
func badGzip(status int) step {
	return func(req *http.Request) (*http.Response, error) {
		resp, err := jsonAnswer(status, "")(req)
		resp.Body = io.NopCloser(failing{gzip.ErrHeader})
		return resp, err
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func noConnection(req *http.Request) (*http.Response, error) { return (&refuser{}).RoundTrip(req) }

// The retry table of the package documentation is what the client does, cell by cell.
func TestRetryTable(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	_, table, ok := strings.Cut(string(doc), "\n//\tfailure ")
	require.True(t, ok, "the table in doc.go")
	table, _, _ = strings.Cut(table, "\n//\n")
	lines := strings.Split(table, "\n//\t")
	columns := regexp.MustCompile(` {2,}`)
	header := columns.Split(strings.TrimSpace(lines[0]), -1)
	seen := map[string]bool{}
	for _, line := range lines[1:] {
		cells := columns.Split(line, -1)
		require.Len(t, cells, len(header)+1, line)
		row := cells[0]
		failures, known := tableRows[row]
		require.True(t, known, "a row without a test: %s", row)
		seen[row] = true
		for i, column := range header {
			verb := strings.ReplaceAll(column, "create, named", "create named")
			for verb := range strings.SplitSeq(verb, ", ") {
				if failures == nil {
					assert.Equal(t, "error", cells[i+1])
					continue
				}
				success := map[string]int{"create": 201, "create named": 201, "delete": 204}[verb]
				for n, failure := range failures(max(success, 200)) {
					t.Run(fmt.Sprintf("%s/%s/%d", row, verb, n), func(t *testing.T) {
						t.Parallel()
						synctest.Test(t, func(t *testing.T) { testCell(t, verb, cells[i+1], failure) })
					})
					if success == 204 {
						break
					}
				}
			}
		}
	}
	assert.Len(t, seen, len(tableRows), "rows")
}

func testCell(t *testing.T, verb, cell string, failure step) {
	steps := []step{failure}
	if cell == "retry" {
		steps = append(steps, failure, success(verb))
	}
	server := newScript(t, steps...)
	err := verbsBySID[verb](t.Context(), newClient(t, server, client.WithMaxResponseBytes(1<<19)).Conversations)
	server.done()
	if cell == "retry" {
		require.NoError(t, err)
		return
	}
	e := apiError(t, err)
	assert.Equal(t, 1, e.Attempts)
	assert.Equal(t, cell == "unclear", e.Unclear)
	assert.Equal(t, cell == "unclear" && strings.HasPrefix(verb, "create"), errors.Is(err, client.ErrMaybeCreated))
}

func TestNeverSentIsRetriedForEveryOperation(t *testing.T) {
	t.Parallel()
	for verb, do := range verbs {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := &refuser{}
				err := do(t.Context(), newClient(t, server).Conversations)
				e := apiError(t, err)
				assert.Equal(t, 4, server.requests)
				assert.Equal(t, 4, e.Attempts)
				assert.False(t, e.Unclear)
				assert.NotErrorIs(t, err, client.ErrMaybeCreated)
				assert.Contains(t, err.Error(), "connection refused")
			})
		})
	}
}

// A transport that does not report on connections may have sent the request.
func TestSilentTransportIsUnclear(t *testing.T) {
	t.Parallel()
	requests := 0
	c := newClient(t, roundTripper(func(*http.Request) (*http.Response, error) {
		requests++
		return nil, errors.New("broken")
	}))
	_, err := c.Conversations.Create(t.Context(), client.CreateParams{})
	assert.ErrorIs(t, err, client.ErrMaybeCreated)
	assert.Equal(t, 1, requests)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func TestLastAnswerIsReturned(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newScript(t,
			answer(503, "text/plain", "no healthy upstream"),
			connectionLost,
			jsonAnswer(429, `{"code":20429,"message":"Too Many Requests"}`),
			jsonAnswer(429, `{"code":20429,"message":"Too Many Requests, still"}`, "Twilio-Request-Id", "RQ00000000000000000000000000000002"))
		var resp client.Response
		_, err := newClient(t, server).Conversations.Fetch(t.Context(), "order-1234", client.WithResponse(&resp))
		server.done()
		e := apiError(t, err)
		assert.Equal(t, client.Error{Operation: "fetchConversation", Status: 429, Code: 20429,
			Message: "Too Many Requests, still", RequestID: "RQ00000000000000000000000000000002", Attempts: 4}, exported(e))
		assert.ErrorIs(t, err, client.ErrRateLimited)
		assert.Equal(t, 429, resp.StatusCode)
		assert.Equal(t, "RQ00000000000000000000000000000002", resp.RequestID)
		assert.Equal(t, 4, resp.Attempts)
	})
}

// exported returns a copy of the error without what a caller cannot see.
func exported(e *client.Error) client.Error {
	return client.Error{Operation: e.Operation, Status: e.Status, Code: e.Code, Message: e.Message, MoreInfo: e.MoreInfo,
		RequestID: e.RequestID, RetryAfter: e.RetryAfter, Attempts: e.Attempts, Unclear: e.Unclear, Cursor: e.Cursor}
}

func TestBackoffGrowsAndIsCapped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var at []time.Time
		c := newClient(t, roundTripper(func(req *http.Request) (*http.Response, error) {
			at = append(at, time.Now())
			return answer(503, "", "")(req)
		}), client.WithRetry(client.RetryPolicy{MaxAttempts: 40, MinDelay: time.Second, MaxDelay: 10 * time.Second}))
		_, err := c.Conversations.Fetch(t.Context(), "order-1234")
		require.Error(t, err)
		require.Len(t, at, 40)
		for i := 1; i < len(at); i++ {
			longest := min(time.Second<<min(i-1, 10), 10*time.Second)
			assert.LessOrEqual(t, at[i].Sub(at[i-1]), longest, "delay %d", i)
			assert.GreaterOrEqual(t, at[i].Sub(at[i-1]), longest/2, "delay %d", i)
		}
	})
}

func TestRetriesCanBeTurnedOff(t *testing.T) {
	t.Parallel()
	server := newScript(t, answer(429, "", ""))
	_, err := newClient(t, server, client.WithRetry(client.RetryPolicy{MaxAttempts: 1})).Conversations.Fetch(t.Context(), "order-1234")
	assert.ErrorIs(t, err, client.ErrRateLimited)
	server.done()
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, value string
		date        string        // of the server's clock
		wait        time.Duration // 0: the answer is returned at once
		reported    time.Duration
	}{
		{name: "seconds", value: "7", wait: 7 * time.Second},
		{name: "date", value: "Sat, 01 Jan 2000 00:00:09 GMT", wait: 9 * time.Second},
		{name: "date by the server's clock", value: "Sun, 18 Jan 2026 03:00:20 GMT", date: "Sun, 18 Jan 2026 03:00:00 GMT", wait: 20 * time.Second},
		{name: "at the cap", value: "30", wait: 30 * time.Second},
		{name: "over the cap", value: "31", reported: 31 * time.Second},
		{name: "date over the cap", value: "Sat, 01 Jan 2000 01:00:00 GMT", reported: time.Hour},
		{name: "absurd", value: "99999999999999999999999", reported: time.Duration(1<<63-1) / time.Second * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				header := []string{"Retry-After", tc.value}
				if tc.date != "" {
					header = append(header, "Date", tc.date)
				}
				steps := []step{answer(429, "", "", header...)}
				if tc.wait > 0 {
					steps = append(steps, success("fetch"))
				}
				server := newScript(t, steps...)
				began := time.Now()
				_, err := newClient(t, server).Conversations.Fetch(t.Context(), "order-1234")
				if tc.wait > 0 {
					assert.Greater(t, time.Since(began), tc.wait-1)
				}
				assert.LessOrEqual(t, time.Since(began), tc.wait+min(tc.wait, 500*time.Millisecond), "with a random part")
				server.done()
				if tc.wait > 0 {
					require.NoError(t, err)
					return
				}
				assert.Equal(t, tc.reported, apiError(t, err).RetryAfter)
			})
		})
	}
}

// What is no time to wait leaves the backoff as it is.
func TestRetryAfterIgnored(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"", "0", "-5", "1e9", "soon", "Fri, 31 Dec 1999 00:00:00 GMT"} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := newScript(t, answer(503, "", "", "Retry-After", value), success("fetch"))
				began := time.Now()
				_, err := newClient(t, server).Conversations.Fetch(t.Context(), "order-1234")
				require.NoError(t, err)
				assert.LessOrEqual(t, time.Since(began), 500*time.Millisecond)
				server.done()

				_, err = newClient(t, newScript(t, answer(503, "", "", "Retry-After", value)), noRetry).Conversations.Fetch(t.Context(), "order-1234")
				assert.Zero(t, apiError(t, err).RetryAfter)
			})
		})
	}
}

func TestNoSleepIntoTheDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newScript(t, jsonAnswer(429, `{"code":20429}`, "Retry-After", "10"))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		began := time.Now()
		_, err := newClient(t, server).Conversations.Fetch(ctx, "order-1234")
		assert.Zero(t, time.Since(began))
		e := apiError(t, err)
		assert.Equal(t, 429, e.Status)
		assert.Equal(t, 10*time.Second, e.RetryAfter)
		server.done()
	})
}

func TestWaitEndsWithContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newScript(t, jsonAnswer(503, `{"code":20503}`, "Retry-After", "20"))
		reason := errors.New("the user went away")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(5*time.Second, func() { cancel(reason) })
		began := time.Now()
		_, err := newClient(t, server).Conversations.Fetch(ctx, "order-1234")
		assert.Equal(t, 5*time.Second, time.Since(began))
		assert.ErrorIs(t, err, reason)
		assert.ErrorIs(t, err, context.Canceled)
		e := apiError(t, err)
		assert.Equal(t, 503, e.Status, "the last answer is kept")
		assert.Equal(t, 20503, e.Code)
	})
}

func TestContextEndsAnAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		reason := errors.New("the user went away")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(reason) })
		_, err := newClient(t, newScript(t, silence)).Conversations.Create(ctx, client.CreateParams{})
		assert.ErrorIs(t, err, reason)
		assert.ErrorIs(t, err, client.ErrMaybeCreated, "it was sent")

		_, err = newClient(t, newScript(t)).Conversations.Create(ctx, client.CreateParams{})
		assert.ErrorIs(t, err, reason)
		assert.NotErrorIs(t, err, client.ErrMaybeCreated, "it was not sent")
		assert.Zero(t, apiError(t, err).Attempts)
	})
}

// An answer that has arrived counts, though the context ended meanwhile.
func TestAnswerBeforeTheContextEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	_, err := newClient(t, newScript(t, func(req *http.Request) (*http.Response, error) {
		cancel()
		return jsonAnswer(404, notFound)(req)
	})).Conversations.Fetch(ctx, "order-1234")
	assert.Equal(t, 20404, apiError(t, err).Code)
}

func TestAttemptTimeoutCoversTheBody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		trickle := func(req *http.Request) (*http.Response, error) {
			resp, err := jsonAnswer(200, "")(req)
			resp.Body = stalled{req.Context()}
			return resp, err
		}
		server := newScript(t, trickle, success("fetch"))
		began := time.Now()
		_, err := newClient(t, server, client.WithAttemptTimeout(3*time.Second)).Conversations.Fetch(t.Context(), "order-1234")
		require.NoError(t, err)
		assert.GreaterOrEqual(t, time.Since(began), 3*time.Second)
		assert.Less(t, time.Since(began), 4*time.Second)
		server.done()
	})
}

// stalled is a body that never comes.
type stalled struct{ ctx context.Context }

func (s stalled) Read([]byte) (int, error) { <-s.ctx.Done(); return 0, s.ctx.Err() }
func (s stalled) Close() error             { return nil }

func TestAttemptTimeoutIsNamed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, err := newClient(t, newScript(t, silence), client.WithRetry(client.RetryPolicy{MaxAttempts: 1})).
			Conversations.Fetch(t.Context(), "order-1234")
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.EqualError(t, err, "fetchConversation {UniqueName}: timeout: no complete response within 30s")
	})
}

func TestDeleteIsDoneAfterAnUnclearAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newScript(t, connectionLost, jsonAnswer(404, notFound))
		require.NoError(t, newClient(t, server).Conversations.Delete(t.Context(), theSID))
		server.done()

		// A clear refusal before it does not make a 404 a success.
		server = newScript(t, answer(429, "", ""), jsonAnswer(404, notFound))
		assert.ErrorIs(t, newClient(t, server).Conversations.Delete(t.Context(), "order-1234"), client.ErrNotFound)
		server.done()
	})
}

func TestUnclearCreateIsResolved(t *testing.T) {
	t.Parallel()
	const now = "Sat, 01 Jan 2000 00:00:00 GMT" // the server's clock at the conflict
	params := client.CreateParams{
		UniqueName: new("order-1234"), FriendlyName: new("Order"), Attributes: map[string]int{"n": 1},
		InactiveAfter: new(time.Hour), BindingsEmailName: new("Support"),
	}
	ours := []string{"unique_name", `"order-1234"`, "friendly_name", `"Order"`, "attributes", `"{\"n\": 1}"`,
		"timers", `{"date_inactive":"2000-01-01T01:00:00Z"}`, "bindings", `{"email":{"name":"Support"}}`,
		"date_created", `"2000-01-01T00:00:00Z"`}
	with := func(members ...string) string { return conversation(append(ours[:len(ours):len(ours)], members...)...) }

	for _, tc := range []struct {
		name     string
		params   func(*client.CreateParams)
		date     string
		conflict string
		fetched  step
		ok       bool
		unclear  bool // of the error
	}{
		{name: "ours", fetched: jsonAnswer(200, with()), ok: true},
		{name: "ours, with 50391", conflict: `{"code":50391}`, fetched: jsonAnswer(200, with()), ok: true},
		{name: "being initialized", params: func(p *client.CreateParams) { p.State = new(client.StateActive) },
			fetched: jsonAnswer(200, with("state", `"initializing"`)), ok: true},
		// Only a date before the call tells for certain that it is somebody else's.
		{name: "older", fetched: jsonAnswer(200, with("date_created", `"1999-12-31T23:59:50Z"`, "timers", `{"date_inactive":"2000-01-01T00:59:50Z"}`)), unclear: true},
		{name: "older and different", fetched: jsonAnswer(200, with("date_created", `"1999-12-31T23:59:50Z"`, "friendly_name", `"Other"`))},
		{name: "different and older by one clock", date: "Sat, 01 Jan 2000 00:01:00 GMT", fetched: jsonAnswer(200, with("friendly_name", `"Other"`), "Date", "Sat, 01 Jan 2000 00:01:00 GMT"), unclear: true},
		{name: "ours by one clock", date: "Sat, 01 Jan 2000 00:01:00 GMT", fetched: jsonAnswer(200, with(), "Date", "Sat, 01 Jan 2000 00:01:00 GMT"), unclear: true},
		{name: "older by as much as clocks may differ", fetched: jsonAnswer(200, with("date_created", `"1999-12-31T23:59:58Z"`)), unclear: true},
		{name: "another friendly name", fetched: jsonAnswer(200, with("friendly_name", `"Other"`)), unclear: true},
		{name: "other attributes", fetched: jsonAnswer(200, with("attributes", `"{\"n\": 2}"`)), unclear: true},
		{name: "other digits", params: func(p *client.CreateParams) { p.Attributes = json.RawMessage("12345678901234567890") },
			fetched: jsonAnswer(200, with("attributes", `"12345678901234567891"`)), unclear: true},
		{name: "no timer", fetched: jsonAnswer(200, with("timers", `{}`)), unclear: true},
		{name: "no closing timer", params: func(p *client.CreateParams) { p.ClosedAfter = new(time.Hour) }, fetched: jsonAnswer(200, with()), unclear: true},
		{name: "another messaging service", params: func(p *client.CreateParams) { p.MessagingServiceSID = new("MG00000000000000000000000000000001") },
			fetched: jsonAnswer(200, with("messaging_service_sid", `"MG00000000000000000000000000000002"`)), unclear: true},
		{name: "another date", params: func(p *client.CreateParams) { p.DateUpdated = new(time.Date(1999, 12, 31, 23, 17, 16, 0, time.UTC)) }, fetched: jsonAnswer(200, with()), unclear: true},
		{name: "another sender", fetched: jsonAnswer(200, with("bindings", `{}`)), unclear: true},
		{name: "a friendly name not asked for", params: func(p *client.CreateParams) { p.FriendlyName = nil }, fetched: jsonAnswer(200, with()), unclear: true},
		{name: "attributes not asked for", params: func(p *client.CreateParams) { p.Attributes = nil }, fetched: jsonAnswer(200, with()), unclear: true},
		{name: "a sender not asked for", params: func(p *client.CreateParams) { p.BindingsEmailName = nil }, fetched: jsonAnswer(200, with()), unclear: true},
		{name: "a state not asked for", fetched: jsonAnswer(200, with("state", `"inactive"`)), unclear: true},
		{name: "nothing asked for", params: func(p *client.CreateParams) { *p = client.CreateParams{UniqueName: p.UniqueName} },
			fetched: jsonAnswer(200, conversation("unique_name", `"order-1234"`, "date_created", `"2000-01-01T00:00:00Z"`)), ok: true},
		{name: "no date", fetched: jsonAnswer(200, with("date_created", "null")), unclear: true},
		{name: "no clock", date: "-", fetched: jsonAnswer(200, with(), "Date", ""), unclear: true},
		{name: "a date of its own", params: func(p *client.CreateParams) { p.DateCreated = new(time.Date(1999, 12, 31, 3, 17, 19, 0, time.UTC)) },
			fetched: jsonAnswer(200, with("date_created", `"1999-12-31T03:17:19Z"`, "date_updated", `"2000-01-01T00:00:00Z"`, "timers", `{"date_inactive":"1999-12-31T04:17:19Z"}`)), ok: true},
		{name: "a date of its own, long ago", params: func(p *client.CreateParams) { p.DateCreated = new(time.Date(1999, 12, 31, 3, 17, 19, 0, time.UTC)) },
			fetched: jsonAnswer(200, with("date_created", `"1999-12-31T03:17:19Z"`, "date_updated", `"1999-12-31T03:17:19Z"`, "timers", `{"date_inactive":"1999-12-31T04:17:19Z"}`)), unclear: true},
		{name: "another timer", fetched: jsonAnswer(200, with("timers", `{"date_inactive":"2000-01-01T02:00:00Z"}`)), unclear: true},
		{name: "cannot be fetched", fetched: jsonAnswer(404, notFound), unclear: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				params := params
				if tc.params != nil {
					tc.params(&params)
				}
				conflict, header := nameTaken, []string{"Date", now}
				if tc.conflict != "" {
					conflict = tc.conflict
				}
				if tc.date == "-" {
					header = []string{"Date", ""}
				}
				server := newScript(t, connectionLost, jsonAnswer(409, conflict, header...), tc.fetched)
				conv, err := newClient(t, server).Conversations.Create(t.Context(), params)
				server.done()
				assert.Equal(t, "/v1/Conversations/order-1234", server.requests[2].URL.Path)
				if tc.ok {
					require.NoError(t, err)
					assert.Equal(t, "order-1234", conv.UniqueName)
					return
				}
				assert.ErrorIs(t, err, client.ErrConflict)
				assert.Equal(t, tc.unclear, errors.Is(err, client.ErrMaybeCreated), "%v", err)
				assert.NotErrorIs(t, err, client.ErrNotFound)
				assert.Nil(t, conv)
			})
		})
	}
}

// The clock is read when the conflict begins to arrive, however long the rest takes.
func TestUnclearCreateWithATrickle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newScript(t, connectionLost, func(req *http.Request) (*http.Response, error) {
			resp, err := jsonAnswer(409, nameTaken)(req)
			resp.Body = io.NopCloser(io.MultiReader(pause(20*time.Second), resp.Body))
			return resp, err
		}, jsonAnswer(200, conversation("friendly_name", `"Other"`, "date_created", `"1999-12-31T23:59:49Z"`), "Date", ""))
		_, err := newClient(t, server).Conversations.Create(t.Context(), client.CreateParams{UniqueName: new("order-1234")})
		assert.ErrorIs(t, err, client.ErrConflict, "it is ten seconds older than the call")
		assert.NotErrorIs(t, err, client.ErrMaybeCreated)
	})
}

// pause is a reader that takes its time and has nothing.
type pause time.Duration

func (p pause) Read([]byte) (int, error) { time.Sleep(time.Duration(p)); return 0, io.EOF }

// The age of the conversation is measured from the beginning of the call: a second attempt after
// a timeout of 30 seconds must still know the first one's.
func TestUnclearCreateThatTookLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newScript(t, silence, func(req *http.Request) (*http.Response, error) {
			time.Sleep(2 * time.Second)
			return jsonAnswer(409, nameTaken)(req)
		}, jsonAnswer(200, conversation("date_created", `"2000-01-01T00:00:01Z"`)))
		_, err := newClient(t, server).Conversations.Create(t.Context(), client.CreateParams{UniqueName: new("order-1234")})
		require.NoError(t, err)
		server.done()
	})
}

func TestClearConflictIsAnError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newScript(t, answer(429, "", ""), jsonAnswer(409, nameTaken, "Date", "Sun, 18 Jan 2026 03:17:20 GMT"))
		_, err := newClient(t, server).Conversations.Create(t.Context(), client.CreateParams{UniqueName: new("order-1234")})
		assert.ErrorIs(t, err, client.ErrConflict)
		assert.NotErrorIs(t, err, client.ErrMaybeCreated)
		server.done()
	})
}

func TestUnclearUpdateIsResolved(t *testing.T) {
	t.Parallel()
	for state, ok := range map[string]bool{"closed": true, "active": false} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := newScript(t, answer(502, "", ""), jsonAnswer(400, isClosed), jsonAnswer(200, conversation("state", fmt.Sprintf("%q", state))))
				conv, err := newClient(t, server).Conversations.Update(t.Context(), theSID, client.UpdateParams{State: new(client.StateClosed)})
				server.done()
				if ok {
					require.NoError(t, err)
					assert.Equal(t, client.StateClosed, conv.State)
					return
				}
				assert.ErrorIs(t, err, client.ErrClosed)
				assert.True(t, apiError(t, err).Unclear, "it may have been what was asked, and changed since")
			})
		})
	}
	server := newScript(t, jsonAnswer(400, isClosed))
	_, err := newClient(t, server).Conversations.Update(t.Context(), theSID, client.UpdateParams{State: new(client.StateClosed)})
	assert.ErrorIs(t, err, client.ErrClosed, "a clear refusal")
	server.done()
}

// An error that is the cause of a context, as in an errgroup, stays what it is.
func TestErrorsOfOtherCallsStay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		c := newClient(t, roundTripper(func(req *http.Request) (*http.Response, error) {
			if req.Method == http.MethodPost {
				return silence(req)
			}
			return jsonAnswer(404, notFound)(req)
		}))
		_, first := c.Conversations.Fetch(ctx, "gone")
		time.AfterFunc(time.Second, func() { cancel(first) })
		_, other := c.Conversations.Create(ctx, client.CreateParams{})
		assert.Equal(t, "fetchConversation", apiError(t, first).Operation)
		assert.NotErrorIs(t, first, client.ErrMaybeCreated)
		assert.NotSame(t, first, other)
		assert.Equal(t, "createConversation", apiError(t, other).Operation)
		assert.Zero(t, apiError(t, other).Status)
		assert.ErrorIs(t, other, context.Canceled)
		assert.ErrorIs(t, other, client.ErrMaybeCreated)
	})
}

// A conversation that is renamed while the response is lost is found under its new name.
func TestUnclearRenameIsResolved(t *testing.T) {
	t.Parallel()
	renamed := []string{"unique_name", `"new"`, "date_created", `"1999-12-31T23:00:00Z"`, "date_updated", `"2000-01-01T00:00:00Z"`}
	with := func(members ...string) step {
		return jsonAnswer(200, conversation(append(renamed[:len(renamed):len(renamed)], members...)...))
	}
	for name, tc := range map[string]struct {
		holder step // of the new name
		is     error
	}{
		"renamed":                 {with(), nil},
		"nobody":                  {jsonAnswer(404, notFound), client.ErrNotFound},
		"somebody else's, older":  {with("date_updated", `"1999-12-31T23:00:00Z"`), errUnclear},
		"somebody else's, newer":  {with("date_created", `"2000-01-01T00:00:00Z"`), errUnclear},
		"something else was sent": {with("friendly_name", `"Other"`), errUnclear},
		"not known":               {jsonAnswer(403, "{}"), errUnclear},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := newScript(t, connectionLost, jsonAnswer(404, notFound), tc.holder)
				var resp client.Response
				conv, err := newClient(t, server).Conversations.Update(t.Context(), "old",
					client.UpdateParams{UniqueName: new("new"), FriendlyName: new("")}, client.WithResponse(&resp))
				if name == "something else was sent" {
					server = newScript(t, connectionLost, jsonAnswer(404, notFound), tc.holder)
					conv, err = newClient(t, server).Conversations.Update(t.Context(), "old",
						client.UpdateParams{UniqueName: new("new"), FriendlyName: new("Mine")}, client.WithResponse(&resp))
				}
				server.done()
				assert.Equal(t, "/v1/Conversations/new", server.requests[2].URL.Path)
				if tc.is == nil {
					require.NoError(t, err)
					assert.Equal(t, "new", conv.UniqueName)
					assert.Equal(t, 200, resp.StatusCode)
					return
				}
				e := apiError(t, err)
				assert.Nil(t, conv)
				assert.True(t, e.Unclear)
				assert.Equal(t, "updateConversation", e.Operation)
				assert.Equal(t, tc.is == client.ErrNotFound, errors.Is(err, client.ErrNotFound))
				assert.Equal(t, e.Status, resp.StatusCode)
			})
		})
	}
}

var errUnclear = errors.New("unclear")

// Before a change by unique name is repeated, the holder of the name is looked up.
func TestUnclearChangesByNameArePinned(t *testing.T) {
	t.Parallel()
	older, newer := `"1999-12-31T23:00:00Z"`, `"2000-01-01T00:00:05Z"`
	for name, tc := range map[string]struct {
		holder           step
		repeated         bool
		deleted, updated error
	}{
		"the same":                      {jsonAnswer(200, conversation("date_created", older)), true, nil, nil},
		"nobody":                        {jsonAnswer(404, notFound), false, nil, client.ErrNotFound},
		"a successor":                   {jsonAnswer(200, conversation("date_created", newer)), false, nil, errUnclear},
		"of the same second":            {jsonAnswer(200, conversation("date_created", `"2000-01-01T00:00:00Z"`)), false, errUnclear, errUnclear},
		"newer by the local clock only": {jsonAnswer(200, conversation("date_created", newer), "Date", "Sat, 01 Jan 2000 01:00:00 GMT"), false, errUnclear, errUnclear},
		"no clock of the server":        {jsonAnswer(200, conversation("date_created", older), "Date", ""), false, errUnclear, errUnclear},
		"not known":                     {jsonAnswer(403, "{}"), false, errUnclear, errUnclear},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				run := func(verb string, want error) {
					steps := []step{func(req *http.Request) (*http.Response, error) {
						time.Sleep(10 * time.Second) // after which a successor may be so old
						return connectionLost(req)
					}, tc.holder}
					if tc.repeated {
						steps = append(steps, success(verb))
					}
					server := newScript(t, steps...)
					err := verbs[verb](t.Context(), newClient(t, server).Conversations)
					server.done()
					if tc.repeated {
						assert.Equal(t, "/v1/Conversations/"+theSID, server.requests[2].URL.Path)
					}
					if want == nil {
						require.NoError(t, err)
						return
					}
					assert.True(t, apiError(t, err).Unclear)
					assert.Equal(t, want == client.ErrNotFound, errors.Is(err, client.ErrNotFound))
				}
				run("delete", tc.deleted)
			})
			synctest.Test(t, func(t *testing.T) {
				steps := []step{func(req *http.Request) (*http.Response, error) {
					time.Sleep(10 * time.Second)
					return connectionLost(req)
				}, tc.holder}
				if tc.repeated {
					steps = append(steps, success("update"))
				}
				server := newScript(t, steps...)
				err := verbs["update"](t.Context(), newClient(t, server).Conversations)
				server.done()
				if tc.updated == nil {
					require.NoError(t, err)
					return
				}
				assert.True(t, apiError(t, err).Unclear)
				assert.Equal(t, tc.updated == client.ErrNotFound, errors.Is(err, client.ErrNotFound))
			})
		})
	}
}

func TestCancelTextIsNotDoubled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(errors.New("gone")) })
		_, err := newClient(t, newScript(t, silence)).Conversations.Fetch(ctx, "order-1234")
		assert.EqualError(t, err, "fetchConversation {UniqueName}: context canceled: gone")
	})
}
