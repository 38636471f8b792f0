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

// The checks of package fidelity find every variant. These tests check the consequences of some.

func TestAssumeMistakes(t *testing.T) {
	t.Parallel()
	for _, tc := range [][2]string{{"", ""}, {"timer.restart", ""}, {"timer.restart", "refused"}, {"create", "refused"}} {
		_, err := New(Assume(tc[0], tc[1]))
		assert.ErrorContains(t, err, "no variant")
	}
	e, err := New(Assume("update.nothing", "refused"), Assume("update.nothing", "date-updated"))
	require.NoError(t, err)
	assert.True(t, e.variants.is("update.nothing", "date-updated"), "the last counts")
}

// A list with the oldest first has every conversation once, in whichever direction its pages are
// followed. This includes conversations of one millisecond.
func TestAssumeOldestFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := Start(t, InMemory(), Assume("list.order", "oldest-first"))
		var oldestFirst []string
		for i := range 7 {
			oldestFirst = append(oldestFirst, fmt.Sprint(i))
			seed(t, s, Conversation{UniqueName: fmt.Sprint(i), DateCreated: time.Now().Add(time.Duration(i/3) * time.Second)})
		}
		pages := walk(t, s, s.URL+"/v1/Conversations?PageSize=3&Page=0", "next_page_url")
		assert.Equal(t, oldestFirst, slices.Concat(pages...))
		third := get(t, s, get(t, s, get(t, s, "/v1/Conversations?PageSize=3").meta()["next_page_url"].(string)).meta()["next_page_url"].(string))
		back := walk(t, s, third.meta()["url"].(string), "previous_page_url")
		slices.Reverse(back)
		assert.Equal(t, pages, back)
		assert.Equal(t, "6", get(t, s, "/v1/Conversations?State=active").names()[0])
		assert.Equal(t, "6", get(t, s, "/v1/Conversations?StartDate=1999-01-01").names()[0])
	})
}

// A unique name is freed whatever closes its conversation, and then belongs to the conversation
// that took it.
func TestAssumeFreedNames(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*Server){
		"update": func(s *Server) { post(t, s, "/v1/Conversations/a", "State", "closed") },
		"timer":  func(s *Server) { s.Advance(time.Hour) },
	} {
		s := Start(t, Assume("unique-name.after-close", "freed"))
		first := post(t, s, "/v1/Conversations", "UniqueName", "a", "Timers.Closed", "PT10M").body["sid"].(string)
		assert.Equal(t, 50353, post(t, s, "/v1/Conversations", "UniqueName", "a").code(), name)
		end(s)
		assert.Equal(t, 404, get(t, s, "/v1/Conversations/a").StatusCode, name)
		assert.Equal(t, 201, post(t, s, "/v1/Conversations", "UniqueName", "a").StatusCode, name)
		assert.Equal(t, 204, do(t, s, http.MethodDelete, "/v1/Conversations/"+first, nil).StatusCode, name)
		assert.Equal(t, 200, get(t, s, "/v1/Conversations/a").StatusCode, name)
	}
}

// A timer that is removed when it fires leaves the other timer in place.
func TestAssumeClearedTimers(t *testing.T) {
	t.Parallel()
	s := Start(t, Assume("timer.kept", "cleared"))
	post(t, s, "/v1/Conversations", "Timers.Inactive", "PT1M", "Timers.Closed", "PT10M")
	s.Advance(time.Minute)
	c := s.Conversations("")[0]
	assert.Equal(t, "inactive", c.State)
	assert.Zero(t, c.DateInactive)
	assert.NotZero(t, c.DateClosed)
	s.Advance(9 * time.Minute)
	c = s.Conversations("")[0]
	assert.Equal(t, "closed", c.State)
	assert.Zero(t, c.DateClosed)
}

// Without a token, Page selects the page, and its next page resumes there.
func TestAssumePageOffset(t *testing.T) {
	t.Parallel()
	s := Start(t, Assume("page.alone", "offset"))
	for i := range 5 {
		seed(t, s, Conversation{UniqueName: fmt.Sprint(i)})
	}
	second := get(t, s, "/v1/Conversations?PageSize=2&Page=1")
	assert.Equal(t, []string{"2", "1"}, second.names())
	assert.Equal(t, []string{"0"}, get(t, s, second.meta()["next_page_url"].(string)).names())
	assert.Empty(t, get(t, s, "/v1/Conversations?PageSize=2&Page=9223372036854775807").names())
}
