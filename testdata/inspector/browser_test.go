package inspector

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/client/conversationstest"
)

var update = flag.Bool("update", false, "write inspector.png")

var (
	program string          // the path of the emulator's program
	chrome  context.Context // of the browser that all tests share
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

// run builds the program and starts the browser.
func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "inspector")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "conversations-emulator")
	build := exec.Command("go", "build", "-o", program, "github.com/twilio-conversations-go/conversations/client/cmd/conversations-emulator")
	build.Stderr = os.Stderr
	if build.Run() != nil {
		return 1
	}
	options := []chromedp.ExecAllocatorOption{
		chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(filepath.Join(dir, "profile")),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("force-color-profile", "srgb"),
		chromedp.Flag("disable-lcd-text", true), // smaller pictures
		chromedp.Flag("hide-scrollbars", false),
		// These are names of other sites that resolve to this machine.
		chromedp.Flag("host-resolver-rules", "MAP *.example 127.0.0.1"),
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	defer stop()
	var cancel context.CancelFunc
	chrome, cancel = chromedp.NewContext(allocator)
	defer cancel()
	if err := chromedp.Do(chrome); err != nil {
		fmt.Fprintf(os.Stderr, "no browser: %v\nThe tests need Chromium: make inspector installs it where it can.\n", err)
		return 1
	}
	return m.Run()
}

// emulator is a running program.
type emulator struct {
	url, inspector string
}

func startEmulator(t *testing.T, args ...string) *emulator {
	t.Helper()
	cmd := exec.Command(program, append([]string{"-control", "-addr", "127.0.0.1:0"}, args...)...)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_, _ = io.Copy(io.Discard, stdout)
		assert.NoError(t, cmd.Wait())
	})
	lines := bufio.NewReader(stdout)
	line := func(prefix string) string {
		text, err := lines.ReadString('\n')
		require.NoError(t, err)
		rest, ok := strings.CutPrefix(text, prefix)
		require.True(t, ok, "the program printed %q", text)
		return strings.TrimSpace(rest)
	}
	return &emulator{line("listening on "), line("inspector on ")}
}

// api sends an API request as an application would.
func (e *emulator) api(t *testing.T, method, path string, form url.Values, edit ...func(*http.Request)) *http.Response {
	t.Helper()
	req, err := http.NewRequest(method, e.url+path, strings.NewReader(form.Encode()))
	require.NoError(t, err)
	req.SetBasicAuth(conversationstest.DefaultAccountSID, conversationstest.DefaultAuthToken)
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, edit := range edit {
		edit(req)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil // a fault dropped the connection
	}
	_, _ = io.Copy(io.Discard, res.Body)
	res.Body.Close()
	return res
}

// control sends a request to the control endpoint.
func (e *emulator) control(t *testing.T, path, body string) {
	t.Helper()
	res, err := http.Post(e.url+"/_emulator/"+path, "application/json", strings.NewReader(body))
	require.NoError(t, err)
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	res.Body.Close()
	require.Less(t, res.StatusCode, 300, "%s", text)
}

// page is a browser tab that shows an inspector. Its test fails on an error on the console and on a
// request to any other host.
type page struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	problems []string
	urls     []string
}

// newTab opens an empty tab that shares no cookies, storage or cache with other tabs.
func newTab(t *testing.T) *page {
	t.Helper()
	ctx, cancel := chromedp.NewContext(chrome, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	p := &page{t: t, ctx: ctx}
	require.NoError(t, chromedp.Listen(ctx, func(event any) {
		p.mu.Lock()
		defer p.mu.Unlock()
		switch event := event.(type) {
		case *runtime.EventExceptionThrown:
			details := event.ExceptionDetails
			if details.Exception != nil { // a script that cannot be parsed has none
				details.Text += " " + details.Exception.Description
			}
			p.problems = append(p.problems, details.Text)
		case *runtime.EventConsoleAPICalled:
			p.problems = append(p.problems, fmt.Sprintf("console.%s: %s", event.Type, event.Args[0].Value))
		case *log.EventEntryAdded:
			if event.Entry.Source == log.EntrySourceNetwork {
				return // the browser's own note that a response was no success
			}
			p.problems = append(p.problems, event.Entry.Text+" "+event.Entry.URL)
		case *network.EventRequestWillBeSent:
			p.urls = append(p.urls, event.Request.URL)
		}
	}))
	p.ctx, cancel = context.WithTimeout(ctx, time.Minute) // not before: the tab would end with it
	t.Cleanup(cancel)
	call(p, network.Enable, network.EnableParams{})
	call(p, log.Enable, cdp.Empty{})
	p.do(chromedp.EmulateViewport(1280, 800))
	return p
}

// open opens the inspector of an emulator and waits until it shows something.
func open(t *testing.T, e *emulator, actions ...chromedp.Action[chromedp.Void]) *page {
	t.Helper()
	p := newTab(t)
	p.do(actions...)
	_, err := chromedp.CallBrowser(p.ctx, browser.SetPermission, browser.SetPermissionParams{
		Permission: &browser.PermissionDescriptor{Name: "clipboard-read"}, Setting: browser.PermissionSettingGranted, Origin: e.url,
		BrowserContextID: chromedp.FromContext(p.ctx).BrowserContextID,
	})
	require.NoError(t, err)
	p.do(chromedp.Navigate(e.inspector))
	p.wait(`document.querySelector("#conversations-count").textContent !== ""`)
	t.Cleanup(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		assert.Empty(t, p.problems, "on the console")
		for _, sent := range p.urls {
			assert.True(t, strings.HasPrefix(sent, e.url+"/_emulator/"), "a request to %s", sent)
		}
	})
	return p
}

