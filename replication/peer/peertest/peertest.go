// Package peertest opens ports between nodes, for tests.
package peertest

import (
	"net"
	"testing"

	"uncross/replication/peer"
)

// cluster is the id of the cluster that all of them are of.
const cluster = "00112233445566778899aabbccddeeff"

// Listen opens a node's port on loopback. It is closed at the end of the test.
func Listen(t testing.TB, node string) *peer.Port {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p, err := peer.Listen(peer.Config{Listener: ln, NodeID: node, Cluster: func() string { return cluster }, SpoolDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}
