package bench

import (
	"io/fs"
	"path/filepath"
	"slices"

	"uncross/internal/nodes"
)

// nodeFlags are those of every node: nothing but the machine bounds what it is sent.
var nodeFlags = []string{"--fix-rate", "10000000", "--session-rate", "1000000", "--max-connections-per-address", "4096", "--log-level", "info"}

// lay lays out the nodes of a venue, none of which runs yet.
func lay(program, dir string, count int, flags ...string) (*nodes.Venue, error) {
	v, err := nodes.Lay(program, dir, count)
	if err != nil {
		return nil, err
	}
	for _, n := range v.Nodes {
		n.Flags = slices.Concat(nodeFlags, flags)
	}
	return v, nil
}

// folders are those of a data directory whose size is told.
var folders = []string{"wal", "snapshots", "history", "fix"}

// sizesOf returns what the folders of a node's data take on disk, in bytes.
func sizesOf(n *nodes.Node) map[string]int64 {
	all := map[string]int64{}
	for _, folder := range folders {
		_ = filepath.WalkDir(filepath.Join(n.Data, folder), func(_ string, e fs.DirEntry, err error) error {
			if err != nil {
				return nil // a file that has just been removed
			}
			if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
				all[folder] += allocated(info)
			}
			return nil
		})
	}
	return all
}

// startingAnew is what a node says that begins anew with a snapshot from another one.
const startingAnew = "starting anew from the snapshot"
