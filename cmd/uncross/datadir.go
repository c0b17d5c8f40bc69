package main

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"uncross/engine/wire"
)

// dataDir is a node's data directory:
//
//	genesis.json   cluster id, the venue's name and its first operator's public key; see genesisFile
//	wal/           the log
//	snapshots/     states of the engine
//	history/       orders, trades and ledger entries by account
//	fix/           messages and numbers of the FIX sessions
type dataDir string

func (d dataDir) genesis() string   { return filepath.Join(string(d), "genesis.json") }
func (d dataDir) wal() string       { return filepath.Join(string(d), "wal") }
func (d dataDir) snapshots() string { return filepath.Join(string(d), "snapshots") }
func (d dataDir) history() string   { return filepath.Join(string(d), "history") }
func (d dataDir) fix() string       { return filepath.Join(string(d), "fix") }

// genesisFile is the content of genesis.json. A directory that serve made by itself has a cluster id only: nobody may do
// anything there until init has added the operator.
type genesisFile struct {
	Format      string `json:"format"`
	Venue       string `json:"venue"`
	ClusterID   string `json:"cluster_id"`          // 16 bytes in hex
	OperatorPub string `json:"operator_public_key"` // base64; empty: no operator yet
}

const genesisFormat = "uncross-genesis-v1"

// hasOperator reports whether init has been run.
func hasOperator(g *wire.Genesis) bool { return g.OperatorPub != [32]byte{} }

// newGenesis returns a genesis with a fresh cluster id and without an operator.
func newGenesis() (g wire.Genesis, err error) {
	_, err = rand.Read(g.ClusterID[:])
	return g, err
}

// writeGenesis writes genesis.json durably, and whole or not at all. The directory is made where it is missing.
func (d dataDir) writeGenesis(g wire.Genesis) error {
	f := genesisFile{Format: genesisFormat, Venue: g.Venue.String(), ClusterID: cluster(&g)}
	if hasOperator(&g) {
		f.OperatorPub = base64.StdEncoding.EncodeToString(g.OperatorPub[:])
	}
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return err
	}
	draft := d.genesis() + ".new"
	if err := writeDurably(draft, append(text, '\n')); err != nil {
		return err
	}
	if err := os.Rename(draft, d.genesis()); err != nil {
		return err
	}
	return syncDir(string(d))
}

func writeDurably(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}

// readGenesis reads genesis.json; the error is fs.ErrNotExist when there is none.
func (d dataDir) readGenesis() (wire.Genesis, error) {
	var g wire.Genesis
	text, err := os.ReadFile(d.genesis())
	if err != nil {
		return g, err
	}
	var f genesisFile
	if err := json.Unmarshal(text, &f); err != nil {
		return g, fmt.Errorf("%s: %w", d.genesis(), err)
	}
	id, idErr := hex.DecodeString(f.ClusterID)
	pub, pubErr := base64.StdEncoding.DecodeString(f.OperatorPub)
	venue, ok := wire.ParseText(f.Venue)
	whole := len(pub) == len(g.OperatorPub) && !venue.IsEmpty() || len(pub) == 0 && venue.IsEmpty()
	if f.Format != genesisFormat || idErr != nil || len(id) != len(g.ClusterID) || pubErr != nil || !ok || !whole {
		return g, fmt.Errorf("%s is not a genesis file of the format %s, or it is damaged", d.genesis(), genesisFormat)
	}
	g.Venue = venue
	copy(g.ClusterID[:], id)
	copy(g.OperatorPub[:], pub)
	return g, nil
}

// genesisToServe reads genesis.json, or writes one without an operator where the directory is new.
func (d dataDir) genesisToServe() (wire.Genesis, error) {
	g, err := d.readGenesis()
	if !errors.Is(err, fs.ErrNotExist) {
		return g, err
	}
	if exists(d.wal()) {
		return g, fmt.Errorf("%s has a log but no genesis.json: restore it from a copy, it says whose log this is", d)
	}
	if g, err = newGenesis(); err != nil {
		return g, err
	}
	return g, d.writeGenesis(g)
}

// cluster is the cluster id as the log store keeps it.
func cluster(g *wire.Genesis) string { return hex.EncodeToString(g.ClusterID[:]) }

// exists reports whether a path is there.
func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
