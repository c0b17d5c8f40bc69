package http

import (
	"errors"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/decimal"
	"uncross/gateway/view"
)

// operation is one parsed request about an order: the command, and what the gateway needs to word its answer.
type operation struct {
	command    wire.Command
	instrument view.Instrument // not of a cancel
	clientID   wire.Text
	symbol     string
}

// createOrder handles POST /v1/orders.
func createOrder(q *request) (any, *Error) {
	return q.single(func(f *fields) (*operation, *Error) { return q.parseNew(f) })
}

// replaceOrder handles PUT /v1/orders/{order_id}.
func replaceOrder(q *request) (any, *Error) {
	return q.single(func(f *fields) (*operation, *Error) { return q.parseReplace(f, targetOrder) })
}

// replaceByClientID handles PUT /v1/orders/by-client-id/{client_order_id}.
func replaceByClientID(q *request) (any, *Error) {
	return q.single(func(f *fields) (*operation, *Error) { return q.parseReplace(f, targetClientID) })
}

// cancelOrder handles DELETE /v1/orders/{order_id}.
func cancelOrder(q *request) (any, *Error) {
	op, err := q.parseCancel(&q.fields, targetOrder)
	return q.run(op, err)
}

// cancelByClientID handles DELETE /v1/orders/by-client-id/{client_order_id}.
func cancelByClientID(q *request) (any, *Error) {
	op, err := q.parseCancel(&q.fields, targetClientID)
	return q.run(op, err)
}

// single parses a body of one operation and runs it. Such routes take no query.
func (q *request) single(parse func(*fields) (*operation, *Error)) (any, *Error) {
	if err := q.fields.done(); err != nil {
		return nil, err
	}
	f, err := q.body()
	if err != nil {
		return nil, err
	}
	op, err := parse(f)
	return q.run(op, err)
}

// run submits an operation and words its answer.
func (q *request) run(op *operation, err *Error) (any, *Error) {
	if err != nil {
		return nil, err
	}
	p, err := q.command(&op.command)
	if err != nil {
		return nil, err
	}
	return q.orderAnswer(p), nil
}

// target says where a request names its order.
type target uint8

const (
	targetOrder    target = iota // in the path, by the venue's id
	targetClientID               // in the path, by its client id
	targetFields                 // in fields order_id or orig_client_order_id
)

// parseNew reads a new order.
func (q *request) parseNew(f *fields) (*operation, *Error) {
	account := f.text("account")
	symbol := f.text("symbol")
	side := choice(f, "side", wire.InvalidSide, wire.Buy, wire.Sell)
	kind := choice(f, "type", wire.InvalidOrderType, wire.Limit, wire.Market)
	tif := wire.GTC
	if kind == wire.Market {
		tif = wire.IOC
	}
	if f.optional("time_in_force") != "" {
		tif = choice(f, "time_in_force", wire.InvalidTimeInForce, wire.GTC, wire.IOC, wire.FOK)
	}
	var flags wire.OrderFlags
	if f.flag("post_only") {
		flags |= wire.PostOnly
	}
	price, quantity, funds := f.optional("price"), f.optional("quantity"), f.optional("funds")
	clientID := f.name("client_order_id", wire.InvalidClientID, true)
	sent := f.nanos("sent_at_ns")
	if kind == wire.Limit && price == "" {
		f.keep(refuseField(MissingField, "price", ""))
	}
	if quantity == "" && funds == "" {
		f.keep(refuseField(MissingField, "quantity", ""))
	}
	if err := f.done(); err != nil {
		return nil, err
	}
	a, err := q.ownAccount(account)
	if err != nil {
		return nil, err
	}
	in, err := q.instrument(symbol)
	if err != nil {
		return nil, err
	}
	body := wire.NewOrder{Account: a.ID, Instrument: in.ID, Side: side, Type: kind, TIF: tif, Flags: flags, ClientID: clientID}
	if body.Price, err = parsePrice(&in, "price", price); err != nil {
		return nil, err
	}
	if body.Qty, err = parseQty(&in, "quantity", quantity); err != nil {
		return nil, err
	}
	if body.Funds, err = parseAmount("funds", funds, in.QuoteDecimals, false); err != nil {
		return nil, err
	}
	op := &operation{instrument: in, clientID: clientID, symbol: symbol}
	body.Put(&op.command)
	op.command.SentNs = sent
	return op, nil
}

// parseCancel reads a cancel.
func (q *request) parseCancel(f *fields, where target) (*operation, *Error) {
	account := f.text("account")
	ref := q.target(f, where)
	clientID := f.name("client_order_id", wire.InvalidClientID, false)
	sent := f.nanos("sent_at_ns")
	if err := f.done(); err != nil {
		return nil, err
	}
	a, err := q.ownAccount(account)
	if err != nil {
		return nil, err
	}
	op := &operation{clientID: clientID}
	body := wire.CancelOrder{Account: a.ID, Target: ref, ClientID: clientID}
	body.Put(&op.command)
	op.command.SentNs = sent
	return op, nil
}

