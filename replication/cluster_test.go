package replication

import (
	"errors"
	"math"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"uncross/engine/wire"
)

// A cluster begins from the same list of peers on every node, takes commands at its leader alone, and a graceful stop
// hands over first: nobody waits for an election.
func TestClusterFromPeers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := newTrio(t, "a", "b", "c")
		k.change = func(c *Config) { c.Log.(*memLog).takes = time.Millisecond }
		first := k.startAll()
		commands := dayOf(1, 400)
		k.carry(first, commands[:300])
		k.everywhere(300)
		members, err := first.Members()
		if err != nil || !slices.Equal(members, k.peers) {
			t.Errorf("members %v, %v", members, err)
		}
		for _, p := range k.others(first) {
			await(t, "reads at a follower", p.Live)
			if err := p.Submit(&commands[300]); !errors.Is(err, ErrNotLeader) {
				t.Errorf("node %s answered %v", p.id, err)
			}
			if id, address := p.Leader(); id != first.id || address != "addr-"+first.id {
				t.Errorf("node %s says that %s at %s leads", p.id, id, address)
			}
			s := p.Status()
			if s.Compared == 0 || s.Contact > time.Second || !s.Voter || !s.Live || s.Leader {
				t.Errorf("status of node %s: %+v", p.id, s)
			}
		}
		s := first.Status()
		if len(s.Peers) != 2 || s.Peers[0].Match == 0 || s.Peers[1].Silence > time.Second || s.Contact != 0 || s.DiskSlowest < time.Millisecond {
			t.Errorf("status of the leader: %+v", s)
		}

		votes := make(chan raft.Observation, 64)
		handed := func(o *raft.Observation) bool {
			v, ok := o.Data.(raft.RequestVoteRequest)
			return ok && v.LeadershipTransfer
		}
		for _, p := range k.others(first) {
			p.raft.RegisterObserver(raft.NewObserver(votes, false, handed))
		}
		begin := time.Now()
		k.stop(first)
		second := k.leader(first)
		t.Logf("%s from the stop of one leader to the next", time.Since(begin))
		// The former leader's vote is enough: the third node may hear of it later.
		await(t, "a vote for one who was handed the leadership", func() bool { return len(votes) > 0 })
		if words := first.words(); !slices.Equal(words, []string{"leading true", "leading false"}) {
			t.Errorf("the first leader's office: %v", words)
		}
		k.carry(second, commands[300:])
		k.everywhere(400)
		// Started again, it gets what it has missed.
		p := k.start(first.id)
		await(t, "reads at the one that came back", p.Live)
		k.everywhere(400)
		e, want := reference(commands)
		sameEvents(t, second.c.all(), want)
		sameState(t, p.Status().State, e)
	})
}

func TestTransfer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := newTrio(t, "a", "b", "c")
		l := k.startAll()
		k.carry(l, dayOf(1, 100))
		to := k.others(l)[1]
		if err := k.others(l)[0].Transfer(""); !errors.Is(err, ErrNotLeader) {
			t.Errorf("a follower answered %v", err)
		}
		for id, word := range map[string]string{"z": "the nodes are a, b, c", l.id: "leads already"} {
			if err := l.Transfer(id); !errors.Is(err, ErrMembership) || !contains(err, word) {
				t.Errorf("transfer to %s: %v", id, err)
			}
		}
		if err := l.Transfer(to.id); err != nil {
			t.Fatal(err)
		}
		if now := k.leader(); now != to {
			t.Errorf("%s leads, not %s", now.id, to.id)
		}
		if err := to.Transfer(""); err != nil {
			t.Fatal(err)
		}
		l = k.leader(to)
		// To one that does not answer: the leader goes on.
		away := k.others(l)[0]
		k.isolate(away)
		term := l.Status().Term
		if err := l.Transfer(away.id); err == nil {
			t.Error("leadership went to a node that is not there")
		}
		await(t, "the leader to go on", l.Leading)
		if s := l.Status(); s.Term != term {
			t.Errorf("in term %d, which was %d", s.Term, term)
		}
		k.carry(l, flow(2, 50))
		k.rejoin(away)
		k.everywhere(150)
		if told := l.told; len(told.got) != 0 {
			t.Errorf("refused %v", told.got)
		}
	})
}

