package foreign

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/mirror"
)

// MBOOptions are the options of a run over Databento's records.
type MBOOptions struct {
	// Book is a file of levels of the same day (mbp-10 or another depth) to hold the books against; "": none.
	Book string
	// Unlinked keeps the books by A, C, M and R alone, as the schema defines them. Otherwise an execution (F) and the C or M
	// that follows it are one trade of the events, and an order that was filled completely and shows again, as an iceberg
	// order does, stands behind all others of its price.
	Unlinked bool
	Sink     Sink // takes the events; nil: nobody does
}

// MBO is a run over a file of orders, Databento's MBO schema as CSV.
type MBO struct {
	Result MBOResult

	market   *Market
	rows     *lines
	columns  mboColumns
	unlinked bool
	levels   *levelRows // nil: nothing to compare with

	instruments map[uint64]wire.InstrumentID
	complete    map[wire.InstrumentID]bool // begun with R or a snapshot: the file has every order of it
	latest      map[wire.InstrumentID]latest
	fallback    string // symbol where the file has none
	record      mboRecord
	taker       mboRecord // the last T
	due         map[Name]due
	cross       []mboRecord // the fills of an auction, until all of them are there
	waiting     []waiter
	traded      map[wire.OrderID]wire.Qty // Unlinked: what has traded and is still in the book
}

// latest is what the next record of an instrument is held against: the time of the one before it, and the greatest sequence since
// the book was last cleared.
type latest struct {
	timeNs   int64
	sequence uint64
}

// timeSlack is how far a record's ts_event may be before that of the record before it, in nanoseconds. Files are in the order in
// which the records were received, and in the sets that we know no ts_event goes back at all; but the schema does not promise that.
const timeSlack = 1_000_000_000

// due is what an order has traded, until the C or M comes that tells it of the book.
type due struct {
	order wire.OrderID
	qty   wire.Qty
	ahead []wire.OrderID // at its last fill
}

// waiter is a fill with orders ahead of it that may yet leave.
type waiter struct {
	from, until int64
	ahead       []wire.OrderID
}

// skipWindow is how long after a fill the orders that were ahead of it may leave, in nanoseconds: an exchange may publish the
// trades of a message group before the cancels that came first.
const skipWindow = 1_000_000

// What is looked at for a fill: so many orders ahead of it, and so many fills at a time with orders ahead. Beyond the second,
// a fill counts as one of the others at once.
const (
	maxAhead   = 10_000
	maxWaiting = 1_000
)

// MBOResult is what came of a run.
type MBOResult struct {
	File        string
	Records     uint64
	Actions     ['Z']uint64
	Unknown     ['Z']uint64 // by action: records that name an order which the file has not added
	Instruments int
	Unchanged   uint64 // M that changes nothing

	// The fills of continuous trading: of the order whose turn it is; with orders ahead that change or leave within a
	// millisecond; all others.
	Fills, Head, Skipped, Other uint64
	Taker                       uint64 // F that name the incoming order itself: skipped
	Hidden                      uint64 // of the fills, those beyond what the order showed
	Auctions, AuctionFills      uint64
	AuctionHidden               uint64 // of the fills in auctions, those of orders that the book has not shown

	Levels int   // of the file of levels
	Rows   Count // its rows

	Events   uint64
	Problems Problems
	First    string // the first difference with its context, "" when there is none
}

// OpenMBO opens a file of orders, plain or gzip.
func OpenMBO(path string, o MBOOptions) (*MBO, error) {
	rows, err := openLines(path)
	if err != nil {
		return nil, err
	}
	var levels *lines
	if o.Book != "" {
		if levels, err = openLines(o.Book); err != nil {
			rows.close.Close()
			return nil, err
		}
	}
	m, err := newMBO(rows, levels, o)
	if err != nil {
		rows.close.Close()
		if levels != nil {
			levels.close.Close()
		}
		return nil, err
	}
	return m, nil
}

