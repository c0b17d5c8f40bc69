package fix_test

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/fix"
	"uncross/gateway/fix/message"
)

// handed is a listener that gives out the connections that a test hands it, also after it was closed: as one that had
// taken a connection just before.
type handed struct {
	v     *venue
	conns chan net.Conn
	over  chan struct{}
}

// hand serves a listener of that kind until the test's end.
func (v *venue) hand(t *testing.T) *handed {
	h := &handed{v: v, conns: make(chan net.Conn), over: make(chan struct{})}
	s := v.server
	var serving sync.WaitGroup
	serving.Go(func() { _ = s.Serve(h) })
	t.Cleanup(func() {
		close(h.over)
		serving.Wait()
	})
	return h
}

func (h *handed) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.over:
		return nil, net.ErrClosed
	}
}

func (h *handed) Close() error   { return nil }
func (h *handed) Addr() net.Addr { return &net.TCPAddr{} }

// dial connects by a pipe, where a write ends when the other side has read all of it. wrap, where it is not nil, makes the
// venue's side.
func (h *handed) dial(t *testing.T, compID string, wrap func(net.Conn) net.Conn) *rawClient {
	t.Helper()
	ours, theirs := net.Pipe()
	t.Cleanup(func() { ours.Close() })
	_ = ours.SetDeadline(time.Now().Add(3 * patience))
	if wrap != nil {
		theirs = wrap(theirs)
	}
	h.conns <- theirs
	return &rawClient{t: t, v: h.v, nc: ours, r: message.NewReader(ours, 1<<20), compID: compID, target: ourID, next: 1}
}

// isSession reports whether a command is a session message of a kind.
func isSession(cmd *wire.Command, kind wire.SessionMessageKind) bool {
	if cmd.Kind != wire.CmdSessionMessage {
		return false
	}
	var m wire.SessionMessage
	m.Get(cmd)
	return m.Kind == kind
}

// TestMassCancelThatIsLost has the core take the announcement of a mass cancel and nothing behind it: the request keeps its
// number, is asked for at the next logon and carried out then.
func TestMassCancelThatIsLost(t *testing.T) {
	v := openVenue(t, "", options{limits: fix.Limits{BusyWait: 50 * time.Millisecond}})
	c := v.online(t, "TRADE1")
	c.send("D", order("o1", "1", "10.00", "1"))
	c.want("8", "34=2|150=0")
	var announced, gone atomic.Bool
	shut := func(cmd *wire.Command) bool {
		if isSession(cmd, wire.AnnouncedMassCancel) {
			announced.Store(true)
		}
		if cmd.Kind == wire.CmdCancelAll {
			gone.Store(true)
		}
		return gone.Load()
	}
	v.core.full.Store(&shut)
	const request = "11=q1|530=7|60=20240101-00:00:00|"
	c.send("q", request) // number 3
	c.ends()
	waitFor(t, "the connection has ended", func() bool { return v.server.Status().Connections == 0 })
	v.core.full.Store(nil)
	if !announced.Load() || !gone.Load() {
		t.Fatalf("announced: %v, canceled: %v", announced.Load(), gone.Load())
	}
	again := v.dial(t, "TRADE1")
	again.next = 4
	again.logon("")
	again.want("2", "7=3|16=0")
	now := string(message.AppendTime(nil, v.now().UnixNano()))
	again.send("q", "34=3|43=Y|122="+now+"|"+request)
	again.want("8", "150=4|11=o1")
	again.want("r", "11=q1|531=7|533=1")
	again.send("4", "34=4|43=Y|122="+now+"|123=Y|36=5")
	again.next = 5
	again.logout()
}

// TestLostNumbers takes a node's outbox away when its log goes no further back than a snapshot: a session has to begin its
// numbers again, whatever the number of its logon, and is told so.
func TestLostNumbers(t *testing.T) {
	v := openVenue(t, "", options{})
	a := v.dial(t, "TRADE1")
	a.logon("")
	a.send("D", order("o1", "1", "10.00", "1"))
	a.want("8", "34=2|150=0")
	a.logout()
	if err := v.node.Snapshot(); err != nil {
		t.Fatal(err)
	}
	v.stop()
	if err := os.RemoveAll(filepath.Join(v.dir, "outbox")); err != nil {
		t.Fatal(err)
	}
	v.start()
	waitFor(t, "the outbox has it all", func() bool {
		return v.outbox.Position() >= v.node.Status().Seq && v.view.Applied() >= v.node.Status().Seq
	})
	x, _ := v.outbox.Session(1)
	if n := x.Numbers(); !n.Lost {
		t.Fatalf("numbers %+v, want lost ones", n)
	}
	for _, next := range []uint64{4, 1} { // the one that it would have, and the one that the node believes in
		c := v.dial(t, "TRADE1")
		c.next = next
		c.send("A", "98=0|108=30|554="+password)
		c.want("5", "58=this node has lost the session's numbers: log on with ResetSeqNumFlag (141)=Y")
		c.ends()
	}
	c := v.online(t, "TRADE1")
	c.send("1", "112=x")
	c.want("0", "34=2|112=x")
	c.logout() // in 3, out 3
	c = v.dial(t, "TRADE1")
	c.next = 4
	if m := c.logon(""); tag(m, "34") != "4" {
		t.Errorf("they are not lost any more: %s", m)
	}
	c.logout()
}