// holdingWire keeps entries for a dead node, as peer.Transport does, and with mute hangs in the word to take over.
type holdingWire struct {
	*raft.InmemTransport
	dead *atomic.Pointer[string]
	mute *atomic.Bool
	free chan struct{}
}

func (w holdingWire) AppendEntries(id raft.ServerID, to raft.ServerAddress, args *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse) error {
	err := w.InmemTransport.AppendEntries(id, to, args, resp)
	if d := w.dead.Load(); err != nil && d != nil && string(id) == *d && args.PrevLogEntry > 0 {
		select {
		case <-w.free:
		case <-time.After(20 * time.Second):
		}
	}
	return err
}

func (w holdingWire) TimeoutNow(id raft.ServerID, to raft.ServerAddress, args *raft.TimeoutNowRequest, resp *raft.TimeoutNowResponse) error {
	if w.mute.Load() {
		<-w.free
		return errors.New("no answer")
	}
	return w.InmemTransport.TimeoutNow(id, to, args, resp)
}

// A transfer to a node that cannot take over is refused, also a second time, and order entry opens again. Raft would wait
// for as long as the transport does.
func TestTransferToOneThatCannotLead(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := newTrio(t, "a", "b", "c")
		var dead atomic.Pointer[string]
		var mute atomic.Bool
		free := make(chan struct{})
		defer close(free)
		k.change = func(c *Config) {
			c.SnapshotBytes = -1
			c.Transport = holdingWire{c.Transport.(*raft.InmemTransport), &dead, &mute, free}
		}
		l := k.startAll()
		all := dayOf(1, 100)
		k.carry(l, all[:20])
		k.everywhere(20)
		term := l.Status().Term
		reopens := func(id string, within time.Duration) error {
			t.Helper()
			begin := time.Now()
			err := l.Transfer(id)
			await(t, "the leader to go on", l.Leading)
			if took := time.Since(begin); err == nil || took > within {
				t.Errorf("transfer to %s: %v; order entry open after %s", id, err, took)
			}
			return err
		}

		mute.Store(true)
		_ = reopens(k.others(l)[1].id, TransferWait+time.Second)
		mute.Store(false)

		away := k.others(l)[0]
		dead.Store(&away.id)
		k.isolate(away)
		k.carry(l, all[20:30])
		words := len(l.words())
		for range 2 {
			if err := reopens(away.id, 3*ClusterTimeouts.Heartbeat); !errors.Is(err, ErrMembership) || !contains(err, "does not answer") {
				t.Errorf("refused with %v", err)
			}
		}
		if got := l.words(); len(got) != words {
			t.Errorf("order entry was closed for it: %v", got[words:])
		}
		if s := l.Status(); s.Term != term {
			t.Errorf("in term %d, which was %d", s.Term, term)
		}
		k.carry(l, all[30:])
	})
}

