package replication

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/hashicorp/raft"

	"uncross/engine"
)

// Restoration says what a backup becomes: the data of the only voter of a new cluster.
type Restoration struct {
	NodeID  string // of that node
	Address string // at which others reach it; "": its id, as a node has it that is alone
	// Log must be empty. It is opened and closed by the caller, and whole when it is closed without an error.
	Log LogStore
	// Snapshots must be empty; nil: a SnapshotStore in SnapshotDir.
	Snapshots   raft.SnapshotStore
	SnapshotDir string
	Skip        []uint64     // as Config.Skip
	Logger      *slog.Logger // nil: silent
}

// Restored says what RestoreData has found and written.
type Restored struct {
	Info     BackupInfo
	Snapshot uint64 // command at which the restored snapshot ends: no store of events may end before it …
	State           // … nor behind the state at the end
	Index    uint64 // of the log's last entry, which makes the node the only voter
	Term     uint64 // of that entry
}

// restoreBatch is how many bytes of entries are written at once.
const restoreBatch = 4 << 20

// RestoreData makes the data of a new cluster of one node from a backup in dir. It first reads all of it, applies the log to
// the state, and compares the hashes with those of the node that made the backup; nothing is written before. With an error
// what was written is of no use.
//
// What the backed-up cluster had for members is in its log still, and the last entry takes them away: the new node is the
// only voter from its first start on, and others join it as learners. Its entry is of a term that no entry in the backup
// has. That nodes of the old cluster do not meet it is what the incarnation of genesis.json is for.
func RestoreData(dir string, to Restoration) (Restored, error) {
	r, err := restoreData(dir, &to)
	if err != nil {
		return Restored{}, fmt.Errorf("restoring %s: %w", dir, err)
	}
	return r, nil
}

func restoreData(dir string, to *Restoration) (Restored, error) {
	orElse(&to.NodeID, DefaultNodeID)
	orElse(&to.Address, to.NodeID)
	if to.Logger == nil {
		to.Logger = slog.New(slog.DiscardHandler)
	}
	if to.Snapshots == nil {
		s, err := OpenSnapshots(to.SnapshotDir, RetainSnapshots)
		if err != nil {
			return Restored{}, err
		}
		to.Snapshots = s
	}
	if err := to.vacant(); err != nil {
		return Restored{}, err
	}
	x := &restoring{dir: dir, to: to}
	if err := x.check(); err != nil {
		return x.r, err
	}
	return x.r, x.write()
}

// vacant refuses to write over anything.
func (to *Restoration) vacant() error {
	last, err := to.Log.LastIndex()
	if err != nil {
		return err
	}
	metas, err := to.Snapshots.List()
	if err != nil {
		return err
	}
	if last > 0 || len(metas) > 0 {
		return errors.New("there are data where it is to be restored to: give an empty directory")
	}
	return nil
}

// restoring is a RestoreData that is going on.
type restoring struct {
	dir  string
	to   *Restoration
	r    Restored
	term uint64 // of the last entry
}

// check reads the whole backup and applies it.
func (x *restoring) check() (err error) {
	if x.r.Info, err = ReadBackup(x.dir); err != nil {
		return err
	}
	info := &x.r.Info
	play := inspection{snapshot: info.SnapshotIndex, term: info.SnapshotTerm, skip: make(map[uint64]bool), engine: engine.New()}
	for _, index := range x.to.Skip {
		play.skip[index] = true
	}
	if info.SnapshotIndex > 0 {
		if play.engine, err = x.state(); err != nil {
			return err
		}
	}
	x.r.Snapshot = play.engine.Seq()
	play.remember()
	if err = x.entries(play.entry); err != nil {
		return err
	}
	play.state()
	x.r.State = play.found.State
	s := &x.r.State
	if s.Applied != info.Applied || s.Seq != info.Command || hexHash(s.FullHash) != info.FullHash || hexHash(s.BusinessHash) != info.BusinessHash {
		return fmt.Errorf("%w: the backup comes to command %d with the hash %016x, and was made at command %d with %s", ErrDamaged, s.Seq, s.FullHash, info.Command, info.FullHash)
	}
	return nil
}

