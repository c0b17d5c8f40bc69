package history

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/cockroachdb/pebble/v2"
)

// edge is the last event that is no longer kept; zero: everything is kept.
type edge struct {
	id     EventID
	timeNs int64 // of it
}

func (g edge) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, g.id.Seq)
	b = binary.LittleEndian.AppendUint32(b, g.id.Ord)
	return binary.LittleEndian.AppendUint64(b, uint64(g.timeNs))
}

func edgeIn(r pebble.Reader) (g edge, err error) {
	v, ok, err := get(r, metaGone)
	if err != nil || !ok {
		return g, err
	}
	f := fields{b: v}
	g = edge{EventID{f.u64(), f.u32()}, int64(f.u64())}
	return g, f.err("edge of what is kept")
}

// Less reports whether an event came before another.
func (id EventID) Less(other EventID) bool {
	return id.Seq < other.Seq || id.Seq == other.Seq && id.Ord < other.Ord
}

// Kept says from where on things are kept.
type Kept struct {
	From   uint64 // first command of which nothing has been trimmed; 1: nothing ever was
	FromNs int64  // nothing that happened at or after this time has been trimmed; 0: nothing ever was
}

// Kept returns from where on things are kept: the other side of retention. Lists begin there whatever they are asked for.
// Asked after a list, it says at least what held for the list. What was never there is told by CompleteFrom.
func (s *Store) Kept() Kept {
	g := s.gone.Load()
	if *g == (edge{}) {
		return Kept{From: 1}
	}
	return Kept{g.id.Seq + 1, g.timeNs + 1}
}

// Start returns the earliest event that AccountEvents goes on behind: the zero one, unless something has been trimmed or
// lies in a gap.
func (s *Store) Start() EventID {
	at := s.gone.Load().id
	if from := s.from.Load(); from > 1 {
		if gap := (EventID{from - 1, math.MaxUint32}); at.Less(gap) {
			return gap
		}
	}
	return at
}

// keeps refuses to go on behind an event when something of what comes behind it is not there.
func (s *Store) keeps(after EventID) error {
	if start := s.Start(); after.Less(start) {
		return fmt.Errorf("%w: all that is behind event %d.%d is", ErrTrimmed, start.Seq, start.Ord)
	}
	return nil
}

// End returns the last event stored of a whole command: what comes from now on is behind it.
func (s *Store) End() EventID { return *s.end.Load() }

// reached tells how far the writer is.
func (s *Store) reached() {
	end := s.w.end
	s.end.Store(&end)
	s.now.Store(s.w.now)
	s.base.Position.Set(s.w.pos.whole())
}

// resume finds out how far a store is that has just been opened.
func (s *Store) resume() error {
	g, err := edgeIn(s.db)
	if err != nil {
		return err
	}
	s.gone.Store(&g)
	end, now, err := s.lastWhole(s.w.pos)
	if err != nil {
		return err
	}
	s.end.Store(&end)
	s.w.now, s.w.end = max(now, g.timeNs), end
	s.reached()
	return nil
}

// lastWhole returns the last event stored of the last whole command, and the time of the last event stored of any.
func (s *Store) lastWhole(p position) (end EventID, now int64, err error) {
	end = EventID{p.seq, p.ord}
	if !p.last && p.seq > 0 {
		end = EventID{Seq: p.seq - 1} // where nothing is stored of it: all that matters is that it is before p.seq
	}
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: newKey(tagEvent), UpperBound: newKey(tagEvent).after()})
	if err != nil {
		return end, 0, fmt.Errorf("history: read: %w", err)
	}
	defer it.Close()
	if it.Last() {
		if now, err = eventTime(it.Value()); err != nil {
			return end, now, err
		}
	}
	if !p.last && it.SeekLT(newKey(tagEvent).u64(p.seq)) {
		id, err := parseEventID(it.Key())
		if err != nil {
			return end, now, err
		}
		if id.Seq == end.Seq {
			end = id
		}
	}
	return end, now, it.Error()
}
