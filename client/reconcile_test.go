package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/client"
	"github.com/twilio-conversations-go/conversations/client/conversationstest"
)

func TestDeleteIsDoneAfterAnUnclearAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newScript(t, connectionLost, jsonAnswer(404, notFound))
		require.NoError(t, newClient(t, server).Conversations.Delete(t.Context(), theSID))
		server.done()

		// A clear refusal before it does not make a 404 a success.
		server = newScript(t, answer(429, "", ""), jsonAnswer(404, notFound))
		assert.ErrorIs(t, newClient(t, server).Conversations.Delete(t.Context(), "order-1234"), client.ErrNotFound)
		server.done()
	})
}

func TestUnclearCreateIsResolved(t *testing.T) {
	t.Parallel()
	const now = "Sat, 01 Jan 2000 00:00:00 GMT" // the server's clock at the conflict
	params := client.CreateParams{
		UniqueName: new("order-1234"), FriendlyName: new("Order"), Attributes: map[string]int{"n": 1},
		InactiveAfter: new(time.Hour), BindingsEmailName: new("Support"),
	}
	ours := []string{"unique_name", `"order-1234"`, "friendly_name", `"Order"`, "attributes", `"{\"n\": 1}"`,
		"timers", `{"date_inactive":"2000-01-01T01:00:00Z"}`, "bindings", `{"email":{"name":"Support"}}`,
		"date_created", `"2000-01-01T00:00:00Z"`}
	with := func(members ...string) string { return conversation(append(ours[:len(ours):len(ours)], members...)...) }

	for _, tc := range []struct {
		name     string
		params   func(*client.CreateParams)
		date     string
		conflict string
		fetched  step
		ok       bool
		unclear  bool // of the error
	}{
		{name: "ours", fetched: jsonAnswer(200, with()), ok: true},
		{name: "ours, with 50391", conflict: `{"code":50391}`, fetched: jsonAnswer(200, with()), ok: true},
		{name: "being initialized", params: func(p *client.CreateParams) { p.State = new(client.StateActive) },
			fetched: jsonAnswer(200, with("state", `"initializing"`)), ok: true},
		// Only a date before the call tells for certain that it is somebody else's.
		{name: "older", fetched: jsonAnswer(200, with("date_created", `"1999-12-31T23:59:50Z"`, "timers", `{"date_inactive":"2000-01-01T00:59:50Z"}`)), unclear: true},
		{name: "older and different", fetched: jsonAnswer(200, with("date_created", `"1999-12-31T23:59:50Z"`, "date_updated", `"1999-12-31T23:59:50Z"`, "friendly_name", `"Other"`))},
		{name: "older and different, updated since", fetched: jsonAnswer(200, with("date_created", `"1999-12-31T23:59:50Z"`, "friendly_name", `"Other"`)), unclear: true},
		{name: "different and older by one clock", date: "Sat, 01 Jan 2000 00:01:00 GMT", fetched: jsonAnswer(200, with("friendly_name", `"Other"`), "Date", "Sat, 01 Jan 2000 00:01:00 GMT"), unclear: true},
		{name: "ours by one clock", date: "Sat, 01 Jan 2000 00:01:00 GMT", fetched: jsonAnswer(200, with(), "Date", "Sat, 01 Jan 2000 00:01:00 GMT"), unclear: true},
		{name: "older by as much as clocks may differ", fetched: jsonAnswer(200, with("date_created", `"1999-12-31T23:59:58Z"`)), unclear: true},
		{name: "another friendly name", fetched: jsonAnswer(200, with("friendly_name", `"Other"`)), unclear: true},
		{name: "other attributes", fetched: jsonAnswer(200, with("attributes", `"{\"n\": 2}"`)), unclear: true},
		{name: "other digits", params: func(p *client.CreateParams) { p.Attributes = json.RawMessage("12345678901234567890") },
			fetched: jsonAnswer(200, with("attributes", `"12345678901234567891"`)), unclear: true},
		{name: "no timer", fetched: jsonAnswer(200, with("timers", `{}`)), unclear: true},
		{name: "no closing timer", params: func(p *client.CreateParams) { p.ClosedAfter = new(time.Hour) }, fetched: jsonAnswer(200, with()), unclear: true},
		{name: "another messaging service", params: func(p *client.CreateParams) { p.MessagingServiceSID = new("MG00000000000000000000000000000001") },
			fetched: jsonAnswer(200, with("messaging_service_sid", `"MG00000000000000000000000000000002"`)), unclear: true},
		{name: "another date", params: func(p *client.CreateParams) { p.DateUpdated = new(time.Date(1999, 12, 31, 23, 17, 16, 0, time.UTC)) }, fetched: jsonAnswer(200, with()), unclear: true},
		{name: "another sender", fetched: jsonAnswer(200, with("bindings", `{}`)), unclear: true},
		{name: "a friendly name not asked for", params: func(p *client.CreateParams) { p.FriendlyName = nil }, fetched: jsonAnswer(200, with()), unclear: true},
		{name: "attributes not asked for", params: func(p *client.CreateParams) { p.Attributes = nil }, fetched: jsonAnswer(200, with()), unclear: true},
		{name: "a sender not asked for", params: func(p *client.CreateParams) { p.BindingsEmailName = nil }, fetched: jsonAnswer(200, with()), unclear: true},
		{name: "a state not asked for", fetched: jsonAnswer(200, with("state", `"inactive"`)), unclear: true},
		{name: "nothing asked for", params: func(p *client.CreateParams) { *p = client.CreateParams{UniqueName: p.UniqueName} },
			fetched: jsonAnswer(200, conversation("unique_name", `"order-1234"`, "date_created", `"2000-01-01T00:00:00Z"`)), ok: true},
		{name: "no date", fetched: jsonAnswer(200, with("date_created", "null")), unclear: true},
		{name: "no clock", date: "-", fetched: jsonAnswer(200, with(), "Date", ""), unclear: true},
		{name: "a date of its own", params: func(p *client.CreateParams) { p.DateCreated = new(time.Date(1999, 12, 31, 3, 17, 19, 0, time.UTC)) },
			fetched: jsonAnswer(200, with("date_created", `"1999-12-31T03:17:19Z"`, "date_updated", `"2000-01-01T00:00:00Z"`, "timers", `{"date_inactive":"1999-12-31T04:17:19Z"}`)), ok: true},
		{name: "a date of its own, long ago", params: func(p *client.CreateParams) { p.DateCreated = new(time.Date(1999, 12, 31, 3, 17, 19, 0, time.UTC)) },
			fetched: jsonAnswer(200, with("date_created", `"1999-12-31T03:17:19Z"`, "date_updated", `"1999-12-31T03:17:19Z"`, "timers", `{"date_inactive":"1999-12-31T04:17:19Z"}`)), unclear: true},
		{name: "a date of its own, different", params: func(p *client.CreateParams) { p.DateCreated = new(time.Date(1999, 12, 31, 3, 17, 19, 0, time.UTC)) },
			fetched: jsonAnswer(200, with("friendly_name", `"Other"`, "date_created", `"1999-12-31T03:17:19Z"`, "date_updated", `"1999-12-31T03:17:19Z"`)), unclear: true},
		{name: "another timer", fetched: jsonAnswer(200, with("timers", `{"date_inactive":"2000-01-01T02:00:00Z"}`)), unclear: true},
		{name: "cannot be fetched", fetched: jsonAnswer(404, notFound), unclear: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				params := params
				if tc.params != nil {
					tc.params(&params)
				}
				conflict, header := nameTaken, []string{"Date", now}
				if tc.conflict != "" {
					conflict = tc.conflict
				}
				if tc.date == "-" {
					header = []string{"Date", ""}
				}
				server := newScript(t, connectionLost, jsonAnswer(409, conflict, header...), tc.fetched)
				var resp client.Response
				conv, err := newClient(t, server).Conversations.Create(t.Context(), params, client.WithResponse(&resp))
				server.done()
				assert.Equal(t, "/v1/Conversations/order-1234", server.requests[2].URL.Path)
				assert.Equal(t, 2, resp.Attempts, "the lookup is none")
				if tc.ok {
					require.NoError(t, err)
					assert.Equal(t, 200, resp.StatusCode)
					assert.Equal(t, "order-1234", conv.UniqueName)
					return
				}
				assert.ErrorIs(t, err, client.ErrConflict)
				assert.Equal(t, tc.unclear, errors.Is(err, client.ErrMaybeCreated), "%v", err)
				assert.NotErrorIs(t, err, client.ErrNotFound)
				assert.Nil(t, conv)
			})
		})
	}
}

