package history

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"uncross/engine/wire"
	"uncross/gateway/candles"
)

// Candles returns a page of an instrument's candles of an interval. Buckets without a trade have none. Of the query's
// times FromNs picks by the beginning of a candle, and so does ToNs. The latest candle may still change; on an oldest-first
// list that goes on from a cursor it does not come again.
func (s *Store) Candles(in wire.InstrumentID, iv candles.Interval, q Query) (Page[candles.Candle], error) {
	snap, done, err := s.snapshot()
	if err != nil {
		return Page[candles.Candle]{}, err
	}
	defer done()
	prefix := candleKey(newKey(tagCandle), in, iv)
	l := listing[candles.Candle]{prefix: prefix, length: len(prefix) + 8}
	l.lo = uint64(max(q.FromNs, 0))
	if q.ToNs > 0 {
		l.hi = uint64(q.ToNs)
	}
	l.item = func(k, v []byte) (candles.Candle, bool, error) {
		c, err := parseCandle(int64(binary.BigEndian.Uint64(k[len(prefix):])), v)
		return c, true, err
	}
	return page(snap, l, &q)
}

// tapeTrades is how many of the latest trades are on a Tape.
const tapeTrades = 100

// Tape is what a publisher of an instrument's trades goes on from: one picture of one moment.
type Tape struct {
	Position uint64                        // all of this command and of those before it is in it, and nothing of later ones
	TimeNs   int64                         // engine time of it, or of the last event stored before it
	Candles  [candles.Count]candles.Candle // of each interval (by Index) the latest that has a trade; Trades 0: none
	Minutes  []candles.Candle              // one-minute candles of the last 24 h by TimeNs, oldest first
	Last     wire.Price                    // of the last trade that is known; 0: none
	Latest   []Trade                       // up to 100, oldest first
}

// tapeWait is how long Tape waits for the rest of a command.
const tapeWait = 10 * time.Second

// Tape reads the tape of an instrument. While a command with more events than fit one batch is half stored it waits for the
// rest, for ten seconds at most.
func (s *Store) Tape(in wire.InstrumentID) (Tape, error) {
	for deadline := time.Now().Add(tapeWait); ; {
		t, whole, err := s.tape(in)
		if err != nil || whole {
			return t, err
		}
		if left := time.Until(deadline); left <= 0 || !s.WaitFor(t.Position+1, left) {
			return Tape{}, fmt.Errorf("history: command %d is not stored whole within %v", t.Position+1, tapeWait)
		}
	}
}

func (s *Store) tape(in wire.InstrumentID) (t Tape, whole bool, err error) {
	t.TimeNs = s.now.Load() // before the picture: a later time would cut off minutes that are in it
	snap, done, err := s.snapshot()
	if err != nil {
		return t, false, err
	}
	defer done()
	pos, err := positionIn(snap)
	t.Position = pos.whole()
	if err != nil || !pos.last && pos.seq > 0 {
		return t, false, err
	}
	for _, iv := range candles.Intervals() {
		if err := readCandles(snap, in, iv, 1, 0, func(c candles.Candle) { t.Candles[iv.Index()] = c }); err != nil {
			return t, false, err
		}
	}
	t.Last = t.Candles[candles.D1.Index()].Close
	from := candles.M1.Start(t.TimeNs) - candles.Minutes*int64(candles.M1.Duration())
	if err := readCandles(snap, in, candles.M1, candles.Minutes+1, from, func(c candles.Candle) { t.Minutes = append(t.Minutes, c) }); err != nil {
		return t, false, err
	}
	slices.Reverse(t.Minutes)
	t.Latest, err = latestTrades(snap, in)
	return t, true, err
}

// readCandles gives up to n of the latest candles that begin at or after from, newest first.
func readCandles(r pebble.Reader, in wire.InstrumentID, iv candles.Interval, n int, from int64, give func(candles.Candle)) error {
	prefix := candleKey(newKey(tagCandle), in, iv)
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: append(key(nil), prefix...).u64(uint64(max(from, 0))), UpperBound: prefix.after()})
	if err != nil {
		return fmt.Errorf("history: read: %w", err)
	}
	defer it.Close()
	for ok := it.Last(); ok && n > 0; ok = it.Prev() {
		if len(it.Key()) != len(prefix)+8 {
			return fmt.Errorf("%w: key %x", ErrDamaged, it.Key())
		}
		c, err := parseCandle(int64(binary.BigEndian.Uint64(it.Key()[len(prefix):])), it.Value())
		if err != nil {
			return err
		}
		give(c)
		n--
	}
	return it.Error()
}

func latestTrades(r pebble.Reader, in wire.InstrumentID) ([]Trade, error) {
	prefix := newKey(tagTrade).u32(uint32(in))
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: prefix.after()})
	if err != nil {
		return nil, fmt.Errorf("history: read: %w", err)
	}
	defer it.Close()
	var ts []Trade
	for ok := it.Last(); ok && len(ts) < tapeTrades; ok = it.Prev() {
		if len(it.Key()) != len(prefix)+12 {
			return nil, fmt.Errorf("%w: key %x", ErrDamaged, it.Key())
		}
		t, err := tradeAt(r, it.Key()[len(prefix):])
		if err != nil {
			return nil, err
		}
		ts = append(ts, t)
	}
	slices.Reverse(ts)
	return ts, it.Error()
}
