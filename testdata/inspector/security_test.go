package inspector

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	cdpage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// hostile are texts that run a script if they are treated as HTML, an attribute, a URL or code.
var hostile = []string{
	`<img src=x onerror="window.injected=1">`,
	`<script>window.injected=1</script>`,
	`"><svg onload="window.injected=1">`,
	`' autofocus onfocus='window.injected=1`,
	`javascript:window.injected=1`,
	"${window.injected=1}`+(window.injected=1)+`",
	"</pre></dd><iframe srcdoc='<script>parent.injected=1</script>'>",
	"\u202egnirts\u0000\u2028<b>",
}

// raw returns JSON without the escapes for HTML.
func raw(t *testing.T, v any) string {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	require.NoError(t, encoder.Encode(v))
	return strings.TrimSpace(text.String())
}

// clean is true on a page that holds only its own elements, attributes and URLs.
const clean = `window.injected === undefined &&
	document.scripts.length === 1 && document.images.length === 1 &&
	document.querySelectorAll("svg, iframe, object, embed, b:not(#now b), style, base, [autofocus], [srcdoc]").length === 0 &&
	[...document.querySelectorAll("*")].every((node) => [...node.attributes].every(({ name, value }) =>
		!name.startsWith("on") && name !== "style" && !(/^(href|src|action|formaction)$/.test(name) && !/^(#|inspector\.)/.test(value))))`

func TestInjection(t *testing.T) {
	t.Parallel()
	var answered atomic.Int64
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := answered.Add(1) - 1
		w.WriteHeader(200 + int(n%3)*150)
		fmt.Fprint(w, hostile[n%int64(len(hostile))])
	}))
	t.Cleanup(receiver.Close)
	e := startEmulator(t, "-webhook-post-url", receiver.URL+`/?"><b/onclick=x>'`)
	for i, text := range hostile {
		text := fmt.Sprint(text, i)
		attributes := raw(t, map[string]any{text: []string{text}})
		seed, err := json.Marshal([]map[string]string{{"friendly_name": text, "unique_name": "seeded " + text, "attributes": attributes, "email_address": text, "email_name": text}})
		require.NoError(t, err)
		e.control(t, "conversations", string(seed))
		form := url.Values{"FriendlyName": {text}, "UniqueName": {text}, "Attributes": {attributes}, "Bindings.Email.Address": {text}, "Bindings.Email.Name": {text}}
		headers := func(r *http.Request) {
			r.Header.Set("X-Hostile", strings.Map(func(c rune) rune {
				if c < ' ' {
					return -1
				}
				return c
			}, text))
			r.Header.Set("User-Agent", "<img src=x onerror=window.injected=1>")
			r.Header.Set("X-'onfocus-window.injected", "1")
		}
		require.Equal(t, 201, e.api(t, "POST", "/v1/Conversations", form, headers).StatusCode)
		e.api(t, "GET", "/v1/Conversations/"+url.PathEscape(text)+"?"+url.Values{text: {text}}.Encode(), nil, headers)
		e.api(t, "POST", "/v1/Conversations", url.Values{text: {text}, "State": {text}}, headers)
		e.api(t, "GET", "/"+url.PathEscape(text), nil, headers)
		fault, err := json.Marshal(map[string]any{"operation": "fetchConversation", "faults": []any{
			map[string]any{"status": 400, "message": text, "header": map[string]string{"X-Hostile": "<img src=x onerror=window.injected=1>"}},
			map[string]any{"status": 200, "body": text},
		}})
		require.NoError(t, err)
		e.control(t, "faults", string(fault))
		e.api(t, "GET", "/v1/Conversations/x", nil)
	}
	e.control(t, "faults", raw(t, map[string]any{"operation": "createConversation", "faults": []any{map[string]any{"status": 503, "message": hostile[0]}}}))
	// A client need not escape these paths.
	e.api(t, "GET", `/v1/'onfocus='window.injected=1'`, nil)

	p := open(t, e)
	p.wait(fmt.Sprintf(`document.querySelectorAll("#conversations-rows li").length === %d`, 2*len(hostile)))
	visit := func(section string) {
		p.show("#" + section)
		p.wait(fmt.Sprintf(`!document.querySelector("#%s").hidden && document.querySelectorAll("#%[1]s-rows li").length > 0`, section))
		assert.True(t, eval[bool](p, clean), "%s", section)
		for _, hash := range eval[[]string](p, fmt.Sprintf(`[...document.querySelectorAll("#%s-rows a")].map((row) => row.hash)`, section)) {
			p.show(hash)
			p.wait(fmt.Sprintf(`"#%s/" + document.querySelector("#%[1]s .detail").dataset.key === %q`, section, hash))
			if !assert.True(t, eval[bool](p, clean), "%s: %s", hash, p.text("#"+section+" .detail")) {
				return
			}
		}
	}
	visit("conversations")
	// The page shows exactly what was sent.
	p.waitText("#conversations-rows", hostile[0])
	p.click("#conversations-rows li:last-child a")
	p.waitText("#conversations .detail h2", hostile[0])
	p.waitText("#conversations .detail pre", "<img src=x")
	for _, button := range []int{1, 4} { // the dialogs for editing and for deleting
		p.click(fmt.Sprintf("#conversations .detail .actions button:nth-child(%d)", button))
		p.waitText("#dialog h2", hostile[0])
		assert.True(t, eval[bool](p, clean))
		p.click("#dialog .buttons button:first-child")
	}
	visit("requests")
	visit("faults")
	p.waitText("#faults-rows", hostile[0])

	e.api(t, "POST", "/v1/Conversations", nil) // takes the fault of the first hostile text
	// This is what receivers respond.
	for _, text := range hostile {
		e.api(t, "POST", "/v1/Conversations", url.Values{"FriendlyName": {text}, "Attributes": {raw(t, text)}}, enabled)
	}
	e.settle(t)
	visit("webhooks")
	p.waitText("#webhooks-targets", "<b/onclick=x>")
	p.show("#webhooks/1")
	p.waitText("#webhooks .detail", hostile[0])
	// These are the API's errors, and the response of a fault in their place.
	p.show("#conversations")
	p.click("#create")
	p.fill("#dialog [name=UniqueName]", hostile[0]+"0")
	p.click("#dialog button.primary")
	p.waitText("#dialog .problem", "50353")
	p.click("#dialog .buttons button:first-child")
	e.control(t, "faults", `{"operation": "createConversation", "faults": [{"status": 502, "body": "<img src=x onerror=window.injected=1>"}]}`)
	p.click("#create")
	p.click("#dialog button.primary")
	p.waitText("#dialog .problem", "<img src=x")
	assert.True(t, eval[bool](p, clean))
}

