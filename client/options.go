package client

import (
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Option configures a [Client]. The last of two of the same kind counts.
type Option func(*config) error

type config struct {
	baseURL        string
	region, edge   string
	insecureHTTP   bool
	httpClient     *http.Client
	logger         *slog.Logger
	retry          RetryPolicy
	attemptTimeout time.Duration
	maxResponse    int64
}

const (
	defaultAttemptTimeout = 30 * time.Second
	// 64 MiB hold a page of 1,000 conversations with the largest attributes, however they are escaped.
	defaultMaxResponse = 64 << 20
)

// WithBaseURL sends all requests to another server than Twilio's: an emulator, a proxy, a test
// server. Its path, if it has one, goes before /v1. It takes the place of a region and an edge that were
// given before; one that is given after it is an error. Plain http is refused for a host that is not
// loopback (see [WithInsecureHTTP]), as are a user, a query and a fragment in the URL.
func WithBaseURL(baseURL string) Option {
	return func(c *config) error {
		if baseURL == "" {
			return &ParamError{Param: "base URL", Reason: "it is empty"}
		}
		c.baseURL, c.region, c.edge = baseURL, "", ""
		return nil
	}
}

// WithRegion sends all requests to a Twilio region: ie1 to https://conversations.ie1.twilio.com, or with the edge
// dublin to https://conversations.dublin.ie1.twilio.com. It consists of lower-case letters, digits and inner
// hyphens. API keys and auth tokens belong to one region: those of another are answered with
// [ErrUnauthorized].
//
// See https://www.twilio.com/docs/global-infrastructure/understanding-twilio-regions
func WithRegion(region string) Option {
	return hostLabel("region", region, func(c *config) { c.region = region })
}

// WithEdge sends all requests through a Twilio edge location, such as dublin or sydney. Without
// [WithRegion] the region is us1.
//
// See https://www.twilio.com/docs/global-infrastructure/understanding-edge-locations
func WithEdge(edge string) Option {
	return hostLabel("edge", edge, func(c *config) { c.edge = edge })
}

// isLabel tells whether s consists of lower-case letters, digits and inner hyphens.
func isLabel(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == "" &&
		!strings.HasPrefix(s, "-") && !strings.HasSuffix(s, "-")
}

func hostLabel(param, label string, set func(*config)) Option {
	return func(c *config) error {
		if !isLabel(label) {
			return &ParamError{Param: param, Reason: "it must consist of lower-case letters, digits and inner hyphens"}
		}
		set(c)
		return nil
	}
}

// WithInsecureHTTP lets [WithBaseURL] name a plain http server that is not on this machine's
// loopback. The credentials then cross the network unencrypted.
func WithInsecureHTTP() Option {
	return func(c *config) error {
		c.insecureHTTP = true
		return nil
	}
}

// WithHTTPClient sends requests through a copy of an http.Client of the caller: with its Transport
// (for tracing, proxies or test doubles), its cookie jar and its timeout, which then bounds each
// attempt. Redirects are not followed, whatever it says. It must not be nil.
func WithHTTPClient(httpClient *http.Client) Option {
	return func(c *config) error {
		if httpClient == nil {
			return &ParamError{Param: "http client", Reason: "it is nil"}
		}
		c.httpClient = httpClient
		return nil
	}
}

// WithRetry replaces the retry policy. A zero field has its default; a negative one, or a MinDelay above MaxDelay,
// is an error. See the package documentation for what is retried.
func WithRetry(policy RetryPolicy) Option {
	return func(c *config) error {
		if policy.MaxAttempts < 0 || policy.MinDelay < 0 || policy.MaxDelay < 0 {
			return &ParamError{Param: "retry policy", Reason: "it has a negative field"}
		}
		full := policy.withDefaults() // not in place: an option may be given to several clients at a time
		if full.MinDelay > full.MaxDelay {
			return &ParamError{Param: "retry policy", Reason: "its least delay is longer than its longest"}
		}
		c.retry = full
		return nil
	}
}

// WithAttemptTimeout bounds each attempt of a call, from connecting to the last byte of the answer: 30 s by
// default. It must be positive. The context of the call bounds all attempts together.
func WithAttemptTimeout(timeout time.Duration) Option {
	return func(c *config) error {
		if timeout <= 0 {
			return &ParamError{Param: "attempt timeout", Reason: "it must be positive"}
		}
		c.attemptTimeout = timeout
		return nil
	}
}

// WithMaxResponseBytes bounds the answer to one request in bytes, after decompression: 64 MiB by default,
// which hold the largest page there can be. It must be positive. A larger answer is an error, as a
// malformed one is.
func WithMaxResponseBytes(n int64) Option {
	return func(c *config) error {
		if n <= 0 {
			return &ParamError{Param: "response bound", Reason: "it must be positive"}
		}
		c.maxResponse = n
		return nil
	}
}

// WithLogger logs each attempt of each call: operation, attempt, status (0 where there was no
// answer), duration and request id, and nothing else. A successful attempt is logged at level
// Debug, any other at Warn. Without this option nothing is logged. The logger must not be nil.
func WithLogger(logger *slog.Logger) Option {
	return func(c *config) error {
		if logger == nil {
			return &ParamError{Param: "logger", Reason: "it is nil"}
		}
		c.logger = logger
		return nil
	}
}

// server returns the base URL that the configuration comes to. Its errors do not quote the URL,
// which may hold credentials.
func (c *config) server() (string, error) {
	if c.baseURL == "" {
		labels := []string{"conversations"}
		if c.edge != "" {
			labels = append(labels, c.edge)
			if c.region == "" {
				labels = append(labels, "us1")
			}
		}
		if c.region != "" {
			labels = append(labels, c.region)
		}
		return "https://" + strings.Join(labels, ".") + ".twilio.com", nil
	}

	reason := ""
	u, err := url.Parse(c.baseURL)
	switch {
	case err != nil:
		reason = "it is malformed"
	case c.region != "" || c.edge != "":
		reason = "a region or an edge cannot be given after it"
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		reason = "it must begin with https:// or http:// and a host"
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		reason = "it must not have a user, a query or a fragment"
	case u.Scheme == "http" && !c.insecureHTTP && !isLoopback(u.Hostname()):
		reason = "plain http would send the credentials unencrypted; use https or WithInsecureHTTP"
	}
	if reason != "" {
		return "", &ParamError{Param: "base URL", Reason: reason}
	}
	return c.baseURL, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// CallOption configures one call.
type CallOption func(*call)

// WithWebhookEnabled sends the header X-Twilio-Webhook-Enabled: whether the change fires the
// account's Conversations webhooks, which changes made over REST do not unless it is true. It applies
// to Create, Update and Delete; Fetch and List refuse it.
//
// See https://www.twilio.com/docs/conversations/conversations-webhooks
func WithWebhookEnabled(enabled bool) CallOption {
	return func(c *call) { c.webhookEnabled = &enabled }
}

// WithResponse stores what there is to know about the last answer of the call in r, when the call
// returns, in success and failure. For a list that is the answer to the last page that was fetched.
func WithResponse(r *Response) CallOption {
	return func(c *call) { c.response = r }
}

// Response describes the last answer that a call received.
type Response struct {
	// StatusCode is the HTTP status, 0 where no answer was received.
	StatusCode int
	// Header is the header of the answer, with Twilio-Request-Duration and
	// Twilio-Concurrent-Requests among others.
	Header http.Header
	// RequestID is the header Twilio-Request-Id, which Twilio's support asks for.
	RequestID string
	// Attempts is how many times the request was tried.
	Attempts int
}
