package main

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// change is one difference between two sets of facts: an element that was added or removed, or an
// attribute of one that changed.
type change struct {
	operation string // its name
	element   string // "query PageSize", or empty for the operation itself
	keyword   string // of the attribute, or empty if the element itself was added or removed
	from, to  string // the attribute before and after, or all attributes of an element
	came      bool   // the element was not there before
}

// String returns the change as one line, which a list of deliberate differences can match.
func (c change) String() string {
	return c.format(strings.TrimSpace(c.operation + " " + c.element))
}

func (c change) format(subject string) string {
	detail := func(attributes string) string {
		if attributes == "" {
			return subject
		}
		return subject + ": " + attributes
	}
	switch {
	case c.keyword == "" && c.came:
		return "+ " + detail(c.to)
	case c.keyword == "":
		return "- " + detail(c.from)
	case c.from == "":
		return "~ " + detail("+ "+c.to)
	case c.to == "":
		return "~ " + detail("- "+c.from)
	}
	return "~ " + detail(c.from+" -> "+c.to)
}

// compare returns the differences between two sets of facts. For an operation that was added or
// removed, it returns only that.
func compare(from, to facts) []change {
	var changes []change
	keys := maps.Clone(from)
	maps.Copy(keys, to)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		before, had := from[key]
		after, has := to[key]
		c := change{from: before, to: after, came: !had}
		c.operation, c.element, _ = strings.Cut(key, " ")
		_, operationHad := from[c.operation]
		_, operationHas := to[c.operation]
		switch {
		case c.element != "" && operationHad != operationHas: // said of the operation
		case had != has:
			changes = append(changes, c)
		case before != after:
			changes = append(changes, c.attributes()...)
		}
	}
	return changes
}

// attributes splits the change of an element into changes of its attributes.
func (c change) attributes() []change {
	if c.element == "" { // a method and a path
		c.keyword = "path"
		return []change{c}
	}
	var changes []change
	before, after := keywords(c.from), keywords(c.to)
	all := maps.Clone(before)
	maps.Copy(all, after)
	for _, keyword := range slices.Sorted(maps.Keys(all)) {
		c.keyword, c.from, c.to = keyword, before[keyword], after[keyword]
		switch {
		case c.from == c.to:
		case keyword == "enum" && c.from != "" && c.to != "":
			changes = append(changes, c.values()...)
		default:
			changes = append(changes, c)
		}
	}
	return changes
}

// values splits the change of an enum into changes of its values.
func (c change) values() []change {
	split := func(enum string) []string { return strings.Split(strings.TrimPrefix(enum, "enum="), ",") }
	before, after := split(c.from), split(c.to)
	var changes []change
	for _, value := range before {
		if !slices.Contains(after, value) {
			c.from, c.to = "enum="+value, ""
			changes = append(changes, c)
		}
	}
	for _, value := range after {
		if !slices.Contains(before, value) {
			c.from, c.to = "", "enum="+value
			changes = append(changes, c)
		}
	}
	return changes
}

// keywords maps the keywords of an element's attributes to the attributes. The type has no keyword.
func keywords(attributes string) map[string]string {
	words := map[string]string{}
	for i, word := range strings.Fields(attributes) {
		keyword, _, _ := strings.Cut(word, "=")
		if i == 0 {
			keyword = "type"
		}
		words[keyword] = word
	}
	return words
}

// kind returns the kind of the element that changed, such as query or member, and whether it
// belongs to a response.
func (c change) kind() (kind string, response bool) {
	words := strings.Fields(c.element)
	if len(words) == 0 {
		return "operation", false
	}
	if i := slices.IndexFunc(words, func(w string) bool { return w == "header" || w == "body" || w == "member" }); i > 0 {
		return words[i], true
	}
	return words[0], words[0] == "status"
}

// Limits are narrower the lower (max) or the higher (min) they are.
var (
	upperLimits = []string{"maximum", "maxLength", "maxItems", "maxProperties", "exclusiveMaximum"}
	lowerLimits = []string{"minimum", "minLength", "minItems", "minProperties", "exclusiveMinimum"}
)

// These are the rows of the table of changes in .github/CONTRIBUTING.md, by their first words.
const (
	rowMember    = "a response member"
	rowField     = "a form field"
	rowParameter = "a list parameter"
	rowEnum      = "an enum value"
	rowLimit     = "a limit or a pattern"
	rowHeader    = "a response header"
	rowOperation = "an operation on a conversation"
	rowName      = "no row: nobody sends that name"
	rowNone      = "no row: read it by hand"
)

// row returns the row of the table of changes that says what to do.
func (c change) row() string {
	kind, response := c.kind()
	switch {
	case kind == "operationId" || c.keyword == "title":
		return rowName
	case c.keyword == "enum":
		return rowEnum
	case c.keyword == "pattern", slices.Contains(upperLimits, c.keyword), slices.Contains(lowerLimits, c.keyword):
		return rowLimit
	case kind == "operation":
		return rowOperation
	case kind == "member":
		return rowMember
	case kind == "form":
		return rowField
	case kind == "query":
		return rowParameter
	case kind == "header" && response:
		return rowHeader
	}
	return rowNone
}

