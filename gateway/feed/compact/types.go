package compact

import (
	"uncross/engine/wire"
	"uncross/gateway/candles"
)

// Channel is a public channel. The numbers are part of the binary form and never change.
type Channel uint8

// The public channels.
const (
	Book       Channel = 1 // every price level
	Orders     Channel = 2 // every order
	BBO        Channel = 3 // the best bid and offer
	Trades     Channel = 4 // every trade
	Auction    Channel = 5 // what an auction would come to, or came to
	Status     Channel = 6 // the phase
	Candles    Channel = 7 // of an interval
	Statistics Channel = 8 // of the last 24 hours
)

// ChannelCount is how many channels there are.
const ChannelCount = 8

var channelNames = [ChannelCount + 1]string{"invalid", "book", "orders", "bbo", "trades", "auction", "status", "candles", "statistics"}

// Valid reports whether c is one of the channels.
func (c Channel) Valid() bool { return c >= Book && c <= Statistics }

// String returns the channel's name in requests and messages.
func (c Channel) String() string {
	if !c.Valid() {
		return channelNames[0]
	}
	return channelNames[c]
}

// ParseChannel returns the channel of a name, and false where there is none of that name.
func ParseChannel(name string) (Channel, bool) {
	for c := Book; c <= Statistics; c++ {
		if channelNames[c] == name {
			return c, true
		}
	}
	return 0, false
}

// Message is what a message of a public channel says. Of the lists and parts below the head only the channel's own is used.
type Message struct {
	Channel    Channel
	Interval   candles.Interval // of the channel candles
	Snapshot   bool             // it replaces what the reader had; else it continues the message whose sequence is Previous
	Instrument wire.InstrumentID
	Sequence   uint64 // the command that changed the subject last
	Previous   uint64
	TimeNs     int64 // engine time of the last change, nanoseconds since the Unix epoch
	Part       int   // from 1 on; 0: it is the only one
	Parts      int
	Summed     bool   // it has a checksum
	Checksum   uint32 // CRC-32 (IEEE); in the binary form over numbers of ticks and lots

	Levels     []Level // book, and bbo: the best ones. Bids before asks, best first
	Orders     []Order // a snapshot has Rest alone, bids before asks, in priority order; changes apply in their order
	Trades     []Trade // oldest first
	Auction    AuctionState
	Status     StatusState
	Candles    []candles.Candle // oldest first
	Statistics candles.Statistics
}

// Level is one price of a book. Qty 0 takes it away.
type Level struct {
	Side   wire.Side
	Price  wire.Price // ticks
	Qty    wire.Qty   // lots
	Orders uint32
}

// Action is what becomes of an order.
type Action uint8

// The actions.
const (
	Add    Action = 1 // it comes behind all others of its price
	Change Action = 2 // it stays in its place
	Remove Action = 3
)

// String returns the action in lower case.
func (a Action) String() string {
	switch a {
	case Add:
		return "add"
	case Change:
		return "change"
	case Remove:
		return "remove"
	}
	return "invalid"
}

// Order is an order, or a change of one.
type Order struct {
	Action Action
	Side   wire.Side
	Order  wire.OrderID
	Price  wire.Price // ticks
	Qty    wire.Qty   // lots that are left
}

// Trade is a trade.
type Trade struct {
	Trade   wire.TradeID
	Command uint64
	TimeNs  int64
	Price   wire.Price
	Qty     wire.Qty
	Taker   wire.Side // 0 in an auction
}

// State is the state of an instrument's auction.
type State uint8

// The states.
const (
	None       State = 0 // there is none
	Indicative State = 1 // what it would come to now
	Result     State = 2 // what it came to
)

// String returns the state in lower case.
func (s State) String() string {
	switch s {
	case None:
		return "none"
	case Indicative:
		return "indicative"
	case Result:
		return "result"
	}
	return "invalid"
}

// AuctionState is an auction, or that there is none. Volume 0: nothing crosses, there is no price.
type AuctionState struct {
	State       State
	Price       wire.Price
	Volume      wire.Qty
	Surplus     wire.Qty
	SurplusSide wire.Side // 0: no surplus
}

// StatusState is an instrument's phase and the one before; equal where that is not known.
type StatusState struct{ Phase, Was wire.Phase }
