package feed

import (
	"errors"
)

// The errors of Subscribe and Next.
var (
	ErrNoInstrument = errors.New("feed: there is no such instrument")
	ErrNotReady     = errors.New("feed: the books are not loaded yet")
	ErrNoTopic      = errors.New("feed: there is no such topic")
	ErrSlow         = errors.New("feed: the reader is too slow: messages that cannot be left out are gone")
	ErrClosed       = errors.New("feed: the reader is closed")
)

// place is where a reader stands.
type place uint8

const (
	atStart    place = iota // it needs a snapshot
	inSnapshot              // part is next
	inLog                   // message at is next
)

// Reader is a cursor in a topic. One goroutine uses it; its line's mutex guards it.
type Reader struct {
	f    *Feed
	l    *line
	wake func()

	place  place
	snap   uint64 // number of the snapshot that it is in
	part   int
	at     uint64
	asleep int // its place in the line's sleepers, from 1; 0: it is not there
	err    error
}

// Next appends what comes next to dst: first a snapshot, in one part or several, then what has happened since, until the
// frames have the given number of bytes or more (at least one message), or there is nothing further. A reader that has got all there is will be
// woken when there is more; one that stopped at the number of bytes is to be asked again.
//
// A reader that was too slow gets a new snapshot, or ErrSlow where the channel cannot be conflated. Next may work out a snapshot
// for all who need it, and does so outside of every lock but for the copying.
func (r *Reader) Next(dst []*Message, bytes int) ([]*Message, error) {
	bytes = max(bytes, 1)
	for {
		var lacks bool
		var err error
		n := len(dst)
		dst, lacks, err = r.read(dst, bytes)
		for _, m := range dst[n:] {
			bytes -= m.Size()
		}
		if err != nil || !lacks || !r.f.snapshot(r) {
			return dst, err
		}
	}
}

// read appends what is there. lacks says that there is no snapshot, and that the reader is to make it.
func (r *Reader) read(dst []*Message, bytes int) (_ []*Message, lacks bool, _ error) {
	l := r.l
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unsleep(r)
	for r.err == nil {
		switch r.place {
		case atStart:
			s := l.fresh()
			if s == nil && l.making {
				l.sleep(r)
				return dst, false, nil
			}
			if s == nil {
				l.making = true
				return dst, true, nil
			}
			r.place, r.snap, r.part, r.at = inSnapshot, s.number, 0, s.at
		case inSnapshot:
			s := l.numbered(r.snap)
			if s == nil {
				r.place = atStart
				continue
			}
			if r.part == len(s.parts) {
				r.place = inLog
				continue
			}
			if bytes <= 0 {
				return dst, false, nil
			}
			m := s.parts[r.part]
			r.part++
			dst, bytes = append(dst, m), bytes-m.Size()
		case inLog:
			switch {
			case r.at < l.first:
				r.fallBehind()
			case r.at == l.end():
				l.sleep(r)
				return dst, false, nil
			case bytes <= 0:
				return dst, false, nil
			default:
				m := l.get(r.at)
				r.at++
				dst, bytes = append(dst, m), bytes-m.Size()
			}
		}
	}
	return dst, false, r.err
}

// fallBehind deals with a reader whose next message is gone.
func (r *Reader) fallBehind() {
	r.f.counts.slow.Add(1)
	if r.l.t.key.Channel == Trades {
		r.err = ErrSlow
		return
	}
	r.place = atStart
}

// Close ends the reader. It may be called more than once, and by any goroutine. The wake function may be under way and return
// later.
func (r *Reader) Close() {
	r.f.mu.Lock()
	defer r.f.mu.Unlock()
	l := r.l
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.err == ErrClosed {
		return
	}
	r.err = ErrClosed
	l.unsleep(r)
	r.f.counts.readers.Add(-1)
	if l.readers--; l.readers == 0 {
		l.idle = r.f.o.Clock()
	}
}
