package client

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"time"
)

// clockSlack is how far the clocks of a server may be apart: that of its answers and that of its dates.
const clockSlack = 5 * time.Second

// resolveCreate decides a conflict over the unique name that follows an attempt with an unclear
// outcome: does the conversation that holds the name come from that attempt, or from somebody else?
// It is taken for this call's own if it is what was asked for and was created since the call began, by the
// server's clock. Otherwise the conflict is returned, and stays unclear unless the conversation is
// older than the call: one that differs may be this call's own too, and have been changed since.
func (r *Conversations) resolveCreate(ctx context.Context, params CreateParams, call *call, conflict *Error) (*Conversation, error) {
	held, err := r.fetch(ctx, *params.UniqueName, r.fetchCall(call))
	switch {
	case err != nil:
		conflict.cause = unresolved(ctx, err)
	case conflict.began.IsZero() || held.DateCreated.IsZero() || params.DateCreated != nil:
		// There is no clock to go by, or no date to compare with it.
	case held.DateCreated.Before(conflict.began.Add(-clockSlack)):
		conflict.Unclear = false
	case !held.DateCreated.Before(conflict.began) && matches(held, params, true):
		return held, nil
	}
	return nil, conflict
}

// resolveUpdate decides an update that is refused because the conversation is closed, or not found under the
// name that it is to lose, after an attempt with an unclear outcome: if the conversation with the given id is
// what was asked for, that attempt made it so.
func (r *Conversations) resolveUpdate(ctx context.Context, id string, params UpdateParams, call *call, refused *Error) (*Conversation, error) {
	held, err := r.fetch(ctx, id, r.fetchCall(call))
	switch {
	case err != nil:
		refused.cause = unresolved(ctx, err)
	case matches(held, CreateParams(params), false):
		return held, nil
	}
	return nil, refused
}

// fetchCall is the call that fetches a conversation on behalf of another call.
func (r *Conversations) fetchCall(of *call) *call {
	return &call{operation: verbFetch + r.endpoints.noun, success: http.StatusOK, repeatable: true, response: of.response, names: of.names}
}

// unresolved is why the outcome of a call stays unknown. The error is told but not wrapped: it is not the
// error of the call, which is not to match what it matches.
func unresolved(ctx context.Context, err error) error {
	return cmp.Or(contextError(ctx), errors.New("to resolve it: "+err.Error()))
}

// matches tells whether a conversation has the fields that were asked for, as far as an answer shows
// them: of a timer it shows when it fires, but not what it was set to. A new conversation has no others,
// but for a messaging service and timers, which Twilio chooses by itself.
func matches(c *Conversation, asked CreateParams, isNew bool) bool {
	given := func(s *string) bool { return s != nil && *s != "" }
	text := func(asked *string, got string) bool {
		if given(asked) {
			return *asked == got
		}
		return !isNew || got == ""
	}
	timer := func(asked *time.Duration, fires time.Time) bool {
		return asked == nil || (*asked == 0) == fires.IsZero()
	}
	date := func(asked *time.Time, got time.Time) bool {
		return asked == nil || asked.Truncate(time.Second).Equal(got.Truncate(time.Second))
	}
	state := c.State
	if asked.State != nil {
		state = *asked.State
	} else if isNew {
		state = StateActive
	}
	return text(asked.FriendlyName, c.FriendlyName) &&
		text(asked.UniqueName, c.UniqueName) &&
		(!given(asked.MessagingServiceSID) || *asked.MessagingServiceSID == c.MessagingServiceSID) &&
		text(asked.BindingsEmailAddress, c.Bindings.Email.ProjectedAddress) &&
		text(asked.BindingsEmailName, c.Bindings.Email.Name) &&
		(c.State == state || c.State == StateInitializing) &&
		timer(asked.InactiveAfter, c.Timers.DateInactive) &&
		timer(asked.ClosedAfter, c.Timers.DateClosed) &&
		date(asked.DateCreated, c.DateCreated) &&
		date(asked.DateUpdated, c.DateUpdated) &&
		sameAttributes(asked.Attributes, c.Attributes, isNew)
}

func sameAttributes(asked any, got string, isNew bool) bool {
	sent, err := attributes(asked)
	if err != nil || sent == nil && !isNew {
		return err == nil
	}
	if sent == nil {
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
	return v, dec.Decode(&v)
}
