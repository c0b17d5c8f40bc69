package wal

import (
	"bytes"
	"math/bits"
)

// This file reads Pebble's record files, its WALs and MANIFESTs, more strictly than Pebble does: every byte up to the end
// must be one that was written. Pebble's own reader takes damage near the end for the end, does not look at what fills blocks
// up, and believes a WAL's end mark by its number alone. For the format see Pebble's package record: blocks of 32 KiB with
// chunks in them, which have a checksum over everything but that and their length.

const (
	chunkBlock = 32 << 10
	// Sizes of a chunk's header: of a MANIFEST's, of a WAL's in the format before a store's, and of a WAL's.
	plainHeader, numberedHeader, syncedHeader = 7, 11, 19
)

// chunkFile is a record file.
type chunkFile struct {
	b      []byte
	isWAL  bool
	number uint32 // of a WAL
}

// chunk is one that is sound.
type chunk struct {
	size     int
	position int    // of its part of a record: 0 all of it, 1 first, 2 middle, 3 last
	synced   uint64 // a WAL's: up to where the file was durable when it was written
}

// chunkAt returns the chunk at an offset; false where there is no sound one of a WAL of that number.
func (f *chunkFile) chunkAt(at int, number uint32) (c chunk, ok bool) {
	b := f.b[at:f.blockEnd(at)]
	header := headerSize(b)
	if header == 0 || f.isWAL != (header > plainHeader) {
		return c, false
	}
	c.position = int(b[6]-1) % 4
	c.size = header + int(le.Uint16(b[4:]))
	if len(b) < c.size || f.isWAL && le.Uint32(b[7:]) != number {
		return c, false
	}
	if header == syncedHeader {
		c.synced = le.Uint64(b[11:])
	}
	return c, le.Uint32(b) == maskedCRC(b[6:c.size])
}

// headerSize is the size of the header that b begins with, by its kind; 0 where there is no such kind.
func headerSize(b []byte) int {
	if len(b) < plainHeader || b[6] == 0 || b[6] > 12 {
		return 0
	}
	return [...]int{plainHeader, numberedHeader, syncedHeader}[(b[6]-1)/4]
}

// maskedCRC is Pebble's checksum of a chunk.
func maskedCRC(b []byte) uint32 { return bits.RotateLeft32(crcOf(b), 17) + 0xa282ead8 }

// blockEnd is the end of the block that an offset is in.
func (f *chunkFile) blockEnd(at int) int { return min(at&^(chunkBlock-1)+chunkBlock, len(f.b)) }

// fills reports whether what is left of a block from an offset on is what fills a block up behind its last chunk.
func (f *chunkFile) fills(at int) bool {
	limit := plainHeader
	if f.isWAL {
		limit = syncedHeader
	}
	left := f.b[at:f.blockEnd(at)]
	return f.blockEnd(at)%chunkBlock == 0 && len(left) < limit && len(bytes.Trim(left, "\x00")) == 0
}

// end returns where the whole records end, and whether the mark that ends a WAL is there.
func (f *chunkFile) end() (at int, marked bool) {
	within, begun := false, 0 // a record, and where it begins
	for at < len(f.b) {
		c, ok := f.chunkAt(at, f.number)
		switch {
		case ok && within == (c.position >= 2):
			if !within {
				begun = at
			}
			within = c.position == 1 || c.position == 2
			at += c.size
			continue
		case !ok && f.fills(at):
			at = f.blockEnd(at)
			continue
		case !ok && !within && f.isWAL && bytes.HasPrefix(f.b[at:], f.mark()):
			return at, true
		}
		break
	}
	if within {
		at = begun
	}
	return at, false
}

// mark is what ends a WAL: the header of an empty chunk of the next number.
func (f *chunkFile) mark() []byte {
	b := make([]byte, numberedHeader)
	b[6] = 5
	le.PutUint32(b[7:], f.number+1)
	return b
}

// almostMarked reports whether an offset has the mark with one byte of it changed.
func (f *chunkFile) almostMarked(at int) bool {
	mark, wrong := f.mark(), 0
	for i, b := range f.b[at:min(at+len(mark), len(f.b))] {
		if b != mark[i] {
			wrong++
		}
	}
	return wrong == 1 && at+len(mark) <= len(f.b)
}

// promised reports whether something behind an offset shows that the offset was passed: a WAL's mark, or a sound chunk, in a WAL
// by what had been synced when it was written, in a MANIFEST by being there.
func (f *chunkFile) promised(at int) bool {
	if f.isWAL && bytes.Contains(f.b[at:], f.mark()) {
		return true
	}
	for i := at + 1; i < len(f.b); i++ {
		if c, ok := f.chunkAt(i, f.number); ok && (!f.isWAL || c.synced > uint64(at)) {
			return true
		}
	}
	return false
}

// reused reports whether there is a chunk of an earlier WAL behind an offset: Pebble writes a WAL over one that it needs no
// more.
func (f *chunkFile) reused(at int) bool {
	for i := at; i+numberedHeader <= len(f.b); i++ {
		if number := le.Uint32(f.b[i+7:]); number < f.number {
			if _, ok := f.chunkAt(i, number); ok {
				return true
			}
		}
	}
	return false
}

// cutOff reports whether the file ends within the chunk that begins at an offset.
func (f *chunkFile) cutOff(at int) bool {
	b := f.b[at:f.blockEnd(at)]
	atEnd := f.blockEnd(at) == len(f.b) && len(f.b)%chunkBlock != 0
	return atEnd && (len(b) < plainHeader || headerSize(b) > 0 && len(b) < headerSize(b)+int(le.Uint16(b[4:])))
}
