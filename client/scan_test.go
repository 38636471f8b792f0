package client_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/client"
	"github.com/twilio-conversations-go/conversations/client/conversationstest"
)

// precision is how a server may compare the dates of conversations, which it stores to the
// millisecond, with those of a list.
type precision int

const (
	byMillisecond  precision = iota
	bySecond                 // the seconds of both
	bySecondsAsked           // the milliseconds stored with the seconds asked for
	precisions
)

// record is a conversation of a timeline, created at a Unix time in milliseconds.
type record struct {
	at  int64
	sid string
}

func newestFirst(a, b record) int { return cmp.Or(cmp.Compare(b.at, a.at), cmp.Compare(b.sid, a.sid)) }

// timeline is a server that lists conversations by their dates. It is an http.RoundTripper that takes
// latency for each request.
type timeline struct {
	latency    func() time.Duration
	precision  precision
	maxPage    int                                         // if not zero, pages hold no more
	empty      func() bool                                 // if set, whether to answer with an empty page that others follow
	concurrent int                                         // requests at once over which it answers 429, if not zero
	each       func(*http.Request)                         // if set, called for each request when it is answered, with the lock held
	replace    func(page string) (status int, body string) // if set, changes the answer

	mu       sync.Mutex
	records  []record // newest first
	requests int
	active   int
	refused  int
}

func newTimeline(dates []int64) *timeline {
	s := &timeline{}
	for _, at := range dates {
		s.add(at)
	}
	slices.SortFunc(s.records, newestFirst)
	return s
}

func (s *timeline) add(at int64) record {
	r := record{at, fmt.Sprintf("CH%032x", len(s.records))}
	s.records = append(s.records, r)
	return r
}

func (s *timeline) client(t testing.TB, opts ...client.Option) *client.Client {
	c, err := client.New(client.BasicAuth("AC00000000000000000000000000000000", "secret"),
		append(opts, client.WithHTTPClient(&http.Client{Transport: s}))...)
	require.NoError(t, err)
	return c
}

