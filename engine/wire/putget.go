package wire

// Put writes a body into its command or event: it sets the kind, writes the fields in their wire order and clears the
// rest. Get reads the body back; the kind is the caller's to check.
//
// One pair a type, written out: a generic helper would send every body through the heap.

// Put makes c a Genesis command.
func (m *Genesis) Put(c *Command) { w := c.begin(CmdGenesis); m.walk(&w); clear(c.Body[w.n:]) }

// Get reads the body of a Genesis command.
func (m *Genesis) Get(c *Command) { r := cursor{b: c.Body[:]}; m.walk(&r) }

// Put makes c a SetRules command.
func (m *SetRules) Put(c *Command) { w := c.begin(CmdSetRules); m.walk(&w); clear(c.Body[w.n:]) }

// Get reads the body of a SetRules command.
func (m *SetRules) Get(c *Command) { r := cursor{b: c.Body[:]}; m.walk(&r) }

// Put makes c a Tick command.
func (m *Tick) Put(c *Command) { w := c.begin(CmdTick); m.walk(&w); clear(c.Body[w.n:]) }

// Get reads the body of a Tick command.
func (m *Tick) Get(c *Command) { r := cursor{b: c.Body[:]}; m.walk(&r) }

// Put makes c a Logon command.
func (m *Logon) Put(c *Command) { w := c.begin(CmdLogon); m.walk(&w); clear(c.Body[w.n:]) }

// Get reads the body of a Logon command.
func (m *Logon) Get(c *Command) { r := cursor{b: c.Body[:]}; m.walk(&r) }

// Put makes c a AddAsset command.
func (m *AddAsset) Put(c *Command) { w := c.begin(CmdAddAsset); m.walk(&w); clear(c.Body[w.n:]) }

// Get reads the body of a AddAsset command.
func (m *AddAsset) Get(c *Command) { r := cursor{b: c.Body[:]}; m.walk(&r) }

// Put makes c a AddInstrument command.
func (m *AddInstrument) Put(c *Command) {
	w := c.begin(CmdAddInstrument)
	m.walk(&w)
	clear(c.Body[w.n:])
}

// Get reads the body of a AddInstrument command.
func (m *AddInstrument) Get(c *Command) { r := cursor{b: c.Body[:]}; m.walk(&r) }

// Put makes c a SetInstrument command.
func (m *SetInstrument) Put(c *Command) {
	w := c.begin(CmdSetInstrument)
	m.walk(&w)
	clear(c.Body[w.n:])
}

// Get reads the body of a SetInstrument command.
func (m *SetInstrument) Get(c *Command) { r := cursor{b: c.Body[:]}; m.walk(&r) }

// Put makes c a SetPhase command.
func (m *SetPhase) Put(c *Command) { w := c.begin(CmdSetPhase); m.walk(&w); clear(c.Body[w.n:]) }

// Get reads the body of a SetPhase command.
func (m *SetPhase) Get(c *Command) { r := cursor{b: c.Body[:]}; m.walk(&r) }

// Put makes c a AddFirm command.
func (m *AddFirm) Put(c *Command) { w := c.begin(CmdAddFirm); m.walk(&w); clear(c.Body[w.n:]) }

// Get reads the body of a AddFirm command.
func (m *AddFirm) Get(c *Command) { r := cursor{b: c.Body[:]}; m.walk(&r) }

// Put makes c a AddUser command.
func (m *AddUser) Put(c *Command) { w := c.begin(CmdAddUser); m.walk(&w); clear(c.Body[w.n:]) }

// Get reads the body of a AddUser command.
func (m *AddUser) Get(c *Command) { r := cursor{b: c.Body[:]}; m.walk(&r) }

// Put makes c a AddKey command.
func (m *AddKey) Put(c *Command) { w := c.begin(CmdAddKey); m.walk(&w); clear(c.Body[w.n:]) }

// Get reads the body of a AddKey command.
func (m *AddKey) Get(c *Command) { r := cursor{b: c.Body[:]}; m.walk(&r) }

// Put makes c a RevokeKey command.
func (m *RevokeKey) Put(c *Command) { w := c.begin(CmdRevokeKey); m.walk(&w); clear(c.Body[w.n:]) }

// Get reads the body of a RevokeKey command.
func (m *RevokeKey) Get(c *Command) { r := cursor{b: c.Body[:]}; m.walk(&r) }

// Put makes c a AddAccount command.
func (m *AddAccount) Put(c *Command) { w := c.begin(CmdAddAccount); m.walk(&w); clear(c.Body[w.n:]) }

