package peer

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
)

// actor plays a raft node at a port: the test says what it sends, and nobody answers what it is sent. w nil: over the kernel's
// network.
func actor(t *testing.T, w *wires, node string) *Transport {
	t.Helper()
	return plugged(t, w, node, "", nil).transport
}

func header(tr *Transport) raft.RPCHeader {
	return raft.RPCHeader{ProtocolVersion: 3, ID: []byte(tr.port.cfg.NodeID), Addr: []byte(tr.port.cfg.Advertise)}
}

// beat sends a heartbeat of a term and reports whether it was answered well, and how soon.
func beat(tr *Transport, to *site, term uint64) (bool, time.Duration, error) {
	begun := time.Now()
	var resp raft.AppendEntriesResponse
	err := tr.AppendEntries(to.id, raft.ServerAddress(to.port.Address()), &raft.AppendEntriesRequest{RPCHeader: header(tr), Term: term}, &resp)
	return resp.Success && resp.Term == term, time.Since(begun), err
}

// stage is a raft node, node-2, that follows an actor, node-1, in term 5. w nil: over the kernel's network.
func stage(t *testing.T, w *wires, change func(*Config)) (*Transport, *site) {
	t.Helper()
	lead := actor(t, w, "node-1")
	p := plugged(t, w, "node-2", "", change)
	s := begin(t, w, "node-2", p, p.Transport(), []raft.Server{
		{ID: "node-1", Address: lead.LocalAddr()}, {ID: "node-2", Address: p.transport.LocalAddr()}, {ID: "node-3", Address: "127.0.0.1:1"},
	}, nil)
	var ok bool
	var err error
	if !comes(func() bool { ok, _, err = beat(lead, s, 5); return ok && err == nil }) {
		t.Fatalf("%v, %v", ok, err)
	}
	return lead, s
}

// beats keeps an actor's leadership up until the test ends.
func beats(t *testing.T, tr *Transport, to *site, term uint64) {
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
				_, _, _ = beat(tr, to, term)
			}
		}
	}()
	t.Cleanup(func() { close(stop); <-done })
}

func snapshotRequest(tr *Transport, term uint64, size int) *raft.InstallSnapshotRequest {
	return &raft.InstallSnapshotRequest{
		RPCHeader: header(tr), SnapshotVersion: 1, Term: term, LastLogIndex: 7, LastLogTerm: 3, Size: int64(size), ConfigurationIndex: 1,
		Configuration: raft.EncodeConfiguration(raft.Configuration{Servers: []raft.Server{
			{ID: "node-1", Address: "127.0.0.1:1"}, {ID: "node-2", Address: "127.0.0.1:2"}, {ID: "node-3", Address: "127.0.0.1:3"},
		}}),
	}
}

// install sends a snapshot and returns what became of it.
func install(tr *Transport, to *site, req *raft.InstallSnapshotRequest, data io.Reader) chan installed {
	done := make(chan installed, 1)
	go func() {
		var r installed
		r.err = tr.InstallSnapshot(to.id, raft.ServerAddress(to.port.Address()), req, &r.resp, data)
		done <- r
	}()
	return done
}

type installed struct {
	resp raft.InstallSnapshotResponse
	err  error
}

// halting gives half of its bytes, and the rest when it is let.
type halting struct {
	first, rest io.Reader
	halted, let chan struct{}
}

func halt(b []byte) *halting {
	return &halting{bytes.NewReader(b[:len(b)/2]), bytes.NewReader(b[len(b)/2:]), make(chan struct{}), make(chan struct{})}
}

func (h *halting) Read(p []byte) (int, error) {
	if n, err := h.first.Read(p); err == nil {
		return n, nil
	}
	select {
	case <-h.halted:
	default:
		close(h.halted)
	}
	<-h.let
	return h.rest.Read(p)
}

func spoolIsEmpty(t *testing.T, s *site) {
	t.Helper()
	var files []os.DirEntry
	var err error
	if !comes(func() bool {
		files, err = os.ReadDir(s.port.cfg.SpoolDir)
		return err == nil && len(files) == 0
	}) {
		t.Fatalf("%d files are in the spool directory, %v", len(files), err)
	}
}

