package conversationstest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
)

// ValidateRequest checks req against the project's OpenAPI document. It returns every violation,
// one per line, or nil. A valid request is for one of the operations, under any host and base path,
// with:
//
//   - no query parameter or form field that the operation does not document, and none twice;
//   - every value of the documented type, format, pattern, length and enum, and within the limits
//     that Twilio documents in prose: durations, dates, JSON, sizes;
//   - no conversation id that is empty, "." or "..", which proxies resolve to another resource;
//   - a form for a body, where the operation takes one, and otherwise none;
//   - an Authorization header, of any scheme.
//
// A strict [Emulator] refuses the same requests. Headers that the document does not name are not
// checked. An error never contains the value of a header, a query parameter or a form field.
//
// req may be a client's or a server's. Its body is read and replaced by one that yields the same
// bytes. If reading fails, the replacement yields the bytes read and the same error, and the form
// is not checked.
func ValidateRequest(req *http.Request) error {
	op, values, err := spec().find(req)
	if err != nil {
		return err
	}
	v := &violations{prefix: op.id + ": request: "}
	op.checkHead(v, req, values)
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

// ValidateResponse checks res, the response to req, against the project's OpenAPI document. It
// returns every violation, one per line, or nil. The violations are an undocumented status below
// 400, a content type other than the documented one, a documented header with an invalid value, and
// a body that is not JSON or breaks its schema. Members that the document does not name are valid,
// because the API may add some at any time.
//
// The body of res is read to its end and replaced by one that yields the same bytes. If reading
// fails, the replacement yields the bytes read and the same error, and the body is not checked.
func ValidateResponse(req *http.Request, res *http.Response) error {
	op, _, err := spec().find(req)
	if err != nil {
		return err
	}
	v := &violations{prefix: op.id + ": response: "}
	check := op.checkResponse(v, res)
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

// rebuffer reads body to its end or its first error. It returns what it read and a body that
// behaves as the original did.
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

// violation is one way in which a request or response violates the document.
type violation struct {
	parameter *parameter // whose value is invalid; nil if there is none
	// keyword names the broken rule: a keyword of the schema, such as maxLength, or one of those
	// below.
	keyword string
	text    string
}

// These keywords are of violations that no schema describes.
const (
	unknown     = "unknown"     // a parameter, field or header that is not documented
	repeated    = "repeated"    // given more than once
	empty       = "empty"       // a value that may be absent, but not empty
	superfluous = "superfluous" // a body where none is allowed
	mediaType   = "mediaType"   // not a form
	tooLarge    = "tooLarge"    // a body above maxBody
	other       = "other"
)

// violations collects the violations of one request or response. The checks below add to it. The
// emulator responds with the first violation; ValidateRequest and ValidateResponse return all.
type violations struct {
	prefix string
	list   []violation
}

func (v *violations) addf(p *parameter, keyword, format string, args ...any) {
	v.list = append(v.list, violation{p, keyword, fmt.Sprintf(format, args...)})
}

func (v *violations) texts() []string {
	var texts []string
	for _, violation := range v.list {
		texts = append(texts, v.prefix+violation.text)
	}
	return texts
}

func (v *violations) err() error {
	var errs []error
	for _, text := range v.texts() {
		errs = append(errs, errors.New(text))
	}
	return errors.Join(errs...)
}

// checkHead checks all of a request except its body. values are the values of the path parameters.
func (op *operation) checkHead(v *violations, r *http.Request, values map[string]string) {
	if op.authorized {
		switch given := r.Header.Values("Authorization"); {
		case len(given) == 0 || given[0] == "":
			v.addf(nil, other, "header Authorization is missing")
		case len(given) > 1:
			v.addf(nil, repeated, "header Authorization is given %d times", len(given))
		}
	}
	for _, name := range sortedKeys(op.path) {
		switch p, value := op.path[name], values[name]; {
		case value == "":
			v.addf(p, empty, "%v is empty", p)
		case elsewhere(value):
			v.addf(p, other, "%v is %q, which stands for another path", p, value)
		default:
			checkValues(v, p, []string{value})
		}
	}
	for _, name := range sortedKeys(spec().headers) {
		values := r.Header.Values(name)
		if p := op.header[name]; p != nil {
			checkValues(v, p, values)
		} else if len(values) > 0 {
			v.addf(nil, unknown, "header %s is not documented for this operation", name)
		}
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		v.addf(nil, other, "the query is malformed")
	}
	for _, name := range sortedKeys(query) {
		switch {
		case op.query[name] != nil:
		case op.form[name] != nil:
			v.addf(nil, unknown, "form field %s is in the query", name)
		default:
			v.addf(nil, unknown, "query parameter %s is not documented", printable(name))
		}
	}
	for _, name := range sortedKeys(op.query) {
		checkValues(v, op.query[name], query[name])
	}
}

// checkBody checks a request's body, which must be a form or empty.
func (op *operation) checkBody(v *violations, header http.Header, body []byte) {
	contentType := header.Get("Content-Type")
	switch {
	case op.form == nil:
		if len(body) > 0 {
			v.addf(nil, superfluous, "there is a body, and the operation takes none")
		}
		return
	case len(body) > maxBody:
		v.addf(nil, tooLarge, "the body is larger than %d bytes", maxBody)
		return
	case header.Get("Content-Encoding") != "":
		v.addf(nil, mediaType, "the body is encoded: there is a header Content-Encoding")
		return
	case contentType == "" && len(body) == 0: // as curl -X POST sends it
	case contentType == "":
		v.addf(nil, mediaType, "header Content-Type is missing, want %s", formType)
		return
	case !isForm(header):
		v.addf(nil, mediaType, "header Content-Type is not %s", formType)
		return
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		v.addf(nil, other, "the form is malformed")
	}
	known := map[string]any{}
	for _, name := range sortedKeys(form) {
		p := op.form[name]
		if p == nil {
			v.addf(nil, unknown, "form field %s is not documented", printable(name))
			continue
		}
		checkValues(v, p, form[name])
		if value, reason := typed(p.schema, form[name][0]); reason == "" {
			known[name] = value
		}
	}
	// Check the fields as one object, because the schema may restrict them together. Violations of
	// single fields were found above.
	for _, e := range schemaErrors(op.formSchema, known, openapi3.VisitAsRequest()) {
		if path := e.JSONPointer(); len(path) == 0 || known[path[0]] == nil {
			v.addf(op.form[strings.Join(path, ".")], e.SchemaField, "form field %s: %s", strings.Join(path, "."), e.Reason)
		}
	}
}

// isForm reports whether the media type of a body is that of a form, with any parameters.
func isForm(header http.Header) bool {
	given, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	return given == formType
}

// checkValues checks the values given for a parameter. There should be at most one.
func checkValues(v *violations, p *parameter, values []string) {
	switch {
	case len(values) == 0:
		return
	case len(values) > 1:
		v.addf(p, repeated, "%v is given %d times", p, len(values))
	}
	text := values[0]
	value, reason := typed(p.schema, text)
	if reason != "" {
		v.addf(p, orEmpty(text, "type"), "%v is not %s", p, reason)
		return
	}
	errs := schemaErrors(p.schema, value, openapi3.VisitAsRequest())
	for _, e := range errs {
		v.addf(p, orEmpty(text, e.SchemaField), "%v: %s", p, e.Reason)
	}
	if rule := rules[p.key]; rule != nil && text != "" && len(errs) == 0 {
		if b := rule(text); b != nil {
			v.addf(p, b.keyword, "%v: %s", p, b.reason)
		}
	}
}

func orEmpty(text, keyword string) string {
	if text == "" {
		return empty
	}
	return keyword
}

// typed converts text to a value of the schema's type, or returns why it cannot.
func typed(schema *openapi3.SchemaRef, text string) (value any, reason string) {
	if !utf8.ValidString(text) {
		return nil, "valid UTF-8"
	}
	switch {
	case schema.Value.Type.Is(openapi3.TypeInteger):
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || strconv.FormatInt(n, 10) != text {
			return nil, "an integer"
		}
		return n, ""
	case schema.Value.Type.Is(openapi3.TypeBoolean):
		if text != "true" && text != "false" {
			return nil, "true or false"
		}
		return text == "true", ""
	}
	return text, ""
}

// checkResponse checks the status and the headers of a response. It returns the check of the body,
// or nil if there is none.
func (op *operation) checkResponse(v *violations, res *http.Response) func(*violations, []byte) {
	ref := op.responses.Value(strconv.Itoa(res.StatusCode))
	if ref == nil && res.StatusCode >= 400 {
		// The default response describes a failure. It does not apply to undocumented successes.
		ref = op.responses.Default()
	}
	if ref == nil {
		v.addf(nil, unknown, "status %d is not documented", res.StatusCode)
		return nil
	}
	for _, name := range sortedKeys(ref.Value.Headers) {
		header := ref.Value.Headers[name].Value
		checkValues(v, &parameter{where: "header", name: name, schema: header.Schema}, res.Header.Values(name))
	}
	if len(ref.Value.Content) == 0 {
		if res.Body == http.NoBody {
			return nil
		}
		return func(v *violations, body []byte) {
			if len(body) > 0 {
				v.addf(nil, superfluous, "status %d has a body, and none is documented", res.StatusCode)
			}
		}
	}
	given, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	media := ref.Value.Content[given]
	if media == nil {
		want := strings.Join(sortedKeys(ref.Value.Content), " or ")
		v.addf(nil, mediaType, "header Content-Type of status %d is not %s", res.StatusCode, want)
		return nil
	}
	if res.Header.Get("Content-Encoding") != "" {
		return nil
	}
	return func(v *violations, body []byte) {
		var value any
		if err := json.Unmarshal(body, &value); err != nil {
			v.addf(nil, mediaType, "the body of status %d is not JSON: %v", res.StatusCode, err)
			return
		}
		for _, e := range schemaErrors(media.Schema, value, openapi3.VisitAsResponse()) {
			v.addf(nil, e.SchemaField, "body /%s: %s", strings.Join(e.JSONPointer(), "/"), e.Reason)
		}
	}
}

// schemaErrors returns each way in which value violates schema. The errors do not contain the
// value, which may be a secret.
func schemaErrors(schema *openapi3.SchemaRef, value any, as openapi3.SchemaValidationOption) []*openapi3.SchemaError {
	err := schema.Value.VisitJSON(value, as, openapi3.MultiErrors(), openapi3.WithStringFormatValidators(formats))
	return flatten(err)
}

func flatten(err error) []*openapi3.SchemaError {
	switch err := err.(type) { //nolint:errorlint // it visits each level itself
	case openapi3.MultiError:
		var all []*openapi3.SchemaError
		for _, err := range err {
			all = append(all, flatten(err)...)
		}
		// Sort by place. In one place the order stays: a length comes before the pattern that
		// implies it.
		slices.SortStableFunc(all, func(a, b *openapi3.SchemaError) int {
			return slices.Compare(a.JSONPointer(), b.JSONPointer())
		})
		return all
	case *openapi3.SchemaError:
		// An allOf only says that one of its members is violated. The member says how.
		if inner, ok := errors.AsType[*openapi3.SchemaError](err.Origin); ok && err.SchemaField == "allOf" {
			err.SchemaField, err.Reason = inner.SchemaField, inner.Reason
		}
		if err.Reason == "" { // as for not
			err.Reason = "value breaks the keyword " + err.SchemaField
		}
		return []*openapi3.SchemaError{err}
	}
	return nil
}

// printable quotes an untrusted name unless it is plain text.
func printable(name string) string {
	if quoted := strconv.Quote(name); name == "" || strings.ContainsAny(name, " :") || quoted != `"`+name+`"` {
		return quoted
	}
	return name
}
