package client_test

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/twilio-conversations-go/conversations/client"
	"github.com/twilio-conversations-go/conversations/client/conversationstest"
)

// truthServer is a server that knows the truth: the emulator carries out requests, and everything
// that it did is recorded before a reply is spoiled. It is the http.RoundTripper of the clients
// that are judged. Requests travel as bytes through net.Pipe and an http.Transport, each on a
// connection of its own, so that a reply may be any bytes at all and that waiting for it is durable
// in a bubble of testing/synctest.
type truthServer struct {
	emulator  *conversationstest.Emulator
	transport *http.Transport
	// plan decides what becomes of a request before it is dialled. It is called with the lock held.
	plan func(x *exchange)
	// leave, if set, is called when a reply is about to be sent, without the lock.
	leave func(x *exchange)

	serving sync.WaitGroup

	mu       sync.Mutex
	log      []*exchange
	history  map[string][]conversationstest.Conversation // of each SID, every value that it has had
	moment   int                                         // counts snapshots
	gone     map[string]int                              // the moment at which a conversation was found to be deleted
	seen     map[string][]int                            // the moments at which the values of history were first seen
	strayed  []string                                    // hosts that are not the server's
	deadline int                                         // at most so many requests
}

const (
	truthHost    = "127.0.0.1:4010"
	truthToken   = "planted-auth-token-7c1"
	truthCanary  = "KANARIE" // what a server plants; no text of ours may hold it
	otherAccount = "ACffffffffffffffffffffffffffffffff"
	otherService = "ISffffffffffffffffffffffffffffffff"
)

var truthBasic = base64.StdEncoding.EncodeToString([]byte(accountSID + ":" + truthToken))

// exchange is a request, what the server did for it and what it replied.
type exchange struct {
	n       int      // which request of the trial it is, counted from 0
	call    string   // which call it belongs to, where several are in flight
	names   []string // unique names that the call has been given, which a server may repeat
	method  string
	uri     string
	address string // the SID or unique name in the path, "" for the collection
	service string // the service in the path, "" for the default one

	success int  // the status with which it succeeds
	commit  bool // carry it out although the reply does not show it
	spoil   []misbehaviour
	refused bool // no connection is made

	arrived bool
	at      int    // the moment at which it was carried out
	target  string // the SID that the address stood for when it arrived
	holder  conversationstest.Conversation
	status  int    // with which the emulator carried it out, 0 if it was not
	effect  string // the SID that it created, changed or deleted
	reply   reply
}

// reply is a reply in the making.
type reply struct {
	proto   string // the first line; if empty it is made of the status
	status  int
	code    int // Twilio's, in the body
	header  http.Header
	raw     string // further header lines, as they are
	before  string // bytes before the first line
	body    []byte
	missing int           // bytes of the body that are not sent; the connection then ends
	ends    string        // how: "" closes, "stall" waits for the client to go
	silent  bool          // nothing is sent at all
	delay   time.Duration // before it is sent
	failure error         // what the client's end of the connection fails with
	class   string        // see classes; if empty it follows from the status
}

func newTruthServer(t *testing.T) *truthServer {
	t.Helper()
	emulator, err := conversationstest.New(conversationstest.WithAccounts(conversationstest.Account{SID: accountSID, AuthToken: truthToken}))
	require.NoError(t, err)
	s := &truthServer{
		emulator: emulator, deadline: 200,
		history: map[string][]conversationstest.Conversation{}, gone: map[string]int{}, seen: map[string][]int{},
	}
	s.transport = &http.Transport{DialContext: s.dial, DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10}
	return s
}

// newClient returns a client of the server.
func (s *truthServer) newClient(t *testing.T, opts ...client.Option) *client.Client {
	t.Helper()
	opts = append([]client.Option{
		client.WithBaseURL("http://" + truthHost), client.WithHTTPClient(&http.Client{Transport: s}),
	}, opts...)
	c, err := client.New(client.BasicAuth(accountSID, truthToken), opts...)
	require.NoError(t, err)
	return c
}

type (
	exchangeKey struct{}
	callKey     struct{} // the name of the call that a request belongs to
)

