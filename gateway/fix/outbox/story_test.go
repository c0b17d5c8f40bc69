package outbox

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"uncross/engine/wire"
	"uncross/gateway/fix/message"
)

var rewrite = flag.Bool("rewrite", false, "write testdata anew")

// teller writes down what every step of a story sends to whom.
type teller struct {
	t    *testing.T
	v    *venue
	s    *Store
	fed  int
	seen [5]uint64 // next number to tell of each session
	ep   [5]uint32
	out  strings.Builder
}

func newTeller(t *testing.T) *teller {
	v := newVenue(t)
	x := &teller{t: t, v: v, s: open(t, options(t, vfs.NewMem())), seen: [5]uint64{1, 1, 1, 1, 1}}
	x.tell("")
	return x
}

// tell feeds what is new and writes what came of it.
func (x *teller) tell(what string) {
	x.t.Helper()
	x.s.feed(x.t, x.v.es[x.fed:], 1)
	x.fed = len(x.v.es)
	if what == "" {
		return
	}
	fmt.Fprintf(&x.out, "\n# %s\n", what)
	for id := annSession; id <= second; id++ {
		s, ok := x.s.Session(id)
		if !ok {
			break
		}
		n := s.Numbers()
		if n.Epoch != x.ep[id] {
			x.ep[id], x.seen[id] = n.Epoch, 1
			fmt.Fprintf(&x.out, "%s: epoch %d, next in %d\n", s.w.def.CompID, n.Epoch, n.NextIn)
		}
		for _, e := range readFrom(x.t, s, n, x.seen[id], 50) {
			if e.Local {
				fmt.Fprintf(&x.out, "%s %d–%d local %q\n", s.w.def.CompID, e.Number, e.End()-1, strings.TrimRight(string(e.Token[:]), "\x00"))
				continue
			}
			checkStock(x.t, e.Body)
			fmt.Fprintf(&x.out, "%s %d %s\n", s.w.def.CompID, e.Number, strings.ReplaceAll(strings.TrimSuffix(string(e.Body), "\x01"), "\x01", "|"))
		}
		x.seen[id] = n.NextOut
	}
}

// checkStock holds a body against what FIX 4.4 demands; see report's tests for the dictionary.
func checkStock(t *testing.T, body []byte) {
	t.Helper()
	f := fieldsOf(t, body)
	for _, tag := range map[string][]int{
		"8": {37, 17, 150, 39, 55, 54, 151, 14, 6, 60},
		"9": {37, 11, 41, 39, 434, 102},
		"r": {37, 530, 531},
		"j": {372, 380},
	}[f[message.TagMsgType]] {
		if f[tag] == "" {
			t.Errorf("%q has no tag %d", body, tag)
		}
	}
}