// While a snapshot arrives, raft's main loop does its work. Without the spool it would read the stream itself.
func TestSnapshotArrives(t *testing.T) {
	timeless(t, func(t *testing.T, w *wires) {
		lead, s := stage(t, w, nil)
		data := bytes.Repeat([]byte("snapshot"), 200_000)
		h := halt(data)
		done := install(lead, s, snapshotRequest(lead, 5, len(data)), h)
		obtain(t, h.halted)
		for range 20 {
			if ok, took, err := beat(lead, s, 5); !ok || err != nil || took > HeartbeatTimeout/2 {
				t.Fatalf("a heartbeat: %v after %v, %v", ok, took, err)
			}
			time.Sleep(10 * time.Millisecond)
		}
		var vote raft.RequestPreVoteResponse
		if err := lead.RequestPreVote(s.id, s.port.transport.LocalAddr(), &raft.RequestPreVoteRequest{RPCHeader: header(lead), Term: 9, LastLogIndex: 9, LastLogTerm: 9}, &vote); err != nil || !vote.Granted {
			t.Errorf("a vote: %+v, %v", vote, err)
		}
		if n := s.port.Stats().Heartbeats; n != 0 {
			t.Errorf("%d heartbeats were not answered by raft", n)
		}
		close(h.let)
		if r := obtain(t, done); r.err != nil || !r.resp.Success {
			t.Fatalf("%+v", r)
		}
		if !bytes.Equal(s.applied.all(), data) || s.port.Stats().Snapshots != 1 {
			t.Error("something else was restored")
		}
		spoolIsEmpty(t, s)
	})
}

// While raft's main loop is inside InstallSnapshot, heartbeats of that leader and term are answered, and no others.
func TestHeartbeatsWhileInstalling(t *testing.T) {
	timeless(t, func(t *testing.T, w *wires) {
		lead, s := stage(t, w, nil)
		other := actor(t, w, "node-3")
		let := s.snapshots.shut(t)
		data := bytes.Repeat([]byte("snapshot"), 1000)
		done := install(lead, s, snapshotRequest(lead, 5, len(data)), bytes.NewReader(data))
		obtain(t, s.snapshots.entered)
		wrong := make(chan error, 3)
		for _, b := range []struct {
			from *Transport
			term uint64
		}{{lead, 4}, {lead, 6}, {other, 5}} {
			go func() {
				_, _, err := beat(b.from, s, b.term)
				wrong <- err
			}()
		}
		sent := uint64(0)
		for begun := time.Now(); time.Since(begun) < HeartbeatTimeout+300*time.Millisecond; sent++ {
			if ok, took, err := beat(lead, s, 5); !ok || err != nil || took > HeartbeatTimeout/2 {
				t.Fatalf("a heartbeat: %v after %v, %v", ok, took, err)
			}
			time.Sleep(20 * time.Millisecond)
		}
		for range 3 {
			if err := obtain(t, wrong); err == nil {
				t.Error("a heartbeat of another leader or term was answered")
			}
		}
		if n := s.port.Stats().Heartbeats; n != sent {
			t.Errorf("%d of %d heartbeats were answered", n, sent)
		}
		let()
		if r := obtain(t, done); r.err != nil || !r.resp.Success || !bytes.Equal(s.applied.all(), data) {
			t.Fatalf("%+v", r)
		}
		before := s.port.Stats().Heartbeats
		if ok, _, err := beat(lead, s, 5); !ok || err != nil || s.port.Stats().Heartbeats != before {
			t.Errorf("afterwards raft does not answer itself: %v, %v", ok, err)
		}
	})
}

// Raft cannot have heartbeats beside its main loop (hashicorp/raft issue 695).
func TestNoHeartbeatHandler(t *testing.T) {
	timeless(t, func(t *testing.T, w *wires) {
		lead, s := stage(t, w, nil)
		s.port.Transport().SetHeartbeatHandler(func(rpc raft.RPC) {
			t.Error("a heartbeat went beside raft's main loop")
			rpc.Respond(nil, errors.New("no"))
		})
		if ok, _, err := beat(lead, s, 5); !ok || err != nil {
			t.Errorf("%v, %v", ok, err)
		}
	})
}

// bare is node-2's transport without a port, that nothing comes to but what a test hands on.
func bare(t *testing.T) *Transport {
	return newTransport(&Port{ctx: t.Context(), cfg: Config{NodeID: "node-2"}})
}

