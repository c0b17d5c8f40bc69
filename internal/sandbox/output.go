package sandbox

import (
	"fmt"
	"strconv"

	"uncross/book"
	"uncross/engine/wire"
	"uncross/gateway/decimal"
)

// output is one line of output: an event, or the answer to one of the sandbox's own questions. Decimals, ids and times
// are text. What does not belong to an event is left out.
type output struct {
	Line  int    `json:"line"` // of the input
	Seq   string `json:"seq,omitempty"`
	Ord   string `json:"ord,omitempty"`
	Time  string `json:"time,omitempty"`
	Event string `json:"event"`

	Command  string `json:"command,omitempty"`
	Code     int    `json:"code,omitempty"`
	Reason   string `json:"reason,omitempty"`
	Sentence string `json:"sentence,omitempty"`

	Venue    string `json:"venue,omitempty"`
	Asset    string `json:"asset,omitempty"`
	Decimals string `json:"decimals,omitempty"`
	Symbol   string `json:"symbol,omitempty"`
	Base     string `json:"base,omitempty"`
	Quote    string `json:"quote,omitempty"`
	Tick     string `json:"tick,omitempty"`
	Lot      string `json:"lot,omitempty"`
	MinPrice string `json:"min_price,omitempty"`
	MaxPrice string `json:"max_price,omitempty"`
	MinQty   string `json:"min_qty,omitempty"`
	MaxQty   string `json:"max_qty,omitempty"`
	MinNotl  string `json:"min_notional,omitempty"`
	MakerBps string `json:"maker_bps,omitempty"`
	TakerBps string `json:"taker_bps,omitempty"`
	Phase    string `json:"phase,omitempty"`
	Was      string `json:"was,omitempty"`

	Firm    string `json:"firm,omitempty"`
	User    string `json:"user,omitempty"`
	Key     string `json:"key,omitempty"`
	Role    string `json:"role,omitempty"`
	Revoked bool   `json:"revoked,omitempty"`
	Number  string `json:"number,omitempty"`

	Order       string `json:"order,omitempty"`
	ClientID    string `json:"client_id,omitempty"`
	Account     string `json:"account,omitempty"`
	Side        string `json:"side,omitempty"`
	Type        string `json:"type,omitempty"`
	TIF         string `json:"tif,omitempty"`
	PostOnly    bool   `json:"post_only,omitempty"`
	Status      string `json:"status,omitempty"`
	Price       string `json:"price,omitempty"`
	Qty         string `json:"qty,omitempty"`
	Filled      string `json:"filled,omitempty"`
	Left        string `json:"left,omitempty"`
	Funds       string `json:"funds,omitempty"`
	Volume      string `json:"volume,omitempty"`
	Surplus     string `json:"surplus,omitempty"`
	SurplusSide string `json:"surplus_side,omitempty"`
	KeptPlace   bool   `json:"kept_priority,omitempty"`

	Trade       string `json:"trade,omitempty"`
	Taker       string `json:"taker,omitempty"`
	BuyOrder    string `json:"buy_order,omitempty"`
	SellOrder   string `json:"sell_order,omitempty"`
	BuyAccount  string `json:"buy_account,omitempty"`
	SellAccount string `json:"sell_account,omitempty"`
	BuyLeft     string `json:"buy_left,omitempty"`
	SellLeft    string `json:"sell_left,omitempty"`
	Notional    string `json:"notional,omitempty"`
	BuyFee      string `json:"buy_fee,omitempty"`
	SellFee     string `json:"sell_fee,omitempty"`
	BuyReleased string `json:"buy_released,omitempty"`

	Amount    string `json:"amount,omitempty"`
	Available string `json:"available,omitempty"`
	Held      string `json:"held,omitempty"`
	Released  string `json:"released,omitempty"`
	Reference string `json:"reference,omitempty"`

	Count    string `json:"count,omitempty"`
	Full     string `json:"full,omitempty"`
	Business string `json:"business,omitempty"`

	Bids     []level   `json:"bids,omitempty"`
	Asks     []level   `json:"asks,omitempty"`
	Balances []balance `json:"balances,omitempty"`

	FirstSeq string `json:"first_seq,omitempty"`
	Repeat   bool   `json:"repeat,omitempty"`
	Last     bool   `json:"last,omitempty"`
}

