package traders

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/fix/initiator"
	"uncross/gateway/fix/message"
)

// FIX is a trader's session.
type FIX struct {
	Address   string   // host:port
	Addresses []string // of further nodes of the venue
	CompID    string
	Target    string // the venue's CompID
	Password  string
}

// fixDesk sends a turn as messages of a FIX session.
type fixDesk struct {
	session  *initiator.Initiator
	account  string
	names    names
	body     *message.Body
	rejected atomic.Int64 // reports of refusals so far; counted by the session's goroutine
}

// execRejected is the ExecType of a refused order.
const execRejected = "8"

// openFIX logs on. Both numbers start again, as nothing of an earlier run is asked for.
func openFIX(ctx context.Context, f FIX, account string, n names) (*fixDesk, error) {
	d := &fixDesk{account: account, names: n, body: message.NewBody(message.NewOrderSingle)}
	var err error
	d.session, err = initiator.Open(initiator.Config{
		Address: f.Address, Addresses: f.Addresses, Sender: f.CompID, Target: f.Target, Password: f.Password, ResetEvery: true, OnMessage: d.take,
		Limits: initiator.Limits{Retain: 1000},
	})
	if err != nil {
		return nil, err
	}
	if err := d.session.WaitLogon(ctx); err != nil {
		d.Close()
		return nil, fmt.Errorf("traders: %s logs on by FIX at %s: %w", f.CompID, f.Address, err)
	}
	return d, nil
}

// take is called by the session's goroutine.
func (d *fixDesk) take(m *message.Message, _ bool) {
	switch m.Type() {
	case message.OrderCancelReject, message.BusinessMessageReject, message.Reject:
		d.rejected.Add(1)
	case message.ExecutionReport:
		if m.String(message.TagExecType) == execRejected {
			d.rejected.Add(1)
		}
	}
}

// Do implements Desk. A test request behind the orders is answered behind their reports.
func (d *fixDesk) Do(ctx context.Context, in *Instrument, actions []Action) (refused int, err error) {
	before := d.rejected.Load()
	for i := range actions {
		if _, err := d.session.Send(d.message(in, &actions[i])); err != nil {
			return 0, err
		}
	}
	err = d.session.RoundTrip(ctx)
	return int(d.rejected.Load() - before), err
}

// message is an action as a FIX message.
func (d *fixDesk) message(in *Instrument, a *Action) *message.Body {
	b, now := d.body, time.Now().UnixNano()
	side := byte('1')
	if a.Side == wire.Sell {
		side = '2'
	}
	msgType := message.NewOrderSingle
	switch a.Verb {
	case Cancel:
		msgType = message.OrderCancelRequest
	case Replace:
		msgType = message.OrderCancelReplaceRequest
	}
	b.Reset(msgType)
	if a.Verb != Enter {
		b.Str(message.TagOrigClOrdID, a.Order.ClientID).Str(message.TagOrderID, a.Order.ID)
	}
	b.Str(message.TagClOrdID, d.names.next()).Str(message.TagAccount, d.account).Str(message.TagSymbol, in.Symbol).Char(message.TagSide, side)
	b.Time(message.TagTransactTime, now)
	if a.Verb == Cancel {
		return b.Str(message.TagOrderQty, in.Qty(a.Order.Qty))
	}
	b.Str(message.TagOrderQty, in.Qty(a.Qty))
	if a.Price == 0 {
		b.Char(message.TagOrdType, '1')
	} else {
		b.Char(message.TagOrdType, '2').Str(message.TagPrice, in.Price(a.Price))
	}
	switch {
	case a.Verb == Replace:
	case a.TIF == wire.IOC:
		b.Char(message.TagTimeInForce, '3')
	default:
		b.Char(message.TagTimeInForce, '1')
	}
	if a.Verb == Enter && a.PostOnly {
		b.Char(message.TagExecInst, '6')
	}
	return b
}

// closePatience bounds a logout.
const closePatience = 2 * time.Second

// Close implements Desk.
func (d *fixDesk) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), closePatience)
	defer cancel()
	_ = d.session.Close(ctx) // the session has ended in any case
}
