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

// lookup is a fetch on behalf of another call, to find out what became of an attempt whose outcome is unknown.
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

// adopt makes the response of the lookup that of the call, which it decides.
func (l *lookup) adopt(call *call, attempts int) {
	if call.response != nil {
		*call.response = l.response
		call.response.Attempts = attempts
	}
}

// unresolved is the error of a call whose outcome a lookup could not tell. That of the lookup is told, but not
// found in it.
func (l *lookup) unresolved(ctx context.Context, call *call, e *Error) *Error {
	if ended := contextError(ctx); ended != nil {
		e.cause = call.foreign(ended)
	} else {
		e.cause = fault("looking up what became of it failed: " + l.err.reason())
	}
	return e
}

// resolveCreate decides a conflict that follows an attempt with an unknown outcome: does the conversation that
// holds the name come from that attempt, or from somebody else? It is taken for this call's own if it is what
// was sent and was created during the call, or with the date that was sent. Otherwise the conflict is returned.
// It is clear only if the conversation differs, is older than the call and was not updated since: one that differs
// may be this call's own too, and have been changed since, and one that was updated may have taken the name from it.
func (r *Conversations) resolveCreate(ctx context.Context, form gen.ConversationForm, call *call, conflict *Error) (*Conversation, error) {
	l := r.lookUp(ctx, *form.UniqueName, call)
	if l.err != nil {
		return nil, l.unresolved(ctx, call, conflict)
	}
	evidence := l.conv.DateCreated
	if form.DateCreated != nil {
		evidence = l.conv.DateUpdated // that it was created with this date shows in matches
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

// resolveUpdate decides an update that is refused because the conversation is closed, after an attempt with an
// unknown outcome: if the conversation is what was sent, that attempt made it so.
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

// holder looks up the SID of the conversation that holds a name, before a change that is addressed by that name
// is repeated after the given failure. The repetition must not reach a successor that took the name meanwhile.
// If the name is free, or its holder is newer than the call, the conversation that the call is about is gone,
// and the lookup that found it out is returned. A holder of the second in which the call began may be either.
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

// resolveGone decides an update of a conversation that is no longer found under its name, after an attempt with
// an unknown outcome, which may have renamed it. The holder of the new name is the same conversation if it is
// what was sent, older than the call, and was updated during the call.
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

// matches reports whether a conversation is what was sent, as far as a response shows it. Of a timer it shows
// when it fires; set reports whether that is right for a timer that was set then. A new conversation has nothing
// else, but for a messaging service and timers, which Twilio chooses by itself.
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

// decodeNumbers decodes JSON and keeps numbers to the digit.
func decodeNumbers(text string) (v any, err error) {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	err = dec.Decode(&v)
	return v, err
}
