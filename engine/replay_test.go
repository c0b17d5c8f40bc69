package engine

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"uncross/engine/wire"
)

// run is a recorded run: its commands, and what an uninterrupted engine made of them.
type run struct {
	commands     []wire.Command
	events       [][]byte // wire form of each command's events
	full, money  uint64
	lastSnapshot []byte
}

// record runs n random commands of a seed on the standard venue, which is part of the run.
func record(t testing.TB, seed uint64, n int) *run {
	t.Helper()
	r := &run{commands: script(t, venueScript)}
	e := New()
	f := newFlow(seed, e)
	f.sessions = true
	var events []wire.Event
	for i := range n {
		if i == len(r.commands) {
			r.commands = append(r.commands, f.next())
		}
		events = e.Apply(&r.commands[i], events[:0])
		r.events = append(r.events, encode(events))
	}
	r.full, r.money = e.Hashes()
	r.lastSnapshot = snapshot(t, e.Freeze())
	return r
}

func script(t testing.TB, text string) (commands []wire.Command) {
	t.Helper()
	for line := range bytes.Lines([]byte(text)) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		c, err := parseCommand(string(line))
		if err != nil {
			t.Fatal(err)
		}
		commands = append(commands, c)
	}
	return commands
}

func encode(events []wire.Event) (b []byte) {
	for i := range events {
		b = wire.AppendEvent(b, &events[i])
	}
	return b
}

func snapshot(t testing.TB, img *Image) []byte {
	t.Helper()
	var b bytes.Buffer
	n, err := img.WriteTo(&b)
	if err != nil || n != int64(b.Len()) {
		t.Fatalf("WriteTo: %d bytes of %d, %v", n, b.Len(), err)
	}
	return b.Bytes()
}

