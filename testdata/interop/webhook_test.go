package interop

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	twilio "github.com/twilio/twilio-go/client"

	"github.com/twilio-conversations-go/conversations/client/webhook"
)

// delivery is a webhook as it arrives. Its members are those that node/validate.js reads.
type delivery struct {
	Token     string            `json:"token"`
	Signature string            `json:"signature"`
	URL       string            `json:"url"`    // with the query
	Params    map[string]string `json:"params"` // of the body; none with the method GET
	Body      string            `json:"-"`      // what Params were read from
}

// sign makes a delivery of an event; without a body its parameters are in the query already.
func sign(called string, params map[string]string) delivery {
	signed := called
	form := url.Values{}
	for _, name := range slices.Sorted(maps.Keys(params)) {
		signed += name + params[name]
		form.Set(name, params[name])
	}
	mac := hmac.New(sha1.New, []byte(authToken))
	mac.Write([]byte(signed))
	return delivery{authToken, base64.StdEncoding.EncodeToString(mac.Sum(nil)), called, params, form.Encode()}
}

// deliveries are webhooks in every form that they come in.
func deliveries() map[string]delivery {
	event := map[string]string{
		"EventType": "onConversationAdded", "ConversationSid": unknownSID, "AccountSid": accountSID, "ChatServiceSid": serviceSID,
		"State": "active", "Attributes": `{"a": "b&c=d+e%20"}`, "FriendlyName": "Größe 🙂\n", "UniqueName": "",
		"DateCreated": "2026-01-18T03:17:17.005Z", "MessagingBinding.Address": "+15558675310", "RetryCount": "0",
	}
	query := "?EventType=onConversationAdded&ConversationSid=" + unknownSID + "&DateCreated=2026-01-18T03:17:17.005Z&FriendlyName=Gr%C3%B6%C3%9Fe+1"
	return map[string]delivery{
		"https":        sign("https://example.com/twilio", event),
		"query":        sign("https://example.com/twilio?tenant=7&q=%20+:", event),
		"port":         sign("http://127.0.0.1:4011/twilio", event),
		"default port": sign("https://example.com:443/twilio", event),
		"unicode path": sign("https://example.com/gr%C3%B6%C3%9Fe", event),
		"GET":          sign("https://example.com/twilio"+query, map[string]string{}),
		"GET port":     sign("http://127.0.0.1:4011/twilio"+query, map[string]string{}),
	}
}

// forgeries are what may be made of a delivery on its way.
func forgeries(d delivery) map[string]delivery {
	param, path, host, scheme, token, signature := d, d, d, d, d, d
	if len(d.Params) > 0 {
		param.Params = maps.Clone(d.Params)
		param.Params["State"] = "closed"
		param.Body = strings.Replace(d.Body, "State=active", "State=closed", 1)
	} else {
		param.URL = strings.Replace(d.URL, "FriendlyName=", "FriendlyName=x", 1)
	}
	path.URL = strings.Replace(d.URL, "/twilio", "/other", 1)
	if path.URL == d.URL {
		path.URL += "x"
	}
	host.URL = strings.NewReplacer("example.com", "example.org", "127.0.0.1", "127.0.0.2").Replace(d.URL)
	scheme.URL = strings.NewReplacer("https:", "http:", "http:", "https:").Replace(d.URL)
	token.Token = strings.Repeat("f", 32)
	signature.Signature = "RSOYDt4T1cUTdK1PDd93/VVr8B8="
	return map[string]delivery{"parameter": param, "path": path, "host": host, "scheme": scheme, "token": token, "signature": signature}
}

// Package webhook accepts what Twilio's own validators accept, and refuses what they refuse.
func TestWebhookSignatures(t *testing.T) {
	t.Parallel()
	var names []string
	var all []delivery
	var genuine []bool
	for name, d := range deliveries() {
		names, all, genuine = append(names, name), append(all, d), append(genuine, true)
		for change, forged := range forgeries(d) {
			names, all, genuine = append(names, name+", another "+change), append(all, forged), append(genuine, false)
		}
	}
	for i, d := range all {
		assert.Equal(t, genuine[i], acceptedByReceiver(t, d), "webhook.Receiver: %s", names[i])
		validator := twilio.NewRequestValidator(d.Token)
		accepted := validator.ValidateBody(d.URL, []byte(d.Body), d.Signature)
		assert.Equal(t, genuine[i], accepted, "twilio-go: %s", names[i])
	}
	t.Run("node", func(t *testing.T) {
		for i, verdict := range validateWithNode(t, all) {
			assert.Equal(t, genuine[i], verdict.Accepted, names[i])
			if genuine[i] {
				all[i].Signature = verdict.Signature
				assert.True(t, acceptedByReceiver(t, all[i]), "signed by npm's twilio: %s", names[i])
			}
		}
	})
}

func acceptedByReceiver(t *testing.T, d delivery) bool {
	t.Helper()
	receiver, err := webhook.New(d.Token)
	require.NoError(t, err)
	method := http.MethodPost
	if len(d.Params) == 0 {
		method = http.MethodGet
	}
	req := httptest.NewRequest(method, d.URL, strings.NewReader(d.Body))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	req.Header.Set("X-Twilio-Signature", d.Signature)
	event, err := receiver.Parse(req)
	if err != nil {
		assert.Equal(t, http.StatusForbidden, err.(*webhook.Error).Status)
		return false
	}
	assert.Equal(t, webhook.OnConversationAdded, event.EventType)
	return true
}

type verdict struct {
	Accepted  bool
	Signature string
}

// requireNode skips a test of npm's twilio where that is not installed. It is optional, except in CI.
func requireNode(t *testing.T) {
	t.Helper()
	_, err := exec.LookPath("node")
	if err == nil {
		_, err = os.Stat(filepath.Join("node", "node_modules", "twilio"))
	}
	if err != nil && os.Getenv("CI") == "" {
		t.Skipf("npm's twilio was left out, as it is not installed (npm ci in testdata/interop/node): %v", err)
	}
	require.NoError(t, err)
}

// validateWithNode asks the validator of npm's twilio.
func validateWithNode(t *testing.T, all []delivery) (verdicts []verdict) {
	t.Helper()
	requireNode(t)
	in, err := json.Marshal(all)
	require.NoError(t, err)
	cmd := exec.Command("node", "validate.js")
	cmd.Dir = "node"
	cmd.Stdin = bytes.NewReader(in)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(out, &verdicts))
	require.Len(t, verdicts, len(all))
	return verdicts
}
