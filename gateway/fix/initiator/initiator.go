package initiator

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	"uncross/gateway/fix/message"
)

// Initiator is a session that connects by itself until it is closed.
type Initiator struct {
	c    Config
	stop chan struct{} // closed by Close's end, or by a store that failed
	done chan struct{} // run has ended

	mu      sync.Mutex
	store   Store
	nextIn  uint64
	nextOut uint64
	scratch []byte
	link    *link // the connection, nil while there is none
	ever    bool  // a logon has been answered
	closing bool
	failed  error         // of the store, final
	refusal error         // of the latest logon, nil when that was answered
	missed  error         // why the latest connection came to no logon, nil when it did
	changed chan struct{} // closed and made anew when something has changed that somebody may wait for
	heard   map[string]bool
	probes  uint64
	once    sync.Once
}

// Open starts a session: it connects and logs on in the background.
func Open(c Config) (*Initiator, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	i := &Initiator{c: c, store: c.Store, stop: make(chan struct{}), done: make(chan struct{}), changed: make(chan struct{}), heard: map[string]bool{}}
	i.nextIn, i.nextOut = i.store.Numbers()
	go i.run()
	return i, nil
}

// run makes one connection after the other, to one address after the other: a node that has gone, or leads no more, is the
// last to be tried again. Between two of them it goes to the node that the one before has said to lead. What that says in
// turn is not followed, so that nobody is sent in circles.
func (i *Initiator) run() {
	defer close(i.done)
	all := i.c.Addresses
	next, told := 0, "" // the place in the list; where to go instead
	pause := i.c.Limits.BackOff / firstPause
	for {
		address, listed := told, told == ""
		if listed {
			address = all[next%len(all)]
			next++
		}
		was, err := i.connect(address)
		if told = ""; listed {
			told = leaderIn(err)
		}
		if i.over(was, told != "", err) {
			return
		}
		if was {
			pause = i.c.Limits.BackOff / firstPause
			next = 1 + slices.Index(all, address)
		}
		if told != "" {
			continue
		}
		select {
		case <-i.c.after(pause / time.Duration(len(all))):
		case <-i.stop:
			return
		}
		if listed && next%len(all) == 0 {
			pause = min(2*pause, i.c.Limits.BackOff)
		}
	}
}

// over notes and tells how a connection ended, and reports whether it was the last. was says that it was logged on, sentOn
// that the next one is made at once where this one was sent.
func (i *Initiator) over(was, sentOn bool, err error) bool {
	i.mu.Lock()
	i.link = nil
	if i.missed = nil; !was && !sentOn {
		i.missed = err
	}
	over := i.closing || i.failed != nil
	failed := i.failed
	i.tell()
	i.mu.Unlock()
	switch {
	case failed != nil:
		i.c.OnSession(Event{Kind: StoreLost, Err: failed})
	case err == nil:
		i.c.OnSession(Event{Kind: LoggedOut})
	default:
		i.c.OnSession(Event{Kind: Ended, Err: err})
	}
	return over
}

// firstPause is the part of Limits.BackOff that the first pause takes.
const firstPause = 100

// tell wakes all who wait for a change; the lock is held.
func (i *Initiator) tell() {
	close(i.changed)
	i.changed = make(chan struct{})
}

// fail ends the session for good, as its store has failed; the lock is held.
func (i *Initiator) fail(err error) {
	if i.failed == nil {
		i.failed = err
		i.once.Do(func() { close(i.stop) })
		if i.link != nil {
			i.link.end(err)
		}
		i.tell()
	}
}

// Send gives a message the next number and puts it on the wire as soon as the socket takes it; while there is no
// connection it waits in the store. b is the caller's again when Send returns. Errors: ErrNotLoggedOn before the first
// answered logon, ErrBusy, ErrClosed, and that of a store that has failed.
func (i *Initiator) Send(b *message.Body) (seq uint64, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch {
	case i.failed != nil:
		return 0, i.failed
	case i.closing:
		return 0, ErrClosed
	case !i.ever:
		return 0, ErrNotLoggedOn
	case i.link != nil && i.link.on && i.nextOut-i.link.next >= uint64(i.c.Limits.Unsent):
		return 0, ErrBusy
	}
	return i.number(b, false)
}

// number gives a message its number and wakes the writer; the lock is held.
func (i *Initiator) number(b *message.Body, local bool) (seq uint64, err error) {
	i.scratch = b.AppendTo(i.scratch[:0])
	if err := i.store.Append(time.Now().UnixNano(), local, i.scratch); err != nil {
		i.fail(err)
		return 0, err
	}
	seq = i.nextOut
	i.nextOut++
	if i.link != nil {
		i.link.poke()
	}
	return seq, nil
}

