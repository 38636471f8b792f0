package client

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/twilio-conversations-go/conversations/gen"
)

// CallOption configures one call. An invalid option is reported as a [*ParamError] before anything
// is sent. A fake reads options with [ApplyCallOptions].
type CallOption func(*call) error

// call is one call of a method: what was requested, and what its attempts share.
type call struct {
	op          *operation
	operationID *string
	sid         string   // of the conversation, if it is addressed by its SID
	named       bool     // the conversation is addressed by its unique name
	repeatable  bool     // the call may be retried after an attempt whose outcome is unknown
	names       []string // unique names, which the text of an error must not contain

	webhookEnabled *bool
	response       *Response
	retry          RetryPolicy
	attemptTimeout time.Duration
	editors        []RequestEditor

	account string // the account SID in the credentials, if they have one
	clock   clock
	// pin, if set, is called before the first retry that follows an attempt whose outcome is
	// unknown. It replaces the unique name of the conversation by its SID, so that the retry
	// reaches the same conversation. It returns false if the call ends here, with or without an
	// error.
	pin func(context.Context, *Error) (bool, *Error)
}

// newCall returns a call of an operation. The id addresses the conversation; it is empty for a
// create and a list. The name is the unique name that the call sets, nil if it sets none.
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
	if err := call.apply(opts); err != nil {
		return nil, err
	}
	if !op.changes && call.webhookEnabled != nil {
		return nil, &ParamError{Param: "WithWebhookEnabled", Field: "X-Twilio-Webhook-Enabled", Reason: "applies to Create, Update and Delete only"}
	}
	return call, nil
}

func (call *call) apply(opts []CallOption) error {
	for _, opt := range opts {
		if opt == nil {
			return &ParamError{Param: "CallOption", Reason: "must not be nil"}
		}
		if err := opt(call); err != nil {
			return err
		}
	}
	return nil
}

// CallSettings are what the options of a call set. A field is zero if its option is not given.
type CallSettings struct {
	WebhookEnabled *bool           // [WithWebhookEnabled]
	Response       *Response       // [WithResponse]; a fake may fill it
	Retry          RetryPolicy     // [WithCallRetry], with the defaults filled in
	AttemptTimeout time.Duration   // [WithCallAttemptTimeout]
	RequestEditors []RequestEditor // [WithRequestEditor]
}

// ApplyCallOptions returns what the options of a call set. It is for fakes that stand in for
// [Conversations] behind an interface: a test can then check the options that the program passes.
// An invalid option is reported as a [*ParamError].
func ApplyCallOptions(opts ...CallOption) (CallSettings, error) {
	var call call
	if err := call.apply(opts); err != nil {
		return CallSettings{}, err
	}
	return CallSettings{call.webhookEnabled, call.response, call.retry, call.attemptTimeout, call.editors}, nil
}

func (call *call) webhookHeader() *gen.ConversationEnumWebhookEnabledType {
	if call.webhookEnabled == nil {
		return nil
	}
	return new(gen.ConversationEnumWebhookEnabledType(strconv.FormatBool(*call.webhookEnabled)))
}

// WithWebhookEnabled sets the header X-Twilio-Webhook-Enabled of a Create, Update or Delete. A
// change made over REST fires the webhooks of the account only if it is true. Fetch and List report
// this option as a [*ParamError].
//
// See https://www.twilio.com/docs/conversations/conversations-webhooks
func WithWebhookEnabled(enabled bool) CallOption {
	return func(call *call) error {
		call.webhookEnabled = &enabled
		return nil
	}
}

// WithResponse stores the last response to the call in r when the call returns, whether it succeeds
// or fails. It is the response that an [*Error] describes. For a list, it is the response with the
// last page fetched.
func WithResponse(r *Response) CallOption {
	return func(call *call) error {
		if r == nil {
			return &ParamError{Param: "WithResponse", Reason: "must not be nil"}
		}
		call.response = r
		return nil
	}
}

// WithCallRetry replaces the retry policy of the client for one call, as [WithRetry] does for all.
// Its Budget must be zero: the budget belongs to the client.
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

// WithCallAttemptTimeout replaces the attempt timeout of the client for one call, see
// [WithAttemptTimeout]. It must be positive.
func WithCallAttemptTimeout(timeout time.Duration) CallOption {
	return func(call *call) error {
		call.attemptTimeout = timeout
		return positive("WithCallAttemptTimeout", timeout)
	}
}

// WithRequestEditor calls editor for each attempt of one call, after the authentication of the
// client. It may set headers, for example for tracing.
//
// The editor must be safe for concurrent use if the call is a list. If it fails, nothing is sent
// and the call returns its error, wrapped.
func WithRequestEditor(editor RequestEditor) CallOption {
	return func(call *call) error {
		if editor == nil {
			return &ParamError{Param: "WithRequestEditor", Reason: "must not be nil"}
		}
		call.editors = append(slices.Clip(call.editors), editor)
		return nil
	}
}

// Response describes the last response to a call, see [WithResponse].
type Response struct {
	// StatusCode is the HTTP status. It is 0 if there was no response.
	StatusCode int
	// Header is the header of the response. Among others it has Twilio-Request-Duration and
	// Twilio-Concurrent-Requests.
	Header http.Header
	// RequestID is the header Twilio-Request-Id. Twilio's support asks for it.
	RequestID string
	// Attempts is the number of attempts made.
	Attempts int
}

type operationKey struct{}

// Operation returns the operationId of the request that a context belongs to, such as
// createConversation. For any other context it returns "".
//
// It is for transports and request editors. A span named by it holds no id, unlike one named by the
// URL. With OpenTelemetry's otelhttp, pass this to NewTransport:
//
//	otelhttp.WithSpanNameFormatter(func(_ string, r *http.Request) string {
//		return client.Operation(r.Context())
//	})
//
// A test that does so is in testdata/integrations/integrations_test.go of the repository.
func Operation(ctx context.Context) string {
	id, _ := ctx.Value(operationKey{}).(*string)
	if id == nil {
		return ""
	}
	return *id
}
