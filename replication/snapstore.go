package replication

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/cespare/xxhash/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
)

// SnapshotStore keeps each snapshot in one file with one checksum over everything that is in it, what raft needs to know
// about it included:
//
//	magic │ header length u32 │ index u64 │ term u64 │ configuration index u64 │ configuration │ state … │
//	size of the state u64 │ flags u64 │ xxhash64 of all before u64 │ end magic
//
// Numbers are little-endian. The file's name is made of the index and the term; a file that is being written has another
// ending and is removed at the next start. A snapshot is there when its rename is durable.
//
// Raft's own FileSnapshotStore leaves its metadata without a checksum, and passes over a snapshot whose metadata cannot
// be read: with the log cut behind that snapshot, the one before it is not a state to start from.
type SnapshotStore struct {
	fs     vfs.FS
	dir    string
	retain int
	mu     sync.Mutex // one finishing and reaping at a time
}

const (
	snapshotMagic  = "UNXSNAP1"
	snapshotEnd    = "UNXSEND1"
	snapshotEnding = ".snapshot"
	tmpEnding      = ".tmp"

	fixedHeader  = len(snapshotMagic) + 4 + 3*8
	trailerSize  = 3*8 + len(snapshotEnd)
	maxHeader    = 1 << 20
	flagLocal    = 1 // made by this node, not sent by a leader
	bufferedSize = 1 << 18
)

// SyncPiece is how many bytes of a snapshot are written between two fsyncs. One fsync of the whole at the end could take longer
// than a disk that hangs is waited for, and the log's own would wait behind it.
const SyncPiece = 8 << 20

// OpenSnapshots opens the store in a directory of the disk; see OpenSnapshotsFS.
func OpenSnapshots(dir string, retain int) (*SnapshotStore, error) {
	return OpenSnapshotsFS(vfs.Default, dir, retain)
}

// OpenSnapshotsFS opens the store in dir of a file system, makes the directory where it is missing, and removes what an
// interrupted snapshot left behind. It looks at no snapshot yet.
func OpenSnapshotsFS(fs vfs.FS, dir string, retain int) (*SnapshotStore, error) {
	if retain < 1 {
		return nil, errors.New("replication: at least one snapshot must be retained")
	}
	s := &SnapshotStore{fs: fs, dir: dir, retain: retain}
	if err := fs.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("snapshot directory: %w", err)
	}
	if err := s.syncDir(fs.PathDir(dir)); err != nil {
		return nil, fmt.Errorf("snapshot directory: %w", err)
	}
	names, err := fs.List(dir)
	if err != nil {
		return nil, fmt.Errorf("snapshot directory: %w", err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, tmpEnding) {
			if err := fs.Remove(fs.PathJoin(dir, name)); err != nil {
				return nil, fmt.Errorf("removing an unfinished snapshot: %w", err)
			}
		}
	}
	return s, nil
}

// viewSnapshots is a store for reading only: nothing is made or removed.
func viewSnapshots(dir string) *SnapshotStore {
	return &SnapshotStore{fs: vfs.Default, dir: dir, retain: 1 << 30}
}

