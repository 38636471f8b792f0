package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/twilio-conversations-go/conversations/client/conversationstest"
)

// maxControlBody holds some ten thousand conversations.
const maxControlBody = 16 << 20

// withControl adds the requests under /_emulator/, which stand in for methods of
// [conversationstest.Emulator]; the package comment describes them.
func withControl(e *conversationstest.Emulator) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /_emulator/faults", func(w http.ResponseWriter, r *http.Request) {
		in := readJSON[struct {
			Operation string
			Faults    []fault
		}](w, r)
		if in == nil {
			return
		}
		if in.Operation != "*" && !slices.Contains(conversationstest.Operations(), in.Operation) {
			http.Error(w, fmt.Sprintf("no operation %q", in.Operation), http.StatusBadRequest)
			return
		}
		faults := make([]conversationstest.Fault, len(in.Faults))
		for i, f := range in.Faults {
			if !f.valid() {
				http.Error(w, fmt.Sprintf("fault %d: the status or the delay is out of range", i), http.StatusBadRequest)
				return
			}
			faults[i] = f.fault()
		}
		e.Fail(in.Operation, faults...)
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /_emulator/conversations", func(w http.ResponseWriter, r *http.Request) {
		in := readJSON[[]conversation](w, r)
		if in == nil {
			return
		}
		seeds := make([]conversationstest.Conversation, len(*in))
		for i, c := range *in {
			seeds[i] = conversationstest.Conversation(c)
		}
		sids, err := e.Seed(seeds...)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		writeJSON(w, map[string][]string{"sids": sids})
	})
	mux.HandleFunc("POST /_emulator/clock", func(w http.ResponseWriter, r *http.Request) {
		in := readJSON[struct{ Advance duration }](w, r)
		if in == nil {
			return
		}
		if in.Advance < 0 {
			http.Error(w, "the clock cannot go back", http.StatusBadRequest)
			return
		}
		e.Advance(time.Duration(in.Advance))
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /_emulator/reset", func(w http.ResponseWriter, _ *http.Request) {
		e.Reset()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /_emulator/requests", func(w http.ResponseWriter, _ *http.Request) {
		out := []request{}
		for _, r := range e.Requests() {
			out = append(out, request(r))
		}
		writeJSON(w, out)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The mux cleans paths, which the API must not: only what is its own goes there.
		if strings.HasPrefix(r.URL.Path, "/_emulator/") {
			mux.ServeHTTP(w, r)
			return
		}
		e.ServeHTTP(w, r)
	})
}

// fault is [conversationstest.Fault] in JSON.
type fault struct {
	Times    int               `json:"times"`
	Status   int               `json:"status"`
	Code     int               `json:"code"`
	Message  string            `json:"message"`
	Header   map[string]string `json:"header"`
	Body     string            `json:"body"`
	Delay    duration          `json:"delay"`
	Commit   bool              `json:"commit"`
	Drop     bool              `json:"drop"`
	Truncate bool              `json:"truncate"`
}

func (f fault) valid() bool {
	return (f.Status == 0 || f.Status >= 200 && f.Status <= 599) && f.Delay >= 0
}

func (f fault) fault() conversationstest.Fault {
	header := http.Header{}
	for name, value := range f.Header {
		header.Set(name, value)
	}
	return conversationstest.Fault{
		Times: f.Times, Status: f.Status, Code: f.Code, Message: f.Message, Header: header, Body: f.Body,
		Delay: time.Duration(f.Delay), Commit: f.Commit, Drop: f.Drop, Truncate: f.Truncate,
	}
}

// conversation is [conversationstest.Conversation] in JSON.
type conversation struct {
	AccountSID          string    `json:"account_sid"`
	ServiceSID          string    `json:"chat_service_sid"`
	SID                 string    `json:"sid"`
	FriendlyName        string    `json:"friendly_name"`
	UniqueName          string    `json:"unique_name"`
	Attributes          string    `json:"attributes"`
	State               string    `json:"state"`
	MessagingServiceSID string    `json:"messaging_service_sid"`
	DateCreated         time.Time `json:"date_created"`
	DateUpdated         time.Time `json:"date_updated"`
	DateInactive        time.Time `json:"date_inactive"`
	DateClosed          time.Time `json:"date_closed"`
	EmailAddress        string    `json:"email_address"`
	EmailName           string    `json:"email_name"`
}

// request is [conversationstest.Request] in JSON.
type request struct {
	Time      time.Time   `json:"time"`
	Operation string      `json:"operation"`
	Method    string      `json:"method"`
	Path      string      `json:"path"`
	Host      string      `json:"host"`
	Query     url.Values  `json:"query"`
	Form      url.Values  `json:"form"`
	Header    http.Header `json:"header"`
	Status    int         `json:"status"`
}

// duration is a [time.Duration] that JSON has as text, such as "1h30m".
type duration time.Duration

func (d *duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = duration(parsed)
	return err
}

// readJSON reads a bounded body with known members only; on failure it has answered and returns nil. The
// content type must be that of JSON, which no web page can send here without asking first.
func readJSON[T any](w http.ResponseWriter, r *http.Request) *T {
	if mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); mediaType != "application/json" {
		http.Error(w, "the body must be of the type application/json", http.StatusUnsupportedMediaType)
		return nil
	}
	in := new(T)
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxControlBody))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(in)
	if err == nil {
		if _, more := decoder.Token(); more != io.EOF {
			err = errors.New("more than one value")
		}
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return nil
	}
	return in
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // it cannot fail but for a client that is gone
}
