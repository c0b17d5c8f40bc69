package engine

import (
	"cmp"
	"encoding/binary"
	"io"
	"slices"

	"github.com/cespare/xxhash/v2"

	"uncross/internal/slab"
)

// SnapshotVersion is the version of the snapshot format that is written. Every earlier one is read: version 1, which had no
// sessions, is the same without their section.
const SnapshotVersion = 2

// A snapshot is canonical: the same state gives the same bytes, whatever its history in memory.
//
//	magic "UNXSNAP1" │ version u32 │ zero u32
//	section, eleven times:
//	    "SECB" │ section u32 │ record size u32
//	    block, any number: bytes u32 (1–65,536) │ records
//	    zero u32
//	    "SECE" │ section u32 │ records u64 │ XXH64 of the section up to here u64
//	"UNXE" │ XXH64 of all before u64
//
// All integers are little-endian. Definitions stand by id, balances by account and asset, orders by number, remembered
// requests by sort and place.
const (
	snapshotMagic = "UNXSNAP1"
	sectionBegin  = "SECB"
	sectionEnd    = "SECE"
	snapshotEnd   = "UNXE"
	blockBytes    = 1 << 16
	recordBytes   = 512 // more than any record takes
)

// Image is the engine's state at the moment of a Freeze. It may be written and released on any goroutine.
type Image struct {
	header      header
	priorities  []uint64 // of the books
	assets      *slab.View[asset]
	instruments *slab.View[instrument]
	firms       *slab.View[firm]
	users       *slab.View[user]
	keys        *slab.View[key]
	accounts    *slab.View[account]
	sessions    *slab.View[session]
	balances    *slab.View[balance]
	orders      *slab.View[order]
	repeats     *slab.View[repeat]
	past        [queues]list
}

// Freeze returns the state as it is now. It copies page directories only; the engine goes on, and copies a page before its
// first write to it until the image is released.
func (e *Engine) Freeze() *Image {
	img := &Image{
		assets: e.assets.Freeze(), instruments: e.instruments.Freeze(), firms: e.firms.Freeze(), users: e.users.Freeze(),
		keys: e.keys.Freeze(), accounts: e.accounts.Freeze(), sessions: e.sessions.Freeze(), balances: e.balances.Freeze(), orders: e.orders.Freeze(),
		repeats: e.repeats.Freeze(), past: e.past, priorities: make([]uint64, len(e.books)),
	}
	for i, b := range e.books {
		img.priorities[i] = b.Priority()
	}
	img.header = header{
		seq: e.seq, applied: e.applied, term: e.term, sequence: e.sequence, place: e.place, chain: e.chain,
		now: e.now, orderID: e.orderID, tradeID: e.tradeID, rules: e.rules, venue: e.venue,
	}
	img.header.full, img.header.business = e.Hashes()
	return img
}

// Release says that the image will not be used any more. It may be called more than once.
func (img *Image) Release() {
	img.assets.Release()
	img.instruments.Release()
	img.firms.Release()
	img.users.Release()
	img.keys.Release()
	img.accounts.Release()
	img.sessions.Release()
	img.balances.Release()
	img.orders.Release()
	img.repeats.Release()
}

// Seq returns the number of the last command in the image.
func (img *Image) Seq() uint64 { return img.header.seq }

// Applied returns the log index of the last entry in the image.
func (img *Image) Applied() uint64 { return img.header.applied }

// Hashes returns the full and the business hash of the state in the image.
func (img *Image) Hashes() (full, business uint64) { return img.header.full, img.header.business }

// WriteTo writes the image as a snapshot and returns the number of bytes. An error is one of w's.
func (img *Image) WriteTo(w io.Writer) (int64, error) {
	s := newSnapshotWriter(w)
	s.section(secHeader)
	img.header.walk(s.record())
	writeAll(s, secAssets, img.assets, (*asset).walk)
	s.section(secInstruments)
	for id := slab.Handle(1); id <= img.instruments.High(); id++ {
		img.instruments.At(id).walk(s.record(), &img.priorities[id-1])
	}
	writeAll(s, secFirms, img.firms, (*firm).walk)
	writeAll(s, secUsers, img.users, (*user).walk)
	writeAll(s, secKeys, img.keys, (*key).walk)
	writeAll(s, secAccounts, img.accounts, (*account).walk)
	s.section(secBalances)
	for _, k := range img.sortedBalances() {
		img.balances.At(k.h).walk(s.record())
	}
	s.section(secOrders)
	for _, k := range img.sortedOrders() {
		img.orders.At(k.h).walk(s.record())
	}
	s.section(secRepeats)
	img.writeRepeats(s)
	writeAll(s, secSessions, img.sessions, (*session).walk)
	return s.finish()
}

