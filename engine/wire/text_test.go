package wire

import (
	"strings"
	"testing"
)

func TestText(t *testing.T) {
	for s, want := range map[string]bool{
		"": true, "a": true, "a b": true, "!~": true, strings.Repeat("x", 36): true,
		" a": false, "a ": false, " ": false, strings.Repeat("x", 37): false, "\x1f": false, "a\x7f": false, "é": false, "a\x00": false,
	} {
		if _, ok := ParseText(s); ok != want {
			t.Errorf("ParseText(%q) is %t", s, ok)
		}
	}
}

// TestTextFromBytes: bytes that came from outside may be no text.
func TestTextFromBytes(t *testing.T) {
	for name, b := range map[string][textSize]byte{
		"too long": {0: 37, 1: 'a'}, "much too long": {0: 255}, "rubbish behind the end": {0: 1, 1: 'a', 5: 'b'}, "control": {0: 1, 1: 7},
		"space at the end": {0: 2, 1: 'a', 2: ' '},
	} {
		var x Text
		x.GetBytes(b[:])
		if x.Valid() {
			t.Errorf("%s: is valid", name)
		}
	}
}

func TestTextWords(t *testing.T) {
	a, b := MustText("a"), MustText(strings.Repeat("z", 36))
	if w := a.Words(); w != [5]uint64{'a', 0, 0, 0, 1 << 32} {
		t.Errorf("words of a: %x", w)
	}
	if w := b.Words(); w[4] != 36<<32|0x7a7a7a7a || w[3] != 0x7a7a7a7a7a7a7a7a {
		t.Errorf("words of z…: %x", w)
	}
}

// TestReasons: numbers ascend, and each has a name of its own and a sentence.
func TestReasons(t *testing.T) {
	names := map[string]Reason{}
	last := ReasonNone
	for _, r := range Reasons() {
		if r <= last || r >= FirstGatewayReason {
			t.Errorf("%d comes after %d", r, last)
		}
		last = r
		if other, taken := names[r.String()]; taken || r.String() == "unknown_reason" || r.Sentence() == "" {
			t.Errorf("reason %d: name %q (also of %d), sentence %q", r, r, other, r.Sentence())
		}
		names[r.String()] = r
	}
	if len(names) < 50 || ReasonNone.String() != "none" || Reason(999).String() != "unknown_reason" {
		t.Errorf("%d reasons", len(names))
	}
}

// TestWords: every word that the interfaces show, and what there is for a number that means nothing.
func TestWords(t *testing.T) {
	for want, got := range map[string]string{
		"limit": Limit.String(), "market": Market.String(), "closed": Closed.String(), "auction": Auction.String(),
		"continuous": Continuous.String(), "halted": Halted.String(), "trader": Trader.String(), "read-only": ReadOnly.String(),
		"custodian": Custodian.String(), "operator": Operator.String(), "new": StatusNew.String(), "filled": StatusFilled.String(),
		"partially_filled": StatusPartiallyFilled.String(), "canceled": StatusCanceled.String(), "rejected": StatusRejected.String(),
		"by_user": CanceledByUser.String(), "by_account": CanceledByAccount.String(), "by_operator": CanceledByOperator.String(),
		"immediate_or_cancel": CanceledImmediate.String(), "fill_or_kill": CanceledFillOrKill.String(),
		"no_liquidity": CanceledNoLiquidity.String(), "funds_too_small": CanceledNothingToBuy.String(),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for _, s := range []string{OrderType(9).String(), Phase(9).String(), Role(9).String(), OrderStatus(9).String(), CancelReason(9).String()} {
		if s != "invalid" {
			t.Errorf("%q for a number that means nothing", s)
		}
	}
	if Phase(0).Valid() || Phase(5).Valid() || !Halted.Valid() || Role(0).Valid() || Role(5).Valid() || !Trader.Valid() {
		t.Error("wrong bounds of phases or roles")
	}
	if !StatusNew.Open() || !StatusPartiallyFilled.Open() || StatusFilled.Open() || StatusCanceled.Open() {
		t.Error("wrong open statuses")
	}
}
