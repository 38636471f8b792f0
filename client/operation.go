package client

import (
	"context"
	"net/http"

	"github.com/twilio-conversations-go/conversations/gen"
)

// operation is one of the five operations on conversations, in the account's default service or in
// a named one.
type operation struct {
	id, serviceID string // the operationId for the default and for a named service
	success       int    // the status of success
	changes       bool   // false for a fetch and a list
}

func (o *operation) is(operationID string) bool {
	return operationID == o.id || operationID == o.serviceID
}

// scope is the service of the conversations, the account's default one if empty. The generated
// client has a method and types for each operation in each scope. The methods of scope choose
// between them, so that the code above knows no difference.
type scope struct{ service string }

// operationID returns a pointer, which a context holds without an allocation.
func (s scope) operationID(o *operation) *string {
	if s.service == "" {
		return &o.id
	}
	return &o.serviceID
}

var createConversation = operation{"createConversation", "createServiceConversation", http.StatusCreated, true}

func (s scope) create(ctx context.Context, g *gen.ClientWithResponses, params *gen.CreateConversationParams, form gen.ConversationForm) (*gen.ConversationsV1Conversation, error) {
	if s.service == "" {
		return created(g.CreateConversationWithFormdataBodyWithResponse(ctx, params, form))
	}
	res, err := g.CreateServiceConversationWithFormdataBodyWithResponse(ctx, s.service, (*gen.CreateServiceConversationParams)(params), form)
	return created((*gen.CreateConversationResult)(res), err)
}

func created(res *gen.CreateConversationResult, err error) (*gen.ConversationsV1Conversation, error) {
	if err != nil {
		return nil, err
	}
	return res.JSON201, nil
}

var fetchConversation = operation{"fetchConversation", "fetchServiceConversation", http.StatusOK, false}

func (s scope) fetch(ctx context.Context, g *gen.ClientWithResponses, id string) (*gen.ConversationsV1Conversation, error) {
	if s.service == "" {
		return ok(g.FetchConversationWithResponse(ctx, id))
	}
	res, err := g.FetchServiceConversationWithResponse(ctx, s.service, id)
	return ok((*gen.FetchConversationResult)(res), err)
}

func ok(res *gen.FetchConversationResult, err error) (*gen.ConversationsV1Conversation, error) {
	if err != nil {
		return nil, err
	}
	return res.JSON200, nil
}

var listConversation = operation{"listConversation", "listServiceConversation", http.StatusOK, false}

func (s scope) list(ctx context.Context, g *gen.ClientWithResponses, params *gen.ListConversationParams) (*gen.ListConversationResponse, error) {
	if s.service == "" {
		return listed(g.ListConversationWithResponse(ctx, params))
	}
	res, err := g.ListServiceConversationWithResponse(ctx, s.service, (*gen.ListServiceConversationParams)(params))
	return listed((*gen.ListConversationResult)(res), err)
}

func listed(res *gen.ListConversationResult, err error) (*gen.ListConversationResponse, error) {
	if err != nil {
		return nil, err
	}
	return res.JSON200, nil
}

var updateConversation = operation{"updateConversation", "updateServiceConversation", http.StatusOK, true}

func (s scope) update(ctx context.Context, g *gen.ClientWithResponses, id string, params *gen.UpdateConversationParams, form gen.ConversationForm) (*gen.ConversationsV1Conversation, error) {
	if s.service == "" {
		res, err := g.UpdateConversationWithFormdataBodyWithResponse(ctx, id, params, form)
		return ok((*gen.FetchConversationResult)(res), err)
	}
	res, err := g.UpdateServiceConversationWithFormdataBodyWithResponse(ctx, s.service, id, (*gen.UpdateServiceConversationParams)(params), form)
	return ok((*gen.FetchConversationResult)(res), err)
}

var deleteConversation = operation{"deleteConversation", "deleteServiceConversation", http.StatusNoContent, true}

func (s scope) delete(ctx context.Context, g *gen.ClientWithResponses, id string, params *gen.DeleteConversationParams) error {
	if s.service == "" {
		_, err := g.DeleteConversationWithResponse(ctx, id, params)
		return err
	}
	_, err := g.DeleteServiceConversationWithResponse(ctx, s.service, id, (*gen.DeleteServiceConversationParams)(params))
	return err
}
