package client_test

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/client"
)

// page is an answer with the given conversations, and a next page if there is a token for it.
func page(token string, sids ...int) step {
	items := make([]string, len(sids))
	for i, sid := range sids {
		items[i] = conversation("sid", fmt.Sprintf(`"CH%032d"`, sid))
	}
	next := "null"
	if token != "" {
		next = `"https://conversations.twilio.com/v1/Conversations?PageSize=100&Page=1&PageToken=` + token + `"`
	}
	return jsonAnswer(200, `{"conversations":[`+strings.Join(items, ",")+`],"meta":{"next_page_url":`+next+`}}`)
}

// collect ranges over a list up to its error.
func collect(t *testing.T, c *client.Client, params client.ListParams) (sids []string, err error) {
	t.Helper()
	for conv, err := range c.Conversations.List(t.Context(), params) {
		if err != nil {
			assert.Nil(t, conv)
			return sids, err
		}
		sids = append(sids, strings.TrimLeft(conv.SID, "CH0"))
	}
	return sids, nil
}

func TestListIsLazy(t *testing.T) {
	t.Parallel()
	server := newScript(t)
	list := newClient(t, server).Conversations.List(t.Context(), client.ListParams{})
	server.done()

	server.steps = []step{page("", 1), page("", 2)}
	for range 2 { // a list can be ranged over again, and asks again
		for _, err := range list {
			require.NoError(t, err)
		}
	}
	server.done()
}

func TestListOverPages(t *testing.T) {
	t.Parallel()
	server := newScript(t, page("A", 1, 2), page("B"), page("C"), page("", 3))
	sids, err := collect(t, newClient(t, server), client.ListParams{})
	require.NoError(t, err)
	assert.Equal(t, []string{"1", "2", "3"}, sids, "an empty page with a next page goes on")
	server.done()
	assert.Equal(t, "PageSize=100", server.requests[0].URL.RawQuery)
	assert.Equal(t, "PageSize=100&Page=1&PageToken=C", server.requests[3].URL.RawQuery)
}

func TestListLimit(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		limit, pageSize int
		pages           []step
		want            string
		query           string
	}{
		{1, 0, []step{page("A", 1)}, "1", "PageSize=1"},
		{2, 2, []step{page("A", 1, 2)}, "1 2", "PageSize=2"},
		{3, 2, []step{page("A", 1, 2), page("B", 3, 4)}, "1 2 3", "PageSize=2"},
		{4, 2, []step{page("A", 1, 2), page("B", 3, 4)}, "1 2 3 4", "PageSize=2"},
		{1000, 0, []step{page("", 1, 2)}, "1 2", "PageSize=100"},
	} {
		synctest.Test(t, func(t *testing.T) {
			server := newScript(t, tc.pages...)
			var sids []string
			for conv, err := range newClient(t, server).Conversations.List(t.Context(), client.ListParams{Limit: tc.limit, PageSize: tc.pageSize}) {
				require.NoError(t, err)
				sids = append(sids, strings.TrimLeft(conv.SID, "CH0"))
				synctest.Wait() // for a page ahead that should not be asked for
			}
			assert.Equal(t, tc.want, strings.Join(sids, " "))
			assert.Equal(t, tc.query, server.requests[0].URL.RawQuery)
			server.done()
		})
	}
}

func TestRepeatedPageTokenIsAnError(t *testing.T) {
	t.Parallel()
	for _, pages := range [][]step{
		{page("A", 1), page("A", 2)},
		{page("A", 1), page("B", 2), page("A", 3)},
	} {
		server := newScript(t, pages...)
		sids, err := collect(t, newClient(t, server), client.ListParams{})
		assert.Len(t, sids, len(pages), "the items before the error")
		assert.Equal(t, 200, apiError(t, err).Status)
		assert.ErrorContains(t, err, "returned before")
		server.done()
	}
}