// writeAll writes a section of records that are never deleted, by id.
func writeAll[T any](s *snapshotWriter, sec section, v *slab.View[T], walk func(*T, *coder)) {
	s.section(sec)
	for h := slab.Handle(1); h <= v.High(); h++ {
		walk(v.At(h), s.record())
	}
}

// keyed is a handle beside what it is sorted by: a sort that looked that up in the slab would wait for memory.
type keyed struct {
	key uint64
	h   slab.Handle
}

// sortKeyed sorts by keys, of which no two are equal, or where that does not hold the snapshot is refused for it.
func sortKeyed(all []keyed) {
	slices.SortFunc(all, func(a, b keyed) int { return cmp.Compare(a.key, b.key) })
}

func (img *Image) sortedBalances() []keyed {
	var all []keyed
	for h := slab.Handle(1); h <= img.balances.High(); h++ {
		if b := img.balances.At(h); !b.isEmpty() {
			all = append(all, keyed{balanceKey(b.account, b.asset), h})
		}
	}
	sortKeyed(all)
	return all
}

func (img *Image) sortedOrders() []keyed {
	all := make([]keyed, 0, img.orders.Len())
	for h := slab.Handle(1); h <= img.orders.High(); h++ {
		if img.orders.Live(h) {
			all = append(all, keyed{uint64(img.orders.At(h).id), h})
		}
	}
	sortKeyed(all)
	return all
}

func (img *Image) writeRepeats(s *snapshotWriter) {
	for _, l := range img.past {
		for h := l.head; h != 0; h = img.repeats.At(h).links[ofVenue].next {
			img.repeats.At(h).walk(s.record())
		}
	}
}

// snapshotWriter frames records into blocks and sections. The first error of the writer below stays.
type snapshotWriter struct {
	w       io.Writer
	written int64
	err     error
	all     *xxhash.Digest
	part    *xxhash.Digest
	open    section
	size    uint32 // of this section's records; 0: not known yet
	records uint64
	block   []byte // length, then records
	last    coder  // the record being written
}

func newSnapshotWriter(w io.Writer) *snapshotWriter {
	s := &snapshotWriter{w: w, all: xxhash.New(), part: xxhash.New(), block: make([]byte, 4, blockBytes+recordBytes)}
	s.write(binary.LittleEndian.AppendUint64([]byte(snapshotMagic), SnapshotVersion))
	return s
}

func (s *snapshotWriter) write(b []byte) {
	if s.err != nil {
		return
	}
	n, err := s.w.Write(b)
	s.written += int64(n)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	s.err = err
	_, _ = s.all.Write(b)
	_, _ = s.part.Write(b)
}

// section ends the open section and begins another.
func (s *snapshotWriter) section(sec section) {
	s.close()
	s.part.Reset()
	s.open, s.size, s.records = sec, 0, 0
	b := binary.LittleEndian.AppendUint32([]byte(sectionBegin), uint32(sec))
	s.write(binary.LittleEndian.AppendUint32(b, uint32(recordSize(sec))))
}

// record returns where the next record is to be written.
func (s *snapshotWriter) record() *coder {
	size := recordSize(s.open)
	if len(s.block)+size > 4+blockBytes {
		s.flush()
	}
	n := len(s.block)
	s.block = s.block[:n+size]
	s.records++
	s.last = coder{b: s.block[n:], put: true}
	return &s.last
}

// flush writes the block.
func (s *snapshotWriter) flush() {
	if len(s.block) > 4 {
		binary.LittleEndian.PutUint32(s.block, uint32(len(s.block)-4))
		s.write(s.block)
		s.block = s.block[:4]
	}
}

func (s *snapshotWriter) close() {
	if s.open == 0 {
		return
	}
	s.flush()
	s.write([]byte{0, 0, 0, 0})
	b := binary.LittleEndian.AppendUint32([]byte(sectionEnd), uint32(s.open))
	s.write(binary.LittleEndian.AppendUint64(b, s.records))
	s.write(binary.LittleEndian.AppendUint64(nil, s.part.Sum64()))
}

func (s *snapshotWriter) finish() (int64, error) {
	s.close()
	s.write([]byte(snapshotEnd))
	s.write(binary.LittleEndian.AppendUint64(nil, s.all.Sum64()))
	return s.written, s.err
}