func (s *timeline) RoundTrip(req *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.requests++
	s.active++
	full := s.concurrent > 0 && s.active > s.concurrent
	var latency time.Duration
	if s.latency != nil && !full {
		// Requests that take equally long are answered in an order that depends on them alone.
		latency = s.latency() + time.Duration(crc32.ChecksumIEEE([]byte(req.URL.RawQuery))%100_000)
	}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.active--
		s.mu.Unlock()
	}()
	if latency > 0 {
		select {
		case <-time.After(latency):
		case <-req.Context().Done():
			return nil, req.Context().Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.each != nil {
		s.each(req)
	}
	status, body := http.StatusOK, ""
	if full {
		s.refused++
		status, body = http.StatusTooManyRequests, `{"code":20429,"status":429}`
	} else {
		body = s.page(req.URL.Query())
		if s.replace != nil {
			status, body = s.replace(body)
		}
	}
	return &http.Response{
		StatusCode: status,
		Header:     http.Header{"Content-Type": {"application/json"}},
		Body:       io.NopCloser(strings.NewReader(body)),
		Request:    req,
	}, nil
}

func (s *timeline) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

func (s *timeline) page(q url.Values) string {
	after := record{at: math.MaxInt64}
	if token := strings.Split(q.Get("PageToken"), "_"); len(token) == 3 {
		after.at, _ = strconv.ParseInt(token[1], 10, 64)
		after.sid = token[2]
	}
	size, _ := strconv.Atoi(q.Get("PageSize"))
	start, end := int64(math.MinInt64/2), int64(math.MaxInt64/2)
	if at, err := time.Parse(time.RFC3339, q.Get("StartDate")); err == nil {
		start = at.UnixMilli()
	}
	if at, err := time.Parse(time.RFC3339, q.Get("EndDate")); err == nil {
		end = at.UnixMilli()
	}
	i, found := slices.BinarySearchFunc(s.records, after, newestFirst)
	if found {
		i++
	}
	if end < math.MaxInt64/2 { // those before it are newer, whatever the precision
		at, _ := slices.BinarySearchFunc(s.records, record{at: end + 1000}, newestFirst)
		i = max(i, at)
	}
	var b bytes.Buffer
	b.WriteString(`{"conversations":[`)
	n, next, last := 0, "null", after
	if s.maxPage > 0 {
		size = min(size, s.maxPage)
	}
	if s.empty != nil && s.empty() && !strings.HasPrefix(q.Get("PageToken"), "PTempty") {
		next = fmt.Sprintf(`"/v1/Conversations?PageToken=PTempty_%d_%s"`, after.at, after.sid)
		i = len(s.records)
	}
	for ; i < len(s.records); i++ {
		r := s.records[i]
		if r.at < start-1000 {
			break
		}
		if !s.matches(r.at, start, end) {
			continue
		}
		if n == size {
			next = fmt.Sprintf(`"https://elsewhere.example/v1/Conversations?PageToken=PT_%d_%s"`, last.at, last.sid)
			break
		}
		if n++; n > 1 {
			b.WriteByte(',')
		}
		b.WriteString(`{"sid":"` + r.sid + `","date_created":"`)
		b.Write(time.UnixMilli(r.at).UTC().AppendFormat(b.AvailableBuffer(), "2006-01-02T15:04:05Z"))
		b.WriteString(`"}`)
		last = r
	}
	fmt.Fprintf(&b, `],"meta":{"next_page_url":%s}}`, next)
	return b.String()
}

func (s *timeline) matches(at, start, end int64) bool {
	second := func(ms int64) int64 { return time.UnixMilli(ms).Unix() }
	switch s.precision {
	case bySecond:
		return second(at) >= second(start) && second(at) <= second(end)
	case bySecondsAsked:
		return at >= second(start)*1000 && at <= second(end)*1000
	}
	return at >= start && at <= end
}

const (
	day  = 24 * time.Hour
	year = 365 * day
)

// seeds is how many times TestScanSpeed tries each distribution, and cases how many scans
// TestScanYieldsEachExactlyOnce makes.
const seeds, cases = 1, 300

// distributions are the ways in which n conversations may be spread over time, as milliseconds before
// now.
var distributions = []struct {
	name        string
	speed, more float64 // what a scan has to keep to: times as fast, and percent more requests
	at          func(rnd *rand.Rand, i, n int) time.Duration
}{
	{"uniform over a year", 6.5, 15, func(rnd *rand.Rand, i, n int) time.Duration { return rand1(rnd, year) }},
	{"uniform over ten years", 6.5, 15, func(rnd *rand.Rand, i, n int) time.Duration { return rand1(rnd, 10*year) }},
	{"uniform over three hours", 6.5, 15, func(rnd *rand.Rand, i, n int) time.Duration { return rand1(rnd, 3*time.Hour) }},
	{"90 % in 1 % of the time, newest", 6, 20, dense(0, 0.01, 0.9, year)},
	{"90 % in 1 % of the time, early", 6, 20, dense(0.2, 0.01, 0.9, year)},
	{"90 % in 1 % of the time, middle", 6, 20, dense(0.5, 0.01, 0.9, year)},
	{"90 % in 1 % of the time, oldest", 6, 20, dense(0.99, 0.01, 0.9, year)},
	{"one day ten years ago", 6, 20, dense(1, 1./3650, 1, 10*year)},
	{"one day of ten years, five years ago", 6, 20, dense(0.5, 1./3650, 1, 10*year)},
	{"one day of ten years but for 10 %", 6, 20, dense(0.5, 1./3650, 0.9, 10*year)},
	{"one day of ten years but for 1 %", 6, 20, dense(0.7, 1./3650, 0.99, 10*year)},
	{"one day of ten years but for one", 6, 20, func(rnd *rand.Rand, i, n int) time.Duration {
		if i == 0 {
			return 0
		}
		return 5*year + rand1(rnd, day)
	}},
	{"exponential growth", 6, 20, func(rnd *rand.Rand, i, n int) time.Duration {
		return time.Duration(rnd.ExpFloat64() * float64(year/2))
	}},
	{"exponential decline", 6, 20, func(rnd *rand.Rand, i, n int) time.Duration {
		return max(0, 4*year-time.Duration(rnd.ExpFloat64()*float64(year/2)))
	}},
	{"two clusters", 6, 20, func(rnd *rand.Rand, i, n int) time.Duration {
		at := year/2 + time.Duration(rnd.NormFloat64()*float64(5*day))
		if i%2 == 0 {
			at += 3 * year
		}
		return at
	}},
	{"daily cycles", 6, 20, func(rnd *rand.Rand, i, n int) time.Duration {
		at := rand1(rnd, 8*time.Hour)
		if i%20 == 0 {
			at = rand1(rnd, day)
		}
		return at + time.Duration(rnd.IntN(60))*day
	}},
	{"random clusters", 6, 20, clusters(12, 100)},
	{"office hours", 6, 20, func(rnd *rand.Rand, i, n int) time.Duration {
		return time.Duration(rnd.IntN(52)*7+rnd.IntN(5))*day + 8*time.Hour + rand1(rnd, 10*time.Hour)
	}},
	{"ever rarer", 6, 20, func(rnd *rand.Rand, i, n int) time.Duration {
		return time.Duration(min(float64(50*year), float64(time.Minute)*math.Pow(rnd.Float64(), -2)))
	}},
	// Bursts of a few pages, far apart, are the hard case: to divide the time is to come upon nothing.
	{"many small bursts", 5.2, 45, func(rnd *rand.Rand, i, n int) time.Duration {
		return time.Duration(i%40)*(9*day+time.Duration(i%40*7)*time.Hour) + rand1(rnd, 10*time.Minute)
	}},
	{"clusters of any width", 5, 50, clusters(30, 1e6)},
	{"far future outlier", 6, 20, func(rnd *rand.Rand, i, n int) time.Duration {
		if i == 0 {
			return -70 * year
		}
		return rand1(rnd, year)
	}},
}

func rand1(rnd *rand.Rand, d time.Duration) time.Duration { return time.Duration(rnd.Int64N(int64(d))) }

func dense(from, width, share float64, total time.Duration) func(rnd *rand.Rand, i, n int) time.Duration {
	return func(rnd *rand.Rand, i, n int) time.Duration {
		if rnd.Float64() < share {
			return time.Duration((from + width*rnd.Float64()) * float64(total))
		}
		return rand1(rnd, total)
	}
}

// clusters are some periods of different sizes and widths, the narrowest of 100 days divided by widths.
func clusters(count int, widths float64) func(rnd *rand.Rand, i, n int) time.Duration {
	return func(rnd *rand.Rand, i, n int) time.Duration {
		k := int(math.Sqrt(rnd.Float64()) * float64(count))
		own := rand.New(rand.NewPCG(uint64(k), uint64(count)))
		center, width := rand1(own, 10*year), float64(100*day)/math.Pow(widths, own.Float64())
		return 10*day + center + time.Duration(rnd.Float64()*width)
	}
}

func fixed(d time.Duration) func() time.Duration { return func() time.Duration { return d } }

// generate returns the dates of n conversations.
func generate(seed uint64, n int, at func(rnd *rand.Rand, i, n int) time.Duration) []int64 {
	rnd := rand.New(rand.NewPCG(seed, 1))
	dates := make([]int64, n)
	for i := range dates {
		dates[i] = time.Now().Add(-at(rnd, i, n)).UnixMilli()
	}
	return dates
}

// A scan with 8 workers is at least 6.5 times as fast as a list on uniform dates, with at most 15 % more
// requests; on others 6 times, with 20 %.
func TestScanSpeed(t *testing.T) {
	t.Parallel()
	const n, latency = 20_000, 50 * time.Millisecond
	for _, d := range distributions {
		for seed := range uint64(seeds) {
			t.Run(fmt.Sprintf("%s/%d", d.name, seed), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					server := newTimeline(generate(seed, n, d.at))
					server.latency = fixed(latency)
					began := time.Now()
					seen := map[string]bool{}
					for conv, err := range server.client(t).Conversations.Scan(t.Context(), client.ScanParams{}) {
						require.NoError(t, err)
						seen[conv.SID] = true
					}
					require.Len(t, seen, n)
					// TestListIsSequential: a list takes a request and its latency for each page.
					const pages = n / 100
					speed := float64(pages*latency) / float64(time.Since(began))
					more := 100 * float64(server.requests-pages) / pages
					t.Logf("%-40s %5.2f times as fast, %+5.1f %% requests", d.name, speed, more)
					assert.GreaterOrEqual(t, speed, d.speed)
					assert.LessOrEqual(t, more, d.more)
				})
			})
		}
	}
}

