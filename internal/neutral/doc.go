// Package neutral reads recorded order flow in its neutral form and holds an engine against the exchange's own result.
//
// A set is three CSV files, plain or gzip, that share a prefix:
//
//	PREFIX.commands.csv   what enters the book, in the exchange's own order
//	PREFIX.trades.csv     the exchange's own trades, each naming the command that caused it
//	PREFIX.snapshots.csv  (where present) the exchange's own ten levels, each naming the command after which they held
//
// A command is one of: N (new order in continuous matching), A (order accepted in a call auction: rests without
// matching), X (uncross the call auction now), C (cancel what is left), R (an order that rested before the recording
// starts). Prices and quantities are whole numbers in the set's own units.
//
//	commands ──► Driver (a book, the funded engine, or a running server) ──► Outcome of each command
//	                                                                           │
//	trades, snapshots ────────────────────────────────────────────► Checker ◄──┘ ──► Result: counts, first difference
//
// Files are read as streams and strictly: whatever is not as described is an error that names file and line. Nothing in
// the package is safe for use by several goroutines at once.
package neutral
