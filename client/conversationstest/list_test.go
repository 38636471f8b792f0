package conversationstest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// walk follows the named member of the page URLs until there is none.
func walk(t testing.TB, s *Server, target, member string) (pages [][]string) {
	t.Helper()
	for range 1000 {
		r := get(t, s, target)
		require.Equal(t, 200, r.StatusCode, r.text)
		require.Equal(t, target, r.meta()["url"])
		pages = append(pages, r.names())
		next, ok := r.meta()[member].(string)
		if !ok {
			return pages
		}
		target = next
	}
	require.Fail(t, "the list has no end")
	return nil
}

// In a bubble, all are created in one millisecond.
func TestPagesOf130(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := Start(t, InMemory())
		var newestFirst []string
		for i := range 130 {
			name := fmt.Sprint(i)
			post(t, s, "/v1/Conversations", "UniqueName", name)
			newestFirst = slices.Insert(newestFirst, 0, name)
		}
		first := s.URL + "/v1/Conversations?PageSize=50&Page=0"
		pages := walk(t, s, first, "next_page_url")
		assert.Len(t, pages, 3)
		assert.Equal(t, newestFirst, slices.Concat(pages...))

		second := get(t, s, get(t, s, first).meta()["next_page_url"].(string)).meta()
		assert.EqualValues(t, 1, second["page"])
		assert.EqualValues(t, 50, second["page_size"])
		assert.Equal(t, "conversations", second["key"])
		assert.Equal(t, first, second["first_page_url"])
		assert.Equal(t, first, second["previous_page_url"])
		assert.Regexp(t, `/v1/Conversations\?PageSize=50&Page=2&PageToken=PTactive_2000-01-01T00:00:00\.000Z_CH[0-9a-f]{32}$`, second["next_page_url"])

		third := get(t, s, second["next_page_url"].(string)).meta()
		assert.Nil(t, third["next_page_url"])
		assert.Equal(t, second["url"], third["previous_page_url"])
		back := walk(t, s, third["url"].(string), "previous_page_url")
		slices.Reverse(back)
		assert.Equal(t, pages, back)
	})
}

func TestFiltersCombineAndSurvive(t *testing.T) {
	t.Parallel()
	s := Start(t, InMemory())
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	var conversations []Conversation
	for i := range 90 {
		conversations = append(conversations, Conversation{
			UniqueName: fmt.Sprint(i), DateCreated: day.AddDate(0, 0, i), State: []string{"active", "inactive", "closed"}[i%3],
		})
	}
	seed(t, s, conversations...)
	var want []string
	for i := 61; i >= 31; i-- {
		if i%3 == 2 {
			want = append(want, fmt.Sprint(i))
		}
	}
	filters := "StartDate=2026-04-01&EndDate=2026-05-01T00:00:00Z&State=closed&"
	pages := walk(t, s, s.URL+"/v1/Conversations?"+filters+"PageSize=4&Page=0", "next_page_url")
	assert.Equal(t, want, slices.Concat(pages...))
	assert.Len(t, pages, 3)
	first := get(t, s, "/v1/Conversations?"+filters+"PageSize=4").meta()
	second := get(t, s, first["next_page_url"].(string)).meta()
	assert.Equal(t, first["url"], second["previous_page_url"])

	meta := get(t, s, "/v1/Conversations?PageSize=4&State=closed&EndDate=2026-05-01T02:00%2B02:00").meta()
	assert.Equal(t, s.URL+"/v1/Conversations?EndDate=2026-05-01T02:00%2B02:00&State=closed&PageSize=4&Page=0", meta["url"])
	assert.Contains(t, meta["next_page_url"], "&PageToken=PTclosed_2026-")

	service := "/v1/Services/" + testService + "/Conversations"
	assert.Equal(t, s.URL+service+"?PageSize=50&Page=0", get(t, s, service).meta()["first_page_url"])
}

