// The program conversations-emulator emulates the Conversation endpoints of Twilio Conversations in
// memory, for clients in any language. It prints one line,
//
//	listening on http://127.0.0.1:4010
//
// and serves until SIGINT or SIGTERM. The package conversationstest documents its responses. The
// flag -help lists the flags. The exit status is 0 after a signal, 1 if it cannot serve, and 2 if a
// flag is invalid. The command
//
//	conversations-emulator health
//
// exits with 0 if an emulator responds on the address given by its flag -addr, and with 1 if none
// does.
//
// With the flag -control, it also serves the following requests. The flag is off by default,
// because they need no credentials.
//
//	POST /_emulator/faults         {"operation": "createConversation", "faults": [{"status": 503, "times": 2}]}
//	POST /_emulator/conversations  [{"unique_name": "a", "state": "closed", "date_created": "2026-01-01T00:00:00Z"}]
//	POST /_emulator/activity       {"sid": "CH0123456789abcdef0123456789abcdef"}
//	POST /_emulator/clock          {"advance": "1h30m"}
//	POST /_emulator/settle
//	POST /_emulator/reset
//	GET  /_emulator/requests
//	GET  /_emulator/deliveries
//	POST /_emulator/deliveries/repeat  {"id": "0d2f8c4a-7b61-4e0e-9c43-5f7a1b2c3d4e"}
//
// Every POST has the Content-Type application/json, reset and settle too, whose body may be empty.
//
//   - faults: the operation is an operationId, "*" for any, or the name of an event. In the last
//     case the faults apply to its webhooks. The members of a fault are status, code, message,
//     header, body, delay, times, commit, drop and truncate, those of conversationstest.Fault. A
//     value of header is a string or a list of strings.
//   - conversations: a conversation is stored unchanged. Its members are those of the API and
//     chat_service_sid, date_inactive, date_closed, email_address and email_name. The response is
//     {"sids": [...]}.
//   - activity: it has the effect of a message in the conversation. The conversation becomes
//     active, and its timers restart.
//   - clock: the clock moves ahead, and due timers fire.
//   - settle: the response is sent when every due webhook is delivered.
//   - reset: it removes the conversations, the faults, and the requests and deliveries of webhooks
//     that requests and deliveries show.
//   - requests, deliveries: the latest 10,000 of them. ?latest=100 shows the last 100.
//   - deliveries/repeat: it repeats the delivery with the given id.
//
// The inspector, a page at /_emulator/, shows all of this in a browser. It shows conversations,
// incoming requests with their violations, and deliveries of webhooks. It explains their signatures
// step by step. It can make the same changes, and it copies requests and deliveries as curl
// commands. A second line shows its URL:
//
//	inspector on http://127.0.0.1:4010/_emulator/
//
// The page loads nothing from other hosts. It never has an auth token: the program signs what it
// sends.
//
// The flags -webhook-pre-url and -webhook-post-url set where webhooks are delivered. The flags
// -webhook-method and -webhook-filters set the method and the events. After -webhook-service, these
// flags apply to that service.
//
// The status is 200 with a result and 204 without one. It is 400 for an invalid request, including
// one that would have no effect. It is 403 for a POST of a web page of another origin, or a Host
// that is not the address of this server. It is 404 or 405 for an unknown path or method, 413 for a
// body above 16 MB, and 415 for another content type. The body of an error is one line of text.
//
// # Probe
//
//	conversations-emulator probe -base-url https://conversations.twilio.com
//
// checks a server against FIDELITY.md. For each rule it prints whether the rule holds, differs (and
// how), or is unknown.
//
// The credentials are the environment variables TWILIO_API_KEY and TWILIO_API_SECRET, or else
// TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN. Before it starts, a probe prints what it will create
// and asks for confirmation, unless -yes is given.
//
// A probe creates conversations whose names begin with fidelity-, at most ten a second, and deletes
// them again, even if it is interrupted. It never changes or deletes other conversations. A second
// interrupt ends it at once. Rules about timers need -slow and ten minutes. Rules about two
// services need -service.
//
// Rules about webhooks need an account whose pre and post URL lead to the probe. Set both to a
// public URL, with the method POST and all seven events of conversations. Let a tunnel forward the
// URL to 127.0.0.1:4012 (-webhook-listen), and pass it as -webhook-url.
//
// The flag -json writes a report. The flag -compare prints what has changed since an earlier
// report. The exit status is 0 if no rule differs, or with -compare if nothing has changed. It is 1
// if one does, if the probe was interrupted, or if conversations may be left. It is 2 if nothing
// was probed.
//
// # Proxy
//
//	conversations-emulator proxy -to https://conversations.twilio.com
//
// forwards requests to a server. For each request or response that violates the project's OpenAPI
// document, it prints a line to stderr, without credentials, names or bodies.
//
// Clients use http://127.0.0.1:4011 as their base URL. The page URLs in lists lead to the proxy;
// nothing else is changed. The exit status after SIGINT or SIGTERM is 1 if there was a violation.
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

