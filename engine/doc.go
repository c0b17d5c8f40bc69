// Package engine is the venue's deterministic state machine: instruments and their phases, firms, users, keys, accounts,
// sessions, money, orders and their books, and the memory of client ids that recognises repeats.
//
// Commands go in one at a time, events come out in a buffer that the caller owns. Nothing else goes in: time is stamped
// on the command, and there is no randomness and no I/O. The same commands give the same events, byte for byte, however
// they are cut into batches and wherever a snapshot was taken and restored.
//
//	           ┌──────────────────────────────── Engine ───────────────────────────────┐
//	Command ──▶│ who asks ─▶ what is named ─▶ repeat? ─▶ fields ─▶ phase ─▶ funds      │
//	           │                                │                             │ hold    │
//	           │                                ▼ the first answer again      ▼         │
//	           │                                              book: Match, Rest, Uncross│
//	           │                                                              │ fills   │
//	           │          repeats ◀── remember the answer ◀── settle: money, fees       │──▶ Events
//	           └─────────────┬──────────────────────────────────────────────────────────┘
//	                         └─ Freeze ─▶ Image ─▶ WriteTo ─▶ … ─▶ Restore ─▶ AppendImage (events)
//
// # Checks
//
// A command is validated completely before anything changes. Of several reasons to refuse it, the one with the smallest
// number is given (see wire.Reason). Three cannot be judged before something else is known, and count only then: the key
// that is to be revoked or to get a session needs a key that may ask, the instrument's limits on a replace need the order
// that it names, and what a market order without a price would trade needs an instrument in continuous trading.
//
// # Money
//
// Notional is exact. Fees round up, once per order: an order carries what it has paid beyond the exact fee to its next
// fill, so the sum of its fees is the exact sum rounded up, however the order was filled. A buy order holds its notional
// at the limit price and the fee at the greater of the rates; a sell order holds its lots and pays the fee out of the
// proceeds. In an auction nobody takes: both sides pay their maker rate.
//
// # Repeats
//
// A command with a client id (or a transfer, by its reference) is remembered with its answer. The same id with the same
// content is answered as the first time, with FlagRepeat; with other content it is refused. Refusals from number
// FirstRemembered up are remembered as well, smaller ones are not: nothing had been judged by then. See repeat.go for the
// window.
//
// # Refusals
//
// A refused command changes nothing and takes one event: Rejected, or, of a command about an order, OrderRejected, which
// says what was asked for and how the order that it names stands now. Of another account's order it says nothing.
//
// # Sessions
//
// A session is a name, a key and a password's hash; the engine knows which there are, and judges a session's message like
// any command. It keeps no numbers and does not know who is logged on: a message changes nothing and is handed on as an
// event, and whoever reads the events counts (see wire.SessionMessage).
//
// # Numbering
//
// Every command takes a number, a refused one as well. Orders, trades, accounts and so on are numbered from 1 and no
// number is used twice. An order keeps its number when it is replaced.
//
// An ended order is forgotten at once, but for the client ids that name it. The engine therefore answers OrderNotOpen
// for every number that was ever given to an order and is not open, whoever's it was, and UnknownOrder for an open order
// of another account.
//
// Threading: an Engine belongs to one goroutine. An Image may be written and released on another. While RestoreBeside makes an
// engine, two goroutines may work on it, on parts that have nothing in common.
//
// Invariants, which Validate recomputes: per asset, the balances sum to what was deposited less what was withdrawn; what a
// balance holds is the sum of its open orders' holds; the book has exactly the open orders; an instrument in continuous
// trading is not crossed; a balance exists while something is in it or uses it; both hashes equal those computed from
// scratch.
package engine