type level struct {
	Price  string `json:"price"`
	Qty    string `json:"qty"`
	Orders int    `json:"orders"`
}

type balance struct {
	Asset     string `json:"asset"`
	Available string `json:"available"`
	Held      string `json:"held"`
}

func number[T ~uint64 | ~uint32 | ~uint16 | ~uint8](n T) string {
	return strconv.FormatUint(uint64(n), 10)
}

func some[T ~uint64](n T) string {
	if n == 0 {
		return ""
	}
	return number(n)
}

func hash(h uint64) string { return fmt.Sprintf("%016x", h) }

// describe turns an event into its output line.
func (s *Sandbox) describe(e *wire.Event) *output {
	o := &output{
		Line: s.line, Seq: number(e.Seq), Ord: number(e.Ord), Time: strconv.FormatInt(e.TimeNs, 10),
		Repeat: e.Flags&wire.FlagRepeat != 0, Last: e.Flags&wire.FlagLast != 0,
	}
	switch e.Kind {
	case wire.EvRejected, wire.EvOrderRejected:
		s.rejected(o, e)
	case wire.EvAccepted:
		var m wire.Accepted
		m.GetEvent(e)
		o.Event, o.Command, o.Number = "accepted", commandName(m.Command), some(m.Number)
	case wire.EvVenue:
		var m wire.Genesis
		m.GetEvent(e)
		o.Event, o.Venue = "venue", m.Venue.String()
	case wire.EvAsset, wire.EvInstrument, wire.EvPhase, wire.EvFirm, wire.EvUser, wire.EvKey, wire.EvAccount:
		s.defined(o, e)
	case wire.EvDeposited, wire.EvWithdrawn:
		var m wire.Transferred
		m.GetEvent(e)
		o.Event = map[wire.EventKind]string{wire.EvDeposited: "deposited", wire.EvWithdrawn: "withdrawn"}[e.Kind]
		a := s.names.assetByID[m.Asset]
		o.Account, o.Asset, o.Reference = s.names.accountByID[m.Account], a.Code.String(), m.Reference.String()
		o.Amount, o.Available, o.Held = units(m.Amount, a), units(m.Available, a), units(m.Held, a)
	case wire.EvTrade:
		s.trade(o, e)
	case wire.EvUncrossed:
		var m wire.Uncrossed
		m.GetEvent(e)
		in := s.names.instrument[m.Instrument]
		o.Event, o.Symbol, o.Volume, o.Surplus = "uncrossed", in.Symbol.String(), in.Qty(m.Volume), in.Qty(m.Surplus)
		if m.Volume > 0 {
			o.Price = in.Price(m.Price)
		}
		if m.SurplusSide.Valid() {
			o.SurplusSide = m.SurplusSide.String()
		}
	case wire.EvMassCanceled:
		var m wire.MassCanceled
		m.GetEvent(e)
		o.Event, o.Account, o.Count = "mass_canceled", s.names.accountByID[m.Account], number(m.Count)
		if in := s.names.instrument[m.Instrument]; in != nil {
			o.Symbol = in.Symbol.String()
		}
	case wire.EvStateHash:
		var m wire.StateHash
		m.GetEvent(e)
		o.Event, o.Full, o.Business = "state_hash", hash(m.Full), hash(m.Business)
	default:
		s.order(o, e)
	}
	return o
}

func (s *Sandbox) rejected(o *output, e *wire.Event) {
	m, _ := e.Refusal()
	o.Event, o.Command, o.Code = "rejected", commandName(m.Command), int(m.Reason)
	o.Reason, o.Sentence = m.Reason.String(), m.Reason.Sentence()
	o.Account, o.Order, o.ClientID = s.names.accountByID[m.Account], some(m.Order), m.ClientID.String()
}

