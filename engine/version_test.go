package engine

import (
	"bytes"
	"fmt"
	"os"
	"testing"
)

// firstVersion is a snapshot of version 1, written by a program that knew no sessions: command 500 of the flow of seed 41.
func firstVersion(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/snapshot_v1.bin")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestFirstVersion: a snapshot of version 1 is restored, has the hashes that it had, and goes on as the program that wrote
// it did; sessions can be added to it, and what is written then is of the present version.
func TestFirstVersion(t *testing.T) {
	want, err := os.ReadFile("testdata/snapshot_v1.txt")
	if err != nil {
		t.Fatal(err)
	}
	old := restore(t, firstVersion(t))
	e := New()
	flow := newFlow(41, e)
	commands := script(t, venueScript)
	hashes := func() string {
		full, business := old.Hashes()
		return fmt.Sprintf("commands %d\nfull hash %016x\nbusiness hash %016x\n", old.Seq(), full, business)
	}
	got := hashes()
	for i := range 2_500 {
		if i >= len(commands) {
			commands = append(commands, flow.next())
		}
		events := e.Apply(&commands[i], nil)
		if i >= 500 {
			if !bytes.Equal(encode(old.Apply(&commands[i], nil)), encode(events)) {
				t.Fatalf("command %d has other events after the restore", i+1)
			}
		}
		if i == 499 && !bytes.Equal(snapshot(t, e.Freeze()), snapshot(t, old.Freeze())) {
			t.Fatal("the restored state is not that of command 500")
		}
	}
	if got += hashes(); got != string(want) {
		t.Errorf("the hashes are\n%swant\n%s", got, want)
	}
	play(t, old, "add_session key=1 of=2 kind=trading account=2 compid=one")
	b := snapshot(t, old.Freeze())
	again := restore(t, b)
	if b[8] != SnapshotVersion || again.sessions.Len() != 1 {
		t.Errorf("version %d was written, with %d sessions", b[8], again.sessions.Len())
	}
	cut := firstVersion(t)
	cut[8] = SnapshotVersion
	if _, err := Restore(bytes.NewReader(reseal(cut))); err == nil {
		t.Error("a snapshot of this version without its sessions is restored")
	}
}
