package interop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	twilio "github.com/twilio/twilio-go/client"
	openapi "github.com/twilio/twilio-go/rest/conversations/v1"
	"go.uber.org/goleak"

	"github.com/twilio-conversations-go/conversations/client"
	"github.com/twilio-conversations-go/conversations/client/conversationstest"
)

// Each test of this file is a row of the README's comparison with twilio-go. It shows what both
// clients do on the same server, twilio-go with its default HTTP client. An upgrade that changes a
// row breaks its test.

// toServer is twilio-go's client, with requests to Twilio redirected to another server. A transport
// could redirect them too, but it would replace the default HTTP client, with its timeout and its
// handling of redirects.
type toServer struct {
	*twilio.Client
	url string
}

func (s toServer) SendRequest(method, rawURL string, data url.Values, headers map[string]any, body ...byte) (*http.Response, error) {
	return s.Client.SendRequest(method, strings.Replace(rawURL, "https://conversations.twilio.com", s.url, 1), data, headers, body...)
}

// both returns the two clients of a server.
func both(t *testing.T, url string) (here *client.Conversations, there *openapi.ApiService) {
	t.Helper()
	// These are the default retries, without the waiting. The transport is also twilio-go's.
	c, err := client.New(client.BasicAuth(accountSID, authToken), client.WithBaseURL(url),
		client.WithHTTPClient(&http.Client{Transport: http.DefaultTransport}), client.WithRetry(client.RetryPolicy{MinDelay: time.Millisecond}))
	require.NoError(t, err)
	sdk := toServer{&twilio.Client{Credentials: twilio.NewCredentials(accountSID, authToken)}, url}
	// NewApiServiceWithClient is not used because it takes a region from the environment.
	return c.Conversations, openapi.NewApiService(&twilio.RequestHandler{Client: sdk})
}

// answering serves the same response to every request and counts the requests.
func answering(t *testing.T, status int, header http.Header, body string) (url string, requests *atomic.Int32) {
	requests = new(atomic.Int32)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		for name, values := range header {
			w.Header()[name] = values
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return server.URL, requests
}

// failure returns the error as this client's *Error.
func failure(t *testing.T, err error) *client.Error {
	t.Helper()
	e, ok := errors.AsType[*client.Error](err)
	require.True(t, ok, "%v", err)
	return e
}

// wantUntyped checks that err comes from twilio-go but is not its error type, so that it has only a
// text.
func wantUntyped(t *testing.T, err error, text string) {
	t.Helper()
	require.ErrorContains(t, err, text)
	_, typed := errors.AsType[*twilio.TwilioRestError](err)
	assert.False(t, typed, "%T", err)
}

// seed stores conversations in the emulator.
func seed(t *testing.T, server *conversationstest.Server, uniqueNames ...string) {
	t.Helper()
	for _, name := range uniqueNames {
		_, err := server.Seed(conversationstest.Conversation{UniqueName: name})
		require.NoError(t, err)
	}
}

// names returns the unique names of the conversations in the emulator.
func names(server *conversationstest.Server) (all []string) {
	for _, c := range server.Conversations("") {
		all = append(all, c.UniqueName)
	}
	return all
}

// A call without a response. Here: it ends with the caller's context. There: it ends with
// twilio-go's own timeout, after 10 s, and the caller cannot end it earlier.
//
// It is not parallel because it replaces http.DefaultTransport. Only twilio-go's default client,
// which is not exported, has that timeout.
func TestComparisonCancellation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := conversationstest.Start(t, conversationstest.InMemory())
		server.Fail("fetchConversation", conversationstest.Fault{Delay: time.Hour, Times: -1})
		transport := http.DefaultTransport
		http.DefaultTransport = server.HTTPClient().Transport
		defer func() { http.DefaultTransport = transport }()
		here, there := both(t, server.URL)

		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		began := time.Now()
		_, err := here.Fetch(ctx, unknownSID)
		require.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, time.Second, time.Since(began))

		began = time.Now()
		_, err = there.FetchConversation(unknownSID)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 10*time.Second, time.Since(began))
	})

	contextType := reflect.TypeFor[context.Context]()
	for method := range reflect.TypeFor[*client.Conversations]().Methods() {
		assert.Equal(t, contextType, method.Type.In(1), method.Name)
	}
	// This counts all of twilio-go's methods for Conversations, not just those of these operations.
	for method := range reflect.TypeFor[*openapi.ApiService]().Methods() {
		for in := range method.Type.Ins() {
			assert.False(t, in.Implements(contextType), method.Name)
		}
	}
}

