package client

import (
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Option configures a [Client]. If an option is given twice, the last one counts.
type Option func(*config) error

type config struct {
	baseURL        string
	baseURLParam   string // its name in an error
	region, edge   string
	insecureHTTP   bool
	httpClient     http.Client
	userAgent      string
	logger         *slog.Logger
	retry          RetryPolicy
	attemptTimeout time.Duration
	maxResponse    int64
}

const (
	defaultAttemptTimeout = 30 * time.Second
	// 64 MiB hold a page of 1,000 conversations with attributes of the maximum size, however they
	// are escaped.
	defaultMaxResponse = 64 << 20
)

// WithBaseURL sends all requests to another server than Twilio's: an emulator, a proxy or a test
// server. A path in the URL goes before /v1.
//
// It replaces a region and an edge that were given before it; giving them after it is an error. The
// URL must not have a user, a query or a fragment. Plain http is refused for a host that is not
// loopback, see [WithInsecureHTTP].
func WithBaseURL(baseURL string) Option { return withBaseURL("base URL", baseURL) }

func withBaseURL(param, baseURL string) Option {
	return func(c *config) error {
		if baseURL == "" {
			return &ParamError{Param: param, Reason: "must not be empty"}
		}
		c.baseURL, c.baseURLParam, c.region, c.edge = baseURL, param, "", ""
		return nil
	}
}

// WithRegion sends all requests to a Twilio region. For ie1 that is
// https://conversations.ie1.twilio.com, or https://conversations.dublin.ie1.twilio.com with the
// edge dublin. The region consists of lower-case letters, digits and inner hyphens.
//
// API keys and auth tokens belong to one region. The responses to those of another region match
// [ErrUnauthorized].
//
// See https://www.twilio.com/docs/global-infrastructure/understanding-twilio-regions
func WithRegion(region string) Option {
	return hostLabel("region", region, func(c *config) { c.region = region })
}

// WithEdge sends all requests through a Twilio edge location, such as dublin or sydney. Without
// [WithRegion] the region is us1. The edge consists of lower-case letters, digits and inner
// hyphens.
//
// See https://www.twilio.com/docs/global-infrastructure/understanding-edge-locations
func WithEdge(edge string) Option {
	return hostLabel("edge", edge, func(c *config) { c.edge = edge })
}

// isLabel reports whether s consists of lower-case letters, digits and inner hyphens.
func isLabel(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == "" &&
		!strings.HasPrefix(s, "-") && !strings.HasSuffix(s, "-")
}

func hostLabel(param, label string, set func(*config)) Option {
	return func(c *config) error {
		if !isLabel(label) {
			return &ParamError{Param: param, Reason: "must consist of lower-case letters, digits and inner hyphens"}
		}
		set(c)
		return nil
	}
}

// WithInsecureHTTP lets [WithBaseURL] name a plain http server that is not loopback. The
// credentials then cross the network unencrypted.
func WithInsecureHTTP() Option {
	return func(c *config) error {
		c.insecureHTTP = true
		return nil
	}
}

// WithHTTPClient sends requests through a copy of the caller's http.Client: with its Transport (for
// tracing, a proxy or a fake), its cookie jar and its Timeout, which then bounds each attempt.
// Redirects are never followed. The http.Client must not be nil.
//
// A Transport of the caller is used as it is. It should set MaxIdleConnsPerHost to the number of
// workers of [Conversations.Scan] and [ForEach], and HTTP2.SendPingTimeout.
//
// Without this option, or with a nil Transport, clients share a copy of http.DefaultTransport. It
// keeps up to 64 idle connections to a host, and drops an HTTP/2 connection that does not respond
// to a ping.
func WithHTTPClient(httpClient *http.Client) Option {
	return func(c *config) error {
		if httpClient == nil {
			return &ParamError{Param: "http.Client", Reason: "must not be nil"}
		}
		c.httpClient = *httpClient
		return nil
	}
}

// WithUserAgent puts the name of the program, such as app/1.2, at the beginning of the User-Agent
// header. It must consist of printable ASCII characters.
func WithUserAgent(product string) Option {
	return func(c *config) error {
		if product == "" || strings.ContainsFunc(product, func(r rune) bool { return r < ' ' || r > '~' }) {
			return &ParamError{Param: "user agent", Reason: "must consist of printable ASCII characters"}
		}
		c.userAgent = product
		return nil
	}
}

// WithRetry replaces the retry policy. A zero field keeps its default. A negative field, or a
// MinDelay above MaxDelay, is reported as a [*ParamError]. The package documentation says what is
// retried.
func WithRetry(policy RetryPolicy) Option {
	return func(c *config) (err error) {
		c.retry, err = policy.complete("WithRetry")
		return err
	}
}

// WithAttemptTimeout sets the timeout of each attempt, from authentication to the last byte of the
// response. It must be positive. The default is 30 s. The context of the call bounds all attempts
// together.
func WithAttemptTimeout(timeout time.Duration) Option {
	return func(c *config) error {
		c.attemptTimeout = timeout
		return positive("WithAttemptTimeout", timeout)
	}
}

// positive returns a *ParamError if the number is not positive.
func positive[N ~int64](param string, n N) error {
	if n <= 0 {
		return &ParamError{Param: param, Reason: "must be positive"}
	}
	return nil
}

// WithMaxResponseBytes sets the maximum size of a response in bytes, after decompression. It must
// be positive. The default is 64 MiB, which holds the largest possible page. A larger response is
// an error, as a malformed one is.
func WithMaxResponseBytes(n int64) Option {
	return func(c *config) error {
		c.maxResponse = n
		return positive("WithMaxResponseBytes", n)
	}
}

// WithLogger logs each attempt of each call: operation, host, attempt, status (0 without a
// response), duration and request id. A failed attempt also has the reason in a few words, and the
// delay if a retry follows. No id, name, body or credential is logged.
//
// A failed attempt is logged at level Warn. A success is logged at Debug. So are a 404, a 409 and
// the end of the caller's context, which a program may expect. The logger must not be nil. Without
// this option nothing is logged.
func WithLogger(logger *slog.Logger) Option {
	return func(c *config) error {
		if logger == nil {
			return &ParamError{Param: "logger", Reason: "must not be nil"}
		}
		c.logger = logger
		return nil
	}
}

// server returns the base URL of the configuration. Its errors do not quote the URL, which may hold
// credentials.
func (c *config) server() (*url.URL, error) {
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
		return &url.URL{Scheme: "https", Host: strings.Join(labels, ".") + ".twilio.com"}, nil
	}

	reason := ""
	u, err := url.Parse(c.baseURL)
	switch {
	case err != nil:
		reason = "must be a URL"
	case c.region != "" || c.edge != "":
		reason = "must not be followed by a region or an edge"
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		reason = "must begin with https:// or http:// and a host"
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		reason = "must not have a user, a query or a fragment"
	case strings.HasSuffix(strings.TrimRight(u.Path, "/"), "/v1"):
		reason = "must not end in /v1"
	case u.Scheme == "http" && !c.insecureHTTP && !isLoopback(u.Hostname()):
		reason = "plain http would send the credentials unencrypted; use https or WithInsecureHTTP"
	}
	if reason != "" {
		return nil, &ParamError{Param: c.baseURLParam, Reason: reason}
	}
	return u, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
