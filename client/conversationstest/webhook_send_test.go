package conversationstest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/client/webhook"
)

var deliveredParams = []param{
	{"MessagingServiceSid", "MG0123456789abcdef0123456789abcdef"}, {"RetryCount", "0"}, {"EventType", "onConversationAdded"},
	{"State", "active"}, {"Attributes", `{"a":"b&c"}`}, {"DateCreated", webhookTime(time.Date(2026, 1, 18, 3, 17, 17, 0, time.UTC))},
	{"ConversationSid", "CH0123456789abcdef0123456789abcdef"}, {"FriendlyName", "Größe 1+1"},
}

func delivered(t *testing.T, method, target string) *http.Request {
	t.Helper()
	req, err := webhookRequest(method, target, DefaultAuthToken, "token", deliveredParams)
	require.NoError(t, err)
	return req
}

func TestWebhookRequestPOST(t *testing.T) {
	t.Parallel()
	req := delivered(t, http.MethodPost, "https://example.com/twilio?a=1#rc=3")
	assert.Equal(t, "https://example.com/twilio?a=1", req.URL.String())
	body, err := io.ReadAll(req.Body)
	require.NoError(t, err)
	assert.Equal(t, "MessagingServiceSid=MG0123456789abcdef0123456789abcdef&RetryCount=0&EventType=onConversationAdded&State=active&"+
		"Attributes=%7B%22a%22%3A%22b%26c%22%7D&DateCreated=2026-01-18T03%3A17%3A17.000Z&"+
		"ConversationSid=CH0123456789abcdef0123456789abcdef&FriendlyName=Gr%C3%B6%C3%9Fe+1%2B1", string(body))
	assert.Equal(t, http.Header{
		"X-Twilio-Signature":         req.Header["X-Twilio-Signature"],
		"I-Twilio-Idempotency-Token": {"token"},
		"Accept":                     {"*/*"},
		"User-Agent":                 {"TwilioProxy/1.1"},
		"Content-Type":               {"application/x-www-form-urlencoded; charset=utf-8"},
	}, req.Header)
	assert.EqualValues(t, len(body), req.ContentLength)
}

func TestWebhookRequestGET(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]string{"http://127.0.0.1:4011/hook": "/hook?", "http://127.0.0.1:4011/hook?a=%20": "/hook?a=%20&"} {
		req := delivered(t, http.MethodGet, target)
		assert.Nil(t, req.Body)
		assert.Empty(t, req.Header.Get("Content-Type"))
		assert.True(t, strings.HasPrefix(req.URL.RequestURI(), want+"MessagingServiceSid=MG"), req.URL)
		assert.Contains(t, req.URL.RawQuery, "DateCreated=2026-01-18T03:17:17.000Z")
	}
}

// Whatever the URL, the receiver accepts what is sent, also without a network.
func TestWebhookReceived(t *testing.T) {
	t.Parallel()
	receiver, err := webhook.New(DefaultAuthToken)
	require.NoError(t, err)
	for _, target := range []string{
		"http://127.0.0.1:4011", "https://example.com", "https://example.com/", "https://example.com?a=1", "https://example.com:443/a%2Fb?c=%20+:",
		"https://example.com/ä {b}",
	} {
		for _, method := range []string{http.MethodPost, http.MethodGet} {
			event, err := receiver.Parse(receivedRequest(delivered(t, method, target)))
			require.NoError(t, err, "%s %s", method, target)
			assert.Equal(t, "Größe 1+1", event.Conversation.FriendlyName)
			assert.Equal(t, "token", event.IdempotencyToken)
		}
	}
}

func TestHandlerTransport(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var calls sync.WaitGroup
		send := func(handler http.HandlerFunc) webhookResponse {
			return exchange(t.Context(), handlerTransport{handler, &calls}, nil, delivered(t, http.MethodPost, "https://example.com/hook"))
		}
		r := send(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second)
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, r.Host+r.RequestURI)
		})
		assert.Equal(t, webhookResponse{status: 403, body: []byte("example.com/hook"), duration: time.Second}, r)

		r = send(func(http.ResponseWriter, *http.Request) {})
		assert.Equal(t, webhookResponse{status: 200, body: []byte{}}, r)

		r = send(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		assert.Zero(t, r.status)
		assert.EqualError(t, r.err, "the handler panicked")

		r = send(func(w http.ResponseWriter, _ *http.Request) {
			for range 100 {
				_, _ = w.Write(make([]byte, 64<<10))
			}
		})
		assert.EqualError(t, r.err, "the response is too large")

		// The sender gives up after five seconds. The handler continues, and the test waits for it.
		ended := false
		r = send(func(http.ResponseWriter, *http.Request) {
			time.Sleep(time.Minute)
			ended = true
		})
		assert.ErrorIs(t, r.err, context.DeadlineExceeded)
		assert.Equal(t, 5*time.Second, r.duration)
		calls.Wait()
		assert.True(t, ended)
	})
}

func TestQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		q.settle()
		var order []int
		for i := range 5 {
			require.True(t, q.add(1, func() {
				time.Sleep(time.Second)
				order = append(order, i)
				if i == 4 { // what handles one delivery may cause another
					assert.True(t, q.add(1, func() { order = append(order, 5) }))
				}
			}))
		}
		began := time.Now()
		q.settle()
		assert.Equal(t, []int{0, 1, 2, 3, 4, 5}, order)
		assert.Equal(t, 5*time.Second, time.Since(began))

		// No goroutine is left when idle; otherwise, the bubble would not end.
		require.True(t, q.add(1, func() { <-q.ctx.Done(); order = append(order, 6) }))
		synctest.Wait()
		for range maxQueued {
			require.True(t, q.add(1, func() { t.Error("delivered after close") }))
		}
		assert.False(t, q.add(1, func() {}), "full")
		q.close()
		assert.Equal(t, 6, order[len(order)-1])
		assert.False(t, q.add(1, func() {}), "closed")
		q.settle()
		q.close()
	})
}

func TestWebhookRequestRefusesURLs(t *testing.T) {
	t.Parallel()
	_, err := webhookRequest(http.MethodPost, "http://[::1", DefaultAuthToken, "", nil)
	assert.Equal(t, errors.New("the URL is malformed"), err)
}
