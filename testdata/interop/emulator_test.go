// Package interop drives the emulator with the official, unmodified twilio-go. Each check runs
// against the package conversationstest in the process of the test and against the program
// conversations-emulator, in the default Conversation Service and in a named one.
package interop

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	twilio "github.com/twilio/twilio-go/client"
	openapi "github.com/twilio/twilio-go/rest/conversations/v1"

	"github.com/twilio-conversations-go/conversations/client/conversationstest"
)

const (
	accountSID = conversationstest.DefaultAccountSID
	authToken  = conversationstest.DefaultAuthToken
	keySID     = "SK0123456789abcdef0123456789abcdef"
	keySecret  = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"

	// These services exist besides the default one.
	serviceSID      = "IS11111111111111111111111111111111"
	otherServiceSID = "IS22222222222222222222222222222222"
)

// program is the path of the emulator's program.
var program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "interop")
	if err != nil {
		panic(err)
	}
	program = filepath.Join(dir, "conversations-emulator")
	build := exec.Command("go", "build", "-o", program, "github.com/twilio-conversations-go/conversations/client/cmd/conversations-emulator")
	build.Stderr = os.Stderr
	status := 1
	if build.Run() == nil {
		status = m.Run()
	}
	_ = os.RemoveAll(dir)
	os.Exit(status)
}

// run runs a check against both forms of the emulator, in both scopes, with an emulator for each.
func run(t *testing.T, check func(t *testing.T, e *emulator, c conversations)) {
	t.Parallel()
	for form, start := range map[string]func(*testing.T) *emulator{
		"in process": startInProcess,
		"program":    func(t *testing.T) *emulator { return startProgram(t) },
	} {
		for scope, service := range map[string]string{"default service": "", "named service": serviceSID} {
			t.Run(form+"/"+scope, func(t *testing.T) {
				t.Parallel()
				e := start(t)
				check(t, e, conversations{e.sdk(accountSID, authToken), service})
			})
		}
	}
}

// emulator is a running emulator, in one of its forms.
type emulator struct {
	httpClient *http.Client
	advance    func(time.Duration) // moves its clock
	settle     func()              // waits until its webhooks are delivered
	requests   func() []request    // are those that it received
}

// request is the part of a recorded request that the checks use.
type request struct {
	Operation string
	Form      map[string][]string
	Query     map[string][]string
	Header    http.Header
}

func startInProcess(t *testing.T) *emulator {
	t.Helper()
	server := conversationstest.Start(t, conversationstest.WithServices(serviceSID, otherServiceSID),
		conversationstest.WithAccounts(conversationstest.Account{SID: accountSID, AuthToken: authToken, Keys: map[string]string{keySID: keySecret}}))
	return &emulator{
		httpClient: newHTTPClient(t, server.URL),
		advance:    server.Advance,
		settle:     server.Settle,
		requests: func() (all []request) {
			for _, r := range server.Requests() {
				all = append(all, request{r.Operation, r.Form, r.Query, r.Header})
			}
			return all
		},
	}
}

func startProgram(t *testing.T, flags ...string) *emulator {
	t.Helper()
	flags = append([]string{"-addr", "127.0.0.1:0", "-control", "-services", serviceSID + "," + otherServiceSID, "-api-key", keySID + ":" + keySecret}, flags...)
	cmd := exec.Command(program, flags...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		assert.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
		assert.NoError(t, cmd.Wait(), "the program ends well")
		assert.Empty(t, stderr.String())
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	require.True(t, ok, line)
	control := func(path, body string) {
		t.Helper()
		res, err := http.Post(url+"/_emulator/"+path, "application/json", strings.NewReader(body))
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, http.StatusNoContent, res.StatusCode)
	}
	return &emulator{
		httpClient: newHTTPClient(t, url),
		advance:    func(d time.Duration) { control("clock", fmt.Sprintf(`{"advance": %q}`, d)) },
		settle:     func() { control("settle", "{}") },
		requests: func() (all []request) {
			res, err := http.Get(url + "/_emulator/requests")
			require.NoError(t, err)
			defer res.Body.Close()
			require.NoError(t, json.NewDecoder(res.Body).Decode(&all))
			return all
		},
	}
}

// newHTTPClient returns a client whose requests go to the emulator, whatever host they name.
func newHTTPClient(t *testing.T, url string) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: &toEmulator{t, strings.TrimPrefix(url, "http://"), transport}}
}

