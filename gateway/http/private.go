package http

import (
	"errors"
	"strconv"
	"strings"

	"uncross/engine/wire"
	"uncross/gateway/history"
	"uncross/gateway/view"
)

// This file has the reads that need a session. Open orders and balances come from the view, everything that lies in the
// past from the history.

// readable returns the account of that name when the session may read it. others says which roles may read accounts
// that are not their user's own.
func (q *request) readable(name string, others access) (wire.Account, *Error) {
	a, err := q.account(name)
	if err == nil && !q.mayRead(&a, others) {
		return a, refuseField(wire.NotYourAccount, "account", "")
	}
	return a, err
}

func (q *request) mayRead(a *wire.Account, others access) bool {
	return a.User == q.key.User || others&(1<<q.key.Role) != 0
}

// orderState is an order as it stands, open or ended.
type orderState struct {
	OrderID       string `json:"order_id"`
	ClientOrderID string `json:"client_order_id,omitempty"`
	Account       string `json:"account"`
	Symbol        string `json:"symbol"`
	Side          string `json:"side"`
	Type          string `json:"type"`
	TimeInForce   string `json:"time_in_force"`
	PostOnly      bool   `json:"post_only,omitempty"`
	Price         string `json:"price,omitempty"`
	Quantity      string `json:"quantity"`
	Funds         string `json:"funds,omitempty"`
	Status        string `json:"status"`
	CancelReason  string `json:"cancel_reason,omitempty"`
	Filled        string `json:"filled"`
	Remaining     string `json:"remaining"`
	Notional      string `json:"notional"`
	AveragePrice  string `json:"average_price,omitempty"`
	Held          string `json:"held,omitempty"` // open: quote asset for a buy, base asset for a sell
	Entered       string `json:"entered"`
	Updated       string `json:"updated"`
	Lost          bool   `json:"lost,omitempty"` // this node's history has a gap: how the order ended is not known here
}

func (q *request) openOrder(o *view.Order) orderState {
	in, _ := q.s.view.Instrument(o.Instrument)
	held := o.Side == wire.Buy
	s := orderState{
		OrderID: id(o.ID), ClientOrderID: o.ClientID.String(), Account: q.accountName(o.Account), Symbol: in.Symbol.String(),
		Side: o.Side.String(), Type: o.Type.String(), TimeInForce: o.TIF.String(), PostOnly: o.Flags&wire.PostOnly != 0,
		Price: price(&in, o.Price), Quantity: in.Qty(o.Qty), Status: o.Status.String(), Filled: in.Qty(o.Filled),
		Remaining: in.Qty(o.Left), Notional: quote(&in, o.Notional), AveragePrice: average(&in, o.Notional, o.Filled),
		Entered: stamp(o.EnteredNs), Updated: stamp(o.UpdatedNs),
	}
	if held {
		s.Held = quote(&in, o.Held)
	} else {
		s.Held = string(in.AppendBase(nil, o.Held))
	}
	return s
}

func (q *request) pastOrder(o *history.Order) orderState {
	in, _ := q.s.view.Instrument(o.Instrument)
	s := orderState{
		OrderID: id(o.ID), ClientOrderID: o.ClientID.String(), Account: q.accountName(o.Account), Symbol: in.Symbol.String(),
		Side: o.Side.String(), Type: o.Type.String(), TimeInForce: o.TIF.String(), PostOnly: o.Flags&wire.PostOnly != 0,
		Price: price(&in, o.Price), Quantity: in.Qty(o.Qty), Status: o.Status.String(), Filled: in.Qty(o.Filled),
		Remaining: in.Qty(0), Notional: quote(&in, o.Notional), AveragePrice: average(&in, o.Notional, o.Filled),
		Entered: stamp(o.EnteredNs), Updated: stamp(o.UpdatedNs), Lost: o.Lost,
	}
	if !o.Funds.IsZero() {
		s.Funds = quote(&in, o.Funds)
	}
	if o.Status.Open() {
		s.Remaining = in.Qty(o.Left)
	}
	if o.Status == wire.StatusCanceled {
		s.CancelReason = o.CancelReason.String()
	}
	return s
}

// showOrder handles GET /v1/orders/{order_id}. An order of somebody else is answered like one that does not exist.
func showOrder(q *request) (any, *Error) {
	if err := q.fields.done(); err != nil {
		return nil, err
	}
	n, err := parseNumber(q.params[0])
	if err != nil || n == 0 {
		return nil, refuseField(InvalidValue, "order_id", "a whole number above 0 in digits is needed")
	}
	q.catchUp()
	if o, ok := q.s.view.Order(wire.OrderID(n)); ok {
		if !q.mayReadID(o.Account) {
			return nil, refuse(wire.UnknownOrder, "")
		}
		return q.openOrder(&o), nil
	}
	q.catchUpHistory()
	o, ok, e := q.s.history.Order(wire.OrderID(n))
	return q.foundOrder(&o, ok, e)
}

