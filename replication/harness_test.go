package replication

import (
	"errors"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"

	"uncross/engine"
	"uncross/engine/amount"
	"uncross/engine/wire"
	"uncross/internal/ring"
	"uncross/wal"
)

// bubble runs a test in a bubble of testing/synctest. Its time is simulated: it goes on when nobody has anything left to do,
// so that no time-out runs out because the machine is busy, and an hour costs nothing. At the end of a bubble nobody may be
// left but those that wait for a future of raft's, which leaves some unanswered when it stops.
func bubble(t *testing.T, f func(*testing.T)) {
	t.Helper()
	ended := false
	defer func() {
		if p := recover(); p != nil {
			if left := leftBehind(); !ended || len(left) > 0 {
				t.Fatalf("%v\n%s", p, strings.Join(left, "\n\n"))
			}
		}
	}()
	synctest.Test(t, func(t *testing.T) {
		t.Cleanup(func() { // the last
			time.Sleep(time.Minute) // until raft's last time-outs have run out
			ended = true
		})
		f(t)
	})
}

// leftBehind returns the stacks of the goroutines of the newest bubble, but for those that wait for a future of raft's.
func leftBehind() []string {
	stacks := make([]byte, 1<<24)
	newest, of := 0, make(map[int][]string)
	for s := range strings.SplitSeq(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
		head, _, _ := strings.Cut(s, "\n")
		_, number, found := strings.Cut(head, "synctest bubble ")
		n, err := strconv.Atoi(strings.TrimRight(number, "]:"))
		if !found || err != nil {
			continue
		}
		newest = max(newest, n)
		if !strings.Contains(s, "raft.(*deferError).Error") {
			of[n] = append(of[n], s)
		}
	}
	return of[newest]
}

// noon is a fixed time: with it, the events do not depend on how commands fall into batches.
const noon = int64(1_767_225_600_000_000_000)

func fixedClock() int64 { return noon }

// Keys and accounts that setup makes.
const (
	traderKey    wire.KeyID     = 2
	custodianKey wire.KeyID     = 3
	alice        wire.AccountID = 2
	bob          wire.AccountID = 3
)

// setup returns the commands that make a venue with one instrument in continuous trading and two funded accounts.
func setup() []wire.Command {
	var all []wire.Command
	add := func(key wire.KeyID, put func(*wire.Command)) {
		var c wire.Command
		put(&c)
		c.Key = key
		c.Origin = wire.Origin{Node: 7, Seq: uint64(len(all) + 1)}
		all = append(all, c)
	}
	pub := func(b byte) (p [32]byte) { p[0], p[31] = b, b; return p }
	text := wire.MustText
	add(wire.NoKey, (&wire.Genesis{Venue: text("test"), ClusterID: [16]byte{1}, OperatorPub: pub(1)}).Put)
	add(wire.OperatorKey, (&wire.AddAsset{Code: text("USD"), Decimals: 2}).Put)
	add(wire.OperatorKey, (&wire.AddAsset{Code: text("ACME"), Decimals: 0}).Put)
	add(wire.OperatorKey, (&wire.AddInstrument{
		Symbol: text("ACME-USD"), Base: 2, Quote: 1, PriceDecimals: 2, TickSize: 1, LotSize: 1,
		Limits: wire.InstrumentLimits{MinPrice: 1, MaxPrice: 1_000_000, MinQty: 1, MaxQty: 1_000_000, MakerBps: 1, TakerBps: 2},
	}).Put)
	add(wire.OperatorKey, (&wire.AddFirm{Name: text("broker")}).Put)
	add(wire.OperatorKey, (&wire.AddUser{Firm: 2, Name: text("trader")}).Put)
	add(wire.OperatorKey, (&wire.AddKey{User: 2, Role: wire.Trader, Pub: pub(2)}).Put)
	add(wire.OperatorKey, (&wire.AddKey{User: 2, Role: wire.Custodian, Pub: pub(3)}).Put)
	add(wire.OperatorKey, (&wire.AddAccount{User: 2, Name: text("alice")}).Put)
	add(wire.OperatorKey, (&wire.AddAccount{User: 2, Name: text("bob")}).Put)
	for i, account := range []wire.AccountID{alice, bob} {
		for asset := wire.AssetID(1); asset <= 2; asset++ {
			t := wire.Transfer{Account: account, Asset: asset, Amount: amount.FromUint64(1 << 50), Reference: text("d" + string(rune('0'+2*i+int(asset))))}
			add(custodianKey, t.PutDeposit)
		}
	}
	add(wire.OperatorKey, (&wire.SetPhase{Instrument: 1, Phase: wire.Continuous}).Put)
	return all
}

