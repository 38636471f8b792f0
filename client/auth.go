package client

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"unicode"
)

// BasicAuth authenticates each request with HTTP basic authentication: an account SID (AC…) and its
// auth token, or an API key SID (SK…) and its secret, which Twilio recommends for production.
//
// Like every [RequestEditor] it also serves the bare generated client, through gen.WithRequestEditorFn. An
// empty or malformed user name or password, such as one with the line break of the file it was read from, is
// reported by the first call, before anything is sent.
//
// See https://www.twilio.com/docs/iam/api-keys
func BasicAuth(sid, secret string) RequestEditor {
	var invalid error
	switch {
	case sid == "" || strings.ContainsFunc(sid, func(r rune) bool { return r == ':' || r <= ' ' }):
		invalid = &ParamError{Param: "BasicAuth", Reason: "the account SID or API key SID must not be empty or malformed"}
	case secret == "" || strings.ContainsFunc(secret, unicode.IsControl):
		invalid = &ParamError{Param: "BasicAuth", Reason: "the auth token or API key secret must not be empty or have a line break"}
	}
	header := "Basic " + base64.StdEncoding.EncodeToString([]byte(sid+":"+secret))
	return func(_ context.Context, req *http.Request) error {
		if invalid == nil {
			req.Header.Set("Authorization", header)
		}
		return invalid
	}
}

// BearerToken authenticates each request with an OAuth 2.0 access token. The function is called for
// every attempt, with the context of the call. It should return a token that it keeps until shortly
// before it expires, and be safe for concurrent use. If it fails, nothing is sent and the call
// returns its error, wrapped.
//
// See https://www.twilio.com/docs/iam/oauth-apps/oauth-access-token
func BearerToken(token func(context.Context) (string, error)) RequestEditor {
	return func(ctx context.Context, req *http.Request) error {
		if token == nil {
			return &ParamError{Param: "BearerToken", Reason: "the function that returns the token must not be nil"}
		}
		t, err := token(ctx)
		if err != nil {
			return fmt.Errorf("getting the bearer token: %w", err)
		}
		if t == "" || strings.ContainsFunc(t, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return fault("getting the bearer token: it is empty or malformed")
		}
		req.Header.Set("Authorization", "Bearer "+t)
		return nil
	}
}