// A node that was alone, without an address, becomes the first of three: learners before voters, removed again.
func TestGrowFromOneNode(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := newTrio(t, "a")
		k.change = func(c *Config) { c.Transport, c.Peers, c.Timeouts, c.BatchCommands = nil, nil, SingleNodeTimeouts, 1 }
		a := k.start("a")
		await(t, "the node alone", a.Leading)
		k.carry(a, dayOf(1, 100))
		if err := a.AddLearner("b", "addr-b"); !errors.Is(err, ErrMembership) || !contains(err, "without a peer port") {
			t.Errorf("alone: %v", err)
		}
		if err := a.Snapshot(); err != nil {
			t.Fatal(err)
		}
		if m, _ := a.Members(); m[0].Address != "a" {
			t.Fatalf("the address of a node alone is %q", m[0].Address)
		}
		k.stop(a)

		k.change = nil
		k.peers = nil
		a = k.start("a")
		await(t, "the node with a port", a.Leading)
		if m, _ := a.Members(); !slices.Equal(m, []Member{{"a", "addr-a", true}}) {
			t.Fatalf("members %v", m)
		}
		b := k.start("b")
		time.Sleep(2 * ClusterTimeouts.Heartbeat)
		if s := b.Status(); b.Live() || s.Term > 1 || s.Contact != math.MaxInt64 || !errors.Is(b.Submit(&wire.Command{}), ErrNotReady) {
			t.Errorf("a node that waits: %+v", s)
		}
		refused := func(err error, word string) {
			t.Helper()
			if !errors.Is(err, ErrMembership) || !contains(err, word) {
				t.Errorf("got %v, want %q", err, word)
			}
		}
		refused(a.AddLearner("", "addr-b"), "needs an id")
		refused(a.AddLearner("b c", "addr-b"), `node id "b c"`)
		refused(a.AddLearner("b", "addr-a"), "is node a's")
		refused(a.AddLearner("a", "addr-z"), "remove it first")
		refused(a.Promote("b"), "there is no node")
		refused(a.Remove("b"), "there is no node")
		refused(a.Remove("a"), "transfer the leadership")
		refused(a.Transfer(""), "no other voter")
		if err := a.AddLearner("c", "addr-c"); err != nil { // not started yet
			t.Fatal(err)
		}
		refused(a.Promote("c"), "does not answer")
		b.expected = true // to end, when it is sent the snapshot
		if err := errors.Join(a.AddLearner("b", "addr-b"), a.AddLearner("b", "addr-b")); err != nil {
			t.Fatal(err)
		}
		// The leader's log begins behind a snapshot: the learner gets that, ends, and goes on from it.
		b.end(t, ErrRestart)
		k.stop(b)
		b = k.start("b")
		await(t, "reads at the learner", b.Live)
		refused(a.Transfer("b"), "is a learner")
		await(t, "the learner to vote", func() bool { return a.Promote("b") == nil })
		if err := a.Promote("b"); err != nil {
			t.Error(err)
		}
		c := k.open("c")
		c.expected = true
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		c.end(t, ErrRestart)
		k.stop(c)
		c = k.start("c")
		await(t, "the third to vote", func() bool { return a.Promote("c") == nil })
		k.carry(a, flow(2, 100))
		k.everywhere(200)
		if m, _ := c.Members(); !slices.Equal(m, []Member{{"a", "addr-a", true}, {"b", "addr-b", true}, {"c", "addr-c", true}}) {
			t.Errorf("members %v", m)
		}

		// With one of three away, taking out the other would leave no majority.
		k.isolate(c)
		time.Sleep(2 * ClusterTimeouts.Heartbeat)
		refused(a.Remove("b"), "no majority")
		if err := a.Remove("c"); err != nil {
			t.Fatal(err)
		}
		k.carry(a, flow(3, 100))
		if m, _ := a.Members(); len(m) != 2 {
			t.Errorf("members %v", m)
		}
	})
}

// A node that waits to be added may be stopped at any moment of it: also when it knows a term and has nothing else.
func TestWaitingNodeMayBeStopped(t *testing.T) {
	log := newMemLog()
	cfg := config(t, t.TempDir(), log)
	_, cfg.Transport = raft.NewInmemTransport("addr-b")
	cfg.NodeID = "b"
	for term := range uint64(3) {
		n, err := Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		c := collect(n)
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
		closeAll(t, n, c, nil)
		if err := log.SetUint64(keyCurrentTerm, 5+term); err != nil { // a leader's heartbeat
			t.Fatal(err)
		}
	}
	// With an entry, it has something to lose.
	cfg.Fatal = func(error) {}
	n, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	c := collect(n)
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	resp := make(chan raft.RPCResponse, 1)
	n.ear.consumer <- raft.RPC{RespChan: resp, Command: &raft.AppendEntriesRequest{
		RPCHeader: raft.RPCHeader{ProtocolVersion: 3, ID: []byte("a"), Addr: []byte("addr-a")}, Term: 9,
		Entries: []*raft.Log{{Index: 1, Term: 9, Type: raft.LogConfiguration, Data: raft.EncodeConfiguration(raft.Configuration{
			Servers: []raft.Server{{ID: "a", Address: "addr-a"}},
		})}},
	}}
	if r := <-resp; r.Error != nil || !r.Response.(*raft.AppendEntriesResponse).Success {
		t.Fatalf("the first entry got %+v", r)
	}
	closeAll(t, n, c, nil)
	if err := log.DeleteRange(1, 1); err != nil {
		t.Fatal(err)
	}
	refuses(t, cfg, ErrDamaged, "the log is missing")
}

