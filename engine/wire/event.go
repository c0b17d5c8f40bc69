package wire

import "unsafe"

// EventKind says what happened. The numbers are part of the format of stored events and never change.
type EventKind uint8

// The event kinds. Each names the body that it carries.
const (
	EvRejected        EventKind = 1  // Rejected: the command changed nothing (see EvOrderRejected)
	EvAccepted        EventKind = 2  // Accepted: done, nothing more to say (rules, tick, logon, key revoked)
	EvVenue           EventKind = 3  // Genesis
	EvAsset           EventKind = 10 // Asset: defined
	EvInstrument      EventKind = 11 // Instrument: defined or changed
	EvPhase           EventKind = 12 // PhaseChanged
	EvUncrossed       EventKind = 13 // Uncrossed: an auction's result, before its trades
	EvFirm            EventKind = 20 // Firm
	EvUser            EventKind = 21 // User
	EvKey             EventKind = 22 // Key: defined or revoked
	EvAccount         EventKind = 23 // Account
	EvSession         EventKind = 24 // Session: defined or changed
	EvDeposited       EventKind = 30 // Transferred
	EvWithdrawn       EventKind = 31 // Transferred
	EvOrderAccepted   EventKind = 40 // OrderAccepted, before its trades
	EvTrade           EventKind = 41 // Trade
	EvOrderCanceled   EventKind = 42 // OrderCanceled: the rest of an order left
	EvOrderReplaced   EventKind = 43 // OrderReplaced, before its trades
	EvOrderState      EventKind = 44 // OrderState: answer to QueryOrder; part of an image
	EvMassCanceled    EventKind = 45 // MassCanceled, after the cancels
	EvSessionMessage  EventKind = 46 // SessionMessage
	EvOrderRejected   EventKind = 47 // OrderRejected: a command about an order changed nothing
	EvStateHash       EventKind = 50 // StateHash
	EvImageBegin      EventKind = 60 // Image: what follows replaces all that the reader knows
	EvImageBalance    EventKind = 61 // Balance
	EvImageEnd        EventKind = 62 // Image
	EvImageInstrument EventKind = 63 // InstrumentState: phase and last price
)

// EventFlags are a set of bits.
type EventFlags uint8

// The event flags.
const (
	FlagLast   EventFlags = 1 // the last event of its command
	FlagRepeat EventFlags = 2 // the answer of an earlier command, given again; nothing changed
	FlagImage  EventFlags = 4 // part of an image: state, not news
)

// EventBodySize is the room for an event's body in memory, in bytes. On the wire a body takes its kind's own size.
const EventBodySize = 152

// Event is one thing that happened. Seq and Ord together are its id, unique for ever. A command's events share its Seq
// and are numbered from 0; the first is the answer to the command unless stated otherwise. It is a plain value without pointers.
type Event struct {
	Kind   EventKind
	Flags  EventFlags
	_      [2]byte
	Ord    uint32
	Seq    uint64 // number of the command
	TimeNs int64  // engine time, nanoseconds since the Unix epoch
	Origin Origin // of the command
	Body   [EventBodySize]byte
}

// These lines do not compile when an event's size changes: three cache lines.
const (
	EventSize         = 192
	_         uintptr = EventSize - unsafe.Sizeof(Event{})
	_         uintptr = unsafe.Sizeof(Event{}) - EventSize
)

// Rejected answers a command that changed nothing.
type Rejected struct {
	Command  CommandKind
	Reason   Reason
	Account  AccountID // where the command names one
	Order    OrderID   // where the command names one, or, for DuplicateClientID, the order that has the id
	ClientID Text      // of the command, where it has one
}

// Accepted answers a command that has nothing more to say.
type Accepted struct {
	Command CommandKind
	Number  uint64 // rules version; nonce of a logon; key revoked; else 0
}

// Asset is an asset's definition.
type Asset struct {
	ID       AssetID
	Code     Text
	Decimals uint8
}

// Instrument is an instrument's definition.
type Instrument struct {
	ID            InstrumentID
	Symbol        Text
	Base, Quote   AssetID
	PriceDecimals uint8
	TickSize      int64
	LotSize       int64
	Multiplier    uint64 // smallest units of the quote asset for one tick times one lot
	Limits        InstrumentLimits
}

// PhaseChanged tells an instrument's phase.
type PhaseChanged struct {
	Instrument InstrumentID
	Phase, Was Phase // equal: the command changed nothing
}

// Uncrossed is the result of an auction. Volume 0: nothing crossed, there is no price.
type Uncrossed struct {
	Instrument  InstrumentID
	Price       Price
	Volume      Qty
	Surplus     Qty  // what is left over at the price
	SurplusSide Side // 0: none
}

// InstrumentState is an instrument's changing part, in an image.
type InstrumentState struct {
	Instrument InstrumentID
	Phase      Phase
	LastPrice  Price // 0: no trade yet
	LastQty    Qty
}

// Firm is a firm's definition.
type Firm struct {
	ID   FirmID
	Name Text
}

// User is a user's definition.
type User struct {
	ID   UserID
	Firm FirmID
	Name Text
}

// Key is a key's definition and whether it still holds.
type Key struct {
	ID      KeyID
	User    UserID
	Role    Role
	Revoked uint8 // 0 or 1
	Pub     [32]byte
	Nonce   uint64 // greatest nonce of its logons
}

