package fix

import (
	"errors"
	"sync"
	"time"
)

// verifyWait is how long a logon waits for its password's turn to be verified.
const verifyWait = 5 * time.Second

// Why a logon was not judged. Nobody guessed wrong.
var (
	errCrowded    = errors.New("too many logons at once")
	errSuperseded = errors.New("a newer logon of the same name and address came while this one waited")
	errClientGone = errors.New("the client has gone while its logon waited")
	errLockedOut  = errors.New("too many refused logons")
)

// queue lets so many verify passwords at a time; the others wait. When there are more than can be served, as after a
// restart, clients give up and come again: the newest is served first, since it is the likeliest to be still there, and
// of each subject (see admit) only the newest waits.
type queue struct {
	mu      sync.Mutex
	free    int
	waiting []*waiter // the newest last
}

// waiter is one that waits. turn has room for one answer: true when the place is its, false when it need not wait on.
type waiter struct {
	subject string
	turn    chan bool
}

// enter takes a place and returns nil, or, where none is free, a place in the queue.
func (q *queue) enter(subject string) *waiter {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.free > 0 {
		q.free--
		return nil
	}
	w := &waiter{subject: subject, turn: make(chan bool, 1)}
	for i, old := range q.waiting {
		if old.subject == subject {
			old.turn <- false
			q.waiting = append(q.waiting[:i], q.waiting[i+1:]...)
			break
		}
	}
	q.waiting = append(q.waiting, w)
	return w
}

// release gives a place to the newest that waits.
func (q *queue) release() {
	q.mu.Lock()
	defer q.mu.Unlock()
	last := len(q.waiting) - 1
	if last < 0 {
		q.free++
		return
	}
	q.waiting[last].turn <- true
	q.waiting[last] = nil
	q.waiting = q.waiting[:last]
}

// giveUp takes a waiter out; a place that it was given meanwhile goes on to the next.
func (q *queue) giveUp(w *waiter) {
	q.mu.Lock()
	for i, have := range q.waiting {
		if have == w {
			q.waiting = append(q.waiting[:i], q.waiting[i+1:]...)
			break
		}
	}
	q.mu.Unlock()
	select {
	case mine := <-w.turn:
		if mine {
			q.release()
		}
	default:
	}
}

// awaitPlace waits for a place to verify a password in, for as long as the client does. After nil the caller releases it.
func (c *conn) awaitPlace(subject string) error {
	q := &c.s.hashing
	w := q.enter(subject)
	if w == nil {
		return nil
	}
	gone, unwatch := c.in.watch()
	defer unwatch()
	late := time.NewTimer(verifyWait)
	defer late.Stop()
	err := errCrowded
	select {
	case mine := <-w.turn:
		if !mine {
			return errSuperseded
		}
		select {
		case <-gone:
			q.release()
			return errClientGone
		default:
			return nil
		}
	case <-gone:
		err = errClientGone
	case <-c.ending:
	case <-c.s.stop:
	case <-late.C:
	}
	q.giveUp(w)
	return err
}
