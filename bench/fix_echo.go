package bench

import (
	"errors"
	"net"
	"strconv"
	"time"

	"uncross/gateway/fix/message"
)

// EchoTarget is the echo's own CompID.
const EchoTarget = "ECHO"

// ServeEcho answers every order with an execution report at once, on one connection after the other, until the listener
// is closed. Beside that it knows logons, test requests and logouts, and believes everything.
func ServeEcho(ln net.Listener) error {
	for {
		conn, err := ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		e := echo{in: message.NewReader(conn, echoMessage), body: message.NewBody(message.Logon), next: 1}
		e.serve(conn)
		conn.Close()
	}
}

// Bounds of the echo.
const (
	echoMessage = 64 << 10
	echoBuffer  = 32 << 10
)

// echo is one connection of the echo.
type echo struct {
	in   *message.Reader
	m    message.Message
	body *message.Body
	out  []byte
	next uint64
	head message.Header
	exec []byte
}

// serve answers what there is, and writes when there is no more.
func (e *echo) serve(conn net.Conn) {
	for over := false; !over; {
		frame, err := e.in.Next()
		if err != nil || e.m.Parse(frame) != nil {
			return
		}
		over = e.answer()
		if len(e.out) > 0 && (over || len(e.out) >= echoBuffer || !e.in.Pending()) {
			if _, err := conn.Write(e.out); err != nil {
				return
			}
			e.out = e.out[:0]
		}
	}
}

// answer appends the answer to the message at hand, and reports whether it was a logout.
func (e *echo) answer() (over bool) {
	b := e.body
	switch e.m.Type() {
	case message.Logon:
		e.head = message.Header{Sender: e.m.String(message.TagTargetCompID), Target: e.m.String(message.TagSenderCompID)}
		b.Reset(message.Logon).Int(message.TagEncryptMethod, 0)
		e.copy(message.TagHeartBtInt)
	case message.TestRequest:
		b.Reset(message.Heartbeat)
		e.copy(message.TagTestReqID)
	case message.Heartbeat:
		return false
	case message.Logout:
		b.Reset(message.Logout)
		over = true
	case message.NewOrderSingle:
		e.report()
	default:
		return true
	}
	e.head.Seq, e.head.SendingNs = e.next, time.Now().UnixNano()
	e.next++
	e.out = message.AppendMessage(e.out, &e.head, b)
	return over
}

// report makes the report of an order that entered, with the fields that a venue's has.
func (e *echo) report() {
	b := e.body.Reset(message.ExecutionReport)
	e.exec = strconv.AppendUint(e.exec[:0], e.next, 10)
	b.Bytes(message.TagOrderID, e.exec)
	e.copy(message.TagClOrdID)
	b.Bytes(message.TagExecID, e.exec).Char(message.TagExecType, '0').Char(message.TagOrdStatus, '0')
	for _, tag := range [...]int{message.TagAccount, message.TagSymbol, message.TagSide, message.TagOrderQty, message.TagOrdType, message.TagPrice, message.TagTimeInForce} {
		e.copy(tag)
	}
	left, _ := e.m.Get(message.TagOrderQty)
	b.Bytes(message.TagLeavesQty, left).Char(message.TagCumQty, '0').Char(message.TagAvgPx, '0').Time(message.TagTransactTime, time.Now().UnixNano())
}

// copy takes a field over from the message at hand.
func (e *echo) copy(tag int) {
	if v, ok := e.m.Get(tag); ok {
		e.body.Bytes(tag, v)
	}
}
