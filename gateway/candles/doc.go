// Package candles is the arithmetic of candles and of the last 24 hours: what becomes of a list of trades when it is cut
// into equal pieces of time. Nothing here keeps books, reads a clock or waits.
//
//	trades ──▶ Candle  one bucket of one Interval, counted from the Unix epoch in UTC: 1 s … 1 d
//	       ──▶ Day     a window over the minutes: the one that runs, and the 1,440 before it
//
// Threading: none; a value belongs to whoever has it.
//
// Invariants: a candle with trades has Low ≤ Open, Close ≤ High; a Day's sums are those of the minutes in its window,
// exactly. Volumes and notionals are 128-bit sums of what the engine bounds for one trade (2^62 lots, 2^96 units), so that
// some 2^32 of the greatest trades there can be fit one candle. A sum beyond that stays at the greatest amount.
package candles
