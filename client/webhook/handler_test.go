package webhook_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/client/webhook"
)

// serve responds to a request with the functions of events. The second result is what was logged.
func serve(t testing.TB, events webhook.Events, req *http.Request) (*httptest.ResponseRecorder, string) {
	t.Helper()
	var log bytes.Buffer
	receiver := newReceiver(t, webhook.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	res := httptest.NewRecorder()
	receiver.Handler(events).ServeHTTP(res, req)
	return res, log.String()
}

func of(event webhook.EventType) url.Values {
	params := added()
	params.Set("EventType", string(event))
	return params
}

// Each event calls its own function, and no other.
func TestHandlerCallsFunctions(t *testing.T) {
	t.Parallel()
	var called []string
	conversation := func(want webhook.EventType) func(context.Context, *webhook.ConversationEvent) error {
		return func(_ context.Context, e *webhook.ConversationEvent) error {
			assert.Equal(t, want, e.EventType)
			assert.Equal(t, "Größe+1 & 2=3", e.FriendlyName)
			assert.NotEmpty(t, e.IdempotencyToken)
			assert.NotEmpty(t, e.Params)
			called = append(called, string(want))
			return nil
		}
	}
	pre := func(want webhook.EventType) func(context.Context, *webhook.ConversationEvent) (*webhook.Change, error) {
		f := conversation(want)
		return func(ctx context.Context, e *webhook.ConversationEvent) (*webhook.Change, error) {
			return nil, f(ctx, e)
		}
	}
	events := webhook.Events{
		OnConversationAdd:     pre(webhook.OnConversationAdd),
		OnConversationAdded:   conversation(webhook.OnConversationAdded),
		OnConversationUpdate:  pre(webhook.OnConversationUpdate),
		OnConversationUpdated: conversation(webhook.OnConversationUpdated),
		OnConversationRemove:  conversation(webhook.OnConversationRemove),
		OnConversationRemoved: conversation(webhook.OnConversationRemoved),
		OnConversationStateUpdated: func(_ context.Context, e *webhook.StateEvent) error {
			assert.Equal(t, webhook.StateClosed, e.StateTo)
			assert.NotEmpty(t, e.IdempotencyToken)
			called = append(called, string(e.EventType))
			return nil
		},
		Other: func(_ context.Context, e *webhook.Event) error {
			assert.Equal(t, "Hello", e.Params.Get("Body"))
			called = append(called, string(e.EventType))
			return nil
		},
	}
	var want []string
	for _, params := range []url.Values{
		of(webhook.OnConversationAdd), of(webhook.OnConversationAdded), of(webhook.OnConversationUpdate), of(webhook.OnConversationUpdated),
		of(webhook.OnConversationRemove), of(webhook.OnConversationRemoved), expired(), {"EventType": {"onMessageAdded"}, "Body": {"Hello"}},
	} {
		want = append(want, params.Get("EventType"))
		for _, send := range []func(string, url.Values) *http.Request{post, get} {
			called = nil
			res, log := serve(t, events, send(hookURL, params))
			assert.Equal(t, want[len(want)-1:], called)
			assert.Equal(t, 200, res.Code)
			assert.Empty(t, res.Body.String())
			assert.Empty(t, log)

			res, log = serve(t, webhook.Events{}, send(hookURL, params))
			assert.Equal(t, 200, res.Code, "an event that nobody cares for")
			assert.Empty(t, res.Body.String())
			assert.Empty(t, log)
		}
	}
	assert.Len(t, want, 8)
}

func TestHandlerRefusesRequests(t *testing.T) {
	t.Parallel()
	unsigned, malformed, put, large := post(hookURL, added()), added(), post(hookURL, added()), added()
	unsigned.Header.Del("X-Twilio-Signature")
	malformed.Set("DateCreated", "secret")
	put.Method = http.MethodPut
	large.Set("Attributes", strings.Repeat("secret", 50_000))
	for want, req := range map[int]*http.Request{403: unsigned, 400: post(hookURL, malformed), 405: put, 413: post(hookURL, large)} {
		res, log := serve(t, webhook.Events{
			OnConversationAdded: func(context.Context, *webhook.ConversationEvent) error {
				t.Error("the function is called")
				return nil
			},
		}, req)
		assert.Equal(t, want, res.Code)
		assert.Equal(t, http.StatusText(want)+"\n", res.Body.String())
		assert.Equal(t, want == 405, res.Header().Get("Allow") == "GET, POST")
		assert.Contains(t, log, fmt.Sprintf(`level=WARN msg="webhook not accepted" status=%d reason=`, want))
		for _, secret := range []string{"secret", authToken, accountSID, conversationSID, "Gr"} {
			assert.NotContains(t, log, secret)
		}
	}
}

func TestHandlerPreEvents(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change *webhook.Change
		err    error
		status int
		body   string
		log    string
	}{
		"accept":           {nil, nil, 200, "", ""},
		"change nothing":   {&webhook.Change{}, nil, 200, `{}`, ""},
		"rename":           {&webhook.Change{FriendlyName: new(`"<ü>`)}, nil, 200, `{"friendly_name":"\"<ü>"}`, ""},
		"remove the name":  {&webhook.Change{FriendlyName: new("")}, nil, 200, `{"friendly_name":""}`, ""},
		"attributes":       {&webhook.Change{Attributes: map[string]int{"a": 1}}, nil, 200, `{"attributes":"{\"a\":1}"}`, ""},
		"JSON":             {&webhook.Change{Attributes: json.RawMessage(`[]`)}, nil, 200, `{"attributes":"[]"}`, ""},
		"both":             {&webhook.Change{FriendlyName: new("x"), Attributes: []int{}}, nil, 200, `{"friendly_name":"x","attributes":"[]"}`, ""},
		"a string":         {&webhook.Change{Attributes: "{}"}, nil, 500, "", "level=ERROR msg=\"webhook failed\" event=onConversationAdd error=\"webhook: Attributes: must be a json.RawMessage if it is JSON text\""},
		"no JSON":          {&webhook.Change{Attributes: func() {}}, nil, 500, "", "webhook: Attributes: must be a value that encodes to JSON: json: unsupported type"},
		"refuse":           {nil, webhook.ErrRefused, 403, "", ""},
		"refuse with text": {&webhook.Change{}, fmt.Errorf("no: %w", webhook.ErrRefused), 403, "", ""},
		"fail":             {nil, errors.New("database down"), 500, "", "error=\"database down\""},
	} {
		for _, event := range []webhook.EventType{webhook.OnConversationAdd, webhook.OnConversationUpdate} {
			f := func(context.Context, *webhook.ConversationEvent) (*webhook.Change, error) { return c.change, c.err }
			res, log := serve(t, webhook.Events{OnConversationAdd: f, OnConversationUpdate: f}, post(hookURL, of(event)))
			assert.Equal(t, c.status, res.Code, name)
			switch {
			case c.status != 200:
				assert.NotContains(t, res.Body.String(), "database", name)
			case c.body == "":
				assert.Empty(t, res.Body.String(), name)
			default:
				assert.JSONEq(t, c.body, res.Body.String(), name)
				assert.Equal(t, "application/json", res.Header().Get("Content-Type"))
			}
			log = strings.ReplaceAll(log, "onConversationUpdate", "onConversationAdd")
			if c.log == "" {
				assert.Empty(t, log, name)
			}
			assert.Contains(t, log, c.log, name)
		}
	}
	for status, err := range map[int]error{200: nil, 403: webhook.ErrRefused, 500: errors.New("x")} {
		res, _ := serve(t, webhook.Events{
			OnConversationRemove: func(context.Context, *webhook.ConversationEvent) error { return err },
		}, post(hookURL, of(webhook.OnConversationRemove)))
		assert.Equal(t, status, res.Code)
	}
}

