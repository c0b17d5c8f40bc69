package http

import (
	"math"

	"uncross/engine/wire"
	"uncross/gateway/candles"
	"uncross/gateway/view"
)

// This file has what the trades come to: candles from the history, and the last 24 hours from the market data.

type candleAnswer struct {
	Start    string `json:"start"`
	Open     string `json:"open"`
	High     string `json:"high"`
	Low      string `json:"low"`
	Close    string `json:"close"`
	Volume   string `json:"volume"`
	Notional string `json:"notional"`
	Trades   uint64 `json:"trades"`
}

// listCandles handles GET /v1/instruments/{symbol}/candles. Times without a trade have no candle.
func listCandles(q *request) (any, *Error) {
	name := q.fields.text("interval")
	interval, ok := candles.Parse(name)
	if name != "" && !ok {
		q.fields.keep(refuseField(InvalidValue, "interval", "one of "+intervalNames()+" is needed"))
	}
	h := q.pastQuery()
	if err := q.fields.done(); err != nil {
		return nil, err
	}
	q.catchUpHistory()
	in, err := q.instrument(q.params[0])
	if err != nil {
		return nil, err
	}
	asOf := q.s.history.Position()
	p, e := q.s.history.Candles(in.ID, interval, h)
	return pastPage(q, asOf, p, e, func(c *candles.Candle) candleAnswer {
		return candleAnswer{Start: stamp(c.StartNs), Open: in.Price(c.Open), High: in.Price(c.High), Low: in.Price(c.Low),
			Close: in.Price(c.Close), Volume: lots(&in, c.Volume), Notional: quote(&in, c.Notional), Trades: c.Trades}
	})
}

func intervalNames() string {
	s := ""
	for _, i := range candles.Intervals() {
		if s != "" {
			s += ", "
		}
		s += i.String()
	}
	return s
}

// lots returns a sum of lots in units of the base asset. One that is too great to be told stays at the greatest number.
func lots(in *view.Instrument, n wire.Amount) string {
	a, ok := n.Mul(uint64(in.LotSize))
	if !ok {
		a = wire.Amount{Hi: math.MaxUint64, Lo: math.MaxUint64}
	}
	return string(in.AppendBase(nil, a))
}

// statisticsAnswer is the last 24 hours of an instrument.
type statisticsAnswer struct {
	Symbol   string `json:"symbol"`
	AsOf     string `json:"as_of"`
	From     string `json:"from"`           // beginning of the window, a whole minute
	Open     string `json:"open,omitempty"` // absent, as high and low: no trade in the window
	High     string `json:"high,omitempty"`
	Low      string `json:"low,omitempty"`
	Last     string `json:"last,omitempty"`   // of the last trade there ever was
	Change   string `json:"change,omitempty"` // from open to last, signed
	Volume   string `json:"volume"`
	Notional string `json:"notional"`
	Trades   uint64 `json:"trades"`
}

// statistics words the last 24 hours of an instrument.
func (q *request) statistics(in *view.Instrument) (a statisticsAnswer, err *Error) {
	s, asOf, ok := q.s.market.Statistics(in.ID)
	if !ok {
		return a, refuse(NotReady, "the market data is being read anew")
	}
	q.seen(asOf)
	a = statisticsAnswer{
		Symbol: in.Symbol.String(), AsOf: id(asOf), From: stamp(s.FromNs), Open: price(in, s.Open), High: price(in, s.High),
		Low: price(in, s.Low), Last: price(in, s.Last), Volume: lots(in, s.Volume), Notional: quote(in, s.Notional), Trades: s.Trades,
	}
	switch {
	case s.Open == 0 || s.Last == 0:
	case s.Last < s.Open:
		a.Change = "-" + in.Price(s.Open-s.Last)
	default:
		a.Change = in.Price(s.Last - s.Open)
	}
	return a, nil
}

// hasStatistics refuses where nobody keeps statistics, and waits until they are as of what was answered before.
func (q *request) hasStatistics() *Error {
	if q.s.market == nil {
		return refuse(NotOffered, "this server publishes no market data")
	}
	q.catchUp()
	q.catchUpMarket()
	return nil
}

// showStatistics handles GET /v1/instruments/{symbol}/statistics.
func showStatistics(q *request) (any, *Error) {
	if err := q.fields.done(); err != nil {
		return nil, err
	}
	if err := q.hasStatistics(); err != nil {
		return nil, err
	}
	in, err := q.instrument(q.params[0])
	if err != nil {
		return nil, err
	}
	return q.statistics(&in)
}

// listStatistics handles GET /v1/statistics: of every instrument, in the order of the list of instruments.
func listStatistics(q *request) (any, *Error) {
	var refused *Error
	a, err := byCursor(q, func() []view.Instrument {
		if refused = q.hasStatistics(); refused != nil {
			return nil
		}
		return q.s.view.Instruments()
	}, func(in *view.Instrument) uint32 { return uint32(in.ID) }, func(in *view.Instrument) statisticsAnswer {
		s, err := q.statistics(in)
		if err != nil {
			refused = err
		}
		return s
	})
	if err == nil {
		err = refused
	}
	return a, err
}