// A 503. Here: the request is retried. There: it is an error after one request.
func TestComparisonRetry(t *testing.T) {
	t.Parallel()
	server := conversationstest.Start(t)
	seed(t, server, "order-1234")
	here, there := both(t, server.URL)

	server.Fail("fetchConversation", conversationstest.Fault{Status: 503})
	var response client.Response
	fetched, err := here.Fetch(t.Context(), "order-1234", client.WithResponse(&response))
	require.NoError(t, err)
	assert.Equal(t, "order-1234", fetched.UniqueName)
	assert.Equal(t, 2, response.Attempts)

	before := len(server.Requests())
	server.Fail("fetchConversation", conversationstest.Fault{Status: 503})
	_, err = there.FetchConversation("order-1234")
	wantError(t, err, 503, 20503)
	assert.Len(t, server.Requests(), before+1)
}

// A create that succeeds although its response is lost. Here: the caller gets the conversation.
// There: the error does not show that it exists, and repeating the create is a conflict. In both
// cases there is one conversation.
func TestComparisonLostAnswer(t *testing.T) {
	t.Parallel()
	server := conversationstest.Start(t)
	here, there := both(t, server.URL)

	server.Fail("createConversation", conversationstest.Fault{Commit: true, Drop: true})
	created, err := here.Create(t.Context(), client.CreateParams{UniqueName: new("here")})
	require.NoError(t, err)
	require.Equal(t, []string{"here"}, names(server))
	assert.Equal(t, server.Conversations("")[0].SID, created.SID)

	server.Fail("createConversation", conversationstest.Fault{Commit: true, Drop: true})
	_, err = there.CreateConversation(&createParams{UniqueName: new("there")})
	wantUntyped(t, err, "EOF")
	assert.ElementsMatch(t, []string{"here", "there"}, names(server))
	_, err = there.CreateConversation(&createParams{UniqueName: new("there")})
	wantError(t, err, 409, 50353)
	assert.Len(t, server.Conversations(""), 2)
}

// Resuming at the next page. Here: by the cursor of the previous page. There: by its page token,
// from which twilio-go removes the milliseconds. The page is then empty, without an error
// (https://github.com/twilio/twilio-go/issues/226).
func TestComparisonPageToken(t *testing.T) {
	t.Parallel()
	server := conversationstest.Start(t)
	here, there := both(t, server.URL)
	want := createMany(t, conversations{there, ""}, 5)

	first, err := here.Page(t.Context(), client.ListParams{PageSize: 3})
	require.NoError(t, err)
	second, err := here.Page(t.Context(), client.ListParams{PageSize: 3, Cursor: first.Next})
	require.NoError(t, err)
	require.Len(t, second.Items, 2)
	assert.Equal(t, want[3:], []string{second.Items[0].SID, second.Items[1].SID})

	firstThere, err := there.PageConversation(&listParams{PageSize: new(3)}, "", "")
	require.NoError(t, err)
	assert.Equal(t, want[:3], sidsOf(firstThere.Conversations))
	token := tokenOf(t, *firstThere.Meta.NextPageUrl)
	assert.Regexp(t, `\.\d{3}Z`, token)
	secondThere, err := there.PageConversation(&listParams{PageSize: new(3)}, token, "1")
	require.NoError(t, err)
	sent := server.Requests()[len(server.Requests())-1].Query.Get("PageToken")
	assert.Regexp(t, `:\d\dZ`, sent, "the milliseconds are gone")
	assert.Empty(t, secondThere.Conversations)
	assert.Nil(t, secondThere.Meta.NextPageUrl, "it looks like the last one")
}

// A next page whose URL names another host. Here: it is requested from the host of the first page.
// There: it is requested from the other host, with the credentials.
func TestComparisonPageURLOfAnotherHost(t *testing.T) {
	t.Parallel()
	emulator, err := conversationstest.New()
	require.NoError(t, err)
	_, err = emulator.Seed(make([]conversationstest.Conversation, 5)...)
	require.NoError(t, err)
	var received atomic.Int32
	var authorization atomic.Value
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		received.Add(1)
		authorization.Store(r.Header.Get("Authorization"))
		emulator.ServeHTTP(w, r)
	}))
	t.Cleanup(other.Close)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Host = strings.TrimPrefix(other.URL, "http://") // and so will the URLs in the response be
		emulator.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	here, there := both(t, server.URL)

	n := 0
	for _, err := range here.List(t.Context(), client.ListParams{PageSize: 3}) {
		require.NoError(t, err)
		n++
	}
	assert.Equal(t, 5, n)
	assert.Zero(t, received.Load())

	all, err := there.ListConversation(&listParams{PageSize: new(3)})
	require.NoError(t, err)
	assert.Len(t, all, 5)
	assert.EqualValues(t, 1, received.Load())
	request := http.Request{Header: http.Header{"Authorization": {authorization.Load().(string)}}}
	user, password, _ := request.BasicAuth()
	assert.Equal(t, []string{accountSID, authToken}, []string{user, password})
}

