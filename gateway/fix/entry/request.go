package entry

import (
	"errors"

	"uncross/engine/wire"
	"uncross/gateway/decimal"
	"uncross/gateway/fix/message"
	"uncross/gateway/fix/report"
	"uncross/gateway/view"
)

// request is one message taken apart: the values of the fields that are used, and the first thing that is wrong with it.
// The values alias the message; nil is absent.
type request struct {
	clientID, target, orderID                   []byte // 11, 41, 37
	account, symbol, currency                   []byte // 1, 55, 15
	side, ordType, tif, inst                    []byte // 54, 40, 59, 18
	price, qty, cash                            []byte // 44, 38, 152
	massCancelType, massStatusID, massStatusTyp []byte // 530, 584, 585
	statusID                                    []byte // 790

	fault wire.Reason // the first one; ReasonNone: none
	tag   int         // at fault
}

// slot returns where the value of a used tag goes.
func (r *request) slot(tag int) *[]byte {
	switch tag {
	case message.TagClOrdID:
		return &r.clientID
	case message.TagOrigClOrdID:
		return &r.target
	case message.TagOrderID:
		return &r.orderID
	case message.TagAccount:
		return &r.account
	case message.TagSymbol:
		return &r.symbol
	case message.TagCurrency:
		return &r.currency
	case message.TagSide:
		return &r.side
	case message.TagOrdType:
		return &r.ordType
	case message.TagTimeInForce:
		return &r.tif
	case message.TagExecInst:
		return &r.inst
	case message.TagPrice:
		return &r.price
	case message.TagOrderQty:
		return &r.qty
	case message.TagCashOrderQty:
		return &r.cash
	case message.TagMassCancelRequestType:
		return &r.massCancelType
	case message.TagMassStatusReqID:
		return &r.massStatusID
	case message.TagMassStatusReqType:
		return &r.massStatusTyp
	case message.TagOrdStatusReqID:
		return &r.statusID
	}
	return nil
}

// read takes a message apart. A field that the venue does not have is the request's fault and does not end the reading:
// the refusal shall say what was asked for.
func (r *request) read(m *message.Message, t *table) {
	for i := range m.Fields {
		f := &m.Fields[i]
		e := t.of(f.Tag)
		if e.treatment == Refused {
			r.blame(report.UnsupportedTag, f.Tag)
			continue
		}
		if e.treatment == Used {
			if at := r.slot(f.Tag); *at == nil {
				*at = f.Value
			}
		}
		if !e.allows(f.Value) {
			r.blame(reasonForValue(m.Type(), f.Tag, f.Value), f.Tag)
		}
	}
}

// blame notes a fault when it is the first.
func (r *request) blame(reason wire.Reason, tag int) {
	if r.fault == wire.ReasonNone {
		r.fault, r.tag = reason, tag
	}
}

// reasonForValue returns why a value that a rule does not list is refused.
func reasonForValue(msgType string, tag int, value []byte) wire.Reason {
	replace := msgType == message.OrderCancelReplaceRequest
	switch {
	case tag == message.TagTimeInForce && string(value) == "0":
		return report.NoDayOrders
	case replace && (tag == message.TagTimeInForce || tag == message.TagOrdType):
		return report.UnsupportedChange
	case tag == message.TagOrdType:
		return report.UnsupportedType
	case tag == message.TagTimeInForce:
		return report.UnsupportedTIF
	case tag == message.TagExecInst:
		return report.UnsupportedInst
	case tag == message.TagMassCancelRequestType, tag == message.TagMassStatusReqType:
		return report.UnsupportedScope
	}
	return report.UnsupportedValue
}

// sideOf returns what a Side field says; 0 where it says neither buy nor sell.
func sideOf(v []byte) wire.Side {
	if len(v) == 1 {
		switch v[0] {
		case '1':
			return wire.Buy
		case '2':
			return wire.Sell
		}
	}
	return 0
}

// orderNumber returns the order that an OrderID field names, 0 where it is absent or no number of this venue's.
func orderNumber(v []byte) wire.OrderID {
	var n uint64
	for _, c := range v {
		if c < '0' || c > '9' || n > 1<<59 {
			return 0
		}
		n = n*10 + uint64(c-'0')
	}
	return wire.OrderID(n)
}