// Account is an account's definition.
type Account struct {
	ID   AccountID
	User UserID
	Name Text
}

// Transferred tells a deposit or a withdrawal.
type Transferred struct {
	Account   AccountID
	Asset     AssetID
	Amount    Amount
	Available Amount // after it
	Held      Amount // after it
	Reference Text
}

// OrderAccepted tells that an order entered. Its trades and the cancel of its rest follow in the same command. What
// then is left of a gtc order rests in the book. With FlagRepeat it is the answer given again and Outcome has the rest.
type OrderAccepted struct {
	Order      OrderID
	Account    AccountID
	Instrument InstrumentID
	Side       Side
	Type       OrderType
	TIF        TIF
	Flags      OrderFlags
	Price      Price
	Qty        Qty    // by funds: the lots that the funds buy
	Funds      Amount // as in the command
	Held       Amount // moved from available to held: quote asset for a buy, base asset for a sell
	ClientID   Text
	First      Outcome
}

// Outcome is what an order's entry came to, once its command was done: the part of an answer that a repeat gives again.
type Outcome struct {
	Seq    uint64      // the command that it was; 0 in an answer that is not a repeat
	Status OrderStatus // after that command
	Filled Qty         // after that command
}

// Trade is one fill between two orders, with the money that it moved: the buyer pays Notional + BuyFee out of its hold
// and gets back BuyReleased of it; the seller gives Qty lots out of its hold and receives Notional - SellFee; the
// venue's account receives both fees.
type Trade struct {
	Trade                   TradeID
	Instrument              InstrumentID
	Taker                   Side // the incoming order's side; 0 in an auction
	Price                   Price
	Qty                     Qty
	BuyOrder, SellOrder     OrderID
	BuyAccount, SellAccount AccountID
	BuyLeft, SellLeft       Qty // of each order, after it
	Notional                Amount
	BuyFee, SellFee         Amount
	BuyReleased             Amount
}

// CancelReason says why the rest of an order left.
type CancelReason uint8

// The cancel reasons.
const (
	CanceledByUser       CancelReason = 1 // CancelOrder
	CanceledByAccount    CancelReason = 2 // CancelAll
	CanceledByOperator   CancelReason = 3 // MassCancel
	CanceledImmediate    CancelReason = 4 // the rest of an ioc order
	CanceledFillOrKill   CancelReason = 5 // a fok order that could not fill completely
	CanceledNoLiquidity  CancelReason = 6 // the rest of a market order
	CanceledNothingToBuy CancelReason = 7 // a market order whose funds do not buy one lot
)

// String returns the reason in lower case with underscores.
func (r CancelReason) String() string {
	switch r {
	case CanceledByUser:
		return "by_user"
	case CanceledByAccount:
		return "by_account"
	case CanceledByOperator:
		return "by_operator"
	case CanceledImmediate:
		return "immediate_or_cancel"
	case CanceledFillOrKill:
		return "fill_or_kill"
	case CanceledNoLiquidity:
		return "no_liquidity"
	case CanceledNothingToBuy:
		return "funds_too_small"
	}
	return "invalid"
}

// OrderCanceled tells that the rest of an order left.
type OrderCanceled struct {
	Order      OrderID
	Account    AccountID
	Instrument InstrumentID
	Side       Side
	Reason     CancelReason
	Left       Qty    // what left
	Filled     Qty    // what had traded
	Released   Amount // moved from held to available
	ClientID   Text   // of the cancel request, where it had one
	First      Outcome
}

// OrderReplaced tells that an order changed. Its trades follow in the same command.
type OrderReplaced struct {
	Order        OrderID
	Account      AccountID
	Instrument   InstrumentID
	Side         Side
	KeptPriority uint8 // 1: it did
	Price        Price
	Qty          Qty    // new total
	Left         Qty    // before its trades
	Held         Amount // moved from available to held …
	Released     Amount // … or from held to available; one of the two is zero
	ClientID     Text   // the order's client id from now on
	First        Outcome
}

// OrderState is an order as it stands.
type OrderState struct {
	Order      OrderID
	Account    AccountID
	Instrument InstrumentID
	Side       Side
	Type       OrderType
	TIF        TIF
	Flags      OrderFlags
	Status     OrderStatus
	Price      Price
	Qty        Qty
	Filled     Qty
	Notional   Amount // sum over its trades
	Held       Amount
	EnteredNs  int64
	Priority   uint64 // place in the queue: in an image, a smaller number at the same price trades first
	ClientID   Text
}

// MassCanceled ends the events of CancelAll and MassCancel.
type MassCanceled struct {
	Account    AccountID    // 0: all
	Instrument InstrumentID // 0: all
	Count      uint64
}

// StateHash is in the event stream after every HashInterval-th command.
type StateHash struct {
	Full     uint64 // everything that the engine's future depends on
	Business uint64 // books, balances and trades; no times, no sessions, no repeats
}

// Balance is an account's balance of one asset, in an image.
type Balance struct {
	Account   AccountID
	Asset     AssetID
	Available Amount
	Held      Amount
}

// Image frames an image.
type Image struct {
	Seq        uint64 // the last command that it contains
	OpenOrders uint64
	Accounts   uint64
}