// The policy applies even to a script that is already on the page.
func TestPolicy(t *testing.T) {
	t.Parallel()
	e := startEmulator(t)
	var asked []string
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked = append(asked, r.URL.Path) }))
	p := newTab(t)
	p.do(chromedp.Navigate(e.inspector))
	for name, attempt := range map[string]string{
		"HTML":            `document.body.innerHTML = "<b>x</b>"`,
		"a script's text": `document.createElement("script").text = "window.injected = 1"`,
		"eval":            `(0, Function)("window.injected = 1")()`,
		"fetch":           fmt.Sprintf("await fetch('%s/fetch', { mode: 'no-cors' })", other.URL),
		"a policy":        `trustedTypes.createPolicy("x", { createHTML: (s) => s })`,
	} {
		assert.True(t, eval[bool](p, "(async () => { try { "+attempt+"; return false } catch { return true } })()"), name)
	}
	eval[*int](p, fmt.Sprintf(`(() => {
		const image = new Image();
		image.src = %[1]q + "/image";
		const frame = document.createElement("iframe");
		frame.src = %[1]q + "/frame";
		const form = document.createElement("form");
		form.action = %[1]q + "/form";
		document.body.append(image, frame, form);
		form.submit();
		navigator.sendBeacon(%[1]q + "/beacon", "x");
		return new Promise((resolve) => setTimeout(resolve, 200, null));
	})()`, other.URL))
	other.Close() // waits for what was asked
	assert.Empty(t, asked)
	assert.True(t, eval[bool](p, `window.injected === undefined`))
}