// toEmulator sends requests to the emulator and checks every response against the description. It
// also checks that the emulator refused every request that violates the description.
type toEmulator struct {
	t    *testing.T
	addr string
	base http.RoundTripper
}

func (e *toEmulator) RoundTrip(req *http.Request) (*http.Response, error) {
	invalid := conversationstest.ValidateRequest(req)
	sent := req.Clone(req.Context()) // with the header Host of the request
	sent.URL.Scheme, sent.URL.Host = "http", e.addr
	res, err := e.base.RoundTrip(sent)
	if err != nil {
		return nil, err
	}
	assert.NoError(e.t, conversationstest.ValidateResponse(req, res))
	if invalid != nil {
		assert.GreaterOrEqual(e.t, res.StatusCode, 400, "%v", invalid)
	}
	return res, nil
}

// sdk returns twilio-go's API with credentials. It builds only what twilio.NewRestClientWithParams
// calls ConversationsV1, because all of twilio-go takes another minute to compile.
func (e *emulator) sdk(user, password string) *openapi.ApiService {
	sdk := &twilio.Client{Credentials: twilio.NewCredentials(user, password), HTTPClient: e.httpClient}
	sdk.SetAccountSid(accountSID)
	return openapi.NewApiServiceWithClient(sdk)
}

// twilio-go has each method and each type twice. The checks are written with these.
type (
	conversation = openapi.ConversationsV1Conversation
	createParams = openapi.CreateConversationParams
	updateParams = openapi.UpdateConversationParams
	deleteParams = openapi.DeleteConversationParams
	listParams   = openapi.ListConversationParams
	page         = openapi.ListConversationResponse
)

// conversations has twilio-go's methods of one scope: the default service or a named one.
type conversations struct {
	api     *openapi.ApiService
	service string
}

// as converts to the type of the other scope, which has the same members in another order.
func as[T any](in any) *T {
	data, err := json.Marshal(in)
	if err != nil {
		panic(err)
	}
	out := new(T)
	if err := json.Unmarshal(data, out); err != nil {
		panic(err)
	}
	return out
}

func (c conversations) create(params createParams) (*conversation, error) {
	if c.service == "" {
		return c.api.CreateConversation(&params)
	}
	created, err := c.api.CreateServiceConversation(c.service, as[openapi.CreateServiceConversationParams](params))
	return (*conversation)(created), err
}

func (c conversations) fetch(id string) (*conversation, error) {
	if c.service == "" {
		return c.api.FetchConversation(id)
	}
	fetched, err := c.api.FetchServiceConversation(c.service, id)
	return (*conversation)(fetched), err
}

func (c conversations) update(id string, params updateParams) (*conversation, error) {
	if c.service == "" {
		return c.api.UpdateConversation(id, &params)
	}
	updated, err := c.api.UpdateServiceConversation(c.service, id, as[openapi.UpdateServiceConversationParams](params))
	return (*conversation)(updated), err
}

func (c conversations) delete(id string, params deleteParams) error {
	if c.service == "" {
		return c.api.DeleteConversation(id, &params)
	}
	return c.api.DeleteServiceConversation(c.service, id, as[openapi.DeleteServiceConversationParams](params))
}

func (c conversations) list(params listParams) ([]conversation, error) {
	if c.service == "" {
		return c.api.ListConversation(&params)
	}
	listed, err := c.api.ListServiceConversation(c.service, as[openapi.ListServiceConversationParams](params))
	all := make([]conversation, len(listed))
	for i, item := range listed {
		all[i] = conversation(item)
	}
	return all, err
}

func (c conversations) page(params listParams, token, number string) (*page, error) {
	if c.service == "" {
		return c.api.PageConversation(&params, token, number)
	}
	p, err := c.api.PageServiceConversation(c.service, as[openapi.ListServiceConversationParams](params), token, number)
	if err != nil {
		return nil, err
	}
	return as[page](p), nil
}

// pageAt fetches a page by a URL from a response, as twilio-go's lists do.
func (c conversations) pageAt(url string) (*page, error) {
	res, err := c.api.RequestHandler().Get(url, nil, nil, "")
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	p := new(page)
	return p, json.NewDecoder(res.Body).Decode(p)
}

// path returns the path of the collection.
func (c conversations) path() string {
	if c.service == "" {
		return "/Conversations"
	}
	return "/Services/" + c.service + "/Conversations"
}
