package conversationstest

import (
	"context"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFaultAnswers(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		fault       Fault
		status      int
		text        string
		contentType string
		committed   bool
	}{
		"status": {Fault{Status: 503}, 503, `{"code":20503,"message":"Service Unavailable","more_info":"https://www.twilio.com/docs/errors/20503","status":503}`,
			"application/json; charset=utf-8", false},
		"code and message": {Fault{Status: 409, Code: 50391, Message: "Busy"}, 409,
			`{"code":50391,"message":"Busy","more_info":"https://www.twilio.com/docs/errors/50391","status":409}`, "application/json; charset=utf-8", false},
		"committed":       {Fault{Status: 500, Commit: true}, 500, `{"code":20500,"message":"Internal Server Error","more_info":"https://www.twilio.com/docs/errors/20500","status":500}`, "application/json; charset=utf-8", true},
		"page":            {Fault{Status: 502, Body: "<html>bad gateway"}, 502, "<html>bad gateway", "text/html; charset=utf-8", false},
		"another type":    {Fault{Body: "{", Header: http.Header{"content-type": {"application/json"}}}, 200, "{", "application/json", false},
		"bad request":     {Fault{Status: 400}, 400, `{"code":20001,"message":"Bad Request","more_info":"https://www.twilio.com/docs/errors/20001","status":400}`, "application/json; charset=utf-8", false},
		"unauthorized":    {Fault{Status: 401}, 401, `{"code":20003,"message":"Unauthorized","more_info":"https://www.twilio.com/docs/errors/20003","status":401}`, "application/json; charset=utf-8", false},
		"no method":       {Fault{Status: 405}, 405, `{"code":20004,"message":"Method Not Allowed","more_info":"https://www.twilio.com/docs/errors/20004","status":405}`, "application/json; charset=utf-8", false},
		"399 is no error": {Fault{Status: 399, Body: "x"}, 399, "x", "text/plain; charset=utf-8", false},
		"empty success":   {Fault{Status: 200}, 200, "", "", false},
		"redirect":        {Fault{Status: 302, Header: http.Header{"Location": {"http://example.com"}}}, 302, "", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := Start(t, InMemory())
			s.Fail("createConversation", tc.fault)
			r := post(t, s, "/v1/Conversations")
			assert.Equal(t, tc.status, r.StatusCode)
			assert.Equal(t, tc.text, r.text)
			assert.Equal(t, tc.contentType, r.Header.Get("Content-Type"))
			assert.NotEmpty(t, r.Header.Get("Twilio-Request-Id"))
			assert.Len(t, s.Conversations(""), map[bool]int{true: 1}[tc.committed])
			assert.Equal(t, 201, post(t, s, "/v1/Conversations").StatusCode)
		})
	}
}

func TestFaultsAreTakenInTurn(t *testing.T) {
	t.Parallel()
	s := Start(t, InMemory())
	s.Fail("fetchConversation", Fault{Status: 503, Times: 2}, Fault{Status: 429, Header: http.Header{"Retry-After": {"7"}}})
	s.Fail("*", Fault{Status: 500})
	s.Fail("", Fault{Status: 504, Times: -1})
	for _, status := range []int{503, 503, 429, 500, 504, 504, 504} {
		r := get(t, s, "/v1/Conversations/a")
		assert.Equal(t, status, r.StatusCode)
		assert.Equal(t, status == 429, r.Header.Get("Retry-After") == "7")
	}
	assert.Equal(t, 504, get(t, s, "/v1/Conversations").StatusCode)
	assert.Equal(t, 404, get(t, s, "/v1/Nothing").StatusCode, "no operation")
	unauthorised := do(t, s, http.MethodGet, "/v1/Conversations", nil, func(r *http.Request) { r.Header.Del("Authorization") })
	assert.Equal(t, 401, unauthorised.StatusCode)
	s.Reset()
	assert.Equal(t, 200, get(t, s, "/v1/Conversations").StatusCode)

	assert.Panics(t, func() { s.Fail("createConversion", Fault{}) })
	for _, status := range []int{-1, 199, 600} {
		assert.Panics(t, func() { s.Fail("*", Fault{Status: status}) })
	}
	for _, status := range []int{200, 599} {
		s.Fail("*", Fault{Status: status})
		assert.Equal(t, status, get(t, s, "/v1/Conversations").StatusCode)
	}
}

func TestDroppedConnections(t *testing.T) {
	t.Parallel()
	s := Start(t, InMemory())
	s.Fail("createConversation", Fault{Drop: true}, Fault{Commit: true, Drop: true})
	for committed := range 2 {
		_, err := roundTrip(t, s, http.MethodPost, "/v1/Conversations", nil)
		assert.ErrorIs(t, err, io.EOF)
		assert.Len(t, s.Conversations(""), committed)
	}
	requests := s.Requests()
	require.Len(t, requests, 2)
	assert.Zero(t, requests[1].Status)
}