// A lookup that the caller ends says so, and nothing of what it was for.
func TestLookupEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		reason := errors.New("the user of order-1234 went away")
		time.AfterFunc(10*time.Second, func() { cancel(reason) })
		server := newScript(t, connectionLost, jsonAnswer(409, nameTaken), silence)
		_, err := newClient(t, server).Conversations.Create(ctx, client.CreateParams{UniqueName: new("order-1234")})
		server.done()
		assert.ErrorIs(t, err, reason)
		assert.ErrorIs(t, err, context.Canceled)
		assert.ErrorIs(t, err, client.ErrConflict)
		assert.ErrorIs(t, err, client.ErrMaybeCreated)
		assert.ErrorContains(t, err, "context canceled: the user of {UniqueName} went away")

		server = newScript(t, connectionLost, jsonAnswer(409, nameTaken), jsonAnswer(403, "{}"))
		_, err = newClient(t, server).Conversations.Create(t.Context(), client.CreateParams{UniqueName: new("order-1234")})
		assert.ErrorContains(t, err, "looking up what became of it failed: 403 Forbidden")
	})
}

// The clock is read when the conflict begins to arrive, however long the rest takes.
func TestUnclearCreateWithATrickle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newScript(t, connectionLost, func(req *http.Request) (*http.Response, error) {
			resp, err := jsonAnswer(409, nameTaken)(req)
			resp.Body = io.NopCloser(io.MultiReader(pause(20*time.Second), resp.Body))
			return resp, err
		}, jsonAnswer(200, conversation("friendly_name", `"Other"`, "date_created", `"1999-12-31T23:59:49Z"`, "date_updated", `"1999-12-31T23:59:49Z"`), "Date", ""))
		_, err := newClient(t, server).Conversations.Create(t.Context(), client.CreateParams{UniqueName: new("order-1234")})
		assert.ErrorIs(t, err, client.ErrConflict, "it is ten seconds older than the call")
		assert.NotErrorIs(t, err, client.ErrMaybeCreated)
	})
}

