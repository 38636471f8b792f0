package client

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/twilio-conversations-go/conversations/gen"
)

// lookup is a fetch on behalf of another call. It finds out what became of an attempt whose outcome
// is unknown.
type lookup struct {
	conv     *Conversation
	err      *Error
	response Response
}

func (r *Conversations) lookUp(ctx context.Context, id string, call *call) *lookup {
	var l lookup
	fetch := *call
	fetch.op, fetch.operationID = &fetchConversation, r.scope.operationID(&fetchConversation)
	fetch.sid, fetch.repeatable, fetch.pin, fetch.response = "", true, nil, &l.response
	l.conv, l.err = r.fetch(ctx, id, &fetch)
	l.response.Attempts = 0
	call.clock = fetch.clock
	return &l
}

func (l *lookup) notFound() bool { return l.err != nil && l.err.Status == http.StatusNotFound }

// adopt makes the response of the lookup the response of the call, since it decides the call.
func (l *lookup) adopt(call *call, attempts int) {
	if call.response != nil {
		*call.response = l.response
		call.response.Attempts = attempts
	}
}

// unresolved returns the error of a call whose outcome the lookup could not tell. Its text has the
// reason of the lookup. errors.As does not find the error of the lookup in it.
func (l *lookup) unresolved(ctx context.Context, call *call, e *Error) *Error {
	if ended := contextError(ctx); ended != nil {
		e.cause = call.foreign(ended)
	} else {
		e.cause = fault("looking up the outcome failed: " + l.err.reason())
	}
	return e
}

// resolveCreate decides a conflict after an attempt whose outcome is unknown: was the holder of the
// name created by that attempt, or by somebody else?
//
// It is this call's own if it is what was sent and was created during the call, or with the date
// that was sent. Otherwise the conflict is returned. Nothing was created only if the holder
// differs, is older than the call and was not updated since. One that differs but is newer may be
// this call's own, changed since. One that was updated may have taken the name from it.
func (r *Conversations) resolveCreate(ctx context.Context, form gen.ConversationForm, call *call, conflict *Error) (*Conversation, error) {
	l := r.lookUp(ctx, *form.UniqueName, call)
	if l.err != nil {
		return nil, l.unresolved(ctx, call, conflict)
	}
	evidence := l.conv.DateCreated
	if form.DateCreated != nil {
		evidence = l.conv.DateUpdated // matches compares the date of creation
	}
	same := matches(l.conv, form, true, func(set time.Time) bool { return set.Sub(l.conv.DateCreated).Abs() <= clockSlack })
	switch {
	case same && call.clock.during(evidence, 0):
		l.adopt(call, conflict.Attempts)
		return l.conv, nil
	case !same && form.DateCreated == nil && call.clock.before(evidence, clockSlack) && call.clock.before(l.conv.DateUpdated, clockSlack):
		conflict.Unclear = false
	}
	return nil, conflict
}

// resolveUpdate decides an update that is refused because the conversation is closed, after an
// attempt whose outcome is unknown. If the conversation is what was sent, that attempt has closed
// it.
func (r *Conversations) resolveUpdate(ctx context.Context, id string, form gen.ConversationForm, call *call, refused *Error) (*Conversation, error) {
	l := r.lookUp(ctx, id, call)
	switch {
	case l.err != nil:
		return nil, l.unresolved(ctx, call, refused)
	case !matches(l.conv, form, false, call.clock.about):
		return nil, refused
	}
	l.adopt(call, refused.Attempts)
	return l.conv, nil
}

// holder returns the SID of the conversation that holds a name. It is called before a change by
// that name is repeated after the failure e: the repetition must not reach a successor that has
// taken the name since.
//
// If the name is free, or its holder is newer than the call, the conversation of the call is gone.
// holder then returns the lookup that found this. A holder created in the second in which the call
// began may be either, so the call fails.
func (r *Conversations) holder(ctx context.Context, name string, call *call, e *Error) (sid string, gone *lookup, _ *Error) {
	l := r.lookUp(ctx, name, call)
	switch {
	case l.notFound():
		return "", l, e
	case l.err != nil:
		return "", nil, l.unresolved(ctx, call, e)
	case call.clock.before(l.conv.DateCreated, 0):
		return l.conv.SID, nil, nil
	case call.clock.after(l.conv.DateCreated):
		e.cause = fault("its name has passed to another conversation")
		return "", l, e
	}
	e.cause = fault("it is not known whether its name has passed to another conversation")
	return "", nil, e
}

