package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// object is a JSON object of a description.
type object = map[string]any

// facts is what a description says about some operations, without its prose. It maps an element,
// such as "listConversation query PageSize", to its attributes, such as "integer format=int64
// minimum=1 maximum=100".
type facts map[string]string

// operations maps the routes of operations to their names.
type operations map[string]string

var (
	methods       = []string{"get", "put", "post", "delete", "options", "head", "patch", "trace"}
	parameterName = regexp.MustCompile(`\{[^}]*\}`)
)

// route identifies an operation, whatever the names of its path parameters.
func route(method, path string) string {
	return strings.ToUpper(method) + " " + parameterName.ReplaceAllString(path, "{}")
}

// parseDescription reads an OpenAPI document, as JSON or YAML. In JSON, which Twilio's is, parts
// outside our operations may be invalid.
func parseDescription(data []byte) (object, error) {
	if !json.Valid(data) {
		doc, err := openapi3.NewLoader().LoadFromData(data)
		if err != nil {
			return nil, fmt.Errorf("invalid description: %w", err)
		}
		if data, err = json.Marshal(doc); err != nil {
			return nil, fmt.Errorf("invalid description: %w", err)
		}
	}
	var root object
	if err := json.Unmarshal(data, &root); err != nil {
		return nil, fmt.Errorf("invalid description: %w", err)
	}
	if len(in(root, "paths")) == 0 {
		return nil, errors.New("invalid description: it has no paths")
	}
	return root, nil
}

// operationsOf names the operations of a description by their operationIds.
func operationsOf(root object) operations {
	ops := operations{}
	for path, item := range in(root, "paths") {
		for _, method := range methods {
			if id, ok := in(item, method)["operationId"].(string); ok {
				ops[route(method, path)] = id
			}
		}
	}
	return ops
}

// derive reads the facts of the named operations and no others. It ignores callbacks. A $ref of
// these operations without a target is an error.
func derive(root object, ops operations) (facts, error) {
	d := &deriver{root: root, facts: facts{}}
	for path, item := range in(root, "paths") {
		for _, method := range methods {
			op := in(item, method)
			if name, ok := ops[route(method, path)]; ok && op != nil {
				d.facts[name] = strings.ToUpper(method) + " " + escape(path)
				if op["deprecated"] == true {
					d.facts[name+" deprecated"] = ""
				}
				d.operation(name, item, op)
			}
		}
	}
	return d.facts, d.err
}

type deriver struct {
	root  object
	facts facts
	err   error // the latest
}

func (d *deriver) operation(name string, item any, op object) {
	inherited := func(keyword string) []any {
		for _, from := range []any{op, item, d.root} {
			if list, ok := in(from)[keyword].([]any); ok {
				return list
			}
		}
		return nil
	}
	if id, ok := op["operationId"]; ok {
		d.facts[name+" operationId"] = text(id)
	}
	for _, server := range inherited("servers") {
		d.facts[name+" server "+text(in(server)["url"])] = ""
	}
	for _, requirement := range inherited("security") {
		schemes := slices.Sorted(maps.Keys(in(requirement)))
		var kinds []string
		for _, scheme := range schemes {
			kinds = append(kinds, attributes(d.resolve(in(d.root, "components", "securitySchemes")[scheme]))...)
		}
		d.facts[name+" security "+text(strings.Join(schemes, "+"))] = strings.Join(kinds, " ")
	}

	// An operation's own parameters come last because they override those of its path.
	ofPath, _ := in(item)["parameters"].([]any)
	own, _ := op["parameters"].([]any)
	for _, p := range slices.Concat(ofPath, own) {
		p := d.resolve(p)
		d.parameter(name+" "+text(p["in"])+" "+text(p["name"]), p)
	}
	if op["requestBody"] != nil {
		body := d.resolve(op["requestBody"])
		d.content(name+" ", "form", body, "application/x-www-form-urlencoded")
	}
	for status, response := range in(op, "responses") {
		response := d.resolve(response)
		d.facts[name+" status "+escape(status)] = ""
		prefix := name + " " + escape(status) + " "
		for header, h := range in(response, "headers") {
			d.parameter(prefix+"header "+escape(header), d.resolve(h))
		}
		d.content(prefix, "member", response, "application/json")
	}
}

// parameter reads a parameter of a request or a header of a response.
func (d *deriver) parameter(key string, p object) {
	d.schema(key, key+".", p["schema"], attributes(p, "name", "in"))
	for mediaType, content := range in(p, "content") {
		d.schema(key+" body "+escape(mediaType), key+".", in(content)["schema"], nil)
	}
}

// content reads the bodies of a request or a response. The names of members of a body do not
// include the usual media type.
func (d *deriver) content(prefix, member string, of object, usual string) {
	for mediaType, content := range in(of, "content") {
		members := prefix + member + " "
		if mediaType != usual {
			members = prefix + escape(mediaType) + " " + member + " "
		}
		d.schema(prefix+"body "+escape(mediaType), members, in(content)["schema"], attributes(of))
		for field, encoding := range in(content, "encoding") {
			d.facts[members+escape(field)+" encoding"] = strings.Join(attributes(in(encoding)), " ")
		}
	}
}

