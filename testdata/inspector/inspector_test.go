// Package inspector drives the emulator's inspector in Chromium.
package inspector

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/client/conversationstest"
)

func TestRequestsAppear(t *testing.T) {
	t.Parallel()
	e := startEmulator(t)
	p := open(t, e)
	p.click(`nav a[href="#requests"]`)
	p.waitText("#requests-empty", "No requests yet.")

	e.api(t, "POST", "/v1/Conversations", url.Values{"UniqueName": {"a"}, "Attributes": {`{"n":12345678901234567890,"l":[]}`}})
	p.waitText("#requests-rows", "createConversation")
	p.waitText("#requests-rows .tag", "201")
	e.api(t, "GET", "/v1/Conversations?PageSize=7", nil)
	p.waitText("#requests-rows li:first-child", "GET /v1/Conversations · PageSize=7")
	p.waitText("#announcement", "listConversation: 200")

	p.click("#requests-rows li:nth-child(2) a")
	detail := "#requests .detail"
	p.waitText(detail, "UniqueName\na")
	p.waitText(detail, `"n": 12345678901234567890,`) // formatted, not computed
	p.waitText(detail, "s\n2")                       // the duration, before the time
	assert.NotContains(t, p.text(detail), conversationstest.DefaultAuthToken)

	e.api(t, "POST", "/v1/Conversations", url.Values{"Colour": {"red"}, "State": {"open"}})
	p.waitText("#requests-rows li:first-child", "2 violations")
	p.click("#requests-rows li:first-child a")
	p.waitText(detail+" .violations", "form field Colour")
	p.waitText(detail+" .violations", "form field State")

	e.control(t, "faults", `{"operation": "*", "faults": [{"status": 429, "code": 20429, "message": "Slow down", "header": {"Retry-After": "2"}}, {"drop": true}, {"delay": "1m"}]}`)
	e.api(t, "GET", "/v1/Conversations/a", nil)
	p.waitText("#requests-rows li:first-child", "fault")
	p.click("#requests-rows li:first-child a")
	p.waitText(detail, "status 429, code 20429, Retry-After: 2")
	p.waitText(detail, "Slow down")
	e.api(t, "POST", "/v1/Conversations/a", nil)
	p.waitText("#requests-rows li:first-child .tag", "dropped")
	go e.api(t, "GET", "/v1/Conversations/a", nil)
	p.waitText("#requests-rows li:first-child .tag", "pending")

	p.choose("#requests-filter [name=outcome]", "fault")
	p.wait(`document.querySelectorAll("#requests-rows li").length === 3`)
	p.choose("#requests-filter [name=outcome]", "failed")
	p.waitText("#requests-rows", "violations")
	p.choose("#requests-filter [name=outcome]", "")
	p.fill("#requests-filter [name=search]", "colour")
	p.wait(`document.querySelectorAll("#requests-rows li").length === 1`)
}

// The copied command repeats the request and contains no credentials.
func TestCurl(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is not installed")
	}
	e := startEmulator(t)
	p := open(t, e)
	webhooks := func(r *http.Request) { r.Header.Set("X-Twilio-Webhook-Enabled", "true") }
	twilio := func(r *http.Request) { r.Host = "conversations.twilio.com" }
	hostile := `it's "$HOME" $(touch x) ` + "`id`" + ` \ & + % é` + "\n!"
	for _, tc := range []struct {
		method, path string
		form         url.Values
		edit         func(*http.Request)
	}{
		{"POST", "/v1/Conversations", url.Values{"FriendlyName": {hostile}, "Attributes": {"{}"}}, webhooks},
		{"POST", "/v1/Conversations", url.Values{"Uni=que&Name": {"@/etc/passwd"}, "X": {"1", "2"}}, webhooks},
		{"POST", "/v1/Conversations/a%2Fb%27c[1-9]{x,y}", url.Values{"UniqueName": {""}}, webhooks},
		{"GET", "/v1/Conversations?State=active&PageToken=" + url.QueryEscape(hostile), nil, twilio},
		{"DELETE", "/v1/Conversations/a/../b", nil, webhooks},
	} {
		e.api(t, tc.method, tc.path, tc.form, tc.edit)
		sent := e.lastRequest(t)
		p.show("#requests/" + string(sent["number"]))
		p.wait(`document.querySelector("#requests .detail").dataset.key === "` + string(sent["number"]) + `"`)
		p.click("#requests .detail .actions button")
		p.waitText("#toast", "Copied the curl command.")
		command := eval[string](p, `navigator.clipboard.readText()`)
		assert.NotContains(t, command, "Authorization")
		run := exec.Command("sh", "-c", command)
		run.Dir = t.TempDir()
		run.Env = append(os.Environ(), "TWILIO_ACCOUNT_SID="+conversationstest.DefaultAccountSID, "TWILIO_AUTH_TOKEN="+conversationstest.DefaultAuthToken)
		require.NoError(t, run.Run(), "%s", command)
		again := e.lastRequest(t)
		assert.NotEqual(t, string(sent["number"]), string(again["number"]))
		for _, member := range []string{"operation", "method", "path", "host", "query", "form"} {
			assert.JSONEq(t, string(sent[member]), string(again[member]), "%s of %s", member, command)
		}
		assert.Equal(t, strings.Contains(string(sent["header"]), "X-Twilio-Webhook-Enabled"), strings.Contains(string(again["header"]), "X-Twilio-Webhook-Enabled"))
	}
}

