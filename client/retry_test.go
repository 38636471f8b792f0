package client_test

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/client"
	"github.com/twilio-conversations-go/conversations/client/conversationstest"
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
		for _, service := range []string{"", serviceSID} {
			t.Run(verb+service, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					server := &refuser{}
					c := newClient(t, server)
					conversations := c.Conversations
					if service != "" {
						conversations = c.Service(service).Conversations
					}
					err := do(t.Context(), conversations)
					e := apiError(t, err)
					assert.Equal(t, service != "", strings.Contains(e.Operation, "Service"), e.Operation)
					assert.Equal(t, 4, server.requests)
					assert.Equal(t, 4, e.Attempts)
					assert.False(t, e.Unclear)
					assert.NotErrorIs(t, err, client.ErrMaybeCreated)
					assert.Contains(t, err.Error(), "connection refused")
				})
			})
		}
	}
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

// The budget is for retries that do not lead to success. What succeeds gives back what it took, and a fifth of a
// retry more; what is not retried takes nothing.
func TestRetryBudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newScript(t)
		c := newClient(t, server, client.WithRetry(client.RetryPolicy{MaxAttempts: 2, Budget: 1})).Conversations
		fetch := func(steps ...step) error {
			server.steps = append(server.steps, steps...)
			_, err := c.Fetch(t.Context(), "order-1234")
			server.done()
			return err
		}
		unavailable := answer(503, "", "")
		for range 3 {
			require.ErrorIs(t, fetch(jsonAnswer(404, notFound)), client.ErrNotFound)
			require.NoError(t, fetch(unavailable, success("fetch")))
		}
		for range 3 {
			assert.NotContains(t, fetch(unavailable, unavailable).Error(), "budget")
			assert.ErrorContains(t, fetch(unavailable), "not retried: the retry budget is spent")
			for range 5 {
				require.NoError(t, fetch(success("fetch")))
			}
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

		server = newScript(t, jsonAnswer(429, `{"code":20429}`, "Retry-After", "10"), success("fetch"))
		ctx, cancel = context.WithTimeout(t.Context(), 11*time.Second)
		defer cancel()
		_, err = newClient(t, server).Conversations.Fetch(ctx, "order-1234")
		require.NoError(t, err, "there is time for it")
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

		ctx, cancel = context.WithCancelCause(t.Context())
		time.AfterFunc(100*time.Millisecond, func() { cancel(reason) })
		_, err = newClient(t, newScript(t, connectionLost)).Conversations.Fetch(ctx, "order-1234")
		assert.EqualError(t, err, "fetchConversation {UniqueName}: context canceled: the user went away; before that: connection reset")
		assert.ErrorIs(t, err, reason)
		assert.ErrorIs(t, err, syscall.ECONNRESET, "what the attempt failed with is found as well")
	})
}

// The cause of a context repeats no unique name, whenever the context ended.
func TestContextThatHadEnded(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("order-1234 was cancelled")
	cancel(reason)
	_, err := newClient(t, newScript(t)).Conversations.Fetch(ctx, "order-1234")
	assert.ErrorIs(t, err, reason)
	assert.EqualError(t, err, "fetchConversation {UniqueName}: context canceled: {UniqueName} was cancelled")
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
	assert.NotErrorIs(t, err, context.Canceled, "that is not why it failed")
}

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

func (p pause) Read([]byte) (int, error) { time.Sleep(time.Duration(p)); return 0, io.EOF }

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

func TestCancelTextIsNotDoubled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(errors.New("gone")) })
		_, err := newClient(t, newScript(t, silence)).Conversations.Fetch(ctx, "order-1234")
		assert.EqualError(t, err, "fetchConversation {UniqueName}: context canceled: gone")
	})
}

func TestListSurvivesLostAnswers(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, server *conversationstest.Server, _ *client.Client) {
		_, err := server.Seed(make([]conversationstest.Conversation, 25)...)
		require.NoError(t, err)
		for _, lost := range lostAnswers {
			server.Fail("listConversation", lost, fault{Status: 429})
		}
		c := server.Client(client.WithRetry(client.RetryPolicy{MaxAttempts: 9}))
		sids, err := collect(t, c, client.ListParams{PageSize: 10})
		require.NoError(t, err)
		assert.Len(t, sids, 25)
	})
}

// Rate limits, faults and a refusal at last: what a caller sees of a bad day.
func TestRateLimitThenGone(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, server *conversationstest.Server, c *client.Client) {
		server.Fail("fetchConversation", fault{Status: 429, Times: 2, Header: http.Header{"Retry-After": {"3"}}})
		began := time.Now()
		_, err := c.Conversations.Fetch(t.Context(), "nobody")
		assert.ErrorIs(t, err, client.ErrNotFound)
		assert.Equal(t, 3, apiError(t, err).Attempts)
		assert.GreaterOrEqual(t, time.Since(began), 6*time.Second)
	})
}
