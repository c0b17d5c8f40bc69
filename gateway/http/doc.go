// Package http is the venue's REST interface, served by fasthttp.
//
// It authenticates, throttles and parses requests, turns names and decimals into the engine's integers, hands commands
// to the core and answers them from the events that come back after commit; reads are served from views built from the
// same events. It knows no engine memory and no log. Each request is handled on its connection's own goroutine; one more
// goroutine (RunReplies) carries events to the requests that wait for them and never waits itself.
//
//	socket ─ limits ─ route ─ authenticate ─ parse ─┬─ read ───────────────────────▶ view, history ─▶ answer
//	                                                └─ command ▶ Core.Submit … log … events ▶ replies ▶ answer
//
// Invariants:
//   - What is malformed is refused here and never enters the core; every refusal has a number (reasons.go).
//   - A command is answered only from its events, so only after it is durable. No answer in time is "outcome unknown".
//   - A read sees everything that this gateway has answered before, by whomever it was asked (bounded by Limits.ReadWait).
//   - Everything that a client can make grow has a limit (limits.go).
//
// Bodies are JSON. Decimals, identifiers and times in nanoseconds are JSON strings, so that no reader rounds them; JSON
// numbers are used for small counts only. Things that have a unique name are named by it: instruments by symbol, assets
// by code, firms, users and accounts by name. Unknown fields and parameters are refused, not ignored.
package http
