// Package outbox is what every FIX session has been sent and may ask for again, on this node's own disk: each message
// with its sequence number, worked out from the engine's events alone. A node that has followed the events can carry any
// session on, and a message has the same number and the same bytes on all of them.
//
//	event ring ─▶ Run's goroutine ─┬─▶ order table            all open orders; which session entered each
//	  (lossless)  up to 256 events │   names                  instruments, accounts, firms
//	              at a time        ├─▶ Session: numbers, tail ─▶ Changed ─▶ the connection, which reads on
//	                               └─▶ Pebble batch, no fsync ─▶ syncer: fsync every SyncEvery
//	                                   + position in it
//
// Threading: Run is one goroutine, which alone changes anything; a connection's goroutine reads its session, and is told
// by Changed. What a batch of events leads to becomes visible together.
//
// # Numbers
//
// A message is born from one event, in the order of events, and takes the next number of its session:
//
//	EvOrderAccepted   8 150=0            to the session that the command came by, whose order it then is
//	EvTrade           8 150=F            to the buy order's session, then to the sell order's
//	EvOrderCanceled   8 150=4            to the order's session; and to another one that asked for it
//	EvOrderReplaced   8 150=5            likewise
//	EvOrderRejected   8, 9, r or j       to the session that the command came by
//	EvMassCanceled    r                  likewise, behind the 8s of its orders
//	EvOrderState      8 150=I            likewise
//	EvSessionMessage  8, 9, r or j       a refusal of the gateway's; other kinds take numbers without a message that is kept
//
// A drop copy session has a copy of every 8 but 150=I of its firm's accounts, whichever way the order came, with the same
// ExecID. A repeated command (FlagRepeat) is answered by nothing when the client marked it as possibly sent before, and as
// a duplicate otherwise. The inbound number is one more than the greatest that a command of the session's epoch had. An
// order's session is fixed by its entry: another session that changes the order does not take it over. A command of a
// session without a client id is the node's own (cancel on disconnect): its reports are unsolicited, and its refusal is
// told to nobody.
//
// Both numbers start again, in a new epoch, with a SessionReset or with any SessionMessage whose origin has a greater
// epoch: a logon with ResetSeqNumFlag is one command. What was under way then takes numbers of the new epoch. Sessions
// that are disabled still take numbers; market data sessions have none here.
//
// # Exactly once
//
// Every batch carries the position: the id (command, ordinal) of the last event in it. A node starts with an image, or
// with the first command; events up to the position build the order table and take no numbers again. Batches are not
// synced one by one: a crash loses the latest of them, and the replay makes the same messages again, also those that had
// been sent. Therefore the log must not be cut off, nor a snapshot be all that is left, beyond Durable.
//
// An image beyond the position means that messages are missing: how far the numbers went on is not known. It is refused,
// unless the operator accepts it (Options.AcceptGap); then the gap is recorded and every session's numbers are Lost until
// they start again, as they are in an empty store that begins with an image. Orders that entered in the gap have no
// session: their reports go to drop copies only. Sessions count as logged off: what cancel on disconnect would still have
// canceled stays open. Both are the operator's to look after; the log says so.
//
// # Memory
//
// A session keeps its latest messages in memory, 1,024 or 256 KiB of them, and what is not written yet; a session that is
// not used keeps nothing. Whoever reads further back reads from Pebble. On the disk a session keeps its latest
// Options.Retain messages of the present epoch; older ones are given as local entries, for a gap fill.
//
// # Keys
//
// Numbers are big-endian, so that keys sort by them.
//
//	'M' name                                        position, cluster id
//	'G' from u64                                    a gap: the first command missing; the value is the last
//	'S' session u32                                 numbers, whether it is logged on
//	'X' session u32, epoch u32, number u64          a message, or what took some numbers
//	'O' order u64                                   the session of an open order
//	'E' order u64                                   how an order of a session ended: the latest million orders
//
// Record 'M' 'e' has the order from which on 'E' counts: what is older is not known, though it may be on the disk.
package outbox
