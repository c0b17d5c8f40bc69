package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"uncross/gateway/client"
	"uncross/internal/nodes"
)

// This file is demo --nodes: which nodes there are, and where. The first one runs in the demonstration's own process, the others
// in processes of their own, see demo_child.go:
//
//	DIR/data         node-1; its log is DIR/node-1/serve.log
//	DIR/node-2/data  node-2, and beside it serve.log; likewise node-3
//	DIR/nodes.json   their addresses, which stay the same at the next start

// demoNode is a node of the demonstration.
type demoNode struct {
	Node string `json:"node"`
	Raft string `json:"raft"`
	HTTP string `json:"http,omitempty"` // host:port; of the first node it is said by --listen
	FIX  string `json:"fix,omitempty"`
}

// demoNodesFile is the content of nodes.json.
type demoNodesFile struct {
	Format string     `json:"format"`
	Nodes  []demoNode `json:"nodes"`
}

const demoNodesFormat = "uncross-demo-nodes-v1"

// mostDemoNodes bounds --nodes.
const mostDemoNodes = 5

// demoFolder is the folder of a demonstration.
type demoFolder string

func (f demoFolder) nodes() string               { return filepath.Join(string(f), "nodes.json") }
func (f demoFolder) node(name string) string     { return filepath.Join(string(f), name) }
func (f demoFolder) data(name string) dataDir    { return dataDir(filepath.Join(f.node(name), "data")) }
func (f demoFolder) log(name string) string      { return filepath.Join(f.node(name), demoLog) }
func (f demoFolder) remember(n []demoNode) error { return f.write(demoNodesFile{demoNodesFormat, n}) }

// demoLog is the name of a node's log.
const demoLog = "serve.log"

// demoNames are the names of all the nodes that there can be.
func demoNames() (all []string) {
	for i := range mostDemoNodes {
		all = append(all, "node-"+strconv.Itoa(i+1))
	}
	return all
}

// read returns the nodes of the folder, none where the demonstration is one of a single node, or has not been made.
func (f demoFolder) read() ([]demoNode, error) {
	if err := isFolder(string(f)); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(f.nodes())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var file demoNodesFile
	if err == nil {
		err = json.Unmarshal(text, &file)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", f.nodes(), err)
	case file.Format != demoNodesFormat || len(file.Nodes) < 2 || len(file.Nodes) > mostDemoNodes:
		return nil, fmt.Errorf("%s is not of the format %s, or it is damaged", f.nodes(), demoNodesFormat)
	}
	for i, n := range file.Nodes {
		if n.Node != demoNames()[i] || !isLoopback(n.Raft) || i > 0 && !(isLoopback(n.HTTP) && isLoopback(n.FIX)) {
			return nil, fmt.Errorf("%s: %q is no node of a demonstration on loopback addresses", f.nodes(), n.Node)
		}
	}
	return file.Nodes, nil
}

