package peer

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
)

// site is a raft node on a transport.
type site struct {
	id        raft.ServerID
	port      *Port
	transport raft.Transport
	raft      *raft.Raft
	logs      *store
	snapshots *shelf
	applied   *memory
}

// store is a log store that can be told to hang and to refuse entries, as one does whose disk stalls.
type store struct {
	*raft.InmemStore
	refuse atomic.Bool
	hang   atomic.Int64 // ns that the next call takes
	most   atomic.Int64 // bytes of entries in one call
}

func (s *store) StoreLogs(logs []*raft.Log) error {
	time.Sleep(time.Duration(s.hang.Swap(0)))
	if s.refuse.Load() {
		return errors.New("the disk stalls")
	}
	bytes := int64(0)
	for _, l := range logs {
		bytes += int64(len(l.Data))
	}
	s.most.Store(max(s.most.Load(), bytes))
	return s.InmemStore.StoreLogs(logs)
}

// shelf is a snapshot store whose sinks wait for a gate.
type shelf struct {
	raft.SnapshotStore
	gate    chan struct{} // nil: open
	entered chan struct{}
}

// shut closes the gate, and opens it at the end of the test at the latest: raft would not end before.
func (s *shelf) shut(t *testing.T) (open func()) {
	gate := make(chan struct{})
	s.gate, s.entered = gate, make(chan struct{}, 1)
	open = sync.OnceFunc(func() { close(gate) })
	t.Cleanup(open)
	return open
}

func (s *shelf) Create(v raft.SnapshotVersion, index, term uint64, c raft.Configuration, ci uint64, t raft.Transport) (raft.SnapshotSink, error) {
	sink, err := s.SnapshotStore.Create(v, index, term, c, ci, t)
	if s.gate == nil {
		return sink, err
	}
	return &slowSink{sink, s}, err
}

type slowSink struct {
	raft.SnapshotSink
	shelf *shelf
}

func (s *slowSink) Write(p []byte) (int, error) {
	select {
	case s.shelf.entered <- struct{}{}:
	default:
	}
	<-s.shelf.gate
	return s.SnapshotSink.Write(p)
}

// memory is a state machine that is the bytes of its entries.
type memory struct {
	forgets  bool
	ballast  generated   // in place of the bytes, in a snapshot
	restored chan error  // what became of the ballast
	ends     atomic.Bool // a restore is an error, as for a node that ends itself to go on from the snapshot
	mu       sync.Mutex
	b        []byte
}

func (m *memory) Apply(l *raft.Log) any {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.forgets {
		m.b = append(m.b, l.Data...)
	}
	return nil
}

func (m *memory) all() []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return bytes.Clone(m.b)
}

func (m *memory) Snapshot() (raft.FSMSnapshot, error) {
	if m.ballast > 0 {
		return m.ballast, nil
	}
	return image(m.all()), nil
}

func (m *memory) Restore(r io.ReadCloser) error {
	if m.ends.Load() {
		return errors.New("restart")
	}
	if m.ballast > 0 {
		m.restored <- m.ballast.is(r)
		return r.Close()
	}
	b, err := io.ReadAll(r)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.b = b
	return errors.Join(err, r.Close())
}

// generated is a state of so many bytes, made as they are written: copies of one as large would be what holds a process up.
type generated int64

func (g generated) bytes() io.Reader { return io.LimitReader(rand.NewChaCha8([32]byte{1}), int64(g)) }

func (g generated) Persist(s raft.SnapshotSink) error {
	_, err := io.Copy(s, g.bytes())
	return errors.Join(err, s.Close())
}

func (generated) Release() {}

// is reports what differs in a stream.
func (g generated) is(r io.Reader) error {
	got, want := crc32.NewIEEE(), crc32.NewIEEE()
	n, err := io.Copy(got, r)
	_, _ = io.Copy(want, g.bytes())
	if err == nil && got.Sum32() != want.Sum32() {
		err = fmt.Errorf("%d bytes that are not the state", n)
	}
	return err
}

type image []byte

func (i image) Persist(s raft.SnapshotSink) error {
	_, err := s.Write(i)
	return errors.Join(err, s.Close())
}

func (image) Release() {}

const leaseTimeout = 900 * time.Millisecond

