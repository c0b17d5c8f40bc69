package replication

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/hashicorp/raft"
)

// Names in the directory of a backup.
const (
	BackupInfoFile  = "backup.json" // BackupInfo
	BackupStateFile = "state"       // the engine's state as a snapshot has it; missing: the log begins at entry 1
	BackupLogFile   = "log"         // the entries behind it, see writeBackupEntry
)

// BackupFormat is what BackupInfo says that a backup is. The number changes with the files.
const BackupFormat = "uncross-core-backup-1"

// BackupInfo says what a backup of the core has. Indexes and terms are raft's; hashes are in hex.
type BackupInfo struct {
	Format        string `json:"format"`
	NodeID        string `json:"node"`           // that made it
	MadeNs        int64  `json:"made_ns"`        // its wall clock then, ns since the Unix epoch
	Term          uint64 `json:"term"`           // its term then
	SnapshotIndex uint64 `json:"snapshot_index"` // of the state; 0: there is none
	SnapshotTerm  uint64 `json:"snapshot_term"`
	StateBytes    int64  `json:"state_bytes"`
	First         uint64 `json:"first"` // entries of the log; 0: there are none
	Last          uint64 `json:"last"`
	Applied       uint64 `json:"applied"` // the last entry with commands, where the rest was read
	Command       uint64 `json:"command"` // the last command
	TimeNs        int64  `json:"time_ns"` // engine time of it
	FullHash      string `json:"full_hash"`
	BusinessHash  string `json:"business_hash"`
}

// Backup writes a copy of the core to dir, which it makes, while the node goes on (with an error nothing is left): a state of the engine, and the entries
// behind it up to the last one that this node has applied. RestoreData makes the data of a new node from it.
//
//	snapshot ─▶ stores() copies the stores of events ─▶ log, up to what is applied now ─▶ the snapshot's state
//	└────────────── no other snapshot, so that the log is not cut ──────────────────┘
//
// The order is what makes the parts fit: no snapshot is beyond what a store has durably, and the log ends behind what a
// store has. So stores must only make the copies (Checkpoint), which takes little time, and not send them anywhere. Where
// no snapshot can be taken at the moment the newest one there is will do, with more of the log.
//
// Everything that this node had answered when Backup was called is in it. A follower backs up what it has applied: what the
// leader has answered a moment ago may be missing.
func (n *Node) Backup(dir string, stores func() error) (BackupInfo, error) {
	err := n.usable()
	if err == nil && !n.Live() {
		err = ErrNotReady // the stores may not have the snapshot's image yet
	}
	if err != nil {
		return BackupInfo{}, fmt.Errorf("backup: %w", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return BackupInfo{}, fmt.Errorf("backup: %w", err)
	}
	b := &backup{node: n, dir: dir}
	if err := b.make(stores); err != nil {
		return BackupInfo{}, errors.Join(fmt.Errorf("backup: %w", err), os.RemoveAll(dir))
	}
	n.cfg.Logger.Info("backup", "command", b.info.Command, "snapshot", b.info.SnapshotIndex, "first", b.info.First, "last", b.info.Last)
	return b.info, nil
}

// backup is a Backup that is going on.
type backup struct {
	node *Node
	dir  string
	info BackupInfo
}

func (b *backup) make(stores func() error) error {
	if err := b.node.Snapshot(); err != nil {
		b.node.cfg.Logger.Warn("a backup without a new snapshot: more of the log is in it", "error", err)
	}
	state, err := b.log(stores)
	if err != nil {
		return err
	}
	if state != nil {
		err = errors.Join(b.write(BackupStateFile, state), state.Close())
	}
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(b.info, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(b.dir, BackupInfoFile), append(text, '\n'), 0o600)
}

// log copies what must not be cut meanwhile, and returns the state to go with it: nil for none.
func (b *backup) log(stores func() error) (state io.ReadCloser, err error) {
	n := b.node
	n.snapshotting.Lock()
	defer n.snapshotting.Unlock()
	if err := n.usable(); err != nil {
		return nil, err
	}
	var s raft.SnapshotMeta
	metas, err := n.snapshots.List()
	if err != nil {
		return nil, err
	}
	if len(metas) > 0 {
		s = *metas[0]
		if _, state, err = n.snapshots.Open(s.ID); err != nil { // open, it is there also when its file is removed
			return nil, err
		}
	}
	defer func() {
		if err != nil && state != nil {
			err = errors.Join(err, state.Close())
			state = nil
		}
	}()
	if stores != nil {
		if err := stores(); err != nil {
			return state, err
		}
	}
	now := n.fsm.current()
	b.info = BackupInfo{
		Format: BackupFormat, NodeID: n.cfg.NodeID, MadeNs: n.cfg.Clock(), Term: n.raft.CurrentTerm(),
		SnapshotIndex: s.Index, SnapshotTerm: s.Term, StateBytes: s.Size,
		Applied: now.Applied, Command: now.Seq, TimeNs: now.TimeNs,
		FullHash: hexHash(now.FullHash), BusinessHash: hexHash(now.BusinessHash),
	}
	if now.Applied > s.Index {
		b.info.First, b.info.Last = s.Index+1, now.Applied
	}
	return state, b.entries()
}

// entries copies the entries from BackupInfo.First to Last.
func (b *backup) entries() error {
	f, err := os.OpenFile(filepath.Join(b.dir, BackupLogFile), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, bufferedSize)
	_, err = w.WriteString(backupLogMagic)
	for i := b.info.First; i <= b.info.Last && i > 0 && err == nil; i++ {
		var l raft.Log
		if err = b.node.log.GetLog(i, &l); err != nil {
			err = fmt.Errorf("entry %d of the log: %w", i, err)
			break
		}
		if err = b.node.usable(); err == nil {
			err = writeBackupEntry(w, &l)
		}
	}
	return errors.Join(err, w.Flush(), f.Close())
}

// write copies a stream to a file.
func (b *backup) write(name string, r io.Reader) error {
	f, err := os.OpenFile(filepath.Join(b.dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(f, r)
	if err == nil && n != b.info.StateBytes {
		err = fmt.Errorf("the snapshot has %d bytes, not %d", n, b.info.StateBytes)
	}
	return errors.Join(err, f.Close())
}

func hexHash(h uint64) string { return fmt.Sprintf("%016x", h) }

// ReadBackup reads what a backup says about itself.
func ReadBackup(dir string) (BackupInfo, error) {
	var info BackupInfo
	text, err := os.ReadFile(filepath.Join(dir, BackupInfoFile))
	if err != nil {
		return info, fmt.Errorf("%w: no backup of the core: %w", ErrDamaged, err)
	}
	if err := json.Unmarshal(text, &info); err != nil {
		return info, fmt.Errorf("%w: %s: %w", ErrDamaged, BackupInfoFile, err)
	}
	if info.Format != BackupFormat {
		return info, fmt.Errorf("%w: the backup is of the format %q, this program reads %q; use the program that made it", ErrForeign, info.Format, BackupFormat)
	}
	return info, nil
}
