package interop

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	twilio "github.com/twilio/twilio-go/client"
	openapi "github.com/twilio/twilio-go/rest/conversations/v1"
)

const unknownSID = "CHffffffffffffffffffffffffffffffff"

var (
	date1 = time.Date(2024, 1, 18, 3, 17, 17, 0, time.UTC)
	date2 = time.Date(2024, 6, 30, 23, 59, 59, 0, time.UTC)
)

// wantError checks that err is Twilio's error with the given status and code.
func wantError(t *testing.T, err error, status, code int) *twilio.TwilioRestError {
	t.Helper()
	e, ok := errors.AsType[*twilio.TwilioRestError](err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, []int{status, code}, []int{e.Status, e.Code}, e.Message)
	assert.NotEmpty(t, e.Message)
	assert.Equal(t, fmt.Sprintf("https://www.twilio.com/docs/errors/%d", code), e.MoreInfo)
	return e
}

func mustCreate(t *testing.T, c conversations, params createParams) *conversation {
	t.Helper()
	created, err := c.create(params)
	require.NoError(t, err)
	return created
}

func mustUpdate(t *testing.T, c conversations, id string, params updateParams) *conversation {
	t.Helper()
	updated, err := c.update(id, params)
	require.NoError(t, err)
	return updated
}

func mustFetch(t *testing.T, c conversations, id string) *conversation {
	t.Helper()
	fetched, err := c.fetch(id)
	require.NoError(t, err)
	return fetched
}

func mustList(t *testing.T, c conversations, params listParams) (sids []string) {
	t.Helper()
	all, err := c.list(params)
	require.NoError(t, err)
	return sidsOf(all)
}

func sidsOf(all []conversation) (sids []string) {
	for _, item := range all {
		sids = append(sids, *item.Sid)
	}
	return sids
}

// timer returns a date of the timers, or zero if it is absent.
func timer(t *testing.T, c *conversation, name string) time.Time {
	t.Helper()
	text, ok := (*c.Timers).(map[string]any)["date_"+name].(string)
	if !ok {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, text)
	require.NoError(t, err)
	return at
}

func TestCreateWithEveryField(t *testing.T) {
	run(t, func(t *testing.T, e *emulator, c conversations) {
		created := mustCreate(t, c, createParams{
			XTwilioWebhookEnabled: new("true"),
			FriendlyName:          new("Order & co. = 100 % + ✓"),
			UniqueName:            new("order-1234"),
			DateCreated:           &date1,
			DateUpdated:           &date2,
			MessagingServiceSid:   new("MG0123456789abcdefABCDEF0123456789"),
			Attributes:            new(`{ "topic": "feed+back & more" }`),
			State:                 new("inactive"),
			TimersInactive:        new("PT1H"),
			TimersClosed:          new("P1DT30S"),
			BindingsEmailAddress:  new("support+eu@example.com"),
			BindingsEmailName:     new("Support, EU"),
		})
		assert.Equal(t, "Order & co. = 100 % + ✓", *created.FriendlyName)
		assert.Equal(t, "order-1234", *created.UniqueName)
		assert.Equal(t, date1, *created.DateCreated)
		assert.Equal(t, date2, *created.DateUpdated)
		assert.Equal(t, "MG0123456789abcdefABCDEF0123456789", *created.MessagingServiceSid)
		assert.Equal(t, `{ "topic": "feed+back & more" }`, *created.Attributes)
		assert.Equal(t, "inactive", *created.State)
		assert.WithinDuration(t, time.Now().Add(time.Hour), timer(t, created, "inactive"), time.Minute)
		assert.WithinDuration(t, time.Now().Add(24*time.Hour+30*time.Second), timer(t, created, "closed"), time.Minute)
		assert.Equal(t, map[string]any{"email": map[string]any{"projected_address": "support+eu@example.com", "name": "Support, EU"}}, *created.Bindings)

		received := e.requests()[0]
		assert.Equal(t, "true", received.Header.Get("X-Twilio-Webhook-Enabled"))
		assert.Len(t, received.Form, 11)
		assert.Equal(t, created, mustFetch(t, c, *created.Sid))
	})
}

func TestCreateWithNothing(t *testing.T) {
	run(t, func(t *testing.T, _ *emulator, c conversations) {
		created := mustCreate(t, c, createParams{})
		assert.Equal(t, accountSID, *created.AccountSid)
		assert.Regexp(t, `^IS[0-9a-f]{32}$`, *created.ChatServiceSid)
		assert.Regexp(t, `^MG[0-9a-f]{32}$`, *created.MessagingServiceSid, "the default one is filled in")
		assert.Regexp(t, `^CH[0-9a-f]{32}$`, *created.Sid)
		assert.Nil(t, created.FriendlyName)
		assert.Nil(t, created.UniqueName)
		assert.Equal(t, "{}", *created.Attributes)
		assert.Equal(t, "active", *created.State)
		assert.WithinDuration(t, time.Now(), *created.DateCreated, time.Minute)
		assert.Equal(t, *created.DateCreated, *created.DateUpdated)
		assert.Equal(t, map[string]any{}, *created.Timers)
		assert.Equal(t, map[string]any{}, *created.Bindings)
		self := "https://conversations.twilio.com/v1" + c.path() + "/" + *created.Sid
		assert.Equal(t, self, *created.Url)
		assert.Equal(t, map[string]any{
			"participants": self + "/Participants",
			"messages":     self + "/Messages",
			"webhooks":     self + "/Webhooks",
			"export":       self + "/Export",
		}, *created.Links)
	})
}

