package conversationstest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/client/webhook"
)

// asking sets the header that enables webhooks.
func asking(r *http.Request) { r.Header.Set("X-Twilio-Webhook-Enabled", "true") }

// ask sends a form of one field with webhooks enabled.
func ask(t testing.TB, s *Server, path, field, value string) reply {
	t.Helper()
	return do(t, s, http.MethodPost, path, url.Values{field: {value}}, asking)
}

// eventTypes returns the events of deliveries, with their outcomes.
func eventTypes(s *Server) (list []string) {
	for _, d := range s.Deliveries() {
		list = append(list, fmt.Sprint(d.EventType, " ", d.Status))
	}
	return list
}

func nothingDone(http.ResponseWriter, *http.Request) {}

func TestWebhookOptionMistakes(t *testing.T) {
	t.Parallel()
	for name, opt := range map[string]Option{
		"relative":       WithWebhooks(Webhooks{PostURL: "/twilio"}),
		"scheme":         WithWebhooks(Webhooks{PostURL: "ftp://example.com"}),
		"no host":        WithWebhooks(Webhooks{PreURL: "http://:80/"}),
		"malformed":      WithWebhooks(Webhooks{PreURL: "http://[::1"}),
		"user":           WithWebhooks(Webhooks{PreURL: "https://user:secret@example.com"}),
		"method":         WithWebhooks(Webhooks{Method: "PUT"}),
		"filter":         WithWebhooks(Webhooks{Filters: []string{"onConversationStateUpdate"}}),
		"other filter":   WithWebhooks(Webhooks{Filters: []string{"onmessageadded"}}),
		"service":        WithServiceWebhooks("IS1", Webhooks{}),
		"service method": WithServiceWebhooks(testService, Webhooks{Method: "post"}),
	} {
		_, err := New(opt)
		if assert.ErrorContains(t, err, "conversationstest: ", name) {
			assert.NotContains(t, err.Error(), "secret")
		}
	}
	_, err := New(WithWebhooks(Webhooks{PreURL: "http://127.0.0.1:1?a=b#rc=3", Method: "GET", Filters: []string{"onMessageAdded", "onDeliveryUpdated", "onConversationAdd"}}))
	assert.NoError(t, err)
}

// This is what a program in any language receives over HTTP, and it receives nothing else.
func TestWebhooksOverHTTP(t *testing.T) {
	t.Parallel()
	for _, method := range []string{http.MethodPost, http.MethodGet} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			receiver, err := webhook.New("a-secret-token")
			require.NoError(t, err)
			var elsewhere atomic.Int64
			other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
			defer other.Close()
			var mu sync.Mutex
			var header http.Header
			var events []*webhook.Event
			hooks := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				event, err := receiver.Parse(r)
				if assert.NoError(t, err) {
					mu.Lock()
					header, events = r.Header, append(events, event)
					mu.Unlock()
				}
				http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
			}))
			defer hooks.Close()
			s := Start(t, WithAccounts(Account{SID: DefaultAccountSID, AuthToken: "a-secret-token"}),
				WithWebhooks(Webhooks{PostURL: hooks.URL + "/hook?a=1", Method: method}))
			created := ask(t, s, "/v1/Conversations", "FriendlyName", "Größe 1+1")
			s.Settle()
			mu.Lock()
			defer mu.Unlock()
			require.Len(t, events, 1)
			assert.Equal(t, created.body["sid"], events[0].Conversation.ConversationSID)
			assert.Zero(t, elsewhere.Load(), "redirects are not followed")

			d := s.Deliveries()[0]
			assert.Equal(t, events[0].IdempotencyToken, d.ID)
			assert.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, d.ID)
			assert.Equal(t, []any{method, 307, nil, created.body["sid"]}, []any{d.Method, d.Status, d.Err, d.ConversationSID})
			assert.Positive(t, d.Duration)
			if events[0].Params.Del("a"); method == http.MethodPost {
				assert.Equal(t, hooks.URL+"/hook?a=1", d.URL)
				assert.Equal(t, "application/x-www-form-urlencoded; charset=utf-8", header.Get("Content-Type"))
			} else {
				assert.True(t, strings.HasPrefix(d.URL, hooks.URL+"/hook?a=1&MessagingServiceSid=MG"), d.URL)
			}
			assert.Equal(t, events[0].Params, d.Params)
			for name := range d.Header {
				assert.Equal(t, d.Header[name], header[name])
			}
			assert.NotContains(t, fmt.Sprint(d), "a-secret-token")
			for _, name := range []string{"Accept-Encoding", "Authorization", "Cookie", "Referer"} {
				assert.Empty(t, header.Get(name))
			}
		})
	}
}

