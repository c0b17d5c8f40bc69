package replication

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"uncross/engine/wire"
)

// trio is a cluster in one process, and in a bubble: nodes on raft's in-memory transports, with logs in memory.
type trio struct {
	t      *testing.T
	peers  []Member
	change func(*Config) // of every node's configuration, before it is opened
	mu     sync.Mutex
	all    map[string]*place
}

// place is where a node lives: its data outlast it.
type place struct {
	*Node
	id       string
	log      *memLog
	dir      string
	wire     *raft.InmemTransport
	c        *collector
	told     *refusals
	heard    []string // what Config.Office and Config.Refused were called with
	mu       sync.Mutex
	ended    chan error // what Fatal was called with
	cut      map[string]bool
	dead     atomic.Bool
	expected bool // an end is what the test wants
}

func newTrio(t *testing.T, ids ...string) *trio {
	t.TempDir() // the first, so that they are removed when the nodes have ended
	k := &trio{t: t, all: make(map[string]*place)}
	for _, id := range ids {
		k.peers = append(k.peers, Member{id, "addr-" + id, true})
	}
	t.Cleanup(func() {
		for _, p := range k.all {
			if p.Node != nil {
				p.log.set(nil, nil)
				_ = p.Close()
			}
		}
	})
	return k
}

// startAll starts the founding nodes and waits for a leader.
func (k *trio) startAll() *place {
	for _, m := range k.peers {
		k.start(m.ID)
	}
	return k.leader()
}

// start starts a node, on the data that are there.
func (k *trio) start(id string) *place {
	k.t.Helper()
	p := k.open(id)
	if err := p.Start(); err != nil {
		k.t.Fatal(err)
	}
	return p
}

func (k *trio) open(id string) *place {
	k.t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	old := k.all[id]
	p := &place{id: id, told: newRefusals(), ended: make(chan error, 1), cut: make(map[string]bool)}
	if old != nil {
		p.log, p.dir = old.log, old.dir
	} else {
		p.log, p.dir = newMemLog(), k.t.TempDir()
	}
	_, p.wire = raft.NewInmemTransportWithTimeout(raft.ServerAddress("addr-"+id), 300*time.Millisecond)
	cfg := config(k.t, p.dir, p.log)
	cfg.NodeID, cfg.Transport, cfg.BatchCommands, cfg.DrainTimeout = id, p.wire, 32, 2*time.Second
	cfg.DiskTimeout, cfg.SnapshotTimeout = DefaultDiskTimeout, DefaultSnapshotTimeout // what hangs here, the test lets hang
	cfg.Peers = k.peers
	cfg.Refused = func(o wire.Origin, err error) {
		p.told.refused(o, err)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.heard = append(p.heard, "refused")
	}
	cfg.Office = func(leading bool) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.heard = append(p.heard, fmt.Sprint("leading ", leading))
	}
	cfg.Fatal = func(err error) {
		if !p.expected {
			k.t.Errorf("node %s has failed: %v", id, err)
		}
		k.unplug(p) // as near to the end of the process as it goes
		p.ended <- err
	}
	if k.change != nil {
		k.change(&cfg)
	}
	var err error
	if p.Node, err = Open(cfg); err != nil {
		k.t.Fatal(err)
	}
	p.c = collect(p.Node)
	k.all[id] = p
	for _, o := range k.all {
		if o != p && !o.dead.Load() {
			o.wire.Connect(p.wire.LocalAddr(), p.wire)
			p.wire.Connect(o.wire.LocalAddr(), o.wire)
		}
	}
	return p
}

// unplug takes a node off the network for good.
func (k *trio) unplug(p *place) {
	p.dead.Store(true)
	k.isolate(p)
}

func (k *trio) part(p *place) {
	for _, o := range k.all {
		if o != p {
			o.wire.Disconnect(p.wire.LocalAddr())
			p.wire.Disconnect(o.wire.LocalAddr())
		}
	}
}

// isolate cuts a node off from all others, rejoin brings it back.
func (k *trio) isolate(p *place) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.part(p)
}

func (k *trio) rejoin(p *place) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, o := range k.all {
		if o != p && !o.dead.Load() {
			o.wire.Connect(p.wire.LocalAddr(), p.wire)
			p.wire.Connect(o.wire.LocalAddr(), o.wire)
		}
	}
}

// stop closes a node and leaves its data.
func (k *trio) stop(p *place) {
	k.t.Helper()
	err := p.Close()
	if err != nil && !p.expected {
		k.t.Fatal(err)
	}
	<-p.c.done
	p.dead.Store(true)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.part(p)
}

// leader waits for a leader other than the given nodes.
func (k *trio) leader(not ...*place) (l *place) {
	k.t.Helper()
	await(k.t, "a leader", func() bool {
		k.mu.Lock()
		defer k.mu.Unlock()
		l = nil
		for _, p := range k.all {
			if p.Node != nil && !p.dead.Load() && !slices.Contains(not, p) && p.Leading() {
				l = p
			}
		}
		return l != nil
	})
	return l
}

// others returns the living nodes but one, by id.
func (k *trio) others(but ...*place) (all []*place) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(k.all)) {
		if p := k.all[id]; !p.dead.Load() && !slices.Contains(but, p) {
			all = append(all, p)
		}
	}
	return all
}

// everywhere waits until the living nodes have a command, and checks that they have the same state.
func (k *trio) everywhere(seq uint64) {
	k.t.Helper()
	all := k.others()
	for _, p := range all {
		defer func() {
			if k.t.Failed() {
				k.t.Logf("%+v", p.Status())
			}
		}()
		await(k.t, fmt.Sprintf("command %d at node %s", seq, p.id), func() bool { return p.Status().Seq == seq })
	}
	want := all[0].Status().State
	for _, p := range all {
		if s := p.Status().State; s.FullHash != want.FullHash {
			k.t.Errorf("node %s has the hash %016x, node %s %016x", p.id, s.FullHash, all[0].id, want.FullHash)
		}
	}
}

// carry hands commands over in order to whoever leads, as long as they are taken, and waits for each batch of them.
func (k *trio) carry(p *place, commands []wire.Command) {
	k.t.Helper()
	from := p.Status().Seq
	submit(k.t, p.Node, commands)
	await(k.t, "the commands", func() bool { return p.c.seq.Load() >= from+uint64(len(commands)) })
}

// dayOf returns a day of total commands, setup among them.
func dayOf(seed uint64, total int) []wire.Command { return day(seed, total-len(setup())) }

func (p *place) words() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.heard)
}

func (p *place) snapshots() string { return filepath.Join(p.dir, "snapshots") }

// end waits for the error that a node ends with.
func (p *place) end(t *testing.T, want error) error {
	t.Helper()
	select {
	case err := <-p.ended:
		if !errors.Is(err, want) {
			t.Fatalf("node %s ended with %v, want %v", p.id, err, want)
		}
		return err
	case <-time.After(time.Minute):
		t.Fatalf("node %s did not end", p.id)
		return nil
	}
}
