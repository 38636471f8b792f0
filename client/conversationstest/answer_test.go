package conversationstest

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// largePage returns a server with a page larger than all buffers.
func largePage(t testing.TB) *Server {
	s := Start(t, InMemory())
	large := Conversation{Attributes: `"` + strings.Repeat("a", maxAttributes-2) + `"`}
	for range 100 {
		seed(t, s, large)
	}
	return s
}

// A client that does not read loses its connection. Otherwise, it would hold the memory forever.
func TestStalledReadersLoseTheirConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := largePage(t)
		conn, err := s.listener.(*pipeListener).dial(t.Context(), "", "")
		require.NoError(t, err)
		defer conn.Close()
		req, err := http.NewRequest(http.MethodGet, s.URL+"/v1/Conversations?PageSize=100", nil)
		require.NoError(t, err)
		req.SetBasicAuth(s.AccountSID, s.AuthToken)
		require.NoError(t, req.Write(conn))
		time.Sleep(sendTimeout - time.Second)
		assert.EqualValues(t, 1, s.inFlight.Load())
		time.Sleep(2 * time.Second)
		synctest.Wait()
		assert.Zero(t, s.inFlight.Load())
		_, err = io.Copy(io.Discard, conn)
		assert.NoError(t, err, "the server has closed it")
	})
}

// The deadline of one response does not apply to the next one on the same connection.
func TestConnectionsOutliveTheDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := Start(t, InMemory())
		for range 3 {
			assert.Equal(t, 200, get(t, s, "/v1/Conversations").StatusCode)
			time.Sleep(2 * sendTimeout)
		}
	})
}

// A page is written piece by piece: only a piece of it is pending for a slow reader.
func TestLargePagesAreNotBuffered(t *testing.T) {
	t.Parallel()
	s := largePage(t)
	r := get(t, s, "/v1/Conversations?PageSize=100")
	assert.Greater(t, len(r.text), 100*maxAttributes)
	assert.Len(t, r.items(), 100)
	assert.Empty(t, r.Header.Get("Content-Length"))

	c := &call{account: s.accounts[0], service: s.accounts[0].DefaultServiceSID}
	pieces, largest := 0, 0
	for piece := range s.list(c, nil, nil).body {
		pieces++
		largest = max(largest, len(piece))
	}
	assert.Less(t, largest, 2*maxAttributes)
	assert.Greater(t, pieces, 50)

	// A client that stops reading here leaves the rest unwritten.
	for n := range 5 {
		read := 0
		for range s.list(c, nil, nil).body {
			if read++; read > n {
				break
			}
		}
		assert.Equal(t, n+1, read)
	}
}

// A server's limit on the time for reading a request does not limit a scripted delay.
func TestDelaysLongerThanReadTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, err := New(WithLatency(time.Hour))
		require.NoError(t, err)
		listener := newPipeListener()
		server := &http.Server{Handler: e, ReadTimeout: time.Minute}
		go func() { _ = server.Serve(listener) }()
		defer server.Close()
		conn, err := listener.dial(t.Context(), "", "")
		require.NoError(t, err)
		defer conn.Close()
		req, err := http.NewRequest(http.MethodGet, "http://x/v1/Conversations", nil)
		require.NoError(t, err)
		req.SetBasicAuth(DefaultAccountSID, DefaultAuthToken)
		require.NoError(t, req.Write(conn))
		res, err := http.ReadResponse(bufio.NewReader(conn), req)
		require.NoError(t, err)
		assert.Equal(t, 200, res.StatusCode)
	})
}

func TestBodiesThatBreakOff(t *testing.T) {
	t.Parallel()
	s := Start(t, InMemory())
	conn, err := s.listener.(*pipeListener).dial(t.Context(), "", "")
	require.NoError(t, err)
	req, err := http.NewRequest(http.MethodPost, s.URL+"/v1/Conversations", nil)
	require.NoError(t, err)
	req.SetBasicAuth(s.AccountSID, s.AuthToken)
	auth := req.Header.Get("Authorization")
	go func() {
		_, _ = io.WriteString(conn, "POST /v1/Conversations HTTP/1.1\r\nHost: x\r\nAuthorization: "+auth+
			"\r\nContent-Type: "+formType+"\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nState\r\nnot a chunk\r\n")
	}()
	res, err := http.ReadResponse(bufio.NewReader(conn), req)
	require.NoError(t, err)
	assert.Equal(t, 400, res.StatusCode)
	assert.NoError(t, conn.Close())
	assert.Empty(t, s.Conversations(""))
}
