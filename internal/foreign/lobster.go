package foreign

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/mirror"
)

// The types of LOBSTER's messages.
const (
	lobNew       = 1
	lobReduce    = 2 // partial cancel
	lobDelete    = 3
	lobExecution = 4 // of a visible order
	lobHidden    = 5 // execution of a hidden order
	lobCross     = 6 // cross trade
	lobHalt      = 7
)

// lobsterTypes are the types with the names that reports use.
var lobsterTypes = [...]string{
	lobNew: "new", lobReduce: "partial cancel", lobDelete: "delete", lobExecution: "execution",
	lobHidden: "hidden execution", lobCross: "cross", lobHalt: "halt",
}

// lobsterMessage is one row of a message file.
type lobsterMessage struct {
	timeNs    int64 // after midnight
	typ       int
	order     uint64
	size      wire.Qty
	price     wire.Price // dollars × 10,000
	direction int64      // of the resting order: 1 buy, -1 sell
}

// side returns the side of the resting order.
func (m *lobsterMessage) side() wire.Side {
	if m.direction == 1 {
		return wire.Buy
	}
	return wire.Sell
}

// parse reads the row at hand; an empty text says that it is good. A seventh column, which newer files have, is not read.
func (m *lobsterMessage) parse(f [][]byte) string {
	if len(f) != 6 && len(f) != 7 {
		return fmt.Sprintf("%d columns, expected 6 or 7", len(f))
	}
	var ok [6]bool
	var typ, order, size, price int64
	m.timeNs, ok[0] = seconds(f[0])
	typ, ok[1] = integer(f[1])
	order, ok[2] = integer(f[2])
	size, ok[3] = integer(f[3])
	price, ok[4] = integer(f[4])
	m.direction, ok[5] = integer(f[5])
	for i, good := range ok {
		if !good {
			return fmt.Sprintf("column %d is %q, not a number", i+1, f[i])
		}
	}
	m.typ, m.order, m.size, m.price = int(typ), uint64(order), wire.Qty(size), wire.Price(price)
	switch {
	case typ < lobNew || typ > lobHalt:
		return fmt.Sprintf("type is %d, expected 1 to 7", typ)
	case m.timeNs < 0:
		return "the time is negative"
	case m.direction != 1 && m.direction != -1:
		return fmt.Sprintf("direction is %d, expected 1 or -1", m.direction)
	case typ <= lobExecution && (order < 0 || size <= 0 || size > MaxQty || price <= 0):
		return fmt.Sprintf("order %d, size %d at price %d", order, size, price)
	}
	return ""
}

// Lobster is a run over one day of LOBSTER's files.
type Lobster struct {
	Result LobsterResult

	market   *Market
	messages *lines
	rows     *lines
	window   window
	clock    clock
	levels   int                    // of the files, a side
	recent   [contextRows]recentRow // a ring, by line number
}

// LobsterResult is what came of a run.
type LobsterResult struct {
	Symbol   string
	Levels   int
	Messages uint64
	Types    [len(lobsterTypes)]uint64
	Rows     Count  // book rows behind the first one, which the book starts from
	Taken    uint64 // levels uncovered at the edge of the window, taken from the row
	Left     uint64 // levels that left the window

	// The visible executions: at the best price and the head of its queue; of an order that is not known by its number, which
	// rested before the file begins or outside the window, at the best price; all others.
	Head, Older, Exceptions uint64

	Events   uint64
	Problems Problems
	First    string // the first difference with its context, "" when there is none
}

// contextRows is how many messages before a difference are shown.
const contextRows = 4

const lobsterInstrument wire.InstrumentID = 1

// OpenLobster opens a message file and the orderbook file that belongs to it, plain or gzip. The number of levels is that of
// the orderbook's columns. sink, where given, takes the events.
func OpenLobster(messages, orderbook string, sink Sink) (*Lobster, error) {
	m, err := openLines(messages)
	if err != nil {
		return nil, err
	}
	b, err := openLines(orderbook)
	if err != nil {
		m.close.Close()
		return nil, err
	}
	l := newLobster(m, b, sink)
	l.Result.Symbol = symbolOf(messages)
	return l, nil
}

