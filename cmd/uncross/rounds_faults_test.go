//go:build linux

package main

import (
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"uncross/internal/nodes"
)

// This file has the kinds of faults, each with its mending.

// faults are the kinds, by name. Those in groundFaults need networks and disks of the nodes' own.
var faults = map[string]func(*round){
	"kill-leader":   func(r *round) { r.killed(r.c.Leader()) },
	"kill-follower": func(r *round) { r.killed(r.follower()) },
	"kill-two":      (*round).killTwo,
	"stop-leader":   func(r *round) { r.stopped(r.c.Leader()) },
	"stop-follower": func(r *round) { r.stopped(r.follower()) },
	"term-leader":   (*round).termLeader,
	"transfer":      (*round).transfer,
	"snapshot":      (*round).snapshotSent,
	"rejoin":        func(r *round) { r.rejoin(false) },
	"rejoin-killed": func(r *round) { r.rejoin(true) },
	"sender-killed": (*round).senderKilled,
}

var groundFaults = map[string]func(*round){
	"link-down":          (*round).linkDown,
	"cut-off":            func(r *round) { r.cutOff(r.any(), true, true) },
	"deaf":               func(r *round) { r.cutOff(r.any(), false, true) },
	"dumb":               func(r *round) { r.cutOff(r.any(), true, false) },
	"one-pair":           (*round).onePair,
	"slow":               (*round).slow,
	"crash-in-partition": (*round).crashInPartition,
	"full-disk":          (*round).fullDisk,
	"hung-disk":          (*round).hungDisk,
	"hung-and-killed":    (*round).hungAndKilled,
	"snapshot-power":     (*round).snapshotPower,
	"power-in-partition": (*round).powerInPartition,
	"power":              func(r *round) { r.power(r.any()) },
	"power-of-all":       func(r *round) { r.power(slices.Clone(r.c.Nodes)...) },
}

// killed kills a node, and starts it again.
func (r *round) killed(p *nodes.Node) {
	r.c.kill(p, syscall.SIGKILL)
	r.say("%s down for %v", p.Name, r.sleep(0, 1500))
	r.c.start(p)
}

// killTwo kills two nodes at once; one comes back at first.
func (r *round) killTwo() {
	two := slices.Clone(r.c.Nodes)
	r.rnd.Shuffle(len(two), func(i, k int) { two[i], two[k] = two[k], two[i] })
	for _, p := range two[:2] {
		r.c.kill(p, syscall.SIGKILL)
	}
	down := r.sleep(0, 1000)
	r.c.start(two[0])
	r.c.Leader()
	more := r.sleep(0, 1500)
	r.c.start(two[1])
	r.say("%s down for %v, %s longer by more than %v", two[0].Name, down, two[1].Name, more)
}

// stopped stops a node as a machine does that is paused, and lets it go on.
func (r *round) stopped(p *nodes.Node) {
	p.Signal(syscall.SIGSTOP)
	r.say("%s stands still for %v", p.Name, r.sleep(200, 3000))
	p.Signal(syscall.SIGCONT)
}

// termLeader tells the leader to end.
func (r *round) termLeader() {
	p := r.c.Leader()
	begin := time.Now()
	r.c.kill(p, syscall.SIGTERM)
	took := time.Since(begin)
	r.say("%s ends in %v, and is down for %v", p.Name, took.Round(time.Millisecond), r.sleep(0, 1000))
	r.c.start(p)
}

// transfer has an operator hand leadership over.
func (r *round) transfer() {
	p := r.c.Leader()
	r.c.insist("cluster", "transfer")
	r.say("from %s", p.Name)
}

// What a node says that was sent a snapshot: raft does, or at its next start the node itself where it ended in between; and when it
// goes on from that in its process.
const (
	sentWord  = "Installed remote snapshot"
	foundWord = "the snapshot from the leader replaces the log"
	anewWord  = "starting anew from the snapshot"
)

// sent counts the snapshots that a node was sent.
func sent(p *nodes.Node) int { return p.Count(sentWord) + p.Count(foundWord) }

// behind kills a follower, and lets it fall behind the beginning of the others' logs. It returns the last entry that it has.
func (r *round) behind(p *nodes.Node) uint64 {
	s, err := p.Status(r.c.T.Context())
	r.c.Must(err)
	r.c.kill(p, syscall.SIGKILL)
	r.c.Await("a log that goes on", func() bool {
		return r.logsOf(r.c.others(p), func(first, last uint64) bool { return last > s.Log.Last+50 })
	})
	for _, o := range r.c.others(p) {
		r.c.Must(r.c.snapshot(o))
	}
	r.c.Await("logs that begin later", func() bool {
		return r.logsOf(r.c.others(p), func(first, last uint64) bool { return first > s.Log.Last+1 })
	})
	return s.Log.Last
}