// Reads are not served before a node has heard from a leader and has all that was committed; from then on always.
func TestLive(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := newTrio(t, "a", "b", "c")
		l := k.startAll()
		k.carry(l, dayOf(1, 100))
		k.everywhere(100)
		f := k.others(l)[0]
		k.stop(f)
		k.carry(l, flow(2, 100))
		f = k.open(f.id)
		k.isolate(f)
		if err := f.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * ClusterTimeouts.Heartbeat)
		if f.Live() || f.Contact() != math.MaxInt64 {
			t.Errorf("cut off at the start: live %t, contact %s, status %+v", f.Live(), f.Contact(), f.Status())
		}
		k.rejoin(f)
		await(t, "reads", f.Live)
		if got := f.c.seq.Load(); got < 200 {
			t.Errorf("live at command %d of 200", got)
		}
		k.isolate(f)
		time.Sleep(2 * ClusterTimeouts.Heartbeat)
		if !f.Live() || f.Contact() < ClusterTimeouts.Heartbeat || f.Contact() > time.Minute {
			t.Errorf("cut off: live %t, contact %s", f.Live(), f.Contact())
		}
	})
}

// A new leader that has not committed anything in its term yet does not know what its predecessor committed: its word is
// not enough for reads.
func TestLiveNeedsALeaderThatKnows(t *testing.T) {
	bubble(t, func(t *testing.T) {
		log := newMemLog()
		cfg := config(t, t.TempDir(), log)
		_, cfg.Transport = raft.NewInmemTransport("addr-b")
		cfg.NodeID = "b"
		cfg.Peers = []Member{{"a", "addr-a", true}, {"b", "addr-b", true}, {"c", "addr-c", true}}
		cfg.Timeouts = Timeouts{time.Minute, time.Minute, time.Second}
		n, err := Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		c := collect(n)
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
		commands := setup()
		entry := func(index, term uint64, typ raft.LogType) *raft.Log {
			l := &raft.Log{Index: index, Term: term, Type: typ}
			if typ == raft.LogCommand {
				l.Data = wire.AppendCommand(wire.Batch{Term: term, Sequence: index, Count: 1}.AppendHeader(nil), &commands[index-2])
			}
			return l
		}
		append_ := func(term, prev, prevTerm, commit uint64, entries ...*raft.Log) {
			t.Helper()
			resp := make(chan raft.RPCResponse, 1)
			a := &raft.AppendEntriesRequest{RPCHeader: raft.RPCHeader{ProtocolVersion: 3, ID: []byte("a"), Addr: []byte("addr-a")}, Term: term,
				PrevLogEntry: prev, PrevLogTerm: prevTerm, LeaderCommitIndex: commit, Entries: entries}
			n.ear.listen(a.Term, a.LeaderCommitIndex)
			n.ear.consumer <- raft.RPC{RespChan: resp, Command: a}
			if r := <-resp; r.Error != nil || !r.Response.(*raft.AppendEntriesResponse).Success {
				t.Fatalf("got %+v", r)
			}
		}
		one := entry(2, 3, raft.LogCommand)
		one.Data = wire.AppendCommand(wire.Batch{Term: 3, Sequence: 1, Count: 1}.AppendHeader(nil), &commands[0])
		two := entry(3, 3, raft.LogCommand)
		two.Data = wire.AppendCommand(wire.Batch{Term: 3, Sequence: 2, Count: 1}.AppendHeader(nil), &commands[1])
		append_(3, 1, 1, 0, one, two)
		append_(4, 3, 3, 2, entry(4, 4, raft.LogNoop)) // entry 3 may be committed, and the leader of term 4 does not know
		await(t, "the first command", func() bool { return c.seq.Load() == 1 })
		time.Sleep(20 * livePoll)
		if n.Live() {
			t.Error("live before the leader knew what was committed")
		}
		append_(4, 4, 4, 4)
		await(t, "reads", n.Live)
		if got := c.seq.Load(); got != 2 {
			t.Errorf("live at command %d", got)
		}
		closeAll(t, n, c, nil)
	})
}