func newLobster(messages, rows *lines, sink Sink) *Lobster {
	l := &Lobster{market: newMarket(sink), messages: messages, rows: rows}
	l.window.market = l.market
	l.window.pools = map[place]wire.OrderID{}
	return l
}

// symbolOf returns the beginning of a file's name, up to the first character that no symbol has.
func symbolOf(path string) string {
	name := filepath.Base(path)
	if i := strings.IndexAny(name, "_ "); i > 0 {
		name = name[:i]
	}
	name, _, _ = strings.Cut(name, ".csv")
	if _, ok := wire.ParseText(name); !ok || name == "" {
		return "UNKNOWN"
	}
	return name
}

// Close closes the files.
func (l *Lobster) Close() {
	l.messages.close.Close()
	l.rows.close.Close()
}

// Books returns the books as they are now.
func (l *Lobster) Books() *mirror.Books { return l.market.Books() }

// Run reads both files to their ends. An error is one of reading or of the sink; what is wrong in the files is in Result.
func (l *Lobster) Run(progress func(done uint64)) error {
	err := l.read(progress)
	l.Result.Events = l.market.events
	l.Result.Problems.ends(err)
	return err
}

// read reads both files to their ends.
func (l *Lobster) read(progress func(done uint64)) error {
	l.market.define(lobsterInstrument, symbolText(l.Result.Symbol), 4)
	l.market.setPhase(lobsterInstrument, wire.Continuous)
	for {
		more, err := l.step()
		if err != nil {
			return err
		}
		if !more {
			break
		}
		if progress != nil && l.Result.Messages%4096 == 0 {
			progress(l.Result.Messages)
		}
	}
	if l.Result.Messages > 0 && !l.window.started {
		l.differ("%s has no row to start from", l.rows.name)
	}
	return nil
}

// step takes one message and the row behind it.
func (l *Lobster) step() (more bool, err error) {
	long, err := l.messages.next()
	if err != nil && err != io.EOF {
		return false, err
	}
	ends := err == io.EOF
	if !ends {
		l.note()
	}
	var row bookRow
	longRow, err := l.rows.next()
	switch {
	case err == io.EOF && ends && l.messages.n == 0:
		return false, fmt.Errorf("%w: %s and %s are empty", errNoFeed, l.messages.name, l.rows.name)
	case err == io.EOF && ends:
		return false, nil
	case err == io.EOF:
		l.differ("%s ends before %s does", l.rows.name, l.messages.name)
		return false, nil
	case err != nil:
		return false, err
	case ends:
		l.differ("%s ends before %s does", l.messages.name, l.rows.name)
		return false, nil
	}
	if l.Result.Messages == 0 {
		if err := l.recognize(); err != nil {
			return false, err
		}
	}
	l.Result.Messages++
	wrong := row.parse(l.rows.fields, &l.levels, longRow)
	if wrong != "" {
		l.Result.Problems.add("bad row", l.rows.where(), "%s", wrong)
	}
	l.message(long)
	if wrong == "" {
		l.compare(&row)
	}
	return true, l.market.err
}

// recognize looks at the first line of both files, so that files that were swapped, or are something else, give one error and
// not two for each line.
func (l *Lobster) recognize() error {
	messages, rows := len(l.messages.fields), len(l.rows.fields)
	switch {
	case messages%4 == 0 && (rows == 6 || rows == 7):
		return fmt.Errorf("%w: the files are swapped: %s has the %d columns of an orderbook, and %s the %d of messages",
			errNoFeed, l.messages.name, messages, l.rows.name, rows)
	case rows%4 != 0:
		return fmt.Errorf("%w: %s is no orderbook: %d columns, expected four for each level", errNoFeed, l.rows.where(), rows)
	}
	return nil
}

// recentRow is a message that may become the context of a difference.
type recentRow struct {
	line int
	text []byte
}

