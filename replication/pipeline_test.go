package replication

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/hashicorp/raft"

	"uncross/engine/wire"
	"uncross/wal"
)

func walReplay(dir string) ReplayLog {
	return func(from uint64, fn func(*raft.Log) error) error {
		return wal.ReplayLogs(wal.Place{Dir: dir + "/log"}, from, fn)
	}
}

// Orders in, events out, on a real disk; after a restart the same events again and the same state; and the offline
// inspection sees what the node sees.
func TestPipelineOnDisk(t *testing.T) {
	dir := t.TempDir()
	commands := day(1, 3000)
	log := openWAL(t, dir)
	n, c := start(t, config(t, dir, log))
	submit(t, n, commands)
	await(t, "all events", func() bool { return c.seq.Load() == uint64(len(commands)) })
	before := n.Status()
	closeAll(t, n, c, log)
	e, want := reference(commands)
	sameEvents(t, c.all(), want)
	sameState(t, before.State, e)
	if !before.Leader || !before.Ready || before.Role != "leader" || before.Commands != uint64(len(commands)) || before.LogLast == 0 {
		t.Errorf("status %+v", before)
	}

	found, err := Inspect(dir+"/snapshots", walReplay(dir), nil)
	if err != nil {
		t.Fatal(err)
	}
	sameState(t, found.State, e)
	if found.Commands != uint64(len(commands)) || found.First != 1 || found.Events != uint64(len(want)) || found.Dropped != 0 {
		t.Errorf("inspection %+v", found)
	}

	more := flow(2, 500)
	log = openWAL(t, dir)
	n, c = start(t, config(t, dir, log))
	sameState(t, n.Status().State, e)
	sameEvents(t, c.all(), want)
	submit(t, n, more)
	commands = append(commands, more...)
	await(t, "all events", func() bool { return c.seq.Load() == uint64(len(commands)) })
	s := n.Status()
	closeAll(t, n, c, log)
	e, want = reference(commands)
	sameEvents(t, c.all(), want)
	sameState(t, s.State, e)
}

// However the commands fall into entries, the events are the same.
func TestAnyBatchCut(t *testing.T) {
	commands := day(3, 5000)
	e, want := reference(commands)
	for _, most := range []int{1, 2, 7, 64, DefaultBatchCommands} {
		t.Run(fmt.Sprint(most), func(t *testing.T) {
			cfg := config(t, t.TempDir(), newMemLog())
			cfg.BatchCommands = most
			n, c := start(t, cfg)
			submit(t, n, commands)
			await(t, "all events", func() bool { return c.seq.Load() == uint64(len(commands)) })
			s := n.Status()
			closeAll(t, n, c, nil)
			sameEvents(t, c.all(), want)
			sameState(t, s.State, e)
		})
	}
}

