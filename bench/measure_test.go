package bench

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/pprof/profile"

	"uncross/bench/flow"
)

// smallFlow is enough for every branch of a measurement.
func smallFlow(commands int) flow.Config {
	c := flow.Standard()
	c.Commands = commands
	return c
}

// Both books make the generator's trades over the whole flow: three implementations agree.
func TestBooksMakeTheFlowsTrades(t *testing.T) {
	f := standardFlow()
	if testing.Short() {
		f = flow.Generate(smallFlow(100_000))
	}
	if err := check(t.Context(), f, []subject{&bookSubject{flow: f}, &plainSubject{flow: f}}, newProgress(nil)); err != nil {
		t.Error(err)
	}
}

// So does the engine, with and without client ids.
func TestEngineMakesTheFlowsTrades(t *testing.T) {
	f := flow.Generate(smallFlow(20_000))
	subjects := []subject{&engineSubject{title: "engine", flow: f, day: newDay(f, true)}, &engineSubject{title: "no client ids", flow: f, day: newDay(f, false)}}
	if err := check(t.Context(), f, subjects, newProgress(nil)); err != nil {
		t.Error(err)
	}
	if testing.Short() {
		return // a build with checks takes minutes for the whole
	}
	f = standardFlow()
	if err := check(t.Context(), f, []subject{&engineSubject{title: "engine", flow: f, day: newDay(f, true)}}, newProgress(nil)); err != nil {
		t.Error(err)
	}
}

func TestBookReport(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cpu.pprof")
	var out, line bytes.Buffer
	err := Book(t.Context(), &out, Options{Flow: smallFlow(20_000), Repeats: 2, Rates: []int{100_000}, Seconds: 0.05, Profile: file, Progress: &line})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"20,000 commands", "2 repetitions", "times as fast as plain", "p99.99", "move, trades", "a CPU profile"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report does not say %q:\n%s", want, out.String())
		}
	}
	if line.Len() == 0 {
		t.Error("no progress was shown")
	}
	if info, err := os.Stat(file); err != nil || info.Size() == 0 {
		t.Errorf("no profile was written: %v", err)
	}
}

func TestEngineReport(t *testing.T) {
	var out bytes.Buffer
	err := Engine(t.Context(), &out, Options{Flow: smallFlow(5_000), Repeats: 3, Rates: []int{50_000}, Seconds: 0.05})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"5,000 commands", "engine takes", "no client ids", "book", "p99.99", "a CPU profile"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report does not say %q:\n%s", want, out.String())
		}
	}
}

func TestPipelineReport(t *testing.T) {
	dir := t.TempDir()
	var out bytes.Buffer
	err := Pipeline(t.Context(), &out, Options{Flow: smallFlow(20_000), Repeats: 2, Rates: []int{20_000}, Seconds: 0.1, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"appending 4096 bytes with fsync", "every repetition makes the generator's trades", "commands an entry", "answered", "submitted", "p99.99"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report does not say %q:\n%s", want, out.String())
		}
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("%d files are left behind", len(left))
	}
}

func TestPipelineStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := Pipeline(ctx, &bytes.Buffer{}, Options{Flow: smallFlow(1000), Dir: t.TempDir()})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a stopped measurement returned %v", err)
	}
}

func TestMeasurementsRefuseABadFlow(t *testing.T) {
	bad := Options{Flow: flow.Config{Commands: 1}}
	for name, measure := range map[string]func(context.Context, io.Writer, Options) error{"book": Book, "engine": Engine, "pipeline": Pipeline} {
		if err := measure(t.Context(), io.Discard, bad); err == nil || !strings.Contains(err.Error(), "target 0") {
			t.Errorf("%s returned %v", name, err)
		}
	}
}

func TestBookReportStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Book(ctx, &bytes.Buffer{}, Options{Flow: smallFlow(1000)}); err != context.Canceled {
		t.Errorf("a stopped measurement returned %v", err)
	}
}