// note keeps the message at hand for the context of a difference.
func (l *Lobster) note() {
	r := &l.recent[l.messages.n%contextRows]
	r.line = l.messages.n
	r.text = append(r.text[:0], l.messages.text[:min(len(l.messages.text), 100)]...)
}

// message reads the message at hand and carries it out, unless it is in the row that the book is to start from already: the
// first one, as a rule.
func (l *Lobster) message(long bool) {
	var m lobsterMessage
	wrong := "longer than a line may be"
	if !long {
		wrong = m.parse(l.messages.fields)
	}
	if wrong != "" {
		l.problem("bad row", "%s", wrong)
		return
	}
	if kind, text := l.clock.judge(m.timeNs); kind != "" {
		l.problem(kind, "%s", text)
	}
	l.market.timeNs = m.timeNs
	l.Result.Types[m.typ]++
	if !l.window.started {
		if m.typ == lobExecution {
			l.Result.Older++
		}
		return
	}
	switch m.typ {
	case lobHalt:
		l.halt(&m)
	case lobCross:
		if m.size > 0 && m.price > 0 {
			l.market.announce(lobsterInstrument, m.price, m.size)
		}
	case lobNew:
		l.enter(&m)
	case lobReduce, lobDelete, lobExecution:
		l.change(&m)
	}
}

// problem notes what is wrong with the message at hand.
func (l *Lobster) problem(kind, format string, args ...any) {
	l.Result.Problems.add(kind, l.messages.where(), format, args...)
}

// halt tells the phase that a message of type 7 stands for.
func (l *Lobster) halt(m *lobsterMessage) {
	switch m.price {
	case -1:
		l.market.setPhase(lobsterInstrument, wire.Halted)
	case 0: // quoting: orders rest, nothing trades
		l.market.setPhase(lobsterInstrument, wire.Auction)
	case 1:
		l.market.setPhase(lobsterInstrument, wire.Continuous)
	default:
		l.problem("bad row", "a halt with price %d, expected -1, 0 or 1", m.price)
	}
}

func (l *Lobster) enter(m *lobsterMessage) {
	name := Name{lobsterInstrument, m.order}
	if r, ok := l.market.find(name); ok {
		l.problem("duplicate order", "order %d rests already, %d at %d", m.order, r.Qty, r.Price)
		return
	}
	if l.market.over(name) {
		l.problem("duplicate order", "order %d, which is gone already, is new", m.order)
		return
	}
	if !l.market.fits(lobsterInstrument, m.side(), m.size) {
		l.problem("too large", "%d would pass what one side can hold", m.size)
		return
	}
	l.market.enterAs(name, m.side(), m.price, m.size)
}

// change carries a cancel or an execution out.
func (l *Lobster) change(m *lobsterMessage) {
	name := Name{lobsterInstrument, m.order}
	r, known := l.market.find(name)
	if !known && l.market.over(name) {
		l.problem("unknown order", "order %d, which is gone already", m.order)
		return
	}
	if known && (r.Side != m.side() || r.Price != m.price) {
		l.problem("contradiction", "order %d is a %s at %d", m.order, r.Side, r.Price)
		return
	}
	if m.typ == lobExecution {
		l.priority(m, r, known)
	}
	if !known {
		pool, ok := l.window.pool(m.side(), m.price)
		if !ok {
			l.problem("unknown order", "order %d, and nothing of unknown orders rests at %d", m.order, m.price)
			return
		}
		r = pool
	}
	switch {
	case m.size > r.Qty:
		l.problem("contradiction", "%d of order %d, where %d rest", m.size, m.order, r.Qty)
	case known && m.typ == lobDelete && m.size != r.Qty:
		l.problem("contradiction", "order %d is deleted with %d, and has %d", m.order, m.size, r.Qty)
		m.size = r.Qty
	}
	if m.typ == lobExecution {
		l.market.execute(lobsterInstrument, r, m.price, m.size)
	} else {
		l.market.reduce(lobsterInstrument, r, m.size)
	}
}

