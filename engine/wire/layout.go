package wire

// Every body's layout: the order of the walk is the order of the bytes. Changing one changes a format version.

func (m *Genesis) walk(c *cursor) {
	c.text(&m.Venue)
	c.bytes(m.ClusterID[:])
	c.bytes(m.OperatorPub[:])
}

func (m *SetRules) walk(c *cursor) { c.u32(&m.Version) }

func (m *Tick) walk(*cursor) {}

func (m *Logon) walk(c *cursor) { c.u64(&m.Nonce) }

func (m *AddAsset) walk(c *cursor) {
	c.text(&m.Code)
	c.u8(&m.Decimals)
}

func (m *InstrumentLimits) walk(c *cursor) {
	c.price(&m.MinPrice)
	c.price(&m.MaxPrice)
	c.qty(&m.MinQty)
	c.qty(&m.MaxQty)
	c.u64(&m.MinNotional)
	c.u16(&m.MakerBps)
	c.u16(&m.TakerBps)
}

func (m *AddInstrument) walk(c *cursor) {
	c.text(&m.Symbol)
	c.asset(&m.Base)
	c.asset(&m.Quote)
	c.u8(&m.PriceDecimals)
	c.i64(&m.TickSize)
	c.i64(&m.LotSize)
	m.Limits.walk(c)
}

func (m *SetInstrument) walk(c *cursor) {
	c.instrument(&m.Instrument)
	c.u8((*uint8)(&m.Fields))
	m.Limits.walk(c)
}

func (m *SetPhase) walk(c *cursor) {
	c.instrument(&m.Instrument)
	c.u8((*uint8)(&m.Phase))
	c.price(&m.Reference)
}

func (m *AddFirm) walk(c *cursor) { c.text(&m.Name) }

func (m *AddUser) walk(c *cursor) {
	c.u32((*uint32)(&m.Firm))
	c.text(&m.Name)
}

func (m *AddKey) walk(c *cursor) {
	c.u32((*uint32)(&m.User))
	c.u8((*uint8)(&m.Role))
	c.bytes(m.Pub[:])
}

func (m *RevokeKey) walk(c *cursor) { c.u32((*uint32)(&m.Key)) }

func (m *AddAccount) walk(c *cursor) {
	c.u32((*uint32)(&m.User))
	c.text(&m.Name)
}

func (m *Transfer) walk(c *cursor) {
	c.account(&m.Account)
	c.asset(&m.Asset)
	c.amount(&m.Amount)
	c.text(&m.Reference)
}

func (m *NewOrder) walk(c *cursor) {
	c.account(&m.Account)
	c.instrument(&m.Instrument)
	c.side(&m.Side)
	c.u8((*uint8)(&m.Type))
	c.u8((*uint8)(&m.TIF))
	c.u8((*uint8)(&m.Flags))
	c.price(&m.Price)
	c.qty(&m.Qty)
	c.amount(&m.Funds)
	c.text(&m.ClientID)
}

func (m *OrderRef) walk(c *cursor) {
	c.order(&m.Order)
	c.text(&m.ClientID)
	c.instrument(&m.Instrument)
}

func (m *CancelOrder) walk(c *cursor) {
	c.account(&m.Account)
	m.Target.walk(c)
	c.text(&m.ClientID)
}

func (m *ReplaceOrder) walk(c *cursor) {
	c.account(&m.Account)
	m.Target.walk(c)
	c.text(&m.ClientID)
	c.price(&m.Price)
	c.qty(&m.Qty)
}

func (m *CancelAll) walk(c *cursor) {
	c.account(&m.Account)
	c.instrument(&m.Instrument)
}

func (m *MassCancel) walk(c *cursor) { c.instrument(&m.Instrument) }

func (m *QueryOrder) walk(c *cursor) {
	c.account(&m.Account)
	m.Target.walk(c)
}

func (m *Rejected) walk(c *cursor) {
	c.u8((*uint8)(&m.Command))
	c.u16((*uint16)(&m.Reason))
	c.account(&m.Account)
	c.order(&m.Order)
	c.text(&m.ClientID)
}

