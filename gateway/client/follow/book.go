package follow

import (
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strconv"

	"uncross/engine/wire"
)

// Why a copy cannot go on. A Follower subscribes anew then.
var (
	ErrGap      = errors.New("follow: a message was missed")
	ErrChecksum = errors.New("follow: the copy has another checksum than the venue's book")
	ErrBroken   = errors.New("follow: a message does not fit the copy")
)

// ladder is one side of a book, the best level last, so that what changes most moves least.
type ladder struct {
	side   wire.Side
	levels []Level
}

// better reports whether price a comes before b on the side.
func better(side wire.Side, a, b wire.Price) bool {
	if side == wire.Buy {
		return a > b
	}
	return a < b
}

// find returns where the level of a price is or belongs.
func (l *ladder) find(p wire.Price) (int, bool) {
	return slices.BinarySearchFunc(l.levels, p, func(v Level, p wire.Price) int {
		switch {
		case v.Price == p:
			return 0
		case better(l.side, p, v.Price):
			return -1
		}
		return 1
	})
}

// set puts a level in, or takes it away when its quantity is 0; it may not be there, since a level can come and go between two
// messages.
func (l *ladder) set(v Level) {
	i, ok := l.find(v.Price)
	switch {
	case v.Qty == 0 && !ok:
	case v.Qty == 0:
		l.levels = slices.Delete(l.levels, i, i+1)
	case ok:
		l.levels[i] = v
	default:
		l.levels = slices.Insert(l.levels, i, v)
	}
}

// best appends the best levels to dst, best first; depth 0: all.
func (l *ladder) best(dst []Level, depth int) []Level {
	n := len(l.levels)
	if depth > 0 {
		n = min(n, depth)
	}
	for i := range n {
		dst = append(dst, l.levels[len(l.levels)-1-i])
	}
	return dst
}

// Book is a copy of an instrument's price levels, from the channel book.
type Book struct {
	Instrument *Instrument
	TimeNs     int64 // of the last change

	sequence uint64
	whole    bool // it has had a snapshot, and no message of which a part is missing
	parts    int  // that have come of a message in several
	bids     ladder
	asks     ladder
	sums     uint64
	scratch  []byte
}

// NewBook returns a copy that has nothing yet.
func NewBook() *Book { return &Book{bids: ladder{side: wire.Buy}, asks: ladder{side: wire.Sell}} }

// Whole reports whether the copy has a whole snapshot; without one it says nothing.
func (b *Book) Whole() bool { return b.whole }

// Sequence returns the number of the command that changed the book last.
func (b *Book) Sequence() uint64 { return b.sequence }

// Proved returns how many checksums have agreed.
func (b *Book) Proved() uint64 { return b.sums }

// Levels appends the best levels of a side to dst, best first; depth 0: all.
func (b *Book) Levels(side wire.Side, depth int, dst []Level) []Level {
	if side == wire.Buy {
		return b.bids.best(dst, depth)
	}
	return b.asks.best(dst, depth)
}

// Best returns the best level of a side.
func (b *Book) Best(side wire.Side) (Level, bool) {
	l := b.Levels(side, 1, nil)
	if len(l) == 0 {
		return Level{}, false
	}
	return l[0], true
}

// Apply takes the next message of the channel. Errors: ErrGap, ErrChecksum, ErrBroken; the copy is of no use then until the
// next snapshot.
func (b *Book) Apply(m *Message) error {
	err := b.apply(m)
	if err != nil {
		b.whole, b.parts = false, 0
	}
	return err
}

func (b *Book) apply(m *Message) error {
	done, err := nextPart(m, b.whole, &b.parts, b.sequence)
	if err != nil {
		return err
	}
	if m.Snapshot && m.Part <= 1 {
		b.bids.levels, b.asks.levels = b.bids.levels[:0], b.asks.levels[:0]
	}
	b.Instrument, b.sequence, b.whole, b.TimeNs = m.Instrument, m.Sequence, done, m.TimeNs
	for _, v := range m.Bids {
		b.bids.set(v)
	}
	for _, v := range m.Asks {
		b.asks.set(v)
	}
	if m.Checksum == nil || !b.whole {
		return nil
	}
	if own := b.Checksum(m.Binary); own != *m.Checksum {
		return fmt.Errorf("%w: %d, at sequence %d it is to be %d", ErrChecksum, own, b.sequence, *m.Checksum)
	}
	b.sums++
	return nil
}

