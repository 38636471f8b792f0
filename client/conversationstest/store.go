package conversationstest

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"time"

	"github.com/google/btree"
)

// state is the state of a conversation. Where a state is optional, the zero value means none. As an
// index of [store.byDate], it stands for all states.
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

// instant is a time in milliseconds since 1970.
type instant int64

func toInstant(t time.Time) instant { return instant(t.UnixMilli()) }

func (i instant) time() time.Time { return time.UnixMilli(int64(i)).UTC() }

// maxInstant is the last time with a year of four digits.
var maxInstant = toInstant(time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC))

// sid is the binary form of the 32 digits of a conversation's SID.
type sid [16]byte

func (s sid) String() string {
	var text [34]byte
	copy(text[:], "CH")
	hex.Encode(text[2:], s[:])
	return string(text[:])
}

// parseSID accepts only lower-case digits, which is the form that this emulator generates.
func parseSID(text string) (id sid, ok bool) {
	digits, ok := strings.CutPrefix(text, "CH")
	if !ok || len(digits) != 32 || strings.ToLower(digits) != digits {
		return sid{}, false
	}
	_, err := hex.Decode(id[:], []byte(digits))
	return id, err == nil
}

// nextSID generates SIDs in ascending order. The first half counts up from the time when the
// emulator was created; the second half is random. The caller holds e.mu.
func (e *Emulator) nextSID() (id sid) {
	e.sequence++
	binary.BigEndian.PutUint64(id[:8], e.sequence)
	_, _ = rand.Read(id[8:]) // it never fails
	return id
}

// conversation is a stored conversation. A member with the tag form holds the form field that the
// tag names. Nothing but the tag tells [conversation.set] where to store a field.
//
// Members are exported because package reflect cannot set others. An empty string is null.
type conversation struct {
	store *store
	position

	Updated          instant `form:"DateUpdated"`
	State            state   `form:"State"`
	FriendlyName     string  `form:"FriendlyName"`
	UniqueName       string  `form:"UniqueName"`
	Attributes       string  `form:"Attributes"`
	MessagingService string  `form:"MessagingServiceSid"`
	EmailAddress     string  `form:"Bindings.Email.Address"`
	EmailName        string  `form:"Bindings.Email.Name"`
	Inactive         timer   `form:"Timers.Inactive"`
	Closed           timer   `form:"Timers.Closed"`

	timersFrom instant // the last activity, from which the timers count
}

// position orders conversations: the newest first and, within a millisecond, the greatest SID
// first. SIDs are generated in ascending order, so the greatest is also the newest.
type position struct {
	Created instant `form:"DateCreated"`
	sid     sid
}

func (p position) before(q position) bool {
	if p.Created != q.Created {
		return p.Created > q.Created
	}
	return bytes.Compare(p.sid[:], q.sid[:]) > 0
}

type index = *btree.BTreeG[*conversation]

func newIndex(less btree.LessFunc[*conversation]) index { return btree.NewG(32, less) }

// store is one service of one account. Because of its indexes, the cost of a request is independent
// of the number of conversations.
type store struct {
	key    storeKey
	bySID  map[sid]*conversation
	byName map[string]*conversation
	byDate [states]index // byDate[anyState] has all
	due    index         // the emulator's

	variants assumed // the emulator's

	messagingService string // the default one

	// These members count the writes since the second that began at window.
	window  time.Time
	writes  int
	updates map[sid]int
}

// storeKey identifies a service of an account.
type storeKey struct{ account, service string }

// store returns the store of a service. It is created for the service's first conversation. The
// caller holds e.mu.
func (e *Emulator) store(key storeKey) *store {
	if s := e.stores[key]; s != nil {
		return s
	}
	s := &store{key: key, bySID: map[sid]*conversation{}, byName: map[string]*conversation{}, due: e.due, variants: e.variants}
	if e.region != regionOfChat {
		s.messagingService = derivedSID("MG", key.account+key.service)
	}
	for i := range s.byDate {
		s.byDate[i] = newIndex(func(a, b *conversation) bool { return a.position.before(b.position) })
	}
	e.stores[key] = s
	return s
}

func (s *store) add(c *conversation) {
	c.store = s
	s.bySID[c.sid] = c
	s.indexName(c)
	s.byDate[anyState].ReplaceOrInsert(c)
	s.byDate[c.State].ReplaceOrInsert(c)
	if at, _ := c.due(); at != 0 {
		s.due.ReplaceOrInsert(c)
	}
}

func (s *store) remove(c *conversation) {
	if at, _ := c.due(); at != 0 {
		s.due.Delete(c)
	}
	s.byDate[c.State].Delete(c)
	s.byDate[anyState].Delete(c)
	if s.byName[c.UniqueName] == c {
		delete(s.byName, c.UniqueName)
	}
	delete(s.bySID, c.sid)
}

// indexName adds a conversation to the index of unique names, if it has one.
func (s *store) indexName(c *conversation) {
	switch {
	case c.UniqueName == "":
	case c.State != closed || !s.variants.is("unique-name.after-close", "freed"):
		s.byName[c.UniqueName] = c
	case s.byName[c.UniqueName] == c:
		delete(s.byName, c.UniqueName)
	}
}

// find finds a conversation by its SID or unique name. A unique name never has the form of a SID.
func (s *store) find(id string) *conversation {
	if id, ok := parseSID(id); ok {
		return s.bySID[id]
	}
	return s.byName[id]
}

// writeAllowed counts a write against a limit per second: of conversation c, or of the service if c
// is nil. A second begins with a write; it is not a sliding window.
func (s *store) writeAllowed(limit int, now time.Time, c *conversation) bool {
	if limit == 0 {
		return true
	}
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
