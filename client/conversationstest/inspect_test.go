package conversationstest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	inspectedService = "IS00000000000000000000000000000001"
	secondAccount    = "AC00000000000000000000000000000002"
)

// pages returns the unique names on each page of a query.
func pages(t *testing.T, e *Emulator, q Query) [][]string {
	t.Helper()
	var all [][]string
	for {
		page, next, err := e.Page(q)
		require.NoError(t, err)
		names := []string{}
		for _, c := range page {
			names = append(names, c.UniqueName)
		}
		all = append(all, names)
		if next == "" {
			return all
		}
		require.NotEqual(t, q.After, next, "no progress")
		q.After = next
	}
}

func TestPage(t *testing.T) {
	t.Parallel()
	e, err := New(WithAccounts(Account{SID: DefaultAccountSID, AuthToken: "a"}, Account{SID: secondAccount, AuthToken: "b"}))
	require.NoError(t, err)
	at := func(minute int) time.Time { return time.Date(2026, 1, 1, 0, minute, 0, 0, time.UTC) }
	sids, err := e.Seed(
		Conversation{UniqueName: "0", DateCreated: at(0), FriendlyName: "Über"},
		Conversation{UniqueName: "1", DateCreated: at(1), ServiceSID: inspectedService, Attributes: `{"k":"NEEDLE"}`},
		Conversation{UniqueName: "2", DateCreated: at(2), State: "closed"},
		Conversation{UniqueName: "3", DateCreated: at(3), AccountSID: secondAccount},
		Conversation{UniqueName: "4", DateCreated: at(4), AccountSID: secondAccount, ServiceSID: inspectedService, State: "closed"},
	)
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		query Query
		want  [][]string
	}{
		"all":                  {Query{}, [][]string{{"4", "3", "2", "1", "0"}}},
		"pages":                {Query{Limit: 2}, [][]string{{"4", "3"}, {"2", "1"}, {"0"}}},
		"whole pages":          {Query{Limit: 5}, [][]string{{"4", "3", "2", "1", "0"}}},
		"account":              {Query{AccountSID: secondAccount}, [][]string{{"4", "3"}}},
		"service":              {Query{ServiceSID: inspectedService}, [][]string{{"4", "1"}}},
		"account and service":  {Query{AccountSID: secondAccount, ServiceSID: inspectedService}, [][]string{{"4"}}},
		"unknown service":      {Query{ServiceSID: "IS1"}, [][]string{{}}},
		"state":                {Query{State: "closed", Limit: 1}, [][]string{{"4"}, {"2"}}},
		"SID":                  {Query{SID: sids[2]}, [][]string{{"2"}}},
		"SID in another state": {Query{SID: sids[2], State: "active"}, [][]string{{}}},
		"malformed SID":        {Query{SID: "CH1"}, [][]string{{}}},
		"attributes":           {Query{Search: "needle"}, [][]string{{"1"}}},
		"friendly name":        {Query{Search: "üBER"}, [][]string{{"0"}}},
		"part of a SID":        {Query{Search: strings.ToUpper(sids[3][2:])}, [][]string{{"3"}}},
		"nothing":              {Query{Search: "nothing"}, [][]string{{}}},
	} {
		assert.Equal(t, tc.want, pages(t, e, tc.query), name)
	}
	page, _, err := e.Page(Query{SID: sids[4]})
	require.NoError(t, err)
	assert.Equal(t, Conversation{
		AccountSID: secondAccount, ServiceSID: inspectedService, SID: sids[4], UniqueName: "4", Attributes: "{}", State: "closed",
		MessagingServiceSID: page[0].MessagingServiceSID, DateCreated: at(4), DateUpdated: page[0].DateUpdated,
	}, page[0])
	for _, q := range []Query{{State: "open"}, {After: "x"}, {After: "PTactive_x_" + sids[0]}} {
		_, _, err := e.Page(q)
		assert.Error(t, err, "%+v", q)
	}
}

// A search looks at a bounded part for each page. In the end it finds everything, in order.
func TestPageSearchIsBounded(t *testing.T) {
	t.Parallel()
	e, err := New()
	require.NoError(t, err)
	long := `"` + strings.Repeat("x", 16_000) + `"`
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 900 {
		c := Conversation{UniqueName: fmt.Sprint(i), DateCreated: start.Add(time.Duration(i) * time.Minute), Attributes: long}
		if i%3 == 0 {
			c.ServiceSID = inspectedService
		}
		if i%300 == 0 {
			c.FriendlyName = "needle"
		}
		_, err := e.Seed(c)
		require.NoError(t, err)
	}
	all := pages(t, e, Query{Search: "needle", Limit: 2})
	assert.Greater(t, len(all), 3, "pages of 4 MB")
	var found []string
	for _, page := range all {
		assert.LessOrEqual(t, len(page), 2)
		found = append(found, page...)
	}
	assert.Equal(t, []string{"600", "300", "0"}, found)
	assert.Len(t, pages(t, e, Query{Limit: 450}), 2, "without a search, pages are full")
}