// settings are raft's, with longer times than a node's. Where time is the machine's they are longer still: one that does other
// work too is not to change the leader.
func settings(id raft.ServerID, w *wires) *raft.Config {
	c := raft.DefaultConfig()
	c.LocalID, c.LogOutput, c.LogLevel, c.NoLegacyTelemetry = id, io.Discard, "ERROR", true
	c.HeartbeatTimeout, c.ElectionTimeout, c.LeaderLeaseTimeout = time.Second, time.Second, leaseTimeout
	if w == nil {
		c.HeartbeatTimeout, c.ElectionTimeout, c.LeaderLeaseTimeout = 3*time.Second, 3*time.Second, 3*time.Second
	}
	c.SnapshotInterval, c.TrailingLogs = time.Hour, 1
	return c
}

// begin starts raft on a transport, with the configuration given where the node has no log. w nil: over the kernel's network.
func begin(t testing.TB, w *wires, id raft.ServerID, p *Port, transport raft.Transport, servers []raft.Server, before *site) *site {
	t.Helper()
	s := before
	if s == nil {
		s = &site{id: id, logs: &store{InmemStore: raft.NewInmemStore()}, snapshots: &shelf{SnapshotStore: raft.NewInmemSnapshotStore()}, applied: new(memory)}
		if len(servers) > 0 {
			if err := raft.BootstrapCluster(settings(id, w), s.logs, s.logs, s.snapshots, transport, raft.Configuration{Servers: servers}); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.port, s.transport = p, transport
	r, err := raft.NewRaft(settings(id, w), s.applied, s.logs, s.logs, s.snapshots, transport)
	if err != nil {
		t.Fatal(err)
	}
	s.raft = r
	t.Cleanup(func() { _ = r.Shutdown().Error() }) // it is the end
	return s
}

// group starts a cluster of three nodes over ports of their own. w nil: over the kernel's network.
func group(t *testing.T, w *wires, change func(node string, c *Config)) []*site {
	t.Helper()
	var ports []*Port
	var servers []raft.Server
	for i := range 3 {
		p := plugged(t, w, nodeName(i), "", func(c *Config) {
			if change != nil {
				change(c.NodeID, c)
			}
		})
		ports = append(ports, p)
		servers = append(servers, raft.Server{ID: raft.ServerID(nodeName(i)), Address: raft.ServerAddress(p.Address())})
	}
	var all []*site
	for i, p := range ports {
		all = append(all, begin(t, w, servers[i].ID, p, p.Transport(), servers, nil))
	}
	if w == nil {
		elect(all)
	}
	return all
}

// elect lets the first node stand for election, so that nobody waits for the time-out, unless that comes to nothing.
func elect(all []*site) {
	from, to := all[1].transport, all[0]
	h := raft.RPCHeader{ProtocolVersion: 3, ID: []byte(all[1].id), Addr: []byte(from.LocalAddr())}
	_ = from.TimeoutNow(to.id, to.transport.LocalAddr(), &raft.TimeoutNowRequest{RPCHeader: h}, new(raft.TimeoutNowResponse))
}

// leader waits for the leader.
func leader(t testing.TB, all []*site) (*site, []*site) {
	t.Helper()
	for end := time.Now().Add(longest); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		for i, s := range all {
			if s.raft.State() == raft.Leader {
				rest := append(append([]*site(nil), all[:i]...), all[i+1:]...)
				return s, rest
			}
		}
	}
	t.Fatal("there is no leader")
	return nil, nil
}

func apply(t *testing.T, s *site, data []byte) {
	t.Helper()
	if err := s.raft.Apply(data, longest).Error(); err != nil {
		t.Fatal(err)
	}
}

// same waits until all have applied the same.
func same(all ...*site) error {
	if comes(func() bool {
		for _, s := range all[1:] {
			if !bytes.Equal(s.applied.all(), all[0].applied.all()) {
				return false
			}
		}
		return true
	}) {
		return nil
	}
	text := "the nodes have applied"
	for _, s := range all {
		text += fmt.Sprintf(" %d (last entry %d)", len(s.applied.all()), s.raft.LastIndex())
	}
	return errors.New(text)
}

// TestCluster commits, changes the leader and goes on, over TLS.
func TestCluster(t *testing.T) {
	ca := authority(t)
	all := group(t, nil, func(node string, c *Config) { c.TLS = identity(t, ca, node) })
	first, others := leader(t, all)
	for i := range 50 {
		apply(t, first, []byte{byte(i)})
	}
	if err := first.raft.LeadershipTransferToServer(others[0].id, raft.ServerAddress(others[0].port.Address())).Error(); err != nil {
		t.Fatal(err)
	}
	if second, _ := leader(t, others); second != others[0] {
		t.Errorf("%s leads", second.id)
	}
	apply(t, others[0], []byte("new"))
	if err := same(all...); err != nil {
		t.Error(err)
	}
	if err := first.raft.Shutdown().Error(); err != nil {
		t.Error(err)
	}
	apply(t, others[0], []byte("two are enough"))
	if err := same(others...); err != nil {
		t.Error(err)
	}
}

// A follower that was away catches up in messages of bounded size, though raft would put all it can into one.
func TestCatchUp(t *testing.T) {
	timeless(t, func(t *testing.T, w *wires) {
		all := group(t, w, nil)
		first, others := leader(t, all)
		away := others[0]
		away.logs.refuse.Store(true)
		entry := make([]byte, MaxAppend/5)
		for range 40 {
			apply(t, first, entry)
		}
		away.logs.refuse.Store(false)
		if err := same(all...); err != nil {
			t.Fatal(err)
		}
		if most := away.logs.most.Load(); most > MaxAppend || most <= int64(len(entry)) {
			t.Errorf("%d bytes came at once", most)
		}
	})
}

// refuseAtTimes puts load on a cluster while a follower refuses entries from time to time, as after a stall of its disk
// that the store gives up on, and returns an error when the follower does not catch up afterwards, while it is sent heartbeats.
func refuseAtTimes(t *testing.T, all []*site) error {
	first, others := leader(t, all)
	away := others[0]
	stop := make(chan struct{})
	var load sync.WaitGroup
	for range 8 {
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(time.Millisecond): // the clock goes on while all wait
					_ = first.raft.Apply([]byte("x"), time.Second).Error() // the nodes are compared
				}
			}
		})
	}
	for range 20 {
		time.Sleep(15 * time.Millisecond)
		away.logs.refuse.Store(true)
		away.logs.hang.Store(int64(3 * time.Millisecond))
		time.Sleep(5 * time.Millisecond)
		away.logs.refuse.Store(false)
	}
	close(stop)
	load.Wait()
	err := same(all...)
	if first.raft.State() != raft.Leader || time.Since(away.raft.LastContact()) > leaseTimeout {
		t.Fatal("the leader has changed: nothing was shown")
	}
	return err
}

