package engine

import (
	"uncross/engine/wire"
	"uncross/internal/slab"
)

// balanceKey is the index key of an account's balance of an asset.
func balanceKey(a wire.AccountID, s wire.AssetID) uint64 { return uint64(a)<<32 | uint64(s) }

// balance returns the balance of an account that exists, making an empty one where there is none. An empty balance is
// the same as none in hashes, snapshots and images. Between commands there is one only while something uses it: the
// number of balances follows from the state, and a restored engine has as many.
func (e *Engine) balance(a wire.AccountID, s wire.AssetID) slab.Handle {
	if h, ok := e.byBalance.Get(balanceKey(a, s)); ok {
		return h
	}
	h := e.balances.Alloc()
	*e.balances.Mut(h) = balance{account: a, asset: s}
	e.byBalance.Put(balanceKey(a, s), h)
	return h
}

// use counts one more who has the balance's handle.
func (e *Engine) use(h slab.Handle) { e.balances.Mut(h).uses++ }

// leave counts one less, and puts the balance away if that was the last and nothing is in it.
func (e *Engine) leave(h slab.Handle) {
	b := e.balances.Mut(h)
	if b.uses--; b.uses == 0 && b.isEmpty() {
		e.byBalance.Delete(balanceKey(b.account, b.asset))
		e.balances.Free(h)
	}
}

// available returns what an account may use of an asset, without making a balance.
func (e *Engine) available(a wire.AccountID, s wire.AssetID) wire.Amount {
	if h, ok := e.byBalance.Get(balanceKey(a, s)); ok {
		return e.balances.At(h).available
	}
	return wire.Amount{}
}

func (b *balance) isEmpty() bool { return b.available.IsZero() && b.held.IsZero() }

// term is what the balance adds to the money hash.
func (b *balance) term() uint64 {
	if b.isEmpty() {
		return 0
	}
	h := mix(tagBalance, balanceKey(b.account, b.asset))
	return seal(mixAmount(mixAmount(h, b.available), b.held))
}

// rehashBalance replaces the balance's term in the money hash after a change.
func (e *Engine) rehashBalance(b *balance) {
	h := b.term()
	e.money += h - b.hash
	b.hash = h
}

// credit adds to what is available.
func (e *Engine) credit(h slab.Handle, a wire.Amount) {
	if a.IsZero() {
		return
	}
	b := e.balances.Mut(h)
	b.available = b.available.MustAdd(a)
	e.rehashBalance(b)
}

// debit takes from what is available, which the caller has checked.
func (e *Engine) debit(h slab.Handle, a wire.Amount) {
	b := e.balances.Mut(h)
	b.available = b.available.MustSub(a)
	e.rehashBalance(b)
}

// hold moves from available, which the caller has checked, to held.
func (e *Engine) hold(h slab.Handle, a wire.Amount) {
	if a.IsZero() {
		return
	}
	b := e.balances.Mut(h)
	b.available = b.available.MustSub(a)
	b.held = b.held.MustAdd(a)
	e.rehashBalance(b)
}

// spend takes from what is held, and gives back to available a part that is not needed any more.
func (e *Engine) spend(h slab.Handle, taken, released wire.Amount) {
	b := e.balances.Mut(h)
	b.held = b.held.MustSub(taken).MustSub(released)
	b.available = b.available.MustAdd(released)
	e.rehashBalance(b)
}
