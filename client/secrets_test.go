package client_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/client"
)

const (
	secretToken  = "planted-auth-token"
	secretBearer = "planted-bearer-token"
	secretName   = "planted name/of a person"
)

// Nothing that the package hands out or logs holds a credential or a unique name, in whatever way it is
// printed, and even if the server repeats both in its answer.
func TestNoSecretIsPrinted(t *testing.T) {
	t.Parallel()
	basic := base64.StdEncoding.EncodeToString([]byte(accountSID + ":" + secretToken))
	echo := func(status int) step {
		return func(req *http.Request) (*http.Response, error) {
			_, password, _ := req.BasicAuth()
			sent := req.Header.Get("Authorization") + " " + password
			return jsonAnswer(status, fmt.Sprintf(`{"code":20404,"message":%q,"more_info":%q}`,
				"The requested resource "+req.URL.Path+" or "+req.URL.EscapedPath()+" was not found, "+sent, "https://www.twilio.com/docs/"+cmp.Or(password, secretBearer)))(req)
		}
	}
	for name, failure := range map[string]step{
		"404 that repeats the request": echo(404),
		"503 that repeats the request": echo(503),
		"connection lost":              connectionLost,
		"no host": func(req *http.Request) (*http.Response, error) {
			return nil, &url.Error{Op: "Get", URL: req.URL.String(), Err: &url.Error{Op: "Get", URL: req.URL.String(), Err: &net.DNSError{Err: "no such host", Name: req.URL.Host}}}
		},
		"redirect":  answer(302, "", "", "Location", "https://elsewhere.example/"+url.PathEscape(secretName)+"?"+secretToken),
		"not JSON":  answer(200, "text/html", secretToken),
		"malformed": jsonAnswer(200, `{"sid":7}`),
		"silence":   silence,
	} {
		for auth, editor := range map[string]func(context.Context, *http.Request) error{
			"basic":  client.BasicAuth(accountSID, secretToken),
			"bearer": client.BearerToken(func(context.Context) (string, error) { return secretBearer, nil }),
		} {
			t.Run(name+"/"+auth, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					var log bytes.Buffer
					handler := slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})
					server := newScript(t, failure, failure)
					c, err := client.New(editor, client.WithHTTPClient(&http.Client{Transport: server}),
						client.WithLogger(slog.New(handler)), client.WithRetry(client.RetryPolicy{MaxAttempts: 1}))
					require.NoError(t, err)
					var resp client.Response
					_, err = c.Conversations.Fetch(t.Context(), secretName, client.WithResponse(&resp))
					require.Error(t, err)
					createErr := c.Conversations.Delete(t.Context(), secretName)

					slog.New(handler).Info("all of it", "error", err, "client", c, "service", c.Service(serviceSID), "list", c.Conversations)
					out := log.String()
					for _, v := range []any{err, apiError(t, err), *apiError(t, err), createErr, c, *c, c.Conversations, *c.Conversations, c.Service(serviceSID), editor} {
						encoded, _ := json.Marshal(v)
						out += fmt.Sprintf("%v\n%+v\n%#v\n%s\n%s\n", v, v, v, v, encoded)
					}
					for _, secret := range []string{secretToken, secretBearer, basic, secretName, url.PathEscape(secretName)} {
						assert.False(t, strings.Contains(out, secret), "%q is printed", secret)
					}
					assert.True(t, strings.Contains(out, "fetchConversation"), "nothing is printed")
				})
			})
		}
	}
}

func TestNoSecretInConstruction(t *testing.T) {
	t.Parallel()
	for _, opts := range [][]client.Option{
		{client.WithBaseURL("https://user:" + secretToken + "@example.com")},
		{client.WithBaseURL("https://user:" + secretToken + "@example.com:port")},
		{client.WithBaseURL("https://example.com/?token=" + secretToken)},
		{client.WithRegion(secretToken + "!")},
	} {
		_, err := client.New(client.BasicAuth(accountSID, secretToken), opts...)
		require.Error(t, err)
		assert.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, err), secretToken)
	}
}

// A CH sid is no personal data, and helps to find what an error is about.
func TestSIDStaysInTheMessage(t *testing.T) {
	t.Parallel()
	const sid = "CH00000000000000000000000000000001"
	_, err := newClient(t, newScript(t, jsonAnswer(404, `{"code":20404,"message":"The requested resource /Conversations/`+sid+` was not found"}`))).
		Conversations.Fetch(t.Context(), sid)
	assert.EqualError(t, err, "fetchConversation "+sid+": 404 Not Found: The requested resource /Conversations/"+sid+" was not found (code 20404, request "+requestID+")")
}

// A unique name is in no text, wherever the server repeats it.
func TestNamesAreRedactedEverywhere(t *testing.T) {
	t.Parallel()
	const name = "Alice/1@example.com"
	for _, message := range []string{
		"Conversation with unique name '" + name + "' already exists",
		"Conversation " + name + " was not found",
		"the key v1_" + name + "_2 is taken",
		"The requested resource /Conversations/alice%2f1@example.com was not found",
		"The requested resource /Conversations/" + url.PathEscape(name) + " was not found",
		"UniqueName=" + url.QueryEscape(name) + " is taken",
	} {
		refusal := jsonAnswer(409, fmt.Sprintf(`{"code":50353,"message":%q}`, message))
		for _, do := range []func(c *client.Conversations) error{
			func(c *client.Conversations) error { _, err := c.Fetch(t.Context(), name); return err },
			func(c *client.Conversations) error { return c.Delete(t.Context(), name) },
			func(c *client.Conversations) error {
				_, err := c.Create(t.Context(), client.CreateParams{UniqueName: new(name)})
				return err
			},
			func(c *client.Conversations) error {
				_, err := c.Update(t.Context(), "order-1234", client.UpdateParams{UniqueName: new(name)})
				return err
			},
		} {
			err := do(newClient(t, newScript(t, refusal)).Conversations)
			text := strings.ToLower(fmt.Sprintf("%v %+v %#v", err, err, *apiError(t, err)))
			assert.NotContains(t, text, "alice", message)
			assert.NotContains(t, text, "example", message)
			assert.Contains(t, text, "{uniquename}")
		}
	}
	// Of an error that another one tells of, the text is not repeated.
	synctest.Test(t, func(t *testing.T) {
		server := newScript(t, connectionLost, jsonAnswer(409, nameTaken), jsonAnswer(404, `{"message":"`+name+` was not found"}`))
		_, err := newClient(t, server).Conversations.Create(t.Context(), client.CreateParams{UniqueName: new(name)})
		assert.ErrorContains(t, err, "looking up what became of it failed: 404 Not Found")
	})
	// A name that is a part of a word leaves the word alone.
	_, err := newClient(t, newScript(t, jsonAnswer(404, `{"message":"at 1: a resource was not found"}`))).Conversations.Fetch(t.Context(), "a")
	assert.Equal(t, "at 1: {UniqueName} resource was not found", apiError(t, err).Message)
}

// The errors of a transport are found in the error of the call, whatever they are wrapped in, and no URL
// is in its text.
func TestTransportErrorsAreFound(t *testing.T) {
	t.Parallel()
	sentinel := errors.New("circuit open")
	_, err := newClient(t, roundTripper(func(req *http.Request) (*http.Response, error) {
		return nil, fmt.Errorf("%w: %w", sentinel, &url.Error{Op: "Get", URL: req.URL.String(), Err: io.ErrUnexpectedEOF})
	}), noRetry).Conversations.Fetch(t.Context(), "alice")
	assert.ErrorIs(t, err, sentinel)
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.NotContains(t, err.Error(), "alice")
}
