package sim

import (
	"errors"
	"fmt"
	"syscall"
	"time"
)

// kind is a kind of fault.
type kind int

const (
	killProcess kind = iota
	cutPower
	cutPowerAtOperation
	cutPowerOfAll
	partition
	isolate
	oneWay
	badNetwork
	slowDisk
	hungDisk
	fullDisk
	failingDisk
	pauseNode
	takeSnapshot
	jumpClock
	handOver
	flipBit
	visit
	replace
	kinds
)

var kindNames = [...]string{
	"kill", "power cut", "power cut at an operation", "power cut of all", "partition", "isolate", "one way", "bad network",
	"slow disk", "hung disk", "full disk", "failing disk", "pause", "snapshot", "clock", "hand over", "bit flip", "learner comes and goes", "member is replaced",
}

func (k kind) String() string { return kindNames[k] }

// everything says how often each kind comes in most runs.
var everything = [kinds]int{6, 6, 10, 2, 8, 6, 6, 8, 6, 4, 3, 4, 5, 12, 5, 8, 4, 3, 3}

// elections is a run of elections on a bad network.
var elections = [kinds]int{
	killProcess: 3, cutPower: 3, partition: 6, isolate: 8, oneWay: 8, badNetwork: 14, pauseNode: 4, handOver: 6, takeSnapshot: 2,
}

// fault is one planned fault.
type fault struct {
	at    time.Duration // after the venue opened
	kind  kind
	who   int // machine; -1: the one that leads then
	size  int // what it means depends on the kind
	lasts time.Duration
}

func (f fault) String() string {
	who := "the leader"
	if f.who >= 0 {
		who = fmt.Sprintf("n%d", f.who+1)
	}
	return fmt.Sprintf("%8.3fs %s at %s, size %d, for %s", f.at.Seconds(), f.kind, who, f.size, f.lasts.Round(time.Millisecond))
}

// schedule draws the faults of a run.
func schedule(d *dice, o Options) (all []fault) {
	weights := everything
	if d.n(4) == 0 {
		weights = elections
	}
	total := 0
	for _, w := range weights {
		total += w
	}
	// Some runs are stormy, some have few faults and much work between them.
	gap := []time.Duration{150 * time.Millisecond, 400 * time.Millisecond, 1200 * time.Millisecond}[d.n(3)]
	for at := d.between(1, gap); at < o.Time; at += d.between(1, 2*gap) {
		f := fault{at: at, who: d.n(o.Nodes), size: d.n(1000), lasts: d.between(20*time.Millisecond, 1500*time.Millisecond)}
		if d.n(2) == 0 {
			f.who = -1
		}
		n := d.n(total)
		for f.kind = 0; n >= weights[f.kind]; f.kind++ {
			n -= weights[f.kind]
		}
		all = append(all, f)
	}
	return all
}

// nemesis carries out the faults.
func (w *world) nemesis() {
	begin := time.Now()
	for _, f := range w.faults {
		time.Sleep(time.Until(begin.Add(f.at)))
		if w.failed() {
			return
		}
		w.strike(f)
	}
	time.Sleep(time.Until(begin.Add(w.o.Time)))
}

// strike begins a fault and, where it lasts, sees to its end.
func (w *world) strike(f fault) {
	all := w.members()
	b := all[max(f.who, 0)%len(all)]
	if l := w.leader(); f.who < 0 && l != nil {
		b = l.box
	}
	w.trace.add("fault: %s at %s", f, b.id)
	until := func(undo func()) {
		go func() {
			time.Sleep(f.lasts)
			undo()
		}()
	}
	x := b.process()
	switch f.kind {
	case partition:
		w.split(f, until)
		return
	case badNetwork:
		w.net.setQuality(quality{
			lost: f.size % 30, doubled: f.size / 10 % 30, late: f.size / 3 % 40,
			least: time.Millisecond, most: time.Duration(2+f.size%150) * time.Millisecond,
		})
		until(func() { w.net.setQuality(goodNetwork) })
		return
	case isolate, oneWay:
		w.cutOff(b, f, until)
		return
	case jumpClock:
		b.jump(f)
		return
	case pauseNode:
		until(w.net.hold(b.id))
		if x != nil {
			until(x.disk.hang())
		}
		return
	case visit:
		go w.visit(f.lasts)
		return
	case replace:
		go w.replace(b)
		return
	case cutPowerOfAll:
		for _, b := range w.boxes {
			if x := b.process(); x != nil {
				x.powerCut("of all")
			}
		}
		return
	}
	if x == nil {
		return // it is down already
	}
	switch f.kind {
	case killProcess:
		x.kill()
	case cutPower:
		x.powerCut("at once")
	case cutPowerAtOperation:
		x.disk.set(func(d *disk) { d.fuse = 1 + f.size%200 })
	case slowDisk:
		x.disk.set(func(d *disk) { d.slow = time.Duration(1+f.size%150) * time.Millisecond })
		until(func() { x.disk.set(func(d *disk) { d.slow = 0 }) })
	case hungDisk:
		until(x.disk.hang())
	case fullDisk:
		x.disk.set(func(d *disk) { d.failing = syscall.ENOSPC })
		until(func() { x.disk.set(func(d *disk) { d.failing = nil }) })
	case failingDisk:
		x.disk.set(func(d *disk) { d.failing = errIO })
		until(func() { x.disk.set(func(d *disk) { d.failing = nil }) })
	case flipBit:
		w.flipBit(x)
	case takeSnapshot:
		go x.snapshot()
	case handOver:
		go x.handOver()
	}
}

