package auth

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"uncross/engine/wire"
)

func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alice.key")
	k := newTestKey(t)
	if err := SaveKey(path, k); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	got, err := LoadKey(path)
	if err != nil || got.ID != 7 || got.User != "alice" || got.Role != wire.Trader || !got.Private.Equal(k.Private) {
		t.Errorf("read %d %q %v, %v", got.ID, got.User, got.Role, err)
	}
	if err := SaveKey(path, newTestKey(t)); err == nil || !strings.Contains(err.Error(), "not overwritten") {
		t.Errorf("written again: %v", err)
	}
	if again, err := LoadKey(path); err != nil || !again.Private.Equal(k.Private) {
		t.Errorf("the file was changed: %v", err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKey(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("readable by others: %v", err)
	}
	if err := SaveKey(filepath.Join(t.TempDir(), "no", "such", "dir"), k); err == nil {
		t.Error("written nowhere")
	}
	if err := SaveKey(filepath.Join(t.TempDir(), "empty"), Key{}); err == nil {
		t.Error("an empty key was written")
	}
}

func TestBadKeyFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	k := newTestKey(t)
	if err := SaveKey(path, k); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(good)
	seed := strings.Split(strings.Split(text, `"private": "`)[1], `"`)[0]
	other := "A" + seed[1:]
	if seed[0] == 'A' {
		other = "B" + seed[1:]
	}
	for name, step := range map[string]struct{ text, want string }{
		"empty":         {"", "not a key file"},
		"not JSON":      {"-----BEGIN KEY-----", "not a key file"},
		"cut off":       {text[:len(text)/2], "not a key file"},
		"two objects":   {text + text, "something follows"},
		"other field":   {strings.Replace(text, `"user"`, `"usr"`, 1), "not a key file"},
		"other version": {strings.Replace(text, KeyFormat, "uncross-key-v2", 1), "format"},
		"other role":    {strings.Replace(text, `"trader"`, `"king"`, 1), "role"},
		"short seed":    {strings.Replace(text, seed, seed[:8], 1), "32 bytes"},
		"damaged seed":  {strings.Replace(text, seed, other, 1), "do not belong together"},
		"huge":          {text + strings.Repeat(" ", 5000), "too large"},
	} {
		if err := os.WriteFile(path, []byte(step.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := LoadKey(path)
		if err == nil || !strings.Contains(err.Error(), step.want) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), seed[:8]) {
			t.Errorf("%s: the error shows the secret", name)
		}
	}
	if _, err := LoadKey(path + ".gone"); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("missing: %v", err)
	}
	if _, err := LoadKey(filepath.Dir(path)); err == nil {
		t.Error("a directory was read")
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add([]byte(`{"format":"uncross-key-v1","key":7,"user":"a","role":"trader","private":"","public":""}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if k, err := parseKey(text); err == nil && (!k.Role.Valid() || len(k.Private) != 64) {
			t.Fatalf("accepted %q", text)
		}
	})
}
