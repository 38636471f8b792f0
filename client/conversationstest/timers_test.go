package conversationstest

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// many is how many timers are due at once in the tests. It is several batches, so that some are
// left.
const many = 4*maxFired + 7

// seedMany seeds conversations in two services whose timers are due one after another, an hour from
// now.
func seedMany(t *testing.T, s *Server) (sids []string) {
	t.Helper()
	now := time.Now()
	conversations := make([]Conversation, many)
	for i := range conversations {
		due := now.Add(time.Hour + time.Duration(i)*time.Millisecond)
		conversations[i] = Conversation{UniqueName: fmt.Sprint(i), DateCreated: now.Add(time.Duration(-i) * time.Second), DateInactive: due, DateClosed: due.Add(time.Hour)}
		if i%2 == 1 {
			conversations[i].ServiceSID = testService
		}
	}
	return seed(t, s, conversations...)
}

func (e *Emulator) countDue() (n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := toInstant(e.now())
	e.due.Ascend(func(c *conversation) bool {
		if c.isDue(now) {
			n++
		}
		return c.isDue(now)
	})
	return n
}

// A read fires one batch of timers and sees the effect of the rest.
func TestReadsDoNotWaitForTimers(t *testing.T) {
	t.Parallel()
	s := Start(t, InMemory())
	sids := seedMany(t, s)
	s.Advance(90 * time.Minute)
	require.Equal(t, many, s.countDue())

	last := get(t, s, "/v1/Conversations/"+sids[many-1])
	assert.Equal(t, many-maxFired, s.countDue(), "one batch")
	assert.Equal(t, "inactive", last.body["state"])
	assert.NotEqual(t, last.body["date_created"], last.body["date_updated"])

	page := get(t, s, "/v1/Conversations?State=inactive&PageSize=100")
	assert.Equal(t, many-2*maxFired, s.countDue())
	assert.Len(t, page.items(), 100)
	assert.Equal(t, "198", page.names()[99])
	for _, item := range page.items() {
		assert.Equal(t, "inactive", item.(map[string]any)["state"])
	}
	assert.Contains(t, page.meta()["next_page_url"], "PageToken=PTinactive_")
	assert.Empty(t, get(t, s, "/v1/Conversations?State=active").items())

	s.Advance(time.Hour)
	assert.Equal(t, many, s.countDue())
	assert.Equal(t, "closed", get(t, s, "/v1/Conversations/"+sids[many-1]).body["state"])
	assert.Len(t, get(t, s, "/v1/Conversations?State=closed").items(), 50)
	for _, c := range s.Conversations("") {
		assert.Equal(t, "closed", c.State)
		assert.Equal(t, c.DateClosed, c.DateUpdated)
	}
}

// A change finds the conversation as its timers left it, even if many other timers are due.
func TestChangesSettleTheirConversation(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(t *testing.T, s *Server, sid string){
		"update": func(t *testing.T, s *Server, sid string) {
			assert.Equal(t, "inactive", post(t, s, "/v1/Conversations/"+sid, "FriendlyName", "x").body["state"])
		},
		"delete": func(t *testing.T, s *Server, sid string) {
			assert.Equal(t, 204, do(t, s, http.MethodDelete, "/v1/Conversations/"+sid, nil).StatusCode)
			assert.Equal(t, 404, get(t, s, "/v1/Conversations/"+sid).StatusCode)
		},
		"touch": func(t *testing.T, s *Server, sid string) {
			require.NoError(t, s.Touch(sid))
			r := get(t, s, "/v1/Conversations/"+sid)
			assert.Equal(t, "active", r.body["state"])
			assert.NotEqual(t, r.body["date_created"], r.body["date_updated"])
		},
		"too late": func(t *testing.T, s *Server, sid string) {
			s.Advance(time.Hour)
			assert.Equal(t, 50377, post(t, s, "/v1/Conversations/"+sid, "FriendlyName", "x").code())
			assert.ErrorIs(t, s.Touch(sid), errClosed)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := Start(t, InMemory())
			sids := seedMany(t, s)
			s.Advance(90 * time.Minute)
			change(t, s, sids[many-1])
			assert.Greater(t, s.countDue(), many-3*maxFired, "the others are not waited for")
			for s.countDue() > 0 {
				get(t, s, "/v1/Conversations")
			}
			for _, c := range s.Conversations(testService) {
				assert.Contains(t, []string{"inactive", "closed"}, c.State)
			}
			s.Reset()
			assert.Zero(t, s.countDue())
		})
	}
}

// A request fires one batch of timers, the earliest first.
func TestFireOneBatch(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, maxFired - 1, maxFired, maxFired + 1} {
		s := Start(t, InMemory())
		past := make([]Conversation, n)
		for i := range past {
			past[i].DateInactive = time.Now().Add(-time.Hour)
		}
		seed(t, s, append(past, Conversation{DateClosed: time.Now().Add(time.Hour)})...)
		s.mu.Lock()
		now := toInstant(s.now())
		assert.Equal(t, n == 0, s.settled(now), n)
		s.fire(now)
		assert.Equal(t, n <= maxFired, s.settled(now), n)
		s.mu.Unlock()
	}
}

