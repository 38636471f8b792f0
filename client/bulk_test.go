package client_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/client"
	"github.com/twilio-conversations-go/conversations/client/conversationstest"
)

// numbered is a sequence of n conversations, and then of an error if it is not nil.
func numbered(n int, err error) iter.Seq2[*client.Conversation, error] {
	return func(yield func(*client.Conversation, error) bool) {
		for i := range n {
			if !yield(&client.Conversation{SID: fmt.Sprintf("CH%032x", i)}, nil) {
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

func startWithConversations(t *testing.T, n int, opts ...conversationstest.Option) *conversationstest.Server {
	server := conversationstest.Start(t, append(opts, conversationstest.InMemory())...)
	_, err := server.Seed(make([]conversationstest.Conversation, n)...)
	require.NoError(t, err)
	return server
}

func refusals(server *conversationstest.Server) (n int) {
	for _, r := range server.Requests() {
		if r.Status == http.StatusTooManyRequests {
			n++
		}
	}
	return n
}

func TestForEachDeletesAtThePermittedRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const n, limit = 3000, 30
		server := startWithConversations(t, n, conversationstest.WithWriteLimit(limit), conversationstest.WithLatency(50*time.Millisecond))
		c := server.Client().Conversations
		began := time.Now()
		result, err := client.ForEach(t.Context(), c.Scan(t.Context(), client.ScanParams{}), func(ctx context.Context, conv *client.Conversation) error {
			return c.Delete(ctx, conv.SID)
		}, client.BulkParams{})
		require.NoError(t, err)
		assert.Equal(t, client.BulkResult{Succeeded: n}, result)
		rate := n / time.Since(began).Seconds()
		t.Logf("%.1f deletes a second of %d that are permitted", rate, limit)
		assert.GreaterOrEqual(t, rate, 0.9*limit)
		assert.Zero(t, refusals(server))
		assert.Empty(t, server.Conversations(""))
	})
}

// Where the server permits less than was thought, or others share in it, nothing fails and few requests are
// in vain.
func TestForEachSlowsDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const n, limit = 1000, 12
		server := startWithConversations(t, n, conversationstest.WithWriteLimit(limit), conversationstest.WithLatency(50*time.Millisecond))
		c := server.Client().Conversations
		began := time.Now()
		result, err := client.ForEach(t.Context(), c.List(t.Context(), client.ListParams{}), func(ctx context.Context, conv *client.Conversation) error {
			return c.Delete(ctx, conv.SID)
		}, client.BulkParams{})
		require.NoError(t, err)
		assert.Equal(t, client.BulkResult{Succeeded: n}, result)
		assert.GreaterOrEqual(t, n/time.Since(began).Seconds(), 0.7*limit)
		assert.Less(t, refusals(server), n/20)
		assert.Positive(t, refusals(server))
	})
}

func TestForEachSpreadsActions(t *testing.T) {
	t.Parallel()
	for name, pause := range map[string]struct{ sequence, action time.Duration }{
		"quick":         {},
		"slow sequence": {sequence: 3 * time.Second},
		"slow actions":  {action: 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var begins [400]atomic.Int64
				var count, busy, most atomic.Int64
				sequence := func(yield func(*client.Conversation, error) bool) {
					for conv := range numbered(len(begins), nil) {
						if conv.SID[33] == '0' {
							time.Sleep(pause.sequence)
						}
						if !yield(conv, nil) {
							return
						}
					}
				}
				_, err := client.ForEach(t.Context(), sequence, func(context.Context, *client.Conversation) error {
					begins[count.Add(1)-1].Store(time.Now().UnixNano())
					most.Store(max(most.Load(), busy.Add(1)))
					time.Sleep(pause.action)
					busy.Add(-1)
					return nil
				}, client.BulkParams{Rate: 40, Workers: 50})
				require.NoError(t, err)
				require.EqualValues(t, len(begins), count.Load())
				for i := 40; i < len(begins); i++ {
					assert.Greater(t, begins[i].Load()-begins[i-40].Load(), int64(time.Second), "more than 40 in a second")
				}
				if pause.action > 0 {
					assert.EqualValues(t, 50, most.Load(), "as many as there are workers, and no more")
				}
			})
		})
	}
}

