package replication

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"

	"uncross/engine"
	"uncross/replication/peer/peertest"
)

// hungLog is a log store in which nothing returns while it hangs.
type hungLog struct {
	LogStore
	hang chan struct{}
}

func (h *hungLog) GetLog(i uint64, l *raft.Log) error { <-h.hang; return h.LogStore.GetLog(i, l) }
func (h *hungLog) StoreLogs(l []*raft.Log) error      { <-h.hang; return h.LogStore.StoreLogs(l) }
func (h *hungLog) DeleteRange(a, b uint64) error      { <-h.hang; return h.LogStore.DeleteRange(a, b) }
func (h *hungLog) Set(k, v []byte) error              { <-h.hang; return h.LogStore.Set(k, v) }
func (h *hungLog) SetUint64(k []byte, v uint64) error { <-h.hang; return h.LogStore.SetUint64(k, v) }

// Every operation that hangs ends the node, in time, while it still hangs.
func TestWatchdogFindsEveryHungOperation(t *testing.T) {
	for word, op := range map[string]func(*guard) error{
		"reading the log":                 func(g *guard) error { return g.GetLog(1, new(raft.Log)) },
		"writing the log":                 func(g *guard) error { return g.StoreLog(&raft.Log{Index: 2, Term: 1}) },
		"removing entries of the log":     func(g *guard) error { return g.DeleteRange(1, 1) },
		"writing raft's term or vote":     func(g *guard) error { return g.Set([]byte("k"), []byte("v")) },
		"writing raft's term or vote now": func(g *guard) error { return g.SetUint64([]byte("k"), 1) },
	} {
		synctest.Test(t, func(t *testing.T) {
			n := &Node{began: time.Now()}
			n.cfg.Fatal = func(error) {}
			log := &hungLog{newMemLog(), make(chan struct{})}
			g := &guard{LogStore: log, dog: &watchdog{now: n.now, limit: DefaultDiskTimeout}, node: n, applied: func() uint64 { return 0 }}
			stop := make(chan struct{})
			go g.dog.run(stop, n.fatal)
			time.Sleep(time.Minute)
			go func() { _ = op(g) }()
			time.Sleep(DefaultDiskTimeout)
			synctest.Wait()
			if err := n.failed(); err != nil {
				t.Errorf("%s: ended before its time: %v", word, err)
			}
			if got := g.dog.longest(); got != DefaultDiskTimeout {
				t.Errorf("%s: under way for %s", word, got)
			}
			time.Sleep(DefaultDiskTimeout/diskLooks*2 + time.Millisecond)
			synctest.Wait()
			failure := n.failed()
			if !errors.Is(failure, ErrDisk) || !contains(failure, word[:len("writing raft's term")-5]) {
				t.Errorf("%s: ended with %v", word, failure)
			}
			close(log.hang)
			close(stop)
			synctest.Wait()
			if g.dog.longest() != 0 || g.dog.slowest.Load() < int64(DefaultDiskTimeout) {
				t.Errorf("%s: longest %s, slowest %d after it came back", word, g.dog.longest(), g.dog.slowest.Load())
			}
		})
	}
}

// Many operations that are slow, but not too slow, end nothing; and neither does a process that was stopped.
func TestWatchdogLetsSlowOperationsBe(t *testing.T) {
	var clock atomic.Int64
	w := &watchdog{now: func() time.Duration { return time.Duration(clock.Load()) }, limit: 80 * time.Millisecond}
	ended := make(chan error, 1)
	slot := w.begin(&opWrite)
	clock.Store(int64(time.Hour)) // as after a long stop of the process: the first looks see an old operation
	synctest.Test(t, func(t *testing.T) {
		stop := make(chan struct{})
		go w.run(stop, func(err error) { ended <- err })
		time.Sleep(75 * time.Millisecond)
		w.end(slot)     // it ends as soon as its goroutine runs again
		for range 100 { // slow ones, one after the other
			slot = w.begin(&opWrite)
			time.Sleep(75 * time.Millisecond)
			w.end(slot)
			clock.Add(int64(75 * time.Millisecond))
		}
		close(stop)
	})
	select {
	case err := <-ended:
		t.Errorf("ended with %v", err)
	default:
	}
}

// The watch costs nothing that the collector would have to clean up.
func TestWatchdogAllocatesNothing(t *testing.T) {
	n := &Node{began: time.Now()}
	w := &watchdog{now: n.now, limit: time.Second}
	if allocs := testing.AllocsPerRun(1000, func() { w.end(w.begin(&opWrite)) }); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
	var slots []int
	for range diskOps {
		slots = append(slots, w.begin(&opRead))
	}
	if over := w.begin(&opRead); over != -1 {
		t.Errorf("slot %d of %d", over, diskOps)
	}
	w.end(-1)
	for _, s := range slots {
		w.end(s)
	}
	if w.longest() != 0 {
		t.Error("slots are left")
	}
}

func BenchmarkWatchdog(b *testing.B) {
	n := &Node{began: time.Now()}
	w := &watchdog{now: n.now, limit: time.Second}
	for b.Loop() {
		w.end(w.begin(&opWrite))
	}
}