func TestFetch(t *testing.T) {
	run(t, func(t *testing.T, _ *emulator, c conversations) {
		created := mustCreate(t, c, createParams{UniqueName: new("order-1234")})
		assert.Equal(t, created, mustFetch(t, c, *created.Sid))
		assert.Equal(t, created, mustFetch(t, c, "order-1234"))
	})
}

// Each field is set alone and leaves the others unchanged.
func TestUpdateOfEachField(t *testing.T) {
	run(t, func(t *testing.T, _ *emulator, c conversations) {
		created := mustCreate(t, c, createParams{UniqueName: new("before"), TimersClosed: new("PT1H")})
		for _, step := range []struct {
			params updateParams
			want   func(*conversation)
		}{
			{updateParams{FriendlyName: new("After")}, func(c *conversation) { c.FriendlyName = new("After") }},
			{updateParams{UniqueName: new("after")}, func(c *conversation) { c.UniqueName = new("after") }},
			{updateParams{Attributes: new(`[1]`)}, func(c *conversation) { c.Attributes = new(`[1]`) }},
			{updateParams{State: new("inactive")}, func(c *conversation) { c.State = new("inactive") }},
			{updateParams{DateCreated: &date1}, func(c *conversation) { c.DateCreated = &date1 }},
			{updateParams{DateUpdated: &date2}, func(c *conversation) { c.DateUpdated = &date2 }},
			{updateParams{MessagingServiceSid: new("MG0123456789abcdef0123456789abcdef")}, func(c *conversation) { c.MessagingServiceSid = new("MG0123456789abcdef0123456789abcdef") }},
			{updateParams{TimersClosed: new("PT0S")}, func(c *conversation) { c.Timers = new(any(map[string]any{})) }},
			{updateParams{BindingsEmailAddress: new("a@example.com")}, func(c *conversation) {
				c.Bindings = new(any(map[string]any{"email": map[string]any{"projected_address": "a@example.com", "name": nil}}))
			}},
			{updateParams{BindingsEmailName: new("A")}, func(c *conversation) {
				c.Bindings = new(any(map[string]any{"email": map[string]any{"projected_address": "a@example.com", "name": "A"}}))
			}},
		} {
			want := mustFetch(t, c, *created.Sid)
			got := mustUpdate(t, c, *created.Sid, step.params)
			// Time passes: an update moves the dates that it does not set.
			want.DateUpdated = got.DateUpdated
			if !timer(t, got, "closed").IsZero() {
				want.Timers = got.Timers
			}
			step.want(want)
			assert.Equal(t, want, got)
			assert.Equal(t, got, mustFetch(t, c, *created.Sid))
		}
	})
}

func TestUpdateByUniqueName(t *testing.T) {
	run(t, func(t *testing.T, _ *emulator, c conversations) {
		created := mustCreate(t, c, createParams{UniqueName: new("order-1234")})
		updated := mustUpdate(t, c, "order-1234", updateParams{UniqueName: new("order-1235")})
		assert.Equal(t, created.Sid, updated.Sid)
		_, err := c.fetch("order-1234")
		wantError(t, err, 404, 20404)
		assert.Equal(t, updated, mustFetch(t, c, "order-1235"))
	})
}

func TestUpdateMovesDateUpdated(t *testing.T) {
	run(t, func(t *testing.T, e *emulator, c conversations) {
		created := mustCreate(t, c, createParams{FriendlyName: new("Before")})
		e.advance(time.Hour)
		updated := mustUpdate(t, c, *created.Sid, updateParams{FriendlyName: new("After")})
		assert.Equal(t, created.DateCreated, updated.DateCreated)
		assert.WithinDuration(t, created.DateUpdated.Add(time.Hour), *updated.DateUpdated, time.Minute)
	})
}

func TestUpdateWithNothing(t *testing.T) {
	run(t, func(t *testing.T, e *emulator, c conversations) {
		created := mustCreate(t, c, createParams{FriendlyName: new("A")})
		e.advance(time.Hour)
		assert.Equal(t, created, mustUpdate(t, c, *created.Sid, updateParams{}))
	})
}

// Twilio has no way to clear a property: an empty value leaves it unchanged.
func TestEmptyValuesChangeNothing(t *testing.T) {
	run(t, func(t *testing.T, _ *emulator, c conversations) {
		created := mustCreate(t, c, createParams{FriendlyName: new("A"), UniqueName: new("a"), Attributes: new(`{"a":1}`),
			TimersClosed: new("PT1H"), BindingsEmailAddress: new("a@example.com")})
		updated := mustUpdate(t, c, "a", updateParams{FriendlyName: new(""), UniqueName: new(""), Attributes: new(""),
			TimersClosed: new(""), BindingsEmailAddress: new("")})
		assert.Equal(t, created, updated)
	})
}

