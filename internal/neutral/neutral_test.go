package neutral

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// drivers are the ways to carry out commands that every set must pass.
var drivers = []struct {
	name string
	make func() (Driver, error)
}{
	{"book", func() (Driver, error) { return NewBookDriver(), nil }},
	{"engine", func() (Driver, error) { return NewEngineDriver() }},
}

// runSet runs a set through a driver.
func runSet(t *testing.T, prefix string, make func() (Driver, error)) Result {
	t.Helper()
	d, err := make()
	if err != nil {
		t.Fatal(err)
	}
	r, took, err := Run(prefix, d, nil)
	if err != nil {
		t.Fatal(err)
	}
	var table bytes.Buffer
	r.Report(&table, filepath.Base(prefix), took)
	t.Log(table.String())
	return r
}

// TestSmallSet runs a set made by hand, in which every kind of row occurs.
func TestSmallSet(t *testing.T) {
	for _, d := range drivers {
		t.Run(d.name, func(t *testing.T) {
			r := runSet(t, "testdata/small", d.make)
			want := Result{
				Commands: 17, Kinds: map[Kind]uint64{Resting: 2, Enter: 6, Uncross: 2, Cancel: 2, New: 5},
				Trades: Count{8, 8}, Cancels: Count{2, 2}, Auctions: Count{2, 2},
				Snapshots: SnapshotCounts{Present: true, InFile: 8, Counted: 5, Unnamed: 1, Equal: 4, Others: Count{2, 2}},
			}
			if fmt.Sprint(r) != fmt.Sprint(want) {
				t.Errorf("result\n%+v, expected\n%+v", r, want)
			}
		})
	}
}

// copySet copies the small set into a new folder, each file through edit, and returns its prefix.
func copySet(t *testing.T, edit func(name, text string) string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"commands", "trades", "snapshots"} {
		text, err := os.ReadFile("testdata/small." + name + ".csv")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "set."+name+".csv"), []byte(edit(name, string(text))), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "set")
}

// replace edits one file of the set and fails the test when there is nothing to edit.
func replace(t *testing.T, file, from, to string) func(name, text string) string {
	return func(name, text string) string {
		if name != file {
			return text
		}
		if !strings.Contains(text, from) {
			t.Fatalf("%s.csv has no %q", file, from)
		}
		return strings.Replace(text, from, to, 1)
	}
}

// TestPlantedDifferences shows that whatever is not as the exchange has it is found, and told with its context.
func TestPlantedDifferences(t *testing.T) {
	for _, c := range []struct {
		name, file, from, to string
		says                 []string
	}{
		{"wrong quantity", "trades", "9,8,2000,5,7,101,1,S", "9,8,2000,5,7,101,2,S", []string{"command 9: trade 1", "qty 1, taker S", "qty 2, taker S", "line 10: 9,8,2000,N,7"}},
		{"wrong price", "trades", "10,9,2100,8,2,110,4,B", "10,9,2100,8,2,109,4,B", []string{"command 10: trade 1", "price 109"}},
		{"wrong maker", "trades", "14,14,2500,10,11,95,2,S", "14,14,2500,9,11,95,2,S", []string{"command 14: trade 2", "buy 10", "buy 9"}},
		{"wrong order", "trades", "8,6,1300,3,4,101,5,N\n8,7,1300,5,4,101,3,N", "8,7,1300,5,4,101,3,N\n8,6,1300,3,4,101,5,N", []string{"command 8: trade 1"}},
		{"wrong taker", "trades", "9,8,2000,5,7,101,1,S", "9,8,2000,5,7,101,1,B", []string{"command 9: trade 1", "taker B"}},
		{"missing trade", "trades", "10,9,2100,8,2,110,4,B\n", "", []string{"command 10: a trade that the exchange does not have", "trades made: 1"}},
		{"trade of another command", "trades", "9,8,2000,5,7,101,1,S", "9,8,2000,5,7,101,1,S\n9,8,2000,5,7,101,1,S", []string{"command 9: trade 2 of the command is missing"}},
		{"trade after the end", "trades", "17,18,2800,1,12,90,1,N", "17,18,2800,1,12,90,1,N\n18,19,2900,1,12,90,1,N", []string{"a command that the file does not have", "command 18"}},
		{"cancel", "commands", "11,10,2200,C,2,S,,,,6,O", "11,10,2200,C,2,S,,,,7,O", []string{"command 11: cancel leaves 6, the exchange says 7"}},
		{"cancel of another order", "commands", "11,10,2200,C,2,S,,,,6,O", "11,10,2200,C,7,S,,,,6,O", []string{"command 11: refused"}},
		{"auction price", "commands", "8,6,1300,X,,,,,101,8,T", "8,6,1300,X,,,,,100,8,T", []string{"command 8: auction at price 101 with volume 8, the exchange says price 100"}},
		{"auction volume", "commands", "8,6,1300,X,,,,,101,8,T", "8,6,1300,X,,,,,101,9,T", []string{"with volume 9"}},
		{"snapshot level", "snapshots", "10,2100,2,4,13,110,90,10", "10,2100,2,4,13,110,90,11", []string{"snapshot of line 6: buy level 1 is 10 at 90, the exchange has 11 at 90"}},
		{"snapshot trades", "snapshots", "14,2500,2,7,", "14,2500,2,6,", []string{"7 trades so far, the exchange has 6"}},
		{"snapshot after the end", "snapshots", "17,2800,5,8,", "18,2800,5,8,", []string{"names command 18"}},
		{"same id twice", "commands", "13,12,2400,N,10,", "13,12,2400,N,9,", []string{"command 13: refused"}},
	} {
		for _, d := range drivers {
			t.Run(c.name+"/"+d.name, func(t *testing.T) {
				r := runSet(t, copySet(t, replace(t, c.file, c.from, c.to)), d.make)
				if r.OK() {
					t.Fatal("nothing was found")
				}
				for _, s := range c.says {
					if !strings.Contains(r.First, s) {
						t.Errorf("the first difference lacks %q:\n%s", s, r.First)
					}
				}
			})
		}
	}
}

