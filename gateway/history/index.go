package history

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"uncross/engine/wire"
)

// The index of an account's events is in two places, which are read as one list: its trades are the fills ('F'), and all
// else has records of its own ('P'). Both have the same key behind the account, event id and side, and the same value:
//
//	head u8: number of balances (2 bits) │ hasTerms │ carried
//	time u64, little-endian              where carried is set: there is no event to ask
//	balances                             each: asset and mark of an estimate, available, held, as varints
//	price, quantity, client id           where hasTerms is set: varints, and what is left
//
// A head is below 0x20 always, what it replaced in format 1 never: there the value was the bare client id.
const (
	headBalances = 3
	headTerms    = 1 << 2
	headCarried  = 1 << 3
	headEnd      = 1 << 4 // the first number that is no head
)

// sideFees is the side in the key of a trade that brought the venue's account its fees: behind both others.
const sideFees = 3

// concern is the value of an index record.
type concern struct {
	balances [2]BalanceAfter
	n        int
	hasTerms bool
	terms    OrderTerms
	carried  bool
	timeNs   int64 // where carried
}

func (c *concern) changed(b BalanceAfter) {
	c.balances[c.n] = b
	c.n++
}

func (c *concern) append(v []byte) []byte {
	head := byte(c.n)
	if c.hasTerms {
		head |= headTerms
	}
	if c.carried {
		head |= headCarried
	}
	v = append(v, head)
	if c.carried {
		v = binary.LittleEndian.AppendUint64(v, uint64(c.timeNs))
	}
	for i := range c.n {
		b := &c.balances[i]
		mark := uint64(b.Asset) << 1
		if b.Estimated {
			mark |= 1
		}
		v = binary.AppendUvarint(v, mark)
		v = appendShort(v, b.Available)
		v = appendShort(v, b.Held)
	}
	if c.hasTerms {
		v = binary.AppendUvarint(v, uint64(c.terms.Price))
		v = binary.AppendUvarint(v, uint64(c.terms.Qty))
		v = append(v, c.terms.ClientID.Bytes()...)
	}
	return v
}

func parseConcern(v []byte) (c concern, err error) {
	f := fields{b: v}
	head := f.u8()
	c.n, c.hasTerms, c.carried = int(head&headBalances), head&headTerms != 0, head&headCarried != 0
	f.bad = f.bad || head >= headEnd || c.n > len(c.balances)
	if f.bad {
		return concern{}, f.err("index record")
	}
	if c.carried {
		c.timeNs = int64(f.u64())
	}
	for i := range c.n {
		mark := f.uvarint()
		c.balances[i] = BalanceAfter{wire.AssetID(mark >> 1), f.short(), f.short(), mark&1 != 0}
	}
	if c.hasTerms {
		c.terms.Price, c.terms.Qty = wire.Price(f.uvarint()), wire.Qty(f.uvarint())
		c.terms.ClientID = f.text()
	}
	return c, f.err("index record")
}

// appendShort writes an amount in as many bytes as it needs: the number of bytes, and they.
func appendShort(v []byte, a wire.Amount) []byte {
	n := (bits.Len64(a.Lo) + 7) / 8
	if a.Hi != 0 {
		n = 8 + (bits.Len64(a.Hi)+7)/8
	}
	v = append(v, byte(n))
	for i := range n {
		if i < 8 {
			v = append(v, byte(a.Lo>>(8*i)))
		} else {
			v = append(v, byte(a.Hi>>(8*(i-8))))
		}
	}
	return v
}

func (f *fields) short() (a wire.Amount) {
	n := int(f.u8())
	if n > 16 {
		f.bad = true
		return a
	}
	for i, b := range f.take(n) {
		if i < 8 {
			a.Lo |= uint64(b) << (8 * i)
		} else {
			a.Hi |= uint64(b) << (8 * (i - 8))
		}
	}
	return a
}

func (f *fields) uvarint() uint64 {
	n, size := binary.Uvarint(f.b)
	if size <= 0 {
		f.bad = true
		return 0
	}
	f.b = f.b[size:]
	return n
}

// concernKey returns the key of an index record.
func concernKey(acc wire.AccountID, e *wire.Event, side byte) key {
	return newKey(tagOf(side)).concern(acc, e, side)
}

func (k key) concern(acc wire.AccountID, e *wire.Event, side byte) key {
	return append(k.account(acc).event(e.Seq, e.Ord), side)
}

// tagOf returns which of the two lists a record is in.
func tagOf(side byte) byte {
	if side == byte(wire.Buy) || side == byte(wire.Sell) {
		return tagFill
	}
	return tagAccount
}

// concerns writes an index record of an account.
func (w *writer) concerns(acc wire.AccountID, e *wire.Event, side byte, c *concern) {
	w.set(w.key(tagOf(side)).concern(acc, e, side), c.append(w.v[:0]))
	w.news.add(acc)
}

// refused indexes a refusal with the account that it concerns.
func (w *writer) refused(e *wire.Event) {
	if acc, ok := concerned(e); ok {
		w.concerns(acc, e, 0, &concern{})
	}
}

// concerned returns the account that a refusal concerns: the one that it names, unless the account may not be the
// sender's: then it is nobody's business but the sender's. Answers of queries are no news.
func concerned(e *wire.Event) (acc wire.AccountID, ok bool) {
	m, ok := e.Refusal()
	ok = ok && m.Account != 0 && m.Reason > wire.NotYourAccount && m.Command != wire.CmdQueryOrder
	return m.Account, ok
}

func (o *Order) terms() OrderTerms { return OrderTerms{o.ClientID, o.Price, o.Qty} }

// instrument returns a definition, which must be known.
func (w *writer) instrument(id wire.InstrumentID) (*wire.Instrument, error) {
	in, ok := w.defs[id]
	if !ok {
		return nil, fmt.Errorf("%w: instrument %d is not defined", ErrDamaged, id)
	}
	return in, nil
}
