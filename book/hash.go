package book

import "math/bits"

// Odd constants with well mixed bits (the first digits of the fractions of √2, √3, √5 and √7).
const (
	mixA = 0x6a09e667f3bcc909
	mixB = 0xbb67ae8584caa73b
	mixC = 0x3c6ef372fe94f82b
	mixD = 0xa54ff53a5f1d36f1
)

// Hash returns the hash of the resting orders: the sum, modulo 2⁶⁴, of one value for each order, made of its id, side, price,
// quantity and priority. It is kept up with each change, is the same for books that hold the same orders, however they
// came to, and does not protect against someone who looks for collisions. Order.Data is not part of it.
func (b *Book) Hash() uint64 { return b.hash }

func (o *order) hash() uint64 {
	a := fold(uint64(o.id)^mixA, uint64(o.price)^mixB)
	c := fold(uint64(o.qty)^uint64(o.side)<<62^mixC, o.priority^mixD)
	return fold(a^mixB, c^mixA)
}

// fold returns the halves of the 128-bit product, combined.
func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}
