package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"uncross/engine/wire"
	"uncross/replication"
	"uncross/wal"
)

// dataDir is a node's data directory:
//
//	genesis.json   cluster id, the venue's name and its first operator's public key; see genesisFile
//	wal/           the log
//	wal.tripwire   how far the log was written, kept apart from it; serve --tripwire puts it elsewhere
//	snapshots/     states of the engine
//	history/       orders, trades and ledger entries by account
//	fix/           messages and numbers of the FIX sessions
//	members.json   the cluster's nodes as last seen: where to ask at a start; no truth, see membersFile
//	spool/         what another node sends, until it is whole
type dataDir string

func (d dataDir) genesis() string   { return filepath.Join(string(d), "genesis.json") }
func (d dataDir) wal() string       { return filepath.Join(string(d), "wal") }
func (d dataDir) snapshots() string { return filepath.Join(string(d), "snapshots") }
func (d dataDir) history() string   { return filepath.Join(string(d), "history") }
func (d dataDir) fix() string       { return filepath.Join(string(d), "fix") }
func (d dataDir) members() string   { return filepath.Join(string(d), "members.json") }
func (d dataDir) spool() string     { return filepath.Join(string(d), "spool") }

// log is where the log's files are; tripwire is empty where none is named.
func (d dataDir) log(tripwire string) wal.Place { return wal.Place{Dir: d.wal(), Tripwire: tripwire} }

// genesisFile is the content of genesis.json. A directory that serve made by itself has a cluster id only: nobody may do
// anything there until init has added the operator.
type genesisFile struct {
	Format      string `json:"format"`
	Venue       string `json:"venue"`
	ClusterID   string `json:"cluster_id"`          // 16 bytes in hex
	OperatorPub string `json:"operator_public_key"` // base64; empty: no operator yet
	// Incarnation is of the cluster, 16 bytes in hex: made of --peers where several nodes found it, and anew when a backup is
	// restored; empty: a single node has begun the venue. Nodes of two incarnations have gone different ways and refuse each other.
	Incarnation string `json:"incarnation,omitempty"`
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
	old, err := d.readGenesisFile()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f.Incarnation = old.Incarnation
	return d.replaceJSON(d.genesis(), f)
}

// newIncarnation returns one that no other cluster has.
func newIncarnation() (string, error) {
	var id [16]byte
	_, err := rand.Read(id[:])
	return hex.EncodeToString(id[:]), err
}

