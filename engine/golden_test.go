package engine

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/cespare/xxhash/v2"

	"uncross/engine/wire"
)

// TestGoldenRun plays a long fixed run and holds its events, both hashes and its snapshot to values in a file. They may
// change with the rules only: any other difference, on another machine or Go version, is a leak of determinism.
// "go test -run GoldenRun -rewrite" writes the file anew.
func TestGoldenRun(t *testing.T) {
	t.Run("orders", func(t *testing.T) { goldenRun(t, "testdata/golden_run.txt", false) })
	t.Run("sessions", func(t *testing.T) { goldenRun(t, "testdata/golden_sessions.txt", true) })
}

func goldenRun(t *testing.T, path string, sessions bool) {
	const commands = 50_000
	e := New()
	all := xxhash.New()
	var b []byte
	events := 0
	var out []wire.Event
	apply := func(c wire.Command) {
		out = e.Apply(&c, out[:0])
		b = b[:0]
		for i := range out {
			b = wire.AppendEvent(b, &out[i])
		}
		events += len(out)
		_, _ = all.Write(b)
	}
	for _, c := range script(t, venueScript) {
		apply(c)
	}
	f := newFlow(2026, e)
	f.sessions = sessions
	for e.Seq() < commands {
		apply(f.next())
	}
	full, business := e.Hashes()
	img := e.Freeze()
	got := fmt.Sprintf("commands %d\nevents %d\nevents hash %016x\nfull hash %016x\nbusiness hash %016x\nsnapshot hash %016x\n",
		e.Seq(), events, all.Sum64(), full, business, xxhash.Sum64(snapshot(t, img)))
	if flag.Lookup("rewrite").Value.String() == "true" {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the run came out as\n%swant\n%s", got, want)
	}
	if err := e.Validate(); err != nil {
		t.Error(err)
	}
}
