package outbox

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"uncross/engine/wire"
)

// writer turns events into messages and batches. It belongs to Run's goroutine.
type writer struct {
	s       *Store
	pos     position // what is stored
	at      position // what has been applied in this process: behind pos while the log is replayed
	cluster [16]byte

	names  names
	copies map[wire.FirmID][]*Session // drop copy sessions by firm, in the order of ids
	stored map[wire.SessionID]record  // sessions that are on the disk and not defined yet

	b       *pebble.Batch           // the batch being built
	dirty   []*Session              // with something to show
	owned   []wire.OrderID          // orders with a session that entered in this batch
	endings map[wire.OrderID]ending // orders with a session that ended in this batch

	endedFloor wire.OrderID // how orders before it ended is not known

	image *importing // an image that is being taken over

	k, v, body, copied []byte // scratch
}

func newWriter(s *Store) (*writer, error) {
	w := &writer{
		s: s, copies: map[wire.FirmID][]*Session{}, stored: map[wire.SessionID]record{}, endings: map[wire.OrderID]ending{},
		k: make([]byte, 0, 64), v: make([]byte, 0, 1024), body: make([]byte, 0, 1024), copied: make([]byte, 0, 1024),
	}
	v, ok, err := s.get(metaPosition)
	if ok {
		w.pos, err = parsePosition(v)
	}
	if err != nil {
		return nil, err
	}
	v, ok, err = s.get(metaCluster)
	if err != nil {
		return nil, err
	}
	if ok {
		copy(w.cluster[:], v)
	}
	if err := kind.Cluster(w.cluster, s.o.ClusterID); err != nil {
		return nil, err
	}
	if w.cluster == [16]byte{} && s.o.ClusterID != [16]byte{} {
		w.cluster = s.o.ClusterID
		if err := s.db.Set(metaCluster, w.cluster[:], pebble.Sync); err != nil {
			return nil, err
		}
	}
	if err := w.loadEndedFloor(); err != nil {
		return nil, err
	}
	return w, w.loadSessions()
}

func (w *writer) loadSessions() error {
	return w.s.scan(tagSession, 5, func(k, v []byte) error {
		r, err := parseRecord(v)
		w.stored[wire.SessionID(be32(k[1:]))] = r
		return err
	})
}

// store applies events, lets connections see what they lead to, and writes it with the position as one batch.
//
// A connection may send a message before it is written. That is safe: what a crash loses, the replay of the log makes
// again, number by number. The tail of a session holds a message until it is written.
func (w *writer) store(es []wire.Event) error {
	for len(es) > 0 {
		n := 1 // an image begins a batch: it must find everything before it on the disk
		for n < len(es) && es[n].Kind != wire.EvImageBegin {
			n++
		}
		if err := w.batch(es[:n]); err != nil {
			return err
		}
		es = es[n:]
	}
	return nil
}

func (w *writer) batch(es []wire.Event) error {
	w.b = w.s.db.NewBatch()
	defer w.b.Close()
	before := w.pos
	if err := w.apply(es); err != nil {
		return err
	}
	w.flush(before)
	for _, x := range w.dirty {
		x.show()
	}
	if !w.b.Empty() {
		if err := w.s.base.Guard(func() error { return w.b.Commit(pebble.NoSync) }); err != nil {
			return fmt.Errorf("outbox: write: %w", err)
		}
	}
	clear(w.endings)
	for _, x := range w.dirty {
		x.trim()
	}
	clear(w.dirty)
	w.dirty = w.dirty[:0]
	if whole := min(w.at.whole(), w.pos.whole()); whole > w.s.base.Position.Load() {
		w.s.base.Position.Set(whole)
	}
	return nil
}

func (w *writer) apply(es []wire.Event) error {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	for i := range es {
		e := &es[i]
		var err error
		if e.Flags&wire.FlagImage != 0 {
			err = w.imageEvent(e)
		} else {
			err = w.commandEvent(e)
		}
		if err != nil {
			return fmt.Errorf("outbox: event %d.%d: %w", e.Seq, e.Ord, err)
		}
	}
	return nil
}

func (w *writer) commandEvent(e *wire.Event) error {
	if w.image != nil {
		return fmt.Errorf("%w: an image that does not end", ErrGap)
	}
	if !w.at.next(e.Seq, e.Ord) {
		return fmt.Errorf("%w: the event before was %d.%d; events begin with an image or with the first command", ErrGap, w.at.seq, w.at.ord)
	}
	w.at = position{e.Seq, e.Ord, e.Flags&wire.FlagLast != 0}
	news := !w.pos.has(e.Seq, e.Ord) // otherwise it is the log's replay: the order table needs it, the messages are there
	if news {
		w.pos = w.at
	}
	return w.event(e, news)
}

// flush adds to the batch what is written once for a batch.
func (w *writer) flush(before position) {
	for _, id := range w.owned {
		if _, o := w.s.orders.find(id); o != nil { // else it has ended meanwhile
			o.stored = true
			w.set(w.key(tagOrder).u64(uint64(id)), le32(w.v[:0], uint32(o.session)))
		}
	}
	w.owned = w.owned[:0]
	for _, x := range w.dirty {
		if x.w.changed {
			x.w.changed = false
			w.set(w.key(tagSession).u32(uint32(x.id)), appendRecord(w.v[:0], &x.w.rec))
		}
	}
	if w.pos != before {
		w.set(metaPosition, w.pos.append(w.v[:0]))
	}
}

// key begins a key in the writer's scratch buffer.
func (w *writer) key(tag byte) key { return append(key(w.k[:0]), tag) }

// set adds to the batch. Pebble copies both.
func (w *writer) set(k key, v []byte) {
	if err := w.b.Set(k, v, nil); err != nil {
		panic(err) // a batch in memory refuses only misuse
	}
}

func (w *writer) delete(k key) {
	if err := w.b.Delete(k, nil); err != nil {
		panic(err)
	}
}

func (w *writer) deleteRange(from, to key) {
	if err := w.b.DeleteRange(from, to, nil); err != nil {
		panic(err)
	}
}
