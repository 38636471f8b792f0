package conversationstest

import (
	"context"
	"sync"
)

// maxQueued is how many deliveries wait at most, and maxQueuedBytes about how much memory they
// take. What comes on top of them is lost, so that a receiver that hangs costs no more than this.
const (
	maxQueued      = 10_000
	maxQueuedBytes = 16 << 20
)

// queue carries out deliveries in the order in which they were added, one at a time. Its goroutine
// lives only while there is one left to carry out.
type queue struct {
	ctx    context.Context // of all deliveries; ends with close
	cancel context.CancelFunc

	mu      sync.Mutex
	waiting []queued
	bytes   int           // the sum of their sizes
	busy    chan struct{} // closed when nothing is left to do; nil while that is so
	closed  bool
}

type queued struct {
	deliver func()
	size    int
}

func newQueue() *queue {
	q := &queue{}
	q.ctx, q.cancel = context.WithCancel(context.Background())
	return q
}

// add adds a delivery that takes size bytes while it waits, and returns at once. It reports false
// if the queue is full or closed.
func (q *queue) add(size int, deliver func()) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || len(q.waiting) >= maxQueued || q.bytes+size > maxQueuedBytes {
		return false
	}
	q.waiting = append(q.waiting, queued{deliver, size})
	q.bytes += size
	if q.busy == nil {
		q.busy = make(chan struct{})
		go q.run()
	}
	return true
}

func (q *queue) run() {
	for {
		q.mu.Lock()
		if len(q.waiting) == 0 {
			close(q.busy)
			q.busy, q.waiting = nil, nil
			q.mu.Unlock()
			return
		}
		next := q.waiting[0]
		q.waiting[0] = queued{}
		q.waiting = q.waiting[1:]
		q.bytes -= next.size
		q.mu.Unlock()
		next.deliver()
	}
}

// settle waits until nothing is left to do, with what is added meanwhile.
func (q *queue) settle() {
	for {
		q.mu.Lock()
		busy := q.busy
		q.mu.Unlock()
		if busy == nil {
			return
		}
		<-busy
	}
}

// drop drops what waits.
func (q *queue) drop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting, q.bytes = nil, 0
}

// close drops what waits, ends what is being delivered, and waits for that.
func (q *queue) close() {
	q.mu.Lock()
	q.closed, q.waiting, q.bytes = true, nil, 0
	q.mu.Unlock()
	q.cancel()
	q.settle()
}
