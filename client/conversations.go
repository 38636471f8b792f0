package client

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/twilio-conversations-go/conversations/gen"
)

// Conversations are the conversations of one Conversation Service: [Client.Conversations] of the
// account's default one, [Client.Service] of another. A conversation is addressed by its SID or its
// unique name, which may contain any characters.
//
// See https://www.twilio.com/docs/conversations/api/conversation-resource
type Conversations struct {
	client    *Client
	endpoints endpoints
	service   string // its SID, empty for the default one
	invalid   error  // what is wrong with the service SID
}

// Conversation has the fields of gen.ConversationsV1Conversation in the same order, so that one converts
// to the other without a copy. A field that joins the description is a compile error until it joins here.

// Conversation is a conversation as Twilio returns it. What is null or absent in an answer is zero. It
// encodes to JSON under Twilio's names.
//
// See https://www.twilio.com/docs/conversations/api/conversation-resource#conversation-properties
type Conversation struct {
	// SID identifies the conversation: CH and 32 hexadecimal digits.
	SID string `json:"sid"`
	// UniqueName is the application's name for the conversation, unique within its service.
	UniqueName string `json:"unique_name"`
	// FriendlyName is the human-readable name.
	FriendlyName string `json:"friendly_name"`
	// State is the state. Twilio may add states to those of this package.
	State State `json:"state"`
	// Attributes are the data of the application, as JSON text: {} where none is set. See
	// [Conversation.DecodeAttributes].
	Attributes string `json:"attributes"`
	// DateCreated is when the conversation was created, in UTC to the second.
	DateCreated time.Time `json:"date_created"`
	// DateUpdated is when the conversation was last updated, in UTC to the second. Twilio does not document
	// whether messages count.
	DateUpdated time.Time `json:"date_updated"`
	// Timers are when the timers fire.
	Timers Timers `json:"timers"`
	// Bindings are the addresses that the conversation sends from.
	Bindings Bindings `json:"bindings"`
	// AccountSID is the account of the conversation.
	AccountSID string `json:"account_sid"`
	// ChatServiceSID is the Conversation Service of the conversation.
	ChatServiceSID string `json:"chat_service_sid"`
	// MessagingServiceSID is the Messaging Service of the conversation.
	MessagingServiceSID string `json:"messaging_service_sid"`
	// URL is the absolute URL of the conversation.
	URL string `json:"url"`
	// Links are the absolute URLs of what belongs to the conversation.
	Links Links `json:"links"`
}

// Timers are when a conversation becomes inactive (DateInactive) and closed (DateClosed), in UTC; the
// zero time where the timer is not set.
type Timers = gen.ConversationTimers

// Bindings are the addresses that a conversation sends from: Email.ProjectedAddress and Email.Name.
type Bindings = gen.ConversationBindings

// Links are the absolute URLs of what belongs to a conversation: Participants, Messages, Webhooks and
// Export.
type Links = gen.ConversationLinks

// State is the state of a conversation: StateActive, StateInactive, StateClosed, StateInitializing, or another
// string that Twilio may add.
//
// See https://www.twilio.com/docs/conversations/states-timers
type State = gen.ConversationEnumState

const (
	// StateActive is the state of a new conversation.
	StateActive = gen.ConversationEnumStateActive
	// StateInactive is the state of a conversation without recent activity. It can become active again.
	StateInactive = gen.ConversationEnumStateInactive
	// StateClosed is final: a closed conversation cannot be updated.
	StateClosed = gen.ConversationEnumStateClosed
	// StateInitializing is the state of a conversation to which Twilio is still attaching participants.
	StateInitializing = gen.ConversationEnumStateInitializing
)

// DecodeAttributes decodes the attributes into the value that v points to, as json.Unmarshal does. Those
// that an answer leaves out are {}.
func (c *Conversation) DecodeAttributes(v any) error {
	return json.Unmarshal([]byte(cmp.Or(c.Attributes, noAttributes)), v)
}

