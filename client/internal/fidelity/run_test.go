package fidelity

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/client/conversationstest"
)

// transport is a server as a run sees it.
type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

// A run leaves nothing behind, creates at most as many conversations as it says, and touches no
// others.
func TestRun(t *testing.T) {
	t.Parallel()
	for _, service := range []string{"", otherService} {
		synctest.Test(t, func(t *testing.T) {
			e := emulate(t, "Lenient")
			_, err := e.Seed(conversationstest.Conversation{UniqueName: "mine", ServiceSID: service, Attributes: `{"a":1}`})
			require.NoError(t, err)
			before := e.Conversations(service)
			var done []string
			options := against(e, e)
			options.Burst = false
			options.Webhooks = hooks(t, hookBreakage{})
			options.Progress = func(_, _ int, id string) { done = append(done, id) }
			report, err := Run(t.Context(), target(service), options)
			require.NoError(t, err)
			assert.Zero(t, report.Left)
			assert.Greater(t, report.Created, MaxCreates/2)
			assert.LessOrEqual(t, report.Created, MaxCreates)
			assert.Equal(t, before, e.Conversations(service))
			assert.Len(t, done, len(Rules())+1)
			assert.Len(t, report.Results, len(Rules()))
			assert.Equal(t, len(Rules()), report.Count(Holds)+report.Count(Differs)+report.Count(Unknown))
			for _, r := range e.Requests() {
				assert.NotContains(t, r.Path, "mine")
			}
			if service != "" {
				assert.Empty(t, e.Conversations(""))
			}
		})
	}
}

func TestOnly(t *testing.T) {
	t.Parallel()
	e := emulate(t, "")
	options := against(e, e)
	options.Only = regexp.MustCompile(`^delete(\.gone)?$`)
	report, err := Run(t.Context(), target(""), options)
	require.NoError(t, err)
	assert.Equal(t, 2, report.Count(Holds, Documented))
	assert.Len(t, report.Results, 2)
}

// An interrupted run still deletes what it created, including conversations that it does not know
// to exist.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	e := emulate(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	creates := 0
	options := against(e, e)
	options.Transport = transport(func(r *http.Request) (*http.Response, error) {
		res, err := inProcess{e}.RoundTrip(r)
		if r.Method == http.MethodPost && !single(r) {
			if creates++; creates > 8 {
				cancel()
				return nil, context.Canceled // performed, but the response is lost
			}
		}
		if ctx.Err() != nil && r.Context().Err() != nil {
			return nil, r.Context().Err()
		}
		return res, err
	})
	report, err := Run(ctx, target(""), options)
	require.NoError(t, err)
	assert.Zero(t, report.Left)
	assert.Empty(t, e.Conversations(""))
	assert.Len(t, report.Results, len(Rules()))
	assert.Equal(t, "interrupted", report.Results[len(Rules())-1].Detail)
	assert.Equal(t, Unknown, report.Results[len(Rules())-1].Outcome)
}

// A run looks for a create that may have succeeded: a gateway responded instead, or the response
// was lost, whatever its date. An interrupted run waits for the create in flight, because otherwise
// the delete could come first.
func TestLost(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(*http.Request, *http.Response) (*http.Response, error){
		"503": func(_ *http.Request, res *http.Response) (*http.Response, error) {
			res.StatusCode, res.Body = http.StatusServiceUnavailable, io.NopCloser(strings.NewReader("no healthy upstream"))
			return res, nil
		},
		"no response": func(r *http.Request, _ *http.Response) (*http.Response, error) { return nil, io.ErrUnexpectedEOF },
	} {
		e := emulate(t, "")
		options := against(e, e)
		ctx, cancel := context.WithCancel(t.Context())
		options.Transport = transport(func(r *http.Request) (*http.Response, error) {
			create := r.Method == http.MethodPost && !single(r)
			if create && len(e.Conversations("")) > 20 {
				cancel()
				assert.NoError(t, r.Context().Err(), "a create is not cancelled")
			}
			res, err := inProcess{e}.RoundTrip(r)
			if create && err == nil && res.StatusCode == http.StatusCreated {
				return lose(r, res)
			}
			return res, err
		})
		report, err := Run(ctx, target(""), options)
		cancel()
		require.NoError(t, err)
		assert.Greater(t, report.Created, 20, name)
		assert.Zero(t, report.Left, name)
		assert.Empty(t, e.Conversations(""), name)
	}
}

