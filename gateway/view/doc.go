// Package view keeps what the gateway's reads are served from: definitions, balances, open orders, book levels and
// recent trades, built from the engine's events alone.
//
// One goroutine, the one in Run, writes; any goroutine reads. Events of one command become visible together: the writer
// holds the lock from a command's first event to its last. Answers are copies.
//
//	event ring ──▶ Run ──▶ state (under one RWMutex) ──▶ Order, Balances, Book, …
//	                 └────▶ image: a second state, built aside, takes the first one's place when it is complete
//
// A client that has the answer to command n reads its own write after WaitFor(n).
//
// # Where the money goes
//
//	OrderAccepted, OrderReplaced   Held: available → held        (quote asset of a buy, base asset of a sell)
//	OrderCanceled, OrderReplaced   Released: held → available
//	Trade, buyer                   held -= Notional + BuyFee + BuyReleased; available += BuyReleased; base += Qty lots
//	Trade, seller                  base held -= Qty lots; quote available += Notional - SellFee
//	Trade, venue's account         quote available += BuyFee + SellFee
//
// # Limits
//
// Open orders and balances live in pointer-free slabs and are as many as the engine's own limits allow. Of trades the
// latest Options.Trades of each instrument are kept. Events that contradict each other (an order that is not there, a
// negative balance) are a broken invariant and panic; a gap in the command numbers is an error of Run.
package view
