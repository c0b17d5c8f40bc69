package market

import (
	"fmt"
	"slices"

	"uncross/engine/wire"
	"uncross/gateway/decimal"
	"uncross/gateway/fix/message"
)

// Values of SecurityTradingStatus (326).
const (
	statusHalted       = 2  // trading halt
	statusOpen         = 17 // ready to trade
	statusNotAvailable = 18 // not available for trading
	statusUnknown      = 20 // unknown or invalid
	statusPreOpen      = 21 // pre-open
)

// tradingStatus gives a phase in FIX's words.
func tradingStatus(p wire.Phase) int {
	switch p {
	case wire.Closed:
		return statusNotAvailable
	case wire.Auction:
		return statusPreOpen
	case wire.Continuous:
		return statusOpen
	case wire.Halted:
		return statusHalted
	}
	return statusUnknown
}

// Values of BusinessRejectReason (380).
const (
	businessOther     = 0
	businessUnknownID = 1
)

// watcher is a subscriber of an instrument's phase.
type watcher struct {
	session *session
	id      string
	in      *instrument
}

// status takes an e and returns the answers: f, or j.
func (m *Market) status(key SessionKey, sink Sink, msg *message.Message) []message.Body {
	id := msg.String(message.TagSecurityStatusReqID)
	kind, _ := msg.Char(message.TagSubscriptionRequestType)
	if len(id) == 0 || len(id) > MaxRequestID {
		return businessReject(msg, id[:min(len(id), MaxRequestID)], businessOther,
			fmt.Sprintf("SecurityStatusReqID (324) has 1 to %d bytes", MaxRequestID))
	}
	switch kind {
	case snapshotOnly, subscribe:
	case unsubscribe:
		return m.endWatch(key, msg, id)
	default:
		return businessReject(msg, id, businessOther, "SubscriptionRequestType (263) is 0, 1 or 2")
	}
	symbol, _ := msg.Get(message.TagSymbol)
	v, ok := m.view.InstrumentBySymbol(string(symbol))
	if !ok {
		return []message.Body{unknownStatus(id, string(symbol[:min(len(symbol), MaxRequestID)]))}
	}
	if kind == snapshotOnly {
		return []message.Body{statusBody(id, v.Symbol.String(), v.Phase, m.view.TimeNs(), v.Last.Price, &v.Instrument, false)}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.session(key, sink)
	defer m.forgetIfIdle(s)
	switch {
	case s.watches[id] != nil:
		return businessReject(msg, id, businessOther, "SecurityStatusReqID (324) is in use")
	case s.count >= m.o.Limits.Subscriptions || m.subscribed >= m.o.Limits.Total:
		return businessReject(msg, id, businessOther, "there is no room for further subscriptions")
	}
	w := &watcher{session: s, id: id, in: m.wanted(v)}
	w.in.watch = append(w.in.watch, w)
	s.watches[id] = w
	s.count++
	m.subscribed++
	in := w.in
	m.push(s, []message.Body{statusBody(id, in.symbol, in.phase, m.view.TimeNs(), v.Last.Price, &in.Instrument.Instrument, false)})
	m.bury(s)
	return nil
}

func (m *Market) endWatch(key SessionKey, msg *message.Message, id string) []message.Body {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.sessions[key]
	if s == nil || s.watches[id] == nil {
		return businessReject(msg, id, businessUnknownID, "there is no subscription of this SecurityStatusReqID (324)")
	}
	m.unwatch(s, id)
	m.forgetIfIdle(s)
	return nil
}

func (m *Market) unwatch(s *session, id string) {
	w := s.watches[id]
	w.in.watch = slices.DeleteFunc(w.in.watch, func(o *watcher) bool { return o == w })
	m.unwanted(w.in)
	delete(s.watches, id)
	s.count--
	m.subscribed--
}

// statusBody is the message f. A pushed one says so (325).
func statusBody(id, symbol string, p wire.Phase, ns int64, last wire.Price, d *decimal.Instrument, pushed bool) message.Body {
	b := message.NewBody(message.SecurityStatus).
		Str(message.TagSecurityStatusReqID, id).
		Str(message.TagSymbol, symbol).
		Bool(message.TagUnsolicitedIndicator, pushed).
		Int(message.TagSecurityTradingStatus, int64(tradingStatus(p)))
	if last > 0 {
		b.Close(d.AppendPrice(b.Open(message.TagLastPx), last))
	}
	return *b.Time(message.TagTransactTime, ns).Str(message.TagText, p.String())
}

// unknownStatus answers for an instrument that there is not, as the standard has it.
func unknownStatus(id, symbol string) message.Body {
	return *message.NewBody(message.SecurityStatus).
		Str(message.TagSecurityStatusReqID, id).
		Str(message.TagSymbol, orUnknown(symbol)).
		Bool(message.TagUnsolicitedIndicator, false).
		Int(message.TagSecurityTradingStatus, statusUnknown).
		Str(message.TagText, "unknown Symbol (55)")
}

func businessReject(msg *message.Message, id string, reason int64, text string) []message.Body {
	b := message.NewBody(message.BusinessMessageReject)
	if n, ok := msg.Seq(); ok {
		b.Uint(message.TagRefSeqNum, n)
	}
	b.Str(message.TagRefMsgType, msg.Type()).Str(message.TagBusinessRejectRefID, id).Int(message.TagBusinessRejectReason, reason)
	return []message.Body{*b.Str(message.TagText, text)}
}
