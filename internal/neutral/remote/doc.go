// Package remote carries out recorded order flow on a running server, through its REST interface.
//
// What the flow needs is made first: assets, an instrument, funded accounts and a trader's key. Orders and cancels go in
// batches, one batch at a time, so that they enter in their order with several under way; the client repeats what was not
// answered, through restarts of the server, until it is. A and X rows become the instrument's phases. The executions that
// come back are held against the exchange's own at once, and at the end the venue's history is, trade by trade.
//
//	commands ─► batches ─► server ─► answers ─► neutral.Checker ┐
//	                         └─► history (admin trades) ─────────┴► Result
//
// One goroutine.
package remote
