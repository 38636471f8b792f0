package conversationstest

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// answer is a response before it is written. Its body comes in pieces, so that a page of large
// conversations is never in memory as a whole while a slow client reads it.
type answer struct {
	status int
	header http.Header
	body   iter.Seq[[]byte]
}

func nothing(func([]byte) bool) {}

// bytes returns the whole body.
func (a answer) bytes() []byte { return slices.Concat(slices.Collect(a.body)...) }

// jsonAnswer returns an answer with v as its body.
func jsonAnswer(status int, v any) answer {
	body := encode(v)
	return answer{status, jsonHeader(), func(yield func([]byte) bool) { yield(body) }}
}

func jsonHeader() http.Header {
	return http.Header{"Content-Type": {"application/json; charset=utf-8"}}
}

// encode renders v without the escapes that encoding/json adds for HTML.
func encode(v any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err) // v is always of a type of this package
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
}

const (
	// sendBuffer is how much of a body is collected before it is written. A smaller body has a
	// Content-Length.
	sendBuffer = 64 << 10
	// sendTimeout is how long a client may take to read a response.
	sendTimeout = 30 * time.Second
)

// setHeaders sets the headers that Twilio was seen to send with every response. Add a header here
// when it joins the description.
func (e *Emulator) setHeaders(h http.Header, concurrent int64) {
	h.Set("Twilio-Request-Id", "RQ"+randomHex())
	h.Set("Twilio-Concurrent-Requests", strconv.FormatInt(concurrent, 10))
	h.Set("X-Home-Region", e.region)
	h.Set("X-Api-Domain", "conversations.twilio.com")
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Allow-Headers", "Accept, Authorization, Content-Type, If-Match, If-Modified-Since, "+
		"If-None-Match, If-Unmodified-Since, Idempotency-Key")
	h.Set("Access-Control-Allow-Methods", "GET, POST, DELETE, OPTIONS")
	h.Set("Access-Control-Expose-Headers", "ETag")
	h.Set("Access-Control-Allow-Credentials", "true")
}

func randomHex() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	return hex.EncodeToString(b[:])
}

// send writes an answer to a request that arrived at time arrived. A client that does not read it
// within sendTimeout loses the connection. Otherwise, it would hold the memory forever.
func send(w http.ResponseWriter, a answer, arrived time.Time) {
	deadline := http.NewResponseController(w)
	_ = deadline.SetWriteDeadline(time.Now().Add(sendTimeout)) // a recorder in a test does not support it
	defer func() {
		_ = deadline.Flush()
		_ = deadline.SetWriteDeadline(time.Time{}) // the connection's next request sets its own
	}()
	setHeader(w.Header(), a, arrived)
	var buffer []byte
	streaming := false
	for piece := range a.body {
		if buffer = append(buffer, piece...); len(buffer) < sendBuffer {
			continue
		}
		if !streaming {
			w.WriteHeader(a.status)
			streaming = true
		}
		if _, err := w.Write(buffer); err != nil {
			return // the client is gone
		}
		buffer = buffer[:0]
	}
	if !streaming {
		if a.status != http.StatusNoContent && a.status != http.StatusNotModified {
			w.Header().Set("Content-Length", strconv.Itoa(len(buffer)))
		}
		w.WriteHeader(a.status)
	}
	_, _ = w.Write(buffer)
}

// sendTruncated announces the whole answer, sends half of its body and closes the connection.
func sendTruncated(w http.ResponseWriter, a answer, arrived time.Time) {
	setHeader(w.Header(), a, arrived)
	body := a.bytes()
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(a.status)
	_, _ = w.Write(body[:len(body)/2])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

func setHeader(h http.Header, a answer, arrived time.Time) {
	h.Set("Twilio-Request-Duration", fmt.Sprintf("%.3f", time.Since(arrived).Seconds()))
	for name, values := range a.header {
		h[name] = values
	}
}
