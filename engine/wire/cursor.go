package wire

import (
	"encoding/binary"

	"uncross/engine/amount"
)

// cursor walks a body's fields in their wire order, either writing them to b or reading them from it. One walk
// function per body therefore states its layout once for both directions. All integers are little-endian.
type cursor struct {
	b   []byte
	n   int
	put bool
}

func (c *cursor) u8(p *uint8) {
	if c.put {
		c.b[c.n] = *p
	} else {
		*p = c.b[c.n]
	}
	c.n++
}

func (c *cursor) u16(p *uint16) {
	if c.put {
		binary.LittleEndian.PutUint16(c.b[c.n:], *p)
	} else {
		*p = binary.LittleEndian.Uint16(c.b[c.n:])
	}
	c.n += 2
}

func (c *cursor) u32(p *uint32) {
	if c.put {
		binary.LittleEndian.PutUint32(c.b[c.n:], *p)
	} else {
		*p = binary.LittleEndian.Uint32(c.b[c.n:])
	}
	c.n += 4
}

func (c *cursor) u64(p *uint64) {
	if c.put {
		binary.LittleEndian.PutUint64(c.b[c.n:], *p)
	} else {
		*p = binary.LittleEndian.Uint64(c.b[c.n:])
	}
	c.n += 8
}

func (c *cursor) i64(p *int64) {
	if c.put {
		binary.LittleEndian.PutUint64(c.b[c.n:], uint64(*p))
	} else {
		*p = int64(binary.LittleEndian.Uint64(c.b[c.n:]))
	}
	c.n += 8
}

func (c *cursor) bytes(p []byte) {
	if c.put {
		copy(c.b[c.n:], p)
	} else {
		copy(p, c.b[c.n:])
	}
	c.n += len(p)
}

func (c *cursor) amount(p *Amount) {
	if c.put {
		p.Put(c.b[c.n:])
	} else {
		*p = amount.Get(c.b[c.n:])
	}
	c.n += amount.Size
}

func (c *cursor) text(p *Text) {
	c.u8(&p.n)
	c.bytes(p.b[:])
}

func (c *cursor) side(p *Side)               { c.u8((*uint8)(p)) }
func (c *cursor) price(p *Price)             { c.i64((*int64)(p)) }
func (c *cursor) qty(p *Qty)                 { c.i64((*int64)(p)) }
func (c *cursor) order(p *OrderID)           { c.u64((*uint64)(p)) }
func (c *cursor) trade(p *TradeID)           { c.u64((*uint64)(p)) }
func (c *cursor) account(p *AccountID)       { c.u32((*uint32)(p)) }
func (c *cursor) asset(p *AssetID)           { c.u32((*uint32)(p)) }
func (c *cursor) instrument(p *InstrumentID) { c.u32((*uint32)(p)) }
