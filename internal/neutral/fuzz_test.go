package neutral

import (
	"bytes"
	"os"
	"testing"
)

// seed adds a file of the small set to a fuzz target.
func seed(f *testing.F, name string) {
	text, err := os.ReadFile("testdata/small." + name + ".csv")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
}

// FuzzCommands reads arbitrary text as commands: what is read without an error is within what drivers rely on.
func FuzzCommands(f *testing.F) {
	seed(f, "commands")
	f.Fuzz(func(t *testing.T, text []byte) {
		table, err := readTable("fuzz", bytes.NewReader(text), commandHeader)
		if err != nil {
			return
		}
		r := &Commands{t: table}
		var c Command
		for n := uint64(1); r.Next(&c) == nil; n++ {
			if c.N != n {
				t.Fatalf("command %d after %d", c.N, n-1)
			}
			switch c.Kind {
			case New, Enter, Resting:
				if c.ID == 0 || c.Qty <= 0 || !c.Side.Valid() || c.Market != (c.Price == 0) || c.Price < 0 || (c.Market && c.Kind != New) {
					t.Fatalf("command %+v", c)
				}
			case Cancel:
				if c.ID == 0 || c.Qty <= 0 || !c.Side.Valid() {
					t.Fatalf("command %+v", c)
				}
			case Uncross:
				if c.Price < 0 || c.Qty < 0 {
					t.Fatalf("command %+v", c)
				}
			default:
				t.Fatalf("command %+v", c)
			}
		}
	})
}

// FuzzTrades reads arbitrary text as trades.
func FuzzTrades(f *testing.F) {
	seed(f, "trades")
	f.Fuzz(func(t *testing.T, text []byte) {
		table, err := readTable("fuzz", bytes.NewReader(text), tradeHeader)
		if err != nil {
			return
		}
		r := &Trades{t: table}
		var last, tr Trade
		for r.Next(&tr) == nil {
			if tr.N < last.N || tr.Buy == 0 || tr.Sell == 0 || tr.Price <= 0 || tr.Qty <= 0 {
				t.Fatalf("trade %+v after %+v", tr, last)
			}
			last = tr
		}
	})
}

// FuzzSnapshots reads arbitrary text as snapshots.
func FuzzSnapshots(f *testing.F) {
	seed(f, "snapshots")
	f.Fuzz(func(t *testing.T, text []byte) {
		table, err := readTable("fuzz", bytes.NewReader(text), snapshotHeader)
		if err != nil {
			return
		}
		r := &Snapshots{t: table}
		var s Snapshot
		for last := uint64(0); r.Next(&s) == nil; last = max(last, s.N) {
			if s.N != 0 && s.N < last {
				t.Fatalf("snapshot of command %d after %d", s.N, last)
			}
		}
	})
}