// names returns the snapshots' ids, newest first.
func (s *SnapshotStore) names() ([]string, error) {
	names, err := s.fs.List(s.dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("snapshot directory: %w", err)
	}
	var ids []string
	for _, name := range names {
		if id, ok := strings.CutSuffix(name, snapshotEnding); ok {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	slices.Reverse(ids)
	return ids, nil
}

func (s *SnapshotStore) path(id string) string { return s.fs.PathJoin(s.dir, id+snapshotEnding) }

func snapshotID(index, term uint64) string { return fmt.Sprintf("%020d-%020d", index, term) }

// List returns the snapshots, newest first. A newest snapshot that is damaged is an error; an older one is left out.
func (s *SnapshotStore) List() ([]*raft.SnapshotMeta, error) {
	ids, err := s.names()
	if err != nil {
		return nil, err
	}
	var metas []*raft.SnapshotMeta
	for i, id := range ids {
		f, h, err := s.header(id)
		if err == nil {
			err = f.Close()
		}
		switch {
		case err == nil:
			metas = append(metas, &h.meta)
		case i == 0:
			return nil, err
		}
	}
	return metas, nil
}

// Open returns a snapshot's state after its whole file has been checked.
func (s *SnapshotStore) Open(id string) (*raft.SnapshotMeta, io.ReadCloser, error) {
	f, h, err := s.verified(id)
	if err != nil {
		return nil, nil, err
	}
	body := io.NewSectionReader(f, h.start, h.meta.Size)
	return &h.meta, &snapshotBody{bufio.NewReaderSize(body, bufferedSize), f}, nil
}

type snapshotBody struct {
	*bufio.Reader
	f vfs.File
}

func (b *snapshotBody) Close() error { return b.f.Close() }

// snapshotHeader is what a snapshot's file says about its state.
type snapshotHeader struct {
	meta  raft.SnapshotMeta
	start int64 // of the state in the file
	local bool
	sum   uint64
	size  int64 // of the file
}

// header opens a snapshot and reads its header and trailer, without looking at the state between them.
func (s *SnapshotStore) header(id string) (vfs.File, snapshotHeader, error) {
	f, err := s.fs.Open(s.path(id))
	if err != nil {
		return nil, snapshotHeader{}, fmt.Errorf("snapshot %s: %w", id, err)
	}
	h, err := readHeader(f, id)
	if err != nil {
		_ = f.Close()
		return nil, snapshotHeader{}, fmt.Errorf("%w: snapshot %s: %w", ErrDamaged, s.path(id), err)
	}
	return f, h, nil
}

func readHeader(f vfs.File, id string) (snapshotHeader, error) {
	st, err := f.Stat()
	if err != nil {
		return snapshotHeader{}, err
	}
	size := st.Size()
	if size < int64(fixedHeader+trailerSize) {
		return snapshotHeader{}, fmt.Errorf("the file of %d bytes is cut off", size)
	}
	var head [fixedHeader]byte
	if _, err := f.ReadAt(head[:], 0); err != nil {
		return snapshotHeader{}, err
	}
	if string(head[:len(snapshotMagic)]) != snapshotMagic {
		return snapshotHeader{}, errors.New("the file does not begin as a snapshot of this version")
	}
	le := binary.LittleEndian
	n := int64(le.Uint32(head[8:]))
	if n < int64(fixedHeader) || n > maxHeader || n > size-int64(trailerSize) {
		return snapshotHeader{}, fmt.Errorf("a header of %d bytes cannot be", n)
	}
	conf := make([]byte, n-int64(fixedHeader))
	if _, err := f.ReadAt(conf, int64(fixedHeader)); err != nil {
		return snapshotHeader{}, err
	}
	var tail [trailerSize]byte
	if _, err := f.ReadAt(tail[:], size-int64(trailerSize)); err != nil {
		return snapshotHeader{}, err
	}
	h := snapshotHeader{start: n, size: size, local: le.Uint64(tail[8:])&flagLocal != 0, sum: le.Uint64(tail[16:])}
	h.meta = raft.SnapshotMeta{
		Version: 1, ID: id, Index: le.Uint64(head[12:]), Term: le.Uint64(head[20:]),
		ConfigurationIndex: le.Uint64(head[28:]), Size: size - n - int64(trailerSize),
	}
	switch {
	case string(tail[24:]) != snapshotEnd:
		return snapshotHeader{}, errors.New("the file does not end as a snapshot: it is cut off or damaged")
	case int64(le.Uint64(tail[:])) != h.meta.Size:
		return snapshotHeader{}, fmt.Errorf("the state has %d bytes, the file says %d", h.meta.Size, le.Uint64(tail[:]))
	case snapshotID(h.meta.Index, h.meta.Term) != id:
		return snapshotHeader{}, fmt.Errorf("the file says that it is index %d of term %d", h.meta.Index, h.meta.Term)
	}
	var decoded error
	h.meta.Configuration, decoded = decodeConfiguration(conf)
	return h, decoded
}

// decodeConfiguration is raft's, which panics on bytes that it cannot read.
func decodeConfiguration(b []byte) (c raft.Configuration, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the configuration cannot be read: %v", r)
		}
	}()
	return raft.DecodeConfiguration(b), nil
}

// verified opens a snapshot and checks every byte of it.
func (s *SnapshotStore) verified(id string) (vfs.File, snapshotHeader, error) {
	f, h, err := s.header(id)
	if err != nil {
		return nil, h, err
	}
	sum := xxhash.New()
	if _, err = io.Copy(sum, io.NewSectionReader(f, 0, h.size-16)); err == nil && sum.Sum64() != h.sum {
		err = fmt.Errorf("the checksum is %016x, the file says %016x", sum.Sum64(), h.sum)
	}
	if err != nil {
		_ = f.Close()
		return nil, h, fmt.Errorf("%w: snapshot %s: %w", ErrDamaged, s.path(id), err)
	}
	return f, h, nil
}

