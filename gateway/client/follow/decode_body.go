package follow

import (
	"encoding/json"
	"fmt"
)

// body reads what a channel has of its own.
func (r *reader) body(m *Message, e *envelope, text []byte) {
	switch m.Channel {
	case ChannelBook:
		m.Bids, m.Asks = r.levels(e.Bids), r.levels(e.Asks)
	case ChannelOrders:
		if m.Snapshot {
			m.BidOrders, m.AskOrders = r.orders(e.Bids), r.orders(e.Asks)
		} else {
			m.Changes = r.changes(e.Changes)
		}
	case ChannelBBO:
		if e.Bid != nil {
			m.Bids = []Level{r.level(e.Bid)}
		}
		if e.Ask != nil {
			m.Asks = []Level{r.level(e.Ask)}
		}
	case ChannelTrades:
		m.Trades = r.trades(text)
	case ChannelAuction:
		m.Auction = r.auction(text)
	case ChannelStatus:
		m.Status = &Status{}
		r.keep(json.Unmarshal(text, m.Status))
	case ChannelCandles:
		m.Candles = r.candles(text)
	case ChannelStatistics:
		m.Statistics = r.statistics(text)
	case ChannelExecutions, ChannelBalances:
		r.private(m, e, text)
	default:
		r.keep(fmt.Errorf("there is no channel %q", m.Channel))
	}
}

func (r *reader) private(m *Message, e *envelope, text []byte) {
	var err error
	if e.Event != "" {
		m.Event, err = ParseEventID(e.Event)
		r.keep(err)
	}
	if m.Channel == ChannelExecutions {
		m.Execution = &Execution{}
		r.keep(json.Unmarshal(text, m.Execution))
		return
	}
	var b struct {
		Reason   string    `json:"reason"`
		Balances []Balance `json:"balances"`
	}
	r.keep(json.Unmarshal(text, &b))
	m.Balances, m.Reason = b.Balances, b.Reason
}

// tradeText is a trade in JSON, the same in the stream and in REST.
type tradeText struct {
	ID       uint64 `json:"trade_id,string"`
	Command  uint64 `json:"command,string"`
	Time     string `json:"time"`
	Price    string `json:"price"`
	Quantity string `json:"quantity"`
	Taker    string `json:"taker_side"`
}

func (r *reader) trade(t *tradeText) Trade {
	return Trade{ID: t.ID, Command: t.Command, TimeNs: r.time(t.Time), Price: r.price(t.Price), Qty: r.qty(t.Quantity), Taker: r.side(t.Taker)}
}

func (r *reader) trades(text []byte) []Trade {
	var b struct {
		Trades []tradeText `json:"trades"`
	}
	r.keep(json.Unmarshal(text, &b))
	out := make([]Trade, 0, len(b.Trades))
	for i := range b.Trades {
		out = append(out, r.trade(&b.Trades[i]))
	}
	return out
}

func (r *reader) auction(text []byte) *Auction {
	var b struct {
		State       string `json:"state"`
		Price       string `json:"price"`
		Volume      string `json:"volume"`
		Surplus     string `json:"surplus"`
		SurplusSide string `json:"surplus_side"`
	}
	r.keep(json.Unmarshal(text, &b))
	return &Auction{b.State, r.priceOr0(b.Price), r.qty(b.Volume), r.qty(b.Surplus), r.side(b.SurplusSide)}
}

func (r *reader) candles(text []byte) []Candle {
	var b struct {
		Candles []struct {
			Start    string `json:"start"`
			Open     string `json:"open"`
			High     string `json:"high"`
			Low      string `json:"low"`
			Close    string `json:"close"`
			Volume   string `json:"volume"`
			Notional string `json:"notional"`
			Trades   uint64 `json:"trades"`
		} `json:"candles"`
	}
	r.keep(json.Unmarshal(text, &b))
	out := make([]Candle, 0, len(b.Candles))
	for _, c := range b.Candles {
		out = append(out, Candle{r.time(c.Start), r.price(c.Open), r.price(c.High), r.price(c.Low), r.price(c.Close), c.Volume, c.Notional, c.Trades})
	}
	return out
}

func (r *reader) statistics(text []byte) *Statistics {
	var b struct {
		Open     string `json:"open"`
		High     string `json:"high"`
		Low      string `json:"low"`
		Last     string `json:"last"`
		Change   string `json:"change"`
		Volume   string `json:"volume"`
		Notional string `json:"notional"`
		Trades   uint64 `json:"trades"`
		From     string `json:"from"`
	}
	r.keep(json.Unmarshal(text, &b))
	return &Statistics{r.priceOr0(b.Open), r.priceOr0(b.High), r.priceOr0(b.Low), r.priceOr0(b.Last), b.Change, b.Volume, b.Notional, b.Trades, b.From}
}

// Execution is something that became of an order of an account. What a kind does not have is empty.
type Execution struct {
	Kind          string  `json:"kind"`    // accepted, replaced, canceled, fill, rejected
	Command       string  `json:"command"` // rejected: what was refused
	Reason        *Reason `json:"reason"`  // rejected: why
	OrderID       string  `json:"order_id"`
	ClientOrderID string  `json:"client_order_id"`
	Symbol        string  `json:"symbol"`
	Side          string  `json:"side"`
	OrderType     string  `json:"order_type"`
	TimeInForce   string  `json:"time_in_force"`
	Price         string  `json:"price"`    // fill: of the trade; else of the order
	Quantity      string  `json:"quantity"` // likewise
	Filled        string  `json:"filled"`
	Remaining     string  `json:"remaining"` // what of the order is open after it
	Canceled      string  `json:"canceled"`
	CancelReason  string  `json:"cancel_reason"`
	TradeID       string  `json:"trade_id"`
	Notional      string  `json:"notional"`
	Fee           string  `json:"fee"` // in the quote asset
	Liquidity     string  `json:"liquidity"`
}

// Reason is a numbered reason of the venue's.
type Reason struct {
	Code int    `json:"code"`
	Name string `json:"reason"`
}
