// Package replication turns commands into one durable, replicated order and applies it to the engine.
//
//	Submit (any goroutine, never blocks)
//	  │ input ring, bounded; full ⇒ ErrBusy, a cancel is shed last
//	  ▼
//	sequencer (one goroutine)   drain what is there, stamp the time, one batch = one raft entry, at most two in flight
//	  ▼
//	raft ── log store: one write, one fsync ── (followers) ── committed
//	  ▼
//	FSM goroutine = engine thread   engine.ApplyBatch, then the events
//	  ▼
//	event ring ── readers: sessions, market data, history, audit
//
// Threading: Submit, Status and Snapshot may be called from any goroutine; the engine is touched by raft's FSM goroutine
// alone, and before that goroutine starts by Start.
//
// Raft speaks to the other nodes through an ear (transport.go), which takes down what raft does not tell, and to its log
// through a guard (logstore.go), which watches it.
//
// Invariants:
//   - Nothing leaves the event ring before its entry is committed, so nobody is answered before his command is durable.
//     Futures are watched for failure only.
//   - A command that was accepted by Submit comes to exactly one of three ends: its events, a refusal with ErrNotApplied
//     (certainly never applied), or a refusal with ErrUnknownOutcome (its events may still come).
//   - Batches carry the leader's term and a sequence from 1 within it, and the engine drops what follows a gap: commands
//     of one session are never reordered.
//   - A command is proposed in the reign in which Submit took it, or never: behind a command that was refused because
//     leadership was lost, nothing of the same reign is applied. Config.Office has said so before.
//   - A node applies no entry on a state that is not the one that its leader had (witness.go), and acknowledges none
//     after its disk has failed or hung.
//   - The log is never cut behind a lossless consumer: a snapshot waits until Config.Durable has reached it.
//   - A start either continues exactly where the data ends, or refuses and says what was found and what to do.
//
// A failed or hung write, a state that differs from the leader's, an installed snapshot, a batch that cannot be decoded, and
// a panic in the engine end the process through Config.Fatal. The way out of the last two is Config.Skip, a list of entries
// that every node leaves out.
package replication
