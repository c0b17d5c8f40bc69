package auth

import (
	"container/list"
	"sync"
	"time"
)

// GuardOptions are a Guard's limits; a zero field means its default.
type GuardOptions struct {
	Failures int           // failures within Window that lock a subject out; default 10
	Window   time.Duration // how long failures are counted together; default 1 minute
	Lockout  time.Duration // how long a subject then stays out; default 1 minute
	Subjects int           // subjects remembered at once; default 65,536. Beyond them the one that failed longest ago is forgotten
}

// Guard slows down guessing: it counts failed attempts by subject and locks a subject out for a while. A subject is any
// text of the caller's: the remote address, or the address together with the key id. It must not be the key id alone,
// or anybody could lock anybody out.
type Guard struct {
	o     GuardOptions
	clock func() time.Time

	mu      sync.Mutex
	entries map[string]*list.Element
	recent  list.List // of *failures, the latest failure in front
}

type failures struct {
	subject string
	count   int
	since   time.Time // of the first one counted
	until   time.Time // locked out until then; zero: not locked out
}

// NewGuard returns a guard that has seen no failures.
func NewGuard(o GuardOptions, clock func() time.Time) *Guard {
	if o.Failures == 0 {
		o.Failures = 10
	}
	if o.Window == 0 {
		o.Window = time.Minute
	}
	if o.Lockout == 0 {
		o.Lockout = time.Minute
	}
	if o.Subjects == 0 {
		o.Subjects = 65_536
	}
	return &Guard{o: o, clock: clock, entries: map[string]*list.Element{}}
}

// Allow reports whether the subject may try, and if not, in how long it may again.
func (g *Guard) Allow(subject string) (retryAfter time.Duration, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if e := g.entries[subject]; e != nil {
		if wait := e.Value.(*failures).until.Sub(g.clock()); wait > 0 {
			return wait, false
		}
	}
	return 0, true
}

// Failed counts a failed attempt.
func (g *Guard) Failed(subject string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.clock()
	e := g.entries[subject]
	if e == nil {
		if len(g.entries) >= g.o.Subjects {
			g.forget(g.recent.Back())
		}
		e = g.recent.PushFront(&failures{subject: subject, since: now})
		g.entries[subject] = e
	}
	g.recent.MoveToFront(e)
	f := e.Value.(*failures)
	if now.Sub(f.since) >= g.o.Window {
		f.count, f.since = 0, now
	}
	f.count++
	if f.count >= g.o.Failures {
		f.count, f.since, f.until = 0, now, now.Add(g.o.Lockout)
	}
}

// Succeeded forgets a subject's failures.
func (g *Guard) Succeeded(subject string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if e := g.entries[subject]; e != nil {
		g.forget(e)
	}
}

func (g *Guard) forget(e *list.Element) {
	g.recent.Remove(e)
	delete(g.entries, e.Value.(*failures).subject)
}
