package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/twilio-conversations-go/conversations/client/internal/fidelity"
)

// probeInterval is the minimum time between two writes to a server that is not on this machine. It
// keeps writes to a third of the rate that Twilio documents.
const probeInterval = 100 * time.Millisecond

// probe is the command conversations-emulator probe. It reads confirmations from stdin, writes
// results to stdout and everything else to stderr.
func probe(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("conversations-emulator probe", flag.ContinueOnError)
	flags.SetOutput(stderr)
	var (
		baseURL = flags.String("base-url", "", "`URL` of the server, such as https://conversations.twilio.com")
		service = flags.String("service", "", "`SID` of the Conversation Service to work in (default the account's default one)")
		only    = flags.String("run", "", "check only the rules whose ID matches the `regexp`")
		slow    = flags.Bool("slow", false, "wait for timers too, which takes ten minutes")
		yes     = flags.Bool("yes", false, "do not ask before anything is created")
		file    = flags.String("json", "", "write a report to the `file`")
		hookURL = flags.String("webhook-url", "", "public `URL` at which the server delivers webhooks, before and after, all seven by POST")
		hookAt  = flags.String("webhook-listen", "127.0.0.1:4012", "`address` at which they then arrive")
		compare = flags.String("compare", "", "compare the outcomes with those of an earlier report in the `file`")
	)
	fail := func(format string, args ...any) int {
		fmt.Fprintf(stderr, "conversations-emulator: "+format+"\n", args...)
		return exitUsage
	}
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage
	case flags.NArg() > 0:
		return fail("unexpected argument %q", flags.Arg(0))
	case *baseURL == "":
		return fail("-base-url is missing")
	case *service != "" && !regexp.MustCompile(`^IS[0-9a-fA-F]{32}$`).MatchString(*service):
		return fail("-service must be IS and 32 hexadecimal digits")
	}
	options := fidelity.Options{Slow: *slow, WriteInterval: probeInterval}
	server, err := url.Parse(*baseURL)
	if err != nil || server.Host == "" {
		return fail("-base-url must be https://host or http://host")
	}
	if isLocal(server) {
		options.WriteInterval = 0
	}
	if *only != "" {
		if options.Only, err = regexp.Compile(*only); err != nil {
			return fail("-run: %v", err)
		}
		if !slices.ContainsFunc(fidelity.Rules(), func(r fidelity.Rule) bool { return options.Only.MatchString(r.ID) }) {
			return fail("-run matches no rule")
		}
	}
	target := fidelity.Target{BaseURL: *baseURL, Service: *service}
	userVar, passwordVar := "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"
	if os.Getenv("TWILIO_API_KEY") != "" {
		userVar, passwordVar = "TWILIO_API_KEY", "TWILIO_API_SECRET"
	}
	target.Username, target.Password = os.Getenv(userVar), os.Getenv(passwordVar)
	if target.Username == "" || target.Password == "" {
		return fail("the environment variables %s and %s are not both set", userVar, passwordVar)
	}
	var earlier *fidelity.Report
	if *compare != "" {
		if earlier, err = readReport(*compare); err != nil {
			return fail("-compare: %v", err)
		}
	}

	if *hookURL != "" {
		hooks, err := url.Parse(*hookURL)
		if err != nil || hooks.Host == "" || hooks.Path == "" { // of an empty path a receiver sees /, which is not what is signed
			return fail("-webhook-url must be https://host/path or http://host/path")
		}
		listener, err := net.Listen("tcp", *hookAt)
		if err != nil {
			return fail("-webhook-listen: %v", err)
		}
		defer listener.Close()
		options.Webhooks = receiveWebhooks(ctx, listener, hooks)
	}

	announce(stderr, server.Host, *service, *slow, *hookURL != "")
	if !*yes && !confirmed(ctx, stdin, stderr) {
		return fail("nothing was created")
	}
	line := newProgress(stderr)
	options.Progress = line.show
	report, err := fidelity.Run(ctx, target, options)
	line.erase()
	if err != nil {
		return fail("%v", err)
	}
	printReport(stdout, report)
	status := exitOK
	if *file != "" {
		if err := writeReport(*file, report); err != nil {
			fmt.Fprintf(stderr, "conversations-emulator: %v\n", err)
			status = exitFailed
		}
	}
	switch {
	case earlier != nil:
		if printChanges(stdout, earlier, report) {
			status = exitFailed
		}
	case report.Count(fidelity.Differs) > 0:
		status = exitFailed
	}
	if report.Left > 0 {
		fmt.Fprintf(stderr, "conversations-emulator: %d conversations may be left, with names that begin with %s\n", report.Left, report.Prefix)
		status = exitFailed
	}
	if ctx.Err() != nil {
		fmt.Fprintln(stderr, "conversations-emulator: interrupted")
		status = exitFailed
	}
	return status
}

// isLocal reports whether the host of a URL is this machine.
func isLocal(u *url.URL) bool {
	return u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsLoopback()
}

