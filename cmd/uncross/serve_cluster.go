package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"uncross/internal/nodeid"
	"uncross/replication"
	"uncross/replication/peer"
	"uncross/replication/roster"
)

// This file is what serve does to be a node of a cluster, before the node is opened.

// clusterFlags are the flags of a node of a cluster.
type clusterFlags struct {
	RaftAddr      string   `env:"UNCROSS_RAFT_ADDR" placeholder:"HOST:PORT" help:"Address for the other nodes of a cluster to reach this one at (default: a venue of one node)."`
	RaftAdvertise string   `env:"UNCROSS_RAFT_ADVERTISE" placeholder:"HOST:PORT" help:"The same address as the others see it (default: --raft-addr)."`
	Peers         []string `env:"UNCROSS_PEERS" placeholder:"NODE=HOST:PORT,…" help:"All the nodes of a new cluster, this one included, the same on each of them."`
	Join          []string `env:"UNCROSS_JOIN" placeholder:"HOST:PORT,…" help:"Nodes of a running cluster that this one joins, as a learner until an operator promotes it."`

	ClusterCert string `type:"path" env:"UNCROSS_CLUSTER_CERT" help:"This node's certificate between nodes, in PEM; see \"uncross cluster certs\"."`
	ClusterKey  string `type:"path" env:"UNCROSS_CLUSTER_KEY" help:"Its private key."`
	ClusterCA   string `type:"path" env:"UNCROSS_CLUSTER_CA" help:"The authority that signed the certificates of all nodes."`

	HTTPAdvertise string `env:"UNCROSS_HTTP_ADVERTISE" placeholder:"URL" help:"Where clients reach this node's REST interface, told to those who ask another node (default: the address it listens on)."`
	FixAdvertise  string `env:"UNCROSS_FIX_ADVERTISE" placeholder:"HOST:PORT" help:"Likewise for FIX; a node that listens at all its addresses is named by this one alone."`

	HeartbeatTimeout time.Duration `env:"UNCROSS_HEARTBEAT_TIMEOUT" help:"Time without a word of the leader before an election (default: 400ms in a cluster)."`
	ElectionTimeout  time.Duration `env:"UNCROSS_ELECTION_TIMEOUT" help:"Time of one election (default: 400ms in a cluster)."`
	LeaderLease      time.Duration `env:"UNCROSS_LEADER_LEASE" help:"Time without a word of a majority before a leader steps down; below the heartbeat time-out (default: 300ms in a cluster)."`
	DiskTimeout      time.Duration `env:"UNCROSS_DISK_TIMEOUT" help:"Longest operation on the disk for the log (reads, writes, fsyncs, removals) and for votes and terms, before the node ends itself, so that another may lead (default: 2s)."`
}

// parseMember reads a node of --peers: NODE=HOST:PORT.
func parseMember(text string) (replication.Member, error) {
	id, address, ok := strings.Cut(strings.TrimSpace(text), "=")
	if !ok || id == "" {
		return replication.Member{}, fmt.Errorf("%q is not NODE=HOST:PORT", text)
	}
	if err := nodeid.Check(id); err != nil {
		return replication.Member{}, err
	}
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if err != nil {
		return replication.Member{}, fmt.Errorf("%q: %w", text, err)
	}
	return replication.Member{ID: id, Address: address, Voter: true}, nil
}

// members are those of --peers; Validate has read them.
func (f *clusterFlags) members() []replication.Member {
	var all []replication.Member
	for _, text := range f.Peers {
		m, _ := parseMember(text)
		all = append(all, m)
	}
	return all
}

// advertised is the address that the other nodes know this one by.
func (f *clusterFlags) advertised(ln net.Listener) string {
	if f.RaftAdvertise != "" {
		return f.RaftAdvertise
	}
	return ln.Addr().String()
}