func TestClock(t *testing.T) {
	t.Parallel()
	e := startEmulator(t)
	e.api(t, "POST", "/v1/Conversations", url.Values{"UniqueName": {"a"}, "Timers.Inactive": {"PT10M"}, "Timers.Closed": {"P1D"}})
	p := open(t, e)
	row := "#conversations-rows li"
	p.waitText(row, "inactive in 9:5")
	p.click(`[data-advance="1m"]`)
	p.waitText(row, "inactive in 8:5")
	p.click(row + " a")
	p.waitText("#conversations .detail", "fires in 8:5")
	p.click(`[data-advance="10m"]`)
	p.waitText(row+" .tag", "inactive")
	p.waitText("#conversations .detail .tag", "inactive")
	p.waitText("#next-timer", "Next timer 23:48:")
	p.click("#next-timer")
	p.waitText(row+" .tag", "closed")
	p.waitText("#next-timer", "No timer")

	p.click("#advance")
	p.fill("#dialog [name=duration]", "x")
	p.click("#dialog button.primary")
	p.waitText("#dialog .problem", "duration")
	p.fill("#dialog [name=duration]", "72h")
	p.click("#dialog button.primary")
	p.wait(`!document.querySelector("#dialog").open`)
	p.waitText("#toast", "72h")
	p.waitText(row, "4 d ago")
}

// A person can make all changes by clicking and typing.
func TestChanges(t *testing.T) {
	t.Parallel()
	e := startEmulator(t)
	p := open(t, e)
	detail := "#conversations .detail"

	p.click("#create")
	p.fill("#dialog [name=FriendlyName]", "Order 7")
	p.fill("#dialog [name=UniqueName]", "order-7")
	p.fill("#dialog [name=Attributes]", `{"a": {"b": 1}}`)
	p.fill(`#dialog [name="Timers.Inactive"]`, "PT1S")
	p.click("#dialog button.primary")
	p.waitText("#dialog .problem", "50375")
	p.fill(`#dialog [name="Timers.Inactive"]`, "PT1H")
	p.click("#dialog button.primary")
	p.waitText(detail+" h2", "Order 7")
	p.waitText(detail+" pre", "{\n  \"a\": {\n    \"b\": 1\n  }\n}")
	sent := e.lastRequest(t)
	assert.JSONEq(t, `"createConversation"`, string(sent["operation"]))
	assert.Contains(t, string(sent["header"]), "conversations-emulator-inspector")

	p.click(detail + " .actions button:nth-child(1)")
	p.waitText("#dialog h2", "Edit Order 7")
	p.fill("#dialog [name=FriendlyName]", "Order 8")
	p.click("#dialog summary")
	p.choose("#dialog [name=State]", "inactive")
	p.click("#dialog [name=webhooks]")
	p.click("#dialog button.primary")
	p.waitText(detail+" h2", "Order 8")
	p.waitText(detail+" .tag", "inactive")
	sent = e.lastRequest(t)
	assert.JSONEq(t, `{"FriendlyName": ["Order 8"], "State": ["inactive"]}`, string(sent["form"]), "only what changed")
	assert.Contains(t, string(sent["header"]), `"X-Twilio-Webhook-Enabled":["true"]`)

	p.click(detail + " .actions button:nth-child(2)")
	p.waitText(detail+" .tag", "active")
	p.click(detail + " .actions button:nth-child(3)")
	p.waitText(detail+" .tag", "closed")
	p.waitText("#conversations-rows .tag", "closed")
	p.click(detail + " .actions .danger")
	p.waitText("#dialog h2", "Delete Order 8?")
	p.click("#dialog button.danger")
	p.waitText("#conversations-empty", "No conversations yet.")

	p.click("#seed")
	p.click("#dialog button.primary")
	p.wait(`document.querySelectorAll("#conversations-rows li").length === 2`)
	p.choose("#conversations-filter [name=state]", "closed")
	p.wait(`document.querySelectorAll("#conversations-rows li").length === 1`)
	p.choose("#conversations-filter [name=state]", "")

	p.click(`nav a[href="#faults"]`)
	p.click("#presets li:nth-child(2) button")
	p.choose("#dialog [name=operation]", "fetchConversation")
	p.click("#dialog button.primary")
	p.waitText("#faults-rows", "status 429, Retry-After: 1")
	res := e.api(t, "GET", "/v1/Conversations/order-1001", nil)
	assert.Equal(t, 429, res.StatusCode)
	assert.Equal(t, "1", res.Header.Get("Retry-After"))
	p.waitText("#faults-empty", "No fault is scripted.")
	// A fault applies to the page's own requests too.
	p.click("#script")
	p.click("#dialog [name=drop]")
	p.click("#dialog button.primary")
	p.waitText("#faults-rows", "connection closed")
	p.click(`nav a[href="#conversations"]`)
	p.waitText("#conversations-rows li:first-child a", "Order 1001")
	// Not by a click: the section has just been shown, and the row may still move to its place.
	eval[string](p, `location.hash = document.querySelector("#conversations-rows li:first-child a").hash`)
	p.waitText(detail+" h2", "Order 1001")
	p.click(detail + " .actions button:nth-child(3)")
	p.waitText("#toast", "The connection was closed without a response.")

	p.click("#reset")
	p.click("#dialog button.danger")
	p.waitText("#conversations-empty", "No conversations yet.")
	p.waitText("#requests-count", "0")
	p.waitText(detail, "Choose a conversation.")
}

