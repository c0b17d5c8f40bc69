package fix

import (
	"bytes"
	"maps"
	"slices"
	"time"

	"uncross/gateway/fix/message"
)

// ahead keeps messages that came before their turn, within bounds.
type ahead struct {
	frames map[uint64]early
	bytes  int
	passed bool // the expected number has gone past one of them: a gap before it is closed
}

// early is a message that came before its turn. frame is nil for one that was dealt with at once and only counts.
type early struct {
	frame []byte
	nowNs int64 // when it came
}

// keep stores a copy of a frame under its number; what there is no room for is dropped, to be asked for again.
func (a *ahead) keep(n uint64, frame []byte, nowNs int64, l *Limits) {
	if _, have := a.frames[n]; have || len(a.frames) >= l.AheadMessages || a.bytes+len(frame) > l.AheadBytes {
		return
	}
	if a.frames == nil {
		a.frames = map[uint64]early{}
	}
	a.frames[n] = early{frame: bytes.Clone(frame), nowNs: nowNs}
	a.bytes += len(frame)
}

// take removes and returns what is kept under a number.
func (a *ahead) take(n uint64) (early, bool) {
	e, ok := a.frames[n]
	if ok {
		a.drop(n, e)
	}
	return e, ok
}

// forget drops what is before a number.
func (a *ahead) forget(before uint64) {
	for n, e := range a.frames {
		if n < before {
			a.drop(n, e)
		}
	}
}

func (a *ahead) drop(n uint64, e early) {
	delete(a.frames, n)
	a.bytes -= len(e.frame)
	a.passed = true
}

// first returns the lowest number that is kept. There is one.
func (a *ahead) first() uint64 { return slices.Min(slices.Collect(maps.Keys(a.frames))) }

func (a *ahead) clear() { *a = ahead{} }

// gap is what is known about messages that are missing.
type gap struct {
	asked uint64    // the first number of the last request; 0: none
	at    time.Time // when that was
	holes int       // further gaps that were asked for at once since nothing was missing
}

// maxHoles bounds the gaps behind a gap that are asked for at once; beyond, each waits for ResendAgain.
const maxHoles = 64

// another notes a request for a further gap behind the one that was asked for, and reports false when there were too many.
func (g *gap) another(from uint64) bool {
	if g.holes == maxHoles {
		return false
	}
	g.asked, g.at, g.holes = from, time.Now(), g.holes+1
	return true
}

// askNext asks for the next gap where one was closed and a message that is kept shows another. It asks for no more than
// that gap: a client that is still sending what was asked for before then sends little twice.
func (c *conn) askNext() {
	passed := c.ahead.passed
	c.ahead.passed = false
	if !passed || len(c.ahead.frames) == 0 || c.leaving() || !c.gap.another(c.expected) {
		return
	}
	b := message.NewBody(message.ResendRequest).Uint(message.TagBeginSeqNo, c.expected).Uint(message.TagEndSeqNo, c.ahead.first()-1)
	c.reply(localOf(b), c.done.Load())
}

// ask reports whether the messages from number from on should be asked for now.
func (g *gap) ask(from uint64, again time.Duration) bool {
	now := time.Now()
	if g.asked == from && now.Sub(g.at) < again {
		return false
	}
	if g.asked != 0 && from > g.asked && now.Sub(g.at) < again {
		return false // the request before is being served: the gap gets smaller
	}
	g.asked, g.at = from, now
	return true
}

// closed forgets the request: nothing is missing any more.
func (g *gap) closed() { *g = gap{} }
