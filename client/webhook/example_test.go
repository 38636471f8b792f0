package webhook_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/twilio-conversations-go/conversations/client"
	"github.com/twilio-conversations-go/conversations/client/conversationstest"
	"github.com/twilio-conversations-go/conversations/client/webhook"
)

// deliver sends an event that the emulator does not have to a handler, and prints the response.
func deliver(handler http.Handler, event url.Values) {
	res := httptest.NewRecorder()
	handler.ServeHTTP(res, post("https://example.com/twilio", event))
	fmt.Println(strings.TrimSpace(fmt.Sprint(res.Code, " ", res.Body)))
}

// emulate starts an emulator that calls a handler as Twilio would.
func emulate(handler http.Handler) (emulator *conversationstest.Emulator, c *client.Client, stop func()) {
	emulator, err := conversationstest.New(conversationstest.WithWebhooks(conversationstest.Webhooks{
		PreURL: "https://example.com/twilio", PostURL: "https://example.com/twilio",
	}))
	if err != nil {
		log.Fatal(err)
	}
	emulator.Webhooks(handler)
	server := httptest.NewServer(emulator)
	c, err = client.New(client.BasicAuth(conversationstest.DefaultAccountSID, conversationstest.DefaultAuthToken), client.WithBaseURL(server.URL))
	if err != nil {
		log.Fatal(err)
	}
	return emulator, c, func() {
		emulator.Close()
		server.Close()
	}
}

// A handler logs conversations that a timer has closed.
func ExampleReceiver_Handler() {
	receiver, err := webhook.New(authToken, webhook.WithPublicURL("https://example.com/twilio"))
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/twilio", receiver.Handler(webhook.Events{
		OnConversationStateUpdated: func(_ context.Context, e *webhook.StateEvent) error {
			if e.StateTo == webhook.StateClosed && e.Reason == webhook.ReasonTimer {
				fmt.Println("closed, was", e.StateFrom)
			}
			return nil
		},
	}))

	emulator, c, stop := emulate(mux)
	defer stop()
	_, err = c.Conversations.Create(context.Background(), client.CreateParams{InactiveAfter: new(time.Minute), ClosedAfter: new(time.Hour)})
	if err != nil {
		log.Fatal(err)
	}
	emulator.Advance(time.Hour)
	emulator.Settle()
	// Output:
	// closed, was inactive
}

// A pre-event can change what is about to be stored, or refuse it.
func ExampleEvents_preEvent() {
	receiver, err := webhook.New(authToken)
	if err != nil {
		log.Fatal(err)
	}
	_, c, stop := emulate(receiver.Handler(webhook.Events{
		OnConversationAdd: func(_ context.Context, e *webhook.ConversationEvent) (*webhook.Change, error) {
			name := strings.TrimSpace(e.FriendlyName)
			if name == "" {
				return nil, webhook.ErrRefused
			}
			return &webhook.Change{FriendlyName: new(strings.ToUpper(name))}, nil
		},
	}))
	defer stop()

	for _, name := range []string{"order 1234", " "} {
		conv, err := c.Conversations.Create(context.Background(), client.CreateParams{FriendlyName: new(name)}, client.WithWebhookEnabled(true))
		if refused, ok := errors.AsType[*client.Error](err); ok {
			fmt.Println(refused.Status, refused.Code)
			continue
		}
		fmt.Println(conv.FriendlyName)
	}
	// Output:
	// ORDER 1234
	// 403 50056
}

// A program that has its own way of handling requests only parses them. It responds to every event,
// so it can also handle those of messages.
func ExampleReceiver_Parse() {
	receiver, err := webhook.New(authToken)
	if err != nil {
		log.Fatal(err)
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		event, err := receiver.Parse(r)
		if err != nil {
			log.Print(err)
			http.Error(w, "not a webhook", err.(*webhook.Error).Status)
			return
		}
		switch {
		case event.EventType == "onMessageAdded":
			fmt.Println(event.Params.Get("Author"), "wrote", event.Params.Get("Body"))
		case event.Conversation != nil:
			var attributes struct{ Order int }
			if err := event.Conversation.DecodeAttributes(&attributes); err != nil {
				log.Print(err)
			}
			fmt.Println(event.EventType, "of order", attributes.Order)
		}
	})

	attributes, _ := json.Marshal(map[string]int{"order": 1234})
	deliver(handler, url.Values{"EventType": {"onMessageAdded"}, "Author": {"+15558675310"}, "Body": {"Hello"}})
	deliver(handler, url.Values{
		"EventType": {"onConversationRemoved"}, "ConversationSid": {"CH0123456789abcdef0123456789abcdef"}, "Attributes": {string(attributes)},
	})
	// Output:
	// +15558675310 wrote Hello
	// 200
	// onConversationRemoved of order 1234
	// 200
}