var errTooMany = errors.New("too many requests for one trial")

// RoundTrip implements http.RoundTripper.
func (s *truthServer) RoundTrip(req *http.Request) (*http.Response, error) {
	x := &exchange{method: req.Method, uri: req.URL.RequestURI()}
	x.call, _ = req.Context().Value(callKey{}).(string)
	s.mu.Lock()
	x.n = len(s.log)
	s.log = append(s.log, x)
	path := strings.Split(strings.TrimPrefix(req.URL.EscapedPath(), "/v1/"), "/")
	if path[0] == "Services" && len(path) > 2 {
		x.service, path = path[1], path[2:]
	}
	if len(path) > 1 {
		x.address, _ = url.PathUnescape(path[1])
	}
	if req.URL.Host != truthHost {
		s.strayed = append(s.strayed, req.URL.Host)
	}
	if s.plan != nil {
		s.plan(x)
	}
	over := s.deadline > 0 && x.n >= s.deadline
	s.mu.Unlock()
	if over {
		return nil, errTooMany
	}
	sent := req.Clone(context.WithValue(req.Context(), exchangeKey{}, x))
	return s.transport.RoundTrip(sent)
}

func (s *truthServer) dial(ctx context.Context, _, address string) (net.Conn, error) {
	x := ctx.Value(exchangeKey{}).(*exchange)
	if address != truthHost {
		s.mu.Lock()
		s.strayed = append(s.strayed, address)
		s.mu.Unlock()
	}
	if x.refused {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	}
	ours, theirs := net.Pipe()
	s.serving.Go(func() { s.serve(ours, x) })
	return failingConn{theirs, s, x}, nil
}

// failingConn fails as the exchange says when the server has closed it.
type failingConn struct {
	net.Conn
	server *truthServer
	x      *exchange
}

func (c failingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil && n == 0 {
		c.server.mu.Lock()
		defer c.server.mu.Unlock()
		err = cmp.Or(c.x.reply.failure, err)
	}
	return n, err
}