// parseReplace reads a replace. It names the instrument, since price and quantity mean nothing without it; the engine
// knows an order of another instrument not.
func (q *request) parseReplace(f *fields, where target) (*operation, *Error) {
	account := f.text("account")
	symbol := f.text("symbol")
	ref := q.target(f, where)
	price, quantity := f.text("price"), f.text("quantity")
	clientID := f.name("client_order_id", wire.InvalidClientID, true)
	sent := f.nanos("sent_at_ns")
	if err := f.done(); err != nil {
		return nil, err
	}
	a, err := q.ownAccount(account)
	if err != nil {
		return nil, err
	}
	in, err := q.instrument(symbol)
	if err != nil {
		return nil, err
	}
	ref.Instrument = in.ID
	body := wire.ReplaceOrder{Account: a.ID, Target: ref, ClientID: clientID}
	if body.Price, err = parsePrice(&in, "price", price); err != nil {
		return nil, err
	}
	if body.Qty, err = parseQty(&in, "quantity", quantity); err != nil {
		return nil, err
	}
	op := &operation{instrument: in, clientID: clientID, symbol: symbol}
	body.Put(&op.command)
	op.command.SentNs = sent
	return op, nil
}

// target reads which order is meant.
func (q *request) target(f *fields, where target) (ref wire.OrderRef) {
	var number, text string
	name := "client_order_id in the path"
	switch where {
	case targetOrder:
		number = q.params[0]
	case targetClientID:
		text = q.params[0]
	case targetFields:
		number, text = f.optional("order_id"), f.optional("orig_client_order_id")
		name = "orig_client_order_id"
		if (number == "") == (text == "") {
			f.keep(refuseField(MissingField, "order_id", "one of order_id and orig_client_order_id is needed"))
		}
	}
	if number != "" {
		n, err := parseNumber(number)
		if err != nil || n == 0 {
			f.keep(refuseField(InvalidValue, "order_id", "a whole number above 0 in digits is needed"))
		}
		ref.Order = wire.OrderID(n)
		return ref
	}
	t, ok := wire.ParseText(text)
	if !ok {
		f.keep(refuseField(wire.InvalidClientID, name, ""))
	}
	ref.ClientID = t
	return ref
}

// cancelAll handles DELETE /v1/orders.
func cancelAll(q *request) (any, *Error) {
	f := &q.fields
	account, symbol := f.text("account"), f.optional("symbol")
	if err := f.done(); err != nil {
		return nil, err
	}
	a, err := q.ownAccount(account)
	if err != nil {
		return nil, err
	}
	body := wire.CancelAll{Account: a.ID}
	if symbol != "" {
		in, err := q.instrument(symbol)
		if err != nil {
			return nil, err
		}
		body.Instrument = in.ID
	}
	var c wire.Command
	body.Put(&c)
	return q.massCancel(&c)
}

// massCancel runs a command that is answered by MassCanceled.
func (q *request) massCancel(c *wire.Command) (any, *Error) {
	p, err := q.command(c)
	if err != nil {
		return nil, err
	}
	var m wire.MassCanceled
	if e := p.find(wire.EvMassCanceled); e != nil {
		m.GetEvent(e)
	}
	return massCancelAnswer{Command: id(p.events[0].Seq), Time: stamp(p.events[0].TimeNs), Canceled: m.Count}, nil
}

// ownAccount returns the account of that name when it belongs to the session's user.
func (q *request) ownAccount(name string) (wire.Account, *Error) {
	a, err := q.account(name)
	if err == nil && a.User != q.key.User {
		return a, refuseField(wire.NotYourAccount, "account", "")
	}
	return a, err
}

// account returns the account of that name.
func (q *request) account(name string) (wire.Account, *Error) {
	a, ok := q.s.view.AccountByName(name)
	if !ok {
		q.catchUp()
		a, ok = q.s.view.AccountByName(name)
	}
	if !ok {
		return a, refuseField(wire.UnknownAccount, "account", "")
	}
	return a, nil
}

// instrument returns the instrument of that symbol.
func (q *request) instrument(symbol string) (view.Instrument, *Error) {
	in, ok := q.s.view.InstrumentBySymbol(symbol)
	if !ok {
		q.catchUp()
		in, ok = q.s.view.InstrumentBySymbol(symbol)
	}
	if !ok {
		return in, refuseField(wire.UnknownInstrument, "symbol", "")
	}
	return in, nil
}

// parsePrice reads a price; an empty one is 0.
func parsePrice(in *view.Instrument, field, s string) (wire.Price, *Error) {
	if s == "" {
		return 0, nil
	}
	p, err := in.ParsePrice(s)
	if err != nil {
		return 0, decimalError(err, field, s, "the tick is "+in.Tick())
	}
	return p, nil
}

