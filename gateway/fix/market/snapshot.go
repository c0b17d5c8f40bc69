package market

import (
	"slices"

	"uncross/engine/wire"
	"uncross/gateway/fix/message"
	"uncross/gateway/view"
)

// snapshots answers a request without a subscription, from the view alone.
func (m *Market) snapshots(key SessionKey, a *ask) ([]message.Body, *refusal) {
	m.mu.Lock()
	s := m.sessions[key]
	used := s != nil && s.requests[a.id] != nil
	m.mu.Unlock()
	if used {
		return nil, refuse(duplicateID, "MDReqID (262) is in use")
	}
	answers := make([]message.Body, 0, len(a.symbols))
	entries := 0
	for i := range a.symbols {
		in := &a.symbols[i]
		var levels rendered
		upTo := m.view.Applied()
		if a.want&book != 0 {
			b, _ := m.view.Book(in.ID, a.depth)
			upTo = b.Seq
			levels = wholeOf(&in.Instrument, b.Bids, b.Asks, a.want)
		}
		var latest []view.Trade
		if a.want&trades != 0 {
			latest = m.tradesUpTo(in.ID, upTo)
		}
		if entries += levels.n + len(latest); entries > m.o.Limits.Entries {
			return nil, refuse(tooMuch, "the snapshots would have more than %d entries: ask for fewer symbols or less depth", m.o.Limits.Entries)
		}
		answers = append(answers, snapshot(a.id, in.Symbol.String(), levels, tradesOf(&in.Instrument, latest)))
	}
	return answers, nil
}

// tradesUpTo returns the latest trades of commands up to a given one, as many as a snapshot has, oldest first.
func (m *Market) tradesUpTo(id wire.InstrumentID, upTo uint64) []view.Trade {
	for n := SnapshotTrades; ; n *= 10 {
		kept, _ := m.view.Trades(id, n)
		all := len(kept) < n || n >= view.MaxTrades
		kept = slices.DeleteFunc(kept, func(t view.Trade) bool { return t.Seq > upTo })
		if len(kept) >= SnapshotTrades || all {
			kept = kept[:min(len(kept), SnapshotTrades)]
			slices.Reverse(kept)
			return kept
		}
	}
}