func TestForEachGoesOnPastFailures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const n, failing = 3000, 2000
		bad := errors.New("bad")
		var calls int
		var last client.BulkProgress
		noted := map[string]error{}
		result, err := client.ForEach(t.Context(), numbered(n, nil), func(_ context.Context, conv *client.Conversation) error {
			var i int
			fmt.Sscanf(conv.SID, "CH%x", &i)
			if i < failing {
				return bad
			}
			return nil
		}, client.BulkParams{Rate: 1e6, Progress: func(p client.BulkProgress) {
			calls++
			assert.Equal(t, calls, p.Succeeded+p.Failed)
			if last = p; p.Err != nil {
				noted[p.Conversation.SID] = p.Err
			}
		}})
		require.NoError(t, err)
		assert.Equal(t, n-failing, result.Succeeded)
		assert.Equal(t, failing, result.Failed)
		require.Len(t, result.Failures, 1000)
		assert.Len(t, noted, failing, "progress sees all")
		for _, f := range result.Failures {
			assert.Equal(t, noted[f.SID], f.Err)
		}
		assert.Equal(t, n, calls)
		assert.Equal(t, [2]int{result.Succeeded, result.Failed}, [2]int{last.Succeeded, last.Failed})
	})
}

func TestForEachEndsWithItsSequence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		lost := errors.New("lost")
		result, err := client.ForEach(t.Context(), numbered(5, lost), func(ctx context.Context, _ *client.Conversation) error {
			time.Sleep(time.Hour)
			return ctx.Err()
		}, client.BulkParams{})
		require.ErrorIs(t, err, lost)
		assert.Equal(t, client.BulkResult{Succeeded: 5}, result, "those in progress are finished")
	})
}

func TestForEachEndsWithItsContext(t *testing.T) {
	t.Parallel()
	for name, params := range map[string]client.BulkParams{
		"waiting for a worker": {Workers: 2},
		"waiting for the time": {Rate: 0.3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { // which fails if a goroutine is left
				stop := errors.New("stop")
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(5*time.Second, func() { cancel(stop) })
				began := time.Now()
				result, err := client.ForEach(ctx, numbered(1000, nil), func(ctx context.Context, _ *client.Conversation) error {
					<-ctx.Done()
					return ctx.Err()
				}, params)
				require.ErrorIs(t, err, context.Canceled)
				require.ErrorIs(t, err, stop)
				assert.Equal(t, 5*time.Second, time.Since(began))
				assert.Equal(t, 2, result.Failed, "those in progress are told, and noted")
				assert.Zero(t, result.Succeeded)
			})
		})
	}
}

func TestForEachRefusesWhatCannotBe(t *testing.T) {
	t.Parallel()
	for _, params := range []client.BulkParams{{Rate: -1}, {Rate: math.NaN()}, {Rate: math.Inf(1)}, {Workers: -1}} {
		_, err := client.ForEach(t.Context(), numbered(1, nil), func(context.Context, *client.Conversation) error {
			t.Error("called")
			return nil
		}, params)
		paramError(t, err)
	}
}

func TestForEachWantsASequenceAndAnAction(t *testing.T) {
	t.Parallel()
	_, err := client.ForEach(t.Context(), numbered(1, nil), nil, client.BulkParams{})
	assert.Equal(t, "action", paramError(t, err).Param)
	_, err = client.ForEach(t.Context(), nil, func(context.Context, *client.Conversation) error { return nil }, client.BulkParams{})
	assert.Equal(t, "conversations", paramError(t, err).Param)
}

