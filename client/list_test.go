package client_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/api/json"
	"github.com/twilio-conversations-go/conversations/client"
)

// page is a response with the given conversations, and a next page if there is a token for it.
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
	assert.Equal(t, []string{"1", "2", "3"}, sids, "an empty page does not end the list")
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
				synctest.Wait() // for a next page that must not be requested
			}
			assert.Equal(t, tc.want, strings.Join(sids, " "))
			assert.Equal(t, tc.query, server.requests[0].URL.RawQuery)
			server.done()
		})
	}
}

// A cycle of pages is noticed at once if a page names itself, and otherwise before three times as
// many were read as there are.
func TestPageCyclesAreAnError(t *testing.T) {
	t.Parallel()
	for before := range 4 {
		for length := 1; length <= 9; length++ {
			requests := 0
			c := newClient(t, roundTripper(func(req *http.Request) (*http.Response, error) {
				requests++
				at, _ := strconv.Atoi(req.URL.Query().Get("PageToken"))
				next := at + 1
				if at == before+length {
					next = before + 1
				}
				require.Less(t, requests, 100)
				return page(fmt.Sprint(next), at+1)(req)
			}))
			sids, err := collect(t, c, client.ListParams{})
			assert.Len(t, sids, requests, "the conversations before the error")
			e := apiError(t, err)
			assert.Equal(t, 200, e.Status)
			assert.NotEmpty(t, e.Cursor)
			assert.ErrorContains(t, err, "returned before")
			assert.LessOrEqual(t, requests, 3*(1+before+length), "%d before a circle of %d", before, length)
			if length == 1 {
				assert.Equal(t, before+2, requests)
			}
		}
	}
}

func TestAPageThatNamesItselfIsAnError(t *testing.T) {
	t.Parallel()
	server := newScript(t, page("A", 1), page("A", 2))
	c := newClient(t, server)
	first, err := c.Conversations.Page(t.Context(), client.ListParams{})
	require.NoError(t, err)
	var response client.Response
	second, err := c.Conversations.Page(t.Context(), client.ListParams{Cursor: first.Next}, client.WithResponse(&response))
	assert.Nil(t, second)
	assert.ErrorContains(t, err, "returned before")
	e := apiError(t, err)
	assert.Equal(t, first.Next, e.Cursor)
	assert.Equal(t, 200, response.StatusCode)
	assert.Equal(t, response.RequestID, e.RequestID)
}

func TestACursorBelongsToItsList(t *testing.T) {
	t.Parallel()
	start, end := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	params := client.ListParams{State: client.StateActive, StartDate: start, EndDate: end, PageSize: 2}
	server := newScript(t, page("A", 1, 2))
	c := newClient(t, server)
	service := func(sid string) *client.Conversations { return c.Service(sid).Conversations }
	first, err := service(serviceSID).Page(t.Context(), params)
	require.NoError(t, err)
	params.Cursor = first.Next

	for name, change := range map[string]func(p *client.ListParams){
		"another state":      func(p *client.ListParams) { p.State = client.StateClosed },
		"no state":           func(p *client.ListParams) { p.State = "" },
		"another start":      func(p *client.ListParams) { p.StartDate = start.Add(time.Millisecond) },
		"no start":           func(p *client.ListParams) { p.StartDate = time.Time{} },
		"another end":        func(p *client.ListParams) { p.EndDate = end.Add(time.Hour) },
		"no end":             func(p *client.ListParams) { p.EndDate = time.Time{} },
		"start for end":      func(p *client.ListParams) { p.StartDate, p.EndDate = time.Time{}, start },
		"nothing at all":     func(p *client.ListParams) { *p = client.ListParams{Cursor: p.Cursor} },
		"another version":    func(p *client.ListParams) { p.Cursor = "c2" + p.Cursor[2:] },
		"the version before": func(p *client.ListParams) { p.Cursor = "1:PTactive_2026-01-18T03:17:17.005Z_CH0" },
		"no token":           func(p *client.ListParams) { p.Cursor = p.Cursor[:strings.Index(string(p.Cursor), ":")+1] },
		"no index":           func(p *client.ListParams) { p.Cursor = p.Cursor[:12] + ".c40bf6cc:A" },
		"below zero":         func(p *client.ListParams) { p.Cursor = p.Cursor[:12] + "-1.c40bf6cc:A" },
		"no number":          func(p *client.ListParams) { p.Cursor = p.Cursor[:12] + "x.c40bf6cc:A" },
		"another part":       func(p *client.ListParams) { p.Cursor = p.Cursor[:12] + "1.2.c40bf6cc:A" },
		"another token":      func(p *client.ListParams) { p.Cursor = p.Cursor[:len(p.Cursor)-1] + "B" },
		"a line break":       func(p *client.ListParams) { p.Cursor += "\n" },
		"text":               func(p *client.ListParams) { p.Cursor = "A" },
	} {
		other := params
		change(&other)
		_, err := service(serviceSID).Page(t.Context(), other)
		assert.Equal(t, "Cursor", paramError(t, err).Param, name)
		for _, err = range service(serviceSID).List(t.Context(), other) {
		}
		assert.Equal(t, "Cursor", paramError(t, err).Param, name)
		assert.NotContains(t, err.Error(), other.Cursor)
	}
	for _, other := range []*client.Conversations{c.Conversations, service(strings.Replace(serviceSID, "IS0", "IS1", 1))} {
		_, err := other.Page(t.Context(), params)
		assert.ErrorContains(t, err, "another list")
	}
	server.done()

	server.steps = append(server.steps, page("", 3), page("", 3))
	params.PageSize = 50
	_, err = service(serviceSID).Page(t.Context(), params)
	require.NoError(t, err, "the page size may differ")
	params.StartDate = start.In(time.FixedZone("", 3600)).Add(time.Microsecond)
	_, err = service("IS"+strings.ToUpper(serviceSID[2:])).Page(t.Context(), params)
	require.NoError(t, err, "what is sent is the same")
	server.done()
}

