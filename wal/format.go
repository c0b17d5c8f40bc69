package wal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/hashicorp/raft"
)

// FormatVersion is the version of the layout described in the package comment.
// A store with a greater version is refused.
const FormatVersion = 1

// Limits. A write beyond one of them is refused with an error and changes nothing.
const (
	MaxData        = 1 << 20  // bytes of one entry's data; raft suggests 512 KiB at most
	MaxExtensions  = 64 << 10 // bytes of one entry's extensions
	MaxBatch       = 1 << 30  // bytes of all records of one StoreLogs
	MaxStableKey   = 256      // bytes of a stable value's key
	MaxStableValue = 64 << 10 // bytes of a stable value
	MaxStableKeys  = 64       // stable values in a store (raft uses three)
	MaxCluster     = 64       // bytes of the cluster id
)

const (
	recordHeader  = 48
	recordVersion = 1
	stateSize     = 72
	logKeySize    = 9
)

const (
	prefixLog    = 'l'
	prefixStable = 's'
)

var (
	keyIdentity = []byte{'f'}
	keyState    = []byte{'t'}

	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	le         = binary.LittleEndian
)

func crcOf(parts ...[]byte) uint32 {
	var c uint32
	for _, p := range parts {
		c = crc32.Update(c, castagnoli, p)
	}
	return c
}

// logKey is the Pebble key of the record at index.
func logKey(index uint64) []byte {
	k := make([]byte, logKeySize)
	k[0] = prefixLog
	binary.BigEndian.PutUint64(k[1:], index)
	return k
}

// logBounds are the bounds of all log keys: lower is in, upper is out.
func logBounds() (lower, upper []byte) { return []byte{prefixLog}, []byte{prefixLog + 1} }

// logIndex is the index in a log key; false if k is no log key.
func logIndex(k []byte) (uint64, bool) {
	if len(k) != logKeySize || k[0] != prefixLog {
		return 0, false
	}
	return binary.BigEndian.Uint64(k[1:]), true
}

func recordSize(l *raft.Log) int { return recordHeader + len(l.Data) + len(l.Extensions) }

// appendRecord appends l's record to dst; prev is the hash of the record before it.
func appendRecord(dst []byte, l *raft.Log, prev uint64) []byte {
	start := len(dst)
	var h [recordHeader]byte
	h[4] = recordVersion
	h[5] = byte(l.Type)
	le.PutUint64(h[8:], l.Index)
	le.PutUint64(h[16:], l.Term)
	if !l.AppendedAt.IsZero() {
		le.PutUint64(h[24:], uint64(l.AppendedAt.UnixNano()))
	}
	le.PutUint64(h[32:], prev)
	le.PutUint32(h[40:], uint32(len(l.Data)))
	le.PutUint32(h[44:], uint32(len(l.Extensions)))
	dst = append(dst, h[:]...)
	dst = append(dst, l.Data...)
	dst = append(dst, l.Extensions...)
	le.PutUint32(dst[start:], crcOf(dst[start+4:]))
	return dst
}

// record is a decoded record. Its slices are parts of the buffer it was decoded from.
type record struct {
	index, term uint64
	typ         raft.LogType
	appendedAt  int64 // Unix ns, 0 unknown
	prev        uint64
	data, ext   []byte
}

var (
	errShort    = errors.New("the record is shorter than its header")
	errChecksum = errors.New("the record's checksum is wrong")
)

// parseRecord splits b without checking its checksum, for records that were
// checked before.
func parseRecord(b []byte) (record, error) {
	if len(b) < recordHeader {
		return record{}, errShort
	}
	if b[4] != recordVersion {
		return record{}, fmt.Errorf("the record's version is %d, this binary knows %d", b[4], recordVersion)
	}
	if b[6]|b[7] != 0 {
		return record{}, errors.New("the record's reserved bytes are not zero")
	}
	d, x := uint64(le.Uint32(b[40:])), uint64(le.Uint32(b[44:]))
	if d+x != uint64(len(b)-recordHeader) {
		return record{}, fmt.Errorf("the record has %d bytes, its header says %d", len(b), recordHeader+d+x)
	}
	r := record{
		typ:        raft.LogType(b[5]),
		index:      le.Uint64(b[8:]),
		term:       le.Uint64(b[16:]),
		appendedAt: int64(le.Uint64(b[24:])),
		prev:       le.Uint64(b[32:]),
	}
	end := recordHeader + d
	if d > 0 {
		r.data = b[recordHeader:end:end]
	}
	if x > 0 {
		r.ext = b[end:len(b):len(b)]
	}
	return r, nil
}

