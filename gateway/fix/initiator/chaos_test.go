package initiator

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"uncross/gateway/fix/message"
)

// peer is an acceptor that keeps its numbers, answers every order with one report, and cuts its connections at random.
type peer struct {
	t      *testing.T
	ln     net.Listener
	rnd    *rand.Rand
	store  *Memory
	orders []string // in the order in which they had their turn
	cuts   int
	lost   bool // the connection at hand has failed: what is said is not heard, and it ends soon
}

// serve deals with one connection after the other until the listener is closed.
func (p *peer) serve() {
	for {
		conn, err := p.ln.Accept()
		if err != nil {
			return
		}
		p.connection(conn)
		conn.Close()
	}
}

func (p *peer) connection(conn net.Conn) {
	in := message.NewReader(conn, 1<<16)
	var m message.Message
	left := 1 + p.rnd.IntN(200) // messages until the cut
	asked := false
	p.lost = false
	for p.cuts == 0 || left > 0 && !p.lost {
		if p.cuts > 0 {
			left--
		}
		frame, err := in.Next()
		if err != nil {
			return
		}
		if m.Parse(frame) != nil {
			p.t.Error("a message that is no row of fields")
			return
		}
		seq, _ := m.Seq()
		next, _ := p.store.Numbers()
		if m.Type() == message.Logon {
			p.say(conn, logonAnswer(), true)
		}
		switch {
		case m.Type() == message.ResendRequest:
			p.resend(conn, &m)
			if seq == next {
				p.store.Received(next + 1)
			}
		case seq > next:
			if !asked {
				asked = true
				p.say(conn, message.NewBody(message.ResendRequest).Uint(message.TagBeginSeqNo, next).Uint(message.TagEndSeqNo, 0), true)
			}
			continue
		case seq < next:
			if !m.Bool(message.TagPossDupFlag) {
				p.t.Errorf("number %d after %d and no PossDupFlag: %s", seq, next-1, show(&m))
				return
			}
		default:
			if end := p.inTurn(conn, &m, seq); end {
				return
			}
		}
		asked = asked && seq != next
	}
	p.cuts--
}

// inTurn deals with a message whose turn it is, and reports whether it was a logout.
func (p *peer) inTurn(conn net.Conn, m *message.Message, seq uint64) (end bool) {
	next := seq + 1
	switch m.Type() {
	case message.SequenceReset:
		next, _ = m.Uint(message.TagNewSeqNo)
	case message.NewOrderSingle:
		id := m.String(message.TagClOrdID)
		p.orders = append(p.orders, id)
		p.say(conn, report(id), false)
	case message.TestRequest:
		p.say(conn, message.NewBody(message.Heartbeat).Str(message.TagTestReqID, m.String(message.TagTestReqID)), true)
	case message.Logout:
		p.say(conn, message.NewBody(message.Logout), true)
		end = true
	}
	p.store.Received(next)
	return end
}

// say gives a message its number and writes it, unless the line fails now and then.
func (p *peer) say(conn net.Conn, b *message.Body, local bool) {
	_, seq := p.store.Numbers()
	now := time.Now().UnixNano()
	p.store.Append(now, local, b.AppendTo(nil))
	if p.cuts > 0 && p.rnd.IntN(100) == 0 {
		p.lost = true
	}
	if p.lost {
		return
	}
	conn.Write(message.AppendMessage(nil, &message.Header{Sender: "VENUE", Target: "ME", Seq: seq, SendingNs: now}, b))
}

func (p *peer) resend(conn net.Conn, m *message.Message) {
	from, _ := m.Uint(message.TagBeginSeqNo)
	to, _ := m.Uint(message.TagEndSeqNo)
	entries := make([]Entry, to-from+1)
	n := p.store.Read(from, entries)
	l := link{i: &Initiator{c: Config{Sender: "VENUE", Target: "ME"}}}
	frames, err := l.appendRepeats(nil, entries[:n])
	if err != nil {
		p.t.Error(err)
	}
	conn.Write(frames)
}

// TestChaos cuts connections, loses messages and restarts the client: every order arrives once and in order, and every
// report does.
func TestChaos(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{t: t, ln: ln, rnd: rand.New(rand.NewPCG(seed, 0)), store: NewMemory(0), cuts: 25}
	var serving sync.WaitGroup
	serving.Go(p.serve)
	defer ln.Close()

	const orders, clients = 3000, 3
	var mu sync.Mutex
	var reports []string
	var events []Event
	dir := filepath.Join(t.TempDir(), "store")
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	for c := range clients {
		store, err := OpenFile(dir, 0)
		if err != nil {
			t.Fatal(err)
		}
		i, err := Open(Config{Address: ln.Addr().String(), Sender: "ME", Target: "VENUE", Store: store, Limits: Limits{BackOff: 50 * time.Millisecond, Held: 50},
			OnSession: func(e Event) {
				mu.Lock()
				defer mu.Unlock()
				events = append(events, e)
			},
			OnMessage: func(m *message.Message, repeat bool) {
				mu.Lock()
				defer mu.Unlock()
				if id := m.String(message.TagExecID); !repeat {
					reports = append(reports, id)
				}
			}})
		if err != nil {
			t.Fatal(err)
		}
		defer i.Disconnect()
		if err := i.WaitLogon(ctx); err != nil {
			t.Fatal(err)
		}
		for k := range orders / clients {
			mustSend(t, i, order(fmt.Sprint(c*orders/clients+k)))
			if k%100 == 0 {
				time.Sleep(time.Millisecond)
			}
			if k%400 == 399 {
				i.Disconnect()
			}
		}
		if err := i.RoundTrip(ctx); err != nil {
			in, out := i.Numbers()
			ln.Close()
			i.Disconnect()
			serving.Wait()
			theirIn, theirOut := p.store.Numbers()
			mu.Lock()
			defer mu.Unlock()
			t.Fatalf("%v; next numbers %d in, %d out, theirs %d in, %d out; latest events %v", err, in, out, theirIn, theirOut, events[max(0, len(events)-12):])
		}
		if err := i.Close(ctx); err != nil {
			t.Fatal(err)
		}
	}
	ln.Close()
	serving.Wait()
	for what, got := range map[string][]string{"orders": p.orders, "reports": reports} {
		if len(got) != orders {
			t.Fatalf("%d %s, expected %d", len(got), what, orders)
		}
		for k := range got {
			if got[k] != fmt.Sprint(k) {
				t.Fatalf("%s: %q has the place of %d", what, got[k], k)
			}
		}
	}
}
