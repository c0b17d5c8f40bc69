package fix

import (
	"bytes"
	"time"
)

// ahead keeps messages that came before their turn, within bounds.
type ahead struct {
	frames map[uint64]early
	bytes  int
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
		delete(a.frames, n)
		a.bytes -= len(e.frame)
	}
	return e, ok
}

// forget drops what is before a number.
func (a *ahead) forget(before uint64) {
	for n, e := range a.frames {
		if n < before {
			delete(a.frames, n)
			a.bytes -= len(e.frame)
		}
	}
}

func (a *ahead) clear() { *a = ahead{} }

// gap is what is known about messages that are missing.
type gap struct {
	asked uint64    // the first number of the last request; 0: none
	at    time.Time // when that was
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
