package fidelity

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

const formType = "application/x-www-form-urlencoded"

// session is one run against one server, with what it created there.
type session struct {
	ctx     context.Context // of the run, which the session is part of
	target  Target
	options Options
	client  *http.Client

	base, host string // of the server
	prefix     string // of all names that the run generates
	names      int
	collection string // the path under probe
	started    time.Time
	advanced   time.Duration
	lastWrite  time.Time
	creates    int
	created    []string       // paths of conversations, to be deleted
	unknown    map[string]int // how many creates may have made a conversation of unknown SID, by collection
	fixtures   map[string]any

	hookedSessions []*session // with servers that deliver webhooks
}

func newSession(ctx context.Context, target Target, options Options) (*session, error) {
	base, err := url.Parse(target.BaseURL)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, errors.New("the base URL must be http://host or https://host")
	}
	var random [4]byte
	_, _ = rand.Read(random[:]) // never fails
	s := &session{
		ctx:     ctx,
		target:  target,
		options: options,
		client: &http.Client{
			Transport: options.Transport,
			Timeout:   30 * time.Second,
			// A redirect could lead the credentials to another host. It is treated like any other
			// response.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		base:       base.Scheme + "://" + base.Host + strings.TrimSuffix(base.EscapedPath(), "/"),
		host:       base.Host,
		prefix:     NamePrefix + hex.EncodeToString(random[:]) + "-",
		collection: defaultCollection,
		started:    time.Now(),
		unknown:    map[string]int{},
		fixtures:   map[string]any{},
	}
	if target.Service != "" {
		s.collection = serviceCollection(target.Service)
	}
	return s, nil
}

const defaultCollection = "/v1/Conversations"

func serviceCollection(service string) string {
	return "/v1/Services/" + url.PathEscape(service) + "/Conversations"
}

// now returns the time at the server, as far as the session knows it.
func (s *session) now() time.Time { return time.Now().Add(s.advanced) }