// pause is a reader that takes its time and has nothing.
type pause time.Duration

// The age of the conversation is measured from the beginning of the call: a second attempt after
// a timeout of 30 seconds must still know the first one's.
func TestUnclearCreateThatTookLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newScript(t, silence, func(req *http.Request) (*http.Response, error) {
			time.Sleep(2 * time.Second)
			return jsonAnswer(409, nameTaken)(req)
		}, jsonAnswer(200, conversation("date_created", `"2000-01-01T00:00:01Z"`)))
		_, err := newClient(t, server).Conversations.Create(t.Context(), client.CreateParams{UniqueName: new("order-1234")})
		require.NoError(t, err)
		server.done()
	})
}

func TestClearConflictIsAnError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newScript(t, answer(429, "", ""), jsonAnswer(409, nameTaken, "Date", "Sun, 18 Jan 2026 03:17:20 GMT"))
		_, err := newClient(t, server).Conversations.Create(t.Context(), client.CreateParams{UniqueName: new("order-1234")})
		assert.ErrorIs(t, err, client.ErrConflict)
		assert.NotErrorIs(t, err, client.ErrMaybeCreated)
		server.done()
	})
}

func TestUnclearUpdateIsResolved(t *testing.T) {
	t.Parallel()
	closed := func(p client.UpdateParams) client.UpdateParams {
		p.State = new(client.StateClosed)
		return p
	}
	const messaging = "MG00000000000000000000000000000001"
	for name, tc := range map[string]struct {
		params client.UpdateParams
		found  []string // members of the conversation, which is closed if they do not say otherwise
		ok     bool
	}{
		"closed":                     {closed(client.UpdateParams{}), nil, true},
		"not closed":                 {closed(client.UpdateParams{}), []string{"state", `"active"`}, false},
		"nothing else was sent":      {closed(client.UpdateParams{}), []string{"friendly_name", `"Order"`, "attributes", `"{\"n\":1}"`, "bindings", `{"email":{"name":"Support"}}`}, true},
		"no state was sent":          {client.UpdateParams{FriendlyName: new("Order")}, []string{"friendly_name", `"Order"`}, true},
		"the friendly name":          {closed(client.UpdateParams{FriendlyName: new("Order")}), []string{"friendly_name", `"Order"`}, true},
		"another friendly name":      {closed(client.UpdateParams{FriendlyName: new("Order")}), []string{"friendly_name", `"Other"`}, false},
		"a friendly name left as is": {closed(client.UpdateParams{FriendlyName: new("")}), []string{"friendly_name", `"Order"`}, true},
		"the attributes":             {closed(client.UpdateParams{Attributes: map[string]int{"n": 1}}), []string{"attributes", `"{ \"n\": 1 }"`}, true},
		"other attributes":           {closed(client.UpdateParams{Attributes: map[string]int{"n": 1}}), []string{"attributes", `"{\"n\":2}"`}, false},
		"no attributes":              {closed(client.UpdateParams{Attributes: map[string]int{"n": 1}}), []string{"attributes", "null"}, false},
		"empty attributes":           {closed(client.UpdateParams{Attributes: struct{}{}}), []string{"attributes", "null"}, true},
		"another messaging service":  {closed(client.UpdateParams{MessagingServiceSID: new(messaging)}), []string{"messaging_service_sid", `"MG2"`}, false},
		"the messaging service":      {closed(client.UpdateParams{MessagingServiceSID: new(messaging)}), []string{"messaging_service_sid", `"` + messaging + `"`}, true},
		"another address":            {closed(client.UpdateParams{BindingsEmailAddress: new("a@example.com")}), []string{"bindings", `{"email":{"projected_address":"b@example.com"}}`}, false},
		"another sender":             {closed(client.UpdateParams{BindingsEmailName: new("Support")}), []string{"bindings", `{"email":{"name":"Sales"}}`}, false},
		"the timer":                  {closed(client.UpdateParams{ClosedAfter: new(time.Hour)}), []string{"timers", `{"date_closed":"2000-01-01T01:00:02Z"}`}, true},
		"a later timer":              {closed(client.UpdateParams{ClosedAfter: new(time.Hour)}), []string{"timers", `{"date_closed":"2000-01-01T01:00:30Z"}`}, false},
		"an earlier timer":           {closed(client.UpdateParams{InactiveAfter: new(time.Hour)}), []string{"timers", `{"date_inactive":"2000-01-01T00:59:30Z"}`}, false},
		"no timer":                   {closed(client.UpdateParams{InactiveAfter: new(time.Duration(0))}), []string{"timers", `{}`}, true},
		"a timer that was removed":   {closed(client.UpdateParams{InactiveAfter: new(time.Duration(0))}), []string{"timers", `{"date_inactive":"2000-01-01T01:00:00Z"}`}, false},
		"the date":                   {closed(client.UpdateParams{DateUpdated: new(time.Date(2026, 1, 18, 3, 17, 17, 9, time.UTC))}), nil, true},
		"another date":               {closed(client.UpdateParams{DateUpdated: new(time.Date(2026, 1, 18, 3, 17, 18, 0, time.UTC))}), nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				found := conversation(append([]string{"state", `"closed"`}, tc.found...)...)
				server := newScript(t, answer(502, "", ""), jsonAnswer(400, isClosed), jsonAnswer(200, found))
				var resp client.Response
				conv, err := newClient(t, server).Conversations.Update(t.Context(), theSID, tc.params, client.WithResponse(&resp))
				server.done()
				assert.Equal(t, 2, resp.Attempts, "the lookup is none")
				if tc.ok {
					require.NoError(t, err)
					assert.Equal(t, 200, resp.StatusCode)
					assert.Equal(t, client.StateClosed, conv.State)
					return
				}
				assert.ErrorIs(t, err, client.ErrClosed)
				assert.True(t, apiError(t, err).Unclear, "it may have been what was asked, and changed since")
			})
		})
	}
	server := newScript(t, jsonAnswer(400, isClosed))
	_, err := newClient(t, server).Conversations.Update(t.Context(), theSID, client.UpdateParams{State: new(client.StateClosed)})
	assert.ErrorIs(t, err, client.ErrClosed, "a clear refusal")
	server.done()
}