func newMBO(rows, levels *lines, o MBOOptions) (*MBO, error) {
	m := &MBO{
		market: newMarket(o.Sink), rows: rows, unlinked: o.Unlinked, fallback: symbolOf(rows.name),
		instruments: map[uint64]wire.InstrumentID{}, complete: map[wire.InstrumentID]bool{},
		latest: map[wire.InstrumentID]latest{}, due: map[Name]due{}, traded: map[wire.OrderID]wire.Qty{},
	}
	m.Result.File = filepath.Base(rows.name)
	if err := header(rows, &m.columns, true); err != nil {
		return nil, err
	}
	if levels == nil {
		return m, nil
	}
	var err error
	if m.levels, err = newLevelRows(levels); err != nil {
		return nil, err
	}
	m.Result.Levels = m.levels.depth
	return m, nil
}

// header reads a file's first line.
func header(l *lines, c *mboColumns, orders bool) error {
	if _, err := l.next(); err == io.EOF {
		return fmt.Errorf("%s is empty; expected a header", l.name)
	} else if err != nil {
		return err
	}
	if wrong := c.find(l.fields, orders); wrong != "" {
		return fmt.Errorf("%s: %s", l.where(), wrong)
	}
	return nil
}

// Close closes the files.
func (m *MBO) Close() {
	m.rows.close.Close()
	if m.levels != nil {
		m.levels.rows.close.Close()
	}
}

// Books returns the books as they are now. Instruments are numbered in the order in which the file has them.
func (m *MBO) Books() *mirror.Books { return m.market.Books() }

// Run reads the files to their ends. An error is one of reading or of the sink; what is wrong in the files is in Result.
func (m *MBO) Run(progress func(done uint64)) error {
	if err := m.read(progress); err != nil {
		m.settle()
		m.Result.Problems.ends(err)
		return err
	}
	return m.end()
}

// read reads the records to their end.
func (m *MBO) read(progress func(done uint64)) error {
	if m.levels != nil {
		if err := m.levels.next(&m.Result.Problems); err != nil && err != io.EOF {
			return err
		}
	}
	for {
		long, err := m.rows.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := m.take(long); err != nil {
			return err
		}
		if progress != nil && m.Result.Records%16384 == 0 {
			progress(m.Result.Records)
		}
	}
}

// settle carries out what waits for more records.
func (m *MBO) settle() {
	m.uncross()
	m.Result.Other += uint64(len(m.waiting))
	m.waiting = nil
	m.Result.Events, m.Result.Instruments = m.market.events, len(m.instruments)
}

// end settles, and counts the rows of levels that are left over.
func (m *MBO) end() error {
	m.settle()
	if m.Result.Records > 0 && len(m.instruments) == 0 {
		return fmt.Errorf("%w: no record of market by order was read from %s", errNoFeed, m.rows.name)
	}
	if m.market.err != nil || m.levels == nil {
		return m.market.err
	}
	return m.missing(func(mboKey) bool { return true })
}

// take carries the record at hand out and compares.
func (m *MBO) take(long bool) error {
	m.Result.Records++
	// Without a sequence two happenings may look the same; with one, no recording that we know has two rows alike.
	if m.rows.repeats() && m.columns.sequence >= 0 {
		m.problem("duplicate record", "the record before once more: %s", m.rows.short())
		return nil
	}
	wrong := "longer than a line may be"
	if !long {
		m.record, wrong = m.columns.record(m.rows.fields)
	}
	if wrong != "" {
		m.problem("bad row", "%s", wrong)
		return nil
	}
	r := &m.record
	_, known := m.instruments[r.instrument]
	in := m.instrument(r.instrument)
	if in == 0 {
		m.problem("too many instruments", "more than %d", MaxInstruments)
		return nil
	}
	if r.action == 'R' || !known && r.flags&mboSnapshot != 0 {
		m.complete[in] = true
	}
	m.Result.Actions[r.action]++
	if r.action != 'F' || r.side != 0 {
		m.uncross()
	}
	m.market.timeNs = r.timeNs
	m.expire(r.timeNs)
	m.carry(Name{in, r.order})
	m.follow(in)
	if m.market.err != nil || m.levels == nil {
		return m.market.err
	}
	return m.compare(in)
}