// Get reads the body of a AddAccount command.
func (m *AddAccount) Get(c *Command) { r := cursor{b: c.Body[:]}; m.walk(&r) }

// Put makes c a NewOrder command.
func (m *NewOrder) Put(c *Command) { w := c.begin(CmdNewOrder); m.walk(&w); clear(c.Body[w.n:]) }

// Get reads the body of a NewOrder command.
func (m *NewOrder) Get(c *Command) { r := cursor{b: c.Body[:]}; m.walk(&r) }

// Put makes c a CancelOrder command.
func (m *CancelOrder) Put(c *Command) { w := c.begin(CmdCancelOrder); m.walk(&w); clear(c.Body[w.n:]) }

// Get reads the body of a CancelOrder command.
func (m *CancelOrder) Get(c *Command) { r := cursor{b: c.Body[:]}; m.walk(&r) }

// Put makes c a ReplaceOrder command.
func (m *ReplaceOrder) Put(c *Command) {
	w := c.begin(CmdReplaceOrder)
	m.walk(&w)
	clear(c.Body[w.n:])
}

// Get reads the body of a ReplaceOrder command.
func (m *ReplaceOrder) Get(c *Command) { r := cursor{b: c.Body[:]}; m.walk(&r) }

// Put makes c a CancelAll command.
func (m *CancelAll) Put(c *Command) { w := c.begin(CmdCancelAll); m.walk(&w); clear(c.Body[w.n:]) }

// Get reads the body of a CancelAll command.
func (m *CancelAll) Get(c *Command) { r := cursor{b: c.Body[:]}; m.walk(&r) }

// Put makes c a MassCancel command.
func (m *MassCancel) Put(c *Command) { w := c.begin(CmdMassCancel); m.walk(&w); clear(c.Body[w.n:]) }

// Get reads the body of a MassCancel command.
func (m *MassCancel) Get(c *Command) { r := cursor{b: c.Body[:]}; m.walk(&r) }

// Put makes c a QueryOrder command.
func (m *QueryOrder) Put(c *Command) { w := c.begin(CmdQueryOrder); m.walk(&w); clear(c.Body[w.n:]) }

// Get reads the body of a QueryOrder command.
func (m *QueryOrder) Get(c *Command) { r := cursor{b: c.Body[:]}; m.walk(&r) }

// PutDeposit makes c a Deposit command.
func (m *Transfer) PutDeposit(c *Command) { w := c.begin(CmdDeposit); m.walk(&w); clear(c.Body[w.n:]) }

// PutWithdraw makes c a Withdraw command.
func (m *Transfer) PutWithdraw(c *Command) {
	w := c.begin(CmdWithdraw)
	m.walk(&w)
	clear(c.Body[w.n:])
}

// Get reads the body of a Deposit or Withdraw command.
func (m *Transfer) Get(c *Command) { r := cursor{b: c.Body[:]}; m.walk(&r) }

// PutEvent makes e an event that carries m.
func (m *Rejected) PutEvent(e *Event) { w := e.begin(EvRejected); m.walk(&w); clear(e.Body[w.n:]) }

// GetEvent reads the body of such an event.
func (m *Rejected) GetEvent(e *Event) { r := cursor{b: e.Body[:]}; m.walk(&r) }

// PutEvent makes e an event that carries m.
func (m *Accepted) PutEvent(e *Event) { w := e.begin(EvAccepted); m.walk(&w); clear(e.Body[w.n:]) }

// GetEvent reads the body of such an event.
func (m *Accepted) GetEvent(e *Event) { r := cursor{b: e.Body[:]}; m.walk(&r) }

// PutEvent makes e an event that carries m.
func (m *Asset) PutEvent(e *Event) { w := e.begin(EvAsset); m.walk(&w); clear(e.Body[w.n:]) }

// GetEvent reads the body of such an event.
func (m *Asset) GetEvent(e *Event) { r := cursor{b: e.Body[:]}; m.walk(&r) }

// PutEvent makes e an event that carries m.
func (m *Instrument) PutEvent(e *Event) { w := e.begin(EvInstrument); m.walk(&w); clear(e.Body[w.n:]) }

// GetEvent reads the body of such an event.
func (m *Instrument) GetEvent(e *Event) { r := cursor{b: e.Body[:]}; m.walk(&r) }

