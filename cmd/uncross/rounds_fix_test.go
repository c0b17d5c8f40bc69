//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"uncross/gateway/auth"
	"uncross/gateway/fix/initiator"
	"uncross/gateway/fix/message"
	"uncross/internal/nodes"
)

// This file has the brokers that trade by FIX, each with what it remembers of its reports.

const fixUnderWay = 20 // messages of one session without an answer

// fixBroker is one account's orders by FIX.
type fixBroker struct {
	load    *load
	account string
	session *initiator.Initiator
	rnd     *rand.Rand
	sent    int

	mu      sync.Mutex
	waiting map[string]time.Time // client order ids without an answer
	resting []string
	execs   map[string]uint64    // the number of each ExecID
	texts   map[uint64]string    // of every message, but for what differs from one sending to another
	orders  map[string]*fixOrder // by order id
	last    uint64               // number
	again   map[uint64]bool      // numbers that have come again since they were asked for
	logons  int
	events  []string
}

// fixOrder is an order as its reports tell of it.
type fixOrder struct {
	name        string // client order id
	accepted    int    // reports
	filled, cum int
}

// newFIXBroker makes a session and logs on.
func newFIXBroker(l *load, account string, k *auth.Key, rnd *rand.Rand) *fixBroker {
	const password = "a-long-password"
	l.t.Helper()
	l.c.Session(account, "trading", account, password, k)
	l.c.Level()
	b := &fixBroker{load: l, account: account, rnd: rnd, waiting: map[string]time.Time{}, execs: map[string]uint64{}}
	b.texts, b.orders, b.again = map[uint64]string{}, map[string]*fixOrder{}, map[uint64]bool{}
	var err error
	b.session, err = initiator.Open(initiator.Config{
		Addresses: l.c.FIX(), Sender: account, Target: "UNCROSS", Password: password, HeartBtInt: time.Second,
		OnMessage: b.take, OnSession: b.event, Limits: initiator.Limits{Answer: 3 * time.Second, Dial: time.Second, BackOff: 200 * time.Millisecond},
	})
	l.c.Must(err)
	l.t.Cleanup(func() {
		end, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		_ = b.session.Close(end)
	})
	ctx, cancel := context.WithTimeout(l.t.Context(), loadPatience)
	defer cancel()
	l.c.Must(b.session.WaitLogon(ctx))
	return b
}

// event is called by the session's goroutine.
func (b *fixBroker) event(e initiator.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e.Kind == initiator.LoggedOn {
		b.logons++
	}
	if b.events = append(b.events, fmt.Sprintf("%s %v %d-%d %v", time.Now().UTC().Format("15:04:05.000"), e.Kind, e.From, e.To, e.Err)); len(b.events) > 40 {
		b.events = b.events[1:]
	}
}

// take is called by the session's goroutine with every message.
func (b *fixBroker) take(m *message.Message, repeat bool) {
	seq, _ := m.Seq()
	text := sameText(m)
	b.mu.Lock()
	defer b.mu.Unlock()
	if first, ok := b.texts[seq]; repeat || ok {
		if !repeat {
			b.load.wrong("%s: message %d came twice", b.account, seq)
		}
		if first != text {
			b.load.wrong("%s: message %d was first\n  %s\nand then\n  %s", b.account, seq, first, text)
		}
		b.again[seq] = true
		return
	}
	b.texts[seq], b.last = text, seq
	name := m.String(message.TagClOrdID)
	delete(b.waiting, name)
	switch m.Type() {
	case message.ExecutionReport:
		b.report(m, seq, name)
	case message.OrderCancelReject:
		b.load.answered()
	default:
		b.load.wrong("%s: unexpected message %s", b.account, text)
	}
}

// report looks at an execution report; the lock is held.
func (b *fixBroker) report(m *message.Message, seq uint64, name string) {
	exec := m.String(message.TagExecID)
	if was, ok := b.execs[exec]; ok {
		b.load.wrong("%s: ExecID %s came as message %d and as message %d", b.account, exec, was, seq)
	}
	b.execs[exec] = seq
	kind := m.String(message.TagExecType)
	if kind == "8" {
		b.load.answered()
		return
	}
	id := m.String(message.TagOrderID)
	o := b.orders[id]
	if o == nil {
		o = &fixOrder{name: name}
		b.orders[id] = o
	}
	switch kind {
	case "0":
		b.load.answered()
		if o.accepted++; o.accepted > 1 {
			b.load.wrong("%s: order %s is accepted twice", b.account, name)
		}
		b.resting = append(b.resting, name)
	case "F":
		qty, _ := strconv.Atoi(m.String(message.TagLastQty))
		o.filled += qty
	}
	o.cum, _ = strconv.Atoi(m.String(message.TagCumQty))
	if o.cum != o.filled {
		b.load.wrong("%s: order %s has CumQty %d after fills of %d: %s", b.account, name, o.cum, o.filled, sameText(m))
	}
}