func TestDelete(t *testing.T) {
	run(t, func(t *testing.T, e *emulator, c conversations) {
		bySID := mustCreate(t, c, createParams{})
		byName := mustCreate(t, c, createParams{UniqueName: new("order-1234")})
		require.NoError(t, c.delete(*bySID.Sid, deleteParams{XTwilioWebhookEnabled: new("false")}))
		assert.Equal(t, "false", e.requests()[2].Header.Get("X-Twilio-Webhook-Enabled"))
		assert.Equal(t, []string{*byName.Sid}, mustList(t, c, listParams{}))
		require.NoError(t, c.delete("order-1234", deleteParams{}))
		assert.Empty(t, mustList(t, c, listParams{}))

		wantError(t, c.delete(*bySID.Sid, deleteParams{}), 404, 20404)
		wantError(t, c.delete("order-1234", deleteParams{}), 404, 20404)
		_, err := c.fetch(*bySID.Sid)
		wantError(t, err, 404, 20404)
	})
}

// twilio-go does not check ids: without an id, it sends DELETE to the path of the collection.
func TestDeleteWithoutID(t *testing.T) {
	run(t, func(t *testing.T, _ *emulator, c conversations) {
		created := mustCreate(t, c, createParams{})
		wantError(t, c.delete("", deleteParams{}), 404, 20404)
		assert.Equal(t, []string{*created.Sid}, mustList(t, c, listParams{}))
	})
}

func TestWebhookHeader(t *testing.T) {
	run(t, func(t *testing.T, e *emulator, c conversations) {
		created := mustCreate(t, c, createParams{})
		for i, value := range []string{"true", "false"} {
			mustUpdate(t, c, *created.Sid, updateParams{XTwilioWebhookEnabled: &value, FriendlyName: &value})
			assert.Equal(t, value, e.requests()[1+i].Header.Get("X-Twilio-Webhook-Enabled"))
		}
		assert.Empty(t, e.requests()[0].Header.Values("X-Twilio-Webhook-Enabled"))
		_, err := c.create(createParams{XTwilioWebhookEnabled: new("yes")})
		wantError(t, err, 400, 20001)
	})
}

// twilio-go shows statuses and headers through twins of its methods.
func TestStatusesAndHeaders(t *testing.T) {
	t.Parallel()
	for form, e := range map[string]*emulator{"in process": startInProcess(t), "program": startProgram(t)} {
		api := e.sdk(accountSID, authToken)
		created, err := api.CreateConversationWithMetadata(&openapi.CreateConversationParams{})
		require.NoError(t, err)
		sid := *new(created.GetResource()).Sid
		fetched, err := api.FetchConversationWithMetadata(sid)
		require.NoError(t, err)
		deleted, err := api.DeleteConversationWithMetadata(sid, nil)
		require.NoError(t, err)
		ids := map[string]bool{}
		for want, got := range map[int]interface {
			GetStatusCode() int
			GetHeader(string) string
		}{201: created, 200: fetched, 204: deleted} {
			assert.Equal(t, want, got.GetStatusCode(), form)
			assert.Regexp(t, `^RQ[0-9a-f]{32}$`, got.GetHeader("Twilio-Request-Id"), form)
			assert.Regexp(t, `^\d+\.\d{3}$`, got.GetHeader("Twilio-Request-Duration"), form)
			assert.Equal(t, "1", got.GetHeader("Twilio-Concurrent-Requests"), form)
			if want != 204 {
				assert.Equal(t, "application/json; charset=utf-8", got.GetHeader("Content-Type"), form)
			}
			ids[got.GetHeader("Twilio-Request-Id")] = true
		}
		assert.Len(t, ids, 3, form)
	}
}

// createMany creates conversations and returns their SIDs, newest first.
func createMany(t *testing.T, c conversations, n int) []string {
	t.Helper()
	sids := make([]string, n)
	for i := range n {
		// Each has its own date, because several are created in one millisecond.
		sids[n-1-i] = *mustCreate(t, c, createParams{DateCreated: new(date1.Add(time.Duration(i) * time.Second))}).Sid
	}
	return sids
}

func TestListOfNone(t *testing.T) {
	run(t, func(t *testing.T, _ *emulator, c conversations) {
		assert.Empty(t, mustList(t, c, listParams{}))
		p, err := c.page(listParams{}, "", "")
		require.NoError(t, err)
		assert.Empty(t, p.Conversations)
		assert.Nil(t, p.Meta.NextPageUrl)
	})
}

func TestListPages130(t *testing.T) {
	run(t, func(t *testing.T, e *emulator, c conversations) {
		want := createMany(t, c, 130)
		for _, params := range []listParams{
			{},
			{PageSize: new(7)},
			{PageSize: new(50)},
			{PageSize: new(65)}, // the last page is full
			{PageSize: new(100)},
			{PageSize: new(130)},
			{Limit: new(130)}, // sends PageSize=130
			{Limit: new(1000)},
			{State: new("active"), StartDate: new("2024-01-18"), EndDate: new("2024-01-18"), PageSize: new(20)},
		} {
			assert.Equal(t, want, mustList(t, c, params))
		}
		assert.Equal(t, want[:75], mustList(t, c, listParams{PageSize: new(50), Limit: new(75)}))
		assert.Equal(t, want[:3], mustList(t, c, listParams{Limit: new(3)}))

		before := len(e.requests())
		mustList(t, c, listParams{PageSize: new(50)})
		assert.Len(t, e.requests(), before+3, "50, 50 and 30")
	})
}

func TestStreamPages130(t *testing.T) {
	t.Parallel()
	for _, e := range []*emulator{startInProcess(t), startProgram(t)} {
		api := e.sdk(accountSID, authToken)
		want := createMany(t, conversations{api, serviceSID}, 130)
		var got []string
		records, errs := api.StreamServiceConversation(serviceSID, &openapi.ListServiceConversationParams{PageSize: new(40)})
		for item := range records {
			got = append(got, *item.Sid)
		}
		require.NoError(t, <-errs)
		assert.Equal(t, want, got)
	}
}