func TestMoreThanRequestedIsAnError(t *testing.T) {
	t.Parallel()
	largest := largestPageSize(t)
	require.LessOrEqual(t, largest, json.MaxItems, "change MaxItems in api/json/array.go")
	server := newScript(t, page("", 1, 2), page("A", 1, 2, 3), page("", make([]int, json.MaxItems+1)...))
	c := newClient(t, server)
	_, err := c.Conversations.Page(t.Context(), client.ListParams{PageSize: 2})
	require.NoError(t, err)
	_, err = c.Conversations.Page(t.Context(), client.ListParams{PageSize: 2})
	assert.ErrorContains(t, err, "more conversations than requested")
	assert.Equal(t, 200, apiError(t, err).Status)
	_, err = c.Conversations.Page(t.Context(), client.ListParams{PageSize: largest})
	assert.ErrorContains(t, err, json.ErrTooManyItems.Error())
	server.done()
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

// Whatever page fails, and with whatever page size the list is resumed, nothing is missed or
// repeated.
func TestResumingAtEveryPage(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 4))
		server := newTimeline(generate(seed, 200, distributions[rnd.IntN(len(distributions))].at))
		server.precision = precision(rnd.IntN(int(precisions)))
		server.replace = func(page string) (int, string) {
			switch rnd.IntN(6) {
			case 0:
				return http.StatusForbidden, `{"code":20403}`
			case 1:
				return http.StatusOK, `{"conversations":[`
			case 2:
				return http.StatusOK, `{"conversations":[],"meta":{"next_page_url":"?PageToken="}}`
			}
			return http.StatusOK, page
		}
		c := server.client(t, noRetry)
		params := client.ListParams{EndDate: time.Now().Add(100 * year)}
		var got []string
		resumed := 0
		for done := false; !done; {
			done = true
			params.PageSize = 1 + rnd.IntN(20)
			for conv, err := range c.Conversations.List(t.Context(), params) {
				if err != nil {
					params.Cursor, done = apiError(t, err).Cursor, false
					resumed++
					continue
				}
				got = append(got, conv.SID)
			}
		}
		require.Len(t, got, len(server.records), "seed %d", seed)
		for i, r := range server.records {
			require.Equal(t, r.sid, got[i], "seed %d", seed)
		}
		assert.Positive(t, resumed)
	}
}