// Create creates a conversation. A unique name that is taken matches [ErrConflict]. When its outcome is unclear it is repeated only if it has a unique
// name; then a conflict with the conversation that an earlier attempt created is resolved to that
// conversation. Otherwise the error matches [ErrMaybeCreated].
func (r *Conversations) Create(ctx context.Context, params CreateParams, opts ...CallOption) (*Conversation, error) {
	form, err := params.form()
	if err != nil {
		return nil, err
	}
	if params.State != nil && *params.State == StateClosed {
		return nil, &ParamError{Param: "State", Reason: "a conversation cannot be created closed"}
	}
	named := form.UniqueName != nil && *form.UniqueName != ""
	call, err := r.newCall(verbCreate, http.StatusCreated, opts, params.UniqueName)
	if err != nil {
		return nil, err
	}
	call.repeatable = named

	var created *gen.ConversationsV1Conversation
	err = r.client.do(ctx, call, func(ctx context.Context) (err error) {
		created, err = r.endpoints.create(ctx, &gen.CreateConversationParams{XTwilioWebhookEnabled: call.webhookHeader()}, form)
		return checkConversation(created, err)
	})
	if e, ok := errors.AsType[*Error](err); ok && named && e.Unclear && (e.Code == codeNameTaken || e.Code == codeModification) {
		return r.resolveCreate(ctx, params, call, e)
	}
	if err != nil {
		return nil, err
	}
	return (*Conversation)(created), nil
}

// Fetch fetches a conversation by its SID or unique name. One that does not exist matches [ErrNotFound].
func (r *Conversations) Fetch(ctx context.Context, id string, opts ...CallOption) (*Conversation, error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	call, err := r.newCall(verbFetch, http.StatusOK, opts, &id)
	if err != nil {
		return nil, err
	}
	return r.fetch(ctx, id, call)
}

func (r *Conversations) fetch(ctx context.Context, id string, call *call) (*Conversation, error) {
	var fetched *gen.ConversationsV1Conversation
	err := r.client.do(ctx, call, func(ctx context.Context) (err error) {
		fetched, err = r.endpoints.fetch(ctx, id)
		return checkConversation(fetched, err)
	})
	if err != nil {
		return nil, err
	}
	return (*Conversation)(fetched), nil
}

// Update changes the given fields of a conversation, by its SID or unique name. A new unique name that is taken
// matches [ErrConflict]. A closed conversation
// cannot be updated: the error then matches [ErrClosed], unless an attempt with an unclear outcome had
// closed it as was asked. Likewise [ErrNotFound], if such an attempt had renamed it.
func (r *Conversations) Update(ctx context.Context, id string, params UpdateParams, opts ...CallOption) (*Conversation, error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	form, err := CreateParams(params).form()
	if err != nil {
		return nil, err
	}
	call, err := r.newCall(verbUpdate, http.StatusOK, opts, &id, params.UniqueName)
	if err != nil {
		return nil, err
	}
	call.repeatable = true

	var updated *gen.ConversationsV1Conversation
	err = r.client.do(ctx, call, func(ctx context.Context) (err error) {
		updated, err = r.endpoints.update(ctx, id, &gen.UpdateConversationParams{XTwilioWebhookEnabled: call.webhookHeader()}, form)
		return checkConversation(updated, err)
	})
	if e, ok := errors.AsType[*Error](err); ok && e.Unclear {
		renamed := params.UniqueName != nil && *params.UniqueName != "" && *params.UniqueName != id
		switch {
		case e.Code == codeClosed:
			return r.resolveUpdate(ctx, id, params, call, e)
		case e.Status == http.StatusNotFound && renamed:
			return r.resolveUpdate(ctx, *params.UniqueName, params, call, e)
		}
	}
	if err != nil {
		return nil, err
	}
	return (*Conversation)(updated), nil
}

// Delete deletes a conversation, by its SID or unique name. A conversation that does not exist is an
// error that matches [ErrNotFound], unless an attempt with an unclear outcome came before.
func (r *Conversations) Delete(ctx context.Context, id string, opts ...CallOption) error {
	if err := checkID(id); err != nil {
		return err
	}
	call, err := r.newCall(verbDelete, http.StatusNoContent, opts, &id)
	if err != nil {
		return err
	}
	call.repeatable = true

	err = r.client.do(ctx, call, func(ctx context.Context) error {
		return r.endpoints.delete(ctx, id, &gen.DeleteConversationParams{XTwilioWebhookEnabled: call.webhookHeader()})
	})
	if e, ok := errors.AsType[*Error](err); ok && e.Unclear && e.Status == http.StatusNotFound {
		return nil
	}
	return err
}

// errNoConversation stands for an answer that is JSON but not a conversation, such as null.
var errNoConversation = errors.New("the answer is not a conversation")

func checkConversation(c *gen.ConversationsV1Conversation, err error) error {
	if err == nil && (c == nil || c.SID == "") {
		return errNoConversation
	}
	return err
}
