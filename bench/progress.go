package bench

import (
	"fmt"
	"io"
	"time"
)

// progress writes one line over and over, a few times a second at most.
type progress struct {
	w    io.Writer
	last time.Time
}

func newProgress(w io.Writer) *progress { return &progress{w: w} }

const (
	progressEvery = 100 * time.Millisecond
	clearLine     = "\r\x1b[K"
)

func (p *progress) show(format string, args ...any) {
	if p.w == nil {
		return
	}
	if now := time.Now(); now.Sub(p.last) >= progressEvery {
		p.last = now
		fmt.Fprintf(p.w, clearLine+format, args...)
	}
}

// clear takes the line away, before something is printed in its place.
func (p *progress) clear() {
	if p.w != nil && !p.last.IsZero() {
		fmt.Fprint(p.w, clearLine)
	}
}
