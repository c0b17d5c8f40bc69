// Package recorded has the recorded order flow that may lie beside the repository, for tests.
package recorded

import (
	"os"
	"path/filepath"
	"testing"
)

// Dir returns the folder with the recorded order flow, or skips the test where there is none.
func Dir(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test")
		}
	}
	data := filepath.Join(dir, "..", "shared", "data")
	if _, err := os.Stat(data); err != nil {
		t.Skip("no recorded order flow at ../shared/data beside the repository")
	}
	return data
}