// snapshotSent has a node be sent a snapshot.
func (r *round) snapshotSent() {
	p := r.follower()
	at := r.behind(p)
	before := sent(p)
	r.c.start(p)
	if r.rnd.IntN(2) == 0 { // a crash while the snapshot is on its way, or just after
		hit := r.sleep(50, 600)
		r.c.kill(p, syscall.SIGKILL)
		r.say("killed %v after its start", hit)
		r.c.start(p)
	}
	r.c.Await(p.Name+" is sent a snapshot", func() bool { return sent(p) > before })
	r.anew[p] = true
	r.say("%s was at entry %d", p.Name, at)
}

// logsOf reports whether the logs of nodes are as ok says.
func (r *round) logsOf(some []*nodes.Node, ok func(first, last uint64) bool) bool {
	for _, p := range some {
		s, err := p.Status(r.c.T.Context())
		if err != nil || !ok(s.Log.First, s.Log.Last) {
			return false
		}
	}
	return true
}

// senderKilled kills the leader while it sends a follower a snapshot, or is about to.
func (r *round) senderKilled() {
	p := r.follower()
	at := r.behind(p)
	before := sent(p)
	sender := r.c.Leader()
	r.c.start(p)
	hit := r.sleep(50, 400)
	r.c.kill(sender, syscall.SIGKILL)
	down := r.sleep(0, 800)
	r.c.start(sender)
	r.c.Await(p.Name+" is sent a snapshot", func() bool { return sent(p) > before })
	r.anew[p] = true
	r.say("%s was at entry %d, leader %s killed %v after its start for %v", p.Name, at, sender.Name, hit, down)
}

// rejoin takes a node's data away: it comes back as a new node, without a vote at first. It may be killed while it catches up.
func (r *round) rejoin(killed bool) {
	p := r.follower()
	r.c.kill(p, syscall.SIGKILL)
	r.c.Must(os.RemoveAll(p.Data))
	r.c.insist("cluster", "remove", p.Name)
	p.Join = nil
	for _, o := range r.c.others(p) {
		p.Join = append(p.Join, o.Raft)
	}
	begin := time.Now()
	r.c.start(p)
	for range 3 {
		if killed {
			r.sleep(50, 700)
			r.c.kill(p, syscall.SIGKILL)
			r.c.start(p)
		}
	}
	r.c.Await(p.Name+" has caught up", func() bool {
		s, err := p.Status(r.c.T.Context())
		return err == nil && s.Ready
	})
	took := time.Since(begin)
	r.c.insist("cluster", "promote", p.Name)
	r.anew[p] = true
	r.say("%s is there again after %v", p.Name, took.Round(10*time.Millisecond))
}

// linkDown takes a node from the network, also for clients.
func (r *round) linkDown() {
	p := r.any()
	role := r.role(p)
	r.c.Must(r.c.ground.link(p.Name, "down"))
	d := r.sleep(300, 3000)
	r.c.Must(r.c.ground.link(p.Name, "up"))
	r.say("%s without a network for %v", role, d)
}

// cutOff keeps a node's words from the others, theirs from it, or both; clients still reach it.
func (r *round) cutOff(p *nodes.Node, out, in bool) {
	role, g := r.role(p), r.c.ground
	for _, o := range r.c.others(p) {
		if out {
			r.c.Must(g.deafen(p.Name, o.Name))
		}
		if in {
			r.c.Must(g.deafen(o.Name, p.Name))
		}
	}
	d := r.sleep(300, 3000)
	for _, o := range r.c.others(p) {
		if out {
			r.c.Must(g.hearAgain(p.Name, o.Name))
		}
		if in {
			r.c.Must(g.hearAgain(o.Name, p.Name))
		}
	}
	r.say("%s cut off from the others for %v (out %t, in %t)", role, d, out, in)
}

// onePair cuts two nodes off from each other; the third hears both.
func (r *round) onePair() {
	p := r.any()
	q := r.pick(r.c.others(p))
	role, other, g := r.role(p), r.role(q), r.c.ground
	r.c.Must(g.deafen(p.Name, q.Name))
	r.c.Must(g.deafen(q.Name, p.Name))
	d := r.sleep(300, 3000)
	r.c.Must(g.hearAgain(p.Name, q.Name))
	r.c.Must(g.hearAgain(q.Name, p.Name))
	r.say("%s and %s cut off from each other for %v", role, other, d)
}

// slow makes what one node sends slow, or what all do.
func (r *round) slow() {
	some := []*nodes.Node{r.any()}
	if r.rnd.IntN(3) == 0 {
		some = r.c.Nodes
	}
	var how string
	for _, p := range some {
		var err error
		how, err = r.c.ground.slow(p.Name)
		r.c.Must(err)
		r.say("%s", r.role(p))
	}
	d := r.sleep(500, 3000)
	for _, p := range some {
		r.c.Must(r.c.ground.fast(p.Name))
	}
	r.say("%s for %v", how, d)
}

