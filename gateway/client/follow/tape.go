package follow

import "fmt"

// MaxTape is how many trades a Tape remembers.
const MaxTape = 1000

// Tape is a copy of an instrument's latest trades. Each trade is on it once, in the venue's order.
type Tape struct {
	Instrument *Instrument

	sequence uint64
	last     Trade // ID 0: none
	begun    bool  // it is known what the next trade follows
	count    uint64
	latest   []Trade // a ring once it is full
	next     int
}

// NewTape returns a tape that goes on behind a trade. Where that is not known (begun false) it begins with the first
// snapshot, whose trades are those behind an unknown one.
func NewTape(after uint64, begun bool) *Tape { return &Tape{last: Trade{ID: after}, begun: begun} }

// Sequence returns the number of the last command whose trades are on the tape.
func (t *Tape) Sequence() uint64 { return t.sequence }

// Last returns the last trade.
func (t *Tape) Last() (Trade, bool) { return t.last, t.count > 0 }

// Count returns how many trades have come.
func (t *Tape) Count() uint64 { return t.count }

// Latest returns the latest trades, oldest first, up to 1,000.
func (t *Tape) Latest() []Trade {
	return append(append([]Trade{}, t.latest[t.next:]...), t.latest[:t.next]...)
}

// fresh returns the trades of a list, in order of their numbers, that are not on the tape.
func (t *Tape) fresh(trades []Trade) []Trade {
	for i := range trades {
		if trades[i].ID > t.last.ID {
			return trades[i:]
		}
	}
	return nil
}

// Missing reports whether trades may lie between the tape and a snapshot, which has the latest trades.
func (t *Tape) Missing(m *Message) bool {
	// One that both have shows that there is none between.
	return t.begun && len(m.Trades) > 0 && m.Trades[0].ID > t.last.ID
}

// Apply takes the next message and returns the trades in it that are new. A snapshot is taken for what follows the tape: see
// Missing. Errors: ErrGap.
func (t *Tape) Apply(m *Message) ([]Trade, error) {
	if !m.Snapshot && m.Previous != t.sequence {
		return nil, fmt.Errorf("%w: the tape is at sequence %d, the update continues %d", ErrGap, t.sequence, m.Previous)
	}
	t.Instrument, t.sequence, t.begun = m.Instrument, m.Sequence, true
	news := t.fresh(m.Trades)
	t.add(news)
	return news, nil
}

// add puts trades on the tape.
func (t *Tape) add(trades []Trade) {
	for _, tr := range trades {
		t.last, t.begun = tr, true
		t.count++
		if len(t.latest) < MaxTape {
			t.latest = append(t.latest, tr)
			continue
		}
		t.latest[t.next] = tr
		t.next = (t.next + 1) % MaxTape
	}
}
