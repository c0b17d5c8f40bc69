package sim

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"uncross/engine/wire"
	"uncross/replication"
	"uncross/wal"
)

// Bug is a fault planted in the simulation's own wrappers around the product: the suite must find it.
type Bug int

// The bugs that can be planted.
const (
	NoBug     Bug = iota
	NoFsync       // an fsync of the log does nothing
	NoVotes       // term and vote are not written down
	NoDedupe      // a request that is sent again carries another client id
	NoTail        // a snapshot is sent without what came after the first one
	FastBeats     // heartbeats are handled beside raft's main loop (hashicorp/raft issue 695)
)

// spares is how many machines wait to join.
const spares = 4

// Options of one run.
type Options struct {
	Seed  uint64
	Nodes int           // machines; 0: 3 or 5, by the seed
	Time  time.Duration // of faults, simulated; 0: 10 s
	Bug   Bug
}

// Result is what a run came to.
type Result struct {
	Failure  string // the first thing that was wrong; "": nothing
	Commands int    // applied by the venue
	Calls    int    // made by clients
	Entries  int    // committed
	Starts   int    // of processes
	Refusals int    // of starts on disks that a bit was flipped on
	Elapsed  time.Duration
	Leaked   bool // a process ended in the middle of a write: some of its goroutines are left behind

	// History is what the clients asked for and were told.
	History []Operation

	o      Options
	faults []fault
	trace  *trace
}

// world is one run.
type world struct {
	o      Options
	trace  *trace
	net    *network
	oracle *oracle
	boxes  []*box
	faults []fault

	crash, times *dice // for what is kept at a power cut, and for pauses

	closing  atomic.Bool   // clients want nothing new
	over     chan struct{} // closed at the end, or at a failure
	ended    sync.Once
	calm     atomic.Bool // the faults are over
	ghosts   atomic.Int64
	starting atomic.Int64
	leaked   atomic.Bool
	changing atomic.Bool  // the membership, by the operator
	refusals atomic.Int64 // starts refused on spoilt disks

	mu      sync.Mutex
	failure string
}

// Run simulates one cluster. It must be called in a bubble of testing/synctest.
func Run(o Options) *Result {
	w := newWorld(o)
	w.run()
	return w.result()
}

func newWorld(o Options) *world {
	w := &world{o: o, trace: newTrace(), over: make(chan struct{}), crash: newDice(o.Seed, 'c'), times: newDice(o.Seed, 't')}
	shape := newDice(o.Seed, 's')
	if w.o.Nodes == 0 {
		w.o.Nodes = 3
		if shape.n(5) == 0 {
			w.o.Nodes = 5
		}
	}
	if w.o.Time == 0 {
		w.o.Time = 10 * time.Second
	}
	w.net = newNetwork(o.Seed, w.trace, w.fail)
	w.net.bug = o.Bug
	w.oracle = newOracle(w.fail)
	for i := range w.o.Nodes + spares {
		founder := i < w.o.Nodes
		w.boxes = append(w.boxes, &box{w: w, id: fmt.Sprintf("n%d", i+1), founder: founder, wanted: founder, mem: vfs.NewCrashableMem()})
	}
	w.faults = schedule(newDice(o.Seed, 'f'), w.o)
	return w
}

// fail notes the first failure and ends the run.
func (w *world) fail(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	w.mu.Lock()
	first := w.failure == ""
	if first {
		w.failure = text
	}
	w.mu.Unlock()
	if first {
		w.trace.add("FAILED: %s", text)
	}
	w.ended.Do(func() { close(w.over) })
}

func (w *world) failed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failure != ""
}

func (w *world) run() {
	defer w.wind()
	for _, b := range w.boxes {
		b.start()
	}
	founder := w.newClient(customers)
	for _, command := range setup() {
		if !founder.do([]*job{w.oracle.newJob(founder, command)}) {
			return
		}
	}
	w.trace.add("the venue is open")
	var clients sync.WaitGroup
	for i := range customers {
		c := w.newClient(i)
		clients.Go(c.run)
	}
	w.nemesis()
	w.calmDown()
	w.closing.Store(true)
	done := make(chan struct{})
	go func() { clients.Wait(); close(done) }()
	if !w.within(time.Minute, func() bool { return isClosed(done) }) {
		w.fail("a minute after the last fault some requests are without an answer")
		<-done
	}
	if !w.within(time.Minute, func() bool { return !w.changing.Load() }) {
		w.fail("a minute after the last fault a change of the membership has not come to its end")
	}
	w.converge()
}