func (m *MBO) problem(kind, format string, args ...any) {
	m.Result.Problems.add(kind, m.rows.where(), format, args...)
}

// instrument returns the number of an instrument, which is defined at its first record; 0 where there are too many.
func (m *MBO) instrument(key uint64) wire.InstrumentID {
	id, ok := m.instruments[key]
	if ok || len(m.instruments) == MaxInstruments {
		return id
	}
	id = wire.InstrumentID(len(m.instruments) + 1)
	m.instruments[key] = id
	symbol := m.fallback
	if c := m.columns.symbol; c >= 0 {
		symbol = string(m.rows.fields[c])
	}
	t, valid := wire.ParseText(symbol)
	if !valid || symbol == "" {
		m.problem("bad symbol", "the symbol is %q", symbol)
		t = wire.MustText(fmt.Sprint("#", id))
	}
	m.market.define(id, t, mboDecimals)
	m.market.setPhase(id, wire.Continuous)
	return id
}

// follow holds the record at hand against the one before it. Those of a snapshot have the times and sequences of their orders.
func (m *MBO) follow(in wire.InstrumentID) {
	r, last := &m.record, m.latest[in]
	if r.action == 'R' {
		last.sequence = 0
	}
	if r.flags&mboSnapshot == 0 {
		if r.timeNs < last.timeNs-timeSlack {
			m.problem("time goes back", "ts_event is %d, behind %d", r.timeNs, last.timeNs)
		}
		last = latest{r.timeNs, max(r.sequence, last.sequence)}
	}
	m.latest[in] = last
}

// carry carries the record at hand out.
func (m *MBO) carry(name Name) {
	if m.record.flags&mboTopOfBook != 0 && m.record.action != 'R' {
		m.problem("no order", "a record of the best prices, not of an order")
		return
	}
	switch m.record.action {
	case 'A':
		m.add(name)
	case 'C':
		m.cancel(name)
	case 'M':
		m.modify(name)
	case 'R':
		m.market.clear(name.Instrument)
		maps.DeleteFunc(m.traded, func(id wire.OrderID, _ wire.Qty) bool {
			_, _, rests := m.Books().Order(id)
			return !rests
		})
		for n := range m.due {
			if n.Instrument == name.Instrument {
				delete(m.due, n)
			}
		}
	case 'T':
		m.taker = m.record
	case 'F':
		m.fill(name)
	}
}

func (m *MBO) add(name Name) {
	r := &m.record
	if o, ok := m.market.find(name); ok {
		m.problem("duplicate order", "order %d rests already, %d at %s", name.Number, o.Qty, e9(o.Price))
		return
	}
	// Some venues use a number again, but none goes back in its sequence.
	if last := m.latest[name.Instrument].sequence; m.market.over(name) && r.flags&mboSnapshot == 0 {
		if 0 < r.sequence && r.sequence <= last {
			m.problem("duplicate record", "order %d, which is gone already, is added with sequence %d behind %d",
				name.Number, r.sequence, last)
			return
		}
		m.problem("unknown order", "order %d, which is gone already, is added: it is taken as a new one", name.Number)
	}
	m.enter(name, r.side, r.price, r.size)
}

func (m *MBO) enter(name Name, side wire.Side, price wire.Price, size wire.Qty) {
	if !m.market.fits(name.Instrument, side, size) {
		m.problem("too large", "%d would pass what one side can hold", size)
		return
	}
	if _, used := m.due[name]; used {
		id := m.market.enter(name.Instrument, side, price, size)
		m.market.rename(id, name)
		return
	}
	m.market.enterAs(name, side, price, size)
}

