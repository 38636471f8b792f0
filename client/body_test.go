package client_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/client"
)

// Answers are read into buffers that are used again: what was decoded from one stays as it was.
func TestDecodedValuesOutliveTheBuffer(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
		w.Header().Set("Content-Type", "application/json")
		body := conversation("unique_name", `"`+n+`"`, "friendly_name", `"name `+n+`"`, "attributes", `"{\"n\":`+n+`}"`)
		if i, _ := strconv.Atoi(n); i%2 == 0 { // otherwise its length is not told
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		} else {
			w.(http.Flusher).Flush()
		}
		fmt.Fprint(w, body)
	}))
	defer server.Close()
	c, err := client.New(client.BasicAuth(accountSID, authToken), client.WithBaseURL(server.URL))
	require.NoError(t, err)

	var workers sync.WaitGroup
	for w := range 4 {
		workers.Go(func() {
			var fetched []*client.Conversation
			for i := range 50 {
				conv, err := c.Conversations.Fetch(t.Context(), strconv.Itoa(100*w+i))
				if !assert.NoError(t, err) {
					return
				}
				fetched = append(fetched, conv)
			}
			for i, conv := range fetched {
				assert.Equal(t, fmt.Sprintf("name %d", 100*w+i), conv.FriendlyName)
				assert.Equal(t, fmt.Sprintf(`{"n":%d}`, 100*w+i), conv.Attributes)
			}
		})
	}
	workers.Wait()
}

// The length that a server tells is not believed further than a page may be long.
func TestBoastedLength(t *testing.T) {
	t.Parallel()
	body := conversation()
	c := newClient(t, newScript(t, func(req *http.Request) (*http.Response, error) {
		resp, err := jsonAnswer(200, body)(req)
		resp.ContentLength = 1 << 50
		return resp, err
	}))
	conv, err := c.Conversations.Fetch(t.Context(), "order-1234")
	require.NoError(t, err)
	assert.NotEmpty(t, conv.SID)
}
