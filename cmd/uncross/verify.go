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
	r, logErr := wal.Verify(log)
	if logErr != nil && r.Damage == nil {
		return logErr
	}
	v := &verification{d: d, line: func(name, format string, args ...any) {
		fmt.Fprintf(s.out, "%-12s %s\n", name, fmt.Sprintf(format, args...))
	}}
	found := []error{v.venue(&r), v.log(&r, logErr)}
	seen, stateErr := replication.Inspect(d.snapshots(), func(from uint64, fn func(*raft.Log) error) error {
		return wal.ReplayLogs(log, from, fn)
	}, c.Skip)
	found = append(found, v.snapshots(seen), v.state(seen, stateErr, logErr), v.stores(seen, logErr == nil && stateErr == nil))
	if errors.Join(found...) != nil {
		v.line("result", "DAMAGED")
		return errSaid
	}
	v.line("result", "sound")
	return nil
}

// verification tells what is found in a data directory, line by line. Its methods return what is damaged, which they have told.
type verification struct {
	d    dataDir
	line func(name, format string, args ...any)
}

// venue holds genesis.json against the log.
func (v *verification) venue(r *wal.Report) error {
	g, err := v.d.readGenesis()
	if err == nil && r.Cluster != "" && r.Cluster != cluster(&g) {
		err = fmt.Errorf("%s says cluster %s, the log belongs to cluster %s", v.d.genesis(), cluster(&g), r.Cluster)
	}
	if err != nil {
		v.line("damage", "%v", err)
		return err
	}
	v.line("venue", "%s, cluster %s", g.Venue, cluster(&g))
	return nil
}

// log tells what was found in the log and its files.
func (v *verification) log(r *wal.Report, err error) error {
	v.line("log", "%d entries, %d to %d, %d bytes, format %d", r.Entries, r.First, r.Last, r.Bytes, r.Format)
	for _, t := range r.Terms {
		v.line("", "term %d: entries %d to %d", t.Term, t.First, t.Last)
	}
	if err != nil {
		v.line("damage", "%v", err)
	}
	for _, f := range r.Findings {
		if f.Expected {
			v.line("note", "%s", f)
			continue
		}
		v.line("damage", "%s", f)
		err = errors.Join(err, errors.New(f.What))
	}
	return err
}

func (v *verification) snapshots(seen replication.Inspection) (err error) {
	for _, snap := range seen.Snapshots {
		state := "sound"
		if snap.Err != nil {
			state = snap.Err.Error()
			err = errors.Join(err, snap.Err)
		}
		v.line("snapshot", "entry %d, term %d, %d bytes, %s: %s", snap.Index, snap.Term, snap.Bytes, snap.Path, state)
	}
	return err
}

// state tells what the replay came to. Why it came to nothing is told unless the log is damaged, of which that comes.
func (v *verification) state(seen replication.Inspection, err, logErr error) error {
	v.line("replay", "%d entries with %d commands gave %d events; %d bore a hash, which was this state's", seen.Entries, seen.Commands, seen.Events, seen.Compared)
	if err == nil {
		v.line("state", "entry %d, command %d, time %d ns", seen.Applied, seen.Seq, seen.TimeNs)
		v.line("full hash", "%016x", seen.FullHash)
		v.line("business", "%016x", seen.BusinessHash)
	} else if logErr == nil {
		v.line("damage", "%v", err)
	}
	return err
}

// stores reads the history and the FIX store. known says that the state is known.
func (v *verification) stores(seen replication.Inspection, known bool) error {
	shared := len(v.d.readMembers()) > 1
	past, err := history.Verify(v.d.history(), nil)
	pastErr := follower{"history", past.Records, past.Position, shared, err}.check(known, seen, v.line)
	sent, err := outbox.Verify(v.d.fix(), nil)
	if err == nil && known && sent.Records == 0 && seen.Sessions == 0 { // as in the data of a version without FIX
		v.line("FIX store", "empty, and there are no FIX sessions")
		return pastErr
	}
	return errors.Join(pastErr, follower{"FIX store", sent.Records, sent.Position, shared, err}.check(known, seen, v.line))
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
