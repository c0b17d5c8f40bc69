package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/mattn/go-isatty"
)

// progress shows one line that changes in place, on a terminal only.
type progress struct {
	w    io.Writer
	on   bool
	next time.Time
}

// progressEvery bounds how often the line changes.
const progressEvery = 100 * time.Millisecond

func newProgress(w io.Writer) *progress {
	f, ok := w.(*os.File)
	return &progress{w: w, on: ok && isatty.IsTerminal(f.Fd())}
}

// show changes the line, unless it has just changed.
func (p *progress) show(format string, args ...any) {
	if now := time.Now(); p.on && now.After(p.next) {
		p.next = now.Add(progressEvery)
		fmt.Fprintf(p.w, "\r\x1b[K"+format, args...)
	}
}

// clear takes the line away.
func (p *progress) clear() {
	if p.on {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