// Leaving a list early. Here: nothing is left, although the next page is in flight. There: a
// goroutine waits forever to hand over the next conversation.
//
// It is not parallel because it counts goroutines.
func TestComparisonLeavingEarly(t *testing.T) {
	server := conversationstest.Start(t)
	seed(t, server, "a", "b", "c", "d", "e")
	here, there := both(t, server.URL)

	before := goleak.IgnoreCurrent()
	server.Fail("listConversation", conversationstest.Fault{}, conversationstest.Fault{Delay: time.Hour})
	n := 0
	for _, err := range here.List(t.Context(), client.ListParams{PageSize: 3}) {
		require.NoError(t, err)
		if n++; n == 2 {
			require.Eventually(t, func() bool { return len(server.Requests()) == 2 }, 10*time.Second, time.Millisecond)
			break
		}
	}
	http.DefaultClient.CloseIdleConnections()
	require.NoError(t, goleak.Find(before))

	records, errs := there.StreamConversation(&listParams{PageSize: new(3)})
	<-records
	http.DefaultClient.CloseIdleConnections()
	assert.ErrorContains(t, goleak.Find(before), "streamConversation")
	for range records { // only reading to the end ends it
	}
	require.NoError(t, <-errs)
}

// A unique name with characters that have a meaning in a URL. Here: it reaches its conversation.
// There: unless the caller escapes it, it is not found or reaches another conversation.
func TestComparisonUniqueNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"order/7", "order?7", "order#7"} {
		server := conversationstest.Start(t)
		seed(t, server, name, "order")
		here, there := both(t, server.URL)
		fetched, err := here.Fetch(t.Context(), name)
		require.NoError(t, err)
		assert.Equal(t, name, fetched.UniqueName)
		require.NoError(t, here.Delete(t.Context(), name))
		assert.Equal(t, []string{"order"}, names(server))

		seed(t, server, name)
		fetchedThere, err := there.FetchConversation(name)
		if name == "order/7" {
			wantError(t, err, 404, 20404)
			wantError(t, there.DeleteConversation(name, nil), 404, 20404)
			assert.ElementsMatch(t, []string{"order", name}, names(server))
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, "order", *fetchedThere.UniqueName, "that is the other one")
		require.NoError(t, there.DeleteConversation(name, nil))
		assert.Equal(t, []string{name}, names(server), "the other one was deleted")
	}
}

// Deleting without an id. Here: it is refused and nothing is sent. There: it is a DELETE of the
// collection.
func TestComparisonDeleteWithoutID(t *testing.T) {
	t.Parallel()
	server := conversationstest.Start(t)
	here, there := both(t, server.URL)

	_, ok := errors.AsType[*client.ParamError](here.Delete(t.Context(), ""))
	assert.True(t, ok)
	assert.Empty(t, server.Requests())

	wantError(t, there.DeleteConversation("", nil), 404, 20404) // it is up to the server
	require.Len(t, server.Requests(), 1)
	sent := server.Requests()[0]
	assert.Equal(t, "DELETE /v1/Conversations/", sent.Method+" "+sent.Path)
}

// A redirect. Here: it is an error with its status. There: it is a success with an empty
// conversation wherever possible, for a delete and for any JSON response.
func TestComparisonRedirect(t *testing.T) {
	t.Parallel()
	elsewhere, followed := answering(t, http.StatusOK, nil, "{}")
	check := func(body string) (fetched *conversation, err error) {
		url, requests := answering(t, http.StatusFound, http.Header{"Location": {elsewhere}, "Content-Type": {"application/json"}}, body)
		here, there := both(t, url)
		_, err = here.Fetch(t.Context(), "order-1234")
		assert.Equal(t, 302, failure(t, err).Status)
		assert.Equal(t, 302, failure(t, here.Delete(t.Context(), "order-1234")).Status)
		require.EqualValues(t, 2, requests.Load())

		require.NoError(t, there.DeleteConversation("order-1234", nil))
		return there.FetchConversation("order-1234")
	}
	fetched, err := check("{}")
	require.NoError(t, err)
	assert.Equal(t, &conversation{}, fetched)
	_, err = check("<a href=/>Found</a>")
	wantUntyped(t, err, "invalid character '<' looking for beginning of value") // and no status
	assert.Zero(t, followed.Load(), "neither of them follows it")
}