func restore(t testing.TB, b []byte) *Engine {
	t.Helper()
	e, err := RestoreBeside(bytes.NewReader(b), func(work func()) (wait func()) {
		done := make(chan struct{})
		go func() { defer close(done); work() }()
		return func() { <-done }
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// batch encodes commands as one log entry.
func batch(term, sequence uint64, commands []wire.Command) []byte {
	b := wire.Batch{Term: term, Sequence: sequence, Count: uint32(len(commands))}.AppendHeader(nil)
	for i := range commands {
		b = wire.AppendCommand(b, &commands[i])
	}
	return b
}

// check compares the events of commands from..to with the recorded ones, and at the end of the run the state.
func (r *run) check(t *testing.T, e *Engine, from, to int, events []wire.Event) {
	t.Helper()
	if got, want := encode(events), bytes.Join(r.events[from:to], nil); !bytes.Equal(got, want) {
		t.Fatalf("commands %d to %d gave other events", from, to)
	}
	if to < len(r.commands) {
		return
	}
	if full, money := e.Hashes(); full != r.full || money != r.money {
		t.Fatalf("hashes %x %x, should be %x %x", full, money, r.full, r.money)
	}
}

// TestReplayLaw: the same commands give the same events, byte for byte, and the same hashes, whatever the cut into batches,
// wherever snapshots are taken and restored.
func TestReplayLaw(t *testing.T) {
	commands, rounds := 9_000, 6
	if testing.Short() {
		commands, rounds = 3_000, 2
	}
	r := record(t, 1, commands)
	for round := range rounds {
		rnd := rand.New(rand.NewPCG(uint64(round), 3))
		e := New()
		term, sequence := uint64(1), uint64(0)
		for at := 0; at < len(r.commands); {
			n := min(1+rnd.IntN(1+rnd.IntN(700)), len(r.commands)-at)
			if rnd.IntN(10) == 0 {
				term, sequence = term+1+uint64(rnd.IntN(3)), 0
			}
			sequence++
			events, err := e.ApplyBatch(batch(term, sequence, r.commands[at:at+n]), nil)
			if err != nil {
				t.Fatal(err)
			}
			r.check(t, e, at, at+n, events)
			at += n
			if rnd.IntN(6) == 0 {
				e = r.restart(t, e)
			}
		}
		if !bytes.Equal(snapshot(t, e.Freeze())[16:], snapshot(t, e.Freeze())[16:]) {
			t.Fatal("two snapshots of one state differ")
		}
	}
}

// restart takes a snapshot and restores it: the same state, the same bytes, the same image.
func (r *run) restart(t *testing.T, e *Engine) *Engine {
	t.Helper()
	e.SetApplied(e.Seq() * 3)
	img := e.Freeze()
	defer img.Release()
	b := snapshot(t, img)
	again := restore(t, b)
	full, money := e.Hashes()
	if f, m := again.Hashes(); f != full || m != money || again.Applied() != e.Applied() || again.Seq() != e.Seq() || again.Now() != e.Now() {
		t.Fatal("the restored engine is in another state")
	}
	if !bytes.Equal(snapshot(t, again.Freeze()), b) {
		t.Fatal("the restored engine gives another snapshot")
	}
	if !bytes.Equal(encode(wholeImage(again)), encode(wholeImage(e))) {
		t.Fatal("the restored engine gives another image")
	}
	return again
}

// TestFreezeWhileTrading: an image has the state of the moment of its Freeze, however long trading goes on before it is
// written, and its writing does not disturb the engine. Under the race detector this also holds the two goroutines apart.
func TestFreezeWhileTrading(t *testing.T) {
	const commands, every = 8_000, 1_000
	r := record(t, 2, commands)
	e := New()
	type frozen struct {
		img  *Image
		want []byte
	}
	done := make(chan error, commands/every)
	var events []wire.Event
	for i := range r.commands {
		events = e.Apply(&r.commands[i], events[:0])
		r.check(t, e, i, i+1, events)
		if i%every != every/2 {
			continue
		}
		first := e.Freeze()
		fr := frozen{img: e.Freeze(), want: snapshot(t, first)}
		first.Release()
		go func() {
			defer fr.img.Release()
			var b bytes.Buffer
			if _, err := fr.img.WriteTo(&b); err != nil {
				done <- err
			} else if !bytes.Equal(b.Bytes(), fr.want) {
				done <- errOther
			} else {
				done <- nil
			}
		}()
	}
	for range commands / every {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if err := e.Validate(); err != nil {
		t.Error(err)
	}
}

var errOther = &damage{"an image that was written later is another"}

// TestFrozenImageWrittenLater writes an image only after everything that it shared has changed.
func TestFrozenImageWrittenLater(t *testing.T) {
	r := record(t, 3, 4_000)
	e := New()
	for i := range 2_000 {
		e.Apply(&r.commands[i], nil)
	}
	img, same := e.Freeze(), e.Freeze()
	want := snapshot(t, same)
	same.Release()
	for i := 2_000; i < len(r.commands); i++ {
		e.Apply(&r.commands[i], nil)
	}
	got := snapshot(t, img)
	img.Release()
	if !bytes.Equal(got, want) {
		t.Fatal("the image changed after the freeze")
	}
	old := restore(t, got)
	for i := 2_000; i < len(r.commands); i++ {
		r.check(t, old, i, i+1, old.Apply(&r.commands[i], nil))
	}
}

// TestBatchGap: after a batch is lost, the rest of its term is dropped.
func TestBatchGap(t *testing.T) {
	e := testVenue(t)
	tick := script(t, "tick")
	for _, step := range []struct {
		term, sequence uint64
		applied        bool
	}{
		{5, 1, true}, {5, 2, true}, {5, 4, false}, {5, 2, false}, {5, 3, true}, {4, 1, false}, {4, 4, false},
		{6, 2, false}, {6, 3, false}, {6, 1, true}, {6, 2, true}, {9, 1, true},
	} {
		before := e.Seq()
		events, err := e.ApplyBatch(batch(step.term, step.sequence, tick), nil)
		if err != nil {
			t.Fatal(err)
		}
		if applied := e.Seq() == before+1 && len(events) == 1; applied != step.applied {
			t.Errorf("batch %d of term %d: applied is %t", step.sequence, step.term, applied)
		}
		e = restore(t, snapshot(t, e.Freeze()))
	}
}

// TestBatchRefused: what cannot be decoded changes nothing.
func TestBatchRefused(t *testing.T) {
	e := testVenue(t)
	full, _ := e.Hashes()
	good := batch(1, 1, script(t, "tick\ntick"))
	short := bytes.Clone(good)
	short[24] = 3
	long := bytes.Clone(good)
	long[24] = 1
	for name, b := range map[string][]byte{
		"empty": nil, "cut off": good[:len(good)-1], "count too great": short, "count too small": long,
		"unknown kind": append(bytes.Clone(good[:len(good)-38]), bytes.Repeat([]byte{0xff}, 38)...),
	} {
		if events, err := e.ApplyBatch(b, nil); err == nil || len(events) != 0 {
			t.Errorf("%s: %d events, error %v", name, len(events), err)
		}
	}
	if now, _ := e.Hashes(); now != full {
		t.Error("a batch that cannot be decoded changed the state")
	}
	if _, err := e.ApplyBatch(good, nil); err != nil {
		t.Error(err)
	}
}

func newReader(b []byte) *bytes.Reader { return bytes.NewReader(b) }
