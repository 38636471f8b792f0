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
// is safe for concurrent use. It holds no goroutine and needs no Close.
type Client struct {
	// Conversations are the conversations of the account's default Conversation Service.
	Conversations *Conversations

	generated      gen.Client // each attempt makes a copy of it
	httpClient     *http.Client
	ownTransport   bool         // the transport was made here, not by the caller
	reports        bool         // the transport always reports when it requests a connection
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

// RequestEditor prepares a request before it is sent. Given to [New], it authenticates each
// request; given to [WithRequestEditor], it may set headers.
//
// An editor is called for each attempt, with the context of the attempt. It must be safe for
// concurrent use. If it fails, nothing is sent and the call returns its error, wrapped.
type RequestEditor = func(ctx context.Context, req *http.Request) error

// New returns a client that authenticates with auth: [BasicAuth], [BearerToken] or another
// [RequestEditor]. Its server is https://conversations.twilio.com unless [WithRegion], [WithEdge]
// or [WithBaseURL] says otherwise.
//
// New sends nothing. A nil auth or an invalid option is reported as a [*ParamError].
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
	httpClient := cfg.httpClient // a copy: the caller's own is never changed
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

// version is the version of this module.
const version = "0.1.0"

var userAgent = fmt.Sprintf("twilio-conversations-go/%s (%s)", version, runtime.Version())

// standardTransport is the default transport of net/http. A program may replace
// http.DefaultTransport later.
var standardTransport = http.DefaultTransport

// ownTransport returns the transport of clients without [WithHTTPClient]. If the program has
// replaced http.DefaultTransport, that is used as it is.
func ownTransport() http.RoundTripper {
	if http.DefaultTransport != standardTransport {
		return http.DefaultTransport
	}
	return sharedTransport()
}

// sharedTransport is a copy of the default transport that all clients share. It keeps as many idle
// connections as scans and bulk work use, and pings HTTP/2 connections to find dead ones.
var sharedTransport = sync.OnceValue(func() *http.Transport {
	transport := standardTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 64
	transport.HTTP2 = &http.HTTP2Config{SendPingTimeout: 10 * time.Second, PingTimeout: 5 * time.Second}
	return transport
})

// CloseIdleConnections closes the connections that no request is using, as
// [http.Client.CloseIdleConnections] does. Clients without [WithHTTPClient] share their
// connections. Programs do not need it; tests that look for leaked goroutines do.
func (c *Client) CloseIdleConnections() { c.httpClient.CloseIdleConnections() }

// FromEnv returns a client configured by environment variables:
//
//	TWILIO_API_KEY, TWILIO_API_SECRET       credentials, preferred
//	TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN   credentials otherwise
//	TWILIO_REGION, TWILIO_EDGE              as WithRegion and WithEdge
//	TWILIO_CONVERSATIONS_URL                as WithBaseURL, for example an emulator
//
// TWILIO_CONVERSATIONS_URL replaces the region and the edge. The options are applied after the
// environment. Missing credentials, or a pair of which only one variable is set, are reported as a
// [*ParamError].
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

// Service returns the Conversation Service with the given SID (IS and 32 hexadecimal digits). It
// sends nothing. If the SID is invalid, each call of the service returns a [*ParamError].
func (c *Client) Service(sid string) *Service {
	r := &Conversations{client: c, scope: scope{sid}}
	if !isSID("IS", sid) {
		r.invalid = &ParamError{Param: "service SID", Field: "ChatServiceSid", Reason: "must be IS and 32 hexadecimal digits"}
	}
	return &Service{Conversations: r}
}