// sameText is a message without what differs from one sending to another.
func sameText(m *message.Message) string {
	var s strings.Builder
	for i := range m.Fields {
		f := &m.Fields[i]
		switch f.Tag {
		case message.TagBodyLength, message.TagCheckSum, message.TagPossDupFlag, message.TagSendingTime, message.TagOrigSendingTime:
			continue
		}
		fmt.Fprintf(&s, "%d=%s|", f.Tag, f.Value)
	}
	return s.String()
}

// trade sends one message after the other.
func (b *fixBroker) trade(ctx context.Context) {
	body := message.NewBody(message.NewOrderSingle)
	for ctx.Err() == nil {
		b.load.gate.RLock()
		b.one(body)
		b.load.gate.RUnlock()
		time.Sleep(time.Duration(10+b.rnd.IntN(30)) * time.Millisecond)
	}
}

// one sends a message, unless too many are without an answer.
func (b *fixBroker) one(body *message.Body) {
	name, orig, ok := b.draw()
	if !ok {
		return
	}
	if orig != "" {
		body.Reset(message.OrderCancelRequest).Str(message.TagOrigClOrdID, orig)
	} else {
		body.Reset(message.NewOrderSingle)
	}
	body.Str(message.TagClOrdID, name).Str(message.TagAccount, b.account).Str(message.TagSymbol, loadSymbol).Char(message.TagSide, byte('1'+b.rnd.IntN(2)))
	body.Time(message.TagTransactTime, time.Now().UnixNano())
	if orig == "" {
		body.Int(message.TagOrderQty, int64(1+b.rnd.IntN(20)))
		if b.rnd.IntN(8) == 0 {
			body.Char(message.TagOrdType, '1').Char(message.TagTimeInForce, '3')
		} else {
			body.Char(message.TagOrdType, '2').Int(message.TagPrice, int64(990+b.rnd.IntN(21))).Char(message.TagTimeInForce, '1')
		}
	}
	for {
		_, err := b.session.Send(body)
		if err == nil {
			return
		}
		if !errors.Is(err, initiator.ErrBusy) && !errors.Is(err, initiator.ErrNotLoggedOn) {
			b.load.wrong("%s: %v", b.account, err)
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// draw returns the client order id of the next message, and of the order that it cancels, if it does.
func (b *fixBroker) draw() (name, orig string, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiting) >= fixUnderWay {
		return "", "", false
	}
	b.sent++
	name = fmt.Sprintf("%s-%d", b.account, b.sent)
	b.waiting[name] = time.Now()
	if len(b.resting) > 0 && (b.rnd.IntN(5) == 0 || len(b.resting) > restingOrders) {
		orig, b.resting = b.resting[0], b.resting[1:]
	}
	return name, orig, true
}

// settle waits until everything that was sent is answered, and all that was said before is here. There is silence.
func (b *fixBroker) settle() {
	b.load.t.Helper()
	for begin := time.Now(); ; time.Sleep(nodes.Look) {
		b.mu.Lock()
		n, last := len(b.waiting), b.last
		b.mu.Unlock()
		if n == 0 {
			break
		}
		if time.Since(begin) > loadPatience {
			in, out := b.session.Numbers()
			b.mu.Lock()
			defer b.mu.Unlock()
			b.load.t.Fatalf("%s: %d messages are not answered after %v: %v\nlast message %d, numbers %d %d\n%s", b.account, n, loadPatience, b.waiting, last, in, out, strings.Join(b.events, "\n"))
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), loadPatience)
	defer cancel()
	if err := b.session.RoundTrip(ctx); err != nil {
		b.load.t.Fatalf("%s: %v", b.account, err)
	}
}

// askAgain asks for the last messages once more, or for all: they must be the same. There is silence.
func (b *fixBroker) askAgain(all bool) {
	b.load.t.Helper()
	b.mu.Lock()
	clear(b.again)
	from, to := uint64(1), b.last
	if last := b.last; !all && last > repeatLately {
		from = last - repeatLately
	}
	want := 0
	for seq := range b.texts {
		if seq >= from {
			want++
		}
	}
	b.mu.Unlock()
	if want == 0 {
		return
	}
	asked := -1
	for begin := time.Now(); ; time.Sleep(nodes.Look) {
		b.mu.Lock()
		got, logons := len(b.again), b.logons
		b.mu.Unlock()
		if got == want {
			return
		}
		if logons != asked && b.session.AskAgain(from, to) == nil {
			asked = logons
		}
		if time.Since(begin) > loadPatience {
			b.load.t.Fatalf("%s: of messages %d to %d, %d of %d came when they were asked for again", b.account, from, to, got, want)
		}
	}
}