// validate refuses what does not go together.
func (f *clusterFlags) validate(node string) error {
	tlsFiles := 0
	for _, file := range []string{f.ClusterCert, f.ClusterKey, f.ClusterCA} {
		if file != "" {
			tlsFiles++
		}
	}
	switch {
	case f.RaftAddr == "" && (len(f.Peers) > 0 || len(f.Join) > 0 || tlsFiles > 0 || f.RaftAdvertise != ""):
		return errors.New("a node of a cluster needs --raft-addr, where the others reach it")
	case len(f.Peers) > 0 && len(f.Join) > 0:
		return errors.New("--peers is for the nodes of a new cluster and --join for those that come later: not both")
	case tlsFiles != 0 && tlsFiles != 3:
		return errors.New("--cluster-cert, --cluster-key and --cluster-ca go together")
	case f.RaftAddr != "" && tlsFiles == 0 && !isLoopback(f.RaftAddr):
		return fmt.Errorf("--raft-addr %s can be reached from other machines: the nodes then need certificates. Make them with \"uncross cluster certs\", and give --cluster-cert, --cluster-key and --cluster-ca", f.RaftAddr)
	case f.DiskTimeout < 0:
		return errors.New("--disk-timeout is negative")
	}
	if err := f.validateTimeouts(); err != nil {
		return err
	}
	if err := validateURL(f.HTTPAdvertise); f.HTTPAdvertise != "" && err != nil {
		return fmt.Errorf("--http-advertise %s: %w", f.HTTPAdvertise, err)
	}
	if f.FixAdvertise != "" {
		if _, _, err := net.SplitHostPort(f.FixAdvertise); err != nil {
			return fmt.Errorf("--fix-advertise: %w", err)
		}
	}
	own, seen := len(f.Peers) == 0, map[string]bool{}
	for _, text := range f.Peers {
		m, err := parseMember(text)
		if err != nil {
			return fmt.Errorf("--peers: %w", err)
		}
		if seen[m.ID] || seen[m.Address] {
			return fmt.Errorf("--peers: %q has a node or an address that is there already", text)
		}
		seen[m.ID], seen[m.Address] = true, true
		own = own || m.ID == node
	}
	if !own {
		return fmt.Errorf("--peers does not name this node, %s: give --node-id", node)
	}
	for _, address := range f.Join {
		if _, _, err := net.SplitHostPort(address); err != nil {
			return fmt.Errorf("--join: %w", err)
		}
	}
	return nil
}

// leastTimeout is the shortest of raft's time-outs.
const leastTimeout = 5 * time.Millisecond

// validateTimeouts refuses time-outs that raft would refuse, once there are data.
func (f *clusterFlags) validateTimeouts() error {
	t := f.timeouts()
	for _, x := range []struct {
		flag string
		d    time.Duration
	}{{"heartbeat-timeout", t.Heartbeat}, {"election-timeout", t.Election}, {"leader-lease", t.LeaderLease}} {
		if x.d < leastTimeout {
			return fmt.Errorf("--%s %s is below %s", x.flag, x.d, leastTimeout)
		}
	}
	switch {
	case f.RaftAddr != "" && t.LeaderLease >= t.Heartbeat:
		return fmt.Errorf("--leader-lease %s is not below --heartbeat-timeout %s: a leader that is cut off must stop before another begins", t.LeaderLease, t.Heartbeat)
	case t.LeaderLease > t.Heartbeat:
		return fmt.Errorf("--leader-lease %s is above --heartbeat-timeout %s", t.LeaderLease, t.Heartbeat)
	case t.Election < t.Heartbeat:
		return fmt.Errorf("--election-timeout %s is below --heartbeat-timeout %s: give both", t.Election, t.Heartbeat)
	}
	return nil
}

// validateURL refuses what clients cannot be sent to: http(s)://HOST[:PORT] and nothing else.
func validateURL(text string) error {
	u, err := url.Parse(text)
	if err != nil {
		return err
	}
	if rest := strings.TrimSuffix(u.Path, "/") + u.RawQuery + u.Fragment; u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || rest != "" {
		return errors.New("it is not http://HOST:PORT or https://HOST:PORT")
	}
	if port := u.Port(); port != "" {
		_, err = net.LookupPort("tcp", port)
	}
	return err
}

// timeouts are raft's, with the defaults of a cluster where nothing is said.
func (f *clusterFlags) timeouts() replication.Timeouts {
	t := replication.ClusterTimeouts
	if f.RaftAddr == "" {
		t = replication.SingleNodeTimeouts
	}
	for _, x := range []struct {
		to *time.Duration
		v  time.Duration
	}{{&t.Heartbeat, f.HeartbeatTimeout}, {&t.Election, f.ElectionTimeout}, {&t.LeaderLease, f.LeaderLease}} {
		if x.v != 0 {
			*x.to = x.v
		}
	}
	return t
}