// founding returns the incarnation of a cluster that these members found: the same on each of them, and another one where as much
// as an address differs.
func founding(members []replication.Member) string {
	members = slices.Clone(members)
	slices.SortFunc(members, func(a, b replication.Member) int { return strings.Compare(a.ID, b.ID) })
	h := sha256.New()
	for _, m := range members {
		fmt.Fprintf(h, "%s=%s\n", m.ID, m.Address)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// incarnate gives genesis.json an incarnation.
func (d dataDir) incarnate(id string) error {
	f, err := d.readGenesisFile()
	if err != nil || f.Incarnation == id {
		return err
	}
	f.Incarnation = id
	return d.replaceJSON(d.genesis(), f)
}

// replaceJSON writes a file of the directory durably, and whole or not at all. The directory is made where it is missing.
func (d dataDir) replaceJSON(path string, content any) error {
	text, err := json.MarshalIndent(content, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return err
	}
	draft := path + ".new"
	if err := writeDurably(draft, append(text, '\n')); err != nil {
		return err
	}
	if err := os.Rename(draft, path); err != nil {
		return err
	}
	return syncDir(string(d))
}

// keepGenesis writes the genesis.json that another node has sent, after it has been read as this node would.
func (d dataDir) keepGenesis(text []byte) error {
	if _, _, err := parseGenesis("genesis.json", text); err != nil {
		return err
	}
	return d.replaceJSON(d.genesis(), json.RawMessage(text))
}

// membersFile is the content of members.json: where this node last knew the others to be. It is a hint only, so that a node
// that starts alone knows whom to ask; raft's own configuration is in the log.
type membersFile struct {
	Format  string         `json:"format"`
	Members []memberOfFile `json:"members"`
}

type memberOfFile struct {
	ID      string `json:"id"`
	Address string `json:"address"`
	Seen    bool   `json:"seen"` // it has been heard of since it is a member
}

const membersFormat = "uncross-members-v1"

// clearCopies removes copies of stores that an earlier run was sending when it ended.
func (d dataDir) clearCopies() error {
	for _, name := range []string{"copy-*", "backup-*"} {
		left, err := filepath.Glob(filepath.Join(d.spool(), name))
		if err != nil {
			return err
		}
		for _, dir := range left {
			if err := os.RemoveAll(dir); err != nil {
				return err
			}
		}
	}
	return nil
}

// readMembers reads members.json; what cannot be read is no hint.
func (d dataDir) readMembers() []memberOfFile {
	var f membersFile
	if text, err := os.ReadFile(d.members()); err != nil || json.Unmarshal(text, &f) != nil || f.Format != membersFormat {
		return nil
	}
	return f.Members
}

func (d dataDir) writeMembers(members []memberOfFile) error {
	return d.replaceJSON(d.members(), membersFile{Format: membersFormat, Members: members})
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
	text, err := os.ReadFile(d.genesis())
	if err != nil {
		return wire.Genesis{}, err
	}
	g, _, err := parseGenesis(d.genesis(), text)
	return g, err
}

// readGenesisFile reads genesis.json as it is.
func (d dataDir) readGenesisFile() (genesisFile, error) {
	text, err := os.ReadFile(d.genesis())
	if err != nil {
		return genesisFile{}, err
	}
	_, f, err := parseGenesis(d.genesis(), text)
	return f, err
}

// parseGenesis reads the content of a genesis.json that is called by a name.
func parseGenesis(name string, text []byte) (g wire.Genesis, f genesisFile, err error) {
	if err := json.Unmarshal(text, &f); err != nil {
		return g, f, fmt.Errorf("%s: %w", name, err)
	}
	id, idErr := hex.DecodeString(f.ClusterID)
	pub, pubErr := base64.StdEncoding.DecodeString(f.OperatorPub)
	again, againErr := hex.DecodeString(f.Incarnation)
	venue, ok := wire.ParseText(f.Venue)
	whole := len(pub) == len(g.OperatorPub) && !venue.IsEmpty() || len(pub) == 0 && venue.IsEmpty()
	if f.Format != genesisFormat || idErr != nil || len(id) != len(g.ClusterID) || pubErr != nil || !ok || !whole ||
		againErr != nil || len(again) != 0 && len(again) != len(g.ClusterID) {
		return g, f, fmt.Errorf("%s is not a genesis file of the format %s, or it is damaged", name, genesisFormat)
	}
	g.Venue = venue
	copy(g.ClusterID[:], id)
	copy(g.OperatorPub[:], pub)
	return g, f, nil
}

// genesisToServe reads genesis.json, or writes one without an operator where the directory is new.
func (d dataDir) genesisToServe(log wal.Place) (wire.Genesis, error) {
	g, err := d.readGenesis()
	if !errors.Is(err, fs.ErrNotExist) {
		return g, err
	}
	if exists(d.wal()) {
		return g, fmt.Errorf("%s has a log but no genesis.json: restore it from a copy, it says whose log this is", d)
	}
	if gone := wal.Missing(log); gone != nil {
		return g, gone
	}
	if g, err = newGenesis(); err != nil {
		return g, err
	}
	return g, d.writeGenesis(g)
}

// cluster is the cluster id as the log store keeps it.
func cluster(g *wire.Genesis) string { return hex.EncodeToString(g.ClusterID[:]) }

// hasLog reports whether a log was ever kept here: a directory that is empty, or whose making was cut off, holds none.
func (d dataDir) hasLog() bool {
	names, err := os.ReadDir(d.wal())
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	for _, x := range names {
		if x.Name() == "CREATING" {
			return false
		}
	}
	return slices.ContainsFunc(names, func(x fs.DirEntry) bool { return x.Name() != "LOCK" })
}

// hasRun reports whether a node of a cluster has run here, whatever has become of its log.
func (d dataDir) hasRun() bool {
	return len(d.readMembers()) > 0 || exists(d.history()) || exists(d.fix()) || exists(d.snapshots())
}

// isNew reports whether no log was ever begun here.
func (d dataDir) isNew(log wal.Place) bool {
	return !d.hasLog() && !d.hasRun() && wal.Missing(log) == nil
}

// beginAlone takes a venue that begins here for one of a single node, whatever cluster was to be founded here before.
func (d dataDir) beginAlone(log wal.Place) error {
	if !d.isNew(log) || !exists(d.genesis()) {
		return nil
	}
	return d.incarnate("")
}

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
