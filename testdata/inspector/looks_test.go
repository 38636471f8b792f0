package inspector

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// startScene starts an emulator with the traffic of a morning of development.
func startScene(t *testing.T) *emulator {
	t.Helper()
	target, _ := startReceiver(t, "")
	e := startEmulator(t, "-webhook-pre-url", target+"/twilio/before", "-webhook-post-url", target+"/twilio/after")
	at := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(time.RFC3339) }
	e.control(t, "conversations", fmt.Sprintf(`[
		{"friendly_name": "Order 1038 · return", "unique_name": "order-1038", "state": "closed", "date_created": %q},
		{"friendly_name": "Delivery window", "unique_name": "order-1039", "state": "inactive", "date_created": %q, "date_closed": %q},
		{"friendly_name": "Invoice address", "unique_name": "order-1040", "state": "inactive", "date_created": %q, "date_closed": %q, "attributes": "{\"customer\":\"C-77\"}"},
		{"friendly_name": "Beta feedback", "chat_service_sid": "IS11111111111111111111111111111111", "date_created": %q}
	]`, at(-50*time.Hour), at(-27*time.Hour), at(45*time.Hour), at(-5*time.Hour), at(19*time.Hour), at(-3*time.Hour)))
	create := func(form url.Values) { e.api(t, "POST", "/v1/Conversations", form) }
	create(url.Values{"FriendlyName": {"Order 1041 · where is my parcel?"}, "UniqueName": {"order-1041"}, "Timers.Inactive": {"PT1H"}, "Timers.Closed": {"P1D"},
		"Attributes": {`{"customer":{"name":"Ada Lovelace","since":2019},"order":1041,"tags":["parcel","express"],"vip":true}`}})
	create(url.Values{"FriendlyName": {"Order 1042 · gift wrapping"}, "UniqueName": {"order-1042"}, "Timers.Inactive": {"PT10M"}})
	e.control(t, "faults", `{"operation": "createConversation", "faults": [{"status": 503}]}`)
	size := url.Values{"FriendlyName": {"Order 1043 · change of size"}, "UniqueName": {"order-1043"}, "Timers.Inactive": {"PT30M"}}
	create(size)
	create(size)
	create(size)
	e.api(t, "GET", "/v1/Conversations/order-1041", nil)
	e.api(t, "GET", "/v1/Conversations?State=active&PageSize=20", nil)
	e.api(t, "POST", "/v1/Conversations/order-1042", url.Values{"Attributes": {`{"wrapping":"blue"}`}}, enabled)
	e.control(t, "faults", `{"operation": "onConversationUpdated", "faults": [{"status": 502, "body": "Bad Gateway"}]}`)
	e.api(t, "POST", "/v1/Conversations/order-1041", url.Values{"FriendlyName": {"Order 1041 · where is my parcel?"}}, enabled)
	e.api(t, "POST", "/v1/Conversations/order-1042", url.Values{"State": {"inactive"}}, enabled)
	e.settle(t)
	e.api(t, "POST", "/v1/Conversations/order-1041", url.Values{"State": {"paused"}, "Colour": {"red"}})
	e.api(t, "GET", "/v1/Conversations/order-9999", nil)
	e.control(t, "faults", `{"operation": "updateConversation", "faults": [{"status": 429, "header": {"Retry-After": "2"}, "times": 2}]}`)
	e.control(t, "faults", `{"operation": "*", "faults": [{"commit": true, "drop": true}]}`)
	return e
}

