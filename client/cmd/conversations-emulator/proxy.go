package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/twilio-conversations-go/conversations/client/conversationstest"
)

// proxy is the command conversations-emulator proxy.
func proxy(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("conversations-emulator proxy", flag.ContinueOnError)
	flags.SetOutput(stderr)
	var (
		to   = flags.String("to", "", "`URL` of the server to forward to, such as https://conversations.twilio.com")
		addr = flags.String("addr", "127.0.0.1:4011", "`address` to listen on; port 0 picks a free one")
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
	server, err := url.Parse(*to)
	if err != nil || server.Hostname() == "" || server.Scheme != "https" && server.Scheme != "http" ||
		server.User != nil || strings.Trim(server.Path, "/") != "" || server.RawQuery != "" || server.Fragment != "" {
		fmt.Fprintln(stderr, "conversations-emulator: -to must be https://host or http://host")
		return exitUsage
	}
	if err := checkAddr(*addr); err != nil {
		fmt.Fprintf(stderr, "conversations-emulator: %v\n", err)
		return exitUsage
	}
	var violations atomic.Int64
	lines := log.New(stderr, "", 0)
	handler := validatingProxy(server, lines, func(err error) {
		violations.Add(1)
		lines.Print(violation(err))
	})
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		fmt.Fprintf(stderr, "conversations-emulator: %v\n", err)
		return exitFailed
	}
	if err := serve(ctx, listener, handler, fmt.Sprintf("listening on http://%s\n", listener.Addr()), stdout); err != nil {
		fmt.Fprintf(stderr, "conversations-emulator: %v\n", err)
		return exitFailed
	}
	if violations.Load() > 0 {
		return exitFailed
	}
	return exitOK
}

// validatingProxy forwards to one server and reports violations of the description.
func validatingProxy(server *url.URL, lines *log.Logger, report func(error)) http.Handler {
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.DisableCompression = true // a compressed body is not checked
	transport := conversationstest.ValidatingTransport(base, report)
	return http.HandlerFunc(func(w http.ResponseWriter, in *http.Request) {
		(&httputil.ReverseProxy{
			Transport: transport,
			Rewrite: func(r *httputil.ProxyRequest) {
				r.SetURL(server)
				r.Out.URL.RawQuery = in.URL.RawQuery // a malformed one too
				r.Out.Header.Set("Accept-Encoding", "identity")
			},
			ModifyResponse: func(res *http.Response) error {
				if in.Method == http.MethodGet {
					keepPages(res, "http://"+in.Host)
				}
				return nil
			},
			FlushInterval: -1, // so that a response that breaks off arrives as far as it came
			ErrorLog:      log.New(io.Discard, "", 0),
			ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
				if in.Context().Err() == nil {
					lines.Printf("no response: %s", unreachable(err))
				}
				w.WriteHeader(http.StatusBadGateway)
			},
		}).ServeHTTP(w, in)
	})
}

// unreachable returns why there is no response. It leaves out the text of an error that is neither
// of the network nor of TLS, because that text may repeat what the server sent.
func unreachable(err error) string {
	if network, ok := errors.AsType[*net.OpError](err); ok {
		return network.Error()
	}
	if certificate, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return certificate.Error()
	}
	return "the server closed the connection, or does not speak HTTP"
}

// pageURLs matches the beginnings of page URLs in a body. No string value in the body matches,
// because its quotes would be escaped.
var pageURLs = regexp.MustCompile(`("(?:first|previous|next)_page_url"\s*:\s*")https?://[^/"]*`)

// maxPage is larger than any page. A larger body is forwarded as it arrives and not held in memory.
const maxPage = 64 << 20

// keepPages makes page URLs lead to the proxy. Otherwise, a client that follows them would leave
// the proxy after the first page.
func keepPages(res *http.Response, proxy string) {
	body, err := io.ReadAll(io.LimitReader(res.Body, maxPage))
	closer := res.Body
	if len(body) == maxPage {
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(body), res.Body), closer}
		return
	}
	if err == nil {
		body = pageURLs.ReplaceAll(body, []byte("${1}"+proxy))
		res.ContentLength = int64(len(body))
		res.Header.Set("Content-Length", strconv.Itoa(len(body)))
	}
	res.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(body), failing{err}), closer}
}

// failing ends a body as the original ended.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) {
	if f.err == nil {
		return 0, io.EOF
	}
	return 0, f.err
}

var (
	quotedPath    = regexp.MustCompile(`"/(?:[^"\\]|\\.)*"`)
	quotedName    = regexp.MustCompile(`(form field|query parameter) ("(?:[^"\\]|\\.)*"|[^ :]+)`)
	parameterName = regexp.MustCompile(`^[A-Z][A-Za-z]*(\.[A-Z][A-Za-z]*)*$`)
	pathWords     = []string{"", "v1", "Services", "Conversations", "Participants", "Messages", "Webhooks", "Export"}
)

// violation is one line about a violation in a request or response. Of the message it repeats only
// names of parameters and the fixed parts of paths.
func violation(err error) string {
	text := quotedPath.ReplaceAllStringFunc(err.Error(), func(path string) string {
		segments := strings.Split(strings.Trim(path, `"`), "/")
		for i, segment := range segments {
			if !slices.Contains(pathWords, segment) {
				segments[i] = "…"
			}
		}
		return strings.Join(segments, "/")
	})
	text = quotedName.ReplaceAllStringFunc(text, func(found string) string {
		match := quotedName.FindStringSubmatch(found)
		if parameterName.MatchString(match[2]) {
			return found
		}
		return match[1] + " …"
	})
	return strings.ReplaceAll(text, "\n", "; ")
}