func TestPageMeta(t *testing.T) {
	run(t, func(t *testing.T, _ *emulator, c conversations) {
		sids := createMany(t, c, 7)
		base := "https://conversations.twilio.com/v1" + c.path() + "?State=active&PageSize=3&Page="
		first, err := c.page(listParams{State: new("active"), PageSize: new(3)}, "", "")
		require.NoError(t, err)
		assert.Equal(t, sids[:3], sidsOf(first.Conversations))
		assert.Equal(t, "conversations", first.Meta.Key)
		assert.Equal(t, []int{0, 3}, []int{first.Meta.Page, first.Meta.PageSize})
		assert.Equal(t, base+"0", first.Meta.Url)
		assert.Equal(t, base+"0", first.Meta.FirstPageUrl)
		assert.Nil(t, first.Meta.PreviousPageUrl)
		assert.Regexp(t, `^PTactive_2024-01-18T03:17:21\.\d{3}Z_`+sids[2]+`$`, tokenOf(t, *first.Meta.NextPageUrl))

		second, err := c.pageAt(*first.Meta.NextPageUrl)
		require.NoError(t, err)
		assert.Equal(t, sids[3:6], sidsOf(second.Conversations))
		assert.Equal(t, 1, second.Meta.Page)
		assert.Equal(t, *first.Meta.NextPageUrl, second.Meta.Url)
		third, err := c.pageAt(*second.Meta.NextPageUrl)
		require.NoError(t, err)
		assert.Equal(t, sids[6:], sidsOf(third.Conversations))
		assert.Nil(t, third.Meta.NextPageUrl)

		// The way back leads to the first page.
		back, err := c.pageAt(*third.Meta.PreviousPageUrl)
		require.NoError(t, err)
		assert.Equal(t, sids[3:6], sidsOf(back.Conversations))
		back, err = c.pageAt(*back.Meta.PreviousPageUrl)
		require.NoError(t, err)
		assert.Equal(t, sids[:3], sidsOf(back.Conversations))
		assert.Nil(t, back.Meta.PreviousPageUrl)
	})
}

func tokenOf(t *testing.T, pageURL string) string {
	t.Helper()
	u, err := url.Parse(pageURL)
	require.NoError(t, err)
	return u.Query().Get("PageToken")
}

// twilio-go removes the milliseconds from a given page token. Twilio's response to such a token, as
// to any token that stands for nothing, is an empty last page
// (https://github.com/twilio/twilio-go/issues/226). twilio-go sends the URL of a next page
// unchanged, so its lists and streams do find the pages.
func TestPageByToken(t *testing.T) {
	run(t, func(t *testing.T, e *emulator, c conversations) {
		createMany(t, c, 5)
		first, err := c.page(listParams{PageSize: new(3)}, "", "")
		require.NoError(t, err)
		token := tokenOf(t, *first.Meta.NextPageUrl)
		second, err := c.page(listParams{PageSize: new(3)}, token, "1")
		require.NoError(t, err)
		requests := e.requests()
		milliseconds := token[strings.IndexByte(token, '.'):strings.IndexByte(token, 'Z')]
		assert.Equal(t, []string{strings.Replace(token, milliseconds, "", 1)}, requests[len(requests)-1].Query["PageToken"])
		assert.Empty(t, second.Conversations)
		assert.Nil(t, second.Meta.NextPageUrl)

		second, err = c.pageAt(*first.Meta.NextPageUrl)
		require.NoError(t, err)
		assert.Len(t, second.Conversations, 2)
	})
}

func TestBadPageParameters(t *testing.T) {
	run(t, func(t *testing.T, _ *emulator, c conversations) {
		_, err := c.page(listParams{PageSize: new(0)}, "", "")
		wantError(t, err, 400, 20001)
		_, err = c.page(listParams{PageSize: new(1001)}, "", "")
		wantError(t, err, 400, 20007)
		_, err = c.page(listParams{}, "PTopen", "")
		wantError(t, err, 400, 20001)
		_, err = c.page(listParams{}, "", "-1")
		wantError(t, err, 400, 20001)
		_, err = c.list(listParams{StartDate: new("yesterday")})
		wantError(t, err, 400, 20001)
		_, err = c.list(listParams{State: new("open")})
		wantError(t, err, 400, 20001)
	})
}

func TestStateFilter(t *testing.T) {
	run(t, func(t *testing.T, _ *emulator, c conversations) {
		active := mustCreate(t, c, createParams{})
		inactive := mustCreate(t, c, createParams{State: new("inactive")})
		closed := mustCreate(t, c, createParams{})
		mustUpdate(t, c, *closed.Sid, updateParams{State: new("closed")})
		assert.Equal(t, []string{*active.Sid}, mustList(t, c, listParams{State: new("active")}))
		assert.Equal(t, []string{*inactive.Sid}, mustList(t, c, listParams{State: new("inactive")}))
		assert.Equal(t, []string{*closed.Sid}, mustList(t, c, listParams{State: new("closed")}))
		assert.Empty(t, mustList(t, c, listParams{State: new("initializing")}))
		assert.ElementsMatch(t, []string{*active.Sid, *inactive.Sid, *closed.Sid}, mustList(t, c, listParams{}))

		mustUpdate(t, c, *inactive.Sid, updateParams{State: new("active")})
		assert.Empty(t, mustList(t, c, listParams{State: new("inactive")}))
	})
}

