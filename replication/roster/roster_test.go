package roster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"uncross/replication/peer"
	"uncross/replication/peer/peertest"
)

// patience is longer than anything here may take, on a machine that does other work too.
const patience = time.Minute

func short(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// until waits for a condition.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// TestWords: two nodes hear each other, news replace news, a node that goes away is told of, and one that comes back on the
// same address is heard again; the members are handed on when they change.
func TestWords(t *testing.T) {
	a, b := peertest.Listen(t, "a"), peertest.Listen(t, "b")
	var command atomic.Uint64
	command.Store(7)
	var changed, seen atomic.Int32
	mine := New(Config{Port: a, Node: "a", Self: func() Info { return Info{Role: "leader", Command: 9} }, Members: func() []Member { return []Member{{ID: "a", Address: a.Address()}, {ID: "b", Address: b.Address()}} },
		Changed: func(m []Member) {
			changed.Add(1)
			if len(m) == 2 && m[1].Seen {
				seen.Add(1)
			}
		}})
	New(Config{Port: b, Node: "b", Self: func() Info { return Info{Node: "somebody else", HTTP: "http://b", Command: command.Load()} }, Members: func() []Member { return nil }})
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() { mine.Run(stop); close(ended) }()
	heard := func() (Info, bool) { i, _, ok := mine.Of("b"); return i, ok }
	until(t, "b's word", func() bool { i, ok := heard(); return ok && i.Command == 7 && i.HTTP == "http://b" })
	if i, _ := heard(); i.Node != "b" {
		t.Errorf("the node calls itself %q and is b by its connection", i.Node)
	}
	command.Store(8)
	until(t, "b's news", func() bool { i, _ := heard(); return i.Command == 8 })
	if i, age, ok := mine.Of("a"); !ok || age != 0 || i.Command != 9 || i.Node != "a" {
		t.Errorf("of itself it says %+v, %v", i, ok)
	}
	if _, _, ok := mine.Of("c"); ok {
		t.Error("a node that is no member was heard")
	}
	until(t, "b without a problem", func() bool { return mine.Problem("b") == "" })
	_ = b.Close()
	until(t, "the loss of b", func() bool { return mine.Problem("b") != "" })
	if i, _ := heard(); i.Command != 8 {
		t.Error("the last word is forgotten")
	}
	until(t, "the members with b", func() bool { return seen.Load() > 0 })
	close(stop)
	<-ended
	if changed.Load() > 2 || seen.Load() != 1 || !mine.Seen("b") || mine.Seen("c") {
		t.Errorf("the members were handed on %d times, %d times with b seen", changed.Load(), seen.Load())
	}
}

// TestGenesis: the first node that knows is taken, one that has begun before one that has not, and what is wrong with the others is
// in the error when none does.
func TestGenesis(t *testing.T) {
	a, b, c := peertest.Listen(t, "a"), peertest.Listen(t, "b"), peertest.Listen(t, "c")
	Serve(b, Services{Genesis: func(string) (Genesis, error) { return Genesis{}, errors.New("lost it") }})
	Serve(c, Services{Genesis: func(from string) (Genesis, error) {
		return Genesis{Text: []byte(`{"venue": "x"}`), Known: from == "d"}, nil
	}})
	h, err := AskGenesis(short(t), a, []string{b.Address(), c.Address()})
	if err != nil || h.Strangers != 1 || h.From != c.Address() || string(h.Text) != `{"venue":"x"}` || h.Begun || h.Apart != nil {
		t.Errorf("%+v, %v", h, err)
	}
	if _, err := AskGenesis(short(t), a, []string{b.Address()}); err == nil || !strings.Contains(err.Error(), "lost it") {
		t.Errorf("error %v", err)
	}
	d := peertest.Listen(t, "d")
	if _, err := AskGenesis(short(t), d, []string{b.Address(), c.Address()}); !errors.Is(err, ErrKnown) {
		t.Errorf("a voter that has lost its data gets %v", err)
	}
	e := peertest.Listen(t, "e")
	Serve(e, Services{Genesis: func(string) (Genesis, error) { return Genesis{Text: []byte(`{"venue": "y"}`), Begun: true}, nil }})
	if h, err = AskGenesis(short(t), a, []string{c.Address(), e.Address()}); err != nil || h.From != e.Address() || !h.Begun || h.Strangers != 2 {
		t.Errorf("%+v, %v", h, err)
	}
}

// TestJoin: a node that follows names the leader, and that one is asked; without a leader there is an error.
func TestJoin(t *testing.T) {
	a, b, c := peertest.Listen(t, "a"), peertest.Listen(t, "b"), peertest.Listen(t, "c")
	asked := make(chan string, 10)
	Serve(b, Services{Join: func(node, address string) (string, error) { return c.Address(), nil }})
	Serve(c, Services{Join: func(node, address string) (string, error) {
		asked <- node + "@" + address
		return "", nil
	}})
	if err := Join(short(t), a, []string{b.Address()}, "10.0.0.1:7946"); err != nil || len(asked) != 1 {
		t.Errorf("%v, asked %d times", err, len(asked))
	} else if who := <-asked; who != "a@10.0.0.1:7946" {
		t.Errorf("asked for %s", who)
	}
	d, e := peertest.Listen(t, "d"), peertest.Listen(t, "e")
	Serve(d, Services{Join: func(string, string) (string, error) { return e.Address(), nil }})
	Serve(e, Services{Join: func(string, string) (string, error) { return d.Address(), nil }})
	if err := Join(short(t), a, []string{d.Address()}, "10.0.0.1:7946"); err == nil {
		t.Error("two nodes that name each other are taken for success")
	}
}

// TestFetch: a store comes whole or not at all, also after a node that breaks off.
func TestFetch(t *testing.T) {
	a, b, c := peertest.Listen(t, "a"), peertest.Listen(t, "b"), peertest.Listen(t, "c")
	store := t.TempDir()
	content := bytes.Repeat([]byte("event "), 100_000)
	if err := os.WriteFile(filepath.Join(store, "000001.sst"), content, 0o600); err != nil {
		t.Fatal(err)
	}
	var removed atomic.Int32
	Serve(b, Services{Store: func(_ context.Context, from, name string, atLeast uint64) (string, func(), error) {
		return filepath.Join(store, "is not there"), func() {}, nil
	}})
	Serve(c, Services{Store: func(_ context.Context, from, name string, atLeast uint64) (string, func(), error) {
		if from != "a" || name != "history" || atLeast != 42 {
			t.Errorf("node %s asks for %s to %d", from, name, atLeast)
		}
		return store, func() { removed.Add(1) }, nil
	}})
	dir := filepath.Join(t.TempDir(), "fetched")
	if err := Fetch(short(t), a, []string{b.Address()}, "history", 42, dir); err == nil {
		t.Error("a store that was broken off is taken")
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what came of a broken store is left: %v", err)
	}
	if err := Fetch(short(t), a, []string{b.Address(), c.Address()}, "history", 42, dir); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(dir, "history", "000001.sst"))
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	until(t, "the copy's removal", func() bool { return removed.Load() == 1 })
	if err := Fetch(short(t), a, nil, "history", 42, dir); err == nil {
		t.Error("nobody was asked, and it is no error")
	}
}

