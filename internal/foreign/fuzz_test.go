package foreign

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"uncross/engine/wire"
	"uncross/gateway/mirror"
)

// follower takes events, writes them, and builds books of its own.
type follower struct {
	books  *mirror.Books
	writer *EventWriter
}

func newFollower() *follower { return &follower{mirror.New(), NewEventWriter(io.Discard)} }

func (f *follower) take(e *wire.Event) error {
	if _, err := f.books.Apply(e, nil); err != nil {
		return err
	}
	return f.writer.Write(e)
}

// check holds the importer's books against those of its events.
func (f *follower) check(t *testing.T, books *mirror.Books, err error) {
	t.Helper()
	if err != nil && !errors.Is(err, errNoFeed) && !errors.Is(err, errDamaged) {
		t.Fatal(err)
	}
	if err := books.Validate(); err != nil {
		t.Fatal(err)
	}
	for _, id := range books.Instruments() {
		for _, side := range []wire.Side{wire.Buy, wire.Sell} {
			got, want := slices.Collect(f.books.Book(id).Orders(side)), slices.Collect(books.Book(id).Orders(side))
			if !slices.Equal(got, want) {
				t.Fatalf("the events make %+v, the books are %+v", got, want)
			}
		}
	}
}

// seeds are the inputs of a feed's stories.
func seeds(f *testing.F, name string) (inputs []string) {
	text, err := os.ReadFile("testdata/stories/" + name)
	if err != nil {
		f.Fatal(err)
	}
	for _, story := range strings.Split(string(text), "\n"+name)[1:] {
		_, story, _ = strings.Cut(story, "\n")
		story, _, _ = strings.Cut(story, "\n----")
		inputs = append(inputs, story)
	}
	if len(inputs) < 5 {
		f.Fatalf("%d stories of %s", len(inputs), name)
	}
	return inputs
}

func FuzzLobster(f *testing.F) {
	for _, s := range seeds(f, "lobster") {
		messages, rows, _ := strings.Cut(s, "\n--\n")
		f.Add(messages, rows)
	}
	f.Fuzz(func(t *testing.T, messages, rows string) {
		w := newFollower()
		l := newLobster(textLines("messages", messages), textLines("rows", rows), w.take)
		w.check(t, l.Books(), l.Run(nil))
		if k := l.Books().Book(lobsterInstrument); l.window.started && max(k.Depth(wire.Buy), k.Depth(wire.Sell)) > l.levels && l.Result.Problems.N("bad row") == 0 {
			t.Fatalf("%d and %d levels in a window of %d", k.Depth(wire.Buy), k.Depth(wire.Sell), l.levels)
		}
		l.Result.Report(io.Discard, 0)
	})
}

func FuzzITCH(f *testing.F) {
	for _, s := range seeds(f, "itch") {
		f.Add(itchBytes(f, s), "")
	}
	f.Add([]byte{0, 1, 'A'}, "AAPL")
	f.Fuzz(func(t *testing.T, data []byte, symbol string) {
		var symbols []string
		if symbol != "" {
			symbols = []string{symbol}
		}
		w := newFollower()
		x := newITCH("x", bufio.NewReader(bytes.NewReader(data)), symbols, w.take)
		w.check(t, x.Books(), x.Run(nil))
		if x.offset != int64(len(data)) {
			t.Fatalf("%d of %d bytes are accounted for", x.offset, len(data))
		}
		x.Result.Report(io.Discard, 0)
	})
}

func FuzzMBO(f *testing.F) {
	for _, s := range seeds(f, "mbo") {
		records, levels, _ := strings.Cut(s, "\n--\n")
		f.Add(records, levels, false)
		f.Add(records, "", true)
	}
	f.Fuzz(func(t *testing.T, records, levels string, unlinked bool) {
		var second *lines
		if levels != "" {
			second = textLines("levels", levels)
		}
		w := newFollower()
		m, err := newMBO(textLines("records", records), second, MBOOptions{Unlinked: unlinked, Sink: w.take})
		if err != nil {
			return
		}
		w.check(t, m.Books(), m.Run(nil))
		if r := &m.Result; r.Fills != r.Head+r.Skipped+r.Other {
			t.Fatalf("%d fills are %d, %d and %d", r.Fills, r.Head, r.Skipped, r.Other)
		}
		m.Result.Report(io.Discard, 0)
	})
}
