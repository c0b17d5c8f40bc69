package initiator

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"uncross/gateway/fix/message"
)

// link is one connection. What is not said to be of another goroutine is guarded by the Initiator's lock.
type link struct {
	i    *Initiator
	conn net.Conn
	wake chan struct{} // capacity 1: the writer has something to look at
	gone chan struct{} // closed when the connection is to end
	end1 sync.Once
	why  error // set before gone is closed

	on      bool   // the logon has been answered
	next    uint64 // the next number to be written for the first time
	last    uint64 // the number of our logout, behind which nothing is written; 0: none
	again   []span // asked for by the other side, to be written before anything new
	resends int    // how often it has asked
	asked   uint64 // numbers below it have been asked for by us

	lastIn, lastOut atomic.Int64 // nanoseconds since the epoch

	// Of the reading goroutine alone.
	in      *message.Reader
	m       message.Message
	highest uint64            // greatest number that came before its turn
	held    map[uint64][]byte // by their numbers: frames that came before their turn; empty where the number alone counts
}

// span is a run of numbers, both ends included.
type span struct{ from, to uint64 }

var (
	errCut       = errors.New("initiator: cut by its owner")
	errSilent    = errors.New("initiator: nothing came for two heartbeat intervals")
	errGapStays  = errors.New("initiator: what was asked for did not come for two heartbeat intervals")
	errUntold    = errors.New("initiator: the other side closed the connection instead of answering the logon; it does not say why")
	errNoLogon   = errors.New("initiator: the first message is no logon")
	errTheirOut  = errors.New("initiator: the other side logged out")
	errNoNumber  = errors.New("initiator: a message without a number")
	errWrongPeer = errors.New("initiator: a message with other CompIDs")
)

// connect makes one connection to an address and serves it until it ends. was says that it was logged on; the error is nil when both
// sides logged out because we wanted to.
func (i *Initiator) connect(address string) (was bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), i.c.Limits.Answer)
	defer cancel()
	go func() {
		select {
		case <-i.stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	conn, err := i.dial(ctx, address)
	if err != nil {
		return false, err
	}
	l := &link{i: i, conn: conn, wake: make(chan struct{}, 1), gone: make(chan struct{}), in: message.NewReader(conn, i.c.Limits.MaxMessage), held: map[uint64][]byte{}}
	defer l.end(ErrClosed)
	go func() { // ends the reading
		<-l.gone
		conn.Close()
	}()
	if err := l.logon(); err != nil {
		return false, err
	}
	var helpers sync.WaitGroup
	helpers.Go(l.write)
	helpers.Go(l.beat)
	err = l.read()
	l.end(err)
	helpers.Wait()
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closing && errors.Is(l.why, errTheirOut) {
		return l.on, nil
	}
	return l.on, l.why
}

func (i *Initiator) dial(ctx context.Context, address string) (net.Conn, error) {
	if len(i.c.Addresses) > 1 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, i.c.Limits.Dial)
		defer cancel()
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil || i.c.TLS == nil {
		return conn, err
	}
	secure := i.c.TLS
	if secure.ServerName == "" {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		secure = secure.Clone()
		secure.ServerName = host
	}
	t := tls.Client(conn, secure)
	if err := t.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return t, nil
}

// end ends the connection. The first reason stands.
func (l *link) end(why error) {
	l.end1.Do(func() {
		l.why = why
		close(l.gone)
	})
}

// poke has the writer look what there is.
func (l *link) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// read deals with what comes until the connection ends, and returns why.
func (l *link) read() error {
	deadline := time.Now().Add(l.i.c.Limits.Answer) // of the answer to the logon
	if err := l.conn.SetReadDeadline(deadline); err != nil {
		return err
	}
	for {
		frame, err := l.in.Next()
		if !l.on && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)) {
			return errUntold
		}
		if err != nil {
			return err
		}
		l.lastIn.Store(time.Now().UnixNano())
		if err := l.m.Parse(frame); err != nil {
			continue // garbled: it takes no number
		}
		if err := l.receive(&l.m, frame); err != nil {
			return err
		}
	}
}

// beatsPerInterval is how often in a heartbeat interval the connection is looked after.
const beatsPerInterval = 10

// beat sends heartbeats and ends a connection that is silent.
func (l *link) beat() {
	every := l.i.c.HeartBtInt
	tick := time.NewTicker(every / beatsPerInterval)
	defer tick.Stop()
	var tested int64 // lastIn when a test request was sent
	var gap gapWatch
	for {
		select {
		case <-l.gone:
			return
		case <-tick.C:
		}
		now, in := time.Now().UnixNano(), l.lastIn.Load()
		quiet := time.Duration(now - in)
		if quiet >= 2*every+every/2 {
			l.end(errSilent)
			return
		}
		if gap.stays(l) {
			l.end(errGapStays)
			return
		}
		var b *message.Body
		switch {
		case quiet >= every+every/5 && tested != in:
			tested = in
			b = message.NewBody(message.TestRequest).Str(message.TagTestReqID, "silent?")
		case time.Duration(now-l.lastOut.Load()) >= every-every/beatsPerInterval:
			b = message.NewBody(message.Heartbeat)
		default:
			continue
		}
		l.send(b)
	}
}