// Timers fire in the order in which they are due, in whichever service.
func TestTimersFireInOrder(t *testing.T) {
	t.Parallel()
	s := Start(t, InMemory())
	seedMany(t, s)
	s.Advance(90 * time.Minute)
	s.mu.Lock()
	defer s.mu.Unlock()
	now := toInstant(s.now())
	var seen []instant
	for range many {
		c, _ := s.due.Min()
		at, _ := c.due()
		seen = append(seen, at)
		stores := 0
		for _, st := range s.stores {
			if st.bySID[c.sid] == c {
				stores++
			}
		}
		require.Equal(t, 1, stores)
		s.fireOne(c)
	}
	assert.True(t, slices.IsSorted(seen))
	assert.True(t, s.settled(now))
}

// A page is found in steps, between which other requests can run. The result is the same page.
func TestLongWalks(t *testing.T) {
	t.Parallel()
	s := Start(t, InMemory(), WithMaxPageSize(1000))
	conversations := make([]Conversation, 2*maxVisited+many)
	now := time.Now()
	for i := range conversations {
		c := &conversations[i]
		c.UniqueName = fmt.Sprint(i)
		c.DateCreated = now.Add(time.Duration(-i) * time.Second)
		if i >= maxFired && i < len(conversations)-3 {
			c.DateInactive = now.Add(-time.Hour) // due, and not wanted
		}
	}
	seed(t, s, conversations...)
	r := get(t, s, fmt.Sprintf("/v1/Conversations?State=active&PageSize=%d", maxFired+1))
	assert.Equal(t, fmt.Sprint(len(conversations)-3), r.names()[maxFired])
	assert.Len(t, r.names(), maxFired+1)
	last := get(t, s, r.meta()["next_page_url"].(string))
	assert.Equal(t, []string{fmt.Sprint(len(conversations) - 2), fmt.Sprint(len(conversations) - 1)}, last.names())
	assert.Equal(t, r.meta()["url"], last.meta()["previous_page_url"])
	assert.Len(t, s.Conversations(""), len(conversations))
}

func TestTouch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := Start(t, InMemory())
		sid := post(t, s, "/v1/Conversations", "Timers.Inactive", "PT2M", "Timers.Closed", "PT20M").body["sid"].(string)
		time.Sleep(time.Minute)
		require.NoError(t, s.Touch(sid))
		r := get(t, s, "/v1/Conversations/"+sid)
		assert.Equal(t, map[string]any{"date_inactive": at(3 * time.Minute), "date_closed": at(21 * time.Minute)}, r.body["timers"])
		assert.Equal(t, at(0), r.body["date_updated"], "nothing of the conversation itself changed")

		time.Sleep(10 * time.Minute)
		assert.Equal(t, "inactive", get(t, s, "/v1/Conversations/"+sid).body["state"])
		require.NoError(t, s.Touch(sid))
		r = get(t, s, "/v1/Conversations/"+sid)
		assert.Equal(t, "active", r.body["state"])
		assert.Equal(t, at(11*time.Minute), r.body["date_updated"])
		assert.Equal(t, map[string]any{"date_inactive": at(13 * time.Minute), "date_closed": at(31 * time.Minute)}, r.body["timers"])
		assert.Len(t, get(t, s, "/v1/Conversations?State=active").items(), 1)
		assert.Empty(t, get(t, s, "/v1/Conversations?State=inactive").items())

		time.Sleep(time.Hour)
		assert.ErrorIs(t, s.Touch(sid), errClosed)
		assert.Error(t, s.Touch("CH00000000000000000000000000000000"))
		assert.Error(t, s.Touch(""))
		i := seed(t, s, Conversation{State: "initializing", ServiceSID: testService})[0]
		require.NoError(t, s.Touch(i))
		assert.Equal(t, "initializing", s.Conversations(testService)[0].State)
	})
}

func TestDefaultTimers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		account := Account{SID: DefaultAccountSID, AuthToken: DefaultAuthToken, DefaultInactiveTimer: time.Minute, DefaultClosedTimer: time.Hour}
		s := Start(t, InMemory(), WithAccounts(account))
		for want, fields := range map[[2]time.Duration][]string{
			{time.Minute, time.Hour}:     nil,
			{2 * time.Minute, time.Hour}: {"Timers.Inactive", "PT2M"},
			{time.Minute, 0}:             {"Timers.Closed", "PT0S"},
			{0, 0}:                       {"Timers.Inactive", "PT0S", "Timers.Closed", "PT0S"},
		} {
			timers := map[string]any{}
			if want[0] != 0 {
				timers["date_inactive"] = at(want[0])
			}
			if want[1] != 0 {
				timers["date_closed"] = at(want[1])
			}
			r := post(t, s, "/v1/Conversations", fields...)
			assert.Equal(t, timers, r.body["timers"], fields)
		}
		seed(t, s, Conversation{UniqueName: "seeded"})
		assert.Empty(t, get(t, s, "/v1/Conversations/seeded").body["timers"])
		assert.Empty(t, post(t, s, "/v1/Conversations/seeded", "FriendlyName", "x").body["timers"])
	})
}
