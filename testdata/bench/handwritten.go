package main

import (
	"bytes"
	"context"
	"encoding/base64"
	stdjson "encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// handWritten is what an engineer who cares for speed writes for just these three calls. It has
// what makes this client fast: the JSON v2 decoder, pooled buffers, a page fetched in advance, and
// credentials whose header is computed once.
//
// It also does what a call needs in any client. It has a context and a timeout for each request, a
// bound on the size of a response, the check of the status, and attributes and a timer encoded from
// Go values. It has no retries, no checks of its input, no typed errors and no logging.
type handWritten struct {
	http          *http.Client
	server        string
	authorization string
}

func newHandWritten(server string) *handWritten {
	return &handWritten{
		http:          &http.Client{Transport: newTransport()},
		server:        server,
		authorization: "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+secret)),
	}
}

type handWrittenConversation struct {
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

// handWrittenPage holds pointers to conversations, so that keeping one does not keep the page in
// memory.
type handWrittenPage struct {
	Conversations []*handWrittenConversation `json:"conversations"`
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

const (
	requestTimeout = 30 * time.Second
	maxResponse    = 64 << 20
)

var (
	decoding = json.JoinOptions(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
	buffers  = sync.Pool{New: func() any { return new(bytes.Buffer) }}
)

// do sends a request and decodes its response into the value that result points to.
func (h *handWritten) do(ctx context.Context, method, path string, form url.Values, want int, result any) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(ctx, method, h.server+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", h.authorization)
	req.Header.Set("User-Agent", "hand-written/1.0")
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := h.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()

	buffer := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(buffer)
	buffer.Reset()
	if 0 < resp.ContentLength && resp.ContentLength <= maxResponse {
		buffer.Grow(int(resp.ContentLength) + bytes.MinRead)
	}
	if _, err := buffer.ReadFrom(http.MaxBytesReader(nil, resp.Body, maxResponse)); err != nil {
		return err
	}
	if resp.StatusCode != want {
		return fmt.Errorf("%s: %s", resp.Status, buffer)
	}
	return json.Unmarshal(buffer.Bytes(), result, decoding)
}

// page fetches a page in its own goroutine.
func (h *handWritten) page(ctx context.Context, query url.Values) <-chan fetchedPage {
	fetched := make(chan fetchedPage, 1)
	go func() {
		var f fetchedPage
		f.err = h.do(ctx, http.MethodGet, "/v1/Conversations?"+query.Encode(), nil, http.StatusOK, &f.page)
		fetched <- f
	}()
	return fetched
}

type fetchedPage struct {
	page handWrittenPage
	err  error
}

// list counts the conversations. The next page is fetched meanwhile.
func (h *handWritten) list(ctx context.Context) (n int, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	next := h.page(ctx, url.Values{"PageSize": {strconv.Itoa(pageSize)}})
	for next != nil {
		f := <-next
		if f.err != nil {
			return n, f.err
		}
		next = nil
		if f.page.Meta.NextPageURL != "" {
			u, err := url.Parse(f.page.Meta.NextPageURL)
			if err != nil {
				return n, err
			}
			next = h.page(ctx, u.Query())
		}
		for _, c := range f.page.Conversations {
			if c.SID != "" {
				n++
			}
		}
	}
	return n, nil
}

func (h *handWritten) fetch(ctx context.Context, sid string) (*handWrittenConversation, error) {
	var c handWrittenConversation
	err := h.do(ctx, http.MethodGet, "/v1/Conversations/"+url.PathEscape(sid), nil, http.StatusOK, &c)
	return &c, err
}

func (h *handWritten) create(ctx context.Context, friendlyName, uniqueName string, attributes any, inactiveAfter time.Duration) (*handWrittenConversation, error) {
	text, err := stdjson.Marshal(attributes)
	if err != nil {
		return nil, err
	}
	var c handWrittenConversation
	err = h.do(ctx, http.MethodPost, "/v1/Conversations", url.Values{
		"FriendlyName":    {friendlyName},
		"UniqueName":      {uniqueName},
		"Attributes":      {string(text)},
		"Timers.Inactive": {"PT" + strconv.Itoa(int(inactiveAfter.Seconds())) + "S"},
	}, http.StatusCreated, &c)
	return &c, err
}
