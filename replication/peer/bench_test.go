package peer

import (
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

// BenchmarkEntries commits entries of 64 KiB on three nodes that write nothing to a disk, two at a time as the sequencer
// does: over this transport, plain and with TLS, and over raft's own with its pipeline.
func BenchmarkEntries(b *testing.B) {
	b.Run("peer", func(b *testing.B) { entries(b, peers(b, "")) })
	b.Run("peer TLS", func(b *testing.B) {
		dir := b.TempDir()
		if err := WriteAuthority(dir, "test"); err != nil {
			b.Fatal(err)
		}
		entries(b, peers(b, dir))
	})
	b.Run("raft", func(b *testing.B) {
		var all []raft.Transport
		for range 3 {
			t, err := raft.NewTCPTransport("127.0.0.1:0", nil, 3, time.Second, io.Discard)
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = t.Close() })
			all = append(all, t)
		}
		entries(b, all)
	})
}

func nodeName(i int) string { return fmt.Sprintf("node-%d", i+1) }

// peers returns the transports of three ports; with TLS where there is an authority.
func peers(tb testing.TB, authority string) (all []raft.Transport) {
	for i := range 3 {
		cfg := Config{
			Listener: loopbackListener(tb, "127.0.0.1:0"), NodeID: nodeName(i), Cluster: func() string { return cluster }, SpoolDir: tb.TempDir(),
		}
		if authority != "" {
			cfg.TLS = identity(tb, authority, nodeName(i))
		}
		p, err := Listen(cfg)
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { _ = p.Close() })
		all = append(all, p.Transport())
	}
	return all
}

func entries(b *testing.B, transports []raft.Transport) {
	var servers []raft.Server
	for i, t := range transports {
		servers = append(servers, raft.Server{ID: raft.ServerID(nodeName(i)), Address: t.LocalAddr()})
	}
	var all []*site
	for i, t := range transports {
		all = append(all, begin(b, nil, servers[i].ID, nil, t, servers, nil))
	}
	for _, s := range all {
		s.applied.forgets = true
	}
	elect(all)
	first, _ := leader(b, all)
	data := make([]byte, 64<<10)
	b.SetBytes(int64(len(data)))
	var before raft.ApplyFuture
	for b.Loop() {
		f := first.raft.Apply(data, time.Second)
		if before != nil {
			if err := before.Error(); err != nil {
				b.Fatal(err)
			}
		}
		before = f
	}
	if err := before.Error(); err != nil {
		b.Fatal(err)
	}
}
