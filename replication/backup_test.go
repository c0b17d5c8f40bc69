package replication

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"uncross/engine"
	"uncross/engine/wire"
	"uncross/gateway/fix/outbox"
	"uncross/gateway/history"
	"uncross/internal/archive"
)

var silence = slog.New(slog.DiscardHandler)

// venue is a node with the stores of events that a real one has, in a directory.
type venue struct {
	dir     string
	n       *Node
	c       *collector
	log     LogStore
	history *history.Store
	outbox  *outbox.Store
	readers sync.WaitGroup
}

func openVenue(t testing.TB, dir string, change func(*Config)) *venue {
	t.Helper()
	v := &venue{dir: dir, log: openWAL(t, dir)}
	fatal := func(err error) { t.Errorf("a store has failed: %v", err) }
	var err error
	if v.history, err = history.Open(filepath.Join(dir, "history"), history.Options{Logger: silence, Fatal: fatal, SyncEvery: 5 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	if v.outbox, err = outbox.Open(filepath.Join(dir, "fix"), outbox.Options{Logger: silence, Fatal: fatal, SyncEvery: 5 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	cfg := config(t, dir, v.log)
	cfg.BatchCommands = 64
	cfg.Durable = func() uint64 { return min(v.history.Durable(), v.outbox.Durable()) }
	if change != nil {
		change(&cfg)
	}
	if v.n, err = Open(cfg); err != nil {
		t.Fatal(err)
	}
	v.c = collect(v.n)
	past, sent := v.n.Events().Reader("history", true), v.n.Events().Reader("fix", true)
	v.readers.Go(func() {
		defer past.Close()
		if err := v.history.Run(past, nil); err != nil {
			t.Error(err)
		}
	})
	v.readers.Go(func() {
		defer sent.Close()
		if err := v.outbox.Run(sent, nil); err != nil {
			t.Error(err)
		}
	})
	if err := v.n.Start(); err != nil {
		t.Fatal(errors.Join(err, v.n.Close()))
	}
	await(t, "the node is ready", v.n.Ready)
	return v
}

func (v *venue) close(t testing.TB) {
	t.Helper()
	if err := v.n.Close(); err != nil {
		t.Fatal(err)
	}
	v.readers.Wait()
	<-v.c.done
	err := errors.Join(v.history.Close(), v.outbox.Close())
	if c, ok := v.log.(interface{ Close() error }); ok {
		err = errors.Join(err, c.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// backup makes an archive of everything, as a node's owner does.
func (v *venue) backup(t testing.TB, dir string) (BackupInfo, []byte) {
	t.Helper()
	info, err := v.n.Backup(filepath.Join(dir, "core"), func() error {
		_, err := v.history.Checkpoint(filepath.Join(dir, "history"))
		if err != nil {
			return err
		}
		_, err = v.outbox.Checkpoint(filepath.Join(dir, "fix"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := archive.NewWriter(&out)
	if err := errors.Join(w.SetInfo(info), w.AddTree("", dir), w.Close(), os.RemoveAll(dir)); err != nil {
		t.Fatal(err)
	}
	return info, out.Bytes()
}

// restored unpacks an archive and makes a data directory of it.
func restored(t testing.TB, text []byte, change func(*Restoration)) (dir string, r Restored) {
	t.Helper()
	dir = t.TempDir()
	if _, err := archive.Extract(bytes.NewReader(text), filepath.Join(dir, "backup"), nil); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"history", "fix"} {
		if err := os.Rename(filepath.Join(dir, "backup", name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	log := openWAL(t, dir)
	to := Restoration{Log: log, SnapshotDir: filepath.Join(dir, "snapshots")}
	if change != nil {
		change(&to)
	}
	r, err := RestoreData(filepath.Join(dir, "backup", "core"), to)
	if err = errors.Join(err, log.Close()); err != nil {
		t.Fatal(err)
	}
	return dir, r
}

// load submits commands until it is told to stop, and returns how many there were.
func (v *venue) load(t testing.TB, commands []wire.Command, stop *atomic.Bool) *sync.WaitGroup {
	var work sync.WaitGroup
	work.Go(func() {
		for i := range commands {
			if stop.Load() {
				return
			}
			err := v.n.Submit(&commands[i])
			for ; errors.Is(err, ErrBusy); err = v.n.Submit(&commands[i]) {
				time.Sleep(100 * time.Microsecond)
			}
			if err != nil {
				t.Errorf("command %d: %v", i, err)
				return
			}
			if i%16 == 0 {
				time.Sleep(time.Millisecond)
			}
		}
	})
	return &work
}

// A node that is backed up while it trades, also while others ask for snapshots all the time, comes to life from the backup:
// with everything that was answered before, with the hash that the node had at the backup's command, with its history and
// FIX messages, and it goes on.
func TestBackupUnderLoad(t *testing.T) {
	v := openVenue(t, t.TempDir(), nil)
	commands := day(3, 30_000)
	submit(t, v.n, commands[:500])
	var stop atomic.Bool
	work := v.load(t, commands[500:], &stop)
	work.Go(func() {
		for !stop.Load() {
			_ = v.n.Snapshot() // one that is given up because a store is slow is not the backup's matter
			time.Sleep(3 * time.Millisecond)
		}
	})
	type made struct {
		answered uint64
		info     BackupInfo
		text     []byte
	}
	var all []made
	spool := t.TempDir()
	for i := range 3 {
		await(t, "some trading", func() bool { return v.c.seq.Load() > uint64(1000*(i+1)) })
		m := made{answered: v.c.seq.Load()}
		m.info, m.text = v.backup(t, mkdir(t, spool, i))
		all = append(all, m)
	}
	stop.Store(true)
	work.Wait()
	v.close(t)
	for i, m := range all {
		if m.info.Command < m.answered {
			t.Errorf("backup %d has command %d, and %d had been answered", i, m.info.Command, m.answered)
		}
		e, events := reference(commands[:m.info.Command])
		if full, _ := e.Hashes(); m.info.FullHash != hexHash(full) {
			t.Errorf("backup %d: hash %s at command %d, want %016x", i, m.info.FullHash, m.info.Command, full)
		}
		dir, r := restored(t, m.text, nil)
		if r.Seq != m.info.Command || r.Snapshot > r.Seq {
			t.Errorf("restored: %+v", r)
		}
		w := openVenue(t, dir, nil)
		sameState(t, w.n.Status().State, e)
		await(t, "the history to come to the log's end", func() bool { return w.history.Position() == r.Seq })
		sameHistory(t, w.history, events)
		if from := w.history.CompleteFrom(); from != wire.FirstCommand {
			t.Errorf("backup %d: the history is complete from command %d", i, from)
		}
		if gaps, err := w.outbox.Gaps(); err != nil || len(gaps) > 0 {
			t.Errorf("backup %d: the outbox has the gaps %v, %v", i, gaps, err)
		}
		more := flow(99, 300) // other ids than any before
		submit(t, w.n, more)
		all := append(append([]wire.Command(nil), commands[:m.info.Command]...), more...)
		e, events = reference(all)
		await(t, "more", func() bool { return w.c.seq.Load() == uint64(len(all)) && w.history.Position() == uint64(len(all)) })
		sameState(t, w.n.Status().State, e)
		sameHistory(t, w.history, events)
		if members, err := w.n.Members(); err != nil || len(members) != 1 || members[0] != (Member{DefaultNodeID, DefaultNodeID, true}) {
			t.Errorf("members %v, %v", members, err)
		}
		if err := w.n.Snapshot(); err != nil {
			t.Error(err)
		}
		w.close(t)
		w = openVenue(t, dir, nil) // from a snapshot of its own
		sameState(t, w.n.Status().State, e)
		w.close(t)
	}
}

func mkdir(t testing.TB, dir string, i int) string {
	t.Helper()
	dir = filepath.Join(dir, fmt.Sprint(i))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// sameHistory holds an account's events against what happened.
func sameHistory(t testing.TB, s *history.Store, events []wire.Event) {
	t.Helper()
	want := 0
	for i := range events {
		e := &events[i]
		if e.Kind == wire.EvOrderAccepted && e.Flags&wire.FlagRepeat == 0 {
			var m wire.OrderAccepted
			m.GetEvent(e)
			if m.Account == alice {
				want++
			}
		}
	}
	got, after := 0, history.EventID{}
	for more := true; more; {
		es, last, on, err := s.AccountEvents(alice, after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for i := range es {
			if es[i].Event.Kind == wire.EvOrderAccepted {
				got++
			}
		}
		after, more = last, on
	}
	if got != want {
		t.Fatalf("the history has %d orders of alice, want %d", got, want)
	}
}

// inCluster makes a node's configuration one of a cluster in memory. The nodes see each other by their ids.
func inCluster(cfg *Config, id string, transport *raft.InmemTransport, peers ...Member) {
	cfg.NodeID, cfg.Transport, cfg.Peers = id, transport, peers
}

// connected returns transports that reach each other.
func connected(ids ...string) map[string]*raft.InmemTransport {
	all := make(map[string]*raft.InmemTransport)
	for _, id := range ids {
		_, all[id] = raft.NewInmemTransport(raft.ServerAddress(id))
	}
	for _, a := range all {
		for id, b := range all {
			a.Connect(raft.ServerAddress(id), b)
		}
	}
	return all
}

// What had three voters has one after a restore, under the name and address that are given, whatever is in the log; others
// join it as learners and come to the same state. The backup is a follower's.
func TestRestoredNodeIsAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for _, snapshot := range []bool{true, false} {
			commands := day(4, 700)
			dir, info := backupOfThree(t, commands, snapshot)
			if snapshot != (info.SnapshotIndex > 0) {
				t.Fatalf("%+v", info)
			}
			log := newMemLog()
			snapshots := filepath.Join(t.TempDir(), "snapshots")
			r, err := RestoreData(dir, Restoration{NodeID: "x", Log: log, SnapshotDir: snapshots})
			if err != nil || r.Index <= info.Last || r.Term <= info.Term {
				t.Fatalf("%+v, %v", r, err)
			}
			transports := connected("x:1", "y:1")
			cfg := config(t, t.TempDir(), log)
			cfg.SnapshotDir = snapshots
			inCluster(&cfg, "x", transports["x:1"])
			x, xs := start(t, cfg)
			e, _ := reference(commands)
			sameState(t, x.Status().State, e)
			await(t, "its own address", func() bool {
				members, err := x.Members()
				return err == nil && len(members) == 1 && members[0] == Member{"x", "x:1", true}
			})
			more := flow(98, 100)
			submit(t, x, more)
			e, _ = reference(append(append([]wire.Command(nil), commands...), more...))
			await(t, "more", func() bool { return xs.seq.Load() == e.Seq() })
			sameState(t, x.Status().State, e)
			if snapshot {
				if err := x.Snapshot(); err != nil {
					t.Error(err)
				}
			} else { // the newcomer gets all of the log, with everything that the old cluster was
				joins(t, x, transports["y:1"], e)
			}
			closeAll(t, x, xs, nil)
		}
	})
}

// backupOfThree has three nodes trade, one of which is backed up that does not lead.
func backupOfThree(t *testing.T, commands []wire.Command, snapshot bool) (dir string, info BackupInfo) {
	t.Helper()
	transports := connected("a", "b", "c")
	peers := []Member{{"a", "a", true}, {"b", "b", true}, {"c", "c", true}}
	var nodes []*Node
	var readers []*collector
	for _, m := range peers {
		cfg := config(t, t.TempDir(), newMemLog())
		inCluster(&cfg, m.ID, transports[m.ID], peers...)
		if !snapshot {
			cfg.Durable, cfg.SnapshotWait = func() uint64 { return 0 }, time.Millisecond
		}
		n, err := Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		nodes, readers = append(nodes, n), append(readers, collect(n))
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
	}
	var leader, follower *Node
	await(t, "a leader", func() bool {
		for i, n := range nodes {
			if n.Ready() {
				leader, follower = n, nodes[(i+1)%3]
			}
		}
		return leader != nil
	})
	submit(t, leader, commands[:400])
	await(t, "the first part", func() bool { return follower.Status().Seq == 400 && follower.Live() })
	dir = filepath.Join(t.TempDir(), "core")
	info, err := follower.Backup(dir, func() error {
		if err := leader.AddLearner("d", "d"); err != nil { // it does not answer; in the log there is a configuration with it
			return err
		}
		submit(t, leader, commands[400:])
		await(t, "all", func() bool { return follower.Status().Seq == uint64(len(commands)) })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range nodes {
		closeAll(t, n, readers[i], nil)
	}
	return dir, info
}

// joins adds a node to that of a leader and waits until it has come to a state.
func joins(t *testing.T, leader *Node, transport *raft.InmemTransport, e *engine.Engine) {
	t.Helper()
	cfg := config(t, t.TempDir(), newMemLog())
	inCluster(&cfg, "y", transport)
	y, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	c := collect(y)
	if err := errors.Join(y.Start(), leader.AddLearner("y", string(transport.LocalAddr()))); err != nil {
		t.Fatal(err)
	}
	await(t, "the learner", func() bool { return y.Status().Seq == e.Seq() })
	sameState(t, y.Status().State, e)
	members, err := leader.Members()
	if err != nil || len(members) != 2 || members[1] != (Member{"y", "y:1", false}) {
		t.Errorf("members %v, %v", members, err)
	}
	closeAll(t, y, c, nil)
}

// The data of a restored node whose log is gone are not taken for something to go on from: the snapshot counts as its own.
func TestRestoredNodeNeedsItsLog(t *testing.T) {
	dir, _, _ := smallBackup(t)
	cfg := config(t, t.TempDir(), newMemLog())
	if _, err := RestoreData(dir, Restoration{Log: newMemLog(), SnapshotDir: cfg.SnapshotDir}); err != nil {
		t.Fatal(err)
	}
	refuses(t, cfg, ErrDamaged, "this node made a snapshot")
}

// smallBackup is the backup of a node that has a snapshot and some log behind it.
func smallBackup(t *testing.T) (dir string, info BackupInfo, commands []wire.Command) {
	t.Helper()
	commands = day(5, 400)
	n, c := start(t, config(t, t.TempDir(), newMemLog()))
	dir = filepath.Join(t.TempDir(), "core")
	submit(t, n, commands[:200])
	await(t, "the first part", func() bool { return c.seq.Load() == 200 })
	info, err := n.Backup(dir, func() error { // trading goes on while the stores are copied
		submit(t, n, commands[200:])
		await(t, "the rest", func() bool { return c.seq.Load() == uint64(len(commands)) })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	closeAll(t, n, c, nil)
	if info.SnapshotIndex == 0 || info.First != info.SnapshotIndex+1 || info.Last < info.First || info.Command != uint64(len(commands)) {
		t.Fatalf("%+v", info)
	}
	return dir, info, commands
}

// A node without a snapshot, and one without anything, can be backed up, too.
func TestBackupOfLittle(t *testing.T) {
	for _, commands := range [][]wire.Command{nil, setup()[:1], setup()} {
		cfg := config(t, t.TempDir(), newMemLog())
		cfg.Durable, cfg.SnapshotWait = func() uint64 { return 0 }, time.Millisecond // no snapshot comes about
		n, c := start(t, cfg)
		submit(t, n, commands)
		await(t, "all", func() bool { return c.seq.Load() == uint64(len(commands)) })
		dir := filepath.Join(t.TempDir(), "core")
		info, err := n.Backup(dir, nil)
		if err != nil || len(commands) > 0 && info.SnapshotIndex != 0 || len(commands) != int(info.Command) {
			t.Fatalf("%+v, %v", info, err)
		}
		closeAll(t, n, c, nil)
		log := newMemLog()
		cfg = config(t, t.TempDir(), log)
		if _, err := RestoreData(dir, Restoration{Log: log, SnapshotDir: cfg.SnapshotDir}); err != nil {
			t.Fatal(err)
		}
		n, c = start(t, cfg)
		e, want := reference(commands)
		sameState(t, n.Status().State, e)
		if info.SnapshotIndex == 0 {
			sameEvents(t, c.all(), want)
		}
		closeAll(t, n, c, nil)
	}
}

// A backup that is not whole, or not what it says, is refused before anything is written.
func TestDamagedBackup(t *testing.T) {
	dir, info, _ := smallBackup(t)
	path := func(name string) string { return filepath.Join(dir, name) }
	flip := func(name string, at int) func(*testing.T) {
		return func(t *testing.T) {
			b := read(t, path(name))
			b[(at+len(b))%len(b)] ^= 0x10
			write(t, path(name), b)
		}
	}
	cut := func(name string, n int) func(*testing.T) {
		return func(t *testing.T) { b := read(t, path(name)); write(t, path(name), b[:len(b)-n]) }
	}
	say := func(from, to string) func(*testing.T) {
		return func(t *testing.T) {
			b := string(read(t, path(BackupInfoFile)))
			if !strings.Contains(b, from) {
				t.Fatalf("%s has no %s", BackupInfoFile, from)
			}
			write(t, path(BackupInfoFile), []byte(strings.Replace(b, from, to, 1)))
		}
	}
	good := map[string][]byte{}
	for _, name := range []string{BackupInfoFile, BackupStateFile, BackupLogFile} {
		good[name] = read(t, path(name))
	}
	steps := map[string]struct {
		harm func(*testing.T)
		want error
	}{
		"no info":             {func(t *testing.T) { remove(t, path(BackupInfoFile)) }, ErrDamaged},
		"no state":            {func(t *testing.T) { remove(t, path(BackupStateFile)) }, ErrDamaged},
		"no log":              {func(t *testing.T) { remove(t, path(BackupLogFile)) }, ErrDamaged},
		"info cut off":        {cut(BackupInfoFile, 20), ErrDamaged},
		"state cut off":       {cut(BackupStateFile, 1), ErrDamaged},
		"log cut off":         {cut(BackupLogFile, 1), ErrDamaged},
		"log without its end": {cut(BackupLogFile, len(good[BackupLogFile])-len(backupLogMagic)), ErrDamaged},
		"log without magic":   {flip(BackupLogFile, 0), ErrDamaged},
		"an entry's index":    {flip(BackupLogFile, len(backupLogMagic)), ErrDamaged},
		"an entry's length":   {flip(BackupLogFile, len(backupLogMagic)+27), ErrDamaged},
		"more behind the log": {func(t *testing.T) { write(t, path(BackupLogFile), append(bytes.Clone(good[BackupLogFile]), 0)) }, ErrDamaged},
		"another hash":        {say(info.FullHash, "0123456789abcdef"), ErrDamaged},
		"another command":     {say(fmt.Sprintf(`"command": %d`, info.Command), `"command": 7`), ErrDamaged},
		"another end":         {say(fmt.Sprintf(`"last": %d`, info.Last), fmt.Sprintf(`"last": %d`, info.Last-1)), ErrDamaged},
		"another format":      {say(BackupFormat, "uncross-core-backup-2"), ErrForeign},
	}
	for at := 100; at < len(good[BackupStateFile]); at += len(good[BackupStateFile]) / 7 {
		steps[fmt.Sprintf("byte %d of the state", at)] = struct {
			harm func(*testing.T)
			want error
		}{flip(BackupStateFile, at), ErrDamaged}
	}
	for name, s := range steps {
		s.harm(t)
		log := newMemLog()
		snapshots := filepath.Join(t.TempDir(), "snapshots")
		if _, err := RestoreData(dir, Restoration{Log: log, SnapshotDir: snapshots}); !errors.Is(err, s.want) {
			t.Errorf("%s: %v", name, err)
		}
		if last, _ := log.LastIndex(); last != 0 {
			t.Errorf("%s: entries up to %d were written", name, last)
		}
		if left, _ := filepath.Glob(filepath.Join(snapshots, "*")); len(left) > 0 {
			t.Errorf("%s: %v was written", name, left)
		}
		for file, text := range good {
			write(t, path(file), text)
		}
	}
	log := newMemLog()
	to := Restoration{Log: log, SnapshotDir: filepath.Join(t.TempDir(), "snapshots")}
	if _, err := RestoreData(dir, to); err != nil {
		t.Fatal(err)
	}
	if _, err := RestoreData(dir, to); err == nil || !strings.Contains(err.Error(), "empty directory") {
		t.Errorf("over data: %v", err)
	}
}

// A backup that cannot be made says why and leaves nothing.
func TestBackupFails(t *testing.T) {
	n, c := start(t, config(t, t.TempDir(), newMemLog()))
	submit(t, n, setup())
	await(t, "all", func() bool { return c.seq.Load() == uint64(len(setup())) })
	dir := filepath.Join(t.TempDir(), "core")
	full := errors.New("the disk is full")
	if _, err := n.Backup(dir, func() error { return full }); !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something is left: %v", err)
	}
	if _, err := n.Backup(t.TempDir(), nil); !errors.Is(err, os.ErrExist) {
		t.Errorf("a directory that is there: %v", err)
	}
	if err := n.Snapshot(); err != nil { // the lock is free again
		t.Error(err)
	}
	closeAll(t, n, c, nil)
	if _, err := n.Backup(dir, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("of a closed node: %v", err)
	}
}