// showOrderByClientID handles GET /v1/orders/by-client-id/{client_order_id}.
func showOrderByClientID(q *request) (any, *Error) {
	account := q.fields.text("account")
	ref := q.target(&q.fields, targetClientID)
	if err := q.fields.done(); err != nil {
		return nil, err
	}
	a, err := q.readable(account, forOps)
	if err != nil {
		return nil, err
	}
	q.catchUp()
	if o, ok := q.s.view.OrderByClientID(a.ID, ref.ClientID); ok {
		return q.openOrder(&o), nil
	}
	q.catchUpHistory()
	o, ok, e := q.s.history.OrderByClientID(a.ID, ref.ClientID)
	return q.foundOrder(&o, ok, e)
}

// foundOrder answers with an order that the history may have found.
func (q *request) foundOrder(o *history.Order, ok bool, err error) (any, *Error) {
	if err != nil {
		return nil, q.historyError(err)
	}
	if !ok || !q.mayReadID(o.Account) {
		return nil, refuse(wire.UnknownOrder, "")
	}
	return q.pastOrder(o), nil
}

func (q *request) mayReadID(n wire.AccountID) bool {
	a, ok := q.s.view.Account(n)
	return ok && q.mayRead(&a, forOps)
}

// historyError returns the refusal for an error of package history. What no client can cause is logged, with what was read.
func (q *request) historyError(err error, what ...any) *Error {
	switch {
	case errors.Is(err, history.ErrCursor):
		return refuseField(InvalidCursor, "cursor", "")
	case errors.Is(err, history.ErrLimit):
		return refuseField(InvalidValue, "limit", "")
	case errors.Is(err, history.ErrClosed):
		return refuse(ShuttingDown, "")
	case errors.Is(err, history.ErrPeriod):
		return refuseField(InvalidValue, "to_ns", endsTooSoon)
	case errors.Is(err, history.ErrTrimmed):
		return refuse(HistoryTrimmed, "it is kept from_ns="+id(uint64(q.s.history.Kept().FromNs))+" on")
	}
	q.s.log.Error("the history cannot be read", append(what, "error", err)...)
	return refuse(Internal, "the history cannot be read")
}

// listOpenOrders handles GET /v1/orders: in order of entry. The cursor is the id of the last order seen.
func listOpenOrders(q *request) (any, *Error) {
	f := &q.fields
	account, symbol := f.text("account"), f.optional("symbol")
	limit := f.count("limit", q.s.limits.Page, q.s.limits.PageDefault)
	after, err := q.cursor()
	if err != nil {
		return nil, err
	}
	if err := f.done(); err != nil {
		return nil, err
	}
	a, err := q.readable(account, forOps)
	if err != nil {
		return nil, err
	}
	only, err := q.instrumentID(symbol)
	if err != nil {
		return nil, err
	}
	q.catchUp()
	out := list[orderState]{Items: []orderState{}, AsOf: id(q.s.view.Applied())}
	orders, more := q.s.view.OpenOrders(a.ID, only, wire.OrderID(after), limit)
	out.More = more
	for i := range orders {
		out.Items = append(out.Items, q.openOrder(&orders[i]))
		out.Next = id(orders[i].ID)
	}
	return out, nil
}

// instrumentID returns the id of an instrument, 0 for no symbol.
func (q *request) instrumentID(symbol string) (wire.InstrumentID, *Error) {
	if symbol == "" {
		return 0, nil
	}
	in, err := q.instrument(symbol)
	return in.ID, err
}

// listAccounts handles GET /v1/accounts: the session's user's own.
func listAccounts(q *request) (any, *Error) {
	return byCursor(q, func() []wire.Account { return q.s.view.AccountsOf(q.key.User) }, accountNumber, q.accountText)
}

type balanceAnswer struct {
	Asset     string `json:"asset"`
	Available string `json:"available"`
	Held      string `json:"held"`
	Total     string `json:"total"`
}

// listBalances handles GET /v1/balances.
func listBalances(q *request) (any, *Error) {
	account := q.fields.text("account")
	if err := q.fields.done(); err != nil {
		return nil, err
	}
	a, err := q.readable(account, forOps|forCustody)
	if err != nil {
		return nil, err
	}
	q.catchUp()
	asOf := q.s.view.Applied()
	var all []balanceAnswer
	for _, b := range q.s.view.Balances(a.ID) {
		of, _ := q.s.view.Asset(b.Asset)
		all = append(all, balanceAnswer{of.Code.String(), assetAmount(b.Available, of), assetAmount(b.Held, of),
			assetAmount(b.Available.MustAdd(b.Held), of)})
	}
	return page(all, asOf), nil
}