func TestDateFiltersAreInclusive(t *testing.T) {
	t.Parallel()
	s := Start(t, InMemory())
	for name, text := range map[string]string{
		"a": "2026-01-01T00:00:00Z", "b": "2026-01-01T12:00:00.500Z", "c": "2026-01-01T23:59:59.999Z", "d": "2026-01-02T00:00:00Z",
	} {
		created, err := time.Parse(time.RFC3339, text)
		require.NoError(t, err)
		seed(t, s, Conversation{UniqueName: name, DateCreated: created})
	}
	for query, want := range map[string]string{
		"StartDate=2026-01-01":                    "dcba",
		"EndDate=2026-01-01":                      "cba",
		"StartDate=2026-01-01&EndDate=2026-01-01": "cba",
		"StartDate=2026-01-02":                    "d",
		"EndDate=2025-12-31":                      "",
		"StartDate=2026-01-01T00:00:00Z":          "dcba",
		"StartDate=2026-01-01T00:00:01Z":          "dcb",
		"EndDate=2026-01-01T12:00:00Z":            "ba",
		"EndDate=2026-01-01T12:00:00":             "ba",
		"EndDate=2026-01-01T12:00Z":               "ba",
		"EndDate=2026-01-01T12:00:00.500Z":        "ba",
		"EndDate=2026-01-01T12:00:00.499Z":        "a",
		"StartDate=2026-01-01T12:00:00.501Z":      "dc",
		"EndDate=2026-01-01T13:00:00%2B01:00":     "ba",
		"StartDate=2026-01-02&EndDate=2026-01-01": "",
		"StartDate=&EndDate=&PageToken=":          "dcba",
	} {
		assert.Equal(t, want, strings.Join(get(t, s, "/v1/Conversations?"+query).names(), ""), query)
	}
}

// The pages around a page follow its filters: no page has conversations outside of them.
func TestPreviousPageWithinTheFilters(t *testing.T) {
	t.Parallel()
	s := Start(t, InMemory())
	day := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for i := range 10 {
		seed(t, s, Conversation{UniqueName: fmt.Sprint(i), DateCreated: day.AddDate(0, 0, i)})
	}
	first := s.URL + "/v1/Conversations?StartDate=2026-01-03&EndDate=2026-01-07&PageSize=2&Page=0"
	pages := walk(t, s, first, "next_page_url")
	assert.Equal(t, [][]string{{"6", "5"}, {"4", "3"}, {"2"}}, pages)
	second := get(t, s, get(t, s, first).meta()["next_page_url"].(string)).meta()
	assert.Equal(t, first, second["previous_page_url"], "the first page needs no token")
	third := get(t, s, second["next_page_url"].(string)).meta()
	assert.Equal(t, second["url"], third["previous_page_url"])
	assert.Nil(t, third["next_page_url"])

	// The token of another list lies outside the filters.
	token := strings.SplitAfter(get(t, s, "/v1/Conversations?PageSize=1").meta()["next_page_url"].(string), "PageToken=")[1]
	assert.Equal(t, []string{"6", "5"}, get(t, s, first+"&PageToken="+token).names())
	assert.Equal(t, first, get(t, s, first+"&PageToken="+token).meta()["previous_page_url"])
}

func TestListParametersThatAreRefused(t *testing.T) {
	t.Parallel()
	s := Start(t, InMemory())
	for query, code := range map[string]int{
		"StartDate=yesterday": 20001, "EndDate=2026-02-30": 20001, "State=open": 20001,
		"PageSize=0": 20001, "PageSize=-1": 20001, "PageSize=x": 20001, fmt.Sprint("PageSize=", largestPageSize()+1): 20007,
		"State=": 20001, "PageSize=": 20001, "PageSize=007": 20001, "Page=": 20001, "Page=-1": 20001, "Page=x": 20001, "Page=99999999999999999999": 20001,
		"PageToken=x": 20001, "PageToken=PTopen_2026-01-01T00:00:00.000Z_CH0123456789abcdef0123456789abcdef": 20001,
		"PageToken=PTactive_2026-01-01T00:00:00.000Z_CH0123": 20001, "PageToken=PTactive_now_CH0123456789abcdef0123456789abcdef": 20001,
	} {
		r := get(t, s, "/v1/Conversations?"+query)
		assert.Equal(t, 400, r.StatusCode, query)
		assert.Equal(t, code, r.code(), query)
	}
}

