package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/twilio-conversations-go/conversations/client"
	"github.com/twilio-conversations-go/conversations/client/conversationstest"
)

// openOrder returns the open conversation of an order. It creates one if there is none.
//
// Create comes first, so that of two programs that do this at the same time only one creates it. A
// closed conversation keeps its unique name and cannot be opened again, so the next one gets
// another name. A conversation that is deleted between Create and Fetch has freed its name.
func openOrder(ctx context.Context, c *client.Client, order string) (*client.Conversation, error) {
	name := "order-" + order
	for n := 2; n <= 10; {
		conv, err := c.Conversations.Create(ctx, client.CreateParams{UniqueName: &name})
		if !errors.Is(err, client.ErrConflict) {
			return conv, err
		}
		conv, err = c.Conversations.Fetch(ctx, name)
		switch {
		case errors.Is(err, client.ErrNotFound): // deleted in between
		case err != nil:
			return nil, err
		case conv.State != client.StateClosed:
			return conv, nil
		default:
			name = fmt.Sprintf("order-%s-%d", order, n)
			n++
		}
	}
	return nil, errors.New("the conversations of the order are all closed")
}

// Get the conversation of an order, or create it.
func ExampleConversations_Create_getOrCreate() {
	c := exampleClient(
		conversationstest.Conversation{UniqueName: "order-1"},
		conversationstest.Conversation{UniqueName: "order-2", State: "closed"},
	)
	// Order 3 has a conversation that is deleted in between.
	conflict := conversationstest.Fault{Status: 409, Code: 50353}
	for _, order := range []string{"1", "2", "3"} {
		if order == "3" {
			emulator.Fail("createConversation", conflict)
		}
		conv, err := openOrder(ctx, c, order)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(conv.UniqueName, conv.State)
	}
	// Output:
	// order-1 active
	// order-2-2 active
	// order-3 active
}
