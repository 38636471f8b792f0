package conversationstest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const million = 1_000_000

// seedMillion seeds an emulator with a million conversations a minute apart, one in a hundred of
// them closed. It returns the memory that each takes.
func seedMillion(tb testing.TB, e *Emulator) (bytesEach float64) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	const batch = 10_000
	for i := 0; i < million; i += batch {
		conversations := make([]Conversation, batch)
		for j := range conversations {
			c := &conversations[j]
			c.UniqueName = fmt.Sprintf("order-%d", i+j)
			c.DateCreated = start.Add(time.Duration(i+j) * time.Minute)
			if (i+j)%100 == 0 {
				c.State = "closed"
			}
		}
		_, err := e.Seed(conversations...)
		require.NoError(tb, err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	return float64(after.HeapAlloc-before.HeapAlloc) / million
}

var seededMillion = sync.OnceValue(func() *Emulator {
	e, err := New(WithRequestLog(0))
	if err != nil {
		panic(err)
	}
	seedMillion(nil, e)
	return e
})

func BenchmarkSeedMillion(b *testing.B) {
	for b.Loop() {
		e, err := New()
		require.NoError(b, err)
		b.ReportMetric(seedMillion(b, e), "B/conversation")
		runtime.KeepAlive(e)
	}
}

// BenchmarkPage measures the server's time for a page of 100 out of a million, without the
// connection.
func BenchmarkPage(b *testing.B) {
	e := seededMillion()
	const middle = "2024-12-01T00:00:00.000Z_CHffffffffffffffffffffffffffffffff"
	for name, query := range map[string]string{
		"first":              "",
		"middle":             "&Page=5000&PageToken=PTactive_" + middle,
		"rare state, middle": "&State=closed&Page=50&PageToken=PTclosed_" + middle,
		"dates":              "&StartDate=2024-06-01&EndDate=2024-12-01",
		"dates and state":    "&StartDate=2024-02-01&EndDate=2024-12-01&State=closed",
	} {
		b.Run(name, func(b *testing.B) {
			req := httptest.NewRequest(http.MethodGet, "/v1/Conversations?PageSize=100"+query, nil)
			req.SetBasicAuth(DefaultAccountSID, DefaultAuthToken)
			for b.Loop() {
				rec := httptest.NewRecorder()
				e.ServeHTTP(rec, req)
				if rec.Code != http.StatusOK || rec.Body.Len() < 50_000 {
					b.Fatal(rec.Code, rec.Body.Len())
				}
			}
		})
	}
}

// BenchmarkLife stores, fetches and deletes one conversation among a million.
func BenchmarkLife(b *testing.B) {
	e := seededMillion()
	do := func(method, sid string, status int) {
		req := httptest.NewRequest(method, "/v1/Conversations/"+sid, nil)
		req.SetBasicAuth(DefaultAccountSID, DefaultAuthToken)
		rec := httptest.NewRecorder()
		e.ServeHTTP(rec, req)
		if rec.Code != status {
			b.Fatal(rec.Code, rec.Body)
		}
	}
	for b.Loop() {
		sids, err := e.Seed(Conversation{})
		require.NoError(b, err)
		do(http.MethodGet, sids[0], http.StatusOK)
		do(http.MethodDelete, sids[0], http.StatusNoContent)
	}
}
