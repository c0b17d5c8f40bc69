package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/client/follow"
)

// streamLine writes a message as a line to read.
func streamLine(m *follow.Message) string {
	subject := m.Symbol
	if m.Account != "" {
		subject = m.Account
	}
	head := fmt.Sprintf("%s %-10s %-10s ", streamTime(m.TimeNs), m.Channel, subject)
	if m.Account != "" {
		head += m.Event.String()
	} else {
		head += fmt.Sprintf("#%d", m.Sequence)
	}
	if m.Snapshot {
		head += " snapshot"
	}
	if m.Parts > 1 {
		head += fmt.Sprintf(" part %d of %d", m.Part, m.Parts)
	}
	if m.Backfilled {
		head += " read afterwards"
	}
	return head + "  " + streamBody(m)
}

func streamBody(m *follow.Message) string {
	switch {
	case m.Channel == follow.ChannelBook, m.Channel == follow.ChannelBBO:
		return levelsLine(m, "bid", m.Bids) + "  " + levelsLine(m, "ask", m.Asks)
	case m.Channel == follow.ChannelOrders:
		return ordersLine(m)
	case m.Channel == follow.ChannelTrades:
		return tradesLine(m)
	case m.Auction != nil:
		return auctionLine(m)
	case m.Status != nil:
		return m.Status.Phase + ", was " + m.Status.Was
	case m.Channel == follow.ChannelCandles:
		return candlesLine(m)
	case m.Statistics != nil:
		s := m.Statistics
		return fmt.Sprintf("open %s high %s low %s last %s change %s volume %s in %d trades", priceText(m, s.Open), priceText(m, s.High), priceText(m, s.Low),
			priceText(m, s.Last), dash(s.Change), s.Volume, s.Trades)
	case m.Execution != nil:
		return executionLine(m.Execution)
	}
	return balancesLine(m)
}

// shown is how many entries of a long message are written.
const shown = 10

// short joins the first entries of a list.
func short[T any](list []T, write func(T) string) string {
	if len(list) == 0 {
		return "-"
	}
	texts := make([]string, 0, shown+1)
	for _, v := range list[:min(shown, len(list))] {
		texts = append(texts, write(v))
	}
	if more := len(list) - shown; more > 0 {
		texts = append(texts, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(texts, ", ")
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func priceText(m *follow.Message, p wire.Price) string {
	if p == 0 {
		return "-"
	}
	return m.Instrument.Price(p)
}

func levelsLine(m *follow.Message, side string, levels []follow.Level) string {
	return side + " " + short(levels, func(l follow.Level) string {
		if l.Qty == 0 {
			return m.Instrument.Price(l.Price) + " gone"
		}
		return fmt.Sprintf("%s x %s (%d)", m.Instrument.Price(l.Price), m.Instrument.Qty(l.Qty), l.Orders)
	})
}

func orderLine(m *follow.Message, o follow.Order) string {
	return fmt.Sprintf("%d %s x %s", o.ID, m.Instrument.Price(o.Price), m.Instrument.Qty(o.Qty))
}

func ordersLine(m *follow.Message) string {
	if m.Snapshot && !m.Binary {
		write := func(o follow.Order) string { return orderLine(m, o) }
		return "bids " + short(m.BidOrders, write) + "  asks " + short(m.AskOrders, write)
	}
	kinds := map[follow.ChangeKind]string{follow.Added: "add", follow.Changed: "change", follow.Removed: "remove"}
	return short(m.Changes, func(c follow.Change) string {
		return kinds[c.Kind] + " " + c.Side.String() + " " + orderLine(m, c.Order)
	})
}

func tradesLine(m *follow.Message) string {
	return short(m.Trades, func(t follow.Trade) string {
		taker := "auction"
		if t.Taker.Valid() {
			taker = t.Taker.String()
		}
		return fmt.Sprintf("%d %s x %s %s", t.ID, m.Instrument.Price(t.Price), m.Instrument.Qty(t.Qty), taker)
	})
}

// tradesJSON writes trades that did not come as a message in a message's form.
func tradesJSON(m *follow.Message) string {
	list := make([]object, 0, len(m.Trades))
	for _, t := range m.Trades {
		taker := "none"
		if t.Taker.Valid() {
			taker = t.Taker.String()
		}
		list = append(list, object{"trade_id": fmt.Sprint(t.ID), "command": fmt.Sprint(t.Command), "time": time.Unix(0, t.TimeNs).UTC().Format(time.RFC3339Nano),
			"price": m.Instrument.Price(t.Price), "quantity": m.Instrument.Qty(t.Qty), "taker_side": taker})
	}
	text, err := json.Marshal(object{"channel": m.Channel, "symbol": m.Symbol, "sequence": fmt.Sprint(m.Sequence), "trades": list})
	if err != nil {
		return err.Error() // texts and numbers alone: it does not come to that
	}
	return string(text)
}

func auctionLine(m *follow.Message) string {
	a := m.Auction
	line := fmt.Sprintf("%s price %s volume %s surplus %s", a.State, priceText(m, a.Price), m.Instrument.Qty(a.Volume), m.Instrument.Qty(a.Surplus))
	if a.SurplusSide.Valid() {
		line += " " + a.SurplusSide.String()
	}
	return line
}

func candlesLine(m *follow.Message) string {
	return m.Interval + " " + short(m.Candles, func(c follow.Candle) string {
		return fmt.Sprintf("%s open %s high %s low %s close %s volume %s", streamTime(c.StartNs), m.Instrument.Price(c.Open), m.Instrument.Price(c.High),
			m.Instrument.Price(c.Low), m.Instrument.Price(c.Close), c.Volume)
	})
}

func executionLine(x *follow.Execution) string {
	line := x.Kind
	add := func(name, text string) {
		if text != "" {
			line += " " + strings.TrimLeft(name+" "+text, " ")
		}
	}
	add("", x.Command)
	add("order", x.OrderID)
	add("client id", x.ClientOrderID)
	add("", x.Symbol)
	add("", x.Side)
	add("", x.Quantity)
	add("at", x.Price)
	add("remaining", x.Remaining)
	add("canceled", x.Canceled)
	add("by", x.CancelReason)
	add("trade", x.TradeID)
	add("fee", x.Fee)
	if x.Reason != nil {
		add("because", x.Reason.Name)
	}
	return line
}

func balancesLine(m *follow.Message) string {
	return strings.TrimLeft(m.Reason+" ", " ") + short(m.Balances, func(b follow.Balance) string {
		return fmt.Sprintf("%s %s and %s held", b.Asset, b.Available, b.Held)
	})
}