// A receiver that cannot be reached has no effect: pre-events let the request pass.
func TestWebhooksWithoutReceiver(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	s := Start(t, WithWebhooks(Webhooks{PreURL: gone.URL, PostURL: gone.URL}))
	assert.Equal(t, 201, ask(t, s, "/v1/Conversations", "UniqueName", "a").StatusCode)
	s.Settle()
	require.Equal(t, []string{"onConversationAdd 0", "onConversationAdded 0"}, eventTypes(s))
	assert.Error(t, s.Deliveries()[0].Err)
}

func TestWebhooksDefaultURL(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]Option{"nothing": nil, "no URL": {WithWebhooks(Webhooks{Filters: []string{"onConversationAdded"}})}} {
		s := Start(t, append(opts, InMemory())...)
		s.Webhooks(http.HandlerFunc(nothingDone))
		ask(t, s, "/v1/Conversations", "UniqueName", "a")
		s.Settle()
		list := s.Deliveries()
		require.NotEmpty(t, list, name)
		assert.Equal(t, []string{"https://example.com/webhooks", "onConversationAdded"}, []string{list[len(list)-1].URL, list[len(list)-1].EventType})
	}
	s := Start(t, InMemory(), WithServiceWebhooks(testService, Webhooks{PostURL: "https://example.com/service"}))
	s.Webhooks(http.HandlerFunc(nothingDone))
	ask(t, s, "/v1/Conversations", "UniqueName", "a")
	ask(t, s, "/v1/Services/"+testService+"/Conversations", "UniqueName", "a")
	s.Settle()
	require.Len(t, s.Deliveries(), 1)
	assert.Equal(t, "https://example.com/service", s.Deliveries()[0].URL)
}

// Events are signed with the token of their account.
func TestWebhooksOfTwoAccounts(t *testing.T) {
	t.Parallel()
	const second = "AC00000000000000000000000000000002"
	s := Start(t, InMemory(), WithAccounts(Account{SID: DefaultAccountSID, AuthToken: DefaultAuthToken}, Account{SID: second, AuthToken: "other"}))
	receiver, err := webhook.New("other")
	require.NoError(t, err)
	var got []string
	s.Webhooks(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if event, err := receiver.Parse(r); err == nil {
			got = append(got, event.Conversation.AccountSID)
		}
	}))
	ask(t, s, "/v1/Conversations", "UniqueName", "a")
	do(t, s, http.MethodPost, "/v1/Conversations", nil, asking, func(r *http.Request) { r.SetBasicAuth(second, "other") })
	s.Settle()
	assert.Equal(t, []string{second, second}, got, "of four deliveries")
}

// A handler may use the API. Settle waits for what it causes.
func TestWebhookHandlerUsesTheAPI(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := Start(t, InMemory())
		s.Webhooks(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_ = r.ParseForm()
			switch r.PostForm.Get("EventType") {
			case onConversationAdd:
				assert.Equal(t, 404, get(t, s, "/v1/Conversations/a").StatusCode, "it is not there yet")
				if r.PostForm.Get("ChatServiceSid") != testService {
					ask(t, s, "/v1/Services/"+testService+"/Conversations", "State", "inactive")
				}
			case onConversationAdded:
				ask(t, s, "/v1/Conversations/"+r.PostForm.Get("ConversationSid"), "State", "closed")
			}
		}))
		assert.Equal(t, 201, ask(t, s, "/v1/Conversations", "UniqueName", "a").StatusCode)
		s.Settle()
		assert.Equal(t, "closed", s.Conversations("")[0].State)
		assert.Len(t, s.Conversations(testService), 1)
	})
}

