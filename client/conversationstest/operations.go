package conversationstest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// verb is what an operation does; it follows from the method and from what the path addresses.
type verb int

const (
	create verb = iota + 1
	list
	fetch
	update
	remove
)

// operation is one operation of the OpenAPI document, with what the emulator does for it.
type operation struct {
	*specOperation
	verb verb
}

// Operations returns the operationIds that the emulator implements, in alphabetical order. They are
// those of the project's OpenAPI document, and the keys that [Emulator.Fail] takes.
func Operations() []string {
	var ids []string
	for _, op := range operations() {
		ids = append(ids, op.id)
	}
	return ids
}

// operations gives each operation of the OpenAPI document its verb. One without a verb is a broken
// build, as the document is part of the module.
var operations = sync.OnceValue(func() []*operation {
	var ops []*operation
	for _, documented := range spec().operations {
		op := &operation{specOperation: documented}
		switch one := strings.HasSuffix(op.template, "/{Sid}"); {
		case op.method == http.MethodPost && !one:
			op.verb = create
		case op.method == http.MethodGet && !one:
			op.verb = list
		case op.method == http.MethodGet:
			op.verb = fetch
		case op.method == http.MethodPost:
			op.verb = update
		case op.method == http.MethodDelete && one:
			op.verb = remove
		default:
			panic("conversationstest: nothing emulates " + op.method + " " + op.template)
		}
		ops = append(ops, op)
	}
	slices.SortFunc(ops, func(a, b *operation) int { return strings.Compare(a.id, b.id) })
	return ops
})

// route finds the operation that a request is for, with the values in its path. Each segment is
// unescaped once, on its own, so an id may hold any character. No operation is returned for a path
// that none has; the methods that the path does have are returned if the request's is not one.
func route(method, escapedPath string) (op *operation, values map[string]string, allow []string) {
	path, ok := strings.CutPrefix(escapedPath, "/")
	if !ok {
		return nil, nil, nil
	}
	segments := strings.Split(path, "/")
	for i, s := range segments {
		unescaped, err := url.PathUnescape(s)
		if err != nil || unescaped == "" || unescaped == "." || unescaped == ".." {
			return nil, nil, nil
		}
		segments[i] = unescaped
	}
	for _, candidate := range operations() {
		v, whole, _ := candidate.match(segments)
		switch {
		case !whole:
		case candidate.method == method:
			return candidate, v, nil
		default:
			allow = append(allow, candidate.method)
		}
	}
	slices.Sort(allow)
	return nil, nil, allow
}