// breaking reports whether a program that relies on the old facts may fail now. A request breaks if
// it may contain less; a response breaks if it may contain more.
func (c change) breaking() bool {
	kind, response := c.kind()
	if c.row() == rowName || kind == "deprecated" || c.keyword == "deprecated" {
		return false
	}
	if c.keyword == "" {
		switch {
		case !c.came:
			return true
		case kind == "status":
			return strings.HasPrefix(c.element, "status 2")
		}
		return !response && slices.Contains(strings.Fields(c.to), "required")
	}
	narrower, wider := c.narrowsAndWidens()
	if response {
		return wider
	}
	return narrower
}

// narrowsAndWidens reports whether the change of an attribute excludes values that were valid, and
// whether it admits values that were invalid. Both are true for a change that does both or is
// unknown.
func (c change) narrowsAndWidens() (narrows, widens bool) {
	from, to := c.from, c.to
	if c.keyword == "type" {
		// Any type is no constraint.
		from, to = strings.TrimSuffix(from, "any"), strings.TrimSuffix(to, "any")
	}
	added, removed := from == "", to == ""
	switch {
	case c.keyword == "default":
		return true, false // it changes what a request means
	case c.keyword == "nullable", c.keyword == "enum" && !strings.Contains(from+to, ","):
		return removed, added // these admit values
	case added || removed:
		return added, removed // the others exclude values
	}
	before, err1 := number(from)
	after, err2 := number(to)
	if err := cmp.Or(err1, err2); err == nil {
		switch {
		case slices.Contains(upperLimits, c.keyword):
			return after < before, after > before
		case slices.Contains(lowerLimits, c.keyword):
			return after > before, after < before
		}
	}
	return true, true
}

func number(attribute string) (float64, error) {
	_, value, _ := strings.Cut(attribute, "=")
	return strconv.ParseFloat(value, 64)
}

var success = regexp.MustCompile(`^2\d\d `)

// report describes changes for people. It says once what is the same in several operations, whether
// they respond with 200 or 201.
func report(changes []change) string {
	type group struct {
		breaking   bool
		row, text  string
		operations []string
	}
	var groups []*group
	for _, c := range changes {
		g := &group{c.breaking(), c.row(), c.format(success.ReplaceAllString(c.element, "2xx ")), nil}
		if c.element == "" {
			g.text = c.String()
		}
		i := slices.IndexFunc(groups, func(o *group) bool { return o.text == g.text })
		if i < 0 {
			groups = append(groups, g)
			i = len(groups) - 1
		}
		groups[i].operations = append(groups[i].operations, c.operation)
	}
	slices.SortStableFunc(groups, func(a, b *group) int {
		if a.breaking != b.breaking {
			return map[bool]int{true: -1, false: 1}[a.breaking]
		}
		return strings.Compare(a.row, b.row)
	})
	var b strings.Builder
	for _, g := range groups {
		class := "not breaking"
		if g.breaking {
			class = "breaking"
		}
		fmt.Fprintf(&b, "%s\n    %s; %s\n    %s\n", g.text, class, g.row, strings.Join(g.operations, ", "))
	}
	return b.String()
}

// deliberate is a list of intended differences. Each is a line of change.String in which * stands
// for any text. Lines that start with # give the reasons for the lines below.
type deliberate []string

func parseDeliberate(text string) (deliberate, error) {
	var list deliberate
	reason := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "":
			reason = false
		case strings.HasPrefix(line, "#"):
			reason = true
		case !reason:
			return nil, fmt.Errorf("deliberate difference without a reason above it: %s", line)
		default:
			list = append(list, line)
		}
	}
	return list, nil
}

// unexplained returns the changes that no line of the list matches, and the lines that match no
// change.
func (d deliberate) unexplained(changes []change) (unexplained []change, unused []string) {
	used := map[string]bool{}
	for _, c := range changes {
		i := slices.IndexFunc(d, func(pattern string) bool { return matches(pattern, c.String()) })
		if i < 0 {
			unexplained = append(unexplained, c)
			continue
		}
		used[d[i]] = true
	}
	for _, pattern := range d {
		if !used[pattern] {
			unused = append(unused, pattern)
		}
	}
	return unexplained, unused
}

// matches reports whether text is the pattern, in which * stands for any text.
func matches(pattern, text string) bool {
	first, rest, wild := strings.Cut(pattern, "*")
	if !wild {
		return text == pattern
	}
	text, ok := strings.CutPrefix(text, first)
	if !ok {
		return false
	}
	for i := range len(text) + 1 {
		if matches(rest, text[i:]) {
			return true
		}
	}
	return false
}