// TestRejectedSessionMessage has the engine reject a message of a live session, which no message tells the client: it ends
// with a Logout that says why.
func TestRejectedSessionMessage(t *testing.T) {
	v := openVenue(t, "", options{})
	c := v.online(t, "TRADE1")
	def, _ := v.view.SessionByCompID("TRADE1")
	var cmd wire.Command
	(&wire.SessionMessage{Session: def.ID, Kind: wire.SessionNumbers}).Put(&cmd) // of no message at all
	cmd.Key, cmd.Origin = def.Key, wire.SessionOrigin(def.ID, 1, 1, false)
	if err := v.node.Submit(&cmd); err != nil {
		t.Fatal(err)
	}
	c.want("5", "34=2|58="+wire.InvalidSession.Sentence())
	c.ends()
	again := v.dial(t, "TRADE1") // what was rejected before is not held against the next connection
	again.next = 2
	again.logon("")
	again.send("1", "112=x")
	again.want("0", "112=x")
	again.logout()
}

// waitsForASeat reports whether a logon waits for the end of the connection that has its session's seat.
func waitsForASeat() bool {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	for g := range strings.SplitSeq(string(stacks), "\n\n") {
		head, rest, _ := strings.Cut(g, "\n")
		if strings.Contains(head, "[select") && strings.HasPrefix(rest, "uncross/gateway/fix.(*seat).take(") {
			return true
		}
	}
	return false
}

// TestLogonAwaitsTheEnd logs on while the session's former connection is on its way out: the logon is answered when that has
// left, with the numbers that it left behind.
func TestLogonAwaitsTheEnd(t *testing.T) {
	v := openVenue(t, "", options{limits: fix.Limits{BusyWait: 2 * patience, LogonWait: 2 * patience}})
	a := v.online(t, "TRADE1")
	var leaving atomic.Bool
	held := func(cmd *wire.Command) bool {
		if !isSession(cmd, wire.SessionLogout) {
			return false
		}
		leaving.Store(true)
		return true
	}
	v.core.full.Store(&held)
	a.nc.Close()
	waitFor(t, "the first connection is on its way out", leaving.Load)
	b := v.dial(t, "TRADE1")
	b.next = 2
	b.send("A", "98=0|108=30|554="+password)
	waitFor(t, "the logon waits or is refused", func() bool {
		return waitsForASeat() || strings.Contains(v.logs.String(), "the session is logged on")
	})
	v.core.full.Store(nil)
	b.want("A", "34=2")
	b.logout()
}

// TestResetForgetsResends starts the numbers again while two resend requests wait for the writer, which waits for the client:
// of the numbers before the reset nothing is sent any more.
func TestResetForgetsResends(t *testing.T) {
	v := openVenue(t, "", options{})
	c := v.hand(t).dial(t, "TRADE1", nil)
	c.logon("141=Y")
	c.send("1", "112=a")
	first := make([]byte, 1)
	if _, err := io.ReadFull(c.nc, first); err != nil { // so the writer is in the middle of its write
		t.Fatal(err)
	}
	c.send("2", "7=1|16=0")
	c.send("2", "7=1|16=1")
	c.send("A", "34=1|98=0|108=30|141=Y|554="+password)
	x, _ := v.outbox.Session(1)
	waitFor(t, "the numbers begin again", func() bool { return x.Numbers().Epoch == 2 })
	c.r = message.NewReader(io.MultiReader(strings.NewReader(string(first)), c.nc), 1<<20)
	c.want("0", "34=2|112=a|!43")
	c.want("A", "34=1|141=Y|!43")
	c.next = 2
	c.send("1", "112=b")
	c.want("0", "34=2|112=b|!43")
	c.logout()
}

// heldConn keeps what it has read until it is let go on, whatever its deadline.
type heldConn struct {
	net.Conn
	got  chan struct{} // closed when something was read
	goOn chan struct{}
	once sync.Once
}

func (h *heldConn) Read(p []byte) (int, error) {
	n, err := h.Conn.Read(p)
	if n > 0 {
		h.once.Do(func() {
			close(h.got)
			<-h.goOn
		})
	}
	return n, err
}

// TestLogonDuringShutdown has logons under way while the venue closes. One that was just read is closed without a word, and
// so is a connection that comes now; one whose password is being verified is answered and told goodbye, and what came
// behind it is not dealt with.
func TestLogonDuringShutdown(t *testing.T) {
	v := openVenue(t, "", options{limits: fix.Limits{LogoutTimeout: patience, LogonTimeout: 10 * patience}})
	other := v.online(t, "TRADE2") // holds the shutdown up until it answers
	h := v.hand(t)

	begun, goOn := make(chan struct{}), make(chan struct{})
	judge := sync.OnceFunc(func() { close(goOn) })
	t.Cleanup(judge)
	hook := func() { close(begun); <-goOn }
	v.hashing.Store(&hook)
	judged := v.dial(t, "TRADE1")
	judged.send("A", "98=0|108=30|554="+password)
	<-begun
	v.hashing.Store(nil)
	judged.send("D", order("o1", "1", "10.00", "1"))

	held := &heldConn{got: make(chan struct{}), goOn: make(chan struct{})}
	letGo := sync.OnceFunc(func() { close(held.goOn) })
	t.Cleanup(letGo)
	read := h.dial(t, "DROP1", func(c net.Conn) net.Conn { held.Conn = c; return held })
	read.send("A", "98=0|108=30|554="+password)
	<-held.got

	var stopped sync.WaitGroup
	stopped.Go(v.stop)
	other.want("5", "58=the venue is closing")
	late := h.dial(t, "MD1", nil)
	late.ends()
	letGo()
	read.ends()
	judge()
	judged.want("A", "34=1")
	judged.want("5", "34=2|58=the venue is closing")
	judged.send("5", "")
	judged.ends()
	other.send("5", "")
	other.ends()
	stopped.Wait()
	if n := v.open(); n != 0 {
		t.Errorf("%d open orders", n)
	}
}