// What TestScanSpeed compares with.
func TestListIsSequential(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newTimeline(generate(1, 2000, distributions[0].at))
		server.latency = fixed(time.Second)
		began := time.Now()
		for _, err := range server.client(t).Conversations.List(t.Context(), client.ListParams{}) {
			require.NoError(t, err)
		}
		assert.Equal(t, 20, server.requests)
		assert.Equal(t, 20*time.Second, time.Since(began).Truncate(time.Second))
	})
}

// Whatever is there throughout is yielded exactly once, however dates are spread, whatever happens
// meanwhile, and however the server compares dates.
func TestScanYieldsEachExactlyOnce(t *testing.T) {
	t.Parallel()
	for group := range uint64(4) {
		t.Run(fmt.Sprint(group), func(t *testing.T) {
			t.Parallel()
			for seed := group * cases / 4; seed < (group+1)*cases/4; seed++ {
				synctest.Test(t, func(t *testing.T) { scanRandomly(t, seed) })
				if t.Failed() {
					t.Fatalf("seed %d", seed)
				}
			}
		})
	}
}

func scanRandomly(t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 2))
	milliseconds := func(d time.Duration) time.Duration { return d.Truncate(time.Millisecond) }
	anyDate := func() time.Duration {
		span := time.Duration(1) << (30 + rnd.IntN(29)) // one second to 18 years
		at := rand1(rnd, span)
		switch rnd.IntN(4) {
		case 0:
			at = at.Truncate(time.Minute) // many at once
		case 1:
			at = at.Truncate(time.Second) - time.Duration(rnd.IntN(2))*time.Millisecond // next to a second's end
		}
		return milliseconds(at - span/10)
	}
	at := func(*rand.Rand, int, int) time.Duration { return anyDate() }
	switch rnd.IntN(5) {
	case 0:
		center := anyDate()
		at = func(*rand.Rand, int, int) time.Duration {
			return center + time.Duration(rnd.IntN(3000))*time.Millisecond
		}
	case 1:
		at = distributions[rnd.IntN(len(distributions))].at
	}
	server := newTimeline(generate(seed, rnd.IntN(400), at))
	server.precision = precision(rnd.IntN(int(precisions)))
	server.latency = func() time.Duration { return time.Duration(rnd.IntN(100)) * time.Millisecond }
	if rnd.IntN(3) == 0 {
		server.maxPage = 1 + rnd.IntN(10)
	}
	if rnd.IntN(4) == 0 {
		server.empty = func() bool { return rnd.IntN(3) == 0 }
	}

	params := client.ScanParams{PageSize: 1 + rnd.IntN(20), Workers: 1 + rnd.IntN(16)}
	start, end := int64(math.MinInt64/2), int64(math.MaxInt64/2)
	if rnd.IntN(3) == 0 {
		params.StartDate = time.Now().Add(-anyDate())
		start = params.StartDate.UnixMilli()
	}
	if rnd.IntN(3) == 0 {
		params.EndDate = time.Now().Add(-anyDate())
		if params.EndDate.Before(params.StartDate) {
			params.EndDate = params.StartDate.Add(time.Duration(rnd.IntN(5000)) * time.Millisecond)
		}
		end = params.EndDate.UnixMilli()
	}

	expected, allowed := map[string]bool{}, map[string]bool{}
	for _, r := range server.records {
		if server.matches(r.at, start, end) {
			expected[r.sid], allowed[r.sid] = true, true
		}
	}
	changes := rnd.IntN(3) // of ten requests
	created := 0
	server.each = func(*http.Request) {
		if rnd.IntN(10) >= changes {
			return
		}
		if n := len(server.records); n > 0 && rnd.IntN(2) == 0 {
			i := rnd.IntN(n)
			delete(expected, server.records[i].sid)
			server.records = slices.Delete(server.records, i, i+1)
			return
		}
		created++
		r := record{time.Now().Add(-at(rnd, 0, 1)).UnixMilli(), fmt.Sprintf("CH%032x", 1<<32+created)}
		if server.matches(r.at, start, end) {
			allowed[r.sid] = true
		}
		i, _ := slices.BinarySearchFunc(server.records, r, newestFirst)
		server.records = slices.Insert(server.records, i, r)
	}

	seen := map[string]bool{}
	pauses := rand.New(rand.NewPCG(seed, 3))
	pause := pauses.IntN(2)
	for conv, err := range server.client(t).Conversations.Scan(t.Context(), params) {
		require.NoError(t, err)
		require.False(t, seen[conv.SID], "yielded twice")
		seen[conv.SID] = true
		time.Sleep(time.Duration(pause*pauses.IntN(10)) * time.Millisecond)
	}
	for sid := range expected {
		require.True(t, seen[sid], "missed")
	}
	for sid := range seen {
		require.True(t, allowed[sid], "not asked for")
	}
}