func TestDateFilters(t *testing.T) {
	run(t, func(t *testing.T, _ *emulator, c conversations) {
		sids := map[string]string{}
		names := map[string]string{}
		for name, at := range map[string]string{
			"end of 17":  "2024-01-17T23:59:59Z",
			"begin 18":   "2024-01-18T00:00:00Z",
			"noon 18":    "2024-01-18T12:00:00Z",
			"end of 18":  "2024-01-18T23:59:59Z",
			"begin 19":   "2024-01-19T00:00:00Z",
			"another 19": "2024-01-19T05:00:00Z",
		} {
			created, err := time.Parse(time.RFC3339, at)
			require.NoError(t, err)
			sids[name] = *mustCreate(t, c, createParams{DateCreated: &created}).Sid
			names[sids[name]] = name
		}
		mustUpdate(t, c, sids["noon 18"], updateParams{State: new("closed")})
		for _, test := range []struct {
			params listParams
			want   []string
		}{
			{listParams{StartDate: new("2024-01-18")}, []string{"another 19", "begin 19", "end of 18", "noon 18", "begin 18"}},
			{listParams{EndDate: new("2024-01-18")}, []string{"end of 18", "noon 18", "begin 18", "end of 17"}},
			{listParams{StartDate: new("2024-01-18"), EndDate: new("2024-01-18")}, []string{"end of 18", "noon 18", "begin 18"}},
			{listParams{StartDate: new("2024-01-18T12:00:00Z"), EndDate: new("2024-01-19T00:00:00Z")}, []string{"begin 19", "end of 18", "noon 18"}},
			{listParams{StartDate: new("2024-01-18T12:00:01Z"), EndDate: new("2024-01-18T23:59:58Z")}, nil},
			{listParams{StartDate: new("2024-01-18T13:00:00+01:00"), EndDate: new("2024-01-18")}, []string{"end of 18", "noon 18"}},
			{listParams{StartDate: new("2024-01-18"), EndDate: new("2024-01-18"), State: new("active")}, []string{"end of 18", "begin 18"}},
			{listParams{EndDate: new("2024-01-18"), State: new("closed")}, []string{"noon 18"}},
			{listParams{StartDate: new("2024-01-20")}, nil},
			{listParams{StartDate: new("2024-01-19"), EndDate: new("2024-01-18")}, nil},
			{listParams{StartDate: new("2024-01-18"), PageSize: new(2)}, []string{"another 19", "begin 19", "end of 18", "noon 18", "begin 18"}},
		} {
			var got []string
			for _, sid := range mustList(t, c, test.params) {
				got = append(got, names[sid])
			}
			assert.Equal(t, test.want, got, "%+v", as[map[string]any](test.params))
		}
	})
}

func TestNotFound(t *testing.T) {
	run(t, func(t *testing.T, _ *emulator, c conversations) {
		for _, id := range []string{unknownSID, "no-such-name"} {
			_, err := c.fetch(id)
			e := wantError(t, err, 404, 20404)
			assert.Equal(t, "The requested resource "+c.path()+"/"+id+" was not found", e.Message)
			_, err = c.update(id, updateParams{FriendlyName: new("A")})
			wantError(t, err, 404, 20404)
			wantError(t, c.delete(id, deleteParams{}), 404, 20404)
		}
	})
}

func TestUnknownServices(t *testing.T) {
	t.Parallel()
	for _, e := range []*emulator{startInProcess(t), startProgram(t)} {
		for _, service := range []string{"IS99999999999999999999999999999999", "IS1", unknownSID} {
			c := conversations{e.sdk(accountSID, authToken), service}
			_, err := c.create(createParams{})
			wantError(t, err, 404, 20404)
			_, err = c.list(listParams{})
			wantError(t, err, 404, 20404)
			_, err = c.fetch(unknownSID)
			wantError(t, err, 404, 20404)
		}
	}
}

func TestServicesShareNothing(t *testing.T) {
	t.Parallel()
	for _, e := range []*emulator{startInProcess(t), startProgram(t)} {
		api := e.sdk(accountSID, authToken)
		byDefault, service, other := conversations{api, ""}, conversations{api, serviceSID}, conversations{api, otherServiceSID}
		mine := mustCreate(t, service, createParams{UniqueName: new("order-1234")})
		assert.Equal(t, serviceSID, *mine.ChatServiceSid)
		for _, c := range []conversations{byDefault, other} {
			assert.Empty(t, mustList(t, c, listParams{}))
			for _, id := range []string{*mine.Sid, "order-1234"} {
				_, err := c.fetch(id)
				wantError(t, err, 404, 20404)
				_, err = c.update(id, updateParams{State: new("closed")})
				wantError(t, err, 404, 20404)
				wantError(t, c.delete(id, deleteParams{}), 404, 20404)
			}
			mustCreate(t, c, createParams{UniqueName: new("order-1234")}) // a name is taken in one service only
		}
		assert.Equal(t, mine, mustFetch(t, service, "order-1234"))
	}
}