func TestPages(t *testing.T) {
	t.Parallel()
	e := startEmulator(t)
	var seeds []map[string]string
	for i := range 120 {
		seeds = append(seeds, map[string]string{"unique_name": "order-" + string(rune('a'+i/26)) + string(rune('a'+i%26))})
	}
	seeds[3]["chat_service_sid"] = "IS11111111111111111111111111111111"
	body, err := json.Marshal(seeds)
	require.NoError(t, err)
	e.control(t, "conversations", string(body))
	p := open(t, e)
	p.waitText("#conversations-range", "1–50 of 120")
	p.waitText("#conversations-rows", "order-ep")
	p.click("#older")
	p.click("#older")
	p.waitText("#conversations-range", "101–120 of 120")
	p.waitText("#conversations-rows", "order-aa")
	p.click("#newer")
	p.waitText("#conversations-range", "51–100 of 120")
	p.fill("#conversations-filter [name=search]", "ORDER-AD")
	p.wait(`document.querySelectorAll("#conversations-rows li").length === 1`)
	p.waitText("#conversations-rows", "IS1111…1111")
	p.fill("#conversations-filter [name=search]", "")
	p.choose("#conversations-filter [name=service]", conversationstest.DefaultAccountSID+"/IS11111111111111111111111111111111")
	p.wait(`document.querySelectorAll("#conversations-rows li").length === 1`)
	p.fill("#conversations-filter [name=search]", "zz")
	p.waitText("#conversations-empty", "No conversation matches.")
}

// A click counts even if the list would have changed between press and release.
func TestClickWhileTheListChanges(t *testing.T) {
	t.Parallel()
	e := startEmulator(t)
	e.api(t, "GET", "/v1/Conversations/a", nil)
	p := open(t, e)
	p.show("#requests")
	p.waitText("#requests-rows", "20404: The requested resource")
	at := eval[[]float64](p, `(({ x, y, width, height }) => [x + width / 2, y + height / 2])(document.querySelector("#requests-rows a").getBoundingClientRect())`)
	mouse := func(kind input.DispatchMouseEventType) {
		p.do(chromedp.MouseEvent(kind, at[0], at[1], chromedp.ButtonLeft, chromedp.ClickCount(1)))
	}
	mouse(chromedp.MousePressed)
	e.api(t, "GET", "/v1/Conversations", nil)
	p.waitText("#requests-count", "2") // it is known
	mouse(chromedp.MouseReleased)
	p.wait(`location.hash === "#requests/1"`)
	p.waitText("#requests .detail", "20404: The requested resource")
	p.wait(`document.querySelectorAll("#requests-rows li").length === 2`)
}

// lastRequest returns the members of the latest request.
func (e *emulator) lastRequest(t *testing.T) map[string]json.RawMessage {
	t.Helper()
	res, err := http.Get(e.url + "/_emulator/requests")
	require.NoError(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	var all []map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(text, &all), "%s", text)
	require.NotEmpty(t, all)
	return all[len(all)-1]
}
