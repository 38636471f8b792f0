// The program conversations-emulator emulates the Conversation endpoints of Twilio Conversations, in
// memory, for clients in any language. It prints one line,
//
//	listening on http://127.0.0.1:4010
//
// and serves until SIGINT or SIGTERM. The package conversationstest says what it answers; -help names the
// flags. It exits with 0, with 1 if it cannot serve, and with 2 if a flag is wrong. The command
//
//	conversations-emulator health
//
// exits with 0 if an emulator responds on the address that its -addr names, and with 1 if none does.
//
// With -control, which is off by default as it takes no credentials, it also answers
//
//	POST /_emulator/faults         {"operation": "createConversation", "faults": [{"status": 503, "times": 2}]}
//	POST /_emulator/conversations  [{"unique_name": "a", "state": "closed", "date_created": "2026-01-01T00:00:00Z"}]
//	POST /_emulator/clock          {"advance": "1h30m"}
//	POST /_emulator/reset
//	GET  /_emulator/requests
//
// A POST takes JSON of the type application/json. The operation of faults is an operationId or "*" for
// any; the members of a fault are status, code, message, header, body, delay, times, commit, drop and
// truncate, those of conversationstest.Fault. The members of a conversation, which is stored as it is,
// are those of the API and chat_service_sid, date_inactive, date_closed, email_address and email_name;
// the answer is {"sids": [...]}. The clock moves ahead, so that timers fire. A reset removes the
// conversations, the faults and the latest 10,000 requests, which the last of these paths shows.
// What is done without an answer to give is answered with 204, and a mistake with 400 and a line of text.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/twilio-conversations-go/conversations/client/conversationstest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// Exit statuses of the program.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// run is the program; it serves until ctx is done.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 && args[0] == "health" {
		return health(ctx, args[1:], stderr)
	}
	flags := flag.NewFlagSet("conversations-emulator", flag.ContinueOnError)
	flags.SetOutput(stderr)
	var (
		addr      = flags.String("addr", "127.0.0.1:4010", "`address` to listen on; port 0 picks a free one")
		account   = flags.String("account-sid", conversationstest.DefaultAccountSID, "`SID` of the account, AC and 32 hexadecimal digits")
		token     = flags.String("auth-token", conversationstest.DefaultAuthToken, "auth `token` of the account")
		key       = flags.String("api-key", "", "API `key` of the account, as SID:secret")
		services  = flags.String("services", "", "the only `SIDs` of services there are, separated by commas, besides the default one (default any)")
		region    = flags.String("region", "us1", "`region` of the account; hosts of other regions are answered with 401")
		lenient   = flags.Bool("lenient", false, "ignore unknown and repeated parameters instead of answering 400")
		pageLimit = flags.Int("max-page-size", 1000, "hold at most `n` conversations in a page, whatever PageSize asks for")
		limit     = flags.Int("write-limit", 0, "allow `n` writes per second before 429; Twilio documents 30, 0 is no limit")
		latency   = flags.Duration("latency", 0, "the least `duration` of each request")
		control   = flags.Bool("control", false, "answer requests under /_emulator/ too: faults, seeding, the clock")
	)
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage
	case flags.NArg() > 0:
		fmt.Fprintf(stderr, "conversations-emulator: unexpected argument %q\n", flags.Arg(0))
		return exitUsage
	}

	tenant := conversationstest.Account{SID: *account, AuthToken: *token}
	if *key != "" {
		sid, secret, _ := strings.Cut(*key, ":")
		tenant.Keys = map[string]string{sid: secret}
	}
	opts := []conversationstest.Option{
		conversationstest.WithAccounts(tenant),
		conversationstest.WithRegion(*region),
		conversationstest.WithMaxPageSize(*pageLimit),
		conversationstest.WithLatency(*latency),
	}
	if *services != "" {
		opts = append(opts, conversationstest.WithServices(strings.Split(*services, ",")...))
	}
	if *lenient {
		opts = append(opts, conversationstest.Lenient())
	}
	if *limit != 0 {
		opts = append(opts, conversationstest.WithWriteLimit(*limit))
	}
	if !*control {
		opts = append(opts, conversationstest.WithRequestLog(0)) // nobody could ask for it
	}
	emulator, err := conversationstest.New(opts...)
	if err != nil {
		fmt.Fprintf(stderr, "conversations-emulator: %s\n", strings.TrimPrefix(err.Error(), "conversationstest: "))
		return exitUsage
	}
	var handler http.Handler = emulator
	if *control {
		handler = withControl(emulator)
	}
	warnIfOpen(*addr, stderr)
	if err := serve(ctx, *addr, handler, stdout); err != nil {
		fmt.Fprintf(stderr, "conversations-emulator: %v\n", err)
		return exitFailed
	}
	return exitOK
}

// serve prints where it listens once it does, and returns when ctx is done and every request answered.
func serve(ctx context.Context, addr string, handler http.Handler, stdout io.Writer) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          log.New(io.Discard, "", 0),                        // what clients do wrong, they are told
		BaseContext:       func(net.Listener) context.Context { return ctx }, // ends scripted delays
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	if _, err := fmt.Fprintf(stdout, "listening on http://%s\n", listener.Addr()); err != nil {
		_ = server.Close()
		return err
	}
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		_ = server.Close() // a client is holding on; that is no failure of this program
	}
	return nil
}
