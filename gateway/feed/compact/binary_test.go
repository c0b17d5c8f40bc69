package compact

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"uncross/engine/wire"
	"uncross/gateway/candles"
)

var rewrite = flag.Bool("rewrite", false, "write the golden vectors anew")

const vectors = "testdata/messages.golden"

var sums = candles.Candle{
	StartNs: 1_767_366_240_000_000_000, Open: 101, High: 104, Low: 99, Close: 102,
	Volume: wire.Amount{Lo: 7, Hi: 1}, Notional: wire.Amount{Lo: 9, Hi: 2}, Trades: 12,
}

// messages are one of every channel, snapshot and update where these differ.
func messages() []Message {
	update := func(c Channel) Message {
		return Message{Channel: c, Instrument: 3, Sequence: 1207, Previous: 1201, TimeNs: 1_767_366_245_000_000_001}
	}
	snapshot := func(c Channel) Message {
		m := update(c)
		m.Snapshot, m.Previous = true, 0
		return m
	}
	levels := []Level{{wire.Buy, 6_400_000, 5000, 2}, {wire.Sell, 6_400_100, 0, 0}}
	all := make([]Message, 12)
	all[0] = snapshot(Book)
	all[0].Levels, all[0].Part, all[0].Parts, all[0].Summed, all[0].Checksum = levels[:1], 2, 2, true, 0xcafe1234
	all[1] = update(Book)
	all[1].Levels = levels
	all[2] = snapshot(Orders)
	all[2].Orders = []Order{{Add, wire.Buy, 17, 6_400_000, 5000}}
	all[3] = update(Orders)
	all[3].Orders = []Order{{Add, wire.Buy, 21, 6_400_000, 2000}, {Change, wire.Sell, 18, 6_400_100, 1}, {Remove, wire.Buy, 17, 6_400_000, 0}}
	all[4] = update(BBO)
	all[4].Levels = levels[:1]
	all[5] = update(BBO)
	all[6] = update(Trades)
	all[6].Trades = []Trade{{9, 1206, 1_767_366_244_000_000_000, 6_400_000, 1000, wire.Sell}, {10, 1207, 1_767_366_245_000_000_001, 6_400_000, 1, 0}}
	all[7] = update(Auction)
	all[7].Auction = AuctionState{Indicative, 6_400_000, 35_000, 2000, wire.Buy}
	all[8] = snapshot(Auction)
	all[9] = update(Status)
	all[9].Status = StatusState{wire.Halted, wire.Continuous}
	all[10] = update(Candles)
	all[10].Interval, all[10].Candles = candles.M1, []candles.Candle{sums}
	all[11] = update(Statistics)
	all[11].Statistics = candles.Statistics{
		FromNs: sums.StartNs, Open: 101, High: 104, Low: 99, Last: 102, Volume: sums.Volume, Notional: sums.Notional, Trades: 12,
	}
	return all
}

// The form of every message is fixed, and what is read back is what was written.
func TestGolden(t *testing.T) {
	var text strings.Builder
	for _, m := range messages() {
		b := m.Append(nil)
		fmt.Fprintf(&text, "%s %x\n", m.Channel, b)
		got, err := Decode(b)
		if err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("%v\n got %+v\nwant %+v", err, got, m)
		}
	}
	if *rewrite {
		if err := os.WriteFile(vectors, []byte(text.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(vectors)
	if err != nil {
		t.Fatal(err)
	}
	if text.String() != string(want) {
		t.Errorf("the form has changed:\n%s", text.String())
	}
}

// What has no meaning is refused: every byte of a header and of an entry that allows few values, and every other length.
func TestRefusals(t *testing.T) {
	all := messages()
	for name, change := range map[string]func() []byte{
		"version":         func() []byte { return set(all[1], 0, 2) },
		"channel 0":       func() []byte { return set(all[1], 1, 0) },
		"channel 9":       func() []byte { return set(all[1], 1, 9) },
		"flags":           func() []byte { return set(all[1], 2, 4) },
		"interval":        func() []byte { return set(all[1], 3, 1) },
		"no interval":     func() []byte { return set(all[10], 3, 0) },
		"interval 11":     func() []byte { return set(all[10], 3, 11) },
		"instrument":      func() []byte { return set(all[1], 4, 0) },
		"previous":        func() []byte { return set(all[0], 16, 1) },
		"part 3 of 2":     func() []byte { return set(all[0], 32, 3) },
		"part 0 of 2":     func() []byte { return set(all[0], 32, 0) },
		"count":           func() []byte { return set(all[1], 40, 3) },
		"checksum":        func() []byte { return set(all[1], 44, 1) },
		"side":            func() []byte { return set(all[1], HeaderSize, 3) },
		"quantity":        func() []byte { return set(all[1], HeaderSize+16, 0x80) },
		"action":          func() []byte { return set(all[3], HeaderSize, 4) },
		"snapshot action": func() []byte { return set(all[2], HeaderSize, 2) },
		"taker":           func() []byte { return set(all[6], HeaderSize+40, 3) },
		"state":           func() []byte { return set(all[7], HeaderSize, 3) },
		"surplus side":    func() []byte { return set(all[7], HeaderSize+1, 3) },
		"phase":           func() []byte { return set(all[9], HeaderSize, 5) },
		"phase before":    func() []byte { return set(all[9], HeaderSize+1, 0) },
		"two phases":      func() []byte { return append(set(all[9], 40, 2), 1, 1) },
		"three best": func() []byte {
			m := all[4]
			m.Levels = []Level{m.Levels[0], m.Levels[0], m.Levels[0]}
			return m.Append(nil)
		},
	} {
		if m, err := Decode(change()); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v, %+v", name, err, m)
		}
	}
	for _, m := range all {
		b := m.Append(nil)
		for n := range b {
			if _, err := Decode(b[:n]); !errors.Is(err, ErrFormat) {
				t.Errorf("channel %s: the first %d bytes: %v", m.Channel, n, err)
			}
		}
		if _, err := Decode(append(b, 0)); !errors.Is(err, ErrFormat) {
			t.Errorf("channel %s: a byte too many: %v", m.Channel, err)
		}
	}
}

func set(m Message, at int, v byte) []byte {
	b := m.Append(nil)
	b[at] = v
	return b
}

func TestChannels(t *testing.T) {
	for c := Channel(1); c <= ChannelCount; c++ {
		if got, ok := ParseChannel(c.String()); !ok || got != c {
			t.Errorf("channel %d is named %s, which is channel %d", c, c, got)
		}
	}
	for _, name := range []string{"", "invalid", "BOOK", "executions"} {
		if c, ok := ParseChannel(name); ok {
			t.Errorf("%q is channel %s", name, c)
		}
	}
	if s := Channel(9).String(); s != "invalid" {
		t.Error(s)
	}
}

// FuzzDecode: what is decoded is written back as the same bytes, what is refused says why.
func FuzzDecode(f *testing.F) {
	file, err := os.Open(vectors)
	if err != nil {
		f.Fatal(err)
	}
	defer file.Close()
	for s := bufio.NewScanner(file); s.Scan(); {
		b, err := hex.DecodeString(strings.Fields(s.Text())[1])
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Decode(b)
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Fatalf("another error: %v", err)
			}
			return
		}
		if again := m.Append(nil); !bytes.Equal(again, b) {
			t.Fatalf("%x is written back as %x", b, again)
		}
	})
}
