package interop

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	twilio "github.com/twilio/twilio-go/client"
	openapi "github.com/twilio/twilio-go/rest/conversations/v1"

	"github.com/twilio-conversations-go/conversations/client"
	"github.com/twilio-conversations-go/conversations/client/conversationstest"
	"github.com/twilio-conversations-go/conversations/client/webhook"
)

// delivery is a webhook as it arrives. node/validate.js reads its members.
type delivery struct {
	Token     string            `json:"token"`
	Signature string            `json:"signature"`
	URL       string            `json:"url"`    // with the query
	Params    map[string]string `json:"params"` // of the body; none with the method GET
	Body      string            `json:"-"`      // what Params were read from
}

// hookURLs are URLs in every form that an account may configure.
var hookURLs = map[string]string{
	"https":        "https://example.com/twilio",
	"query":        "https://example.com/twilio?tenant=7&q=%20+:",
	"port":         "http://127.0.0.1:4011/twilio",
	"default port": "https://example.com:443/twilio",
	"unicode path": "https://example.com/gr%C3%B6%C3%9Fe",
	"IPv6":         "http://[::1]:4011/twilio",
	"fragment":     "https://example.com/twilio#rc=3&rp=ct,5xx",
}

// deliveries returns what the emulator sends to each URL, by URL, method and event.
func deliveries(t *testing.T) map[string]delivery {
	t.Helper()
	all := map[string]delivery{}
	for name, target := range hookURLs {
		for _, method := range []string{http.MethodPost, http.MethodGet} {
			s := conversationstest.Start(t, conversationstest.InMemory(),
				conversationstest.WithWebhooks(conversationstest.Webhooks{PreURL: target, PostURL: target, Method: method}))
			s.Webhooks(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				require.NoError(t, err)
				scheme := "http"
				if r.TLS != nil {
					scheme = "https"
				}
				d := delivery{authToken, r.Header.Get("X-Twilio-Signature"), scheme + "://" + r.Host + r.RequestURI, map[string]string{}, string(body)}
				form, err := url.ParseQuery(d.Body)
				require.NoError(t, err)
				for name := range form {
					d.Params[name] = form.Get(name)
				}
				event := form.Get("EventType")
				if method == http.MethodGet {
					event = r.URL.Query().Get("EventType")
				}
				all[name+", "+method+", "+event] = d
			}))
			c, ctx := s.Client(), t.Context()
			enabled := client.WithWebhookEnabled(true)
			conv, err := c.Conversations.Create(ctx, client.CreateParams{
				FriendlyName: new("Größe 🙂 1+1\n"), UniqueName: new("a&b=c d"), Attributes: map[string]any{"a": "b&c=d+e%20"},
			}, enabled)
			require.NoError(t, err)
			_, err = c.Conversations.Update(ctx, conv.SID, client.UpdateParams{State: new(client.StateInactive)}, enabled)
			require.NoError(t, err)
			require.NoError(t, c.Conversations.Delete(ctx, conv.SID, enabled))
			s.Settle()
		}
	}
	require.Len(t, all, len(hookURLs)*2*len(conversationstest.Events()))
	return all
}

// forgeries are changes that may be made to a delivery on its way.
func forgeries(d delivery) map[string]delivery {
	param, path, host, scheme, token, signature := d, d, d, d, d, d
	if len(d.Params) > 0 {
		param.Params = maps.Clone(d.Params)
		param.Params["AccountSid"] = strings.Replace(d.Params["AccountSid"], "AC0", "AC1", 1)
		param.Body = strings.Replace(d.Body, "AccountSid=AC0", "AccountSid=AC1", 1)
	} else {
		param.URL = strings.Replace(d.URL, "AccountSid=AC0", "AccountSid=AC1", 1)
	}
	path.URL = strings.Replace(d.URL, "/twilio", "/other", 1)
	if path.URL == d.URL {
		path.URL = strings.Replace(d.URL, "/gr%C3", "/Gr%C3", 1)
	}
	host.URL = strings.NewReplacer("example.com", "example.org", "127.0.0.1", "127.0.0.2", "[::1]", "[::2]").Replace(d.URL)
	scheme.URL = strings.NewReplacer("https:", "http:", "http:", "https:").Replace(d.URL)
	token.Token = strings.Repeat("f", 32)
	signature.Signature = "RSOYDt4T1cUTdK1PDd93/VVr8B8="
	return map[string]delivery{"parameter": param, "path": path, "host": host, "scheme": scheme, "token": token, "signature": signature}
}

