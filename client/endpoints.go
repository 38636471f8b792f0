package client

import (
	"context"

	"github.com/twilio-conversations-go/conversations/gen"
)

// The verbs with which operationIds begin.
const (
	verbCreate = "create"
	verbFetch  = "fetch"
	verbList   = "list"
	verbUpdate = "update"
	verbDelete = "delete"
)

// endpoints are the five operations of one scope. The generated client has a method and a parameter
// type for each operation of each scope; from here on the scopes are one.
type endpoints struct {
	noun   string // what follows the verb in an operationId
	create func(context.Context, *gen.CreateConversationParams, gen.ConversationForm) (*gen.ConversationsV1Conversation, error)
	fetch  func(ctx context.Context, id string) (*gen.ConversationsV1Conversation, error)
	list   func(context.Context, *gen.ListConversationParams) (*gen.ListConversationResponse, error)
	update func(ctx context.Context, id string, params *gen.UpdateConversationParams, form gen.ConversationForm) (*gen.ConversationsV1Conversation, error)
	delete func(ctx context.Context, id string, params *gen.DeleteConversationParams) error
}

// defaultEndpoints are the operations on the account's default service.
func defaultEndpoints(g *gen.ClientWithResponses) endpoints {
	return endpoints{
		noun: "Conversation",
		create: func(ctx context.Context, params *gen.CreateConversationParams, form gen.ConversationForm) (*gen.ConversationsV1Conversation, error) {
			res, err := g.CreateConversationWithFormdataBodyWithResponse(ctx, params, form)
			if err != nil {
				return nil, err
			}
			return res.JSON201, nil
		},
		fetch: func(ctx context.Context, id string) (*gen.ConversationsV1Conversation, error) {
			res, err := g.FetchConversationWithResponse(ctx, id)
			if err != nil {
				return nil, err
			}
			return res.JSON200, nil
		},
		list: func(ctx context.Context, params *gen.ListConversationParams) (*gen.ListConversationResponse, error) {
			res, err := g.ListConversationWithResponse(ctx, params)
			if err != nil {
				return nil, err
			}
			return res.JSON200, nil
		},
		update: func(ctx context.Context, id string, params *gen.UpdateConversationParams, form gen.ConversationForm) (*gen.ConversationsV1Conversation, error) {
			res, err := g.UpdateConversationWithFormdataBodyWithResponse(ctx, id, params, form)
			if err != nil {
				return nil, err
			}
			return res.JSON200, nil
		},
		delete: func(ctx context.Context, id string, params *gen.DeleteConversationParams) error {
			_, err := g.DeleteConversationWithResponse(ctx, id, params)
			return err
		},
	}
}

// serviceEndpoints are the operations on the service with the given SID.
func serviceEndpoints(g *gen.ClientWithResponses, serviceSID string) endpoints {
	return endpoints{
		noun: "ServiceConversation",
		create: func(ctx context.Context, params *gen.CreateConversationParams, form gen.ConversationForm) (*gen.ConversationsV1Conversation, error) {
			res, err := g.CreateServiceConversationWithFormdataBodyWithResponse(ctx, serviceSID, (*gen.CreateServiceConversationParams)(params), form)
			if err != nil {
				return nil, err
			}
			return res.JSON201, nil
		},
		fetch: func(ctx context.Context, id string) (*gen.ConversationsV1Conversation, error) {
			res, err := g.FetchServiceConversationWithResponse(ctx, serviceSID, id)
			if err != nil {
				return nil, err
			}
			return res.JSON200, nil
		},
		list: func(ctx context.Context, params *gen.ListConversationParams) (*gen.ListConversationResponse, error) {
			res, err := g.ListServiceConversationWithResponse(ctx, serviceSID, (*gen.ListServiceConversationParams)(params))
			if err != nil {
				return nil, err
			}
			return res.JSON200, nil
		},
		update: func(ctx context.Context, id string, params *gen.UpdateConversationParams, form gen.ConversationForm) (*gen.ConversationsV1Conversation, error) {
			res, err := g.UpdateServiceConversationWithFormdataBodyWithResponse(ctx, serviceSID, id, (*gen.UpdateServiceConversationParams)(params), form)
			if err != nil {
				return nil, err
			}
			return res.JSON200, nil
		},
		delete: func(ctx context.Context, id string, params *gen.DeleteConversationParams) error {
			_, err := g.DeleteServiceConversationWithResponse(ctx, serviceSID, id, (*gen.DeleteServiceConversationParams)(params))
			return err
		},
	}
}
