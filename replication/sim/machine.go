package sim

import (
	"errors"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"uncross/engine/wire"
	"uncross/replication"
	"uncross/wal"
)

// The simulated nodes' sizes and times.
const (
	eventRing    = 1 << 12 // events
	inputRing    = 1 << 8  // commands
	drainTimeout = 200 * time.Millisecond
	funeral      = 5 * time.Second // for a ghost to come out of opening its stores
	diskTimeout  = 800 * time.Millisecond
)

// box is one machine: a disk that outlives its processes, and a clock.
type box struct {
	w     *world
	id    string
	clock atomic.Int64 // how far its wall clock is ahead of the true time, ns

	mu      sync.Mutex
	mem     *vfs.MemFS // as the last process left it
	promise promise    // what the log store told its last process that it keeps
	now     *incarnation
	all     []*incarnation
	runs    int    // processes so far
	reached uint64 // highest entry that any of its processes said it had applied
	spoilt  bool   // a bit was flipped while it was off
	founder bool   // it is one of the first members
	wanted  bool   // it is or shall be a member
}

// incarnation is one process of a box. When it ends it goes on as a ghost, since goroutines cannot be killed: without a
// network, on a disk that nobody looks at again, and whatever it says does not count.
type incarnation struct {
	box    *box
	number int
	disk   *disk
	port   *port
	log    *shadowLog
	store  atomic.Pointer[shadowLog] // the same, for those who do not know whether it is open
	node   *replication.Node
	opened chan struct{} // closed when it runs, or has failed to
	gone   chan struct{} // closed when it has ended
	read   chan struct{} // closed when its events are read to the end

	stuck  atomic.Bool // one of its goroutines was ended in the middle of a write
	ending sync.Once
	admin  sync.Mutex // taken by TryLock alone

	// Guarded by oracle.mu.
	dead     bool
	live     bool   // it said that reads may be served
	floor    uint64 // what its machine had applied before; reads do not go back behind it
	said     uint64 // highest entry that it said it had applied
	checked  uint64 // up to where its log has been compared
	position int    // of its next event among the reference's
	imaged   bool
	next     uint64 // first command after its image
	waiting  []wire.Event
	order    map[*client]uint64
}

// start begins a process on the box's disk.
func (b *box) start() {
	w := b.w
	b.mu.Lock()
	if !b.wanted || isClosed(w.over) {
		b.mu.Unlock()
		return
	}
	b.runs++
	x := &incarnation{
		box: b, number: b.runs, floor: b.reached, disk: newDisk(b.mem, w.o.Bug == NoFsync),
		opened: make(chan struct{}), gone: make(chan struct{}), read: make(chan struct{}), order: make(map[*client]uint64),
	}
	spoilt := b.spoilt
	b.all = append(b.all, x)
	b.mu.Unlock()
	x.port = w.net.open(b.id)
	x.disk.set(func(d *disk) {
		d.fuse = w.fuseAtStart()
		d.crash = func(op string) { x.powerCut("at an operation on " + op) }
	})
	// A process can end while it opens its stores, and leave this goroutine stuck in the middle of that.
	var err error
	go func() { defer close(x.opened); err = x.open() }()
	select {
	case <-x.opened:
	case <-x.gone:
		return
	}
	b.mu.Lock()
	alive := !w.oracle.isDead(x)
	if err == nil && alive {
		b.now = x
	}
	b.mu.Unlock()
	switch {
	case !alive:
		return
	case err == nil:
		s := x.node.Status()
		w.trace.add("%s runs, applied %d, log %d to %d, snapshot %d", x, s.Applied, s.LogFirst, s.LogLast, s.SnapshotIndex)
		w.oracle.heard(x, false, s.State, nil)
		return
	case spoilt:
		w.trace.add("%s refuses to start on its spoilt disk, as it must: %v", x, err)
		w.refusals.Add(1)
		b.leave()
	case x.disk.struck():
		w.trace.add("%s could not start on its bad disk: %v", x, err)
		b.restart(time.Second)
	default:
		w.fail("%s does not start: %v", x, err)
	}
	x.end(whole)
}

// open opens the stores and starts the node.
func (x *incarnation) open() error {
	b, w := x.box, x.box.w
	logger := slog.New(logTo{t: w.trace, who: x.String()})
	store, err := wal.Open("data/log", wal.Options{FS: x.disk.fs, Cluster: "sim", Logger: logger, CacheBytes: 1 << 20, Fatal: x.fatalInStore})
	if err != nil {
		return err
	}
	if x.log, err = newShadow(x, store); err != nil {
		return err
	}
	x.store.Store(x.log)
	b.mu.Lock()
	promise := b.promise
	b.mu.Unlock()
	if err := promise.kept(x.log); err != nil && w.o.Bug == NoBug {
		w.fail("the log of %s has not kept what it said is durable: %v", x, err)
	}
	snapshots, err := w.snapshots(x)
	if err != nil {
		return err
	}
	cfg := replication.Config{
		NodeID: b.id, Peers: w.peers(b), Log: x.log, Snapshots: snapshots, Transport: x.port,
		InputCapacity: inputRing, EventCapacity: eventRing, BatchCommands: 16, SnapshotBytes: -1,
		Clock:   func() int64 { return time.Now().UnixNano() + b.clock.Load() },
		Refused: func(o wire.Origin, err error) { w.oracle.refused(x, o, err) },
		Fatal:   x.fatal, Logger: logger, DrainTimeout: drainTimeout, DiskTimeout: diskTimeout,
	}
	if x.node, err = replication.Open(cfg); err != nil {
		return err
	}
	reader := x.node.Events().Reader("oracle", true)
	go func() {
		defer close(x.read)
		buf := make([]wire.Event, 256)
		for {
			n, _, ok := reader.Read(buf, nil)
			if !ok {
				return
			}
			live := x.node.Live() // before the state
			w.oracle.heard(x, live, x.node.Status().State, buf[:n])
		}
	}()
	return x.begin()
}

