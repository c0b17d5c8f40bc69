package nodestest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// built is the folder of the program, once there is one.
var built string

var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "uncross-test-")
	if err != nil {
		return "", err
	}
	built = dir
	path := filepath.Join(dir, "uncross")
	if out, err := exec.Command("go", "build", "-o", path, "uncross/cmd/uncross").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

// Program returns the path of the program, which is built once for all tests of a package. Their TestMain calls Main.
func Program(t testing.TB) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Main runs the tests of a package and removes the program.
func Main(m *testing.M) {
	status := m.Run()
	if built != "" {
		os.RemoveAll(built)
	}
	os.Exit(status)
}