// The order of bad news: first that this node leads no more, then what was lost with it; and what a session sent after a
// refused command is never applied.
func TestOfficeEndsBeforeRefusals(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := newTrio(t, "a", "b", "c")
		l := k.startAll()
		k.carry(l, setup())
		base := len(l.words())
		k.isolate(l)
		lost := flow(1, 200)
		for i := range lost {
			if err := l.Submit(&lost[i]); err != nil && !errors.Is(err, ErrBusy) {
				break
			}
		}
		await(t, "the old leader to see it", func() bool { return len(l.words()) > base+1 })
		words := l.words()[base:]
		if words[0] != "leading false" {
			t.Errorf("told in this order: %v", words)
		}
		if err := l.Submit(&lost[0]); !errors.Is(err, ErrNotLeader) {
			t.Errorf("the deposed leader answers %v", err)
		}
		next := k.leader(l)
		k.carry(next, flow(2, 50))
		k.rejoin(l)
		seq := next.Status().Seq
		k.everywhere(seq)
		await(t, "every command to come to an end", func() bool { return l.told.count(ErrUnknownOutcome)+l.told.count(ErrNotApplied) == 200 })
	})
}

// Leadership moves to and fro while sessions send on: no command of a session is applied behind one that was refused in
// the same reign, and none is applied twice.
func TestNothingFollowsARefusal(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := newTrio(t, "a", "b", "c")
		k.change = func(c *Config) { c.InputCapacity, c.CancelReserve = 64, 16 } // full within a moment of the simulated time
		l := k.startAll()
		k.carry(l, setup())
		type sent struct{ first, last uint64 } // of one reign, as seen by a session that ends with the office
		var reigns []sent
		stop := time.Now().Add(10 * time.Second)
		origin := uint64(0)
		moved := make(chan struct{})
		go func() {
			defer close(moved)
			for i := 0; time.Now().Before(stop); i++ {
				time.Sleep(20 * time.Millisecond)
				switch p := k.leader(); i % 4 {
				case 0, 1:
					_ = p.Transfer("")
				case 2: // raft's own, with entries under way
					p.raft.LeadershipTransfer()
				case 3: // with entries that are lost
					k.isolate(p)
					k.leader(p)
					k.rejoin(p)
				}
			}
		}()
		for time.Now().Before(stop) {
			p := k.leader()
			r := sent{first: origin + 1}
			for time.Now().Before(stop) {
				q := flow(7, 1)[0]
				q.Origin = wire.Origin{Node: 99, Seq: origin + 1}
				err := p.Submit(&q)
				if errors.Is(err, ErrBusy) {
					time.Sleep(time.Millisecond) // simulated time does not go on while anybody spins
					continue
				}
				if err != nil {
					break
				}
				origin++
			}
			r.last = origin
			reigns = append(reigns, r)
		}
		<-moved
		time.Sleep(time.Second) // raft's own transfer may be under way
		l = k.leader()
		k.carry(l, flow(3, 10))
		k.everywhere(l.Status().Seq)
		applied := make(map[uint64]uint64)
		for _, e := range l.c.all() {
			if e.Origin.Node == 99 && e.Ord == 0 {
				if at, twice := applied[e.Origin.Seq]; twice && at != e.Seq {
					t.Errorf("command %d was applied as %d and %d", e.Origin.Seq, at, e.Seq)
				}
				applied[e.Origin.Seq] = e.Seq
			}
		}
		for _, r := range reigns {
			gap, before := uint64(0), uint64(0)
			for i := r.first; i <= r.last; i++ {
				at, ok := applied[i]
				switch {
				case !ok && gap == 0:
					gap = i
				case ok && gap != 0:
					t.Fatalf("command %d was applied, %d before it was not", i, gap)
				case ok && at < before:
					t.Fatalf("command %d was applied before its predecessor", i)
				case ok:
					before = at
				}
			}
		}
		t.Logf("%d reigns, %d commands, %d applied", len(reigns), origin, len(applied))
		if len(reigns) < 10 || uint64(len(applied)) == origin {
			t.Error("leadership hardly moved, or nothing was refused: the test shows nothing")
		}
	})
}

