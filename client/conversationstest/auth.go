package conversationstest

import (
	"net"
	"net/http"
	"strings"
)

// The account that an [Emulator] has unless [WithAccounts] says otherwise.
const (
	DefaultAccountSID = "AC0123456789abcdef0123456789abcdef"
	DefaultAuthToken  = "0123456789abcdef0123456789abcdef"
)

// Account is a Twilio account known to an [Emulator], with all the credentials that open it. Accounts
// share no data.
type Account struct {
	// SID is the account SID, AC and 32 hexadecimal digits; AuthToken is its auth token.
	SID, AuthToken string
	// Keys are the secrets of the account's API keys, by the SID of the key (SK and 32 hexadecimal
	// digits). See https://www.twilio.com/docs/iam/api-keys
	Keys map[string]string
	// BearerTokens are accepted in the header Authorization: Bearer.
	// See https://www.twilio.com/docs/iam/oauth-apps
	BearerTokens []string
	// DefaultServiceSID is the Conversation Service that paths without a service stand for, IS and 32
	// hexadecimal digits. Where it is empty a value is derived from SID, always the same.
	DefaultServiceSID string
}

// credentials find the account of a request.
type credentials struct {
	users  map[string]user // by account or key SID
	tokens map[string]*Account
}

type user struct {
	password string
	account  *Account
}

func (c *credentials) authenticate(r *http.Request) (*Account, *apiError) {
	header := r.Header.Get("Authorization")
	if scheme, token, _ := strings.Cut(header, " "); strings.EqualFold(scheme, "Bearer") {
		if account := c.tokens[token]; account != nil {
			return account, nil
		}
		return nil, unauthorized("Authenticate", "The access token is not known.")
	}
	name, password, ok := r.BasicAuth()
	if !ok || name == "" && password == "" {
		return nil, unauthorized("Authentication Error - No credentials provided", "")
	}
	u, ok := c.users[name]
	switch {
	case !ok:
		return nil, unauthorized("Authentication Error - invalid username", "")
	case u.password != password:
		return nil, unauthorized("Authenticate", "Your AccountSid or AuthToken was incorrect.")
	}
	return u.account, nil
}

// regionOf returns the region that a host conversations[.edge][.region].twilio.com stands for. Other
// hosts, such as loopback addresses, name none.
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
