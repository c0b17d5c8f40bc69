package outbox

import (
	"encoding/binary"

	"uncross/engine/wire"
)

// The first byte of a key.
const (
	tagMeta    = 'M'
	tagGap     = 'G'
	tagSession = 'S'
	tagMessage = 'X'
	tagOrder   = 'O'
	tagEnded   = 'E'
)

var (
	metaPosition = []byte{tagMeta, 'p'} // seq u64, ord u32, last u8
	metaCluster  = []byte{tagMeta, 'c'} // 16 bytes
	metaEnded    = []byte{tagMeta, 'e'} // order u64, big-endian: nothing is known of how earlier orders ended
)

// key builds one key at a time in a buffer of its own. Numbers are big-endian, so that keys sort by them.
type key []byte

func newKey(tag byte) key { return append(make(key, 0, 32), tag) }

func (k key) u32(n uint32) key { return binary.BigEndian.AppendUint32(k, n) }
func (k key) u64(n uint64) key { return binary.BigEndian.AppendUint64(k, n) }

// message makes the key of a session's number.
func (k key) message(s wire.SessionID, epoch uint32, n uint64) key {
	return k.u32(uint32(s)).u32(epoch).u64(n)
}

const messageKeySize = 1 + 4 + 4 + 8

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
