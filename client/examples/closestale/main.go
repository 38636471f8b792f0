// Closestale closes every conversation of a service in which nothing has happened for 90 days.
// Twilio allows an identity to be in 1,000 conversations that are not closed. A closed conversation
// cannot be opened again.
//
//	export TWILIO_ACCOUNT_SID=AC… TWILIO_AUTH_TOKEN=…
//	go run ./client/examples/closestale           # shows what would be closed
//	go run ./client/examples/closestale -close    # closes it
//
// It looks at all conversations twice: first to count those to close, so that it can tell the time
// left, then to close them, so that one that was updated meanwhile stays open. It can be
// interrupted at any time and run again: closed conversations are skipped.
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

	p := newProgress(stderr)
	before := time.Now().AddDate(0, 0, -*days)
	looked, found, began := 0, 0, time.Now()
	lookedAt := func() {
		looked++
		p.show(func() string {
			return fmt.Sprintf("looked at %d conversations, %d to close, %s", looked, found, perSecond(looked, time.Since(began)))
		})
	}
	for conv, err := range stale(ctx, conversations, before, lookedAt) {
		if err != nil {
			p.print(stderr, "closestale: %s\n", ended(ctx, err))
			return exitCode(ctx)
		}
		found++
		if !*really {
			p.print(stdout, "%s  last updated %s  %q\n", conv.SID, conv.DateUpdated.Format(time.DateOnly), conv.FriendlyName)
		}
	}
	if !*really {
		p.print(stdout, "would close %d of %d conversations\n", found, looked)
		if found > 0 {
			fmt.Fprintln(stdout, "Nothing was changed. Run it with -close to close them.")
		}
		return 0
	}

	began = time.Now()
	closeOne := func(ctx context.Context, conv *client.Conversation) error {
		// If the program is interrupted, it ends what it has begun.
		ctx = context.WithoutCancel(ctx)
		_, err := conversations.Update(ctx, conv.SID, client.UpdateParams{State: new(client.StateClosed)})
		if errors.Is(err, client.ErrClosed) || errors.Is(err, client.ErrNotFound) {
			return nil // someone else was quicker
		}
		return err
	}
	result, err := client.ForEach(ctx, stale(ctx, conversations, before, func() {}), closeOne, client.BulkParams{
		Rate: *rate,
		Progress: func(b client.BulkProgress) {
			if b.Err != nil {
				p.print(stderr, "closestale: %s: %v\n", b.Conversation.SID, b.Err)
			}
			p.show(func() string {
				done, took := b.Succeeded+b.Failed, time.Since(began)
				return fmt.Sprintf("closed %d of %d, %d failed, %s, %s",
					b.Succeeded, found, b.Failed, perSecond(done, took), timeLeft(done, found, took))
			})
		},
	})
	p.print(stdout, "closed %d of %d conversations, %d failed\n", result.Succeeded, found, result.Failed)
	switch {
	case err != nil:
		fmt.Fprintln(stderr, "closestale:", ended(ctx, err))
		return exitCode(ctx)
	case result.Failed > 0:
		return 1
	}
	return 0
}

// ended says why not every conversation was looked at.
func ended(ctx context.Context, err error) string {
	if ctx.Err() != nil {
		return "interrupted; run it again to resume"
	}
	return "some conversations were not looked at: " + err.Error()
}

// exitCode is that of a program that an interrupt ended, or of one that failed.
func exitCode(ctx context.Context) int {
	if ctx.Err() != nil {
		return 130
	}
	return 1
}

// stale returns the conversations that are not closed and were last updated before a time. It calls
// lookedAt for each conversation that it looks at. One that was created after that time cannot be
// stale.
func stale(ctx context.Context, conversations *client.Conversations, before time.Time, lookedAt func()) iter.Seq2[*client.Conversation, error] {
	return func(yield func(*client.Conversation, error) bool) {
		for conv, err := range conversations.Scan(ctx, client.ScanParams{EndDate: before}) {
			if err == nil {
				lookedAt()
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