// A conversation that is renamed while the response is lost is found under its new name.
func TestUnclearRenameIsResolved(t *testing.T) {
	t.Parallel()
	renamed := []string{"unique_name", `"new"`, "date_created", `"1999-12-31T23:00:00Z"`, "date_updated", `"2000-01-01T00:00:00Z"`}
	with := func(members ...string) step {
		return jsonAnswer(200, conversation(append(renamed[:len(renamed):len(renamed)], members...)...))
	}
	for name, tc := range map[string]struct {
		holder step // of the new name
		is     error
	}{
		"renamed":                 {with(), nil},
		"nobody":                  {jsonAnswer(404, notFound), client.ErrNotFound},
		"somebody else's, older":  {with("date_updated", `"1999-12-31T23:00:00Z"`), errUnclear},
		"somebody else's, newer":  {with("date_created", `"2000-01-01T00:00:00Z"`), errUnclear},
		"something else was sent": {with("friendly_name", `"Other"`), errUnclear},
		"not known":               {jsonAnswer(403, "{}"), errUnclear},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := newScript(t, connectionLost, jsonAnswer(404, notFound), tc.holder)
				var resp client.Response
				conv, err := newClient(t, server).Conversations.Update(t.Context(), "old",
					client.UpdateParams{UniqueName: new("new"), FriendlyName: new("")}, client.WithResponse(&resp))
				if name == "something else was sent" {
					server = newScript(t, connectionLost, jsonAnswer(404, notFound), tc.holder)
					conv, err = newClient(t, server).Conversations.Update(t.Context(), "old",
						client.UpdateParams{UniqueName: new("new"), FriendlyName: new("Mine")}, client.WithResponse(&resp))
				}
				server.done()
				assert.Equal(t, "/v1/Conversations/new", server.requests[2].URL.Path)
				if tc.is == nil {
					require.NoError(t, err)
					assert.Equal(t, "new", conv.UniqueName)
					assert.Equal(t, 200, resp.StatusCode)
					return
				}
				e := apiError(t, err)
				assert.Nil(t, conv)
				assert.True(t, e.Unclear)
				assert.Equal(t, "updateConversation", e.Operation)
				assert.Equal(t, tc.is == client.ErrNotFound, errors.Is(err, client.ErrNotFound))
				assert.Equal(t, e.Status, resp.StatusCode)
			})
		})
	}
}