// Conversations that cannot be deleted are counted.
func TestLeft(t *testing.T) {
	t.Parallel()
	e := emulate(t, "")
	options := against(status("DELETE", 204, 500)(keepsDeleted(e)), e)
	options.Only = regexp.MustCompile(`^create$`)
	report, err := Run(t.Context(), target(""), options)
	require.NoError(t, err)
	assert.Equal(t, 1, report.Left)
	assert.Len(t, e.Conversations(""), 1)
	assert.Contains(t, e.Conversations("")[0].FriendlyName, report.Prefix)
}

// Nothing is created if the server cannot be reached, or refuses the credentials or the list.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	e := emulate(t, "")
	for want, tc := range map[string]struct {
		target  Target
		handler http.Handler
	}{
		"the server refuses the credentials":                                          {Target{BaseURL: "http://127.0.0.1:4010", Username: "AC1", Password: "x"}, e},
		"the server refuses to list conversations: 502 with a body that is no object": {target(""), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "bad gateway", http.StatusBadGateway) })},
		"the base URL must be http://host or https://host":                            {Target{BaseURL: "conversations.twilio.com"}, e},
	} {
		_, err := Run(t.Context(), tc.target, against(tc.handler, e))
		assert.EqualError(t, err, want)
	}
	options := against(e, e)
	options.Transport = transport(func(*http.Request) (*http.Response, error) { return nil, http.ErrServerClosed })
	_, err := Run(t.Context(), target(""), options)
	assert.EqualError(t, err, "no response: http: Server closed")
	assert.Empty(t, e.Conversations(""))
}

// Writes are spaced, and a write refused with 429 is retried.
func TestPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := emulate(t, "")
		var writes []time.Time
		options := against(e, e)
		options.Advance, options.Burst = nil, false
		options.WriteInterval = 100 * time.Millisecond
		limited := 2
		options.Transport = transport(func(r *http.Request) (*http.Response, error) {
			if r.Method != http.MethodGet {
				writes = append(writes, time.Now())
				if limited > 0 {
					limited--
					return &http.Response{StatusCode: 429, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
				}
			}
			return inProcess{e}.RoundTrip(r)
		})
		report, err := Run(t.Context(), target(""), options)
		require.NoError(t, err)
		assert.Zero(t, report.Left)
		assert.Greater(t, len(writes), 100)
		assert.Equal(t, time.Second, writes[1].Sub(writes[0]))
		assert.Equal(t, 2*time.Second, writes[2].Sub(writes[1]))
		for i := 1; i < len(writes); i++ {
			assert.GreaterOrEqual(t, writes[i].Sub(writes[i-1]), 100*time.Millisecond)
		}
	})
}

// With Slow, the run waits for timers; without, rules about them are unknown.
func TestSlow(t *testing.T) {
	t.Parallel()
	for _, slow := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			e := emulate(t, "")
			options := against(e, e)
			options.Advance, options.Slow = nil, slow
			options.Only = regexp.MustCompile(`^timer\.`)
			start := time.Now()
			report, err := Run(t.Context(), target(""), options)
			require.NoError(t, err)
			if slow {
				assert.Equal(t, len(report.Results), report.Count(Holds), "%v", report.Results)
				assert.InDelta(t, 10, time.Since(start).Minutes(), 0.5)
				return
			}
			assert.NotZero(t, report.Count(Unknown))
			assert.Less(t, time.Since(start), time.Minute)
		})
	}
}

