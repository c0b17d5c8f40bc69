package flow

import (
	"bufio"
	"encoding/binary"
	"io"
)

// fileMagic begins every flow file: 32 bytes of header, then 32 bytes for each command, all little-endian.
//
//	header   0 "MEFLOW01" │ 8 commands of the fill u64 │ 16 commands of the bench phase u64 │ 24 symbols u64
//	command  0 kind u8 │ 1 side u8 (0 buy, 1 sell) │ 2 zero u16 │ 4 symbol u32 │ 8 id u64 │ 16 price i64 │ 24 qty u32 │ 28 user u32
const fileMagic = "MEFLOW01"

const recordSize = 32

// WriteTo writes the flow as a file and returns the bytes written.
func (f *Flow) WriteTo(w io.Writer) (int64, error) {
	out := bufio.NewWriterSize(w, 1<<16)
	var b [recordSize]byte
	copy(b[:], fileMagic)
	binary.LittleEndian.PutUint64(b[8:], uint64(f.FillLen))
	binary.LittleEndian.PutUint64(b[16:], uint64(len(f.Commands)-f.FillLen))
	binary.LittleEndian.PutUint64(b[24:], 1)
	written := int64(0)
	for i := -1; i < len(f.Commands); i++ {
		if i >= 0 {
			f.Commands[i].put(&b)
		}
		n, err := out.Write(b[:])
		written += int64(n)
		if err != nil {
			return written, err
		}
	}
	return written, out.Flush()
}

func (c *Command) put(b *[recordSize]byte) {
	b[0], b[1], b[2], b[3] = byte(c.Kind), byte(c.Side-1), 0, 0
	binary.LittleEndian.PutUint32(b[4:], c.Symbol)
	binary.LittleEndian.PutUint64(b[8:], uint64(c.ID))
	binary.LittleEndian.PutUint64(b[16:], uint64(c.Price))
	binary.LittleEndian.PutUint32(b[24:], uint32(c.Qty))
	binary.LittleEndian.PutUint32(b[28:], c.User)
}
