// Command testsum reads the output of "go test -json" and prints what matters of it: go test's own line for each
// package, everything that a failed test said, what was skipped and why, and a closing line with the counts. Its exit
// status is 1 when something failed or when no test ran. One goroutine; nothing is kept of tests that passed.
//
// With -failed FILE it writes into the file, for those who want to run them again, a line "package N tests" for each package in
// which something failed: N tests of it passed, subtests counted, and those named failed or ended all with a panic, without their
// subtests. None are named where it failed outside its tests. It is the package that has to run again and not the tests: after
// one that ended all, others never ran.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
)

// event is a line of "go test -json" (see "go doc test2json").
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
}

func main() {
	failed := flag.String("failed", "", "write what failed into this `file`")
	flag.Parse()
	s := newSummary(os.Stdout)
	if err := s.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "testsum:", err)
		os.Exit(2)
	}
	ok := s.close()
	if *failed != "" {
		if err := os.WriteFile(*failed, []byte(s.lost()), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, "testsum:", err)
			os.Exit(2)
		}
	}
	if !ok {
		os.Exit(1)
	}
}

// summary counts as it reads.
type summary struct {
	w                       io.Writer
	said                    map[[2]string][]string // output of tests that run, by package and test
	passed, failed, skipped int
	broken                  int                 // packages that failed without a failed test: they do not build, or ended early
	passedIn                map[string]int      // by package
	failedIn                map[string][]string // top-level tests, by package; none of a broken one
}

func newSummary(w io.Writer) *summary {
	return &summary{w: w, said: map[[2]string][]string{}, passedIn: map[string]int{}, failedIn: map[string][]string{}}
}

func (s *summary) read(r io.Reader) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			// The go command writes some complaints as plain text.
			fmt.Fprintln(s.w, lines.Text())
			continue
		}
		s.event(&e)
	}
	return lines.Err()
}

func (s *summary) event(e *event) {
	id := [2]string{e.Package, e.Test}
	switch e.Action {
	case "output", "build-output":
		if e.Test == "" && (packageLine(e.Output) || e.Action == "build-output") {
			fmt.Fprint(s.w, e.Output)
			return
		}
		s.said[id] = append(s.said[id], e.Output)
	case "pass", "fail", "skip":
		s.end(e, id)
	}
}

// packageLine reports whether a line is go test's own summary of a package.
func packageLine(line string) bool {
	for _, begin := range []string{"ok  \t", "FAIL\t", "?   \t", "\t"} {
		if strings.HasPrefix(line, begin) {
			return true
		}
	}
	return false
}

func (s *summary) end(e *event, id [2]string) {
	said := s.said[id]
	delete(s.said, id)
	if e.Test == "" {
		if e.Action == "fail" {
			s.endPackage(e.Package, said)
		}
		return
	}
	switch e.Action {
	case "pass":
		s.passed++
		s.passedIn[e.Package]++
	case "fail":
		s.failed++
		s.fail(id)
		fmt.Fprint(s.w, strings.Join(said, ""))
	case "skip":
		s.skipped++
		fmt.Fprintf(s.w, "skipped: %s %s", e.Package, strings.Join(said, ""))
	}
}

// endPackage takes the end of a package that failed. What it said itself and what its tests did that never ended tell why it
// ended early: a panic outside a test's own goroutine stands with whichever test ran, and no end of that test follows.
func (s *summary) endPackage(name string, said []string) {
	if _, known := s.failedIn[name]; !known {
		s.broken++
		s.failedIn[name] = nil
	}
	fmt.Fprint(s.w, strings.Join(said, ""))
	var open [][2]string
	for id := range s.said {
		if id[0] == name {
			open = append(open, id)
		}
	}
	slices.SortFunc(open, func(a, b [2]string) int { return strings.Compare(a[1], b[1]) })
	for _, id := range open {
		if slices.ContainsFunc(s.said[id], func(line string) bool {
			return strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ")
		}) {
			s.fail(id)
		}
		fmt.Fprint(s.w, strings.Join(s.said[id], ""))
		delete(s.said, id)
	}
}

// fail keeps that a test, or one of its subtests, failed.
func (s *summary) fail(id [2]string) {
	test, _, _ := strings.Cut(id[1], "/")
	if !slices.Contains(s.failedIn[id[0]], test) {
		s.failedIn[id[0]] = append(s.failedIn[id[0]], test)
	}
}

// lost is what -failed writes.
func (s *summary) lost() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s.failedIn)) {
		fmt.Fprintln(&b, strings.Join(append([]string{name, strconv.Itoa(s.passedIn[name])}, s.failedIn[name]...), " "))
	}
	return b.String()
}

// close prints the counts and reports whether all is well.
func (s *summary) close() bool {
	if s.broken > 0 {
		fmt.Fprintf(s.w, "%d packages failed outside their tests\n", s.broken)
	}
	if s.skipped > 0 {
		fmt.Fprintf(s.w, "%d skipped\n", s.skipped)
	}
	fmt.Fprintf(s.w, "%d passed, %d failed\n", s.passed, s.failed+s.broken)
	return s.failed+s.broken == 0 && s.passed > 0
}