var errUnclear = errors.New("unclear")

// Before a change by unique name is repeated, the holder of the name is looked up.
func TestUnclearChangesByNameArePinned(t *testing.T) {
	t.Parallel()
	older, newer := `"1999-12-31T23:00:00Z"`, `"2000-01-01T00:00:05Z"`
	for name, tc := range map[string]struct {
		holder           step
		repeated         bool
		deleted, updated error
	}{
		"the same":                      {jsonAnswer(200, conversation("date_created", older)), true, nil, nil},
		"nobody":                        {jsonAnswer(404, notFound), false, nil, client.ErrNotFound},
		"a successor":                   {jsonAnswer(200, conversation("date_created", newer)), false, nil, errUnclear},
		"of the same second":            {jsonAnswer(200, conversation("date_created", `"2000-01-01T00:00:00Z"`)), false, errUnclear, errUnclear},
		"newer by the local clock only": {jsonAnswer(200, conversation("date_created", newer), "Date", "Sat, 01 Jan 2000 01:00:00 GMT"), false, errUnclear, errUnclear},
		"no clock of the server":        {jsonAnswer(200, conversation("date_created", older), "Date", ""), false, errUnclear, errUnclear},
		"not known":                     {jsonAnswer(403, "{}"), false, errUnclear, errUnclear},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				run := func(verb string, want error) {
					steps := []step{func(req *http.Request) (*http.Response, error) {
						time.Sleep(10 * time.Second) // after which a successor may be so old
						return connectionLost(req)
					}, tc.holder}
					if tc.repeated {
						steps = append(steps, success(verb))
					}
					server := newScript(t, steps...)
					err := verbs[verb](t.Context(), newClient(t, server).Conversations)
					server.done()
					if tc.repeated {
						assert.Equal(t, "/v1/Conversations/"+theSID, server.requests[2].URL.Path)
					}
					if want == nil {
						require.NoError(t, err)
						return
					}
					assert.True(t, apiError(t, err).Unclear)
					assert.Equal(t, want == client.ErrNotFound, errors.Is(err, client.ErrNotFound))
				}
				run("delete", tc.deleted)
			})
			synctest.Test(t, func(t *testing.T) {
				steps := []step{func(req *http.Request) (*http.Response, error) {
					time.Sleep(10 * time.Second)
					return connectionLost(req)
				}, tc.holder}
				if tc.repeated {
					steps = append(steps, success("update"))
				}
				server := newScript(t, steps...)
				err := verbs["update"](t.Context(), newClient(t, server).Conversations)
				server.done()
				if tc.updated == nil {
					require.NoError(t, err)
					return
				}
				assert.True(t, apiError(t, err).Unclear)
				assert.Equal(t, tc.updated == client.ErrNotFound, errors.Is(err, client.ErrNotFound))
			})
		})
	}
}

