package webhook

import (
	"cmp"
	"encoding/json"
	"net/url"
	"time"

	"github.com/twilio-conversations-go/conversations/gen"
)

// EventType is the name of an event: one of the constants, or the name of an event of another
// resource, such as onMessageAdded.
type EventType string

// The events of conversations. See
// https://www.twilio.com/docs/conversations/conversations-webhooks#webhook-action-triggers
const (
	// OnConversationAdd is sent before a conversation is created.
	OnConversationAdd EventType = "onConversationAdd"
	// OnConversationAdded is sent after a conversation was created.
	OnConversationAdded EventType = "onConversationAdded"
	// OnConversationUpdate is sent before a conversation is updated.
	OnConversationUpdate EventType = "onConversationUpdate"
	// OnConversationUpdated is sent after a conversation was updated.
	OnConversationUpdated EventType = "onConversationUpdated"
	// OnConversationRemove is sent before a conversation is deleted.
	OnConversationRemove EventType = "onConversationRemove"
	// OnConversationRemoved is sent after a conversation was deleted.
	OnConversationRemoved EventType = "onConversationRemoved"
	// OnConversationStateUpdated is sent after the state of a conversation changed.
	OnConversationStateUpdated EventType = "onConversationStateUpdated"
)

// Delivery is what the request of every event has.
type Delivery struct {
	// EventType is the name of the event.
	EventType EventType
	// IdempotencyToken is the same for each attempt to deliver an event. It is the header
	// I-Twilio-Idempotency-Token, which is not signed. It is empty if there is none.
	IdempotencyToken string
	// Params are all parameters of the request as they were sent, including those without a field.
	// If the method is GET, they include the parameters of the configured URL itself.
	Params url.Values
}

// Event is an event as [Receiver.Parse] returns it. Conversation and StateChange are both nil for
// an event of another resource.
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

// Conversation and StateChange have the fields of gen.ConversationEvent and
// gen.ConversationStateEvent in the same order, so that one converts to the other. A parameter that
// is added to the description is a compile error until it is added here.

// Conversation is what an event says about a conversation. What Twilio leaves out is the zero
// value. Times are in UTC, to the millisecond.
type Conversation struct {
	// ConversationSID identifies the conversation. OnConversationAdd has none.
	ConversationSID string
	// UniqueName is the application's name for the conversation.
	UniqueName string
	// FriendlyName is the human-readable name.
	FriendlyName string
	// State is the state. Twilio may add states to those of this package.
	State State
	// Attributes are the data of the application, as JSON text. See
	// [Conversation.DecodeAttributes].
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
	// Source is where the change came from: SDK, API, or the channel of the message that created
	// the conversation, such as SMS.
	Source string
	// ClientIdentity is the identity of the chat user who made the change with a client SDK.
	ClientIdentity string
	// MessagingBindingAddress and MessagingBindingProxyAddress are the addresses of the sender and
	// the receiver of the message that created the conversation.
	MessagingBindingAddress      string
	MessagingBindingProxyAddress string
	// MessageBody and Media are the text of that message and, as JSON text, its media. Only
	// OnConversationAdd has them.
	MessageBody string
	Media       string
	// RetryCount is the number of earlier attempts to deliver the event. Twilio does not document
	// it.
	RetryCount int
}

// DecodeAttributes decodes the attributes into the value that v points to, as json.Unmarshal does.
// Attributes that the event leaves out are {}.
func (c *Conversation) DecodeAttributes(v any) error {
	return json.Unmarshal([]byte(cmp.Or(c.Attributes, "{}")), v)
}

// StateChange is what OnConversationStateUpdated says. It has neither names nor attributes: fetch
// the conversation for those.
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
	// MessagingServiceSID is the Messaging Service of the conversation. Twilio documents it, but
	// was seen to leave it out.
	MessagingServiceSID string
	// RetryCount is the number of earlier attempts to deliver the event. Twilio does not document
	// it.
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

// Reason is why the state of a conversation changed. Twilio may add reasons to those of this
// package.
type Reason = gen.ConversationStateEventReason

const (
	// ReasonAPI is a request that set the state.
	ReasonAPI = gen.ConversationStateEventReasonAPI
	// ReasonTimer is a timer that expired.
	ReasonTimer = gen.ConversationStateEventReasonTIMER
	// ReasonEvent is something that happened in the conversation, such as a new message.
	ReasonEvent = gen.ConversationStateEventReasonEVENT
)
