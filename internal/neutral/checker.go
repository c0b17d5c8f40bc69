package neutral

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"uncross/book"
)

// Outcome is what a driver made of one command. A driver fills it anew for every command; Trades may be reused.
type Outcome struct {
	Trades  []Trade
	Refused string // why the command had no effect; "" when it had its effect
	Left    int64  // Cancel: the quantity that left the book
	Price   int64  // Uncross: the price, 0 when nothing crossed
	Volume  int64  // Uncross: the volume
}

// Depth gives the best levels of a driver's book, best first, for comparison with snapshots.
type Depth interface {
	Levels(side book.Side, depth int, dst []book.Level) []book.Level
}

// Count is how many there were and how many of them came out equal.
type Count struct{ Equal, Total uint64 }

func (c *Count) add(ok bool) {
	c.Total++
	if ok {
		c.Equal++
	}
}

// Result is how a run compares with the exchange.
type Result struct {
	Commands  uint64
	Kinds     map[Kind]uint64
	Trades    Count // Total: the exchange's trades
	Extra     uint64
	Cancels   Count
	Auctions  Count
	Refused   uint64
	Snapshots SnapshotCounts

	// First is the first difference with its context, "" when there is none.
	First string
}

// SnapshotCounts compares with the exchange's snapshots.
type SnapshotCounts struct {
	Present bool
	InFile  uint64
	Counted uint64 // in continuous trading once something has traded, whether they name a command or not
	Unnamed uint64 // of the counted, those that name no command: they equal the book at no command's end
	Equal   uint64 // of the counted
	Others  Count  // those outside the count that name a command
}

// OK reports whether nothing differs. A snapshot that names no command is no difference: the set says that it has none.
func (r *Result) OK() bool { return r.First == "" }

// contextRows is how many commands before a difference, and trades of each side of it, are shown.
const contextRows = 4

// Checker compares the outcome of each command with the exchange's own result, in the order of commands.
type Checker struct {
	trades *Trades
	next   Trade // the next expected trade
	more   bool  // next holds one
	want   []Trade

	snaps    *Snapshots
	snap     Snapshot
	moreSnap bool
	levels   []book.Level

	made   uint64 // trades made by the driver so far
	recent [contextRows]Command
	result Result
}

