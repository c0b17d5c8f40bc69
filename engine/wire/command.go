package wire

import "unsafe"

// CommandKind says what a command asks for. The numbers are part of the log's format and never change.
type CommandKind uint8

// The command kinds.
const (
	CmdGenesis        CommandKind = 1
	CmdSetRules       CommandKind = 2
	CmdTick           CommandKind = 3
	CmdLogon          CommandKind = 4
	CmdAddAsset       CommandKind = 10
	CmdAddInstrument  CommandKind = 11
	CmdSetInstrument  CommandKind = 12
	CmdSetPhase       CommandKind = 13
	CmdAddFirm        CommandKind = 20
	CmdAddUser        CommandKind = 21
	CmdAddKey         CommandKind = 22
	CmdRevokeKey      CommandKind = 23
	CmdAddAccount     CommandKind = 24
	CmdAddSession     CommandKind = 25
	CmdSetSession     CommandKind = 26
	CmdDeposit        CommandKind = 30
	CmdWithdraw       CommandKind = 31
	CmdNewOrder       CommandKind = 40
	CmdCancelOrder    CommandKind = 41
	CmdReplaceOrder   CommandKind = 42
	CmdCancelAll      CommandKind = 43
	CmdMassCancel     CommandKind = 44
	CmdQueryOrder     CommandKind = 45
	CmdSessionMessage CommandKind = 46
)

// Origin names the request that a command came from, so that the gateway that sent it finds the answer among the
// events. The engine copies it and never looks at it; it is in no hash.
type Origin struct {
	Node uint64 // the gateway's own number, fresh at every start
	Seq  uint64 // the request's number at that gateway
}

// CommandBodySize is the room for a command's body in memory, in bytes. On the wire a body takes its kind's own size.
const CommandBodySize = 120

// Command is one command: a header, and a body whose layout depends on Kind. It is a plain value of fixed size without
// pointers, so that it can be copied through rings. Bodies are written with a body type's Put and read with its Get.
type Command struct {
	Kind   CommandKind
	_      [3]byte
	Key    KeyID  // who asks; the gateway has authenticated it. NoKey: the venue itself
	TimeNs int64  // stamped by the sequencer, nanoseconds since the Unix epoch
	SentNs int64  // when the client says it first sent this, same unit; 0: not stated. Judges whether a repeat is too old
	Origin Origin // where the answer goes
	Body   [CommandBodySize]byte
}

// The sizes are part of the ring's and the log's accounting; these lines do not compile when they change.
const (
	CommandSize         = 160
	_           uintptr = CommandSize - unsafe.Sizeof(Command{})
	_           uintptr = unsafe.Sizeof(Command{}) - CommandSize
)

// Genesis is the first command of every venue: it creates the venue's firm, its fee account, and the first operator.
type Genesis struct {
	Venue       Text     // the venue's name
	ClusterID   [16]byte // random; data of another cluster is refused by it
	OperatorPub [32]byte // Ed25519 public key of the first operator
}

// SetRules moves the venue to another version of the rules. Operator.
type SetRules struct{ Version uint32 }

// Tick carries time alone.
type Tick struct{}

// Logon records that Key opened a session with Nonce, which must be greater than every earlier one of that key: so a
// recorded logon cannot be sent again, also after a restart.
type Logon struct{ Nonce uint64 }

// AddAsset defines an asset. Operator. The same definition again is answered with the asset that there is.
type AddAsset struct {
	Code     Text
	Decimals uint8 // one unit of the asset is 10^Decimals smallest units, 0–18
}

// AddInstrument defines an instrument, in phase Closed. Operator. Prices are in units of the quote asset for one whole
// unit of the base asset: a tick is TickSize·10^-PriceDecimals of them. A lot is LotSize smallest units of the base
// asset. One tick times one lot must be a whole number of the quote asset's smallest units.
type AddInstrument struct {
	Symbol        Text
	Base, Quote   AssetID
	PriceDecimals uint8
	TickSize      int64
	LotSize       int64
	Limits        InstrumentLimits
}

