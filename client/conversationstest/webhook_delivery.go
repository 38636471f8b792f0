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

// Delivery is an attempt to deliver an event. Status, Body and Err come from the receiver.
type Delivery struct {
	// Number counts the deliveries from 1, in the order in which they ended. [Emulator.Reset] does
	// not restart it.
	Number int
	// ID is the idempotency token of the event. All attempts to deliver an event have the same.
	ID string
	// Time is when the event was sent, by the emulator's clock.
	Time time.Time
	// EventType is the name of the event, one of [Events].
	EventType string
	// ConversationSID is the SID of the conversation. It is empty for onConversationAdd, which is
	// sent before the conversation exists.
	ConversationSID string
	// Method and URL are those of the request. With the method GET, the URL includes the
	// parameters.
	Method, URL string
	// Params are the parameters of the event.
	Params url.Values
	// Header is the header of the request, including the signature.
	Header http.Header
	// Status and Body are those of the response. Status is 0 if there was none; Err then says why.
	Status int
	Body   string
	Err    error
	// Duration is how long the receiver took to respond.
	Duration time.Duration
}

// size returns approximately how much memory a delivery takes.
func (d *Delivery) size() int {
	return recordSize + len(d.URL) + len(d.Body) + mapSize(d.Params) + mapSize(d.Header)
}

// loggedDelivery is a delivery with its event, which may be delivered again.
type loggedDelivery struct {
	Delivery
	event *event
}

// webhooks delivers events. Its members except running are guarded by the emulator's mu.
type webhooks struct {
	transport http.RoundTripper
	log       *recordLog[loggedDelivery]
	waiting   *queue
	running   sync.WaitGroup // deliveries, handlers and the alarm
	alarm     *alarm         // nil if there is no timer
	closed    bool
}

// alarm fires the timers of conversations when they are due, even if no request arrives.
type alarm struct {
	timer *time.Timer
	at    time.Time // by the real clock
}

func (w *webhooks) init(maxLog int) {
	w.waiting = newQueue()
	w.log = &recordLog[loggedDelivery]{max: maxLog}
	// A connection that is used once cannot have been closed by the receiver meanwhile, and leaves
	// nothing behind. Proxies of the environment are not used: requests go to the configured host.
	w.transport = &http.Transport{DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: 64 << 10}
}

// reset drops the deliveries that were made and those that wait. A delivery in flight is recorded
// in a log that nobody reads.
func (w *webhooks) reset(maxLog int) {
	w.waiting.drop()
	w.log = &recordLog[loggedDelivery]{max: maxLog, added: w.log.added}
}

// Deliveries returns the attempts to deliver events that have ended since the emulator was created
// or reset, in the order in which they ended. It keeps as many as [Emulator.Requests] does.
//
// Post-events are delivered one at a time, in the order in which they happened. A pre-event does
// not wait for them. While a slow receiver keeps 10,000 post-events or 16 MiB of them waiting,
// further ones are lost. Their deliveries have an Err.
func (e *Emulator) Deliveries() []Delivery {
	e.mu.Lock()
	defer e.mu.Unlock()
	deliveries := make([]Delivery, len(e.webhooks.log.entries))
	for i, entry := range e.webhooks.log.entries {
		deliveries[i] = entry.record.Delivery
	}
	return deliveries
}

// Settle fires all due timers and waits until every post-event is delivered, including those caused
// meanwhile. Call it before looking at what a handler did. Do not call it from a handler.
func (e *Emulator) Settle() {
	e.fireDue()
	e.webhooks.waiting.settle()
}

// Redeliver sends the event of a delivery once more, unchanged and with the same idempotency token,
// as Twilio may do. It returns at once. The response to a repeated pre-event has no effect.
//
// It is an error if no delivery has the ID, if too many deliveries wait, or if the emulator is
// closed.
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

// Close stops the delivery of webhooks. It drops those that wait, cancels the one in flight, and
// waits for running handlers of [Emulator.Webhooks]. No goroutine is left when it returns.
//
// The emulator still responds to requests; pre-events then have no effect. [Start] calls Close when
// the test ends.
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

// size returns approximately how much memory an event takes while it waits.
func (ev *event) size() int {
	size := 300 // the struct and its texts
	for _, p := range ev.params {
		size += 40 + len(p.value) // two string headers and the overhead of an allocation
	}
	return size
}

// queue appends post-events, in order, to those that wait for delivery. The caller holds e.mu.
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

// deliverPost delivers a post-event, and retries it if a variant says so.
func (e *Emulator) deliverPost(ev *event) {
	r := e.deliver(ev, 0)
	again := errors.Is(r.err, context.DeadlineExceeded) ||
		r.status == http.StatusTooManyRequests || r.status == http.StatusServiceUnavailable || r.status == http.StatusGatewayTimeout
	if again && e.variants.is("webhook.retry", "once") {
		e.deliver(ev, 1)
	}
}

// deliver delivers an event and records the outcome. No lock is held while the receiver works.
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

// logDelivery records the outcome of an event. The caller holds e.mu.
func (e *Emulator) logDelivery(ev *event, d Delivery) {
	d.Number = ev.log.added + 1
	d.ID, d.EventType, d.ConversationSID, d.Method = ev.id, ev.name, ev.conversation, ev.method
	ev.log.add(&loggedDelivery{d, ev}, d.size()+ev.size())
}

// fireDue fires all due timers, one batch at a time, if webhooks are configured.
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

// unlock unlocks e.mu after a change that may affect when the next timer is due. It sets the alarm
// first.
func (e *Emulator) unlock() {
	e.setAlarm()
	e.mu.Unlock()
}

// setAlarm makes timers fire when they are due, if webhooks are configured.
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