func (s *truthServer) serve(conn net.Conn, x *exchange) {
	defer conn.Close()
	buffered := bufio.NewReader(conn)
	req, err := http.ReadRequest(buffered)
	if err != nil {
		return
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	s.mu.Lock()
	x.arrived = true
	s.look()
	x.holder, x.target = s.holder(x.service, x.address)
	x.reply = reply{header: http.Header{"Date": {time.Now().UTC().Format(http.TimeFormat)}}}
	if x.commit {
		s.carryOut(req, body, x)
	}
	x.at = s.moment
	for _, m := range x.spoil {
		m.do(&x.reply, x)
	}
	s.mu.Unlock()
	time.Sleep(x.reply.delay)
	if s.leave != nil {
		s.leave(x)
	}
	x.reply.send(conn, buffered)
}

// carryOut has the emulator do what is requested. The caller holds the lock.
func (s *truthServer) carryOut(req *http.Request, body []byte, x *exchange) {
	req.Body = io.NopCloser(bytes.NewReader(body))
	rec := httptest.NewRecorder()
	s.emulator.ServeHTTP(rec, req)
	x.status, x.reply.status, x.reply.body = rec.Code, rec.Code, rec.Body.Bytes()
	for name, values := range rec.Header() {
		if name != "Content-Length" {
			x.reply.header[name] = values
		}
	}
	var said struct {
		SID  string
		Code int
	}
	_ = json.Unmarshal(x.reply.body, &said)
	x.reply.code = said.Code
	if rec.Code < 300 {
		switch {
		case x.method == http.MethodPost:
			x.effect = said.SID
		case x.method == http.MethodDelete:
			x.effect = x.target
		}
	}
	s.look()
}

// act does something on behalf of somebody else, and returns the SID in the response.
func (s *truthServer) act(method, path string, form url.Values) (sid string) {
	req := httptest.NewRequest(method, "http://"+truthHost+"/v1/"+path, strings.NewReader(form.Encode()))
	req.SetBasicAuth(accountSID, truthToken)
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	rec := httptest.NewRecorder()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.emulator.ServeHTTP(rec, req)
	s.look()
	var said struct{ SID string }
	_ = json.Unmarshal(rec.Body.Bytes(), &said)
	return said.SID
}

// collection is the path of the conversations of a service.
func collection(service string) string {
	if service == "" {
		return "Conversations"
	}
	return "Services/" + service + "/Conversations"
}

// look notes what the conversations have become. The caller holds the lock.
func (s *truthServer) look() {
	s.moment++
	there := map[string]bool{}
	for _, service := range []string{"", serviceSID} {
		for _, c := range s.emulator.Conversations(service) {
			there[c.SID] = true
			if h := s.history[c.SID]; len(h) == 0 || h[len(h)-1] != c {
				s.history[c.SID] = append(h, c)
				s.seen[c.SID] = append(s.seen[c.SID], s.moment)
			}
		}
	}
	for sid := range s.history {
		if _, known := s.gone[sid]; !there[sid] && !known {
			s.gone[sid] = s.moment
		}
	}
}

// holder returns the conversation that an address stands for now. The caller holds the lock.
func (s *truthServer) holder(service, address string) (conversationstest.Conversation, string) {
	if address != "" {
		for _, c := range s.emulator.Conversations(service) {
			if c.SID == address || c.UniqueName == address {
				return c, c.SID
			}
		}
	}
	return conversationstest.Conversation{}, ""
}

// was reports whether the conversation had these values at a moment since the given one.
func (s *truthServer) was(c *client.Conversation, since int) bool {
	h := s.history[c.SID]
	for i, v := range h {
		until := s.moment
		if i+1 < len(h) {
			until = s.seen[c.SID][i+1]
		} else if gone, ok := s.gone[c.SID]; ok {
			until = gone
		}
		if until >= since && sameConversation(c, v) {
			return true
		}
	}
	return false
}

func sameConversation(c *client.Conversation, v conversationstest.Conversation) bool {
	second := func(a, b time.Time) bool { return a.Truncate(time.Second).Equal(b.Truncate(time.Second)) }
	return c.SID == v.SID && c.AccountSID == v.AccountSID && c.ChatServiceSID == v.ServiceSID &&
		sameName(c.UniqueName, v.UniqueName) && c.FriendlyName == v.FriendlyName && c.Attributes == cmp.Or(v.Attributes, "{}") &&
		string(c.State) == v.State && c.MessagingServiceSID == v.MessagingServiceSID &&
		second(c.DateCreated, v.DateCreated) && second(c.DateUpdated, v.DateUpdated) &&
		second(c.Timers.DateInactive, v.DateInactive) && second(c.Timers.DateClosed, v.DateClosed) &&
		c.Bindings.Email.ProjectedAddress == v.EmailAddress && c.Bindings.Email.Name == v.EmailName
}

// sameName reports whether names are equal but for case and surrounding blanks: whether Twilio
// normalises them is not known.
func sameName(a, b string) bool {
	return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b))
}

// send writes the reply, and ends the connection as it says.
func (r *reply) send(conn net.Conn, from io.Reader) {
	untilClientGoes := func() { _, _ = io.Copy(io.Discard, from) }
	if r.silent {
		if r.ends == "stall" {
			untilClientGoes()
		}
		return
	}
	var b bytes.Buffer
	b.WriteString(r.before)
	b.WriteString(cmp.Or(r.proto, fmt.Sprintf("HTTP/1.1 %03d %s", r.status, http.StatusText(r.status))) + "\r\n")
	_ = r.header.Write(&b)
	b.WriteString(r.raw)
	hasBody := r.status >= 200 && r.status != 204 && r.status != 304 || r.status < 100
	if hasBody && r.header.Get("Content-Length") == "" && !strings.Contains(r.raw, "Content-Length") && !strings.Contains(r.raw, "Transfer-Encoding") {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(r.body))
	}
	b.WriteString("\r\n")
	if hasBody {
		b.Write(r.body[:max(0, len(r.body)-r.missing)])
	}
	if _, err := conn.Write(b.Bytes()); err == nil && r.ends == "stall" {
		untilClientGoes()
	}
}

