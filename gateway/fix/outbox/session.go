package outbox

import (
	"slices"
	"sync"

	"uncross/engine/wire"
)

// How much of a session's latest messages stays in memory: whichever is reached first. A connection that keeps up never
// reads from Pebble.
const (
	tailMessages = 1024
	tailBytes    = 256 << 10
)

// Session is one session's numbers and messages. Any goroutine may use it.
type Session struct {
	s  *Store
	id wire.SessionID

	changed chan struct{}

	mu       sync.Mutex // what readers see: as of the last whole batch
	shown    record
	answered uint64
	rejected uint64
	reason   wire.Reason // of the last rejected command
	tail     []Entry     // the latest messages, without a hole, up to shown.NextOut
	size     int         // bytes of their bodies

	w sessionWriter // the writer goroutine's
}

// sessionWriter is what the writer has of a session: ahead of what readers see, by one batch at most.
type sessionWriter struct {
	def      wire.Session
	firm     wire.FirmID
	rec      record
	fresh    []Entry // made in this batch
	reset    bool    // the numbers have started again in this batch: what was before fresh is void
	answered uint64
	rejected uint64
	reason   wire.Reason
	dirty    bool // something to show
	changed  bool // rec differs from what is on the disk
	open     list // its open orders; under Store.mu, like def
}

// keepFresh is how much room for the messages of a batch a session keeps between batches.
const keepFresh = 16

// ID returns the session's number.
func (x *Session) ID() wire.SessionID { return x.id }

// Numbers returns where the session's numbers stand, as of the last batch of events.
func (x *Session) Numbers() Numbers {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.shown.Numbers
}

// LoggedOn reports whether the session is logged on by the log: a SessionLogon without a SessionLogout behind it. A reset
// of the numbers does not end it: what the client asked for at its logon is still to be done. It is no statement about a
// connection: a node that died has not said goodbye. Behind a gap (see Options.AcceptGap) no session is logged on.
func (x *Session) LoggedOn() (on bool, flags wire.LogonFlags) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.shown.on, x.shown.flags
}

// Answered returns how many commands that name the session as their origin have been answered, as this process has seen
// the events, replayed ones included. Only differences of it mean something.
func (x *Session) Answered() uint64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.answered
}

// Rejected returns how many commands of the session the engine answered with EvRejected, counted as in Answered, and why
// the last of them was. No message tells the client: the connection should end.
func (x *Session) Rejected() (uint64, wire.Reason) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.rejected, x.reason
}

// Changed returns a channel that gets a value when anything that the other methods tell may have changed. It has room for
// one, so that no change is missed by one listener who looks after every value; there may be one only.
func (x *Session) Changed() <-chan struct{} { return x.changed }

// poke tells the listener.
func (x *Session) poke() {
	select {
	case x.changed <- struct{}{}:
	default:
	}
}

// Read returns the messages from number from on, as many as dst has room for (its length does not count; without room,
// some), in order and without a hole: Number of the first is from. There are none behind the last one. Where from lies
// inside a local entry the rest of it is given. What is no longer kept is given as local entries. ErrEpoch: the numbers
// have started again.
func (x *Session) Read(epoch uint32, from uint64, dst []Entry) ([]Entry, error) {
	dst = dst[:0]
	room := cap(dst)
	if room == 0 {
		room = defaultRead
	}
	x.mu.Lock()
	rec := x.shown
	if rec.Epoch != epoch {
		x.mu.Unlock()
		return dst, ErrEpoch
	}
	from = max(from, 1)
	if from >= rec.NextOut {
		x.mu.Unlock()
		return dst, nil
	}
	if len(x.tail) > 0 && from >= x.tail[0].Number {
		dst = appendFrom(dst, x.tail, from, room)
		x.mu.Unlock()
		return dst, nil
	}
	to := rec.NextOut
	if len(x.tail) > 0 {
		to = x.tail[0].Number
	}
	x.mu.Unlock()
	return x.s.readStored(x, epoch, from, to, dst, room)
}

// defaultRead is how many entries Read gives when dst has no room at all.
const defaultRead = 64

// appendFrom appends entries of a list without holes from a number on.
func appendFrom(dst, list []Entry, from uint64, room int) []Entry {
	at, _ := slices.BinarySearchFunc(list, from, func(e Entry, n uint64) int {
		if e.End() <= n {
			return -1
		}
		return 1
	})
	for _, e := range list[at:min(len(list), at+room)] {
		dst = append(dst, e.from(from))
	}
	return dst
}

// from returns the part of an entry that does not lie before a number.
func (e Entry) from(n uint64) Entry {
	if n > e.Number {
		e.Count -= uint32(n - e.Number)
		e.Number = n
	}
	return e
}

// show lets readers see what the batch has done.
func (x *Session) show() {
	w := &x.w
	x.mu.Lock()
	x.shown = w.rec
	x.answered, x.rejected, x.reason = w.answered, w.rejected, w.reason
	if w.reset {
		x.tail, x.size = nil, 0
	}
	for i := range w.fresh {
		x.tail = append(x.tail, w.fresh[i])
		x.size += len(w.fresh[i].Body)
	}
	x.mu.Unlock()
	clear(w.fresh)
	if w.fresh = w.fresh[:0]; cap(w.fresh) > keepFresh {
		w.fresh = nil
	}
	w.reset, w.dirty = false, false
	x.poke()
}

// trim drops from memory what is beyond the tail's bounds. Everything in it is written by now.
func (x *Session) trim() {
	x.mu.Lock()
	defer x.mu.Unlock()
	n := 0
	for ; n < len(x.tail); n++ {
		over := n < len(x.tail)-1 && (len(x.tail)-n > tailMessages || x.size > tailBytes)
		if !over && x.tail[n].Number >= x.shown.floor { // what is dropped on the disk is dropped here: a restart changes nothing
			break
		}
		x.size -= len(x.tail[n].Body)
	}
	clear(x.tail[:n])
	x.tail = x.tail[n:]
}
