package client_test

import (
	"context"
	"fmt"

	"github.com/twilio-conversations-go/conversations/client"
)

// updater is what closeOrder needs of a client. The program declares it, a test fakes it.
type updater interface {
	Update(context.Context, string, client.UpdateParams, ...client.CallOption) (*client.Conversation, error)
}

var _ updater = (*client.Conversations)(nil)

// closeOrder is the code under test.
func closeOrder(ctx context.Context, conversations updater, order string) error {
	closed := client.UpdateParams{State: new(client.StateClosed)}
	_, err := conversations.Update(ctx, "order-"+order, closed, client.WithWebhookEnabled(true))
	return err
}

// fakeUpdater records what it is called with. An error of client.Error's kind lets the code under
// test see any failure.
type fakeUpdater struct {
	err      error
	webhooks []string
}

func (f *fakeUpdater) Update(_ context.Context, id string, params client.UpdateParams, opts ...client.CallOption) (*client.Conversation, error) {
	settings, err := client.ApplyCallOptions(opts...)
	if err != nil {
		return nil, err
	}
	if enabled := settings.WebhookEnabled; enabled != nil && *enabled {
		f.webhooks = append(f.webhooks, id+" is "+string(*params.State))
	}
	return &client.Conversation{UniqueName: id}, f.err
}

// A fake sees the options that the program passes.
func ExampleApplyCallOptions() {
	fake := &fakeUpdater{}
	fmt.Println(closeOrder(ctx, fake, "1"))
	fmt.Println(fake.webhooks)

	fake.err = &client.Error{Operation: "updateConversation", Status: 404}
	fmt.Println(closeOrder(ctx, fake, "2"))
	// Output:
	// <nil>
	// [order-1 is closed]
	// updateConversation: 404 Not Found
}