func TestNamedCreateSurvivesALostAnswer(t *testing.T) {
	t.Parallel()
	afterLostAnswers(t, lostAnswers, func(t *testing.T, lost fault, server *conversationstest.Server, c *client.Client) {
		server.Fail("createConversation", lost)
		params := client.CreateParams{
			UniqueName: new("order-1234"), FriendlyName: new("Order"), Attributes: map[string]int{"n": 1},
			InactiveAfter: new(time.Hour), BindingsEmailAddress: new("a@example.com"),
		}
		conv, err := c.Conversations.Create(t.Context(), params)
		require.NoError(t, err)
		assert.Equal(t, "order-1234", conv.UniqueName)
		assert.Len(t, server.Conversations(""), 1)

		// Somebody else's conversation with that name is never taken for one's own.
		time.Sleep(time.Minute)
		server.Fail("createConversation", lost)
		params.FriendlyName = new("Another order")
		_, err = c.Conversations.Create(t.Context(), params)
		assert.ErrorIs(t, err, client.ErrConflict)
		assert.NotErrorIs(t, err, client.ErrMaybeCreated)
		assert.Len(t, server.Conversations(""), 1)
	})
}

func TestUnnamedCreateIsNeverRepeated(t *testing.T) {
	t.Parallel()
	afterLostAnswers(t, lostAnswers, func(t *testing.T, lost fault, server *conversationstest.Server, c *client.Client) {
		server.Fail("createConversation", lost)
		_, err := c.Conversations.Create(t.Context(), client.CreateParams{FriendlyName: new("Order")})
		assert.ErrorIs(t, err, client.ErrMaybeCreated)
		assert.Len(t, server.Requests(), 1)
		assert.Len(t, server.Conversations(""), 1, "it was, in fact")
	})
}

func TestUpdateSurvivesALostAnswer(t *testing.T) {
	t.Parallel()
	afterLostAnswers(t, lostAnswers, func(t *testing.T, lost fault, server *conversationstest.Server, c *client.Client) {
		conv, err := c.Conversations.Create(t.Context(), client.CreateParams{})
		require.NoError(t, err)
		server.Fail("updateConversation", lost)
		closed, err := c.Conversations.Update(t.Context(), conv.SID, client.UpdateParams{State: new(client.StateClosed), FriendlyName: new("Done")})
		require.NoError(t, err)
		assert.Equal(t, client.StateClosed, closed.State)
		assert.Equal(t, "Done", closed.FriendlyName)

		server.Fail("updateConversation", lost)
		_, err = c.Conversations.Update(t.Context(), conv.SID, client.UpdateParams{FriendlyName: new("Reopened")})
		assert.ErrorIs(t, err, client.ErrClosed)
	})
}

func TestDeleteSurvivesALostAnswer(t *testing.T) {
	t.Parallel()
	ways := maps.Clone(lostAnswers)
	delete(ways, "truncated") // its answer has no body
	afterLostAnswers(t, ways, func(t *testing.T, lost fault, server *conversationstest.Server, c *client.Client) {
		conv, err := c.Conversations.Create(t.Context(), client.CreateParams{})
		require.NoError(t, err)
		server.Fail("deleteConversation", lost)
		require.NoError(t, c.Conversations.Delete(t.Context(), conv.SID))
		assert.Empty(t, server.Conversations(""))
		assert.ErrorIs(t, c.Conversations.Delete(t.Context(), conv.SID), client.ErrNotFound)
	})
}