// InstrumentLimits are the parameters of an instrument that may change later.
type InstrumentLimits struct {
	MinPrice, MaxPrice Price  // ticks, 1 ≤ MinPrice ≤ MaxPrice
	MinQty, MaxQty     Qty    // lots, 1 ≤ MinQty ≤ MaxQty
	MinNotional        uint64 // smallest units of the quote asset; 0: none
	MakerBps, TakerBps uint16 // fees in basis points of the notional, 0–1,000
}

// LimitFields say which of an instrument's limits a command sets, a set of bits.
type LimitFields uint8

// The limits of an instrument.
const (
	SetMinPrice LimitFields = 1 << iota
	SetMaxPrice
	SetMinQty
	SetMaxQty
	SetMinNotional
	SetMakerBps
	SetTakerBps
)

// AllLimits is every limit.
const AllLimits = SetTakerBps<<1 - 1

// SetInstrument changes some of an instrument's limits and fees for orders that come later. Operator. What Fields does
// not name stays as it is, so that two operators who change different things do not undo each other.
type SetInstrument struct {
	Instrument InstrumentID
	Fields     LimitFields
	Limits     InstrumentLimits
}

// SetPhase moves an instrument to another phase. Operator. Leaving Auction for Closed or Continuous uncrosses at one
// price; Reference is the last tie-break of that price (0: the last trade's price, or none). The phase that already
// holds is accepted and changes nothing.
type SetPhase struct {
	Instrument InstrumentID
	Phase      Phase
	Reference  Price
}

// AddFirm defines a firm. Operator. Names are unique; the same definition again answers with the one that there is.
type AddFirm struct{ Name Text }

// AddUser defines a user of a firm. Operator. Names are unique in the venue.
type AddUser struct {
	Firm FirmID
	Name Text
}

// AddKey gives a user a key. Operator. Public keys are unique in the venue.
type AddKey struct {
	User UserID
	Role Role
	Pub  [32]byte // Ed25519
}

// RevokeKey ends a key for good. Operator. The last operator key cannot be revoked.
type RevokeKey struct{ Key KeyID }

// AddAccount opens an account of a user. Operator. Names are unique in the venue.
type AddAccount struct {
	User UserID
	Name Text
}

// Transfer is the body of Deposit and Withdraw. Custodian. Reference is the transfer's own id in the outside world: the
// same reference and content again is answered as the first time and moves nothing.
type Transfer struct {
	Account   AccountID
	Asset     AssetID
	Amount    Amount
	Reference Text
}

// NewOrder enters an order. Trader.
type NewOrder struct {
	Account    AccountID
	Instrument InstrumentID
	Side       Side
	Type       OrderType
	TIF        TIF
	Flags      OrderFlags
	Price      Price  // Limit: the limit. Market: protection price, 0 for none
	Qty        Qty    // lots; 0 for a market buy by Funds
	Funds      Amount // market buy: spend at most this, fees included; zero otherwise
	ClientID   Text   // the client's own id, unique in the account; empty: repeats are not recognised
}

// OrderRef names an order of an account: by the venue's id, or where that is 0 by its latest client id. Instrument, where
// it is not 0, must be the order's own: price and quantity mean nothing in another.
type OrderRef struct {
	Order      OrderID
	ClientID   Text
	Instrument InstrumentID
}

// CancelOrder cancels what is left of an order. Trader.
type CancelOrder struct {
	Account  AccountID
	Target   OrderRef
	ClientID Text // of this request; empty: repeats are not recognised
}

// ReplaceOrder changes an order's price and quantity. Trader. Qty is the order's new total, what has traded included. A
// smaller quantity at the same price keeps the order's priority; anything else loses it and may trade on entry.
type ReplaceOrder struct {
	Account  AccountID
	Target   OrderRef
	ClientID Text // the order's new client id; empty: it keeps the one it has, and repeats are not recognised
	Price    Price
	Qty      Qty
}

// CancelAll cancels the open orders of an account, in one instrument or in all (0), oldest first. Trader.
type CancelAll struct {
	Account    AccountID
	Instrument InstrumentID
}

// MassCancel cancels every open order of an instrument, bids before asks, each in priority order. Operator.
type MassCancel struct{ Instrument InstrumentID }

// QueryOrder asks for an order's state as of this point of the log. Trader or ReadOnly.
type QueryOrder struct {
	Account AccountID
	Target  OrderRef
}