// A leader whose lease is not below the time-out of the others could lead beside another.
func TestLeaseIsBelowTheHeartbeatTimeout(t *testing.T) {
	_, wire := raft.NewInmemTransport("addr-a")
	for _, bad := range []Timeouts{
		{400 * time.Millisecond, 400 * time.Millisecond, 400 * time.Millisecond},
		{400 * time.Millisecond, 400 * time.Millisecond, 500 * time.Millisecond},
		{400 * time.Millisecond, 300 * time.Millisecond, 200 * time.Millisecond},
	} {
		cfg := config(t, t.TempDir(), newMemLog())
		cfg.Transport, cfg.Timeouts = wire, bad
		if _, err := Open(cfg); err == nil || !contains(err, "lease") {
			t.Errorf("%v: %v", bad, err)
		}
	}
	if ClusterTimeouts.LeaderLease >= ClusterTimeouts.Heartbeat {
		t.Error("the default lease is not below the heartbeat time-out")
	}
	cfg := config(t, t.TempDir(), newMemLog())
	cfg.Transport, cfg.NodeID = wire, "a"
	for _, bad := range [][]Member{
		{{"b", "addr-b", true}},
		{{"a", "addr-b", true}},
		{{"a", "addr-a", false}, {"b", "addr-b", true}},
		{{"a", "addr-a", true}, {"b", "addr-a", true}},
		{{"a", "addr-a", true}, {"b", "", true}},
	} {
		cfg.Peers = bad
		if _, err := Open(cfg); err == nil || !contains(err, "Config.Peers") {
			t.Errorf("%v: %v", bad, err)
		}
	}
	cfg.Transport = nil
	if _, err := Open(cfg); err == nil {
		t.Error("peers without a transport were taken")
	}
}

// Data of a cluster are not started alone, nor under another's name.
func TestDataOfACluster(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := newTrio(t, "a", "b", "c")
		l := k.startAll()
		k.carry(l, dayOf(1, 50))
		k.everywhere(50)
		f := k.others(l)[0]
		k.stop(f)
		cfg := config(t, f.dir, f.log)
		cfg.NodeID = f.id
		refuses(t, cfg, ErrForeign, "started alone")
		cfg.NodeID = l.id
		_, cfg.Transport = raft.NewInmemTransport("addr-x")
		refuses(t, cfg, ErrForeign, `node "`+f.id+`"'s`)
	})
}

// Load restores and publishes nothing; Start goes on from there.
func TestLoadThenStart(t *testing.T) {
	cfg, _ := snapshotted(t)
	n, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	c := collect(n)
	s, err := n.Load()
	if err != nil {
		t.Fatal(err)
	}
	again, err := n.Load()
	if err != nil || again != s || s.Seq == 0 || n.Events().Published() != 0 {
		t.Errorf("loaded %+v, then %+v, %v; %d events", s, again, err, n.Events().Published())
	}
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, "the node is ready", n.Ready)
	if image, _ := splitImage(t, c.all()); image != s.Seq {
		t.Errorf("the image is of command %d, Load said %d", image, s.Seq)
	}
	closeAll(t, n, c, nil)
}
