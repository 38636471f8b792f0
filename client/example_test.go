package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"time"

	"github.com/twilio-conversations-go/conversations/client"
	"github.com/twilio-conversations-go/conversations/client/conversationstest"
	"github.com/twilio-conversations-go/conversations/gen"
)

// The examples run against an emulator. A program for Twilio leaves out client.WithBaseURL.
var (
	ctx        = context.Background()
	emulator   = newEmulator()
	emulatorAt = sync.OnceValue(func() string { return httptest.NewServer(emulator).URL })
	accountSid = conversationstest.DefaultAccountSID
	token      = conversationstest.DefaultAuthToken
)

func newEmulator() *conversationstest.Emulator {
	emulator, err := conversationstest.New()
	if err != nil {
		panic(err)
	}
	return emulator
}

// exampleClient returns a client of an emulator that holds the given conversations. Its requests
// and the responses are validated against the description.
func exampleClient(seed ...conversationstest.Conversation) *client.Client {
	emulator.Reset()
	if _, err := emulator.Seed(seed...); err != nil {
		panic(err)
	}
	validating := conversationstest.ValidatingTransport(nil, func(err error) { panic(err) })
	c, err := client.New(client.BasicAuth(accountSid, token), client.WithBaseURL(emulatorAt()),
		client.WithHTTPClient(&http.Client{Transport: validating}))
	if err != nil {
		panic(err)
	}
	return c
}

