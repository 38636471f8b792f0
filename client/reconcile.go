package client

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"time"
)

// resolveCreate decides a conflict over the unique name that follows an attempt with an unclear
// outcome: does the conversation that holds the name come from that attempt, or from somebody else?
// It is taken for this call's own if it has the fields that were asked for and was created since the
// call began, by the server's clock. If that cannot be told, the conflict is returned, still unclear.
func (r *Conversations) resolveCreate(ctx context.Context, params CreateParams, call *call, conflict *Error, began time.Time) (*Conversation, error) {
	// The server's clock at the beginning of the call, or a little before: its clock when it answered,
	// to the second below, less the time since.
	serverBegan := conflict.date.Add(-time.Since(began)).Truncate(time.Second)

	held, err := r.fetch(ctx, *params.UniqueName, r.fetchCall(call))
	if err != nil {
		conflict.cause = err
		return nil, conflict
	}
	switch {
	case !matches(held, params):
		conflict.Unclear = false
	case conflict.date.IsZero() || params.DateCreated != nil:
		// There is no clock to go by, or no date to compare with it.
	case held.DateCreated.Before(serverBegan):
		conflict.Unclear = false
	default:
		return held, nil
	}
	return nil, conflict
}

// resolveUpdate decides an update that is refused because the conversation is closed, after an attempt
// with an unclear outcome: if the conversation is what was asked for, that attempt closed it.
func (r *Conversations) resolveUpdate(ctx context.Context, id string, params UpdateParams, call *call, closed *Error) (*Conversation, error) {
	held, err := r.fetch(ctx, id, r.fetchCall(call))
	if err != nil {
		closed.cause = err
		return nil, closed
	}
	if !matches(held, CreateParams(params)) {
		closed.Unclear = false
		return nil, closed
	}
	return held, nil
}

// fetchCall is the call that fetches a conversation on behalf of another call.
func (r *Conversations) fetchCall(of *call) *call {
	return &call{operation: verbFetch + r.endpoints.noun, success: http.StatusOK, repeatable: true, response: of.response}
}

// matches tells whether a conversation has the fields that were asked for, as far as an answer shows
// them. Of a timer it shows when it fires but not what it was set to.
func matches(c *Conversation, asked CreateParams) bool {
	text := func(asked *string, got string) bool { return asked == nil || *asked == "" || *asked == got }
	timer := func(asked *time.Duration, fires time.Time) bool {
		return asked == nil || (*asked == 0) == fires.IsZero()
	}
	date := func(asked *time.Time, got time.Time) bool {
		return asked == nil || asked.Truncate(time.Second).Equal(got.Truncate(time.Second))
	}
	return text(asked.FriendlyName, c.FriendlyName) &&
		text(asked.UniqueName, c.UniqueName) &&
		text(asked.MessagingServiceSID, c.MessagingServiceSID) &&
		text(asked.BindingsEmailAddress, c.Bindings.Email.ProjectedAddress) &&
		text(asked.BindingsEmailName, c.Bindings.Email.Name) &&
		(asked.State == nil || *asked.State == c.State || c.State == StateInitializing) &&
		timer(asked.InactiveAfter, c.Timers.DateInactive) &&
		timer(asked.ClosedAfter, c.Timers.DateClosed) &&
		date(asked.DateCreated, c.DateCreated) &&
		date(asked.DateUpdated, c.DateUpdated) &&
		sameAttributes(asked.Attributes, c.Attributes)
}

func sameAttributes(asked any, got string) bool {
	sent, err := attributes(asked)
	if err != nil || sent == nil || *sent == got {
		return err == nil
	}
	var a, b any
	return json.Unmarshal([]byte(*sent), &a) == nil && json.Unmarshal([]byte(got), &b) == nil && reflect.DeepEqual(a, b)
}
