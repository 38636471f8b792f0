package conversationstest

import (
	"bytes"
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// Server is an [Emulator] with a server around it, for a test.
type Server struct {
	*Emulator
	// URL is the base URL of the server, http://127.0.0.1:PORT.
	URL string
	// AccountSID and AuthToken are the credentials of the first account.
	AccountSID, AuthToken string

	tb        testing.TB
	listener  net.Listener
	transport *http.Transport
}

// Start starts an emulator for a test, on a free port of the loopback interface or, with the option
// [InMemory], without a port. It stops when the test and its subtests have ended, and leaves no
// goroutine or connection behind. If it cannot start, the test fails at once.
//
// Every response that is not made by a [Fault] is checked with [ValidateResponse]. An invalid
// response fails the test: the emulator itself is then wrong.
func Start(tb testing.TB, opts ...Option) *Server {
	tb.Helper()
	emulator, err := New(opts...)
	if err != nil {
		tb.Fatal(err)
	}
	s := &Server{
		Emulator:   emulator,
		AccountSID: emulator.accounts[0].SID,
		AuthToken:  emulator.accounts[0].AuthToken,
		tb:         tb,
	}
	emulator.check = func(r *http.Request, a answer) {
		res := &http.Response{StatusCode: a.status, Header: a.header, Body: io.NopCloser(bytes.NewReader(a.bytes()))}
		if err := ValidateResponse(r, res); err != nil {
			tb.Errorf("conversationstest: %v", err)
		}
	}
	dial := (&net.Dialer{}).DialContext
	if emulator.inMemory {
		pipes := newPipeListener()
		s.listener, dial = pipes, pipes.dial
	} else if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		tb.Fatal(err)
	}
	s.URL = "http://" + s.listener.Addr().String()
	s.transport = &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 100}
	tb.Cleanup(serve(s.listener, emulator))
	tb.Cleanup(s.transport.CloseIdleConnections)
	tb.Cleanup(emulator.Close)
	return s
}

// HTTPClient returns a client whose requests all go to this server, whatever host they name. Code
// that insists on https://conversations.twilio.com can therefore be tested unchanged.
//
// The client checks requests with [ValidateRequest] and fails the test for an invalid one. To send
// an invalid request on purpose, use another client and [Server.URL].
func (s *Server) HTTPClient() *http.Client {
	return &http.Client{Transport: testTransport{s}}
}

// testTransport sends requests to one server and keeps the Host header.
type testTransport struct{ server *Server }

// RoundTrip implements [http.RoundTripper].
func (t testTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	sent := r.Clone(r.Context())
	if err := ValidateRequest(sent); err != nil {
		t.server.tb.Errorf("conversationstest: %v", err)
	}
	if sent.Host == "" {
		sent.Host = r.URL.Host
	}
	sent.URL.Scheme, sent.URL.Host = "http", t.server.listener.Addr().String()
	res, err := t.server.transport.RoundTrip(sent)
	if res != nil {
		res.Request = r
	}
	return res, err
}

// CloseIdleConnections implements [http.Client.CloseIdleConnections].
func (t testTransport) CloseIdleConnections() { t.server.transport.CloseIdleConnections() }

// serve serves until the function that it returns is called. When that function returns, all
// goroutines that served connections have ended.
func serve(listener net.Listener, handler http.Handler) (stop func()) {
	var conns, serving sync.WaitGroup
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0),
		ConnState: func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				conns.Add(1)
			case http.StateClosed:
				conns.Done()
			}
		},
	}
	serving.Go(func() { _ = server.Serve(listener) }) // it always returns ErrServerClosed
	return func() {
		_ = server.Close()
		serving.Wait()
		_ = server.Close() // what was accepted while the first Close was at work
		conns.Wait()
	}
}

// pipeListener accepts connections that exist only in memory.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr returns an address that looks real. Nothing listens there.
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4010} }
