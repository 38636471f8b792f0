package conversationstest

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"strings"
	"time"
)

// Credentials of the account that an [Emulator] has by default. [WithAccounts] replaces it.
const (
	DefaultAccountSID = "AC0123456789abcdef0123456789abcdef"
	DefaultAuthToken  = "0123456789abcdef0123456789abcdef"
)

// Account is a Twilio account known to an [Emulator], with all credentials that are valid for it.
// Accounts share no data.
type Account struct {
	// SID is the account SID: AC followed by 32 hexadecimal digits. AuthToken is its auth token.
	SID, AuthToken string
	// Keys maps the SID of each API key of the account (SK followed by 32 hexadecimal digits) to
	// its secret. See https://www.twilio.com/docs/iam/api-keys
	Keys map[string]string
	// BearerTokens are the tokens accepted in the header Authorization: Bearer. See
	// https://www.twilio.com/docs/iam/oauth-apps
	BearerTokens []string
	// DefaultServiceSID is the Conversation Service of paths that name no service: IS followed by
	// 32 hexadecimal digits. If it is empty, it is derived from SID and always the same.
	DefaultServiceSID string
	// DefaultInactiveTimer and DefaultClosedTimer are the timers of a conversation created without
	// its own. The minimum is one minute for the first and ten minutes for the second; 0 means no
	// timer. See https://www.twilio.com/docs/conversations/api/configuration-resource
	DefaultInactiveTimer, DefaultClosedTimer time.Duration
}

// inactive and closed return the default timers of a conversation that is created at time at.
func (a *Account) inactive(created instant) timer { return timerAfter(a.DefaultInactiveTimer, created) }
func (a *Account) closed(created instant) timer   { return timerAfter(a.DefaultClosedTimer, created) }

// credentials finds the account of a request. It keeps secrets as digests and compares them in
// constant time.
type credentials struct {
	users  map[string]user // by account or key SID
	tokens map[digest]*Account
}

type digest [sha256.Size]byte

func digestOf(secret string) digest { return sha256.Sum256([]byte(secret)) }

type user struct {
	password digest
	account  *Account
}

func (c *credentials) authenticate(r *http.Request) (*Account, *apiError) {
	header := r.Header.Get("Authorization")
	if scheme, token, _ := strings.Cut(header, " "); strings.EqualFold(scheme, "Bearer") {
		if account := c.tokens[digestOf(token)]; account != nil {
			return account, nil
		}
		return nil, unauthorized("Authenticate", "The access token is not known.")
	}
	name, password, ok := r.BasicAuth()
	if !ok || name == "" && password == "" {
		return nil, unauthorized("Authentication Error - No credentials provided", "")
	}
	u, ok := c.users[name]
	if !ok {
		return nil, unauthorized("Authentication Error - invalid username", "")
	}
	given := digestOf(password)
	if subtle.ConstantTimeCompare(given[:], u.password[:]) != 1 {
		return nil, unauthorized("Authenticate", "Your AccountSid or AuthToken was incorrect.")
	}
	return u.account, nil
}

// regionOf returns the region of a host of the form conversations[.edge][.region].twilio.com. It
// returns "" for any other host, such as a loopback address.
func regionOf(host string) (string, bool) {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	labels := strings.Split(strings.ToLower(host), ".")
	n := len(labels)
	if n < 3 || n > 5 || labels[0] != "conversations" || labels[n-2] != "twilio" || labels[n-1] != "com" {
		return "", false
	}
	if n == 3 {
		return defaultRegion, true
	}
	return labels[n-3], true
}