// The default service has its own SID. The path with that SID leads to the same conversations.
func TestDefaultServiceByBothPaths(t *testing.T) {
	t.Parallel()
	for _, e := range []*emulator{startInProcess(t), startProgram(t)} {
		short := conversations{e.sdk(accountSID, authToken), ""}
		created := mustCreate(t, short, createParams{UniqueName: new("order-1234")})
		long := conversations{short.api, *created.ChatServiceSid}
		fetched := mustFetch(t, long, "order-1234")
		assert.Equal(t, created.Sid, fetched.Sid)
		assert.Equal(t, "https://conversations.twilio.com/v1/Services/"+long.service+"/Conversations/"+*created.Sid, *fetched.Url)
		assert.Equal(t, mustList(t, short, listParams{}), mustList(t, long, listParams{}))
		_, err := long.create(createParams{UniqueName: new("order-1234")})
		wantError(t, err, 409, 50353)
		mustUpdate(t, long, *created.Sid, updateParams{FriendlyName: new("By its SID")})
		assert.Equal(t, "By its SID", *mustFetch(t, short, *created.Sid).FriendlyName)
		require.NoError(t, long.delete(*created.Sid, deleteParams{}))
		assert.Empty(t, mustList(t, short, listParams{}))
	}
}

func TestUniqueNames(t *testing.T) {
	run(t, func(t *testing.T, _ *emulator, c conversations) {
		first := mustCreate(t, c, createParams{UniqueName: new("order-1234")})
		_, err := c.create(createParams{UniqueName: new("order-1234")})
		e := wantError(t, err, 409, 50353)
		assert.Equal(t, "Conversation with provided unique name already exists", e.Message)

		second := mustCreate(t, c, createParams{UniqueName: new("order-1235")})
		_, err = c.update(*second.Sid, updateParams{UniqueName: new("order-1234"), FriendlyName: new("Not set")})
		wantError(t, err, 409, 50353)
		assert.Equal(t, second, mustFetch(t, c, *second.Sid), "a refused update changes nothing")
		mustUpdate(t, c, *second.Sid, updateParams{UniqueName: new("order-1235")}) // its own

		mustUpdate(t, c, *first.Sid, updateParams{State: new("closed")})
		_, err = c.create(createParams{UniqueName: new("order-1234")})
		wantError(t, err, 409, 50353)
		assert.Equal(t, "closed", *mustFetch(t, c, "order-1234").State, "a closed conversation keeps its name")

		require.NoError(t, c.delete(*first.Sid, deleteParams{}))
		mustCreate(t, c, createParams{UniqueName: new("order-1234")})

		_, err = c.create(createParams{UniqueName: new(unknownSID)})
		wantError(t, err, 400, 50390)
		_, err = c.update(*second.Sid, updateParams{UniqueName: new(strings.Replace(unknownSID, "f", "A", 3))})
		wantError(t, err, 400, 50390)
	})
}

// twilio-go puts an id into the path unchanged: callers must escape it.
func TestUniqueNamesOfAllCharacters(t *testing.T) {
	run(t, func(t *testing.T, _ *emulator, c conversations) {
		for _, name := range []string{"a/b", "a?b=c#d", "50 % & more", "a+b", "ü🙂", "a%2Fb", "a:b@c;d,e"} {
			created := mustCreate(t, c, createParams{UniqueName: &name})
			assert.Equal(t, name, *created.UniqueName)
			assert.Equal(t, created, mustFetch(t, c, url.PathEscape(name)))
		}
	})
}

func TestUniqueNameUnderConcurrency(t *testing.T) {
	run(t, func(t *testing.T, _ *emulator, c conversations) {
		var calls sync.WaitGroup
		errs := make([]error, 20)
		for i := range errs {
			calls.Go(func() { _, errs[i] = c.create(createParams{UniqueName: new("order-1234")}) })
		}
		calls.Wait()
		refused := slices.DeleteFunc(errs, func(err error) bool { return err == nil })
		require.Len(t, refused, 19, "one is created")
		for _, err := range refused {
			wantError(t, err, 409, 50353)
		}
		assert.Len(t, mustList(t, c, listParams{}), 1)
	})
}

func TestAuthentication(t *testing.T) {
	run(t, func(t *testing.T, e *emulator, c conversations) {
		with := func(user, password string) conversations { return conversations{e.sdk(user, password), c.service} }
		mustCreate(t, with(keySID, keySecret), createParams{})
		assert.Len(t, mustList(t, c, listParams{}), 1, "the key is one of the account's")
		for _, wrong := range []conversations{
			with(accountSID, "wrong"),
			with("AC99999999999999999999999999999999", authToken),
			with(keySID, authToken),
			with("", ""),
		} {
			_, err := wrong.create(createParams{})
			wantError(t, err, 401, 20003)
			_, err = wrong.fetch(unknownSID)
			wantError(t, err, 401, 20003)
			_, err = wrong.list(listParams{})
			wantError(t, err, 401, 20003)
		}
		assert.Len(t, mustList(t, c, listParams{}), 1)
	})
}

func TestRegions(t *testing.T) {
	run(t, func(t *testing.T, _ *emulator, c conversations) {
		for _, region := range []string{"ie1", "au1"} {
			c.api.RequestHandler().Region = region
			_, err := c.create(createParams{})
			wantError(t, err, 401, 20003)
		}
		c.api.RequestHandler().Edge, c.api.RequestHandler().Region = "ashburn", "us1"
		created := mustCreate(t, c, createParams{})
		assert.Equal(t, "https://conversations.ashburn.us1.twilio.com/v1"+c.path()+"/"+*created.Sid, *created.Url)
	})
}