// received notes that the message whose turn it was has been dealt with.
func (i *Initiator) received(next uint64) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.nextIn = next
	if err := i.store.Received(next); err != nil {
		i.fail(err)
	}
}

// Numbers returns the next number of each direction.
func (i *Initiator) Numbers() (nextIn, nextOut uint64) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.nextIn, i.nextOut
}

// WaitLogon returns when the session is logged on, or with the reason why the latest logon was refused, or with the
// context's end. The Initiator goes on trying in any case.
func (i *Initiator) WaitLogon(ctx context.Context) error {
	return i.wait(ctx, func() (bool, error) {
		return i.link != nil && i.link.on, i.refusal
	})
}

// WaitFirst is WaitLogon for those who do not want to wait for better times: it also returns why a connection came to no
// logon, such as one that is not to be had.
func (i *Initiator) WaitFirst(ctx context.Context) error {
	return i.wait(ctx, func() (bool, error) {
		if i.refusal != nil {
			return false, i.refusal
		}
		return i.link != nil && i.link.on, i.missed
	})
}

// wait returns when done says so. done is called with the lock held.
func (i *Initiator) wait(ctx context.Context, done func() (bool, error)) error {
	for {
		i.mu.Lock()
		ok, err := done()
		if err == nil && i.failed != nil {
			err = i.failed
		}
		changed := i.changed
		i.mu.Unlock()
		if ok || err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-i.done:
			return ErrClosed
		}
	}
}

// AskAgain asks for messages that have come already, from number from to number to. They come to OnMessage as repeats.
func (i *Initiator) AskAgain(from, to uint64) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.link == nil || !i.link.on {
		return ErrNotLoggedOn
	}
	_, err := i.number(resendRequest(from, to), true)
	return err
}

// probeText begins the ids of the test requests that RoundTrip makes.
const probeText = "round-trip-"

// RoundTrip returns when the other side has answered a test request that was sent now: what it had to say about messages
// that were sent before has then been handed over. Where a connection is lost under way, it asks again on the next.
func (i *Initiator) RoundTrip(ctx context.Context) error {
	i.mu.Lock()
	i.probes++
	name := probeText + strconv.FormatUint(i.probes, 10)
	id := message.NewBody(message.TestRequest).Str(message.TagTestReqID, name)
	i.heard[name] = false
	i.mu.Unlock()
	defer func() {
		i.mu.Lock()
		delete(i.heard, name)
		i.mu.Unlock()
	}()
	var asked *link
	var resends int
	var gap uint64
	return i.wait(ctx, func() (bool, error) {
		if i.heard[name] {
			return true, nil
		}
		if i.closing {
			return false, ErrClosed
		}
		// A resend passes over questions and answers that are on their way: the question is put again behind it.
		if l := i.link; l != nil && l.on && (l != asked || l.resends != resends || l.asked != gap) {
			asked, resends, gap = l, l.resends, l.asked
			_, err := i.number(id, true)
			return false, err
		}
		return false, nil
	})
}

// Disconnect cuts the connection, as a network does that fails. The session goes on with the next one.
func (i *Initiator) Disconnect() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.link != nil {
		i.link.end(errCut)
	}
}

// Close logs out, waits for the answer (Limits.Answer at most), and closes the store. Without a connection it ends at
// once; what the other side has not had stays in the store.
func (i *Initiator) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, i.c.Limits.Answer)
	defer cancel()
	i.mu.Lock()
	first := !i.closing
	i.closing = true
	if l := i.link; first && l != nil && l.on {
		i.logout(l, "")
	} else if l == nil || !l.on {
		i.once.Do(func() { close(i.stop) })
		if l != nil {
			l.end(ErrClosed)
		}
	}
	i.mu.Unlock()
	var err error
	select {
	case <-i.done:
	case <-ctx.Done():
		err = ctx.Err()
		i.mu.Lock()
		i.once.Do(func() { close(i.stop) })
		if i.link != nil {
			i.link.end(ErrClosed)
		}
		i.mu.Unlock()
		<-i.done
	}
	if !first {
		return err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.failed != nil {
		err = i.failed
	}
	if e := i.store.Close(); err == nil {
		err = e
	}
	return err
}

// logout numbers a logout, behind which nothing more is written on the connection; the lock is held.
func (i *Initiator) logout(l *link, text string) {
	if l.last != 0 {
		return
	}
	if seq, err := i.number(message.NewBody(message.Logout).Str(message.TagText, text), true); err == nil {
		l.last = seq
	}
}
