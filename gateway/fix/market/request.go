package market

import (
	"fmt"

	"uncross/engine/wire"
	"uncross/gateway/fix/message"
	"uncross/gateway/view"
)

// kinds is the set of entry types that a subscriber wants.
type kinds uint8

const (
	bids kinds = 1 << iota
	offers
	trades
	book = bids | offers
)

// Values of MDReqRejReason (281).
const (
	unknownSymbol       = '0'
	duplicateID         = '1'
	tooMuch             = '2'
	unsupportedRequest  = '4'
	unsupportedDepth    = '5'
	unsupportedUpdate   = '6'
	unsupportedBook     = '7'
	unsupportedType     = '8'
	unsupportedSession  = '9'
	unsupportedScope    = 'A'
	unsupportedSettl    = 'B'
	unsupportedImplicit = 'C'
	noReason            = 0 // the field is left out: the standard has nothing near
)

// Values of SubscriptionRequestType (263).
const (
	snapshotOnly = '0'
	subscribe    = '1'
	unsubscribe  = '2'
)

// ask is what a market data request says.
type ask struct {
	id      string
	depth   int // levels of one side; 0 where no levels are asked for
	want    kinds
	full    bool // a snapshot instead of every update
	symbols []view.Instrument
}

// refusal is why a request is not granted.
type refusal struct {
	code byte // tag 281
	text string
}

func refuse(code byte, format string, args ...any) *refusal {
	return &refusal{code: code, text: fmt.Sprintf(format, args...)}
}

// Request takes a V or an e of a connection and returns the answers to be sent to it: snapshots, refusals, a status. Of a
// subscription the first snapshots and statuses come by the sink, before Request returns, so that they precede what
// follows them. Any other message type has no answer.
func (m *Market) Request(key SessionKey, sink Sink, msg *message.Message) []message.Body {
	switch msg.Type() {
	case message.MarketDataRequest:
		return m.marketData(key, sink, msg)
	case message.SecurityStatusRequest:
		return m.status(key, sink, msg)
	}
	return nil
}

func (m *Market) marketData(key SessionKey, sink Sink, msg *message.Message) []message.Body {
	id := msg.String(message.TagMDReqID)
	kind, _ := msg.Char(message.TagSubscriptionRequestType)
	var no *refusal
	var answers []message.Body
	switch {
	case len(id) == 0 || len(id) > MaxRequestID:
		no = refuse(noReason, "MDReqID (262) has 1 to %d bytes", MaxRequestID)
		id = id[:min(len(id), MaxRequestID)]
	case kind == unsubscribe:
		no = m.end(key, id)
	case kind != snapshotOnly && kind != subscribe:
		no = refuse(unsupportedRequest, "SubscriptionRequestType (263) is 0, 1 or 2")
	default:
		var a ask
		if a, no = m.parse(id, msg, kind); no != nil {
			break
		}
		if kind == snapshotOnly {
			answers, no = m.snapshots(key, &a)
		} else {
			no = m.subscribe(key, sink, &a)
		}
	}
	if no != nil {
		return []message.Body{rejected(id, no)}
	}
	return answers
}

// parse reads what is asked for and refuses what is not offered: nothing that is asked for is passed over.
func (m *Market) parse(id string, msg *message.Message, kind byte) (ask, *refusal) {
	a := ask{id: id}
	for _, check := range []func(*message.Message, byte) *refusal{a.types, a.levels, a.update, extras} {
		if no := check(msg, kind); no != nil {
			return a, no
		}
	}
	return a, m.symbolsOf(&a, msg)
}

func (a *ask) types(msg *message.Message, _ byte) (no *refusal) {
	msg.Group(message.TagNoMDEntryTypes, message.TagMDEntryType, func(f []message.Field) {
		switch string(f[0].Value) {
		case "0":
			a.want |= bids
		case "1":
			a.want |= offers
		case "2":
			a.want |= trades
		default:
			if no == nil {
				no = refuse(unsupportedType, "MDEntryType (269) is 0 (bid), 1 (offer) or 2 (trade)")
			}
		}
	})
	if no == nil && a.want == 0 {
		no = refuse(unsupportedType, "no MDEntryType (269)")
	}
	return no
}

