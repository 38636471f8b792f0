package client

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/twilio-conversations-go/conversations/gen"
)

// call is one call of a method, and what its attempts share.
type call struct {
	operation  string // operationId
	success    int    // the status of success
	changes    bool   // not a fetch or a list
	repeatable bool   // may be tried again after an attempt whose outcome is unclear

	names          []string // unique names, which are not to be in the text of an error
	webhookEnabled *bool
	response       *Response
}

func (r *Conversations) newCall(verb string, success int, opts []CallOption, ids ...*string) (*call, error) {
	if r.invalid != nil {
		return nil, r.invalid
	}
	reads := verb == verbFetch || verb == verbList
	c := &call{operation: verb + r.endpoints.noun, success: success, changes: !reads, repeatable: reads}
	for _, id := range ids {
		if id != nil && *id != "" && !isSID("CH", *id) {
			c.names = append(c.names, *id)
		}
	}
	for _, opt := range opts {
		opt(c)
	}
	if reads && c.webhookEnabled != nil {
		return nil, &ParamError{Param: "X-Twilio-Webhook-Enabled", Reason: "it applies to create, update and delete"}
	}
	return c, nil
}

func (c *call) webhookHeader() *gen.ConversationEnumWebhookEnabledType {
	if c.webhookEnabled == nil {
		return nil
	}
	return new(gen.ConversationEnumWebhookEnabledType(strconv.FormatBool(*c.webhookEnabled)))
}

// attempt is one attempt of a call. It travels in the context through the generated client, to which
// it adds what a plain error cannot tell: how far the request came.
type attempt struct {
	call *call

	dispatched bool        // no request editor stopped the request
	connecting atomic.Bool // the transport asked for a connection
	connected  atomic.Bool // and got one
	status     int         // of the answer
	header     http.Header // of the answer
	answered   time.Time   // when it began to arrive
	refused    *Error      // what it says, if it is no success
	readErr    error       // what cut it short
}

type attemptKey struct{}
