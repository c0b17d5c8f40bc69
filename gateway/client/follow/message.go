package follow

import (
	"uncross/engine/wire"
)

// Message is one message of a channel. Which fields are set depends on the channel.
type Message struct {
	Channel            string
	Snapshot           bool // it replaces what there was; otherwise it continues the message with sequence Previous
	Symbol             string
	Interval           string // candles
	Previous, Sequence uint64 // public channels
	TimeNs             int64  // engine time of the last change in it
	Part, Parts        int    // of a message in several; else 0
	Checksum           *uint32
	Instrument         *Instrument

	Bids, Asks           []Level // book, best first; bbo: one or none of each
	BidOrders, AskOrders []Order // orders, a snapshot, in priority order
	Changes              []Change
	Trades               []Trade
	Auction              *Auction
	Status               *Status
	Candles              []Candle
	Statistics           *Statistics

	Account   string // private channels
	Event     EventID
	Execution *Execution
	Balances  []Balance
	Reason    string // of the balances' change

	Binary     bool   // it came in the binary form
	Raw        []byte // as it came, JSON or binary; nil for trades read from REST. It holds until the callback returns
	Backfilled bool   // trades that come from REST, since they were missed here
}

// Level is a price of one side of a book.
type Level struct {
	Price  wire.Price
	Qty    wire.Qty // 0: the level is gone
	Orders int
}

// Order is a resting order.
type Order struct {
	ID    wire.OrderID
	Price wire.Price
	Qty   wire.Qty // what is left
}

// ChangeKind is what became of an order in a book.
type ChangeKind uint8

// The kinds of changes.
const (
	Added   ChangeKind = 1 + iota // behind all others of its price
	Changed                       // in its place; Qty is left
	Removed
)

// Change is a change of one order in a book.
type Change struct {
	Kind ChangeKind
	Side wire.Side
	Order
}

// Trade is a trade as everybody sees it.
type Trade struct {
	ID      uint64
	Command uint64
	TimeNs  int64
	Price   wire.Price
	Qty     wire.Qty
	Taker   wire.Side // 0: of an auction
}

// Auction is what an auction would come to, or came to.
type Auction struct {
	State       string     // indicative, result or none
	Price       wire.Price // 0: nothing crosses
	Volume      wire.Qty
	Surplus     wire.Qty
	SurplusSide wire.Side // 0: no surplus
}

// Status is an instrument's phase.
type Status struct{ Phase, Was string }

// Candle is what was traded in an interval.
type Candle struct {
	StartNs                int64
	Open, High, Low, Close wire.Price
	Volume, Notional       string // decimals; Notional of the binary form: a whole number of the quote asset's smallest units
	Trades                 uint64
}

// Statistics are those of the last 24 hours; Open, High and Low are 0 without a trade in them, Last without any trade. Numbers in
// text are as a candle's; the binary form has no Change.
type Statistics struct {
	Open, High, Low, Last    wire.Price
	Change, Volume, Notional string
	Trades                   uint64
	From                     string
}

// Balance is an account's balance of one asset after an event.
type Balance struct {
	Asset     string `json:"asset"`
	Available string `json:"available"`
	Held      string `json:"held"`
}
