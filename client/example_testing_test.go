package client_test

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/client"
	"github.com/twilio-conversations-go/conversations/client/conversationstest"
	"github.com/twilio-conversations-go/conversations/client/webhook"
)

// createOrder is the code under test. The conversation is closed after a day without activity.
func createOrder(ctx context.Context, c *client.Client, order string) error {
	_, err := c.Conversations.Create(ctx, client.CreateParams{
		UniqueName:  new("order-" + order),
		ClosedAfter: new(24 * time.Hour),
	})
	return err
}

// closedOrders is a webhook handler under test. It counts conversations that a timer has closed.
func closedOrders(authToken string, n *atomic.Int64) (http.Handler, error) {
	receiver, err := webhook.New(authToken)
	if err != nil {
		return nil, err
	}
	return receiver.Handler(webhook.Events{
		OnConversationStateUpdated: func(_ context.Context, e *webhook.StateEvent) error {
			if e.StateTo == webhook.StateClosed && e.Reason == webhook.ReasonTimer {
				n.Add(1)
			}
			return nil
		},
	}), nil
}

// A timer fires when the clock of the emulator is moved.
func testTimer(t *testing.T) {
	server := conversationstest.Start(t)
	require.NoError(t, createOrder(t.Context(), server.Client(), "1"))
	server.Advance(24 * time.Hour)
	assert.Equal(t, "closed", server.Conversations("")[0].State)
}

// The response to a request that was carried out is lost. The client finds out what happened.
func testLostResponse(t *testing.T) {
	server := conversationstest.Start(t)
	server.Fail("createConversation", conversationstest.Fault{Commit: true, Drop: true})
	require.NoError(t, createOrder(t.Context(), server.Client(), "1"))
	assert.Len(t, server.Conversations(""), 1)
}

// The emulator sends webhooks to a handler. Settle waits until they have arrived.
func testWebhook(t *testing.T) {
	server := conversationstest.Start(t)
	var closed atomic.Int64
	handler, err := closedOrders(server.AuthToken, &closed)
	require.NoError(t, err)
	server.Webhooks(handler)
	require.NoError(t, createOrder(t.Context(), server.Client(), "1"))
	server.Advance(24 * time.Hour)
	server.Settle()
	assert.EqualValues(t, 1, closed.Load())
}

// With short delays, a test of an outage takes no time.
func testShortRetries(t *testing.T) {
	server := conversationstest.Start(t)
	server.Fail("createConversation", conversationstest.Fault{Status: 503, Times: -1})
	c := server.Client(client.WithRetry(client.RetryPolicy{MaxAttempts: 2, MinDelay: time.Millisecond}))
	require.Error(t, createOrder(t.Context(), c, "1"))
	assert.Len(t, server.Requests(), 2)
}

// In memory and in a bubble of synctest, a test takes no time whatever the delays are.
func testInMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := conversationstest.Start(t, conversationstest.InMemory())
		server.Fail("createConversation", conversationstest.Fault{Status: 503, Times: 3})
		require.NoError(t, createOrder(t.Context(), server.Client(), "1"))
		assert.Len(t, server.Requests(), 4)
	})
}

// Test a timer, a lost response, a webhook handler and retries. The functions are tests; in a
// program their names begin with Test, and go test runs them.
func Example_testing() {
	fmt.Println(testing.RunTests(
		func(_, _ string) (bool, error) { return true, nil },
		[]testing.InternalTest{
			{Name: "TestTimer", F: testTimer},
			{Name: "TestLostResponse", F: testLostResponse},
			{Name: "TestWebhook", F: testWebhook},
			{Name: "TestShortRetries", F: testShortRetries},
			{Name: "TestInMemory", F: testInMemory},
		}))
	// Output: true
}
