package client

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/twilio-conversations-go/conversations/gen"
)

// Conversations are the conversations of one Conversation Service. [Client.Conversations] are those
// of the account's default service, and [Client.Service] leads to those of another one. A
// conversation is addressed by its SID or its unique name, which may contain any characters.
//
// See https://www.twilio.com/docs/conversations/api/conversation-resource
type Conversations struct {
	client  *Client
	scope   scope
	invalid error // what is wrong with the service SID
}

// Conversation has the fields of gen.ConversationsV1Conversation in the same order, so that one
// converts to the other without a copy. A field that is added to the description is a compile error
// until it is added here.

// Conversation is a conversation as Twilio returns it. What is null or absent in a response is the
// zero value. A Conversation encodes to JSON under Twilio's names.
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
	// Attributes are the data of the application, as JSON text. They are {} if none are set. See
	// [Conversation.DecodeAttributes].
	Attributes string `json:"attributes"`
	// DateCreated is when the conversation was created, in UTC to the second.
	DateCreated time.Time `json:"date_created"`
	// DateUpdated is when the conversation was last updated, in UTC to the second. Twilio does not
	// document whether a message is an update.
	DateUpdated time.Time `json:"date_updated"`
	// Timers are the times when the timers fire.
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

// fromGenerated is the only conversion. If it does not compile, a field of the description is
// missing in Conversation, or stands in another place than in the generated type.
func fromGenerated(conv *gen.ConversationsV1Conversation) *Conversation { return (*Conversation)(conv) }

// Timers are the times when a conversation becomes inactive (DateInactive) and closed (DateClosed),
// in UTC. They are zero if the timer is not set.
type Timers = gen.ConversationTimers

// Bindings are the addresses that a conversation sends from: Email.ProjectedAddress and Email.Name.
type Bindings = gen.ConversationBindings

// Links are the absolute URLs of what belongs to a conversation: Participants, Messages, Webhooks
// and Export.
type Links = gen.ConversationLinks

// State is the state of a conversation: StateActive, StateInactive, StateClosed, StateInitializing,
// or another string that Twilio may add.
//
// See https://www.twilio.com/docs/conversations/states-timers
type State = gen.ConversationEnumState

const (
	// StateActive is the state of a new conversation.
	StateActive = gen.ConversationEnumStateActive
	// StateInactive is the state of a conversation without recent activity. It can become active
	// again.
	StateInactive = gen.ConversationEnumStateInactive
	// StateClosed is final: a closed conversation cannot be updated.
	StateClosed = gen.ConversationEnumStateClosed
	// StateInitializing is the state of a conversation to which Twilio is still attaching
	// participants.
	StateInitializing = gen.ConversationEnumStateInitializing
)

// DecodeAttributes decodes the attributes into the value that v points to, as json.Unmarshal does.
// Attributes that a response leaves out are {}.
func (conv *Conversation) DecodeAttributes(v any) error {
	return json.Unmarshal([]byte(cmp.Or(conv.Attributes, noAttributes)), v)
}

// Create creates a conversation. If its unique name is taken, the error matches [ErrConflict].
//
// A create whose outcome is unknown (timeout, lost connection, 5xx) is retried only if it has a
// unique name. If the first attempt turns out to have succeeded, Create returns the conversation it
// made. If that cannot be known, or without a unique name, the error matches [ErrMaybeCreated].
//
// The first attempt succeeded if the retry is a conflict and the holder of the name is what was
// sent and was created during the call. It failed if the holder differs, is older than the call,
// and was not updated since. Dates decide only if the local clock and the Date headers of the
// responses agree. A create with a DateCreated is recognized by that date and an update during the
// call; with a DateUpdated as well, it is not recognized.
func (r *Conversations) Create(ctx context.Context, params CreateParams, opts ...CallOption) (*Conversation, error) {
	form, err := params.form()
	switch {
	case err != nil:
		return nil, err
	case params.UniqueName != nil && *params.UniqueName == "":
		return nil, &ParamError{Param: "UniqueName", Reason: "must not be empty: leave it nil for a conversation without one"}
	case params.State != nil && *params.State == StateClosed:
		return nil, &ParamError{Param: "State", Reason: "must not be closed: a conversation cannot be created closed"}
	}
	call, err := r.newCall(&createConversation, "", form.UniqueName, opts)
	if err != nil {
		return nil, err
	}
	call.repeatable = form.UniqueName != nil

	var made *gen.ConversationsV1Conversation
	e := r.client.do(ctx, call, func(ctx context.Context, g *gen.ClientWithResponses) (err error) {
		made, err = r.scope.create(ctx, g, &gen.CreateConversationParams{XTwilioWebhookEnabled: call.webhookHeader()}, form)
		return r.check(call, made, err, "", form.UniqueName)
	})
	switch {
	case e == nil:
		return fromGenerated(made), nil
	case e.Unclear && e.Status == http.StatusConflict && call.repeatable:
		return r.resolveCreate(ctx, form, call, e)
	}
	return nil, e
}