// findAccount returns the account that a request is for.
func (h *Handler) findAccount(s *Session, r *request) wire.AccountID {
	if r.account == nil {
		if s.Def.Account == 0 {
			r.blame(report.NoAccount, message.TagAccount)
		}
		return s.Def.Account
	}
	a, ok := h.view.AccountByName(string(r.account))
	switch {
	case !ok:
		r.blame(wire.UnknownAccount, message.TagAccount)
	case a.User != s.User:
		r.blame(wire.NotYourAccount, message.TagAccount)
	}
	return a.ID
}

// accountOf is findAccount without blame: 0 where there is no such account.
func (h *Handler) accountOf(s *Session, r *request) wire.AccountID {
	if r.account == nil {
		return s.Def.Account
	}
	a, _ := h.view.AccountByName(string(r.account))
	return a.ID
}

// findInstrument returns the instrument that a request is for. Where it may be absent, ok is false and nothing is blamed.
func (h *Handler) findInstrument(r *request, needed bool) (in view.Instrument, ok bool) {
	if r.symbol == nil {
		if needed {
			r.blame(report.MissingTag, message.TagSymbol)
		}
		return in, false
	}
	in, ok = h.view.InstrumentBySymbol(string(r.symbol))
	if !ok {
		r.blame(wire.UnknownInstrument, message.TagSymbol)
		return in, false
	}
	if r.currency != nil && string(r.currency) != string(in.QuoteCode.Bytes()) {
		r.blame(report.CurrencyMismatch, message.TagCurrency)
	}
	return in, true
}

// numberSize bounds the text of a number that is read here; package decimal refuses what is longer.
const numberSize = 72

// plain returns a FIX number in the form that package decimal reads: FIX allows a point without digits on one of its
// sides.
func plain(buf *[numberSize]byte, v []byte) []byte {
	n := len(v)
	if n < 2 || n > numberSize-2 || (v[0] != '.' && v[n-1] != '.') {
		return v
	}
	out := buf[:0]
	if v[0] == '.' {
		out = append(out, '0')
	}
	out = append(out, v...)
	if v[n-1] == '.' {
		out = out[:len(out)-1]
	}
	return out
}

// readPrice reads Price (44), 0 where it is absent.
func (r *request) readPrice(in *view.Instrument) wire.Price {
	if r.price == nil {
		return 0
	}
	var buf [numberSize]byte
	p, err := in.ParsePrice(string(plain(&buf, r.price)))
	if err != nil {
		r.blameNumber(err, r.price, message.TagPrice)
	}
	return p
}

// readQty reads OrderQty (38), 0 where it is absent.
func (r *request) readQty(in *view.Instrument) wire.Qty {
	if r.qty == nil {
		return 0
	}
	var buf [numberSize]byte
	q, err := in.ParseQty(string(plain(&buf, r.qty)))
	if err != nil {
		r.blameNumber(err, r.qty, message.TagOrderQty)
	}
	return q
}

// readCash reads CashOrderQty (152), 0 where it is absent.
func (r *request) readCash(in *view.Instrument) wire.Amount {
	if r.cash == nil {
		return wire.Amount{}
	}
	var buf [numberSize]byte
	a, err := in.ParseQuote(string(plain(&buf, r.cash)))
	if err == nil && a.IsZero() {
		err = decimal.ErrNotPositive
	}
	if err != nil {
		r.blameNumber(err, r.cash, message.TagCashOrderQty)
	}
	return a
}

// blameNumber notes what package decimal says of a number.
func (r *request) blameNumber(err error, v []byte, tag int) {
	reason := report.NotADecimal
	switch {
	case len(v) > 0 && v[0] == '-', errors.Is(err, decimal.ErrNotPositive):
		reason = report.NotPositive
	case errors.Is(err, decimal.ErrOffTick):
		reason = report.PriceOffTick
	case errors.Is(err, decimal.ErrOffLot):
		reason = report.QuantityOffLot
	case errors.Is(err, decimal.ErrPrecision), errors.Is(err, decimal.ErrDecimals):
		reason = report.TooManyDecimals
	case errors.Is(err, decimal.ErrRange):
		reason = report.NumberTooLarge
	}
	r.blame(reason, tag)
}
