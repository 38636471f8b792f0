package conversationstest

import (
	"fmt"
	"net/http"
)

// WebhookAssumptions are other ways in which Twilio may send webhooks, where the emulator assumes
// something that Twilio does not document. The zero value is what it assumes. [AssumeWebhooks]
// chooses others.
type WebhookAssumptions struct {
	// NoPreEvents fires no pre-event for requests over REST. The assumption is that the header
	// fires pre-events and post-events.
	NoPreEvents bool
	// NoUpdatedForState fires onConversationStateUpdated alone for an update that changes the
	// state. The assumption is that onConversationUpdated comes before it.
	NoUpdatedForState bool
	// StateUpdatedWithoutHeader fires onConversationStateUpdated for every update that changes the
	// state. The assumption is that the update needs the header, as for any other event.
	StateUpdatedWithoutHeader bool
	// UpdatedByTimer fires onConversationUpdated before onConversationStateUpdated when a timer
	// expires. The assumption is that only the latter fires.
	UpdatedByTimer bool
	// EventsForNoChange fires onConversationUpdate and onConversationUpdated for an update without
	// any value. The assumption is that it fires nothing. An update that sets what is already so
	// does fire both; only onConversationStateUpdated needs another state.
	EventsForNoChange bool
	// KeepAttributes ignores attributes in the response to a pre-event. The assumption is that a
	// pre-event changes both friendly_name and attributes; Twilio documents friendly_name.
	KeepAttributes bool
	// RefusedStatus is the HTTP status with which a request fails that a pre-event refuses. 0
	// stands for 403, which is assumed. Its code is 50056.
	RefusedStatus int
	// Retries is how often a post-event is delivered again when it timed out or was answered with
	// 429, 503 or 504. The assumption is 0. A retry follows at once, has the same idempotency token
	// and counts RetryCount up.
	Retries int
}

// AssumeWebhooks makes the emulator send webhooks otherwise where it is not documented how Twilio
// does. A status that is not from 400 to 599 or a negative number of retries is an error.
func AssumeWebhooks(a WebhookAssumptions) Option {
	return func(c *config) error {
		if a.RefusedStatus != 0 && (a.RefusedStatus < 400 || a.RefusedStatus > 599) {
			return fmt.Errorf("conversationstest: RefusedStatus %d is not from 400 to 599", a.RefusedStatus)
		}
		if a.Retries < 0 {
			return fmt.Errorf("conversationstest: Retries %d is negative", a.Retries)
		}
		c.assume = a
		return nil
	}
}

// refused is the error of a request that a pre-event refuses.
func (a WebhookAssumptions) refused() *apiError {
	status := http.StatusForbidden
	if a.RefusedStatus != 0 {
		status = a.RefusedStatus
	}
	return fail(status, 50056, "Webhook cancelled processing of command")
}
