package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// statusLine is how far the program has come, shown in a line of the terminal that is written over. Where
// there is no terminal it only counts.
type statusLine struct {
	terminal io.Writer // nil if there is none
	verb     string

	mu                        sync.Mutex
	looked, succeeded, failed int
	shown                     time.Time
}

func newStatusLine(out io.Writer, verb string) *statusLine {
	l := &statusLine{verb: verb}
	if file, ok := out.(*os.File); ok {
		if info, err := file.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			l.terminal = out
		}
	}
	return l
}

func (l *statusLine) lookedAt(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.looked = n
	l.show()
}

func (l *statusLine) acted(succeeded, failed int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.succeeded, l.failed = succeeded, failed
	l.show()
}

const eraseLine = "\r\x1b[K"

// show writes the line, not more often than can be read.
func (l *statusLine) show() {
	if l.terminal != nil && time.Since(l.shown) > 100*time.Millisecond {
		fmt.Fprintf(l.terminal, "%s%d looked at, %s %d, %d failed", eraseLine, l.looked, l.verb, l.succeeded, l.failed)
		l.shown = time.Now()
	}
}

// print prints in place of the line.
func (l *statusLine) print(out io.Writer, format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.terminal != nil {
		fmt.Fprint(l.terminal, eraseLine)
		l.shown = time.Time{} // to be shown again with the next step
	}
	fmt.Fprintf(out, format, args...)
}
