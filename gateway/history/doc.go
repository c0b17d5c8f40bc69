// Package history is what happened, on this node's own disk: orders, fills, trades and ledger entries, written from the
// engine's events and read a page at a time.
//
//	event ring ─▶ reader goroutine ─▶ bounded queue ─▶ writer goroutine ─▶ Pebble batch, no fsync ─▶ syncer: fsync
//	   (lossless)    (Run's caller)     QueueEvents       (Run starts it)      + position in it        every SyncEvery
//
// The reader never waits for a disk. When the queue is full it waits for the writer, falls behind in the ring, and the
// node's admission answers "busy" before the ring is full: nothing is dropped and nothing grows.
//
// # Exactly once
//
// Every batch carries the position: the id (command, ordinal) of the last event in it. After a restart the node replays
// its log and emits events again from wherever it starts; those up to the position are skipped. Batches are not synced
// one by one: a crash loses the latest of them, and the replay brings them back. Therefore the log must not be cut off
// beyond Durable. A node that starts from a snapshot beyond the position has lost what lies between: the image's
// balances and open orders are taken over, the gap is recorded, and CompleteFrom says from where the store is whole.
//
// Tables and log have Pebble's checksums. Damage that makes Pebble lose the end of its log is seen as an older position,
// and the replay fills it up again or finds that the log no longer reaches back so far; the store never closes a hole
// by itself.
//
// # Keys
//
// Numbers are big-endian, so that keys sort by them. An event's id, in 12 bytes, is command number and ordinal.
//
//	'M' name                        position, complete-from, cluster id
//	'G' to u64                      a gap: the first command missing; "to" is the last
//	'I' instrument u32              its definition, an event in wire form
//	'E' event id                    the event in wire form
//	'T' instrument u32, event id    a trade (empty value)
//	'F' account u32, event id, side a fill: the client order id that the order had then
//	'O' order u64                   an order as it stands
//	'A' account u32, order u64      an order of an account (empty value)
//	'C' account u32, client id      order u64: the latest order that had this client id
//	'L' account u32, number u64     a ledger entry
//	'B' account u32, asset u32      the account's total of an asset, and
//	'N' account u32                 the number of its last ledger entry
//
// Not stored are images, repeated answers, ticks, state hashes and the answers of queries: they are no news. Nor are the
// messages of sessions: they are the housekeeping of a protocol, and what was refused there never was a command; who must be
// able to send them again keeps them. A session's definition is stored without its password's hash.
//
// Everything is kept for ever; there is no retention yet. One trade takes about 1 KB before compression.
package history
