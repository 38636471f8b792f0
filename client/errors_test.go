package client_test

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/twilio-conversations-go/conversations/client"
)

// Whatever the body of a failure is, the error has operation, status and request id.
func TestErrorAnswers(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		body    string
		code    int
		message string
	}{
		"Twilio's":            {`{"code":20001,"message":"Bad","more_info":"https://x","status":400,"detail":{"a":[1]}}`, 20001, "Bad"},
		"HTML":                {"<html>Bad Gateway</html>", 0, ""},
		"empty":               {"", 0, ""},
		"null":                {"null", 0, ""},
		"array":               {`[{"code":1}]`, 0, ""},
		"truncated":           {`{"code":20001,"mess`, 0, ""},
		"other types":         {`{"code":"20001","message":{"text":"Bad"},"more_info":7}`, 0, ""},
		"no code":             {`{"message":"Bad"}`, 0, "Bad"},
		"invalid UTF-8":       {"{\"code\":20001,\"message\":\"B\xffd\"}", 20001, "B\ufffdd"},
		"10 MB":               {`{"code":20001,"message":"` + strings.Repeat("x", 10<<20) + `"}`, 0, ""},
		"code as a fraction":  {`{"code":20001.0,"message":"Bad"}`, 20001, "Bad"},
		"deeply nested":       {strings.Repeat("[", 60000), 0, ""},
		"twice the same name": {`{"code":1,"code":20001}`, 20001, ""},
	} {
		for verb, do := range verbs {
			t.Run(name+"/"+verb, func(t *testing.T) {
				t.Parallel()
				err := do(t.Context(), newClient(t, newScript(t, answer(400, "text/html", tc.body))).Conversations)
				e := apiError(t, err)
				assert.Equal(t, 400, e.Status)
				assert.Equal(t, tc.code, e.Code)
				assert.Equal(t, tc.message, e.Message)
				assert.Equal(t, requestID, e.RequestID)
				assert.Contains(t, e.Operation, strings.Fields(verb)[0]+"Conversation")
				assert.Less(t, len(err.Error()), 300)
			})
		}
	}
}

// An error says what is known of the outcome. A program's own fake may make one too.
func TestErrorText(t *testing.T) {
	t.Parallel()
	for text, e := range map[string]client.Error{
		"listConversation: 599": {Operation: "listConversation", Status: 599},
		"updateServiceConversation " + theSID + ": 503 Service Unavailable; it may have been carried out": {
			Operation: "updateServiceConversation", SID: theSID, Status: 503, Attempts: 1, Unclear: true},
		"createConversation: 429 Too Many Requests: Slow down (code 20429, 4 attempts, retry after 3s); no conversation was created": {
			Operation: "createConversation", Status: 429, Message: "Slow\ndown", Code: 20429, Attempts: 4, RetryAfter: 3 * time.Second},
		"createServiceConversation (2 attempts); the conversation may have been created": {
			Operation: "createServiceConversation", Attempts: 2, Unclear: true},
	} {
		assert.EqualError(t, &e, text)
	}
}

// Each failure matches the sentinels that describe it, and nothing else.
func TestErrorIs(t *testing.T) {
	t.Parallel()
	sentinels := []error{client.ErrNotFound, client.ErrUnauthorized, client.ErrForbidden, client.ErrConflict,
		client.ErrRateLimited, client.ErrClosed, client.ErrMaybeCreated, io.EOF}
	for _, tc := range []struct {
		err client.Error
		is  []error
	}{
		{client.Error{Operation: "createConversation", Status: 404}, []error{client.ErrNotFound}},
		{client.Error{Operation: "fetchConversation", Status: 401}, []error{client.ErrUnauthorized}},
		{client.Error{Operation: "fetchConversation", Status: 403}, []error{client.ErrForbidden}},
		{client.Error{Operation: "createConversation", Status: 409, Unclear: true}, []error{client.ErrConflict, client.ErrMaybeCreated}},
		{client.Error{Operation: "createServiceConversation", Unclear: true}, []error{client.ErrMaybeCreated}},
		{client.Error{Operation: "deleteConversation", Status: 429, Unclear: true}, []error{client.ErrRateLimited}},
		{client.Error{Operation: "updateConversation", Status: 400, Code: 50377}, []error{client.ErrClosed}},
		{client.Error{Operation: "listConversation", Status: 500}, nil},
	} {
		for _, target := range sentinels {
			assert.Equal(t, slices.Contains(tc.is, target), errors.Is(&tc.err, target), "%v: %v", &tc.err, target)
		}
	}
}

func TestErrorIsALine(t *testing.T) {
	t.Parallel()
	_, err := newClient(t, newScript(t, jsonAnswer(400, `{"code":1e300,"message":"a\nb\u001b[31m"}`))).Conversations.Fetch(t.Context(), "order-1234")
	assert.EqualError(t, err, "fetchConversation {UniqueName}: 400 Bad Request: a b [31m (request "+requestID+")")
}
