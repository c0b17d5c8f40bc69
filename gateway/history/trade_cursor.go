package history

import "uncross/engine/wire"

// TradesCursor returns the cursor of an instrument's trades that goes on behind an event, for those who have the trades up to
// it from elsewhere. The event need not be a trade.
func TradesCursor(in wire.InstrumentID, at EventID, oldest bool) string {
	return encodeCursor(newKey(tagTrade).u32(uint32(in)).event(at.Seq, at.Ord), oldest)
}
