package conversationstest

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestStateMachine(t *testing.T) {
	t.Parallel()
	s := Start(t, InMemory())
	assert.Equal(t, 50384, post(t, s, "/v1/Conversations", "State", "closed").code())
	assert.Empty(t, s.Conversations(""))

	assert.Equal(t, "inactive", post(t, s, "/v1/Conversations", "UniqueName", "a", "State", "inactive").body["state"])
	for _, state := range []string{"active", "inactive", "inactive", "active", "closed"} {
		assert.Equal(t, state, post(t, s, "/v1/Conversations/a", "State", state).body["state"])
	}
	for _, field := range [][]string{{"State", "active"}, {"State", "closed"}, {"FriendlyName", "x"}, {}} {
		r := post(t, s, "/v1/Conversations/a", field...)
		assert.Equal(t, 400, r.StatusCode)
		assert.JSONEq(t, `{"code": 50377, "message": "Can't update conversation as it's in final closed state",
			"more_info": "https://www.twilio.com/docs/errors/50377", "status": 400}`, r.text)
	}
	assert.Equal(t, "closed", get(t, s, "/v1/Conversations/a").body["state"])
	assert.Equal(t, []string{"a"}, get(t, s, "/v1/Conversations?State=closed").names())
	assert.Empty(t, get(t, s, "/v1/Conversations?State=active").items())
	assert.Equal(t, 204, do(t, s, http.MethodDelete, "/v1/Conversations/a", nil).StatusCode)

	seed(t, s, Conversation{UniqueName: "i", State: "initializing"})
	assert.Equal(t, "initializing", get(t, s, "/v1/Conversations/i").body["state"])
	r := post(t, s, "/v1/Conversations/i", "State", "active")
	assert.Equal(t, 409, r.StatusCode)
	assert.Equal(t, 20409, r.code())
}

// at returns a time of a bubble, whose clock begins at midnight UTC on 2000-01-01.
func at(d time.Duration) string {
	return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Add(d).Format(time.RFC3339)
}

func TestTimers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := Start(t, InMemory())
		r := post(t, s, "/v1/Conversations", "UniqueName", "a", "Timers.Inactive", "PT1M", "Timers.Closed", "PT10M")
		assert.Equal(t, map[string]any{"date_inactive": at(time.Minute), "date_closed": at(10 * time.Minute)}, r.body["timers"])
		post(t, s, "/v1/Conversations", "UniqueName", "b", "Timers.Closed", "PT10M")

		time.Sleep(time.Minute - time.Millisecond)
		assert.Equal(t, "active", get(t, s, "/v1/Conversations/a").body["state"])
		time.Sleep(10 * time.Second)
		r = get(t, s, "/v1/Conversations/a")
		assert.Equal(t, "inactive", r.body["state"])
		assert.Equal(t, at(time.Minute), r.body["date_updated"], "when it fired, not when it was looked at")
		assert.Equal(t, map[string]any{"date_inactive": at(time.Minute), "date_closed": at(10 * time.Minute)}, r.body["timers"])
		assert.Equal(t, []string{"b"}, get(t, s, "/v1/Conversations?State=active").names())
		assert.Equal(t, []string{"a"}, get(t, s, "/v1/Conversations?State=inactive").names())

		s.Advance(9 * time.Minute)
		for _, name := range []string{"a", "b"} {
			r = get(t, s, "/v1/Conversations/"+name)
			assert.Equal(t, "closed", r.body["state"])
			assert.Equal(t, at(10*time.Minute), r.body["date_updated"])
		}
		assert.Equal(t, 50377, post(t, s, "/v1/Conversations/b", "State", "active").code())
	})
}

func TestUpdatesRestartTimers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := Start(t, InMemory())
		post(t, s, "/v1/Conversations", "UniqueName", "a", "Timers.Inactive", "PT2M", "Timers.Closed", "PT20M")
		time.Sleep(time.Minute)
		r := post(t, s, "/v1/Conversations/a", "FriendlyName", "A")
		assert.Equal(t, map[string]any{"date_inactive": at(3 * time.Minute), "date_closed": at(21 * time.Minute)}, r.body["timers"])
		r = post(t, s, "/v1/Conversations/a")
		assert.Equal(t, at(3*time.Minute), r.body["timers"].(map[string]any)["date_inactive"])

		time.Sleep(2 * time.Minute)
		assert.Equal(t, "inactive", get(t, s, "/v1/Conversations/a").body["state"])
		r = post(t, s, "/v1/Conversations/a", "State", "active", "Timers.Closed", "PT0S")
		assert.Equal(t, map[string]any{"date_inactive": at(5 * time.Minute)}, r.body["timers"])
		time.Sleep(2 * time.Minute)
		assert.Equal(t, "inactive", get(t, s, "/v1/Conversations/a").body["state"])
		assert.Equal(t, map[string]any{}, post(t, s, "/v1/Conversations/a", "Timers.Inactive", "PT0S").body["timers"])
		time.Sleep(1000 * time.Hour)
		assert.Equal(t, "inactive", get(t, s, "/v1/Conversations/a").body["state"])
	})
}

func TestDeletedConversationsHaveNoTimers(t *testing.T) {
	t.Parallel()
	s := Start(t, InMemory())
	post(t, s, "/v1/Conversations", "UniqueName", "a", "Timers.Inactive", "PT1M")
	do(t, s, http.MethodDelete, "/v1/Conversations/a", nil)
	s.Advance(time.Hour)
	assert.Empty(t, s.Conversations(""))
	assert.Equal(t, 404, get(t, s, "/v1/Conversations/a").StatusCode)
	assert.Panics(t, func() { s.Advance(-1) })

	for range 2 {
		s.Advance(1<<63 - 1)
	}
	sid := seed(t, s, Conversation{DateUpdated: time.Unix(0, 0), DateClosed: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)})[0]
	assert.Equal(t, "9999-12-31T23:59:59Z", post(t, s, "/v1/Conversations/"+sid, "FriendlyName", "x").body["timers"].(map[string]any)["date_closed"])
}

func TestClosedTimerFirst(t *testing.T) {
	t.Parallel()
	s := Start(t, InMemory())
	for i, inactive := range []string{"PT10M", "PT11M"} {
		name := string(rune('a' + i))
		post(t, s, "/v1/Conversations", "UniqueName", name, "Timers.Inactive", inactive, "Timers.Closed", "PT10M")
	}
	s.Advance(10*time.Minute + 30*time.Second)
	conversations := s.Conversations("")
	require.Len(t, conversations, 2)
	for _, c := range conversations {
		assert.Equal(t, "closed", c.State)
		assert.Equal(t, c.DateClosed, c.DateUpdated)
	}
}

// Many timers, some of which move, fire in order and leave the others unchanged.
func TestManyTimers(t *testing.T) {
	t.Parallel()
	s := Start(t, InMemory())
	now := time.Now()
	var conversations []Conversation
	for i := range 1000 {
		conversations = append(conversations, Conversation{DateInactive: now.Add(time.Duration(i+1) * time.Hour)})
	}
	sids := seed(t, s, conversations...)
	post(t, s, "/v1/Conversations/"+sids[0], "Timers.Inactive", "P1000D")
	s.Advance(500*time.Hour + time.Minute)
	count := map[string]int{}
	for _, c := range s.Conversations("") {
		count[c.State]++
	}
	assert.Equal(t, map[string]int{"inactive": 499, "active": 501}, count)
}
