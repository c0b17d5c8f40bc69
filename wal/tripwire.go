package wal

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/cespare/xxhash/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	tripBlock     = 4096 // each part in a block of its own, so that one torn write harms one part
	tripSize      = 3 * tripBlock
	tripSlotSize  = 8 + stateSize
	identitySize  = 8 + 4 + 4 + 16 + 1 + MaxCluster
	identityMagic = "UNCRXWAL"
)

// identity says whose log this is. It is in the tripwire file and in Pebble.
type identity struct {
	version uint32
	store   [16]byte
	cluster string
}

func newIdentity(cluster string) identity {
	id := identity{version: FormatVersion, cluster: cluster}
	_, _ = rand.Read(id.store[:]) // never fails
	return id
}

func (id *identity) storeID() string { return hex.EncodeToString(id.store[:]) }

// genesis is the hash before the first record of a new store.
func (id *identity) genesis() uint64 { return xxhash.Sum64(id.store[:]) }

func (id *identity) encode() []byte {
	b := make([]byte, identitySize)
	copy(b, identityMagic)
	le.PutUint32(b[12:], id.version)
	copy(b[16:], id.store[:])
	b[32] = byte(len(id.cluster))
	copy(b[33:], id.cluster)
	le.PutUint32(b[8:], crcOf(b[12:]))
	return b
}

// errNewer is wrapped by every refusal of a newer format.
var errNewer = errors.New("the store was written by a newer version")

func decodeIdentity(b []byte) (identity, error) {
	var id identity
	if len(b) < identitySize || string(b[:8]) != identityMagic {
		return id, errors.New("this is not the identity of a log store")
	}
	b = b[:identitySize]
	if le.Uint32(b[8:]) != crcOf(b[12:]) {
		return id, errors.New("the checksum of the store's identity is wrong")
	}
	id.version = le.Uint32(b[12:])
	if id.version > FormatVersion {
		return id, fmt.Errorf("%w: its format is %d, this binary knows up to %d; use the newer binary", errNewer, id.version, FormatVersion)
	}
	if id.version == 0 || int(b[32]) > MaxCluster {
		return id, errors.New("the store's identity makes no sense")
	}
	copy(id.store[:], b[16:])
	id.cluster = string(b[33 : 33+int(b[32])])
	return id, nil
}

// tripwire is what was read from a tripwire file.
type tripwire struct {
	path  string
	raw   []byte // the whole file
	id    identity
	slots [2]state
	valid [2]bool
}

// newest is the valid slot with the greatest write number; false if there is none.
func (t *tripwire) newest() (state, bool) {
	switch {
	case t.valid[0] && (!t.valid[1] || t.slots[0].seq >= t.slots[1].seq):
		return t.slots[0], true
	case t.valid[1]:
		return t.slots[1], true
	}
	return state{}, false
}

// unclean is the offset of a byte that is to be zero and is not; -1 if there is none.
func (t *tripwire) unclean() int {
	for i, used := range []int{identitySize, tripSlotSize, tripSlotSize} {
		for at := i*tripBlock + used; at < min((i+1)*tripBlock, len(t.raw)); at++ {
			if t.raw[at] != 0 {
				return at
			}
		}
	}
	return -1
}

func encodeSlot(id *identity, s *state) []byte {
	b := make([]byte, 8, tripSlotSize)
	b = append(b, s.encode()...)
	le.PutUint32(b, crcOf(id.store[:], b[4:]))
	return b
}

func decodeSlot(id *identity, b []byte) (state, error) {
	if len(b) < tripSlotSize {
		return state{}, io.ErrUnexpectedEOF
	}
	b = b[:tripSlotSize]
	if le.Uint32(b) != crcOf(id.store[:], b[4:]) {
		return state{}, errors.New("the block's checksum is wrong")
	}
	return decodeState(b[8:])
}

// encodeTripwire is the whole file with s in both slots.
func encodeTripwire(id *identity, s *state) []byte {
	b := make([]byte, tripSize)
	copy(b, id.encode())
	copy(b[tripBlock:], encodeSlot(id, s))
	copy(b[2*tripBlock:], encodeSlot(id, s))
	return b
}

// readTripwire reads a tripwire file. What cannot be read of it is damage; the error is fs.ErrNotExist where there is none.
func readTripwire(fs vfs.FS, path string) (*tripwire, error) {
	b, err := readFile(fs, path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	var id identity
	if err == nil {
		id, err = decodeIdentity(b)
	}
	if errors.Is(err, errNewer) {
		return nil, err
	}
	if err != nil {
		return nil, &Damage{File: path, Offset: 0, What: err.Error(), Advice: adviceTripwire, cause: err}
	}
	t := &tripwire{path: path, raw: b, id: id}
	b = append(b, bytes.Repeat([]byte{0}, max(0, tripSize-len(b)))...)
	for i := range t.slots {
		s, err := decodeSlot(&id, b[(1+i)*tripBlock:])
		t.slots[i], t.valid[i] = s, err == nil
	}
	return t, nil
}

// tripwireFile writes the slots of an open store.
type tripwireFile struct {
	f  vfs.File
	id identity
}

// openTripwire opens the file for writing and writes s to both slots, one after
// the other, each synced, so that at every moment one of them is good.
func openTripwire(fs vfs.FS, path string, id identity, s *state) (*tripwireFile, error) {
	f, err := fs.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, err
	}
	t := &tripwireFile{f: f, id: id}
	for i := range uint64(2) {
		err := t.writeSlot(s.seq+i, s)
		if err == nil {
			err = f.Sync()
		}
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	return t, nil
}

// write puts s, which is durable, into the slot of its write number. No fsync.
func (t *tripwireFile) write(s *state) error { return t.writeSlot(s.seq, s) }

func (t *tripwireFile) writeSlot(n uint64, s *state) error {
	_, err := t.f.WriteAt(encodeSlot(&t.id, s), int64(1+n%2)*tripBlock)
	return err
}

// close syncs and closes the file.
func (t *tripwireFile) close() error { return errors.Join(t.f.Sync(), t.f.Close()) }

// writeFileSync writes a new file under a temporary name, syncs it, renames it and syncs its directory.
func writeFileSync(fs vfs.FS, path string, b []byte) error {
	tmp := path + ".tmp"
	f, err := fs.Create(tmp, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	if _, err = f.Write(b); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := fs.Rename(tmp, path); err != nil {
		return err
	}
	return syncDir(fs, fs.PathDir(path))
}

func readFile(fs vfs.FS, path string) ([]byte, error) {
	f, err := fs.Open(path)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(f)
	return b, errors.Join(err, f.Close())
}

func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
