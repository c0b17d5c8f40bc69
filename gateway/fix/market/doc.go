// Package market answers market data requests (V) with snapshots (W) and updates (X), and security status requests (e)
// with the phase (f), of FIX 4.4.
//
// Two goroutines work for all subscribers, both started by Run: one reads the event ring and notes which instruments
// changed, one sends. Requests come by the connections' goroutines. One mutex holds it all; Sink.Push is called with it
// held and must not wait.
//
//	event ring ─(lossy reader)─▶ note: trades in order, "book changed", phases
//	                                │
//	view ──(levels, in step)──▶ send: difference between the levels last sent and the present ones,
//	                                │  worked out and rendered once per instrument and depth
//	                                ▼
//	                             one body per subscriber: its own 262 and the shared part ──▶ Sink
//
// # What is promised
//
// A subscriber that applies its snapshot and then every update has, after each message, the book as it was after some
// command, and never goes back in time. Updates of a book are conflated: an instrument's first change after a quiet time is
// sent at once, later ones at most every Options.Interval. Trades are not conflated: each is sent once, in order, and
// those that a snapshot has are not sent again.
//
// The reader may be overrun. Then nothing is guessed: books are compared with the view as always, and the trades in
// between are taken from the view. Only where it has not kept them all (view.MaxTrades of an instrument), or has itself
// begun anew from an image, every subscriber of the instrument gets a fresh snapshot, with the trades that are known.
//
// A subscriber whose sink takes no more loses all of its subscriptions.
package market