// TestMalformed holds the reader to its strictness: each error names file and line.
func TestMalformed(t *testing.T) {
	for _, c := range []struct{ file, from, to, says string }{
		{"commands", "n,exch_seq", "n,seq", "set.commands.csv line 1: header is"},
		{"commands", "3,1,1000,A", "4,1,1000,A", "set.commands.csv line 4: n is 4, expected 3"},
		{"commands", "3,1,1000,A", "x,1,1000,A", `line 4: n is "x"`},
		{"commands", "3,1,1000,A", "3,1,1000,Q", `line 4: cmd is "Q"`},
		{"commands", "3,1,1000,A", "3,-1,1000,A", `line 4: exch_seq is "-1"`},
		{"commands", "3,1,1000,A", "3,1,,A", `line 4: time_ms is empty`},
		{"commands", "A,3,B,L", "A,0,B,L", "line 4: id is 0"},
		{"commands", "A,3,B,L", "A,3,b,L", `line 4: side is "b"`},
		{"commands", "A,3,B,L", "A,3,B,Z", `line 4: otype is "Z"`},
		{"commands", "A,3,B,L,GTC", "A,3,B,L,DAY", `line 4: tif is "DAY"`},
		{"commands", "A,3,B,L,GTC", "A,3,B,L,IOC", "line 4: cmd A with otype L and tif IOC"},
		{"commands", "102,5,O", "102.5,5,O", `line 4: price is "102.5"`},
		{"commands", "102,5,O", ",5,O", "line 4: price is empty"},
		{"commands", "102,5,O", "99999999999999999999,5,O", "line 4: price is \"99999999999999999999\""},
		{"commands", "102,5,O", "102,0,O", "line 4: qty is 0"},
		{"commands", "102,5,O", "102,5,Z", `line 4: src is "Z"`},
		{"commands", "102,5,O", "102,5", "line 4: 10 columns, expected 11"},
		{"commands", "10,9,2100,N,8,B,M,IOC", "10,9,2100,N,8,B,M,GTC", "line 11: a market order without a price"},
		{"commands", "7,5,1200,C,6,B,,,,3", "7,5,1200,C,6,B,L,,,3", `line 8: column 7 is "L"`},
		{"commands", "8,6,1300,X,,,,,101", "8,6,1300,X,1,,,,101", `line 9: column 5 is "1"`},
		{"commands", "9,8,2000,N,7,S,L,IOC", "9,8,2000,R,7,S,L,GTC", "line 10: an R row after other commands"},
		{"commands", "102,5,O", "102,5,O" + strings.Repeat(" ", maxLine), "a line of more than"},
		{"trades", "8,6,1300,3,4,101,5,N", "8,6,1300,3,4,101,5,Z", `set.trades.csv line 2: taker is "Z"`},
		{"trades", "10,9,2100", "8,9,2100", "set.trades.csv line 5: n is 8 after 9"},
		{"trades", "8,6,1300,3,4,101,5,N", "8,6,1300,3,4,0,5,N", "line 2: price is 0"},
		{"snapshots", "10,2100,2,4,13,110,90,10", "10,2100,2,4,13,110,90,x", `set.snapshots.csv line 6: bid quantity 1 is "x"`},
		{"snapshots", "10,2100,2,4", "7,2100,2,4", "set.snapshots.csv line 6: n is 7 after 9"},
	} {
		prefix := copySet(t, replace(t, c.file, c.from, c.to))
		_, _, err := Run(prefix, NewBookDriver(), nil)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s with %q for %q: error %v, expected %q", c.file, c.to, c.from, err, c.says)
		}
	}
}

// TestMissingFiles names what is not there; a set without snapshots is fine.
func TestMissingFiles(t *testing.T) {
	prefix := copySet(t, func(_, text string) string { return text })
	if err := os.Remove(prefix + ".snapshots.csv"); err != nil {
		t.Fatal(err)
	}
	if r := runSet(t, prefix, drivers[0].make); !r.OK() || r.Snapshots.Present {
		t.Errorf("without snapshots: %+v", r)
	}
	if err := os.Remove(prefix + ".trades.csv"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Run(prefix, NewBookDriver(), nil); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "set.trades.csv") {
		t.Errorf("without trades: %v", err)
	}
}

// TestGzip reads the same set compressed, and finds a file that is cut short.
func TestGzip(t *testing.T) {
	prefix := copySet(t, func(_, text string) string { return text })
	for _, name := range []string{"commands", "trades", "snapshots"} {
		text, err := os.ReadFile(prefix + "." + name + ".csv")
		if err != nil {
			t.Fatal(err)
		}
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		w.Write(text)
		w.Close()
		if err := os.WriteFile(prefix+"."+name+".csv.gz", z.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(prefix + "." + name + ".csv"); err != nil {
			t.Fatal(err)
		}
	}
	if r := runSet(t, prefix, drivers[0].make); !r.OK() || r.Trades.Equal != 8 {
		t.Errorf("compressed: %+v", r)
	}
	z, err := os.ReadFile(prefix + ".commands.csv.gz")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(prefix+".commands.csv.gz", z[:len(z)-20], 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Run(prefix, NewBookDriver(), nil); err == nil || !strings.Contains(err.Error(), "set.commands.csv.gz line") {
		t.Errorf("cut short: error %v", err)
	}
}
