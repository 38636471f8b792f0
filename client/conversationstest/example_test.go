package conversationstest_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twilio-conversations-go/conversations/client"
	"github.com/twilio-conversations-go/conversations/client/conversationstest"
	"github.com/twilio-conversations-go/conversations/client/webhook"
)

// start does what conversationstest.Start(t) and emulator.Client() do in a test. It exists because
// an example has no testing.TB.
func start() (*conversationstest.Emulator, *client.Client, func()) {
	emulator, err := conversationstest.New()
	if err != nil {
		log.Fatal(err)
	}
	server := httptest.NewServer(emulator)
	auth := client.BasicAuth(conversationstest.DefaultAccountSID, conversationstest.DefaultAuthToken)
	c, err := client.New(auth, client.WithBaseURL(server.URL))
	if err != nil {
		log.Fatal(err)
	}
	return emulator, c, func() {
		emulator.Close()
		server.Close()
	}
}

// openTicket is the code under test.
func openTicket(ctx context.Context, c *client.Client, id string) error {
	_, err := c.Conversations.Create(ctx, client.CreateParams{
		UniqueName: new("ticket-" + id),
		Attributes: map[string]string{"ticket": id},
	})
	return err
}

// Test code that creates conversations by what it leaves in the emulator.
func ExampleEmulator_Conversations() {
	emulator, c, stop := start()
	defer stop()

	if err := openTicket(context.Background(), c, "7"); err != nil {
		fmt.Println(err)
	}

	for _, conv := range emulator.Conversations("") {
		fmt.Println(conv.UniqueName, conv.State, conv.Attributes)
	}
	for _, req := range emulator.Requests() {
		fmt.Println(req.Operation, req.Status, req.Form.Get("UniqueName"))
	}
	// Output:
	// ticket-7 active {"ticket":"7"}
	// createConversation 201 ticket-7
}

// Timers fire when the emulator's clock moves.
func ExampleEmulator_Advance() {
	emulator, c, stop := start()
	defer stop()
	ctx := context.Background()

	conv, err := c.Conversations.Create(ctx, client.CreateParams{
		InactiveAfter: new(time.Hour),
		ClosedAfter:   new(24 * time.Hour),
	})
	for _, d := range []time.Duration{0, time.Hour, 23 * time.Hour} {
		emulator.Advance(d)
		if err == nil {
			conv, err = c.Conversations.Fetch(ctx, conv.SID)
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(conv.State)
	}
	// Output:
	// active
	// inactive
	// closed
}

// A script makes requests fail: here the service is unavailable once, and the client retries.
func ExampleEmulator_Fail() {
	emulator, c, stop := start()
	defer stop()

	emulator.Fail("createConversation", conversationstest.Fault{
		Status: http.StatusServiceUnavailable,
		Header: http.Header{"Retry-After": {"0"}},
	})
	fmt.Println(openTicket(context.Background(), c, "7"))

	for _, req := range emulator.Requests() {
		fmt.Println(req.Operation, req.Status)
	}
	// Output:
	// <nil>
	// createConversation 503
	// createConversation 201
}

// A handler sees that a timer has closed a conversation.
func ExampleEmulator_Webhooks() {
	emulator, c, stop := start()
	defer stop()
	receiver, err := webhook.New(conversationstest.DefaultAuthToken)
	if err != nil {
		log.Fatal(err)
	}
	emulator.Webhooks(receiver.Handler(webhook.Events{
		OnConversationStateUpdated: func(_ context.Context, e *webhook.StateEvent) error {
			fmt.Println(e.StateFrom, "to", e.StateTo, "by", e.Reason)
			return nil
		},
	}))

	if _, err := c.Conversations.Create(context.Background(), client.CreateParams{ClosedAfter: new(10 * time.Minute)}); err != nil {
		log.Fatal(err)
	}
	emulator.Advance(10 * time.Minute)
	emulator.Settle()

	for _, d := range emulator.Deliveries() {
		fmt.Println(d.EventType, d.Status)
	}
	// Output:
	// active to closed by TIMER
	// onConversationStateUpdated 200
}

// A pre-event renames a conversation before it is created, and refuses one without a name.
func ExampleEmulator_Webhooks_preEvent() {
	emulator, c, stop := start()
	defer stop()
	receiver, err := webhook.New(conversationstest.DefaultAuthToken)
	if err != nil {
		log.Fatal(err)
	}
	emulator.Webhooks(receiver.Handler(webhook.Events{
		OnConversationAdd: func(_ context.Context, e *webhook.ConversationEvent) (*webhook.Change, error) {
			if e.FriendlyName == "" {
				return nil, webhook.ErrRefused
			}
			return &webhook.Change{FriendlyName: new(strings.ToUpper(e.FriendlyName))}, nil
		},
	}))

	ctx, enabled := context.Background(), client.WithWebhookEnabled(true)
	conv, err := c.Conversations.Create(ctx, client.CreateParams{FriendlyName: new("order 1234")}, enabled)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(conv.FriendlyName)
	_, err = c.Conversations.Create(ctx, client.CreateParams{}, enabled)
	fmt.Println(err.(*client.Error).Code)
	// Output:
	// ORDER 1234
	// 50056
}

// closedTickets is the code under test: a handler that remembers which tickets were closed.
type closedTickets struct {
	mu  sync.Mutex
	ids []string
}

func (t *closedTickets) handler(authToken string, c *client.Client) (http.Handler, error) {
	receiver, err := webhook.New(authToken)
	if err != nil {
		return nil, err
	}
	return receiver.Handler(webhook.Events{
		OnConversationStateUpdated: func(ctx context.Context, e *webhook.StateEvent) error {
			if e.StateTo != webhook.StateClosed {
				return nil
			}
			conv, err := c.Conversations.Fetch(ctx, e.ConversationSID)
			if err != nil {
				return err
			}
			t.mu.Lock()
			defer t.mu.Unlock()
			if !slices.Contains(t.ids, conv.UniqueName) { // a webhook can come twice
				t.ids = append(t.ids, conv.UniqueName)
			}
			return nil
		},
	}), nil
}

// A handler of an application is tested like any of its code.
func TestClosedTickets(t *testing.T) {
	t.Parallel()
	server := conversationstest.Start(t)
	var tickets closedTickets
	handler, err := tickets.handler(server.AuthToken, server.Client())
	if err != nil {
		t.Fatal(err)
	}
	server.Webhooks(handler)
	if err := openTicket(t.Context(), server.Client(), "7"); err != nil {
		t.Fatal(err)
	}

	server.Fail("onConversationStateUpdated", conversationstest.Fault{Commit: true, Drop: true}) // the response is lost
	_, err = server.Client().Conversations.Update(t.Context(), "ticket-7", client.UpdateParams{State: new(client.StateClosed)},
		client.WithWebhookEnabled(true))
	if err != nil {
		t.Fatal(err)
	}
	server.Settle()
	for _, d := range server.Deliveries() {
		if err := server.Redeliver(d.ID); err != nil {
			t.Fatal(err)
		}
	}
	server.Settle()
	if got := strings.Join(tickets.ids, " "); got != "ticket-7" {
		t.Errorf("closed are %q", got)
	}
}
