package conversationstest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/twilio-conversations-go/conversations/api"
)

// ValidateRequest checks req against the project's OpenAPI document and returns every violation, one
// per line, or nil. It wants a request for one of the ten operations, under any host and base path, with:
//
//   - no query parameter or form field that the operation does not document, and none twice;
//   - every value of the documented type, format, pattern, length and enum;
//   - no conversation id that is empty, "." or "..", which proxies resolve to another resource;
//   - a form for a body, where the operation takes one, and otherwise none;
//   - an Authorization header, of any scheme.
//
// Headers that the document does not name are let through. No header's value is ever part of an
// error, and neither is a query or form value.
//
// req may be a client's or a server's. Its body is read, and replaced by one that gives the same
// bytes; when reading fails, the bytes read and the same error, and the form is not checked.
func ValidateRequest(req *http.Request) error {
	op, values, err := specMatch(req)
	if err != nil {
		return err
	}
	v := &violations{prefix: op.id + ": request: "}
	op.checkAuthorization(v, req.Header)
	for name, p := range op.path {
		checkPathParameter(v, p, values[name])
	}
	op.checkHeaders(v, req.Header)
	op.checkQuery(v, req.URL.RawQuery)

	var body []byte
	if req.Body != nil && req.Body != http.NoBody {
		var readErr error
		if body, req.Body, readErr = rebuffer(req.Body); readErr != nil {
			return v.err()
		}
	}
	op.checkBody(v, req.Header, body)
	return v.err()
}

// ValidateResponse checks res, the answer to req, against the project's OpenAPI document and returns
// every violation, one per line, or nil: an undocumented status below 400, another content type than
// the documented one, and a body that is not JSON or breaks its schema. Members that the document
// does not name are let through, as the API may add them at any time.
//
// The body of res is read to its end, and replaced by one that gives the same bytes; when reading
// fails, the bytes read and the same error, and the body is not checked.
func ValidateResponse(req *http.Request, res *http.Response) error {
	op, _, err := specMatch(req)
	if err != nil {
		return err
	}
	v := &violations{prefix: op.id + ": response: "}
	check := op.checkHead(v, res)
	if check == nil || res.Body == nil {
		return v.err()
	}
	body, replacement, readErr := rebuffer(res.Body)
	res.Body = replacement
	if readErr == nil {
		check(v, body)
	}
	return v.err()
}

// ValidatingTransport returns a transport that sends requests through base (nil for
// [http.DefaultTransport]) and calls report with what [ValidateRequest] and [ValidateResponse] have
// against them. It goes under any HTTP client whose requests should be those of the API:
//
//	httpClient.Transport = conversationstest.ValidatingTransport(nil, func(err error) { t.Error(err) })
//
// It never keeps a request from being sent or changes an answer. The body of an answer is checked as
// the caller reads it: at its end, or when it is closed after one whole JSON value. A body that the
// caller abandons earlier, that breaks off with an error, or that is compressed is not checked.
//
// The transport may be used by several goroutines at a time, and then report is called by them.
func ValidatingTransport(base http.RoundTripper, report func(error)) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	return &validatingTransport{base: base, report: report}
}

type validatingTransport struct {
	base   http.RoundTripper
	report func(error)
}

// RoundTrip implements [http.RoundTripper].
func (t *validatingTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	sent := req
	if req.Body != nil && req.Body != http.NoBody {
		sent = req.WithContext(req.Context()) // a copy: its body is replaced, and req is the caller's
	}
	if err := ValidateRequest(sent); err != nil {
		t.report(err)
	}
	res, err := t.base.RoundTrip(sent)
	if err != nil || res == nil {
		return res, err
	}
	if res.Request == sent {
		res.Request = req
	}
	op, _, err := specMatch(req)
	if err != nil {
		return res, nil // reported with the request
	}
	prefix := op.id + ": response: "
	head := &violations{prefix: prefix}
	check := op.checkHead(head, res)
	if err := head.err(); err != nil {
		t.report(err)
	}
	if check != nil && res.Body != nil {
		res.Body = &checkedBody{ReadCloser: res.Body, check: func(body []byte) {
			v := &violations{prefix: prefix}
			if check(v, body); v.err() != nil {
				t.report(v.err())
			}
		}}
	}
	return res, nil
}