// resolveGone decides an update whose conversation is no longer found under its name, after an
// attempt whose outcome is unknown. That attempt may have renamed it. The holder of the new name is
// the same conversation if it is what was sent, is older than the call, and was updated during the
// call.
func (r *Conversations) resolveGone(ctx context.Context, name string, form gen.ConversationForm, call *call, l *lookup, e *Error) (*Conversation, *Error) {
	gone := l.notFound()
	if form.UniqueName != nil && *form.UniqueName != "" && *form.UniqueName != name {
		l = r.lookUp(ctx, *form.UniqueName, call)
		switch {
		case l.notFound():
		case l.err != nil:
			return nil, l.unresolved(ctx, call, e)
		case matches(l.conv, form, false, call.clock.about) && call.clock.before(l.conv.DateCreated, 0) && call.clock.during(l.conv.DateUpdated, 0):
			l.adopt(call, e.Attempts)
			return l.conv, nil
		default:
			e.cause = fault("it is not known whether it was renamed")
			return nil, e
		}
	}
	if !gone {
		return nil, e
	}
	l.adopt(call, e.Attempts)
	notFound := *l.err
	notFound.Operation, notFound.Attempts, notFound.Unclear = e.Operation, e.Attempts, true
	return nil, &notFound
}

// matches reports whether a conversation is what was sent, as far as a response shows it. A
// response shows when a timer fires, from which the time of setting it is computed; set reports
// whether that time is right.
//
// A new conversation must have nothing else, except for a messaging service and timers, which
// Twilio sets by itself.
func matches(conv *Conversation, form gen.ConversationForm, isNew bool, set func(time.Time) bool) bool {
	text := func(sent *string, got string) bool {
		if sent != nil && *sent != "" {
			return *sent == got
		}
		return !isNew || got == ""
	}
	timer := func(sent *string, fires time.Time) bool {
		if sent == nil {
			return true
		}
		after, err := time.ParseDuration(strings.ToLower(strings.TrimPrefix(*sent, "PT")))
		return err == nil && (after == 0) == fires.IsZero() && (after == 0 || set(fires.Add(-after)))
	}
	date := func(sent *string, got time.Time) bool {
		if sent == nil {
			return true
		}
		t, err := time.Parse(time.RFC3339, *sent)
		return err == nil && t.Truncate(time.Second).Equal(got.Truncate(time.Second))
	}
	state := conv.State
	if form.State != nil {
		state = *form.State
	} else if isNew {
		state = StateActive
	}
	return text(form.FriendlyName, conv.FriendlyName) &&
		(form.UniqueName == nil || *form.UniqueName == "" || sameName(*form.UniqueName, conv.UniqueName)) &&
		(form.MessagingServiceSID == nil || strings.EqualFold(*form.MessagingServiceSID, conv.MessagingServiceSID)) &&
		text(form.BindingsEmailAddress, conv.Bindings.Email.ProjectedAddress) &&
		text(form.BindingsEmailName, conv.Bindings.Email.Name) &&
		(conv.State == state || isNew && conv.State == StateInitializing) &&
		timer(form.TimersInactive, conv.Timers.DateInactive) &&
		timer(form.TimersClosed, conv.Timers.DateClosed) &&
		date(form.DateCreated, conv.DateCreated) &&
		date(form.DateUpdated, conv.DateUpdated) &&
		sameAttributes(form.Attributes, conv.Attributes, isNew)
}

func sameAttributes(sent *string, got string, isNew bool) bool {
	if sent == nil {
		if !isNew {
			return true
		}
		sent = new(noAttributes)
	}
	a, errA := decodeNumbers(*sent)
	b, errB := decodeNumbers(cmp.Or(got, noAttributes))
	return errA == nil && errB == nil && reflect.DeepEqual(a, b)
}

// decodeNumbers decodes JSON and keeps every digit of numbers.
func decodeNumbers(text string) (v any, err error) {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	err = dec.Decode(&v)
	return v, err
}
