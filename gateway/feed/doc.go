// Package feed publishes market data: books level by level and order by order, best prices, trades, auctions, phases,
// candles and the last 24 hours. docs/stream.md says what the messages are.
//
//	event ring ─(lossy)─▶ intake ─▶ Run ─▶ mirror of the books ─▶ markets ─▶ topics
//	                                 ▲         trades, candles         │
//	view, history ─── a new start ───┘                                ▼   encoded once
//	                            line: a topic in one encoding   [snapshot] m m m m m m ─▶ end
//	                                                                 ▲       ▲       ▲
//	                                                   readers: cursors in it, each at its own pace
//
// # Readers
//
// A reader begins with the snapshot and goes on through the updates behind it. One that is so slow that its next message is
// gone takes a new snapshot, or, of trades, gets ErrSlow. A reader costs a cursor; memory depends on topics alone. The
// snapshot is made by the reader that needs it first, for all, and made anew when the updates behind it have become larger.
// Of what nobody reads nothing is encoded, but sequences stay right.
//
// # Conflation
//
// Of books, best prices, auctions, candles and statistics a change is published at once after a quiet time, and then no
// oftener than every interval; orders, trades and phases with every batch of events. What is published is always the state as
// of a whole command; trades alone may be told before their command is whole.
//
// # A new start
//
// The start, an overrun of the ring's reader, an image, and an event that contradicts the books are one path: the view is waited
// for until it has what is missing, the books are loaded from its picture as of command S, and trades up to a command P ≥ S
// come from the history. Events up to S, and trades up to P, are then passed over. Readers of books that are another now
// get new snapshots, all others go on.
//
// # Threading
//
// One goroutine, Run's, changes everything; a second one reads the ring. Feed.mu guards the markets and is held for work in
// memory only; line.mu, which may be taken inside it, guards a line's messages and its readers, so that readers do not wait for
// the publisher. A snapshot's state is taken under the mutex (of many orders, frozen) and encoded outside. Wake functions are called
// with no lock held.
//
// # Invariants
//
// The updates of a topic chain: each has the sequence of the one before, or of the snapshot, as its previous. After
// each message a reader's copy is the engine's book as of that sequence. A sequence is the number of the command that
// changed the subject last. The publisher never waits for a reader, nor the venue for the publisher.
package feed