// flow returns n orders and cancels that follow setup, the same for the same seed. Each has an origin of its own.
func flow(seed uint64, n int) []wire.Command {
	rng := rand.New(rand.NewPCG(seed, 1))
	all := make([]wire.Command, n)
	for i := range all {
		c := &all[i]
		account := alice + wire.AccountID(rng.IntN(2))
		if i%4 == 3 {
			(&wire.CancelOrder{Account: account, Target: wire.OrderRef{Order: wire.OrderID(1 + rng.IntN(i))}}).Put(c)
		} else {
			side := wire.Buy
			if rng.IntN(2) == 0 {
				side = wire.Sell
			}
			(&wire.NewOrder{
				Account: account, Instrument: 1, Side: side, Type: wire.Limit, TIF: wire.GTC,
				Price: wire.Price(950 + rng.IntN(100)), Qty: wire.Qty(1 + rng.IntN(50)),
			}).Put(c)
		}
		c.Key = traderKey
		c.Origin = wire.Origin{Node: seed, Seq: uint64(i + 1)}
	}
	return all
}

func day(seed uint64, n int) []wire.Command { return append(setup(), flow(seed, n)...) }

// reference applies the commands to an engine of its own, one by one, with fixedClock's time.
func reference(commands []wire.Command) (*engine.Engine, []wire.Event) {
	e := engine.New()
	var events []wire.Event
	for _, c := range commands {
		c.TimeNs = noon
		events = e.Apply(&c, events)
	}
	return e, events
}

// collector reads a node's events from the beginning.
type collector struct {
	mu     sync.Mutex
	events []wire.Event
	seq    atomic.Uint64 // of the last event that ended a command
	done   chan struct{}
}

func collect(n *Node) *collector {
	c := &collector{done: make(chan struct{})}
	r := n.Events().Reader("collector", true)
	go func() {
		defer close(c.done)
		c.read(r)
	}()
	return c
}

func (c *collector) read(r *ring.Reader[wire.Event]) {
	buf := make([]wire.Event, 512)
	for {
		k, _, ok := r.Read(buf, nil)
		if !ok {
			return
		}
		c.mu.Lock()
		c.events = append(c.events, buf[:k]...)
		c.mu.Unlock()
		if last := buf[k-1]; last.Flags&wire.FlagLast != 0 {
			c.seq.Store(last.Seq)
		}
	}
}

func (c *collector) all() []wire.Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.events)
}

// refusals records what Config.Refused is told.
type refusals struct {
	mu  sync.Mutex
	got map[wire.Origin]error
}

func newRefusals() *refusals { return &refusals{got: make(map[wire.Origin]error)} }

func (r *refusals) refused(o wire.Origin, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got[o] = err
}

func (r *refusals) count(want error) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, err := range r.got {
		if errors.Is(err, want) {
			n++
		}
	}
	return n
}

// memLog keeps a log in memory.
type memLog struct {
	*raft.InmemStore
	mu    sync.Mutex
	fail  error         // of the next writes
	block chan struct{} // writes wait until it is closed
	takes time.Duration // for how long a write is under way
	bytes atomic.Int64
}

func newMemLog() *memLog { return &memLog{InmemStore: raft.NewInmemStore()} }

func (m *memLog) Bytes() int64 { return m.bytes.Load() }

