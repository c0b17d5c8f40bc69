package arch

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../.."

// TestImportDirections holds every package of the module against the table of rooms.
func TestImportDirections(t *testing.T) {
	packages, err := list(root, "-e", "./...")
	if err != nil {
		t.Fatal(err)
	}
	if len(packages) < 10 {
		t.Fatalf("the go command lists %d packages only", len(packages))
	}
	for _, p := range packages {
		for _, found := range checkImports(Rooms, folderOf(p.ImportPath), p.Imports) {
			t.Error(found)
		}
	}
}

// TestRoomsExist finds rows of the table that govern nothing.
func TestRoomsExist(t *testing.T) {
	for _, r := range Rooms {
		if st, err := os.Stat(filepath.Join(root, r.Path)); err != nil || !st.IsDir() {
			t.Errorf("room %s is no folder of the project", r.Path)
		}
	}
}

// TestDeterministicPackages looks for what must not be in the deterministic packages, with every set of build tags.
func TestDeterministicPackages(t *testing.T) {
	for _, tags := range []string{"", "invariants"} {
		args := []string{"-export", "-deps", "-tags=" + tags}
		for _, folder := range Deterministic {
			args = append(args, "./"+folder)
		}
		packages, err := list(root, args...)
		if err != nil {
			t.Fatal(err)
		}
		x := exports{}
		x.add(packages)
		checked := 0
		for _, p := range packages {
			folder := folderOf(p.ImportPath)
			if !matches(Deterministic, folder) {
				continue
			}
			checked++
			found, err := x.check(folder, p.Dir, p.GoFiles)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range found {
				t.Error(f)
			}
		}
		if checked != len(Deterministic) {
			t.Errorf("%d packages checked, expected %d", checked, len(Deterministic))
		}
	}
}

// TestPlantedImports shows that the table finds what it should.
func TestPlantedImports(t *testing.T) {
	for _, c := range []struct {
		folder, path string
		found        bool
	}{
		{"book", "uncross/internal/slab", false},
		{"book", "github.com/google/btree", false},
		{"book", "uncross/engine", true},
		{"book", "github.com/google/btreemap", true},
		{"engine", "uncross/engine/wire", false},
		{"engine", "uncross/replication", true},
		{"engine", "github.com/hashicorp/raft", true},
		{"engine/wire", "uncross/engine", true},
		{"wal", "uncross/engine", true},
		{"wal", "uncross/engine/wire", true},
		{"replication", "uncross/gateway/http", true},
		{"gateway/http", "uncross/gateway/auth", false},
		{"gateway/http", "uncross/engine", true},
		{"gateway/view", "uncross/replication", true},
		{"gateway/view", "github.com/valyala/fasthttp", true},
		{"gateway/new", "uncross/wal", true},
		{"replication", "uncross/bench", true},
		{"internal/neutral", "uncross/bench", true},
		{"cmd/uncross", "uncross/bench", false},
		{"elsewhere", "os", true},
	} {
		found := checkImports(Rooms, c.folder, []string{c.path})
		if (len(found) > 0) != c.found {
			t.Errorf("%s importing %s: found %q, expected a finding: %v", c.folder, c.path, found, c.found)
		}
	}
}

// TestPlantedBreaches shows that every rule of determinism finds its breach: testdata/planted marks each line with
// "// want: words of the finding".
func TestPlantedBreaches(t *testing.T) {
	dir := filepath.Join("testdata", "planted")
	packages, err := list(".", "-export", "-deps", "./"+dir)
	if err != nil {
		t.Fatal(err)
	}
	x := exports{}
	x.add(packages)
	found, err := x.check("planted", dir, []string{"planted.go"})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "planted.go"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[int]string{}
	for i, line := range strings.Split(string(text), "\n") {
		if _, words, ok := strings.Cut(line, "// want: "); ok {
			want[i+1] = words
		}
	}
	if len(want) < 10 {
		t.Fatalf("only %d breaches are planted", len(want))
	}
	for _, f := range found {
		words, ok := want[f.Pos.Line]
		if !ok || !strings.Contains(f.Text, words) {
			t.Errorf("unexpected: %v", f)
			continue
		}
		delete(want, f.Pos.Line)
	}
	for line, words := range want {
		t.Errorf("line %d: %q was not found", line, words)
	}
}