// receiveWebhooks serves a listener for the checks that receive webhooks. The server was configured
// by hand, so checks that need other settings are left out.
func receiveWebhooks(ctx context.Context, listener net.Listener, at *url.URL) func(fidelity.WebhookSettings, http.Handler) (fidelity.WebhookServer, error) {
	delay := 5 * time.Second // of deliveries
	if isLocal(at) {
		delay = 200 * time.Millisecond
	}
	return func(settings fidelity.WebhookSettings, receiver http.Handler) (fidelity.WebhookServer, error) {
		if !settings.AllEvents() {
			return fidelity.WebhookServer{}, errors.New("needs other settings of webhooks than those of -webhook-url")
		}
		server := &http.Server{Handler: receiver, ReadTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
		go func() { _ = server.Serve(listener) }() // until the listener is closed
		return fidelity.WebhookServer{
			Origin: at.Scheme + "://" + at.Host,
			Direct: isLocal(at),
			Settle: func() {
				select {
				case <-time.After(delay):
				case <-ctx.Done():
				}
			},
		}, nil
	}
}

// announce prints what a probe will do.
func announce(stderr io.Writer, host, service string, slow, webhooks bool) {
	where, also := "in the account's default Conversation Service", ""
	if service != "" {
		where, also = "in the service of -service", ", a few of them in the default service"
	}
	minutes := 2
	if slow {
		minutes += 10
	}
	if webhooks {
		minutes += 3
	}
	fmt.Fprintf(stderr, `This probes %s.
It creates up to %d conversations %s%s,
all named %s…, and deletes them again. It touches no others.
It sends three requests with wrong credentials, to see how they are refused.
It takes about %d minutes.
`, host, fidelity.MaxCreates, where, also, fidelity.NamePrefix, minutes)
}

// confirmed asks for confirmation and reports whether it was given.
func confirmed(ctx context.Context, stdin io.Reader, stderr io.Writer) bool {
	fmt.Fprint(stderr, "Go on? [y/N] ")
	answer := make(chan string, 1)
	go func() { // reading cannot be interrupted
		text, _ := bufio.NewReader(stdin).ReadString('\n')
		answer <- strings.ToLower(strings.TrimSpace(text))
	}()
	select {
	case text := <-answer:
		return text == "y" || text == "yes"
	case <-ctx.Done():
		fmt.Fprintln(stderr)
		return false
	}
}

// printReport prints the outcomes by rule, and a summary.
func printReport(stdout io.Writer, report *fidelity.Report) {
	sentences := map[string]string{}
	for _, rule := range fidelity.Rules() {
		sentences[rule.ID] = rule.Sentence
	}
	for _, result := range report.Results {
		fmt.Fprintf(stdout, "%-14s  %-10s  %-30s  %s\n", result.Outcome, result.Source, result.ID, sentences[result.ID])
		if result.Detail != "" {
			fmt.Fprintf(stdout, "%-14s  %s\n", "", result.Detail)
		}
	}
	table := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "\n\tholds\tdiffers\tcannot be told\t\n")
	for _, source := range fidelity.Sources() {
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t\n", source, report.Count(fidelity.Holds, source),
			report.Count(fidelity.Differs, source), report.Count(fidelity.Unknown, source))
	}
	_ = table.Flush() // as for all output, a failed write cannot be reported
}

// printChanges prints the rules that no longer hold, or now do, and reports whether there are any.
// It does not compare a rule whose outcome is unknown in one of the reports.
func printChanges(stdout io.Writer, earlier, now *fidelity.Report) (changed bool) {
	before := map[string]fidelity.Outcome{}
	for _, result := range earlier.Results {
		before[result.ID] = result.Outcome
	}
	for _, result := range now.Results {
		was := before[result.ID]
		if was == "" || was == result.Outcome || was == fidelity.Unknown || result.Outcome == fidelity.Unknown {
			continue
		}
		if !changed {
			fmt.Fprintf(stdout, "\nChanged since %s:\n", earlier.Time.Format(time.RFC3339))
		}
		changed = true
		fmt.Fprintf(stdout, "%s: was %q, is %q\n", result.ID, was, result.Outcome)
	}
	if !changed {
		fmt.Fprintf(stdout, "\nNothing has changed since %s.\n", earlier.Time.Format(time.RFC3339))
	}
	return changed
}

func readReport(file string) (*fidelity.Report, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	report := new(fidelity.Report)
	if err := json.Unmarshal(data, report); err != nil {
		return nil, fmt.Errorf("%s is no report: %w", file, err)
	}
	return report, nil
}

func writeReport(file string, report *fidelity.Report) error {
	data, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(data, '\n'), 0o644)
}

// progress shows progress in one line of a terminal, which it overwrites. Without a terminal, it
// prints one line at the beginning and one at the end.
type progress struct {
	out      io.Writer
	terminal bool
}

func newProgress(out io.Writer) progress {
	file, ok := out.(*os.File)
	if !ok {
		return progress{out: out}
	}
	info, err := file.Stat()
	return progress{out: out, terminal: err == nil && info.Mode()&os.ModeCharDevice != 0}
}

func (p progress) show(done, all int, id string) {
	switch {
	case p.terminal && id != "":
		fmt.Fprintf(p.out, "\r\x1b[K%d of %d rules: %s", done, all, id)
	case p.terminal:
		fmt.Fprint(p.out, "\r\x1b[KDeleting what was created")
	case id == "":
		fmt.Fprintln(p.out, "Deleting what was created")
	case done == 0:
		fmt.Fprintf(p.out, "Checking %d rules\n", all)
	}
}

// erase clears the line.
func (p progress) erase() {
	if p.terminal {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}