// lowContrast lists the visible texts whose contrast against the background is below 4.5 to 1.
const lowContrast = `(() => {
	const parse = (color) => color.match(/[\d.]+/g).map(Number);
	const luminance = (rgb) => {
		const [r, g, b] = rgb.slice(0, 3).map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const behind = (node) => {
		for (; node; node = node.parentElement) {
			const color = parse(getComputedStyle(node).backgroundColor);
			if (color[3] !== 0) return color;
		}
		return [255, 255, 255];
	};
	const low = [];
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	for (let text; (text = walker.nextNode());) {
		const node = text.parentElement;
		if (!text.data.trim() || !node.checkVisibility() || node.closest(":disabled, option")) continue;
		const [a, b] = [luminance(parse(getComputedStyle(node).color)), luminance(behind(node))].sort((a, b) => b - a);
		if ((a + 0.05) / (b + 0.05) < 4.5) low.push(text.data + ": " + ((a + 0.05) / (b + 0.05)).toFixed(2));
	}
	return low;
})()`

// wide lists the visible elements that are wider than their place and would need sideways
// scrolling.
const wide = `[document.documentElement, ...document.querySelectorAll("main, section, .list, .rows, .detail, .toolbar, header, dialog, pre")]
	.filter((node) => node.checkVisibility() && node.scrollWidth > node.clientWidth + 1).map((node) => node.outerHTML.slice(0, 100))`

// small lists the controls that are too small for a finger.
const small = `[...document.querySelectorAll("button, nav a, .rows a, select, input:not([type=checkbox])")]
	.filter((node) => node.checkVisibility() && node.getBoundingClientRect().height < 32).map((node) => node.outerHTML.slice(0, 100))`

func TestLooks(t *testing.T) {
	t.Parallel()
	e := startScene(t)
	for _, scheme := range []string{"light", "dark"} {
		for _, device := range []string{"desktop", "phone"} {
			p := open(t, e)
			call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
				{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
			}})
			if device == "phone" {
				p.do(chromedp.EmulateViewport(360, 740, chromedp.EmulateMobile, chromedp.EmulateScale(2)))
			}
			check := func(view string) {
				t.Helper()
				name := fmt.Sprintf("%s on a %s, %s", view, device, scheme)
				assert.Empty(t, eval[[]string](p, lowContrast), "%s: contrast", name)
				assert.Empty(t, eval[[]string](p, wide), "%s: width", name)
				if device == "phone" {
					assert.Empty(t, eval[[]string](p, small), "%s: size", name)
				}
				if pictures := os.Getenv("PICTURES"); pictures != "" { // to look at while working on the page
					p.picture(fmt.Sprintf("%s/%s-%s-%s.png", pictures, view, device, scheme))
				}
			}
			p.waitText("#conversations-rows", "order-1038")
			check("conversations")
			p.click("#conversations-rows li:nth-child(3) a")
			p.waitText("#conversations .detail h2", "Order 1041")
			check("conversation")
			if *update && scheme == "light" && device == "desktop" {
				p.do(chromedp.EmulateViewport(1280, 640))
				p.picture("inspector.png")
				p.do(chromedp.EmulateViewport(1280, 800))
			}
			p.show("#requests")
			p.waitText("#requests-rows", "2 violations")
			check("requests")
			p.click("#requests-rows li:nth-child(2) a")
			p.waitText("#requests .detail", "Colour")
			check("request")
			p.show("#webhooks")
			p.waitText("#webhooks-rows", "onConversationUpdated")
			check("webhooks")
			p.click("#webhooks-rows li:nth-child(2) a")
			p.waitText("#webhooks .detail", "HMAC-SHA1")
			check("webhook")
			eval[*int](p, `document.querySelector("#webhooks .steps").scrollIntoView(); null`)
			check("signature")
			p.show("#faults")
			p.waitText("#faults-rows", "Any operation")
			check("faults")
			p.click("#script")
			check("dialog")
			dark := eval[bool](p, `getComputedStyle(document.documentElement).backgroundColor.match(/\d+/)[0] < 128`)
			assert.Equal(t, scheme == "dark", dark)
		}
	}
	if *update {
		info, err := os.Stat("inspector.png")
		require.NoError(t, err)
		assert.Less(t, info.Size(), int64(150_000))
	}
}

