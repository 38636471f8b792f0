package inspector

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/client/conversationstest"
	"github.com/twilio-conversations-go/conversations/client/webhook"
)

func enabled(r *http.Request) { r.Header.Set("X-Twilio-Webhook-Enabled", "true") }

// received is a request as it came to a receiver: the URL, the header and the body.
type received struct {
	url    string
	header http.Header
	body   string
}

// startReceiver starts a receiver of webhooks that responds with the given text.
func startReceiver(t *testing.T, response string) (target string, requests <-chan received) {
	t.Helper()
	got := make(chan received, 1000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- received{"http://" + r.Host + r.RequestURI, r.Header, string(body)}
		_, _ = io.WriteString(w, response)
	}))
	t.Cleanup(server.Close)
	return server.URL, got
}

func (e *emulator) settle(t *testing.T) {
	t.Helper()
	e.control(t, "settle", "{}")
}

func TestDeliveriesAppear(t *testing.T) {
	t.Parallel()
	target, requests := startReceiver(t, `{"friendly_name":"decided"}`)
	e := startEmulator(t, "-webhook-pre-url", target+"/pre?a=b", "-webhook-post-url", target+"/post")
	p := open(t, e)
	p.click(`nav a[href="#webhooks"]`)
	p.waitText("#webhooks-targets", "POST "+target+"/pre?a=b")
	p.waitText("#webhooks-targets", "POST "+target+"/post")
	p.waitText("#webhooks-empty", "No deliveries yet.")

	e.api(t, "POST", "/v1/Conversations", url.Values{"UniqueName": {"a"}, "Attributes": {`{"n":1}`}, "Timers.Closed": {"PT10M"}}, enabled)
	p.wait(`document.querySelectorAll("#webhooks-rows li").length === 2`)
	p.waitText("#webhooks-rows li:first-child", "onConversationAdded")
	p.waitText("#webhooks-rows li:first-child .tag", "200")
	p.waitText("#webhooks-count", "2")
	e.control(t, "clock", `{"advance": "10m"}`)
	p.waitText("#webhooks-rows li:first-child", "onConversationStateUpdated")
	p.waitText("#announcement", "onConversationStateUpdated: 200")

	detail := "#webhooks .detail"
	p.click("#webhooks-rows li:nth-child(3) a")
	p.waitText(detail+" h2", "onConversationAdd")
	p.waitText(detail, target+"/pre?a=b")
	p.waitText(detail, "UniqueName\na")
	p.waitText(detail, `"n": 1`)
	p.waitText(detail, `"friendly_name": "decided"`)
	p.waitText(detail, "I-Twilio-Idempotency-Token")

	before := map[string]received{}
	for len(requests) > 0 {
		r := <-requests
		before[r.header.Get("I-Twilio-Idempotency-Token")] = r
	}
	p.click(detail + " .actions button:nth-child(1)")
	p.waitText("#toast", "delivered once more")
	again := <-requests
	assert.Equal(t, before[again.header.Get("I-Twilio-Idempotency-Token")], again)
	p.wait(`document.querySelectorAll("#webhooks-rows li").length === 4`)

	e.control(t, "faults", `{"operation": "onConversationUpdate", "faults": [{"status": 500, "body": "broken"}, {"drop": true}]}`)
	e.api(t, "POST", "/v1/Conversations", url.Values{"UniqueName": {"b"}})
	e.api(t, "POST", "/v1/Conversations/b", url.Values{"FriendlyName": {"b"}}, enabled)
	e.api(t, "POST", "/v1/Conversations/b", url.Values{"FriendlyName": {"b"}}, enabled)
	p.choose("#webhooks-filter [name=outcome]", "failed")
	p.wait(`document.querySelectorAll("#webhooks-rows li").length === 2`)
	p.waitText("#webhooks-rows li:first-child", "lost, as a Fault says")
	p.waitText("#webhooks-rows li:nth-child(2) .tag", "500")
	p.choose("#webhooks-filter [name=outcome]", "post")
	p.wait(`document.querySelectorAll("#webhooks-rows li").length === 3`)
	p.choose("#webhooks-filter [name=outcome]", "pre")
	p.fill("#webhooks-filter [name=search]", "BROKEN")
	p.wait(`document.querySelectorAll("#webhooks-rows li").length === 1`)
	// The request shows the refusal and its reason too.
	p.show("#requests")
	p.waitText("#requests-rows", "50056: Webhook cancelled processing of command")

	e.control(t, "reset", "{}")
	p.show("#webhooks")
	p.waitText("#webhooks-empty", "No deliveries yet.")
	p.waitText("#webhooks-count", "0")
}

