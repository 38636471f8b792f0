package client_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/client"
)

// Whatever the URL of the next page is, its token is replayed byte for byte on the configured host,
// or the list ends with an error.
func FuzzNextPageURL(f *testing.F) {
	for _, next := range []string{
		"", "https://conversations.twilio.com/v1/Conversations?PageSize=50&Page=1&PageToken=PTclosed_2024-01-18T03:17:17.005Z_CHa09ace6334284f0aa7f988ebad3e231a",
		"https://evil.example/?PageToken=x", "?PageToken=a%2Bb&Page=-1", "?Page=1", "?PageToken=a;b", "?PageToken=%zz", ":", "//[", "?PageToken=a&PageToken=b", "?PageToken=a#b",
	} {
		f.Add(next)
	}
	f.Fuzz(func(t *testing.T, next string) {
		quoted, err := json.Marshal(next)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(quoted, &next)) // as the client will read it
		server := newScript(t, jsonAnswer(200, `{"conversations":[],"meta":{"next_page_url":`+string(quoted)+`}}`), page(""))
		for _, err = range newClient(t, server).Conversations.List(t.Context(), client.ListParams{}) {
		}
		switch {
		case next == "":
			require.NoError(t, err)
			require.Len(t, server.requests, 1)
		case err != nil:
			assert.Equal(t, 200, apiError(t, err).Status)
			require.Len(t, server.requests, 1)
		default:
			require.Len(t, server.requests, 2)
			sent := server.requests[1].URL
			assert.Equal(t, "conversations.twilio.com", sent.Host)
			_, query, _ := strings.Cut(next, "?")
			query, _, _ = strings.Cut(query, "#")
			values, err := url.ParseQuery(query)
			require.NoError(t, err)
			assert.Equal(t, values.Get("PageToken"), sent.Query().Get("PageToken"))
		}
	})
}

// Whatever Retry-After says, the call ends: after a wait that the policy allows, or at once.
func FuzzRetryAfter(f *testing.F) {
	for _, value := range []string{"", "0", "30", "31", "-1", "1.5", "99999999999999999999", "9223372036", "Sat, 01 Jan 2000 00:00:10 GMT", "Saturday, 01-Jan-00 00:00:10 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		synctest.Test(t, func(t *testing.T) {
			refused := answer(429, "", "", "Retry-After", value)
			server := newScript(t, refused, success("fetch"))
			began := time.Now()
			_, err := newClient(t, server).Conversations.Fetch(t.Context(), "order-1234")
			if err == nil {
				assert.LessOrEqual(t, time.Since(began), 30*time.Second+500*time.Millisecond)
				return
			}
			assert.Zero(t, time.Since(began))
			assert.Greater(t, apiError(t, err).RetryAfter, 30*time.Second)
		})
	})
}

// Whatever the body of a response is, the result is a typed error or a value with a SID.
func FuzzResponse(f *testing.F) {
	for _, body := range []string{"", "null", "{}", notFound, conversation(), conversation("sid", "null"), `{"sid":"CH1","timers":[]}`, "<html>", "\xff"} {
		f.Add(0, body)
		f.Add(204, body)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		status = 200 + int(uint(status)%400) // net/http returns no other as the response
		conv, err := newClient(t, newScript(t, jsonAnswer(status, body)), noRetry).Conversations.Fetch(t.Context(), "order-1234")
		if err == nil {
			assert.Equal(t, 200, status)
			assert.NotEmpty(t, conv.SID)
			return
		}
		e := apiError(t, err)
		assert.Equal(t, status, e.Status)
		assert.Equal(t, requestID, e.RequestID)
		_ = err.Error()
	})
}

// Attributes are sent verbatim if they are JSON, and refused otherwise.
func FuzzAttributes(f *testing.F) {
	for _, attributes := range []string{"{}", ` { "a" : 1e400 } `, "null", "", "{", `"\ud83d"`, "\"\xff\"", "[1,]", "1 2"} {
		f.Add(attributes)
	}
	f.Fuzz(func(t *testing.T, attributes string) {
		server := newScript(t, success("create"))
		_, err := newClient(t, server).Conversations.Create(t.Context(), client.CreateParams{Attributes: json.RawMessage(attributes)})
		if !json.Valid([]byte(attributes)) {
			assert.Equal(t, "Attributes", paramError(t, err).Param)
			return
		}
		if _, refused := errors.AsType[*client.ParamError](err); refused {
			assert.True(t, len(attributes) > 16<<10 || strings.ToValidUTF8(attributes, "") != attributes)
			return
		}
		require.NoError(t, err)
		body, err := server.requests[0].GetBody()
		require.NoError(t, err)
		form := new(strings.Builder)
		_, err = io.Copy(form, body)
		require.NoError(t, err)
		values, err := url.ParseQuery(form.String())
		require.NoError(t, err)
		assert.Equal(t, attributes, values.Get("Attributes"))
	})
}
