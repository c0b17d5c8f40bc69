// Package mirror builds every order book from events alone: each resting order in its place in the queue, levels, phases,
// and what an auction would come to. A publisher of market data reads it instead of the engine.
//
//	events ──► Books.Apply ──► changes: added, changed, removed
//	                 │
//	                 ▼  one side of one book
//	     levels    best ⇄ ● ⇄ ● ⇄ ● worst        a btree finds the place of a new price
//	                      │
//	     orders           ● ⇄ ● ⇄ ●              in the order of their turn
//
// # When an order rests
//
// The events of a command are one unit. OrderAccepted only announces an order: it trades in the events that follow, is
// canceled, or, with the event flagged last, rests with what is left, behind all others of its price. An order whose
// replace costs it its priority leaves its place at once and rests anew in the same way; one that keeps its priority
// changes in place. A trade changes the resting side only; a trade of an auction (no taker) changes both. An answer that
// is given again changes nothing.
//
// # Threading
//
// Books, and every Book of them, belong to one goroutine. What is returned are copies.
//
// # Invariants
//
// A level has orders, and its quantity is the sum of theirs; the sum over a side is at most book.MaxSideQty. The changes that
// Apply gives, carried out on a copy, make the copy equal to the books. An event that contradicts the books gives
// an error that wraps ErrBroken; nothing that comes in events can cause a panic. Orders and levels live in pointer-free
// slabs; once these are as large as they need to be, Apply does not allocate.
package mirror
