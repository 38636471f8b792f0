package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// shapes returns two descriptions of the same facts: one with all schemas inline, and one that
// refers to components as Twilio's does.
func shapes(f facts) map[string]object {
	return map[string]object{"inline": describe(f, false), "components": describe(f, true)}
}

// describe returns an OpenAPI document in the form of Twilio's that states the facts, with prose
// and examples around them.
func describe(f facts, components bool) object {
	doc := object{
		"openapi": "3.0.1",
		"info":    object{"title": "Twilio - Conversations", "version": "1.0.0"},
		"paths":   object{"/v1/Configuration": object{"get": operation("FetchConfiguration")}},
		"components": object{
			"schemas":         object{},
			"securitySchemes": object{},
		},
	}
	for name, line := range f {
		if method, path, ok := strings.Cut(line, " "); ok && !strings.Contains(name, " ") {
			paths := in(doc, "paths")
			if paths[path] == nil {
				paths[path] = object{"description": "Prose", "x-twilio": object{"pathType": "list"}}
			}
			op := describeOperation(f, name, doc)
			if components {
				hoist(in(doc, "components", "schemas"), name, op)
			}
			in(paths, path)[strings.ToLower(method)] = op
		}
	}
	return doc
}

func operation(id string) object {
	return object{"operationId": id, "responses": object{"200": object{"description": "OK"}}}
}

func describeOperation(f facts, name string, doc object) object {
	op := object{"description": "Prose", "responses": object{}, "parameters": []any{}, "x-maturity": []any{"GA"}}
	at := func(part object, keys ...string) object { // makes the objects on the way
		for _, key := range keys {
			if part[key] == nil {
				part[key] = object{}
			}
			part = part[key].(object)
		}
		return part
	}
	response := func(status string) object {
		r := at(op, "responses", status)
		r["description"] = "Prose"
		return r
	}
	var properties []string // of bodies, once these are there
	for key, attributes := range f {
		element, ok := strings.CutPrefix(key, name+" ")
		if !ok {
			continue
		}
		schema, required := schemaOf(attributes)
		words := strings.SplitN(element, " ", 3)
		switch words[0] {
		case "operationId":
			op["operationId"] = attributes
		case "deprecated":
			op["deprecated"] = true
		case "server":
			op["servers"] = []any{object{"url": words[1]}}
		case "security":
			op["security"] = []any{object{words[1]: []any{}}}
			in(doc, "components", "securitySchemes")[words[1]] = schema
		case "path", "query", "header":
			// These two are attributes of a parameter, the others of its schema.
			p := object{"name": words[1], "in": words[0], "schema": schema, "description": "Prose"}
			if required {
				p["required"] = true
			}
			op["parameters"] = append(op["parameters"].([]any), p)
		case "body":
			body := at(op, "requestBody")
			if required {
				body["required"] = true
			}
			at(body, "content", words[1])["schema"] = schema
			at(body, "content", words[1])["examples"] = object{"create": object{"value": object{}}}
		case "form":
			properties = append(properties, element)
		case "status":
			response(words[1])
		default:
			switch words[1] {
			case "header":
				at(response(words[0]), "headers", words[2])["schema"] = schema
			case "body":
				at(response(words[0]), "content", words[2])["schema"] = schema
			case "member":
				properties = append(properties, element)
			}
		}
	}
	for _, element := range properties {
		schema, required := schemaOf(f[name+" "+element])
		var parent object
		var path []string
		if field, ok := strings.CutPrefix(element, "form "); ok {
			parent = at(op, "requestBody", "content", "application/x-www-form-urlencoded", "schema")
			path = []string{field} // its dots are part of it
		} else {
			words := strings.SplitN(element, " ", 3)
			parent = at(op, "responses", words[0], "content", "application/json", "schema")
			path = strings.Split(strings.ReplaceAll(words[2], "[]", ".[]"), ".")
		}
		for i, step := range path {
			var place object
			if step == "[]" {
				place, step = parent, "items"
			} else {
				place = at(parent, "properties")
			}
			if i == len(path)-1 {
				if required {
					list, _ := parent["required"].([]any)
					parent["required"] = append(list, step)
				}
				for keyword, value := range schema {
					at(place, step)[keyword] = value
				}
				at(place, step)["description"] = "Prose"
			}
			parent = at(place, step)
		}
	}
	return op
}

// schemaOf returns the schema with the given attributes, and whether it is required.
func schemaOf(attributes string) (schema object, required bool) {
	schema = object{}
	for i, word := range strings.Fields(attributes) {
		keyword, value, valued := strings.Cut(word, "=")
		switch number, err := strconv.ParseFloat(value, 64); {
		case i == 0 && keyword == "any":
		case i == 0:
			schema["type"] = keyword
		case keyword == "required":
			required = true
		case keyword == "enum":
			schema[keyword] = toAny(strings.Split(value, ","))
		case value == "false":
			schema[keyword] = false
		case valued && err == nil:
			schema[keyword] = number
		case valued:
			schema[keyword] = value
		default:
			schema[keyword] = true
		}
	}
	return schema, required
}

func toAny(words []string) []any {
	list := make([]any, len(words))
	for i, word := range words {
		list[i] = word
	}
	return list
}

func ref(name string) object {
	return object{"$ref": "#/components/schemas/" + strings.ReplaceAll(name, "/", "~1")}
}

// hoist moves the schemas of an operation that have an enum, and those of its bodies, to the
// components. As in Twilio's description, a reference may have a description and a type beside it,
// which have no meaning there.
func hoist(schemas object, name string, part any) {
	move := func(schema object, kind string) object {
		data, err := json.Marshal(schema)
		if err != nil {
			panic(err)
		}
		for name, other := range schemas {
			if known, err := json.Marshal(other); err == nil && string(known) == string(data) {
				return ref(name)
			}
		}
		component := fmt.Sprintf("conversations.v1/%s.%s-%d", name, kind, len(schemas))
		schemas[component] = schema
		return ref(component)
	}
	switch part := part.(type) {
	case []any:
		for _, p := range part {
			hoist(schemas, name, p)
		}
	case object:
		for key, value := range part {
			hoist(schemas, name, value)
			child, ok := value.(object)
			if !ok || child["$ref"] != nil {
				continue
			}
			_, properties := child["properties"]
			switch {
			case child["enum"] != nil:
				part[key] = move(child, "enum")
				part[key].(object)["type"], part[key].(object)["description"] = "string", "Prose"
			case properties && (key == "schema" || key == "items"):
				part[key] = move(child, "type")
			}
		}
	}
}