func TestTruncatedAnswers(t *testing.T) {
	t.Parallel()
	s := Start(t, InMemory())
	s.Fail("createConversation", Fault{Truncate: true}, Fault{Status: 500, Truncate: true})
	for range 2 {
		req, err := http.NewRequest(http.MethodPost, s.URL+"/v1/Conversations", nil)
		require.NoError(t, err)
		req.SetBasicAuth(s.AccountSID, s.AuthToken)
		res, err := s.transport.RoundTrip(req)
		require.NoError(t, err)
		text, err := io.ReadAll(res.Body)
		require.NoError(t, res.Body.Close())
		assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
		assert.EqualValues(t, len(text), res.ContentLength/2, "half of what is announced")
		assert.Greater(t, len(text), 40)
		assert.Len(t, s.Conversations(""), 1)
	}
}

func TestDelays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := Start(t, InMemory(), WithLatency(time.Second))
		took := func(f func()) time.Duration {
			start := time.Now()
			f()
			return time.Since(start)
		}
		create := func() { assert.Equal(t, 201, post(t, s, "/v1/Conversations").StatusCode) }
		assert.Equal(t, time.Second, took(create))
		s.Fail("createConversation", Fault{Delay: time.Hour})
		assert.Equal(t, time.Hour+time.Second, took(create))
		assert.Len(t, s.Conversations(""), 2)

		giveUp := func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			_, err := roundTrip(t, s, http.MethodPost, "/v1/Conversations", nil, func(r *http.Request) { *r = *r.WithContext(ctx) })
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			synctest.Wait()
		}
		s.Fail("createConversation", Fault{Delay: time.Hour}, Fault{Delay: time.Hour, Commit: true})
		assert.Equal(t, time.Minute, took(giveUp))
		assert.Len(t, s.Conversations(""), 2, "given up before")
		assert.Equal(t, time.Minute, took(giveUp))
		assert.Len(t, s.Conversations(""), 3, "given up after")
		time.Sleep(2 * time.Hour)
		assert.Len(t, s.Conversations(""), 3)
	})
}

// A test may end while a request is in flight.
func TestStopEndsDelays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &probe{TB: t}
		s := Start(p, InMemory())
		s.Fail("listConversation", Fault{Delay: 1000 * time.Hour})
		var failed error
		go func() { _, failed = roundTrip(t, s, http.MethodGet, "/v1/Conversations", nil) }() //nolint:testifylint // its request is valid
		synctest.Wait()
		p.end()
		synctest.Wait()
		assert.Error(t, failed)
	})
}

func TestWriteLimitOfOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := Start(t, InMemory(), WithWriteLimit(1))
		seed(t, s, Conversation{UniqueName: "a"}, Conversation{UniqueName: "b"})
		for range 2 {
			for _, name := range []string{"a", "b"} {
				assert.Equal(t, 200, post(t, s, "/v1/Conversations/"+name, "FriendlyName", "x").StatusCode)
				assert.Equal(t, 429, post(t, s, "/v1/Conversations/"+name, "FriendlyName", "y").StatusCode)
			}
			time.Sleep(time.Second - 1)
			assert.Equal(t, 429, post(t, s, "/v1/Conversations/a", "FriendlyName", "y").StatusCode)
			time.Sleep(time.Nanosecond)
		}
	})
}

func TestWriteLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := Start(t, InMemory(), WithWriteLimit(3))
		scoped := "/v1/Services/" + testService + "/Conversations"
		limited := func(r reply) {
			t.Helper()
			assert.Equal(t, 429, r.StatusCode)
			assert.Equal(t, 50063, r.code())
		}
		for _, name := range []string{"a", "b"} {
			assert.Equal(t, 201, post(t, s, scoped, "UniqueName", name).StatusCode)
		}
		assert.Equal(t, 204, do(t, s, http.MethodDelete, scoped+"/b", nil).StatusCode)
		limited(post(t, s, scoped))
		limited(do(t, s, http.MethodDelete, scoped+"/a", nil))
		assert.Len(t, s.Conversations(testService), 1)
		assert.Equal(t, 201, post(t, s, "/v1/Conversations", "UniqueName", "c").StatusCode, "another service")

		for range 3 {
			assert.Equal(t, 200, post(t, s, scoped+"/a", "FriendlyName", "x").StatusCode)
		}
		limited(post(t, s, scoped+"/a", "FriendlyName", "y"))
		assert.Equal(t, "x", get(t, s, scoped+"/a").body["friendly_name"])
		assert.Equal(t, 200, post(t, s, "/v1/Conversations/c", "FriendlyName", "x").StatusCode, "another conversation")

		time.Sleep(time.Second)
		assert.Equal(t, 201, post(t, s, scoped).StatusCode)
		assert.Equal(t, 200, post(t, s, scoped+"/a", "FriendlyName", "y").StatusCode)
	})
}
