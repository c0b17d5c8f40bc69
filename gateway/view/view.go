package view

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/progress"
)

// Source is where events come from: a reader of the event ring. Read waits until there is something, and copies it to
// dst; ok is false when stop was closed or the ring has ended and is empty; lost counts events that this reader missed.
type Source interface {
	Read(dst []wire.Event, stop <-chan struct{}) (n int, lost uint64, ok bool)
}

// MaxTrades is the greatest number of trades kept per instrument.
const MaxTrades = 1000

// Options are a view's options; the zero value is usable.
type Options struct {
	Trades     int              // kept per instrument; 0 and more than MaxTrades: MaxTrades
	KeyRevoked func(wire.KeyID) // called by the writing goroutine after a revocation has become visible; must be quick

	// SessionChanged is called like KeyRevoked, with each session that was defined or changed, as it stands by then. After an
	// image these are the ones that the view did not know, or knew otherwise.
	SessionChanged func(wire.Session)
}

// The errors of Run and Apply.
var (
	ErrLost = errors.New("view: the reader was overrun and events are missing; a new image is needed")
	ErrGap  = errors.New("view: commands are missing from the events")
)

// View is the gateway's picture of the venue.
type View struct {
	o Options

	// The writer's own.
	building  *builder // image under way
	locked    bool     // mu is held
	inCommand bool     // a command's first event has been applied and its last has not

	mu sync.RWMutex
	s  *state

	applied progress.Number // the last command that reads see
}

// New returns the view of a venue that has had no command.
func New(o Options) *View {
	if o.Trades <= 0 || o.Trades > MaxTrades {
		o.Trades = MaxTrades
	}
	return &View{o: o, s: newState(o.Trades)}
}

// Run applies events until stop is closed or the ring ends. It is to be called once, from one goroutine. Errors: ErrLost,
// ErrGap, ErrImage; the view then stays as it is.
func (v *View) Run(src Source, stop <-chan struct{}) error {
	buf := make([]wire.Event, 1024)
	defer v.unlock()
	for {
		n, lost, ok := src.Read(buf, stop)
		if lost > 0 {
			return fmt.Errorf("%w (%d events)", ErrLost, lost)
		}
		if err := v.Apply(buf[:n]); err != nil {
			return err
		}
		if !ok {
			return nil
		}
	}
}

// Apply applies events, for callers that have no ring. Only one goroutine may call it, and not beside Run. A command
// that begins in one call and ends in a later one holds all readers up in between. Errors: ErrGap, ErrImage.
func (v *View) Apply(events []wire.Event) error {
	for i := range events {
		e := &events[i]
		if e.Flags&wire.FlagImage != 0 {
			if err := v.takeImage(e); err != nil {
				return err
			}
			continue
		}
		if err := v.takeEvent(e); err != nil {
			return err
		}
	}
	if !v.inCommand {
		v.unlock()
	}
	return nil
}

func (v *View) takeEvent(e *wire.Event) error {
	if v.building != nil {
		return fmt.Errorf("%w: command %d before its end", ErrImage, e.Seq)
	}
	if !v.inCommand && e.Seq <= v.s.seq {
		return nil // the image had it
	}
	if e.Seq != v.s.seq+1 {
		return fmt.Errorf("%w: command %d after command %d", ErrGap, e.Seq, v.s.seq)
	}
	if !v.locked {
		v.mu.Lock()
		v.locked = true
	}
	v.inCommand = true
	v.s.apply(e)
	if e.Flags&wire.FlagLast != 0 {
		v.inCommand = false
		v.s.seq, v.s.timeNs = e.Seq, e.TimeNs
	}
	return nil
}

func (v *View) takeImage(e *wire.Event) error {
	if v.inCommand {
		return fmt.Errorf("%w: it begins inside command %d", ErrImage, v.s.seq+1)
	}
	s, err := v.image(e)
	if s == nil {
		return err
	}
	if !v.locked {
		v.mu.Lock()
		v.locked = true
	}
	s.revoked, s.changed = v.s.newlyRevoked(s), v.s.newlyChanged(s)
	v.s = s
	return nil
}

// newlyRevoked returns the keys that hold in s and not in next.
func (s *state) newlyRevoked(next *state) []wire.KeyID {
	var ids []wire.KeyID
	for _, k := range s.keys {
		if n := at(next.keys, k.ID); k.Revoked == 0 && (n == nil || n.Revoked != 0) {
			ids = append(ids, k.ID)
		}
	}
	return ids
}

// newlyChanged returns the sessions of next that are not so in s.
func (s *state) newlyChanged(next *state) []wire.SessionID {
	var ids []wire.SessionID
	for i := range next.sessions {
		if was := at(s.sessions, next.sessions[i].ID); was == nil || *was != next.sessions[i] {
			ids = append(ids, next.sessions[i].ID)
		}
	}
	return ids
}

// unlock makes what has been applied visible and tells those who wait for it.
func (v *View) unlock() {
	if !v.locked {
		return
	}
	revoked, changed := v.s.revoked, v.s.takeChanged()
	v.s.revoked = nil
	v.applied.Set(v.s.seq)
	v.locked = false
	v.mu.Unlock()
	if v.o.KeyRevoked != nil {
		for _, id := range revoked {
			v.o.KeyRevoked(id)
		}
	}
	if v.o.SessionChanged != nil {
		for _, s := range changed {
			v.o.SessionChanged(s)
		}
	}
}

// takeChanged returns the sessions that changed since it was last called, each once.
func (s *state) takeChanged() (changed []wire.Session) {
	slices.Sort(s.changed)
	for _, id := range slices.Compact(s.changed) {
		changed = append(changed, *at(s.sessions, id))
	}
	s.changed = nil
	return changed
}

// Applied returns the number of the last command that reads see.
func (v *View) Applied() uint64 { return v.applied.Load() }

// WaitFor waits until reads see command seq, for at most the given time, and reports whether they do.
func (v *View) WaitFor(seq uint64, timeout time.Duration) bool {
	return v.applied.WaitFor(seq, timeout)
}