// The conversation may change while a pre-event is decided.
func TestChangesAreCheckedAgainAfterThePreEvent(t *testing.T) {
	t.Parallel()
	s := Start(t, InMemory(), WithWriteLimit(1))
	var meanwhile func()
	s.Webhooks(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if _ = r.ParseForm(); isPre(r.PostForm.Get("EventType")) {
			meanwhile()
		}
	}))
	sid := seed(t, s, Conversation{UniqueName: "a"})[0]
	meanwhile = func() { seed(t, s, Conversation{UniqueName: "b"}) }
	assert.Equal(t, 50353, ask(t, s, "/v1/Conversations", "UniqueName", "b").code())
	s.Advance(time.Second)
	meanwhile = func() { seed(t, s, Conversation{UniqueName: "c"}) }
	assert.Equal(t, 50353, ask(t, s, "/v1/Conversations/"+sid, "UniqueName", "c").code())
	s.Advance(time.Second)
	meanwhile = func() { s.Reset() }
	assert.Equal(t, 20404, ask(t, s, "/v1/Conversations/"+sid, "FriendlyName", "c").code())
	meanwhile = func() {}
	assert.Equal(t, 201, ask(t, s, "/v1/Conversations", "UniqueName", "a").StatusCode, "a write counts once")
	s.Settle()
	assert.Equal(t, []string{"onConversationAdd 200", "onConversationAdded 200"}, eventTypes(s), "since the reset")
}

func TestRedeliver(t *testing.T) {
	t.Parallel()
	s := Start(t, InMemory())
	var bodies []string
	s.Webhooks(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies = append(bodies, r.Header.Get("I-Twilio-Idempotency-Token")+string(body))
	}))
	ask(t, s, "/v1/Conversations", "UniqueName", "a")
	s.Settle()
	require.NoError(t, s.Redeliver(s.Deliveries()[1].ID))
	s.Settle()
	require.Len(t, bodies, 3)
	assert.Equal(t, bodies[1], bodies[2])
	assert.Equal(t, s.Deliveries()[1].Params, s.Deliveries()[2].Params)
	for i, d := range s.Deliveries() {
		assert.Equal(t, i+1, d.Number)
	}
	assert.EqualError(t, s.Redeliver("x"), `conversationstest: no delivery "x"`)
	id := s.Deliveries()[0].ID
	s.Close()
	assert.Error(t, s.Redeliver(id))
}

// Deliveries do not use up faults of operations, and requests do not use up faults of events.
func TestFaultsOfEvents(t *testing.T) {
	t.Parallel()
	s := Start(t, InMemory())
	s.Webhooks(http.HandlerFunc(nothingDone))
	s.Fail("*", Fault{Status: 503}, Fault{Status: 502})
	assert.Equal(t, 503, post(t, s, "/v1/Conversations").StatusCode)
	s.Fail(onConversationAdded, Fault{Status: 500, Body: "broken"})
	s.Fail("createConversation", Fault{Header: http.Header{"A": {"b"}}})
	assert.Equal(t, 201, ask(t, s, "/v1/Conversations", "UniqueName", "a").StatusCode)
	s.Settle()
	assert.Equal(t, []string{"onConversationAdd 200", "onConversationAdded 500"}, eventTypes(s))
	assert.Equal(t, "broken", s.Deliveries()[1].Body)
	assert.Equal(t, 502, post(t, s, "/v1/Conversations").StatusCode)
	assert.Panics(t, func() { s.Fail("onConversationChanged", Fault{Drop: true}) })
}

func TestAssumedRetries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := Start(t, InMemory(), Assume("webhook.retry", "once"), Assume("webhook.refused-error", "400"))
		s.Webhooks(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _ = r.ParseForm(); r.PostForm.Get("EventType") == onConversationAdd {
				w.WriteHeader(503)
			} else if r.PostForm.Get("RetryCount") != "1" {
				time.Sleep(6 * time.Second)
			}
		}))
		assert.Equal(t, 400, ask(t, s, "/v1/Conversations", "UniqueName", "a").StatusCode)
		s.Fail(onConversationAdd, Fault{Drop: true})
		ask(t, s, "/v1/Conversations", "UniqueName", "a")
		s.Settle()
		assert.Equal(t, []string{"onConversationAdd 503", "onConversationAdd 0", "onConversationAdded 0", "onConversationAdded 200"}, eventTypes(s))
		d := s.Deliveries()
		assert.Equal(t, []string{"0", "1"}, []string{d[2].Params.Get("RetryCount"), d[3].Params.Get("RetryCount")})
		assert.Equal(t, d[2].ID, d[3].ID)
		assert.ErrorIs(t, d[2].Err, context.DeadlineExceeded)
		assert.Equal(t, 5*time.Second, d[2].Duration)
		s.Fail(onConversationAdd, Fault{Drop: true})
		s.Fail(onConversationAdded, Fault{Status: 500})
		ask(t, s, "/v1/Conversations", "UniqueName", "b")
		s.Settle()
		assert.Len(t, s.Deliveries(), len(d)+2, "a 500 is not retried")
	})
}

