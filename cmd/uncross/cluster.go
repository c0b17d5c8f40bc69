package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"uncross/gateway/auth"
	"uncross/gateway/client"
	"uncross/internal/nodeid"
)

// clusterCmd is what an operator does with the nodes of a venue, over the REST interface.
type clusterCmd struct {
	Status   clusterStatusCmd   `cmd:"" help:"Show the nodes: who leads, who is behind, what is wrong."`
	Add      clusterAddCmd      `cmd:"" help:"Take a node in as a learner, which has no vote."`
	Promote  clusterPromoteCmd  `cmd:"" help:"Give a learner a vote."`
	Remove   clusterRemoveCmd   `cmd:"" help:"Take a node out."`
	Transfer clusterTransferCmd `cmd:"" help:"Hand leadership over."`
	Snapshot clusterSnapshotCmd `cmd:"" help:"Have one node take a snapshot now."`
	Certs    clusterCertsCmd    `cmd:"" help:"Make the certificates that nodes know each other by."`
}

// operatorFlags are the flags of the commands that talk to a running node as an operator.
type operatorFlags struct {
	Server []string `env:"UNCROSS_SERVER" default:"http://127.0.0.1:8080" help:"Addresses of nodes, separated by commas; the first that answers is asked, and leads on to the leader (default: http://127.0.0.1:8080)."`
	Key    string   `required:"" type:"path" env:"UNCROSS_KEY" help:"Key file of an operator."`
	caFlag
}

// operatorPatience bounds one command.
const operatorPatience = 30 * time.Second

// lookPatience bounds the look whether a node answers.
const lookPatience = 2 * time.Second

// connect returns a client of the first node that answers.
func (f *operatorFlags) connect(ctx context.Context) (*client.Client, error) {
	k, err := auth.LoadKey(f.Key)
	if err != nil {
		return nil, err
	}
	roots, err := f.roots()
	if err != nil {
		return nil, err
	}
	var failed []error
	for _, server := range f.Server {
		c, err := client.New(client.Config{URL: server, Key: &k, Roots: roots})
		if err != nil {
			return nil, err
		}
		look, cancel := context.WithTimeout(ctx, lookPatience)
		err = c.Public(look, "GET", "/healthz", nil)
		cancel()
		if err == nil {
			return c, nil
		}
		failed = append(failed, fmt.Errorf("%s: %w", server, err))
	}
	return nil, fmt.Errorf("no node answers; is one running there? Others are named with --server\n  %s", strings.ReplaceAll(errors.Join(failed...).Error(), "\n", "\n  "))
}

// ask sends one request as the operator, to the leader where that is needed.
func (f *operatorFlags) ask(method, target string, in, out any) error {
	ctx, cancel := patience(operatorPatience)
	defer cancel()
	c, err := f.connect(ctx)
	if err != nil {
		return err
	}
	return explained(c.Do(ctx, method, target, in, out))
}

// explained says what to do about the refusals that an operator meets.
func explained(err error) error {
	var refused *client.Error
	if !errors.As(err, &refused) {
		return err
	}
	switch refused.Reason {
	case "change_refused":
		return errors.New(refused.Detail)
	case "not_leader":
		if refused.Leader == nil {
			return fmt.Errorf("there is no leader at this moment: while a majority of the voters is up, one is chosen within seconds; \"uncross cluster status\" shows the nodes (%w)", err)
		}
		return fmt.Errorf("the leader %s is not where clients can go to (%w): name its address with --server", refused.Leader.Node, err)
	case "outcome_unknown":
		return fmt.Errorf("it is not known whether this was done; \"uncross cluster status\" shows it (%w)", err)
	case "role_not_allowed":
		return fmt.Errorf("this needs the key of an operator (%w)", err)
	}
	return err
}

// clusterView is what GET /v1/admin/cluster answers.
type clusterView struct {
	ClusterID   string          `json:"cluster_id"`
	Incarnation string          `json:"incarnation"`
	Node        string          `json:"node"`
	Leader      *client.Node    `json:"leader"`
	Members     []clusterMember `json:"members"`
}

