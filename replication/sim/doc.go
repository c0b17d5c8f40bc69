// Package sim simulates whole clusters of package replication in one process: real nodes, with raft, the log store on
// Pebble, the engine and the snapshots as they are, on machines that are not real.
//
//	clients ── requests with unique ids, sent again until answered
//	   │
//	box n1 … n5 ── a disk and a clock; its processes come and go
//	   │   replication.Node │ wal.Store │ SnapshotStore
//	network ── late, lost, doubled, overtaking, cut in one direction or both
//	   │
//	nemesis ── carries out the faults that the seed plans │ operator ── adds, promotes, removes
//	   │
//	oracle ── one reference engine, fed with what is committed: holds every word of every node against it
//
// A run lives in a bubble of testing/synctest, so that its time is simulated and a minute costs a fraction of a second.
// The seed fixes the faults, the network's dice and the clients' requests. Raft's own time-outs and the order in which
// goroutines run are outside of it: a failure keeps its whole trace.
//
// Threading: everything runs in its own goroutines; the oracle has one mutex, under which nobody waits. No goroutine
// waits for a mutex whose owner sleeps, since simulated time stands still then: the log store's writers take turns by a
// channel, and what an operator does at a node is tried, not waited for.
//
// A process that ends goes on as a ghost, since goroutines cannot be killed: its network is cut first, then its disk is
// copied as the next process will find it, and whatever it says from then on does not count.
//
// See docs/simulation.md for what is checked, how to run it, and which planted bugs it finds.
package sim