// A receiver that hangs blocks neither requests nor timers, and what waits for it is bounded.
func TestSlowReceiver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := Start(t, InMemory(), WithRequestLog(maxQueued+100))
		s.Webhooks(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
		began := time.Now()
		past := make([]Conversation, maxQueued+50)
		for i := range past {
			past[i].DateClosed = began.Add(time.Hour)
		}
		seed(t, s, past...)
		s.Advance(time.Hour)
		synctest.Wait() // until all have fired
		assert.Equal(t, 200, get(t, s, "/v1/Conversations").StatusCode)
		assert.Equal(t, 201, post(t, s, "/v1/Conversations").StatusCode)
		assert.Equal(t, began, time.Now(), "nobody has waited")
		lost := 0
		for _, d := range s.Deliveries() {
			if errors.Is(d.Err, errNotQueued) {
				lost++
			}
		}
		assert.InDelta(t, 50, lost, 1) // one of them may be on its way already
		s.Close()
		assert.Equal(t, began, time.Now(), "nor does Close wait")
	})
}

// Large attributes fill the queue before it has many deliveries.
func TestQueueIsBoundedInBytes(t *testing.T) {
	t.Parallel()
	q := newQueue()
	defer q.close()
	goOn := make(chan struct{})
	for range 3 { // what was delivered or dropped takes no memory
		require.True(t, q.add(maxQueuedBytes, func() {}))
		q.settle()
		started := make(chan struct{})
		require.True(t, q.add(1, func() { close(started); <-goOn }))
		<-started
		n := 0
		for q.add(maxQueuedBytes/10, func() {}) {
			n++
		}
		assert.Equal(t, 10, n)
		q.drop()
		require.True(t, q.add(maxQueuedBytes, func() {}))
		goOn <- struct{}{}
		q.settle()
	}
}

func TestCloseStopsWebhooks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := Start(t, InMemory())
		ended := 0
		s.Webhooks(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			ended++
		}))
		var pending sync.WaitGroup
		pending.Go(func() { assert.Equal(t, 201, ask(t, s, "/v1/Conversations", "Timers.Closed", "PT10M").StatusCode) })
		synctest.Wait()
		began := time.Now()
		s.Close()
		pending.Wait()
		assert.Equal(t, began, time.Now())
		assert.Equal(t, 1, ended)
		assert.Equal(t, 201, ask(t, s, "/v1/Conversations", "UniqueName", "a").StatusCode, "without webhooks")
		time.Sleep(time.Hour)
		s.Settle()
		s.Close()
		assert.Equal(t, []string{"onConversationAdd 0"}, eventTypes(s))
		assert.Equal(t, "closed", s.Conversations("")[1].State)
	})
}

// Concurrent requests, timers and deliveries produce as many events as there were changes.
func TestWebhooksConcurrently(t *testing.T) {
	t.Parallel()
	s := Start(t, InMemory())
	var added, removed, updated atomic.Int64
	s.Webhooks(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch _ = r.ParseForm(); r.PostForm.Get("EventType") {
		case onConversationAdded:
			added.Add(1)
		case onConversationRemoved:
			removed.Add(1)
		case onConversationStateUpdated:
			updated.Add(1)
		}
		_, _ = io.WriteString(w, `{"friendly_name": "x"}`)
	}))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 5 {
				sid := ask(t, s, "/v1/Conversations", "Timers.Closed", "PT10M").body["sid"].(string)
				ask(t, s, "/v1/Conversations/"+sid, "State", "inactive")
				do(t, s, http.MethodDelete, "/v1/Conversations/"+sid, nil, asking)
				s.Advance(time.Second)
				_ = s.Deliveries()
			}
		})
	}
	all.Wait()
	s.Settle()
	assert.Equal(t, []int64{40, 40, 40}, []int64{added.Load(), removed.Load(), updated.Load()})
	assert.Len(t, s.Deliveries(), 7*40)
}

