package conversationstest

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/twilio-conversations-go/conversations/api"
)

// formType is the media type of every request body.
const formType = "application/x-www-form-urlencoded"

// document is the OpenAPI document in the form that the checks and the emulator need.
type document struct {
	operations []*operation
	headers    map[string]bool // every header that is a parameter of some operation
}

// operation is one operation of the document.
type operation struct {
	id, method string
	template   string   // of its path
	segments   []string // of the template
	authorized bool     // requests need credentials

	path, query, header map[string]*parameter
	form                map[string]*parameter // nil if the operation takes no body
	formSchema          *openapi3.SchemaRef
	responses           *openapi3.Responses
}

// parameter is a query parameter, path parameter, header or form field of a request.
type parameter struct {
	where  string // what it is called in messages: "query parameter", "form field"
	name   string
	schema *openapi3.SchemaRef
	// key names the value for rules and error codes: the document's component, and the field for a
	// form. Operations that share a component share its rules.
	key string
}

func (p *parameter) String() string { return p.where + " " + p.name }

// spec returns the project's document, which is read once. It is part of the module. If it cannot
// be read, the build is broken and no caller could handle the error.
var spec = sync.OnceValue(func() *document {
	doc, err := readDocument(api.OpenAPI)
	if err != nil {
		panic(fmt.Errorf("conversationstest: the OpenAPI document: %w", err))
	}
	return doc
})

func readDocument(yaml []byte) (*document, error) {
	doc, err := openapi3.NewLoader().LoadFromData(yaml)
	if err != nil {
		return nil, err
	}
	d := &document{headers: map[string]bool{}}
	for path, item := range doc.Paths.Map() {
		for method, described := range item.Operations() {
			op := &operation{
				id:         described.OperationID,
				method:     method,
				template:   path,
				segments:   strings.Split(path, "/"),
				authorized: len(doc.Security) > 0,
				path:       map[string]*parameter{},
				query:      map[string]*parameter{},
				header:     map[string]*parameter{},
				responses:  described.Responses,
			}
			for _, p := range slices.Concat(item.Parameters, described.Parameters) {
				op.addParameter(p)
			}
			for name := range op.header {
				d.headers[name] = true
			}
			if described.RequestBody != nil {
				op.addForm(described.RequestBody.Value)
			}
			d.operations = append(d.operations, op)
		}
	}
	// { sorts after all letters, so a template with a fixed segment sorts before one with a
	// parameter in its place. It is therefore matched first, as OpenAPI requires.
	slices.SortFunc(d.operations, func(a, b *operation) int {
		return cmp.Or(strings.Compare(a.template, b.template), strings.Compare(a.method, b.method))
	})
	return d, nil
}

func (op *operation) addParameter(ref *openapi3.ParameterRef) {
	p := &parameter{
		where:  ref.Value.In + " parameter",
		name:   ref.Value.Name,
		schema: ref.Value.Schema,
		key:    component(ref.Ref, op.id) + "." + ref.Value.Name,
	}
	switch ref.Value.In {
	case openapi3.ParameterInPath:
		op.path[p.name] = p
	case openapi3.ParameterInQuery:
		op.query[p.name] = p
	case openapi3.ParameterInHeader:
		p.where = "header"
		op.header[p.name] = p
	}
}

func (op *operation) addForm(body *openapi3.RequestBody) {
	op.form = map[string]*parameter{}
	media := body.Content[formType]
	if media == nil {
		return
	}
	op.formSchema = media.Schema
	for name, field := range media.Schema.Value.Properties {
		op.form[name] = &parameter{
			where:  "form field",
			name:   name,
			schema: field,
			key:    component(media.Schema.Ref, op.id) + "." + name,
		}
	}
}

// component returns the name of the referenced component, or the alternative if there is no
// reference.
func component(ref, alternative string) string {
	return cmp.Or(ref[strings.LastIndex(ref, "/")+1:], alternative)
}

// operation returns the operation with the given operationId, or nil.
func (d *document) operation(id string) *operation {
	i := slices.IndexFunc(d.operations, func(op *operation) bool { return op.id == id })
	if i < 0 {
		return nil
	}
	return d.operations[i]
}

// route returns the operation that a method and a path select, with the values of the path's
// parameters. If there is none, it returns the methods that the path has.
//
// Each segment is unescaped once and on its own, so an id may hold any character, including a
// slash. The routers of kin-openapi match unescaped paths, where such a slash would separate
// segments.
func (d *document) route(method, escapedPath string) (op *operation, values map[string]string, allow []string) {
	segments := splitPath(escapedPath)
	for _, op := range d.operations {
		values, whole, _ := op.match(segments)
		switch {
		case whole && op.method == method:
			return op, values, nil
		case whole && !slices.ContainsFunc(slices.Collect(maps.Values(values)), elsewhere):
			allow = append(allow, op.method)
		}
	}
	slices.Sort(allow)
	return nil, nil, slices.Compact(allow)
}

// find is like route, for a request to any server. The path may have a base path.
func (d *document) find(req *http.Request) (*operation, map[string]string, error) {
	if req.URL == nil {
		return nil, nil, errors.New("request: it has no URL")
	}
	escaped := req.URL.EscapedPath()
	segments := splitPath(escaped)
	var known string
	for i := 1; i < len(segments); i++ { // the segments before are a base path
		begins := false
		for _, op := range d.operations {
			values, whole, prefix := op.match(append([]string{""}, segments[i:]...))
			begins = begins || prefix
			if whole && op.method == req.Method {
				return op, values, nil
			}
			if whole {
				known = op.template
			}
		}
		if begins {
			// A base path does not begin as the API does, so what follows is an id with unescaped
			// slashes.
			break
		}
	}
	if known != "" {
		return nil, nil, fmt.Errorf("request: %s is not a documented method of %s", req.Method, known)
	}
	return nil, nil, fmt.Errorf("request: %s %q is no documented operation", req.Method, escaped)
}

// splitPath returns the unescaped segments of a path. The first is empty if the path is absolute.
func splitPath(escaped string) []string {
	segments := strings.Split(escaped, "/")
	for i, s := range segments {
		segments[i], _ = url.PathUnescape(s) // no error: URL.EscapedPath escapes well
	}
	return segments
}

// match reports whether segments match the operation's whole path, and whether they start with the
// segments before its first parameter.
func (op *operation) match(segments []string) (values map[string]string, whole, prefix bool) {
	values = map[string]string{}
	for i, t := range op.segments {
		name, isParam := strings.CutPrefix(t, "{")
		switch {
		case i == len(segments), !isParam && t != segments[i]:
			return nil, false, prefix
		case isParam:
			prefix = true
			values[strings.TrimSuffix(name, "}")] = segments[i]
		}
	}
	return values, len(op.segments) == len(segments), true
}

// elsewhere reports whether a segment used as an id makes a path that resolves to another one.
func elsewhere(segment string) bool { return segment == "" || segment == "." || segment == ".." }

// sortedKeys returns the keys of a map in alphabetical order, so that several violations are always
// reported in the same order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
