// Package flow generates the order flow that the measurements run on: the single-instrument flow of exchange-core's
// benchmark (9% new limit orders, 3% immediate-or-cancel orders, 6% cancels, 82% moves over about 1,000 resting
// orders), exactly enough that a file of it has the same bytes whoever generates it.
//
// Threading: everything here is used by one goroutine at a time. The same Config gives the same Flow on every machine.
//
//	fill: Target new orders          bench: Commands messages
//	┌───────────────────────┬──────────────────────────────────────────┐
//	│ GTC GTC GTC …         │ move move cancel GTC move IOC …          │
//	└───────────────────────┴──────────────────────────────────────────┘
//	  not measured            measured; Trades, Volume and Hash are its check values
//
// What a message is depends on the orders that rest and on the last trade, so that the generator keeps a book of its
// own: the plainest there is, written apart from the one that is measured, so that each checks the other.
package flow