// parseQty reads a quantity; an empty one is 0.
func parseQty(in *view.Instrument, field, s string) (wire.Qty, *Error) {
	if s == "" {
		return 0, nil
	}
	n, err := in.ParseQty(s)
	if err != nil {
		return 0, decimalError(err, field, s, "the lot is "+in.Lot())
	}
	return n, nil
}

// parseAmount reads an amount; an empty one is zero, and a written zero is refused unless it may be.
func parseAmount(field, s string, decimals uint8, zero bool) (wire.Amount, *Error) {
	if s == "" {
		return wire.Amount{}, nil
	}
	a, err := decimal.ParseAmount(s, decimals)
	if err == nil && a.IsZero() && !zero {
		err = decimal.ErrNotPositive
	}
	if err != nil {
		return a, decimalError(err, field, s, "")
	}
	return a, nil
}

// decimalError returns the refusal for an error of package decimal about the text s.
func decimalError(err error, field, s, unit string) *Error {
	if s[0] == '-' {
		return refuseField(NotPositive, field, "")
	}
	switch {
	case errors.Is(err, decimal.ErrNotPositive):
		return refuseField(NotPositive, field, "")
	case errors.Is(err, decimal.ErrOffTick):
		return refuseField(PriceOffTick, field, unit)
	case errors.Is(err, decimal.ErrOffLot):
		return refuseField(QuantityOffLot, field, unit)
	case errors.Is(err, decimal.ErrPrecision), errors.Is(err, decimal.ErrDecimals):
		return refuseField(TooManyDecimals, field, "")
	case errors.Is(err, decimal.ErrRange):
		return refuseField(NumberTooLarge, field, "")
	}
	return refuseField(NotADecimal, field, "")
}

// batch handles POST /v1/orders/batch: operations that enter in their order.
func batch(q *request) (any, *Error) {
	if err := q.fields.done(); err != nil {
		return nil, err
	}
	f, err := q.body()
	if err != nil {
		return nil, err
	}
	list := f.find("operations")
	if err := f.done(); err != nil {
		return nil, err
	}
	switch {
	case list == nil:
		return nil, refuseField(MissingField, "operations", "")
	case list.kind != jsonArray:
		return nil, refuseField(WrongType, "operations", "a list is needed, this is "+list.kind.String())
	case len(list.items) == 0 || len(list.items) > q.s.limits.Batch:
		return nil, refuseField(BatchTooLarge, "operations", "1 to "+itoa(q.s.limits.Batch)+" operations")
	}
	b := batchRun{q: q, results: make([]batchResult, len(list.items)), replies: make([]*reply, len(list.items))}
	if !q.s.rates.take(q.session.ID(), q.now, len(list.items)-1) {
		return nil, refuse(TooManyRequests, "")
	}
	if err := q.admit(len(list.items), false); err != nil {
		return nil, err
	}
	defer q.release(len(list.items))
	b.submit(list.items)
	b.collect()
	return batchAnswer{Results: b.results}, nil
}

// batchRun is a batch on its way.
type batchRun struct {
	q       *request
	results []batchResult
	replies []*reply
}

// submit parses and submits the operations one by one. One that is malformed is refused by itself. When the core does
// not take one, nothing after it is submitted, so that the order of what is applied is that of the list.
func (b *batchRun) submit(items []jsonValue) {
	var stopped *Error
	for i := range items {
		op, err := b.parse(&items[i])
		if err == nil {
			err = stopped
		}
		if err == nil {
			if b.replies[i], err = b.q.submit(&op.command); err != nil {
				stopped = refuse(err.Reason, "an operation before this one was not taken, so this one was not applied")
				stopped.Leader = err.Leader
			}
		}
		if err != nil {
			b.results[i] = failed(err)
		}
	}
}

// parse reads one operation.
func (b *batchRun) parse(item *jsonValue) (*operation, *Error) {
	if item.kind != jsonObject {
		return nil, refuseField(WrongType, "operations", "an operation is an object, this is "+item.kind.String())
	}
	f := &fields{object: item}
	switch op := f.text("op"); op {
	case "new":
		return b.q.parseNew(f)
	case "cancel":
		return b.q.parseCancel(f, targetFields)
	case "replace":
		return b.q.parseReplace(f, targetFields)
	case "":
		return nil, f.err
	}
	return nil, refuseField(InvalidValue, "op", "one of new, cancel, replace is needed")
}

// collect waits for the answers.
func (b *batchRun) collect() {
	timer := time.NewTimer(b.q.s.limits.Answer)
	defer timer.Stop()
	for i, p := range b.replies {
		if p == nil {
			continue
		}
		if b.q.s.replies.wait(p, timer.C) {
			timer.Reset(0) // the time is over for those that follow as well
		}
		if err := b.q.refusal(p); err != nil {
			b.results[i] = failed(err)
			continue
		}
		a := b.q.orderAnswer(p)
		b.results[i] = batchResult{Status: 200, Order: &a}
	}
}

func failed(err *Error) batchResult {
	e := err.body()
	return batchResult{Status: err.Status(), Error: &e}
}