// NewChecker opens the trades of a set, and its snapshots where it has them and they are wanted.
func NewChecker(prefix string, snapshots bool) (*Checker, error) {
	trades, err := OpenTrades(prefix)
	if err != nil {
		return nil, err
	}
	c := &Checker{trades: trades, result: Result{Kinds: map[Kind]uint64{}}}
	if err := c.pullTrade(); err != nil {
		c.Close()
		return nil, err
	}
	if !snapshots {
		return c, nil
	}
	c.snaps, err = OpenSnapshots(prefix)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	c.result.Snapshots.Present = true
	if err := c.pullSnapshot(); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Close closes the files.
func (k *Checker) Close() {
	k.trades.Close()
	if k.snaps != nil {
		k.snaps.Close()
	}
}

// Check compares the outcome of command c; depth may be nil when snapshots are not compared. The error is that of a
// file, never a difference: differences are in the Result.
func (k *Checker) Check(c *Command, out *Outcome, depth Depth) error {
	r := &k.result
	r.Commands++
	r.Kinds[c.Kind]++
	if err := k.expected(c.N); err != nil {
		return err
	}
	if out.Refused != "" {
		r.Refused++
		k.differ(c, out, "refused: %s", out.Refused)
	}
	k.checkTrades(c, out)
	switch c.Kind {
	case Cancel:
		ok := out.Refused == "" && out.Left == c.Qty
		r.Cancels.add(ok)
		if !ok {
			k.differ(c, out, "cancel leaves %d, the exchange says %d", out.Left, c.Qty)
		}
	case Uncross:
		ok := out.Volume == c.Qty && (c.Qty == 0 || out.Price == c.Price)
		r.Auctions.add(ok)
		if !ok {
			k.differ(c, out, "auction at price %d with volume %d, the exchange says price %d with volume %d", out.Price, out.Volume, c.Price, c.Qty)
		}
	}
	k.made += uint64(len(out.Trades))
	if err := k.checkSnapshots(c, out, depth); err != nil {
		return err
	}
	copy(k.recent[:], k.recent[1:])
	k.recent[contextRows-1] = *c
	return nil
}

// Finish ends the comparison after the last command: what the exchange has beyond it is a difference.
func (k *Checker) Finish() (Result, error) {
	for k.more {
		k.result.Trades.Total++
		if k.result.First == "" {
			k.result.First = fmt.Sprintf("the exchange has a trade of a command that the file does not have: %v", k.next)
		}
		if err := k.pullTrade(); err != nil {
			return k.result, err
		}
	}
	for k.moreSnap {
		k.countSnapshot(false)
		if k.snap.N != 0 && k.result.First == "" {
			k.result.First = fmt.Sprintf("snapshot of line %d names command %d, which the file does not have", k.snap.LineNum, k.snap.N)
		}
		if err := k.pullSnapshot(); err != nil {
			return k.result, err
		}
	}
	return k.result, nil
}

// expected gathers the exchange's trades of command n.
func (k *Checker) expected(n uint64) error {
	k.want = k.want[:0]
	for k.more && k.next.N == n {
		k.want = append(k.want, k.next)
		if err := k.pullTrade(); err != nil {
			return err
		}
	}
	return nil
}

func (k *Checker) checkTrades(c *Command, out *Outcome) {
	r := &k.result
	for i, want := range k.want {
		ok := i < len(out.Trades) && out.Trades[i].is(want)
		r.Trades.add(ok)
		switch {
		case ok:
		case i < len(out.Trades):
			k.differ(c, out, "trade %d of the command is\n      %v\n    the exchange has\n      %v", i+1, out.Trades[i], want)
		default:
			k.differ(c, out, "trade %d of the command is missing; the exchange has\n      %v", i+1, want)
		}
	}
	for i := len(k.want); i < len(out.Trades); i++ {
		r.Extra++
		k.differ(c, out, "a trade that the exchange does not have:\n      %v", out.Trades[i])
	}
}

// checkSnapshots compares the snapshots that name command c, and passes over those that name none before it.
func (k *Checker) checkSnapshots(c *Command, out *Outcome, depth Depth) error {
	for k.moreSnap && k.snap.N <= c.N {
		if k.snap.N == 0 {
			k.countSnapshot(false)
		} else {
			what := k.compareSnapshot(depth)
			k.countSnapshot(what == "")
			if what != "" {
				k.differ(c, out, "snapshot of line %d: %s", k.snap.LineNum, what)
			}
		}
		if err := k.pullSnapshot(); err != nil {
			return err
		}
	}
	return nil
}

// compareSnapshot returns how the book differs from the snapshot at hand, "" when it does not.
func (k *Checker) compareSnapshot(depth Depth) string {
	s := &k.snap
	if s.Trades != k.made {
		return fmt.Sprintf("%d trades so far, the exchange has %d", k.made, s.Trades)
	}
	for _, side := range []struct {
		side book.Side
		want *[SnapshotDepth]Level
	}{{book.Buy, &s.Bids}, {book.Sell, &s.Asks}} {
		k.levels = depth.Levels(side.side, SnapshotDepth, k.levels[:0])
		for i, want := range side.want {
			var got Level
			if i < len(k.levels) {
				got = Level{int64(k.levels[i].Price), int64(k.levels[i].Qty)}
			}
			if got != want {
				return fmt.Sprintf("%v level %d is %d at %d, the exchange has %d at %d", side.side, i+1, got.Qty, got.Price, want.Qty, want.Price)
			}
		}
	}
	return ""
}

func (k *Checker) countSnapshot(equal bool) {
	s := &k.result.Snapshots
	s.InFile++
	switch {
	case k.snap.Counted():
		s.Counted++
		if k.snap.N == 0 {
			s.Unnamed++
		}
		if equal {
			s.Equal++
		}
	case k.snap.N != 0:
		s.Others.add(equal)
	}
}

// differ keeps the first difference, with what led to it.
func (k *Checker) differ(c *Command, out *Outcome, format string, args ...any) {
	if k.result.First != "" {
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "command %d: ", c.N)
	fmt.Fprintf(&b, format, args...)
	b.WriteString("\n    commands\n")
	for i := range k.recent {
		if k.recent[i].N != 0 {
			fmt.Fprintf(&b, "        %v\n", &k.recent[i])
		}
	}
	fmt.Fprintf(&b, "      > %v", c)
	appendTrades(&b, "trades of the exchange", k.want)
	appendTrades(&b, "trades made", out.Trades)
	k.result.First = b.String()
}

func appendTrades(b *strings.Builder, title string, trades []Trade) {
	fmt.Fprintf(b, "\n    %s: %d", title, len(trades))
	for i, t := range trades {
		if i == 2*contextRows {
			fmt.Fprintf(b, "\n        … and %d more", len(trades)-i)
			return
		}
		fmt.Fprintf(b, "\n        %v", t)
	}
}

func (k *Checker) pullTrade() error {
	err := k.trades.Next(&k.next)
	k.more = err == nil
	if err == io.EOF {
		return nil
	}
	return err
}

func (k *Checker) pullSnapshot() error {
	if k.snaps == nil {
		return nil
	}
	err := k.snaps.Next(&k.snap)
	k.moreSnap = err == nil
	if err == io.EOF {
		return nil
	}
	return err
}
