package conversationstest

import (
	"fmt"
	"net/url"
	"reflect"
	"strconv"
	"strings"
)

// formField is a member of [conversation] that holds a form field.
type formField struct {
	name  string
	index []int // for package reflect
}

// formFields lists the members of conversation that hold form fields, by their tags.
var formFields = func() (fields []formField) {
	for _, member := range reflect.VisibleFields(reflect.TypeFor[conversation]()) {
		if name := member.Tag.Get("form"); name != "" {
			fields = append(fields, formField{name, member.Index})
		}
	}
	return fields
}()

// set stores the values of a form, which the checks have accepted, in the conversation. It reports
// whether the form had any value. A field that is absent or empty leaves its member unchanged. Most
// members are keys of an index, so the conversation must be in no index during the call.
func (c *conversation) set(form url.Values, now instant) (changed bool) {
	members := reflect.ValueOf(c).Elem()
	for _, field := range formFields {
		text := form.Get(field.name)
		if text == "" {
			continue
		}
		changed = true
		setMember(members.FieldByIndex(field.index).Addr().Interface(), text, now)
	}
	return changed
}

// setMember sets a member to the value that text represents.
func setMember(pointer any, text string, now instant) {
	switch member := pointer.(type) {
	case *string:
		*member = strings.Clone(text) // a copy, because it may be part of the whole body
	case *int64:
		*member, _ = strconv.ParseInt(text, 10, 64)
	case *bool:
		*member = text == "true"
	case *instant:
		t, _ := parseTime(text)
		*member = toInstant(t)
	case *timer:
		d, _ := parseDuration(text)
		*member = timerAfter(d, now)
	case *state:
		*member, _ = parseState(text)
	default:
		panic(fmt.Sprintf("conversationstest: setMember in form.go cannot fill a %T: add a case", member))
	}
}