// defined describes the events of reference data.
func (s *Sandbox) defined(o *output, e *wire.Event) {
	switch e.Kind {
	case wire.EvAsset:
		var m wire.Asset
		m.GetEvent(e)
		o.Event, o.Asset, o.Decimals = "asset", m.Code.String(), number(m.Decimals)
	case wire.EvInstrument:
		var m wire.Instrument
		m.GetEvent(e)
		in, l := s.names.instrument[m.ID], &m.Limits
		o.Event, o.Symbol, o.Tick, o.Lot = "instrument", m.Symbol.String(), in.Tick(), in.Lot()
		o.Base, o.Quote = s.names.assetByID[m.Base].Code.String(), s.names.assetByID[m.Quote].Code.String()
		o.MinPrice, o.MaxPrice, o.MinQty, o.MaxQty = in.Price(l.MinPrice), in.Price(l.MaxPrice), in.Qty(l.MinQty), in.Qty(l.MaxQty)
		o.MinNotl = s.quote(in, wire.Amount{Lo: l.MinNotional})
		o.MakerBps, o.TakerBps = number(l.MakerBps), number(l.TakerBps)
	case wire.EvPhase:
		var m wire.PhaseChanged
		m.GetEvent(e)
		o.Event, o.Symbol, o.Phase, o.Was = "phase", s.names.instrument[m.Instrument].Symbol.String(), m.Phase.String(), m.Was.String()
	case wire.EvFirm:
		var m wire.Firm
		m.GetEvent(e)
		o.Event, o.Firm = "firm", m.Name.String()
	case wire.EvUser:
		var m wire.User
		m.GetEvent(e)
		o.Event, o.User, o.Firm = "user", m.Name.String(), s.names.firmByID[m.Firm]
	case wire.EvKey:
		var m wire.Key
		m.GetEvent(e)
		o.Event, o.Key, o.User, o.Role, o.Revoked = "key", s.names.keyByID[m.ID], s.names.userByID[m.User], m.Role.String(), m.Revoked != 0
	case wire.EvAccount:
		var m wire.Account
		m.GetEvent(e)
		o.Event, o.Account, o.User = "account", m.Name.String(), s.names.userByID[m.User]
	}
}

// order describes the events of one order.
func (s *Sandbox) order(o *output, e *wire.Event) {
	switch e.Kind {
	case wire.EvOrderAccepted:
		var m wire.OrderAccepted
		m.GetEvent(e)
		in := s.entry(o, "order_accepted", m.Order, m.Account, m.Instrument, m.Side)
		o.Type, o.TIF, o.PostOnly, o.ClientID = m.Type.String(), m.TIF.String(), m.Flags&wire.PostOnly != 0, m.ClientID.String()
		s.priced(o, in, m.Price)
		o.Qty, o.Held = in.Qty(m.Qty), s.sided(in, m.Side, m.Held)
		if !m.Funds.IsZero() {
			o.Funds = s.quote(in, m.Funds)
		}
		s.first(o, in, m.First)
	case wire.EvOrderCanceled:
		var m wire.OrderCanceled
		m.GetEvent(e)
		in := s.entry(o, "order_canceled", m.Order, m.Account, m.Instrument, m.Side)
		o.Reason, o.Left, o.Filled, o.ClientID = m.Reason.String(), in.Qty(m.Left), in.Qty(m.Filled), m.ClientID.String()
		o.Released = s.sided(in, m.Side, m.Released)
	case wire.EvOrderReplaced:
		var m wire.OrderReplaced
		m.GetEvent(e)
		in := s.entry(o, "order_replaced", m.Order, m.Account, m.Instrument, m.Side)
		o.KeptPlace, o.ClientID = m.KeptPriority != 0, m.ClientID.String()
		s.priced(o, in, m.Price)
		o.Qty, o.Left = in.Qty(m.Qty), in.Qty(m.Left)
		o.Held, o.Released = s.sided(in, m.Side, m.Held), s.sided(in, m.Side, m.Released)
		s.first(o, in, m.First)
	case wire.EvOrderState:
		var m wire.OrderState
		m.GetEvent(e)
		in := s.entry(o, "order_state", m.Order, m.Account, m.Instrument, m.Side)
		o.Type, o.TIF, o.PostOnly, o.Status = m.Type.String(), m.TIF.String(), m.Flags&wire.PostOnly != 0, m.Status.String()
		s.priced(o, in, m.Price)
		o.Qty, o.Filled, o.ClientID = in.Qty(m.Qty), in.Qty(m.Filled), m.ClientID.String()
		o.Notional, o.Held = s.quote(in, m.Notional), s.sided(in, m.Side, m.Held)
	default:
		o.Event = fmt.Sprintf("kind_%d", e.Kind)
	}
}