// A timer fires when it is due, whatever set it, without a request or a call of Settle.
func TestTimersFireByThemselves(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(t *testing.T, s *Server){
		"create": func(t *testing.T, s *Server) { post(t, s, "/v1/Conversations", "Timers.Closed", "PT10M") },
		"seed":   func(t *testing.T, s *Server) { seed(t, s, Conversation{DateClosed: time.Now().Add(10 * time.Minute)}) },
		"update": func(t *testing.T, s *Server) {
			post(t, s, "/v1/Conversations", "UniqueName", "a", "Timers.Closed", "PT1H")
			post(t, s, "/v1/Conversations/a", "Timers.Closed", "PT10M")
		},
		"touch": func(t *testing.T, s *Server) {
			sid := seed(t, s, Conversation{DateClosed: time.Now().Add(10 * time.Minute)})[0]
			time.Sleep(5 * time.Minute)
			require.NoError(t, s.Touch(sid))
		},
		"advance": func(t *testing.T, s *Server) {
			post(t, s, "/v1/Conversations", "Timers.Closed", "PT1H")
			s.Advance(50 * time.Minute)
		},
		"delete": func(t *testing.T, s *Server) {
			post(t, s, "/v1/Conversations", "UniqueName", "a", "Timers.Closed", "PT10M")
			post(t, s, "/v1/Conversations", "Timers.Closed", "PT10M")
			do(t, s, http.MethodDelete, "/v1/Conversations/a", nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := Start(t, InMemory())
				s.Webhooks(http.HandlerFunc(nothingDone))
				prepare(t, s)
				time.Sleep(10*time.Minute - time.Millisecond)
				synctest.Wait()
				assert.Empty(t, s.Deliveries())
				time.Sleep(time.Millisecond)
				synctest.Wait()
				assert.Equal(t, []string{"onConversationStateUpdated 200"}, eventTypes(s))
				s.Reset()
				time.Sleep(time.Hour)
				assert.Empty(t, s.Deliveries())
			})
		})
	}
}

// Reset drops waiting deliveries, and a delivery in flight is not recorded.
func TestResetDropsWebhooks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := Start(t, InMemory(), WithWebhooks(Webhooks{PostURL: "https://example.com"}))
		calls := 0
		s.Webhooks(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			calls++
			time.Sleep(time.Second)
		}))
		for range 3 {
			ask(t, s, "/v1/Conversations", "FriendlyName", "x")
		}
		synctest.Wait()
		s.Reset()
		s.Settle()
		assert.Equal(t, 1, calls)
		assert.Empty(t, s.Deliveries())
		for range 2 { // what was delivered meanwhile has no number
			ask(t, s, "/v1/Conversations", "FriendlyName", "x")
			s.Settle()
			s.Reset()
		}
		ask(t, s, "/v1/Conversations", "FriendlyName", "x")
		s.Settle()
		assert.Equal(t, 3, s.Deliveries()[0].Number, "numbers are not used twice")
	})
}

// A fault changes what a receiver gets, but never delivers it twice.
func TestFaultsDeliverOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := Start(t, InMemory(), WithWebhooks(Webhooks{PostURL: "https://example.com"}))
		calls := 0
		s.Webhooks(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls++ }))
		for _, fault := range []Fault{{Commit: true, Delay: time.Second}, {Delay: time.Second}, {Truncate: true}, {Commit: true, Status: 500}} {
			calls = 0
			s.Fail(onConversationAdded, fault)
			ask(t, s, "/v1/Conversations", "FriendlyName", "x")
			s.Settle()
			assert.Equal(t, 1, calls, fault)
		}
		assert.Equal(t, time.Second, s.Deliveries()[0].Duration)
	})
}

// An option can be used for several emulators, each with its own handler.
func TestWebhookOptionsAreCopied(t *testing.T) {
	t.Parallel()
	filters := []string{onConversationAdded}
	opts := []Option{WithWebhooks(Webhooks{Filters: filters}), InMemory()}
	first, second := Start(t, opts...), Start(t, opts...)
	filters[0] = onConversationRemoved
	first.Webhooks(http.HandlerFunc(nothingDone))
	for _, s := range []*Server{first, second} {
		ask(t, s, "/v1/Conversations", "FriendlyName", "x")
		s.Settle()
	}
	assert.Equal(t, []string{"onConversationAdded 200"}, eventTypes(first))
	assert.Empty(t, second.Deliveries())
}
