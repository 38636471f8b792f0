package webhook

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/twilio-conversations-go/conversations/gen"
)

// maxBody is several times the size of the largest event. Attributes have at most 16 KB, and each
// of their bytes may take three in a form.
const maxBody = 256 << 10

// Receiver checks and decodes the requests of Twilio's webhooks. Create one with [New]. It is safe
// for concurrent use. It holds no goroutine and needs no Close.
type Receiver struct {
	tokens    []string
	publicURL *url.URL
	forwarded bool
	logger    *slog.Logger
}

// New returns a receiver of requests that are signed with the auth token of the account. That is
// the primary auth token, of the subaccount if the conversations belong to one. It is never the
// secret of an API key. An empty token or an invalid option is an error.
func New(authToken string, opts ...Option) (*Receiver, error) {
	r := &Receiver{logger: slog.Default()}
	for _, opt := range append([]Option{WithAuthTokens(authToken)}, opts...) {
		if opt == nil {
			return nil, errors.New("webhook: an option is nil")
		}
		if err := opt(r); err != nil {
			return nil, fmt.Errorf("webhook: %w", err)
		}
	}
	return r, nil
}

// Option configures a [Receiver].
type Option func(*Receiver) error

// WithAuthTokens also accepts requests that are signed with one of these tokens. While a token is
// being replaced, both the old and the new one are in use.
func WithAuthTokens(tokens ...string) Option {
	return func(r *Receiver) error {
		for _, token := range tokens {
			if token == "" || strings.ContainsFunc(token, func(c rune) bool { return c <= ' ' }) {
				return errors.New("an auth token is empty or contains white space")
			}
		}
		r.tokens = append(r.tokens, tokens...)
		return nil
	}
}

// WithPublicURL sets the URL that Twilio calls, such as https://example.com/twilio, for a server
// behind a proxy. Its scheme and host replace those of the request. So does its path, unless it has
// none: then https://example.com serves any number of handlers.
//
// The query is always that of the request, so the URL must have neither query nor fragment.
func WithPublicURL(publicURL string) Option {
	return func(r *Receiver) error {
		u, err := url.Parse(publicURL)
		switch {
		case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
			return errors.New("the public URL must be an absolute URL of the scheme https or http")
		case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
			return errors.New("the public URL must have neither user, query nor fragment")
		}
		r.publicURL = u
		return nil
	}
}

// WithForwardedHeaders takes the scheme and the host of the URL that Twilio called from the headers
// X-Forwarded-Proto and X-Forwarded-Host, if they are present. Of several values the first counts.
// [WithPublicURL] has precedence.
//
// Use it only behind a proxy that sets or removes both headers. By default they are ignored, since
// anyone can send them.
func WithForwardedHeaders() Option {
	return func(r *Receiver) error {
		r.forwarded = true
		return nil
	}
}

// WithLogger sets the logger of [Receiver.Handler]. It logs requests that are refused, and
// functions that fail, panic or are late. The default is [slog.Default]. No parameter of a request
// is logged.
func WithLogger(logger *slog.Logger) Option {
	return func(r *Receiver) error {
		if logger == nil {
			return errors.New("the logger is nil")
		}
		r.logger = logger
		return nil
	}
}

// Error says why a request was not accepted.
type Error struct {
	// Status is the HTTP status for the response: 400, 403, 405 or 413.
	Status int
	// Reason is for logs. It contains no parameter of the request.
	Reason string
}

// Error returns the reason.
func (e *Error) Error() string { return "webhook: " + e.Reason }

func invalid(status int, format string, args ...any) *Error {
	return &Error{Status: status, Reason: fmt.Sprintf(format, args...)}
}

