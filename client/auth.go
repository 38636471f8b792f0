package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/twilio-conversations-go/conversations/gen"
)

// BasicAuth authenticates each request with HTTP basic authentication: an account SID (AC…) and its
// auth token, or an API key SID (SK…) and its secret, which Twilio recommends for production.
//
// Like every auth editor it also serves the bare generated client, through
// [gen.WithRequestEditorFn]. An empty or malformed user name or an empty password is reported
// by the first call, before anything is sent.
//
// See https://www.twilio.com/docs/iam/api-keys
func BasicAuth(sid, secret string) gen.RequestEditorFn {
	return func(_ context.Context, req *http.Request) error {
		switch {
		case sid == "" || strings.ContainsFunc(sid, func(r rune) bool { return r == ':' || r <= ' ' }):
			return &ParamError{Param: "auth", Reason: "the account SID or API key SID is empty or malformed"}
		case secret == "":
			return &ParamError{Param: "auth", Reason: "the auth token or API key secret is empty"}
		}
		req.SetBasicAuth(sid, secret)
		return nil
	}
}

// BearerToken authenticates each request with an OAuth 2.0 access token. The function is called for
// every attempt, with the context of the call; it should return a token that it keeps until shortly
// before it expires, and be safe for concurrent use. When it fails, nothing is sent and the call
// returns its error, wrapped.
//
// See https://www.twilio.com/docs/iam/oauth-apps/oauth-access-token
func BearerToken(token func(context.Context) (string, error)) gen.RequestEditorFn {
	return func(ctx context.Context, req *http.Request) error {
		if token == nil {
			return &ParamError{Param: "auth", Reason: "the function that returns the token is nil"}
		}
		t, err := token(ctx)
		if err != nil {
			return fmt.Errorf("getting the bearer token: %w", err)
		}
		if t == "" || strings.ContainsFunc(t, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return errors.New("getting the bearer token: it is empty or malformed")
		}
		req.Header.Set("Authorization", "Bearer "+t)
		return nil
	}
}