// These are the exit statuses of the program.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// run runs the program. It serves until ctx is done.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 {
		switch args[0] {
		case "health":
			return health(ctx, args[1:], stderr)
		case "probe":
			return probe(ctx, args[1:], os.Stdin, stdout, stderr)
		case "proxy":
			return proxy(ctx, args[1:], stdout, stderr)
		}
	}
	flags := flag.NewFlagSet("conversations-emulator", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, "Usage: conversations-emulator [flags], or health, probe or proxy with -help for those commands\n")
		flags.PrintDefaults()
	}
	tenants := newAccounts(flags)
	hooks := newWebhooks(flags)
	var (
		addr      = flags.String("addr", "127.0.0.1:4010", "`address` to listen on; port 0 picks a free one")
		services  = flags.String("services", "", "`SIDs` of the only services besides the default ones, separated by commas (default any)")
		region    = flags.String("region", "us1", "`region` of the accounts; hosts of other regions are answered with 401")
		lenient   = flags.Bool("lenient", false, "ignore unknown and repeated parameters instead of answering 400")
		pageLimit = flags.Int("max-page-size", 100, "hold at most `n` conversations in a page, up to 1000, whatever PageSize requests")
		limit     = flags.Int("write-limit", 0, "maximum of `n` writes per second, answered with 429 above; Twilio documents 30, 0 means no limit")
		latency   = flags.Duration("latency", 0, "minimum `duration` of each request")
		controls  = flags.Bool("control", false, "also serve requests under /_emulator/: the inspector, faults, seeding, activity, the clock")
	)
	var opts []conversationstest.Option
	flags.Func("assume", "follow the variant of an assumption, `rule=variant` of FIDELITY.md; may be repeated", func(text string) error {
		rule, variant, _ := strings.Cut(text, "=")
		opts = append(opts, conversationstest.Assume(rule, variant))
		return nil
	})
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage
	case flags.NArg() > 0:
		fmt.Fprintf(stderr, "conversations-emulator: unexpected argument %q\n", flags.Arg(0))
		return exitUsage
	}

	opts = append([]conversationstest.Option{
		conversationstest.WithAccounts(tenants.list...),
		conversationstest.WithRegion(*region),
		conversationstest.WithMaxPageSize(*pageLimit),
		conversationstest.WithLatency(*latency),
	}, opts...)
	opts = append(opts, hooks.options()...)
	if *services != "" {
		opts = append(opts, conversationstest.WithServices(strings.Split(*services, ",")...))
	}
	if *lenient {
		opts = append(opts, conversationstest.Lenient())
	}
	if *limit != 0 {
		opts = append(opts, conversationstest.WithWriteLimit(*limit))
	}
	if !*controls {
		opts = append(opts, conversationstest.WithRequestLog(0)) // nobody could request it
	}
	emulator, err := conversationstest.New(opts...)
	if err != nil {
		fmt.Fprintf(stderr, "conversations-emulator: %s\n", strings.TrimPrefix(err.Error(), "conversationstest: "))
		return exitUsage
	}
	defer emulator.Close()
	if err := checkAddr(*addr); err != nil {
		fmt.Fprintf(stderr, "conversations-emulator: %v\n", err)
		return exitUsage
	}
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		fmt.Fprintf(stderr, "conversations-emulator: %v\n", err)
		return exitFailed
	}
	greeting := fmt.Sprintf("listening on http://%s\n", listener.Addr())
	context.AfterFunc(ctx, emulator.Close) // a request that waits for a webhook ends
	var handler http.Handler = emulator
	if *controls {
		handler = control(emulator, hosts(*addr, listener.Addr()), tenants.list, *hooks)
		greeting += fmt.Sprintf("inspector on %s\n", inspectorURL(listener.Addr()))
	}
	warnIfOpen(*addr, stderr)
	if err := serve(ctx, listener, handler, greeting, stdout); err != nil {
		fmt.Fprintf(stderr, "conversations-emulator: %v\n", err)
		return exitFailed
	}
	return exitOK
}

// checkAddr returns an error for an address that is invalid on any machine.
func checkAddr(addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if err != nil {
		return fmt.Errorf("-addr %q is not host:port", addr)
	}
	return nil
}

