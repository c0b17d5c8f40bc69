package foreign

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/mirror"
)

// itchForm is the length of a message of ITCH 5.0 and what reports call it.
type itchForm struct {
	length int
	name   string
}

// itchForms are the message types of ITCH 5.0.
var itchForms = [256]itchForm{
	'S': {12, "system event"},
	'R': {39, "stock directory"},
	'H': {25, "trading action"},
	'Y': {20, "short sale restriction"},
	'L': {26, "participant position"},
	'V': {35, "circuit breaker levels"},
	'W': {12, "circuit breaker status"},
	'K': {28, "IPO quoting period"},
	'J': {35, "auction collar"},
	'h': {21, "operational halt"},
	'A': {36, "add"},
	'F': {40, "add with attribution"},
	'E': {31, "execution"},
	'C': {36, "execution with price"},
	'X': {23, "cancel"},
	'D': {19, "delete"},
	'U': {35, "replace"},
	'P': {44, "hidden trade"},
	'Q': {40, "cross"},
	'B': {19, "broken trade"},
	'I': {50, "imbalance"},
	'N': {20, "retail interest"},
	'O': {48, "direct listing"},
}

// MaxInstruments is how many instruments a file may have.
const MaxInstruments = 65_536

// ITCH is a run over a file of ITCH 5.0: messages behind a two-byte length each.
type ITCH struct {
	Result ITCHResult

	market  *Market
	name    string
	r       *bufio.Reader
	close   io.Closer
	offset  int64 // in bytes, of the message at hand's length
	buf     []byte
	message []byte                   // the message at hand
	before  []byte                   // the message before it
	known   uint64                   // messages that have a type of ITCH and its length
	matches recent[uint64, struct{}] // the match numbers of executions
	clock   clock
	only    map[string]bool
	stocks  [MaxInstruments]stock // by locate code
	started bool                  // the file begins with the day: every order in it is known
}

// stock is what is known of a locate code.
type stock struct {
	symbol  string
	skipped bool // not among those that were asked for
	defined bool
}

// ITCHResult is what came of a run.
type ITCHResult struct {
	File        string
	Messages    uint64
	Bytes       uint64
	Types       [256]uint64
	Instruments int
	Skipped     uint64      // messages of symbols that were not asked for
	Unknown     [256]uint64 // by type: messages that name an order which the file has not added

	Executions Count  // of known orders in continuous trading; equal: at the best price and the head of its queue
	Crossing   uint64 // executions that are part of a cross, or in another phase: the queue does not decide
	States     uint64 // messages behind which a book was looked at
	Crossed    uint64 // of them, those with the book locked or crossed in continuous trading

	Events   uint64
	Problems Problems
	First    string // the first difference with its context, "" when there is none
}

// OpenITCH opens a file, plain or gzip. Where symbols are given, the messages of all others are skipped. sink, where given,
// takes the events.
func OpenITCH(path string, symbols []string, sink Sink) (*ITCH, error) {
	r, c, err := open(path)
	if err != nil {
		return nil, err
	}
	x := newITCH(path, r, symbols, sink)
	x.close = c
	return x, nil
}

func newITCH(name string, r *bufio.Reader, symbols []string, sink Sink) *ITCH {
	x := &ITCH{market: newMarket(sink), name: name, r: r, buf: make([]byte, 1<<16)}
	x.Result.File = filepath.Base(name)
	if len(symbols) > 0 {
		x.only = map[string]bool{}
		for _, s := range symbols {
			x.only[s] = true
		}
	}
	return x
}

// Close closes the file.
func (x *ITCH) Close() { x.close.Close() }

// Books returns the books as they are now. The instrument's number is the stock locate code, 65,536 for code 0.
func (x *ITCH) Books() *mirror.Books { return x.market.Books() }

// Run reads the file to its end. An error is one of reading or of the sink; what is wrong in the file is in Result.
func (x *ITCH) Run(progress func(done uint64)) error {
	err := x.readAll(progress)
	x.Result.Bytes, x.Result.Events = uint64(x.offset), x.market.events
	x.Result.Instruments = len(x.Books().Instruments())
	x.Result.Problems.ends(err)
	if errors.Is(err, errDamaged) && x.known == 0 && x.offset > 0 { // what is no feed looks like one that is damaged
		return fmt.Errorf("%w: %w", x.found(), err)
	}
	if err != nil {
		return err
	}
	return x.found()
}