func (a *ask) levels(msg *message.Message, _ byte) *refusal {
	depth, ok := msg.Uint(message.TagMarketDepth)
	if !ok || depth > MaxLevels {
		return refuse(unsupportedDepth, "MarketDepth (264) is 0 (full), 1 (top) or up to %d levels", MaxLevels)
	}
	if v, ok := msg.Char(message.TagAggregatedBook); ok && v != 'Y' {
		return refuse(unsupportedBook, "the book is by price only: AggregatedBook (266) is Y")
	}
	if a.want&book == 0 {
		return nil
	}
	a.depth = int(depth)
	if depth == 0 {
		a.depth = MaxLevels
	}
	return nil
}

func (a *ask) update(msg *message.Message, kind byte) *refusal {
	if kind == snapshotOnly {
		return nil
	}
	switch v, _ := msg.Char(message.TagMDUpdateType); v {
	case '0':
		a.full = true
	case '1':
	default:
		return refuse(unsupportedUpdate, "MDUpdateType (265) is 0 (full) or 1 (incremental), and needed with 263=1")
	}
	return nil
}

// extras refuses what the venue has not got.
func extras(msg *message.Message, _ byte) *refusal {
	if _, ok := msg.Get(message.TagScope); ok {
		return refuse(unsupportedScope, "Scope (546) is not supported")
	}
	if _, ok := msg.Get(message.TagOpenCloseSettlFlag); ok {
		return refuse(unsupportedSettl, "OpenCloseSettlFlag (286) is not supported")
	}
	if msg.Bool(message.TagMDImplicitDelete) {
		return refuse(unsupportedImplicit, "entries are deleted explicitly: MDImplicitDelete (547) is N")
	}
	if _, ok := msg.Get(message.TagNoTradingSessions); ok {
		return refuse(unsupportedSession, "there are no trading sessions (386)")
	}
	return nil
}

// symbolsOf looks the instruments up. One that is named twice counts once.
func (m *Market) symbolsOf(a *ask, msg *message.Message) (no *refusal) {
	had := map[wire.InstrumentID]bool{}
	msg.Group(message.TagNoRelatedSym, message.TagSymbol, func(f []message.Field) {
		if no != nil {
			return
		}
		in, ok := m.view.InstrumentBySymbol(string(f[0].Value))
		switch {
		case !ok:
			no = refuse(unknownSymbol, "unknown Symbol (55) %s", printable(f[0].Value))
		case len(a.symbols) == m.o.Limits.Symbols && !had[in.ID]:
			no = refuse(tooMuch, "more than %d symbols in one request", m.o.Limits.Symbols)
		case !had[in.ID]:
			had[in.ID] = true
			a.symbols = append(a.symbols, in)
		}
	})
	if no == nil && len(a.symbols) == 0 {
		no = refuse(unknownSymbol, "no Symbol (55)")
	}
	return no
}

// printable returns what of a value can go into a text: a symbol that is not ours may be anything.
func printable(v []byte) string {
	if t, ok := wire.ParseText(string(v)); ok {
		return t.String()
	}
	return "(not a symbol)"
}

// rejected is the answer Y.
func rejected(id string, no *refusal) message.Body {
	b := message.NewBody(message.MarketDataRequestReject).Str(message.TagMDReqID, orUnknown(id))
	if no.code != noReason {
		b.Char(message.TagMDReqRejReason, no.code)
	}
	return *b.Str(message.TagText, no.text)
}

// orUnknown stands in for an id that a required field must have and the request had not.
func orUnknown(id string) string {
	if id == "" {
		return "NONE"
	}
	return id
}