func (m *Accepted) walk(c *cursor) {
	c.u8((*uint8)(&m.Command))
	c.u64(&m.Number)
}

func (m *Asset) walk(c *cursor) {
	c.asset(&m.ID)
	c.text(&m.Code)
	c.u8(&m.Decimals)
}

func (m *Instrument) walk(c *cursor) {
	c.instrument(&m.ID)
	c.text(&m.Symbol)
	c.asset(&m.Base)
	c.asset(&m.Quote)
	c.u8(&m.PriceDecimals)
	c.i64(&m.TickSize)
	c.i64(&m.LotSize)
	c.u64(&m.Multiplier)
	m.Limits.walk(c)
}

func (m *PhaseChanged) walk(c *cursor) {
	c.instrument(&m.Instrument)
	c.u8((*uint8)(&m.Phase))
	c.u8((*uint8)(&m.Was))
}

func (m *Uncrossed) walk(c *cursor) {
	c.instrument(&m.Instrument)
	c.price(&m.Price)
	c.qty(&m.Volume)
	c.qty(&m.Surplus)
	c.side(&m.SurplusSide)
}

func (m *InstrumentState) walk(c *cursor) {
	c.instrument(&m.Instrument)
	c.u8((*uint8)(&m.Phase))
	c.price(&m.LastPrice)
	c.qty(&m.LastQty)
}

func (m *Firm) walk(c *cursor) {
	c.u32((*uint32)(&m.ID))
	c.text(&m.Name)
}

func (m *User) walk(c *cursor) {
	c.u32((*uint32)(&m.ID))
	c.u32((*uint32)(&m.Firm))
	c.text(&m.Name)
}

func (m *Key) walk(c *cursor) {
	c.u32((*uint32)(&m.ID))
	c.u32((*uint32)(&m.User))
	c.u8((*uint8)(&m.Role))
	c.u8(&m.Revoked)
	c.bytes(m.Pub[:])
	c.u64(&m.Nonce)
}

func (m *Account) walk(c *cursor) {
	c.account(&m.ID)
	c.u32((*uint32)(&m.User))
	c.text(&m.Name)
}

func (m *Transferred) walk(c *cursor) {
	c.account(&m.Account)
	c.asset(&m.Asset)
	c.amount(&m.Amount)
	c.amount(&m.Available)
	c.amount(&m.Held)
	c.text(&m.Reference)
}

func (m *Outcome) walk(c *cursor) {
	c.u64(&m.Seq)
	c.u8((*uint8)(&m.Status))
	c.qty(&m.Filled)
}

func (m *OrderAccepted) walk(c *cursor) {
	c.order(&m.Order)
	c.account(&m.Account)
	c.instrument(&m.Instrument)
	c.side(&m.Side)
	c.u8((*uint8)(&m.Type))
	c.u8((*uint8)(&m.TIF))
	c.u8((*uint8)(&m.Flags))
	c.price(&m.Price)
	c.qty(&m.Qty)
	c.amount(&m.Funds)
	c.amount(&m.Held)
	c.text(&m.ClientID)
	m.First.walk(c)
}

func (m *Trade) walk(c *cursor) {
	c.trade(&m.Trade)
	c.instrument(&m.Instrument)
	c.side(&m.Taker)
	c.price(&m.Price)
	c.qty(&m.Qty)
	c.order(&m.BuyOrder)
	c.order(&m.SellOrder)
	c.account(&m.BuyAccount)
	c.account(&m.SellAccount)
	c.qty(&m.BuyLeft)
	c.qty(&m.SellLeft)
	c.amount(&m.Notional)
	c.amount(&m.BuyFee)
	c.amount(&m.SellFee)
	c.amount(&m.BuyReleased)
}

