package arch

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestLicences holds docs/licences.md against the modules that the program, and its tests, are built from.
func TestLicences(t *testing.T) {
	text, err := os.ReadFile(root + "/docs/licences.md")
	if err != nil {
		t.Fatal(err)
	}
	program, tests, ok := strings.Cut(string(text), "## In tests alone")
	if !ok {
		t.Fatal("docs/licences.md has no part about tests")
	}
	inProgram := modules(t, "-deps", "./cmd/uncross")
	inTests := slices.DeleteFunc(modules(t, "-deps", "-test", "./..."), func(m string) bool { return slices.Contains(inProgram, m) })
	compare(t, "the program", listedModules(program), inProgram)
	compare(t, "tests alone", listedModules(tests), inTests)
}

// modules returns the other modules that packages of this one are built from.
func modules(t *testing.T, args ...string) (all []string) {
	t.Helper()
	packages, err := list(root, append([]string{"-e"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packages {
		if p.Module != nil && p.Module.Path != Module && !slices.Contains(all, p.Module.Path) {
			all = append(all, p.Module.Path)
		}
	}
	slices.Sort(all)
	return all
}

// listedModules returns the modules of a table, whose rows begin with the module in backquotes.
func listedModules(text string) (all []string) {
	for line := range strings.Lines(text) {
		if cell, ok := strings.CutPrefix(line, "| `"); ok {
			name, rest, _ := strings.Cut(cell, "`")
			if strings.Trim(rest, " |\n") != "" {
				all = append(all, name)
			}
		}
	}
	slices.Sort(all)
	return all
}

func compare(t *testing.T, what string, documented, built []string) {
	t.Helper()
	for _, m := range built {
		if !slices.Contains(documented, m) {
			t.Errorf("%s needs %s, which docs/licences.md does not list", what, m)
		}
	}
	for _, m := range documented {
		if !slices.Contains(built, m) {
			t.Errorf("docs/licences.md lists %s for %s, which does not need it", m, what)
		}
	}
}