// The bytes of a witness are a wire format: old logs are read with it.
func TestWitnessBytes(t *testing.T) {
	w := witness{applied: 0x0102030405060708, hash: 0x1112131415161718}
	const want = "0108070605040302011817161514131211"
	if got := hex.EncodeToString(w.encode()); got != want {
		t.Errorf("encoded as %s, want %s", got, want)
	}
	got, err := decodeWitness(w.encode())
	if err != nil || got != w {
		t.Errorf("decoded as %+v, %v", got, err)
	}
	for _, bad := range [][]byte{{1}, {2}, append(w.encode(), 0), w.encode()[:16], bytes.Repeat([]byte{0}, witnessSize)} {
		if _, err := decodeWitness(bad); err == nil {
			t.Errorf("%x was taken", bad)
		}
	}
}

// What a witness is held against: the past of this node, as far back as it goes.
func TestWitnessCheck(t *testing.T) {
	var h hashes
	h.add(10, 100) // the snapshot's
	for i := uint64(1); i <= 3*witnessed; i++ {
		h.add(10+2*i, 100+i) // every other entry is a command
	}
	last := uint64(10 + 6*witnessed)
	for _, c := range []struct {
		w        witness
		checked  bool
		diverged bool
	}{
		{witness{last, 100 + 3*witnessed}, true, false},
		{witness{last - 2, 100 + 3*witnessed - 1}, true, false},
		{witness{last, 7}, true, true},
		{witness{last - 1, 100 + 3*witnessed}, true, true}, // the leader had commands in an entry that had none here
		{witness{last + 2, 7}, true, true},
		{witness{10, 100}, false, false}, // too long ago
		{witness{0, 0}, false, false},
	} {
		checked, err := h.check(&raft.Log{Index: last + 3, Term: 4, Extensions: c.w.encode()})
		if checked != c.checked || errors.Is(err, ErrDiverged) != c.diverged {
			t.Errorf("%+v: checked %t, %v", c.w, checked, err)
		}
	}
	if checked, err := h.check(&raft.Log{Index: last + 3}); checked || err != nil {
		t.Errorf("an old entry: %t, %v", checked, err)
	}
	h.add(last, 5)
	if h.points[(h.n-1)%witnessed].hash != 5 {
		t.Error("a state at the same entry takes no place of its own")
	}
}

// What stands for an entry is neither sent nor stored, and says which term the entry before a request's is of.
func TestSubstituteIsNoEntry(t *testing.T) {
	n := &Node{began: time.Now()}
	n.cfg.Fatal = func(error) {}
	n.snapshot.Store(&raft.SnapshotMeta{Index: 7, Term: 3})
	g := &guard{LogStore: newMemLog(), dog: &watchdog{now: n.now, limit: time.Minute}, node: n}
	var l raft.Log
	if err := g.GetLog(7, &l); err != nil || l.Index != 7 || l.Term != 3 || !substitute(&l) {
		t.Fatalf("%+v, %v", l, err)
	}
	sent := &scripted{resp: raft.AppendEntriesResponse{Term: 3, Success: true}}
	e, _ := newEar(sent, n.now)
	req := &raft.AppendEntriesRequest{Term: 3, PrevLogEntry: 5, Entries: []*raft.Log{{Index: 6, Term: 3}, &l, {Index: 8, Term: 3}}}
	if err := e.AppendEntries("b", "", req, new(raft.AppendEntriesResponse)); !errors.Is(err, errCut) || sent.count != 0 {
		t.Errorf("%v, and %d requests were sent", err, sent.count)
	}
	if m := e.others(3)["b"].match; m != 0 {
		t.Errorf("the other node is said to have entry %d", m)
	}
	if err := g.StoreLogs(req.Entries); err == nil || n.failed() == nil {
		t.Errorf("stored: %v, %v", err, n.failed())
	}
	if last, err := g.LastIndex(); err != nil || last != 0 {
		t.Errorf("the log ends at %d, %v", last, err)
	}
}

// scripted is a transport on which every request has the same answer.
type scripted struct {
	raft.Transport
	resp  raft.AppendEntriesResponse
	count int
}

func (s *scripted) AppendEntries(_ raft.ServerID, _ raft.ServerAddress, _ *raft.AppendEntriesRequest, r *raft.AppendEntriesResponse) error {
	s.count++
	*r = s.resp
	return nil
}

