package webhook_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/twilio-conversations-go/conversations/client/webhook"
)

// deliver stands in for Twilio in these examples: it sends an event to a handler and prints the
// response.
func deliver(handler http.Handler, event url.Values) {
	res := httptest.NewRecorder()
	handler.ServeHTTP(res, post("https://example.com/twilio", event))
	fmt.Println(strings.TrimSpace(fmt.Sprint(res.Code, " ", res.Body)))
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
				fmt.Println(e.ConversationSID, "was", e.StateFrom, "until", e.StateUpdated.Format("15:04"))
			}
			return nil
		},
	}))

	deliver(mux, url.Values{
		"EventType": {"onConversationStateUpdated"}, "ConversationSid": {"CH0123456789abcdef0123456789abcdef"},
		"StateFrom": {"inactive"}, "StateTo": {"closed"}, "Reason": {"TIMER"}, "StateUpdated": {"2026-01-18T04:17:17.005Z"},
	})
	// Output:
	// CH0123456789abcdef0123456789abcdef was inactive until 04:17
	// 200
}

// A pre-event can change what is about to be stored, or refuse it.
func ExampleEvents_preEvent() {
	receiver, err := webhook.New(authToken)
	if err != nil {
		log.Fatal(err)
	}
	handler := receiver.Handler(webhook.Events{
		OnConversationAdd: func(_ context.Context, e *webhook.ConversationEvent) (*webhook.Change, error) {
			name := strings.TrimSpace(e.FriendlyName)
			if name == "" {
				return nil, webhook.ErrRefused
			}
			return &webhook.Change{FriendlyName: new(strings.ToUpper(name))}, nil
		},
	})

	deliver(handler, url.Values{"EventType": {"onConversationAdd"}, "FriendlyName": {"order 1234"}})
	deliver(handler, url.Values{"EventType": {"onConversationAdd"}})
	// Output:
	// 200 {"friendly_name":"ORDER 1234"}
	// 403 Forbidden
}

// A program that has its own way of handling requests only parses them. It answers every event, and so
// it can take those of messages too.
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