// crashInPartition kills a node while another one is cut off: two faults at once, and nobody can lead.
func (r *round) crashInPartition() {
	p := r.any()
	q := r.pick(r.c.others(p))
	role, g := r.role(p), r.c.ground
	for _, o := range r.c.others(p) {
		r.c.Must(g.deafen(p.Name, o.Name))
		r.c.Must(g.deafen(o.Name, p.Name))
	}
	early := r.sleep(0, 1500)
	r.c.kill(q, syscall.SIGKILL)
	down := r.sleep(0, 1000)
	r.c.start(q)
	late := r.sleep(0, 1000)
	for _, o := range r.c.others(p) {
		r.c.Must(g.hearAgain(p.Name, o.Name))
		r.c.Must(g.hearAgain(o.Name, p.Name))
	}
	r.say("%s cut off for %v, %s killed meanwhile for %v", role, early+down+late, q.Name, down)
}

// fullDisk takes what is free on a node's disk. The node ends, and is started again and again, until there is room.
func (r *round) fullDisk() {
	p := r.any()
	role := r.role(p)
	r.own[p] = true
	begin := time.Now()
	pid := p.PID()
	for p.PID() == pid && time.Since(begin) < 4*time.Second {
		r.c.Must(r.c.ground.fill(p.Name)) // also what the node makes free
		time.Sleep(nodes.Look)
	}
	if p.PID() == pid {
		r.say("%s goes on with a full disk", role)
	} else {
		r.say("%s ends %v after its disk is full", role, time.Since(begin).Round(10*time.Millisecond))
	}
	r.sleep(0, 1000)
	r.c.Must(r.c.ground.free(p.Name))
}

// hungDisk lets a node's writes hang.
func (r *round) hungDisk() {
	p := r.any()
	role := r.role(p)
	r.own[p] = true
	r.c.Must(r.c.ground.freeze(p.Name))
	d := r.sleep(300, 4000)
	r.c.Must(r.c.ground.thaw(p.Name))
	r.say("%s has a disk that hangs for %v", role, d)
}

// power cuts the power of some nodes at one moment, perhaps of all: what they had not synced is lost.
func (r *round) power(of ...*nodes.Node) {
	var cut sync.WaitGroup
	for _, p := range of {
		r.own[p] = true
		r.say("%s", r.role(p))
	}
	for _, p := range of {
		cut.Go(func() {
			if err := r.c.ground.cutPower(p.Name); err != nil {
				r.c.T.Errorf("%s: %v", p.Name, err)
			}
			r.c.kill(p, syscall.SIGKILL)
		})
	}
	cut.Wait()
	for _, p := range of {
		r.c.Must(r.c.ground.powerAgain(p.Name))
	}
	r.say("dark for %v", r.sleep(0, 1000))
	r.rnd.Shuffle(len(of), func(i, k int) { of[i], of[k] = of[k], of[i] })
	for _, p := range of {
		r.c.start(p)
		r.sleep(0, 200)
	}
}

// hungAndKilled lets the leader's writes hang, and kills a follower meanwhile: nothing can be acknowledged until one is back.
func (r *round) hungAndKilled() {
	p := r.c.Leader()
	q := r.pick(r.c.others(p))
	r.own[p] = true
	r.c.Must(r.c.ground.freeze(p.Name))
	r.sleep(0, 1000)
	r.c.kill(q, syscall.SIGKILL)
	down := r.sleep(0, 1500)
	r.c.start(q)
	r.sleep(0, 2000)
	r.c.Must(r.c.ground.thaw(p.Name))
	r.say("leader %s has a disk that hangs, %s killed meanwhile for %v", p.Name, q.Name, down)
}

// snapshotPower cuts the power of a node that is being sent a snapshot, or has just been.
func (r *round) snapshotPower() {
	p := r.follower()
	at := r.behind(p)
	before := sent(p)
	r.c.start(p)
	hit := r.sleep(100, 900)
	r.power(p)
	r.c.Await(p.Name+" is sent a snapshot", func() bool { return sent(p) > before })
	r.anew[p] = true
	r.say("%s was at entry %d, dark %v after its start", p.Name, at, hit)
}

// powerInPartition cuts a node off from the others, and the power of the one of these that leads, or comes to.
func (r *round) powerInPartition() {
	p := r.any()
	role, g := r.role(p), r.c.ground
	for _, o := range r.c.others(p) {
		r.c.Must(g.deafen(p.Name, o.Name))
		r.c.Must(g.deafen(o.Name, p.Name))
	}
	r.sleep(0, 1500)
	q := r.pick(r.c.others(p))
	r.power(q)
	r.sleep(0, 1000)
	for _, o := range r.c.others(p) {
		r.c.Must(g.hearAgain(p.Name, o.Name))
		r.c.Must(g.hearAgain(o.Name, p.Name))
	}
	r.say("%s cut off meanwhile", role)
}
