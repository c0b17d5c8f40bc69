package bench

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"github.com/google/pprof/profile"
)

// profileTop is how many lines each table of a profile has at most.
const profileTop = 14

// profileRuns is how many times as long as a latency run is sampled for a profile (100 samples a second and core).
const profileRuns = 2

// measuredLabel marks the samples of what is measured, so that resets between passes are not counted.
const measuredLabel = "measured"

// profiled runs do under the CPU profiler and returns the profile.
func profiled(do func() error) ([]byte, error) {
	var raw bytes.Buffer
	if err := pprof.StartCPUProfile(&raw); err != nil {
		return nil, fmt.Errorf("CPU profile: %w", err)
	}
	err := do()
	pprof.StopCPUProfile()
	return raw.Bytes(), err
}

// sampleCPU runs the commands through s again and again for some time and returns a CPU profile of that.
func sampleCPU(ctx context.Context, s subject, n int, length time.Duration, p *progress) ([]byte, error) {
	p.show("%s: CPU profile", s.name())
	return profiled(func() error {
		for ran := time.Duration(0); ran < length && ctx.Err() == nil; {
			s.reset()
			start := time.Now()
			pprof.Do(ctx, pprof.Labels(measuredLabel, s.name()), func(context.Context) { s.run(0, n) })
			ran += time.Since(start)
		}
		return ctx.Err()
	})
}

// saveProfile writes a profile for go tool pprof, when a file is named.
func saveProfile(raw []byte, file string) error {
	if file == "" {
		return nil
	}
	return os.WriteFile(file, raw, 0o644)
}

// share is the time that a profile gives to one thing.
type share struct {
	name string
	ns   int64
}

// printProfile writes where a profile's time went: by the package in whose function it was spent, functions of the
// runtime and the standard library counted with the project's function that called them, and then by function.
func printProfile(w io.Writer, who string, raw []byte, label string) error {
	prof, err := profile.ParseData(raw)
	if err != nil {
		return fmt.Errorf("reading the CPU profile: %w", err)
	}
	packages, functions := map[string]int64{}, map[string]int64{}
	var total, beside int64
	for _, s := range prof.Sample {
		ns := s.Value[len(s.Value)-1]
		where, own := place(s)
		if label != "" && len(s.Label[label]) == 0 {
			if strings.HasPrefix(own, "runtime.") { // nothing on the stack but the runtime
				beside += ns
			}
			continue
		}
		total += ns
		packages[packageOf(own)] += ns
		functions[where] += ns
	}
	if total == 0 {
		fmt.Fprintf(w, "\nwhere the time goes in %s: the profile has no samples\n", who)
		return nil
	}
	fmt.Fprintf(w, "\nwhere the time goes in %s, from a CPU profile of %v\n", who, round(time.Duration(total)))
	printShares(w, "package, with what it calls in the runtime and the standard library", packages, total)
	printShares(w, "function, itself alone", functions, total)
	if label != "" {
		fmt.Fprintf(w, "  beside it, in the runtime on its own (garbage collection, scheduling): %s of that time\n", percent(int(beside), int(total)))
	}
	return nil
}

func printShares(w io.Writer, of string, shares map[string]int64, total int64) {
	fmt.Fprintf(w, "    share  %s\n", of)
	for _, x := range ranked(shares, profileTop) {
		fmt.Fprintf(w, "  %7s  %s\n", percent(int(x.ns), int(total)), shortName(x.name))
	}
}

// shortName leaves the type arguments of a generic function out.
func shortName(function string) string {
	open, end := strings.IndexByte(function, '['), strings.LastIndexByte(function, ']')
	if open < 0 || end < open {
		return function
	}
	return function[:open] + "[…]" + function[end+1:]
}

// place returns the function that a sample was taken in, and the innermost function on its stack that is not of the
// runtime or the standard library.
func place(s *profile.Sample) (where, own string) {
	for _, loc := range s.Location {
		for _, line := range loc.Line {
			name := line.Function.Name
			if where == "" {
				where = name
			}
			if !standard(name) {
				return where, name
			}
		}
	}
	return where, where
}

// standard reports whether a function is the runtime's or the standard library's: its package has no dot in its first
// element and is not of this module.
func standard(function string) bool {
	first, _, _ := strings.Cut(packageOf(function), "/")
	return !strings.Contains(first, ".") && first != "uncross" && first != "main"
}

// packageOf returns the package of a function as profiles name it, such as "uncross/book.(*Book).Match".
func packageOf(function string) string {
	if i := strings.IndexByte(function, '['); i >= 0 {
		function = function[:i] // type arguments hold slashes and dots of their own
	}
	slash := strings.LastIndexByte(function, '/') + 1
	if dot := strings.IndexByte(function[slash:], '.'); dot >= 0 {
		return function[:slash+dot]
	}
	return function
}

// ranked returns the greatest shares first; ties by name.
func ranked(m map[string]int64, top int) []share {
	var all []share
	for name, ns := range m {
		all = append(all, share{name, ns})
	}
	slices.SortFunc(all, func(a, b share) int {
		return cmp.Or(cmp.Compare(b.ns, a.ns), strings.Compare(a.name, b.name))
	})
	return all[:min(top, len(all))]
}
