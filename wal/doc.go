// Package wal keeps raft's log and raft's small stable values (term, vote) on
// one Pebble database, and finds out when any of it has been damaged or lost.
//
// A [Store] is a raft.LogStore, raft.StableStore, raft.MonotonicLogStore and raft.CommitTrackingLogStore.
// Package replication hands it to raft behind a guard that watches its disk, and that hides the last of these, which
// raft v1.8.0 gets wrong at a start (see StageCommitIndex); the guard itself keeps there how far the node has applied the log.
//
// Payloads are opaque here. A Store may be used from any number of goroutines:
// writers take turns, readers never wait for an fsync. One process at a time may have a
// directory open.
//
// # Promises
//
//   - One call of StoreLogs is one Pebble batch and one fsync. When it returns
//     nil, the entries are on disk; when it does not, nobody was told so.
//   - The log has no gaps (IsMonotonic). Entries can be removed only from one end.
//   - A failed write or fsync ends the process through [Options.Fatal]; it is
//     never retried, since after a failed fsync nobody knows what the disk holds.
//   - Open checks every record before it changes anything. A store that is
//     refused is left as it was found.
//   - Silent loss is found: damage inside a file by checksums, a lost or swapped
//     record by the hash chain, a lost tail by the tripwire.
//
// # Directory
//
//	DIR/LOCK        held while the store is open
//	DIR/CREATING    only during creation; with it, nothing was ever acknowledged
//	DIR/pebble/     the Pebble database (format major version 24)
//	DIR.tripwire    identity of the store and the last durable state, twice; [Options.Tripwire] puts it elsewhere
//
// # Keys and values in Pebble
//
// Integers in values are little-endian, the index in a log key is big-endian so
// that keys sort by index. CRC is CRC-32C (Castagnoli), hash is XXH64.
//
//	key                     value
//	'f'                     identity block (below): format version, store, cluster
//	't'                     state (below), rewritten by every batch
//	's' + key of the value  CRC of (whole key, value) u32 | value
//	'l' + index u64         record (below)
//
// A record is one log entry:
//
//	+--------+------+-----------------------------------------------------+
//	| offset | size | field                                               |
//	+--------+------+-----------------------------------------------------+
//	|      0 |    4 | CRC of everything after this field                  |
//	|      4 |    1 | record version (1)                                  |
//	|      5 |    1 | raft log type                                       |
//	|      6 |    2 | zero                                                |
//	|      8 |    8 | index                                               |
//	|     16 |    8 | term                                                |
//	|     24 |    8 | appended at, Unix ns; 0 is unknown; information only|
//	|     32 |    8 | hash of the whole record before it                  |
//	|     40 |    4 | length of data                                      |
//	|     44 |    4 | length of extensions                                |
//	|     48 |      | data, then extensions                               |
//	+--------+------+-----------------------------------------------------+
//
// The CRC finds a damaged record. The hash of the record before it makes a
// chain: a record that is missing, comes twice, is out of order or is left over
// from an older state breaks the chain. XXH64 is used because it costs 20 µs for a 256 KiB
// record, where SHA-256 costs some 150 µs, and 64 bits are ample against accidents.
// It is no defence against somebody who can write to the disk. The chain of a
// new store starts at the hash of its store id, so records of another store do
// not fit. After the whole log was removed (a snapshot was installed) the chain
// goes on from the last hash, although the index may jump.
//
// The state is one fixed block:
//
//	+--------+------+-----------------------------------------------------+
//	|      0 |    4 | CRC of everything after this field                  |
//	|      4 |    4 | format version (1)                                  |
//	|      8 |    8 | write number: 1 at creation, +1 with every batch    |
//	|     16 |    8 | first index; 0: the log is empty                    |
//	|     24 |    8 | last index; 0: the log is empty                     |
//	|     32 |    8 | hash before the first record                        |
//	|     40 |    8 | hash of the last record                             |
//	|     48 |    8 | sum of the record sizes in bytes                    |
//	|     56 |    8 | commit index staged by raft; may be behind          |
//	|     64 |    8 | digest of the stable values: sum of XXH64(key,value)|
//	+--------+------+-----------------------------------------------------+
//
// # Tripwire
//
// Pebble itself can lose the last records of its log without an error, when
// the damage lies after the last promise of a synced offset; and a directory can be lost, emptied, or put back to an earlier
// moment as a whole. So the state is kept a second time in a small file outside of the directory:
//
//	block 0 (4096 B)  identity: magic "UNCRXWAL" | CRC u32 | format version u32 |
//	                  store id 16 B | length u8, cluster id (64 B, zero padded)
//	block 1, 2        CRC of (store id, state) u32 | zero u32 | state 72 B
//
// The rest of each block is zero.
//
// After the batch with write number n was synced, its state is written to block
// 1+n%2. That write has no fsync of its own: it survives the death of the process, and a
// power cut can only take it back to an older state, which is harmless. At Open
// the write number in Pebble must not be lower than the one in the tripwire.
//
// Why no crash can put the tripwire ahead of the truth: it carries write
// numbers, not indexes, and a number is written only after its batch is durable.
// The crash points of every write (append, truncation at either end, stable value) are:
//
//	before the batch is durable       Pebble n-1 or n, tripwire ≤ n-1     fine
//	batch durable, tripwire not yet   Pebble n,        tripwire ≤ n-1     fine
//	tripwire written, not synced      Pebble n,        tripwire n or less fine
//	tripwire block torn (power cut)   CRC wrong, the other block counts   fine
//
// The limit of this: after a power cut the tripwire may be as old as the kernel's
// last write-back (some 30 s). If the same power cut also loses synced records of Pebble's
// last WAL, and cleanly so, nobody notices. A kill, a crash of the process and damage at rest have no such gap.
//
// A truncated tail lowers the last index but raises the write number, so it
// needs no order of its own. One bad block is repaired with a warning; two bad blocks,
// or none at all, refuse (see [Options.ResetTripwire]).
//
// A store is created only where no tripwire tells of a write after the first one, which creates it.
//
// The first version kept the file inside the directory, as DIR/TRIPWIRE. Such a file, and one at DIR.tripwire when another
// place is named, is moved by the next Open, after everything was checked and Pebble is open for writing: the new file is
// written, synced and renamed to its name, its directory is synced, and only then the former one is removed. Where a crash
// leaves both, the log must have reached each. At no moment is there none.
//
// # Verification
//
// Open looks at what it needs. [Verify] looks at every byte: it reads Pebble's record files more strictly than Pebble, which
// takes damage near the end of a WAL or MANIFEST for the end, and does not check what fills blocks up or the mark that ends a WAL; it
// reads every block of every table, compares Pebble's OPTIONS with what this program writes, and knows what must be zero or
// empty. What it finds beside the log's own damage are its findings, which keep no store from being opened. One kind of byte it
// cannot judge: Pebble writes a WAL over an earlier one, and what is left of that one behind the last record is of no use
// to anybody.
//
// # Pebble's traps, and what is done about them
//
//   - A new database writes its first WAL in the oldest format, which cannot
//     tell damage from the end of the log: a database that is created or raised
//     is closed and opened once more before the first record is written.
//   - Logger.Fatalf must not return: it calls Options.Fatal and panics after it.
//   - Its marker files are moved without a sync of the directory in between: the
//     file system given to it adds one (package orderedfs).
//   - On a wrong checksum it looks for the flipped bit by trying each one, which takes
//     a second for a WAL chunk and half a minute for a block of 256 KiB: one reason
//     for MaxData. Damage is reported late, but it is reported.
//   - Opening for writing flushes and removes WAL files, that is, evidence: the
//     check runs on a database opened read-only through a file system that refuses writes.
package wal