// state makes the engine of the backup's state.
func (x *restoring) state() (*engine.Engine, error) {
	f, err := os.Open(filepath.Join(x.dir, BackupStateFile))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	e, err := RestoreEngine(bufio.NewReaderSize(f, bufferedSize))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("%w: the state of the backup: %w", ErrDamaged, err)
	}
	if e.Applied() > x.r.Info.SnapshotIndex {
		return nil, fmt.Errorf("%w: the backup's state is of entry %d, and is said to be of %d", ErrDamaged, e.Applied(), x.r.Info.SnapshotIndex)
	}
	return e, nil
}

// entries calls fn with every entry of the backup's log, and checks that none is missing.
func (x *restoring) entries(fn func(*raft.Log) error) error {
	f, err := os.Open(filepath.Join(x.dir, BackupLogFile))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, bufferedSize)
	magic := make([]byte, len(backupLogMagic))
	if _, err := io.ReadFull(r, magic); err != nil || string(magic) != backupLogMagic {
		return fmt.Errorf("%w: the log of the backup does not begin as one of this version", ErrDamaged)
	}
	info := &x.r.Info
	x.term = info.SnapshotTerm
	for want := info.First; want <= info.Last && want > 0; want++ {
		l, err := readBackupEntry(r)
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("%w: the log of the backup ends before entry %d of %d", ErrDamaged, want, info.Last)
		}
		if err != nil {
			return err
		}
		if l.Index != want || l.Term < x.term {
			return fmt.Errorf("%w: the log of the backup has entry %d of term %d where %d is to be, behind term %d", ErrDamaged, l.Index, l.Term, want, x.term)
		}
		x.term = l.Term
		if err := fn(l); err != nil {
			return err
		}
	}
	if _, err := r.ReadByte(); err != io.EOF {
		return fmt.Errorf("%w: the log of the backup goes on behind entry %d", ErrDamaged, info.Last)
	}
	return nil
}

// write makes snapshot and log.
func (x *restoring) write() error {
	info, to := &x.r.Info, x.to
	voter := raft.Server{Suffrage: raft.Voter, ID: raft.ServerID(to.NodeID), Address: raft.ServerAddress(to.Address)}
	alone := raft.Configuration{Servers: []raft.Server{voter}}
	if info.SnapshotIndex > 0 {
		if err := x.snapshot(alone); err != nil {
			return fmt.Errorf("writing the snapshot: %w", err)
		}
	}
	last := raft.Log{Index: max(info.Last, info.SnapshotIndex) + 1, Term: max(info.Term, x.term) + 1, Type: raft.LogConfiguration, Data: raft.EncodeConfiguration(alone)}
	if err := to.Log.SetUint64(keyCurrentTerm, last.Term); err != nil {
		return fmt.Errorf("writing the term: %w", err)
	}
	var batch []*raft.Log
	size := 0
	add := func(l *raft.Log) error {
		batch, size = append(batch, l), size+len(l.Data)+len(l.Extensions)
		if size < restoreBatch && l.Index < last.Index {
			return nil
		}
		err := to.Log.StoreLogs(batch)
		batch, size = nil, 0
		return err
	}
	err := x.entries(add)
	if err == nil {
		err = add(&last)
	}
	if err != nil {
		return fmt.Errorf("writing the log: %w", err)
	}
	x.r.Index, x.r.Term = last.Index, last.Term
	to.Logger.Info("restored", "node", to.NodeID, "command", x.r.Seq, "snapshot", info.SnapshotIndex, "last", last.Index, "term", last.Term)
	return nil
}

// snapshot writes the backup's state as this node's own snapshot: it does not replace a log, which must go on from it.
func (x *restoring) snapshot(conf raft.Configuration) error {
	info := &x.r.Info
	f, err := os.Open(filepath.Join(x.dir, BackupStateFile))
	if err != nil {
		return err
	}
	defer f.Close()
	sink, err := x.to.Snapshots.Create(1, info.SnapshotIndex, info.SnapshotTerm, conf, info.SnapshotIndex, nil)
	if err != nil {
		return err
	}
	if l, ok := sink.(localSink); ok {
		l.markLocal()
	}
	if _, err := io.Copy(sink, f); err != nil {
		return errors.Join(err, sink.Cancel())
	}
	return sink.Close()
}