// entry fills what every event of an order has, and returns the order's instrument.
func (s *Sandbox) entry(o *output, event string, id wire.OrderID, a wire.AccountID, i wire.InstrumentID, side wire.Side) *decimal.Instrument {
	in := s.names.instrument[i]
	o.Event, o.Order, o.Account, o.Symbol, o.Side = event, some(id), s.names.accountByID[a], in.Symbol.String(), side.String()
	return in
}

// priced fills the price of an order that has one.
func (s *Sandbox) priced(o *output, in *decimal.Instrument, p wire.Price) {
	if p != 0 {
		o.Price = in.Price(p)
	}
}

// first fills what a repeated answer says of the first time.
func (s *Sandbox) first(o *output, in *decimal.Instrument, f wire.Outcome) {
	if f.Seq != 0 {
		o.FirstSeq, o.Status, o.Filled = some(f.Seq), f.Status.String(), in.Qty(f.Filled)
	}
}

func (s *Sandbox) trade(o *output, e *wire.Event) {
	var m wire.Trade
	m.GetEvent(e)
	in := s.names.instrument[m.Instrument]
	o.Event, o.Trade, o.Symbol, o.Price, o.Qty = "trade", some(m.Trade), in.Symbol.String(), in.Price(m.Price), in.Qty(m.Qty)
	if m.Taker.Valid() {
		o.Taker = m.Taker.String()
	}
	o.BuyOrder, o.SellOrder = some(m.BuyOrder), some(m.SellOrder)
	o.BuyAccount, o.SellAccount = s.names.accountByID[m.BuyAccount], s.names.accountByID[m.SellAccount]
	o.BuyLeft, o.SellLeft = in.Qty(m.BuyLeft), in.Qty(m.SellLeft)
	o.Notional, o.BuyReleased = s.quote(in, m.Notional), s.quote(in, m.BuyReleased)
	o.BuyFee, o.SellFee = s.quote(in, m.BuyFee), s.quote(in, m.SellFee)
}

// units writes an amount of an asset.
func units(a wire.Amount, of wire.Asset) string { return a.Text(int(of.Decimals)) }

// quote writes an amount of an instrument's quote asset.
func (s *Sandbox) quote(in *decimal.Instrument, a wire.Amount) string {
	return units(a, s.names.assetByID[in.Quote])
}

// sided writes an amount of what an order of that side holds: the quote asset for a buy, the base asset for a sell.
func (s *Sandbox) sided(in *decimal.Instrument, side wire.Side, a wire.Amount) string {
	if side == wire.Sell {
		return units(a, s.names.assetByID[in.Base])
	}
	return s.quote(in, a)
}

// levels writes one side of a book.
func levels(in *decimal.Instrument, ls []book.Level) []level {
	var out []level
	for _, l := range ls {
		out = append(out, level{in.Price(l.Price), in.Qty(l.Qty), int(l.Orders)})
	}
	return out
}
