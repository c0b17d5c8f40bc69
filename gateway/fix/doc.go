// Package fix is the venue's FIX 4.4 gateway: connections, logons, sequence numbers, heartbeats, resends.
//
// A connection has two goroutines: a reader, which owns the session's state machine and submits commands, and a writer,
// which sends; what both touch is under one mutex.
//
//	socket ─▶ input ─▶ conn.receive ─▶ in sequence ─▶ admin, or entry / reference / market ─▶ core.Submit
//	            ▲            └ ahead of a gap: kept, asked for                                   │
//	            └ ends: logout, cancel on disconnect                                             ▼ log, events
//	socket ◀─ writer ◀──── cursor over the session's numbers ◀──────────────────────────── outbox
//	                └ bodies that only this connection has (administrative messages, answers), found by their token
//
// # Numbers
//
// The numbers of a session follow from the venue's log alone (see wire.SessionOrigin and package outbox), so a message is
// sent only after the log has given it a number:
//
//   - Reports are events of the log.
//   - A message that is no report takes its number by a SessionMessage with a token. Its body waits in the connection's
//     memory, and the writer sends it when the outbox comes to the token. It is never sent again: a gap fill stands for it.
//   - Every command of a session names the inbound message that it came from; the durable inbound number is that of the
//     last one. A message that causes no command is carried along by the next one.
//   - Market data sessions are not in the log: their numbers belong to the connection and begin at 1.
//
// # The lead
//
// Sessions with numbers in the log live at the node that leads, all others at any. What a connection submits belongs to
// the era in which it began: when the core leaves out a command of it, or ceases to lead, it takes none that come behind.
// The next connection begins, at whichever node, with what the log says; see office.go.
//
// # Invariants
//
//   - At most one connection uses a session; the next one begins when all that the former one submitted is answered.
//   - Commands are submitted in the order of inbound numbers.
//   - Everything that a client can make grow has a bound in Limits. Nothing that a client does is logged above info, and
//     passwords and signatures are not logged at all.
package fix
