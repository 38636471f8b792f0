package client

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/twilio-conversations-go/conversations/gen"
)

// CallOption configures one call. An invalid one is reported as a [*ParamError] before anything is sent.
type CallOption func(*call) error

// call is one call of a method: what is asked for, and what its attempts share.
type call struct {
	op          *operation
	operationID *string
	sid         string   // of the conversation, if it is addressed by its SID
	named       bool     // it is addressed by its unique name
	repeatable  bool     // may be retried after an attempt whose outcome is unknown
	names       []string // unique names, which are not to be in the text of an error

	webhookEnabled *bool
	response       *Response
	retry          RetryPolicy
	attemptTimeout time.Duration
	editors        []RequestEditor

	account string // whose credentials an attempt was sent with, if it has any of an account
	clock   clock
	// pin, if set, is called before the call is repeated after an attempt whose outcome is unknown. It
	// returns false if the call ends here, in success or with an error.
	pin func(context.Context, *Error) (bool, *Error)
}

// newCall returns a call of an operation on the conversation with the given id, if there is one yet, that
// sets the given unique name, if any.
func (r *Conversations) newCall(op *operation, id string, name *string, opts []CallOption) (*call, error) {
	if r.invalid != nil {
		return nil, r.invalid
	}
	c := r.client
	call := &call{
		op: op, operationID: r.scope.operationID(op), repeatable: !op.changes,
		retry: c.retry, attemptTimeout: c.attemptTimeout, editors: c.editors, clock: clock{began: time.Now()},
	}
	if isSID("CH", id) {
		call.sid = id
	} else if id != "" {
		call.named = true
		call.names = append(call.names, id)
	}
	if name != nil && *name != "" {
		call.names = append(call.names, *name)
	}
	for _, opt := range opts {
		if opt == nil {
			return nil, &ParamError{Param: "CallOption", Reason: "must not be nil"}
		}
		if err := opt(call); err != nil {
			return nil, err
		}
	}
	if !op.changes && call.webhookEnabled != nil {
		return nil, &ParamError{Param: "WithWebhookEnabled", Field: "X-Twilio-Webhook-Enabled", Reason: "applies to Create, Update and Delete only"}
	}
	return call, nil
}

func (call *call) webhookHeader() *gen.ConversationEnumWebhookEnabledType {
	if call.webhookEnabled == nil {
		return nil
	}
	return new(gen.ConversationEnumWebhookEnabledType(strconv.FormatBool(*call.webhookEnabled)))
}

// WithWebhookEnabled sends the header X-Twilio-Webhook-Enabled. It says whether the change fires the
// account's Conversations webhooks; changes made over REST do so only if it is true. It applies to Create,
// Update and Delete. Fetch and List report it as a [*ParamError].
//
// See https://www.twilio.com/docs/conversations/conversations-webhooks
func WithWebhookEnabled(enabled bool) CallOption {
	return func(call *call) error {
		call.webhookEnabled = &enabled
		return nil
	}
}

// WithResponse stores the last response to the call in r when the call returns, in success and in failure.
// It is the response that an [*Error] describes. For a list, it is the response with the last page fetched.
func WithResponse(r *Response) CallOption {
	return func(call *call) error {
		if r == nil {
			return &ParamError{Param: "WithResponse", Reason: "must not be nil"}
		}
		call.response = r
		return nil
	}
}

// WithCallRetry replaces the retry policy of the client for one call. Its fields are those of [WithRetry],
// but Budget, which belongs to the client, must be zero.
func WithCallRetry(policy RetryPolicy) CallOption {
	return func(call *call) error {
		if policy.Budget != 0 {
			return &ParamError{Param: "WithCallRetry", Reason: "Budget must be zero: it belongs to the client (WithRetry)"}
		}
		full, err := policy.complete("WithCallRetry")
		call.retry = full
		return err
	}
}

// WithCallAttemptTimeout replaces the attempt timeout of the client (see [WithAttemptTimeout]) for one call.
// It must be positive.
func WithCallAttemptTimeout(timeout time.Duration) CallOption {
	return func(call *call) error {
		call.attemptTimeout = timeout
		return positive("WithCallAttemptTimeout", timeout)
	}
}

// WithRequestEditor calls editor for each attempt of one call, after the client's own authentication. It may
// set headers, for example for tracing. It must be safe for concurrent use if the call is a list. If it
// fails, nothing is sent, and the call returns its error, wrapped.
func WithRequestEditor(editor RequestEditor) CallOption {
	return func(call *call) error {
		if editor == nil {
			return &ParamError{Param: "WithRequestEditor", Reason: "must not be nil"}
		}
		call.editors = append(slices.Clip(call.editors), editor)
		return nil
	}
}

// Response describes the last response to a call.
type Response struct {
	// StatusCode is the HTTP status, 0 if there was no response.
	StatusCode int
	// Header is the header of the response. It has Twilio-Request-Duration and Twilio-Concurrent-Requests,
	// among others.
	Header http.Header
	// RequestID is the header Twilio-Request-Id, which Twilio's support asks for.
	RequestID string
	// Attempts is how many attempts were made.
	Attempts int
}

type operationKey struct{}

// Operation returns the operationId of the request that a context belongs to, such as createConversation. It
// is for transports and request editors, which may name a span by it: unlike a URL it holds no id. It
// returns "" for the context of any other request.
func Operation(ctx context.Context) string {
	id, _ := ctx.Value(operationKey{}).(*string)
	if id == nil {
		return ""
	}
	return *id
}
