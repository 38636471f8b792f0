package conversationstest

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Status is a summary of what an [Emulator] holds.
type Status struct {
	// Now is the time of the emulator's clock.
	Now time.Time
	// NextTimer is when the next timer of any conversation fires. It is zero if there is no timer.
	NextTimer time.Time
	// Services are the default service of each account and the other services that have been used,
	// in the order of the accounts.
	Services []ServiceStatus
	// Faults maps an operation to its remaining faults, in the order in which they apply. "*"
	// stands for any operation. Times is the number of requests left for each fault.
	Faults map[string][]Fault
}

// ServiceStatus is a summary of a Conversation Service.
type ServiceStatus struct {
	AccountSID, ServiceSID string
	// Default reports whether the service is the default one of its account.
	Default bool
	// Conversations is the number of conversations in each state.
	Conversations map[string]int
}

// Status returns a summary of what the emulator holds. Its cost is independent of the number of
// conversations.
func (e *Emulator) Status() Status {
	now := e.lockSettled()
	defer e.mu.Unlock()
	s := Status{Now: now.UTC(), Faults: map[string][]Fault{}}
	if c, ok := e.due.Min(); ok {
		at, _ := c.due()
		s.NextTimer = at.time()
	}
	for operation, faults := range e.faults {
		if operation == "" {
			operation = "*"
		}
		if len(faults) > 0 {
			s.Faults[operation] = slices.Clone(faults)
		}
	}
	for _, account := range e.accounts {
		for _, service := range e.usedServices(account) {
			status := ServiceStatus{account.SID, service, service == account.DefaultServiceSID, map[string]int{}}
			if store := e.stores[storeKey{account.SID, service}]; store != nil {
				for state := initializing; state < states; state++ {
					status.Conversations[state.String()] = store.byDate[state].Len()
				}
			}
			s.Services = append(s.Services, status)
		}
	}
	return s
}

// lockSettled locks e.mu when no timer is due, so that counts and indexes by state are up to date.
// A million timers may be due, so other requests can take the lock after each batch.
func (e *Emulator) lockSettled() (now time.Time) {
	for {
		e.mu.Lock()
		now = e.now()
		e.fire(toInstant(now))
		if e.settled(toInstant(now)) {
			return now
		}
		e.mu.Unlock()
		runtime.Gosched()
	}
}

// usedServices returns the default service of an account and the services that have been used. The
// caller holds e.mu.
func (e *Emulator) usedServices(account *Account) []string {
	var services []string
	for key := range e.stores {
		if key.account == account.SID && key.service != account.DefaultServiceSID {
			services = append(services, key.service)
		}
	}
	slices.Sort(services)
	return append([]string{account.DefaultServiceSID}, services...)
}

// Query selects conversations for [Emulator.Page]. The zero Query selects all of them.
type Query struct {
	// AccountSID and ServiceSID limit the selection to an account and to a service. The default
	// service has a SID too.
	AccountSID, ServiceSID string
	// SID limits the selection to one conversation, and State to one state.
	SID, State string
	// Search limits the selection to conversations whose SID, names or attributes contain the text.
	// Case is ignored.
	Search string
	// After is the position where the page starts: the second result of [Emulator.Page] for the
	// previous page.
	After string
	// Limit is the maximum number of conversations. The default is 50.
	Limit int
}

// maxScan is how much text, in bytes, one page searches. It bounds how long requests wait for a
// search.
const maxScan = 4 << 20

// Page returns conversations of all accounts and services, newest first, and the position where the
// next page starts. The position is empty on the last page.
//
// The cost depends only on the size of the page. A search therefore looks at only some ten thousand
// conversations. Its page may hold fewer conversations than Limit, or none, although another page
// follows.
//
// An unknown State or a malformed After is an error.
func (e *Emulator) Page(q Query) (page []Conversation, next string, err error) {
	state := anyState
	if q.State != "" {
		var ok bool
		if state, ok = parseState(q.State); !ok {
			return nil, "", fmt.Errorf("conversationstest: no state %q", q.State)
		}
	}
	start := position{Created: math.MaxInt64}
	if q.After != "" {
		var ok bool
		if start, _, ok = parseToken(q.After); !ok {
			return nil, "", fmt.Errorf("conversationstest: %q is not the start of a page", q.After)
		}
	}
	limit := q.Limit
	if limit <= 0 {
		limit = defaultPageSize
	}
	e.lockSettled()
	defer e.mu.Unlock()
	var selected []storeKey
	for key := range e.stores {
		if (q.AccountSID == "" || key.account == q.AccountSID) && (q.ServiceSID == "" || key.service == q.ServiceSID) {
			selected = append(selected, key)
		}
	}
	type match struct {
		storeKey
		*conversation
	}
	var matches []match
	var frontier *conversation // where the first scan stopped; not all services were searched further
	text := strings.ToLower(q.Search)
	for _, key := range selected {
		s := e.stores[key]
		if q.SID != "" {
			id, _ := parseSID(q.SID)
			if c := s.bySID[id]; c != nil && (state == anyState || c.State == state) {
				matches = append(matches, match{key, c})
			}
			continue
		}
		found, scanned := 0, 0
		s.byDate[state].AscendGreaterOrEqual(&conversation{position: start}, func(c *conversation) bool {
			if c.position == start {
				return true
			}
			if c.contains(text) {
				matches = append(matches, match{key, c})
				found++
			}
			scanned += c.textSize()
			if found <= limit && (text == "" || scanned < maxScan/len(selected)) {
				return true
			}
			if frontier == nil || c.before(frontier.position) {
				frontier = c
			}
			return false
		})
	}
	slices.SortFunc(matches, func(a, b match) int {
		if a.before(b.position) {
			return -1
		}
		return 1 // no two have the same position
	})
	for i, m := range matches {
		if frontier != nil && frontier.before(m.position) {
			break
		}
		if i == limit {
			return page, token(matches[i-1].conversation), nil
		}
		page = append(page, m.export(m.storeKey))
	}
	if frontier != nil {
		next = token(frontier)
	}
	return page, next, nil
}

// contains reports whether a text of the conversation contains text, which must be in lower case.
func (c *conversation) contains(text string) bool {
	if text == "" {
		return true
	}
	for _, s := range []string{c.FriendlyName, c.UniqueName, c.Attributes, c.sid.String()} {
		if strings.Contains(strings.ToLower(s), text) {
			return true
		}
	}
	return false
}

// textSize returns how many bytes [conversation.contains] reads, plus an allowance for its other
// work.
func (c *conversation) textSize() int {
	return len(c.FriendlyName) + len(c.UniqueName) + len(c.Attributes) + 100
}