func TestStory(t *testing.T) {
	x := newTeller(t)
	v, id := x.v, wire.MustText
	order := func(a wire.AccountID, side wire.Side, price wire.Price, qty wire.Qty, name string) *wire.NewOrder {
		return &wire.NewOrder{Account: a, Instrument: 1, Side: side, Type: wire.Limit, TIF: wire.GTC, Price: price, Qty: qty, ClientID: id(name)}
	}
	ref := func(name string) wire.OrderRef { return wire.OrderRef{ClientID: id(name)} }

	v.by(annSession, &wire.SessionMessage{Session: annSession, Kind: wire.SessionLogon, Arg: 1, Symbol: token("logon")})
	x.tell("ann logs on: the answer takes a number that only her node can fill")
	v.by(annSession, order(ann, wire.Buy, 420_001, 30, "a1"))
	x.tell("an order enters")
	v.by(bobSession, order(bob, wire.Sell, 420_000, 10, "b1"))
	x.tell("it trades in part: both sides hear of it, ann's firm's drop copy too")
	v.by(bobSession, &wire.ReplaceOrder{Account: bob, Target: ref("b1"), ClientID: id("b2"), Price: 1, Qty: 20})
	x.tell("a replace of what is filled")
	v.by(annSession, &wire.ReplaceOrder{Account: ann, Target: ref("a1"), ClientID: id("a2"), Price: 420_003, Qty: 40})
	x.tell("a replace")
	v.by(bobSession, order(bob, wire.Sell, 420_003, 7, "b3"))
	x.tell("another price: the average is exact as far as it goes")
	v.by(annSession, &wire.ReplaceOrder{Account: ann, Target: ref("a2"), ClientID: id("a3"), Price: 420_003, Qty: 17})
	x.tell("a replace below what has traded")
	v.by(annSession, &wire.QueryOrder{Account: ann, Target: ref("a2")})
	v.by(annSession, &wire.QueryOrder{Account: ann, Target: ref("nothing")})
	x.tell("two questions: an order, and none")
	v.by(annSession, &wire.CancelOrder{Account: ann, Target: ref("a2"), ClientID: id("c1")})
	x.tell("a cancel")
	v.by(annSession, &wire.CancelOrder{Account: ann, Target: ref("a2"), ClientID: id("c2")})
	v.by(annSession, &wire.CancelOrder{Account: ann, Target: ref("a2")})
	x.tell("too late: a client's cancel is answered, the node's own is not")
	v.by(annSession, &wire.CancelOrder{Account: ann, Target: ref("a2"), ClientID: id("c1")})
	v.by(annSession, order(ann, wire.Buy, 420_001, 30, "a1"))
	v.by(annSession, order(ann, wire.Buy, 420_001, 31, "a1"))
	x.tell("ids that have been used")
	v.in[annSession]++
	v.do(annKey, order(ann, wire.Buy, 420_001, 30, "a1"), wire.SessionOrigin(annSession, 0, v.in[annSession], true))
	x.tell("the same, marked as possibly sent before: no answer")
	v.by(annSession, &wire.NewOrder{Account: ann, Instrument: 1, Side: wire.Buy, Type: wire.Market, TIF: wire.IOC, Funds: wire.Amount{Lo: 5_000_000}, ClientID: id("m1")})
	x.tell("a market buy by funds with nothing to buy")
	v.by(annSession, &wire.NewOrder{Account: ann, Instrument: 1, Side: wire.Sell, Type: wire.Limit, TIF: wire.FOK, Price: 420_000, Qty: 1, ClientID: id("m2")})
	v.by(annSession, &wire.NewOrder{Account: ann, Instrument: 1, Side: wire.Sell, Type: wire.Limit, TIF: wire.GTC, Flags: wire.PostOnly, Price: 430_000, Qty: 1, ClientID: id("p1")})
	x.tell("fill or kill, and post-only")
	v.do(catKey, order(cat, wire.Buy, 430_000, 1, "k1"), wire.Origin{Node: 5, Seq: 1})
	x.tell("cat of ann's firm, who has no session, takes it: the drop copy has all three")
	v.by(annSession, order(ann, wire.Buy, 400_000, 1, "x1"))
	v.by(annSession, order(ann, wire.Buy, 400_000, 2, "x2"))
	v.by(bobSession, order(bob, wire.Sell, 500_000, 2, "y1"))
	x.tell("some orders")
	v.by(annSession, &wire.SessionMessage{Session: annSession, Kind: wire.AnnouncedMassCancel, Arg: '7', ClientID: id("all1")})
	v.by(annSession, &wire.CancelAll{Account: ann})
	x.tell("a mass cancel")
	v.by(annSession, &wire.SessionMessage{Session: annSession, Kind: wire.AnnouncedMassCancel, ClientID: id("all2")})
	v.by(annSession, &wire.CancelAll{Account: bob, Instrument: 1})
	x.tell("a mass cancel of another's account")
	v.do(wire.OperatorKey, &wire.MassCancel{Instrument: 1}, wire.Origin{Node: 5, Seq: 2})
	x.tell("the operator cancels everything")
	v.by(annSession, order(ann, wire.Buy, 400_000, 3, "z1"))
	v.do(annKey, &wire.ReplaceOrder{Account: ann, Target: ref("z1"), ClientID: id("z2"), Price: 400_000, Qty: 2}, wire.Origin{Node: 5, Seq: 3})
	v.do(annKey, &wire.CancelOrder{Account: ann, Target: ref("z2"), ClientID: id("z3")}, wire.Origin{Node: 5, Seq: 4})
	x.tell("changed and canceled by other ways than a session: unsolicited")
	v.do(wire.OperatorKey, &wire.AddSession{Key: annKey, Kind: wire.TradingSession, Account: ann, CompID: id("ANN2")}, wire.Origin{})
	v.by(annSession, order(ann, wire.Buy, 400_000, 3, "s1"))
	v.do(annKey, &wire.ReplaceOrder{Account: ann, Target: ref("s1"), ClientID: id("s2"), Price: 400_000, Qty: 2}, wire.SessionOrigin(second, 0, 1, false))
	v.do(annKey, &wire.CancelOrder{Account: ann, Target: ref("s2"), ClientID: id("s3")}, wire.SessionOrigin(second, 0, 2, false))
	x.tell("changed and canceled by ann's other session: both hear of it")
	v.by(annSession, order(ann, wire.Buy, 400_000, 3, "n1"))
	v.by(annSession, &wire.ReplaceOrder{Account: ann, Target: ref("n1"), ClientID: id("n2"), Price: 400_000, Qty: 2})
	v.by(bobSession, order(bob, wire.Sell, 500_000, 2, "y2"))
	x.tell("an order that has been replaced, and one of bob's")
	open, bobs := wire.OrderID(13), wire.OrderID(14)
	v.refuseChange(annSession, wire.RefusedReplace, "g1", "n2", ann, 0)
	v.refuseChange(annSession, wire.RefusedCancel, "g2", "zzz", ann, open)
	v.refuseChange(annSession, wire.RefusedCancel, "g3", "n2", ann, 12)
	x.tell("the gateway refuses to change it: the answer says how it stands, and the client's id goes first")
	v.refuseChange(annSession, wire.RefusedCancel, "g4", "zzz", ann, 12)
	x.tell("… and how one ended")
	v.refuseChange(annSession, wire.RefusedCancel, "g5", "n1", ann, 0)
	v.refuseChange(annSession, wire.RefusedCancel, "g6", "y2", ann, bobs)
	v.refuseChange(annSession, wire.RefusedCancel, "g7", "y2", bob, bobs)
	x.tell("… but nothing of one that goes by another id now, nor of bob's")
	v.by(annSession, &wire.CancelOrder{Account: ann, Target: ref("n1"), ClientID: id("h1")})
	v.by(annSession, &wire.CancelOrder{Account: ann, Target: wire.OrderRef{Order: bobs, ClientID: id("n2")}, ClientID: id("h2")})
	v.by(annSession, &wire.CancelOrder{Account: ann, Target: wire.OrderRef{Order: 2, ClientID: id("b1")}, ClientID: id("h3")})
	v.by(annSession, &wire.CancelOrder{Account: bob, Target: wire.OrderRef{Order: bobs, ClientID: id("y2")}, ClientID: id("h4")})
	x.tell("the venue refuses to cancel by the id before the replace, or bob's: open, ended, by his account")
	v.by(annSession, &wire.CancelOrder{Account: ann, Target: ref("n2"), ClientID: id("a1")})
	v.by(annSession, &wire.CancelOrder{Account: ann, Target: wire.OrderRef{Order: open, ClientID: id("zzz")}, ClientID: id("a1")})
	x.tell("an id that has been used for something else: the order that is named is open")
	v.by(annSession, &wire.ReplaceOrder{Account: ann, Target: ref("n1"), ClientID: id("n2"), Price: 400_000, Qty: 2})
	x.tell("a replace that had been sent: the order is open")
	v.by(annSession, &wire.QueryOrder{Account: ann, Target: wire.OrderRef{Order: open, ClientID: id("n2")}})
	v.by(annSession, &wire.QueryOrder{Account: ann, Target: wire.OrderRef{Order: 12, ClientID: id("s2")}})
	v.by(annSession, &wire.QueryOrder{Account: ann, Target: wire.OrderRef{Order: bobs, ClientID: id("zzz")}})
	x.tell("questions: about an open order, one that ended on the way, and bob's")
	v.by(annSession, &wire.CancelOrder{Account: ann, Target: wire.OrderRef{Order: open}})
	x.tell("ann's session ends, and had asked for cancel on disconnect")
	v.by(annSession, order(ann, wire.Buy, 400_000, 1, "i1"))
	v.by(annSession, &wire.SessionMessage{Session: annSession, Kind: wire.AnnouncedMassCancel, Arg: '1', ClientID: id("one")})
	v.by(annSession, &wire.CancelAll{Account: ann, Instrument: 1})
	x.tell("a mass cancel of one instrument")
	v.by(annSession, order(ann, wire.Buy, 400_000, 1, "i2"))
	v.do(annKey, &wire.CancelAll{Account: ann, Instrument: 1}, wire.Origin{Node: 5, Seq: 6})
	v.by(annSession, &wire.CancelAll{Account: ann})
	x.tell("a mass cancel by another way, and one that nobody announced")
	v.do(bobKey, &wire.CancelOrder{Account: bob, Target: ref("y2"), ClientID: id("y3")}, wire.Origin{Node: 5, Seq: 7})
	v.do(wire.OperatorKey, &wire.SetPhase{Instrument: 1, Phase: wire.Auction}, wire.Origin{})
	v.by(annSession, order(ann, wire.Buy, 420_000, 3, "u1"))
	v.by(bobSession, order(bob, wire.Sell, 410_000, 3, "u2"))
	v.do(wire.OperatorKey, &wire.SetPhase{Instrument: 1, Phase: wire.Closed}, wire.Origin{})
	v.by(annSession, order(ann, wire.Buy, 420_000, 3, "u3"))
	v.do(annKey, order(ann, wire.Buy, 420_000, 3, "u4"), wire.Origin{Node: 5, Seq: 5})
	v.do(bobKey, order(ann, wire.Buy, 420_000, 3, "u5"), wire.Origin{Node: 5, Seq: 8})
	x.tell("an auction; then the instrument is closed; no copy of an order for another's account")
	v.refuse(annSession, "r1")
	v.by(annSession, &wire.SessionMessage{Session: annSession, Kind: wire.RefusedCancel, Side: wire.Buy, Reason: 1160, ClientID: id("r2"), Target: id("u9")})
	v.by(annSession, &wire.SessionMessage{Session: annSession, Kind: wire.RefusedReplace, Reason: 1103, Arg: 44, ClientID: id("r3"), Target: id("u9")})
	v.by(annSession, &wire.SessionMessage{Session: annSession, Kind: wire.RefusedMassCancel, Reason: wire.UnknownInstrument, Arg: 55, ClientID: id("r4"), Symbol: symbol("ETH-USD")})
	v.by(annSession, &wire.SessionMessage{Session: annSession, Kind: wire.RefusedMassCancel, Reason: 1124, Arg: 530, ClientID: id("r6"), Target: id("6")})
	v.by(annSession, &wire.SessionMessage{Session: annSession, Kind: wire.RefusedMessage, Reason: 1126, ClientID: id("r5"), Symbol: symbol("AA")})
	x.tell("what the gateway refuses")
	v.by(annSession, &wire.SessionMessage{Session: annSession, Kind: wire.SessionNumbers, Arg: 3, Symbol: token("three")})
	v.by(annSession, &wire.SessionMessage{Session: annSession, Kind: wire.SessionAdvance})
	v.by(annSession, &wire.SessionMessage{Session: annSession, Kind: wire.SessionLogout, Arg: 1, Symbol: token("bye")})
	x.tell("administrative messages, and the end")
	v.do(annKey, &wire.SessionMessage{Session: annSession, Kind: wire.SessionLogon, Symbol: token("again")}, wire.SessionOrigin(annSession, 1, 1, false))
	x.tell("a logon that starts the numbers again")
	v.do(bobKey, &wire.SessionMessage{Session: bobSession, Kind: wire.SessionReset}, wire.SessionOrigin(bobSession, 4, 0, false))
	v.do(bobKey, order(bob, wire.Sell, 410_000, 0, "w1"), wire.SessionOrigin(bobSession, 0, 99, false))
	x.tell("a reset; what was under way then takes a number of the new epoch and does not move the inbound one")
	closeStore(t, x.s)

	path := filepath.Join("testdata", "story.golden")
	if *rewrite {
		if err := os.WriteFile(path, []byte(x.out.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := x.out.String(); got != string(want) {
		g, w := strings.Split(got, "\n"), strings.Split(string(want), "\n")
		for i := range min(len(g), len(w)) {
			if g[i] != w[i] {
				t.Fatalf("line %d:\n     %s\nwant %s", i+1, g[i], w[i])
			}
		}
		t.Fatalf("%d lines, want %d", len(g), len(w))
	}
}

func token(s string) [36]byte { return symbol(s) }

func symbol(s string) (b [36]byte) {
	copy(b[:], s)
	return b
}
