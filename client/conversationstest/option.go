package conversationstest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"time"
)

const (
	defaultRegion     = "us1"
	defaultRequestLog = 10_000
)

var (
	accountSID = regexp.MustCompile(`^AC[0-9a-fA-F]{32}$`)
	keySID     = regexp.MustCompile(`^SK[0-9a-fA-F]{32}$`)
	serviceSID = regexp.MustCompile(`^IS[0-9a-fA-F]{32}$`)
	regionName = regexp.MustCompile(`^[a-z]+[0-9]+$`)
)

// Option configures an [Emulator].
type Option func(*config) error

type config struct {
	accounts    []*Account
	services    map[string]bool // nil: any
	region      string
	lenient     bool
	maxPageSize int
	writeLimit  int
	latency     time.Duration
	requestLog  int
	inMemory    bool
	variants    assumed

	accountWebhooks *Webhooks
	serviceWebhooks map[string]*Webhooks
}

// WithAccounts replaces the default account, [DefaultAccountSID] with [DefaultAuthToken]. Seeding
// uses the first account by default. Every SID must be well-formed, and no account SID, key or
// token may occur twice.
func WithAccounts(accounts ...Account) Option {
	return func(c *config) error {
		if len(accounts) == 0 {
			return errors.New("conversationstest: WithAccounts needs an account")
		}
		c.accounts = nil
		for _, account := range accounts {
			c.accounts = append(c.accounts, &account)
		}
		return nil
	}
}

// WithServices limits the existing Conversation Services to the given ones and the default services
// of the accounts. A request for another service is answered with 404 and code 20404. By default,
// every well-formed SID (IS followed by 32 hexadecimal digits) is a service, in every account.
func WithServices(sids ...string) Option {
	return func(c *config) error {
		c.services = map[string]bool{}
		for _, sid := range sids {
			if !serviceSID.MatchString(sid) {
				return fmt.Errorf("conversationstest: %q is not the SID of a service", sid)
			}
			c.services[sid] = true
		}
		return nil
	}
}

// WithRegion sets the region of the accounts. The default is us1.
//
// A request whose Host belongs to another region, such as conversations.ie1.twilio.com or
// conversations.dublin.ie1.twilio.com, is answered with 401 and code 20003. Hosts outside
// twilio.com belong to every region. In ie1, no Messaging Service is filled in. The region au1 has
// no Conversations: every request is answered with 403 and code 50385. See
// https://www.twilio.com/docs/global-infrastructure
func WithRegion(region string) Option {
	return func(c *config) error {
		if !regionName.MatchString(region) {
			return fmt.Errorf("conversationstest: %q is not a region, such as us1", region)
		}
		c.region = region
		return nil
	}
}

// Lenient ignores what Twilio ignores: unknown query parameters and form fields, repeated ones (the
// first value counts), and bodies of requests that take none. By default, they are answered with
// 400 and code 20001, because in a test they are mistakes.
func Lenient() Option {
	return func(c *config) error {
		c.lenient = true
		return nil
	}
}

// WithMaxPageSize limits pages to n conversations, from 1 to 1000, whatever a request asks for. The
// member page_size then shows n. The default is 100, the maximum that Twilio documents. A PageSize
// up to 1000 is accepted: the emulator assumes that Twilio shortens pages rather than refuses it.
func WithMaxPageSize(n int) Option {
	return func(c *config) error {
		if n < 1 || n > 1000 {
			return fmt.Errorf("conversationstest: page size %d is not from 1 to 1000", n)
		}
		c.maxPageSize = n
		return nil
	}
}

// WithWriteLimit limits writes to n per second. Twilio documents 30. Creates and deletes are
// counted together per service, updates per conversation. A write above the limit is not performed
// and is answered with 429 and code 50063. A second begins with its first write. By default there
// is no limit. See https://www.twilio.com/docs/conversations/conversations-limits
func WithWriteLimit(n int) Option {
	return func(c *config) error {
		if n < 1 {
			return fmt.Errorf("conversationstest: write limit %d is not positive", n)
		}
		c.writeLimit = n
		return nil
	}
}

