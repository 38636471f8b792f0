package conversationstest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Delivery is an attempt to deliver an event. Its responses and errors are those of the receiver.
type Delivery struct {
	// Number counts the deliveries from 1, in the order in which they ended. A reset does not restart it.
	Number int
	// ID is the idempotency token of the event, which each attempt to deliver it has.
	ID string
	// Time is when it was sent, by the emulator's clock.
	Time time.Time
	// EventType is the name of the event, one of [Events].
	EventType string
	// ConversationSID is the conversation. It is empty for onConversationAdd, which comes before
	// there is one.
	ConversationSID string
	// Method and URL are what was called. With the method GET the URL includes the parameters.
	Method, URL string
	// Params are the parameters of the event.
	Params url.Values
	// Header is the header of the request, with the signature.
	Header http.Header
	// Status and Body are those of the response. Status is 0 if there was none; Err says why.
	Status int
	Body   string
	Err    error
	// Duration is how long the receiver took.
	Duration time.Duration
}

// size is about how much memory a delivery takes.
func (d *Delivery) size() int {
	return recordSize + len(d.URL) + len(d.Body) + mapSize(d.Params) + mapSize(d.Header)
}

// loggedDelivery is a delivery with its event, to deliver it again.
type loggedDelivery struct {
	Delivery
	event *event
}

// webhooks is what delivers events. Its members but running are guarded by the emulator's mu.
type webhooks struct {
	transport http.RoundTripper
	log       *recordLog[loggedDelivery]
	waiting   *queue
	running   sync.WaitGroup // deliveries, handlers and the alarm
	alarm     *alarm         // nil if no timer is due ever
	closed    bool
}

// alarm fires the timers of conversations when they are due, not only when a request asks.
type alarm struct {
	timer *time.Timer
	at    time.Time // by the real clock
}

func (w *webhooks) init(maxLog int) {
	w.waiting = newQueue()
	w.log = &recordLog[loggedDelivery]{max: maxLog}
	// A connection that is used once cannot have been closed by the receiver meanwhile, and leaves
	// nothing behind. No proxy of the environment is used: requests go to the configured host.
	w.transport = &http.Transport{DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: 64 << 10}
}

// reset forgets what was delivered and what waits for it. What is being delivered goes to a log
// that nobody reads.
func (w *webhooks) reset(maxLog int) {
	w.waiting.drop()
	w.log = &recordLog[loggedDelivery]{max: maxLog, added: w.log.added}
}

// Deliveries returns the attempts to deliver events that have ended since the emulator began or was
// reset, in the order in which they ended. As many are kept as of [Emulator.Requests].
//
// Post-events are delivered one at a time, in the order in which they happened. A pre-event does
// not wait for them. While 10,000 post-events, or some that take 16 MiB, wait for a slow receiver,
// others are lost: their deliveries have an Err.
func (e *Emulator) Deliveries() []Delivery {
	e.mu.Lock()
	defer e.mu.Unlock()
	deliveries := make([]Delivery, len(e.webhooks.log.entries))
	for i, entry := range e.webhooks.log.entries {
		deliveries[i] = entry.record.Delivery
	}
	return deliveries
}

// Settle lets all timers fire that are due and waits until every post-event was delivered, with
// those that are caused meanwhile. Call it before looking at what a handler did, but not from a
// handler.
func (e *Emulator) Settle() {
	e.fireDue()
	e.webhooks.waiting.settle()
}

// Redeliver sends the event of a delivery once more, as it was, as Twilio may do: with the same
// idempotency token. It returns at once. What a receiver responds to a pre-event has no effect
// then. It is an error if there is no delivery with the ID, if too many wait, or after Close.
func (e *Emulator) Redeliver(id string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	i := slices.IndexFunc(e.webhooks.log.entries, func(entry logEntry[loggedDelivery]) bool { return entry.record.ID == id })
	if i < 0 {
		return fmt.Errorf("conversationstest: no delivery %q", id)
	}
	if e.webhooks.closed {
		return fmt.Errorf("conversationstest: %w", errStopped)
	}
	ev := e.webhooks.log.entries[i].record.event
	if !e.webhooks.waiting.add(ev.size(), func() { e.deliver(ev, 0) }) {
		return fmt.Errorf("conversationstest: %w", errNotQueued)
	}
	return nil
}

// Close stops the delivery of webhooks: what waits is dropped, what is being delivered ends, and
// nothing is left running when it returns. It waits for handlers of [Emulator.Webhooks] that run.
// Requests are answered as before, and pre-events have no effect. [Start] calls it when the test
// ends.
func (e *Emulator) Close() {
	e.mu.Lock()
	e.webhooks.closed = true
	e.unlock()
	e.webhooks.waiting.close()
	e.webhooks.running.Wait()
}

