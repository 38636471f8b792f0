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
	// Number counts the requests from 1. [Emulator.Reset] does not restart it.
	Number int
	// Time is when the request arrived, by the emulator's clock.
	Time time.Time
	// Operation is the operationId. It is empty if the path is not one of the API's.
	Operation string
	// Method is the HTTP method. Path is the path in its escaped form.
	Method, Path string
	// Host is the requested host.
	Host string
	// Query and Form are the query parameters and the form fields as sent. What could not be parsed
	// is left out.
	Query, Form url.Values
	// Header is the header as sent, except that Authorization holds only the scheme.
	Header http.Header
	// Status is the status of the response. It is 0 if the connection was dropped or the request is
	// still in flight.
	Status int
	// Duration is how long the emulator took to respond. It is 0 while the request is in flight.
	Duration time.Duration
	// Error is the code and message of an error response, such as "20429: Too Many Requests". It is
	// cut after 256 bytes.
	Error string
	// Violations are the violations that [ValidateRequest] reports for the request.
	Violations []string
	// Fault is the [Fault] that applied, or nil.
	Fault *Fault
}

// maxLogBytes is approximately the maximum memory of a log.
const maxLogBytes = 16 << 20

// recordLog keeps the latest records that fit.
type recordLog[T any] struct {
	max     int           // records
	added   int           // including those dropped since
	entries []logEntry[T] // oldest first
	bytes   int           // the sum of their sizes
}

type logEntry[T any] struct {
	record *T
	size   int
}

// add keeps a record of the given size in bytes.
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
	recordSize = 1 << 10 // approximate size of a record and its maps
	valueSize  = 100     // the headers of slices and strings, and a place in a map
)

// mapSize returns approximately how much memory names and values take.
func mapSize(values map[string][]string) (size int) {
	for name, list := range values {
		size += valueSize + len(name)
		for _, value := range list {
			size += valueSize + len(value)
		}
	}
	return size
}

// size returns approximately how much memory a request takes.
func (r *Request) size() int {
	return recordSize + len(r.Method) + len(r.Path) + len(r.Host) + mapSize(r.Query) + mapSize(r.Form) + mapSize(r.Header) +
		mapSize(map[string][]string{"": r.Violations})
}

// Requests returns the requests that the emulator received since it was created or reset, oldest
// first, whatever the response was. It returns the latest 10,000 requests, or as many as
// [WithRequestLog] sets, and at most about 16 MiB of them.
//
// For a request without valid credentials, only Number, Time, Status, Error and Duration are
// recorded.
func (e *Emulator) Requests() []Request {
	e.mu.Lock()
	defer e.mu.Unlock()
	requests := make([]Request, len(e.log.entries))
	for i, entry := range e.log.entries {
		requests[i] = *entry.record
	}
	return requests
}

// record keeps a request. c is nil if the credentials are invalid. The result may be changed only
// while e.mu is held.
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

// maxErrorText is the maximum size of a recorded error, in bytes.
const maxErrorText = 256

// errorText returns what is recorded of an error response's body, which a fault may have set.
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