// Tail counts entries of 100 bytes each.
func (m *memLog) Tail(bytes int64) uint64 { return uint64(max(bytes, 0) / 100) }

func (m *memLog) IsMonotonic() bool { return true }

func (m *memLog) set(fail error, block chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail, m.block = fail, block
}

func (m *memLog) StoreLogs(logs []*raft.Log) error {
	m.mu.Lock()
	fail, block := m.fail, m.block
	m.mu.Unlock()
	if block != nil {
		<-block
	}
	time.Sleep(m.takes)
	if fail != nil {
		return fail
	}
	for _, l := range logs {
		m.bytes.Add(int64(len(l.Data)))
	}
	return m.InmemStore.StoreLogs(logs)
}

func (m *memLog) StoreLog(l *raft.Log) error { return m.StoreLogs([]*raft.Log{l}) }

func (m *memLog) DeleteRange(first, last uint64) error {
	for i := first; i <= last; i++ {
		var l raft.Log
		if m.GetLog(i, &l) == nil {
			m.bytes.Add(-int64(len(l.Data)))
		}
	}
	return m.InmemStore.DeleteRange(first, last)
}

// openWAL opens a log on disk that fails the test when it fails.
func openWAL(t testing.TB, dir string) *wal.Store {
	t.Helper()
	s, err := wal.Open(filepath.Join(dir, "log"), wal.Options{Logger: slog.New(slog.DiscardHandler), Fatal: func(err error) { panic(err) }})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// config returns a configuration in dir with a fixed clock; the test fails on Fatal. The disk may be a real one, which others
// keep busy.
func config(t testing.TB, dir string, log LogStore) Config {
	return Config{
		Log: log, SnapshotDir: filepath.Join(dir, "snapshots"), SnapshotBytes: -1, Clock: fixedClock,
		DiskTimeout: time.Minute, SnapshotTimeout: time.Minute,
		Fatal: func(err error) { t.Errorf("the node has failed: %v", err) },
	}
}

// start opens a node, attaches a collector and waits until it is ready.
func start(t testing.TB, cfg Config) (*Node, *collector) {
	t.Helper()
	n, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	c := collect(n)
	if err := n.Start(); err != nil {
		t.Fatal(errors.Join(err, n.Close()))
	}
	await(t, "the node is ready", n.Ready)
	return n, c
}

// await waits for a condition. It gives up only after so long that something must be wrong, outside of a bubble on a busy
// machine as well.
func await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// submit hands commands over in order and tries again when the venue is busy.
func submit(t testing.TB, n *Node, commands []wire.Command) {
	t.Helper()
	for i := range commands {
		err := n.Submit(&commands[i])
		for errors.Is(err, ErrBusy) {
			time.Sleep(100 * time.Microsecond)
			err = n.Submit(&commands[i])
		}
		if err != nil {
			t.Fatalf("command %d: %v", i, err)
		}
	}
}

func closeAll(t testing.TB, n *Node, c *collector, log *wal.Store) {
	t.Helper()
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	<-c.done
	if log != nil {
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// sameEvents compares event by event and shows the first difference.
func sameEvents(t testing.TB, got, want []wire.Event) {
	t.Helper()
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Fatalf("event %d differs:\n got %d.%d kind %d flags %d %x\nwant %d.%d kind %d flags %d %x", i,
				got[i].Seq, got[i].Ord, got[i].Kind, got[i].Flags, got[i].Body, want[i].Seq, want[i].Ord, want[i].Kind, want[i].Flags, want[i].Body)
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%d events, want %d", len(got), len(want))
	}
}

// sameState holds a node against the reference.
func sameState(t testing.TB, s State, e *engine.Engine) {
	t.Helper()
	full, business := e.Hashes()
	if s.Seq != e.Seq() || s.FullHash != full || s.BusinessHash != business {
		t.Fatalf("command %d, hashes %016x %016x; want %d, %016x %016x", s.Seq, s.FullHash, s.BusinessHash, e.Seq(), full, business)
	}
}
