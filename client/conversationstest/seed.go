package conversationstest

import (
	"cmp"
	"fmt"
	"time"
)

// Conversation is a conversation in an [Emulator], to put in with [Emulator.Seed] or to look at. Times
// are kept to the millisecond.
type Conversation struct {
	// AccountSID and ServiceSID say where it belongs. By default that is the first account and the
	// account's default service.
	AccountSID, ServiceSID string
	// SID is CH and 32 lower-case hexadecimal digits; one is made up by default.
	SID string
	// FriendlyName has at most 256 characters and UniqueName at most 256 and not the form of a SID. Empty
	// ones are null.
	FriendlyName, UniqueName string
	// Attributes is JSON text of at most 16 KB, by default {}.
	Attributes string
	// State is active by default and may be inactive, closed or initializing.
	State string
	// MessagingServiceSID is MG and 32 hexadecimal digits; the service has a default one.
	MessagingServiceSID string
	// DateCreated and DateUpdated are now by default.
	DateCreated, DateUpdated time.Time
	// DateInactive and DateClosed are when the timers fire; there is none by default. If the time is past
	// the conversation is in the state that follows as soon as it is looked at. Updates count the time
	// between DateUpdated and these anew.
	DateInactive, DateClosed time.Time
	// EmailAddress and EmailName are the email binding; empty ones are null.
	EmailAddress, EmailName string
}

// Seed stores conversations as they are and returns their SIDs, in order. What the API would refuse in
// a request (a taken name, attributes that are not JSON) is an error; those before it are stored. Call
// it with some thousands at a time to store a million without holding them all twice.
func (e *Emulator) Seed(conversations ...Conversation) ([]string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	sids := make([]string, 0, len(conversations))
	for i := range conversations {
		sid, err := e.seed(&conversations[i])
		if err != nil {
			return sids, fmt.Errorf("conversationstest: conversation %d: %w", i, err)
		}
		sids = append(sids, sid.String())
	}
	return sids, nil
}

func (e *Emulator) seed(in *Conversation) (sid, error) {
	account := e.accounts[0]
	if in.AccountSID != "" && in.AccountSID != account.SID {
		u, ok := e.creds.users[in.AccountSID]
		if !ok || u.account.SID != in.AccountSID {
			return sid{}, fmt.Errorf("no account %q", in.AccountSID)
		}
		account = u.account
	}
	service := cmp.Or(in.ServiceSID, account.DefaultServiceSID)
	if !serviceSID.MatchString(service) || e.services != nil && !e.services[service] && service != account.DefaultServiceSID {
		return sid{}, fmt.Errorf("no service %q", service)
	}
	state, ok := parseState(cmp.Or(in.State, active.String()))
	if !ok {
		return sid{}, fmt.Errorf("no state %q", in.State)
	}
	if err := checkTexts(in.FriendlyName, in.UniqueName, in.Attributes, in.MessagingServiceSID); err != nil {
		return sid{}, err
	}
	for _, t := range []time.Time{in.DateCreated, in.DateUpdated, in.DateInactive, in.DateClosed} {
		if !inRange(t) {
			return sid{}, fmt.Errorf("no year %d", t.UTC().Year())
		}
	}
	key := storeKey{account.SID, service}
	s := e.stores[key]
	if s == nil {
		s = newStore(key)
		e.stores[key] = s
	}
	var id sid
	if in.SID == "" {
		id = e.nextSID()
	} else if id, ok = parseSID(in.SID); !ok {
		return sid{}, fmt.Errorf("%q is not the SID of a conversation", in.SID)
	}
	switch {
	case s.bySID[id] != nil:
		return sid{}, fmt.Errorf("%s exists", id)
	case in.UniqueName != "" && s.byName[in.UniqueName] != nil:
		return sid{}, errNameTaken
	}
	now := e.now()
	ms := func(t time.Time) int64 {
		if t.IsZero() {
			return now.UnixMilli()
		}
		return t.UnixMilli()
	}
	c := &conversation{
		position:         position{created: ms(in.DateCreated), sid: id},
		updated:          ms(in.DateUpdated),
		timersFrom:       ms(in.DateUpdated),
		state:            state,
		friendlyName:     in.FriendlyName,
		uniqueName:       in.UniqueName,
		attributes:       cmp.Or(in.Attributes, "{}"),
		messagingService: cmp.Or(in.MessagingServiceSID, s.messagingService),
	}
	if !in.DateInactive.IsZero() {
		c.inactiveAt = in.DateInactive.UnixMilli()
	}
	if !in.DateClosed.IsZero() {
		c.closedAt = in.DateClosed.UnixMilli()
	}
	if in.EmailAddress != "" || in.EmailName != "" {
		c.email = &email{in.EmailAddress, in.EmailName}
	}
	s.add(c)
	return id, nil
}

// Conversations returns the conversations of a service, newest first, in the order of the accounts.
// The empty SID stands for the default service of each account.
func (e *Emulator) Conversations(serviceSID string) []Conversation {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.now().UnixMilli()
	var all []Conversation
	for _, account := range e.accounts {
		service := cmp.Or(serviceSID, account.DefaultServiceSID)
		s := e.stores[storeKey{account.SID, service}]
		if s == nil {
			continue
		}
		s.fireTimers(now)
		s.byDate[anyState].Ascend(func(c *conversation) bool {
			all = append(all, c.export(account.SID, service))
			return true
		})
	}
	return all
}

func (c *conversation) export(account, service string) Conversation {
	out := Conversation{
		AccountSID:          account,
		ServiceSID:          service,
		SID:                 c.sid.String(),
		FriendlyName:        c.friendlyName,
		UniqueName:          c.uniqueName,
		Attributes:          c.attributes,
		State:               c.state.String(),
		MessagingServiceSID: c.messagingService,
		DateCreated:         time.UnixMilli(c.created).UTC(),
		DateUpdated:         time.UnixMilli(c.updated).UTC(),
	}
	if c.inactiveAt != 0 {
		out.DateInactive = time.UnixMilli(c.inactiveAt).UTC()
	}
	if c.closedAt != 0 {
		out.DateClosed = time.UnixMilli(c.closedAt).UTC()
	}
	if c.email != nil {
		out.EmailAddress, out.EmailName = c.email.address, c.email.name
	}
	return out
}
