package engine

import (
	"encoding/binary"

	"uncross/engine/amount"
	"uncross/engine/wire"
)

// coder walks a snapshot record's fields in their order, either writing them to b or reading them from it, so that one
// walk states a record's layout for both directions. All integers are little-endian.
type coder struct {
	b   []byte
	n   int
	put bool
}

func code8[T ~uint8](c *coder, p *T) {
	if c.put {
		c.b[c.n] = byte(*p)
	} else {
		*p = T(c.b[c.n])
	}
	c.n++
}

func code16[T ~uint16](c *coder, p *T) {
	if c.put {
		binary.LittleEndian.PutUint16(c.b[c.n:], uint16(*p))
	} else {
		*p = T(binary.LittleEndian.Uint16(c.b[c.n:]))
	}
	c.n += 2
}

func code32[T ~uint32](c *coder, p *T) {
	if c.put {
		binary.LittleEndian.PutUint32(c.b[c.n:], uint32(*p))
	} else {
		*p = T(binary.LittleEndian.Uint32(c.b[c.n:]))
	}
	c.n += 4
}

func code64[T ~uint64 | ~int64](c *coder, p *T) {
	if c.put {
		binary.LittleEndian.PutUint64(c.b[c.n:], uint64(*p))
	} else {
		*p = T(binary.LittleEndian.Uint64(c.b[c.n:]))
	}
	c.n += 8
}

func (c *coder) bytes(p []byte) {
	if c.put {
		copy(c.b[c.n:], p)
	} else {
		copy(p, c.b[c.n:])
	}
	c.n += len(p)
}

func (c *coder) amount(p *wire.Amount) {
	if c.put {
		p.Put(c.b[c.n:])
	} else {
		*p = amount.Get(c.b[c.n:])
	}
	c.n += amount.Size
}

// text writes a text's 37 bytes: its length and its bytes, padded with zeros.
func (c *coder) text(p *wire.Text) {
	if c.put {
		c.n += p.PutBytes(c.b[c.n:])
	} else {
		c.n += p.GetBytes(c.b[c.n:])
	}
}