// PutEvent makes e an event that carries m.
func (m *PhaseChanged) PutEvent(e *Event) { w := e.begin(EvPhase); m.walk(&w); clear(e.Body[w.n:]) }

// GetEvent reads the body of such an event.
func (m *PhaseChanged) GetEvent(e *Event) { r := cursor{b: e.Body[:]}; m.walk(&r) }

// PutEvent makes e an event that carries m.
func (m *Uncrossed) PutEvent(e *Event) { w := e.begin(EvUncrossed); m.walk(&w); clear(e.Body[w.n:]) }

// GetEvent reads the body of such an event.
func (m *Uncrossed) GetEvent(e *Event) { r := cursor{b: e.Body[:]}; m.walk(&r) }

// PutEvent makes e an event that carries m.
func (m *InstrumentState) PutEvent(e *Event) {
	w := e.begin(EvImageInstrument)
	m.walk(&w)
	clear(e.Body[w.n:])
}

// GetEvent reads the body of such an event.
func (m *InstrumentState) GetEvent(e *Event) { r := cursor{b: e.Body[:]}; m.walk(&r) }

// PutEvent makes e an event that carries m.
func (m *Firm) PutEvent(e *Event) { w := e.begin(EvFirm); m.walk(&w); clear(e.Body[w.n:]) }

// GetEvent reads the body of such an event.
func (m *Firm) GetEvent(e *Event) { r := cursor{b: e.Body[:]}; m.walk(&r) }

// PutEvent makes e an event that carries m.
func (m *User) PutEvent(e *Event) { w := e.begin(EvUser); m.walk(&w); clear(e.Body[w.n:]) }

// GetEvent reads the body of such an event.
func (m *User) GetEvent(e *Event) { r := cursor{b: e.Body[:]}; m.walk(&r) }

// PutEvent makes e an event that carries m.
func (m *Key) PutEvent(e *Event) { w := e.begin(EvKey); m.walk(&w); clear(e.Body[w.n:]) }

// GetEvent reads the body of such an event.
func (m *Key) GetEvent(e *Event) { r := cursor{b: e.Body[:]}; m.walk(&r) }

// PutEvent makes e an event that carries m.
func (m *Account) PutEvent(e *Event) { w := e.begin(EvAccount); m.walk(&w); clear(e.Body[w.n:]) }

// GetEvent reads the body of such an event.
func (m *Account) GetEvent(e *Event) { r := cursor{b: e.Body[:]}; m.walk(&r) }

// PutEvent makes e an event that carries m.
func (m *OrderAccepted) PutEvent(e *Event) {
	w := e.begin(EvOrderAccepted)
	m.walk(&w)
	clear(e.Body[w.n:])
}

// GetEvent reads the body of such an event.
func (m *OrderAccepted) GetEvent(e *Event) { r := cursor{b: e.Body[:]}; m.walk(&r) }

// PutEvent makes e an event that carries m.
func (m *Trade) PutEvent(e *Event) { w := e.begin(EvTrade); m.walk(&w); clear(e.Body[w.n:]) }

// GetEvent reads the body of such an event.
func (m *Trade) GetEvent(e *Event) { r := cursor{b: e.Body[:]}; m.walk(&r) }

// PutEvent makes e an event that carries m.
func (m *OrderCanceled) PutEvent(e *Event) {
	w := e.begin(EvOrderCanceled)
	m.walk(&w)
	clear(e.Body[w.n:])
}

// GetEvent reads the body of such an event.
func (m *OrderCanceled) GetEvent(e *Event) { r := cursor{b: e.Body[:]}; m.walk(&r) }

// PutEvent makes e an event that carries m.
func (m *OrderReplaced) PutEvent(e *Event) {
	w := e.begin(EvOrderReplaced)
	m.walk(&w)
	clear(e.Body[w.n:])
}

// GetEvent reads the body of such an event.
func (m *OrderReplaced) GetEvent(e *Event) { r := cursor{b: e.Body[:]}; m.walk(&r) }

// PutEvent makes e an event that carries m.
func (m *OrderState) PutEvent(e *Event) { w := e.begin(EvOrderState); m.walk(&w); clear(e.Body[w.n:]) }

// GetEvent reads the body of such an event.
func (m *OrderState) GetEvent(e *Event) { r := cursor{b: e.Body[:]}; m.walk(&r) }

// PutEvent makes e an event that carries m.
func (m *MassCanceled) PutEvent(e *Event) {
	w := e.begin(EvMassCanceled)
	m.walk(&w)
	clear(e.Body[w.n:])
}