// past reads the parameters that all lists of the history share.
func (q *request) past(account string, others access) (a wire.Account, h history.Query, err *Error) {
	f := &q.fields
	symbol := f.optional("symbol")
	h = q.pastQuery()
	if err := f.done(); err != nil {
		return a, h, err
	}
	if a, err = q.readable(account, others); err != nil {
		return a, h, err
	}
	if h.Instrument, err = q.instrumentID(symbol); err != nil {
		return a, h, err
	}
	q.catchUpHistory()
	return a, h, nil
}

// pastQuery reads what every list of the history takes.
func (q *request) pastQuery() (h history.Query) {
	f := &q.fields
	h.Cursor = f.optional("cursor")
	h.Limit = f.count("limit", q.s.limits.Page, q.s.limits.PageDefault)
	switch f.optional("sort") {
	case "", "newest":
	case "oldest":
		h.Oldest = true
	default:
		f.keep(refuseField(InvalidValue, "sort", "one of newest, oldest is needed"))
	}
	h.FromNs, h.ToNs = f.period()
	return h
}

// pastList is a list from the history, which says how far back that goes.
type pastList[T any] struct {
	list[T]
	reach
}

// reach says how far back a list goes, so that an empty past is not taken for one in which nothing happened.
type reach struct {
	CompleteFrom string `json:"complete_from"`        // command from which on this node's history has no gap
	KeptFrom     string `json:"kept_from"`            // command from which on it is kept
	KeptSince    string `json:"kept_since,omitempty"` // time from which on it is kept; absent: nothing has been trimmed
}

// reaches returns how far back goes what has just been read. Ask behind the reading: what was trimmed meanwhile is told.
func (q *request) reaches() reach {
	kept := q.s.history.Kept()
	r := reach{CompleteFrom: id(q.s.history.CompleteFrom()), KeptFrom: id(kept.From)}
	if kept.FromNs != 0 {
		r.KeptSince = stamp(kept.FromNs)
	}
	return r
}

// pastPage words a page of the history.
func pastPage[T, A any](q *request, asOf uint64, p history.Page[T], err error, word func(*T) A) (any, *Error) {
	if err != nil {
		return nil, q.historyError(err)
	}
	out := pastList[A]{list[A]{Items: []A{}, More: p.More, Next: p.Next, AsOf: id(asOf)}, q.reaches()}
	for i := range p.Items {
		out.Items = append(out.Items, word(&p.Items[i]))
	}
	return out, nil
}

// listOrderHistory handles GET /v1/order-history: all orders of an account, open and ended.
func listOrderHistory(q *request) (any, *Error) {
	a, h, err := q.past(q.fields.text("account"), forOps)
	if err != nil {
		return nil, err
	}
	asOf := q.s.history.Position()
	p, e := q.s.history.Orders(a.ID, h)
	return pastPage(q, asOf, p, e, q.pastOrder)
}

type fillState struct {
	fillAnswer
	OrderID       string `json:"order_id"`
	ClientOrderID string `json:"client_order_id,omitempty"`
	Account       string `json:"account"`
	Symbol        string `json:"symbol"`
	Side          string `json:"side"`
	Command       string `json:"command"`
	Time          string `json:"time"`
}

// listFills handles GET /v1/fills.
func listFills(q *request) (any, *Error) {
	order := q.fields.number("order_id")
	a, h, err := q.past(q.fields.text("account"), forOps)
	if err != nil {
		return nil, err
	}
	h.Order = wire.OrderID(order)
	asOf := q.s.history.Position()
	p, e := q.s.history.Fills(a.ID, h)
	return pastPage(q, asOf, p, e, func(f *history.Fill) fillState {
		in, _ := q.s.view.Instrument(f.Instrument)
		return fillState{
			fillAnswer: fillAnswer{TradeID: id(f.Trade), Price: in.Price(f.Price), Quantity: in.Qty(f.Qty),
				Notional: quote(&in, f.Notional), Fee: quote(&in, f.Fee), Liquidity: f.Liquidity.String()},
			OrderID: id(f.Order), ClientOrderID: f.ClientID.String(), Account: a.Name.String(),
			Symbol: in.Symbol.String(), Side: f.Side.String(), Command: id(f.Seq), Time: stamp(f.TimeNs),
		}
	})
}

type entryAnswer struct {
	Number    string `json:"number"` // of the account's entries, from 1 without gaps
	Kind      string `json:"kind"`
	Asset     string `json:"asset"`
	Change    string `json:"change"` // signed
	Total     string `json:"total"`  // after it, held amounts included
	Symbol    string `json:"symbol,omitempty"`
	TradeID   string `json:"trade_id,omitempty"`
	OrderID   string `json:"order_id,omitempty"`
	Reference string `json:"reference,omitempty"`
	Command   string `json:"command"`
	Time      string `json:"time"`
}