func TestErrorIsYieldedOnce(t *testing.T) {
	t.Parallel()
	server := newScript(t, answer(404, "", ""))
	yields := 0
	for range newClient(t, server).Conversations.List(t.Context(), client.ListParams{}) {
		yields++ // continues in spite of the error
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

// If the caller is as slow as the server, their work overlaps.
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

func TestBreakingOutOfAListCancelsItsRequest(t *testing.T) {
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
	synctest.Test(t, func(t *testing.T) {
		server := newScript(t, page("A", 1, 2, 3))
		looked := 0
		for conv, err := range newClient(t, server).Conversations.List(t.Context(), client.ListParams{}) {
			require.NoError(t, err)
			assert.Contains(t, conv.SID, "1")
			looked++
			synctest.Wait() // for a page ahead that should not be asked for
			break
		}
		assert.Equal(t, 1, looked)
		server.done()
	})
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

// The response that WithResponse stores is that of the page whose items are being yielded, although
// the next page is already being fetched.
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

// ended runs a function in a goroutine of its own, and reports whether it panicked, and with what,
// or ended the goroutine.
func ended(f func()) (panicked any, goexit bool) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		goexit = true
		defer func() {
			if panicked = recover(); panicked != nil {
				goexit = false
			}
		}()
		f()
		goexit = false
	}()
	<-done
	return panicked, goexit
}

// A transport or a request editor that panics or ends its goroutine, as a failing fake does, ends
// the goroutine of the caller, even if it was called in another one.
func TestPanicsSurfaceInTheCaller(t *testing.T) {
	t.Parallel()
	calls := map[string]func(context.Context, *client.Conversations){
		"fetch": func(ctx context.Context, c *client.Conversations) { _, _ = c.Fetch(ctx, "CH1") },
		"list": func(ctx context.Context, c *client.Conversations) {
			for range c.List(ctx, client.ListParams{}) {
			}
		},
		"scan": func(ctx context.Context, c *client.Conversations) {
			for range c.Scan(ctx, client.ScanParams{}) {
			}
		},
	}
	for name, call := range calls {
		for at := 1; at <= 3; at++ { // the first request of a list is not ahead of its caller, the others are
			if name == "fetch" && at > 1 {
				continue
			}
			synctest.Test(t, func(t *testing.T) { // which fails if a goroutine is left
				timeline := newTimeline(generate(1, 2000, distributions[0].at))
				boom := func(do func()) *client.Conversations {
					var requests atomic.Int64
					return newClient(t, roundTripper(func(req *http.Request) (*http.Response, error) {
						if int(requests.Add(1)) == at {
							do()
						}
						time.Sleep(time.Duration(requests.Load()) * time.Millisecond)
						return timeline.RoundTrip(req)
					})).Conversations
				}
				panicked, _ := ended(func() { call(t.Context(), boom(func() { panic("boom") })) })
				assert.Equal(t, "boom", panicked, "%s %d", name, at)
				_, goexit := ended(func() { call(t.Context(), boom(runtime.Goexit)) })
				assert.True(t, goexit, "%s %d", name, at)

				var edits atomic.Int64
				auth := func(context.Context, *http.Request) error {
					if int(edits.Add(1)) == at {
						panic(at)
					}
					return nil
				}
				c, err := client.New(auth, client.WithHTTPClient(&http.Client{Transport: timeline}))
				require.NoError(t, err)
				panicked, _ = ended(func() { call(t.Context(), c.Conversations) })
				assert.Equal(t, at, panicked, "%s %d", name, at)
			})
		}
	}
}

// The page in flight when the loop ends is not missed, however it ends.
func TestPanicsAfterBreakingOutOfAList(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newScript(t, page("A", 1, 2, 3), func(*http.Request) (*http.Response, error) { panic("boom") })
		seen := 0
		for range newClient(t, server).Conversations.List(t.Context(), client.ListParams{}) {
			if seen++; seen == 3 {
				synctest.Wait()
				break
			}
		}
		server.done()
	})
}

// A conversation that is kept does not keep others alive.
func TestAKeptConversationDoesNotKeepItsPage(t *testing.T) {
	const pages = 50
	size := largestPageSize(t)
	n := 0
	c := newClient(t, roundTripper(func(req *http.Request) (*http.Response, error) {
		items := make([]string, size)
		for i := range items {
			items[i] = conversation("sid", fmt.Sprintf(`"CH%032d"`, n*size+i), "friendly_name", fmt.Sprintf(`"%d"`, n*size+i))
		}
		next := "null"
		if n++; n < pages {
			next = fmt.Sprintf(`"?PageToken=%d"`, n)
		}
		return jsonAnswer(200, `{"conversations":[`+strings.Join(items, ",")+`],"meta":{"next_page_url":`+next+`}}`)(req)
	}))
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	before := heap()
	var kept []*client.Conversation
	seen := 0
	for conv, err := range c.Conversations.List(t.Context(), client.ListParams{PageSize: size}) {
		require.NoError(t, err)
		if seen++; seen%size == 1 {
			kept = append(kept, conv)
		}
	}
	held := int64(heap()) - int64(before)
	assert.Less(t, held, int64(pages*20_000), "%d kept of %d", len(kept), seen)
	t.Logf("%d KiB for %d kept of %d", held>>10, len(kept), seen)
	runtime.KeepAlive(kept)
}

func TestInvalidListsAreNotSent(t *testing.T) {
	t.Parallel()
	c := newClient(t, newScript(t))
	now := time.Now()
	for param, params := range map[string]client.ListParams{
		"State":     {State: "open"},
		"StartDate": {StartDate: time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC)},
		"EndDate":   {StartDate: now, EndDate: now.Add(-time.Second)},
		"PageSize":  {PageSize: largestPageSize(t) + 1},
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

// Credentials reach the configured host only, not a host that a response names.
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
