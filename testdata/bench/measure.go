package main

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"time"
)

// peers are the clients that are compared.
type peers struct{ ours, handWritten, twilioGo peer }

// cost is the cost of one unit of work: a conversation of a list, or a call.
type cost struct {
	micros, allocs float64
}

// comparison has the medians of each peer's cost and of the ratios of adjacent measurements.
type comparison struct {
	ours, handWritten, twilioGo cost
	ratio                       cost // this client to hand-written code
}

// compare measures this client and hand-written code in turn, repeatedly, and takes the medians.
//
// Each ratio compares two adjacent measurements, so that other load on the machine affects both.
// Which of the two comes first alternates. twilio-go takes long, and its place does not depend on a
// few percent, so it is measured only after every fifth pair.
func compare(p peers, pairs, units int, work func(peer) error) comparison {
	var ours, handWritten, twilioGo, ratios []cost
	for pair := range pairs + 1 {
		var o, h cost
		if pair%2 == 0 {
			h, o = measure(p.handWritten, units, work), measure(p.ours, units, work)
		} else {
			o, h = measure(p.ours, units, work), measure(p.handWritten, units, work)
		}
		if pair == 0 { // it warms up
			measure(p.twilioGo, units, work)
			continue
		}
		ours, handWritten = append(ours, o), append(handWritten, h)
		ratios = append(ratios, cost{o.micros / h.micros, o.allocs / h.allocs})
		if pair%5 == 0 {
			twilioGo = append(twilioGo, measure(p.twilioGo, units, work))
		}
	}
	return comparison{medians(ours), medians(handWritten), medians(twilioGo), medians(ratios)}
}

func measure(p peer, units int, work func(peer) error) cost {
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	if err := work(p); err != nil {
		check(fmt.Errorf("%s: %w", p.name, err))
	}
	took := time.Since(began)
	runtime.ReadMemStats(&after)
	return cost{
		micros: float64(took.Nanoseconds()) / 1000 / float64(units),
		allocs: float64(after.Mallocs-before.Mallocs) / float64(units),
	}
}

func medians(costs []cost) cost {
	var micros, allocs []float64
	for _, c := range costs {
		micros, allocs = append(micros, c.micros), append(allocs, c.allocs)
	}
	return cost{median(micros), median(allocs)}
}

func median[T cmp.Ordered](values []T) T {
	slices.Sort(values)
	return values[len(values)/2]
}
