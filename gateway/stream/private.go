package stream

import (
	"encoding/json"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/decimal"
	"uncross/gateway/history"
	"uncross/gateway/http"
	"uncross/gateway/view"
)

// private reads an account's events from the history.
type private struct {
	s       *Server
	key     key
	name    string // of the account
	deflate bool
	after   history.EventID // everything up to here has been taken
	first   []byte          // the snapshot, until it has been sent
	caught  bool            // it has been at the end once
	more    bool            // it was not at the end when it was last read
	cancel  func()
}

// pageOfEvents is how many events are read at a time: what one turn writes, more or less.
const pageOfEvents = 100

func (p *private) next(dst [][]byte, bytes int) ([][]byte, bool, error) {
	if p.first != nil {
		dst, p.first = append(dst, p.first), nil
		return dst, true, nil
	}
	for sent := 0; sent < bytes; {
		end := p.s.history.End()
		es, last, more, err := p.s.history.AccountEvents(p.key.account, p.after, pageOfEvents)
		if err != nil {
			return dst, false, err
		}
		for i := range es {
			if frame := p.frame(&es[i]); frame != nil {
				dst = append(dst, frame)
				sent += len(frame)
			}
		}
		if p.after, p.more = last, more; !more {
			p.caught = true
			if last.Seq < end.Seq {
				p.after = end // what lies between is others': an idle account must not fall out of what is kept
			}
			return dst, false, nil
		}
	}
	return dst, true, nil
}

func (p *private) close() { p.cancel() }

// late reports whether a reader that had been at the end is too far behind it.
func (p *private) late() (bool, error) {
	if !p.caught || !p.more {
		return false, nil
	}
	n, err := p.s.history.Behind(p.key.account, p.after, p.s.limits.Backlog+1)
	return n > p.s.limits.Backlog, err
}

// frame words an event for the channel, nil where it is not part of it.
func (p *private) frame(e *history.AccountEvent) []byte {
	if e.Event.Flags&wire.FlagRepeat != 0 {
		return nil // an answer given again: nothing happened
	}
	if p.key.Channel == Balances {
		return p.balances(e)
	}
	return p.execution(e)
}

// encode returns a message as a frame.
func (p *private) encode(m any) []byte { return encode(m, p.deflate) }

// encode returns an answer or private message as a frame, compressed where that was negotiated and pays.
func encode(m any, deflate bool) []byte {
	text, err := json.Marshal(m)
	if err != nil {
		panic("gateway/stream: a message cannot be written: " + err.Error())
	}
	if deflate {
		if frame := Deflate(text, false); frame != nil {
			return frame
		}
	}
	return Frame(text, false)
}

// heading is what every private message begins with.
type heading struct {
	Channel string `json:"channel"`
	Type    string `json:"type"`
	Account string `json:"account"`
	Event   string `json:"event"` // its id: command.ordinal
	Time    string `json:"time,omitempty"`
}

func (p *private) heading(e *wire.Event) heading {
	return heading{p.key.Channel.String(), "update", p.name, eventText(history.EventID{Seq: e.Seq, Ord: e.Ord}), stamp(e.TimeNs)}
}

// balanceMessage is a message of the channel balances.
type balanceMessage struct {
	heading
	Reason   string        `json:"reason,omitempty"` // of an update
	Balances []balanceText `json:"balances"`
}

type balanceText struct {
	Asset     string `json:"asset"`
	Available string `json:"available"`
	Held      string `json:"held"`
	Estimated bool   `json:"estimated,omitempty"` // the sum is right, how it is divided is not known
}

// snapshot words all balances of an account.
func (p *private) snapshot(at history.EventID, bs []history.BalanceAfter) []byte {
	h := heading{Channel: Balances.String(), Type: "snapshot", Account: p.name, Event: eventText(at)}
	return p.encode(balanceMessage{heading: h, Balances: p.balanceTexts(bs, at.Seq)})
}

func (p *private) balances(e *history.AccountEvent) []byte {
	if len(e.Balances) == 0 {
		return nil
	}
	return p.encode(balanceMessage{p.heading(&e.Event), changeReason(e).String(), p.balanceTexts(e.Balances, e.Event.Seq)})
}

func (p *private) balanceTexts(bs []history.BalanceAfter, seq uint64) []balanceText {
	all := make([]balanceText, len(bs))
	for i, b := range bs {
		of, ok := p.s.view.Asset(b.Asset)
		if !ok && p.s.await(seq) {
			of, _ = p.s.view.Asset(b.Asset)
		}
		all[i] = balanceText{of.Code.String(), amountText(b.Available, of.Decimals), amountText(b.Held, of.Decimals), b.Estimated}
	}
	return all
}

// changeReason says why an event changed the balances.
func changeReason(e *history.AccountEvent) history.ChangeReason {
	switch e.Event.Kind {
	case wire.EvDeposited:
		return history.ByDeposit
	case wire.EvWithdrawn:
		return history.ByWithdrawal
	case wire.EvOrderAccepted:
		return history.ByOrder
	case wire.EvOrderReplaced:
		return history.ByReplace
	case wire.EvOrderCanceled:
		return history.ByCancel
	}
	if e.Side == 0 {
		return history.ByFeeIncome
	}
	return history.ByTrade
}

// instrument returns an instrument that an event of command seq names. The history may be ahead of the view by a moment.
func (s *Server) instrument(id wire.InstrumentID, seq uint64) view.Instrument {
	in, ok := s.view.Instrument(id)
	if !ok && s.await(seq) {
		in, _ = s.view.Instrument(id)
	}
	return in
}

// await waits until the view has a command that the history has.
func (s *Server) await(seq uint64) bool { return s.view.WaitFor(seq, s.limits.Wait) }

func amountText(a wire.Amount, decimals uint8) string {
	return string(decimal.AppendAmount(nil, a, decimals))
}

func reasonOf(r wire.Reason) *reasonText { return &reasonText{int(r), http.ReasonName(r)} }

// reasonText is a numbered reason, as at /v1/reasons.
type reasonText struct {
	Code int    `json:"code"`
	Name string `json:"reason"`
}

// stamp returns a time as RFC 3339 in UTC with all nine digits of its nanoseconds, as everywhere.
func stamp(ns int64) string { return time.Unix(0, ns).UTC().Format("2006-01-02T15:04:05.000000000Z") }
