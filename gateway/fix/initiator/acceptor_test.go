package initiator

import (
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"uncross/gateway/fix/message"
)

// desk is the other side in a test: it says exactly what the test tells it to say.
type desk struct {
	t  *testing.T
	ln net.Listener
}

// call is one connection of a desk.
type call struct {
	t    *testing.T
	conn net.Conn
	in   *message.Reader
	m    message.Message
	seq  uint64 // next number to send
}

const patience = time.Minute

func newDesk(t *testing.T) *desk {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return &desk{t: t, ln: ln}
}

func (d *desk) accept() *call {
	d.t.Helper()
	if err := d.ln.(*net.TCPListener).SetDeadline(time.Now().Add(patience)); err != nil {
		d.t.Fatal(err)
	}
	conn, err := d.ln.Accept()
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { conn.Close() })
	return &call{t: d.t, conn: conn, in: message.NewReader(conn, 1<<16), seq: 1}
}

// next reads the next message, which must have a number.
func (c *call) next(seq uint64, what string) *message.Message {
	c.t.Helper()
	if err := c.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		c.t.Fatal(err)
	}
	frame, err := c.in.Next()
	if err != nil {
		c.t.Fatalf("instead of %s: %v", what, err)
	}
	if err := c.m.Parse(append([]byte(nil), frame...)); err != nil {
		c.t.Fatal(err)
	}
	if n, _ := c.m.Seq(); n != seq {
		c.t.Fatalf("instead of %s, number %d: %s", what, seq, show(&c.m))
	}
	return &c.m
}

// want reads the next message and checks its type and fields; a value of "*" stands for any.
func (c *call) want(msgType string, seq uint64, fields ...any) *message.Message {
	c.t.Helper()
	if c.next(seq, "type "+msgType).Type() != msgType {
		c.t.Fatalf("instead of type %s: %s", msgType, show(&c.m))
	}
	for i := 0; i < len(fields); i += 2 {
		tag, want := fields[i].(int), fields[i+1].(string)
		got, ok := c.m.Get(tag)
		if want == "*" && ok || want == string(got) && ok == (want != "") {
			continue
		}
		c.t.Fatalf("tag %d is %q, expected %q: %s", tag, got, want, show(&c.m))
	}
	return &c.m
}

func show(m *message.Message) string {
	b := []byte(string(m.Raw()))
	for i := range b {
		if b[i] == 1 {
			b[i] = '|'
		}
	}
	return string(b)
}

// say sends a message with the next number.
func (c *call) say(b *message.Body) {
	c.t.Helper()
	c.sayAs(b, message.Header{Seq: c.seq})
	c.seq++
}

// sayAs sends a message with a header; CompIDs and time are filled in.
func (c *call) sayAs(b *message.Body, h message.Header) {
	c.t.Helper()
	h.Sender, h.Target, h.SendingNs = "VENUE", "ME", time.Now().UnixNano()
	if _, err := c.conn.Write(message.AppendMessage(nil, &h, b)); err != nil && !errors.Is(err, net.ErrClosed) {
		c.t.Fatal(err)
	}
}

// logon answers the logon, which must have a number.
func (c *call) logon(seq uint64, fields ...any) *message.Message {
	c.t.Helper()
	m := c.want(message.Logon, seq, fields...)
	c.say(logonAnswer())
	return m
}

func logonAnswer() *message.Body {
	return message.NewBody(message.Logon).Int(message.TagEncryptMethod, 0).Int(message.TagHeartBtInt, 30)
}

func order(id string) *message.Body {
	return message.NewBody(message.NewOrderSingle).Str(message.TagClOrdID, id)
}

func report(id string) *message.Body {
	return message.NewBody(message.ExecutionReport).Str(message.TagExecID, id)
}

// notes collects what an initiator calls back.
type notes struct {
	mu     sync.Mutex
	texts  []string
	events []Event
	fresh  chan struct{}
}

func (n *notes) message(m *message.Message, repeat bool) {
	text := m.Type() + " " + m.String(message.TagExecID)
	if repeat {
		text += " repeat"
	}
	n.add(func() { n.texts = append(n.texts, text) })
}

func (n *notes) event(e Event) { n.add(func() { n.events = append(n.events, e) }) }

func (n *notes) add(fn func()) {
	n.mu.Lock()
	fn()
	n.mu.Unlock()
	select {
	case n.fresh <- struct{}{}:
	default:
	}
}

// await returns when done says so of what there is.
func (n *notes) await(t *testing.T, what string, done func() bool) {
	t.Helper()
	end := time.After(patience)
	for {
		n.mu.Lock()
		ok := done()
		n.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-n.fresh:
		case <-end:
			n.mu.Lock()
			defer n.mu.Unlock()
			t.Fatalf("no %s; messages %q, events %v", what, n.texts, n.events)
		}
	}
}

func (n *notes) awaitTexts(t *testing.T, texts ...string) {
	t.Helper()
	n.await(t, "further messages", func() bool { return len(n.texts) >= len(texts) })
	n.mu.Lock()
	defer n.mu.Unlock()
	for i := range texts {
		if n.texts[i] != texts[i] {
			t.Fatalf("messages %q, expected %q", n.texts, texts)
		}
	}
}

func (n *notes) awaitEvent(t *testing.T, kind EventKind) Event {
	t.Helper()
	var found Event
	n.await(t, kind.String(), func() bool {
		for _, e := range n.events {
			if e.Kind == kind {
				found = e
				return true
			}
		}
		return false
	})
	return found
}

// open starts an initiator that talks to the desk.
func (d *desk) open(change func(*Config)) (*Initiator, *notes) {
	d.t.Helper()
	n := &notes{fresh: make(chan struct{}, 1)}
	c := Config{Address: d.ln.Addr().String(), Sender: "ME", Target: "VENUE", OnMessage: n.message, OnSession: n.event}
	if change != nil {
		change(&c)
	}
	i, err := Open(c)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() {
		i.Disconnect()
		i.Close(d.t.Context())
	})
	return i, n
}
