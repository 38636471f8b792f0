package main

import (
	"fmt"
	"runtime"
	"slices"
	"time"
)

// sample is the median cost of one unit of work: a conversation of a list, or a call.
type sample struct {
	time   time.Duration
	allocs float64
}

// compare measures work of each peer in turn, again and again, so that whatever else the machine does
// meanwhile hits all of them; and takes the medians. The first round warms up and is not counted.
func compare(peers []peer, rounds, units int, work func(peer) error) []sample {
	times := make([][]time.Duration, len(peers))
	allocs := make([][]float64, len(peers))
	for round := range rounds + 1 {
		for i := range peers {
			p := (i + round) % len(peers) // none is always the one after the heaviest
			runtime.GC()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			began := time.Now()
			if err := work(peers[p]); err != nil {
				check(fmt.Errorf("%s: %w", peers[p].name, err))
			}
			took := time.Since(began)
			runtime.ReadMemStats(&after)
			if round > 0 {
				times[p] = append(times[p], took/time.Duration(units))
				allocs[p] = append(allocs[p], float64(after.Mallocs-before.Mallocs)/float64(units))
			}
		}
	}
	samples := make([]sample, len(peers))
	for p := range peers {
		samples[p] = sample{time: median(times[p]), allocs: median(allocs[p])}
	}
	return samples
}

func median[T time.Duration | float64](values []T) T {
	slices.Sort(values)
	return values[len(values)/2]
}

func micros(samples []sample) (v []float64) {
	for _, s := range samples {
		v = append(v, float64(s.time.Nanoseconds())/1000)
	}
	return v
}

func allocs(samples []sample) (v []float64) {
	for _, s := range samples {
		v = append(v, s.allocs)
	}
	return v
}