// Fetch fetches a conversation by its SID or unique name. If there is none, the error matches
// [ErrNotFound].
func (r *Conversations) Fetch(ctx context.Context, id string, opts ...CallOption) (*Conversation, error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	call, err := r.newCall(&fetchConversation, id, nil, opts)
	if err != nil {
		return nil, err
	}
	conv, e := r.fetch(ctx, id, call)
	if e != nil {
		return nil, e
	}
	return conv, nil
}

func (r *Conversations) fetch(ctx context.Context, id string, call *call) (*Conversation, *Error) {
	var fetched *gen.ConversationsV1Conversation
	e := r.client.do(ctx, call, func(ctx context.Context, g *gen.ClientWithResponses) (err error) {
		fetched, err = r.scope.fetch(ctx, g, id)
		return r.check(call, fetched, err, id, nil)
	})
	return fromGenerated(fetched), e
}

// Update changes the given fields of a conversation, by its SID or unique name. If there is no such
// conversation, the error matches [ErrNotFound]. If the new unique name is taken, it matches
// [ErrConflict]. If the conversation is closed and cannot be updated, it matches [ErrClosed].
//
// An update whose outcome is unknown is retried. If the retry fails because the conversation is now
// closed (or renamed), the client fetches it. If it has the requested values, the update has
// succeeded and Update returns it.
//
// An update by unique name is retried by SID. The client first fetches the holder of the name. If
// the name is free or its holder is newer than the call, the update fails, unless it renamed the
// conversation. If the holder was created only a second or two before the call, that cannot be
// known: the update is not repeated, and the error is unclear. An update by SID has no such limit.
func (r *Conversations) Update(ctx context.Context, id string, params UpdateParams, opts ...CallOption) (*Conversation, error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	form, err := CreateParams(params).form()
	if err != nil {
		return nil, err
	}
	call, err := r.newCall(&updateConversation, id, form.UniqueName, opts)
	if err != nil {
		return nil, err
	}
	call.repeatable = true

	var updated *gen.ConversationsV1Conversation
	var renamed *Conversation
	if !isSID("CH", id) {
		call.pin = func(ctx context.Context, e *Error) (bool, *Error) {
			sid, gone, e := r.holder(ctx, id, call, e)
			if gone != nil {
				renamed, e = r.resolveGone(ctx, id, form, call, gone, e)
				return false, e
			}
			id = sid
			return e == nil, e
		}
	}
	e := r.client.do(ctx, call, func(ctx context.Context, g *gen.ClientWithResponses) (err error) {
		updated, err = r.scope.update(ctx, g, id, &gen.UpdateConversationParams{XTwilioWebhookEnabled: call.webhookHeader()}, form)
		return r.check(call, updated, err, id, form.UniqueName)
	})
	switch {
	case e == nil && renamed != nil:
		return renamed, nil
	case e == nil:
		return fromGenerated(updated), nil
	case e.Unclear && e.Code == codeClosed:
		return r.resolveUpdate(ctx, id, form, call, e)
	}
	return nil, e
}

