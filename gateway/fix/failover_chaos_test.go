package fix_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/fix/initiator"
	"uncross/gateway/fix/message"
)

var chaosTime = flag.Duration("fix.chaos", 3*time.Second, "how long TestChangesOfLeaderUnderLoad moves the lead")

// trader is a stock client: it has the addresses of all nodes, and sends, whatever happens.
type trader struct {
	name string
	i    *initiator.Initiator

	mu   sync.Mutex
	sent map[string]uint64 // number by ClOrdID
	live []string          // ClOrdIDs of orders that may be open
	got  map[uint64]*told
	ids  map[string]uint64 // number by ExecID, of reports that are not answers to questions
	bad  []string
}

// told is a message as a client had it.
type told struct {
	text string // without what differs from one sending to the next
	at   string // when it was first sent
}

func (c *cluster) trade(name string, first int) *trader {
	tr := &trader{name: name, sent: map[string]uint64{}, got: map[uint64]*told{}, ids: map[string]uint64{}}
	var err error
	tr.i, err = initiator.Open(initiator.Config{
		Addresses: c.addresses(first), Sender: name, Target: ourID, Password: password, HeartBtInt: time.Second,
		Limits:    initiator.Limits{BackOff: 40 * time.Millisecond},
		OnMessage: tr.message,
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return tr
}

// message notes what came.
func (tr *trader) message(m *message.Message, repeat bool) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	seq, _ := m.Seq()
	now := toldOf(m)
	if before := tr.got[seq]; repeat {
		if before == nil || *before != now {
			tr.bad = append(tr.bad, fmt.Sprintf("number %d came again as %v, before as %v", seq, now, before))
		}
		return
	}
	tr.got[seq] = &now
	if id := m.String(message.TagExecID); id != "" && m.String(message.TagExecType) != "I" {
		if before, have := tr.ids[id]; have && m.Type() == message.ExecutionReport {
			tr.bad = append(tr.bad, fmt.Sprintf("ExecID %s under the numbers %d and %d", id, before, seq))
		}
		tr.ids[id] = seq
	}
	if m.Type() == message.Reject || m.Type() == message.BusinessMessageReject {
		tr.bad = append(tr.bad, show(m))
	}
}

func show(m *message.Message) string { return strings.ReplaceAll(string(m.Raw()), "\x01", "|") }

func toldOf(m *message.Message) told {
	t := told{at: m.String(message.TagSendingTime)}
	if m.Bool(message.TagPossDupFlag) {
		t.at = m.String(message.TagOrigSendingTime)
	}
	for _, f := range m.Fields {
		switch f.Tag {
		case message.TagSendingTime, message.TagPossDupFlag, message.TagOrigSendingTime, 8, 9, 10:
		default:
			t.text += fmt.Sprintf("%d=%s|", f.Tag, f.Value)
		}
	}
	return t
}

// run sends orders, cancels and replaces until the time is over.
func (tr *trader) run(until time.Time) error {
	for n := 0; time.Now().Before(until); n++ {
		id := tr.name + "-" + strconv.Itoa(n)
		side := '1' + byte(rand.IntN(2))
		price := "100." + strconv.Itoa(10+5*rand.IntN(10))
		var b *message.Body
		tr.mu.Lock()
		target := ""
		if len(tr.live) > 0 && rand.IntN(3) == 0 {
			k := rand.IntN(len(tr.live))
			target = tr.live[k]
			tr.live = append(tr.live[:k], tr.live[k+1:]...)
		}
		now := time.Now().UnixNano()
		switch {
		case target != "" && rand.IntN(2) == 0:
			b = message.NewBody(message.OrderCancelRequest).Str(message.TagOrigClOrdID, target).Str(message.TagClOrdID, id).
				Str(message.TagSymbol, "BTC/USD").Char(message.TagSide, '1').Time(message.TagTransactTime, now)
		case target != "":
			b = message.NewBody(message.OrderCancelReplaceRequest).Str(message.TagOrigClOrdID, target).Str(message.TagClOrdID, id).
				Str(message.TagSymbol, "BTC/USD").Char(message.TagSide, '1').Time(message.TagTransactTime, now).
				Int(message.TagOrderQty, 3).Char(message.TagOrdType, '2').Str(message.TagPrice, price)
		default:
			b = message.NewBody(message.NewOrderSingle).Str(message.TagClOrdID, id).Str(message.TagSymbol, "BTC/USD").
				Char(message.TagSide, side).Time(message.TagTransactTime, now).Int(message.TagOrderQty, 2).
				Char(message.TagOrdType, '2').Str(message.TagPrice, price)
		}
		if b.Type() != message.OrderCancelRequest {
			tr.live = append(tr.live, id)
			if len(tr.live) > 20 {
				tr.live = tr.live[1:]
			}
		}
		seq, err := tr.i.Send(b)
		if err == nil {
			tr.sent[id] = seq
		}
		tr.mu.Unlock()
		if err != nil && err != initiator.ErrBusy {
			return err
		}
		if rand.IntN(20) == 0 {
			time.Sleep(time.Duration(rand.IntN(4)) * time.Millisecond)
		}
	}
	return nil
}

// check holds what a client has sent and was told against the log and the outbox.
func (tr *trader) check(c *cluster, answers map[string][]answer) {
	t := c.t
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for _, text := range tr.bad {
		t.Errorf("%s: %s", tr.name, text)
	}
	// Every request was decided once, under its own number, and none before an earlier one.
	bySeq := map[uint64]string{}
	for id, seq := range tr.sent {
		bySeq[seq] = id
		if a := answers[id]; len(a) != 1 || a[0].in != seq {
			t.Errorf("%s: request %s, number %d, has the answers %v", tr.name, id, seq, a)
		}
	}
	last, lastID := uint64(0), ""
	_, end := tr.i.Numbers()
	for seq := uint64(1); seq < end; seq++ {
		if a := answers[bySeq[seq]]; len(a) == 1 {
			if a[0].command < last {
				t.Errorf("%s: %s was dealt with before %s", tr.name, bySeq[seq], lastID)
			}
			last, lastID = a[0].command, bySeq[seq]
		}
	}
	// What the client was told is what every node's outbox has: settled has compared these.
	x := c.nodes[0].session(tr.name)
	n, stored := x.Numbers(), 0
	for from := uint64(1); from < n.NextOut; {
		entries, err := x.Read(n.Epoch, from, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := range entries {
			e := &entries[i]
			if e.Local {
				continue
			}
			stored++
			b, err := message.ParseBody(e.Body)
			if err != nil {
				t.Fatal(err)
			}
			var m message.Message
			h := message.Header{Sender: ourID, Target: tr.name, Seq: e.Number, SendingNs: e.TimeNs}
			if err := m.Parse(message.AppendMessage(nil, &h, &b)); err != nil {
				t.Fatal(err)
			}
			if want, got := toldOf(&m), tr.got[e.Number]; got == nil || *got != want {
				t.Errorf("%s: number %d is %v, and the client had %v", tr.name, e.Number, want, got)
			}
		}
		from = entries[len(entries)-1].End()
	}
	if stored != len(tr.got) {
		t.Errorf("%s: the outbox has %d messages, the client %d", tr.name, stored, len(tr.got))
	}
	t.Logf("%s: %d requests, %d messages", tr.name, len(tr.sent), stored)
}

// answer is the event that decided a request.
type answer struct {
	command uint64
	in      uint64 // number of the message that it came by
}

// answersOf collects, from a node's events, what decided the requests of sessions.
func (r *replica) answersOf(into map[string][]answer, mu *sync.Mutex) {
	reader := r.events.Reader("answers", true)
	r.work.Go(func() {
		defer reader.Close()
		buf := make([]wire.Event, 256)
		for {
			n, _, ok := reader.Read(buf, r.stop)
			mu.Lock()
			for i := range buf[:n] {
				e := &buf[i]
				if id := requestOf(e); id != "" && e.Flags&wire.FlagRepeat == 0 {
					into[id] = append(into[id], answer{e.Seq, e.Origin.Seq})
				}
			}
			mu.Unlock()
			if !ok {
				return
			}
		}
	})
}

// requestOf returns the client id of the request that an event decides, "" where it decides none.
func requestOf(e *wire.Event) string {
	if _, _, _, ok := e.Origin.Session(); !ok || e.Ord != 0 {
		return ""
	}
	switch e.Kind {
	case wire.EvOrderAccepted:
		var m wire.OrderAccepted
		m.GetEvent(e)
		return m.ClientID.String()
	case wire.EvOrderRejected:
		var m wire.OrderRejected
		m.GetEvent(e)
		return m.ClientID.String()
	case wire.EvOrderCanceled:
		var m wire.OrderCanceled
		m.GetEvent(e)
		return m.ClientID.String()
	case wire.EvOrderReplaced:
		var m wire.OrderReplaced
		m.GetEvent(e)
		return m.ClientID.String()
	case wire.EvSessionMessage:
		var m wire.SessionMessage
		m.GetEvent(e)
		if m.Kind >= wire.RefusedNewOrder && m.Kind <= wire.RefusedMessage {
			return m.ClientID.String()
		}
	}
	return ""
}

// TestChangesOfLeaderUnderLoad moves the lead at random while stock clients trade, with batches lost and with batches of
// which nobody knows. Afterwards every request has been decided once and in its client's order, every client has had every
// report of its session once, and the outboxes of all nodes are the same.
func TestChangesOfLeaderUnderLoad(t *testing.T) {
	c := newCluster(t, options{})
	answers, mu := map[string][]answer{}, &sync.Mutex{}
	c.nodes[0].answersOf(answers, mu)
	for _, r := range c.nodes {
		r.slow.Store(true)
	}
	c.lead(0)
	ctx, cancel := context.WithTimeout(t.Context(), *chaosTime+60*time.Second)
	defer cancel()
	traders := []*trader{c.trade("TRADE1", 0), c.trade("TRADE2", 1)}
	copies := c.trade("DROP1", 2)
	for _, tr := range append([]*trader{copies}, traders...) {
		if err := tr.i.WaitLogon(ctx); err != nil {
			t.Fatal(err)
		}
	}
	until := time.Now().Add(*chaosTime)
	for _, r := range c.nodes {
		r.faults.Store(20)
	}
	var running sync.WaitGroup
	for _, tr := range traders {
		running.Go(func() {
			if err := tr.run(until); err != nil {
				t.Error(err)
			}
		})
	}
	for time.Now().Before(until) {
		time.Sleep(time.Duration(rand.IntN(120)) * time.Millisecond)
		c.move(rand.IntN(3))
	}
	running.Wait()
	for _, r := range c.nodes {
		r.faults.Store(0)
	}
	c.lead(rand.IntN(3))
	for range 2 { // the drop copy's last may be on their way when its answer is
		for _, tr := range append(traders, copies) {
			if err := tr.i.RoundTrip(ctx); err != nil {
				t.Fatalf("%s: %v", tr.name, err)
			}
		}
	}
	c.settled()
	mu.Lock()
	defer mu.Unlock()
	for _, tr := range append(traders, copies) {
		tr.check(c, answers)
		if err := tr.i.Close(ctx); err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d changes of leader, %d batches", c.moves, len(c.entries))
}