func TestStates(t *testing.T) {
	run(t, func(t *testing.T, _ *emulator, c conversations) {
		_, err := c.create(createParams{State: new("closed")})
		wantError(t, err, 400, 50384)
		for _, create := range []string{"active", "inactive"} {
			assert.Equal(t, create, *mustCreate(t, c, createParams{State: &create}).State)
		}
		sid := *mustCreate(t, c, createParams{}).Sid
		for _, next := range []string{"inactive", "active", "active", "inactive"} {
			assert.Equal(t, next, *mustUpdate(t, c, sid, updateParams{State: &next}).State)
		}
		for value, code := range map[string]int{"": 50374, "open": 50378, "Active": 50378, "initializing": 50378} {
			_, err := c.create(createParams{State: &value})
			wantError(t, err, 400, code)
			_, err = c.update(sid, updateParams{State: &value})
			wantError(t, err, 400, code)
		}
		assert.Equal(t, "inactive", *mustFetch(t, c, sid).State)
	})
}

func TestClosedIsFinal(t *testing.T) {
	run(t, func(t *testing.T, e *emulator, c conversations) {
		for _, from := range []string{"active", "inactive"} {
			created := mustCreate(t, c, createParams{State: &from, UniqueName: &from, TimersClosed: new("PT1H")})
			closed := mustUpdate(t, c, from, updateParams{State: new("closed")})
			assert.Equal(t, "closed", *closed.State)
			for _, params := range []updateParams{
				{State: new("active")}, {State: new("inactive")}, {State: new("closed")}, {FriendlyName: new("A")},
				{Attributes: new("{}")}, {TimersInactive: new("PT5M")}, {UniqueName: new("other")}, {DateCreated: &date1},
			} {
				_, err := c.update(*created.Sid, params)
				e := wantError(t, err, 400, 50377)
				assert.Equal(t, "Can't update conversation as it's in final closed state", e.Message)
			}
			assert.Equal(t, closed, mustFetch(t, c, *created.Sid))
			e.advance(2 * time.Hour)
			assert.Equal(t, closed, mustFetch(t, c, *created.Sid), "and its timers have no effect")
			require.NoError(t, c.delete(*created.Sid, deleteParams{}))
		}
	})
}

func TestTimerFormats(t *testing.T) {
	run(t, func(t *testing.T, _ *emulator, c conversations) {
		sid := *mustCreate(t, c, createParams{}).Sid
		for text, want := range map[string]struct{ inactive, closed int }{
			"PT30S":    {50375, 50376},
			"PT59S":    {50375, 50376},
			"PT5M30S":  {0, 50376},
			"PT9M59S":  {0, 50376},
			"10":       {50379, 50380},
			"P":        {50379, 50380},
			"PT":       {50379, 50380},
			"-PT1H":    {50379, 50380},
			"1 hour":   {50379, 50380},
			"PT1M":     {0, 50376},
			"PT10M":    {},
			"P1D":      {},
			"P1DT2H3M": {},
			"PT0S":     {},
		} {
			check := func(err error, code int) {
				t.Helper()
				if code == 0 {
					require.NoError(t, err, text)
					return
				}
				wantError(t, err, 400, code)
			}
			_, err := c.create(createParams{TimersInactive: &text})
			check(err, want.inactive)
			_, err = c.create(createParams{TimersClosed: &text})
			check(err, want.closed)
			_, err = c.update(sid, updateParams{TimersInactive: &text})
			check(err, want.inactive)
			_, err = c.update(sid, updateParams{TimersClosed: &text})
			check(err, want.closed)
		}
	})
}

func TestTimersFire(t *testing.T) {
	run(t, func(t *testing.T, e *emulator, c conversations) {
		created := mustCreate(t, c, createParams{UniqueName: new("both"), TimersInactive: new("PT1M"), TimersClosed: new("PT10M")})
		// Both timers count from the same moment.
		assert.Equal(t, created.DateUpdated.Add(time.Minute), timer(t, created, "inactive"))
		assert.Equal(t, created.DateUpdated.Add(10*time.Minute), timer(t, created, "closed"))
		mustCreate(t, c, createParams{UniqueName: new("closed only"), TimersClosed: new("PT10M")})
		mustCreate(t, c, createParams{UniqueName: new("none")})
		state := func(name string) string { return *mustFetch(t, c, url.PathEscape(name)).State }

		e.advance(30 * time.Second)
		assert.Equal(t, "active", state("both"))
		e.advance(time.Minute)
		assert.Equal(t, []string{*created.Sid}, mustList(t, c, listParams{State: new("inactive")}))
		assert.Equal(t, "inactive", state("both"))
		assert.Equal(t, "active", state("closed only"))
		e.advance(10 * time.Minute)
		assert.Equal(t, "closed", state("both"))
		assert.Equal(t, "closed", state("closed only"))
		assert.Equal(t, "active", state("none"))
		_, err := c.update("both", updateParams{FriendlyName: new("Late")})
		wantError(t, err, 400, 50377)
	})
}

