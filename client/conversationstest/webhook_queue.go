package conversationstest

import (
	"context"
	"sync"
)

// maxQueued is how many deliveries wait at most. What comes on top of them is lost, so that a receiver
// that hangs costs no more memory than this.
const maxQueued = 10_000

// queue carries out deliveries in the order in which they were added, one at a time. Its goroutine
// lives only while there is one left to carry out.
type queue struct {
	ctx    context.Context // of all deliveries; ends with close
	cancel context.CancelFunc

	mu      sync.Mutex
	waiting []func(context.Context)
	busy    chan struct{} // closed when nothing is left to do; nil while that is so
	closed  bool
}

func newQueue() *queue {
	q := &queue{}
	q.ctx, q.cancel = context.WithCancel(context.Background())
	return q
}

// add adds a delivery and returns at once. It reports false if the queue is full or closed.
func (q *queue) add(deliver func(context.Context)) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || len(q.waiting) >= maxQueued {
		return false
	}
	q.waiting = append(q.waiting, deliver)
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
		deliver := q.waiting[0]
		q.waiting[0] = nil
		q.waiting = q.waiting[1:]
		q.mu.Unlock()
		deliver(q.ctx)
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

// close drops what waits, ends what is being delivered, and waits for that.
func (q *queue) close() {
	q.mu.Lock()
	q.closed, q.waiting = true, nil
	q.mu.Unlock()
	q.cancel()
	q.settle()
}
