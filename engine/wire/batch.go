package wire

import (
	"encoding/binary"
	"fmt"
)

// BatchVersion is the version of the batch format, and of the commands in it.
const BatchVersion = 1

// BatchHeaderSize is the size of a batch's header in bytes.
const BatchHeaderSize = 28

const batchMagic = 0x42_58_4e_55 // "UNXB"

// Batch is the header of a batch: the payload of one log entry, followed by Count commands in wire form.
//
//	0 magic "UNXB" │ 4 version u16 │ 6 zero u16 │ 8 term u64 │ 16 sequence u64 │ 24 count u32 │ 28 commands
//
// Sequence counts the batches of one leader's term from 1. A batch whose predecessor is missing is dropped whole by
// every replica, so that commands are never reordered when a leader loses an entry (see engine.ApplyBatch).
type Batch struct {
	Term     uint64
	Sequence uint64
	Count    uint32
}

// AppendHeader appends the header to b.
func (h Batch) AppendHeader(b []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, batchMagic)
	b = binary.LittleEndian.AppendUint16(b, BatchVersion)
	b = binary.LittleEndian.AppendUint16(b, 0)
	b = binary.LittleEndian.AppendUint64(b, h.Term)
	b = binary.LittleEndian.AppendUint64(b, h.Sequence)
	return binary.LittleEndian.AppendUint32(b, h.Count)
}

// DecodeBatch reads a batch's header and returns the bytes of its commands.
func DecodeBatch(b []byte) (Batch, []byte, error) {
	if len(b) < BatchHeaderSize {
		return Batch{}, nil, fmt.Errorf("%w: batch of %d bytes", ErrFormat, len(b))
	}
	if m := binary.LittleEndian.Uint32(b); m != batchMagic {
		return Batch{}, nil, fmt.Errorf("%w: not a batch (magic %#x)", ErrFormat, m)
	}
	if v := binary.LittleEndian.Uint16(b[4:]); v != BatchVersion {
		return Batch{}, nil, fmt.Errorf("%w: batch version %d, this program reads %d", ErrFormat, v, BatchVersion)
	}
	if z := binary.LittleEndian.Uint16(b[6:]); z != 0 {
		return Batch{}, nil, fmt.Errorf("%w: batch with unknown flags %#x", ErrFormat, z)
	}
	return Batch{
		Term:     binary.LittleEndian.Uint64(b[8:]),
		Sequence: binary.LittleEndian.Uint64(b[16:]),
		Count:    binary.LittleEndian.Uint32(b[24:]),
	}, b[BatchHeaderSize:], nil
}