// pass makes time pass at the server.
func (s *session) pass(d time.Duration) {
	if s.options.Advance != nil {
		s.options.Advance(d)
		s.advanced += d
		return
	}
	if err := sleep(s.ctx, d); err != nil {
		cannotTell("interrupted")
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// name generates a name that nothing else has.
func (s *session) name() string {
	s.names++
	return s.nameOf(s.names)
}

// nameOf returns the nth name.
func (s *session) nameOf(n int) string { return fmt.Sprintf("%s%d", s.prefix, n) }

// request is a request of a check. Its path may be a URL from the server. Only the path and the
// query of that URL are used.
type request struct {
	method, path string
	form         url.Values
	contentType  string // of the body, if it is not a form
	header       http.Header
	anonymous    bool
	username     string // in place of the target's, with password
	password     string
	burst        bool // neither paced nor retried
}

// send sends a request and reads the response. Writes wait for their turn. A request refused with
// 429 was not processed, so it is retried.
func (s *session) send(r request) *response {
	for wait := time.Second; ; wait *= 2 {
		res := s.sendOnce(r)
		if res.status != http.StatusTooManyRequests || r.burst {
			return res
		}
		if wait > 8*time.Second {
			cannotTell("the server asks to slow down (429)")
		}
		if sleep(s.ctx, wait) != nil {
			cannotTell("interrupted")
		}
	}
}

func (s *session) sendOnce(r request) *response {
	if s.ctx.Err() != nil {
		cannotTell("interrupted")
	}
	path := r.path
	if u, err := url.Parse(path); err == nil && u.IsAbs() {
		path = u.RequestURI()
	}
	var body io.Reader
	if r.form != nil {
		body = strings.NewReader(r.form.Encode())
	}
	collection, _, _ := strings.Cut(path, "?")
	mayCreate := r.method == http.MethodPost && strings.HasSuffix(collection, "/Conversations")
	ctx := s.ctx
	if mayCreate {
		ctx = context.WithoutCancel(ctx) // a delete could overtake a create that was given up
	}
	req, err := http.NewRequestWithContext(ctx, r.method, s.base+path, body)
	if err != nil {
		cannotTell("the server's URL cannot be followed")
	}
	if r.form != nil {
		req.Header.Set("Content-Type", formType)
	}
	if r.contentType != "" {
		req.Header.Set("Content-Type", r.contentType)
	}
	for name, values := range r.header {
		req.Header[name] = values
	}
	switch {
	case r.anonymous:
	case r.username != "":
		req.SetBasicAuth(r.username, r.password)
	default:
		req.SetBasicAuth(s.target.Username, s.target.Password)
	}
	if r.method != http.MethodGet && !r.burst {
		s.takeTurn()
	}
	if mayCreate {
		s.creates++
	}
	res, err := s.client.Do(req)
	if err == nil {
		defer res.Body.Close()
		var data []byte
		if data, err = io.ReadAll(io.LimitReader(res.Body, 8<<20)); err == nil {
			out := &response{status: res.StatusCode, header: res.Header, body: data}
			_ = json.Unmarshal(data, &out.value) // a body that is not JSON has no members
			switch {
			case !mayCreate || out.status >= 300 && out.status < 500:
			case out.status < 300 && out.sid() != "":
				s.created = append(s.created, collection+"/"+url.PathEscape(out.sid()))
			default: // a 5xx may come from a gateway, after the server has made it
				s.doubt(collection, r.form.Get("UniqueName"))
			}
			return out
		}
	}
	if mayCreate {
		s.doubt(collection, r.form.Get("UniqueName"))
	}
	cannotTell("no response: %v", cause(err))
	return nil
}

// doubt records that a create may have made a conversation whose SID is unknown.
func (s *session) doubt(collection, name string) {
	if strings.HasPrefix(name, s.prefix) {
		s.created = append(s.created, collection+"/"+url.PathEscape(name))
		return
	}
	s.unknown[collection]++
}

// takeTurn keeps writes below the documented rate.
func (s *session) takeTurn() {
	if s.options.WriteInterval <= 0 {
		return
	}
	if sleep(s.ctx, time.Until(s.lastWrite.Add(s.options.WriteInterval))) != nil {
		cannotTell("interrupted")
	}
	s.lastWrite = time.Now()
}

// cause returns why a request failed, without its URL.
func cause(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}

// form returns a form or query of alternating names and values.
func form(pairs ...string) url.Values {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	return values
}

func (s *session) get(path string) *response {
	return s.send(request{method: http.MethodGet, path: path})
}

func (s *session) post(path string, pairs ...string) *response {
	return s.send(request{method: http.MethodPost, path: path, form: form(pairs...)})
}

func (s *session) delete(path string) *response {
	return s.send(request{method: http.MethodDelete, path: path})
}

// create sends a create. Every conversation has a name that shows people where it comes from.
func (s *session) create(pairs ...string) *response { return s.createIn(s.collection, pairs...) }

func (s *session) createIn(collection string, pairs ...string) *response {
	switch f := form(pairs...); {
	case f.Has("UniqueName"):
	case f.Has("DateCreated"): // findLost would not look that far back
		pairs = append(pairs, "UniqueName", s.name())
	case !f.Has("FriendlyName"):
		pairs = append(pairs, "FriendlyName", s.name())
	}
	return s.post(collection, pairs...)
}

// conversation creates a conversation that a check works with.
func (s *session) conversation(pairs ...string) *response {
	return usable(s.create(pairs...))
}

// usable ends a check as unknown if the conversation for it could not be created.
func usable(res *response) *response {
	if res.status != http.StatusCreated || res.sid() == "" {
		cannotTell("a conversation could not be created: %v", res)
	}
	return res
}

// path returns the path of a conversation.
func (s *session) path(id string) string { return s.collection + "/" + url.PathEscape(id) }

// listed is a page of a list.
type listed struct{ *response }

// list fetches a page. A response that is not a page ends the check.
func (s *session) list(pairs ...string) listed {
	return s.pageAt(s.collection + "?" + form(pairs...).Encode())
}

func (s *session) pageAt(path string) listed {
	res := s.get(path)
	if res.status != http.StatusOK {
		differs("the list is refused: %v", res)
	}
	return listed{res}
}

// items returns the conversations of a page.
func (l listed) items() []*response {
	var items []*response
	values, _ := l.at("conversations").([]any)
	for _, value := range values {
		items = append(items, &response{value: value})
	}
	return items
}

func (l listed) sids() []string {
	sids := []string{}
	for _, item := range l.items() {
		sids = append(sids, item.sid())
	}
	return sids
}

// next returns the URL of the next page, or "".
func (l listed) next() string { return l.text("meta", "next_page_url") }

// fixture is something that is made once and that several rules look at.
func fixture[T any](s *session, name string, build func() T) T {
	type outcome struct {
		value  T
		failed any
	}
	if _, ok := s.fixtures[name]; !ok {
		var o outcome
		func() {
			defer func() { o.failed = recover() }()
			o.value = build()
		}()
		s.fixtures[name] = o
	}
	o := s.fixtures[name].(outcome)
	if o.failed != nil {
		panic(o.failed)
	}
	return o.value
}

// response is a response, or an item of a list, in the form that checks use.
type response struct {
	status int
	header http.Header
	body   []byte
	value  any
}

// at returns the member that the names lead to, or nil.
func (r *response) at(names ...string) any {
	value := r.value
	for _, name := range names {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	return value
}

// has reports whether a member exists, even if it is null.
func (r *response) has(name string) bool {
	object, _ := r.value.(map[string]any)
	_, ok := object[name]
	return ok
}

func (r *response) text(names ...string) string {
	text, _ := r.at(names...).(string)
	return text
}

func (r *response) number(names ...string) int {
	n, _ := r.at(names...).(float64)
	return int(n)
}

func (r *response) sid() string { return r.text("sid") }

// time returns a member that is a date, or zero if it is not one.
func (r *response) time(names ...string) time.Time {
	t, _ := time.Parse(time.RFC3339, r.text(names...))
	return t
}

// String returns the response as the report shows it.
func (r *response) String() string {
	if code := r.number("code"); code != 0 {
		return fmt.Sprintf("%d with code %d %s", r.status, code, show(r.text("message")))
	}
	if bytes.HasPrefix(bytes.TrimSpace(r.body), []byte("{")) || len(r.body) == 0 {
		return fmt.Sprintf("%d", r.status)
	}
	return fmt.Sprintf("%d with a body that is no object", r.status)
}

var sids = regexp.MustCompile(`\b([A-Z]{2})[0-9a-fA-F]{32}\b`)

// show formats a value that a server sent: quoted, short and without identifiers.
func show(value any) string {
	text, isText := value.(string)
	if !isText {
		data, _ := json.Marshal(value)
		text = string(data)
	}
	text = sids.ReplaceAllString(text, "$1…")
	if runes := []rune(text); len(runes) > 120 {
		text = string(runes[:120]) + "…"
	}
	if quoted := fmt.Sprintf("%q", text); isText || quoted != `"`+text+`"` && strings.ContainsFunc(text, func(r rune) bool { return r < ' ' }) {
		return quoted
	}
	return text
}

// verdict ends a check early.
type verdict struct {
	outcome Outcome
	detail  string
}

// differs ends a check: the server does not follow the rule.
func differs(format string, args ...any) { panic(verdict{Differs, fmt.Sprintf(format, args...)}) }

// cannotTell ends a check: it is unknown whether the server follows the rule.
func cannotTell(format string, args ...any) { panic(verdict{Unknown, fmt.Sprintf(format, args...)}) }

// want ends a check unless ok.
func want(ok bool, format string, args ...any) {
	if !ok {
		differs(format, args...)
	}
}

// wantStatus ends a check unless the response has the given status.
func wantStatus(res *response, status int) {
	want(res.status == status, "%v instead of %d", res, status)
}

// wantMember ends a check unless a member has the expected value.
func wantMember(res *response, member string, value any) {
	want(res.status < 300, "refused: %v", res)
	want(res.has(member), "there is no member %s", member)
	want(res.at(member) == value, "%s is %s instead of %s", member, show(res.at(member)), show(value))
}

func wantRefused(res *response, code int) {
	want(res.status >= 400 && res.number("code") == code, "%v instead of code %d", res, code)
}