// CloseIdleConnections passes on [http.Client.CloseIdleConnections].
func (t *validatingTransport) CloseIdleConnections() {
	if c, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// checkedBody records what is read of a body and checks it once, without reading ahead: a caller that
// gives up on an endless or stalled body can still do so.
type checkedBody struct {
	io.ReadCloser
	check func(body []byte)

	mu   sync.Mutex // Close may be called to end a Read
	read []byte
	done bool
}

func (b *checkedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.mu.Lock()
	b.read = append(b.read, p[:n]...)
	b.mu.Unlock()
	if err != nil {
		b.finish(func([]byte) bool { return err == io.EOF })
	}
	return n, err
}

func (b *checkedBody) Close() error {
	// A json.Decoder stops at the end of a value, short of the end of the body.
	b.finish(json.Valid)
	return b.ReadCloser.Close()
}

// finish checks what has been read if it is complete, the first time that it is called.
func (b *checkedBody) finish(complete func([]byte) bool) {
	b.mu.Lock()
	body, done := b.read, b.done
	b.done = true
	b.mu.Unlock()
	if !done && complete(body) {
		b.check(body)
	}
}

// rebuffer reads body to its end or its first error, and returns what it has read, and a body that
// behaves as the one given did.
func rebuffer(body io.ReadCloser) ([]byte, io.ReadCloser, error) {
	data, err := io.ReadAll(body)
	replay := io.Reader(bytes.NewReader(data))
	if err != nil {
		replay = io.MultiReader(replay, failingReader{err})
	}
	return data, struct {
		io.Reader
		io.Closer
	}{replay, body}, err
}

type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

// violations collects what is wrong with one request or response.
type violations struct {
	prefix string
	errs   []error
}

func (v *violations) addf(format string, args ...any) {
	v.errs = append(v.errs, errors.New(v.prefix+fmt.Sprintf(format, args...)))
}

func (v *violations) err() error { return errors.Join(v.errs...) }

// specOperation is an operation of the OpenAPI document as the validation looks at it.
type specOperation struct {
	id                  string
	method              string
	template            string
	segments            []string
	authorized          bool
	path, query, header map[string]*openapi3.Parameter
	body                *openapi3.RequestBody // nil if there is none
	responses           *openapi3.Responses
}

// specDocument is the OpenAPI document, read once.
type specDocument struct {
	operations []*specOperation
	headers    map[string]bool // every header that is a parameter of some operation
}

// spec reads the OpenAPI document. It is part of the module, so that it cannot be read is a broken
// build and no error that a caller could handle.
var spec = sync.OnceValue(func() *specDocument {
	doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI)
	if err != nil {
		panic(fmt.Errorf("conversationstest: the OpenAPI document: %w", err))
	}
	s := &specDocument{headers: map[string]bool{}}
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			op := &specOperation{
				id:         operation.OperationID,
				method:     method,
				template:   path,
				segments:   strings.Split(path, "/"),
				authorized: len(doc.Security) > 0,
				path:       map[string]*openapi3.Parameter{},
				query:      map[string]*openapi3.Parameter{},
				header:     map[string]*openapi3.Parameter{},
				responses:  operation.Responses,
			}
			for _, p := range slices.Concat(item.Parameters, operation.Parameters) {
				switch p.Value.In {
				case openapi3.ParameterInPath:
					op.path[p.Value.Name] = p.Value
				case openapi3.ParameterInQuery:
					op.query[p.Value.Name] = p.Value
				case openapi3.ParameterInHeader:
					op.header[p.Value.Name] = p.Value
					s.headers[p.Value.Name] = true
				}
			}
			if operation.RequestBody != nil {
				op.body = operation.RequestBody.Value
			}
			s.operations = append(s.operations, op)
		}
	}
	return s
})

// specMatch finds the operation that a request is for, and the values in its path. The routers of
// kin-openapi match unescaped paths, where a slash in an id is one more segment.
func specMatch(req *http.Request) (*specOperation, map[string]string, error) {
	if req.URL == nil {
		return nil, nil, errors.New("request: it has no URL")
	}
	escaped := req.URL.EscapedPath()
	segments := strings.Split(escaped, "/")
	for i, s := range segments {
		segments[i], _ = url.PathUnescape(s) // no error: EscapedPath escapes well
	}
	var known string
	for i := 1; i < len(segments); i++ { // what comes before is a base path
		begins := false
		for _, op := range spec().operations {
			values, whole, prefix := op.match(segments[i:])
			begins = begins || prefix
			if whole && op.method == req.Method {
				return op, values, nil
			}
			if whole {
				known = op.template
			}
		}
		if begins {
			// A base path does not begin as the API does: what follows is an id with bare slashes.
			break
		}
	}
	if known != "" {
		return nil, nil, fmt.Errorf("request: %s is not a documented method of %s", req.Method, known)
	}
	return nil, nil, fmt.Errorf("request: %s %q is no documented operation", req.Method, escaped)
}

