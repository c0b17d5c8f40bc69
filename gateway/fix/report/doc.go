// Package report writes the messages that tell a FIX client what became of its requests: execution reports (8), cancel
// rejects (9), mass cancel reports (r) and business rejects (j).
//
//	event ─┐
//	order ─┼─▶ Accepted, Traded, Canceled, … ─▶ body in stored form: "8" SOH "37=17" SOH "17=4711-0" SOH …
//	names ─┘
//
// Every function is pure: the same event, order and names give the same bytes on every node. A body has neither the
// standard header nor the trailer; they are put around it when it is sent. The functions append to a buffer that they are
// given, and may be used by any goroutine.
//
// A client's engine takes an order's number (37) and status (39) over into its books, whichever message has them. So no
// message names an order together with a status that is not that order's: "there is no such order" (102=1, 103=5) names
// none.
//
// Every body passes the unmodified FIX 4.4 dictionary of stock engines with validation on. What that dictionary does not
// have is not sent: a trade's number stands in SecondaryExecID (527), since TrdMatchID (880) is no tag of an execution
// report in FIX 4.4; in an auction LastLiquidityInd (851) is absent, since 3 means "routed out" there.
//
// # Values
//
//   - OrderID (37) is the venue's order number, "NONE" where there is no order.
//   - ExecID (17) is "command-ordinal" of the event, and for a trade "command-ordinalB" for the buy and "…S" for the sell
//     order: unique for ever. An order status (150=I) has 17=0, as the standard says.
//   - AvgPx (6) is the notional of the order's trades by their quantity: exact where it is a whole number of ticks or ends
//     within eight decimals more than the instrument's prices have, otherwise rounded down to those. 0 before the first trade.
//   - LeavesQty (151) is 0 for an order that has ended.
//   - Symbol (55) is "[N/A]" and Side (54) is 7 (undisclosed) where a refused request had none that is known.
//   - A market buy by funds has CashOrderQty (152) instead of OrderQty (38); its LeavesQty is what the funds can buy. Price (44)
//     of a market order is its protection price.
package report
