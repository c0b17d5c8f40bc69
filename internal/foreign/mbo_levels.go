package foreign

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"uncross/engine/wire"
	"uncross/gateway/mirror"
)

// levelRows reads a file of levels, Databento's MBP-10 schema as CSV or one like it: so many levels a side, with price, quantity
// and, where the columns are there, number of orders.
type levelRows struct {
	rows    *lines
	columns mboColumns
	depth   int
	at      [3][]levelColumns // by side
	counts  bool

	more bool // a row is at hand
	key  mboKey
	want [3][]mirror.Level // by side

	seen bool              // the book has been compared with the row at hand
	got  [3][]mirror.Level // as it was then, the last time
}

// levelColumns are the places of one level's columns.
type levelColumns struct{ price, size, orders int }

func newLevelRows(l *lines) (*levelRows, error) {
	r := &levelRows{rows: l, counts: true}
	if err := header(l, &r.columns, false); err != nil {
		return nil, err
	}
	at := func(format string, args ...any) int {
		name := fmt.Sprintf(format, args...)
		return slices.IndexFunc(l.fields, func(h []byte) bool { return string(h) == name })
	}
	for ; ; r.depth++ {
		for side, name := range [3]string{"", "bid", "ask"} {
			if side == 0 {
				continue
			}
			c := levelColumns{at("%s_px_%02d", name, r.depth), at("%s_sz_%02d", name, r.depth), at("%s_ct_%02d", name, r.depth)}
			r.at[side] = append(r.at[side], c)
			if c.price < 0 || c.size < 0 {
				if r.depth == 0 {
					return nil, fmt.Errorf("%s: %w", l.where(), errNoLevels)
				}
				return r, nil
			}
			r.counts = r.counts && c.orders >= 0
		}
	}
}

// next moves to the next good row; io.EOF behind the last one.
func (r *levelRows) next(p *Problems) error {
	for {
		r.more, r.seen = false, false
		long, err := r.rows.next()
		if err != nil {
			return err
		}
		// As with records; see MBO.take.
		if r.rows.repeats() && r.columns.sequence >= 0 {
			p.add("duplicate row", r.rows.where(), "the row before once more: %s", r.rows.short())
			continue
		}
		wrong := "longer than a line may be"
		if !long {
			wrong = r.parse()
		}
		if wrong == "" {
			r.more = true
			return nil
		}
		p.add("bad row", r.rows.where(), "%s", wrong)
	}
}

func (r *levelRows) parse() (wrong string) {
	f := r.rows.fields
	if r.key, wrong = r.columns.key(f); wrong != "" {
		return wrong
	}
	for _, side := range [2]wire.Side{wire.Buy, wire.Sell} {
		r.want[side] = r.want[side][:0]
		for i := range r.depth {
			c := r.at[side][i]
			p, ok := price(f[c.price], false)
			size, ok2 := optional(f, c.size)
			orders, ok3 := uint64(0), true
			if r.counts {
				orders, ok3 = optional(f, c.orders)
			}
			switch {
			case !ok || !ok2 || !ok3 || size > MaxQty || orders > MaxQty:
				return fmt.Sprintf("level %d of the %s side is not of numbers", i, side)
			case p == noPrice || size == 0:
				continue
			}
			r.want[side] = append(r.want[side], mirror.Level{Price: p, Qty: wire.Qty(size), Orders: int(orders)})
		}
	}
	return ""
}

// equal compares a book with the row at hand.
func (r *levelRows) equal(k *mirror.Book) bool {
	r.seen = true
	same := true
	for _, side := range [2]wire.Side{wire.Buy, wire.Sell} {
		r.got[side] = k.Levels(side, r.depth, r.got[side][:0])
		if !r.counts {
			for i := range r.got[side] {
				r.got[side][i].Orders = 0
			}
		}
		same = same && slices.Equal(r.got[side], r.want[side])
	}
	return same
}

// compare holds the rows of the record at hand against the book behind it. The rows of one ts_event and sequence come in the
// order of the records of these, and not every record has one: a row is compared behind each record until it is equal.
func (m *MBO) compare(in wire.InstrumentID) error {
	if err := m.missing(func(row mboKey) bool { return row.before(m.record.mboKey) }); err != nil {
		return err
	}
	for m.levels.more && m.levels.key == m.record.mboKey && m.levels.equal(m.Books().Book(in)) {
		m.Result.Rows.add(true)
		if err := m.nextRow(); err != nil {
			return err
		}
	}
	return nil
}

// missing counts the rows that have not been equal when they should have been.
func (m *MBO) missing(passed func(mboKey) bool) error {
	for m.levels.more && passed(m.levels.key) {
		m.Result.Rows.add(false)
		m.differ()
		if err := m.nextRow(); err != nil {
			return err
		}
	}
	return nil
}

func (m *MBO) nextRow() error {
	if err := m.levels.next(&m.Result.Problems); err != nil && err != io.EOF {
		return err
	}
	return nil
}

// differ keeps the first difference.
func (m *MBO) differ() {
	if m.Result.First != "" {
		return
	}
	l := m.levels
	where := fmt.Sprintf("%s, sequence %d", l.rows.where(), l.key.sequence)
	if !l.seen {
		m.Result.First = where + fmt.Sprintf(": no record of that ts_event and sequence up to %s", m.rows.where())
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s; the book up to %s", where, m.rows.where())
	for _, side := range [2]wire.Side{wire.Buy, wire.Sell} {
		fmt.Fprintf(&b, "\n      %s side: %s\n      in the file: %s", side, ladder(l.got[side]), ladder(l.want[side]))
	}
	m.Result.First = b.String()
}

// ladder writes levels.
func ladder(levels []mirror.Level) string {
	parts := make([]string, len(levels))
	for i, l := range levels {
		parts[i] = fmt.Sprintf("%s %d/%d", e9(l.Price), l.Qty, l.Orders)
	}
	return strings.Join(parts, ", ")
}