// TestRefusedEntries is hashicorp/raft issue 612: a follower that has refused entries gets the next ones.
func TestRefusedEntries(t *testing.T) {
	timeless(t, func(t *testing.T, w *wires) {
		if err := refuseAtTimes(t, group(t, w, nil)); err != nil {
			t.Error(err)
		}
	})
}

// TestRefusedEntriesPipeline shows that TestRefusedEntries finds the issue: with raft's own transport and its pipeline the
// follower is left behind, while it is sent heartbeats. When a newer raft passes this, the pipeline can be thought of again.
func TestRefusedEntriesPipeline(t *testing.T) {
	timeless(t, func(t *testing.T, w *wires) {
		var servers []raft.Server
		var transports []*piped
		for i := range 3 {
			s := w.listen("")
			tr := &piped{NetworkTransport: raft.NewNetworkTransport(s, 3, time.Second, io.Discard)}
			t.Cleanup(func() { _ = tr.Close() })
			transports = append(transports, tr)
			servers = append(servers, raft.Server{ID: raft.ServerID(nodeName(i)), Address: tr.LocalAddr()})
		}
		var all []*site
		for i, s := range servers {
			all = append(all, begin(t, w, s.ID, nil, transports[i], servers, nil))
			t.Cleanup(transports[i].end)
		}
		err := refuseAtTimes(t, all)
		if err == nil {
			t.Fatal("raft's pipeline did not stop")
		}
		t.Log(err)
	})
}

// piped is raft's own transport, which keeps its pipelines: one that has stopped hangs for good, and raft's shutdown with it,
// until it is ended.
type piped struct {
	*raft.NetworkTransport
	mu        sync.Mutex
	pipelines []raft.AppendPipeline
}

