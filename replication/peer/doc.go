// Package peer is the port between the nodes of a cluster: one TCP address for everything that nodes tell each other.
//
//	node A                                              node B
//	Dial(ctx, "node-2", address, service)  ──TCP──▶  Listener
//	  TLS 1.3, both certificates of the cluster's CA; each names its node
//	  Hello {version, service, cluster, node, expected node} ──▶  checked
//	  ◀── Answer {ok, or why not; cluster, node}        checked again
//	  the connection belongs to the service:  raft · info · genesis · stores · join
//
// Threading: all methods may be called from any goroutine. Each connection has one goroutine of its own, in which its
// handler runs.
//
// Invariants:
//   - A connection carries data only after both sides know that they are of the same cluster and the same incarnation of
//     it, that each is the node that it says it is, and that the dialled node is the one that was meant. An
//     acknowledgement of one node never counts for another.
//   - Every message has a bounded size that is known before memory is taken for it, every wait a time-out.
//   - A stranger costs the node one of a bounded number of places for about HandshakeTimeout, and a line in the log at
//     warn that is limited in rate.
//   - Raft's state is changed by raft's main loop alone: there is no fast path for heartbeats (hashicorp/raft issue 695).
//
// # The handshake
//
// Integers are little-endian. Both messages begin alike, in every version that there will be:
//
//	magic    4 bytes  "UXPP"
//	version  2 bytes  Version
//	length   2 bytes  of what follows, at most MaxHello
//
// The Hello goes on with five texts, each a byte for its length and the bytes: service, cluster, node, expected node
// ("": any). The Answer goes on with a byte that is 0 or a Code, and three texts: node, cluster, and the reason of a
// refusal. The form of a refusal stays the same in every version, so that nodes of different versions can say so.
//
// A cluster is named by its id in hex, and behind a backup's restoration by "<id>/<incarnation>". A dialler that does not
// know its cluster yet leaves it empty; only ServiceGenesis is served to it.
//
// # Raft's messages
//
// On a connection of ServiceRaft the dialler sends requests, one at a time, and the other side answers each; the layout is
// in wire.go. A connection is used again for the next request, save one that carried a snapshot or failed.
package peer
