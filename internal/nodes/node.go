package nodes

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Settings are what a node is started with.
type Settings struct {
	Name, Data string
	HTTP, FIX  string   // host:port
	Raft       string   // host:port; "": a venue of this node alone
	Peers      []string // the first nodes of a new cluster, as name=host:port
	Join       []string // addresses of nodes to join at; nil: it is one of Peers
	Flags      []string // further ones
}

// Args returns the arguments of the node's process.
func (s *Settings) Args() []string {
	args := []string{"serve", "--data", s.Data, "--node-id", s.Name, "--listen", s.HTTP, "--fix-listen", s.FIX}
	switch {
	case s.Raft == "":
	case s.Join != nil:
		args = append(args, "--raft-addr", s.Raft, "--join", strings.Join(s.Join, ","))
	default:
		args = append(args, "--raft-addr", s.Raft, "--peers", strings.Join(s.Peers, ","))
	}
	return append(args, s.Flags...)
}

// Node is a node: what runs, and where. The fields are not changed while it runs.
type Node struct {
	Settings
	Program string
	Log     string   // file of what all its processes say
	Enter   []string // words before the command line, such as those that enter a network
	Notes   bool     // Log also tells when processes begin and end, and which signals they are sent
	// Ended is called with how a process has ended that was not told to by Stop or End.
	Ended func(*os.ProcessState)

	mu     sync.Mutex
	cmd    *exec.Cmd
	ended  chan struct{} // closed when cmd has
	wanted bool          // it is to run
	over   bool          // for good

	read int // of the log, by Complaints
}

// Start starts the process, where there is none; it does not wait until that is ready.
func (n *Node) Start() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.wanted = true
	return n.run()
}

// Gone says whether the node has ended by itself.
func (n *Node) Gone() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.wanted && n.cmd == nil
}

// Revive starts a node that has ended by itself.
func (n *Node) Revive() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.wanted {
		return nil
	}
	return n.run()
}

// run starts the process; the lock is held.
func (n *Node) run() error {
	if n.over || n.cmd != nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(n.Log), 0o700); err != nil {
		return err
	}
	log, err := os.OpenFile(n.Log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close() // the process has its own
	args := slices.Concat(n.Enter, []string{n.Program}, n.Args())
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = log, log, attributes()
	// What a variable says of this process is not meant for nodes.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "UNCROSS_") })
	if err := cmd.Start(); err != nil {
		n.tell("not started: %v", err)
		return err
	}
	n.tell("started, pid %d", cmd.Process.Pid)
	n.cmd, n.ended = cmd, make(chan struct{})
	go n.wait(cmd, n.ended)
	return nil
}

func (n *Node) wait(cmd *exec.Cmd, ended chan struct{}) {
	_ = cmd.Wait() // its state says how it ended
	n.mu.Lock()
	n.cmd = nil
	alone := n.wanted && !n.over
	n.tell("ended: %v", cmd.ProcessState)
	n.mu.Unlock()
	close(ended)
	if alone && n.Ended != nil {
		n.Ended(cmd.ProcessState)
	}
}

// PID returns the process's id, 0 where there is none.
func (n *Node) PID() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd == nil {
		return 0
	}
	return n.cmd.Process.Pid
}

// Signal sends a signal to the process, where there is one, and returns what is closed at its end.
func (n *Node) Signal(s syscall.Signal) <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd == nil {
		over := make(chan struct{})
		close(over)
		return over
	}
	n.tell("%v", s)
	_ = n.cmd.Process.Signal(s) // it may just have ended
	return n.ended
}

// Stop ends the process with a signal, waits for it, and leaves the node down. One that does not end in time is killed.
func (n *Node) Stop(s syscall.Signal) error {
	n.mu.Lock()
	n.wanted = false
	n.mu.Unlock()
	select {
	case <-n.Signal(s):
		return nil
	case <-time.After(Patience):
		n.Signal(syscall.SIGKILL)
		return fmt.Errorf("%s did not end within %v of %v\n%s", n.Name, Patience, s, n.Tail())
	}
}
