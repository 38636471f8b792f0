package conversationstest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/twilio-conversations-go/conversations/api"
)

const formType = "application/x-www-form-urlencoded"

// verb is what an operation does; it follows from the method and from what the path addresses.
type verb int

const (
	create verb = iota + 1
	list
	fetch
	update
	remove
)

// operation is one operation of the OpenAPI document: how to recognise a request for it, and the
// names that such a request may carry.
type operation struct {
	id       string
	method   string
	path     string
	segments []string // of path
	verb     verb
	query    map[string]bool
	form     map[string]bool
	webhook  bool // takes X-Twilio-Webhook-Enabled
}

// Operations returns the operationIds that the emulator implements, in alphabetical order. They are
// those of the project's OpenAPI document, and the keys that [Emulator.Fail] takes.
func Operations() []string {
	ops, err := operations()
	if err != nil {
		panic(err) // the document is part of the module: this is a broken build
	}
	ids := make([]string, len(ops))
	for i, op := range ops {
		ids[i] = op.id
	}
	return ids
}

// operations reads the OpenAPI document once.
var operations = sync.OnceValues(func() ([]*operation, error) {
	doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI)
	if err != nil {
		return nil, fmt.Errorf("conversationstest: reading the OpenAPI document: %w", err)
	}
	var ops []*operation
	for path, item := range doc.Paths.Map() {
		for method, spec := range item.Operations() {
			op := &operation{
				id:       spec.OperationID,
				method:   method,
				path:     path,
				segments: strings.Split(path, "/"),
				query:    map[string]bool{},
				form:     map[string]bool{},
			}
			switch addressesOne := strings.HasSuffix(path, "/{Sid}"); {
			case method == http.MethodPost && !addressesOne:
				op.verb = create
			case method == http.MethodGet && !addressesOne:
				op.verb = list
			case method == http.MethodGet:
				op.verb = fetch
			case method == http.MethodPost:
				op.verb = update
			case method == http.MethodDelete && addressesOne:
				op.verb = remove
			default:
				return nil, fmt.Errorf("conversationstest: %s %s is not emulated", method, path)
			}
			for _, p := range slices.Concat(item.Parameters, spec.Parameters) {
				switch p.Value.In {
				case openapi3.ParameterInQuery:
					op.query[p.Value.Name] = true
				case openapi3.ParameterInHeader:
					op.webhook = op.webhook || p.Value.Name == webhookHeader
				}
			}
			if spec.RequestBody != nil {
				for name := range spec.RequestBody.Value.Content[formType].Schema.Value.Properties {
					op.form[name] = true
				}
			}
			ops = append(ops, op)
		}
	}
	slices.SortFunc(ops, func(a, b *operation) int { return strings.Compare(a.id, b.id) })
	return ops, nil
})

// route finds the operation that a request is for, with the values in its path. Each segment is
// unescaped once, on its own, so an id may hold any character. No operation is returned for a path
// that none has; the methods that the path does have are returned with a path that lacks this one.
func route(ops []*operation, method, escapedPath string) (op *operation, values map[string]string, allow []string) {
	segments := strings.Split(escapedPath, "/")
	for i, s := range segments {
		unescaped, err := url.PathUnescape(s)
		if err != nil || i > 0 && (unescaped == "" || unescaped == "." || unescaped == "..") {
			return nil, nil, nil
		}
		segments[i] = unescaped
	}
	for _, candidate := range ops {
		v, ok := match(candidate.segments, segments)
		switch {
		case !ok:
		case candidate.method == method:
			return candidate, v, nil
		default:
			allow = append(allow, candidate.method)
		}
	}
	slices.Sort(allow)
	return nil, nil, allow
}

func match(template, segments []string) (map[string]string, bool) {
	if len(template) != len(segments) {
		return nil, false
	}
	values := map[string]string{}
	for i, t := range template {
		switch name, isParam := strings.CutPrefix(t, "{"); {
		case isParam:
			values[strings.TrimSuffix(name, "}")] = segments[i]
		case t != segments[i]:
			return nil, false
		}
	}
	return values, true
}
