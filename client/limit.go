package client

import (
	"context"
	"math"
	"sync"
	"time"
)

// pool is the number of requests that a scan may have in flight: half as many after a 429, and one
// more after each round without one.
type pool struct {
	most int

	mu   sync.Mutex
	now  float64
	cuts int
}

func newPool(most int) *pool { return &pool{most: most, now: float64(most)} }

func (p *pool) size() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return int(p.now)
}

func (p *pool) succeeded() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = min(float64(p.most), p.now+1/p.now)
}

// limited returns a function that a call runs for each 429. The 429s of calls that were in flight
// together count as one.
func (p *pool) limited() func() {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := p.cuts
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if seen == p.cuts {
			p.now = max(1, p.now/2)
			p.cuts++
		}
		seen = p.cuts
	}
}

type rateLimitKey struct{}

// onRateLimit returns a context whose calls report every 429, also one that is followed by a retry.
func onRateLimit(ctx context.Context, report func()) context.Context {
	return context.WithValue(ctx, rateLimitKey{}, report)
}

// reportRateLimit tells a scan or a bulk job of a 429 at once, not when the call returns. It
// reports whether there is such a job. The job then slows down, so that it is worth retrying for
// longer.
func reportRateLimit(ctx context.Context) bool {
	report, ok := ctx.Value(rateLimitKey{}).(func())
	if ok {
		report()
	}
	return ok
}

// pace spreads actions evenly over time.
type pace struct {
	most float64   // maximum number of actions a second
	next time.Time // when the next action may start

	mu  sync.Mutex
	now float64   // actions a second right after the last 429
	cut time.Time // when the last 429 came
}

// wait waits for a worker and then for the next start. In the other order, an action that waited
// for a worker would start close to the next one.
func (p *pace) wait(ctx context.Context, workers chan<- struct{}) error {
	select {
	case workers <- struct{}{}:
	case <-ctx.Done():
		return contextError(ctx)
	}
	p.mu.Lock()
	now, pause := time.Now(), p.cut.Add(time.Second)
	p.mu.Unlock()
	for _, t := range []time.Time{now, pause} { // unused time is lost: using it later would make a burst
		if p.next.Before(t) {
			p.next = t
		}
	}
	begin := time.NewTimer(p.next.Sub(now))
	defer begin.Stop()
	select {
	case <-begin.C:
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next = p.next.Add(time.Duration(min(1.04/p.rate()*float64(time.Second), math.MaxInt64/2)))
	return contextError(ctx)
}

func (p *pace) rate() float64 {
	return min(p.most, p.now+p.most/40*time.Since(p.cut).Seconds())
}

// limited slows down after a 429. Several within a second count as one. The pause lets the calls
// that are being retried succeed before they run out of attempts.
func (p *pace) limited() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.cut) >= time.Second {
		p.now, p.cut = 0.7*p.rate(), time.Now()
	}
}