// Little is not divided in vain.
func TestScanOfFew(t *testing.T) {
	t.Parallel()
	for _, few := range []struct {
		name        string
		n, requests int
		at          func(rnd *rand.Rand, i, n int) time.Duration
	}{
		{"none", 0, 1, nil},
		{"one", 1, 1, distributions[0].at},
		{"a page", 100, 1, distributions[0].at},
		{"two pages", 200, 9, distributions[0].at},
		{"one second", 2000, 36, func(*rand.Rand, int, int) time.Duration { return time.Hour }},
		{"before any guess", 500, 5, func(rnd *rand.Rand, _, _ int) time.Duration { return 100*year + rand1(rnd, day) }},
		{"at the epoch", 500, 5, func(rnd *rand.Rand, _, _ int) time.Duration { return time.Duration(time.Now().UnixNano()) }},
	} {
		t.Run(few.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := newTimeline(generate(1, few.n, few.at))
				n := 0
				for _, err := range server.client(t).Conversations.Scan(t.Context(), client.ScanParams{}) {
					require.NoError(t, err)
					n++
				}
				assert.Equal(t, few.n, n)
				assert.LessOrEqual(t, server.requests, few.requests)
			})
		})
	}
}

// More workers than there are pages do not search for more of them.
func TestScanOfFewPagesByManyWorkers(t *testing.T) {
	t.Parallel()
	const pages = 60
	for _, d := range distributions {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := newTimeline(generate(1, 100*pages, d.at))
				server.latency = fixed(50 * time.Millisecond)
				n, most := 0, 0
				server.each = func(*http.Request) { most = max(most, server.active) }
				for _, err := range server.client(t).Conversations.Scan(t.Context(), client.ScanParams{Workers: 64}) {
					require.NoError(t, err)
					n++
				}
				assert.Equal(t, 100*pages, n)
				assert.LessOrEqual(t, server.requests, pages+pages*6/10)
				assert.LessOrEqual(t, most, 64)
				t.Logf("%s: %d requests, %d in flight", d.name, server.requests, most)
			})
		})
	}
}

