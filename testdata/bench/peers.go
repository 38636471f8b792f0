package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/twilio/twilio-go"
	twilioclient "github.com/twilio/twilio-go/client"
	twilioconversations "github.com/twilio/twilio-go/rest/conversations/v1"

	"github.com/twilio-conversations-go/conversations/client"
)

const (
	user, secret  = "AC00000000000000000000000000000001", "secret"
	fetchSID      = "CH00000000000000000000000000000001"
	friendlyName  = "Order 1234"
	uniqueName    = "order-1234"
	inactiveAfter = time.Hour
)

// attributes returns an application's attributes: a separate map for each conversation.
func attributes() map[string]any {
	return map[string]any{"order": 1234, "topic": "delivery", "tags": []string{"web", "priority"}}
}

// peer is one of the clients that are compared. All have an http.Client of the same kind, with its
// own connections, and get the same Go values.
type peer struct {
	name   string
	list   func() (int, error) // how many conversations there are
	fetch  func() error
	create func() error
}

func newTransport() *http.Transport { return http.DefaultTransport.(*http.Transport).Clone() }

func thisClient(server string) peer {
	ctx := context.Background()
	c, err := client.New(client.BasicAuth(user, secret), client.WithBaseURL(server),
		client.WithHTTPClient(&http.Client{Transport: newTransport()}))
	check(err)
	return peer{
		name: "this client",
		list: func() (n int, err error) {
			for c, err := range c.Conversations.List(ctx, client.ListParams{PageSize: pageSize}) {
				if err != nil {
					return n, err
				}
				if c.SID != "" {
					n++
				}
			}
			return n, nil
		},
		fetch: func() error {
			_, err := c.Conversations.Fetch(ctx, fetchSID)
			return err
		},
		create: func() error {
			_, err := c.Conversations.Create(ctx, client.CreateParams{
				FriendlyName:  new(friendlyName),
				UniqueName:    new(uniqueName),
				Attributes:    attributes(),
				InactiveAfter: new(inactiveAfter),
			})
			return err
		},
	}
}

func handWrittenCode(server string) peer {
	ctx := context.Background()
	h := newHandWritten(server)
	return peer{
		name: "hand-written",
		list: func() (int, error) { return h.list(ctx) },
		fetch: func() error {
			_, err := h.fetch(ctx, fetchSID)
			return err
		},
		create: func() error {
			_, err := h.create(ctx, friendlyName, uniqueName, attributes(), inactiveAfter)
			return err
		},
	}
}

// redirect sends the requests of a client that knows only Twilio's host to the server.
type redirect struct {
	server    *url.URL
	transport *http.Transport
}

func (r redirect) RoundTrip(req *http.Request) (*http.Response, error) {
	// The client does not read the request afterwards, so it is changed in place. The copy that a
	// transport should make would cost more.
	req.URL.Scheme, req.URL.Host, req.URL.Path = r.server.Scheme, r.server.Host, r.server.Path+req.URL.Path
	return r.transport.RoundTrip(req)
}

// twilioGo is the official client as its users have it, except for the redirection. It takes
// attributes and timers only as text, which its user composes.
func twilioGo(server string) peer {
	u, err := url.Parse(server)
	check(err)
	c := twilio.NewRestClientWithParams(twilio.ClientParams{Client: &twilioclient.Client{
		Credentials: twilioclient.NewCredentials(user, secret),
		HTTPClient:  &http.Client{Transport: redirect{u, newTransport()}, Timeout: requestTimeout},
	}}).ConversationsV1
	return peer{
		name: "twilio-go",
		list: func() (n int, err error) {
			// Streaming is the faster way: ListConversation copies each conversation once more.
			stream, errs := c.StreamConversation(new(twilioconversations.ListConversationParams).SetPageSize(pageSize))
			for c := range stream {
				if c.Sid != nil {
					n++
				}
			}
			return n, <-errs
		},
		fetch: func() error {
			_, err := c.FetchConversation(fetchSID)
			return err
		},
		create: func() error {
			text, err := json.Marshal(attributes())
			if err != nil {
				return err
			}
			_, err = c.CreateConversation(new(twilioconversations.CreateConversationParams).
				SetFriendlyName(friendlyName).SetUniqueName(uniqueName).SetAttributes(string(text)).
				SetTimersInactive(fmt.Sprintf("PT%dS", int(inactiveAfter.Seconds()))))
			return err
		},
	}
}
