package history

import (
	"context"
	"fmt"

	"uncross/engine/wire"
)

// How the size is kept. What is deleted takes room until Pebble has compacted it away, so that the tables on disk are
// what is kept and what is not yet gone. Trimmer counts the second, as the share of the commands that it has trimmed; when
// that is an eighth of the limit it has the tables compacted, piece by piece, and measures anew. So it never trims twice
// for the same bytes, and the disk has at most the limit and a good eighth of it.
const (
	lowMark      = 20       // trims down to the limit less a 20th of it
	garbageShare = 8        // of the limit, not yet compacted away
	pieceBytes   = 64 << 20 // compacted at a time
)

// trimmer is the state of what trims. It belongs to the goroutine that does.
type trimmer struct {
	upTo     uint64  // last command that is to go for its size
	garbage  float64 // bytes on disk of what has been trimmed, by estimate
	measured bool    // garbage is known
	full     bool    // it has been said that the limit cannot be kept

	next         map[wire.AccountID]uint64 // number of an account's first ledger entry that is kept
	fine, coarse int64                     // candles before these times are gone
	lost         uint64                    // orders lost in the gap before this command are gone
}

// measure decides up to which command things have to go for their size.
func (s *Store) measure(ctx context.Context) error {
	t, limit := &s.trim, float64(s.o.Retain.Bytes)
	used, err := s.used()
	if err != nil {
		return err
	}
	if used > limit && (!t.measured || t.garbage > limit/garbageShare) {
		if err := s.compact(ctx, []byte{0}, []byte{0xff}); err != nil {
			return err
		}
		t.garbage, t.measured = 0, true
		if used, err = s.used(); err != nil {
			return err
		}
	}
	live := used - t.garbage
	gone, whole := s.gone.Load().id.Seq, s.base.Position.Load()
	if live <= limit || whole <= gone {
		return nil
	}
	each := live / float64(whole-gone)
	drop := uint64((live-limit+limit/lowMark)/each) + 1
	most := uint64(0)
	if kept := s.o.Retain.Commands; whole-gone > kept {
		most = whole - gone - kept
	}
	if drop > most && !t.full {
		t.full = true
		s.o.Logger.Warn("the history store is larger than it is to be: the latest commands are kept all the same",
			"bytes", uint64(live), "limit", s.o.Retain.Bytes, "commands", s.o.Retain.Commands)
	}
	t.full = drop > most
	drop = min(drop, most)
	t.upTo = gone + drop
	t.garbage += float64(drop) * each
	return nil
}

// used returns how many bytes the tables take on disk.
func (s *Store) used() (float64, error) {
	n, err := s.db.EstimateDiskUsage([]byte{0}, []byte{0xff})
	if err != nil {
		return 0, fmt.Errorf("history: size: %w", err)
	}
	return float64(n), nil
}

// compact has the tables between two keys compacted in pieces, so that none takes long.
func (s *Store) compact(ctx context.Context, from, to []byte) error {
	n, err := s.db.EstimateDiskUsage(from, to)
	if err != nil {
		return fmt.Errorf("history: size: %w", err)
	}
	if mid := middle(from, to); n > pieceBytes && mid != nil {
		if err := s.compact(ctx, from, mid); err != nil {
			return err
		}
		return s.compact(ctx, mid, to)
	}
	if err := s.db.Compact(ctx, from, to, false); err != nil {
		return fmt.Errorf("history: compact: %w", err)
	}
	return nil
}

// middle returns a key between two keys, nil where none is to be found in 16 bytes.
func middle(from, to []byte) []byte {
	const n = 16
	var sum [n + 1]int // of both, as numbers of n digits
	digit := func(b []byte, i int) int {
		if i < len(b) {
			return int(b[i])
		}
		return 0
	}
	carry := 0
	for i := n - 1; i >= 0; i-- {
		d := digit(from, i) + digit(to, i) + carry
		sum[i+1], carry = d&0xff, d>>8
	}
	sum[0] = carry
	mid := make([]byte, n)
	for i, rest := 0, sum[0]; i < n; i++ {
		d := rest<<8 | sum[i+1]
		mid[i], rest = byte(d>>1), d&1
	}
	if string(mid) <= string(from) || string(mid) >= string(to) {
		return nil
	}
	return mid
}