func TestPageTokensSurvive(t *testing.T) {
	t.Parallel()
	for _, token := range []string{
		"PTclosed_2024-01-18T03:17:17.005Z_CHa09ace6334284f0aa7f988ebad3e231a",
		"a+b/c==&d=e%20f ü:7",
	} {
		escaped := strings.NewReplacer("%", "%25", "+", "%2B", "&", "%26", "=", "%3D", " ", "%20").Replace(token)
		server := newScript(t, page(escaped, 1), page("", 2))
		_, err := collect(t, newClient(t, server), client.ListParams{})
		require.NoError(t, err)
		assert.Equal(t, token, server.requests[1].URL.Query().Get("PageToken"))
	}
}

func TestFailedPageCanBeResumed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newScript(t, page("A", 1, 2), jsonAnswer(401, `{"code":20003}`))
		c := newClient(t, server)
		sids, err := collect(t, c, client.ListParams{})
		assert.Equal(t, []string{"1", "2"}, sids)
		e := apiError(t, err)
		assert.Equal(t, 20003, e.Code)
		server.done()

		server.steps = append(server.steps, page("", 3))
		sids, err = collect(t, c, client.ListParams{Cursor: e.Cursor})
		require.NoError(t, err)
		assert.Equal(t, []string{"3"}, sids)
		assert.Equal(t, "A", server.requests[2].URL.Query().Get("PageToken"))
	})
}

func TestErrorIsYieldedOnce(t *testing.T) {
	t.Parallel()
	server := newScript(t, answer(404, "", ""))
	yields := 0
	for range newClient(t, server).Conversations.List(t.Context(), client.ListParams{}) {
		yields++ // goes on in spite of the error
	}
	assert.Equal(t, 1, yields)
	server.done()
}

func TestPageByPage(t *testing.T) {
	t.Parallel()
	server := newScript(t, page("A", 1, 2), page("", 3))
	c := newClient(t, server)
	first, err := c.Conversations.Page(t.Context(), client.ListParams{PageSize: 2})
	require.NoError(t, err)
	assert.Len(t, first.Items, 2)
	second, err := c.Conversations.Page(t.Context(), client.ListParams{PageSize: 2, Cursor: first.Next})
	require.NoError(t, err)
	assert.Len(t, second.Items, 1)
	assert.Empty(t, second.Next)
	server.done()
}

// With a caller as slow as the server, the two overlap.
func TestListFetchesAhead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const pages, latency = 20, 100 * time.Millisecond
		items := make([]int, 100)
		n := 0
		c := newClient(t, roundTripper(func(req *http.Request) (*http.Response, error) {
			time.Sleep(latency)
			if n++; n == pages {
				return page("", items...)(req)
			}
			return page(fmt.Sprint(n), items...)(req)
		}))
		began := time.Now()
		for _, err := range c.Conversations.List(t.Context(), client.ListParams{}) {
			require.NoError(t, err)
			time.Sleep(latency / 100)
		}
		sequential := 2 * pages * latency
		ratio := float64(time.Since(began)) / float64(sequential)
		t.Logf("%.2f of the time that fetching and working in turn would take", ratio)
		assert.LessOrEqual(t, ratio, 0.6)
	})
}

func TestLeavingAListCancelsItsRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // fails if a goroutine is left
		var cancelled atomic.Bool
		server := newScript(t, page("A", 1, 2, 3), func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			cancelled.Store(true)
			return nil, req.Context().Err()
		})
		seen := 0
		for _, err := range newClient(t, server).Conversations.List(t.Context(), client.ListParams{}) {
			require.NoError(t, err)
			if seen++; seen == 3 {
				synctest.Wait()
				break
			}
		}
		assert.True(t, cancelled.Load())
		server.done()
	})
}

func TestLookingAtOneCostsOneRequest(t *testing.T) {
	t.Parallel()
	server := newScript(t, page("A", 1, 2, 3))
	for range newClient(t, server).Conversations.List(t.Context(), client.ListParams{}) {
		break
	}
	server.done()
}

func TestListEndsWithContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	server := newScript(t, page("A", 1))
	var err error
	for _, err = range newClient(t, server).Conversations.List(ctx, client.ListParams{}) {
		cancel()
	}
	assert.ErrorIs(t, err, context.Canceled)
}

