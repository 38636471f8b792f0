package conversationstest

import (
	"context"
	"sync"
)

// maxQueued is the maximum number of waiting deliveries, and maxQueuedBytes approximately the
// maximum memory that they take. Further deliveries are lost, so the cost of a receiver that hangs
// is bounded.
const (
	maxQueued      = 10_000
	maxQueuedBytes = 16 << 20
)

// queue carries out deliveries one at a time, in the order in which they were added. Its goroutine
// exists only while there are deliveries left.
type queue struct {
	ctx    context.Context // of all deliveries; ends with close
	cancel context.CancelFunc

	mu      sync.Mutex
	waiting []queued
	bytes   int           // the sum of their sizes
	busy    chan struct{} // closed when nothing is left to do; nil while idle
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

// add adds a delivery that takes size bytes while it waits, and returns at once. It returns false
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

// settle waits until nothing is left to do, including deliveries added meanwhile.
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

// drop drops the waiting deliveries.
func (q *queue) drop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting, q.bytes = nil, 0
}

// close drops the waiting deliveries, cancels the one in flight, and waits until it has ended.
func (q *queue) close() {
	q.mu.Lock()
	q.closed, q.waiting, q.bytes = true, nil, 0
	q.mu.Unlock()
	q.cancel()
	q.settle()
}
