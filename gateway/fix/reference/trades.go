package reference

import (
	"strconv"

	"uncross/engine/wire"
	"uncross/gateway/fix/entry"
	"uncross/gateway/fix/message"
	"uncross/gateway/fix/report"
	"uncross/gateway/history"
	"uncross/gateway/view"
)

// fillsPage is how many fills are taken out of history at once.
const fillsPage = 500

// Values of TradeRequestStatus (750).
const (
	requestAccepted  = 0
	requestCompleted = 1
	requestRejected  = 2
)

// tradeReports answers AD: the trades of the session's user, or on a drop copy session of its firm, each side by itself;
// account by account, in each the oldest first.
func (h *Handler) tradeReports(s *entry.Session, m *message.Message, out *entry.Outcome) {
	var accounts []wire.Account
	switch s.Def.Kind {
	case wire.TradingSession:
		accounts = h.view.AccountsOf(s.User)
	case wire.DropCopySession:
		for _, u := range h.view.Users() {
			if u.Firm == s.Firm {
				accounts = append(accounts, h.view.AccountsOf(u.ID)...)
			}
		}
	default:
		out.RefuseMessage(m.Type(), m.String(message.TagTradeRequestID), report.NotForThisSession, 0)
		return
	}
	q := h.readQuery(m)
	if q.text != "" {
		b := message.NewBody(message.TradeCaptureReportRequestAck)
		q.ack(b, requestRejected, false)
		out.Give(entry.One(b))
		return
	}
	out.Give(func(yield func(*message.Body) bool) { h.capture(&q, accounts, yield) })
}

// ack writes AQ. That there is no trade at all is said at once, since no report can say it.
func (q *query) ack(b *message.Body, status int, none bool) {
	b.Reset(message.TradeCaptureReportRequestAck)
	b.Str(message.TagTradeRequestID, q.id).Str(message.TagTradeRequestType, q.kind)
	if none {
		b.Int(message.TagTotNumTradeReports, 0)
	}
	b.Int(message.TagTradeRequestResult, int64(q.result)).Int(message.TagTradeRequestStatus, int64(status))
	symbol := q.symbol
	if symbol == "" {
		symbol = "[N/A]"
	}
	b.Str(message.TagSymbol, symbol).Str(message.TagText, q.text)
}

// capture gives AQ and every AE. It is always one fill ahead of what it gives, so that it knows the last one. Where history does not
// have what the view has, or fails before the first, the request is refused: an answer without a trade that was made would be taken for
// the whole. One that history cannot finish has no last report.
func (h *Handler) capture(q *query, accounts []wire.Account, yield func(*message.Body) bool) {
	var b message.Body
	unavailable := func() {
		q.fault(otherTradeFault, "the trades cannot be told at the moment: ask again")
		q.ack(&b, requestRejected, false)
		yield(&b)
	}
	if !h.history.WaitFor(h.view.Applied(), historyWait) {
		unavailable()
		return
	}
	var held history.Fill
	var owner wire.Text
	begun := false
	w := writer{h: h, q: q, b: &b}
	for i := range accounts {
		whole, err := h.fills(q, accounts[i].ID, func(f *history.Fill) bool {
			if !begun {
				q.ack(&b, requestAccepted, false)
			} else {
				w.report(&held, owner, false)
			}
			begun, held, owner = true, *f, accounts[i].Name
			return yield(&b)
		})
		if err != nil && !begun {
			unavailable()
		}
		if !whole || err != nil {
			return
		}
	}
	if begun {
		w.report(&held, owner, true)
	} else {
		q.ack(&b, requestCompleted, true)
	}
	yield(&b)
}

// fills calls fn with an account's fills that a request asks for, page by page; whole is false when fn ended it. An error is history's.
func (h *Handler) fills(q *query, acc wire.AccountID, fn func(*history.Fill) bool) (whole bool, err error) {
	page := history.Query{Limit: fillsPage, Oldest: true, FromNs: q.from, ToNs: q.to, Instrument: q.in, Order: q.order}
	if !q.clientID.IsEmpty() {
		o, ok, err := h.history.OrderByClientID(acc, q.clientID)
		if err != nil {
			return false, err
		}
		if !ok || (q.order != 0 && o.ID != q.order) {
			return true, nil
		}
		page.Order = o.ID
	}
	for {
		p, err := h.history.Fills(acc, page)
		if err != nil {
			return false, err
		}
		for i := range p.Items {
			f := &p.Items[i]
			if (q.side == 0 || f.Side == q.side) && !fn(f) {
				return false, nil
			}
		}
		if !p.More {
			return true, nil
		}
		page.Cursor = p.Next
	}
}

// writer writes AE one after the other.
type writer struct {
	h  *Handler
	q  *query
	b  *message.Body
	in view.Instrument // of the last fill
}

// report writes AE of one side of a trade. Its fields are in the order of the standard's definition.
func (w *writer) report(f *history.Fill, account wire.Text, last bool) {
	if w.in.ID != f.Instrument {
		w.in, _ = w.h.view.Instrument(f.Instrument)
	}
	b, in, id := w.b, &w.in, execID(f)
	b.Reset(message.TradeCaptureReport)
	b.Str(message.TagTradeReportID, id).Int(message.TagTradeReportTransType, 0).Int(message.TagTradeReportType, 0)
	b.Str(message.TagTradeRequestID, w.q.id).Int(message.TagTrdType, 0).Char(message.TagExecType, 'F')
	b.Bool(message.TagLastRptRequested, last)
	b.Uint(message.TagTrdMatchID, uint64(f.Trade)).Str(message.TagExecID, id).Char(message.TagOrdStatus, ordStatus(f))
	b.Bool(message.TagPreviouslyReported, false)
	b.Text(message.TagSymbol, in.Symbol)
	b.Close(in.AppendQty(b.Open(message.TagLastQty), f.Qty))
	b.Close(in.AppendPrice(b.Open(message.TagLastPx), f.Price))
	b.Date(message.TagTradeDate, f.TimeNs).Time(message.TagTransactTime, f.TimeNs)
	b.Char(message.TagMatchStatus, '0') // matched
	b.Int(message.TagNoSides, 1)
	side := byte('1')
	if f.Side == wire.Sell {
		side = '2'
	}
	b.Char(message.TagSide, side).Uint(message.TagOrderID, uint64(f.Order)).Text(message.TagClOrdID, f.ClientID)
	b.Text(message.TagAccount, account).Text(message.TagCurrency, in.QuoteCode)
	b.Close(in.AppendQuote(b.Open(message.TagCommission), f.Fee))
	b.Char(message.TagCommType, '3').Text(message.TagCommCurrency, in.QuoteCode) // absolute
	b.Close(in.AppendQuote(b.Open(message.TagGrossTradeAmt), f.Notional))
}

// ordStatus returns OrdStatus (39) of the order as the trade left it.
func ordStatus(f *history.Fill) byte {
	if f.Left == 0 {
		return '2'
	}
	return '1'
}

// execID returns the id that the execution report of the fill has.
func execID(f *history.Fill) string {
	b := strconv.AppendUint(make([]byte, 0, 32), f.Seq, 10)
	b = strconv.AppendUint(append(b, '-'), uint64(f.Ord), 10)
	if f.Side == wire.Sell {
		return string(append(b, 'S'))
	}
	return string(append(b, 'B'))
}
