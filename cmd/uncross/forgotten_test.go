package main

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"

	"uncross/replication/peer/peertest"
	"uncross/replication/roster"
	"uncross/wal"
)

// loseLog writes something to a log and removes its directory.
func loseLog(d dataDir) error {
	log, err := wal.Open(d.wal(), wal.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	return errors.Join(log.SetUint64([]byte("CurrentTerm"), 2), log.Close(), os.RemoveAll(d.wal()))
}

// TestNoGenesisForALostLog: a directory that has lost its log and its genesis is no new one.
func TestNoGenesisForALostLog(t *testing.T) {
	d := dataDir(t.TempDir())
	if err := loseLog(d); err != nil {
		t.Fatal(err)
	}
	if _, err := d.genesisToServe(d.log("")); err == nil || exists(d.genesis()) {
		t.Errorf("made anew: %v", err)
	}
}

// TestVoterWithoutItsLog: a node that has voted before and has lost its log must not start as if it were new.
func TestVoterWithoutItsLog(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	knows, fresh := peertest.Listen(t, "c"), peertest.Listen(t, "d")
	roster.Serve(knows, roster.Services{Genesis: func(from string) (roster.Genesis, error) {
		return roster.Genesis{Text: []byte("{}"), Known: from == "b"}, nil
	}})
	roster.Serve(fresh, roster.Services{Genesis: func(string) (roster.Genesis, error) { return roster.Genesis{Text: []byte("{}")}, nil }})
	for _, c := range []struct {
		name    string
		seeds   []string
		change  func(dataDir) error
		refused bool
	}{
		{"another node knows it", []string{knows.Address()}, nil, true},
		{"behind one that hangs", []string{silent.Addr().String(), fresh.Address(), knows.Address()}, nil, true},
		{"its log directory is empty", []string{knows.Address()}, func(d dataDir) error { return os.MkdirAll(d.wal(), 0o700) }, true},
		{"it knows by itself", nil, func(d dataDir) error { return d.writeMembers([]memberOfFile{{ID: "b", Address: "x:1"}}) }, true},
		{"its tripwire tells", nil, loseLog, true},
		{"its history is there", nil, func(d dataDir) error { return os.MkdirAll(d.history(), 0o700) }, true},
		{"a new cluster", []string{fresh.Address()}, nil, false},
		{"nobody else is there", nil, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := dataDir(t.TempDir())
			err := os.WriteFile(d.genesis(), []byte("{}"), 0o600)
			if err == nil && c.change != nil {
				err = c.change(d)
			}
			if err != nil {
				t.Fatal(err)
			}
			cl := &clusterOf{node: "b", dir: d, log: d.log(""), seeds: c.seeds, port: peertest.Listen(t, "b"), logger: slog.New(slog.DiscardHandler), stop: make(chan os.Signal)}
			if err := cl.learnGenesis(new(bytes.Buffer)); (err != nil) != c.refused {
				t.Errorf("%v", err)
			} else if err != nil && !strings.Contains(err.Error(), "cluster remove b") {
				t.Errorf("it does not say what to do: %v", err)
			}
		})
	}
}

// TestStartingNodeKnows: a node that is still starting tells from its disk whom it has heard of.
func TestStartingNodeKnows(t *testing.T) {
	d := dataDir(t.TempDir())
	cl := &clusterOf{node: "c", dir: d}
	for _, err := range []error{
		os.WriteFile(d.genesis(), []byte("{}"), 0o600), os.MkdirAll(d.wal()+"/pebble", 0o700),
		d.writeMembers([]memberOfFile{{ID: "b", Address: "x:1", Seen: true}, {ID: "d", Address: "x:2"}}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for node, want := range map[string]bool{"b": true, "d": false, "e": false} {
		if g, err := cl.tellGenesis(node); err != nil || g.Known != want || !g.Begun {
			t.Errorf("%s: %+v, %v", node, g, err)
		}
	}
}