// gapWatch sees how long a gap has not become smaller.
type gapWatch struct {
	next  uint64
	beats int
}

// stays reports whether what was asked for has not come for two heartbeat intervals.
func (g *gapWatch) stays(l *link) bool {
	l.i.mu.Lock()
	next, asked := l.i.nextIn, l.asked
	l.i.mu.Unlock()
	if next >= asked || next != g.next {
		g.next, g.beats = next, 0
		return false
	}
	g.beats++
	return g.beats > 2*beatsPerInterval
}

// send numbers a message about the session itself, when the connection is logged on and not logging out.
func (l *link) send(b *message.Body) {
	l.i.mu.Lock()
	defer l.i.mu.Unlock()
	if l.on && l.last == 0 {
		_, _ = l.i.number(b, true) // a store that fails ends the session by itself
	}
}

// refuse logs out with a text and returns the error that ends the connection once that is written.
func (l *link) refuse(err error, text string) error {
	l.i.mu.Lock()
	l.i.logout(l, text)
	last := l.last
	l.i.mu.Unlock()
	l.drain(last)
	return err
}

// drainTime is how long a last message may take to be written.
const drainTime = time.Second

// drain waits until a number has been written.
func (l *link) drain(seq uint64) {
	for end := time.Now().Add(drainTime); time.Now().Before(end); time.Sleep(time.Millisecond) {
		l.i.mu.Lock()
		written := l.next > seq
		l.i.mu.Unlock()
		if written {
			time.Sleep(time.Millisecond) // from the writer's hands to the socket
			return
		}
	}
}

// logon writes the logon. It is the connection's first message, before the writer starts.
func (l *link) logon() error {
	i := l.i
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closing {
		return ErrClosed
	}
	reset := i.c.Reset && !i.ever || i.c.ResetEvery
	if reset {
		if err := i.store.Reset(); err != nil {
			i.fail(err)
			return err
		}
		i.nextIn, i.nextOut = i.store.Numbers()
	}
	now := time.Now().UnixNano()
	b := i.logonBody(i.nextOut, now, reset)
	i.scratch = b.AppendTo(i.scratch[:0])
	if err := errors.Join(i.store.Append(now, true, i.scratch), i.store.Flush()); err != nil {
		i.fail(err)
		return err
	}
	h := message.Header{Sender: i.c.Sender, Target: i.c.Target, Seq: i.nextOut, SendingNs: now}
	i.nextOut++
	l.next = i.nextOut
	i.link = l
	l.lastIn.Store(now)
	l.lastOut.Store(now)
	if err := l.conn.SetWriteDeadline(time.Now().Add(i.c.Limits.Write)); err != nil {
		return err
	}
	_, err := l.conn.Write(message.AppendMessage(nil, &h, b))
	return err
}

// logonBody is the logon's body; the number and the time are what is signed.
func (i *Initiator) logonBody(seq uint64, timeNs int64, reset bool) *message.Body {
	b := message.NewBody(message.Logon)
	b.Int(message.TagEncryptMethod, 0)
	b.Int(message.TagHeartBtInt, int64(i.c.HeartBtInt/time.Second))
	if i.c.Key != nil {
		b.Data(message.TagRawDataLength, message.TagRawData, Sign(i.c.Key, timeNs, seq, i.c.Sender, i.c.Target))
	}
	if reset {
		b.Bool(message.TagResetSeqNumFlag, true)
	}
	if i.c.Password != "" {
		b.Str(message.TagUsername, i.c.Sender).Str(message.TagPassword, i.c.Password)
	}
	if i.c.LogonFields != nil {
		i.c.LogonFields(b)
	}
	return b
}

// answered deals with the first message of a connection.
func (l *link) answered(m *message.Message, seq uint64) error {
	switch m.Type() {
	case message.Logout:
		err := &RefusedError{Text: m.String(message.TagText)}
		if next := l.i.expected(); seq == next { // a refusal may take a number; where it does not, a later gap fill mends it
			l.i.received(next + 1)
		}
		l.i.mu.Lock()
		l.i.refusal = err
		l.i.tell()
		l.i.mu.Unlock()
		l.i.c.OnSession(Event{Kind: Refused, Err: err})
		return err
	case message.Logon:
	default:
		return fmt.Errorf("%w: it is of type %q", errNoLogon, m.Type())
	}
	if err := l.conn.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	i := l.i
	i.mu.Lock()
	l.on, i.ever, i.refusal = true, true, nil
	if i.closing {
		i.logout(l, "")
	}
	i.tell()
	i.mu.Unlock()
	l.poke()
	i.c.OnSession(Event{Kind: LoggedOn})
	return nil
}