// Twilio's own validators and package webhook accept whatever the emulator sends. They refuse what
// was changed on its way.
func TestWebhookSignatures(t *testing.T) {
	t.Parallel()
	var names []string
	var all []delivery
	var genuine []bool
	for name, d := range deliveries(t) {
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
	assert.Contains(t, conversationstest.Events(), string(event.EventType))
	return true
}

type verdict struct {
	Accepted  bool
	Signature string
}

// validateWithNode runs the validator of npm's twilio. It is optional except in CI.
func validateWithNode(t *testing.T, all []delivery) (verdicts []verdict) {
	t.Helper()
	needNode(t)
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

// needNode skips a test if node is not installed. In CI, the test fails instead.
func needNode(t *testing.T) {
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

// Receivers made with Twilio's own libraries accept what the program sends, and their responses to
// pre-events have an effect.
func TestWebhooksOfProgram(t *testing.T) {
	t.Parallel()
	for name, receiver := range map[string]func(t *testing.T) (hookURL string, accepted func() []string){
		"net/http with twilio-go": receiveWithTwilioGo,
		"express with twilio":     receiveWithExpress,
	} {
		for _, method := range []string{http.MethodPost, http.MethodGet} {
			t.Run(name+"/"+method, func(t *testing.T) {
				t.Parallel()
				hookURL, accepted := receiver(t)
				e := startProgram(t, "-webhook-pre-url", hookURL, "-webhook-post-url", hookURL, "-webhook-method", method,
					"-webhook-service", otherServiceSID)
				c := e.sdk(accountSID, authToken)
				created, err := c.CreateConversation((&openapi.CreateConversationParams{}).SetFriendlyName("Größe 1+1").SetTimersClosed("PT10M").SetXTwilioWebhookEnabled("true"))
				require.NoError(t, err)
				assert.Equal(t, "Größe 1+1, checked", *created.FriendlyName)
				e.settle() // pre-events do not wait for post-events
				_, err = c.UpdateConversation(*created.Sid, (&openapi.UpdateConversationParams{}).SetState("inactive").SetXTwilioWebhookEnabled("true"))
				require.NoError(t, err)
				e.advance(10 * time.Minute)
				e.settle()
				err = c.DeleteConversation(*created.Sid, (&openapi.DeleteConversationParams{}).SetXTwilioWebhookEnabled("true"))
				assert.Equal(t, 50056, err.(*twilio.TwilioRestError).Code)
				_, err = c.CreateServiceConversation(otherServiceSID, (&openapi.CreateServiceConversationParams{}).SetXTwilioWebhookEnabled("true"))
				require.NoError(t, err, "the service has no webhooks")
				e.settle()
				assert.Equal(t, []string{
					"onConversationAdd", "onConversationAdded", "onConversationUpdate", "onConversationUpdated", "onConversationStateUpdated",
					"onConversationStateUpdated", "onConversationRemove",
				}, accepted())
			})
		}
	}
}

// receiveWithTwilioGo is an application with the validator of twilio-go.
func receiveWithTwilioGo(t *testing.T) (hookURL string, accepted func() []string) {
	var mu sync.Mutex
	var events []string
	validator := twilio.NewRequestValidator(authToken)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		called, params := "http://"+r.Host+r.RequestURI, map[string]string{}
		_ = r.ParseForm()
		for name := range r.PostForm {
			params[name] = r.PostForm.Get(name)
		}
		if !validator.Validate(called, params, r.Header.Get("X-Twilio-Signature")) {
			http.Error(w, "forged", http.StatusForbidden)
			return
		}
		mu.Lock()
		events = append(events, r.Form.Get("EventType"))
		mu.Unlock()
		switch r.Form.Get("EventType") {
		case "onConversationRemove":
			w.WriteHeader(http.StatusForbidden)
		case "onConversationAdd":
			_ = json.NewEncoder(w).Encode(map[string]string{"friendly_name": r.Form.Get("FriendlyName") + ", checked"})
		}
	}))
	t.Cleanup(server.Close)
	return server.URL + "/hook?tenant=7", func() []string {
		mu.Lock()
		defer mu.Unlock()
		return events
	}
}

// receiveWithExpress is an application with the middleware of npm's twilio.
func receiveWithExpress(t *testing.T) (hookURL string, accepted func() []string) {
	needNode(t)
	cmd := exec.Command("node", "receiver.js")
	cmd.Dir = "node"
	cmd.Env = append(os.Environ(), "TWILIO_AUTH_TOKEN="+authToken)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(stdout)
	require.True(t, lines.Scan())
	hookURL = "http://127.0.0.1:" + lines.Text() + "/hook?tenant=7"
	stop := sync.OnceFunc(func() { _ = cmd.Process.Signal(syscall.SIGTERM) })
	t.Cleanup(func() {
		stop()
		_ = cmd.Wait()
	})
	return hookURL, func() (events []string) {
		res, err := http.Post(hookURL, "application/x-www-form-urlencoded", strings.NewReader("EventType=forged"))
		require.NoError(t, err)
		_ = res.Body.Close()
		assert.Equal(t, http.StatusBadRequest, res.StatusCode)
		stop() // which ends its output
		for lines.Scan() {
			events = append(events, lines.Text())
		}
		return events
	}
}