var errIO = errors.New("sim: input/output error")

// split cuts the cluster in two.
func (w *world) split(f fault, until func(func())) {
	mask := 1 + f.size%(1<<w.o.Nodes-2) // a spare machine is with those that are not in the mask
	side := func(i int) bool { return mask>>i&1 == 1 }
	for i, a := range w.boxes {
		for j, b := range w.boxes {
			if side(i) != side(j) {
				w.net.block(a.id, b.id, true)
				until(func() { w.net.block(a.id, b.id, false) })
			}
		}
	}
}

// cutOff cuts one machine off: from all others, or in one direction, from all or from one.
func (w *world) cutOff(b *box, f fault, until func(func())) {
	for i, other := range w.boxes {
		if other == b || f.kind == oneWay && f.size%2 == 0 && i != f.size/4%w.o.Nodes {
			continue
		}
		directions := [][2]string{{b.id, other.id}, {other.id, b.id}}
		if f.kind == oneWay {
			directions = directions[f.size/2%2:][:1]
		}
		for _, d := range directions {
			w.net.block(d[0], d[1], true)
			until(func() { w.net.block(d[0], d[1], false) })
		}
	}
}

// flipBit ends a process and turns one bit of its disk over. A machine that then refuses to start is lost, and is
// replaced. Only one disk of a run is spoilt, and none while the membership changes: raft itself (v1.8.0) can be left
// without a leader when a node is lost in the middle of a change.
func (w *world) flipBit(x *incarnation) {
	b := x.box
	for _, other := range w.boxes {
		if other.isSpoilt() {
			return
		}
	}
	if !w.begin() {
		return
	}
	b.mu.Lock()
	b.spoilt = true
	b.mu.Unlock()
	if !x.end(whole) {
		w.changing.Store(false)
		return
	}
	b.mu.Lock()
	path, at := flip(b.mem, w.crash.fork())
	b.mu.Unlock()
	w.trace.add("%s: a bit of byte %d of %s is flipped", b.id, at, path)
	w.starting.Add(1)
	go func() {
		defer w.starting.Add(-1)
		defer w.changing.Store(false)
		time.Sleep(w.pause())
		b.start()
		if !b.isWanted() {
			w.substitute(b)
		}
	}()
}

// jump sets a machine's wall clock ahead or back: by seconds, by hours, or right again.
func (b *box) jump(f fault) {
	by := []time.Duration{0, time.Second, -time.Second, 5 * time.Minute, -5 * time.Minute, 3 * time.Hour, -3 * time.Hour}[f.size%7]
	b.clock.Store(int64(by))
}

// snapshot takes a snapshot. One at a time in a process: simulated time stands still while a goroutine waits for a mutex.
func (x *incarnation) snapshot() {
	if !x.admin.TryLock() {
		return
	}
	defer x.admin.Unlock()
	err := x.node.Snapshot()
	x.box.w.trace.add("%s: snapshot at %d: %v", x, x.node.Status().SnapshotIndex, err)
}

// handOver moves the leadership away.
func (x *incarnation) handOver() {
	if !x.admin.TryLock() {
		return
	}
	defer x.admin.Unlock()
	x.box.w.trace.add("%s: hands over: %v", x, x.node.Transfer(""))
}
