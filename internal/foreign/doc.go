// Package foreign reads other venues' feeds, turns them into our own events, builds the books from these, and holds the books
// against what the recording itself says.
//
//	file ──► parser ──► Market ──► events ──► gateway/mirror ──► books
//	           │           │                                       │
//	        problems       └──► Sink (JSON lines)                  │
//	                                                               ▼
//	the recording's own answer: book rows, levels, the queue ──► comparison ──► Result: counts, first difference
//
// # Formats
//
//   - LOBSTER: a message file and an orderbook file, any number of levels (Lobster).
//   - NASDAQ TotalView-ITCH 5.0, messages behind a two-byte length, any number of instruments (ITCH).
//   - Databento's market by order as CSV, any number of instruments, with or without a file of levels (MBO).
//
// Files may be plain or gzip. They are read as streams; what is kept is the books, and not the file.
//
// # From a feed to events
//
// The events have the form that the engine would have given them: a command each, numbered from 1, the last one flagged.
//
//	an order comes to rest           OrderAccepted (gtc)
//	an execution of a resting order  OrderAccepted (ioc) of an order known by this trade alone, Trade
//	some of it is canceled           OrderReplaced, priority kept
//	it is canceled or deleted        OrderCanceled
//	another price, number, more      OrderReplaced, priority lost
//	an auction                       Uncrossed, and its trades where the feed tells them
//	a halt, a resumption             PhaseChanged
//
// An order keeps the feed's number for it where that is free and below FirstOwnNumber. Orders that the feed does not number
// (incoming ones, what rested before the file begins) have numbers from FirstOwnNumber on. Prices are in the feed's unit, 1/10,000
// dollar or 10⁻⁹, quantities in its own. A feed does not tell accounts and money: these are 0, except for a trade's notional. What an
// order had traded before is not known either: totals are what is left. Executions of hidden orders change no book; they
// are counted and make no event.
//
// # What is wrong in a file
//
// Rows that cannot be read, orders that come twice, quantities that cannot be: each is counted in Problems and named with
// file and line (in ITCH message and byte), and the import goes on. A file that cannot be read on, such as damaged gzip or one that
// ends within a message of ITCH, is an error, and so is one that is no feed at all; Result has what was read before. What differs
// from the recording's own answer is no problem but a difference; the first one is kept with its context.
//
// Nothing in the package is safe for use by several goroutines at once. Whatever the bytes of a file are, there is no panic, and
// the books never contradict their events.
package foreign
