package engine

import (
	"encoding/binary"
	"math/bits"

	"uncross/book"
	"uncross/engine/wire"
)

// The state hashes are sums, modulo 2^64, over all objects of a mix of each object's fields. A sum does not depend on the
// order of the objects, so a change costs one subtraction and one addition, and the memory layout leaves no trace. Each
// object keeps its own term, those of the books are kept beside them.
//
// The mixing step is the 8-byte step of XXH64 and its final avalanche: fixed for ever, on every machine.

const (
	prime1 = 0x9E3779B185EBCA87
	prime2 = 0xC2B2AE3D27D4EB4F
	prime3 = 0x165667B19E3779F9
	prime4 = 0x85EBCA77C2B2AE63
)

// The first word of every mix says what kind of object it is.
const (
	tagAsset uint64 = iota + 1
	tagInstrument
	tagFirm
	tagUser
	tagKey
	tagAccount
	tagBalance
	tagOrder
	tagRepeat
	tagTrade
	tagBook
	tagFull
	tagBusiness
	tagName
	tagRequest
	tagSession
)

// mix folds v into h.
func mix(h, v uint64) uint64 {
	h ^= bits.RotateLeft64(v*prime2, 31) * prime1
	return bits.RotateLeft64(h, 27)*prime1 + prime4
}

// seal spreads every bit of h over the whole word.
func seal(h uint64) uint64 {
	h = (h ^ h>>33) * prime2
	h = (h ^ h>>29) * prime3
	return h ^ h>>32
}

func mixText(h uint64, t *wire.Text) uint64 {
	for _, w := range t.Words() {
		h = mix(h, w)
	}
	return h
}

func mixAmount(h uint64, a wire.Amount) uint64 { return mix(mix(h, a.Lo), a.Hi) }

// word8 reads 8 bytes, little-endian.
func word8(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

// mixBytes folds a number of bytes that is a multiple of 8 into h.
func mixBytes(h uint64, b []byte) uint64 {
	for ; len(b) > 0; b = b[8:] {
		h = mix(h, word8(b))
	}
	return h
}

// Hashes returns the hash of everything that the engine's future depends on, and the business hash: books, balances and
// trades only, equal for runs that differ in timing, repeats and refusals. Neither depends on how commands were cut into
// batches. Its time does not depend on the state.
func (e *Engine) Hashes() (full, business uint64) {
	h := mix(mix(mix(tagBusiness, e.bookSum), e.money), e.chain)
	business = seal(h)

	h = mix(mix(tagFull, business), e.sum)
	h = mix(mix(h, e.seq), uint64(e.now))
	h = mix(mix(h, uint64(e.orderID)), uint64(e.tradeID))
	h = mix(mix(h, e.place), uint64(e.rules))
	h = mixText(h, &e.venue.Venue)
	h = mixBytes(h, e.venue.ClusterID[:])
	h = mixBytes(h, e.venue.OperatorPub[:])
	return seal(h), business
}

// rehashBook replaces a book's term in the business hash after a change. A command does it once for each book it changes,
// or for each order that it takes out.
func (e *Engine) rehashBook(id wire.InstrumentID) {
	h := bookTerm(id, e.book(id))
	e.bookSum += h - e.bookTerms[id-1]
	e.bookTerms[id-1] = h
}

func bookTerm(id wire.InstrumentID, b *book.Book) uint64 {
	return seal(mix(mix(tagBook, uint64(id)), b.Hash()))
}