// The credentials are sent only to the server under probe, whatever it responds, and no report has
// them.
func TestCredentialsStay(t *testing.T) {
	t.Parallel()
	e := emulate(t, "")
	requests := 0
	broken := list(func(x *exchange, meta object) {
		for _, name := range []string{"next_page_url", "first_page_url"} {
			if u, ok := meta[name].(string); ok {
				meta[name] = strings.Replace(u, "http://127.0.0.1:4010", "http://elsewhere.example", 1)
			}
		}
	})(failure("message", "You are "+conversationstest.DefaultAccountSID+" with "+conversationstest.DefaultAuthToken)(e))
	options := against(broken, e)
	options.Transport = transport(func(r *http.Request) (*http.Response, error) {
		requests++
		assert.Equal(t, "127.0.0.1:4010", r.URL.Host)
		if strings.HasSuffix(r.URL.Path, "/Conversation") {
			return &http.Response{StatusCode: 302, Header: http.Header{"Location": {"http://elsewhere.example/"}}, Body: http.NoBody, Request: r}, nil
		}
		return inProcess{broken}.RoundTrip(r)
	})
	report, err := Run(t.Context(), target(""), options)
	require.NoError(t, err)
	assert.Greater(t, requests, 200)
	assert.Greater(t, report.Count(Differs), 20)
	text, err := json.Marshal(report)
	require.NoError(t, err)
	for _, secret := range []string{conversationstest.DefaultAccountSID, conversationstest.DefaultAuthToken, "wrong"} {
		assert.NotContains(t, strings.ReplaceAll(string(text), "wrong password", ""), secret)
	}
}

// A server may respond with anything at all without causing a panic.
func TestStrangeServers(t *testing.T) {
	t.Parallel()
	e := emulate(t, "")
	for _, body := range []string{``, `null`, `[]`, `{}`, `"x"`, `{"sid":1,"meta":[],"conversations":{}}`, `{"sid":"CH1","meta":{"next_page_url":"::"},"conversations":[1,null,{}]}`} {
		for _, code := range []int{200, 201, 204, 400} {
			calls := 0
			strange := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if calls++; calls == 1 { // or the run would not begin
					return
				}
				w.WriteHeader(code)
				_, _ = w.Write([]byte(body))
			})
			options := against(strange, e)
			options.Webhooks = func(_ WebhookSettings, receiver http.Handler) (WebhookServer, error) {
				return WebhookServer{Advance: e.Advance, Settle: func() {
					receiver.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body)))
				}}, nil
			}
			report, err := Run(t.Context(), target(otherService), options)
			require.NoError(t, err)
			assert.Greater(t, report.Count(Differs)+report.Count(Unknown), len(Rules())/2, "%d %s", code, body)
		}
	}
}

// The checks share no code with the client or the emulator.
func TestIndependent(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	require.NoError(t, err)
	for _, path := range strings.Fields(string(out)) {
		if strings.Contains(strings.SplitN(path, "/", 2)[0], ".") {
			assert.True(t, strings.HasSuffix(path, "/client/internal/fidelity"), path)
		}
	}
}

// No rule of webhooks is found to hold for a server that should deliver webhooks but does not.
func TestNoWebhookArrives(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := emulate(t, "")
		options := against(e, e)
		options.Webhooks = hooks(t, hookBreakage{receiver: func(http.Handler) http.Handler {
			return http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
		}})
		options.Only = regexp.MustCompile(`^webhook\.`)
		report, err := Run(t.Context(), target(""), options)
		require.NoError(t, err)
		assert.Zero(t, report.Count(Holds), "%v", report.Results)
		assert.Zero(t, report.Left)
	})
}

func TestShow(t *testing.T) {
	t.Parallel()
	for want, value := range map[string]any{
		`null`:                                nil,
		`2`:                                   2.0,
		`"a\nb"`:                              "a\nb",
		`"CH… and AC…"`:                       nowhere + " and " + conversationstest.DefaultAccountSID,
		`{"a":[1]}`:                           object{"a": []int{1}},
		`"` + strings.Repeat("é", 120) + `…"`: strings.Repeat("é", 200),
	} {
		assert.Equal(t, want, show(value))
	}
}
