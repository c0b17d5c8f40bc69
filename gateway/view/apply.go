package view

import (
	"uncross/engine/amount"
	"uncross/engine/wire"
)

// apply brings one event of a command, or of an image, into the state. An answer that is given again tells nothing new.
func (s *state) apply(e *wire.Event) {
	if e.Flags&wire.FlagRepeat == 0 {
		s.change(e)
	}
	if e.Flags&wire.FlagLast != 0 && s.entering != 0 { // what is left of an order that entered rests
		o := s.orders.Mut(s.entering)
		s.intoBook(o)
		s.instrument(o.Instrument).book = changed(e)
		s.entering = 0
	}
}

func (s *state) change(e *wire.Event) {
	switch e.Kind {
	case wire.EvVenue:
		s.venue.GetEvent(e)
		s.initialised = true
	case wire.EvAccepted:
		var m wire.Accepted
		m.GetEvent(e)
		if m.Command == wire.CmdRevokeKey {
			s.revoke(wire.KeyID(m.Number))
		}
	case wire.EvAsset:
		var m wire.Asset
		m.GetEvent(e)
		s.setAsset(m)
	case wire.EvInstrument:
		var m wire.Instrument
		m.GetEvent(e)
		s.setInstrument(m)
	case wire.EvPhase:
		var m wire.PhaseChanged
		m.GetEvent(e)
		if in := s.instrument(m.Instrument); m.Phase != m.Was {
			in.Phase, in.was, in.phase, in.result = m.Phase, m.Was, changed(e), wire.Uncrossed{}
		}
	case wire.EvUncrossed:
		var m wire.Uncrossed
		m.GetEvent(e)
		s.instrument(m.Instrument).result = m
	case wire.EvImageInstrument:
		var m wire.InstrumentState
		m.GetEvent(e)
		in := s.instrument(m.Instrument)
		in.Phase, in.was, in.phase, in.book = m.Phase, m.Phase, changed(e), changed(e)
		in.Last = Trade{Price: m.LastPrice, Qty: m.LastQty}
	case wire.EvFirm:
		var m wire.Firm
		m.GetEvent(e)
		*place(&s.firms, m.ID) = m
		s.firmNames[m.Name] = m.ID
		s.initialised = true
	case wire.EvUser:
		var m wire.User
		m.GetEvent(e)
		s.setUser(m)
	case wire.EvKey:
		var m wire.Key
		m.GetEvent(e)
		s.setKey(m)
	case wire.EvAccount:
		var m wire.Account
		m.GetEvent(e)
		s.setAccount(m)
	case wire.EvSession:
		var m wire.Session
		m.GetEvent(e)
		s.setSession(m)
	case wire.EvDeposited, wire.EvWithdrawn:
		var m wire.Transferred
		m.GetEvent(e)
		b := s.balance(m.Account, m.Asset)
		b.Available, b.Held = m.Available, m.Held
	case wire.EvImageBalance:
		var m wire.Balance
		m.GetEvent(e)
		b := s.balance(m.Account, m.Asset)
		b.Available, b.Held = m.Available, m.Held
	case wire.EvOrderAccepted:
		s.accepted(e)
	case wire.EvTrade:
		s.trade(e)
	case wire.EvOrderCanceled:
		s.canceled(e)
	case wire.EvOrderReplaced:
		s.replaced(e)
	case wire.EvStateHash:
		s.hash.GetEvent(e)
		s.hashSeq = e.Seq
	}
}

func (s *state) accepted(e *wire.Event) {
	var m wire.OrderAccepted
	m.GetEvent(e)
	s.hold(m.Account, s.instrument(m.Instrument).heldAsset(m.Side), m.Held)
	s.entering = s.addOrder(Order{
		ID: m.Order, Account: m.Account, Instrument: m.Instrument, Side: m.Side, Type: m.Type, TIF: m.TIF, Flags: m.Flags,
		Status: wire.StatusNew, Price: m.Price, Qty: m.Qty, Left: m.Qty, Held: m.Held, EnteredNs: e.TimeNs,
		UpdatedNs: e.TimeNs, UpdatedSeq: e.Seq, ClientID: m.ClientID,
	})
}

func (s *state) trade(e *wire.Event) {
	var m wire.Trade
	m.GetEvent(e)
	in := s.instrument(m.Instrument)
	lots := in.lots(m.Qty)
	paid := m.Notional.MustAdd(m.BuyFee).MustAdd(m.BuyReleased)

	s.debitHeld(m.BuyAccount, in.Quote, paid)
	s.credit(m.BuyAccount, in.Quote, m.BuyReleased)
	s.credit(m.BuyAccount, in.Base, lots)
	s.debitHeld(m.SellAccount, in.Base, lots)
	s.credit(m.SellAccount, in.Quote, m.Notional.MustSub(m.SellFee))
	s.credit(wire.VenueAccount, in.Quote, m.BuyFee.MustAdd(m.SellFee))

	s.filled(e, m.BuyOrder, &m, m.BuyLeft, paid)
	s.filled(e, m.SellOrder, &m, m.SellLeft, lots)

	in.Last = Trade{ID: m.Trade, Seq: e.Seq, Ord: e.Ord, TimeNs: e.TimeNs, Price: m.Price, Qty: m.Qty, Taker: m.Taker}
	in.trades.add(in.Last)
}

// filled takes one order's part of a trade: what it has left, and how much smaller its hold is.
func (s *state) filled(e *wire.Event, id wire.OrderID, m *wire.Trade, left wire.Qty, unheld amount.Amount) {
	h := s.order(id)
	o := s.orders.Mut(h)
	if o.inBook {
		s.instrument(o.Instrument).book = changed(e)
	}
	if o.inBook && left > 0 {
		s.side(o).add(o.Price, left-o.Left, 0)
	} else {
		s.outOfBook(o)
	}
	o.Left = left
	o.Filled += m.Qty
	o.Notional = o.Notional.MustAdd(m.Notional)
	o.Held = o.Held.MustSub(unheld)
	o.Status = wire.StatusPartiallyFilled
	o.UpdatedNs, o.UpdatedSeq = e.TimeNs, e.Seq
	if left == 0 {
		s.dropOrder(h)
	}
}

func (s *state) canceled(e *wire.Event) {
	var m wire.OrderCanceled
	m.GetEvent(e)
	in := s.instrument(m.Instrument)
	s.release(m.Account, in.heldAsset(m.Side), m.Released)
	h := s.order(m.Order)
	if s.orders.At(h).inBook {
		in.book = changed(e)
	}
	s.dropOrder(h)
}

func (s *state) replaced(e *wire.Event) {
	var m wire.OrderReplaced
	m.GetEvent(e)
	in := s.instrument(m.Instrument)
	in.book = changed(e)
	asset := in.heldAsset(m.Side)
	s.hold(m.Account, asset, m.Held)
	s.release(m.Account, asset, m.Released)

	h := s.order(m.Order)
	o := s.orders.Mut(h)
	s.outOfBook(o)
	if m.KeptPriority == 0 {
		o.priority = 0
	}
	o.Price, o.Qty, o.Left = m.Price, m.Qty, m.Left
	o.Held = o.Held.MustAdd(m.Held).MustSub(m.Released)
	o.UpdatedNs, o.UpdatedSeq = e.TimeNs, e.Seq
	if m.ClientID != o.ClientID {
		s.chainOut(h)
		o.ClientID = m.ClientID
		s.chainIn(h)
	}
	s.entering = h
}