func (f demoFolder) write(file demoNodesFile) error {
	text, err := json.MarshalIndent(file, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(string(f), 0o700); err != nil {
		return err
	}
	return writeDurably(f.nodes(), append(text, '\n'))
}

// newDemoNodes finds free addresses for nodes. A number of 1 or less is none: a venue of one node needs no addresses.
func newDemoNodes(n int, taken ...string) (all []demoNode, err error) {
	if n <= 1 {
		return nil, nil
	}
	for i, name := range demoNames()[:n] {
		node := demoNode{Node: name}
		at := []*string{&node.Raft}
		if i > 0 {
			at = append(at, &node.HTTP, &node.FIX)
		}
		for _, a := range at {
			for *a == "" || slices.Contains(taken, *a) {
				if *a, err = nodes.FreeAddress(); err != nil {
					return nil, err
				}
			}
		}
		all = append(all, node)
	}
	return all, nil
}

// findNodes decides which nodes there are: those of the folder, or new ones.
func (d *demo) findNodes() (err error) {
	if d.had, err = d.folder.read(); err != nil {
		return err
	}
	if wanted := d.c.Nodes; len(d.had) > 0 && !d.c.Fresh && (wanted == 0 || wanted == len(d.had)) {
		d.nodes = d.had
		return nil
	}
	d.nodes, err = newDemoNodes(d.c.Nodes, d.c.Listen, d.c.FixListen)
	return err
}

// refuseNodes refuses to go on with another number of nodes than the folder has.
func (d *demo) refuseNodes() error {
	if has := max(1, len(d.had)); d.c.Nodes != 0 && d.c.Nodes != has {
		return fmt.Errorf("the demonstration in %s has %d of --nodes, not %d: leave --nodes out, begin anew with --fresh, or choose another folder with --data", d.c.Data, has, d.c.Nodes)
	}
	return nil
}

// refuseTakenNodes refuses folders of other nodes with something in them where there is no demonstration yet.
func (d *demo) refuseTakenNodes() error {
	for _, n := range d.nodes[min(1, len(d.nodes)):] {
		found, err := firstUnknown(d.folder.node(n.Node), nothing)
		if err != nil {
			return err
		}
		if found != "" {
			return fmt.Errorf("%s is there, and there is no venue of this kind yet: the folder has to be empty or missing; choose another one with --data", found)
		}
	}
	return nil
}

// keepNodes writes down which nodes there are.
func (d *demo) keepNodes() error {
	if len(d.nodes) == 0 {
		return remove(d.folder.nodes())
	}
	return d.folder.remember(d.nodes)
}

// peers are the nodes as the flag --peers has them.
func (d *demo) peers() (all []string) {
	for _, n := range d.nodes {
		all = append(all, n.Node+"="+n.Raft)
	}
	return all
}

// further are the addresses of the nodes but the first: of REST and of FIX.
func (d *demo) further() (urls, fix []string) {
	for _, n := range d.nodes[min(1, len(d.nodes)):] {
		urls, fix = append(urls, "http://"+n.HTTP), append(fix, n.FIX)
	}
	return urls, fix
}

// asNode makes the node of this process one of several.
func (d *demo) asNode(c *serveCmd) {
	if len(d.nodes) > 0 {
		c.RaftAddr, c.Peers = d.nodes[0].Raft, d.peers()
	}
}

// errorsAlso is where the node of this process logs to where it is one of several: that others come and go is for its log, and not
// for the terminal. What is an error goes to both.
type errorsAlso struct {
	name string
	also io.Writer

	mu  sync.Mutex
	log *os.File // nil as long as nothing has been logged
}

// Write implements io.Writer; a record comes in one piece.
func (e *errorsAlso) Write(record []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if bytes.Contains(record, []byte("level=ERROR")) {
		_, _ = e.also.Write(record) // it is in the log in any case
	}
	if e.log == nil {
		var err error
		if err = os.MkdirAll(filepath.Dir(e.name), 0o700); err == nil {
			e.log, err = openLog(e.name)
		}
		if err != nil {
			return e.also.Write(record)
		}
	}
	return e.log.Write(record)
}

func openLog(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
}

// standardError is where the node of this process logs to.
func (d *demo) standardError(w io.Writer) io.Writer {
	if len(d.nodes) == 0 {
		return w
	}
	return &errorsAlso{name: d.folder.log(d.nodes[0].Node), also: w}
}

// leaderEvery is how often it is looked which node leads.
const leaderEvery = time.Second

// tellLeader says which node leads, whenever that changes.
func (d *demo) tellLeader(at *addresses) {
	urls, _ := d.further()
	urls = append([]string{at.url()}, urls...)
	way := &http.Client{Timeout: leaderEvery}
	defer way.CloseIdleConnections()
	was := ""
	for {
		if now := d.leader(way, urls); now != was && now != "" {
			if was = now; d.ctx.Err() == nil {
				d.say("%s leads\n", now)
			}
		}
		select {
		case <-d.ctx.Done():
			return
		case <-time.After(leaderEvery):
		}
	}
}

// leader returns the node that says that it leads, "" where none does.
func (d *demo) leader(way *http.Client, urls []string) (node string) {
	ctx, cancel := context.WithTimeout(d.ctx, leaderEvery)
	defer cancel()
	leads := make(chan string, len(urls))
	for i, u := range urls {
		go func() {
			if yes, _ := client.Leads(ctx, way, u); yes {
				leads <- d.nodes[i].Node
			} else {
				leads <- ""
			}
		}()
	}
	for range urls {
		if node = <-leads; node != "" {
			break
		}
	}
	return node
}

// explainNodes returns the lines about the nodes, and what to try with them.
func (d *demo) explainNodes(at *addresses) string {
	if len(d.nodes) == 0 {
		return ""
	}
	var b strings.Builder
	urls, _ := d.further()
	all := strings.Join(append([]string{at.url()}, urls...), ",")
	fmt.Fprintf(&b, "\nNodes         %d, each with the whole venue; one leads and takes orders, and clients find it by themselves\n", len(d.nodes))
	fmt.Fprintf(&b, "  %s  %s/  FIX %s  process %d, with the traders; log %s\n", d.nodes[0].Node, at.url(), at.fix.Addr(), os.Getpid(), nearby(d.folder.log(d.nodes[0].Node)))
	var pids []string
	for i, n := range d.nodes[1:] {
		pid := "-"
		if runs := d.pid(n.Node); runs > 0 {
			pid = strconv.Itoa(runs)
			pids = append(pids, pid)
		}
		fmt.Fprintf(&b, "  %s  %s/  FIX %s  process %s; log %s\n", n.Node, urls[i], n.FIX, pid, nearby(d.folder.log(n.Node)))
	}
	operator := fmt.Sprintf("--key %s --server %s", nearby(d.dir.key("operator")), all)
	fmt.Fprintf(&b, "Try           (a node that was killed is told, with the line that starts it again)\n")
	fmt.Fprintf(&b, "  %s cluster status %s\n", program(), operator)
	fmt.Fprintf(&b, "  %s cluster transfer %s %s\n", program(), d.nodes[1].Node, operator)
	if len(pids) > 0 {
		fmt.Fprintf(&b, "  kill -9 %s                # %s dies: another one leads within about a second, the trades go on, and so does every page\n", pids[0], d.nodes[1].Node)
		last := pids[len(pids)-1]
		fmt.Fprintf(&b, "  kill -STOP %s; sleep 20; kill -CONT %s   # %s hangs for a while\n", last, last, d.nodes[len(d.nodes)-1].Node)
	}
	return b.String()
}
