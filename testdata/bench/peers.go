package main

import (
	"context"
	"encoding/base64"
	stdjson "encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/twilio/twilio-go"
	twilioclient "github.com/twilio/twilio-go/client"
	twilioconversations "github.com/twilio/twilio-go/rest/conversations/v1"

	"github.com/twilio-conversations-go/conversations/client"
)

const (
	user, secret = "AC00000000000000000000000000000001", "secret"
	fetchSID     = "CH00000000000000000000000000000001"
	friendlyName = "Order 1234"
	uniqueName   = "order-1234"
	attributes   = `{"order":1234,"topic":"delivery"}`
)

// peer is one of the clients that are compared. All of them have an http.Client of the same kind, with
// connections of their own.
type peer struct {
	name   string
	list   func() (int, error) // how many conversations there are
	fetch  func() error
	create func() error
}

func newTransport() *http.Transport { return http.DefaultTransport.(*http.Transport).Clone() }

// ours is this project's client.
func ours(server string) peer {
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
				FriendlyName: new(friendlyName), UniqueName: new(uniqueName), Attributes: stdjson.RawMessage(attributes)})
			return err
		},
	}
}

// handWritten is peer A: what a good engineer writes for just these three calls, with the decoder that
// this client has.
type handWritten struct {
	http          *http.Client
	server        string
	authorization string
}

type conversationA struct {
	AccountSID          string    `json:"account_sid"`
	ChatServiceSID      string    `json:"chat_service_sid"`
	MessagingServiceSID string    `json:"messaging_service_sid"`
	SID                 string    `json:"sid"`
	FriendlyName        string    `json:"friendly_name"`
	UniqueName          string    `json:"unique_name"`
	Attributes          string    `json:"attributes"`
	State               string    `json:"state"`
	DateCreated         time.Time `json:"date_created"`
	DateUpdated         time.Time `json:"date_updated"`
	Timers              struct {
		DateInactive time.Time `json:"date_inactive"`
		DateClosed   time.Time `json:"date_closed"`
	} `json:"timers"`
	URL   string `json:"url"`
	Links struct {
		Participants string `json:"participants"`
		Messages     string `json:"messages"`
		Webhooks     string `json:"webhooks"`
		Export       string `json:"export"`
	} `json:"links"`
	Bindings struct {
		Email struct {
			ProjectedAddress string `json:"projected_address"`
			Name             string `json:"name"`
		} `json:"email"`
	} `json:"bindings"`
}

type pageA struct {
	Conversations []conversationA `json:"conversations"`
	Meta          struct {
		Page            int    `json:"page"`
		PageSize        int    `json:"page_size"`
		FirstPageURL    string `json:"first_page_url"`
		PreviousPageURL string `json:"previous_page_url"`
		URL             string `json:"url"`
		NextPageURL     string `json:"next_page_url"`
		Key             string `json:"key"`
	} `json:"meta"`
}

var optionsA = json.JoinOptions(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))

func (h *handWritten) do(ctx context.Context, method, path string, form url.Values, want int, answer any) error {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(ctx, method, h.server+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", h.authorization)
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := h.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != want {
		return fmt.Errorf("%s: %s", resp.Status, data)
	}
	return json.Unmarshal(data, answer, optionsA)
}

func (h *handWritten) list(ctx context.Context) (n int, err error) {
	query := url.Values{"PageSize": {fmt.Sprint(pageSize)}}
	for {
		var page pageA
		if err := h.do(ctx, http.MethodGet, "/v1/Conversations?"+query.Encode(), nil, http.StatusOK, &page); err != nil {
			return n, err
		}
		for i := range page.Conversations {
			if page.Conversations[i].SID != "" {
				n++
			}
		}
		if page.Meta.NextPageURL == "" {
			return n, nil
		}
		next, err := url.Parse(page.Meta.NextPageURL)
		if err != nil {
			return n, err
		}
		query = next.Query()
	}
}

func peerA(server string) peer {
	ctx := context.Background()
	h := &handWritten{
		http:          &http.Client{Transport: newTransport(), Timeout: 30 * time.Second},
		server:        server,
		authorization: "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+secret)),
	}
	return peer{
		name: "hand-written",
		list: func() (int, error) { return h.list(ctx) },
		fetch: func() error {
			var c conversationA
			return h.do(ctx, http.MethodGet, "/v1/Conversations/"+fetchSID, nil, http.StatusOK, &c)
		},
		create: func() error {
			var c conversationA
			return h.do(ctx, http.MethodPost, "/v1/Conversations", url.Values{
				"FriendlyName": {friendlyName}, "UniqueName": {uniqueName}, "Attributes": {attributes}}, http.StatusCreated, &c)
		},
	}
}

// redirect sends the requests of a client that knows only Twilio's host to the server.
type redirect struct {
	server    *url.URL
	transport *http.Transport
}

func (r redirect) RoundTrip(req *http.Request) (*http.Response, error) {
	// Its client reads nothing of the request afterwards: this is cheaper than the copy that would be due.
	req.URL.Scheme, req.URL.Host, req.URL.Path = r.server.Scheme, r.server.Host, r.server.Path+req.URL.Path
	return r.transport.RoundTrip(req)
}

// peerB is twilio-go, the official client, as its users have it but for the redirection.
func peerB(server string) peer {
	u, err := url.Parse(server)
	check(err)
	c := twilio.NewRestClientWithParams(twilio.ClientParams{Client: &twilioclient.Client{
		Credentials: twilioclient.NewCredentials(user, secret),
		HTTPClient:  &http.Client{Transport: redirect{u, newTransport()}, Timeout: 30 * time.Second},
	}}).ConversationsV1
	return peer{
		name: "twilio-go",
		list: func() (n int, err error) {
			// Streaming is its faster way: ListConversation copies each conversation once more.
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
			_, err := c.CreateConversation(new(twilioconversations.CreateConversationParams).
				SetFriendlyName(friendlyName).SetUniqueName(uniqueName).SetAttributes(attributes))
			return err
		},
	}
}
