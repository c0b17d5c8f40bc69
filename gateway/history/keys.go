package history

import (
	"encoding/binary"

	"uncross/engine/wire"
)

// The first byte of a key.
const (
	tagMeta       = 'M'
	tagGap        = 'G'
	tagInstrument = 'I'
	tagEvent      = 'E'
	tagTrade      = 'T'
	tagFill       = 'F'
	tagOrder      = 'O'
	tagOfAccount  = 'A'
	tagClientID   = 'C'
	tagLedger     = 'L'
	tagBalance    = 'B'
	tagNumber     = 'N'
	tagAccount    = 'P'
	tagCandle     = 'K'
	tagSums       = 'S'
)

var (
	metaPosition  = []byte{tagMeta, 'p'} // seq u64, ord u32, last u8
	metaFrom      = []byte{tagMeta, 'f'} // u64
	metaCluster   = []byte{tagMeta, 'c'} // 16 bytes
	metaGone      = []byte{tagMeta, 'k'} // seq u64, ord u32, time u64
	metaEstimates = []byte{tagMeta, 'e'} // empty; there while balances may be estimates
)

// key builds one key at a time in a buffer of its own.
type key []byte

func newKey(tag byte) key { return append(make(key, 0, 64), tag) }

func (k key) u32(n uint32) key { return binary.BigEndian.AppendUint32(k, n) }
func (k key) u64(n uint64) key { return binary.BigEndian.AppendUint64(k, n) }

func (k key) event(seq uint64, ord uint32) key { return k.u64(seq).u32(ord) }

func (k key) account(a wire.AccountID) key { return k.u32(uint32(a)) }

func (k key) text(t wire.Text) key { return append(k, t.Bytes()...) }

// after returns the first key behind all that begin with k.
func (k key) after() key {
	end := append(make(key, 0, len(k)), k...)
	for i := len(end) - 1; i >= 0; i-- {
		end[i]++
		if end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}
