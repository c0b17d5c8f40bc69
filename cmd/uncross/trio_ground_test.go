//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unsafe"

	"uncross/internal/nodes"
	"uncross/internal/nodes/nodestest"
)

// This file has a network and a disk for each node, so that a test can cut, slow, fill and freeze them:
//
//	the test ─ bridge ┬─ veth ─ namespace of node-1   ext4 on a loop device
//	                  ├─ veth ─ namespace of node-2   ext4 on a loop device
//	                  └─ veth ─ namespace of node-3   ext4 on a loop device
//
// That needs the rights of root; without them the kinds of faults that need it are left out. Everything has the process id of the
// test in its name, and what a test that was killed has left behind is removed by the next one.

const (
	groundName = "uxr"               // begins the names of bridges and namespaces
	groundDir  = "uncross-rounds-"   // begins the names of folders
	diskSize   = 1 << 30             // of a node's disk; the file is sparse
	diskFiller = "filler"            // file that takes what is free on a disk
	nobody     = "02:00:00:00:00:ee" // address of an Ethernet card that there is not
	slowRate   = "2mbit"             // where the kernel cannot delay, a narrow link stands in
	slowDelay  = "60ms"              // of each packet of one direction
)

func groundPrefix() string { return groundDir + strconv.Itoa(os.Getpid()) + "-" }

// ground is what the nodes stand on.
type ground struct {
	t      *testing.T
	bridge string
	net    string // first three bytes of the addresses
	spaces []string
	disks  []*nodes.Disk

	mu     sync.Mutex
	frozen map[*nodes.Disk]bool
}

// newGround makes networks and disks. It returns nil, and says why, where that is not allowed.
func newGround(t *testing.T, dir string) *ground {
	t.Helper()
	if os.Getuid() != 0 {
		t.Log("not root: no networks and disks of the nodes' own, and no faults of theirs")
		return nil
	}
	sweepGround(t)
	pid := os.Getpid()
	g := &ground{t: t, bridge: fmt.Sprintf("%s%d", groundName, pid), net: fmt.Sprintf("10.%d.%d", 200+pid/250%50, pid%250), frozen: map[*nodes.Disk]bool{}}
	if err := g.build(dir); err != nil {
		g.remove()
		t.Logf("no networks and disks of the nodes' own, and no faults of theirs: %v", err)
		return nil
	}
	return g
}

func (g *ground) build(dir string) error {
	if err := errors.Join(
		nodes.Tool("ip", "link", "add", g.bridge, "type", "bridge"),
		nodes.Tool("ip", "addr", "add", g.net+".254/24", "dev", g.bridge),
		nodes.Tool("ip", "link", "set", g.bridge, "up"),
	); err != nil {
		return err
	}
	for i := range nodestest.Nodes {
		space := fmt.Sprintf("%s%d-%d", groundName, os.Getpid(), i+1)
		if err := nodes.Tool("ip", "netns", "add", space); err != nil {
			return err
		}
		g.spaces = append(g.spaces, space)
		if err := errors.Join(
			nodes.Tool("ip", "link", "add", space, "type", "veth", "peer", "name", "eth0", "netns", space),
			nodes.Tool("ip", "link", "set", space, "master", g.bridge, "up"),
			nodes.Tool("ip", "-n", space, "addr", "add", g.address(i)+"/24", "dev", "eth0"),
			nodes.Tool("ip", "-n", space, "link", "set", "eth0", "up"),
			nodes.Tool("ip", "-n", space, "link", "set", "lo", "up"),
		); err != nil {
			return err
		}
		disk, err := nodes.MakeDisk(filepath.Join(dir, fmt.Sprintf("disk-%d", i+1)), diskSize)
		if err != nil {
			return err
		}
		g.disks = append(g.disks, disk)
	}
	return nil
}

// remove takes everything away; the processes have ended.
func (g *ground) remove() {
	g.thawAll()
	for _, disk := range g.disks {
		if err := disk.Unmount(); err != nil {
			g.t.Error(err)
		}
	}
	for _, space := range g.spaces {
		if err := nodes.Tool("ip", "netns", "del", space); err != nil {
			g.t.Error(err)
		}
		_ = nodes.Tool("ip", "link", "del", space) // it goes with the namespace, a little later
	}
	_ = nodes.Tool("ip", "link", "del", g.bridge) // it may not have been made
}

