// Package storagetest has what the tests of the stores on package storage share: everything that is in a store, what a flipped byte
// does to it, and copies that are made while it is filled.
package storagetest

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"uncross/engine/wire"
	"uncross/internal/ring"
)

// Dump returns everything in a store.
func Dump(t testing.TB, db *pebble.DB) map[string]string {
	t.Helper()
	it, err := db.NewIter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer it.Close()
	all := map[string]string{}
	for it.First(); it.Valid(); it.Next() {
		all[string(it.Key())] = string(it.Value())
	}
	return all
}

// Diff ends the test at a difference between two dumps.
func Diff(t testing.TB, got, want map[string]string) {
	t.Helper()
	for k, v := range want {
		if got[k] != v {
			t.Fatalf("key %c %x: %q, want %q", k[0], k[1:], got[k], v)
		}
	}
	for k := range got {
		if _, ok := want[k]; !ok {
			t.Fatalf("key %c %x should not be there", k[0], k[1:])
		}
	}
}

// Flip flips a bit at so many places of each table of a closed store, one at a time, and counts at how many of them found says that
// it was noticed.
func Flip(t testing.TB, dir string, places int, found func() bool) (count int) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "pebble", "*.sst"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no tables: %v", err)
	}
	for _, name := range names {
		good, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		step := len(good) / places
		for at := step; at < len(good); at += step + 1 {
			bad := append([]byte(nil), good...)
			bad[at] ^= 0x10
			if err := os.WriteFile(name, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			if found() {
				count++
			}
		}
		if err := os.WriteFile(name, good, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return count
}

// Store is one that can be copied while it is filled.
type Store interface {
	Position() uint64
	Checkpoint(dir string) (position uint64, err error)
	WaitFor(seq uint64, timeout time.Duration) bool
}

// CopyUnderLoad has a store run on events that come in a quarter at a time, and makes a copy of it in each: copy0 to copy3. It returns
// the commands that they say they have: at least what the store had at the call. at[n] is how many events the first n commands have.
func CopyUnderLoad(t testing.TB, s Store, run func(*ring.Reader[wire.Event]) error, es []wire.Event, at []int) (copies []uint64) {
	t.Helper()
	b := ring.NewBroadcast[wire.Event](1024)
	src := b.Reader("store", true)
	var work sync.WaitGroup
	work.Go(func() {
		if err := run(src); err != nil {
			t.Error(err)
		}
	})
	const parts = 4
	commands := (len(at) - 1) / parts
	for i := range parts {
		part := es[at[i*commands]:at[(i+1)*commands]]
		work.Go(func() { b.Publish(part) })
		before := s.Position()
		p, err := s.Checkpoint(fmt.Sprint("copy", i))
		if err != nil {
			t.Fatal(err)
		}
		if p < before || p > s.Position()+1 { // a command may be written before it is told
			t.Errorf("copy %d has command %d, and the store had %d", i, p, before)
		}
		copies = append(copies, p)
		if !s.WaitFor(uint64((i+1)*commands), time.Minute) {
			t.Fatal("the events do not come in")
		}
	}
	b.Close()
	work.Wait()
	return copies
}
