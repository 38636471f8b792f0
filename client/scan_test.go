package client_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
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
	latency    time.Duration
	precision  precision
	concurrent int                 // requests at once over which it answers 429, if not zero
	each       func(*http.Request) // called on each request, with the lock held

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
	r := record{at, fmt.Sprintf("CH%032x", rand.Uint64())}
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
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.active--
		s.mu.Unlock()
	}()
	if s.latency > 0 && !full {
		select {
		case <-time.After(s.latency):
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
	}
	return &http.Response{
		StatusCode: status,
		Header:     http.Header{"Content-Type": {"application/json"}},
		Body:       io.NopCloser(strings.NewReader(body)),
		Request:    req,
	}, nil
}

func (s *timeline) page(q url.Values) string {
	after := record{at: math.MaxInt64}
	if token := strings.Split(q.Get("PageToken"), "_"); len(token) == 3 {
		after.at, _ = strconv.ParseInt(token[1], 10, 64)
		after.sid = token[2]
	}
	size, _ := strconv.Atoi(q.Get("PageSize"))
	start, end := int64(math.MinInt64), int64(math.MaxInt64)
	if at, err := time.Parse(time.RFC3339, q.Get("StartDate")); err == nil {
		start = at.UnixMilli()
	}
	if at, err := time.Parse(time.RFC3339, q.Get("EndDate")); err == nil {
		end = at.UnixMilli()
	}
	second := func(ms int64) int64 { return time.UnixMilli(ms).Unix() }
	matches := func(at int64) bool {
		switch s.precision {
		case bySecond:
			return second(at) >= second(start) && second(at) <= second(end)
		case bySecondsAsked:
			return at >= second(start)*1000 && at <= second(end)*1000
		}
		return at >= start && at <= end
	}
	i, found := slices.BinarySearchFunc(s.records, after, newestFirst)
	if found {
		i++
	}
	var b bytes.Buffer
	b.WriteString(`{"conversations":[`)
	n, next, last := 0, "null", record{}
	for ; i < len(s.records); i++ {
		r := s.records[i]
		if !matches(r.at) {
			if second(r.at) < second(start)-1 {
				break
			}
			continue
		}
		if n == size {
			next = fmt.Sprintf(`"https://elsewhere.example/v1/Conversations?PageToken=PT_%d_%s"`, last.at, last.sid)
			break
		}
		if n++; n > 1 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"sid":%q,"state":"active","date_created":%q}`, r.sid, time.UnixMilli(r.at).UTC().Format("2006-01-02T15:04:05Z"))
		last = r
	}
	fmt.Fprintf(&b, `],"meta":{"next_page_url":%s}}`, next)
	return b.String()
}

const (
	day  = 24 * time.Hour
	year = 365 * day
)

// distributions are the ways in which n conversations may be spread over time, as milliseconds before
// now.
var distributions = []struct {
	name string
	skew bool
	at   func(rnd *rand.Rand, i, n int) time.Duration
}{
	{"uniform over a year", false, func(rnd *rand.Rand, i, n int) time.Duration { return rand1(rnd, year) }},
	{"uniform over ten years", false, func(rnd *rand.Rand, i, n int) time.Duration { return rand1(rnd, 10*year) }},
	{"uniform over three hours", false, func(rnd *rand.Rand, i, n int) time.Duration { return rand1(rnd, 3*time.Hour) }},
	{"90 % in 1 % of the time, newest", true, dense(0, 0.01, 0.9, year)},
	{"90 % in 1 % of the time, early", true, dense(0.2, 0.01, 0.9, year)},
	{"90 % in 1 % of the time, middle", true, dense(0.5, 0.01, 0.9, year)},
	{"90 % in 1 % of the time, oldest", true, dense(0.99, 0.01, 0.9, year)},
	{"one day ten years ago", true, dense(1, 1./3650, 1, 10*year)},
	{"one day of ten years, five years ago", true, dense(0.5, 1./3650, 1, 10*year)},
	{"one day of ten years but for 10 %", true, dense(0.5, 1./3650, 0.9, 10*year)},
	{"one day of ten years but for 1 %", true, dense(0.7, 1./3650, 0.99, 10*year)},
	{"one day of ten years but for one", true, func(rnd *rand.Rand, i, n int) time.Duration {
		if i == 0 {
			return 0
		}
		return 5*year + rand1(rnd, day)
	}},
	{"exponential growth", true, func(rnd *rand.Rand, i, n int) time.Duration {
		return time.Duration(rnd.ExpFloat64() * float64(year/2))
	}},
	{"exponential decline", true, func(rnd *rand.Rand, i, n int) time.Duration {
		return max(0, 4*year-time.Duration(rnd.ExpFloat64()*float64(year/2)))
	}},
	{"two clusters", true, func(rnd *rand.Rand, i, n int) time.Duration {
		at := year/2 + time.Duration(rnd.NormFloat64()*float64(5*day))
		if i%2 == 0 {
			at += 3 * year
		}
		return at
	}},
	{"daily cycles", true, func(rnd *rand.Rand, i, n int) time.Duration {
		at := rand1(rnd, 8*time.Hour)
		if i%20 == 0 {
			at = rand1(rnd, day)
		}
		return at + time.Duration(rnd.IntN(60))*day
	}},
	{"many small bursts", true, func(rnd *rand.Rand, i, n int) time.Duration {
		return time.Duration(i%40)*(9*day+time.Duration(i%40*7)*time.Hour) + rand1(rnd, 10*time.Minute)
	}},
	{"far future outlier", true, func(rnd *rand.Rand, i, n int) time.Duration {
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

// measure reads everything with List and with Scan, in virtual time.
func measure(t *testing.T, s *timeline, workers int) (speed, requests float64) {
	c := s.client(t)
	began := time.Now()
	listed := map[string]bool{}
	for conv, err := range c.Conversations.List(t.Context(), client.ListParams{}) {
		require.NoError(t, err)
		listed[conv.SID] = true
	}
	sequential, sequentialRequests := time.Since(began), s.requests
	s.requests = 0
	began = time.Now()
	n := 0
	for conv, err := range c.Conversations.Scan(t.Context(), client.ScanParams{Workers: workers}) {
		require.NoError(t, err)
		require.True(t, listed[conv.SID])
		n++
	}
	require.Equal(t, len(listed), n)
	return sequential.Seconds() / time.Since(began).Seconds(), float64(s.requests) / float64(sequentialRequests)
}

func TestScanSpeed(t *testing.T) {
	const n = 20_000
	for _, d := range distributions {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(3) {
				synctest.Test(t, func(t *testing.T) {
					rnd := rand.New(rand.NewPCG(seed, 1))
					dates := make([]int64, n)
					for i := range dates {
						dates[i] = time.Now().Add(-d.at(rnd, i, n)).UnixMilli()
					}
					s := newTimeline(dates)
					s.latency = 50 * time.Millisecond
					speed, requests := measure(t, s, 8)
					t.Logf("%-40s %5.2f× as fast, %+5.1f %% requests", d.name, speed, 100*(requests-1))
				})
			}
		})
	}
}

var _ = assert.Equal
var _ context.Context
