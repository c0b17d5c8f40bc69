//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"uncross/gateway/client"
	"uncross/internal/nodes"
)

// TestBackupAndRestore: a backup of a running venue is restored where there is nothing, where an earlier restore was broken off, and on a
// file system of its own; the venue goes on from there and answers what it was asked before as it did. One that is damaged leaves
// nothing behind.
func TestBackupAndRestore(t *testing.T) {
	v := newVenue(t)
	v.mustStart()
	s := v.equip(&followPlan)
	anna := mustClient(t, s, "anna")
	orders := func(name string) (ops []client.Operation) {
		for i := range 40 {
			side, price := "buy", "10.00"
			if i%2 == 1 {
				side, price = "sell", "10.05"
			}
			ops = append(ops, client.Operation{Op: "new", Account: "anna", Symbol: "COIN-USD", Type: "limit", TimeInForce: "gtc",
				Side: side, Price: price, Quantity: "1", ClientOrderID: fmt.Sprint(name, i)})
		}
		anna.Stamp(ops)
		return ops
	}
	settle := func(ops []client.Operation) []client.Result {
		t.Helper()
		results, err := anna.Settle(t.Context(), ops)
		if err != nil {
			t.Fatal(err)
		}
		return results
	}
	first, second, late := orders("first"), orders("second"), orders("late")
	settle(first)
	if err := v.snapshot(t.Context()); err != nil {
		t.Fatal(err)
	}
	answers := settle(second) // in the log behind the snapshot
	was := v.status()
	backup := filepath.Join(t.TempDir(), "venue.tar")
	if status, _, said := call("", "backup", "--key", v.keyFile, "--server", v.url(), "--to", backup); status != 0 {
		t.Fatal(said)
	}
	settle(late) // is not in it
	if _, err := v.stop(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}

	restore := func(from, dir string) (int, string) {
		status, out, said := call("", "restore", "--from", from, "--data", dir)
		return status, out + said
	}
	mounted := filepath.Join(t.TempDir(), "mounted")
	for name, prepare := range map[string]func(dir string) error{
		"missing": func(string) error { return nil },
		"broken off": func(dir string) error {
			return os.MkdirAll(filepath.Join(dir, restoring, "wal"), 0o700)
		},
		"a file system": func(dir string) error {
			if err := os.MkdirAll(filepath.Join(dir, "lost+found"), 0o700); err != nil {
				return err
			}
			if err := nodes.Tool("mount", "-t", "tmpfs", "uncross", dir); err != nil {
				t.Logf("no mount point of its own: %v", err)
				return nil
			}
			t.Cleanup(func() { _ = nodes.Tool("umount", dir) })
			return nil
		},
	} {
		dir := filepath.Join(t.TempDir(), "data")
		if name == "a file system" {
			dir = mounted
		}
		if err := prepare(dir); err != nil {
			t.Fatal(err)
		}
		if status, said := restore(backup, dir); status != 0 {
			t.Errorf("%s: %s", name, said)
			continue
		}
		if exists(filepath.Join(dir, restoring)) {
			t.Errorf("%s: the draft is left", name)
		}
		v.data = dir
		// The order for the backup is a command too, of which the business knows nothing.
		if lines, status, text := v.verify(); status != 0 || !strings.Contains(text, was.BusinessHash) {
			t.Errorf("%s: verify %d %v, expected the hash %s", name, status, lines, was.BusinessHash)
		}
		v.mustStart()
		if now := v.status(); now.BusinessHash != was.BusinessHash {
			t.Errorf("%s: the venue goes on at %+v, and was at %+v", name, now, was)
		}
		anna = mustClient(t, v.equip(&followPlan), "anna")
		for i, again := range settle(second) {
			if a := answers[i].Order; again.Order == nil || again.Order.OrderID != a.OrderID || !again.Order.Repeat {
				t.Errorf("%s: order %s was answered %+v, and now %+v", name, second[i].ClientOrderID, a, again)
			}
		}
		if r := settle(late)[0]; r.Order == nil || r.Order.Repeat {
			t.Errorf("%s: an order from behind the backup is known: %+v", name, r)
		}
		if _, err := v.stop(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}

	if status, said := restore(backup, v.data); status == 0 || !strings.Contains(said, "is not empty") {
		t.Errorf("over a venue: %d %s", status, said)
	}
	if err := os.Mkdir(filepath.Join(v.data, restoring), 0o700); err != nil {
		t.Fatal(err)
	}
	if status, said := restore(backup, v.data); status == 0 || !strings.Contains(said, "broken off here") {
		t.Errorf("where one was broken off at its end: %d %s", status, said)
	}
	if status, out, said := call("", "serve", "--data", v.data, "--listen", "127.0.0.1:0"); status == 0 || !strings.Contains(out+said, "broken off here") {
		t.Errorf("serve, where one was broken off: %d %s", status, out+said)
	}
	text, err := os.ReadFile(backup)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "data")
	text[len(text)/2] ^= 1
	damaged := filepath.Join(t.TempDir(), "damaged.tar")
	if err := os.WriteFile(damaged, bytes.Clone(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, said := restore(damaged, dir); status == 0 || exists(filepath.Join(dir, restoring)) || exists(dataDir(dir).genesis()) {
		t.Errorf("a damaged backup: %d %s", status, said)
	}
}
