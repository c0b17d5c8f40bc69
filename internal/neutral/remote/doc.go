// Package remote carries out recorded order flow on a running server, through its REST interface or by FIX.
//
// What the flow needs is made first, always by REST: assets, an instrument, funded accounts, a trader's key, the FIX
// sessions. By REST, orders and cancels go in batches, one batch at a time, so that they enter in their order with several
// under way; the client repeats what was not answered, through restarts of the server, until it is. By FIX they all go by
// one session, a window of them ahead of the answers, and both sides of every trade come back on it; every report is held
// against what follows from the fills alone, all messages are asked for once more at the end, and a drop copy session must
// have had the same reports. A and X rows become the instrument's phases. The executions that come back are held against
// the exchange's own at once, and at the end the venue's history is, trade by trade.
//
//	commands ─► desk: batches, or a FIX session ─► server ─► answers, reports ─► neutral.Checker ┐
//	                                                 └─► history (admin trades) ─────────────────┴► Result
//
// One goroutine, and that of each FIX session, which fills an inbox.
package remote
