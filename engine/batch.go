package engine

import (
	"errors"

	"uncross/engine/wire"
)

// ErrBatchCount is returned by ApplyBatch for a batch that holds fewer or more commands than its header says.
var ErrBatchCount = errors.New("engine: the batch does not hold the number of commands that its header says")

// ApplyBatch applies the commands of one log entry in order and appends their events to out.
//
// A batch must be the one that follows the last batch of its term, or the first of a greater term; any other is dropped
// whole, without events and without an error: it came after one that was lost, and its commands would overtake those.
// So are all that come after it, until the missing one comes after all. The caller sees it by Seq, which did not move.
//
// An error means that the entry cannot be decoded. Nothing has been applied then, and a replica must stop.
func (e *Engine) ApplyBatch(payload []byte, out []wire.Event) ([]wire.Event, error) {
	h, body, err := wire.DecodeBatch(payload)
	if err != nil {
		return out, err
	}
	if err := e.checkBatch(h, body); err != nil {
		return out, err
	}
	if !e.follows(h) {
		return out, nil
	}
	for range h.Count {
		if body, err = wire.DecodeCommand(&e.decoded, body); err != nil {
			panic("engine: a batch that was checked does not decode")
		}
		out = e.Apply(&e.decoded, out)
	}
	return out, nil
}

// checkBatch decodes the whole batch, so that a damaged one changes nothing.
func (e *Engine) checkBatch(h wire.Batch, body []byte) (err error) {
	for range h.Count {
		if len(body) == 0 {
			return ErrBatchCount
		}
		if body, err = wire.DecodeCommand(&e.decoded, body); err != nil {
			return err
		}
	}
	if len(body) != 0 {
		return ErrBatchCount
	}
	return nil
}

// follows reports whether h is the next batch of its leader, and moves the position if so.
func (e *Engine) follows(h wire.Batch) bool {
	if h.Term > e.term {
		e.term, e.sequence = h.Term, 0
	}
	if h.Term != e.term || h.Sequence != e.sequence+1 {
		return false
	}
	e.sequence = h.Sequence
	return true
}