// TestForeignLines: questions that are no lines, too long or of another format are refused or cut off, and the port goes on.
func TestForeignLines(t *testing.T) {
	a, b := peertest.Listen(t, "a"), peertest.Listen(t, "b")
	Serve(b, Services{Genesis: func(string) (Genesis, error) { return Genesis{Text: []byte(`{}`)}, nil }})
	for name, text := range map[string]string{
		"nothing": "\n", "no JSON": "hello\n", "too long": strings.Repeat("x", 2*MaxLine) + "\n", "format": `{"format":99}` + "\n",
	} {
		c, err := b.Dial(short(t), "", b.Address(), peer.ServiceGenesis)
		if err == nil {
			_ = c.Close()
			t.Fatal("a node dials itself")
		}
		if c, err = a.Dial(short(t), "b", b.Address(), peer.ServiceGenesis); err != nil {
			t.Fatal(err)
		}
		_, _ = c.Write([]byte(text))
		var got answer
		err = readLine(c, newReader(c), &got, patience)
		if name == "format" {
			if err != nil || !strings.Contains(got.Error, "format 99") {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
		} else if err == nil {
			t.Errorf("%s: %+v", name, got)
		}
		_ = c.Close()
	}
	if _, err := AskGenesis(short(t), a, []string{b.Address()}); err != nil {
		t.Error(err)
	}
}

// A store that comes drop by drop is given up when this node is told to stop.
func TestFetchEndsWithItsContext(t *testing.T) {
	from, to := peertest.Listen(t, "a"), peertest.Listen(t, "b")
	begun := make(chan struct{}, 1)
	from.Handle(peer.ServiceStores, func(ctx context.Context, _ string, c net.Conn) {
		_, err := fmt.Fprintf(c, "{\"format\":%d}\n", Format)
		for ; err == nil && ctx.Err() == nil; time.Sleep(10 * time.Millisecond) {
			_, err = c.Write([]byte{0})
			select {
			case begun <- struct{}{}:
			default:
			}
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- Fetch(ctx, to, []string{from.Address()}, "history", 1, filepath.Join(t.TempDir(), "history"))
	}()
	<-begun
	cancel()
	select {
	case err := <-done:
		if err == nil {
			t.Error("it was fetched")
		}
	case <-time.After(patience):
		t.Fatal("it is still being fetched")
	}
}

// TestRemoved: a node believes that it is no member any more of one that leads in its own term or a later one, and of nobody else;
// and believes likewise that it is one again.
func TestRemoved(t *testing.T) {
	for _, c := range []struct {
		name     string
		leading  bool
		term     uint64
		believed bool
	}{{"the leader", true, 5, true}, {"a later leader", true, 6, true}, {"a leader of before", true, 4, false}, {"a follower", false, 6, false}} {
		t.Run(c.name, func(t *testing.T) {
			a, b := peertest.Listen(t, "a"), peertest.Listen(t, "b")
			var says, told atomic.Bool
			var words atomic.Int32
			var said atomic.Uint64 // words of b
			says.Store(true)
			mine := New(Config{Port: a, Node: "a", Self: func() Info { return Info{Term: 5} }, Members: func() []Member { return []Member{{ID: "b", Address: b.Address()}} },
				Told: func(removed bool) { words.Add(1); told.Store(removed) }})
			New(Config{Port: b, Node: "b", Self: func() Info { return Info{Leading: c.leading, Term: c.term, Command: said.Add(1)} }, Members: func() []Member { return nil },
				Removed: func(node string) func() bool {
					return func() bool { return node == "a" && says.Load() }
				}})
			stop, ended := make(chan struct{}), make(chan struct{})
			go func() { mine.Run(stop); close(ended) }()
			// What its second word said is decided when the third one is heard, not before.
			until(t, "three words", func() bool { i, _, _ := mine.Of("b"); return i.Command > 2 })
			if c.believed {
				until(t, "the leader's word", told.Load)
				says.Store(false)
				until(t, "the leader's next word", func() bool { return !told.Load() })
			}
			close(stop)
			<-ended
			if !c.believed && words.Load() != 0 {
				t.Error("it was believed")
			}
		})
	}
}
