package outbox

import (
	"uncross/engine/wire"
)

// touch notes that a session has something to show.
func (w *writer) touch(x *Session) {
	if !x.w.dirty {
		x.w.dirty = true
		w.dirty = append(w.dirty, x)
	}
}

// change notes that a session's record is to be written.
func (w *writer) change(x *Session, e *wire.Event) *record {
	w.touch(x)
	x.w.changed = true
	r := &x.w.rec
	if r.SinceNs == 0 {
		r.SinceNs = e.TimeNs
	}
	return r
}

// numbered returns a session whose numbers follow from the log, nil for any other.
func (w *writer) numbered(id wire.SessionID) *Session {
	x := at(w.s.sessions, id)
	if x == nil || x.w.def.Kind == wire.MarketDataSession {
		return nil
	}
	return x
}

// inbound advances a session's inbound number by the event of a command that came from it, and counts its answer.
func (w *writer) inbound(e *wire.Event, news bool) {
	id, epoch, _, ok := e.Origin.Session()
	if !ok {
		return
	}
	x := w.numbered(id)
	if x == nil {
		return
	}
	if e.Flags&wire.FlagLast != 0 {
		x.w.answered++
		w.touch(x)
	}
	if e.Kind == wire.EvRejected {
		var m wire.Rejected
		m.GetEvent(e)
		x.w.rejected++
		x.w.reason = m.Reason
		w.touch(x)
	}
	if !news {
		return
	}
	r := &x.w.rec
	if r.Lost && epoch > r.Epoch { // of a time that the store has not seen: what the epoch is can be learnt
		r = w.change(x, e)
		r.Epoch, r.NextIn = epoch, 1
	}
	if epoch == r.Epoch && e.Origin.Seq >= r.NextIn {
		w.change(x, e).NextIn = e.Origin.Seq + 1
	}
}

// begin starts a session's numbers again.
func (w *writer) begin(x *Session, epoch uint32, e *wire.Event) {
	r := w.change(x, e)
	w.deleteRange(newKey(tagMessage).u32(uint32(x.id)), newKey(tagMessage).u32(uint32(x.id)).after())
	r.Numbers = Numbers{Epoch: epoch, NextIn: 1, NextOut: 1, SinceNs: e.TimeNs}
	r.floor = 1
	x.w.reset = true
	x.w.fresh = x.w.fresh[:0]
}

// send gives a message the session's next number. The body is kept.
func (w *writer) send(x *Session, e *wire.Event, body []byte) {
	w.take(x, e, Entry{Count: 1, Body: body})
}

// local takes numbers for messages that only their node has.
func (w *writer) local(x *Session, e *wire.Event, m *wire.SessionMessage, count uint32) {
	if count == 0 {
		return
	}
	entry := Entry{Count: count, Local: true}
	copy(entry.Token[:], m.Symbol[:TokenSize])
	w.take(x, e, entry)
}

func (w *writer) take(x *Session, e *wire.Event, entry Entry) {
	r := w.change(x, e)
	entry.Number, entry.TimeNs = r.NextOut, e.TimeNs
	r.NextOut += uint64(entry.Count)
	x.w.fresh = append(x.w.fresh, entry)
	w.set(w.key(tagMessage).message(x.id, r.Epoch, entry.Number), appendEntry(w.v[:0], &entry))
	w.prune(x)
}

// pruneStep is how many messages, and what part of those retained, one step of pruning waits for: a range of keys is
// deleted at a time, never a message.
const pruneStep = 1000

// prune drops the messages that are older than what is retained. When it does depends on the numbers alone.
func (w *writer) prune(x *Session) {
	r, keep := &x.w.rec, w.s.o.Retain
	if r.NextOut-r.floor < keep+keep/8+pruneStep {
		return
	}
	floor := r.NextOut - keep
	w.deleteRange(newKey(tagMessage).message(x.id, r.Epoch, r.floor), newKey(tagMessage).message(x.id, r.Epoch, floor))
	r.floor = floor
}
