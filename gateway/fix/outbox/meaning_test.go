package outbox

import (
	"math/big"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"uncross/engine/wire"
	"uncross/gateway/fix/message"
	"uncross/gateway/view/venuetest"
)

// book is what a client works out from its execution reports alone.
type book struct {
	traded, paid *big.Rat
	status       string
}

func number(t *testing.T, s string) *big.Rat {
	t.Helper()
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		t.Fatalf("%q is no number", s)
	}
	return r
}

// What the reports say adds up: fills to CumQty, prices to AvgPx, statuses in an order that can be; ExecIDs never come
// twice; and the drop copy has every execution report of its firm.
func TestReportsAddUp(t *testing.T) {
	r := newRun(11, 4000, 0)
	s := open(t, options(t, vfs.NewMem()))
	defer closeStore(t, s)
	// The sessions' earlier epochs are gone from the store; what they had is collected on the way.
	bodies := map[wire.SessionID][][]byte{}
	epochs, next := map[wire.SessionID]uint32{}, map[wire.SessionID]uint64{}
	for from := 0; from < len(r.es); from += 20 {
		s.feed(t, r.es[from:min(from+20, len(r.es))], uint64(from))
		for id := wire.SessionID(1); id <= venuetest.Traders+1; id++ {
			x, ok := s.Session(id)
			if !ok {
				continue
			}
			n := x.Numbers()
			if n.Epoch != epochs[id] || next[id] == 0 {
				epochs[id], next[id] = n.Epoch, 1
			}
			for _, e := range readFrom(t, x, n, next[id], 64) {
				if !e.Local {
					bodies[id] = append(bodies[id], e.Body)
				}
			}
			next[id] = n.NextOut
		}
	}
	seen, kinds := map[string]bool{}, map[string]int{}
	for id := wire.SessionID(1); id <= venuetest.Traders; id++ {
		orders := map[string]*book{}
		for _, body := range bodies[id] {
			f := fieldsOf(t, body)
			kinds[f[message.TagMsgType]+f[message.TagExecType]]++
			if f[message.TagMsgType] == "8" {
				addUp(t, orders, f)
				if f[message.TagExecType] != "I" {
					key := string(rune(id)) + f[message.TagExecID]
					if seen[key] {
						t.Fatalf("ExecID twice: %q", body)
					}
					seen[key] = true
				}
			}
		}
	}
	for _, k := range []string{"80", "8F", "84", "85", "88", "8I", "9", "r", "j"} {
		if kinds[k] < 3 {
			t.Errorf("%d reports of kind %s: too few for a test (%v)", kinds[k], k, kinds)
		}
	}
	compareCopies(t, bodies)
}

func addUp(t *testing.T, orders map[string]*book, f map[int]string) {
	t.Helper()
	o := orders[f[message.TagOrderID]]
	switch f[message.TagExecType] {
	case "8":
		if f[message.TagOrderID] != none || f[message.TagOrdRejReason] == "" || f[message.TagText] == "" {
			t.Fatalf("refusal: %v", f)
		}
		return
	case "0":
		if o != nil {
			t.Fatalf("new twice: %v", f)
		}
		o = &book{traded: new(big.Rat), paid: new(big.Rat)}
		orders[f[message.TagOrderID]] = o
	case "I":
		if f[message.TagOrdStatus] == "8" || o == nil {
			return
		}
	}
	if o == nil { // of an order that another way than this session entered, or a cancel of it
		return
	}
	if strings.Contains("24", o.status) && o.status != "" && f[message.TagExecType] != "I" {
		t.Fatalf("a report after the order ended: %v", f)
	}
	if f[message.TagExecType] == "F" {
		q := number(t, f[message.TagLastQty])
		o.traded.Add(o.traded, q)
		o.paid.Add(o.paid, new(big.Rat).Mul(q, number(t, f[message.TagLastPx])))
	}
	if o.traded.Cmp(number(t, f[message.TagCumQty])) != 0 {
		t.Fatalf("CumQty where %v has traded: %v", o.traded, f)
	}
	checkAverage(t, o, f)
	if qty := f[message.TagOrderQty]; qty != "" {
		left := new(big.Rat).Sub(number(t, qty), o.traded)
		if strings.Contains("4", f[message.TagOrdStatus]) {
			left.SetInt64(0)
		}
		if left.Cmp(number(t, f[message.TagLeavesQty])) != 0 {
			t.Fatalf("LeavesQty where %v is left: %v", left, f)
		}
	}
	if f[message.TagExecType] != "I" {
		o.status = f[message.TagOrdStatus]
	}
}

// checkAverage: AvgPx is rounded down at no less than eight decimals.
func checkAverage(t *testing.T, o *book, f map[int]string) {
	t.Helper()
	avg := number(t, f[message.TagAvgPx])
	if o.traded.Sign() == 0 {
		if avg.Sign() != 0 {
			t.Fatalf("AvgPx before a trade: %v", f)
		}
		return
	}
	off := new(big.Rat).Quo(o.paid, o.traded)
	off.Sub(off, avg)
	_, decimals, _ := strings.Cut(f[message.TagAvgPx], ".")
	ulp := new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(len(decimals), 8))), nil))
	if off.Sign() < 0 || off.Cmp(ulp) >= 0 {
		t.Fatalf("AvgPx is off by %v: %v", off, f)
	}
}

// compareCopies: all of venuetest's traders are of one firm, whose drop copy has what they have and more: also what did
// not come by a session.
func compareCopies(t *testing.T, bodies map[wire.SessionID][][]byte) {
	t.Helper()
	copies := map[string]string{}
	for _, b := range bodies[venuetest.Traders+1] {
		if f := fieldsOf(t, b); f[message.TagCopyMsgIndicator] == "Y" {
			copies[f[message.TagExecID]] = string(b)
		}
	}
	n := 0
	for id := wire.SessionID(1); id <= venuetest.Traders; id++ {
		for _, b := range bodies[id] {
			f := fieldsOf(t, b)
			if f[message.TagMsgType] != "8" || f[message.TagExecType] == "I" {
				continue
			}
			n++
			got, ok := copies[f[message.TagExecID]]
			if asked := f[message.TagExecType] == "4" && f[message.TagOrigClOrdID] == ""; !ok || got != string(b)+"797=Y\x01" && !asked {
				t.Fatalf("drop copy of\n     %q\n is  %q", b, got)
			}
		}
	}
	if n < 300 || len(copies) <= n/2 {
		t.Fatalf("%d reports and %d copies: too few for a test", n, len(copies))
	}
}

const none = "NONE"
