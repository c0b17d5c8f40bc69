package outbox

import (
	"hash/maphash"

	"uncross/engine/wire"
	"uncross/internal/slab"
)

// Open orders by their latest client id. Clients choose ids freely, so the hash is a seeded one; what is found does not
// depend on it.

var clientSeed = maphash.MakeSeed()

func clientKey(acc wire.AccountID, id wire.Text) uint64 {
	return maphash.Comparable(clientSeed, struct {
		acc wire.AccountID
		id  wire.Text
	}{acc, id})
}

func (t *orders) chainIn(h slab.Handle) {
	o := t.slab.Mut(h)
	if o.ClientID.IsEmpty() {
		return
	}
	key := clientKey(o.Account, o.ClientID)
	o.chain, _ = t.clients.Get(key)
	t.clients.Put(key, h)
}

func (t *orders) chainOut(h slab.Handle) {
	o := t.slab.Mut(h)
	if o.ClientID.IsEmpty() {
		return
	}
	key := clientKey(o.Account, o.ClientID)
	first, _ := t.clients.Get(key)
	switch {
	case first != h:
		p := first
		for t.slab.At(p).chain != h {
			p = t.slab.At(p).chain
		}
		t.slab.Mut(p).chain = o.chain
	case o.chain == 0:
		t.clients.Delete(key)
	default:
		t.clients.Put(key, o.chain)
	}
	o.chain = 0
}

// rename gives an order another client id.
func (t *orders) rename(h slab.Handle, id wire.Text) {
	o := t.slab.Mut(h)
	if o.ClientID == id {
		return
	}
	t.chainOut(h)
	o.ClientID = id
	t.chainIn(h)
}

// called returns an account's open order that goes by a client id, nil where there is none.
func (t *orders) called(acc wire.AccountID, id wire.Text) *order {
	if id.IsEmpty() {
		return nil
	}
	for h, _ := t.clients.Get(clientKey(acc, id)); h != 0; h = t.slab.At(h).chain {
		if o := t.slab.At(h); o.Account == acc && o.ClientID == id {
			return o
		}
	}
	return nil
}