// match reports whether segments are those of the operation's path as a whole, and whether they begin
// with those before the first parameter.
func (op *specOperation) match(segments []string) (values map[string]string, whole, prefix bool) {
	template := op.segments[1:] // the path begins with a slash
	values = map[string]string{}
	for i, t := range template {
		name, isParam := strings.CutPrefix(t, "{")
		switch {
		case i == len(segments), !isParam && t != segments[i]:
			return nil, false, prefix
		case isParam:
			prefix = true
			values[strings.TrimSuffix(name, "}")] = segments[i]
		}
	}
	return values, len(template) == len(segments), true
}

func (op *specOperation) checkAuthorization(v *violations, header http.Header) {
	if !op.authorized {
		return
	}
	switch values := header.Values("Authorization"); {
	case len(values) == 0 || values[0] == "":
		v.addf("header Authorization is missing")
	case len(values) > 1:
		v.addf("header Authorization is given %d times", len(values))
	}
}

func checkPathParameter(v *violations, p *openapi3.Parameter, value string) {
	what := "path parameter " + p.Name
	switch value {
	case "":
		v.addf("%s is empty", what)
	case ".", "..":
		v.addf("%s is %q, which stands for another path", what, value)
	default:
		checkText(v, what, p.Schema, value)
	}
}

func (op *specOperation) checkHeaders(v *violations, header http.Header) {
	for _, name := range slices.Sorted(maps.Keys(spec().headers)) {
		values := header.Values(name)
		p := op.header[name]
		switch {
		case p == nil && len(values) > 0:
			v.addf("header %s is not documented for this operation", name)
		case p != nil:
			checkParameter(v, p, values)
		}
	}
}

