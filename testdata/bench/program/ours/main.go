// Command ours lists with this project's client, as the other two programs do with theirs.
package main

import (
	"context"

	"github.com/twilio-conversations-go/conversations/client"
)

func main() {
	c, err := client.FromEnv()
	if err != nil {
		panic(err)
	}
	for _, err := range c.Conversations.List(context.Background(), client.ListParams{}) {
		if err != nil {
			panic(err)
		}
	}
}
