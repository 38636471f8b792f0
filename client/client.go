package client

import (
	"cmp"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/twilio-conversations-go/conversations/gen"
)

// Client is a client of the Conversations API. Create one with [New] or [FromEnv] and share it: it
// is safe for concurrent use, and holds no goroutine and nothing to close.
type Client struct {
	// Conversations are the conversations of the account's default Conversation Service.
	Conversations *Conversations

	generated      *gen.ClientWithResponses
	logger         *slog.Logger
	retry          RetryPolicy
	attemptTimeout time.Duration
}

// New returns a client that authenticates with auth: [BasicAuth], [BearerToken], or any
// func(context.Context, *http.Request) error that prepares a request. It talks to
// https://conversations.twilio.com unless an option says otherwise. Nothing is sent. A missing auth or an
// option that does not hold is an error.
func New(auth gen.RequestEditorFn, opts ...Option) (*Client, error) {
	if auth == nil {
		return nil, &ParamError{Param: "auth", Reason: "it is nil"}
	}
	cfg := config{
		httpClient:     &http.Client{},
		logger:         slog.New(slog.DiscardHandler),
		retry:          RetryPolicy{}.withDefaults(),
		attemptTimeout: defaultAttemptTimeout,
		maxResponse:    defaultMaxResponse,
	}
	for _, opt := range opts {
		if opt == nil {
			return nil, &ParamError{Param: "option", Reason: "it is nil"}
		}
		if err := opt(&cfg); err != nil {
			return nil, err
		}
	}
	server, err := cfg.server()
	if err != nil {
		return nil, err
	}

	httpClient := *cfg.httpClient // the caller's own is never written to
	httpClient.Transport = stay{cmp.Or[http.RoundTripper](httpClient.Transport, http.DefaultTransport)}

	generated, err := gen.NewClientWithResponses(server,
		gen.WithHTTPClient(&sender{httpClient: &httpClient, maxResponse: cfg.maxResponse}),
		gen.WithRequestEditorFn(auth))
	if err != nil {
		return nil, err
	}
	c := &Client{generated: generated, logger: cfg.logger, retry: cfg.retry, attemptTimeout: cfg.attemptTimeout}
	c.Conversations = &Conversations{client: c, endpoints: defaultEndpoints(generated)}
	return c, nil
}

// FromEnv returns a client configured by environment variables: TWILIO_API_KEY and
// TWILIO_API_SECRET, or else TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN; and, where they are set,
// TWILIO_REGION and TWILIO_EDGE. Options come after the environment. A variable that is missing is an
// error that names it.
func FromEnv(opts ...Option) (*Client, error) {
	sidVar, secretVar := "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"
	if os.Getenv("TWILIO_API_KEY") != "" {
		sidVar, secretVar = "TWILIO_API_KEY", "TWILIO_API_SECRET"
	}
	for _, name := range []string{sidVar, secretVar} {
		if os.Getenv(name) == "" {
			return nil, &ParamError{Param: name, Reason: "the environment variable is not set"}
		}
	}
	var env []Option
	if region := os.Getenv("TWILIO_REGION"); region != "" {
		env = append(env, WithRegion(region))
	}
	if edge := os.Getenv("TWILIO_EDGE"); edge != "" {
		env = append(env, WithEdge(edge))
	}
	return New(BasicAuth(os.Getenv(sidVar), os.Getenv(secretVar)), append(env, opts...)...)
}

// Service is a Conversation Service of the account.
//
// See https://www.twilio.com/docs/conversations/api/service-resource
type Service struct {
	// Conversations are the conversations of the service.
	Conversations *Conversations
}

// Service returns the Conversation Service with the given SID (IS and 32 hexadecimal digits).
// Nothing is sent; a SID that does not look like one is reported by the first call, before
// anything is sent.
func (c *Client) Service(sid string) *Service {
	r := &Conversations{client: c, endpoints: serviceEndpoints(c.generated, sid), service: sid}
	if !isSID("IS", sid) {
		r.invalid = &ParamError{Param: "ChatServiceSid", Reason: "it must be IS and 32 hexadecimal digits"}
	}
	return &Service{Conversations: r}
}
