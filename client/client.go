package client

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twilio-conversations-go/conversations/gen"
)

// Client is a client of the Conversations API. Create one with [New] or [FromEnv] and share it: it
// is safe for concurrent use, and holds no goroutine and nothing to close.
type Client struct {
	// Conversations are the conversations of the account's default Conversation Service.
	Conversations *Conversations

	generated      gen.Client // what each attempt is a copy of
	httpClient     *http.Client
	ownTransport   bool         // made here
	reports        bool         // the transport reports that it asks for a connection
	suspect        *atomic.Bool // an idle connection may be dead
	maxResponse    int64
	host           string
	userAgent      string
	editors        []RequestEditor
	logger         *slog.Logger
	retry          RetryPolicy
	budget         *budget
	attemptTimeout time.Duration
}

// RequestEditor prepares a request before it is sent: it may set headers, and authenticates the request if it
// is given to [New]. It is called for each attempt and must be safe for concurrent use. If it fails, nothing
// is sent and the call fails with its error.
type RequestEditor = func(ctx context.Context, req *http.Request) error

// New returns a client that authenticates with auth: [BasicAuth], [BearerToken], or any other
// [RequestEditor]. It talks to https://conversations.twilio.com unless an option says otherwise. Nothing is
// sent. A nil auth or an invalid option is reported as a [*ParamError].
func New(auth RequestEditor, opts ...Option) (*Client, error) {
	if auth == nil {
		return nil, &ParamError{Param: "auth", Reason: "must not be nil: use BasicAuth or BearerToken"}
	}
	cfg := config{
		logger:         slog.New(slog.DiscardHandler),
		attemptTimeout: defaultAttemptTimeout,
		maxResponse:    defaultMaxResponse,
	}
	for _, opt := range opts {
		if opt == nil {
			return nil, &ParamError{Param: "Option", Reason: "must not be nil"}
		}
		if err := opt(&cfg); err != nil {
			return nil, err
		}
	}
	server, err := cfg.server()
	if err != nil {
		return nil, err
	}
	generated, err := gen.NewClient(server.String())
	if err != nil {
		return nil, err
	}
	retry, err := cfg.retry.complete("WithRetry")
	if err != nil {
		return nil, err
	}
	httpClient := cfg.httpClient // a copy of the caller's own
	transport := httpClient.Transport
	if transport == nil {
		transport = ownTransport()
	}
	_, reports := transport.(*http.Transport)
	c := &Client{
		generated: *generated, httpClient: &httpClient, suspect: new(atomic.Bool),
		ownTransport: httpClient.Transport == nil, reports: reports,
		maxResponse: cfg.maxResponse, host: server.Host,
		userAgent: strings.TrimSpace(cfg.userAgent + " " + userAgent), editors: []RequestEditor{auth},
		logger: cfg.logger, retry: retry, budget: newBudget(retry.Budget), attemptTimeout: cfg.attemptTimeout,
	}
	httpClient.Transport = stay{transport}
	c.Conversations = &Conversations{client: c}
	return c, nil
}

// version is that of this module.
const version = "0.1.0"

var userAgent = fmt.Sprintf("twilio-conversations-go/%s (%s)", version, runtime.Version())

// standardTransport is net/http's own default, which a program may replace.
var standardTransport = http.DefaultTransport

// ownTransport returns the transport of clients that are not given one: net/http's default, but with as
// many idle connections as a scan and bulk work use, and with pings that find a dead connection. All
// clients share it. If the program has replaced the default, that is used as it is.
func ownTransport() http.RoundTripper {
	if http.DefaultTransport != standardTransport {
		return http.DefaultTransport
	}
	return sharedTransport()
}

var sharedTransport = sync.OnceValue(func() *http.Transport {
	transport := standardTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 64
	transport.HTTP2 = &http.HTTP2Config{SendPingTimeout: 10 * time.Second, PingTimeout: 5 * time.Second}
	return transport
})

// CloseIdleConnections closes the connections that no request is using, as that of [http.Client] does.
// Clients without [WithHTTPClient] share their connections. No program needs it, but a test that
// looks for leaked goroutines does.
func (c *Client) CloseIdleConnections() { c.httpClient.CloseIdleConnections() }

// FromEnv returns a client configured by environment variables. Credentials are TWILIO_API_KEY and
// TWILIO_API_SECRET, or else TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN. TWILIO_REGION and TWILIO_EDGE are
// [WithRegion] and [WithEdge]; TWILIO_CONVERSATIONS_URL is [WithBaseURL] and takes their place, for example to
// try the emulator. Options come after the environment. Missing credentials, and a pair of which only one
// variable is set, are reported as a [*ParamError].
func FromEnv(opts ...Option) (*Client, error) {
	var env []Option
	for _, v := range []struct {
		name   string
		option func(string) Option
	}{
		{"TWILIO_REGION", WithRegion},
		{"TWILIO_EDGE", WithEdge},
		{"TWILIO_CONVERSATIONS_URL", func(url string) Option { return withBaseURL("TWILIO_CONVERSATIONS_URL", url) }},
	} {
		if value := os.Getenv(v.name); value != "" {
			env = append(env, v.option(value))
		}
	}
	for _, pair := range [][2]string{{"TWILIO_API_KEY", "TWILIO_API_SECRET"}, {"TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"}} {
		sid, secret := os.Getenv(pair[0]), os.Getenv(pair[1])
		switch {
		case sid != "" && secret != "":
			return New(BasicAuth(sid, secret), append(env, opts...)...)
		case sid != "":
			return nil, &ParamError{Param: pair[1], Reason: "set this environment variable: " + pair[0] + " is set"}
		case secret != "":
			return nil, &ParamError{Param: pair[0], Reason: "set this environment variable: " + pair[1] + " is set"}
		}
	}
	return nil, &ParamError{Param: "credentials", Reason: "set the environment variables TWILIO_API_KEY and TWILIO_API_SECRET, or TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN"}
}

// Service is a Conversation Service of the account.
//
// See https://www.twilio.com/docs/conversations/api/service-resource
type Service struct {
	// Conversations are the conversations of the service.
	Conversations *Conversations
}

// Service returns the Conversation Service with the given SID (IS and 32 hexadecimal digits). Nothing is
// sent. An invalid SID is reported as a [*ParamError] by each call.
func (c *Client) Service(sid string) *Service {
	r := &Conversations{client: c, scope: scope{sid}}
	if !isSID("IS", sid) {
		r.invalid = &ParamError{Param: "service SID", Field: "ChatServiceSid", Reason: "must be IS and 32 hexadecimal digits"}
	}
	return &Service{Conversations: r}
}
