// Quickstart performs all ten operations of the Conversations API, on an emulator that it starts
// itself, so that it needs no account:
//
//	go run ./client/examples/quickstart
//
// With -base-url it does the same on any server, https://conversations.twilio.com included, with
// the credentials in TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN. It deletes the conversations that it
// creates.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/twilio-conversations-go/conversations/client"
	"github.com/twilio-conversations-go/conversations/client/conversationstest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	flags.SetOutput(stderr)
	baseURL := flags.String("base-url", "", "the `URL` of a server; an emulator is started if empty")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if err := quickstart(ctx, *baseURL, stdout); err != nil {
		fmt.Fprintln(stderr, "quickstart:", err)
		return 1
	}
	return 0
}

func quickstart(ctx context.Context, baseURL string, out io.Writer) error {
	var c *client.Client
	var err error
	if baseURL == "" {
		var stop func()
		if baseURL, stop, err = startEmulator(); err != nil {
			return err
		}
		defer stop()
		auth := client.BasicAuth(conversationstest.DefaultAccountSID, conversationstest.DefaultAuthToken)
		c, err = client.New(auth, client.WithBaseURL(baseURL))
	} else {
		c, err = client.FromEnv(client.WithBaseURL(baseURL))
	}
	if err != nil {
		return err
	}

	// The account's default service, and the same service by its SID: the methods are the same.
	serviceSID, err := performFive(ctx, c.Conversations, "", out)
	if err != nil {
		return err
	}
	if _, err := performFive(ctx, c.Service(serviceSID).Conversations, "Service", out); err != nil {
		return err
	}
	fmt.Fprintln(out, "10 of 10 operations")
	return nil
}

// performFive creates, fetches, lists, updates and deletes a conversation. It returns the SID of
// the service that the conversation was in.
func performFive(ctx context.Context, conversations *client.Conversations, scope string, out io.Writer) (serviceSID string, err error) {
	report := func(verb, format string, args ...any) {
		fmt.Fprintf(out, "%-26s %s\n", verb+scope+"Conversation", fmt.Sprintf(format, args...))
	}

	name := fmt.Sprintf("quickstart-%d", time.Now().UnixNano())
	conv, err := conversations.Create(ctx, client.CreateParams{
		UniqueName:    &name,
		FriendlyName:  new("Order 1234"),
		Attributes:    map[string]string{"topic": "feedback"},
		InactiveAfter: new(time.Hour),
	})
	if err != nil {
		return "", err
	}
	report("create", "%s, %s, inactive at %s", conv.SID, conv.State, conv.Timers.DateInactive.Format(time.RFC3339))

	// A conversation is addressed by its unique name or its SID.
	conv, err = conversations.Fetch(ctx, name)
	if err != nil {
		return "", err
	}
	var attributes struct{ Topic string }
	if err := conv.DecodeAttributes(&attributes); err != nil {
		return "", err
	}
	report("fetch", "%q by its unique name, topic %q", conv.FriendlyName, attributes.Topic)

	count := 0
	for _, err := range conversations.List(ctx, client.ListParams{State: client.StateActive, Limit: 10}) {
		if err != nil {
			return "", err
		}
		count++
	}
	report("list", "%d active", count)

	conv, err = conversations.Update(ctx, conv.SID, client.UpdateParams{State: new(client.StateClosed)})
	if err != nil {
		return "", err
	}
	report("update", "%s is %s", conv.SID, conv.State)

	if err := conversations.Delete(ctx, conv.SID); err != nil {
		return "", err
	}
	_, err = conversations.Fetch(ctx, conv.SID)
	if !errors.Is(err, client.ErrNotFound) {
		return "", fmt.Errorf("fetching what was deleted: got %v, want %v", err, client.ErrNotFound) //nolint:errorlint // it is not ErrNotFound
	}
	report("delete", "%s is gone", conv.SID)
	return conv.ChatServiceSID, nil
}

// startEmulator serves an emulator on a free port of the loopback interface until it is stopped.
func startEmulator() (baseURL string, stop func(), err error) {
	emulator, err := conversationstest.New()
	if err != nil {
		return "", nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: emulator, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }()
	return "http://" + listener.Addr().String(), func() { server.Close() }, nil
}
