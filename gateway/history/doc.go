// Package history is what happened, on this node's own disk: orders, fills, trades, candles, ledger entries and each account's
// events with the balances after them, written from the engine's events and read a page at a time.
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
// balances and open orders are taken over, the gap is recorded, and CompleteFrom says from where there is no gap.
//
// Tables and log have Pebble's checksums. Damage that makes Pebble lose the end of its log is seen as an older position,
// and the replay fills it up again or finds that the log no longer reaches back so far; the store never closes a hole
// by itself.
//
// # Keys
//
// Numbers are big-endian, so that keys sort by them. An event's id, in 12 bytes, is command number and ordinal.
//
//	'M' name                        position, complete-from, cluster id, edge of what is kept
//	'G' to u64                      a gap: the first command missing; "to" is the last
//	'I' instrument u32              its definition, an event in wire form
//	'E' event id                    the event in wire form
//	'T' instrument u32, event id    a trade (empty value)
//	'K' instrument u32, interval u8, start u64   a candle; there are none of times without a trade
//	'F' account u32, event id, side a fill: the balances after it, and what the order asked for then
//	'P' account u32, event id, side any other event of the account, likewise (index.go)
//	'O' order u64                   an order as it stands
//	'A' account u32, order u64      an order of an account (empty value)
//	'C' account u32, client id      order u64: the latest order that had this client id
//	'L' account u32, number u64     a ledger entry
//	'S' account u32, number u64     the account's totals behind that entry: every 1,024 entries, and before the first one kept
//	'B' account u32, asset u32      what the account has of an asset, available and held, and
//	'N' account u32                 the number of its last ledger entry
//
// A batch holds a candle, an order or a balance once, however many of its events change it: they are kept in memory until then.
//
// What is held follows from the events as package view says under "Where the money goes". It is held against the engine's own
// numbers with every deposit and withdrawal; where they differ the store stops.
//
// Not stored are images, repeated answers, ticks, state hashes and the answers of queries: they are no news. Nor are the
// messages of sessions: they are the housekeeping of a protocol, and what was refused there never was a command; who must be
// able to send them again keeps them. A session's definition is stored without its password's hash.
//
// # Retention
//
// Everything is kept for ever, unless Options.Retain says otherwise. Then one more goroutine removes the oldest commands:
//
//	 gone │ edge ('M' k)                                                    position │
//	──────┼──────────────────────────────────────────────────────────────────────────┤
//	 ▲ 512 events a step: one batch without fsync, then a rest as long as the step
//
// A step takes with it all that hangs on its events; open orders, balances, gaps and the position stay. The writer and a step
// exclude each other only while one of them commits. Every list reads from a snapshot of the database, so that what is
// removed meanwhile is still there for it. A list that is asked for more than there is begins at the edge (Kept); who follows
// an account's events from before it is told (ErrTrimmed). Trimming does not depend on fsyncs: Pebble's log brings
// back a step after the batches before it or not at all.
//
// # Formats
//
// FORMAT says "uncross history 2". A store of format 1 is brought up to date by Open (upgrade.go).
//
// One trade takes about 1.2 KB before compression, and an order that is entered and canceled 0.6 KB; on disk it is about half.
package history
