package nodes

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// Patience with nodes on a busy machine: until one has ended, all stand at one command, or somebody leads.
const Patience = 60 * time.Second

// Look is the time between two looks at how nodes stand.
const Look = 20 * time.Millisecond

// Venue is a venue of several nodes, or of one.
type Venue struct {
	Program string
	Dir     string // of logs, and of the nodes' data
	Nodes   []*Node
}

// Lay lays out the nodes of a venue, none of which runs yet: node-1 and so on, on loopback.
func Lay(program, dir string, count int) (*Venue, error) {
	v := &Venue{Program: program, Dir: dir}
	for i := range count {
		if _, err := v.Add(fmt.Sprintf("node-%d", i+1), count > 1); err != nil {
			return nil, err
		}
	}
	v.Introduce()
	return v, nil
}

// Add lays out one more node; others says whether it is to be one of several.
func (v *Venue) Add(name string, others bool) (n *Node, err error) {
	n = &Node{Program: v.Program, Log: filepath.Join(v.Dir, name+".log"), Notes: true}
	n.Name, n.Data = name, filepath.Join(v.Dir, name, "data")
	at := []*string{&n.HTTP, &n.FIX}
	if others {
		at = append(at, &n.Raft)
	}
	for _, a := range at {
		if *a, err = FreeAddress(); err != nil {
			return nil, err
		}
	}
	v.Nodes = append(v.Nodes, n)
	return n, os.MkdirAll(filepath.Dir(n.Data), 0o700)
}

// Introduce tells all nodes so far, as the first of a new cluster, where the others are. It is done anew when addresses were changed.
func (v *Venue) Introduce() {
	var peers []string
	for _, n := range v.Nodes {
		peers = append(peers, n.Name+"="+n.Raft)
	}
	for _, n := range v.Nodes {
		n.Peers = peers
	}
}

// URLs are where clients reach the nodes.
func (v *Venue) URLs() (all []string) {
	for _, n := range v.Nodes {
		all = append(all, n.URL())
	}
	return all
}

// FIX are the nodes' addresses for FIX.
func (v *Venue) FIX() (all []string) {
	for _, n := range v.Nodes {
		all = append(all, n.FIX)
	}
	return all
}

// Start starts all nodes.
func (v *Venue) Start() error {
	for _, n := range v.Nodes {
		if err := n.Start(); err != nil {
			return err
		}
	}
	return nil
}

// Up starts all nodes and waits until all are ready.
func (v *Venue) Up(ctx context.Context) error {
	if err := v.Start(); err != nil {
		return err
	}
	return v.Ready(ctx)
}

// End ends all processes at once, and for good.
func (v *Venue) End() {
	for _, n := range v.Nodes {
		n.mu.Lock()
		n.over = true
		n.mu.Unlock()
		n.Signal(syscall.SIGCONT)
		n.Signal(syscall.SIGKILL)
	}
	late := time.After(Patience)
	for _, n := range v.Nodes {
		select {
		case <-n.Signal(syscall.SIGKILL):
		case <-late: // it hangs in the kernel, and ends when that lets it go
			return
		}
	}
}

// Await looks until something is so.
func (v *Venue) Await(ctx context.Context, what string, ok func() bool) error {
	for begin := time.Now(); !ok(); time.Sleep(Look) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Since(begin) > Patience {
			said := ""
			for _, n := range v.Nodes {
				said += n.Tail()
			}
			return fmt.Errorf("waited %v in vain for %s\n%s", Patience, what, said)
		}
	}
	return nil
}

// Leader waits until a node leads, another than those given.
func (v *Venue) Leader(ctx context.Context, but ...*Node) (leader *Node, err error) {
	err = v.Await(ctx, "a leader", func() bool {
		i := slices.IndexFunc(v.Nodes, func(n *Node) bool { return !slices.Contains(but, n) && n.Leads(ctx) })
		if i >= 0 {
			leader = v.Nodes[i]
		}
		return i >= 0
	})
	return leader, err
}

// Ready waits until every node serves reads and one takes commands.
func (v *Venue) Ready(ctx context.Context) error {
	err := v.Await(ctx, "all nodes to be ready", func() bool {
		return !slices.ContainsFunc(v.Nodes, func(n *Node) bool { return !n.Ready(ctx) })
	})
	if err == nil {
		_, err = v.Leader(ctx)
	}
	return err
}

// Level waits until all nodes that are to run stand at the same command, everything that is read from as well, and holds their full
// hashes against each other. Nobody sends anything meanwhile.
func (v *Venue) Level(ctx context.Context) (s Status, err error) {
	var all []Status
	var what error
	err = v.Await(ctx, "all nodes to come to the same command", func() bool {
		all, what = v.standing(ctx)
		if what != nil || len(all) == 0 {
			return false
		}
		return !slices.ContainsFunc(all, func(s Status) bool {
			return !s.Ready || s.Command != all[0].Command || s.View != s.Command || s.History.Command != s.Command
		})
	})
	if err != nil {
		return s, errors.Join(err, what, fmt.Errorf("they stand at %+v", all))
	}
	for i := range all {
		if all[i].FullHash != all[0].FullHash {
			return s, fmt.Errorf("THE STATES DIFFER at command %d: %s has hash %s, %s has %s", all[0].Command, all[0].Node, all[0].FullHash, all[i].Node, all[i].FullHash)
		}
	}
	return all[0], nil
}

// standing asks all nodes that are to run.
func (v *Venue) standing(ctx context.Context) (all []Status, err error) {
	for _, n := range v.Nodes {
		if n.PID() == 0 && !n.Gone() {
			continue
		}
		s, err := n.Status(ctx)
		if err != nil {
			return all, fmt.Errorf("%s: %w", n.Name, err)
		}
		all = append(all, s)
	}
	return all, nil
}