// A snapshot cuts the log; a start from it publishes an image and then goes on, and ends where an uninterrupted run ends.
func TestRestartFromSnapshot(t *testing.T) {
	dir := t.TempDir()
	first, second, third := day(4, 2000), flow(5, 1000), flow(6, 1000)
	log := openWAL(t, dir)
	n, c := start(t, config(t, dir, log))
	submit(t, n, first)
	await(t, "the first part", func() bool { return c.seq.Load() == uint64(len(first)) })
	if err := n.Snapshot(); err != nil {
		t.Fatal(err)
	}
	cut := n.Status()
	if cut.SnapshotIndex == 0 || cut.Snapshots != 1 {
		t.Fatalf("status after the snapshot: %+v", cut)
	}
	submit(t, n, second)
	total := uint64(len(first) + len(second))
	await(t, "the second part", func() bool { return c.seq.Load() == total })
	closeAll(t, n, c, log)
	events := c.all()

	found, err := Inspect(dir+"/snapshots", walReplay(dir), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(found.Snapshots) != 1 || found.Commands != uint64(len(second)) {
		t.Errorf("inspection %+v", found)
	}

	log = openWAL(t, dir)
	n, c = start(t, config(t, dir, log))
	e, _ := reference(append(append([]wire.Command(nil), first...), second...))
	sameState(t, n.Status().State, e)
	sameState(t, found.State, e)
	if n.Status().Compared == 0 || found.Compared == 0 {
		t.Error("no entry behind the snapshot was held against the state")
	}
	submit(t, n, third)
	await(t, "the third part", func() bool { return c.seq.Load() == total+uint64(len(third)) })
	closeAll(t, n, c, log)
	image, rest := splitImage(t, c.all())
	if image != uint64(len(first)) {
		t.Fatalf("the image is of command %d, want %d", image, len(first))
	}
	for i := range events {
		if events[i].Seq > uint64(len(first)) {
			sameEvents(t, rest[:len(events)-i], events[i:])
			break
		}
	}
	all := append(append(append([]wire.Command(nil), first...), second...), third...)
	_, want := reference(all)
	sameEvents(t, rest, want[len(want)-len(rest):])
}

// splitImage checks that the events begin with one whole image, and returns its command number and what follows it.
func splitImage(t *testing.T, events []wire.Event) (uint64, []wire.Event) {
	t.Helper()
	if len(events) == 0 || events[0].Kind != wire.EvImageBegin {
		t.Fatal("the events do not begin with an image")
	}
	for i := range events {
		if events[i].Flags&wire.FlagImage == 0 {
			t.Fatalf("event %d, of kind %d, is in the image and has no image flag", i, events[i].Kind)
		}
		if events[i].Kind == wire.EvImageEnd {
			var m wire.Image
			m.GetEvent(&events[i])
			return m.Seq, events[i+1:]
		}
	}
	t.Fatal("the image does not end")
	return 0, nil
}

// The log is snapshotted by its bytes, without anybody asking.
func TestSnapshotByBytes(t *testing.T) {
	cfg := config(t, t.TempDir(), newMemLog())
	cfg.SnapshotBytes, cfg.BatchCommands = 10_000, 16
	n, c := start(t, cfg)
	commands := day(7, 1000)
	submit(t, n, commands)
	await(t, "a snapshot", func() bool { return n.Status().Snapshots > 0 })
	await(t, "the log to be cut", func() bool { return n.Status().LogFirst > 1 })
	closeAll(t, n, c, nil)
}

// Entries on the skip list are left out, and what follows them in their term is not taken for what follows a gap.
func TestSkipList(t *testing.T) {
	dir := t.TempDir()
	commands := day(8, 40)
	log := newMemLog()
	cfg := config(t, dir, log)
	cfg.BatchCommands = 4
	n, c := start(t, cfg)
	submit(t, n, commands)
	await(t, "all events", func() bool { return c.seq.Load() == uint64(len(commands)) })
	closeAll(t, n, c, nil)

	// Damage nobody can decode, in the middle of the log, as an engine's bug would be: every start stops there.
	var l raft.Log
	index := uint64(8)
	if err := log.GetLog(index, &l); err != nil || l.Type != raft.LogCommand {
		t.Fatalf("entry %d: %v, type %v", index, err, l.Type)
	}
	h, body, err := wire.DecodeBatch(l.Data)
	if err != nil {
		t.Fatal(err)
	}
	left := append([]byte(nil), l.Data...)
	left[len(left)-len(body)] = 255 // an unknown kind of command
	l.Data = left
	if err := log.InmemStore.StoreLog(&l); err != nil {
		t.Fatal(err)
	}

	fatal := make(chan error, 1)
	cfg.Fatal = func(err error) { fatal <- err }
	n, err = Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	c = collect(n)
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	failure := <-fatal
	if !errors.Is(failure, wire.ErrFormat) {
		t.Fatalf("failed with %v", failure)
	}
	for _, say := range []string{"entry 8", "put 8 on the skip list"} {
		if !contains(failure, say) {
			t.Errorf("%q is not in: %v", say, failure)
		}
	}
	if err := n.Submit(&commands[0]); !errors.Is(err, ErrFailed) {
		t.Errorf("Submit after the failure: %v", err)
	}
	if err := n.Close(); !errors.Is(err, wire.ErrFormat) {
		t.Errorf("Close after the failure: %v", err)
	}
	<-c.done

	// What follows says that its leader had applied the entry, and answered: that cannot be left out any more.
	cfg = config(t, dir, log)
	cfg.Skip = []uint64{index}
	cfg.Fatal = func(err error) { fatal <- err }
	if n, err = Open(cfg); err != nil {
		t.Fatal(err)
	}
	c = collect(n)
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	if failure := <-fatal; !errors.Is(failure, ErrDiverged) {
		t.Fatalf("failed with %v", failure)
	}
	_ = n.Close()
	<-c.done

	// An entry that stopped the leader has nothing behind it that says so.
	last, _ := log.LastIndex()
	for i := index + 1; i <= last; i++ {
		var after raft.Log
		if err := log.GetLog(i, &after); err != nil {
			t.Fatal(err)
		}
		after.Extensions = nil
		if err := log.InmemStore.StoreLog(&after); err != nil {
			t.Fatal(err)
		}
	}
	cfg = config(t, dir, log)
	cfg.Skip = []uint64{index}
	n, c = start(t, cfg)
	s := n.Status()
	if s.Skipped != 1 || s.Seq != uint64(len(commands))-uint64(h.Count) || s.Dropped != 0 {
		t.Errorf("state %+v, %d commands left out", s.State, h.Count)
	}
	closeAll(t, n, c, nil)
	found, err := Inspect(dir+"/snapshots", memReplay(log), []uint64{index})
	if err != nil {
		t.Fatal(err)
	}
	if found.FullHash != s.FullHash || found.Skipped != 1 {
		t.Errorf("inspection %+v, status %+v", found.State, s.State)
	}
}

func memReplay(log *memLog) ReplayLog {
	return func(from uint64, fn func(*raft.Log) error) error {
		first, _ := log.FirstIndex()
		last, _ := log.LastIndex()
		for i := max(first, from); first > 0 && i <= last; i++ {
			var l raft.Log
			if err := log.GetLog(i, &l); err != nil {
				return err
			}
			if err := fn(&l); err != nil {
				return err
			}
		}
		return nil
	}
}

// A batch behind a gap is dropped by the engine, and its callers are told.
func TestDroppedBatchIsRefused(t *testing.T) {
	told := newRefusals()
	cfg := config(t, t.TempDir(), newMemLog())
	cfg.Refused = told.refused
	n, c := start(t, cfg)
	commands := setup()
	submit(t, n, commands)
	await(t, "the setup", func() bool { return c.seq.Load() == uint64(len(commands)) })
	lost := flow(1, 2)
	ahead := wire.AppendCommand(wire.Batch{Term: n.Status().Term, Sequence: 1000, Count: 1}.AppendHeader(nil), &lost[0])
	f := n.raft.Apply(ahead, 0)
	if err := f.Error(); err != nil || f.Response() != errDropped {
		t.Fatalf("the batch got %v, %v", f.Response(), err)
	}
	n.seq.settle(&proposal{origins: []wire.Origin{lost[0].Origin, lost[1].Origin}}, n.seq.outcome(f))
	if told.count(ErrNotApplied) != 2 || n.Status().Dropped != 1 || n.Status().Seq != uint64(len(commands)) {
		t.Errorf("refused %v, state %+v", told.got, n.Status().State)
	}
	submit(t, n, lost)
	await(t, "what follows", func() bool { return c.seq.Load() == uint64(len(commands)+2) })
	closeAll(t, n, c, nil)
}

// A flipped byte anywhere in the log's files is found, or it is in a byte that carries nothing: never are commands missing
// in silence.
func TestFlippedByteInTheLog(t *testing.T) {
	dir := t.TempDir()
	commands := day(5, 300)
	log := openWAL(t, dir)
	cfg := config(t, dir, log)
	cfg.BatchCommands = 16
	n, c := start(t, cfg)
	submit(t, n, commands)
	await(t, "all events", func() bool { return c.seq.Load() == uint64(len(commands)) })
	want := n.Status().State
	closeAll(t, n, c, log)
	var files []string
	if err := filepath.WalkDir(dir+"/log", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, path := range files {
		whole := read(t, path)
		for k := range 3 {
			if len(whole) == 0 {
				break
			}
			spoilt := append([]byte(nil), whole...)
			spoilt[k*(len(whole)-1)/2] ^= 0x04
			write(t, path, spoilt)
			got, err := Inspect(dir+"/snapshots", walReplay(dir), nil)
			if err != nil {
				found++
			} else if got.FullHash != want.FullHash || got.Seq != want.Seq {
				t.Errorf("%s, byte %d: the inspection sees command %d, want %d, and no error", path, k*(len(whole)-1)/2, got.Seq, want.Seq)
			}
		}
		write(t, path, whole)
	}
	if found == 0 {
		t.Errorf("no flipped byte was found in %v", files)
	}
	if got, err := Inspect(dir+"/snapshots", walReplay(dir), nil); err != nil || got.FullHash != want.FullHash {
		t.Errorf("the data as they were: %v", err)
	}
}