// GetEvent reads the body of such an event.
func (m *MassCanceled) GetEvent(e *Event) { r := cursor{b: e.Body[:]}; m.walk(&r) }

// PutEvent makes e an event that carries m.
func (m *StateHash) PutEvent(e *Event) { w := e.begin(EvStateHash); m.walk(&w); clear(e.Body[w.n:]) }

// GetEvent reads the body of such an event.
func (m *StateHash) GetEvent(e *Event) { r := cursor{b: e.Body[:]}; m.walk(&r) }

// PutEvent makes e an event that carries m.
func (m *Balance) PutEvent(e *Event) { w := e.begin(EvImageBalance); m.walk(&w); clear(e.Body[w.n:]) }

// GetEvent reads the body of such an event.
func (m *Balance) GetEvent(e *Event) { r := cursor{b: e.Body[:]}; m.walk(&r) }

// PutEvent makes e the event of the venue's genesis.
func (m *Genesis) PutEvent(e *Event) { w := e.begin(EvVenue); m.walk(&w); clear(e.Body[w.n:]) }

// GetEvent reads the body of such an event.
func (m *Genesis) GetEvent(e *Event) { r := cursor{b: e.Body[:]}; m.walk(&r) }

// PutEvent makes e an event of the given kind, EvDeposited or EvWithdrawn.
func (m *Transferred) PutEvent(e *Event, k EventKind) {
	w := e.begin(k)
	m.walk(&w)
	clear(e.Body[w.n:])
}

// GetEvent reads the body of such an event.
func (m *Transferred) GetEvent(e *Event) { r := cursor{b: e.Body[:]}; m.walk(&r) }

// PutEvent makes e an event of the given kind, EvImageBegin or EvImageEnd.
func (m *Image) PutEvent(e *Event, k EventKind) { w := e.begin(k); m.walk(&w); clear(e.Body[w.n:]) }

// GetEvent reads the body of such an event.
func (m *Image) GetEvent(e *Event) { r := cursor{b: e.Body[:]}; m.walk(&r) }

func (c *Command) begin(k CommandKind) cursor {
	c.Kind = k
	return cursor{b: c.Body[:], put: true}
}

func (e *Event) begin(k EventKind) cursor {
	e.Kind = k
	return cursor{b: e.Body[:], put: true}
}

// Put makes c a AddSession command.
func (m *AddSession) Put(c *Command) { w := c.begin(CmdAddSession); m.walk(&w); clear(c.Body[w.n:]) }

// Get reads the body of a AddSession command.
func (m *AddSession) Get(c *Command) { r := cursor{b: c.Body[:]}; m.walk(&r) }

// Put makes c a SetSession command.
func (m *SetSession) Put(c *Command) { w := c.begin(CmdSetSession); m.walk(&w); clear(c.Body[w.n:]) }

// Get reads the body of a SetSession command.
func (m *SetSession) Get(c *Command) { r := cursor{b: c.Body[:]}; m.walk(&r) }

// Put makes c a SessionMessage command.
func (m *SessionMessage) Put(c *Command) {
	w := c.begin(CmdSessionMessage)
	m.walk(&w)
	clear(c.Body[w.n:])
}

// Get reads the body of a SessionMessage command.
func (m *SessionMessage) Get(c *Command) { r := cursor{b: c.Body[:]}; m.walk(&r) }

// PutEvent makes e a Session event.
func (m *Session) PutEvent(e *Event) { w := e.begin(EvSession); m.walk(&w); clear(e.Body[w.n:]) }

// GetEvent reads the body of a Session event.
func (m *Session) GetEvent(e *Event) { r := cursor{b: e.Body[:]}; m.walk(&r) }

// PutEvent makes e a SessionMessage event.
func (m *SessionMessage) PutEvent(e *Event) {
	w := e.begin(EvSessionMessage)
	m.walk(&w)
	clear(e.Body[w.n:])
}

// GetEvent reads the body of a SessionMessage event.
func (m *SessionMessage) GetEvent(e *Event) { r := cursor{b: e.Body[:]}; m.walk(&r) }

// PutEvent makes e a OrderRejected event.
func (m *OrderRejected) PutEvent(e *Event) {
	w := e.begin(EvOrderRejected)
	m.walk(&w)
	clear(e.Body[w.n:])
}

// GetEvent reads the body of a OrderRejected event.
func (m *OrderRejected) GetEvent(e *Event) { r := cursor{b: e.Body[:]}; m.walk(&r) }
