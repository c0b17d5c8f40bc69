package nodestest

import (
	"context"
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"uncross/engine/wire"
	"uncross/gateway/auth"
	"uncross/gateway/client"
	"uncross/internal/nodes"
)

// Nodes is the number of nodes of a venue.
const Nodes = 3

// Venue is a venue of three nodes.
type Venue struct {
	*nodes.Venue
	T        *testing.T
	KeyFile  string // the operator's
	Operator auth.Key
	Admin    *client.Client // as the operator, of all nodes
}

// Object is a body of a request.
type Object = map[string]any

// Lay lays out the nodes; none of them runs, and there are no data yet.
func Lay(t *testing.T, dir string) *Venue {
	t.Helper()
	v := &Venue{T: t, KeyFile: filepath.Join(dir, "operator.key")}
	var err error
	if v.Venue, err = nodes.Lay(Program(t), dir, Nodes); err != nil {
		t.Fatal(err)
	}
	return v
}

// Init makes the venue on the first node's disk; the others learn it from that. It starts the nodes, and does not wait for them.
func (v *Venue) Init() {
	v.T.Helper()
	if out, err := exec.Command(v.Program, "init", "--data", v.Nodes[0].Data, "--key", v.KeyFile).CombinedOutput(); err != nil {
		v.T.Fatalf("init: %v\n%s", err, out)
	}
	var err error
	v.Operator, err = auth.LoadKey(v.KeyFile)
	v.Must(err)
	v.Must(v.Start())
	v.Admin = v.Client(&v.Operator)
}

// Must ends the test when there is an error.
func (v *Venue) Must(err error) {
	v.T.Helper()
	if err != nil {
		v.T.Fatal(err)
	}
}

// KeepLogs puts the logs of a failed test where they stay, and prints their ends.
func (v *Venue) KeepLogs() {
	kept, err := os.MkdirTemp("", "uncross-failed-")
	if err != nil {
		v.T.Log(err)
		return
	}
	for _, n := range v.Nodes {
		text, err := os.ReadFile(n.Log)
		if err == nil {
			err = os.WriteFile(filepath.Join(kept, n.Name+".log"), text, 0o600)
		}
		if err != nil {
			v.T.Log(err)
		}
		v.T.Log(n.Tail())
	}
	v.T.Logf("the whole logs are in %s", kept)
}

// Await waits for something to be so.
func (v *Venue) Await(what string, ok func() bool) {
	v.T.Helper()
	v.Must(v.Venue.Await(v.T.Context(), what, ok))
}

// Leader waits until a node leads, another than those given.
func (v *Venue) Leader(but ...*nodes.Node) *nodes.Node {
	v.T.Helper()
	n, err := v.Venue.Leader(v.T.Context(), but...)
	v.Must(err)
	return n
}

// Ready waits until all nodes serve reads, and one takes commands.
func (v *Venue) Ready() {
	v.T.Helper()
	v.Must(v.Venue.Ready(v.T.Context()))
}

// Level waits until all nodes stand at the same command, and holds their states against each other.
func (v *Venue) Level() nodes.Status {
	v.T.Helper()
	s, err := v.Venue.Level(v.T.Context())
	v.Must(err)
	return s
}

// Client returns a client of all nodes, which follows the leader and repeats what is not answered as long as its context lasts.
func (v *Venue) Client(k *auth.Key) *client.Client {
	v.T.Helper()
	return v.client(client.Config{URLs: v.URLs(), Key: k, Patience: -1})
}

// ClientAt returns a client of one node.
func (v *Venue) ClientAt(n *nodes.Node, k *auth.Key) *client.Client {
	v.T.Helper()
	return v.client(client.Config{URL: n.URL(), Key: k, Patience: nodes.Patience})
}

func (v *Venue) client(cfg client.Config) *client.Client {
	v.T.Helper()
	c, err := client.New(cfg)
	v.Must(err)
	return c
}

// Make has the operator, or another, make something.
func (v *Venue) Make(by *client.Client, path string, in, out any) {
	v.T.Helper()
	ctx, cancel := context.WithTimeout(v.T.Context(), nodes.Patience)
	defer cancel()
	if err := by.Until(ctx, "POST", "/v1/admin/"+path, in, out); err != nil {
		v.T.Fatalf("%s: %v", path, err)
	}
}

// User makes a user with a key.
func (v *Venue) User(name, firm string, role wire.Role) *auth.Key {
	v.T.Helper()
	v.Make(v.Admin, "users", Object{"name": name, "firm": firm}, nil)
	k, err := auth.NewKey()
	v.Must(err)
	pub := k.Public()
	var made struct {
		Key wire.KeyID `json:"key,string"`
	}
	v.Make(v.Admin, "keys", Object{"user": name, "role": role.String(), "public_key": base64.StdEncoding.EncodeToString(pub[:])}, &made)
	k.ID, k.User, k.Role = made.Key, name, role
	return &k
}

// Session makes a FIX session of a key; account "": of none.
func (v *Venue) Session(name, kind, account, password string, k *auth.Key) {
	v.T.Helper()
	s := Object{"comp_id": name, "kind": kind, "key": strconv.FormatUint(uint64(k.ID), 10), "password": password}
	if account != "" {
		s["account"] = account
	}
	v.Make(v.Admin, "sessions", s, nil)
}

// FreeAddress returns an address on loopback that nobody else gets.
func FreeAddress(t testing.TB) string {
	t.Helper()
	at, err := nodes.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return at
}
