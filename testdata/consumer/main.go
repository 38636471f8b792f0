// Consumer is a program as a user of the module would write it. It opens a conversation, finds it
// by its unique name and in a list, closes it and deletes it. It imports nothing but the client.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/twilio-conversations-go/conversations/client"
)

func main() {
	c, err := client.FromEnv(client.WithBaseURL(os.Getenv("BASE_URL")))
	if err != nil {
		log.Fatal(err)
	}
	if err := run(context.Background(), c.Conversations); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, conversations *client.Conversations) error {
	const name = "order-1234"
	opened, err := conversations.Create(ctx, client.CreateParams{
		UniqueName:  new(name),
		Attributes:  map[string]any{"order": 1234},
		ClosedAfter: new(24 * time.Hour),
	})
	if err != nil {
		return err
	}
	found, err := conversations.Fetch(ctx, name)
	if err != nil {
		return err
	}
	fmt.Println("opened:", found.UniqueName, found.State, found.Attributes, found.Timers.DateClosed.Sub(found.DateUpdated))

	for listed, err := range conversations.List(ctx, client.ListParams{State: client.StateActive}) {
		if err != nil {
			return err
		}
		fmt.Println("listed:", listed.UniqueName)
	}

	closed, err := conversations.Update(ctx, opened.SID, client.UpdateParams{State: new(client.StateClosed)})
	if err != nil {
		return err
	}
	fmt.Println("closed:", closed.State == client.StateClosed)
	if _, err := conversations.Update(ctx, name, client.UpdateParams{State: new(client.StateActive)}); !errors.Is(err, client.ErrClosed) {
		return fmt.Errorf("a closed conversation was opened again: %w", err)
	}

	if err := conversations.Delete(ctx, name); err != nil {
		return err
	}
	_, err = conversations.Fetch(ctx, name)
	fmt.Println("deleted:", errors.Is(err, client.ErrNotFound))
	return nil
}