// decodeRecord checks b's checksum and splits it.
func decodeRecord(b []byte) (record, error) {
	if len(b) < recordHeader {
		return record{}, errShort
	}
	if le.Uint32(b) != crcOf(b[4:]) {
		return record{}, errChecksum
	}
	return parseRecord(b)
}

// fill writes r into l. The slices are shared with the buffer r was decoded from.
func (r *record) fill(l *raft.Log) {
	*l = raft.Log{Index: r.index, Term: r.term, Type: r.typ, Data: r.data, Extensions: r.ext}
	if r.appendedAt != 0 {
		l.AppendedAt = time.Unix(0, r.appendedAt)
	}
}

// chainHash is the hash of a whole record, which the next record carries.
func chainHash(rec []byte) uint64 { return xxhash.Sum64(rec) }

// state is what every batch rewrites; see the package comment.
type state struct {
	seq         uint64 // write number
	first, last uint64 // both 0: the log is empty
	baseHash    uint64 // hash before the first record
	lastHash    uint64 // hash of the last record
	bytes       uint64 // sum of record sizes
	commit      uint64 // staged by raft
	stable      uint64 // digest of the stable values
}

func (s *state) empty() bool { return s.last == 0 }

func (s *state) encode() []byte {
	b := make([]byte, stateSize)
	le.PutUint32(b[4:], FormatVersion)
	for i, v := range s.fields() {
		le.PutUint64(b[8+8*i:], *v)
	}
	le.PutUint32(b, crcOf(b[4:]))
	return b
}

func (s *state) fields() [8]*uint64 {
	return [8]*uint64{&s.seq, &s.first, &s.last, &s.baseHash, &s.lastHash, &s.bytes, &s.commit, &s.stable}
}

func decodeState(b []byte) (state, error) {
	var s state
	if len(b) != stateSize {
		return s, fmt.Errorf("the state has %d bytes, want %d", len(b), stateSize)
	}
	if le.Uint32(b) != crcOf(b[4:]) {
		return s, errors.New("the state's checksum is wrong")
	}
	if v := le.Uint32(b[4:]); v != FormatVersion {
		return s, fmt.Errorf("the state's version is %d, this binary knows %d", v, FormatVersion)
	}
	for i, v := range s.fields() {
		*v = le.Uint64(b[8+8*i:])
	}
	if s.seq == 0 || (s.first == 0) != (s.last == 0) || s.first > s.last {
		return s, fmt.Errorf("the state makes no sense: write %d, indexes %d to %d", s.seq, s.first, s.last)
	}
	return s, nil
}

// stableKey is the Pebble key of a stable value.
func stableKey(key []byte) []byte { return append([]byte{prefixStable}, key...) }

// encodeStable is the Pebble value of a stable value; k is its Pebble key.
func encodeStable(k, val []byte) []byte {
	b := make([]byte, 4, 4+len(val))
	le.PutUint32(b, crcOf(k, val))
	return append(b, val...)
}

func decodeStable(k, b []byte) ([]byte, error) {
	if len(b) < 4 || le.Uint32(b) != crcOf(k, b[4:]) {
		return nil, fmt.Errorf("the checksum of the stable value %q is wrong", k[1:])
	}
	return b[4:], nil
}

// stableHash is one value's part of the digest. Parts are added, so that one
// can be taken out again.
func stableHash(key string, val []byte) uint64 {
	d := xxhash.New()
	var n [8]byte
	le.PutUint64(n[:], uint64(len(key)))
	_, _ = d.Write(n[:])
	_, _ = d.WriteString(key)
	_, _ = d.Write(val)
	return d.Sum64()
}
