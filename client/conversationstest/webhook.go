package conversationstest

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
)

// Webhooks configures where events of conversations are delivered, as Twilio's resource
// /v1/Configuration/Webhooks does. See
// https://www.twilio.com/docs/conversations/api/webhook-configuration-resource
type Webhooks struct {
	// PreURL receives pre-events, which can change or refuse a request. PostURL receives
	// post-events. An empty URL receives nothing. The scheme is https or http. Unlike Twilio, the
	// emulator also delivers to addresses of this machine. A fragment is neither sent nor
	// interpreted.
	PreURL, PostURL string
	// Method is POST or GET. The default is POST.
	Method string
	// Filters are the names of the events to send. Events of other resources, such as
	// onMessageAdded, are valid but never sent. nil stands for all seven events of conversations,
	// as the rule webhook.filters-default assumes.
	Filters []string
}

// These are the names of the events.
const (
	onConversationAdd          = "onConversationAdd"
	onConversationAdded        = "onConversationAdded"
	onConversationUpdate       = "onConversationUpdate"
	onConversationUpdated      = "onConversationUpdated"
	onConversationRemove       = "onConversationRemove"
	onConversationRemoved      = "onConversationRemoved"
	onConversationStateUpdated = "onConversationStateUpdated"
)

// Events returns the names of the events that the emulator sends, in alphabetical order. They are
// valid in [Webhooks] filters and for [Emulator.Fail].
func Events() []string {
	return []string{onConversationAdd, onConversationAdded, onConversationRemove, onConversationRemoved,
		onConversationStateUpdated, onConversationUpdate, onConversationUpdated}
}

// isPre reports whether an event is a pre-event.
func isPre(event string) bool {
	return event == onConversationAdd || event == onConversationUpdate || event == onConversationRemove
}

// WithWebhooks sends the events of all conversations as Twilio does. Events of a request are sent
// if it has the header X-Twilio-Webhook-Enabled: true. Events of timers are always sent. Each event
// is signed with the auth token of its account.
//
// By default none is sent, unless [Emulator.Webhooks] connects a handler. An invalid URL, method or
// filter is an error. See https://www.twilio.com/docs/conversations/conversations-webhooks
func WithWebhooks(w Webhooks) Option {
	return func(c *config) error {
		w := w
		if err := w.check(); err != nil {
			return err
		}
		c.accountWebhooks = &w
		return nil
	}
}

// WithServiceWebhooks configures webhooks for one service, which may belong to any account. It
// replaces [WithWebhooks] for that service: nothing is sent to a URL that is empty here.
func WithServiceWebhooks(sid string, w Webhooks) Option {
	return func(c *config) error {
		if !serviceSID.MatchString(sid) {
			return fmt.Errorf("conversationstest: %q is not the SID of a service", sid)
		}
		w := w
		if err := w.check(); err != nil {
			return err
		}
		if c.serviceWebhooks == nil {
			c.serviceWebhooks = map[string]*Webhooks{}
		}
		c.serviceWebhooks[sid] = &w
		return nil
	}
}

// otherEvent matches the names of events that are not sent because their resources are not
// emulated.
var otherEvent = regexp.MustCompile(`^on(Message|Participant|User|Delivery)[A-Za-z]+$`)

// check makes w independent of its caller and fills in the defaults.
func (w *Webhooks) check() error {
	if w.Method == "" {
		w.Method = http.MethodPost
	}
	if w.Method != http.MethodPost && w.Method != http.MethodGet {
		return fmt.Errorf("conversationstest: the method of webhooks must be POST or GET, not %q", w.Method)
	}
	for _, target := range []string{w.PreURL, w.PostURL} {
		if target == "" {
			continue
		}
		u, err := url.Parse(target)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Opaque != "" {
			return errors.New("conversationstest: the URL of a webhook must be absolute, with the scheme https or http")
		}
		if u.User != nil {
			return errors.New("conversationstest: the URL of a webhook must not have a user")
		}
	}
	for _, filter := range w.Filters {
		if !slices.Contains(Events(), filter) && !otherEvent.MatchString(filter) {
			return fmt.Errorf("conversationstest: no event %q", filter)
		}
	}
	w.Filters = slices.Clone(w.Filters)
	return nil
}

// target returns the URL that an event is sent to, or "".
func (w *Webhooks) target(event string) string {
	if w == nil || w.Filters != nil && !slices.Contains(w.Filters, event) {
		return ""
	}
	if isPre(event) {
		return w.PreURL
	}
	return w.PostURL
}

// webhooksOf returns the configuration of a service, or nil. The caller holds e.mu.
func (e *Emulator) webhooksOf(service string) *Webhooks {
	if w, ok := e.serviceWebhooks[service]; ok {
		return w
	}
	return e.accountWebhooks
}

// defaultWebhookURL is the URL of webhooks when a handler is connected and nothing is configured.
const defaultWebhookURL = "https://example.com/webhooks"

// Webhooks connects a handler that receives all webhooks, without a port and whatever their URLs.
// Nothing leaves the process.
//
// If neither [WithWebhooks] nor [WithServiceWebhooks] configured anything, both URLs are
// https://example.com/webhooks. Call Webhooks before the first request. In a bubble of
// [testing/synctest], the emulator must have been created in the bubble.
//
// The handler is called as a server would call it, with one post-event at a time. It may use the
// API itself. Its context ends after 5 seconds. A panic is treated as a lost connection.
func (e *Emulator) Webhooks(handler http.Handler) {
	e.mu.Lock()
	defer e.unlock()
	e.webhooks.transport = handlerTransport{handler, &e.webhooks.running}
	if e.accountWebhooks == nil && len(e.serviceWebhooks) == 0 {
		e.accountWebhooks = &Webhooks{Method: http.MethodPost}
	}
	if w := e.accountWebhooks; w != nil && w.PreURL == "" && w.PostURL == "" {
		w.PreURL, w.PostURL = defaultWebhookURL, defaultWebhookURL
	}
}

// sendsWebhooks reports whether webhooks are configured. The caller holds e.mu.
func (e *Emulator) sendsWebhooks() bool {
	return e.accountWebhooks != nil || len(e.serviceWebhooks) > 0
}
