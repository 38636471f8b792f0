package client_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/client"
)

func TestAuth(t *testing.T) {
	t.Parallel()
	denied := errors.New("denied")
	type editor = func(context.Context, *http.Request) error
	token := func(token string, err error) editor {
		return client.BearerToken(func(context.Context) (string, error) { return token, err })
	}
	for name, tc := range map[string]struct {
		auth editor
		want string // the header
	}{
		"account":          {client.BasicAuth("AC1", "x:y"), "Basic QUMxOng6eQ=="},
		"API key":          {client.BasicAuth("SK1", "s"), "Basic U0sxOnM="},
		"bearer":           {token("t.o-k_e~n", nil), "Bearer t.o-k_e~n"},
		"no user":          {client.BasicAuth("", "x"), ""},
		"a user too many":  {client.BasicAuth("AC1:x", "x"), ""},
		"no password":      {client.BasicAuth("AC1", ""), ""},
		"a line too many":  {client.BasicAuth("AC1", "x\n"), ""},
		"no token":         {token("", nil), ""},
		"malformed token":  {token("a\r\nb", nil), ""},
		"token is refused": {token("", denied), ""},
		"no function":      {client.BearerToken(nil), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sent := 0
			c, err := client.New(tc.auth, client.WithHTTPClient(&http.Client{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
				sent++
				assert.Equal(t, tc.want, req.Header.Get("Authorization"))
				return success("create")(req)
			})}))
			require.NoError(t, err)
			_, err = c.Conversations.Create(t.Context(), client.CreateParams{})
			if tc.want != "" {
				require.NoError(t, err)
				assert.Equal(t, 1, sent)
				return
			}
			e := apiError(t, err)
			assert.Zero(t, e.Attempts)
			assert.NotErrorIs(t, err, client.ErrMaybeCreated)
			assert.Zero(t, sent, "a request without credentials")
			if name == "token is refused" {
				assert.ErrorIs(t, err, denied)
			}
		})
	}
}