// sweepGround removes what tests that were killed have left behind.
func sweepGround(t *testing.T) {
	gone := func(pid string) bool {
		n, err := strconv.Atoi(pid)
		return err == nil && errors.Is(syscall.Kill(n, 0), syscall.ESRCH)
	}
	mounts, _ := filepath.Glob(filepath.Join(os.TempDir(), groundDir+"*", "disk-?"))
	for _, mount := range mounts {
		pid, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(filepath.Dir(mount)), groundDir), "-")
		if gone(pid) {
			t.Logf("removing %s of an earlier test", mount)
			_ = nodes.Tool("fsfreeze", "-u", mount)
			_ = nodes.Tool("umount", mount)
			_ = os.RemoveAll(filepath.Dir(mount))
		}
	}
	spaces, _ := filepath.Glob("/run/netns/" + groundName + "*")
	for _, space := range spaces {
		name := filepath.Base(space)
		if pid, _, _ := strings.Cut(strings.TrimPrefix(name, groundName), "-"); gone(pid) {
			_ = nodes.Tool("ip", "netns", "del", name)
		}
	}
	links, _ := filepath.Glob("/sys/class/net/" + groundName + "*")
	for _, link := range links {
		name := filepath.Base(link)
		if pid, _, _ := strings.Cut(strings.TrimPrefix(name, groundName), "-"); gone(pid) {
			_ = nodes.Tool("ip", "link", "del", name)
		}
	}
}

func (g *ground) address(i int) string { return fmt.Sprintf("%s.%d", g.net, i+1) }

// enter are the words before a command line that runs in a node's network.
func (g *ground) enter(node string) []string {
	return []string{"nsenter", "--net=/run/netns/" + g.spaces[index(node)]}
}

func (g *ground) disk(node string) *nodes.Disk { return g.disks[index(node)] }

// index returns the place of node-1, node-2, node-3.
func index(node string) int { return int(node[len(node)-1] - '1') }

// link takes a node from the network, or puts it back: nobody reaches it, clients neither.
func (g *ground) link(node, state string) error {
	return nodes.Tool("ip", "link", "set", g.spaces[index(node)], state)
}

// deafen lets nothing that one node sends arrive at another.
func (g *ground) deafen(from, to string) error {
	return nodes.Tool("ip", "-n", g.spaces[index(from)], "neigh", "replace", g.address(index(to)), "lladdr", nobody, "dev", "eth0", "nud", "permanent")
}

// hearAgain undoes deafen.
func (g *ground) hearAgain(from, to string) error {
	return nodes.Tool("ip", "-n", g.spaces[index(from)], "neigh", "del", g.address(index(to)), "dev", "eth0")
}

// slow delays what a node sends, or narrows its link where the kernel cannot delay.
func (g *ground) slow(node string) (how string, err error) {
	at := []string{"tc", "-n", g.spaces[index(node)], "qdisc", "replace", "dev", "eth0", "root"}
	if err = nodes.Tool(append(at, "netem", "delay", slowDelay, "20ms", "loss", "2%")...); err == nil {
		return "delay " + slowDelay + ", loss 2%", nil
	}
	if e := nodes.Tool(append(at, "tbf", "rate", slowRate, "burst", "8kb", "latency", "400ms")...); e != nil {
		return "", errors.Join(err, e)
	}
	return "no more than " + slowRate, nil
}

// fast undoes slow.
func (g *ground) fast(node string) error {
	return nodes.Tool("tc", "-n", g.spaces[index(node)], "qdisc", "del", "dev", "eth0", "root")
}

// fill takes all that is free on a node's disk.
func (g *ground) fill(node string) error {
	f, err := os.OpenFile(filepath.Join(g.disk(node).Dir, diskFiller), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	var at int64
	for size := int64(diskSize); size >= 4096; {
		switch err := syscall.Fallocate(int(f.Fd()), 0, at, size); {
		case err == nil:
			at += size
		case errors.Is(err, syscall.ENOSPC):
			// What could be taken may have been taken.
			info, err := f.Stat()
			if err != nil {
				return err
			}
			at = max(at, info.Size())
			size /= 2
		case !errors.Is(err, syscall.EINTR):
			return err
		}
	}
	return nil
}

// free undoes fill.
func (g *ground) free(node string) error {
	return os.Remove(filepath.Join(g.disk(node).Dir, diskFiller))
}

// freeze lets every write to a node's disk hang.
func (g *ground) freeze(node string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.frozen[g.disk(node)] = true
	return g.disk(node).Freeze()
}

// thaw undoes freeze.
func (g *ground) thaw(node string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.frozen, g.disk(node))
	return g.disk(node).Thaw()
}

// shutDown is ext4's ioctl that ends a file system as a power failure does (EXT4_IOC_SHUTDOWN), and the flag that keeps it from
// writing out its journal first.
const (
	shutDown     = 0x8004587d
	withoutFlush = 2
)

// cutPower loses all that has been written to a node's disk and not synced. Every write fails from now on.
func (g *ground) cutPower(node string) error {
	dir, err := os.Open(g.disk(node).Dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	flag := uint32(withoutFlush)
	if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, dir.Fd(), shutDown, uintptr(unsafe.Pointer(&flag))); e != 0 {
		return e
	}
	return nil
}

// powerAgain mounts a disk after cutPower; the node has ended.
func (g *ground) powerAgain(node string) error {
	if err := g.disk(node).Unmount(); err != nil {
		return err
	}
	return g.disk(node).Mount()
}

func (g *ground) thawAll() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for disk := range g.frozen {
		_ = disk.Thaw() // it may never have been frozen
	}
	clear(g.frozen)
}