func TestUpdateRestartsTimers(t *testing.T) {
	run(t, func(t *testing.T, e *emulator, c conversations) {
		sid := *mustCreate(t, c, createParams{TimersInactive: new("PT1M")}).Sid
		e.advance(45 * time.Second)
		updated := mustUpdate(t, c, sid, updateParams{FriendlyName: new("Still here")})
		assert.Equal(t, updated.DateUpdated.Add(time.Minute), timer(t, updated, "inactive"))
		e.advance(45 * time.Second)
		assert.Equal(t, "active", *mustFetch(t, c, sid).State)
		e.advance(30 * time.Second)
		assert.Equal(t, "inactive", *mustFetch(t, c, sid).State)
	})
}

func TestTimersAreRemoved(t *testing.T) {
	run(t, func(t *testing.T, e *emulator, c conversations) {
		sid := *mustCreate(t, c, createParams{TimersInactive: new("PT1M"), TimersClosed: new("PT10M")}).Sid
		updated := mustUpdate(t, c, sid, updateParams{TimersInactive: new("PT0S")})
		assert.Zero(t, timer(t, updated, "inactive"))
		assert.NotZero(t, timer(t, updated, "closed"))
		updated = mustUpdate(t, c, sid, updateParams{TimersClosed: new("PT0S")})
		assert.Equal(t, map[string]any{}, *updated.Timers)
		e.advance(24 * time.Hour)
		assert.Equal(t, "active", *mustFetch(t, c, sid).State)
	})
}

func TestAttributes(t *testing.T) {
	run(t, func(t *testing.T, _ *emulator, c conversations) {
		sid := *mustCreate(t, c, createParams{}).Sid
		for _, text := range []string{
			`{ "b" : 1,  "a":[ true, null, 1e2 ] }`, `{"a":"<b>&amp; \u00fc ü 🙂 + % =\n"}`, `[]`, `"text"`, `17`, `null`,
			`"` + strings.Repeat("x", 16<<10-2) + `"`,
		} {
			assert.Equal(t, text, *mustCreate(t, c, createParams{Attributes: &text}).Attributes)
			assert.Equal(t, text, *mustUpdate(t, c, sid, updateParams{Attributes: &text}).Attributes)
			assert.Equal(t, text, *mustFetch(t, c, sid).Attributes)
		}
		for text, code := range map[string]int{
			`{"a":}`: 50304, `{'a':1}`: 50304, `text`: 50304, `{} {}`: 50304,
			`"` + strings.Repeat("x", 16<<10-1) + `"`: 50303,
		} {
			_, err := c.create(createParams{Attributes: &text})
			wantError(t, err, 400, code)
			_, err = c.update(sid, updateParams{Attributes: &text})
			wantError(t, err, 400, code)
		}
	})
}

func TestFriendlyNameLength(t *testing.T) {
	run(t, func(t *testing.T, _ *emulator, c conversations) {
		longest := strings.Repeat("ü", 256)
		assert.Equal(t, longest, *mustCreate(t, c, createParams{FriendlyName: &longest}).FriendlyName)
		_, err := c.create(createParams{FriendlyName: new(longest + "x")})
		wantError(t, err, 400, 50003)
	})
}

func TestMessagingServices(t *testing.T) {
	run(t, func(t *testing.T, _ *emulator, c conversations) {
		first, second := mustCreate(t, c, createParams{}), mustCreate(t, c, createParams{})
		assert.Equal(t, first.MessagingServiceSid, second.MessagingServiceSid, "the default one")
		_, err := c.create(createParams{MessagingServiceSid: new("MG1")})
		wantError(t, err, 400, 50341)
		_, err = c.update(*first.Sid, updateParams{MessagingServiceSid: new(serviceSID)})
		wantError(t, err, 400, 50341)
	})
}

func TestDatesCanBeSet(t *testing.T) {
	run(t, func(t *testing.T, _ *emulator, c conversations) {
		old := mustCreate(t, c, createParams{DateCreated: &date1, DateUpdated: &date1})
		recent := mustCreate(t, c, createParams{DateCreated: &date2})
		assert.Equal(t, []string{*recent.Sid, *old.Sid}, mustList(t, c, listParams{StartDate: new("2024-01-01")}))
		// This is another time zone, and now the newest conversation.
		moved := date2.Add(time.Hour).In(time.FixedZone("", -5*60*60))
		updated := mustUpdate(t, c, *old.Sid, updateParams{DateCreated: &moved})
		assert.Equal(t, moved.UTC(), *updated.DateCreated)
		assert.Equal(t, []string{*old.Sid, *recent.Sid}, mustList(t, c, listParams{StartDate: new("2024-01-01")}))
		assert.Equal(t, []string{*old.Sid}, mustList(t, c, listParams{StartDate: new("2024-07-01")}))
	})
}

// Writes are limited: creates and deletes per service, updates per conversation.
func TestWriteLimit(t *testing.T) {
	t.Parallel()
	const limit = 5
	api := startProgram(t, "-write-limit", strconv.Itoa(limit)).sdk(accountSID, authToken)
	c := conversations{api, serviceSID}
	var sid string
	require.Eventually(t, func() bool { // a second may end while the writes in it are counted
		for range limit {
			created, err := c.create(createParams{})
			if err == nil {
				sid = *created.Sid
			}
		}
		_, err := c.create(createParams{})
		e, ok := errors.AsType[*twilio.TwilioRestError](err)
		return ok && e.Status == 429 && e.Code == 50063
	}, 10*time.Second, time.Millisecond)
	mustUpdate(t, c, sid, updateParams{FriendlyName: new("A")})
	mustFetch(t, c, sid)
	mustCreate(t, conversations{api, otherServiceSID}, createParams{})
}