// accounts collects the flags of accounts. The first -account-sid names the default account; each
// further one adds an account. The flags that follow it apply to that account.
type accounts struct {
	list  []conversationstest.Account
	named bool // -account-sid was given
}

func newAccounts(flags *flag.FlagSet) *accounts {
	a := &accounts{list: []conversationstest.Account{{
		SID:       conversationstest.DefaultAccountSID,
		AuthToken: conversationstest.DefaultAuthToken,
	}}}
	last := func() *conversationstest.Account { return &a.list[len(a.list)-1] }
	flags.Func("account-sid", "`SID` of the account, AC and 32 hexadecimal digits; given again, it adds an account, "+
		"which the flags after it are about (default "+conversationstest.DefaultAccountSID+")", func(sid string) error {
		if a.named {
			a.list = append(a.list, conversationstest.Account{})
		}
		a.named = true
		last().SID = sid
		return nil
	})
	flags.Func("auth-token", "auth `token` of the account (default "+conversationstest.DefaultAuthToken+")", func(token string) error {
		last().AuthToken = token
		return nil
	})
	flags.Func("api-key", "an API `key` of the account, as SID:secret; may be repeated", func(key string) error {
		sid, secret, _ := strings.Cut(key, ":")
		if last().Keys == nil {
			last().Keys = map[string]string{}
		}
		last().Keys[sid] = secret
		return nil
	})
	flags.Func("bearer-token", "an OAuth access `token` of the account; may be repeated", func(token string) error {
		last().BearerTokens = append(last().BearerTokens, token)
		return nil
	})
	timer := func(name string, of func(*conversationstest.Account) *time.Duration, least string) {
		flags.Func(name, "`duration` of that timer of new conversations of the account, at least "+least+" (default none)", func(text string) error {
			d, err := time.ParseDuration(text)
			*of(last()) = d
			return err
		})
	}
	timer("default-inactive", func(a *conversationstest.Account) *time.Duration { return &a.DefaultInactiveTimer }, "1m")
	timer("default-closed", func(a *conversationstest.Account) *time.Duration { return &a.DefaultClosedTimer }, "10m")
	return a
}

// webhooks collects the flags of webhooks: first for all services, and after each -webhook-service
// for that service.
type webhooks []serviceWebhooks

type serviceWebhooks struct {
	service string // empty for all
	conversationstest.Webhooks
}

func newWebhooks(flags *flag.FlagSet) *webhooks {
	w := &webhooks{{}}
	set := func(name, usage string, set func(of *conversationstest.Webhooks, text string)) {
		flags.Func(name, usage, func(text string) error {
			set(&(*w)[len(*w)-1].Webhooks, text)
			return nil
		})
	}
	set("webhook-pre-url", "`URL` that decides about changes before they are made (default none)",
		func(of *conversationstest.Webhooks, text string) { of.PreURL = text })
	set("webhook-post-url", "`URL` that is told of changes after they were made (default none)",
		func(of *conversationstest.Webhooks, text string) { of.PostURL = text })
	set("webhook-method", "`method` of webhooks, POST or GET (default POST)",
		func(of *conversationstest.Webhooks, text string) { of.Method = text })
	set("webhook-filters", "the `events` that are sent, separated by commas (default all seven of conversations)",
		func(of *conversationstest.Webhooks, text string) { of.Filters = strings.Split(text, ",") })
	flags.Func("webhook-service", "`SID` of a service with its own webhooks, set by the -webhook flags that follow; may be repeated",
		func(sid string) error {
			*w = append(*w, serviceWebhooks{service: sid})
			return nil
		})
	return w
}

func (w webhooks) options() (opts []conversationstest.Option) {
	for i, hooks := range w {
		switch {
		case i > 0: // whatever the flag names, or it would be about all services
			opts = append(opts, conversationstest.WithServiceWebhooks(hooks.service, hooks.Webhooks))
		case hooks.PreURL != "" || hooks.PostURL != "" || hooks.Method != "" || hooks.Filters != nil:
			opts = append(opts, conversationstest.WithWebhooks(hooks.Webhooks))
		}
	}
	return opts
}

// serve prints a greeting when it listens. It returns when ctx is done and every request has a
// response.
func serve(ctx context.Context, listener net.Listener, handler http.Handler, greeting string, stdout io.Writer) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          log.New(io.Discard, "", 0),                        // clients get their errors in responses
		BaseContext:       func(net.Listener) context.Context { return ctx }, // ends scripted delays
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	if _, err := io.WriteString(stdout, greeting); err != nil {
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
		_ = server.Close() // a client holds its connection, which is not a failure of this program
	}
	return nil
}