// A heartbeat that waits for raft when the installation begins is answered too.
func TestHeartbeatWaitsForWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := bare(t)
		answered := make(chan any, 1)
		go func() {
			a, _ := tr.append(&raft.AppendEntriesRequest{RPCHeader: header(tr), Term: 5}, 10)
			answered <- a
		}()
		synctest.Wait()
		tr.window.begin(&spooled{window: &tr.window, term: 4, leader: "node-2"})
		synctest.Wait()
		select {
		case a := <-answered:
			t.Fatalf("answered for another term: %v", a)
		default:
		}
		tr.window.begin(&spooled{window: &tr.window, term: 5, leader: "node-2"})
		if a, ok := obtain(t, answered).(*raft.AppendEntriesResponse); !ok || !a.Success {
			t.Errorf("%+v", a)
		}
	})
}

// A request goes on to the channel that raft reads, also one that waits already, through the filter, and no earlier than it
// is received there.
func TestRelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := bare(t)
		ask := func(term uint64) chan any {
			answered := make(chan any, 1)
			go func() {
				a, _ := tr.append(&raft.AppendEntriesRequest{RPCHeader: header(tr), Term: term}, 10)
				answered <- a
			}()
			return answered
		}
		early := ask(5)
		synctest.Wait()
		to, taken := make(chan raft.RPC), make(chan uint64, 1)
		tr.Relay(to, func(rpc *raft.RPC) (func(), bool) {
			m := *rpc.Command.(*raft.AppendEntriesRequest)
			if m.Term == 1 {
				rpc.RespChan <- raft.RPCResponse{Response: &raft.AppendEntriesResponse{Term: 1}}
				return nil, false
			}
			m.LeaderCommitIndex = 9
			rpc.Command = &m
			return func() { taken <- m.Term }, true
		})
		synctest.Wait()
		select {
		case <-taken:
			t.Error("said to be taken before it was")
		default:
		}
		rpc := obtain(t, to)
		if m := rpc.Command.(*raft.AppendEntriesRequest); m.Term != 5 || m.LeaderCommitIndex != 9 || obtain(t, taken) != 5 {
			t.Errorf("%+v", m)
		}
		rpc.Respond(&raft.AppendEntriesResponse{Term: 5}, nil)
		for want, answered := range map[uint64]chan any{5: early, 1: ask(1)} {
			if a, ok := obtain(t, answered).(*raft.AppendEntriesResponse); !ok || a.Term != want {
				t.Errorf("%+v, not of term %d", a, want)
			}
		}
	})
}

// Raft itself opens and closes the window, before it answers: what spooled knows of its ways is true of this version.
func TestWindowOfRaft(t *testing.T) {
	timeless(t, func(t *testing.T, w *wires) {
		lead, s := stage(t, w, nil)
		tr := s.port.transport
		for _, test := range []struct {
			name  string
			term  uint64
			opens bool
		}{{"taken", 5, true}, {"stale", 4, false}} {
			f, err := os.Create(t.TempDir() + "/snapshot")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = f.Close() }()
			_, _ = f.WriteString("snapshot")
			_, _ = f.Seek(0, io.SeekStart)
			opened, _ := tr.window.covers(0, nil)
			answer := make(chan raft.RPCResponse) // raft waits until it is read
			tr.consumer <- raft.RPC{
				Command: snapshotRequest(lead, test.term, 8), RespChan: answer,
				Reader: &spooled{file: f, window: &tr.window, term: test.term, leader: "node-1"},
			}
			a := obtain(t, answer)
			if _, open := tr.window.covers(test.term, []byte("node-1")); open {
				t.Errorf("%s: the window was open when raft answered", test.name)
			}
			select {
			case <-opened:
				if !test.opens {
					t.Errorf("%s: the window was opened", test.name)
				}
			default:
				if test.opens {
					t.Errorf("%s: the window was not opened", test.name)
				}
			}
			if r := a.Response.(*raft.InstallSnapshotResponse); a.Error != nil || r.Success != test.opens {
				t.Errorf("%s: %+v, %v", test.name, r, a.Error)
			}
		}
	})
}