// WithLatency delays every request by d before it is performed.
func WithLatency(d time.Duration) Option {
	return func(c *config) error {
		if d < 0 {
			return fmt.Errorf("conversationstest: latency %v is negative", d)
		}
		c.latency = d
		return nil
	}
}

// WithRequestLog keeps the latest n requests for [Emulator.Requests]. 0 keeps none. The default is
// 10,000. Whatever n is, the requests take at most about 16 MiB.
func WithRequestLog(n int) Option {
	return func(c *config) error {
		if n < 0 {
			return fmt.Errorf("conversationstest: request log size %d is negative", n)
		}
		c.requestLog = n
		return nil
	}
}

// InMemory makes [Start] connect clients and server through [net.Pipe] instead of the loopback
// interface. Only [Server.HTTPClient] and [Server.Client] can then reach the server.
//
// Waiting for such a connection is durable in the sense of [testing/synctest]. In a bubble, minutes
// of timers and delays therefore pass at once.
func InMemory() Option {
	return func(c *config) error {
		c.inMemory = true
		return nil
	}
}

func newConfig(opts []Option) (*config, error) {
	c := &config{
		accounts:    []*Account{{SID: DefaultAccountSID, AuthToken: DefaultAuthToken}},
		region:      defaultRegion,
		maxPageSize: maxPageSize,
		requestLog:  defaultRequestLog,
	}
	for i, opt := range opts {
		if opt == nil {
			return nil, fmt.Errorf("conversationstest: option %d is nil", i)
		}
		if err := opt(c); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// credentials checks the accounts and fills in their defaults.
func (c *config) credentials() (*credentials, error) {
	creds := &credentials{users: map[string]user{}, tokens: map[digest]*Account{}}
	for _, account := range c.accounts {
		if account.DefaultServiceSID == "" {
			account.DefaultServiceSID = derivedSID("IS", account.SID)
		}
		switch {
		case !accountSID.MatchString(account.SID):
			return nil, fmt.Errorf("conversationstest: %q is not the SID of an account", account.SID)
		case account.AuthToken == "":
			return nil, fmt.Errorf("conversationstest: account %s has no auth token", account.SID)
		case !serviceSID.MatchString(account.DefaultServiceSID):
			return nil, fmt.Errorf("conversationstest: %q is not the SID of a service", account.DefaultServiceSID)
		case !validTimer(account.DefaultInactiveTimer, minInactive), !validTimer(account.DefaultClosedTimer, minClosed):
			return nil, fmt.Errorf("conversationstest: a default timer of account %s is too short", account.SID)
		}
		users := map[string]string{account.SID: account.AuthToken}
		for key, secret := range account.Keys {
			if !keySID.MatchString(key) {
				return nil, fmt.Errorf("conversationstest: %q is not the SID of an API key", key)
			}
			if secret == "" {
				return nil, fmt.Errorf("conversationstest: API key %s has no secret", key)
			}
			users[key] = secret
		}
		for name, password := range users {
			if _, ok := creds.users[name]; ok {
				return nil, fmt.Errorf("conversationstest: %s is given twice", name)
			}
			creds.users[name] = user{digestOf(password), account}
		}
		for _, token := range account.BearerTokens {
			if token == "" || creds.tokens[digestOf(token)] != nil {
				return nil, errors.New("conversationstest: a bearer token is empty or given twice")
			}
			creds.tokens[digestOf(token)] = account
		}
	}
	return creds, nil
}

func validTimer(d, minimum time.Duration) bool { return d == 0 || d >= minimum }

// derivedSID returns a SID that is always the same for the same account and service.
func derivedSID(prefix, of string) string {
	sum := sha256.Sum256([]byte(prefix + of))
	return prefix + hex.EncodeToString(sum[:16])
}