// listLedger handles GET /v1/ledger: every change of what an account owns.
func listLedger(q *request) (any, *Error) {
	order := q.fields.number("order_id")
	a, h, err := q.past(q.fields.text("account"), forOps|forCustody)
	if err != nil {
		return nil, err
	}
	h.Order = wire.OrderID(order)
	asOf := q.s.history.Position()
	p, e := q.s.history.Ledger(a.ID, h)
	return pastPage(q, asOf, p, e, q.entryText)
}

func (q *request) entryText(e *history.Entry) entryAnswer {
	of, _ := q.s.view.Asset(e.Asset)
	a := entryAnswer{
		Number: id(e.Number), Kind: e.Kind.String(), Asset: of.Code.String(), Change: assetAmount(e.Amount, of),
		Total: assetAmount(e.Total, of), Reference: e.Reference.String(), Command: id(e.Seq), Time: stamp(e.TimeNs),
	}
	if e.Negative {
		a.Change = "-" + a.Change
	}
	if e.Instrument != 0 {
		in, _ := q.s.view.Instrument(e.Instrument)
		a.Symbol = in.Symbol.String()
	}
	if e.Trade != 0 {
		a.TradeID = id(e.Trade)
	}
	if e.Order != 0 {
		a.OrderID = id(e.Order)
	}
	return a
}

type venueTrade struct {
	TradeID     string `json:"trade_id"`
	Command     string `json:"command"`
	Ordinal     string `json:"ordinal"` // of the event in its command
	Time        string `json:"time"`
	Symbol      string `json:"symbol"`
	Price       string `json:"price"`
	Quantity    string `json:"quantity"`
	Notional    string `json:"notional"`
	Taker       string `json:"taker_side"`
	BuyOrderID  string `json:"buy_order_id"`
	SellOrderID string `json:"sell_order_id"`
	BuyAccount  string `json:"buy_account"`
	SellAccount string `json:"sell_account"`
	BuyFee      string `json:"buy_fee"`
	SellFee     string `json:"sell_fee"`
}

// listVenueTrades handles GET /v1/admin/trades: every trade of the venue in its order, for reconciliation. The cursor is
// the id of the last event seen, command.ordinal. A page for which the history would have to look at too much ends early.
func listVenueTrades(q *request) (any, *Error) {
	limit := q.fields.count("limit", q.s.limits.Page, q.s.limits.PageDefault)
	symbol := q.fields.optional("symbol")
	after, err := parseEventID(q.fields.optional("cursor"))
	if err != nil {
		return nil, err
	}
	if err := q.fields.done(); err != nil {
		return nil, err
	}
	only, err := q.instrumentID(symbol)
	if err != nil {
		return nil, err
	}
	q.catchUpHistory()
	asOf := q.s.history.Position()
	trades, last, more, e := q.s.history.VenueTrades(after, only, limit)
	if e != nil {
		return nil, q.historyError(e)
	}
	out := pastList[venueTrade]{list[venueTrade]{Items: []venueTrade{}, More: more, AsOf: id(asOf)}, q.reaches()}
	if last != (history.EventID{}) {
		out.Next = eventText(last)
	}
	for i := range trades {
		out.Items = append(out.Items, q.venueTrade(&trades[i]))
	}
	return out, nil
}

func (q *request) venueTrade(t *history.Trade) venueTrade {
	in, _ := q.s.view.Instrument(t.Instrument)
	return venueTrade{
		TradeID: id(t.Trade.Trade), Command: id(t.Seq), Ordinal: id(t.Ord), Time: stamp(t.TimeNs), Symbol: in.Symbol.String(),
		Price: in.Price(t.Price), Quantity: in.Qty(t.Qty), Notional: quote(&in, t.Notional), Taker: takerText(t.Taker),
		BuyOrderID: id(t.BuyOrder), SellOrderID: id(t.SellOrder),
		BuyAccount: q.accountName(t.BuyAccount), SellAccount: q.accountName(t.SellAccount),
		BuyFee: quote(&in, t.BuyFee), SellFee: quote(&in, t.SellFee),
	}
}

// eventText names an event: its command and its number in it.
func eventText(at history.EventID) string { return id(at.Seq) + "." + id(at.Ord) }

// parseEventID reads a cursor of the form command.ordinal; an empty one is before everything.
func parseEventID(s string) (at history.EventID, err *Error) {
	if s == "" {
		return at, nil
	}
	a, b, _ := strings.Cut(s, ".")
	seq, e1 := parseNumber(a)
	ord, e2 := strconv.ParseUint(b, 10, 32)
	if e1 != nil || e2 != nil {
		return at, refuseField(InvalidCursor, "cursor", "")
	}
	return history.EventID{Seq: seq, Ord: uint32(ord)}, nil
}
