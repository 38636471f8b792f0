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

// aim is a bound that a result must meet.
type aim struct {
	Text string
	Met  bool
}

// row is a row of the table. A value of 0 was not measured.
type row struct {
	What        string
	Unit        string
	Ours        float64
	HandWritten float64
	TwilioGo    float64
	Ratio       float64 // of this client to hand-written code
	Aims        []aim
	Chart       bool
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

func (r *results) add(line row, aims ...func(row) aim) {
	for _, a := range aims {
		line.Aims = append(line.Aims, a(line))
	}
	r.Rows = append(r.Rows, line)
}

func (r *results) addTime(what string, c comparison, aims ...func(row) aim) {
	r.add(row{What: what, Unit: "µs", Ours: c.ours.micros, HandWritten: c.handWritten.micros,
		TwilioGo: c.twilioGo.micros, Ratio: c.ratio.micros, Chart: true}, aims...)
}

func (r *results) addAllocs(what string, c comparison, aims ...func(row) aim) {
	r.add(row{What: what, Ours: c.ours.allocs, HandWritten: c.handWritten.allocs,
		TwilioGo: c.twilioGo.allocs, Ratio: c.ratio.allocs, Chart: true}, aims...)
}

// atMostHandWritten is the aim that this client costs at most the given multiple of hand-written
// code.
func atMostHandWritten(times float64) func(row) aim {
	return func(l row) aim {
		return aim{fmt.Sprintf("at most %.2f × hand-written", times), l.Ratio <= times}
	}
}

// partOfTwilioGo is the aim that this client costs at most the given fraction of twilio-go.
func partOfTwilioGo(parts float64) func(row) aim {
	text := "at most twilio-go"
	if parts != 1 {
		text += fmt.Sprintf(" / %g", parts)
	}
	return func(l row) aim { return aim{text, l.Ours*parts <= l.TwilioGo} }
}

func atMost(most float64, unit string) func(row) aim {
	return func(l row) aim {
		return aim{strings.TrimSpace(fmt.Sprintf("at most %g %s", most, unit)), l.Ours <= most}
	}
}

// number formats a value with three significant digits.
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
	fmt.Fprintf(&b, "Measured on %s: %s. All values are medians.\n\n", r.Date, r.Machine)
	b.WriteString("| what | this client | hand-written | twilio-go | this client / hand-written | aim |\n|---|--:|--:|--:|--:|---|\n")
	for _, l := range r.Rows {
		var aims []string
		for _, a := range l.Aims {
			if !a.Met {
				a.Text = "**missed: " + a.Text + "**"
			}
			aims = append(aims, a.Text)
		}
		ratio := "–"
		if l.Ratio != 0 {
			ratio = strconv.FormatFloat(l.Ratio, 'f', 2, 64)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", l.label(), number(l.Ours), number(l.HandWritten),
			number(l.TwilioGo), ratio, strings.Join(aims, "; "))
	}
	return b.Bytes()
}

func (l row) label() string {
	if l.Unit == "" {
		return l.What
	}
	return l.What + " (" + l.Unit + ")"
}

// chart draws the rows that have peers, each with its own scale. It is readable on a light and on a
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
		}{{"ours", l.Ours}, {"hand", l.HandWritten}, {"twilio", l.TwilioGo}} {
			if each.value <= 0 {
				continue
			}
			w := each.value / max(l.Ours, l.HandWritten, l.TwilioGo) * bars
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
.ours { fill: #1a7f5a } .hand { fill: #8c959f } .twilio { fill: #cf5b3c }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .ours { fill: #3fb98a } .hand { fill: #7d8590 } .twilio { fill: #e5805f } }
</style>
`)
	x := left
	for _, key := range [][2]string{{"ours", "this client"}, {"hand", "hand-written"}, {"twilio", "twilio-go"}} {
		fmt.Fprintf(&svg, `<rect class="%s" x="%d" y="8" width="12" height="12"/><text x="%d" y="18">%s</text>`+"\n", key[0], x, x+17, key[1])
		x += 120
	}
	fmt.Fprintf(&svg, `<text x="%d" y="18" text-anchor="end">less is better</text>`+"\n%s</svg>\n", left-10, &b)
	return svg.Bytes()
}

// write writes the table and the chart beside the sources of this program, where it is run.
func (r *results) write() {
	check(os.WriteFile("results.svg", r.chart(), 0o644))

	const readme, from, to = "README.md", "<!-- make bench writes from here -->\n", "<!-- to here -->\n"
	text, err := os.ReadFile(readme)
	check(err)
	before, rest, found := bytes.Cut(text, []byte(from))
	_, after, closed := bytes.Cut(rest, []byte(to))
	if !found || !closed {
		check(errors.New("README.md has no place for the results"))
	}
	check(os.WriteFile(readme, slices.Concat(before, []byte(from), r.markdown(), []byte(to), after), 0o644))
}
