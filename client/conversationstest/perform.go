package conversationstest

import (
	"net/http"
	"net/url"
	"time"
)

// perform carries out the operation that a request asks for.
func (e *Emulator) perform(c *call, r *http.Request, body []byte, bodyErr *apiError) answer {
	if bodyErr != nil {
		return bodyErr.answer()
	}
	query, form, err := e.checkShape(c.op, r, body)
	if err != nil {
		return err.answer()
	}
	if c.op.verb == list {
		return e.list(c, query)
	}
	var conv conversation
	status := http.StatusOK
	switch c.op.verb {
	case create:
		status = http.StatusCreated
		conv, err = e.create(c, form)
	case fetch:
		conv, err = e.fetch(c)
	case update:
		conv, err = e.update(c, form)
	case remove:
		if err = e.remove(c); err == nil {
			return answer{status: http.StatusNoContent, header: http.Header{}}
		}
	}
	if err != nil {
		return err.answer()
	}
	return jsonAnswer(status, c.resource(&conv))
}

// current returns the store of a call, brought up to date; nil while nothing was ever created in it. The
// caller holds e.mu.
func (e *Emulator) current(c *call, now time.Time) *store {
	s := e.stores[storeKey{c.account.SID, c.service}]
	if s != nil {
		s.fireTimers(now.UnixMilli())
	}
	return s
}

// find returns the conversation of a call, with its store. The caller holds e.mu.
func (e *Emulator) find(c *call, now time.Time) (*store, *conversation, *apiError) {
	s := e.current(c, now)
	if s != nil {
		if conv := s.find(c.id); conv != nil {
			return s, conv, nil
		}
	}
	return nil, nil, notFound(c.path)
}

var errWriteLimit = fail(http.StatusTooManyRequests, 50063, "Too many write requests, the limit of actions per second is reached")

var errNameTaken = fail(http.StatusConflict, 50353, "Conversation with provided unique name already exists")

func (e *Emulator) create(c *call, form url.Values) (conversation, *apiError) {
	f, err := parseFields(form)
	if err != nil {
		return conversation{}, err
	}
	if f.state == closed {
		return conversation{}, fail(http.StatusBadRequest, 50384, "Initial state can't be 'closed'")
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.now()
	s := e.current(c, now)
	if s == nil {
		key := storeKey{c.account.SID, c.service}
		s = newStore(key)
		e.stores[key] = s
	}
	if e.writeLimit > 0 && !s.writeAllowed(e.writeLimit, now, nil) {
		return conversation{}, errWriteLimit
	}
	if s.byName[f.uniqueName] != nil {
		return conversation{}, errNameTaken
	}
	ms := now.UnixMilli()
	conv := &conversation{
		position:         position{created: ms, sid: e.nextSID()},
		updated:          ms,
		timersFrom:       ms,
		state:            active,
		attributes:       "{}",
		messagingService: s.messagingService,
	}
	f.apply(conv, ms)
	s.add(conv)
	return *conv, nil
}

func (e *Emulator) fetch(c *call) (conversation, *apiError) {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, conv, err := e.find(c, e.now())
	if err != nil {
		return conversation{}, err
	}
	return *conv, nil
}

func (e *Emulator) update(c *call, form url.Values) (conversation, *apiError) {
	f, err := parseFields(form)
	if err != nil {
		return conversation{}, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.now()
	s, conv, err := e.find(c, now)
	switch {
	case err != nil:
		return conversation{}, err
	case e.writeLimit > 0 && !s.writeAllowed(e.writeLimit, now, conv):
		return conversation{}, errWriteLimit
	case conv.state == closed:
		return conversation{}, fail(http.StatusBadRequest, 50377, "Can't update conversation as it's in final closed state")
	case conv.state == initializing:
		return conversation{}, fail(http.StatusConflict, 20409, "Can't update conversation as it is initializing")
	case f.empty():
		return *conv, nil
	}
	if holder := s.byName[f.uniqueName]; holder != nil && holder != conv {
		return conversation{}, errNameTaken
	}
	ms := now.UnixMilli()
	s.remove(conv)
	conv.updated = ms
	conv.restartTimers(ms)
	f.apply(conv, ms)
	s.add(conv)
	return *conv, nil
}

func (e *Emulator) remove(c *call) *apiError {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.now()
	s, conv, err := e.find(c, now)
	if err != nil {
		return err
	}
	if e.writeLimit > 0 && !s.writeAllowed(e.writeLimit, now, nil) {
		return errWriteLimit
	}
	s.remove(conv)
	return nil
}

func (e *Emulator) list(c *call, query url.Values) answer {
	l, err := e.parseListing(query)
	if err != nil {
		return err.answer()
	}
	e.mu.Lock()
	items, next, previous := e.current(c, e.now()).page(l)
	e.mu.Unlock()

	envelope := listEnvelope{
		Conversations: make([]resource, len(items)),
		Meta:          l.meta(c.collection, next, previous),
	}
	for i := range items {
		envelope.Conversations[i] = c.resource(&items[i])
	}
	return jsonAnswer(http.StatusOK, envelope)
}

// apply changes what was sent. The conversation is in no index meanwhile.
func (f *fields) apply(conv *conversation, now int64) {
	set(&conv.friendlyName, f.friendlyName)
	set(&conv.uniqueName, f.uniqueName)
	set(&conv.attributes, f.attributes)
	set(&conv.messagingService, f.messagingService)
	if f.emailAddress != "" || f.emailName != "" {
		changed := email{}
		if conv.email != nil {
			changed = *conv.email
		}
		set(&changed.address, f.emailAddress)
		set(&changed.name, f.emailName)
		conv.email = &changed // not in place: answers are rendered from copies
	}
	if f.state != anyState {
		conv.state = f.state
	}
	if f.created != nil {
		conv.created = *f.created
	}
	if f.updated != nil {
		conv.updated = *f.updated
	}
	conv.inactiveAt = timer(conv.inactiveAt, f.inactive, now)
	conv.closedAt = timer(conv.closedAt, f.closed, now)
}

// set leaves the field as it was when the value is empty.
func set(field *string, value string) {
	if value != "" {
		*field = value
	}
}

// timer is when a timer fires after a duration was sent for it, or none; a duration of 0 removes it.
func timer(at int64, after *time.Duration, now int64) int64 {
	switch {
	case after == nil:
		return at
	case *after == 0:
		return 0
	}
	return now + after.Milliseconds()
}