// Delete deletes a conversation, by its SID or unique name. If there is none, the error matches
// [ErrNotFound].
//
// A delete whose outcome is unknown is retried. If the conversation is gone by then, the delete has
// succeeded.
//
// A delete by unique name is retried by SID. The client first fetches the holder of the name. If
// the name is free or its holder is newer than the call, the delete has succeeded. Dates are
// compared as in [Conversations.Create].
func (r *Conversations) Delete(ctx context.Context, id string, opts ...CallOption) error {
	if err := checkID(id); err != nil {
		return err
	}
	call, err := r.newCall(&deleteConversation, id, nil, opts)
	if err != nil {
		return err
	}
	call.repeatable = true

	if !isSID("CH", id) {
		call.pin = func(ctx context.Context, e *Error) (bool, *Error) {
			sid, gone, end := r.holder(ctx, id, call, e)
			if gone != nil {
				gone.adopt(call, e.Attempts)
				return false, nil
			}
			id = sid
			return end == nil, end
		}
	}
	e := r.client.do(ctx, call, func(ctx context.Context, g *gen.ClientWithResponses) error {
		return r.scope.delete(ctx, g, id, &gen.DeleteConversationParams{XTwilioWebhookEnabled: call.webhookHeader()})
	})
	if e == nil || e.Unclear && e.Status == http.StatusNotFound {
		return nil
	}
	return e
}

// check returns an error if a response is not the requested conversation. It must have the given
// SID or unique name, or the new name if the call sets one. It must be in this service, and of the
// account whose credentials were used. A connection that is out of step, or a cache, can mix up
// responses.
func (r *Conversations) check(call *call, conv *gen.ConversationsV1Conversation, err error, id string, newName *string) error {
	switch {
	case err != nil:
		return err
	case conv == nil || !isSID("CH", conv.SID):
		return errNoConversation
	}
	for _, of := range [][2]string{{conv.ChatServiceSID, r.scope.service}, {conv.AccountSID, call.account}} {
		if of[0] != "" && of[1] != "" && !strings.EqualFold(of[0], of[1]) {
			return errMismatch
		}
	}
	name := id
	if isSID("CH", id) {
		if !strings.EqualFold(conv.SID, id) {
			return errMismatch
		}
		name = ""
	}
	if newName != nil && *newName != "" {
		name = *newName
	}
	if name != "" && !sameName(name, conv.UniqueName) {
		return errMismatch
	}
	return nil
}

// sameName reports whether the server may have made one of the names of the other: by folding case,
// by removing surrounding blanks or by normalizing Unicode.
//
// The tables of normalization would be linked into every program, so this is an approximation.
// Where the names differ, one of them must have a character that a normalization changes or joins
// to its neighbour.
func sameName(a, b string) bool {
	if a == b {
		return true
	}
	x, y := []rune(strings.ToLower(strings.TrimSpace(a))), []rune(strings.ToLower(strings.TrimSpace(b)))
	if len(x) == 0 || len(y) == 0 {
		return len(x)+len(y) == 0 // no character is normalized to nothing
	}
	for len(x) > 0 && len(y) > 0 && x[0] == y[0] {
		x, y = x[1:], y[1:]
	}
	for len(x) > 0 && len(y) > 0 && x[len(x)-1] == y[len(y)-1] {
		x, y = x[:len(x)-1], y[:len(y)-1]
	}
	return len(x)+len(y) == 0 || slices.ContainsFunc(x, normalizes) || slices.ContainsFunc(y, normalizes)
}

// normalizes reports whether the normalization forms of Unicode write a character differently, or
// join it to the one before. Composed letters need not be listed: the other form has a combining
// mark there.
func normalizes(r rune) bool {
	return unicode.Is(unicode.Mn, r) || // combining marks
		0x1100 <= r && r <= 0x11ff || // parts of Korean syllables
		0xa0 <= r && r <= 0xbe || 0x2000 <= r && r <= 0x24ff || 0x2a00 <= r && r <= 0x2fff || 0x3000 <= r && r <= 0x303f || // signs
		0x3130 <= r && r <= 0x33ff || 0xf900 <= r && r <= 0xffef || // compatibility forms
		0x1d100 <= r && r <= 0x1f2ff || 0x1fb00 <= r && r <= 0x1fbff || 0x2f800 <= r && r <= 0x2fa1f // no emoji is among them
}