type clusterMember struct {
	client.Node
	Address  string `json:"address"`
	Voter    bool   `json:"voter"`
	Role     string `json:"role"`
	Ready    bool   `json:"ready"`
	HeardMs  *int64 `json:"heard_ms"`
	Command  uint64 `json:"command,string"`
	FullHash string `json:"full_hash"`
	LogBytes uint64 `json:"log_bytes,string"`
	Version  string `json:"version"`
	Problem  string `json:"problem"`
}

type clusterStatusCmd struct {
	operatorFlags
	JSON bool `name:"json" help:"Print the node's answer as it is, in JSON."`
}

// Help implements kong.HelpProvider.
func (clusterStatusCmd) Help() string {
	return `Asks one node how it and the others stand. Any node answers, also while there is no leader, and the first line says which one
did: members and votes are as that node has them. What is said of the others is as old as HEARD says; one that was not heard for
2 s has no role, and is not counted on for reads. BEHIND is in commands, against the node that is furthest.

Examples
  uncross cluster status --key operator.key
  uncross cluster status --key operator.key --server https://a.example:8443,https://b.example:8443 --json`
}

// Run shows the nodes.
func (c *clusterStatusCmd) Run(s *streams) error {
	var raw json.RawMessage
	if err := c.ask("GET", "/v1/admin/cluster", nil, &raw); err != nil {
		return err
	}
	if c.JSON {
		fmt.Fprintf(s.out, "%s\n", raw)
		return nil
	}
	var v clusterView
	if err := json.Unmarshal(raw, &v); err != nil {
		return fmt.Errorf("the answer is not understood: %w", err)
	}
	fmt.Fprintf(s.out, "cluster %s", v.ClusterID)
	if v.Incarnation != "" {
		fmt.Fprintf(s.out, ", incarnation %s", v.Incarnation)
	}
	switch {
	case v.Leader == nil:
		fmt.Fprintf(s.out, "; as %s knows it, nobody leads\n", v.Node)
	case v.Leader.Node == v.Node:
		fmt.Fprintf(s.out, "; %s leads\n", v.Node)
	default:
		fmt.Fprintf(s.out, "; as %s knows it, %s leads. A follower may learn a moment later what was changed there\n", v.Node, v.Leader.Node)
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NODE\tROLE\tVOTE\tREADS\tCOMMAND\tBEHIND\tHEARD\tADDRESS\tHTTP\tFIX\tNOTE")
	furthest := v.furthest()
	for i := range v.Members {
		m := &v.Members[i]
		role, command, behind, heard := cmp.Or(m.Role, "unknown"), "-", "-", "never"
		if m.HeardMs != nil {
			command, behind, heard = fmt.Sprint(m.Command), fmt.Sprint(furthest.Command-m.Command), (time.Duration(*m.HeardMs) * time.Millisecond).String()
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", m.Node.Node, role, yes(m.Voter), yes(m.Ready), command, behind, heard,
			orDash(m.Address), orDash(m.HTTP), orDash(m.FIX), v.note(m, furthest))
	}
	return w.Flush()
}

// furthest returns the member that has applied most; of several, the first.
func (v *clusterView) furthest() (best clusterMember) {
	for _, m := range v.Members {
		if m.HeardMs != nil && m.Command > best.Command {
			best = m
		}
	}
	return best
}

// note says what an operator should know of a member.
func (v *clusterView) note(m *clusterMember, furthest clusterMember) string {
	var notes []string
	if m.Problem != "" {
		notes = append(notes, m.Problem)
	}
	if m.HeardMs != nil && m.Command == furthest.Command && m.FullHash != furthest.FullHash {
		notes = append(notes, "its state differs from that of "+furthest.Node.Node)
	}
	for i := range v.Members {
		if o := &v.Members[i]; o.Version != "" && m.Version != "" && o.Version != m.Version {
			notes = append(notes, "runs "+m.Version)
			break
		}
	}
	return strings.Join(notes, "; ")
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

type clusterAddCmd struct {
	operatorFlags
	Node    string `arg:"" help:"The node's name, its --node-id."`
	Address string `arg:"" help:"host:port that the other nodes reach it at."`
}

// Help implements kong.HelpProvider.
func (clusterAddCmd) Help() string {
	return `The node gets everything and has no vote, so that it holds nobody up while it catches up. Once "uncross cluster status" shows
that it is not behind, "uncross cluster promote" gives it a vote. It is started on an empty data directory with the same name and address, and
with --join, by which it learns who the venue is.

Example
  uncross cluster add --key operator.key node-4 10.0.0.4:7946
  uncross serve --data data --node-id node-4 --raft-addr 10.0.0.4:7946 --join 10.0.0.1:7946 …`
}

// Validate implements kong.Validatable.
func (c *clusterAddCmd) Validate() error { return nodeid.Check(c.Node) }

// Run adds a node.
func (c *clusterAddCmd) Run(s *streams) error {
	if err := c.ask("POST", "/v1/admin/cluster/members", object{"node": c.Node, "address": c.Address}, nil); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s at %s is a learner; once it is not behind: uncross cluster promote %s\n", c.Node, c.Address, c.Node)
	return nil
}

// memberPath is a member in an address.
func memberPath(node string) string { return "/v1/admin/cluster/members/" + url.PathEscape(node) }

type clusterPromoteCmd struct {
	operatorFlags
	Node string `arg:"" help:"The node's name."`
}

// Help implements kong.HelpProvider.
func (clusterPromoteCmd) Help() string {
	return `From then on the node counts: of three voters two must be up, of five three.

Example
  uncross cluster promote --key operator.key node-4`
}

// Run promotes a node.
func (c *clusterPromoteCmd) Run(s *streams) error {
	if err := c.ask("POST", memberPath(c.Node)+"/promote", nil, nil); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s has a vote\n", c.Node)
	return nil
}

type clusterRemoveCmd struct {
	operatorFlags
	Node string `arg:"" help:"The node's name."`
}

// Help implements kong.HelpProvider.
func (clusterRemoveCmd) Help() string {
	return `The node gets nothing any more. Where it runs it learns so from the leader: its log says it, and /readyz is 503. Stop it, and do not start it again with its data: it comes back as a new node with an empty data
directory.

Example
  uncross cluster remove --key operator.key node-4`
}

// Run removes a node.
func (c *clusterRemoveCmd) Run(s *streams) error {
	if err := c.ask("DELETE", memberPath(c.Node), nil, nil); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s is no member any more: stop it\n", c.Node)
	return nil
}

type clusterTransferCmd struct {
	operatorFlags
	Node string `arg:"" optional:"" help:"The new leader (default: any other voter)."`
}

// Help implements kong.HelpProvider.
func (clusterTransferCmd) Help() string {
	return `Another voter leads, within a moment in which no orders are taken. A node that is stopped does this by itself.

Examples
  uncross cluster transfer --key operator.key
  uncross cluster transfer --key operator.key node-2`
}

// Run hands leadership over.
func (c *clusterTransferCmd) Run(s *streams) error {
	in := object{}
	if c.Node != "" {
		in["node"] = c.Node
	}
	if err := c.ask("POST", "/v1/admin/cluster/transfer", in, nil); err != nil {
		return err
	}
	if c.Node == "" {
		fmt.Fprintln(s.out, "leadership is handed over; \"uncross cluster status\" shows to whom")
	} else {
		fmt.Fprintf(s.out, "%s leads\n", c.Node)
	}
	return nil
}

type clusterSnapshotCmd struct{ operatorFlags }

// Help implements kong.HelpProvider.
func (clusterSnapshotCmd) Help() string {
	return `The node that is asked takes a snapshot of its own, whether or not it leads, and its log is cut behind it, but for what serve
--trailing-bytes keeps: of a small log nothing may be cut.

Example
  uncross cluster snapshot --key operator.key --server http://10.0.0.2:8080`
}

// Run takes a snapshot.
func (c *clusterSnapshotCmd) Run(s *streams) error {
	var a struct {
		Index string `json:"index"`
	}
	if err := c.ask("POST", "/v1/admin/snapshot", nil, &a); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "snapshot taken, of log entry %s or a later one\n", a.Index)
	return nil
}