func (m *OrderCanceled) walk(c *cursor) {
	c.order(&m.Order)
	c.account(&m.Account)
	c.instrument(&m.Instrument)
	c.side(&m.Side)
	c.u8((*uint8)(&m.Reason))
	c.qty(&m.Left)
	c.qty(&m.Filled)
	c.amount(&m.Released)
	c.text(&m.ClientID)
	m.First.walk(c)
}

func (m *OrderReplaced) walk(c *cursor) {
	c.order(&m.Order)
	c.account(&m.Account)
	c.instrument(&m.Instrument)
	c.side(&m.Side)
	c.u8(&m.KeptPriority)
	c.price(&m.Price)
	c.qty(&m.Qty)
	c.qty(&m.Left)
	c.amount(&m.Held)
	c.amount(&m.Released)
	c.text(&m.ClientID)
	m.First.walk(c)
}

func (m *OrderState) walk(c *cursor) {
	c.order(&m.Order)
	c.account(&m.Account)
	c.instrument(&m.Instrument)
	c.side(&m.Side)
	c.u8((*uint8)(&m.Type))
	c.u8((*uint8)(&m.TIF))
	c.u8((*uint8)(&m.Flags))
	c.u8((*uint8)(&m.Status))
	c.price(&m.Price)
	c.qty(&m.Qty)
	c.qty(&m.Filled)
	c.amount(&m.Notional)
	c.amount(&m.Held)
	c.i64(&m.EnteredNs)
	c.u64(&m.Priority)
	c.text(&m.ClientID)
}

func (m *MassCanceled) walk(c *cursor) {
	c.account(&m.Account)
	c.instrument(&m.Instrument)
	c.u64(&m.Count)
}

func (m *StateHash) walk(c *cursor) {
	c.u64(&m.Full)
	c.u64(&m.Business)
}

func (m *Balance) walk(c *cursor) {
	c.account(&m.Account)
	c.asset(&m.Asset)
	c.amount(&m.Available)
	c.amount(&m.Held)
}

func (m *Image) walk(c *cursor) {
	c.u64(&m.Seq)
	c.u64(&m.OpenOrders)
	c.u64(&m.Accounts)
}

func (m *Password) walk(c *cursor) {
	c.u8(&m.Scheme)
	c.bytes(m.Salt[:])
	c.bytes(m.Hash[:])
}

func (m *AddSession) walk(c *cursor) {
	c.u32((*uint32)(&m.Key))
	c.u8((*uint8)(&m.Kind))
	c.account(&m.Account)
	c.text(&m.CompID)
	m.Password.walk(c)
}

func (m *SetSession) walk(c *cursor) {
	c.u32((*uint32)(&m.Session))
	c.u8((*uint8)(&m.Fields))
	c.u8(&m.Enabled)
	m.Password.walk(c)
}

func (m *Session) walk(c *cursor) {
	c.u32((*uint32)(&m.ID))
	c.u32((*uint32)(&m.Key))
	c.u8((*uint8)(&m.Kind))
	c.account(&m.Account)
	c.text(&m.CompID)
	c.u8(&m.Enabled)
	m.Password.walk(c)
}

func (m *SessionMessage) walk(c *cursor) {
	c.u32((*uint32)(&m.Session))
	c.u8((*uint8)(&m.Kind))
	c.side(&m.Side)
	c.u16((*uint16)(&m.Reason))
	c.u16(&m.Arg)
	c.text(&m.ClientID)
	c.text(&m.Target)
	c.bytes(m.Symbol[:])
}

func (m *OrderRejected) walk(c *cursor) {
	c.u8((*uint8)(&m.Command))
	c.u16((*uint16)(&m.Reason))
	c.account(&m.Account)
	c.instrument(&m.Instrument)
	c.side(&m.Side)
	c.u8((*uint8)(&m.Type))
	c.u8((*uint8)(&m.TIF))
	c.order(&m.Order)
	c.price(&m.Price)
	c.qty(&m.Qty)
	c.u8((*uint8)(&m.Status))
	c.qty(&m.Filled)
	c.text(&m.ClientID)
	c.text(&m.Target)
}