// Where the server answers only one request at a time, a scan makes do with that, and goes back to all its
// workers when it can.
func TestScanReducesItsWorkersAfter429(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const n, permitted = 30_000, 1
		server := newTimeline(generate(1, n, distributions[0].at))
		server.latency, server.concurrent = fixed(50*time.Millisecond), permitted
		var mostAfter int
		var refused int
		server.each = func(*http.Request) {
			if server.requests > 200 && server.concurrent > 0 {
				refused, server.concurrent = server.refused, 0
			} else if server.concurrent == 0 {
				mostAfter = max(mostAfter, server.active)
			}
		}
		got := 0
		for _, err := range server.client(t).Conversations.Scan(t.Context(), client.ScanParams{}) {
			require.NoError(t, err)
			got++
		}
		assert.Equal(t, n, got)
		assert.Positive(t, refused)
		assert.Less(t, refused, 70, "of 200 requests")
		assert.GreaterOrEqual(t, mostAfter, 6)
	})
}

// A request of a scan is retried like any other: only a bulk job's changes get twice as many attempts.
func TestScanFailsWhereNothingIsPermitted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newTimeline(nil)
		server.replace = func(string) (int, string) { return http.StatusTooManyRequests, `{"code":20429}` }
		var failures []error
		for _, err := range server.client(t).Conversations.Scan(t.Context(), client.ScanParams{}) {
			failures = append(failures, err)
		}
		require.Len(t, failures, 1)
		assert.ErrorIs(t, failures[0], client.ErrRateLimited)
		assert.Equal(t, 4, apiError(t, failures[0]).Attempts)
		assert.Equal(t, 4, server.requests)
	})
}