// A leader whose other follower is away keeps its lease while this one installs a snapshot.
func TestLeaseWhileInstalling(t *testing.T) {
	timeless(t, func(t *testing.T, w *wires) {
		all := group(t, w, nil)
		first, others := leader(t, all)
		behind, away := others[0], others[1]
		address := behind.port.Address()
		if err := errors.Join(behind.raft.Shutdown().Error(), behind.port.Close()); err != nil {
			t.Fatal(err)
		}
		for range 100 {
			apply(t, first, []byte("x"))
		}
		if err := first.raft.Snapshot().Error(); err != nil {
			t.Fatal(err)
		}
		apply(t, first, []byte("y"))

		p := plugged(t, w, string(behind.id), address, nil)
		let := behind.snapshots.shut(t)
		begin(t, w, behind.id, p, p.Transport(), nil, behind)
		t.Cleanup(let) // before raft is to end
		obtain(t, behind.snapshots.entered)
		term := first.raft.CurrentTerm()
		if err := errors.Join(away.raft.Shutdown().Error(), away.port.Close()); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(3 * leaseTimeout); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			if first.raft.State() != raft.Leader || first.raft.CurrentTerm() != term {
				t.Fatal("the leader lost its lease")
			}
		}
		let()
		if err := same(first, behind); err != nil {
			t.Error(err)
		}
		apply(t, first, []byte("z"))
		if first.raft.CurrentTerm() != term {
			t.Error("the leader changed")
		}
	})
}

// Whoever sends a large snapshot goes on leading, with the node that it is for and with the third.
func TestLeadingWhileALargeSnapshotIsSent(t *testing.T) {
	if testing.Short() {
		t.Skip("200 MB of state")
	}
	leadsWhileSending(t, nil, 200<<20)
}

