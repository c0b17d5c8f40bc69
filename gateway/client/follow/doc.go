// Package follow is a client of the venue's stream (docs/stream.md): it follows channels over a WebSocket, keeps copies of
// what they tell, and proves the copies as it goes.
//
//	socket ─► Conn: frames, pings ─► queue, bounded ─► Follower ─► copies: Book, Orders, Tape, … ─► Handler
//	                                                    ├ a gap, a wrong checksum: subscribes anew
//	                                                    ├ trades missed: REST, from the last one that it has
//	                                                    ├ the connection lost: another, with growing pauses
//	                                                    └ a session near its end: a new login
//
// A copy is proved in three ways: every update names the sequence that it continues; every snapshot and now and then an
// update carry a checksum over what the copy must be; and a REST book names its sequence, so that Diff can hold the copy
// of that sequence against it.
//
// A Follower has one goroutine of its own, which alone changes the copies and makes every callback, and one that reads
// the socket. The queue between them is bounded, and nothing else grows with what is not looked at: a handler that is
// slow makes the socket wait, and the venue then does what its channels say, which the Follower heals. Copies may be
// read in a callback, or from other goroutines with Follower.Read.
//
// Numbers are those of the core: prices in ticks, quantities in lots; Instrument makes text of them. What the venue names
// in text alone (amounts, the volume of a candle) stays text.
//
// Conn is usable by itself, for tools and measurements that look at messages and keep no copies.
package follow