// Create begins a snapshot.
func (s *SnapshotStore) Create(version raft.SnapshotVersion, index, term uint64, configuration raft.Configuration, configurationIndex uint64, _ raft.Transport) (raft.SnapshotSink, error) {
	if version != 1 {
		return nil, fmt.Errorf("snapshot version %d is not known", version)
	}
	conf := raft.EncodeConfiguration(configuration)
	if fixedHeader+len(conf) > maxHeader {
		return nil, errors.New("the configuration is too large for a snapshot")
	}
	id := snapshotID(index, term)
	f, err := s.fs.Create(s.path(id)+tmpEnding, vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, fmt.Errorf("beginning a snapshot: %w", err)
	}
	k := &snapshotSink{store: s, id: id, f: f, sum: xxhash.New()}
	k.w = bufio.NewWriterSize(io.MultiWriter(k.sum, &pieces{f: f}), bufferedSize)
	le := binary.LittleEndian
	head := []byte(snapshotMagic)
	head = le.AppendUint32(head, uint32(fixedHeader+len(conf)))
	head = le.AppendUint64(head, index)
	head = le.AppendUint64(head, term)
	head = le.AppendUint64(head, configurationIndex)
	if _, err := k.w.Write(append(head, conf...)); err != nil {
		return nil, errors.Join(fmt.Errorf("beginning a snapshot: %w", err), k.Cancel())
	}
	return k, nil
}

// snapshotSink is a snapshot that is being written.
type snapshotSink struct {
	store *SnapshotStore
	id    string
	f     vfs.File
	w     *bufio.Writer
	sum   *xxhash.Digest
	size  uint64
	flags uint64
	done  bool
}

// pieces writes to a file that is made durable a SyncPiece at a time.
type pieces struct {
	f     vfs.File
	dirty int // bytes since the last fsync
}

func (p *pieces) Write(b []byte) (int, error) {
	n, err := p.f.Write(b)
	if p.dirty += n; err == nil && p.dirty >= SyncPiece {
		p.dirty = 0
		err = p.f.Sync()
	}
	return n, err
}

func (k *snapshotSink) ID() string { return k.id }

func (k *snapshotSink) markLocal() { k.flags |= flagLocal }

func (k *snapshotSink) Write(p []byte) (int, error) {
	n, err := k.w.Write(p)
	k.size += uint64(n)
	return n, err
}

// Close makes the snapshot durable and removes those that are not retained. Once it has returned nil the log may be cut.
func (k *snapshotSink) Close() error {
	if k.done {
		return nil
	}
	if err := k.finish(); err != nil {
		return errors.Join(fmt.Errorf("finishing a snapshot: %w", err), k.Cancel())
	}
	return k.store.reap()
}

func (k *snapshotSink) finish() error {
	le := binary.LittleEndian
	tail := le.AppendUint64(le.AppendUint64(nil, k.size), k.flags)
	if _, err := k.w.Write(tail); err != nil {
		return err
	}
	if err := k.w.Flush(); err != nil { // the checksum has now seen all of it
		return err
	}
	if _, err := k.f.Write(append(le.AppendUint64(nil, k.sum.Sum64()), snapshotEnd...)); err != nil {
		return err
	}
	if err := k.f.Sync(); err != nil {
		return err
	}
	if err := k.closeFile(); err != nil {
		return err
	}
	k.store.mu.Lock()
	defer k.store.mu.Unlock()
	if err := k.store.fs.Rename(k.store.path(k.id)+tmpEnding, k.store.path(k.id)); err != nil {
		return err
	}
	k.done = true
	return k.store.syncDir(k.store.dir)
}

// Cancel gives the snapshot up.
func (k *snapshotSink) Cancel() error {
	if k.done {
		return nil
	}
	k.done = true
	_ = k.closeFile() // what is in it is not wanted
	return k.store.fs.Remove(k.store.path(k.id) + tmpEnding)
}

// closeFile closes the file, once: what is renamed is closed, and may still be given up.
func (k *snapshotSink) closeFile() error {
	f := k.f
	if k.f = nil; f == nil {
		return nil
	}
	return f.Close()
}

// reap removes the snapshots that are not retained.
func (s *SnapshotStore) reap() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids, err := s.names()
	if err != nil {
		return err
	}
	for _, id := range ids[min(s.retain, len(ids)):] {
		if err := s.fs.Remove(s.path(id)); err != nil {
			return fmt.Errorf("removing an old snapshot: %w", err)
		}
	}
	return nil
}

// syncDir makes changes of a directory's entries durable.
func (s *SnapshotStore) syncDir(dir string) error {
	d, err := s.fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
