// Closestale closes every conversation of a service in which nothing has happened for 90 days: Twilio allows
// an identity to be in 1,000 conversations that are not closed, and closing is for good.
//
//	export TWILIO_ACCOUNT_SID=AC… TWILIO_AUTH_TOKEN=…
//	go run ./client/examples/closestale           # shows what would be closed
//	go run ./client/examples/closestale -close    # closes it
//
// It can be interrupted at any time, and run again: what is closed already is passed over.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"iter"
	"os"
	"os/signal"
	"time"

	"github.com/twilio-conversations-go/conversations/client"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	// A second interrupt, if the first takes too long, ends the program at once.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("closestale", flag.ContinueOnError)
	flags.SetOutput(stderr)
	days := flags.Int("days", 90, "close what was not updated for `n` days")
	really := flags.Bool("close", false, "close them; without this, they are only shown")
	rate := flags.Float64("rate", client.DefaultBulkRate, "close at most `n` a second")
	service := flags.String("service", "", "the `SID` of a Conversation Service, instead of the default one")
	baseURL := flags.String("base-url", "", "the `URL` of another server than Twilio's")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if flags.NArg() > 0 || *days < 1 {
		fmt.Fprintln(stderr, "closestale: -days must be at least 1, and there are no arguments")
		return 2
	}

	var options []client.Option
	if *baseURL != "" {
		options = append(options, client.WithBaseURL(*baseURL))
	}
	c, err := client.FromEnv(options...)
	if err != nil {
		fmt.Fprintln(stderr, "closestale:", err)
		return 2
	}
	conversations := c.Conversations
	if *service != "" {
		conversations = c.Service(*service).Conversations
	}

	// Without -close nothing is sent for a conversation, and there is no need to go slowly.
	verb := "would close"
	action := func(context.Context, *client.Conversation) error { return nil }
	if *really {
		verb = "closed"
		action = func(ctx context.Context, conv *client.Conversation) error {
			// What has begun when the program is interrupted is brought to its end.
			ctx = context.WithoutCancel(ctx)
			_, err := conversations.Update(ctx, conv.SID, client.UpdateParams{State: new(client.StateClosed)})
			if errors.Is(err, client.ErrClosed) || errors.Is(err, client.ErrNotFound) {
				return nil // someone else was quicker
			}
			return err
		}
	} else {
		*rate = 1e6
	}

	line := newStatusLine(stderr, verb)
	before := time.Now().AddDate(0, 0, -*days)
	result, err := client.ForEach(ctx, stale(ctx, conversations, before, line.lookedAt), action, client.BulkParams{
		Rate: *rate,
		Progress: func(p client.BulkProgress) {
			conv := p.Conversation
			switch {
			case p.Err != nil:
				line.print(stderr, "closestale: %s: %v\n", conv.SID, p.Err)
			case !*really:
				line.print(stdout, "%s  last updated %s  %q\n", conv.SID, conv.DateUpdated.Format(time.DateOnly), conv.FriendlyName)
			}
			line.acted(p.Succeeded, p.Failed)
		},
	})
	line.print(stdout, "%s %d of %d conversations, %d failed\n", verb, result.Succeeded, line.looked, result.Failed)
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "closestale: interrupted; run it again to go on")
		return 130
	case err != nil:
		fmt.Fprintln(stderr, "closestale: some conversations were not looked at:", err)
		return 1
	case result.Failed > 0:
		return 1
	case !*really && result.Succeeded > 0:
		fmt.Fprintln(stdout, "Nothing was changed. Run it with -close to close them.")
	}
	return 0
}

// stale returns the conversations that are not closed and were last updated before a time, and reports how
// many it has looked at. What was created after that time cannot be among them.
func stale(ctx context.Context, conversations *client.Conversations, before time.Time, lookedAt func(int)) iter.Seq2[*client.Conversation, error] {
	return func(yield func(*client.Conversation, error) bool) {
		looked := 0
		for conv, err := range conversations.Scan(ctx, client.ScanParams{EndDate: before}) {
			if err == nil {
				looked++
				lookedAt(looked)
				if conv.State == client.StateClosed || !conv.DateUpdated.Before(before) {
					continue
				}
			}
			if !yield(conv, err) {
				return
			}
		}
	}
}