// readAll reads the messages to their end.
func (x *ITCH) readAll(progress func(done uint64)) error {
	for {
		at := x.offset
		more, err := x.read()
		if err != nil {
			return fmt.Errorf("%s message %d at byte %d: %w", x.name, x.Result.Messages+1, at, err)
		}
		if !more {
			return nil
		}
		x.take()
		if x.market.err != nil {
			return x.market.err
		}
		if progress != nil && x.Result.Messages%65536 == 0 {
			progress(x.Result.Messages)
		}
	}
}

// found returns an error where the file is none of ITCH, or has nothing of a symbol that was asked for.
func (x *ITCH) found() error {
	switch {
	case x.offset == 0:
		return fmt.Errorf("%w: %s is empty", errNoFeed, x.name)
	case x.known == 0:
		return fmt.Errorf("%w: no message of ITCH 5.0 was read from %s", errNoFeed, x.name)
	}
	for _, symbol := range slices.Sorted(maps.Keys(x.only)) {
		if !slices.ContainsFunc(x.stocks[:], func(s stock) bool { return s.defined && s.symbol == symbol }) {
			return fmt.Errorf("%w: no instrument %s in %s", errNoFeed, symbol, x.name)
		}
	}
	return nil
}

// read reads the next message. It returns false at the end, which may be marked by a length of 0.
func (x *ITCH) read() (bool, error) {
	var head [2]byte
	if n, err := io.ReadFull(x.r, head[:]); err == io.EOF {
		return false, nil
	} else if errors.Is(err, io.ErrUnexpectedEOF) {
		return false, x.cut(n)
	} else if err != nil {
		return false, err
	}
	length := int(binary.BigEndian.Uint16(head[:]))
	if length == 0 {
		x.offset += 2
		return false, x.behind()
	}
	x.message = x.buf[:length]
	if n, err := io.ReadFull(x.r, x.message); errors.Is(err, io.ErrUnexpectedEOF) || err == io.EOF {
		return false, x.cut(n + 2)
	} else if err != nil {
		return false, err
	}
	x.Result.Messages++
	return true, nil
}

// cut returns the error of a file that ends within a message.
func (x *ITCH) cut(n int) error {
	x.offset += int64(n)
	return fmt.Errorf("the file is %w: it ends %d bytes into the message", errDamaged, n)
}

// behind reads what is behind the mark of the end. Padding is a problem; anything else says that the mark is none, and how much
// of the feed is behind it nobody knows.
func (x *ITCH) behind() error {
	var rest padding
	_, err := io.Copy(&rest, x.r)
	at := x.offset
	x.offset += rest.n
	switch {
	case err != nil:
		return err
	case rest.other:
		return fmt.Errorf("the file is %w: there are %d bytes behind the mark of the end", errDamaged, rest.n)
	case rest.n > 0:
		where := fmt.Sprintf("%s byte %d", x.name, at)
		x.Result.Problems.add("bytes behind the end", where, "%d bytes of 0 behind the mark of the end", rest.n)
	}
	return nil
}

// padding counts what is written to it, and notes whether all of it is 0.
type padding struct {
	n     int64
	other bool
}

func (p *padding) Write(b []byte) (int, error) {
	p.n += int64(len(b))
	p.other = p.other || bytes.Count(b, []byte{0}) < len(b)
	return len(b), nil
}

// where names the message at hand.
func (x *ITCH) where() string {
	return fmt.Sprintf("%s message %d at byte %d", x.name, x.Result.Messages, x.offset)
}

func (x *ITCH) problem(kind, format string, args ...any) {
	x.Result.Problems.add(kind, x.where(), format, args...)
}