// classes are what a reply means for another attempt, by the table of the package documentation:
// whether one is forbidden or required. What is neither may go either way.
var classes = map[string]struct{ forbidden, required bool }{
	"never sent":  {required: true},
	"429":         {required: true},
	"unclear":     {required: true}, // 500, 502, 503, 504, lost, late, truncated: where the operation may be repeated
	"final":       {forbidden: true},
	"garbage":     {}, // no HTTP: lost or malformed
	"cut refusal": {}, // a 4xx whose body is cut short
}

// classOf returns the class of an exchange of an operation whose status of success is given.
func (x *exchange) classOf(success int, attemptTimeout time.Duration) string {
	r := &x.reply
	switch {
	case x.refused || !x.arrived:
		return "never sent"
	case r.silent || r.delay >= attemptTimeout:
		return "unclear"
	case r.class == "final" && r.missing > 0:
		return "garbage" // it depends on what the client notices first
	case r.class != "":
		return r.class
	case r.status == http.StatusTooManyRequests:
		return "429"
	case r.status == 500, r.status == 502, r.status == 503, r.status == 504:
		return "unclear"
	case r.status < 200:
		return "garbage"
	case r.status == success && r.missing > 0 && success != http.StatusNoContent:
		return "unclear"
	case r.status == http.StatusRequestTimeout:
		return "garbage"
	case r.status >= 400 && r.status < 500 && r.missing > 0:
		return "cut refusal"
	}
	return "final"
}

// mayHaveBeenDone reports whether the client cannot know that the request was not carried out.
func (x *exchange) mayHaveBeenDone() bool {
	refusal := x.reply.status >= 400 && x.reply.status < 500 && x.reply.status != http.StatusRequestTimeout
	return x.arrived && (!refusal || x.reply.silent || x.reply.class == "garbage" || x.reply.delay >= 30*time.Second)
}

// spellings are the ways in which a text is usually written.
func spellings(s string) []string {
	component := func(s string) string {
		var b strings.Builder
		for i := range len(s) {
			if c := s[i]; c < 0x80 && (unicode.IsLetter(rune(c)) || unicode.IsDigit(rune(c)) || strings.IndexByte("-_.!~*'()", c) >= 0) {
				b.WriteByte(c)
			} else {
				fmt.Fprintf(&b, "%%%02X", c)
			}
		}
		return b.String()
	}
	set := map[string]bool{}
	for _, v := range []string{s, url.PathEscape(s), url.QueryEscape(s), component(s), html.EscapeString(s)} {
		set[v] = true
	}
	return slices.Sorted(maps.Keys(set))
}

// causes are the errors of a chain. It reports false if an error contains itself, or the chain is
// longer than any could honestly be.
func causes(err error) (all []error, ends bool) {
	var walk func(err error, depth int) bool
	walk = func(err error, depth int) bool {
		if err == nil {
			return true
		}
		if depth > 50 || len(all) > 1000 {
			return false
		}
		all = append(all, err)
		switch e := err.(type) {
		case interface{ Unwrap() error }:
			return walk(e.Unwrap(), depth+1)
		case interface{ Unwrap() []error }:
			for _, inner := range e.Unwrap() {
				if !walk(inner, depth+1) {
					return false
				}
			}
		}
		return true
	}
	return all, walk(err, 0)
}

// transportFunc is a transport without a server.
type transportFunc func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f transportFunc) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// newTruthClient returns a client whose requests go to a transport.
func newTruthClient(t *testing.T, transport transportFunc, opts ...client.Option) *client.Client {
	t.Helper()
	opts = append([]client.Option{client.WithHTTPClient(&http.Client{Transport: transport})}, opts...)
	c, err := client.New(client.BasicAuth(accountSID, truthToken), opts...)
	require.NoError(t, err)
	return c
}

// rawResponse is a response as http.Transport makes it of a compressed one.
func rawResponse(t *testing.T, req *http.Request, status int, compressed []byte) *http.Response {
	body, err := gzip.NewReader(bytes.NewReader(compressed))
	require.NoError(t, err)
	return &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, ContentLength: -1, Uncompressed: true,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(body), Request: req,
	}
}
