package history

import (
	"fmt"

	"uncross/engine/amount"
	"uncross/engine/wire"
)

// balance is what an account has of an asset.
type balance struct {
	available, held wire.Amount
	estimated       bool // the sum is right, what is held of it is not known
}

func (b *balance) total() wire.Amount { return b.available.MustAdd(b.held) }

// move is a way in which money goes; see "Where the money goes" in package view.
type move uint8

const (
	hold    move = iota // available → held
	release             // held → available
	payHeld             // held → away
	pay                 // available → away
	receive             // → available
)

// apply moves an amount, and reports false where it is not there. Of an estimated balance it takes from either part what
// the other lacks, so that the sum stays right.
func (b *balance) apply(m move, x wire.Amount) (ok bool) {
	switch m {
	case hold:
		if b.estimated {
			x = lesser(x, b.available)
		}
		return shift(&b.available, &b.held, x)
	case release:
		if b.estimated {
			x = lesser(x, b.held)
		}
		return shift(&b.held, &b.available, x)
	case payHeld:
		return b.take(&b.held, &b.available, x)
	case pay:
		return b.take(&b.available, &b.held, x)
	}
	b.available, ok = b.available.Add(x)
	return ok
}

// take takes an amount away from the first part, and of an estimated balance the rest from the second.
func (b *balance) take(first, second *wire.Amount, x wire.Amount) (ok bool) {
	part := x
	if b.estimated {
		part = lesser(x, *first)
	}
	if *first, ok = first.Sub(part); !ok {
		return false
	}
	*second, ok = second.Sub(x.MustSub(part))
	return ok
}

func shift(from, to *wire.Amount, x wire.Amount) (ok bool) {
	if *from, ok = from.Sub(x); ok {
		*to, ok = to.Add(x)
	}
	return ok
}

func lesser(a, b wire.Amount) wire.Amount {
	if a.Less(b) {
		return a
	}
	return b
}

func (b *balance) append(v []byte) []byte {
	v = appendAmount(appendAmount(v, b.available), b.held)
	if b.estimated {
		return append(v, 1)
	}
	return append(v, 0)
}

func parseBalance(v []byte) (balance, error) {
	f := fields{b: v}
	b := balance{available: f.amount(), held: f.amount(), estimated: f.u8() != 0}
	return b, f.err("balance")
}

func (b *balance) after(asset wire.AssetID) BalanceAfter {
	return BalanceAfter{asset, b.available, b.held, b.estimated}
}

// moved applies a movement to what is kept of a balance, and returns the balance after it.
func (w *writer) moved(at accountAsset, m move, x wire.Amount) (balance, error) {
	b, err := w.balance(at)
	if err != nil || x.IsZero() {
		return b, err
	}
	if !b.apply(m, x) {
		return b, fmt.Errorf("%w: account %d does not have %v of asset %d where it is to be moved", ErrDamaged, at.account, x, at.asset)
	}
	w.balances.change(at, b)
	return b, nil
}

// heldAsset returns the asset that an order of this side holds.
func heldAsset(in *wire.Instrument, side wire.Side) wire.AssetID {
	if side == wire.Buy {
		return in.Quote
	}
	return in.Base
}

// lots returns the amount of the base asset that a quantity is.
func lots(in *wire.Instrument, q wire.Qty) wire.Amount {
	return amount.Product(uint64(q), uint64(in.LotSize))
}
