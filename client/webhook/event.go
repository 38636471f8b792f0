package webhook

import (
	"cmp"
	"encoding/json"
	"net/url"
	"time"

	"github.com/twilio-conversations-go/conversations/gen"
)

// EventType is the name of an event: one of the constants, or the name of an event of another resource,
// such as onMessageAdded.
type EventType string

// The events of conversations. See
// https://www.twilio.com/docs/conversations/conversations-webhooks#webhook-action-triggers
const (
	// OnConversationAdd comes before a conversation is created.
	OnConversationAdd EventType = "onConversationAdd"
	// OnConversationAdded comes after a conversation was created.
	OnConversationAdded EventType = "onConversationAdded"
	// OnConversationUpdate comes before a conversation is updated.
	OnConversationUpdate EventType = "onConversationUpdate"
	// OnConversationUpdated comes after a conversation was updated.
	OnConversationUpdated EventType = "onConversationUpdated"
	// OnConversationRemove comes before a conversation is deleted.
	OnConversationRemove EventType = "onConversationRemove"
	// OnConversationRemoved comes after a conversation was deleted.
	OnConversationRemoved EventType = "onConversationRemoved"
	// OnConversationStateUpdated comes after the state of a conversation changed.
	OnConversationStateUpdated EventType = "onConversationStateUpdated"
)

// Delivery is what the request of any event carries.
type Delivery struct {
	// EventType is the name of the event.
	EventType EventType
	// IdempotencyToken is the same for each attempt to deliver one event. It is the header
	// I-Twilio-Idempotency-Token, which is not signed, and empty if there is none.
	IdempotencyToken string
	// Params are all parameters of the request as they were sent, those that have no field included.
	// With the method GET they include the parameters that the configured URL has itself.
	Params url.Values
}

// Event is an event as [Receiver.Parse] returns it. Conversation and StateChange are both nil for an
// event of another resource.
type Event struct {
	Delivery
	// Conversation is the conversation of the events OnConversationAdd, OnConversationAdded,
	// OnConversationUpdate, OnConversationUpdated, OnConversationRemove and OnConversationRemoved.
	Conversation *Conversation
	// StateChange is the change of the event OnConversationStateUpdated.
	StateChange *StateChange
}

// ConversationEvent is an event with the conversation that it is about.
type ConversationEvent struct {
	Delivery
	Conversation
}

// StateEvent is the event OnConversationStateUpdated.
type StateEvent struct {
	Delivery
	StateChange
}

// Conversation and StateChange have the fields of gen.ConversationEvent and gen.ConversationStateEvent
// in the same order, so that the one converts to the other. A parameter that joins the description is a
// compile error until it joins here.

// Conversation is what an event tells of a conversation. What Twilio leaves out is zero. Times are in
// UTC, to the millisecond.
type Conversation struct {
	// ConversationSID identifies the conversation. OnConversationAdd has none.
	ConversationSID string
	// UniqueName is the application's name for the conversation.
	UniqueName string
	// FriendlyName is the human-readable name.
	FriendlyName string
	// State is the state. Twilio may add states to those of this package.
	State State
	// Attributes are the data of the application, as JSON text. See [Conversation.DecodeAttributes].
	Attributes string
	// DateCreated is when the conversation was created. OnConversationAdd has none.
	DateCreated time.Time
	// DateUpdated is when the conversation was last updated.
	DateUpdated time.Time
	// DateRemoved is when the conversation was deleted. Only OnConversationRemoved has it.
	DateRemoved time.Time
	// AccountSID is the account of the conversation.
	AccountSID string
	// ChatServiceSID is the Conversation Service of the conversation.
	ChatServiceSID string
	// MessagingServiceSID is the Messaging Service of the conversation.
	MessagingServiceSID string
	// Source is where the change came from: SDK, API, or the channel of the message that created the
	// conversation, such as SMS.
	Source string
	// ClientIdentity is the identity of the chat user who made the change through a client SDK.
	ClientIdentity string
	// MessagingBindingAddress and MessagingBindingProxyAddress are the addresses of the sender and of the
	// receiver of the message that created the conversation.
	MessagingBindingAddress      string
	MessagingBindingProxyAddress string
	// MessageBody and Media are the text and, as JSON text, the media of that message. Only
	// OnConversationAdd has them.
	MessageBody string
	Media       string
	// RetryCount is how often the delivery was repeated. Twilio does not document it.
	RetryCount int
}

// DecodeAttributes decodes the attributes into the value that v points to, as json.Unmarshal does.
// Absent attributes are {}.
func (c *Conversation) DecodeAttributes(v any) error {
	return json.Unmarshal([]byte(cmp.Or(c.Attributes, "{}")), v)
}

// StateChange is what OnConversationStateUpdated tells. It has neither names nor attributes: fetch the
// conversation for those.
type StateChange struct {
	// ConversationSID identifies the conversation.
	ConversationSID string
	// StateFrom is the state before, and StateTo the state after the change.
	StateFrom State
	StateTo   State
	// Reason is why the state changed.
	Reason Reason
	// StateUpdated is when the state changed, in UTC, to the millisecond.
	StateUpdated time.Time
	// AccountSID is the account of the conversation.
	AccountSID string
	// ChatServiceSID is the Conversation Service of the conversation.
	ChatServiceSID string
	// MessagingServiceSID is the Messaging Service of the conversation. Twilio documents it, but was seen to
	// leave it out.
	MessagingServiceSID string
	// RetryCount is how often the delivery was repeated. Twilio does not document it.
	RetryCount int
}

// State is the state of a conversation. It is the same type as State of package client.
//
// See https://www.twilio.com/docs/conversations/states-timers
type State = gen.ConversationEnumState

// The states of a conversation.
const (
	StateActive       = gen.ConversationEnumStateActive
	StateInactive     = gen.ConversationEnumStateInactive
	StateClosed       = gen.ConversationEnumStateClosed
	StateInitializing = gen.ConversationEnumStateInitializing
)

// Reason is why the state of a conversation changed. Twilio may add reasons to those of this package.
type Reason = gen.ConversationStateEventReason

const (
	// ReasonAPI is a request that set the state.
	ReasonAPI = gen.ConversationStateEventReasonAPI
	// ReasonTimer is a timer that expired.
	ReasonTimer = gen.ConversationStateEventReasonTIMER
	// ReasonEvent is something that happened in the conversation, such as a new message.
	ReasonEvent = gen.ConversationStateEventReasonEVENT
)