func (p *piped) AppendEntriesPipeline(id raft.ServerID, a raft.ServerAddress) (raft.AppendPipeline, error) {
	l, err := p.NetworkTransport.AppendEntriesPipeline(id, a)
	if err == nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.pipelines = append(p.pipelines, l)
	}
	return l, err
}

func (p *piped) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.pipelines {
		_ = l.Close()
	}
}

// A follower whose disk hangs for longer than a heartbeat may take catches up afterwards, with its leader in place.
func TestStalledDisk(t *testing.T) {
	timeless(t, func(t *testing.T, w *wires) {
		all := group(t, w, nil)
		first, others := leader(t, all)
		others[0].logs.hang.Store(int64(HeartbeatTimeout + 300*time.Millisecond))
		for begun := time.Now(); time.Since(begun) < HeartbeatTimeout+time.Second; time.Sleep(10 * time.Millisecond) {
			apply(t, first, []byte("x"))
		}
		if err := same(all...); err != nil {
			t.Error(err)
		}
		if first.raft.State() != raft.Leader {
			t.Error("the leader has changed")
		}
	})
}

// A node that was away for a while gets entries as soon as it is back, so that another one may go.
func TestNodeIsBack(t *testing.T) {
	timeless(t, func(t *testing.T, w *wires) {
		var nodes sync.Map // *raft.Raft by name
		all := group(t, w, func(node string, c *Config) {
			c.Leads = func() bool {
				r, ok := nodes.Load(node)
				return ok && r.(*raft.Raft).State() == raft.Leader
			}
		})
		for _, s := range all {
			nodes.Store(string(s.id), s.raft)
		}
		first, others := leader(t, all)
		back, other := others[0], others[1]
		address := back.port.Address()
		if err := errors.Join(back.raft.Shutdown().Error(), back.port.Close()); err != nil {
			t.Fatal(err)
		}
		for begun := time.Now(); time.Since(begun) < 3*time.Second; time.Sleep(10 * time.Millisecond) {
			apply(t, first, []byte("x"))
		}
		p := plugged(t, w, string(back.id), address, nil)
		begin(t, w, back.id, p, p.Transport(), nil, back)
		begun := time.Now()
		if err := same(first, back); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took > 900*time.Millisecond {
			t.Errorf("it has caught up after %v", took)
		}
		// The leader's goroutine for the one that goes for good does not keep it from ending.
		if err := errors.Join(other.raft.Shutdown().Error(), other.port.Close()); err != nil {
			t.Fatal(err)
		}
		apply(t, first, []byte("y"))
		begun = time.Now()
		if err := first.raft.Shutdown().Error(); err != nil || time.Since(begun) > 2*time.Second {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
	})
}

// A node that ends itself at each snapshot it is sent is sent it once: after its restart it says that it has it.
func TestRestartAfterInstall(t *testing.T) {
	timeless(t, func(t *testing.T, w *wires) {
		all := group(t, w, nil)
		first, others := leader(t, all)
		behind := others[0]
		address := behind.port.Address()
		start := func() *Port {
			t.Helper()
			if err := errors.Join(behind.raft.Shutdown().Error(), behind.port.Close()); err != nil {
				t.Fatal(err)
			}
			p := plugged(t, w, string(behind.id), address, func(c *Config) {
				c.Holds = func(index, term uint64) bool {
					list, err := behind.snapshots.List()
					return err == nil && len(list) > 0 && list[0].Index == index && list[0].Term == term
				}
			})
			behind.applied.ends.Store(false)
			begin(t, w, behind.id, p, p.Transport(), nil, behind)
			behind.applied.ends.Store(true)
			return p
		}
		behind.logs.refuse.Store(true)
		for range 100 {
			apply(t, first, []byte("x"))
		}
		if err := first.raft.Snapshot().Error(); err != nil {
			t.Fatal(err)
		}
		apply(t, first, []byte("y"))
		behind.logs.refuse.Store(false)
		p := start()
		if !comes(func() bool { return p.Stats().Snapshots > 0 }) {
			t.Fatal("no snapshot came")
		}
		synctest.Wait() // raft keeps it, and ends where the restore begins
		p = start()
		if err := same(first, behind); err != nil {
			t.Error(err)
		}
		if n := p.Stats().Snapshots; n != 0 {
			t.Errorf("it was sent %d times more", n)
		}
	})
}
