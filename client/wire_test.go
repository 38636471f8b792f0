package client_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/client"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// allParams are all fields of a form, each with a value that needs care on the wire, or with any
// that is not zero.
func allParams() client.CreateParams {
	created := time.Date(2026, 1, 18, 5, 17, 17, 5e6, time.FixedZone("", 2*60*60))
	params := client.CreateParams{
		FriendlyName:         new("Order & co. = 100 % + ✓"),
		UniqueName:           new("order/1234?a=b#c %2e"),
		Attributes:           json.RawMessage(`{ "topic": "feed+back & more" }`),
		State:                new(client.StateInactive),
		InactiveAfter:        new(time.Hour + 30*time.Second),
		ClosedAfter:          new(400 * 24 * time.Hour),
		MessagingServiceSID:  new("MG0123456789abcdefABCDEF0123456789"),
		DateCreated:          &created,
		DateUpdated:          new(created.Add(995 * time.Millisecond)),
		BindingsEmailAddress: new("support+eu@example.com"),
		BindingsEmailName:    new("Support, EU"),
	}
	fill(&params)
	return params
}

// allListParams are all parameters of a list but for its cursor.
func allListParams() client.ListParams {
	params := client.ListParams{
		State: client.StateClosed, PageSize: 25,
		StartDate: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), EndDate: time.Date(2024, 12, 31, 23, 59, 59, 999e6, time.UTC),
	}
	fill(&params, "Limit", "Cursor")
	return params
}

// fill sets each field of a struct that is zero, but for those named.
func fill(params any, without ...string) {
	for field, value := range reflect.ValueOf(params).Elem().Fields() {
		if !value.IsZero() || slices.Contains(without, field.Name) {
			continue
		}
		if value.Kind() == reflect.Pointer {
			value.Set(reflect.New(value.Type().Elem()))
			value = value.Elem()
		}
		switch pointer := value.Addr().Interface().(type) {
		case *time.Time:
			*pointer = time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)
		case *time.Duration:
			*pointer = time.Hour
		case *string:
			*pointer = field.Name
		case *bool:
			*pointer = true
		case *int:
			*pointer = 7
		case *int64:
			*pointer = 7
		default:
			panic("fill in wire_test.go: which value shall a " + value.Type().String() + " have, for " + field.Name + "?")
		}
	}
}

var (
	wireConversation = conversation("unique_name", `"order/1234?a=b#c %2e"`, "friendly_name", `"Order 1234"`, "attributes", `"{\"topic\":\"feedback\"}"`,
		"account_sid", `"`+accountSID+`"`, "chat_service_sid", `"`+serviceSID+`"`, "messaging_service_sid", `"MG00000000000000000000000000000001"`,
		"timers", `{"date_inactive":"2026-01-18T04:17:17Z","date_closed":"2026-01-19T03:17:17Z"}`,
		"bindings", `{"email":{"projected_address":"support@example.com","name":"Support"}}`,
		"url", `"https://conversations.twilio.com/v1/Conversations/CH1"`,
		"links", `{"participants":"https://p","messages":"https://m","webhooks":"https://w","export":"https://e"}`)
	wirePage = `{"conversations":[` + wireConversation + `],"meta":{"page":1,"page_size":25,"next_page_url":"https://conversations.twilio.com/v1/Conversations?PageSize=25&Page=2&PageToken=PTclosed_2024-01-18T03%3A17%3A17.005Z_CHa09ace6334284f0aa7f988ebad3e231b"}}`
)

// What each operation sends with every parameter set, to the byte, and what it makes of the
// response.
func TestWire(t *testing.T) {
	t.Parallel()
	eachOperation(func(id string, success step, call func(context.Context, *client.Client) (any, error)) {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			var sent strings.Builder
			c := newClient(t, roundTripper(func(req *http.Request) (*http.Response, error) {
				fmt.Fprintf(&sent, "%s %s\n", req.Method, req.URL)
				for _, name := range slices.Sorted(maps.Keys(req.Header)) {
					value := strings.ReplaceAll(strings.Join(req.Header[name], ", "), runtime.Version(), "VERSION")
					fmt.Fprintf(&sent, "%s: %s\n", name, value)
				}
				if req.Body != nil {
					body, err := io.ReadAll(req.Body)
					fmt.Fprintf(&sent, "\n%s\n", body)
					assert.NoError(t, err)
					assert.Len(t, body, int(req.ContentLength))
				}
				return success(req)
			}))
			got, err := call(t.Context(), c)
			require.NoError(t, err)
			decoded, err := json.MarshalIndent(got, "", "  ")
			require.NoError(t, err)
			fmt.Fprintf(&sent, "\n%s\n", decoded)

			golden := filepath.Join("..", "testdata", "wire", id+".golden")
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(sent.String()), 0o644))
			}
			want, err := os.ReadFile(golden)
			if err != nil || string(want) != sent.String() {
				t.Errorf("%s differs: if it is meant to, write it with go test ./client -run TestWire -update", filepath.Clean(filepath.Join("client", golden)))
				assert.Equal(t, string(want), sent.String())
			}
		})
	})
}
