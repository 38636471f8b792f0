package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// progress shows how far the program has come: on a terminal in one line that is rewritten, and
// elsewhere in a plain line from time to time. It is used by one goroutine at a time.
type progress struct {
	out      io.Writer
	columns  func() int // the width of the terminal; nil if there is none
	interval time.Duration
	shown    time.Time
}

func newProgress(out io.Writer) *progress {
	p := &progress{out: out, interval: 10 * time.Second, shown: time.Now()}
	if file, ok := out.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		p.interval = 100 * time.Millisecond
		p.columns = func() int {
			width, _, err := term.GetSize(int(file.Fd()))
			if err != nil || width == 0 { // such as the terminal of some containers
				return 80
			}
			return width
		}
	}
	return p
}

const eraseLine = "\r\x1b[K"

// show shows the text, at most once per interval.
func (p *progress) show(text func() string) {
	if time.Since(p.shown) < p.interval {
		return
	}
	p.shown = time.Now()
	line := text()
	if p.columns == nil {
		fmt.Fprintln(p.out, "closestale:", line)
		return
	}
	if most := p.columns() - 1; len(line) > most {
		line = line[:most] // a line that wraps cannot be erased
	}
	fmt.Fprint(p.out, eraseLine, line)
}

// print prints in place of the line, which the next call of show brings back.
func (p *progress) print(out io.Writer, format string, args ...any) {
	if p.columns != nil {
		fmt.Fprint(p.out, eraseLine)
		p.shown = time.Time{}
	}
	fmt.Fprintf(out, format, args...)
}

// perSecond says how fast the work is done.
func perSecond(done int, took time.Duration) string {
	rate, decimals := float64(done)/took.Seconds(), 0
	if rate < 10 {
		decimals = 1
	}
	return fmt.Sprintf("%.*f/s", decimals, rate)
}

// timeLeft says how long the rest of the work takes if it goes on as before. Something is done.
func timeLeft(done, total int, took time.Duration) string {
	each := took / time.Duration(done)
	return fmt.Sprintf("%v left", (each * time.Duration(max(0, total-done))).Round(time.Second))
}
