package main

import (
	"cmp"
	"embed"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twilio-conversations-go/conversations/client/conversationstest"
)

// The inspector is the page at /_emulator/. It uses the requests of the control endpoint and those
// in this file. Their JSON is only for this page and may change with it.

//go:embed inspector.html inspector.css inspector.js inspector.svg
var inspectorFiles embed.FS

// inspectorPolicy lets the page load and fetch from its own origin only. Inline scripts and styles
// and framing are forbidden. The browser refuses to turn text into HTML.
const inspectorPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// inspectorURL returns the URL of the page for a browser. If the program listens on all addresses,
// it is a loopback address.
func inspectorURL(listening net.Addr) string {
	host, port, _ := net.SplitHostPort(listening.String())
	if net.ParseIP(host).IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port) + "/_emulator/"
}

// handleInspector adds the page and its requests to those of the control endpoint. The accounts
// sign the API requests of the page. The page shows the webhook configuration.
func handleInspector(mux *http.ServeMux, e *conversationstest.Emulator, accounts []conversationstest.Account, hooks webhooks) {
	for path, name := range map[string]string{"{$}": "inspector.html", "inspector.css": "inspector.css", "inspector.js": "inspector.js", "inspector.svg": "inspector.svg"} {
		mux.HandleFunc("GET /_emulator/"+path, func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			h.Set("Content-Security-Policy", inspectorPolicy)
			h.Set("Referrer-Policy", "no-referrer")
			h.Set("Cross-Origin-Opener-Policy", "same-origin")
			h.Set("Cache-Control", "no-cache") // the next version of the program may have another page
			http.ServeFileFS(w, r, inspectorFiles, name)
		})
	}
	mux.HandleFunc("GET /_emulator/status", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, inspectorStatus(e.Status(), hooks, e.Deliveries()))
	})
	mux.HandleFunc("GET /_emulator/conversations", func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		limit, _ := strconv.Atoi(query.Get("limit"))
		page, next, err := e.Page(conversationstest.Query{
			AccountSID: query.Get("account_sid"),
			ServiceSID: query.Get("chat_service_sid"),
			SID:        query.Get("sid"),
			State:      query.Get("state"),
			Search:     query.Get("search"),
			After:      query.Get("after"),
			Limit:      min(limit, 1000),
		})
		if err != nil {
			mistake(w, "%v", err)
			return
		}
		out := make([]conversation, len(page))
		for i, c := range page {
			out[i] = conversation(c)
		}
		writeJSON(w, map[string]any{"conversations": out, "next": next})
	})
	mux.HandleFunc("POST /_emulator/send", func(w http.ResponseWriter, r *http.Request) {
		in, ok := readJSON[struct {
			AccountSID string            `json:"account_sid"`
			Method     string            `json:"method"`
			Path       string            `json:"path"`
			Form       map[string]string `json:"form"`
			Webhooks   bool              `json:"webhooks"`
		}](w, r)
		if !ok {
			return
		}
		account := slices.IndexFunc(accounts, func(a conversationstest.Account) bool { return a.SID == in.AccountSID })
		if account < 0 {
			mistake(w, "no account %q", in.AccountSID)
			return
		}
		form := url.Values{}
		for name, value := range in.Form {
			form.Set(name, value)
		}
		sent, err := http.NewRequestWithContext(r.Context(), in.Method, "http://"+r.Host+in.Path, strings.NewReader(form.Encode()))
		if err != nil || !strings.HasPrefix(in.Path, "/v1/") {
			mistake(w, "the method or the path is invalid")
			return
		}
		sent.RemoteAddr = r.RemoteAddr
		sent.SetBasicAuth(in.AccountSID, accounts[account].AuthToken)
		sent.Header.Set("User-Agent", "conversations-emulator-inspector")
		if len(form) > 0 {
			sent.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		if in.Webhooks {
			sent.Header.Set("X-Twilio-Webhook-Enabled", "true")
		}
		response := &startedWriter{ResponseWriter: w}
		defer func() {
			// A browser must not repeat the request, as it would if the connection closed without a
			// response.
			switch v := recover(); {
			case v == nil:
			case v == http.ErrAbortHandler && !response.started: //nolint:errorlint // as net/http compares it
				http.Error(w, "The connection was closed without a response.", http.StatusBadGateway)
			default:
				panic(v)
			}
		}()
		e.ServeHTTP(response, sent)
	})
}

// startedWriter records whether the response has begun. It removes the headers that let pages of
// other origins read API responses.
type startedWriter struct {
	http.ResponseWriter
	started bool
}

func (w *startedWriter) WriteHeader(status int) {
	w.started = true
	for name := range w.Header() {
		if strings.HasPrefix(name, "Access-Control-") {
			w.Header().Del(name)
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets [http.ResponseController] flush.
func (w *startedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// inspectorStatus is a status as the page shows it. The number of the latest delivery tells the
// page whether there is something to fetch.
func inspectorStatus(s conversationstest.Status, hooks webhooks, deliveries []conversationstest.Delivery) any {
	type scripted struct {
		Operation string `json:"operation"`
		fault
	}
	type target struct {
		Service string   `json:"chat_service_sid"`
		PreURL  string   `json:"pre_url"`
		PostURL string   `json:"post_url"`
		Method  string   `json:"method"`
		Filters []string `json:"filters"`
	}
	out := struct {
		Now            time.Time        `json:"now"`
		NextTimer      time.Time        `json:"next_timer,omitzero"`
		Services       []map[string]any `json:"services"`
		Faults         []scripted       `json:"faults"`
		Operations     []string         `json:"operations"`
		Events         []string         `json:"events"`
		Webhooks       []target         `json:"webhooks"`
		LatestDelivery int              `json:"latest_delivery"`
	}{
		Now: s.Now, NextTimer: s.NextTimer, Services: []map[string]any{}, Faults: []scripted{},
		Operations: conversationstest.Operations(), Events: conversationstest.Events(), Webhooks: []target{},
	}
	if len(deliveries) > 0 {
		out.LatestDelivery = deliveries[len(deliveries)-1].Number
	}
	for _, w := range hooks {
		if w.service != "" || w.PreURL != "" || w.PostURL != "" {
			out.Webhooks = append(out.Webhooks, target{w.service, w.PreURL, w.PostURL, cmp.Or(w.Method, http.MethodPost), w.Filters})
		}
	}
	for _, service := range s.Services {
		members := map[string]any{"account_sid": service.AccountSID, "chat_service_sid": service.ServiceSID, "default": service.Default}
		total := 0
		for state, n := range service.Conversations {
			members[state] = n
			total += n
		}
		members["total"] = total
		out.Services = append(out.Services, members)
	}
	for operation, faults := range s.Faults {
		for _, f := range faults {
			out.Faults = append(out.Faults, scripted{operation, faultJSON(f)})
		}
	}
	slices.SortStableFunc(out.Faults, func(a, b scripted) int { return -cmp.Compare(a.Operation, b.Operation) }) // "*" last
	return out
}