// nextPart checks that a message is the one that must come next, of a copy that is whole and at a sequence, or has had parts
// of a message. It reports whether the copy is whole with it.
func nextPart(m *Message, whole bool, had *int, sequence uint64) (done bool, err error) {
	switch {
	case m.Part > 1 && (m.Part != *had+1 || m.Part > m.Parts || m.Sequence != sequence):
		return false, fmt.Errorf("%w: part %d of %d after part %d", ErrGap, m.Part, m.Parts, *had)
	case m.Part > 1 || m.Snapshot:
	case !whole:
		return false, fmt.Errorf("%w: an update before a snapshot", ErrBroken)
	case m.Previous != sequence:
		return false, fmt.Errorf("%w: the copy is at sequence %d, the update continues %d", ErrGap, sequence, m.Previous)
	}
	if *had = m.Part; m.Part < m.Parts {
		return false, nil
	}
	*had = 0
	return true, nil
}

// sumLevels is how many levels of either side a checksum is over.
const sumLevels = 10

// Checksum returns the checksum of the copy as the venue computes it: over text, in the binary form over ticks and lots.
func (b *Book) Checksum(binary bool) uint32 {
	s := b.scratch[:0]
	bids, asks := b.bids.levels, b.asks.levels
	for i := range sumLevels {
		for _, side := range [][]Level{bids, asks} {
			if i < len(side) {
				v := side[len(side)-1-i]
				if binary {
					s = append(strconv.AppendInt(s, int64(v.Price), 10), ':')
				} else {
					s = append(b.Instrument.AppendPrice(s, v.Price), ':')
				}
				s = append(appendLots(s, b.Instrument, v.Qty, binary), ':')
			}
		}
	}
	b.scratch = s
	return sum(s)
}

// sum is the checksum of parts that each end with a colon, without the last colon.
func sum(s []byte) uint32 { return crc32.ChecksumIEEE(s[:max(0, len(s)-1)]) }

// Diff says how the copy differs from REST's book of level 2, "" when it does not. Both must be of the same sequence. Where REST
// tells of fewer levels than it has, those are compared.
func (b *Book) Diff(r *RESTBook) string {
	if !b.whole || b.sequence != r.Sequence {
		return notMet(b.sequence, r)
	}
	for i, side := range []wire.Side{wire.Buy, wire.Sell} {
		if d := diffList(b.Levels(side, r.Depth, nil), [2][]Level{r.Bids, r.Asks}[i]); d != "" {
			return differs(r.Sequence, side, d)
		}
	}
	return ""
}

func notMet(sequence uint64, r *RESTBook) string {
	return fmt.Sprintf("the copy is at sequence %d, REST's book at %d", sequence, r.Sequence)
}

func differs(sequence uint64, side wire.Side, what string) string {
	return fmt.Sprintf("at sequence %d, %v side: %s", sequence, side, what)
}

// first returns the first n of a list; 0: all.
func first[T any](list []T, n int) []T {
	if n > 0 {
		return list[:min(n, len(list))]
	}
	return list
}

// diffList says how the levels or orders of a copy differ from REST's, "" when they do not.
func diffList[T comparable](own, rest []T) string {
	for i := range max(len(own), len(rest)) {
		switch {
		case i >= len(own):
			return fmt.Sprintf("place %d: REST has %v, the copy nothing", i+1, rest[i])
		case i >= len(rest):
			return fmt.Sprintf("place %d: REST has nothing, the copy %v", i+1, own[i])
		case own[i] != rest[i]:
			return fmt.Sprintf("place %d: REST has %v, the copy %v", i+1, rest[i], own[i])
		}
	}
	return ""
}

// String writes a level in ticks and lots.
func (l Level) String() string {
	return fmt.Sprintf("%d lots at %d ticks in %d orders", l.Qty, l.Price, l.Orders)
}

// String writes an order in ticks and lots.
func (o Order) String() string {
	return fmt.Sprintf("order %d of %d lots at %d ticks", o.ID, o.Qty, o.Price)
}

func appendLots(dst []byte, in *Instrument, q wire.Qty, binary bool) []byte {
	if binary {
		return strconv.AppendInt(dst, int64(q), 10)
	}
	return in.AppendQty(dst, q)
}

func appendID(dst []byte, id wire.OrderID) []byte { return strconv.AppendUint(dst, uint64(id), 10) }