// seeds are the addresses of nodes to ask: those of the flags, and those remembered from earlier runs.
func (c *serveCmd) seeds(d dataDir) []string {
	var all []string
	add := func(address string) {
		if address != "" && !slices.Contains(all, address) {
			all = append(all, address)
		}
	}
	for _, m := range c.members() {
		if m.ID != c.NodeID {
			add(m.Address)
		}
	}
	for _, address := range c.Join {
		add(address)
	}
	for _, m := range d.readMembers() {
		if m.ID != c.NodeID {
			add(m.Address)
		}
	}
	return all
}

// joinCluster opens the port between nodes and learns who the venue is, from another node where this one does not know. It
// returns nil for a venue of one node.
func (c *serveCmd) joinCluster(w io.Writer, d dataDir, at *addresses, logger *slog.Logger, stop <-chan os.Signal) (cl *clusterOf, err error) {
	if at.raft == nil {
		return nil, nil
	}
	cl = &clusterOf{
		node: c.NodeID, address: c.advertised(at.raft), http: c.HTTPAdvertise, fix: c.FixAdvertise,
		first: c.members(), joins: len(c.Join) > 0, seeds: c.seeds(d), dir: d, log: d.log(c.Tripwire), stop: stop, logger: logger,
	}
	for _, m := range cl.first {
		if m.ID == cl.node && m.Address != cl.address {
			return nil, fmt.Errorf("--peers has this node, %s, at %s, and the others reach it at %s: say the same there and in --raft-addr or --raft-advertise", m.ID, m.Address, cl.address)
		}
	}
	if cl.http == "" {
		cl.http = at.url()
	}
	if cl.fix == "" && at.fix != nil {
		cl.fix = tellable(at.fix.Addr())
	}
	cfg := peer.Config{
		Listener: at.raft, NodeID: cl.node, Cluster: cl.name, Advertise: cl.address, SpoolDir: d.spool(),
		Holds: cl.holds, Leads: cl.leads, Logger: logger,
	}
	if c.ClusterCert != "" {
		if cfg.TLS, err = peer.LoadTLS(c.ClusterCert, c.ClusterKey, c.ClusterCA); err != nil {
			return nil, err
		}
	}
	if cl.port, err = peer.Listen(cfg); err != nil {
		return nil, err
	}
	cl.founds = len(cl.first) > 0 && d.isNew(cl.log)
	if exists(d.genesis()) {
		err = cl.identify()
	}
	roster.Serve(cl.port, roster.Services{Genesis: cl.tellGenesis})
	if err == nil {
		err = cl.learnGenesis(w)
	}
	if err == nil {
		err = cl.identify()
	}
	if len(cl.first) == 0 && !cl.joins && !d.hasLog() {
		cl.first = []replication.Member{{ID: cl.node, Address: cl.address, Voter: true}} // a venue of one node, which others may join
	}
	if err != nil {
		return nil, errors.Join(err, cl.port.Close())
	}
	return cl, nil
}

// tellable is a listener's address as clients elsewhere can be told it: none where it listens at all that the machine has.
func tellable(a net.Addr) string {
	if t, ok := a.(*net.TCPAddr); ok && t.IP.IsUnspecified() {
		return ""
	}
	return a.String()
}

// again returns what starts this program anew in its place, with the same process id: where a node is to go on from a
// snapshot that another one has sent. The addresses are those that are taken now, and the operator's words for one start
// are not repeated.
func (c *serveCmd) again(at *addresses) func() error {
	args := slices.DeleteFunc(slices.Clone(os.Args), func(arg string) bool {
		name, _, _ := strings.Cut(arg, "=")
		return slices.Contains([]string{"--accept-clock", "--reset-tripwire", "--accept-history-gap", "--accept-fix-gap"}, name)
	})
	for flag, ln := range map[string]net.Listener{"--listen=": at.http, "--fix-listen=": at.fix, "--raft-addr=": at.raft} {
		if ln != nil {
			args = append(args, flag+ln.Addr().String())
		}
	}
	return func() error { return syscall.Exec("/proc/self/exe", args, os.Environ()) }
}