// A 429 now and then, which says nothing of the rate, costs time but no conversation.
func TestForEachUnderSporadic429s(t *testing.T) {
	t.Parallel()
	for _, percent := range []int{1, 5, 20} {
		synctest.Test(t, func(t *testing.T) {
			const n = 1000
			rnd := rand.New(rand.NewPCG(uint64(percent), 1))
			var mu sync.Mutex
			deleted := map[string]int{}
			var busy, most int
			c := newClient(t, roundTripper(func(req *http.Request) (*http.Response, error) {
				mu.Lock()
				busy++
				most = max(most, busy)
				refused := rnd.IntN(100) < percent
				if !refused {
					deleted[req.URL.Path]++
				}
				mu.Unlock()
				time.Sleep(50 * time.Millisecond)
				mu.Lock()
				busy--
				mu.Unlock()
				if refused {
					return jsonAnswer(429, `{"code":20429}`)(req)
				}
				return success("delete")(req)
			}))
			began := time.Now()
			result, err := client.ForEach(t.Context(), numbered(n, nil), func(ctx context.Context, conv *client.Conversation) error {
				return c.Conversations.Delete(ctx, conv.SID)
			}, client.BulkParams{Workers: 5})
			require.NoError(t, err)
			assert.Equal(t, client.BulkResult{Succeeded: n}, result)
			assert.Len(t, deleted, n)
			assert.LessOrEqual(t, most, 5)
			rate := n / time.Since(began).Seconds()
			t.Logf("%d %% of requests refused: %.1f a second", percent, rate)
			assert.GreaterOrEqual(t, rate, 2.)
		})
	}
}

// Patience that has no end does not overflow.
func TestForEachWithEndlessPatience(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newScript(t, jsonAnswer(429, `{"code":20429}`), success("delete"))
		c := newClient(t, server, client.WithRetry(client.RetryPolicy{MaxAttempts: math.MaxInt}))
		result, err := client.ForEach(t.Context(), numbered(1, nil), func(ctx context.Context, conv *client.Conversation) error {
			return c.Conversations.Delete(ctx, conv.SID)
		}, client.BulkParams{})
		require.NoError(t, err)
		assert.Equal(t, client.BulkResult{Succeeded: 1}, result)
		server.done()
	})
}

func TestForEachAtASnailsPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		three := func(yield func(*client.Conversation, error) bool) {
			for range 3 {
				if !yield(&client.Conversation{}, nil) {
					return
				}
			}
		}
		result, err := client.ForEach(ctx, three, func(context.Context, *client.Conversation) error { return nil }, client.BulkParams{Rate: 1e-10})
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 1, result.Succeeded)
	})
}

// An action that ends its goroutine has failed.
func TestForEachCountsWhatEnds(t *testing.T) {
	t.Parallel()
	one := func(yield func(*client.Conversation, error) bool) { yield(&client.Conversation{SID: "CH1"}, nil) }
	result, err := client.ForEach(t.Context(), one, func(context.Context, *client.Conversation) error { runtime.Goexit(); return nil }, client.BulkParams{})
	require.NoError(t, err)
	assert.Equal(t, 1, result.Failed)
}

// A bulk job slows down when it is told to, so that its calls have more patience than others.
func TestForEachIsPatient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		refused := jsonAnswer(429, `{"code":50063}`)
		server := newScript(t, refused, refused, refused, refused, refused, refused, refused, success("delete"))
		c := newClient(t, server)
		result, err := client.ForEach(t.Context(), numbered(1, nil), func(ctx context.Context, conv *client.Conversation) error {
			return c.Conversations.Delete(ctx, conv.SID)
		}, client.BulkParams{})
		require.NoError(t, err)
		assert.Equal(t, client.BulkResult{Succeeded: 1}, result)
		server.done()

		// Without retries there are none.
		server = newScript(t, refused)
		c = newClient(t, server, noRetry)
		result, err = client.ForEach(t.Context(), numbered(1, nil), func(ctx context.Context, conv *client.Conversation) error {
			return c.Conversations.Delete(ctx, conv.SID)
		}, client.BulkParams{})
		require.NoError(t, err)
		assert.Equal(t, 1, result.Failed)
		server.done()
	})
}