// The answer that WithResponse reports is of the page whose items are being yielded, although the next
// page is being fetched already.
func TestListResponseIsOfThePage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var resp client.Response
		second := jsonAnswer(200, `{"conversations":[`+conversation()+`],"meta":{}}`, "Twilio-Request-Id", "RQ00000000000000000000000000000002")
		server := newScript(t, page("A", 1, 2, 3), second)
		var ids []string
		for _, err := range newClient(t, server).Conversations.List(t.Context(), client.ListParams{}, client.WithResponse(&resp)) {
			require.NoError(t, err)
			synctest.Wait() // for the page ahead
			ids = append(ids, resp.RequestID)
		}
		assert.Equal(t, []string{requestID, requestID, requestID, "RQ00000000000000000000000000000002"}, ids)
	})
}

// A transport that ends its goroutine, as a failing test double does, ends a listing with an error.
func TestTransportThatEndsItsGoroutine(t *testing.T) {
	t.Parallel()
	requests := 0
	c := newClient(t, roundTripper(func(req *http.Request) (*http.Response, error) {
		if requests++; requests == 2 {
			runtime.Goexit()
		}
		return page("A", 1, 2)(req)
	}))
	_, err := collect(t, c, client.ListParams{})
	assert.ErrorContains(t, err, "goroutine")

	c = newClient(t, roundTripper(func(*http.Request) (*http.Response, error) { runtime.Goexit(); return nil, nil }))
	for _, err = range c.Conversations.Scan(t.Context(), client.ScanParams{}) {
	}
	assert.ErrorContains(t, err, "goroutine")
}

func TestHopelessListsAreNotSent(t *testing.T) {
	t.Parallel()
	c := newClient(t, newScript(t))
	now := time.Now()
	for param, params := range map[string]client.ListParams{
		"State":     {State: "open"},
		"StartDate": {StartDate: time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC)},
		"EndDate":   {StartDate: now, EndDate: now.Add(-time.Second)},
		"PageSize":  {PageSize: 1001},
		"Limit":     {Limit: -1},
		"Cursor":    {Cursor: "PTactive_2026-01-18T03:17:17.005Z_CH0"},
	} {
		_, err := collect(t, c, params)
		assert.Equal(t, param, paramError(t, err).Param)
	}
	_, err := c.Conversations.Page(t.Context(), client.ListParams{Limit: 1})
	assert.Equal(t, "Limit", paramError(t, err).Param)
	_, err = collect(t, c, client.ListParams{PageSize: -1})
	assert.Equal(t, "PageSize", paramError(t, err).Param)
	_, err = collect(t, c, client.ListParams{EndDate: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)})
	assert.Equal(t, "EndDate", paramError(t, err).Param)
	_, err = collect(t, c, client.ListParams{Cursor: "-1:x"})
	assert.Equal(t, "Cursor", paramError(t, err).Param)
	_, err = collect(t, c, client.ListParams{Cursor: "1:"})
	assert.Equal(t, "Cursor", paramError(t, err).Param)
}

// Credentials reach the host that is configured, and no other that an answer names.
func TestPageURLsAreNotFollowed(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"https://conversations.twilio.com", "https://conversations.dublin.ie1.twilio.com", "http://127.0.0.1:4010/proxy"} {
		next := "https://evil.example/v1/Conversations?PageSize=50&Page=1&PageToken=T1"
		server := newScript(t,
			jsonAnswer(200, `{"conversations":[`+conversation()+`],"meta":{"next_page_url":"`+next+`"}}`),
			jsonAnswer(200, `{"conversations":[],"meta":{}}`))
		for _, err := range newClient(t, server, client.WithBaseURL(base)).Conversations.List(t.Context(), client.ListParams{State: client.StateActive}) {
			require.NoError(t, err)
		}
		server.done()
		for _, req := range server.requests {
			assert.True(t, strings.HasPrefix(req.URL.String(), base+"/v1/Conversations?"), req.URL)
			assert.Equal(t, "active", req.URL.Query().Get("State"))
		}
		assert.Equal(t, "T1", server.requests[1].URL.Query().Get("PageToken"))
	}
}
