// Package roster is what the nodes of a cluster tell and ask each other beside raft, over the services of package peer:
//
//	info      every node tells how it stands, a line of JSON at a time: role, how far applied, the addresses of its clients
//	genesis   a new node asks who the venue is
//	join      a new node asks the leader to be added as a learner
//	stores    a node whose history or FIX store is behind its snapshot asks for a copy of another's
//
// A [Roster] keeps the newest word of every other member. Nothing of it takes part in consensus: it is what operators look
// at, where clients are sent, and how a node gets what raft does not carry.
//
// Every message is one line of JSON of at most [MaxLine] bytes with the number of its format, and one of another format is
// refused; a store follows its answer as an archive (package archive). A Roster may be used from any goroutine.
package roster