// A proxy's 502 with an HTML body. Here: it is an error with its status. There: it is a decoding
// error, which has the status only in its text.
func TestComparisonProxyPage(t *testing.T) {
	t.Parallel()
	url, requests := answering(t, http.StatusBadGateway, http.Header{"Content-Type": {"text/html"}}, "<html>bad gateway</html>")
	here, there := both(t, url)

	_, err := here.Fetch(t.Context(), "order-1234")
	assert.Equal(t, 502, failure(t, err).Status)
	assert.EqualValues(t, 4, requests.Load(), "and was retried")

	_, err = there.FetchConversation("order-1234")
	wantUntyped(t, err, "error decoding the response for an HTTP error code: 502: invalid character '<' looking for beginning of value")
	assert.EqualValues(t, 5, requests.Load())
}

// A page that fails after others. Here: the caller has the conversations before it, and the list
// resumes from a cursor. There: a list has none. A stream of twilio-go has them, but it cannot be
// resumed.
func TestComparisonPageFails(t *testing.T) {
	t.Parallel()
	server := conversationstest.Start(t)
	seed(t, server, "a", "b", "c", "d", "e")
	here, there := both(t, server.URL)
	secondPageFails := func() {
		server.Fail("listConversation", conversationstest.Fault{}, conversationstest.Fault{Status: 403})
	}

	secondPageFails()
	var got []string
	var failed *client.Error
	for c, err := range here.List(t.Context(), client.ListParams{PageSize: 3}) {
		if err != nil {
			failed = failure(t, err)
			break
		}
		got = append(got, c.UniqueName)
	}
	assert.Len(t, got, 3)
	require.NotNil(t, failed)
	for c, err := range here.List(t.Context(), client.ListParams{PageSize: 3, Cursor: failed.Cursor}) {
		require.NoError(t, err)
		got = append(got, c.UniqueName)
	}
	assert.ElementsMatch(t, names(server), got)

	secondPageFails()
	all, err := there.ListConversation(&listParams{PageSize: new(3)})
	wantError(t, err, 403, 20403)
	assert.Nil(t, all)

	secondPageFails()
	records, errs := there.StreamConversation(&listParams{PageSize: new(3)})
	n := 0
	for range records {
		n++
	}
	assert.Equal(t, 3, n)
	wantError(t, <-errs, 403, 20403)
}

// A 200 without a conversation. Here: it is an error. There: it is an empty conversation, or an
// empty list.
func TestComparisonEmptyAnswer(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"null", "{}"} {
		url, _ := answering(t, http.StatusOK, http.Header{"Content-Type": {"application/json"}}, body)
		here, there := both(t, url)
		_, err := here.Fetch(t.Context(), "order-1234")
		failure(t, err)
		_, err = here.Page(t.Context(), client.ListParams{})
		failure(t, err)
		yielded := 0
		for _, err := range here.List(t.Context(), client.ListParams{}) {
			failure(t, err)
			yielded++
		}
		assert.Equal(t, 1, yielded)

		fetched, err := there.FetchConversation("order-1234")
		require.NoError(t, err)
		assert.Equal(t, &conversation{}, fetched)
		all, err := there.ListConversation(nil)
		require.NoError(t, err)
		assert.Empty(t, all)
	}
}

// The methods of the ten operations. Here: seven, the same for any service. There: 28, for the
// default service and for others, each with a twin that returns the status and the header.
func TestComparisonMethods(t *testing.T) {
	t.Parallel()
	var here, want []string
	for method := range reflect.TypeFor[*client.Conversations]().Methods() {
		here = append(here, method.Name)
	}
	assert.ElementsMatch(t, []string{"Create", "Delete", "Fetch", "List", "Page", "Scan", "Update"}, here)

	api := reflect.TypeFor[*openapi.ApiService]()
	for _, verb := range []string{"Create", "Delete", "Fetch", "List", "Page", "Stream", "Update"} {
		for _, scope := range []string{"", "Service"} {
			for _, twin := range []string{"", "WithMetadata"} {
				name := fmt.Sprintf("%s%sConversation%s", verb, scope, twin)
				_, ok := api.MethodByName(name)
				assert.True(t, ok, name)
				want = append(want, name)
			}
		}
	}
	assert.Len(t, want, 28)
}