// within waits until ok holds, at most for the given time. It returns false also when the run has failed.
func (w *world) within(limit time.Duration, ok func() bool) bool {
	for deadline := time.Now().Add(limit); !ok(); {
		if time.Now().After(deadline) || w.failed() {
			return false
		}
		time.Sleep(5 * time.Millisecond)
	}
	return true
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// calmDown takes all faults away.
func (w *world) calmDown() {
	w.calm.Store(true)
	w.net.heal()
	for _, b := range w.boxes {
		b.clock.Store(0)
		if x := b.process(); x != nil {
			x.disk.heal()
		}
	}
	w.trace.add("calm")
	w.starting.Add(1)
	go w.operate()
}

// operate is the operator of the calm: a node that refuses commands because its clock was wrong is started again, as the
// manual says.
func (w *world) operate() {
	defer w.starting.Add(-1)
	for !isClosed(w.over) {
		for _, b := range w.boxes {
			if x := b.process(); x != nil && x.node.Status().ClockRefused {
				w.trace.add("%s: its clock was wrong, the operator starts it again", x)
				x.kill()
			}
		}
		time.Sleep(500 * time.Millisecond)
	}
}

// converge waits until all nodes have the same and everything, and checks it.
func (w *world) converge() {
	same := func() bool {
		for _, b := range w.boxes {
			b.mu.Lock()
			x, wanted := b.now, b.wanted
			b.mu.Unlock()
			if !wanted {
				continue
			}
			if x == nil {
				return false
			}
			live := x.node.Live()
			s := x.node.Status()
			w.oracle.heard(x, live, s.State, nil)
			if !live || !w.oracle.complete(s.State) {
				return false
			}
		}
		return true
	}
	if !w.within(time.Minute, same) {
		w.fail("a minute after the last fault the nodes are not all where the log ends: %s", w.states())
	}
	w.oracle.finish()
}

func (w *world) states() (all []string) {
	for _, b := range w.boxes {
		if x := b.process(); x != nil {
			s := x.node.Status()
			all = append(all, fmt.Sprintf("%s %s term %d applied %d log %d…%d", x, s.Role, s.Term, s.Applied, s.LogFirst, s.LogLast))
		}
	}
	return all
}

// wind ends every process and waits for the ghosts.
func (w *world) wind() {
	w.closing.Store(true)
	w.calm.Store(true)
	w.ended.Do(func() { close(w.over) })
	failed := w.failed()
	for deadline := time.Now().Add(time.Minute); w.starting.Load() > 0 && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	for _, b := range w.boxes {
		if x := b.process(); x != nil {
			x.end(whole)
		}
	}
	for deadline := time.Now().Add(time.Minute); w.ghosts.Load() > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.leaked.Store(true)
			break
		}
	}
	time.Sleep(2 * transferTimeout) // for messages still on their way, and for faults that last
	if !failed {
		w.verify()
	}
}

// verify checks the disks as a tool would.
func (w *world) verify() {
	for _, b := range w.boxes {
		b.mu.Lock()
		mem, skip := b.mem, !b.wanted || b.spoilt || b.runs == 0
		b.mu.Unlock()
		if skip {
			continue
		}
		if _, err := wal.Verify(wal.Place{Dir: "data/log", FS: mem}); err != nil {
			w.fail("the log of %s is damaged at the end: %v", b.id, err)
		}
	}
}

func (w *world) result() *Result {
	w.oracle.mu.Lock()
	defer w.oracle.mu.Unlock()
	r := &Result{
		Failure: w.failure, Commands: len(w.oracle.starts), Calls: len(w.oracle.calls), Entries: len(w.oracle.log),
		Elapsed: time.Since(w.trace.begin), Leaked: w.leaked.Load(), Refusals: int(w.refusals.Load()), History: w.oracle.history(), o: w.o, faults: w.faults, trace: w.trace,
	}
	for _, b := range w.boxes {
		r.Starts += b.runs
		for _, x := range b.all {
			x.forget()
		}
	}
	return r
}

// Write prints the run: its seed, the faults that were planned, and everything that happened.
func (r *Result) Write(out io.Writer) {
	fmt.Fprintf(out, "seed %d, %d nodes: %s\nfaults:\n", r.o.Seed, r.o.Nodes, r.Failure)
	for _, f := range r.faults {
		fmt.Fprintf(out, "  %s\n", f)
	}
	fmt.Fprintln(out, "trace:")
	r.trace.write(out)
}

// peers is the first configuration of the cluster, for the machines that begin it.
func (w *world) peers(b *box) (all []replication.Member) {
	if !b.founder {
		return nil
	}
	for _, m := range w.boxes {
		if m.founder {
			all = append(all, replication.Member{ID: m.id, Address: m.id, Voter: true})
		}
	}
	return all
}

// snapshots opens a process's snapshot store.
func (w *world) snapshots(x *incarnation) (raft.SnapshotStore, error) {
	return replication.OpenSnapshotsFS(x.disk.fs, "data/snapshots", replication.RetainSnapshots)
}

// spoil plants a bug into a request that is sent for the n-th time.
func (w *world) spoil(c *wire.Command, n int) {
	if w.o.Bug != NoDedupe || n < 2 {
		return
	}
	var m wire.NewOrder
	if c.Kind == wire.CmdNewOrder {
		m.Get(c)
		m.ClientID = wire.MustText(fmt.Sprintf("%s/%d", m.ClientID, n))
		m.Put(c)
	}
}

// percent draws how much of what was not synced a power cut leaves: nothing, all, or any part.
func (w *world) percent() int {
	switch w.crash.n(4) {
	case 0:
		return 0
	case 1:
		return 100
	}
	return w.crash.n(101)
}

// pause draws how long a machine stays off.
func (w *world) pause() time.Duration {
	if w.calm.Load() {
		return 100 * time.Millisecond
	}
	return w.times.between(10*time.Millisecond, 2*time.Second)
}

// fuseAtStart draws after how many operations a process that begins is cut off; mostly it is not.
func (w *world) fuseAtStart() int {
	if w.calm.Load() || w.trace.since() < time.Second || w.crash.n(8) > 0 {
		return -1
	}
	return 1 + w.crash.n(120)
}

func (w *world) someBox(d *dice) *box { all := w.members(); return all[d.n(len(all))] }

// members are the machines that are to run.
func (w *world) members() (all []*box) {
	for _, b := range w.boxes {
		if b.isWanted() {
			all = append(all, b)
		}
	}
	return all
}

func (w *world) boxOf(id string) *box {
	for _, b := range w.boxes {
		if b.id == id {
			return b
		}
	}
	return nil
}

// leader returns a process that leads and takes commands, or nil.
func (w *world) leader() *incarnation {
	for _, b := range w.boxes {
		if x := b.process(); x != nil && x.node.Status().Leader {
			return x
		}
	}
	return nil
}
