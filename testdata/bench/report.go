package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// bar is a bound that a result must keep, with what was measured of it.
type bar struct {
	Text     string
	Measured string
	Met      bool
}

// row is a line of the table. What was not measured of a peer is 0.
type row struct {
	What  string
	Unit  string
	Ours  float64
	A     float64
	B     float64
	Bars  []bar
	Chart bool
}

type results struct {
	Date    string
	Machine string
	Rows    []row
}

func newResults() *results {
	return &results{
		Date:    time.Now().UTC().Format(time.DateOnly),
		Machine: fmt.Sprintf("%s, %d cores, %s/%s, %s", cpuModel(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version()),
	}
}

func cpuModel() string {
	info, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(info)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}

// add adds a line from what was measured of peer A, this client and peer B, in that order.
func (r *results) add(what, unit string, values []float64, bars ...func(row) bar) {
	line := row{What: what, Unit: unit, A: values[0], Ours: values[1], B: values[2], Chart: true}
	for _, b := range bars {
		line.Bars = append(line.Bars, b(line))
	}
	r.Rows = append(r.Rows, line)
}

// addOurs adds a line that peer A, and peer B if it is 0, has no part in.
func (r *results) addOurs(what, unit string, ours, b float64, bars ...func(row) bar) {
	r.add(what, unit, []float64{0, ours, b}, bars...)
	r.Rows[len(r.Rows)-1].Chart = false
}

// timesA is the bar that this client takes at the most so many times what peer A takes.
func timesA(most float64) func(row) bar {
	return func(l row) bar {
		return bar{fmt.Sprintf("≤ %g × A", most), fmt.Sprintf("%.2f × A", l.Ours/l.A), l.Ours <= most*l.A}
	}
}

// partOfB is the bar that this client takes at the most one part in so many of what peer B takes.
func partOfB(parts float64) func(row) bar {
	text := "≤ B"
	if parts != 1 {
		text = fmt.Sprintf("≤ B / %g", parts)
	}
	return func(l row) bar { return bar{text, fmt.Sprintf("B / %.2f", l.B/l.Ours), l.Ours*parts <= l.B} }
}

func atMost(most float64, unit string) func(row) bar {
	return func(l row) bar {
		return bar{strings.TrimSpace(fmt.Sprintf("≤ %g %s", most, unit)), number(l.Ours), l.Ours <= most}
	}
}

// number writes a value to three digits.
func number(v float64) string {
	if v == 0 {
		return "–"
	}
	if v >= 100 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

func (r *results) markdown() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "Measured by `make bench` on %s: %s.\n\n", r.Date, r.Machine)
	b.WriteString("A is hand-written net/http code with the same JSON decoder, B is twilio-go v1.31.0. All are medians.\n\n")
	b.WriteString("| what | this client | A | B | bar | measured | met |\n|---|--:|--:|--:|---|---|---|\n")
	for _, l := range r.Rows {
		var bars, measured, met []string
		for _, each := range l.Bars {
			bars = append(bars, each.Text)
			measured = append(measured, each.Measured)
			met = append(met, map[bool]string{true: "yes", false: "**no**"}[each.Met])
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n", l.label(), number(l.Ours), number(l.A), number(l.B),
			strings.Join(bars, "; "), strings.Join(measured, "; "), strings.Join(met, "; "))
	}
	return b.Bytes()
}

func (l row) label() string {
	if l.Unit == "" {
		return l.What
	}
	return l.What + " (" + l.Unit + ")"
}

// chart draws the lines that have peers, each to a scale of its own. It is readable on a light and on a
// dark page.
func (r *results) chart() []byte {
	const width, left, bars, height = 760, 290, 380, 14
	var b bytes.Buffer
	y := 34
	for _, l := range r.Rows {
		if !l.Chart {
			continue
		}
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", left-10, y+height-2, l.label())
		for _, each := range []struct {
			class string
			value float64
		}{{"ours", l.Ours}, {"a", l.A}, {"b", l.B}} {
			if each.value <= 0 {
				continue
			}
			w := each.value / max(l.Ours, l.A, l.B) * bars
			fmt.Fprintf(&b, `<rect class="%s" x="%d" y="%d" width="%.1f" height="%d"/><text class="value" x="%.1f" y="%d">%s</text>`+"\n",
				each.class, left, y, max(w, 1), height-2, left+w+5, y+height-3, number(each.value))
			y += height
		}
		y += height
	}
	var svg bytes.Buffer
	fmt.Fprintf(&svg, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="Cost of this client, hand-written code and twilio-go; less is better">`+"\n", width, y)
	svg.WriteString(`<style>
text { font: 12px system-ui, sans-serif; fill: #24292f } .value { font-size: 11px }
.ours { fill: #1a7f5a } .a { fill: #8c959f } .b { fill: #cf5b3c }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .ours { fill: #3fb98a } .a { fill: #7d8590 } .b { fill: #e5805f } }
</style>
`)
	x := left
	for _, key := range [][2]string{{"ours", "this client"}, {"a", "hand-written"}, {"b", "twilio-go"}} {
		fmt.Fprintf(&svg, `<rect class="%s" x="%d" y="8" width="12" height="12"/><text x="%d" y="18">%s</text>`+"\n", key[0], x, x+17, key[1])
		x += 120
	}
	fmt.Fprintf(&svg, `<text x="%d" y="18" text-anchor="end">less is better</text>`+"\n%s</svg>\n", left-10, &b)
	return svg.Bytes()
}

// write keeps the chart beside the sources of this program, where it is run, and the table in the README.
func (r *results) write() {
	check(os.WriteFile("results.svg", r.chart(), 0o644))

	const readme, from, to = "../../README.md", "<!-- make bench writes from here -->\n", "<!-- to here -->\n"
	text, err := os.ReadFile(readme)
	check(err)
	before, rest, found := bytes.Cut(text, []byte(from))
	_, after, closed := bytes.Cut(rest, []byte(to))
	if !found || !closed {
		check(errors.New("README.md has no place for the results"))
	}
	check(os.WriteFile(readme, slices.Concat(before, []byte(from), r.markdown(), []byte(to), after), 0o644))
}
