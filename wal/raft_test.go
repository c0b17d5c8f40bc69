package wal

import (
	"bytes"
	"encoding/binary"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// sumFSM adds up what it is given; its snapshot is the sum.
type sumFSM struct {
	mu  sync.Mutex
	sum uint64
}

func (f *sumFSM) Apply(l *raft.Log) any {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sum += binary.BigEndian.Uint64(l.Data)
	return f.sum
}

func (f *sumFSM) Snapshot() (raft.FSMSnapshot, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return sumSnapshot(f.sum), nil
}

func (f *sumFSM) Restore(r io.ReadCloser) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return binary.Read(r, binary.BigEndian, &f.sum)
}

func (f *sumFSM) value() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sum
}

type sumSnapshot uint64

func (s sumSnapshot) Persist(sink raft.SnapshotSink) error {
	if err := binary.Write(sink, binary.BigEndian, uint64(s)); err != nil {
		return err
	}
	return sink.Close()
}

func (sumSnapshot) Release() {}

// TestRaft runs raft itself on the store, through restarts, kills, a snapshot
// with truncation, and a restored snapshot (which removes the whole log and leaves a gap).
func TestRaft(t *testing.T) {
	fs := vfs.NewCrashableMem()
	snaps := raft.NewInmemSnapshotStore()
	var want uint64
	start := func() (*raft.Raft, *Store, *sumFSM) {
		t.Helper()
		s := mustOpen(t, fs)
		conf := raft.DefaultConfig()
		conf.LocalID = "n1"
		conf.Logger = hclog.NewNullLogger()
		conf.TrailingLogs = 5
		conf.HeartbeatTimeout, conf.ElectionTimeout, conf.LeaderLeaseTimeout = 20*time.Millisecond, 20*time.Millisecond, 10*time.Millisecond
		addr, trans := raft.NewInmemTransport("n1")
		known, err := raft.HasExistingState(s, s, snaps)
		must(t, err)
		if !known {
			must(t, raft.BootstrapCluster(conf, s, s, snaps, trans, raft.Configuration{Servers: []raft.Server{{ID: "n1", Address: addr}}}))
		}
		fsm := &sumFSM{}
		r, err := raft.NewRaft(conf, fsm, s, s, snaps, trans)
		must(t, err)
		<-r.LeaderCh()
		must(t, r.Barrier(0).Error())
		if fsm.value() != want {
			t.Fatalf("after the start the state is %d, want %d", fsm.value(), want)
		}
		return r, s, fsm
	}
	apply := func(r *raft.Raft, n int) {
		t.Helper()
		for i := range n {
			must(t, r.Apply(binary.BigEndian.AppendUint64(nil, uint64(i)), 0).Error())
			want += uint64(i)
		}
	}
	stop := func(r *raft.Raft, s *Store) {
		t.Helper()
		must(t, r.Shutdown().Error())
		mustClose(t, s)
	}
	r, s, _ := start()
	apply(r, 30)
	stop(r, s)
	r, s, _ = start()
	apply(r, 10)
	must(t, r.Snapshot().Error())
	if first, _ := s.FirstIndex(); first < 20 {
		t.Fatalf("the snapshot did not truncate the log: first %d", first)
	}
	apply(r, 10)
	old, oldStore := r, s
	fs = fs.CrashClone(vfs.CrashCloneCfg{})
	r, s, _ = start()
	stop(old, oldStore)
	apply(r, 3)
	// A snapshot from elsewhere: its index is far beyond the log.
	meta := &raft.SnapshotMeta{Version: 1, ID: "x", Index: 5000, Term: 1, Size: 8, Configuration: r.GetConfiguration().Configuration()}
	must(t, r.Restore(meta, bytes.NewReader(binary.BigEndian.AppendUint64(nil, 777)), 0))
	want = 777
	apply(r, 4)
	if first, _ := s.FirstIndex(); first <= 5000 {
		t.Fatalf("the old log is still there: first %d", first)
	}
	stop(r, s)
	r, s, _ = start()
	stop(r, s)
}