func TestScanEndsWithItsFirstFailure(t *testing.T) {
	t.Parallel()
	sid := fmt.Sprintf("CH%032x", 1)
	for name, row := range map[string]struct {
		replace func(page string) (status int, body string)
		check   func(t *testing.T, e *client.Error)
	}{
		"status": {
			func(string) (int, string) { return http.StatusForbidden, `{"code":20403}` },
			func(t *testing.T, e *client.Error) { assert.ErrorIs(t, e, client.ErrForbidden) },
		},
		"order": {
			func(string) (int, string) {
				return http.StatusOK, `{"conversations":[{"sid":"` + sid + `","date_created":"2999-01-01T00:00:00Z"}],"meta":{"next_page_url":null}}`
			},
			func(t *testing.T, e *client.Error) { assert.ErrorContains(t, e, "newest first") },
		},
		"circle": {
			func(page string) (int, string) {
				return http.StatusOK, `{"conversations":[],"meta":{"next_page_url":"/v1/Conversations?PageToken=` + string('a'+rune(len(page)%3)) + `"}}`
			},
			func(t *testing.T, e *client.Error) { assert.ErrorContains(t, e, "returned before") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { // which fails if a goroutine is left
				server := newTimeline(generate(1, 5000, distributions[0].at))
				server.latency = fixed(50 * time.Millisecond)
				turn := 0
				server.replace = func(page string) (int, string) {
					if server.requests <= 20 {
						return http.StatusOK, page
					}
					turn++
					return row.replace(page[:turn%3])
				}
				var failures []error
				var last client.ScanProgress
				var response client.Response
				params := client.ScanParams{Progress: func(p client.ScanProgress) { last = p }}
				for conv, err := range server.client(t).Conversations.Scan(t.Context(), params, client.WithResponse(&response)) {
					if err != nil {
						assert.Nil(t, conv)
						failures = append(failures, err)
					}
				}
				require.Len(t, failures, 1)
				e := apiError(t, failures[0])
				row.check(t, e)
				assert.Equal(t, "listConversation", e.Operation)
				assert.Equal(t, 1, e.Attempts)
				assert.Equal(t, response.StatusCode, e.Status)
				assert.Empty(t, e.Cursor)
				assert.Positive(t, last.Windows)
			})
		})
	}
}

func TestScanCanBeLeft(t *testing.T) {
	t.Parallel()
	stop := errors.New("stop")
	for _, after := range []int{1, 100, 150, 1000} {
		t.Run(fmt.Sprint(after), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { // which fails if a goroutine is left
				server := newTimeline(generate(1, 5000, distributions[0].at))
				server.latency = fixed(50 * time.Millisecond)
				n := 0
				var left time.Time
				for _, err := range server.client(t).Conversations.Scan(t.Context(), client.ScanParams{}) {
					require.NoError(t, err)
					if n++; n == after {
						left = time.Now()
						break
					}
				}
				assert.Zero(t, time.Since(left), "what is in flight is not waited for")
				assert.Zero(t, server.active)

				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				n = 0
				var failures []error
				for _, err := range server.client(t).Conversations.Scan(ctx, client.ScanParams{}) {
					if n++; n == after {
						cancel(stop)
					}
					if err != nil {
						failures = append(failures, err)
					}
				}
				require.Len(t, failures, 1)
				assert.ErrorIs(t, failures[0], context.Canceled)
				assert.ErrorIs(t, failures[0], stop)
				assert.Zero(t, server.active)
			})
		})
	}
}

// While the caller works on a page, each worker reads one more, and then waits.
func TestScanHoldsAPageForEachWorker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newTimeline(generate(1, 5000, distributions[0].at))
		server.latency = fixed(50 * time.Millisecond)
		pages, n := 0, 0 // that the caller is done with
		params := client.ScanParams{Workers: 5, Progress: func(client.ScanProgress) { pages++ }}
		for _, err := range server.client(t).Conversations.Scan(t.Context(), params) {
			require.NoError(t, err)
			if n++; n%50 == 0 {
				time.Sleep(time.Hour)
				assert.LessOrEqual(t, server.count()-pages, 1+5)
			}
		}
		assert.Equal(t, 5000, n)
	})
}