// cancel takes lots off an order: those of a fill, which have traded already, or others.
func (m *MBO) cancel(name Name) {
	size := m.record.size
	o, rests := m.market.find(name)
	d, confirms := m.due[name]
	if confirms {
		delete(m.due, name)
		m.touch(d.order)
		if size -= d.qty; size <= 0 {
			if size < 0 {
				m.problem("contradiction", "order %d has traded %d, of which %d leave", name.Number, d.qty, m.record.size)
			}
			return
		}
	}
	if !rests {
		if confirms {
			m.problem("contradiction", "%d of order %d leave, which showed %d", m.record.size, name.Number, d.qty)
			return
		}
		m.Result.Unknown['C']++
		switch {
		case m.market.ended.has(name):
			m.problem("unknown order", "%d of order %d leave, which is gone already", size, name.Number)
		case m.complete[name.Instrument]:
			m.problem("unknown order", "%d of order %d leave, which has not been added", size, name.Number)
		}
		return
	}
	m.touch(o.Order)
	delete(m.traded, o.Order)
	if size > o.Qty {
		m.problem("contradiction", "%d of order %d leave, where %d rest", size, name.Number, o.Qty)
	}
	m.market.reduce(name.Instrument, o, size)
}

// modify changes an order: less at the same price keeps its place, anything else does not.
func (m *MBO) modify(name Name) {
	r := &m.record
	o, rests := m.market.find(name)
	d, confirms := m.due[name]
	switch {
	case !rests && !confirms: // its first mention, or the file has lost its beginning: it says all that there is to know
		m.Result.Unknown['M']++
		if m.market.ended.has(name) {
			m.problem("unknown order", "order %d, which is gone already, is modified: it is taken as a new one", name.Number)
		}
		m.enter(name, r.side, r.price, r.size)
		return
	case rests && o.Side != r.side:
		m.problem("contradiction", "order %d is a %s, and is modified as a %s", name.Number, o.Side, r.side)
		return
	case !rests: // it has traded all that it showed, and shows more
		m.touch(d.order)
		m.enter(name, r.side, r.price, r.size)
		delete(m.due, name)
		return
	}
	m.touch(o.Order)
	delete(m.due, name)
	delete(m.traded, o.Order)
	switch {
	case r.price == o.Price && r.size == o.Qty:
		if !confirms {
			m.Result.Unchanged++
		}
	case r.price == o.Price && r.size < o.Qty:
		m.market.reduce(name.Instrument, o, o.Qty-r.size)
	case r.size > o.Qty && !m.market.fits(name.Instrument, o.Side, r.size-o.Qty):
		m.problem("too large", "%d would pass what one side can hold", r.size)
	default:
		m.market.move(name.Instrument, o, r.price, r.size)
	}
}

// OK reports whether nothing differs.
func (r *MBOResult) OK() bool { return r.First == "" }

// Report writes the result as a short table.
func (r *MBOResult) Report(w io.Writer, took time.Duration) {
	fmt.Fprintf(w, "%s, market by order\n", r.File)
	line(w, "records", "%s (%s)", group(r.Records), actions(&r.Actions))
	line(w, "instruments", "%s", group(uint64(r.Instruments)))
	line(w, "events", "%s", group(r.Events))
	line(w, "unknown", "orders that the file has not added: %s", actions(&r.Unknown))
	line(w, "fills", "%s: %s at the head of the queue, %s skip orders that leave within 1 ms, %s others; %s beyond what was shown",
		group(r.Fills), group(r.Head), group(r.Skipped), group(r.Other), group(r.Hidden))
	line(w, "", "%s more of the incoming order itself, skipped", group(r.Taker))
	line(w, "auctions", "%s with %s fills, %s of them of orders that were not shown", group(r.Auctions), group(r.AuctionFills), group(r.AuctionHidden))
	if r.Levels > 0 {
		line(w, "book rows", "%s of %s equal, %d levels", group(r.Rows.Equal), group(r.Rows.Total), r.Levels)
	} else {
		line(w, "book rows", "none compared")
	}
	r.Problems.report(w)
	finish(w, r.Records, took, r.First)
}

// actions writes counts by action.
func actions(counts *['Z']uint64) string {
	var ks []Kind
	for _, a := range "ACMTFRN" {
		ks = append(ks, Kind{string(a), counts[a]})
	}
	return kinds(ks)
}

// e9 writes a price of 10⁻⁹.
func e9(p wire.Price) string { return decimal(p, mboDecimals) }

// errNoLevels is the error of a file of levels without any.
var errNoLevels = errors.New("the header has no levels: bid_px_00, bid_sz_00, ask_px_00, ask_sz_00 …")