// The same on a network that takes longer for the snapshot than any time-out.
func TestLeadingWhileASnapshotIsSentSlowly(t *testing.T) {
	timeless(t, func(t *testing.T, w *wires) {
		w.rate = 1 << 20
		if took := leadsWhileSending(t, w, 20<<20); took < 20*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func leadsWhileSending(t *testing.T, w *wires, state generated) (took time.Duration) {
	t.Helper()
	all := group(t, w, nil)
	first, others := leader(t, all)
	behind := others[0]
	address := behind.port.Address()
	if err := errors.Join(behind.raft.Shutdown().Error(), behind.port.Close()); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*site{first, behind} {
		store, err := raft.NewFileSnapshotStore(t.TempDir(), 1, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		s.snapshots.SnapshotStore = store
		s.applied.ballast, s.applied.restored = state, make(chan error, 1)
	}
	for range 20 {
		apply(t, first, []byte("x"))
	}
	if err := first.raft.Snapshot().Error(); err != nil {
		t.Fatal(err)
	}
	apply(t, first, []byte("y"))

	term := first.raft.CurrentTerm()
	p := plugged(t, w, string(behind.id), address, nil)
	begun := time.Now()
	begin(t, w, behind.id, p, p.Transport(), nil, behind)
	if err := obtain(t, behind.applied.restored); err != nil {
		t.Error(err)
	}
	took = time.Since(begun)
	apply(t, first, []byte("z"))
	if n := p.Stats().Snapshots; n != 1 || first.raft.CurrentTerm() != term || first.raft.State() != raft.Leader {
		t.Errorf("%d snapshots were sent by the leader of term %d, which is now %s of term %d", n, term, first.raft.State(), first.raft.CurrentTerm())
	}
	return took
}

// A stream that stands still is given up by the side that waits for it.
func TestSnapshotStalls(t *testing.T) {
	timeless(t, func(t *testing.T, w *wires) {
		lead, s := stage(t, w, nil)
		beats(t, lead, s, 5)
		data := bytes.Repeat([]byte("snapshot"), 1000)
		h := halt(data)
		done := install(lead, s, snapshotRequest(lead, 5, len(data)), h)
		obtain(t, h.halted)
		begun := time.Now()
		if !comes(func() bool { return s.port.Stats().GivenUp > 0 }) || time.Since(begun).Round(time.Second) != StallTimeout {
			t.Fatalf("it was given up %d times, after %v", s.port.Stats().GivenUp, time.Since(begun))
		}
		spoolIsEmpty(t, s)
		close(h.let)
		if r := obtain(t, done); r.err == nil {
			t.Errorf("%+v", r)
		}
		// The next one arrives.
		if r := obtain(t, install(lead, s, snapshotRequest(lead, 5, len(data)), bytes.NewReader(data))); r.err != nil || !r.resp.Success {
			t.Errorf("%+v", r)
		}

		// A receiver that does not read.
		l := w.listen("")
		defer func() { _ = l.Close() }()
		go func() {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = readHello(c)
			_, _ = c.Write(answer{Version, 0, "node-3", cluster, ""}.encode())
			_, _ = c.Write(sealFrame(appendFrame(nil, kindSend)))
			<-t.Context().Done()
		}()
		big := make([]byte, 64<<20)
		var resp raft.InstallSnapshotResponse
		err := lead.InstallSnapshot("node-3", raft.ServerAddress(l.Addr().String()), snapshotRequest(lead, 5, len(big)), &resp, bytes.NewReader(big))
		if timedOut := net.Error(nil); !errors.As(err, &timedOut) || !timedOut.Timeout() {
			t.Errorf("%v", err)
		}
	})
}

// A new leader's snapshot takes the place of one that is still arriving.
func TestSnapshotReplaced(t *testing.T) {
	lead, s := stage(t, nil, nil)
	data := bytes.Repeat([]byte("snapshot"), 1000)
	h := halt(data)
	first := install(lead, s, snapshotRequest(lead, 5, len(data)), h)
	obtain(t, h.halted)
	next := actor(t, nil, "node-3")
	if r := obtain(t, install(next, s, snapshotRequest(next, 6, len(data)), bytes.NewReader(data))); r.err != nil || !r.resp.Success {
		t.Errorf("%+v", r)
	}
	close(h.let)
	if r := obtain(t, first); r.err == nil {
		t.Errorf("%+v", r)
	}
	spoolIsEmpty(t, s)
}

// While the disk hangs under a snapshot that arrives, the next ones are refused, and nothing is left of them.
func TestSnapshotBehindOneThatHangs(t *testing.T) {
	timeless(t, func(t *testing.T, w *wires) {
		tr := actor(t, w, "node-2")
		begin := func() (func(), net.Conn, error) {
			c, other := net.Pipe()
			t.Cleanup(func() { _ = errors.Join(c.Close(), other.Close()) })
			end, err := tr.beginSpooling(c)
			return end, other, err
		}
		end, conn, err := begin()
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, _, err := begin(); !errors.Is(err, errSpooling) {
				t.Errorf("the next one: %v", err)
			}
		}
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("the one that hangs has not been given up: %v", err)
		}
		end()
		end, _, err = begin()
		if err != nil {
			t.Fatal(err)
		}
		end()
	})
}

// nothing is a snapshot that is not to be sent.
type nothing struct{ t *testing.T }

func (n nothing) Read([]byte) (int, error) {
	n.t.Error("the snapshot is sent")
	return 0, io.EOF
}

// What need not be sent is not: the snapshot that is there already, one of a stale leader, one that is too large.
func TestSnapshotNotSent(t *testing.T) {
	lead, s := stage(t, nil, func(c *Config) { c.Holds = func(index, term uint64) bool { return index == 7 && term == 3 } })
	if r := obtain(t, install(lead, s, snapshotRequest(lead, 5, 1000), nothing{t})); r.err != nil || !r.resp.Success || r.resp.Term != 5 {
		t.Errorf("%+v", r)
	}
	if r := obtain(t, install(lead, s, snapshotRequest(lead, 4, 1000), nothing{t})); r.err != nil || r.resp.Success || r.resp.Term != 5 {
		t.Errorf("%+v", r)
	}
	if r := obtain(t, install(lead, s, snapshotRequest(lead, 5, MaxSnapshot+1), nothing{t})); r.err == nil || !strings.Contains(r.err.Error(), "are the most") {
		t.Errorf("%+v", r)
	}
	if len(s.applied.all()) > 0 {
		t.Error("something was restored")
	}
}

// What is left of an earlier run is removed.
func TestSpoolIsCleared(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"/snapshot-123.spool", "/other"} {
		if err := os.WriteFile(dir+name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	open(t, "node-1", func(c *Config) { c.SpoolDir = dir })
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 || files[0].Name() != "other" {
		t.Errorf("%v, %v", files, err)
	}
}

// answers lets a test answer what raft would.
func answers(tr *Transport, with func(raft.RPC)) {
	go func() {
		for {
			select {
			case rpc := <-tr.consumer:
				with(rpc)
			case <-tr.ctx.Done():
				return
			}
		}
	}()
}

func grant(rpc raft.RPC) { rpc.Respond(&raft.RequestVoteResponse{Granted: true}, nil) }

func vote(from *Transport, id raft.ServerID, address string) (bool, error) {
	var resp raft.RequestVoteResponse
	err := from.RequestVote(id, raft.ServerAddress(address), &raft.RequestVoteRequest{RPCHeader: header(from), Term: 1}, &resp)
	return resp.Granted, err
}

// A vote is not lost on a connection to a node that has restarted.
func TestRestartedPeer(t *testing.T) {
	from := actor(t, nil, "node-1")
	p, _ := open(t, "node-2", nil)
	address := p.Address()
	answers(p.transport, grant)
	if ok, err := vote(from, "node-2", address); !ok || err != nil {
		t.Fatalf("%v, %v", ok, err)
	}
	if len(from.idle) != 1 {
		t.Fatal("the connection is not kept")
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	p, _ = open(t, "node-2", func(c *Config) { c.Listener = loopbackListener(t, address) })
	answers(p.transport, grant)
	if ok, err := vote(from, "node-2", address); !ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
}

// Another node at a right address does not vote, or count, for the one that was meant.
func TestWrongNode(t *testing.T) {
	from := actor(t, nil, "node-1")
	p, logged := open(t, "node-2", nil)
	answers(p.transport, grant)
	if ok, err := vote(from, "node-3", p.Address()); ok || !errors.Is(err, ErrNode) {
		t.Errorf("%v, %v", ok, err)
	}
	logged.await(t, "this is node-2, and node-3 was meant")
}

// A node speaks for itself alone.
func TestForgedMessage(t *testing.T) {
	from := actor(t, nil, "node-1")
	p, logged := open(t, "node-2", nil)
	answers(p.transport, func(rpc raft.RPC) { t.Errorf("raft was given %+v", rpc.Command) })
	var resp raft.RequestVoteResponse
	h := header(from)
	h.ID = []byte("node-3")
	if err := from.RequestVote("node-2", p.transport.LocalAddr(), &raft.RequestVoteRequest{RPCHeader: h, Term: 1}, &resp); err == nil {
		t.Errorf("%+v", resp)
	}
	logged.await(t, "a message of \\\"node-3\\\" from node-1")
}

// What the sender has given up is not handed to raft.
func TestStaleRequest(t *testing.T) {
	timeless(t, func(t *testing.T, w *wires) {
		from := actor(t, w, "node-1")
		to := actor(t, w, "node-2") // nobody answers
		var resp raft.AppendEntriesResponse
		err := from.AppendEntries("node-2", to.LocalAddr(), &raft.AppendEntriesRequest{RPCHeader: header(from), Term: 1}, &resp)
		if err == nil {
			t.Fatal("it was answered")
		}
		time.Sleep(longest)
		select {
		case rpc := <-to.consumer:
			t.Errorf("%+v", rpc.Command)
		default:
		}
	})
}

// An error of raft arrives as one, and the connection is kept.
func TestErrorOfRaft(t *testing.T) {
	from := actor(t, nil, "node-1")
	to := actor(t, nil, "node-2")
	answers(to, func(rpc raft.RPC) { rpc.Respond(nil, errors.New("not today")) })
	if _, err := vote(from, "node-2", string(to.LocalAddr())); err == nil || err.Error() != "not today" {
		t.Errorf("%v", err)
	}
	if len(from.idle) != 1 {
		t.Error("the connection is not kept")
	}
}

// A closed transport ends what is under way; the port goes on.
func TestTransportClose(t *testing.T) {
	timeless(t, func(t *testing.T, w *wires) {
		from := actor(t, w, "node-1")
		p := plugged(t, w, "node-2", "", nil)
		p.Handle(ServiceInfo, echo)
		got := make(chan raft.RPC, 1)
		answers(p.transport, func(rpc raft.RPC) { got <- rpc })
		done := make(chan error, 1)
		go func() {
			_, err := vote(from, "node-2", p.Address())
			done <- err
		}()
		obtain(t, got)
		if err := p.transport.Close(); err != nil {
			t.Error(err)
		}
		begun := time.Now()
		if err := obtain(t, done); err == nil || time.Since(begun) > VoteTimeout/2 {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		if _, err := vote(p.transport, "node-1", string(from.LocalAddr())); err == nil {
			t.Error("a closed transport sends")
		}
		c, err := from.port.Dial(t.Context(), "node-2", p.Address(), ServiceInfo)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := talk(c, "x"); err != nil {
			t.Error(err)
		}
	})
}

func FuzzRaftConnection(f *testing.F) {
	b, err := encode(nil, &raft.RequestVoteRequest{RPCHeader: raft.RPCHeader{ID: []byte("node-1")}, Term: 1})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(append(bytes.Clone(b), b...))
	f.Add([]byte{kindInstall, 0, 0, 0, 4, 0, 0, 0, 1, 2, 3, 4})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	p, err := Listen(Config{Listener: l, NodeID: "node-2", Cluster: func() string { return cluster }, SpoolDir: f.TempDir()})
	if err != nil {
		f.Fatal(err)
	}
	answers(p.transport, func(rpc raft.RPC) {
		if rpc.Reader != nil {
			_, _ = io.Copy(io.Discard, rpc.Reader)
		}
		rpc.Respond(nil, errors.New("no"))
	})
	f.Fuzz(func(_ *testing.T, b []byte) {
		here, there := net.Pipe()
		done := make(chan struct{})
		go func() {
			defer close(done)
			p.transport.serve(p.ctx, "node-1", there)
			_ = there.Close()
		}()
		go func() { _, _ = io.Copy(io.Discard, here) }()
		_ = here.SetDeadline(time.Now().Add(time.Second))
		_, _ = here.Write(b)
		_ = here.Close()
		<-done
	})
}

// Entries are kept for a node that does not answer, and arrive as soon as it is back. They are not kept for an address that it
// has left: raft is told, and goes to the other one.
func TestNodeMoves(t *testing.T) {
	timeless(t, func(t *testing.T, w *wires) {
		tr := plugged(t, w, "node-1", "", func(c *Config) { c.Leads = func() bool { return true } }).transport
		gone := w.listen("")
		old := gone.Addr().String()
		_ = gone.Close()
		failed := make(chan error, 1)
		entries := func() {
			req := &raft.AppendEntriesRequest{RPCHeader: header(tr), Term: 5, PrevLogEntry: 1, Entries: []*raft.Log{{Index: 2, Term: 5}}}
			failed <- tr.AppendEntries("node-2", raft.ServerAddress(old), req, new(raft.AppendEntriesResponse))
		}
		kept := func() {
			t.Helper()
			time.Sleep(MaxHold - time.Second)
			select {
			case err := <-failed:
				t.Fatalf("entries for a node that does not answer are not kept: %v", err)
			default:
			}
		}
		beats := func(to *Port) {
			t.Helper()
			req := &raft.AppendEntriesRequest{RPCHeader: header(tr), Term: 5}
			if err := tr.AppendEntries("node-2", to.transport.LocalAddr(), req, new(raft.AppendEntriesResponse)); err != nil {
				t.Fatal(err)
			}
		}
		node2 := func(address string) *Port {
			p := plugged(t, w, "node-2", address, nil)
			answers(p.transport, func(rpc raft.RPC) { rpc.Respond(&raft.AppendEntriesResponse{Term: 5, Success: true}, nil) })
			return p
		}
		go entries()
		kept()
		back := node2(old)
		beats(back)
		begun := time.Now()
		if err := obtain(t, failed); err != nil || time.Since(begun) > holdTick {
			t.Errorf("the node is back, and the entries are not there: %v after %v", err, time.Since(begun))
		}

		if err := back.Close(); err != nil {
			t.Fatal(err)
		}
		go entries()
		kept()
		beats(node2(""))
		begun = time.Now()
		if err := obtain(t, failed); err == nil || time.Since(begun) > holdTick {
			t.Errorf("entries are kept for the old address, or somebody took them there: %v after %v", err, time.Since(begun))
		}
	})
}
