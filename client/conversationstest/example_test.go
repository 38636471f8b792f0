package conversationstest_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/twilio-conversations-go/conversations/client"
	"github.com/twilio-conversations-go/conversations/client/conversationstest"
)

// start is what a test does with emulator := conversationstest.Start(t) and emulator.Client(). An example
// is no test, so that it takes more lines here.
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
	return emulator, c, server.Close
}

// openTicket is the code under test.
func openTicket(ctx context.Context, c *client.Client, id string) error {
	_, err := c.Conversations.Create(ctx, client.CreateParams{
		UniqueName: new("ticket-" + id),
		Attributes: map[string]string{"ticket": id},
	})
	return err
}

// Code that creates conversations is tested by what it leaves in the emulator.
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

// Timers fire when the emulator's clock is moved.
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

// A script says what goes wrong: here the service is unavailable once, which the client gets over.
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
