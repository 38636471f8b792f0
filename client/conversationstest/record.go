package conversationstest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Request is a request that an [Emulator] received.
type Request struct {
	// Number counts the requests from 1. A reset does not restart it.
	Number int
	// Time is when it arrived, by the emulator's clock.
	Time time.Time
	// Operation is its operationId. It is empty where the path is not one of the API's.
	Operation string
	// Method is the HTTP method and Path the path in its escaped form.
	Method, Path string
	// Host is the host that the client asked for.
	Host string
	// Query and Form are the parameters and the form fields as they were sent; what could not be
	// parsed is left out.
	Query, Form url.Values
	// Header is what was sent, but of Authorization only the scheme.
	Header http.Header
	// Status is the status of the response; 0 if there is none, because the connection was dropped
	// or the request is still being worked on.
	Status int
	// Duration is how long the emulator took to respond. It is 0 while the request is being worked on.
	Duration time.Duration
	// Error is the code and the message of a response that is an error, such as "20429: Too Many
	// Requests". It is cut after 256 bytes.
	Error string
	// Violations are what [ValidateRequest] reports of the request.
	Violations []string
	// Fault is the [Fault] that applied, or nil.
	Fault *Fault
}

// maxLogBytes is about how much memory a log takes at most.
const maxLogBytes = 16 << 20

// recordLog keeps the latest records, as many as fit.
type recordLog[T any] struct {
	max     int           // records
	added   int           // records, also those that were dropped since
	entries []logEntry[T] // oldest first
	bytes   int           // the sum of their sizes
}

type logEntry[T any] struct {
	record *T
	size   int
}

// add keeps a record of a size in bytes.
func (l *recordLog[T]) add(record *T, size int) {
	l.added++
	if l.max == 0 {
		return
	}
	l.entries = append(l.entries, logEntry[T]{record, size})
	l.bytes += size
	for len(l.entries) > l.max || l.bytes > maxLogBytes {
		l.bytes -= l.entries[0].size
		l.entries[0] = logEntry[T]{}
		l.entries = l.entries[1:]
	}
}

func (l *recordLog[T]) reset() { l.entries, l.bytes = nil, 0 }

const (
	recordSize = 1 << 10 // about what a record and its maps take
	valueSize  = 100     // the headers of slices and strings, and a place in a map
)

// mapSize is about how much memory names and values take.
func mapSize(values map[string][]string) (size int) {
	for name, list := range values {
		size += valueSize + len(name)
		for _, value := range list {
			size += valueSize + len(value)
		}
	}
	return size
}

// size is about how much memory a request takes.
func (r *Request) size() int {
	return recordSize + len(r.Method) + len(r.Path) + len(r.Host) + mapSize(r.Query) + mapSize(r.Form) + mapSize(r.Header) +
		mapSize(map[string][]string{"": r.Violations})
}

// Requests returns what the emulator received since it began or was reset, oldest first, whatever the
// response was: the latest 10,000 requests or as many as [WithRequestLog] says, and no more than take
// about 16 MiB. Of a request without valid credentials only Number, Time, Status, Error and
// Duration are recorded.
func (e *Emulator) Requests() []Request {
	e.mu.Lock()
	defer e.mu.Unlock()
	requests := make([]Request, len(e.log.entries))
	for i, entry := range e.log.entries {
		requests[i] = *entry.record
	}
	return requests
}

// record keeps a request; c is nil if its credentials are not valid. The result may be changed only
// under e.mu.
func (e *Emulator) record(c *call, r *http.Request, body []byte) *Request {
	entry := &Request{}
	if c != nil && e.requestLog > 0 {
		entry.Method, entry.Path, entry.Host = r.Method, r.URL.EscapedPath(), r.Host
		entry.Query, _ = url.ParseQuery(r.URL.RawQuery)
		entry.Form = url.Values{}
		entry.Header = r.Header.Clone()
		if c.op != nil {
			entry.Operation = c.op.id
			entry.Violations = c.violations.texts()
			if c.op.form != nil && len(body) <= maxBody {
				entry.Form = parseForm(r.Header, body)
			}
		}
		for name := range entry.Header {
			if strings.EqualFold(name, "Authorization") || strings.EqualFold(name, "Proxy-Authorization") {
				delete(entry.Header, name)
			}
		}
		scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		entry.Header.Set("Authorization", scheme)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	entry.Time = e.now()
	if c != nil {
		c.entry = entry
	}
	entry.Number = e.log.added + 1
	e.log.add(entry, entry.size())
	return entry
}

// maxErrorText is how much of an error is recorded, in bytes.
const maxErrorText = 256

// errorText is what is recorded of the body of an error, which a fault may have made.
func errorText(body []byte) string {
	var e apiError
	if json.Unmarshal(body, &e) != nil || e.Code == 0 {
		return ""
	}
	text := e.Error()
	return strings.ToValidUTF8(text[:min(len(text), maxErrorText)], "")
}

// parseForm returns the fields of a body that is a form.
func parseForm(header http.Header, body []byte) url.Values {
	if header.Get("Content-Type") != "" && !isForm(header) {
		return url.Values{}
	}
	form, _ := url.ParseQuery(string(body))
	return form
}
