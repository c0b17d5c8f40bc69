// Command testsum reads the output of "go test -json" and prints what matters of it: go test's own line for each
// package, everything that a failed test said, what was skipped and why, and a closing line with the counts. Its exit
// status is 1 when something failed or when no test ran. One goroutine; nothing is kept of tests that passed.
//
// With -failed FILE it writes into the file, for those who want to run them again, a line "package test" for each test that
// failed, without its subtests, and a line "package" for each package that failed outside its tests.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
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
		if err := os.WriteFile(*failed, []byte(s.lost.String()), 0o644); err != nil {
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
	broken                  int // packages that failed without a failed test: they do not build, or ended early
	failedIn                map[string]bool
	lost                    strings.Builder // what -failed writes
}

func newSummary(w io.Writer) *summary {
	return &summary{w: w, said: map[[2]string][]string{}, failedIn: map[string]bool{}}
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
		if e.Action == "fail" && !s.failedIn[e.Package] {
			s.broken++
			fmt.Fprintln(&s.lost, e.Package)
			fmt.Fprint(s.w, strings.Join(said, ""))
		}
		return
	}
	switch e.Action {
	case "pass":
		s.passed++
	case "fail":
		s.failed++
		s.failedIn[e.Package] = true
		if !strings.Contains(e.Test, "/") {
			fmt.Fprintln(&s.lost, e.Package, e.Test)
		}
		fmt.Fprint(s.w, strings.Join(said, ""))
	case "skip":
		s.skipped++
		fmt.Fprintf(s.w, "skipped: %s %s", e.Package, strings.Join(said, ""))
	}
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
