package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"uncross/internal/nodes"
)

// This file has the processes of the demonstration's other nodes.

// Patience with a child that is told to end.
const (
	childPatience = 15 * time.Second // longer than it waits for its own clients
	childTail     = 4 << 10          // of its log that is looked at for the reason why it has ended
)

// startChildren starts the other nodes. Each is ended by its own process id and by nothing else.
func (d *demo) startChildren() error {
	d.folks.Lock()
	defer d.folks.Unlock()
	program, err := os.Executable()
	if err != nil {
		return err
	}
	for _, n := range d.nodes[min(1, len(d.nodes)):] {
		k := &nodes.Node{Program: program, Log: d.folder.log(n.Node), Settings: nodes.Settings{
			Name: n.Node, Data: string(d.folder.data(n.Node)), HTTP: n.HTTP, FIX: n.FIX, Raft: n.Raft, Peers: d.peers(),
		}}
		k.Ended = func(how *os.ProcessState) { d.childEnded(k, how) }
		if err := k.Start(); err != nil {
			return fmt.Errorf("starting %s: %w", n.Node, err)
		}
		d.children = append(d.children, k)
	}
	return nil
}

// pid returns the process id of another node, 0 where none runs.
func (d *demo) pid(node string) int {
	d.folks.Lock()
	defer d.folks.Unlock()
	for _, k := range d.children {
		if k.Name == node {
			return k.PID()
		}
	}
	return 0
}

// childEnded tells that a process has ended that was not told to, and how it is started again.
func (d *demo) childEnded(k *nodes.Node, how *os.ProcessState) {
	d.folks.Lock()
	ending := d.ending
	d.folks.Unlock()
	if ending {
		return
	}
	why := "in order"
	if !how.Success() {
		if why = how.String(); how.Exited() {
			why += d.lastWords(k.Name)
		}
	}
	again := k.Settings
	again.Data = nearby(k.Data)
	d.say("%s, process %d, has ended: %s. Its log is %s. To start it again, in another terminal, until Ctrl-C there:\n  %s %s\n",
		k.Name, how.Pid(), why, nearby(k.Log), program(), strings.Join(again.Args(), " "))
}

// lastWords is the last line of a node's log, where it can be read.
func (d *demo) lastWords(node string) string {
	f, err := os.Open(d.folder.log(node))
	if err != nil {
		return ""
	}
	defer f.Close()
	if at, err := f.Stat(); err == nil && at.Size() > childTail {
		_, _ = f.Seek(-childTail, io.SeekEnd) // the end is all that is wanted
	}
	text, _ := io.ReadAll(io.LimitReader(f, childTail))
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return ": " + string(lines[len(lines)-1])
}

// endChildren tells the other nodes' processes to end, and waits for them.
func (d *demo) endChildren() {
	d.folks.Lock()
	d.ending = true
	all := slices.Clone(d.children)
	d.folks.Unlock()
	for _, k := range all {
		k.Signal(syscall.SIGTERM)
		k.Signal(syscall.SIGCONT) // one that was stopped by hand hears nothing before it goes on
	}
	late, cancel := context.WithTimeout(context.Background(), childPatience)
	defer cancel()
	for _, k := range all {
		select {
		case <-k.Signal(0):
			continue
		case <-late.Done():
		}
		d.say("%s, process %d, does not end and is killed\n", k.Name, k.PID())
		<-k.Signal(syscall.SIGKILL)
	}
}

// again returns what starts the demonstration anew in its place, where its node is to go on from a snapshot that another one has
// sent. The addresses are those that are taken now.
func (d *demo) again(at *addresses) func() error {
	args := slices.DeleteFunc(slices.Clone(os.Args), func(arg string) bool { return arg == "--fresh" || strings.HasPrefix(arg, "--fresh=") })
	for flag, ln := range map[string]net.Listener{"--listen=": at.http, "--fix-listen=": at.fix} {
		args = append(args, flag+ln.Addr().String())
	}
	return func() error {
		d.endChildren()
		return syscall.Exec("/proc/self/exe", args, os.Environ())
	}
}
