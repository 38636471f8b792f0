package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/twilio-conversations-go/conversations/gen"
)

// patience is how long Twilio waits for a response.
const patience = 5 * time.Second

// ErrRefused refuses a change when the function of a pre-event returns it, wrapped or not. The
// request for the change then fails with Twilio's code 50056.
var ErrRefused = errors.New("webhook: the change is refused")

// Change is what the function of a pre-event changes. A nil field keeps the requested value. If
// Twilio does not accept a value, the request for the change fails.
type Change struct {
	// FriendlyName is the human-readable name, at most 256 characters.
	FriendlyName *string
	// Attributes are any data of the application that encode to JSON of at most 16 KB. JSON text is
	// given as a json.RawMessage; a string or a []byte is an error. Twilio documents FriendlyName
	// only; its own samples set both.
	Attributes any
}

// Events are the functions to call, each for the event of its name. If a field is nil, the event is
// ignored, and a pre-event is accepted. The functions may be called concurrently. The package
// documentation says what their results do.
type Events struct {
	// Pre-events. Twilio holds back the change until the function returns.
	OnConversationAdd    func(context.Context, *ConversationEvent) (*Change, error)
	OnConversationUpdate func(context.Context, *ConversationEvent) (*Change, error)
	OnConversationRemove func(context.Context, *ConversationEvent) error

	// Post-events.
	OnConversationAdded        func(context.Context, *ConversationEvent) error
	OnConversationUpdated      func(context.Context, *ConversationEvent) error
	OnConversationRemoved      func(context.Context, *ConversationEvent) error
	OnConversationStateUpdated func(context.Context, *StateEvent) error

	// Other is called for every event of another resource, such as onMessageAdded. The event has
	// its Params only. If it is a pre-event, an error refuses the change.
	Other func(context.Context, *Event) error
}

// Handler returns a handler that calls the functions of events. If [Receiver.Parse] does not accept
// a request, the response has the status of its error. The context of a function is that of the
// request, and ends after 5 seconds.
func (r *Receiver) Handler(events Events) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		event, err := r.Parse(req)
		if err != nil {
			refusal, _ := errors.AsType[*Error](err)
			r.logger.WarnContext(req.Context(), "webhook not accepted", "status", refusal.Status, "reason", refusal.Reason)
			if refusal.Status == http.StatusMethodNotAllowed {
				w.Header().Set("Allow", "GET, POST")
			}
			http.Error(w, http.StatusText(refusal.Status), refusal.Status)
			return
		}
		ctx, cancel := context.WithTimeout(req.Context(), patience)
		defer cancel()
		body, err := events.call(ctx, event)
		if late := errors.Is(ctx.Err(), context.DeadlineExceeded); late {
			r.logger.WarnContext(req.Context(), "webhook took too long: Twilio has continued without a response", "event", event.EventType, "limit", patience)
			if event.pre() {
				return // 200, as Twilio has it by now
			}
		}
		switch {
		case errors.Is(err, ErrRefused):
			http.Error(w, http.StatusText(http.StatusForbidden), http.StatusForbidden)
		case err != nil:
			r.logger.ErrorContext(req.Context(), "webhook failed", "event", event.EventType, "error", err)
			http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		case body != nil:
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(body) // Twilio is gone if this fails
		}
	})
}

// pre reports whether Twilio waits for the response before it changes a conversation.
func (e *Event) pre() bool {
	switch e.EventType {
	case OnConversationAdd, OnConversationUpdate, OnConversationRemove:
		return true
	}
	return false
}

// call calls the function of an event and returns the body of the response. A panic is an error.
func (e Events) call(ctx context.Context, event *Event) (body []byte, err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			panic(p)
		default:
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	switch event.EventType {
	case OnConversationAdd:
		return decide(ctx, e.OnConversationAdd, event)
	case OnConversationUpdate:
		return decide(ctx, e.OnConversationUpdate, event)
	case OnConversationRemove:
		return nil, tell(ctx, e.OnConversationRemove, event)
	case OnConversationAdded:
		return nil, tell(ctx, e.OnConversationAdded, event)
	case OnConversationUpdated:
		return nil, tell(ctx, e.OnConversationUpdated, event)
	case OnConversationRemoved:
		return nil, tell(ctx, e.OnConversationRemoved, event)
	case OnConversationStateUpdated:
		if e.OnConversationStateUpdated != nil {
			return nil, e.OnConversationStateUpdated(ctx, &StateEvent{event.Delivery, *event.StateChange})
		}
	default:
		if e.Other != nil {
			return nil, e.Other(ctx, event)
		}
	}
	return nil, nil
}

// tell calls the function of an event that changes nothing but may refuse.
func tell(ctx context.Context, f func(context.Context, *ConversationEvent) error, event *Event) error {
	if f == nil {
		return nil
	}
	return f(ctx, &ConversationEvent{event.Delivery, *event.Conversation})
}

// decide calls the function of a pre-event and returns its change as JSON.
func decide(ctx context.Context, f func(context.Context, *ConversationEvent) (*Change, error), event *Event) ([]byte, error) {
	if f == nil {
		return nil, nil
	}
	change, err := f(ctx, &ConversationEvent{event.Delivery, *event.Conversation})
	if change == nil || err != nil {
		return nil, err
	}
	out := gen.ConversationChange{FriendlyName: change.FriendlyName}
	switch change.Attributes.(type) {
	case nil:
	case string, []byte:
		return nil, errors.New("webhook: Attributes: must be a json.RawMessage if it is JSON text")
	default:
		attributes, err := json.Marshal(change.Attributes)
		if err != nil {
			return nil, fmt.Errorf("webhook: Attributes: must be a value that encodes to JSON: %w", err)
		}
		out.Attributes = new(string(attributes))
	}
	return json.Marshal(out)
}