// priority judges whether an execution hits the order whose turn it is.
func (l *Lobster) priority(m *lobsterMessage, r mirror.Resting, known bool) {
	k := l.Books().Book(lobsterInstrument)
	first, some := k.First(m.side())
	switch best := some && first.Price == m.price; {
	case best && known && first.Order == r.Order:
		l.Result.Head++
	case best && !known:
		l.Result.Older++
	default:
		l.Result.Exceptions++
	}
}

// compare holds the book against the row behind the message.
func (l *Lobster) compare(row *bookRow) {
	w := &l.window
	if !w.started {
		w.started = true
		l.Result.Levels = l.levels
		w.load(wire.Buy, row.side(wire.Buy))
		w.load(wire.Sell, row.side(wire.Sell))
		w.watch(l.levels)
		return
	}
	equal := true
	for _, side := range [2]wire.Side{wire.Sell, wire.Buy} {
		want := row.side(side)
		l.Result.Left += w.trim(side, l.levels)
		if w.uncovered(side, want, l.levels) {
			l.Result.Taken++
		}
		if !w.equal(side, want) {
			if equal {
				l.differ("the %s side of the book is\n        %s\n      and in %s\n        %s",
					side, steps(w.levels), l.rows.where(), steps(want))
			}
			equal = false
			w.load(side, want) // go on from what the file says
		}
	}
	l.Result.Rows.add(equal)
	w.watch(l.levels)
}

// steps writes levels as price×size, the best first.
func steps(levels []mirror.Level) string {
	if len(levels) == 0 {
		return "empty"
	}
	parts := make([]string, len(levels))
	for i, level := range levels {
		parts[i] = fmt.Sprintf("%s×%d", decimal(level.Price, 4), level.Qty)
	}
	return strings.Join(parts, ", ")
}

// differ keeps the first difference with the messages before it.
func (l *Lobster) differ(format string, args ...any) {
	if l.Result.First != "" {
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, format+"\n      the messages up to there, in %s", append(args, l.messages.name)...)
	for i := range contextRows {
		if r := l.recent[(l.messages.n+1+i)%contextRows]; r.line > 0 {
			fmt.Fprintf(&b, "\n        line %d: %s", r.line, r.text)
		}
	}
	l.Result.First = b.String()
}

// OK reports whether nothing differs.
func (r *LobsterResult) OK() bool { return r.First == "" }

// Report writes the result as a short table, and nothing where nothing was read.
func (r *LobsterResult) Report(w io.Writer, took time.Duration) {
	if r.Messages == 0 && r.Problems.Total() == 0 && r.OK() {
		return
	}
	fmt.Fprintf(w, "%s of LOBSTER, %d levels\n", r.Symbol, r.Levels)
	var types []Kind
	for t := lobNew; t <= lobHalt; t++ {
		types = append(types, Kind{lobsterTypes[t], r.Types[t]})
	}
	line(w, "messages", "%s (%s)", group(r.Messages), kinds(types))
	line(w, "events", "%s", group(r.Events))
	line(w, "book rows", "%s of %s equal; %s levels at the edge taken from the file, %s left the window",
		group(r.Rows.Equal), group(r.Rows.Total), group(r.Taken), group(r.Left))
	line(w, "executions", "%s at the head of the best price's queue, %s of orders older than the file there, %s exceptions",
		group(r.Head), group(r.Older), group(r.Exceptions))
	r.Problems.report(w)
	finish(w, r.Messages, took, r.First)
}

// finish writes the end of a report.
func finish(w io.Writer, messages uint64, took time.Duration, first string) {
	rate := uint64(0)
	if took > 0 {
		rate = uint64(float64(messages) / took.Seconds())
	}
	line(w, "time", "%v, %s messages/s with reading and checking", took.Round(time.Millisecond), group(rate))
	if first == "" {
		first = "none"
	} else {
		first = "the first one: " + first
	}
	line(w, "difference", "%s", first)
}

// symbolText returns a symbol as text of the events.
func symbolText(symbol string) wire.Text {
	t, ok := wire.ParseText(symbol)
	if !ok {
		return wire.MustText("UNKNOWN")
	}
	return t
}
