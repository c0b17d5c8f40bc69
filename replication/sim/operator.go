package sim

import (
	"errors"
	"slices"
	"time"

	"uncross/replication"
)

// The operator changes the membership, one change at a time, and tries again until it is done.

// begin takes the operator's attention, if it is free.
func (w *world) begin() bool { return w.changing.CompareAndSwap(false, true) }

// persist calls f with the leader's process until it returns nil. It returns false when the run ends before.
func (w *world) persist(what string, f func(*incarnation) error) bool {
	for !isClosed(w.over) {
		if l := w.leader(); l != nil && l.admin.TryLock() {
			err := f(l)
			l.admin.Unlock()
			w.trace.add("operator at %s: %s: %v", l, what, err)
			if err == nil {
				return true
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	return false
}

// recruit starts a spare machine and adds it as a learner. It returns nil when there is none left, or the run ends.
func (w *world) recruit() *box {
	for _, b := range w.boxes {
		b.mu.Lock()
		free := b.runs == 0 && !b.wanted
		b.wanted = b.wanted || free
		b.mu.Unlock()
		if !free {
			continue
		}
		b.restart(0)
		if w.persist("add "+b.id, func(l *incarnation) error { return l.node.AddLearner(b.id, b.id) }) {
			return b
		}
		return nil
	}
	return nil
}

// dismiss removes a member and ends its machine.
func (w *world) dismiss(b *box) {
	done := w.persist("remove "+b.id, func(l *incarnation) error {
		members, err := l.node.Members()
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(members, func(m replication.Member) bool { return m.ID == b.id }) {
			return nil
		}
		err = l.node.Remove(b.id)
		if l.box == b && errors.Is(err, replication.ErrMembership) {
			err = errors.Join(err, l.node.Transfer(""))
		}
		return err
	})
	if done {
		b.leave()
	}
}

// visit adds a learner and removes it again.
func (w *world) visit(stay time.Duration) {
	if !w.begin() {
		return
	}
	defer w.changing.Store(false)
	if b := w.recruit(); b != nil {
		time.Sleep(stay)
		w.dismiss(b)
	}
}

// replace puts a new machine in the place of a member, or of one that is lost already.
func (w *world) replace(old *box) {
	for !w.begin() {
		if old.isWanted() || isClosed(w.over) {
			return // there is no need
		}
		time.Sleep(50 * time.Millisecond)
	}
	defer w.changing.Store(false)
	w.substitute(old)
}

// substitute adds a machine as a learner, makes it vote, and then removes the old one.
func (w *world) substitute(old *box) {
	b := w.recruit()
	if b == nil {
		return
	}
	if w.persist("promote "+b.id, func(l *incarnation) error { return l.node.Promote(b.id) }) {
		w.dismiss(old)
	}
}
