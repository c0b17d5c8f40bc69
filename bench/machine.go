package bench

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
)

// printMachine writes what the figures depend on beside the program.
func printMachine(w io.Writer) {
	fmt.Fprintf(w, "machine   %s, %d cores, %s/%s, %s, GOMAXPROCS %d", cpuModel(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(), runtime.GOMAXPROCS(0))
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "-race" && s.Value == "true" {
				fmt.Fprint(w, ", RACE DETECTOR ON: the figures mean nothing")
			}
		}
	}
	fmt.Fprintln(w)
}

// printLoad writes how many processes wanted to run lately: other work on the machine makes every figure worse.
func printLoad(w io.Writer, when string) {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return
	}
	if f := strings.Fields(string(b)); len(f) > 0 {
		fmt.Fprintf(w, "load      %s %s (processes that wanted to run, mean of a minute; this one included)\n", f[0], when)
	}
}

func cpuModel() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}
