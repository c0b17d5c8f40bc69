// Package stream is market data and an account's own events over a WebSocket: docs/stream.md says what a client sees,
// asyncapi.yaml says it to machines.
//
// It serves the route GET /v1/stream of package gateway/http, which hands the connection over. A connection is a reader
// and a writer, and no queue of data between anybody: what a client gets lies in the topics of the feed (public) or in the
// history (private), and the connection has a cursor in each.
//
//	             ┌ reader ─ frames ─ requests ─┐ answers (few, bounded)
//	socket ──────┤                             ▼
//	             └ writer ◀─ rounds over the subscriptions' cursors ◀─┬─ feed    topics, encoded once for all
//	                  ▲                                               └─ history the account's events, from an id on
//	                  └── one wake, however many have news
//
// A round takes what is there, answers first, up to a number of bytes, and writes it at once. Who does not read holds up
// its own writer and nobody else; its cursors stay where they are, and what lies behind them is conflated, or is too much.
//
// Invariants:
//   - The subscriptions, the answers and the login change under the connection's lock, together: after the answer to a
//     subscription comes its first message, and after the answer to its end comes none.
//   - Private messages are read only while the session holds that was logged in with, which every round looks at, and its
//     key may read the account, which every login looks at.
//   - Nothing that wakes a writer waits: a wake is a flag and a channel of capacity 1. The reader alone waits for the writer, where
//     as many answers wait as may, and reads no further request until they have been taken.
//   - Everything that a client can make grow has a limit (limits.go). What clients do is logged at debug level.
package stream