// Parse checks that a request is authentic and decodes it. Any error is an [*Error] with the status
// for the response. An event of another resource, such as onMessageAdded, is not an error: its
// parameters are in Params.
//
// Parse reads the body. A middleware that has already read it must have called
// [http.Request.ParseForm], whose result Parse then uses.
func (r *Receiver) Parse(req *http.Request) (*Event, error) {
	if req.Method != http.MethodGet && req.Method != http.MethodPost {
		return nil, invalid(http.StatusMethodNotAllowed, "the method is neither GET nor POST")
	}
	signature := req.Header.Get("X-Twilio-Signature")
	if signature == "" {
		return nil, invalid(http.StatusForbidden, "the header X-Twilio-Signature is missing")
	}
	// A malformed request is reported as such only if it is authentic.
	var params, signed url.Values
	var wellFormed bool
	if req.Method == http.MethodGet {
		var err error
		params, err = url.ParseQuery(req.URL.RawQuery)
		wellFormed = err == nil
	} else {
		var err *Error
		if params, wellFormed, err = form(req); err != nil {
			return nil, err
		}
		signed = params
	}
	base := r.base(req)
	if !r.authentic(base, signed, signature) {
		return nil, invalid(http.StatusForbidden, "the signature matches none of the auth tokens, if Twilio called %.100q: "+
			"WithPublicURL sets another scheme and host", base.scheme+"://"+base.host)
	}
	if !wellFormed {
		return nil, invalid(http.StatusBadRequest, "the parameters are malformed")
	}
	return decode(Delivery{
		EventType:        EventType(params.Get("EventType")),
		IdempotencyToken: req.Header.Get("I-Twilio-Idempotency-Token"),
		Params:           params,
	})
}

// form returns the parameters in the body of a request, and reports whether the body is
// well-formed.
func form(req *http.Request) (params url.Values, wellFormed bool, refusal *Error) {
	if req.PostForm != nil {
		return req.PostForm, true, nil
	}
	var body []byte
	if req.Body != nil {
		var err error
		body, err = io.ReadAll(io.LimitReader(req.Body, maxBody+1))
		_, tooLarge := errors.AsType[*http.MaxBytesError](err)
		switch {
		case tooLarge || len(body) > maxBody:
			return nil, false, invalid(http.StatusRequestEntityTooLarge, "the body is too large")
		case err != nil:
			return nil, false, invalid(http.StatusBadRequest, "the body could not be read")
		}
	}
	mediaType, _, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/x-www-form-urlencoded" {
		return url.Values{}, false, nil
	}
	params, err = url.ParseQuery(string(body))
	return params, err == nil, nil
}

// decode fills in what the event is about.
func decode(d Delivery) (*Event, error) {
	event := &Event{Delivery: d}
	var err *Error
	switch d.EventType {
	case "":
		return nil, invalid(http.StatusBadRequest, "EventType is missing")
	case OnConversationAdd, OnConversationAdded, OnConversationUpdate, OnConversationUpdated, OnConversationRemove, OnConversationRemoved:
		into := new(gen.ConversationEvent)
		err = fill(reflect.ValueOf(into).Elem(), d.Params)
		event.Conversation = (*Conversation)(into)
	case OnConversationStateUpdated:
		into := new(gen.ConversationStateEvent)
		err = fill(reflect.ValueOf(into).Elem(), d.Params)
		event.StateChange = (*StateChange)(into)
	default:
		return event, nil
	}
	if err == nil && d.EventType != OnConversationAdd && d.Params.Get("ConversationSid") == "" {
		err = invalid(http.StatusBadRequest, "ConversationSid is missing")
	}
	if err != nil {
		return nil, err
	}
	return event, nil
}

// fill sets the fields of a generated struct to the parameters in their tags. An empty parameter
// counts as absent.
func fill(into reflect.Value, params url.Values) *Error {
	for i := range into.NumField() {
		name, _, _ := strings.Cut(into.Type().Field(i).Tag.Get("json"), ",")
		text := params.Get(name)
		if text == "" {
			continue
		}
		var err error
		switch field := into.Field(i).Addr().Interface().(type) {
		case *time.Time:
			*field, err = time.Parse(time.RFC3339, text)
			*field = field.UTC()
		case *int:
			*field, err = strconv.Atoi(text)
		default:
			into.Field(i).SetString(text)
		}
		if err != nil {
			return invalid(http.StatusBadRequest, "%s is malformed", name)
		}
	}
	return nil
}