// A learner that lost its data within a term is not taken for one that has them.
func TestMatchOfALearnerWithANewDisk(t *testing.T) {
	s := &scripted{}
	e, _ := newEar(s, func() time.Duration { return time.Second })
	var lost []uint64
	e.lost = func(id raft.ServerID, had, has uint64) { lost = append(lost, had, has) }
	for _, step := range []struct {
		success             bool
		before, last, match uint64
	}{{true, 10000, 10000, 10000}, {false, 10001, 10000, 10000}, {false, 10000, 40, 40}, {true, 0, 0, 40}, {true, 20, 40, 40}, {false, 20, 0, 0}, {true, 5, 5, 5}} {
		s.resp = raft.AppendEntriesResponse{Term: 3, Success: step.success, LastLog: step.last}
		if err := e.AppendEntries("l", "", &raft.AppendEntriesRequest{Term: 3, PrevLogEntry: step.before}, new(raft.AppendEntriesResponse)); err != nil {
			t.Fatal(err)
		}
		if m := e.others(3)["l"].match; m != step.match {
			t.Errorf("%+v: %d", step, m)
		}
	}
	if want := []uint64{10000, 40, 40, 0}; !slices.Equal(lost, want) {
		t.Errorf("told of losses %v, expected %v", lost, want)
	}
	// One that was removed may come again without data.
	e.forget("l")
	s.resp = raft.AppendEntriesResponse{Term: 3}
	if err := e.AppendEntries("l", "", &raft.AppendEntriesRequest{Term: 3, PrevLogEntry: 5}, new(raft.AppendEntriesResponse)); err != nil || len(lost) != 4 {
		t.Errorf("%v, told of losses %v", err, lost)
	}
}

// A heartbeat that comes when raft has taken a snapshot and not read of it yet is answered once it has, before the
// installation is over: the ear takes nothing from the transport that raft does not.
func TestHeartbeatBehindASnapshotAtTheEar(t *testing.T) {
	lead, here := peertest.Listen(t, "a"), peertest.Listen(t, "b")
	e, transport := newEar(here.Transport(), func() time.Duration { return time.Second })
	e.covers = func(*raft.InstallSnapshotRequest) *raft.InstallSnapshotResponse { return nil }
	met := make(chan *raft.AppendEntriesRequest, 16) // by the ear, on their way to raft
	e.behind = func(r *raft.AppendEntriesRequest) *raft.AppendEntriesRequest { met <- r; return r }
	e.servers = func() []raft.Server { return nil }
	e.run()
	defer close(e.quit)
	head := raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte("a"), Addr: []byte(lead.Address())}
	sent := make(chan error, 1)
	go func() {
		req := &raft.InstallSnapshotRequest{RPCHeader: head, SnapshotVersion: 1, Term: 3, LastLogIndex: 9, LastLogTerm: 3, Size: 1000, Configuration: raft.EncodeConfiguration(raft.Configuration{})}
		sent <- lead.Transport().InstallSnapshot("b", raft.ServerAddress(here.Address()), req, new(raft.InstallSnapshotResponse), bytes.NewReader(make([]byte, 1000)))
	}()
	first := <-transport.Consumer()
	first.Respond(&raft.AppendEntriesResponse{RPCHeader: head, Term: 3, Success: true}, nil)
	install := <-transport.Consumer() // raft's main loop is with it from here on
	if _, ok := install.Command.(*raft.InstallSnapshotRequest); !ok {
		t.Fatalf("%T", install.Command)
	}
	for len(met) > 0 { // what went before the snapshot
		<-met
	}
	beat := make(chan error, 1)
	go func() {
		beat <- lead.Transport().AppendEntries("b", raft.ServerAddress(here.Address()), &raft.AppendEntriesRequest{RPCHeader: head, Term: 3}, new(raft.AppendEntriesResponse))
	}()
	select {
	case <-met:
	case <-time.After(time.Minute):
		t.Fatal("the heartbeat did not come")
	}
	if _, err := install.Reader.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if err := <-beat; err != nil {
		t.Errorf("the heartbeat was not answered: %v", err)
	}
	_, _ = io.Copy(io.Discard, install.Reader)
	install.Respond(&raft.InstallSnapshotResponse{RPCHeader: head, Term: 3, Success: true}, nil)
	if err := <-sent; err != nil {
		t.Error(err)
	}
	if term, _ := e.word(); term != 3 || e.heard.Load() == 0 {
		t.Errorf("the ear heard of term %d", term)
	}
}

// What the node itself reads of the log is watched as raft's reading is.
func TestWatchdogSeesWhatTheNodeItselfReads(t *testing.T) {
	for name, read := range map[string]func(*Node){
		"held back": func(n *Node) { n.release() },
		"waking":    func(n *Node) { _, _, _ = n.lastCommand(5) },
		"backup":    func(n *Node) { _ = (&backup{node: n, dir: t.TempDir(), info: BackupInfo{First: 1, Last: 5}}).entries() },
	} {
		synctest.Test(t, func(t *testing.T) {
			n := &Node{began: time.Now(), stop: make(chan struct{})}
			n.cfg.Fatal = func(error) {}
			n.fsm = &fsm{engine: engine.New(), node: n, back: heldBack{on: true, last: 5}}
			n.dog = &watchdog{now: n.now, limit: DefaultDiskTimeout}
			log := &hungLog{newMemLog(), make(chan struct{})}
			n.cfg.Log, n.log = log, &guard{LogStore: log, dog: n.dog, node: n}
			go n.dog.run(n.stop, n.fatal)
			time.Sleep(time.Minute)
			go read(n)
			time.Sleep(2 * DefaultDiskTimeout)
			if err := n.failed(); !errors.Is(err, ErrDisk) {
				t.Errorf("%s: ended with %v", name, err)
			}
			close(n.stop)
			close(log.hang)
			synctest.Wait()
		})
	}
}