// schema reads a schema and those within it, whose keys start with prefix. Attributes of the place,
// such as required, follow the schema's own. within holds the references that led here.
func (d *deriver) schema(key, prefix string, schema any, place []string, within ...string) {
	s := d.flatten(schema, &within)
	own := attributes(s)
	if s["type"] == nil {
		own = append([]string{"any"}, own...)
	}
	d.facts[key] = strings.Join(append(own, place...), " ")

	required, _ := s["required"].([]any)
	for property, schema := range in(s, "properties") {
		name, place := prefix+escape(property), []string(nil)
		if slices.Contains(required, any(property)) {
			place = []string{"required"}
		}
		d.schema(name, name+".", schema, place, within...)
	}
	path := strings.TrimSuffix(prefix, ".")
	nested := func(name string, schema any) { d.schema(path+name, path+name+".", schema, nil, within...) }
	if items, ok := s["items"]; ok {
		nested("[]", items)
	}
	for _, keyword := range []string{"additionalProperties", "not"} {
		if schema, ok := s[keyword].(object); ok {
			nested("("+keyword+")", schema)
		}
	}
	for _, keyword := range []string{"oneOf", "anyOf"} {
		choices, _ := s[keyword].([]any)
		for i, schema := range choices {
			nested(fmt.Sprintf("(%s[%d])", keyword, i), schema)
		}
	}
}

// flatten follows the references of a schema and merges the schemas of its allOf into it. It adds
// the references to within. For a reference that is already there, it returns an empty schema.
func (d *deriver) flatten(schema any, within *[]string) object {
	for {
		ref, ok := in(schema)["$ref"].(string)
		if !ok {
			break
		}
		if slices.Contains(*within, ref) {
			return object{"type": "recursive"}
		}
		*within = append(slices.Clone(*within), ref)
		schema = d.target(ref)
	}
	flat := maps.Clone(in(schema))
	parts, _ := flat["allOf"].([]any)
	delete(flat, "allOf")
	for _, part := range parts {
		for keyword, value := range d.flatten(part, within) {
			switch have := flat[keyword].(type) {
			case nil:
				flat[keyword] = value
			case object: // properties
				have = maps.Clone(have)
				maps.Copy(have, in(value))
				flat[keyword] = have
			case []any:
				if more, ok := value.([]any); ok && keyword == "required" {
					flat[keyword] = slices.Concat(have, more)
				}
			}
		}
	}
	return flat
}

// resolve follows the references of anything but a schema.
func (d *deriver) resolve(part any) object {
	for range 10 { // no description refers further, but one may refer to itself
		ref, ok := in(part)["$ref"].(string)
		if !ok {
			break
		}
		part = d.target(ref)
	}
	return in(part)
}

// target returns the target of a reference such as #/components/schemas/conversation.
func (d *deriver) target(ref string) object {
	var keys []string
	for key := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		keys = append(keys, strings.NewReplacer("~1", "/", "~0", "~").Replace(key))
	}
	target := in(d.root, keys...)
	if target == nil {
		d.err = fmt.Errorf("invalid description: there is no %s", escape(ref))
	}
	return target
}

// in returns the object at a path within another, or nil.
func in(part any, keys ...string) object {
	o, _ := part.(object)
	for _, key := range keys {
		o, _ = o[key].(object)
	}
	return o
}

// notAttributes are the keywords that only people read, and those whose content has its own lines.
var notAttributes = []string{
	"description", "summary", "example", "examples", "externalDocs", "xml", "bearerFormat",
	"type", "schema", "content", "headers", "links", "encoding",
	"properties", "required", "items", "allOf", "oneOf", "anyOf", "not", "discriminator",
}

// attributes returns the attributes of a part of a description: first its type, then keyword=value,
// or only the keyword if the value is true.
func attributes(part object, except ...string) []string {
	var words []string
	if part["type"] != nil {
		words = append(words, text(part["type"]))
	}
	for _, keyword := range slices.SortedFunc(maps.Keys(part), inOrder) {
		value := part[keyword]
		_, nested := value.(object)
		switch {
		case value == true && keyword == "required": // of a parameter; that of a schema is a list
			words = append(words, keyword)
		case nested, strings.HasPrefix(keyword, "x-"),
			value == false && keyword != "additionalProperties" && keyword != "explode", // the default elsewhere
			slices.Contains(notAttributes, keyword), slices.Contains(except, keyword):
		case value == true:
			words = append(words, escape(keyword))
		default:
			words = append(words, escape(keyword)+"="+text(value))
		}
	}
	return words
}

// inOrder sorts the common keywords first and the others by name after them.
func inOrder(a, b string) int {
	common := []string{"format", "enum", "pattern", "minLength", "maxLength", "minimum", "maximum", "default", "nullable"}
	place := func(keyword string) string {
		if i := slices.Index(common, keyword); i >= 0 {
			return strconv.Itoa(i)
		}
		return keyword
	}
	return strings.Compare(place(a), place(b))
}

// text formats a value as one word. The order of a list, such as an enum, is not a fact.
func text(value any) string {
	switch value := value.(type) {
	case string:
		return escape(value)
	case []any:
		words := make([]string, len(value))
		for i, v := range value {
			words[i] = strings.ReplaceAll(text(v), ",", `\u002c`)
		}
		slices.Sort(words)
		return strings.Join(words, ",")
	}
	data, err := json.Marshal(value)
	if err != nil {
		panic(err) // it came from JSON
	}
	return escape(string(data))
}

// escape makes text of a description one word on one line that cannot end a Markdown code block.
func escape(s string) string {
	if s == "" {
		return `""`
	}
	var b strings.Builder
	for _, r := range s {
		if r == ' ' || r == '`' || !strconv.IsPrint(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// String returns the facts in the form that parseFacts reads: one per line, sorted.
func (f facts) String() string {
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(f)) {
		b.WriteString(key)
		if f[key] != "" {
			b.WriteString(": " + f[key])
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// parseFacts reads facts in the form that String returns. Lines that start with # are comments.
func parseFacts(text string) facts {
	f := facts{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, attributes, _ := strings.Cut(line, ": ")
		f[key] = attributes
	}
	return f
}
