package engine

import "uncross/engine/wire"

// The records of a snapshot, field by field. Only what the state means is written: no handles, no hash terms, nothing that
// follows from the rest. The order of a walk is the order of the bytes; changing one changes SnapshotVersion.

// section names a part of a snapshot. They stand in this order.
type section uint32

const (
	secHeader section = iota + 1
	secAssets
	secInstruments
	secFirms
	secUsers
	secKeys
	secAccounts
	secBalances
	secOrders
	secRepeats
	secSessions // from version 2
)

// header is the scalar part of the state, and what the hashes must come to.
type header struct {
	seq, applied, term, sequence, place, chain uint64
	full, business                             uint64
	now                                        int64
	orderID                                    wire.OrderID
	tradeID                                    wire.TradeID
	rules                                      uint32
	venue                                      wire.Genesis
}

func (m *header) walk(c *coder) {
	code64(c, &m.seq)
	code64(c, &m.applied)
	code64(c, &m.term)
	code64(c, &m.sequence)
	code64(c, &m.place)
	code64(c, &m.chain)
	code64(c, &m.full)
	code64(c, &m.business)
	code64(c, &m.now)
	code64(c, &m.orderID)
	code64(c, &m.tradeID)
	code32(c, &m.rules)
	c.text(&m.venue.Venue)
	c.bytes(m.venue.ClusterID[:])
	c.bytes(m.venue.OperatorPub[:])
}

func (m *asset) walk(c *coder) {
	code32(c, &m.def.ID)
	c.text(&m.def.Code)
	code8(c, &m.def.Decimals)
	c.amount(&m.issued)
}

// priority is the book's counter, which is not in the instrument's record.
func (m *instrument) walk(c *coder, priority *uint64) {
	code32(c, &m.def.ID)
	c.text(&m.def.Symbol)
	code32(c, &m.def.Base)
	code32(c, &m.def.Quote)
	code8(c, &m.def.PriceDecimals)
	code64(c, &m.def.TickSize)
	code64(c, &m.def.LotSize)
	walkLimits(c, &m.def.Limits)
	code64(c, &m.print[0])
	code64(c, &m.print[1])
	code8(c, &m.phase)
	code64(c, &m.lastPrice)
	code64(c, &m.lastQty)
	code64(c, priority)
}

func walkLimits(c *coder, l *wire.InstrumentLimits) {
	code64(c, &l.MinPrice)
	code64(c, &l.MaxPrice)
	code64(c, &l.MinQty)
	code64(c, &l.MaxQty)
	code64(c, &l.MinNotional)
	code16(c, &l.MakerBps)
	code16(c, &l.TakerBps)
}

func (m *firm) walk(c *coder) {
	code32(c, &m.def.ID)
	c.text(&m.def.Name)
}

func (m *user) walk(c *coder) {
	code32(c, &m.def.ID)
	code32(c, &m.def.Firm)
	c.text(&m.def.Name)
}

func (m *key) walk(c *coder) {
	code32(c, &m.def.ID)
	code32(c, &m.def.User)
	code8(c, &m.def.Role)
	code8(c, &m.def.Revoked)
	c.bytes(m.def.Pub[:])
	code64(c, &m.def.Nonce)
}

func (m *account) walk(c *coder) {
	code32(c, &m.def.ID)
	code32(c, &m.def.User)
	c.text(&m.def.Name)
	for i := range m.queue {
		code64(c, &m.queue[i].horizon)
	}
}

func (m *session) walk(c *coder) {
	code32(c, &m.def.ID)
	code32(c, &m.def.Key)
	code8(c, &m.def.Kind)
	code32(c, &m.def.Account)
	c.text(&m.def.CompID)
	code8(c, &m.def.Enabled)
	code8(c, &m.def.Password.Scheme)
	c.bytes(m.def.Password.Salt[:])
	c.bytes(m.def.Password.Hash[:])
}

func (m *balance) walk(c *coder) {
	code32(c, &m.account)
	code32(c, &m.asset)
	c.amount(&m.available)
	c.amount(&m.held)
}

func (m *order) walk(c *coder) {
	code64(c, &m.id)
	code32(c, &m.account)
	code32(c, &m.instrument)
	code8(c, &m.side)
	code8(c, &m.typ)
	code8(c, &m.tif)
	code8(c, &m.flags)
	code16(c, &m.maker)
	code16(c, &m.taker)
	code32(c, &m.slack)
	code64(c, &m.price)
	code64(c, &m.qty)
	code64(c, &m.filled)
	c.amount(&m.notional)
	c.amount(&m.held)
	code64(c, &m.enteredNs)
	code64(c, &m.priority)
	c.text(&m.clientID)
}

func (m *repeat) walk(c *coder) {
	code64(c, &m.place)
	code32(c, &m.account)
	code8(c, &m.space)
	code8(c, &m.command)
	code8(c, &m.answer)
	code8(c, &m.status)
	code8(c, &m.side)
	code8(c, &m.kept)
	code16(c, &m.reason)
	code32(c, &m.instrument)
	c.text(&m.id)
	code64(c, &m.print[0])
	code64(c, &m.print[1])
	code64(c, &m.seq)
	code64(c, &m.sent)
	code64(c, &m.order)
	code64(c, &m.qty)
	code64(c, &m.filled)
	c.amount(&m.amount)
	c.amount(&m.second)
}