func TestHandlerPanics(t *testing.T) {
	t.Parallel()
	events := func(p any) webhook.Events {
		return webhook.Events{OnConversationAdded: func(context.Context, *webhook.ConversationEvent) error { panic(p) }}
	}
	res, log := serve(t, events("out of order"), post(hookURL, added()))
	assert.Equal(t, 500, res.Code)
	assert.Equal(t, "Internal Server Error\n", res.Body.String())
	assert.Contains(t, log, "panic: out of order")
	assert.Contains(t, log, "handler_test.go:", "the stack")
	assert.PanicsWithValue(t, http.ErrAbortHandler, func() { serve(t, events(http.ErrAbortHandler), post(hookURL, added())) })
}

// After five seconds Twilio has continued: whatever is decided then, a pre-event was accepted.
func TestHandlerIsLate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		params        url.Values
		takes         time.Duration
		err           error
		status        int
		late, ignores bool
	}{
		{params: of(webhook.OnConversationAdd), takes: 5*time.Second - 1, err: webhook.ErrRefused, status: 403},
		{params: of(webhook.OnConversationAdd), takes: 5*time.Second + 1, err: webhook.ErrRefused, status: 200, late: true},
		{params: of(webhook.OnConversationAdd), takes: time.Minute, err: webhook.ErrRefused, status: 200, late: true},
		{params: of(webhook.OnConversationAdd), takes: time.Minute, status: 200, late: true, ignores: true},
		{params: of(webhook.OnConversationAdded), takes: time.Minute, status: 500, late: true},
		{params: of(webhook.OnConversationAdded), takes: time.Minute, status: 200, late: true, ignores: true},
	} {
		synctest.Test(t, func(t *testing.T) {
			wait := func(ctx context.Context) error {
				if c.ignores {
					ctx = context.WithoutCancel(ctx)
				}
				select {
				case <-ctx.Done():
					return ctx.Err()
				case <-time.After(c.takes):
					return c.err
				}
			}
			began := time.Now()
			res, log := serve(t, webhook.Events{
				OnConversationAdd: func(ctx context.Context, _ *webhook.ConversationEvent) (*webhook.Change, error) {
					return &webhook.Change{FriendlyName: new("late")}, wait(ctx)
				},
				OnConversationAdded: func(ctx context.Context, _ *webhook.ConversationEvent) error { return wait(ctx) },
			}, post(hookURL, c.params))
			assert.Equal(t, c.status, res.Code, "%+v", c)
			assert.Equal(t, c.late, strings.Contains(log, "webhook took too long"), log)
			if c.late && c.status == 200 {
				assert.Empty(t, res.Body.String())
			}
			if !c.ignores {
				assert.LessOrEqual(t, time.Since(began), 5*time.Second)
			}
		})
	}
}

// A function has the context of its request, for as long as Twilio waits.
func TestHandlerContext(t *testing.T) {
	t.Parallel()
	type key struct{}
	req := post(hookURL, added())
	req = req.WithContext(context.WithValue(req.Context(), key{}, "value"))
	_, _ = serve(t, webhook.Events{
		OnConversationAdded: func(ctx context.Context, _ *webhook.ConversationEvent) error {
			assert.Equal(t, "value", ctx.Value(key{}))
			deadline, ok := ctx.Deadline()
			assert.True(t, ok)
			assert.LessOrEqual(t, time.Until(deadline), 5*time.Second)
			return nil
		},
	}, req)
}

func TestHandlerIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	handler := newReceiver(t, webhook.WithAuthTokens("x")).Handler(webhook.Events{})
	done := make(chan int)
	for range 8 {
		go func() {
			res := httptest.NewRecorder()
			handler.ServeHTTP(res, post(hookURL, added()))
			done <- res.Code
		}()
	}
	for range 8 {
		require.Equal(t, 200, <-done)
	}
}
