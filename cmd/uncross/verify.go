package main

import (
	"errors"
	"fmt"

	"github.com/hashicorp/raft"

	"uncross/gateway/fix/outbox"
	"uncross/gateway/history"
	"uncross/replication"
	"uncross/wal"
)

type verifyCmd struct {
	Data     string   `required:"" env:"UNCROSS_DATA" type:"path" help:"Data directory of the stopped node."`
	Tripwire string   `env:"UNCROSS_TRIPWIRE" type:"path" placeholder:"FILE" help:"Its tripwire file (see serve --tripwire; default: wal.tripwire in the data directory)."`
	Skip     []uint64 `help:"Log entries that the node is told to skip (see serve --skip)."`
}

// Help implements kong.HelpProvider.
func (verifyCmd) Help() string {
	return `Reads everything that a stopped node keeps and changes nothing: the checksum and the chain of every record of the
log, every byte of the log's files and of its tripwire, every snapshot, a replay of the log from the newest snapshot, and every record that
the history and the FIX store still have. Prints counts and both hashes of the state, and names the first damaged record and each file of the
log, its tripwire and the snapshots that is not as it was written. Of history and FIX store it reads the records, not the files: damage to what
was written last lets such a store end earlier, which a note tells, since the next start makes the rest from the log; and of their bookkeeping,
and of members.json, it finds only what keeps them from being read. The exit status is 1 when something is damaged or missing.

Example
  uncross verify --data data`
}

// Run checks the data.
func (c *verifyCmd) Run(s *streams) error {
	d := dataDir(c.Data)
	log := d.log(c.Tripwire)
	if !exists(d.wal()) && wal.Missing(log) == nil {
		return fmt.Errorf("%s holds no log: it is not the data directory of a node that has run", c.Data)
	}
	line := func(name, format string, args ...any) {
		fmt.Fprintf(s.out, "%-12s %s\n", name, fmt.Sprintf(format, args...))
	}
	r, logErr := wal.Verify(log)
	if logErr != nil && r.Damage == nil {
		return logErr
	}
	g, genesisErr := d.readGenesis()
	if genesisErr == nil && r.Cluster != "" && r.Cluster != cluster(&g) {
		genesisErr = fmt.Errorf("%s says cluster %s, the log belongs to cluster %s", d.genesis(), cluster(&g), r.Cluster)
	}
	if genesisErr == nil {
		line("venue", "%s, cluster %s", g.Venue, cluster(&g))
	} else {
		line("damage", "%v", genesisErr)
	}
	line("log", "%d entries, %d to %d, %d bytes, format %d", r.Entries, r.First, r.Last, r.Bytes, r.Format)
	for _, t := range r.Terms {
		line("", "term %d: entries %d to %d", t.Term, t.First, t.Last)
	}
	if logErr != nil {
		line("damage", "%v", logErr)
	}
	var fileErr error
	for _, f := range r.Findings {
		if f.Expected {
			line("note", "%s", f)
			continue
		}
		line("damage", "%s", f)
		fileErr = errors.Join(fileErr, errors.New(f.What))
	}
	seen, stateErr := replication.Inspect(d.snapshots(), func(from uint64, fn func(*raft.Log) error) error {
		return wal.ReplayLogs(log, from, fn)
	}, c.Skip)
	for _, snap := range seen.Snapshots {
		state := "sound"
		if snap.Err != nil {
			state = snap.Err.Error()
		}
		line("snapshot", "entry %d, term %d, %d bytes, %s: %s", snap.Index, snap.Term, snap.Bytes, snap.Path, state)
	}
	line("replay", "%d entries with %d commands gave %d events; %d bore a hash, which was this state's", seen.Entries, seen.Commands, seen.Events, seen.Compared)
	if stateErr == nil {
		line("state", "entry %d, command %d, time %d ns", seen.Applied, seen.Seq, seen.TimeNs)
		line("full hash", "%016x", seen.FullHash)
		line("business", "%016x", seen.BusinessHash)
	} else if logErr == nil {
		line("damage", "%v", stateErr)
	}
	known := logErr == nil && stateErr == nil
	past, err := history.Verify(d.history(), nil)
	shared := len(d.readMembers()) > 1
	pastErr := follower{"history", past.Records, past.Position, shared, err}.check(known, seen, line)
	sent, err := outbox.Verify(d.fix(), nil)
	var sentErr error
	if err == nil && known && sent.Records == 0 && seen.Sessions == 0 { // as in the data of a version without FIX
		line("FIX store", "empty, and there are no FIX sessions")
	} else {
		sentErr = follower{"FIX store", sent.Records, sent.Position, shared, err}.check(known, seen, line)
	}
	snapErr := error(nil)
	for _, snap := range seen.Snapshots {
		snapErr = errors.Join(snapErr, snap.Err)
	}
	if err := errors.Join(genesisErr, logErr, fileErr, stateErr, pastErr, sentErr, snapErr); err != nil {
		line("result", "DAMAGED")
		return errSaid
	}
	line("result", "sound")
	return nil
}

// follower is what the check of a store that is made from events found.
type follower struct {
	name     string
	records  uint64
	position uint64 // last whole command that it has
	shared   bool   // the node is one of several: the store may have come from one that was ahead
	err      error
}

// check prints it and, where the state is known, holds how far the store goes against it: a snapshot is taken only when the
// store is on disk, and nothing is in the store that is not in the log.
func (f follower) check(known bool, seen replication.Inspection, line func(name, format string, args ...any)) error {
	if base := seen.Seq - seen.Commands; f.err == nil && known && f.position < base {
		f.err = fmt.Errorf("the %s ends at command %d, but it was on disk up to command %d when the snapshot was taken", f.name, f.position, base)
	}
	if f.err == nil && known && f.position > seen.Seq && !f.shared {
		f.err = fmt.Errorf("the %s goes to command %d, the log only to command %d", f.name, f.position, seen.Seq)
	}
	if f.err != nil {
		line("damage", "%v", f.err)
		return f.err
	}
	line(f.name, "%d records, to command %d", f.records, f.position)
	if known && f.position < seen.Seq {
		line("note", "the %s ends at command %d, the state is at %d: after a kill or a power cut that is as it should be, and the next start makes the rest from the log. After an orderly stop its end was damaged or is gone",
			f.name, f.position, seen.Seq)
	}
	return nil
}