func TestScanProgress(t *testing.T) {
	t.Parallel()
	server := newTimeline(generate(1, 2000, distributions[1].at))
	var last client.ScanProgress
	n, calls := 0, 0
	for _, err := range server.client(t).Conversations.Scan(t.Context(), client.ScanParams{Progress: func(p client.ScanProgress) {
		calls++
		assert.Equal(t, n, p.Done)
		assert.LessOrEqual(t, p.Windows, 8)
		assert.Greater(t, p.Requests+1, last.Requests)
		last = p
	}}) {
		require.NoError(t, err)
		n++
	}
	assert.Equal(t, client.ScanProgress{Done: 2000, Requests: server.requests}, last)
	assert.Equal(t, server.requests, calls, "once after each page")
}

// Twilio promises an order only where there is a date: a scan without one sends a date that leaves nothing out.
func TestScanSendsADate(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for want, params := range map[string]client.ScanParams{
		"EndDate=9999-12-31T23%3A59%3A59.999Z&PageSize=100":                                {},
		"PageSize=100&StartDate=2026-01-01T00%3A00%3A00Z":                                  {StartDate: start},
		"EndDate=2026-01-01T00%3A00%3A00Z&PageSize=100":                                    {EndDate: start},
		"EndDate=2026-01-01T00%3A00%3A00Z&PageSize=100&StartDate=2026-01-01T00%3A00%3A00Z": {StartDate: start, EndDate: start},
	} {
		server := newScript(t, page(""))
		for _, err := range newClient(t, server).Conversations.Scan(t.Context(), params) {
			require.NoError(t, err)
		}
		server.done()
		assert.Equal(t, want, server.requests[0].URL.Query().Encode())
	}
}

func TestScanRefusesWhatCannotBe(t *testing.T) {
	t.Parallel()
	server := newTimeline(nil)
	for _, params := range []client.ScanParams{{Workers: -1}, {Workers: 65}, {PageSize: -1}, {State: "odd"}, {StartDate: time.Unix(1, 0), EndDate: time.Unix(0, 0)}} {
		failures := 0
		for _, err := range server.client(t).Conversations.Scan(t.Context(), params) {
			paramError(t, err)
			failures++
		}
		assert.Equal(t, 1, failures, "%+v", params)
	}
	assert.Zero(t, server.requests)
}

// The emulator, which was made from the description of the API, agrees.
func TestScanOfTheEmulator(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const n = 3000
		service := "IS" + strings.Repeat("1", 32)
		server := conversationstest.Start(t, conversationstest.InMemory(), conversationstest.WithLatency(50*time.Millisecond))
		seed := make([]conversationstest.Conversation, n)
		expected := map[string]bool{}
		for i, at := range generate(1, n, distributions[0].at) {
			seed[i] = conversationstest.Conversation{ServiceSID: service, DateCreated: time.UnixMilli(at)}
			if i%10 == 0 {
				seed[i].State = "closed"
			}
		}
		sids, err := server.Seed(seed...)
		require.NoError(t, err)
		for i, sid := range sids {
			expected[sid] = i%10 == 0
		}
		got := 0
		for conv, err := range server.Client().Service(service).Conversations.Scan(t.Context(), client.ScanParams{State: client.StateClosed, PageSize: 7}) {
			require.NoError(t, err)
			require.True(t, expected[conv.SID])
			expected[conv.SID] = false
			got++
		}
		assert.Equal(t, n/10, got)
	})
}

// An answer without dates cannot be divided by them.
func TestScanWantsDates(t *testing.T) {
	t.Parallel()
	item := func(date string) string { return conversation("date_created", date) }
	body := `{"conversations":[` + item(`"2024-01-05T00:00:00Z"`) + "," + item("null") + `],"meta":{}}`
	var err error
	for _, err = range newClient(t, newScript(t, jsonAnswer(200, body))).Conversations.Scan(t.Context(), client.ScanParams{StartDate: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)}) {
	}
	assert.ErrorContains(t, err, "dates")
}