func (op *specOperation) checkQuery(v *violations, raw string) {
	query, err := url.ParseQuery(raw)
	if err != nil {
		v.addf("the query is malformed")
	}
	fields := op.formFields()
	for _, name := range slices.Sorted(maps.Keys(query)) {
		switch {
		case op.query[name] != nil:
		case fields[name] != nil:
			v.addf("form field %s is in the query", name)
		default:
			v.addf("query parameter %s is not documented", printable(name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(op.query)) {
		checkParameter(v, op.query[name], query[name])
	}
}

// checkParameter checks the values that a query or header parameter was given.
func checkParameter(v *violations, p *openapi3.Parameter, values []string) {
	what := p.In + " parameter " + p.Name
	if p.In == openapi3.ParameterInHeader {
		what = "header " + p.Name
	}
	switch {
	case len(values) > 1:
		v.addf("%s is given %d times", what, len(values))
	case len(values) == 1:
		checkText(v, what, p.Schema, values[0])
	}
}

const specFormType = "application/x-www-form-urlencoded"

// formFields returns the fields that the operation's form may have, nil if it takes no form.
func (op *specOperation) formFields() openapi3.Schemas {
	if op.body == nil || op.body.Content[specFormType] == nil {
		return nil
	}
	return op.body.Content[specFormType].Schema.Value.Properties
}

func (op *specOperation) checkBody(v *violations, header http.Header, body []byte) {
	contentType := header.Get("Content-Type")
	switch mediaType, _, _ := mime.ParseMediaType(contentType); {
	case op.body == nil:
		if len(body) > 0 {
			v.addf("there is a body, and the operation takes none")
		}
		return
	case contentType == "" && len(body) == 0:
		return // all fields are optional
	case contentType == "":
		v.addf("header Content-Type is missing, want %s", specFormType)
		return
	case mediaType != specFormType:
		v.addf("header Content-Type is not %s", specFormType)
		return
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		v.addf("the form is malformed")
	}
	fields := op.formFields()
	known := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(form)) {
		what := "form field " + printable(name)
		switch values := form[name]; {
		case fields[name] == nil:
			v.addf("%s is not documented", what)
		case len(values) > 1:
			v.addf("%s is given %d times", what, len(values))
		default:
			if value, ok := typed(v, what, fields[name], values[0]); ok {
				known[name] = value
			}
		}
	}
	// As one object, so that what the schema says of fields together counts too.
	checkSchema(v, "form field ", op.body.Content[specFormType].Schema, known, openapi3.VisitAsRequest())
}

// checkHead checks the status and the content type of an answer and returns the check of its body,
// nil where there is nothing to check it against.
func (op *specOperation) checkHead(v *violations, res *http.Response) func(*violations, []byte) {
	ref := op.responses.Value(strconv.Itoa(res.StatusCode))
	if ref == nil && res.StatusCode >= 400 {
		// The default answer describes a failure: it is not for successes that nobody has documented.
		ref = op.responses.Default()
	}
	if ref == nil {
		v.addf("status %d is not documented", res.StatusCode)
		return nil
	}
	if len(ref.Value.Content) == 0 {
		if res.Body == http.NoBody {
			return nil
		}
		return func(v *violations, body []byte) {
			if len(body) > 0 {
				v.addf("status %d has a body, and none is documented", res.StatusCode)
			}
		}
	}
	want := slices.Sorted(maps.Keys(ref.Value.Content))
	mediaType, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	media := ref.Value.Content[mediaType]
	if media == nil {
		v.addf("header Content-Type of status %d is not %s", res.StatusCode, strings.Join(want, " or "))
		return nil
	}
	if res.Header.Get("Content-Encoding") != "" {
		return nil
	}
	return func(v *violations, body []byte) {
		var value any
		if err := json.Unmarshal(body, &value); err != nil {
			v.addf("the body of status %d is not JSON: %v", res.StatusCode, err)
			return
		}
		checkSchema(v, "body /", media.Schema, value, openapi3.VisitAsResponse())
	}
}

// checkText checks a value that was sent as text.
func checkText(v *violations, what string, schema *openapi3.SchemaRef, text string) {
	if value, ok := typed(v, what, schema, text); ok {
		checkSchema(v, what, schema, value, openapi3.VisitAsRequest())
	}
}

// typed turns text into a value of the schema's type.
func typed(v *violations, what string, schema *openapi3.SchemaRef, text string) (any, bool) {
	if !utf8.ValidString(text) {
		v.addf("%s is not valid UTF-8", what)
		return nil, false
	}
	if !schema.Value.Type.Is(openapi3.TypeInteger) {
		return text, true
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != text {
		v.addf("%s is not an integer", what)
		return nil, false
	}
	return n, true
}

// checkSchema adds a violation for each way in which value breaks schema. A place within value is
// named by what and the names that lead there.
func checkSchema(v *violations, what string, schema *openapi3.SchemaRef, value any, opts ...openapi3.SchemaValidationOption) {
	opts = append(opts,
		openapi3.MultiErrors(),
		openapi3.WithStringFormatValidators(specFormats),
	)
	addSchemaErrors(v, what, schema.Value.VisitJSON(value, opts...))
}

func addSchemaErrors(v *violations, what string, err error) {
	switch err := err.(type) {
	case nil:
	case openapi3.MultiError:
		for _, err := range err {
			addSchemaErrors(v, what, err)
		}
	case *openapi3.SchemaError:
		reason := err.Reason // and not err.Error, which quotes the value
		// An allOf only says that one of its members is broken: that member says how.
		if inner, ok := errors.AsType[*openapi3.SchemaError](err.Origin); ok {
			reason = inner.Reason
		}
		v.addf("%s%s: %s", what, strings.Join(err.JSONPointer(), "/"), reason)
	default:
		v.addf("%s: %v", what, err)
	}
}

// specFormats are the formats of strings that the document uses, each checked with the parser that
// Go has for it: the pattern of kin-openapi lets 2026-02-30 pass as a date, and it knows no uri.
var specFormats = map[string]openapi3.StringFormatValidator{
	"date-time": openapi3.NewCallbackValidator(func(s string) error {
		if new(time.Time).UnmarshalText([]byte(s)) != nil { // stricter than time.Parse, as RFC 3339 is
			return errors.New("not an RFC 3339 date and time")
		}
		return nil
	}),
	"uri": openapi3.NewCallbackValidator(func(s string) error {
		if u, err := url.Parse(s); err != nil || !u.IsAbs() {
			return errors.New("not an absolute URI")
		}
		return nil
	}),
}

// printable quotes a name that somebody else chose if it holds anything but plain text.
func printable(name string) string {
	if quoted := strconv.Quote(name); name == "" || strings.ContainsAny(name, " :") || quoted != `"`+name+`"` {
		return quoted
	}
	return name
}