func Example() {
	c, err := client.New(client.BasicAuth(accountSid, token), client.WithBaseURL(emulatorAt()))
	if err != nil {
		log.Fatal(err)
	}
	conv, err := c.Conversations.Create(ctx, client.CreateParams{
		UniqueName:   new("order-1234"),
		FriendlyName: new("Order 1234"),
		ClosedAfter:  new(24 * time.Hour),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(conv.FriendlyName, "is", conv.State)
	// Output: Order 1234 is active
}

func ExampleNew() {
	c, err := client.New(
		client.BasicAuth(os.Getenv("TWILIO_API_KEY"), os.Getenv("TWILIO_API_SECRET")),
		client.WithRegion("ie1"),
		client.WithAttemptTimeout(10*time.Second),
	)
	fmt.Println(c != nil, err)
	// Output: true <nil>
}

func ExampleNew_insecure() {
	_, err := client.New(client.BasicAuth(accountSid, token), client.WithBaseURL("http://twilio-proxy.internal"))
	fmt.Println(err)
	// Output: base URL: plain http would send the credentials unencrypted; use https or WithInsecureHTTP
}

func ExampleFromEnv() {
	os.Setenv("TWILIO_API_KEY", "SK00000000000000000000000000000001")
	os.Setenv("TWILIO_API_SECRET", "")
	_, err := client.FromEnv()
	fmt.Println(err)
	// Output: TWILIO_API_SECRET: set this environment variable: TWILIO_API_KEY is set
}

// The bare generated client takes the same request editors.
func ExampleBasicAuth_generated() {
	exampleClient(conversationstest.Conversation{UniqueName: "order-1"})
	c, err := gen.NewClientWithResponses(emulatorAt(), gen.WithRequestEditorFn(client.BasicAuth(accountSid, token)))
	if err != nil {
		log.Fatal(err)
	}
	res, err := c.FetchConversationWithResponse(ctx, "order-1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(res.StatusCode(), res.JSON200.UniqueName)
	// Output: 200 order-1
}

func ExampleBearerToken() {
	tokens := func(ctx context.Context) (string, error) {
		return "", errors.New("the token server is down") // or the token of an oauth2.TokenSource
	}
	c, err := client.New(client.BearerToken(tokens))
	if err != nil {
		log.Fatal(err)
	}
	_, err = c.Conversations.Fetch(ctx, "order-1")
	fmt.Println(err)
	// Output: fetchConversation {UniqueName}: getting the bearer token: the token server is down
}

func ExampleClient_Service() {
	c := exampleClient()
	service := c.Service("IS00000000000000000000000000000001")
	if _, err := service.Conversations.Create(ctx, client.CreateParams{UniqueName: new("order-1")}); err != nil {
		log.Fatal(err)
	}
	_, err := c.Conversations.Fetch(ctx, "order-1") // another service: the account's default one
	fmt.Println(errors.Is(err, client.ErrNotFound))
	// Output: true
}

func ExampleConversations_Create() {
	c := exampleClient()
	conv, err := c.Conversations.Create(ctx, client.CreateParams{
		UniqueName:    new("order-1"),
		FriendlyName:  new("Order 1"),
		Attributes:    map[string]any{"topic": "feedback", "stars": 5},
		InactiveAfter: new(time.Hour),
	}, client.WithWebhookEnabled(true))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(conv.UniqueName, conv.State, conv.Attributes)
	// Output: order-1 active {"stars":5,"topic":"feedback"}
}

func ExampleConversations_Fetch() {
	c := exampleClient(conversationstest.Conversation{UniqueName: "order/1?", FriendlyName: "Order 1"})
	conv, err := c.Conversations.Fetch(ctx, "order/1?") // any unique name, or a SID
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(conv.FriendlyName)
	// Output: Order 1
}

func ExampleConversations_List() {
	c := exampleClient(
		conversationstest.Conversation{FriendlyName: "new", DateCreated: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)},
		conversationstest.Conversation{FriendlyName: "old", DateCreated: time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC)},
		conversationstest.Conversation{FriendlyName: "done", State: "closed"},
	)
	for conv, err := range c.Conversations.List(ctx, client.ListParams{
		State:     client.StateActive,
		StartDate: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
	}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(conv.FriendlyName)
	}
	// Output: new
}

// A list that stores its cursor after each page resumes after a crash.
func ExampleConversations_Page() {
	c := exampleClient(make([]conversationstest.Conversation, 25)...)
	var stored client.Cursor // in a file or a database
	for params := (client.ListParams{PageSize: 10, Cursor: stored}); ; {
		page, err := c.Conversations.Page(ctx, params)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(len(page.Items), "conversations")
		stored = page.Next
		if params.Cursor = page.Next; params.Cursor == "" {
			break
		}
	}
	// Output:
	// 10 conversations
	// 10 conversations
	// 5 conversations
}

func ExampleConversations_Scan() {
	c := exampleClient(make([]conversationstest.Conversation, 250)...)
	count := 0
	for _, err := range c.Conversations.Scan(ctx, client.ScanParams{State: client.StateActive, Workers: 4}) {
		if err != nil {
			log.Fatal(err)
		}
		count++
	}
	fmt.Println(count)
	// Output: 250
}

// Delete everything that is closed, as fast as the rate limit of the service allows.
func ExampleForEach() {
	c := exampleClient(
		conversationstest.Conversation{State: "closed"},
		conversationstest.Conversation{State: "closed"},
		conversationstest.Conversation{UniqueName: "order-1"},
	)
	closed := c.Conversations.List(ctx, client.ListParams{State: client.StateClosed})
	result, err := client.ForEach(ctx, closed, func(ctx context.Context, conv *client.Conversation) error {
		return c.Conversations.Delete(ctx, conv.SID)
	}, client.BulkParams{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Succeeded, "deleted,", result.Failed, "failed,", len(emulator.Conversations("")), "left")
	// Output: 2 deleted, 0 failed, 1 left
}

func ExampleConversations_Update() {
	c := exampleClient(conversationstest.Conversation{UniqueName: "order-1"})
	conv, err := c.Conversations.Update(ctx, "order-1", client.UpdateParams{State: new(client.StateClosed)})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(conv.State)
	_, err = c.Conversations.Update(ctx, "order-1", client.UpdateParams{FriendlyName: new("Order 1")})
	fmt.Println(errors.Is(err, client.ErrClosed))
	// Output:
	// closed
	// true
}

func ExampleConversations_Delete() {
	c := exampleClient(conversationstest.Conversation{UniqueName: "order-1"})
	fmt.Println(c.Conversations.Delete(ctx, "order-1"))
	fmt.Println(errors.Is(c.Conversations.Delete(ctx, "order-1"), client.ErrNotFound))
	// Output:
	// <nil>
	// true
}

func ExampleConversation_DecodeAttributes() {
	c := exampleClient(conversationstest.Conversation{UniqueName: "order-1", Attributes: `{"topic":"feedback","stars":5}`})
	conv, err := c.Conversations.Fetch(ctx, "order-1")
	if err != nil {
		log.Fatal(err)
	}
	var attributes struct {
		Topic string
		Stars int
	}
	if err := conv.DecodeAttributes(&attributes); err != nil {
		log.Fatal(err)
	}
	fmt.Println(attributes.Topic, attributes.Stars)
	// Output: feedback 5
}

func ExampleCreateParams_attributes() {
	c := exampleClient()
	conv, err := c.Conversations.Create(ctx, client.CreateParams{
		Attributes: json.RawMessage(`{ "topic": "feedback" }`), // checked, and sent as it is
	})
	fmt.Println(conv.Attributes, err)
	_, err = c.Conversations.Create(ctx, client.CreateParams{Attributes: json.RawMessage(`{"topic":`)})
	fmt.Println(err)
	// Output:
	// { "topic": "feedback" } <nil>
	// Attributes: must be valid JSON
}

func ExampleError() {
	c := exampleClient()
	_, err := c.Conversations.Fetch(ctx, "order-1")
	if e, ok := errors.AsType[*client.Error](err); ok {
		fmt.Println(e.Operation, e.Status, e.Code, e.Message)
	}
	// Output: fetchConversation 404 20404 The requested resource /Conversations/{UniqueName} was not found
}

func ExampleParamError() {
	c := exampleClient()
	_, err := c.Conversations.Create(ctx, client.CreateParams{ClosedAfter: new(time.Minute)})
	if e, ok := errors.AsType[*client.ParamError](err); ok {
		fmt.Println(e.Param)
		fmt.Println(e.Field)
	}
	fmt.Println(err)
	// Output:
	// ClosedAfter
	// Timers.Closed
	// ClosedAfter (Timers.Closed): must be at least 10m0s, or 0 to remove the timer
}

// The connection is lost after the conversation was created. Without a unique name, a retry could
// create another one.
func Example_maybeCreated() {
	c := exampleClient()
	emulator.Fail("createConversation", conversationstest.Fault{Commit: true, Drop: true})
	_, err := c.Conversations.Create(ctx, client.CreateParams{FriendlyName: new("Order 1")})
	fmt.Println(errors.Is(err, client.ErrMaybeCreated))

	// With a unique name, the client finds out by itself.
	emulator.Fail("createConversation", conversationstest.Fault{Commit: true, Drop: true})
	conv, err := c.Conversations.Create(ctx, client.CreateParams{UniqueName: new("order-1")})
	fmt.Println(conv.UniqueName, err)
	// Output:
	// true
	// order-1 <nil>
}

func ExampleWithResponse() {
	c := exampleClient(conversationstest.Conversation{UniqueName: "order-1"})
	var resp client.Response
	if _, err := c.Conversations.Fetch(ctx, "order-1", client.WithResponse(&resp)); err != nil {
		log.Fatal(err)
	}
	fmt.Println(resp.StatusCode, resp.Attempts, resp.Header.Get("Twilio-Concurrent-Requests"), len(resp.RequestID))
	// Output: 200 1 1 34
}

func ExampleWithRetry() {
	exampleClient()
	emulator.Fail("fetchConversation", conversationstest.Fault{Status: 503})
	c, err := client.New(client.BasicAuth(accountSid, token), client.WithBaseURL(emulatorAt()),
		client.WithRetry(client.RetryPolicy{MaxAttempts: 1})) // off
	if err != nil {
		log.Fatal(err)
	}
	_, err = c.Conversations.Fetch(ctx, "order-1")
	e, _ := errors.AsType[*client.Error](err)
	fmt.Println(e.Status, e.Attempts)
	// Output: 503 1
}

// countingTransport stands for any http.RoundTripper, such as OpenTelemetry's
// otelhttp.NewTransport.
type countingTransport struct{ requests int }

func (t *countingTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	t.requests++
	return http.DefaultTransport.RoundTrip(req)
}

func ExampleWithHTTPClient() {
	exampleClient(conversationstest.Conversation{UniqueName: "order-1"})
	transport := &countingTransport{}
	c, err := client.New(client.BasicAuth(accountSid, token), client.WithBaseURL(emulatorAt()),
		client.WithHTTPClient(&http.Client{Transport: transport}))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := c.Conversations.Fetch(ctx, "order-1"); err != nil {
		log.Fatal(err)
	}
	fmt.Println(transport.requests)
	// Output: 1
}

// tracingTransport names spans by the operation, which holds no id, unlike the URL.
type tracingTransport struct{ spans []string }

func (t *tracingTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	t.spans = append(t.spans, client.Operation(req.Context()))
	return http.DefaultTransport.RoundTrip(req)
}

func ExampleOperation() {
	exampleClient()
	transport := &tracingTransport{}
	c, err := client.New(client.BasicAuth(accountSid, token), client.WithBaseURL(emulatorAt()),
		client.WithHTTPClient(&http.Client{Transport: transport}))
	if err != nil {
		log.Fatal(err)
	}
	conv, err := c.Conversations.Create(ctx, client.CreateParams{})
	if err != nil {
		log.Fatal(err)
	}
	if err := c.Conversations.Delete(ctx, conv.SID); err != nil {
		log.Fatal(err)
	}
	fmt.Println(transport.spans)
	// Output: [createConversation deleteConversation]
}

// A request editor sets a header of one call, for example for a proxy.
func ExampleWithRequestEditor() {
	c := exampleClient(conversationstest.Conversation{UniqueName: "order-1"})
	conv, err := c.Conversations.Fetch(ctx, "order-1", client.WithRequestEditor(
		func(_ context.Context, req *http.Request) error {
			req.Header.Set("X-Request-Id", "7")
			return nil
		}))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(conv.UniqueName)
	// Output: order-1
}

func ExampleWithLogger() {
	exampleClient()
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == "time" || a.Key == "host" || a.Key == "duration" || a.Key == "request_id" {
			return slog.Attr{} // these differ from run to run
		}
		return a
	}}))
	c, err := client.New(client.BasicAuth(accountSid, token), client.WithBaseURL(emulatorAt()), client.WithLogger(logger))
	if err != nil {
		log.Fatal(err)
	}
	emulator.Fail("fetchConversation", conversationstest.Fault{Status: 403})
	_, _ = c.Conversations.Fetch(ctx, "order-1")
	// Output: level=WARN msg="twilio conversations" operation=fetchConversation attempt=1 status=403 reason="403 Forbidden"
}