func (p *page) do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	require.NoError(p.t, chromedp.Do(p.ctx, actions...))
}

// call sends a command of the DevTools protocol.
func call[P, R any](p *page, command cdp.Command[P, R], params P) R {
	p.t.Helper()
	result, err := chromedp.Call(p.ctx, command, params)
	require.NoError(p.t, err)
	return result
}

// eval returns the value of an expression, which may be a promise.
func eval[T any](p *page, expression string) T {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise, func(params *runtime.EvaluateParams) {
		params.AllowUnsafeEvalBlockedByCSP = new(false) // as scripts of the page are treated
	}))
	require.NoError(p.t, err, "%s", expression)
	return v
}

// wait waits until an expression is true on the page.
func (p *page) wait(expression string) {
	p.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !eval[bool](p, "Boolean("+expression+")"); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.mu.Lock()
			defer p.mu.Unlock()
			require.Fail(p.t, "not true in time: "+expression, "on the console: %q", p.problems)
		}
	}
}

// text returns the text of an element as a person reads it.
func (p *page) text(selector string) string {
	p.t.Helper()
	return eval[string](p, fmt.Sprintf("document.querySelector(%q)?.innerText ?? ''", selector))
}

// waitText waits until an element shows a text.
func (p *page) waitText(selector, text string) {
	p.t.Helper()
	p.wait(fmt.Sprintf("(document.querySelector(%q)?.innerText ?? '').includes(%q)", selector, text))
}

// click clicks an element with the mouse.
func (p *page) click(selector string) {
	p.t.Helper()
	p.wait(fmt.Sprintf(`(() => {
		const node = document.querySelector(%q);
		return node?.checkVisibility() && !node.disabled && (node.closest("dialog") || !document.querySelector("dialog[open]"));
	})()`, selector))
	place := func() []float64 {
		return eval[[]float64](p, fmt.Sprintf(`(() => {
			const node = document.querySelector(%q);
			node.scrollIntoView({ block: "nearest", behavior: "instant" });
			const { x, y, width, height } = node.getBoundingClientRect();
			return [x + width / 2, y + height / 2];
		})()`, selector))
	}
	at := place()
	for { // until it stays where it is, as a person would wait
		time.Sleep(20 * time.Millisecond)
		next := place()
		if slices.Equal(at, next) {
			break
		}
		at = next
	}
	p.do(chromedp.MouseClickXY(at[0], at[1]))
}

// fill replaces the content of a field by typing.
func (p *page) fill(selector, text string) {
	p.t.Helper()
	p.click(selector)
	eval[*int](p, fmt.Sprintf("document.querySelector(%q).select(); null", selector))
	if text == "" {
		text = kb.Delete
	}
	p.do(chromedp.KeyEvent(text))
}

// choose picks an option of a select.
func (p *page) choose(selector, value string) {
	p.t.Helper()
	p.wait(fmt.Sprintf(`(() => {
		const select = document.querySelector(%q);
		if (![...select.options].some((option) => option.value === %q)) return false;
		select.value = %[2]q;
		select.dispatchEvent(new Event("input", { bubbles: true }));
		return true;
	})()`, selector, value))
}

// show navigates to a place of the page, such as #requests/3.
func (p *page) show(hash string) {
	p.t.Helper()
	eval[*int](p, fmt.Sprintf("location.hash = %q; null", hash))
}
