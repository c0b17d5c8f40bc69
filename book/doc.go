// Package book is the order book of one instrument and its matching, by price and then by time. It can be used alone.
//
// A Book matches incoming orders against resting ones (Place, PlaceMarket, Amend), or lets orders rest crossed during a call
// auction (Rest, AmendResting) and trades them at one price when it ends (Uncross). It knows prices in ticks and quantities
// in lots, and nothing of accounts, money or time. Orders carry an opaque word (Order.Data) that comes back in every fill.
//
// # Structure
//
// Sixteen neighbouring prices make a block of levels. The blocks around the touch are found through a window: an array by
// price with a bitmap of the used places. All other blocks are in a google/btree. Most orders come and go near the touch, so
// making and deleting a level is mostly the setting of a bit; the tree sees only blocks that are far away. The window
// follows the touch in small steps, a few blocks with each change, so that no operation waits for it.
//
//	          best                                                   (one side; keys grow from the best price to the worst)
//	            ▼
//	tree │ ░░░░░███░█░░██░░░░░░█░░░░░░ │ tree: ─█───█──────█─
//	     │ ◄──── window, 1,024 blocks ─► │
//	            │
//	            ▼ block: 16 levels, bitmap 0100000000010010
//	            level: quantity, count, head ─► order ⇄ order ⇄ order ◄─ tail
//
// Orders and blocks live in pointer-free slabs under integer handles; a hash index finds an order by its id. No operation
// of the steady state allocates.
//
// # Threading
//
// A Book belongs to one goroutine; a Frozen view of its orders may be read on any other one.
//
// # Invariants
//
// Quantities are positive, and those that rest on one side sum to at most MaxSideQty. A level's quantity and count are those
// of its orders; orders stand in a level by ascending Priority. Best prices are cached and exact. The hash is the sum over
// the resting orders of a value that depends on id, side, price, quantity and priority only. The same calls give the same
// results and the same hash, whatever was in memory before. Validate checks all of it.
package book
