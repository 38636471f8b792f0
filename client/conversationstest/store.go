package conversationstest

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/google/btree"
)

// state is the state of a conversation. The zero value, where a state is optional, is none, and stands
// for all of them as an index of [store.byDate].
type state uint8

const (
	anyState state = iota
	initializing
	inactive
	active
	closed
	states
)

var stateNames = [states]string{"", "initializing", "inactive", "active", "closed"}

func (s state) String() string { return stateNames[s] }

func parseState(name string) (state, bool) {
	for s := initializing; s < states; s++ {
		if stateNames[s] == name {
			return s, true
		}
	}
	return anyState, false
}

// sid is the binary form of the 32 digits of a conversation's SID.
type sid [16]byte

func (s sid) String() string { return "CH" + hex.EncodeToString(s[:]) }

// parseSID takes lower-case digits only, the form in which this emulator gives them out.
func parseSID(text string) (id sid, ok bool) {
	digits, ok := strings.CutPrefix(text, "CH")
	if !ok || len(digits) != 32 || strings.ToLower(digits) != digits {
		return sid{}, false
	}
	_, err := hex.Decode(id[:], []byte(digits))
	return id, err == nil
}

// position orders conversations: the newest first and, within a millisecond, the greatest SID first.
// SIDs are given out in ascending order, so that too is the newest.
type position struct {
	created int64 // Unix milliseconds, as all times of the store
	sid     sid
}

func (p position) before(q position) bool {
	if p.created != q.created {
		return p.created > q.created
	}
	return bytes.Compare(p.sid[:], q.sid[:]) > 0
}

type conversation struct {
	position
	updated          int64
	state            state
	friendlyName     string // empty: null
	uniqueName       string // empty: null
	attributes       string
	messagingService string
	email            *email

	// The timers fire at these times, 0 being never. They count from timersFrom, the last activity.
	inactiveAt, closedAt, timersFrom int64
}

type email struct {
	address, name string // empty: null
}

// due says when the next timer fires, and what the state is then.
func (c *conversation) due() (at int64, next state) {
	switch {
	case c.state == closed:
	case c.inactiveAt != 0 && c.state != inactive && (c.closedAt == 0 || c.inactiveAt < c.closedAt):
		return c.inactiveAt, inactive
	case c.closedAt != 0:
		return c.closedAt, closed
	}
	return 0, anyState
}

// restartTimers counts the timers from now, as activity does.
func (c *conversation) restartTimers(now int64) {
	for _, at := range []*int64{&c.inactiveAt, &c.closedAt} {
		if *at != 0 {
			*at = min(*at+now-c.timersFrom, maxTime)
		}
	}
	c.timersFrom = now
}

// maxTime is the last time with a year of four digits.
var maxTime = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).UnixMilli()

type index = *btree.BTreeG[*conversation]

// store is one service of one account. Its indexes keep the cost of every request independent of how
// many conversations it holds.
type store struct {
	bySID  map[sid]*conversation
	byName map[string]*conversation
	byDate [states]index // byDate[anyState] has all
	byDue  index         // those with a timer that will fire

	messagingService string // the default one

	// Writes since the second that began at window.
	window  time.Time
	writes  int
	updates map[sid]int
}

func newStore(key storeKey) *store {
	s := &store{
		bySID:            map[sid]*conversation{},
		byName:           map[string]*conversation{},
		messagingService: derivedSID("MG", key.account+key.service),
	}
	const degree = 32
	nodes := btree.NewFreeListG[*conversation](0)
	for i := range s.byDate {
		s.byDate[i] = btree.NewWithFreeListG(degree, func(a, b *conversation) bool {
			return a.position.before(b.position)
		}, nodes)
	}
	s.byDue = btree.NewWithFreeListG(degree, func(a, b *conversation) bool {
		at, _ := a.due()
		bt, _ := b.due()
		if at != bt {
			return at < bt
		}
		return a.position.before(b.position)
	}, nodes)
	return s
}

func (s *store) add(c *conversation) {
	s.bySID[c.sid] = c
	if c.uniqueName != "" {
		s.byName[c.uniqueName] = c
	}
	s.byDate[anyState].ReplaceOrInsert(c)
	s.byDate[c.state].ReplaceOrInsert(c)
	if at, _ := c.due(); at != 0 {
		s.byDue.ReplaceOrInsert(c)
	}
}

func (s *store) remove(c *conversation) {
	if at, _ := c.due(); at != 0 {
		s.byDue.Delete(c)
	}
	s.byDate[c.state].Delete(c)
	s.byDate[anyState].Delete(c)
	if c.uniqueName != "" {
		delete(s.byName, c.uniqueName)
	}
	delete(s.bySID, c.sid)
}

// find takes a SID or a unique name, which can never look like a SID.
func (s *store) find(id string) *conversation {
	if id, ok := parseSID(id); ok {
		return s.bySID[id]
	}
	return s.byName[id]
}

// fireTimers brings the conversations to the state that they have at a time.
func (s *store) fireTimers(now int64) {
	for {
		c, ok := s.byDue.Min()
		if !ok {
			return
		}
		at, next := c.due()
		if at > now {
			return
		}
		s.remove(c)
		c.state, c.updated = next, at
		s.add(c)
	}
}

// writeAllowed counts a write to the service, or to one conversation where c is not nil, against a
// limit per second. Seconds begin with a write: they are not a sliding window.
func (s *store) writeAllowed(limit int, now time.Time, c *conversation) bool {
	if now.Sub(s.window) >= time.Second {
		s.window, s.writes, s.updates = now, 0, map[sid]int{}
	}
	if c == nil {
		s.writes++
		return s.writes <= limit
	}
	s.updates[c.sid]++
	return s.updates[c.sid] <= limit
}

// nextSID gives out SIDs in ascending order: the first half counts up from the time when the emulator
// began, the second is random.
func (e *Emulator) nextSID() sid {
	e.sequence++
	var id sid
	binary.BigEndian.PutUint64(id[:8], e.sequence)
	binary.BigEndian.PutUint64(id[8:], rand.Uint64())
	return id
}
