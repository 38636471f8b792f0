package fidelity

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/client/conversationstest"
)

const otherService = "IS11111111111111111111111111111111"

// inProcess sends requests to a handler without a network.
type inProcess struct{ handler http.Handler }

func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	received := r.Clone(r.Context())
	received.RequestURI = r.URL.RequestURI()
	received.Host = r.URL.Host
	if received.Body == nil {
		received.Body = http.NoBody
	}
	recorder := httptest.NewRecorder()
	t.handler.ServeHTTP(recorder, received)
	return recorder.Result(), nil
}

// emulate returns the emulator that follows a rule.
func emulate(t *testing.T, option string, more ...conversationstest.Option) *conversationstest.Emulator {
	t.Helper()
	options := map[string][]conversationstest.Option{
		"":               nil,
		"Lenient":        {conversationstest.Lenient()},
		"WithServices":   {conversationstest.WithServices(otherService)},
		"WithWriteLimit": {conversationstest.WithWriteLimit(30)},
	}
	require.Contains(t, options, option)
	e, err := conversationstest.New(append(options[option], more...)...)
	require.NoError(t, err)
	return e
}

func target(service string) Target {
	return Target{BaseURL: "http://127.0.0.1:4010", Username: conversationstest.DefaultAccountSID, Password: conversationstest.DefaultAuthToken, Service: service}
}

// against returns the options of a run against an emulator that may be broken.
func against(handler http.Handler, e *conversationstest.Emulator) Options {
	return Options{Transport: inProcess{handler}, Advance: e.Advance, Burst: true}
}

// hooks returns the Webhooks of a run against emulators that deliver webhooks. In a bubble, waiting
// takes no time.
func hooks(t *testing.T, b hookBreakage, more ...conversationstest.Option) func(WebhookSettings, http.Handler) (WebhookServer, error) {
	return func(settings WebhookSettings, receiver http.Handler) (WebhookServer, error) {
		if b.settings != nil {
			b.settings(&settings)
		}
		const origin = "https://example.com"
		options := append([]conversationstest.Option{conversationstest.WithWebhooks(conversationstest.Webhooks{
			PreURL: origin + "/pre?a=1", PostURL: origin + "/post?a=1", Method: settings.Method, Filters: settings.Filters})}, more...)
		if settings.Service != "" {
			options = append(options, conversationstest.WithServiceWebhooks(settings.Service,
				conversationstest.Webhooks{PostURL: origin + "/service", Method: settings.Method, Filters: settings.Filters}))
		}
		e := emulate(t, "", options...)
		t.Cleanup(e.Close)
		t.Cleanup(func() { assert.Empty(t, e.Conversations(""), "left behind") })
		var server http.Handler = e
		if b.api != nil {
			server = b.api(server)
		}
		if b.receiver != nil {
			receiver = b.receiver(receiver)
		}
		e.Webhooks(receiver)
		return WebhookServer{Origin: origin, Direct: true, Settle: e.Settle, Activity: e.Touch, Advance: e.Advance, Transport: inProcess{server}}, nil
	}
}

// All rules hold against the emulator, in the default service and in another, if their needs are
// met.
func TestEmulatorHolds(t *testing.T) {
	t.Parallel()
	for name, service := range map[string]string{"default service": "", "other service": otherService} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			optional := map[string]bool{}
			for _, rule := range Rules() {
				optional[rule.Option] = true
			}
			for option := range optional {
				synctest.Test(t, func(t *testing.T) {
					e := emulate(t, option)
					options := against(e, e)
					options.Webhooks = hooks(t, hookBreakage{})
					s, err := newSession(t.Context(), target(service), options)
					require.NoError(t, err)
					for _, rule := range Rules() {
						if rule.Option != option || rule.Needs&NeedsService != 0 && service == "" {
							continue
						}
						result := s.judge(rule)
						assert.Equal(t, Holds, result.Outcome, "%s: %s", rule.ID, result.Detail)
					}
					assert.Zero(t, s.cleanUp())
					assert.Empty(t, e.Conversations(""), "left behind")
				})
			}
		})
	}
}
