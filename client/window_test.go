package client

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// secondsPage is what a server returns for the next page of a window: of the given seconds, newest
// first, those within the dates that the window asks for.
func secondsPage(w *window, seconds []int64, size int) *Page {
	from, _ := strconv.Atoi(w.cursor.token())
	page := &Page{}
	for i := from; i < len(seconds); i++ {
		if at := seconds[i]; at < w.from || at > w.until {
			continue
		}
		if len(page.Items) == size {
			page.Next = Cursor(fmt.Sprintf(":%d", i))
			break
		}
		page.Items = append(page.Items, &Conversation{SID: strconv.Itoa(i), DateCreated: time.Unix(seconds[i], 0)})
	}
	return page
}

// randomSeconds returns seconds, newest first, that are spread in one of several ways.
func randomSeconds(rnd *rand.Rand) []int64 {
	seconds := make([]int64, rnd.IntN(500))
	width := int64(1) << rnd.IntN(36)
	bursts := 1 + rnd.Int64N(20)
	for i := range seconds {
		at := rnd.Int64N(width)
		switch width % 3 {
		case 0:
			at = at % bursts * (width/bursts + 1)
		case 1:
			at = int64(float64(at) * rnd.Float64() * rnd.Float64())
		}
		seconds[i] = 1_700_000_000 - at
	}
	slices.SortFunc(seconds, func(a, b int64) int { return int(max(-1, min(1, b-a))) })
	return seconds
}

// Whatever is split, and in whatever order pages arrive, each conversation is taken exactly once,
// no two windows own a second, and none that is left has no owner.
func TestWindowsTakeEachExactlyOnce(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		seconds := randomSeconds(rnd)
		size, workers := 1+rnd.IntN(30), 1+rnd.IntN(64)
		oldest := int64(noOldest)
		if rnd.IntN(3) == 0 && len(seconds) > 0 {
			oldest = seconds[rnd.IntN(len(seconds))]
		}
		s := newWindows(oldest)
		var reading []*window
		taken := map[string]int{}
		requests := 0
		for len(s.open) > 0 {
			for len(reading) < workers {
				w := s.next()
				if w == nil {
					break
				}
				require.False(t, w.reading)
				w.reading = true
				reading = append(reading, w)
			}
			checkOwners(t, s)
			i := rnd.IntN(len(reading))
			w := reading[i]
			reading = slices.Delete(reading, i, i+1)
			w.reading = false
			if rnd.IntN(10) == 0 {
				continue // the request failed, so another one has to be made
			}
			requests++
			items, err := s.take(w, secondsPage(w, seconds, size))
			require.NoError(t, err)
			for _, conv := range items {
				taken[conv.SID]++
			}
		}
		require.Empty(t, reading)
		expected := 0
		for i, at := range seconds {
			if at >= oldest {
				expected++
				require.Equal(t, 1, taken[strconv.Itoa(i)], "seed %d", seed)
			}
		}
		require.Len(t, taken, expected, "seed %d", seed)
		require.LessOrEqual(t, s.splits-s.paid, freeSplits+s.full/pagesPerSplit+1)
		require.LessOrEqual(t, requests, s.full+s.splits+1, "a window ends once")
	}
}

// checkOwners checks that the seconds that windows own, and ask for, do not overlap but by the
// second at the edge.
func checkOwners(t *testing.T, s *windows) {
	sorted := slices.SortedFunc(slices.Values(s.open), func(a, b *window) int { return int(max(-1, min(1, b.newest-a.newest))) })
	for i, w := range sorted {
		require.LessOrEqual(t, w.oldest, w.newest)
		require.LessOrEqual(t, w.from, w.oldest, "it asks for all that it owns")
		require.GreaterOrEqual(t, w.until, w.newest)
		if i > 0 {
			require.Greater(t, sorted[i-1].oldest, w.newest)
		}
	}
}

// A split leaves the second reached so far to the window, since more conversations may follow in
// it.
func TestSplit(t *testing.T) {
	t.Parallel()
	for seed := range uint64(10_000) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		w := &window{oldest: rnd.Int64N(1 << rnd.IntN(40)), newest: 1 << 41}
		w.last = w.oldest + 2 + rnd.Int64N(1<<rnd.IntN(40))
		w.span = rnd.ExpFloat64() * float64(int64(1)<<rnd.IntN(30))
		seen := rnd.Int64N(1 << rnd.IntN(30))
		w.since, w.known = w.last+seen, max(w.span, rnd.Float64()*float64(seen))
		if w.pagesLeft() < worthSplitting {
			continue
		}
		oldest, last := w.oldest, w.last
		older := w.split()
		require.Equal(t, oldest, older.oldest, "seed %d", seed)
		require.Equal(t, w.oldest-1, older.newest, "seed %d", seed)
		require.GreaterOrEqual(t, older.newest, older.oldest, "seed %d", seed)
		require.Less(t, older.newest, last-1, "seed %d", seed)
		require.Equal(t, last, w.last)
	}
}

func TestPagesLeft(t *testing.T) {
	t.Parallel()
	const now, page = 1_700_000_000, 1000
	window := func(left int64) *window {
		return &window{oldest: now - left, last: now, density: density{span: page, since: now + page, known: page}}
	}
	assert.Zero(t, (&windows{open: newWindows(noOldest).open}).open[0].pagesLeft(), "nothing is known before the first page")
	assert.Zero(t, window(1).pagesLeft(), "one second is not divided")
	assert.Positive(t, window(2).pagesLeft())
	assert.InDelta(t, 0.69, window(page).pagesLeft(), 0.01, "as much again as was seen")
	assert.InDelta(t, 14.3, window(now+1_000_000).pagesLeft(), 0.1, "all the time there is")
	deep := window(20 * page)
	deep.known, deep.since = 1000*page, now+1000*page
	assert.InDelta(t, 20, deep.pagesLeft(), 0.5, "deep in a dense period nearly all that fits")
}

func TestTakeOutOfOrderIsAnError(t *testing.T) {
	t.Parallel()
	at := func(seconds ...int64) *Page {
		page := &Page{Next: ":A"}
		for _, s := range seconds {
			page.Items = append(page.Items, &Conversation{DateCreated: time.Unix(s, 0)})
		}
		return page
	}
	s := newWindows(noOldest)
	_, err := s.take(s.open[0], at(50, 51))
	assert.ErrorIs(t, err, errScanOrder)
	_, err = s.take(s.open[0], &Page{Items: []*Conversation{{}}})
	assert.ErrorIs(t, err, errScanOrder, "no date")
	s = newWindows(noOldest)
	_, err = s.take(s.open[0], at(50, 50))
	require.NoError(t, err)
	_, err = s.take(s.open[0], at(40))
	assert.ErrorIs(t, err, errPageRepeated)
}
