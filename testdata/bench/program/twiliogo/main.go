// Command twiliogo lists with the official client.
package main

import (
	"github.com/twilio/twilio-go"
	conversations "github.com/twilio/twilio-go/rest/conversations/v1"
)

func main() {
	c := twilio.NewRestClient()
	if _, err := c.ConversationsV1.ListConversation(&conversations.ListConversationParams{}); err != nil {
		panic(err)
	}
}
