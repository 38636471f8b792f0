package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twilio-conversations-go/conversations/client/conversationstest"
)

const (
	maxControlBody = 16 << 20 // some ten thousand conversations
	controlTimeout = 30 * time.Second
)

// control returns a handler of the requests under /_emulator/, which call methods of
// [conversationstest.Emulator]. All other requests go to the emulator. The package comment
// describes them.
//
// These requests need no credentials, so web pages must not be able to make them. A page of another
// origin cannot send JSON without a preflight request, which is never granted, and its Origin
// differs. A page may make its own host name resolve to this address, so that the origin appears to
// be the same, but that name is not a host of this server.
func control(e *conversationstest.Emulator, isHost func(host string) bool, accounts []conversationstest.Account, hooks webhooks) http.Handler {
	mux := http.NewServeMux()
	handleInspector(mux, e, accounts, hooks)
	mux.HandleFunc("POST /_emulator/faults", func(w http.ResponseWriter, r *http.Request) {
		in, ok := readJSON[struct {
			Operation string
			Faults    []fault
		}](w, r)
		switch {
		case !ok:
			return
		case in.Operation != "*" && !slices.Contains(slices.Concat(conversationstest.Operations(), conversationstest.Events()), in.Operation):
			mistake(w, "no operation or event %q", in.Operation)
			return
		case len(in.Faults) == 0:
			mistake(w, "faults is empty")
			return
		}
		faults := make([]conversationstest.Fault, len(in.Faults))
		for i, f := range in.Faults {
			if problem := f.problem(); problem != "" {
				mistake(w, "fault %d: %s", i, problem)
				return
			}
			faults[i] = f.fault()
		}
		e.Fail(in.Operation, faults...)
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /_emulator/conversations", func(w http.ResponseWriter, r *http.Request) {
		in, ok := readJSON[[]conversation](w, r)
		switch {
		case !ok:
			return
		case len(in) == 0:
			mistake(w, "there is no conversation")
			return
		}
		seeds := make([]conversationstest.Conversation, len(in))
		for i, c := range in {
			seeds[i] = conversationstest.Conversation(c)
		}
		sids, err := e.Seed(seeds...)
		if err != nil {
			mistake(w, "%v", err)
			return
		}
		writeJSON(w, map[string][]string{"sids": sids})
	})
	mux.HandleFunc("POST /_emulator/activity", func(w http.ResponseWriter, r *http.Request) {
		in, ok := readJSON[struct{ SID string }](w, r)
		if !ok {
			return
		}
		if err := e.Touch(in.SID); err != nil {
			mistake(w, "%v", err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /_emulator/clock", func(w http.ResponseWriter, r *http.Request) {
		in, ok := readJSON[struct{ Advance duration }](w, r)
		switch {
		case !ok:
			return
		case in.Advance <= 0:
			mistake(w, "advance must be positive: the clock cannot go back")
			return
		}
		e.Advance(time.Duration(in.Advance))
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /_emulator/reset", func(w http.ResponseWriter, r *http.Request) {
		if !isJSON(w, r) { // what it says does not matter
			return
		}
		e.Reset()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /_emulator/requests", func(w http.ResponseWriter, r *http.Request) {
		out := []request{}
		for _, r := range latest(r, e.Requests()) {
			out = append(out, requestJSON(r))
		}
		writeJSON(w, out)
	})
	mux.HandleFunc("POST /_emulator/settle", func(w http.ResponseWriter, r *http.Request) {
		if !isJSON(w, r) { // what it says does not matter
			return
		}
		_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // receivers may be slow
		e.Settle()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /_emulator/deliveries", func(w http.ResponseWriter, r *http.Request) {
		out := []delivery{}
		for _, d := range latest(r, e.Deliveries()) {
			out = append(out, newDelivery(d))
		}
		writeJSON(w, out)
	})
	mux.HandleFunc("POST /_emulator/deliveries/repeat", func(w http.ResponseWriter, r *http.Request) {
		in, ok := readJSON[struct{ ID string }](w, r)
		if !ok {
			return
		}
		if err := e.Redeliver(in.ID); err != nil {
			mistake(w, "%v", err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	sameOrigin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The mux cleans paths, but the API must not. Only the control requests go through it.
		if !strings.HasPrefix(r.URL.Path, "/_emulator/") {
			e.ServeHTTP(w, r)
			return
		}
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(controlTimeout))
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
		if !isHost(r.Host) {
			http.Error(w, "the Host is not an address of this server", http.StatusForbidden)
			return
		}
		if err := sameOrigin.Check(r); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// hosts returns a function that reports whether the Host of a request names this server. Valid are
// the host of the flag -addr, the address that the server listens on, and loopback names, each with
// its port. If the server listens on all addresses, any IP address is valid. A name is not, because
// somebody else may make it resolve to this server.
func hosts(flagAddr string, listening net.Addr) func(host string) bool {
	given, _, _ := net.SplitHostPort(flagAddr)
	own, port, _ := net.SplitHostPort(listening.String())
	return func(header string) bool {
		host, p, err := net.SplitHostPort(header)
		if err != nil {
			host, p = strings.Trim(header, "[]"), "80"
		}
		if p != port || host == "" {
			return false
		}
		ip := net.ParseIP(host)
		return host == own || strings.EqualFold(host, given) || strings.EqualFold(host, "localhost") ||
			ip != nil && (ip.IsLoopback() || net.ParseIP(own).IsUnspecified())
	}
}

// latest returns the last entries of a log, as many as the request's parameter latest says.
func latest[T any](r *http.Request, log []T) []T {
	if n, err := strconv.Atoi(r.URL.Query().Get("latest")); err == nil && n >= 0 {
		log = log[max(0, len(log)-n):]
	}
	return log
}

// mistake responds to an invalid request.
func mistake(w http.ResponseWriter, format string, args ...any) {
	http.Error(w, fmt.Sprintf(format, args...), http.StatusBadRequest)
}

// fault is the JSON form of [conversationstest.Fault].
type fault struct {
	Times    int                     `json:"times"`
	Status   int                     `json:"status,omitempty"`
	Code     int                     `json:"code,omitempty"`
	Message  string                  `json:"message,omitempty"`
	Header   map[string]headerValues `json:"header,omitempty"`
	Body     string                  `json:"body,omitempty"`
	Delay    duration                `json:"delay,omitzero"`
	Commit   bool                    `json:"commit,omitempty"`
	Drop     bool                    `json:"drop,omitempty"`
	Truncate bool                    `json:"truncate,omitempty"`
}

// headerValues are the values of a header. In JSON they are a string or a list of strings.
type headerValues []string

func (v *headerValues) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*v = headerValues{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(v))
}

// problem returns what is wrong with a fault, or "".
func (f fault) problem() string {
	switch {
	case f.Status != 0 && (f.Status < 200 || f.Status > 599):
		return "the status is not from 200 to 599"
	case f.Delay < 0:
		return "the delay is negative"
	case f.Status == 0 && f.Body == "" && f.Delay == 0 && len(f.Header) == 0 && !f.Drop && !f.Truncate:
		return "it has no effect: give it a status, body, header, delay, drop or truncate"
	}
	return ""
}

func (f fault) fault() conversationstest.Fault {
	header := http.Header{}
	for name, values := range f.Header {
		header[http.CanonicalHeaderKey(name)] = values
	}
	return conversationstest.Fault{
		Times: f.Times, Status: f.Status, Code: f.Code, Message: f.Message, Header: header, Body: f.Body,
		Delay: time.Duration(f.Delay), Commit: f.Commit, Drop: f.Drop, Truncate: f.Truncate,
	}
}

// faultJSON is the reverse of [fault.fault].
func faultJSON(f conversationstest.Fault) fault {
	header := map[string]headerValues{}
	for name, values := range f.Header {
		header[name] = values
	}
	return fault{
		Times: f.Times, Status: f.Status, Code: f.Code, Message: f.Message, Header: header, Body: f.Body,
		Delay: duration(f.Delay), Commit: f.Commit, Drop: f.Drop, Truncate: f.Truncate,
	}
}

// conversation is the JSON form of [conversationstest.Conversation].
type conversation struct {
	AccountSID          string    `json:"account_sid"`
	ServiceSID          string    `json:"chat_service_sid"`
	SID                 string    `json:"sid"`
	FriendlyName        string    `json:"friendly_name"`
	UniqueName          string    `json:"unique_name"`
	Attributes          string    `json:"attributes"`
	State               string    `json:"state"`
	MessagingServiceSID string    `json:"messaging_service_sid"`
	DateCreated         time.Time `json:"date_created,omitzero"`
	DateUpdated         time.Time `json:"date_updated,omitzero"`
	DateInactive        time.Time `json:"date_inactive,omitzero"`
	DateClosed          time.Time `json:"date_closed,omitzero"`
	EmailAddress        string    `json:"email_address"`
	EmailName           string    `json:"email_name"`
}

// request is the JSON form of [conversationstest.Request].
type request struct {
	Number     int         `json:"number"`
	Time       time.Time   `json:"time"`
	Operation  string      `json:"operation"`
	Method     string      `json:"method"`
	Path       string      `json:"path"`
	Host       string      `json:"host"`
	Query      url.Values  `json:"query"`
	Form       url.Values  `json:"form"`
	Header     http.Header `json:"header"`
	Status     int         `json:"status"`
	Error      string      `json:"error,omitempty"`
	Duration   duration    `json:"duration,omitzero"`
	Violations []string    `json:"violations,omitempty"`
	Fault      *fault      `json:"fault,omitempty"`
}

func requestJSON(r conversationstest.Request) request {
	out := request{
		Number: r.Number, Time: r.Time, Operation: r.Operation, Method: r.Method, Path: r.Path, Host: r.Host, Query: r.Query,
		Form: r.Form, Header: r.Header, Status: r.Status, Error: r.Error, Duration: duration(r.Duration), Violations: r.Violations,
	}
	if r.Fault != nil {
		out.Fault = new(faultJSON(*r.Fault))
	}
	return out
}

// delivery is the JSON form of [conversationstest.Delivery].
type delivery struct {
	Number          int         `json:"number"`
	ID              string      `json:"id"`
	Time            time.Time   `json:"time"`
	EventType       string      `json:"event_type"`
	ConversationSID string      `json:"conversation_sid"`
	Method          string      `json:"method"`
	URL             string      `json:"url"`
	Params          url.Values  `json:"params"`
	Header          http.Header `json:"header"`
	Status          int         `json:"status"`
	Body            string      `json:"body"`
	Error           string      `json:"error"`
	Duration        string      `json:"duration"`
}

func newDelivery(d conversationstest.Delivery) delivery {
	out := delivery{d.Number, d.ID, d.Time, d.EventType, d.ConversationSID, d.Method, d.URL, d.Params, d.Header, d.Status, d.Body, "", d.Duration.String()}
	if d.Err != nil {
		out.Error = d.Err.Error()
	}
	return out
}

// duration is a [time.Duration] with a JSON string such as "1h30m".
type duration time.Duration

func (d *duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = duration(parsed)
	return err
}

func (d duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// isJSON reports whether the content type is that of JSON, which web pages of another origin cannot
// send without a preflight request. If it returns false, it has responded.
func isJSON(w http.ResponseWriter, r *http.Request) bool {
	if mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); mediaType != "application/json" {
		http.Error(w, "the body must be of the type application/json", http.StatusUnsupportedMediaType)
		return false
	}
	return true
}

// readJSON reads a bounded JSON body with known members only. If it returns false, it has
// responded.
func readJSON[T any](w http.ResponseWriter, r *http.Request) (in T, ok bool) {
	if !isJSON(w, r) {
		return in, false
	}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxControlBody))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&in)
	if err == nil {
		if _, more := decoder.Token(); more != io.EOF {
			err = errors.New("more than one value")
		}
	}
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return in, false
	}
	if err != nil {
		mistake(w, "the body is not what is expected: %v", err)
		return in, false
	}
	return in, true
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // it fails only if the client is gone
}
