package conversationstest

import (
	"cmp"
	"fmt"
	"time"
)

// Conversation is a conversation in an [Emulator], for [Emulator.Seed] and
// [Emulator.Conversations]. Times are kept to the millisecond.
type Conversation struct {
	// AccountSID and ServiceSID are the account and the service. The default is the first account
	// and the account's default service.
	AccountSID, ServiceSID string
	// SID is CH followed by 32 lower-case hexadecimal digits. By default, a new one is generated.
	SID string
	// FriendlyName and UniqueName have at most 256 characters each. UniqueName must not have the
	// form of a SID. An empty name is null.
	FriendlyName, UniqueName string
	// Attributes is JSON text of at most 16 KB. The default is {}.
	Attributes string
	// State is active, inactive, closed or initializing. The default is active.
	State string
	// MessagingServiceSID is MG followed by 32 hexadecimal digits. The default is that of the
	// service.
	MessagingServiceSID string
	// DateCreated and DateUpdated default to the current time.
	DateCreated, DateUpdated time.Time
	// DateInactive and DateClosed are when the timers fire. By default there is no timer. If the
	// time has passed, the conversation is in the following state as soon as it is read. An update
	// restarts each timer with the time between DateUpdated and its date.
	DateInactive, DateClosed time.Time
	// EmailAddress and EmailName are the email binding. An empty value is null.
	EmailAddress, EmailName string
}

// Seed stores conversations unchanged and returns their SIDs, in order.
//
// What the API would refuse in a request, such as a taken name or attributes that are not JSON, is
// an error. The conversations before it are stored. To store a million conversations without
// holding them twice, call Seed with some thousands at a time.
func (e *Emulator) Seed(conversations ...Conversation) ([]string, error) {
	e.mu.Lock()
	defer e.unlock()
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
	if !e.hasService(account, service) {
		return sid{}, fmt.Errorf("no service %q", service)
	}
	state, ok := parseState(cmp.Or(in.State, active.String()))
	if !ok {
		return sid{}, fmt.Errorf("no state %q", in.State)
	}
	for _, field := range [][2]string{
		{"FriendlyName", in.FriendlyName},
		{"UniqueName", in.UniqueName},
		{"Attributes", in.Attributes},
		{"MessagingServiceSid", in.MessagingServiceSID},
		{"Bindings.Email.Address", in.EmailAddress},
		{"Bindings.Email.Name", in.EmailName},
	} {
		if err := checkField(field[0], field[1]); err != nil {
			return sid{}, err
		}
	}
	for _, t := range []time.Time{in.DateCreated, in.DateUpdated, in.DateInactive, in.DateClosed} {
		if !inRange(t) {
			return sid{}, fmt.Errorf("no year %d", t.UTC().Year())
		}
	}
	var id sid
	if in.SID == "" {
		id = e.nextSID()
	} else if id, ok = parseSID(in.SID); !ok {
		return sid{}, fmt.Errorf("%q is not the SID of a conversation", in.SID)
	} else if e.findSID(in.SID) != nil {
		return sid{}, fmt.Errorf("%s exists", id)
	}
	s := e.store(storeKey{account.SID, service})
	if in.UniqueName != "" && s.byName[in.UniqueName] != nil {
		return sid{}, errNameTaken
	}
	now := e.now()
	or := func(t, alternative time.Time) instant {
		if t.IsZero() {
			t = alternative
		}
		return toInstant(t)
	}
	never := time.UnixMilli(0)
	s.add(&conversation{
		position:         position{Created: or(in.DateCreated, now), sid: id},
		Updated:          or(in.DateUpdated, now),
		timersFrom:       or(in.DateUpdated, now),
		State:            state,
		FriendlyName:     in.FriendlyName,
		UniqueName:       in.UniqueName,
		Attributes:       cmp.Or(in.Attributes, "{}"),
		MessagingService: cmp.Or(in.MessagingServiceSID, s.messagingService),
		EmailAddress:     in.EmailAddress,
		EmailName:        in.EmailName,
		Inactive:         timer(or(in.DateInactive, never)),
		Closed:           timer(or(in.DateClosed, never)),
	})
	return id, nil
}

// checkField applies the checks of a form field.
func checkField(field, value string) *apiError {
	if value == "" {
		return nil
	}
	v := &violations{}
	checkValues(v, spec().operation("createConversation").form[field], []string{value})
	if len(v.list) > 0 {
		return refusal(v.list[0], "")
	}
	return nil
}

func errNoConversation(sid string) error {
	return fmt.Errorf("conversationstest: no conversation %q", sid)
}

// Conversations returns the conversations of a service, newest first, in the order of the accounts.
// The empty SID stands for the default service of each account.
//
// Requests are not blocked meanwhile: what they create or remove may or may not be included.
func (e *Emulator) Conversations(serviceSID string) []Conversation {
	keys := make([]storeKey, len(e.accounts))
	count := 0
	e.mu.Lock()
	for i, account := range e.accounts {
		keys[i] = storeKey{account.SID, cmp.Or(serviceSID, account.DefaultServiceSID)}
		if s := e.stores[keys[i]]; s != nil {
			count += len(s.bySID)
		}
	}
	e.mu.Unlock()
	all := make([]Conversation, 0, count)
	for _, key := range keys {
		l := everything()
		for c := range e.walk(key, &l, l.start(), false) {
			all = append(all, c.export(key))
		}
	}
	return all
}

func (c *conversation) export(key storeKey) Conversation {
	out := Conversation{
		AccountSID:          key.account,
		ServiceSID:          key.service,
		SID:                 c.sid.String(),
		FriendlyName:        c.FriendlyName,
		UniqueName:          c.UniqueName,
		Attributes:          c.Attributes,
		State:               c.State.String(),
		MessagingServiceSID: c.MessagingService,
		DateCreated:         c.Created.time(),
		DateUpdated:         c.Updated.time(),
		EmailAddress:        c.EmailAddress,
		EmailName:           c.EmailName,
	}
	if c.Inactive != 0 {
		out.DateInactive = instant(c.Inactive).time()
	}
	if c.Closed != 0 {
		out.DateClosed = instant(c.Closed).time()
	}
	return out
}
