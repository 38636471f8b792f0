package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// health is the command conversations-emulator health, for the health check of a container. Its
// exit status reports whether an emulator responds within two seconds. A response of 401 is enough.
func health(ctx context.Context, args []string, stderr io.Writer) int {
	flags := flag.NewFlagSet("conversations-emulator health", flag.ContinueOnError)
	flags.SetOutput(stderr)
	addr := flags.String("addr", "127.0.0.1:4010", "`address` that the emulator listens on")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage
	case flags.NArg() > 0:
		fmt.Fprintf(stderr, "conversations-emulator: unexpected argument %q\n", flags.Arg(0))
		return exitUsage
	}
	if err := checkAddr(*addr); err != nil {
		fmt.Fprintf(stderr, "conversations-emulator: %v\n", err)
		return exitUsage
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+*addr+"/v1/Conversations", nil)
	if err == nil {
		var res *http.Response
		if res, err = (&http.Transport{DisableKeepAlives: true}).RoundTrip(req); err == nil {
			res.Body.Close()
			return exitOK
		}
	}
	fmt.Fprintf(stderr, "conversations-emulator: unhealthy: %v\n", err)
	return exitFailed
}

// warnIfOpen warns that other machines can reach an emulator that listens on all addresses.
func warnIfOpen(addr string, stderr io.Writer) {
	host, _, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		fmt.Fprintln(stderr, "conversations-emulator: listening on all addresses: whoever can reach this port can use the emulator")
	}
}
