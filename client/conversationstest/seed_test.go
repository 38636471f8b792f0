package conversationstest

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSeed(t *testing.T) {
	t.Parallel()
	s := Start(t, InMemory())
	then := time.Date(2020, 1, 2, 3, 4, 5, 6e6, time.UTC)
	full := Conversation{
		AccountSID: DefaultAccountSID, ServiceSID: testService, SID: "CH0123456789abcdef0123456789abcdef",
		FriendlyName: "A", UniqueName: "a", Attributes: `{ "a": 1 }`, State: "closed", MessagingServiceSID: "MG0123456789abcdef0123456789abcdef",
		DateCreated: then, DateUpdated: then.Add(time.Hour), DateInactive: then.Add(2 * time.Hour), DateClosed: then.Add(3 * time.Hour),
		EmailAddress: "a@example.com", EmailName: "A",
	}
	assert.Equal(t, []string{full.SID}, seed(t, s, full))
	assert.Equal(t, []Conversation{full}, s.Conversations(testService))
	assert.Equal(t, "2020-01-02T03:04:05Z", get(t, s, "/v1/Services/"+testService+"/Conversations/a").body["date_created"])

	sids := seed(t, s, Conversation{}, Conversation{})
	got := s.Conversations("")
	require.Len(t, got, 2)
	assert.Equal(t, []string{got[1].SID, got[0].SID}, sids, "newest first")
	assert.Equal(t, "{}", got[0].Attributes)
	assert.Equal(t, "active", got[0].State)
	assert.WithinDuration(t, time.Now(), got[0].DateCreated, time.Minute)

	// A timer that is past fires at once.
	sid := seed(t, s, Conversation{DateInactive: then})[0]
	r := get(t, s, "/v1/Conversations/"+sid)
	assert.Equal(t, "inactive", r.body["state"])
	assert.Equal(t, "2020-01-02T03:04:05Z", r.body["date_updated"])

	for name, c := range map[string]Conversation{
		"account": {AccountSID: "AC1"}, "service": {ServiceSID: "IS1"}, "sid": {SID: "CH1"}, "sid in capitals": {SID: "CH0123456789ABCDEF0123456789ABCDEF"},
		"sid twice": {SID: full.SID, ServiceSID: testService}, "sid in another service": {SID: full.SID},
		"not UTF-8": {FriendlyName: "\xff"}, "email not UTF-8": {EmailName: "\xff"}, "address not UTF-8": {EmailAddress: "\xff"}, "unique name": {UniqueName: strings.Repeat("a", 257)}, "name twice": {UniqueName: "a", ServiceSID: testService},
		"name": {UniqueName: full.SID}, "attributes": {Attributes: "{"}, "state": {State: "open"}, "messaging service": {MessagingServiceSID: "MG1"},
		"friendly name": {FriendlyName: strings.Repeat("a", longestFriendlyName()+1)}, "year": {DateCreated: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		sids, err := s.Seed(Conversation{UniqueName: name + "."}, c)
		assert.ErrorContains(t, err, "conversation 1: ", name)
		assert.Len(t, sids, 1, name)
	}
}

func TestRequests(t *testing.T) {
	t.Parallel()
	s := Start(t, InMemory())
	assert.Empty(t, s.Requests())
	post(t, s, "/v1/Conversations/a%2Fb", "FriendlyName", "A")
	get(t, s, "/v1/Services/"+testService+"/Conversations?State=active")
	do(t, s, http.MethodPut, "/v1/Nothing", nil, func(r *http.Request) { r.Header.Del("Authorization") })

	requests := s.Requests()
	require.Len(t, requests, 3)
	r := requests[0]
	assert.Equal(t, []string{"updateConversation", "POST", "/v1/Conversations/a%2Fb"}, []string{r.Operation, r.Method, r.Path})
	assert.Equal(t, url.Values{"FriendlyName": {"A"}}, r.Form)
	assert.Equal(t, "Basic", r.Header.Get("Authorization"))
	assert.Equal(t, formType, r.Header.Get("Content-Type"))
	assert.Equal(t, strings.TrimPrefix(s.URL, "http://"), r.Host)
	assert.Equal(t, 404, r.Status)
	assert.WithinDuration(t, time.Now(), r.Time, time.Minute)
	assert.Equal(t, url.Values{"State": {"active"}}, requests[1].Query)
	assert.Equal(t, 200, requests[1].Status)
	assert.Empty(t, requests[2].Operation)
	assert.Equal(t, 401, requests[2].Status)

	s.Reset()
	assert.Empty(t, s.Requests())
}

func TestRequestLogKeepsTheLatest(t *testing.T) {
	t.Parallel()
	for n, want := range map[int][]string{0: {}, 2: {"/v1/Conversations/3", "/v1/Conversations/4"}} {
		s := Start(t, InMemory(), WithRequestLog(n))
		for i := range 5 {
			get(t, s, fmt.Sprintf("/v1/Conversations/%d", i))
		}
		paths := []string{}
		for _, r := range s.Requests() {
			paths = append(paths, r.Path)
		}
		assert.Equal(t, want, paths)
	}
}

func TestReset(t *testing.T) {
	t.Parallel()
	s := Start(t, InMemory())
	seed(t, s, Conversation{}, Conversation{ServiceSID: testService})
	s.Advance(1000 * time.Hour)
	s.Fail("*", Fault{Status: 503})
	seed(t, s, Conversation{DateClosed: time.Now().Add(2000 * time.Hour)})
	s.Reset()
	s.Advance(2000 * time.Hour)
	assert.Zero(t, s.countDue())
	s.Reset()
	assert.Empty(t, s.Conversations(""))
	assert.Empty(t, s.Conversations(testService))
	r := post(t, s, "/v1/Conversations")
	require.Equal(t, 201, r.StatusCode)
	assert.WithinDuration(t, time.Now(), s.Conversations("")[0].DateCreated, time.Minute)
}