// begin starts the node; now and then like one that has to fetch something from the others first.
func (x *incarnation) begin() error {
	if w := x.box.w; x.number > 1 && w.crash.n(3) == 0 {
		if err := x.node.Join(); err != nil {
			return err
		}
		pause := w.pause()
		w.trace.add("%s holds back what is committed for %v", x, pause)
		select {
		case <-time.After(pause):
		case <-x.gone:
		}
	}
	return x.node.Start()
}

// end modes: what is left of a process's disk.
type leaves int

const (
	whole  leaves = iota // the process ends, the machine goes on: everything written is there
	synced               // the power is cut: what was not synced is there in part
)

// end ends a process: it is dead to the network and to the oracle first, and then its disk is copied as it would be found
// again. The ghost winds up in the background. It returns false when the process had ended before.
func (x *incarnation) end(l leaves) bool {
	first := false
	x.ending.Do(func() {
		first = true
		b, w := x.box, x.box.w
		x.port.kill()
		w.oracle.gone(x)
		percent := 100
		if l == synced {
			percent = w.percent()
		}
		promise := x.store.Load().promised()
		mem := x.disk.mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: w.crash.fork()})
		x.disk.heal()
		b.mu.Lock()
		b.mem = mem
		if promise != nil {
			b.promise = *promise
		}
		if b.now == x {
			b.now = nil
		}
		b.reached = max(b.reached, x.applied())
		b.mu.Unlock()
		w.trace.add("%s has ended, %d%% of what was not synced is kept", x, percent)
		w.ghosts.Add(1)
		close(x.gone)
		go x.bury()
	})
	return first
}

func (x *incarnation) applied() uint64 {
	o := x.box.w.oracle
	o.mu.Lock()
	defer o.mu.Unlock()
	return x.said
}

// bury closes what a dead process holds.
func (x *incarnation) bury() {
	w := x.box.w
	defer w.ghosts.Add(-1)
	select {
	case <-x.opened:
	case <-time.After(funeral):
		w.leaked.Store(true)
		return
	}
	if x.node != nil {
		_ = x.node.Close()
		if x.log != nil && !x.stuck.Load() {
			<-x.read
		}
	}
	if x.log != nil {
		_ = x.log.Close()
	}
	if x.stuck.Load() {
		w.leaked.Store(true)
	}
}

// forget lets go of everything that a goroutine which is left behind would keep in memory. The run is over.
func (x *incarnation) forget() {
	x.disk.set(func(d *disk) { d.crash, d.mem = nil, nil })
	x.store.Store(nil)
	x.box, x.port, x.log, x.node, x.waiting, x.order = nil, nil, nil, nil, nil, nil
}

// powerCut ends the process, and lets the machine come back after a while.
func (x *incarnation) powerCut(why string) {
	if x.end(synced) {
		x.box.w.trace.add("%s: power cut %s", x, why)
		x.box.restart(x.box.w.pause())
	}
}

// kill ends the process and starts another.
func (x *incarnation) kill() {
	if x.end(whole) {
		x.box.w.trace.add("%s: killed", x)
		x.box.restart(x.box.w.pause())
	}
}

// restart starts the next process after a while.
func (b *box) restart(after time.Duration) {
	b.w.starting.Add(1)
	go func() {
		defer b.w.starting.Add(-1)
		time.Sleep(after)
		b.start()
	}()
}

// fatal is where the node ends its process.
func (x *incarnation) fatal(err error) {
	b, w := x.box, x.box.w
	struck := x.disk.struck()
	if !x.end(whole) {
		return
	}
	w.trace.add("%s ends itself: %v", x, err)
	after := w.pause()
	switch {
	case errors.Is(err, replication.ErrRestart):
		after = 5 * time.Millisecond
	case struck:
	case b.isSpoilt():
		w.refusals.Add(1)
		b.leave()
		go w.replace(b)
		return
	default:
		w.fail("%s ended itself without a reason that was given to it: %v", x, err)
	}
	b.restart(after)
}

// fatalInStore is where the log store ends its process: it must not return. The goroutine ends, which lets go of the
// store's locks; but one of Pebble's compactions panics over buffers that it still holds, and holds no lock: it waits for
// ever.
func (x *incarnation) fatalInStore(err error) {
	x.stuck.Store(true)
	x.fatal(err)
	if calledBy("pebble/v2/internal/compact.") {
		<-make(chan struct{})
	}
	runtime.Goexit()
}

// leave makes the machine one that is not to run any more.
func (b *box) leave() {
	b.mu.Lock()
	x := b.now
	b.wanted = false
	b.mu.Unlock()
	if x != nil {
		x.end(whole)
	}
}

func (b *box) isWanted() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.wanted
}

func (b *box) isSpoilt() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.spoilt
}

// process returns the box's running process, or nil.
func (b *box) process() *incarnation {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

// dice draws for one purpose, so that one fault more does not change all others.
type dice struct {
	mu sync.Mutex
	r  *rand.Rand
}

func newDice(seed uint64, purpose byte) *dice {
	return &dice{r: rand.New(rand.NewPCG(seed, uint64(purpose)))}
}

func (d *dice) n(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.r.IntN(n)
}

func (d *dice) between(least, most time.Duration) time.Duration {
	return least + time.Duration(d.n(int(most-least)))
}

// fork returns a generator of its own.
func (d *dice) fork() *rand.Rand {
	d.mu.Lock()
	defer d.mu.Unlock()
	return rand.New(rand.NewPCG(d.r.Uint64(), d.r.Uint64()))
}