func TestWithoutWebhooks(t *testing.T) {
	t.Parallel()
	p := open(t, startEmulator(t))
	p.show("#webhooks")
	p.waitText("#webhooks-empty", "-webhook-post-url")
}

// The text that the page shows as signed yields, with the auth token, the signature that the
// receiver got. The copied command is accepted as the delivery was. The page never has the auth
// token.
func TestSignatureIsExplained(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is not installed")
	}
	const token = "token-of-the-inspector-test"
	receiver, err := webhook.New(token)
	require.NoError(t, err)
	for _, method := range []string{"POST", "GET"} {
		target, requests := startReceiver(t, "")
		e := startEmulator(t, "-auth-token", token, "-webhook-post-url", target+"/a/../post?x=[1]&y=%20", "-webhook-method", method, "-webhook-filters", "onConversationAdded")
		p := open(t, e)
		p.show("#webhooks")
		for i, text := range append([]string{"plain", "it's \"$HOME\" $(touch x) `id` \\ & + % é\U0001f600\n!", "@/etc/passwd"}, hostile...) {
			text = fmt.Sprint(text, i)
			res := e.api(t, "POST", "/v1/Conversations", url.Values{"FriendlyName": {text}, "Attributes": {raw(t, map[string]string{text: text})}},
				enabled, func(r *http.Request) { r.SetBasicAuth(conversationstest.DefaultAccountSID, token) })
			require.Equal(t, 201, res.StatusCode)
			sent := <-requests
			p.wait(fmt.Sprintf(`document.querySelectorAll("#webhooks-rows li").length === %d`, i+1))
			p.click("#webhooks-rows li:first-child a")
			p.wait(fmt.Sprintf(`document.querySelector("#webhooks .detail").dataset.key === "%d"`, i+1))

			signed := eval[string](p, `document.querySelector("#webhooks .signed").textContent`)
			assert.True(t, strings.HasPrefix(signed, target), signed)
			mac := hmac.New(sha1.New, []byte(token))
			_, _ = io.WriteString(mac, signed)
			signature := base64.StdEncoding.EncodeToString(mac.Sum(nil))
			assert.Equal(t, signature, sent.header.Get("X-Twilio-Signature"))
			assert.Equal(t, signature, eval[string](p, `document.querySelector("#webhooks .result").textContent`))
			p.click("#webhooks .steps button")
			p.waitText("#toast", "Copied the string that was signed.")
			if method == "POST" { // the parts, one below the other, are the parameters in the string
				assert.Equal(t, signed, target+"/a/../post?x=[1]&y=%20"+eval[string](p, `document.querySelector("#webhooks .parts").textContent`))
			}
			assert.Contains(t, p.text("#webhooks .steps"), conversationstest.DefaultAccountSID)
			assert.NotContains(t, eval[string](p, `document.documentElement.outerHTML`), token)

			p.click("#webhooks .detail .actions button:nth-child(2)")
			p.waitText("#toast", "Copied the curl command.")
			command := eval[string](p, `navigator.clipboard.readText()`)
			assert.NotContains(t, command, token)
			run := exec.Command("sh", "-c", command)
			run.Dir, run.Env = t.TempDir(), os.Environ()
			require.NoError(t, run.Run(), "%s", command)
			again := <-requests
			assert.Equal(t, sent.url, again.url)
			assert.Equal(t, sent.header.Get("I-Twilio-Idempotency-Token"), again.header.Get("I-Twilio-Idempotency-Token"))
			for _, r := range []received{sent, again} {
				req := httptest.NewRequest(method, r.url, strings.NewReader(r.body))
				req.Header = r.header
				event, err := receiver.Parse(req)
				require.NoError(t, err, "%s", command)
				assert.Equal(t, text, event.Conversation.FriendlyName)
			}
		}
	}
}
