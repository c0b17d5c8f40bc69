package outbox

import (
	"encoding/binary"
	"fmt"

	"uncross/engine/wire"
)

// How an order of a session ended is kept for a while: a cancel that comes too late is answered with it (OrdStatus of a
// cancel reject). Which are known depends on order numbers alone, not on what is on the disk still, so that it is the same
// in every store, wherever its batches end.
const (
	endedKept = 1_000_000 // order numbers behind the latest, at least
	endedStep = 100_000   // one step of dropping older ones
)

// ending is how an order ended.
type ending struct {
	account wire.AccountID
	status  wire.OrderStatus
}

// keepEnding stores how a session's order ended.
func (w *writer) keepEnding(o *order, s wire.OrderStatus) {
	if o.ID < w.endedFloor {
		return
	}
	w.endings[o.ID] = ending{o.Account, s}
	w.set(w.key(tagEnded).u64(uint64(o.ID)), append(le32(w.v[:0], uint32(o.Account)), byte(s)))
}

// dropEndings is told every order that enters. It moves the floor, below which nothing is known.
func (w *writer) dropEndings(id wire.OrderID) {
	if id%endedStep == 0 && id > endedKept {
		w.endedFloor = id - endedKept
		floor := newKey(tagEnded).u64(uint64(w.endedFloor))
		w.deleteRange(newKey(tagEnded), floor)
		w.set(metaEnded, floor[1:])
	}
}

// loadEndedFloor reads where the floor is.
func (w *writer) loadEndedFloor() error {
	v, ok, err := w.s.get(metaEnded)
	if err != nil || !ok {
		return err
	}
	if len(v) != 8 {
		return fmt.Errorf("%w: which endings are kept", ErrDamaged)
	}
	w.endedFloor = wire.OrderID(binary.BigEndian.Uint64(v))
	return nil
}

// statusOf returns how an account's order ended; ok is false where that is not known.
func (w *writer) statusOf(id wire.OrderID, a wire.AccountID) (status wire.OrderStatus, ok bool, err error) {
	if id < w.endedFloor {
		return 0, false, nil
	}
	end, ok := w.endings[id] // of this batch
	if !ok {
		v, found, err := w.s.get(newKey(tagEnded).u64(uint64(id)))
		if err != nil || !found {
			return 0, false, err
		}
		if len(v) != endingSize {
			return 0, false, fmt.Errorf("%w: how an order ended", ErrDamaged)
		}
		end = ending{wire.AccountID(binary.LittleEndian.Uint32(v)), wire.OrderStatus(v[4])}
	}
	return end.status, end.account == a, nil
}

const endingSize = 4 + 1
