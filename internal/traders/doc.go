// Package traders is the company of a demonstration: simulated traders of a few kinds, who trade at a venue through its
// gateways, as anybody could, so that a newcomer sees a market that lives. They are no model of a real market and no test of
// the core; they are there to be looked at.
//
//	Feed ──► books, trades (public REST) ─┐
//	News ──► fair values                  ├─► Trader.Decide ──► []Action ──► Desk: REST batch, or a FIX session ──► venue
//	Desk ──► own orders, own position ────┘        one turn
//
// A Trader decides, and does nothing else: from a View, its own memory and its own random numbers it makes Actions. The same
// seed and the same views give the same actions. Everything around it is a Floor: what asks the venue, paces the turns so that
// all orders together keep to a rate, sends the actions, and tops accounts up through the custodian where money runs low.
//
// The kinds: a Maker quotes both sides in several levels around the fair value, which only makers know; a Taker works orders
// that are larger than one trade in pieces; a Momentum follows the latest trades; a Noise places, moves and cancels small orders
// here and there, some of them far away. The Bell moves one instrument through the phases of a short trading day.
//
// Threading: every trader is one goroutine, and so is the Feed, the Bell and the cashier; a View is its receiver's alone.
//
// Invariants: prices are within Instrument.Band, quantities within Instrument.MaxOrder, open orders of a trader in one
// instrument within MaxOpen, its position is driven back within Instrument.MaxPosition, and a trader never sends an order that
// would trade with one of its own that the View shows.
package traders
