package fidelity

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/twilio-conversations-go/conversations/client/conversationstest"
)

// hookBreakage turns a working emulator into one that delivers webhooks wrongly. All members are
// optional.
type hookBreakage struct {
	settings func(*WebhookSettings)
	variant  string   // of the rule
	api      breakage // in front of the emulator
	receiver breakage // in front of the receiver
}

// onDelivery changes what the emulator delivers to the receiver.
func onDelivery(change func(r *http.Request, params url.Values)) hookBreakage {
	return hookBreakage{receiver: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			params, _ := url.ParseQuery(string(body))
			before := params.Encode()
			change(r, params)
			if params.Encode() != before {
				body = []byte(params.Encode())
				sign(r, params)
			}
			r.Body = io.NopCloser(strings.NewReader(string(body)))
			next.ServeHTTP(w, r)
		})
	}}
}

// sign signs a delivery again after a change.
func sign(r *http.Request, params url.Values) {
	h := &hooked{session: &session{target: target("")}, server: WebhookServer{Origin: "https://example.com"}}
	r.Header.Set("X-Twilio-Signature", h.signature(event{method: r.Method, uri: r.RequestURI, params: params}))
}

// parameter changes a parameter of the named event, or of all events if the name is empty.
func parameter(event, name string, change func(string) string) hookBreakage {
	return onDelivery(func(_ *http.Request, params url.Values) {
		if event == "" || params.Get("EventType") == event {
			if value := change(params.Get(name)); value != "" {
				params.Set(name, value)
			} else {
				params.Del(name)
			}
		}
	})
}

func always(value string) func(string) string { return func(string) string { return value } }

func deliveryHeader(name, value string) hookBreakage {
	return onDelivery(func(r *http.Request, _ url.Values) { r.Header.Set(name, value) })
}

// followedBy delivers a change of state after another event.
func followedBy(event string) hookBreakage {
	return hookBreakage{receiver: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			deliver := func(body string) {
				r.Body = io.NopCloser(strings.NewReader(body))
				next.ServeHTTP(w, r)
			}
			deliver(string(body))
			if params, _ := url.ParseQuery(string(body)); params.Get("EventType") == event {
				params.Set("EventType", "onConversationStateUpdated")
				deliver(params.Encode())
			}
		})
	}}
}

// onReceived changes the receiver's response.
func onReceived(change func(status int, body string) (int, string)) hookBreakage {
	return hookBreakage{receiver: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			recorder := httptest.NewRecorder()
			func() {
				defer func() {
					if recover() != nil { // the connection is lost
						recorder.Code = http.StatusBadGateway
					}
				}()
				next.ServeHTTP(recorder, r)
			}()
			status, body := change(recorder.Code, recorder.Body.String())
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		})
	}}
}

// impatient gives the receiver less time than Twilio does.
func impatient(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), time.Second)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

func status200(_ int, body string) (int, string) { return 200, body }

// hookBreakages maps each rule of webhooks to an emulator that breaks it.
var hookBreakages = map[string]hookBreakage{
	"webhook.header": {api: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Header.Set("X-Twilio-Webhook-Enabled", "true")
			next.ServeHTTP(w, r)
		})
	}},
	"webhook.service":             {settings: func(w *WebhookSettings) { w.Service = "" }},
	"webhook.filters":             {settings: func(w *WebhookSettings) { w.Filters = nil }},
	"webhook.filters-default":     {settings: func(w *WebhookSettings) { w.Filters = allEvents.Filters[:6] }},
	"webhook.pre-by-rest":         {settings: func(w *WebhookSettings) { w.Filters = allEvents.Filters[1:] }},
	"webhook.timer":               parameter("", "Reason", always("EVENT")),
	"webhook.timer-updated":       parameter("onConversationStateUpdated", "EventType", always("onConversationUpdated")),
	"webhook.state":               parameter("", "Reason", always("TIMER")),
	"webhook.state-and-updated":   parameter("onConversationUpdated", "EventType", always("onConversationStateUpdated")),
	"webhook.state-header":        {variant: "sent"},
	"webhook.no-change":           {variant: "sent"},
	"webhook.same-state":          followedBy("onConversationUpdated"),
	"webhook.create-delete-state": followedBy("onConversationAdded"),
	"webhook.event-reason":        parameter("", "Reason", always("API")),
	"webhook.signature":           deliveryHeader("X-Twilio-Signature", "bm8="),
	"webhook.headers":             deliveryHeader("User-Agent", "Go-http-client/1.1"),
	"webhook.times": parameter("onConversationRemoved", "DateRemoved", func(value string) string {
		return regexp.MustCompile(`\.\d+`).ReplaceAllString(value, "")
	}),
	"webhook.absent":             onDelivery(func(_ *http.Request, params url.Values) { params.Set("MessageBody", "") }),
	"webhook.add-no-sid":         parameter("onConversationAdd", "ConversationSid", always(nowhere)),
	"webhook.state-params":       parameter("onConversationStateUpdated", "MessagingServiceSid", always("MG1")),
	"webhook.retry-count":        parameter("onConversationRemoved", "RetryCount", always("1")),
	"webhook.get":                {settings: func(w *WebhookSettings) { w.Method = http.MethodPost }},
	"webhook.added-date-updated": parameter("onConversationAdded", "DateUpdated", always("")),
	"webhook.update-requested":   parameter("onConversationUpdate", "DateUpdated", always("2026-01-01T00:00:00.000Z")),
	"webhook.change":             onReceived(func(status int, _ string) (int, string) { return status, "{}" }),
	"webhook.change-attributes":  {variant: "ignored"},
	"webhook.invalid-change":     onReceived(func(status int, _ string) (int, string) { return status, "{}" }),
	"webhook.refuse":             onReceived(status200),
	"webhook.refused-error":      onReceived(status200),
	"webhook.other-status":       onReceived(status200),
	"webhook.not-json": onReceived(func(status int, body string) (int, string) {
		if body == "OK" {
			return http.StatusInternalServerError, ""
		}
		return status, body
	}),
	"webhook.timeout":  {receiver: impatient},
	"webhook.lost-pre": onReceived(func(status int, body string) (int, string) { return status, body }),
	"webhook.retry":    {variant: "once"},
}

// options make the emulator itself break a rule.
func (b hookBreakage) options(rule string) []conversationstest.Option {
	if b.variant == "" {
		return nil
	}
	return []conversationstest.Option{conversationstest.Assume(rule, b.variant)}
}