// A page of another origin can neither read nor change anything, nor embed the inspector.
func TestForeignPage(t *testing.T) {
	t.Parallel()
	e := startEmulator(t)
	e.api(t, "POST", "/v1/Conversations", url.Values{"UniqueName": {"a"}})
	foreign := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!doctype html><title>Foreign</title><p>")
	}))
	t.Cleanup(foreign.Close)
	for name, origin := range map[string]string{
		"another port": foreign.URL,
		"another site": strings.Replace(foreign.URL, "127.0.0.1", "foreign.example", 1),
	} {
		p := newTab(t)
		p.do(chromedp.Navigate(origin))
		require.Equal(t, "Foreign", eval[string](p, "document.title"))
		for _, path := range []string{"", "status", "conversations", "requests", "deliveries", "inspector.js"} {
			assert.True(t, eval[bool](p, fmt.Sprintf(`fetch("%s/_emulator/%s").then(() => false, () => true)`, e.url, path)), "%s reads %s", name, path)
		}
		for _, path := range []string{"inspector.js", "requests", "status"} {
			assert.True(t, eval[bool](p, fmt.Sprintf(`new Promise((resolve) => {
				const script = document.createElement("script");
				script.onload = () => resolve(false);
				script.onerror = () => resolve(true);
				script.src = "%s/_emulator/%s";
				document.body.append(script);
			})`, e.url, path)), "%s loads %s as a script", name, path)
		}
		bodies := map[string]string{
			"reset": `{}`, "clock": `{"advance":"1h"}`, "conversations": `[{"unique_name":"evil"}]`, "faults": `{"operation":"*","faults":[{"status":503}]}`,
			"send":     `{"account_sid":"AC0123456789abcdef0123456789abcdef","method":"DELETE","path":"/v1/Conversations/a"}`,
			"activity": `{"sid":"a"}`, "settle": `{}`, "deliveries/repeat": `{"id":"a"}`,
		}
		for path, body := range bodies {
			for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/json"} {
				for _, mode := range []string{"cors", "no-cors"} {
					headers := "{}"
					if kind != "" {
						headers = fmt.Sprintf(`{"Content-Type": %q}`, kind)
					}
					eval[*int](p, fmt.Sprintf(`fetch("%s/_emulator/%s", { method: "POST", mode: %q, headers: %s, body: %q }).then(() => null, () => null)`, e.url, path, mode, headers, body))
				}
			}
			eval[*int](p, fmt.Sprintf(`new Promise((resolve) => {
				const frame = document.createElement("iframe");
				frame.name = "target";
				const form = document.createElement("form");
				Object.assign(form, { method: "post", enctype: "text/plain", action: "%s/_emulator/%s", target: "target" });
				const input = document.createElement("input");
				Object.assign(input, { name: %q, value: "" });
				form.append(input);
				document.body.append(frame, form);
				frame.onload = () => frame.contentWindow.length === 0 && setTimeout(() => { frame.remove(); form.remove(); resolve(null); }, 100);
				form.submit();
			})`, e.url, path, body))
		}
		eval[*int](p, fmt.Sprintf(`new Promise((resolve) => {
			const frame = document.createElement("iframe");
			frame.onload = () => resolve(null);
			frame.src = "%s";
			document.body.append(frame);
		})`, e.inspector))
		tree := call(p, cdpage.GetFrameTree, cdp.Empty{})
		for _, child := range tree.FrameTree.ChildFrames {
			assert.NotEqual(t, e.inspector, child.Frame.URL, "the inspector in a frame of %s", name)
		}
	}
	var status struct {
		Services []struct{ Total int }
		Faults   []any
	}
	res, err := http.Get(e.url + "/_emulator/status")
	require.NoError(t, err)
	defer res.Body.Close()
	require.NoError(t, json.NewDecoder(res.Body).Decode(&status))
	require.Len(t, status.Services, 1)
	assert.Equal(t, 1, status.Services[0].Total)
	assert.Empty(t, status.Faults)
	assert.Equal(t, 200, e.api(t, "GET", "/v1/Conversations/a", nil).StatusCode)
}

// A site whose name is made to resolve to this machine gets nothing, although the browser takes the
// emulator for the site.
func TestReboundName(t *testing.T) {
	t.Parallel()
	e := startEmulator(t)
	e.api(t, "POST", "/v1/Conversations", url.Values{"UniqueName": {"a"}})
	rebound := strings.Replace(e.url, "127.0.0.1", "rebound.example", 1)
	p := newTab(t)
	p.do(chromedp.Navigate(rebound + "/_emulator/inspector.svg"))
	for _, path := range []string{"", "status", "conversations", "requests", "inspector.js"} {
		assert.False(t, eval[bool](p, fmt.Sprintf(`fetch("/_emulator/%s").then((response) => response.ok)`, path)), path)
	}
	for path, body := range map[string]string{"reset": "{}", "clock": `{"advance":"1h"}`, "conversations": `[{}]`} {
		assert.False(t, eval[bool](p, fmt.Sprintf(`fetch("/_emulator/%s", { method: "POST", headers: { "Content-Type": "application/json" }, body: %q }).then((response) => response.ok)`, path, body)), path)
	}
	assert.Equal(t, 200, e.api(t, "GET", "/v1/Conversations/a", nil).StatusCode)
}