// take carries the message at hand out and looks at the book that it has changed.
func (x *ITCH) take() {
	m := x.message
	x.Result.Types[m[0]]++
	switch form := itchForms[m[0]]; {
	case form.length == 0:
		x.problem("unknown type", "a message of type %q, %d bytes", m[0], len(m))
	case len(m) != form.length:
		x.problem("wrong length", "a message of type %c (%s) of %d bytes, expected %d", m[0], form.name, len(m), form.length)
	case bytes.Equal(m, x.before):
		x.problem("duplicate message", "the message before once more, a %c (%s)", m[0], form.name)
	default:
		x.known++
		x.market.timeNs = int64(x.number(5, 6))
		if kind, text := x.clock.judge(x.market.timeNs); kind != "" {
			x.problem(kind, "%s", text)
		}
		x.dispatch()
	}
	x.before = append(x.before[:0], m...)
	x.offset += int64(len(m)) + 2
}

// number reads a big-endian number of n bytes of the message at hand.
func (x *ITCH) number(at, n int) (v uint64) {
	for _, b := range x.message[at : at+n] {
		v = v<<8 | uint64(b)
	}
	return v
}

// locate returns the stock locate code of the message at hand.
func (x *ITCH) locate() int { return int(x.number(1, 2)) }

// text reads a symbol of the message at hand.
func (x *ITCH) text(at int) string { return strings.TrimRight(string(x.message[at:at+8]), " ") }

// instrument returns the number of the instrument of a locate code, or 0 where its messages are skipped. An instrument that
// is not in the directory is defined at the first message that names its symbol. symbolAt is where that is, 0 where it is not.
func (x *ITCH) instrument(symbolAt int, phase wire.Phase) wire.InstrumentID {
	locate := x.locate()
	s := &x.stocks[locate]
	id := wire.InstrumentID(locate)
	if id == 0 {
		id = MaxInstruments
	}
	if symbolAt == 0 {
		if !s.defined {
			return 0
		}
		return id
	}
	symbol := x.text(symbolAt)
	switch {
	case s.symbol != "" && s.symbol != symbol:
		x.problem("contradiction", "stock locate %d is %s, and now %s", locate, s.symbol, symbol)
		return 0
	case s.skipped:
		return 0
	case s.defined:
		return id
	}
	s.symbol = symbol
	if s.skipped = x.only != nil && !x.only[symbol]; s.skipped {
		return 0
	}
	t, ok := wire.ParseText(symbol)
	if !ok || symbol == "" {
		x.problem("bad symbol", "stock locate %d has the symbol %q", locate, symbol)
		t = wire.MustText(fmt.Sprint("#", locate))
	}
	s.defined = true
	x.market.define(id, t, 4)
	x.market.setPhase(id, phase)
	return id
}

// OK reports whether nothing differs.
func (r *ITCHResult) OK() bool { return r.First == "" }

// Report writes the result as a short table, and nothing where nothing was read.
func (r *ITCHResult) Report(w io.Writer, took time.Duration) {
	if r.Messages == 0 && r.Problems.Total() == 0 {
		return
	}
	fmt.Fprintf(w, "%s, ITCH 5.0\n", r.File)
	line(w, "messages", "%s in %s bytes (%s)", group(r.Messages), group(r.Bytes), r.types(&r.Types))
	line(w, "instruments", "%s; %s messages of others skipped", group(uint64(r.Instruments)), group(r.Skipped))
	line(w, "events", "%s", group(r.Events))
	line(w, "unknown", "orders that the file has not added: %s", r.types(&r.Unknown))
	line(w, "executions", "%s of %s at the head of the best price's queue; %s more in crosses or outside continuous trading",
		group(r.Executions.Equal), group(r.Executions.Total), group(r.Crossing))
	line(w, "books", "locked or crossed in %s of %s states", group(r.Crossed), group(r.States))
	r.Problems.report(w)
	finish(w, r.Messages, took, r.First)
}

// types writes counts by type.
func (r *ITCHResult) types(counts *[256]uint64) string {
	var ks []Kind
	for t, n := range counts {
		if n > 0 && itchForms[t].length > 0 {
			ks = append(ks, Kind{string(rune(t)), n})
		}
	}
	return kinds(ks)
}
