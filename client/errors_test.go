package client_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Whatever the body of a failed response is, the error has operation, status and request id.
func TestErrorResponses(t *testing.T) {
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

func TestErrorIsOneLine(t *testing.T) {
	t.Parallel()
	_, err := newClient(t, newScript(t, jsonAnswer(400, `{"code":1e300,"message":"a\nb\u001b[31m"}`))).Conversations.Fetch(t.Context(), "order-1234")
	assert.EqualError(t, err, "fetchConversation {UniqueName}: 400 Bad Request: a b [31m (request "+requestID+")")
}
