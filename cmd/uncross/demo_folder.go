package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// This file keeps the venues that are there to be tried away from what is not theirs: what they did not make they neither
// take over nor remove.

// known are the names of what a demonstration makes in a folder; all else is somebody else's.
type known func(name string) bool

// knownData are the names in the data directory, see dataDir. A start that was cut short may have left the draft.
func knownData(name string) bool {
	return slices.Contains([]string{"genesis.json", "genesis.json.new", "wal", "wal.tripwire", "wal.tripwire.tmp", "snapshots", "history", "fix", "members.json", "members.json.new", "spool",
		"history.next", "history.old", "fix.next", "fix.old"}, name)
}

// knownKey are the names in the folder of keys: those of the users, and the drafts that package auth writes.
func knownKey(name string) bool {
	if strings.HasPrefix(name, ".key-") {
		return true
	}
	user, isKey := strings.CutSuffix(name, ".key")
	isMember := func(m memberPlan) bool { return m.name == user }
	return isKey && (user == "operator" || user == custodianName || slices.ContainsFunc(demoPlan.members, isMember))
}

// knownNode are the names in the folder of one of several nodes.
func knownNode(name string) bool { return name == "data" || name == demoLog }

// nothing is known in a folder that is to be empty.
func nothing(string) bool { return false }

// firstUnknown returns the path of the first thing in a folder that is not known, "" where there is none. A folder that is
// not there is empty.
func firstUnknown(folder string, is known) (string, error) {
	all, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	for _, e := range all {
		if !is(e.Name()) {
			return filepath.Join(folder, e.Name()), nil
		}
	}
	return "", err
}

// refuseTaken refuses folders with something in them that nobody has made for this venue, before anything is written.
func refuseTaken(d dataDir, data, keys known) error {
	for _, f := range []struct {
		folder string
		is     known
	}{{string(d), data}, {d.keys(), keys}} {
		found, err := firstUnknown(f.folder, f.is)
		if err != nil {
			return err
		}
		if found != "" {
			return fmt.Errorf("%s is there, and there is no venue of this kind yet: %s has to be empty or missing; choose another folder with --data", found, f.folder)
		}
	}
	return nil
}

// isFolder refuses a path that is something else; one that is not there can be made.
func isFolder(path string) error {
	at, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !at.IsDir():
		return fmt.Errorf("%s is a file, not a folder; choose another one with --data", path)
	}
	return nil
}

// removeKnown removes what a demonstration has made in its folders, or nothing where there is something else in them. The
// genesis file goes last: as long as it is there, a removal that was cut short can be repeated.
func removeKnown(f demoFolder, d dataDir) error {
	folders := map[string]known{string(d): knownData, d.keys(): knownKey}
	for _, name := range demoNames() {
		folders[f.node(name)], folders[string(f.data(name))] = knownNode, knownData
	}
	for folder, is := range folders {
		found, err := firstUnknown(folder, is)
		if err != nil {
			return err
		}
		if found != "" {
			return fmt.Errorf("%s is not of the demonstration: nothing is removed; move it away, or choose another folder with --data", found)
		}
	}
	if err := removeIn(d.keys(), knownKey); err != nil {
		return err
	}
	for _, name := range demoNames() {
		if err := os.RemoveAll(f.node(name)); err != nil { // it has nothing else in it
			return err
		}
	}
	if err := errors.Join(remove(f.nodes()), remove(f.quickfix())); err != nil { // the latter has been looked at, see refuseTakenSettings
		return err
	}
	stores := func(name string) bool { return knownData(name) && filepath.Join(string(d), name) != d.genesis() }
	return errors.Join(removeIn(string(d), stores), os.Remove(d.genesis()))
}

// remove removes a file, where it is there.
func remove(file string) error {
	if err := os.Remove(file); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// removeIn removes what is known in a folder. The folder itself stays.
func removeIn(folder string, is known) error {
	all, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range all {
		if is(e.Name()) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(folder, e.Name())))
		}
	}
	return err
}