// Some clients remove the milliseconds. Twilio then responds with an empty page.
func TestTokenWithoutMilliseconds(t *testing.T) {
	t.Parallel()
	s := Start(t, InMemory())
	seed(t, s, Conversation{}, Conversation{})
	next := get(t, s, "/v1/Conversations?PageSize=1").meta()["next_page_url"].(string)
	i := strings.LastIndex(next, ".")
	r := get(t, s, next[:i]+next[i+len(".000"):])
	assert.Equal(t, 200, r.StatusCode)
	assert.Empty(t, r.items())
	assert.Nil(t, r.meta()["next_page_url"])
	assert.Equal(t, s.URL+"/v1/Conversations?PageSize=1&Page=0", r.meta()["previous_page_url"])
}

func TestPageSizes(t *testing.T) {
	t.Parallel()
	for limit, opts := range map[int][]Option{100: nil, largestPageSize(): {WithMaxPageSize(largestPageSize())}, 7: {WithMaxPageSize(7)}} {
		s := Start(t, append(opts, InMemory())...)
		seed(t, s, make([]Conversation, limit+1)...)
		r := get(t, s, fmt.Sprint("/v1/Conversations?PageSize=", largestPageSize()))
		assert.Len(t, r.items(), limit, "at most %d", limit)
		assert.EqualValues(t, limit, r.meta()["page_size"])
		assert.Contains(t, r.meta()["next_page_url"], fmt.Sprintf("PageSize=%d&", limit))
		assert.Len(t, get(t, s, "/v1/Conversations?PageSize=6").items(), 6)
		assert.Len(t, get(t, s, "/v1/Conversations").items(), min(50, limit), "the default")
	}
}

// The parameter Page alone is the client's own state.
func TestPageWithoutToken(t *testing.T) {
	t.Parallel()
	s := Start(t, InMemory())
	seed(t, s, make([]Conversation, 5)...)
	first, r := get(t, s, "/v1/Conversations?PageSize=2"), get(t, s, "/v1/Conversations?Page=1&PageSize=2")
	assert.Equal(t, first.items(), r.items())
	assert.EqualValues(t, 1, r.meta()["page"])
	assert.Nil(t, r.meta()["previous_page_url"])
	assert.Contains(t, r.meta()["next_page_url"], "PageSize=2&Page=2&PageToken=PT")
	assert.Equal(t, 200, get(t, s, "/v1/Conversations?Page=1000000000").StatusCode)
}

func TestPagesWhileTheListChanges(t *testing.T) {
	t.Parallel()
	s := Start(t, InMemory())
	var conversations []Conversation
	now := time.Now()
	for i := range 20 {
		conversations = append(conversations, Conversation{UniqueName: fmt.Sprint(i), DateCreated: now.Add(-time.Duration(i) * time.Hour)})
	}
	seed(t, s, conversations...)
	r := get(t, s, "/v1/Conversations?PageSize=10")
	seen := r.names()
	remove := func(name string) {
		assert.Equal(t, 204, do(t, s, http.MethodDelete, "/v1/Conversations/"+url.PathEscape(name), nil).StatusCode)
	}
	remove("9") // where the token points
	remove("0")
	remove("12")
	post(t, s, "/v1/Conversations", "UniqueName", "new")
	seen = append(seen, get(t, s, r.meta()["next_page_url"].(string)).names()...)
	var want []string
	for i := range 20 {
		if i != 12 {
			want = append(want, fmt.Sprint(i))
		}
	}
	assert.Equal(t, want, seen)
}

func TestMovedConversationsAreListedWhereTheyAre(t *testing.T) {
	t.Parallel()
	s := Start(t, InMemory())
	for _, name := range []string{"a", "b", "c"} {
		post(t, s, "/v1/Conversations", "UniqueName", name)
	}
	r := post(t, s, "/v1/Conversations/c", "DateCreated", "2020-01-01T00:00:00Z")
	assert.Equal(t, "2020-01-01T00:00:00Z", r.body["date_created"])
	assert.Equal(t, []string{"b", "a", "c"}, get(t, s, "/v1/Conversations").names())
	assert.Equal(t, []string{"c"}, get(t, s, "/v1/Conversations?EndDate=2020-01-01").names())
}