var (
	errNotQueued = errors.New("the webhook is lost, because too many wait to be delivered")
	errStopped   = errors.New("the emulator is closed")
)

// size is about how much memory an event takes while it waits.
func (ev *event) size() int {
	size := 300 // the struct and its texts
	for _, p := range ev.params {
		size += 40 + len(p.value) // the headers of two strings, and what an allocation wastes
	}
	return size
}

// queue adds post-events, in order, to those that wait to be delivered. The caller holds e.mu.
func (e *Emulator) queue(events ...*event) {
	if e.webhooks.closed {
		return
	}
	for _, ev := range events {
		if ev != nil && !e.webhooks.waiting.add(ev.size(), func() { e.deliverPost(ev) }) {
			e.logDelivery(ev, Delivery{Time: e.now(), URL: ev.target, Params: ev.values(), Err: errNotQueued})
		}
	}
}

// deliverPost delivers a post-event, once more if a variant says so.
func (e *Emulator) deliverPost(ev *event) {
	r := e.deliver(ev, 0)
	again := errors.Is(r.err, context.DeadlineExceeded) ||
		r.status == http.StatusTooManyRequests || r.status == http.StatusServiceUnavailable || r.status == http.StatusGatewayTimeout
	if again && e.variants.is("webhook.retry", "once") {
		e.deliver(ev, 1)
	}
}

// deliver delivers an event and records what came of it. No lock is held while the receiver works.
func (e *Emulator) deliver(ev *event, retry int) webhookResponse {
	e.mu.Lock()
	if e.webhooks.closed {
		e.mu.Unlock()
		return webhookResponse{err: errStopped}
	}
	e.webhooks.running.Add(1)
	defer e.webhooks.running.Done()
	now, transport := e.now(), e.webhooks.transport
	e.mu.Unlock()

	if retry > 0 {
		repeated := *ev
		repeated.params = slices.Clone(ev.params)
		i := slices.IndexFunc(repeated.params, func(p param) bool { return p.name == "RetryCount" })
		repeated.params[i].value = strconv.Itoa(retry)
		ev = &repeated
	}
	req, err := webhookRequest(ev.method, ev.target, ev.authToken, ev.id, ev.params)
	if err != nil {
		return webhookResponse{err: err} // the options have been checked
	}
	d := Delivery{Time: now, URL: req.URL.String(), Params: ev.values(), Header: req.Header.Clone()}
	r := exchange(e.webhooks.waiting.ctx, transport, e.nextFault(ev.name), req)
	d.Status, d.Body, d.Err, d.Duration = r.status, string(r.body), r.err, r.duration
	e.mu.Lock()
	defer e.mu.Unlock()
	e.logDelivery(ev, d)
	return r
}

func (ev *event) values() url.Values {
	values := url.Values{}
	for _, p := range ev.params {
		values.Set(p.name, p.value)
	}
	return values
}

// logDelivery records what came of an event. The caller holds e.mu.
func (e *Emulator) logDelivery(ev *event, d Delivery) {
	d.Number = ev.log.added + 1
	d.ID, d.EventType, d.ConversationSID, d.Method = ev.id, ev.name, ev.conversation, ev.method
	ev.log.add(&loggedDelivery{d, ev}, d.size()+ev.size())
}

// fireDue lets all timers fire that are due, a batch at a time, if webhooks are to tell of them.
func (e *Emulator) fireDue() {
	for settled := false; !settled; {
		e.mu.Lock()
		if settled = !e.sendsWebhooks(); !settled {
			now := toInstant(e.now())
			e.fire(now)
			settled = e.settled(now)
		}
		e.unlock()
	}
}

// unlock sets the alarm and unlocks e.mu, after what may have changed when the next timer is due.
func (e *Emulator) unlock() {
	e.setAlarm()
	e.mu.Unlock()
}

// setAlarm makes timers fire when they are due, if webhooks are to tell of them.
func (e *Emulator) setAlarm() {
	w := &e.webhooks
	var next *alarm
	if e.sendsWebhooks() && !w.closed {
		if c, ok := e.due.Min(); ok {
			at, _ := c.due()
			next = &alarm{at: at.time().Add(-e.advanced)}
		}
	}
	if next != nil && w.alarm != nil && w.alarm.at.Equal(next.at) {
		return
	}
	if w.alarm != nil && w.alarm.timer.Stop() {
		w.running.Done()
	}
	w.alarm = next
	if next == nil {
		return
	}
	w.running.Add(1)
	next.timer = time.AfterFunc(time.Until(next.at), func() {
		defer w.running.Done()
		e.mu.Lock()
		if w.alarm == next {
			w.alarm = nil
		}
		e.mu.Unlock()
		e.fireDue()
	})
}