func TestStatus(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, err := New(WithAccounts(Account{SID: DefaultAccountSID, AuthToken: "a"}, Account{SID: secondAccount, AuthToken: "b"}))
		require.NoError(t, err)
		now := time.Now().UTC()
		_, err = e.Seed(
			Conversation{DateInactive: now.Add(time.Hour), DateClosed: now.Add(2 * time.Hour)},
			Conversation{ServiceSID: inspectedService, DateClosed: now.Add(30 * time.Minute)},
			Conversation{AccountSID: secondAccount, State: "closed"},
		)
		require.NoError(t, err)
		e.Fail("fetchConversation", Fault{Status: 503, Times: 2}, Fault{Drop: true})
		e.Fail("*", Fault{Status: 429})
		s := e.Status()
		assert.Equal(t, now, s.Now)
		assert.Equal(t, now.Add(30*time.Minute), s.NextTimer)
		assert.Equal(t, map[string][]Fault{"fetchConversation": {{Status: 503, Times: 2}, {Drop: true, Times: 1}}, "*": {{Status: 429, Times: 1}}}, s.Faults)
		first := e.accounts[0].DefaultServiceSID
		counts := func(active, inactive, closed int) map[string]int {
			all := map[string]int{}
			for _, name := range stateNames[anyState+1:] {
				all[name] = 0
			}
			all["active"], all["inactive"], all["closed"] = active, inactive, closed
			return all
		}
		second := ServiceStatus{secondAccount, e.accounts[1].DefaultServiceSID, true, counts(0, 0, 1)}
		assert.Equal(t, []ServiceStatus{
			{DefaultAccountSID, first, true, counts(1, 0, 0)}, {DefaultAccountSID, inspectedService, false, counts(1, 0, 0)}, second,
		}, s.Services)

		e.Advance(time.Hour)
		s = e.Status()
		assert.Equal(t, now.Add(time.Hour), s.Now)
		assert.Equal(t, now.Add(2*time.Hour), s.NextTimer)
		assert.Equal(t, []ServiceStatus{
			{DefaultAccountSID, first, true, counts(0, 1, 0)}, {DefaultAccountSID, inspectedService, false, counts(0, 0, 1)}, second,
		}, s.Services)
		e.Advance(time.Hour)
		assert.Zero(t, e.Status().NextTimer)

		e.Reset()
		s = e.Status()
		assert.Empty(t, s.Faults)
		assert.Equal(t, []ServiceStatus{{DefaultAccountSID, first, true, map[string]int{}}, {secondAccount, second.ServiceSID, true, map[string]int{}}}, s.Services)
	})
}

// The log records the error of a request and how long it took.
func TestRequestDetails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, err := New()
		require.NoError(t, err)
		do := func(method, path, body string) {
			req := httptest.NewRequest(method, path, strings.NewReader(body))
			req.SetBasicAuth(DefaultAccountSID, DefaultAuthToken)
			if body != "" {
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			}
			defer func() { _ = recover() }() // of a dropped connection
			e.ServeHTTP(httptest.NewRecorder(), req)
		}
		last := func() Request {
			all := e.Requests()
			return all[len(all)-1]
		}
		do(http.MethodPost, "/v1/Conversations", "Colour=red&State=open")
		r := last()
		assert.Equal(t, 1, r.Number)
		assert.Positive(t, r.Duration)
		assert.Nil(t, r.Fault)
		require.Len(t, r.Violations, 2)
		assert.Contains(t, r.Violations[0]+r.Violations[1], "Colour")
		assert.Equal(t, "20001: form field Colour is not documented", r.Error)
		do(http.MethodGet, "/v1/Conversations", "")
		assert.Empty(t, last().Violations)
		assert.Empty(t, last().Error)

		e.Fail("listConversation", Fault{Status: 503, Code: 7, Message: strings.Repeat("é", 300)}, Fault{Status: 502, Body: "<html>"}, Fault{Status: 200, Body: `{"code":7,"message":"x"}`})
		do(http.MethodGet, "/v1/Conversations", "")
		assert.Equal(t, "7: "+strings.Repeat("é", 126), last().Error, "the text is cut, between characters")
		do(http.MethodGet, "/v1/Conversations", "")
		assert.Equal(t, 502, last().Status)
		assert.Empty(t, last().Error, "it has no code")
		do(http.MethodGet, "/v1/Conversations", "")
		assert.Empty(t, last().Error, "it is no error")

		e.Fail("listConversation", Fault{Delay: time.Minute}, Fault{Delay: time.Second, Drop: true})
		do(http.MethodGet, "/v1/Conversations", "")
		r = last()
		assert.Equal(t, time.Minute, r.Duration)
		assert.Equal(t, &Fault{Delay: time.Minute, Times: 1}, r.Fault)
		assert.Equal(t, 200, r.Status)
		go do(http.MethodGet, "/v1/Conversations", "")
		synctest.Wait()
		assert.Zero(t, last().Duration, "it is being worked on")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		r = last()
		assert.Equal(t, time.Second, r.Duration)
		assert.Zero(t, r.Status)
		assert.True(t, r.Fault.Drop)

		e.Reset()
		do(http.MethodGet, "/v1/Conversations", "")
		assert.Equal(t, 8, last().Number, "numbers are not used twice")
	})
}

// BenchmarkInspect measures what the inspector requests each second, with a million conversations.
func BenchmarkInspect(b *testing.B) {
	e := seededMillion()
	for name, q := range map[string]Query{
		"first":  {},
		"closed": {State: "closed"},
		"middle": {After: "PTactive_2024-12-01T00:00:00.000Z_CHffffffffffffffffffffffffffffffff"},
		"search": {Search: "order-1234567"},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				_, _, err := e.Page(q)
				require.NoError(b, err)
			}
		})
	}
	b.Run("status", func(b *testing.B) {
		for b.Loop() {
			_ = e.Status()
		}
	})
}
