package main

import (
	"bufio"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"uncross/gateway/fix/outbox"
	"uncross/gateway/history"
	"uncross/internal/archive"
	"uncross/internal/nodeid"
	"uncross/replication"
	"uncross/wal"
)

type restoreCmd struct {
	From     string   `required:"" type:"existingfile" placeholder:"FILE" help:"A backup, made by \"uncross backup\"."`
	Data     string   `required:"" env:"UNCROSS_DATA" type:"path" help:"Data directory to make; it must be missing or empty."`
	NodeID   string   `default:"node-1" help:"The node's name, kept for good (default: node-1)."`
	RaftAddr string   `placeholder:"HOST:PORT" help:"Where other nodes will reach it, as serve --raft-addr (default: a venue of one node; it can be given later)."`
	Skip     []uint64 `help:"Log entries that the nodes were told to skip (see serve --skip)."`
}

// Help implements kong.HelpProvider.
func (restoreCmd) Help() string {
	return `Makes the data of one node from a backup, which is read, checked and replayed first: the state at its end must have the hash
that the node had which made it. The venue goes on from there: accounts, keys, orders and FIX sessions are as they were. What came
after the backup is gone; the node is the only one of its cluster, others join it with empty directories (serve --join). It has a
new incarnation: nodes of the venue as it was before refuse it, and it them.

Example
  uncross restore --from venue-2026-11-27.tar --data /var/lib/uncross
  uncross serve --data /var/lib/uncross`
}

// Validate implements kong.Validatable.
func (c *restoreCmd) Validate() error {
	if err := nodeid.Check(c.NodeID); err != nil {
		return fmt.Errorf("--node-id: %w", err)
	}
	if c.RaftAddr == "" {
		return nil
	}
	if _, _, err := net.SplitHostPort(c.RaftAddr); err != nil {
		return fmt.Errorf("--raft-addr %s: %w", c.RaftAddr, err)
	}
	return nil
}

// restoring is where a data directory is made, inside of its place: that may be a file system of its own.
const restoring = "restoring"

// Run restores.
func (c *restoreCmd) Run(s *streams) error {
	names, err := os.ReadDir(c.Data)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, x := range names {
		if !slices.Contains([]string{restoring, "lost+found"}, x.Name()) { // one that was broken off; of a new file system
			if exists(filepath.Join(c.Data, restoring)) {
				return fmt.Errorf("%s: a restore was broken off here at its very end: empty the directory and restore again", c.Data)
			}
			return fmt.Errorf("%s is not empty: give a directory that is missing or empty", c.Data)
		}
	}
	begin := time.Now()
	draft := filepath.Join(c.Data, restoring)
	if err := os.RemoveAll(draft); err != nil {
		return err
	}
	if err := os.MkdirAll(draft, 0o700); err != nil {
		return err
	}
	if err := syncDir(filepath.Dir(filepath.Clean(c.Data))); err != nil && !errors.Is(err, os.ErrPermission) { // of a mount point's parent
		return err
	}
	r, err := c.restore(draft)
	if err != nil {
		return errors.Join(err, os.RemoveAll(draft))
	}
	if err := putInPlace(draft, c.Data); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "restored to %s in %s: command %d of %s, full hash %016x as the backup says\n", c.Data, time.Since(begin).Round(time.Millisecond), r.Seq,
		time.Unix(0, r.TimeNs).UTC().Format(time.RFC3339), r.FullHash)
	fmt.Fprintf(s.out, "next: uncross serve --data %s --node-id %s\n", c.Data, c.NodeID)
	return nil
}

// putInPlace moves what was made in a draft into the directory that the draft is in. The log is first and genesis.json last: what has
// the one without the other is no node's data, and refused.
func putInPlace(draft, dir string) error {
	entries, err := os.ReadDir(draft)
	if err != nil {
		return err
	}
	first, last := filepath.Base(dataDir(dir).wal()), filepath.Base(dataDir(dir).genesis())
	rank := func(x os.DirEntry) int {
		switch x.Name() {
		case first:
			return 0
		case last:
			return 2
		}
		return 1
	}
	slices.SortStableFunc(entries, func(a, b os.DirEntry) int { return rank(a) - rank(b) })
	for _, x := range entries {
		if x.Name() == last {
			if err := syncDir(dir); err != nil {
				return err
			}
		}
		if err := os.Rename(filepath.Join(draft, x.Name()), filepath.Join(dir, x.Name())); err != nil {
			return err
		}
	}
	return errors.Join(os.Remove(draft), syncDir(dir))
}

// restore makes the data directory under another name.
func (c *restoreCmd) restore(draft string) (replication.Restored, error) {
	f, err := os.Open(c.From)
	if err != nil {
		return replication.Restored{}, err
	}
	_, err = archive.Extract(bufio.NewReaderSize(f, 1<<20), draft, &archive.Limits{Accept: ofBackup})
	if err = errors.Join(err, f.Close()); err != nil {
		return replication.Restored{}, fmt.Errorf("%s: %w", c.From, err)
	}
	d := dataDir(draft)
	g, err := d.readGenesis()
	if err != nil {
		return replication.Restored{}, fmt.Errorf("%s is no backup of a venue: %w", c.From, err)
	}
	log, err := wal.Open(d.wal(), wal.Options{Cluster: cluster(&g), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return replication.Restored{}, err
	}
	core := filepath.Join(draft, backupCore)
	r, err := replication.RestoreData(core, replication.Restoration{NodeID: c.NodeID, Address: c.RaftAddr, Log: log, SnapshotDir: d.snapshots(), Skip: c.Skip})
	if err = errors.Join(err, log.Close()); err != nil {
		return r, err
	}
	if err := c.fits(d, r); err != nil {
		return r, err
	}
	again, err := newIncarnation()
	if err == nil {
		err = d.incarnate(again)
	}
	if err != nil {
		return r, err
	}
	return r, errors.Join(os.RemoveAll(core), os.Remove(filepath.Join(draft, archive.ManifestName)))
}

// ofBackup reports whether a backup has a member of that name.
func ofBackup(name string) bool {
	folder, _, inside := strings.Cut(name, "/")
	return name == "genesis.json" || inside && (folder == backupCore || folder == storeHistory || folder == storeFix)
}

// fits checks that the stores of events go with the log: neither ends before the state that it begins with, nor behind its end.
func (c *restoreCmd) fits(d dataDir, r replication.Restored) error {
	past, err := history.Verify(d.history(), nil)
	if err != nil {
		return err
	}
	sent, err := outbox.Verify(d.fix(), nil)
	if err != nil {
		return err
	}
	for name, position := range map[string]uint64{storeHistory: past.Position, storeFix: sent.Position} {
		if position < r.Snapshot || position > r.Seq {
			return fmt.Errorf("%s: its %s ends at command %d, its log has commands %d to %d: they are not of one moment", c.From, name, position, r.Snapshot, r.Seq)
		}
	}
	return nil
}
