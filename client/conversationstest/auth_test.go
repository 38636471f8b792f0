package conversationstest

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCredentials(t *testing.T) {
	t.Parallel()
	first := Account{
		SID: "AC00000000000000000000000000000001", AuthToken: "one",
		Keys:         map[string]string{"SK00000000000000000000000000000001": "secret"},
		BearerTokens: []string{"bearer"},
	}
	second := Account{SID: "AC00000000000000000000000000000002", AuthToken: "two", DefaultServiceSID: testService}
	s := Start(t, InMemory(), WithAccounts(first, second))
	seed(t, s, Conversation{UniqueName: "first"}, Conversation{UniqueName: "second", AccountSID: second.SID})

	basic := func(name, password string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth(name, password) }
	}
	header := func(value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", value) }
	}
	for name, tc := range map[string]struct {
		edit    func(*http.Request)
		sees    string
		message string
	}{
		"auth token":      {edit: basic(first.SID, "one"), sees: "first"},
		"API key":         {edit: basic("SK00000000000000000000000000000001", "secret"), sees: "first"},
		"bearer token":    {edit: header("Bearer bearer"), sees: "first"},
		"another account": {edit: basic(second.SID, "two"), sees: "second"},
		"none":            {edit: func(r *http.Request) { r.Header.Del("Authorization") }, message: "Authentication Error - No credentials provided"},
		"empty":           {edit: basic("", ""), message: "Authentication Error - No credentials provided"},
		"garbage":         {edit: header("Basic !"), message: "Authentication Error - No credentials provided"},
		"unknown user":    {edit: basic("AC00000000000000000000000000000003", "one"), message: "Authentication Error - invalid username"},
		"no user":         {edit: basic("", "one"), message: "Authentication Error - invalid username"},
		"wrong password":  {edit: basic(first.SID, "two"), message: "Authenticate"},
		"no password":     {edit: basic(first.SID, ""), message: "Authenticate"},
		"unknown token":   {edit: header("Bearer one"), message: "Authenticate"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := do(t, s, http.MethodGet, "/v1/Conversations", nil, tc.edit)
			if tc.message == "" {
				require.Equal(t, 200, r.StatusCode)
				assert.Equal(t, []string{tc.sees}, r.names())
				return
			}
			assert.Equal(t, 401, r.StatusCode)
			assert.Equal(t, 20003, r.code())
			assert.Equal(t, tc.message, r.body["message"])
			assert.Equal(t, "https://www.twilio.com/docs/errors/20003", r.body["more_info"])
		})
	}
}

func TestRegions(t *testing.T) {
	t.Parallel()
	for region, hosts := range map[string]map[string]int{
		"us1": {
			"conversations.twilio.com": 200, "conversations.us1.twilio.com": 200, "conversations.sydney.us1.twilio.com:443": 200,
			"conversations.ie1.twilio.com": 401, "Conversations.Dublin.IE1.Twilio.com": 401, "127.0.0.1:80": 200, "example.com": 200,
		},
		"ie1": {
			"conversations.twilio.com": 401, "conversations.us1.twilio.com": 401, "Conversations.IE1.twilio.com": 200,
			"conversations.dublin.ie1.twilio.com": 200, "localhost": 200,
		},
	} {
		s := Start(t, InMemory(), WithRegion(region))
		for host, status := range hosts {
			r := do(t, s, http.MethodGet, "/v1/Conversations", nil, func(r *http.Request) { r.Host = host })
			assert.Equal(t, status, r.StatusCode, "%s in %s", host, region)
			if status == 401 {
				assert.Equal(t, 20003, r.code())
			}
		}
	}
}

func TestRegionsThatDiffer(t *testing.T) {
	t.Parallel()
	dublin := Start(t, InMemory(), WithRegion("ie1"))
	r := post(t, dublin, "/v1/Conversations")
	assert.Contains(t, r.text, `"messaging_service_sid":null`)
	const given = "MG00000000000000000000000000000001"
	assert.Equal(t, given, post(t, dublin, "/v1/Conversations", "MessagingServiceSid", given).body["messaging_service_sid"])

	sydney := Start(t, InMemory(), WithRegion("au1"))
	for _, target := range []string{"/v1/Conversations", "/v1/Nothing"} {
		r = get(t, sydney, target)
		assert.Equal(t, 403, r.StatusCode)
		assert.Equal(t, 50385, r.code())
		assert.Equal(t, "Conversations are disabled in this region", r.body["message"])
	}
	r = do(t, sydney, http.MethodGet, "/v1/Conversations", nil, func(r *http.Request) { r.Header.Del("Authorization") })
	assert.Equal(t, 401, r.StatusCode)
}

func TestOptionsThatDoNotHold(t *testing.T) {
	t.Parallel()
	account := Account{SID: DefaultAccountSID, AuthToken: "x"}
	for name, opt := range map[string]Option{
		"no account":         WithAccounts(),
		"account SID":        WithAccounts(Account{SID: "AC1", AuthToken: "x"}),
		"auth token":         WithAccounts(Account{SID: DefaultAccountSID}),
		"account twice":      WithAccounts(account, account),
		"key SID":            WithAccounts(Account{SID: DefaultAccountSID, AuthToken: "x", Keys: map[string]string{"SK1": "x"}}),
		"key secret":         WithAccounts(Account{SID: DefaultAccountSID, AuthToken: "x", Keys: map[string]string{"SK00000000000000000000000000000001": ""}}),
		"bearer token":       WithAccounts(Account{SID: DefaultAccountSID, AuthToken: "x", BearerTokens: []string{""}}),
		"bearer token twice": WithAccounts(Account{SID: DefaultAccountSID, AuthToken: "x", BearerTokens: []string{"a", "a"}}),
		"default service":    WithAccounts(Account{SID: DefaultAccountSID, AuthToken: "x", DefaultServiceSID: "IS1"}),
		"service":            WithServices("IS1"),
		"region":             WithRegion(""),
		"no region":          WithRegion("x y"),
		"capitals":           WithRegion("US1"),
		"inactive timer":     WithAccounts(Account{SID: DefaultAccountSID, AuthToken: "x", DefaultInactiveTimer: time.Minute - 1}),
		"closed timer":       WithAccounts(Account{SID: DefaultAccountSID, AuthToken: "x", DefaultClosedTimer: 10*time.Minute - 1}),
		"negative timer":     WithAccounts(Account{SID: DefaultAccountSID, AuthToken: "x", DefaultClosedTimer: -time.Hour}),
		"nil":                nil,
		"page size":          WithMaxPageSize(0),
		"large page size":    WithMaxPageSize(1001),
		"write limit":        WithWriteLimit(0),
		"latency":            WithLatency(-1),
		"request log":        WithRequestLog(-1),
	} {
		_, err := New(opt)
		assert.ErrorContains(t, err, "conversationstest: ", name)
	}
}

func TestOptionsAtTheirLimits(t *testing.T) {
	t.Parallel()
	account := Account{SID: DefaultAccountSID, AuthToken: "x", DefaultInactiveTimer: time.Minute, DefaultClosedTimer: 10 * time.Minute}
	for _, opts := range [][]Option{
		nil,
		{WithMaxPageSize(1), WithWriteLimit(1), WithLatency(0), WithRequestLog(0), WithAccounts(account)},
		{WithMaxPageSize(1000), WithServices()},
	} {
		_, err := New(opts...)
		assert.NoError(t, err)
	}
}
