package reference

import (
	"strconv"

	"uncross/engine/wire"
	"uncross/gateway/fix/entry"
	"uncross/gateway/fix/message"
	"uncross/gateway/view"
)

// PageSize is how many instruments one security list (y) has at most.
const PageSize = 50

// Values of SecurityRequestResult (560).
const (
	listed         = 0
	noneFound      = 2
	notSupported   = 5
	listOfSymbol   = "0" // SecurityListRequestType (559): the one of a symbol
	listOfAll      = "4" // … all
	snapshotOnly   = "0" // SubscriptionRequestType (263)
	attributeText  = 99  // InstrAttribType (871): free text
	allTrades      = "0" // TradeRequestType (569)
	matchingTrades = "1"
)

// securityList answers x: the instrument of a symbol, or all in the order of their definition. There is no subscription:
// a new instrument is seen by asking again.
func (h *Handler) securityList(m *message.Message, out *entry.Outcome) {
	request := m.String(message.TagSecurityReqID)
	sub, has := m.Get(message.TagSubscriptionRequestType)
	var list []view.Instrument
	result := listed
	switch kind := m.String(message.TagSecurityListRequestType); {
	case has && string(sub) != snapshotOnly, kind != listOfSymbol && kind != listOfAll:
		result = notSupported
	case kind == listOfAll:
		list = h.view.Instruments()
	default:
		if in, ok := h.view.InstrumentBySymbol(m.String(message.TagSymbol)); ok {
			list = append(list, in)
		}
	}
	if result == listed && len(list) == 0 {
		result = noneFound
	}
	out.Give(securityPages(request, list, result))
}

// securityPages gives the pages of a list; at least one.
func securityPages(request string, list []view.Instrument, result int) entry.Answers {
	return func(yield func(*message.Body) bool) {
		var b message.Body
		for page, from := 1, 0; page == 1 || from < len(list); page++ {
			to := min(from+PageSize, len(list))
			b.Reset(message.SecurityList)
			b.Str(message.TagSecurityReqID, request)
			b.Str(message.TagSecurityResponseID, strconv.Itoa(page))
			b.Int(message.TagSecurityRequestResult, int64(result))
			if result == listed {
				b.Int(message.TagTotNoRelatedSym, int64(len(list)))
				b.Bool(message.TagLastFragment, to == len(list))
				b.Int(message.TagNoRelatedSym, int64(to-from))
			}
			for i := from; i < to; i++ {
				security(&b, &list[i])
			}
			if !yield(&b) {
				return
			}
			from = to
		}
	}
}

// security writes one entry of the list's group.
func security(b *message.Body, in *view.Instrument) {
	b.Text(message.TagSymbol, in.Symbol)
	b.Str(message.TagSecurityDesc, in.BaseCode.String()+" in "+in.QuoteCode.String())
	list := attributes(in)
	b.Int(message.TagNoInstrAttrib, int64(len(list)))
	for _, a := range list {
		b.Int(message.TagInstrAttribType, attributeText)
		b.Str(message.TagInstrAttribValue, a[0]+"="+a[1])
	}
	b.Text(message.TagCurrency, in.QuoteCode)
	b.Str(message.TagRoundLot, in.Lot())
	b.Str(message.TagMinTradeVol, in.Qty(in.Limits.MinQty))
}

// attributes returns what FIX 4.4 has no tag for, under the names that the venue's other interfaces use.
func attributes(in *view.Instrument) [][2]string {
	l := &in.Limits
	return [][2]string{
		{"base", in.BaseCode.String()},
		{"tick", in.Tick()},
		{"min_price", in.Price(l.MinPrice)},
		{"max_price", in.Price(l.MaxPrice)},
		{"max_quantity", in.Qty(l.MaxQty)},
		{"min_notional", string(in.AppendQuote(nil, wire.Amount{Lo: l.MinNotional}))},
		{"maker_fee_bps", strconv.Itoa(int(l.MakerBps))},
		{"taker_fee_bps", strconv.Itoa(int(l.TakerBps))},
	}
}