// A subject that loses a trade is found.
func TestCheckFindsAWrongTrade(t *testing.T) {
	f := flow.Generate(smallFlow(1000))
	f.Trades.Hash++
	err := check(t.Context(), f, []subject{&plainSubject{flow: f}}, newProgress(nil))
	if err == nil || !strings.Contains(err.Error(), "plain does not make the flow's trades") {
		t.Errorf("check returned %v", err)
	}
}

func TestPrintProfile(t *testing.T) {
	p := &profile.Profile{SampleType: []*profile.ValueType{{Type: "samples", Unit: "count"}, {Type: "cpu", Unit: "nanoseconds"}}}
	add := func(ms int64, measured bool, stack ...string) { // innermost first
		s := &profile.Sample{Value: []int64{1, ms * 1e6}}
		for _, name := range stack {
			f := &profile.Function{ID: uint64(len(p.Function) + 1), Name: name}
			loc := &profile.Location{ID: f.ID, Line: []profile.Line{{Function: f}}}
			p.Function, p.Location = append(p.Function, f), append(p.Location, loc)
			s.Location = append(s.Location, loc)
		}
		if measured {
			s.Label = map[string][]string{measuredLabel: {"book"}}
		}
		p.Sample = append(p.Sample, s)
	}
	add(50, true, "runtime.memmove", "uncross/book.(*Book).Match", "uncross/bench.run")
	add(30, true, "github.com/google/btree.(*BTreeG[go.shape.*uncross/book.level]).Get", "uncross/book.(*Book).Match")
	add(20, true, "uncross/book.(*Book).Rest")
	add(10, false, "runtime.gcDrain", "runtime.gcBgMarkWorker")
	add(1000, false, "uncross/book.New", "uncross/bench.reset")
	var raw, out bytes.Buffer
	if err := p.Write(&raw); err != nil {
		t.Fatal(err)
	}
	if err := printProfile(&out, "book", raw.Bytes(), measuredLabel); err != nil {
		t.Fatal(err)
	}
	want := `
where the time goes in book, from a CPU profile of 100ms
    share  package, with what it calls in the runtime and the standard library
   70.00%  uncross/book
   30.00%  github.com/google/btree
    share  function, itself alone
   50.00%  runtime.memmove
   30.00%  github.com/google/btree.(*BTreeG[…]).Get
   20.00%  uncross/book.(*Book).Rest
  beside it, in the runtime on its own (garbage collection, scheduling): 10.00% of that time
`
	if out.String() != want {
		t.Errorf("got:%s\nwant:%s", out.String(), want)
	}
}

func TestPackageOf(t *testing.T) {
	for function, want := range map[string]string{
		"uncross/book.(*Book).Match": "uncross/book",
		"runtime.mallocgc":           "runtime",
		"github.com/google/btree.(*BTreeG[go.shape.*uncross/book.level]).Get": "github.com/google/btree",
		"uncross/internal/slab.(*Slab[go.shape.struct { a.b int }]).Mut":      "uncross/internal/slab",
		"internal/runtime/maps.(*Iter).Next":                                  "internal/runtime/maps",
	} {
		if got := packageOf(function); got != want {
			t.Errorf("packageOf(%q) = %q, want %q", function, got, want)
		}
	}
	if !standard("internal/runtime/maps.(*Iter).Next") || standard("uncross/book.New") || standard("github.com/google/btree.NewG[int]") {
		t.Error("the standard library is not told apart")
	}
}

func TestText(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 3_000_000: "3,000,000", -1000: "-1,000"} {
		if got := thousands(n); got != want {
			t.Errorf("thousands(%d) = %q, want %q", n, got, want)
		}
	}
	for perSecond, want := range map[float64]string{12: "12", 100_000: "100k", 999_999: "1.00M", 5_432_100: "5.43M"} {
		if got := rate(perSecond); got != want {
			t.Errorf("rate(%v) = %q, want %q", perSecond, got, want)
		}
	}
	if median([]float64{3, 1, 2}) != 2 || median([]float64{4, 1, 2, 3}) != 2.5 {
		t.Error("median is wrong")
	}
}
