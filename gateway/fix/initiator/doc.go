// Package initiator is a FIX 4.4 client: the side that connects, logs on and sends orders. The replay of recorded days,
// the measurements and the tests use it; it speaks to any FIX 4.4 acceptor.
//
// An Initiator connects by itself, again and again until it is closed, and its numbers go on from one connection to the
// next: what was sent while there was no connection, or lost with one, is sent again when the other side asks for it, and
// what the other side has sent meanwhile is asked for. Send may be called from any goroutine; every callback is made by
// the one goroutine that reads.
//
//	Send ─► Store (number, body) ─► writer: a cursor over the numbers ─► socket
//	             ▲ repeats (43=Y, 122)  ▲ ResendRequest
//	socket ─► message.Reader ─► numbers: in turn ─► OnMessage
//	                              ├ too high: kept, the gap is asked for
//	                              └ too low:  with 43=Y a repeat, without it the end of the connection
//
// Invariants: application messages are handed over in the order of their numbers, each number once; a message that has a
// number is in the store before it is on the wire; a number is put on the wire for the first time in turn.
package initiator