func (p *page) picture(file string) {
	p.t.Helper()
	png, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	require.NoError(p.t, err)
	require.NoError(p.t, os.WriteFile(file, png, 0o644))
}

func TestKeyboard(t *testing.T) {
	t.Parallel()
	e := startScene(t)
	p := open(t, e)
	p.waitText("#conversations-rows", "order-1038")
	press := func(keys string) { p.do(chromedp.KeyEvent(keys)) }
	focused := func(selector string) {
		t.Helper()
		p.wait(fmt.Sprintf("document.activeElement.matches(%q)", selector))
	}
	press(kb.Tab)
	focused(".skip")
	press(kb.Enter)
	focused("#conversations-rows li:first-child a")
	press(kb.ArrowDown + kb.ArrowDown)
	focused("#conversations-rows li:nth-child(3) a")
	assert.NotEqual(t, "none", eval[string](p, "getComputedStyle(document.activeElement).outlineStyle"), "the focus can be seen")
	press(kb.Enter)
	p.waitText("#conversations .detail h2", "Order 1041")
	press(kb.Escape)
	p.waitText("#conversations .detail", "Choose a conversation.")
	call(p, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyDown, Key: "/", Code: "Slash", Text: "/"})
	focused("#conversations-filter [name=search]")
	press("order-1039")
	p.wait(`document.querySelectorAll("#conversations-rows li").length === 1`)

	// The keyboard reaches every control, in the order of the page, and no control traps the focus.
	eval[*int](p, "document.activeElement.blur(); null")
	p.show("#faults")
	p.waitText("#faults-rows", "Any operation")
	var reached []string
	for range 40 {
		press(kb.Tab)
		reached = append(reached, eval[string](p, "document.activeElement.innerText?.split('\\n')[0] ?? ''"))
	}
	assert.Subset(t, reached, []string{"+1 min", "+10 min", "…", "Reset", "New fault", "Unavailable", "Cut short"})

	// A dialog takes the focus and returns it.
	eval[*int](p, `document.querySelector("#script").focus(); null`)
	press(kb.Enter)
	focused("#dialog [name=operation]")
	press(kb.Escape)
	p.wait(`!document.querySelector("#dialog").open`)
	focused("#script")
	press(kb.Enter + kb.Tab + kb.Tab)
	focused("#dialog [name=status]")
	press("503" + kb.Enter)
	p.waitText("#faults-rows", "status 503")
}

// Assistive technology gets a name for each control.
func TestNames(t *testing.T) {
	t.Parallel()
	e := startScene(t)
	p := open(t, e)
	check := func(view string) {
		t.Helper()
		nodes := call(p, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{}).Nodes
		controls := 0
		for _, node := range nodes {
			if node.Ignored || node.Role == nil {
				continue
			}
			var role, name string
			require.NoError(t, json.Unmarshal(node.Role.Value, &role))
			if node.Name != nil {
				require.NoError(t, json.Unmarshal(node.Name.Value, &name))
			}
			switch role {
			case "button", "link", "textbox", "searchbox", "combobox", "checkbox", "spinbutton", "dialog", "navigation", "article", "image":
				controls++
				assert.NotEmpty(t, name, "a %s in %s", role, view)
			}
		}
		assert.Greater(t, controls, 5, view)
	}
	p.click("#conversations-rows li:nth-child(3) a")
	p.waitText("#conversations .detail h2", "Order 1041")
	check("conversations")
	p.click("#create")
	check("the dialog of a new conversation")
	p.click("#dialog .buttons button:first-child")
	p.show("#requests")
	p.click("#requests-rows li:nth-child(2) a")
	p.waitText("#requests .detail", "Colour")
	check("requests")
	p.show("#webhooks")
	p.click("#webhooks-rows li:nth-child(2) a")
	p.waitText("#webhooks .detail", "HMAC-SHA1")
	check("webhooks")
	p.show("#faults")
	p.click("#script")
	check("the dialog of a fault")
}
