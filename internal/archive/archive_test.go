package archive

import (
	stdtar "archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

// files are what the tests pack: an empty one, some around the size of a block, a larger one.
func files() map[string][]byte {
	all := map[string][]byte{"empty": nil, "a/one": {1}, "a/b/block": bytes.Repeat([]byte("x"), block), "a/b/more": bytes.Repeat([]byte("y"), block+1)}
	large := make([]byte, 300<<10)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range large {
		large[i] = byte(rng.Uint32())
	}
	all["large.sst"] = large
	return all
}

func order(all map[string][]byte) []string {
	return []string{"empty", "a/one", "a/b/block", "a/b/more", "large.sst"}[:len(all)]
}

// packed returns an archive of all the files.
func packed(t testing.TB, all map[string][]byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := NewWriter(&out)
	if err := w.SetInfo(map[string]int{"command": 7}); err != nil {
		t.Fatal(err)
	}
	for _, name := range order(all) {
		if err := w.AddStream(name, int64(len(all[name])), bytes.NewReader(all[name])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestThereAndBack(t *testing.T) {
	all := files()
	text := packed(t, all)
	for name, r := range map[string]io.Reader{"at once": bytes.NewReader(text), "byte by byte": iotest.OneByteReader(bytes.NewReader(text))} {
		dir := filepath.Join(t.TempDir(), "new")
		m, err := Extract(r, dir, nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for file, want := range all {
			got, err := os.ReadFile(filepath.Join(dir, file))
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %s has %d bytes, %v", name, file, len(got), err)
			}
		}
		var info map[string]int
		if err := json.Unmarshal(m.Info, &info); err != nil || info["command"] != 7 {
			t.Errorf("info %s, %v", m.Info, err)
		}
		v, err := Verify(bytes.NewReader(text))
		if err != nil || v.Sum != m.Sum || len(v.Members) != len(all) || v.Bytes != m.Bytes {
			t.Errorf("verified: %+v, %v", v, err)
		}
		kept, err := os.ReadFile(filepath.Join(dir, ManifestName))
		if err != nil || !bytes.Contains(kept, []byte(m.Sum)) || !bytes.Contains(text, kept) {
			t.Errorf("the manifest in the directory: %v", err)
		}
	}
}

// Trees are packed with everything below, in the order of names, and unpack to the same.
func TestTrees(t *testing.T) {
	from := t.TempDir()
	for file, text := range files() {
		if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(from, file)), 0o700), os.WriteFile(filepath.Join(from, file), text, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(from, "nothing"), 0o700); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := NewWriter(&out)
	if err := errors.Join(w.AddTree("store", from), w.AddFile("x", filepath.Join(from, "a/one")), w.Close()); err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	m, err := Extract(&out, to, nil)
	if err != nil || m.Members[0].Name != "store/a/b/block" || m.Members[len(m.Members)-1].Name != "x" {
		t.Fatalf("%+v, %v", m, err)
	}
	for file, want := range files() {
		if got, err := os.ReadFile(filepath.Join(to, "store", file)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %v", file, err)
		}
	}
	if err := os.Symlink("/etc/hosts", filepath.Join(from, "link")); err != nil {
		t.Fatal(err)
	}
	if err := NewWriter(io.Discard).AddTree("", from); err == nil || !strings.Contains(err.Error(), "not a plain file") {
		t.Errorf("a link: %v", err)
	}
}

// Other tar programs can read an archive.
func TestIsTar(t *testing.T) {
	all := files()
	r := stdtar.NewReader(bytes.NewReader(packed(t, all)))
	n := 0
	for {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil || h.Typeflag != stdtar.TypeReg || h.Name != ManifestName && !bytes.Equal(text, all[h.Name]) {
			t.Errorf("%+v: %v", h, err)
		}
		n++
	}
	if n != len(all)+1 {
		t.Errorf("%d members", n)
	}
}

// A size from 8 GiB on is written so that others read it, too.
func TestGreatSizes(t *testing.T) {
	for _, size := range []int64{0, 1, octalSizes - 1, octalSizes, octalSizes + 1, 1<<63 - 1} {
		h := header("n", size)
		if name, got, ok := parseHeader(&h); !ok || name != "n" || got != size {
			t.Errorf("%d: %q, %d, %v", size, name, got, ok)
		}
		th, err := stdtar.NewReader(bytes.NewReader(h[:])).Next()
		if err != nil || th.Size != size {
			t.Errorf("%d: %+v, %v", size, th, err)
		}
	}
}

// refused says that Verify and Extract both refuse an archive, for the reason given, and that nothing is left of it.
func refused(t *testing.T, what string, text []byte, want error) {
	t.Helper()
	if _, err := Verify(bytes.NewReader(text)); !errors.Is(err, want) {
		t.Errorf("%s, verified: %v; want %v", what, err, want)
	}
	dir := filepath.Join(t.TempDir(), "new")
	if _, err := Extract(bytes.NewReader(text), dir, nil); !errors.Is(err, want) {
		t.Errorf("%s, extracted: %v; want %v", what, err, want)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s: something is left: %v", what, err)
	}
}

// Every byte of a small archive counts: flipped in any bit it is an error.
func TestFlippedBytes(t *testing.T) {
	all := files()
	delete(all, "large.sst")
	text := packed(t, all)
	for at := range text {
		bad := bytes.Clone(text)
		bad[at] ^= 1 << (at % 8)
		if _, err := Verify(bytes.NewReader(bad)); err == nil {
			t.Fatalf("byte %d of %d: no error", at, len(text))
		}
	}
	for at := 0; at < len(text); at += 997 {
		bad := bytes.Clone(text)
		bad[at] ^= 0x40
		dir := filepath.Join(t.TempDir(), "new")
		if _, err := Extract(bytes.NewReader(bad), dir, nil); err == nil {
			t.Fatalf("byte %d of %d, extracted: no error", at, len(text))
		}
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("byte %d: something is left: %v", at, err)
		}
	}
}

// An archive that ends too early anywhere is an error that says so; one that does not end, too.
func TestCutOff(t *testing.T) {
	text := packed(t, files())
	for at := 0; at < len(text); at += 1 + at/100 {
		if _, err := Verify(bytes.NewReader(text[:at])); !errors.Is(err, ErrIncomplete) {
			t.Fatalf("cut off at %d of %d: %v", at, len(text), err)
		}
	}
	manifest := bytes.LastIndex(text, []byte(ManifestName+"\x00"))
	refused(t, "without a manifest", text[:manifest], ErrIncomplete)
	refused(t, "without a manifest, and ended", append(bytes.Clone(text[:manifest]), make([]byte, 2*block)...), ErrIncomplete)
	refused(t, "nothing", nil, ErrIncomplete)
	refused(t, "something behind it", append(bytes.Clone(text), 0), ErrDamaged)
	refused(t, "twice", append(bytes.Clone(text), text...), ErrDamaged)
	gone := errors.New("the connection is gone")
	_, err := Verify(io.MultiReader(bytes.NewReader(text[:5000]), iotest.ErrReader(gone)))
	if !errors.Is(err, gone) {
		t.Errorf("a failed read: %v", err)
	}
}

// raw makes an archive that no Writer makes: members as they are given, and a manifest that goes with them.
type raw struct {
	bytes.Buffer
	m Manifest
}

func (x *raw) member(name string, size int64, text string) {
	h := header(name, size)
	x.Write(h[:])
	x.WriteString(text)
	x.Write(make([]byte, padding(int64(len(text)))))
	sum := sha256.Sum256([]byte(text))
	x.m.Members = append(x.m.Members, Member{name, size, hex.EncodeToString(sum[:])})
	x.m.Bytes += size
}

func (x *raw) end(t *testing.T) []byte {
	t.Helper()
	if x.m.Format == "" {
		x.m.Format = Format
	}
	text, err := x.m.encode()
	if err != nil {
		t.Fatal(err)
	}
	x.member(ManifestName, int64(len(text)), string(text))
	x.Write(make([]byte, 2*block))
	return x.Bytes()
}

func TestForgedArchives(t *testing.T) {
	type step struct {
		make func(x *raw)
		want error
	}
	plain := func(names ...string) func(*raw) {
		return func(x *raw) {
			for _, n := range names {
				x.member(n, 1, "x")
			}
		}
	}
	for name, s := range map[string]step{
		"a path upwards":          {plain("../evil"), ErrDamaged},
		"a path upwards inside":   {plain("a/../../evil"), ErrDamaged},
		"an absolute path":        {plain("/tmp/evil"), ErrDamaged},
		"no name":                 {plain(""), ErrDamaged},
		"a directory":             {plain("a/"), ErrDamaged},
		"an empty element":        {plain("a//b"), ErrDamaged},
		"a dot":                   {plain("./a"), ErrDamaged},
		"a backslash":             {plain(`..\evil`), ErrDamaged},
		"a drive":                 {plain("c:evil"), ErrDamaged},
		"a line feed":             {plain("a\nb"), ErrDamaged},
		"one name twice":          {plain("a", "a"), ErrDamaged},
		"a file as a directory":   {plain("a", "a/b"), nil},
		"a directory as a file":   {plain("a/b", "a"), nil},
		"another version":         {func(x *raw) { x.m.Format = "uncross-archive-2" }, ErrVersion},
		"more than it says":       {func(x *raw) { plain("a", "b")(x); x.m.Members = x.m.Members[:1] }, ErrDamaged},
		"less than it says":       {func(x *raw) { plain("a")(x); x.m.Members = append(x.m.Members, Member{"b", 0, ""}) }, ErrDamaged},
		"another's content":       {func(x *raw) { plain("a", "b")(x); x.m.Members[1].Sum = strings.Repeat("0", 64) }, ErrDamaged},
		"another order":           {func(x *raw) { plain("a", "b")(x); m := x.m.Members; m[0], m[1] = m[1], m[0] }, ErrDamaged},
		"another sum of bytes":    {func(x *raw) { plain("a")(x); x.m.Bytes++ }, ErrDamaged},
		"a claim of 2 TiB":        {func(x *raw) { x.member("a", 2<<40, "x") }, nil},
		"a claim of everything":   {func(x *raw) { x.member("a", 1<<63-1, "x") }, nil},
		"claims that add up":      {func(x *raw) { x.member("b", 512, strings.Repeat("y", 512)); x.member("a", 1<<63-1, "x") }, nil},
		"a manifest of 1 GiB":     {func(x *raw) { h := header(ManifestName, 1<<30); x.Write(h[:]) }, ErrDamaged},
		"no archive":              {func(x *raw) { x.WriteString(strings.Repeat("hello", 1000)) }, ErrDamaged},
		"another kind of file":    {func(x *raw) { x.forge("link", 0, stdtar.TypeSymlink) }, ErrDamaged},
		"a device":                {func(x *raw) { x.forge("dev", 0, stdtar.TypeChar) }, ErrDamaged},
		"a sparse file":           {func(x *raw) { x.forge("sparse", 1<<40, stdtar.TypeGNUSparse) }, ErrDamaged},
		"a header of another tar": {func(x *raw) { x.forge("pax", 100, stdtar.TypeXHeader) }, ErrDamaged},
	} {
		var x raw
		s.make(&x)
		text := x.end(t)
		if s.want != nil {
			refused(t, name, text, s.want)
			continue
		}
		dir := filepath.Join(t.TempDir(), "new")
		if _, err := Extract(bytes.NewReader(text), dir, nil); err == nil {
			t.Errorf("%s: extracted", name)
		}
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: something is left: %v", name, err)
		}
	}
}

// forge writes a header that has a right checksum and is of another kind.
func (x *raw) forge(name string, size int64, kind byte) {
	h := header(name, size)
	h[156] = kind
	sum := 8 * int(' ')
	for i, c := range h {
		if i < checksumAt || i >= checksumAt+8 {
			sum += int(c)
		}
	}
	copy(h[checksumAt:], fmt.Sprintf("%06o\x00 ", sum))
	x.Write(h[:])
}

func TestLimits(t *testing.T) {
	text := packed(t, files())
	for name, o := range map[string]Limits{
		"bytes":   {Bytes: 300 << 10},
		"members": {Members: 4},
		"names":   {Accept: func(name string) bool { return name != "large.sst" }},
	} {
		dir := t.TempDir()
		if _, err := Extract(bytes.NewReader(text), dir, &o); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%s: %v is left, %v", name, left, err)
		}
	}
	m, err := Verify(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Extract(bytes.NewReader(text), t.TempDir(), &Limits{Bytes: m.Bytes, Members: len(m.Members)}); err != nil {
		t.Errorf("exactly the limits: %v", err)
	}
}

func TestDirectoryMustBeEmpty(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "mine"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Extract(bytes.NewReader(packed(t, files())), dir, nil); err == nil || !strings.Contains(err.Error(), "mine") {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "mine")); err != nil {
		t.Error(err)
	}
}

func TestWriterRefuses(t *testing.T) {
	for name, add := range map[string]func(w *Writer) error{
		"a path":     func(w *Writer) error { return w.AddStream("../a", 0, strings.NewReader("")) },
		"a long one": func(w *Writer) error { return w.AddStream(strings.Repeat("a", MaxName+1), 0, strings.NewReader("")) },
		"manifest":   func(w *Writer) error { return w.AddStream(ManifestName, 0, strings.NewReader("")) },
		"twice": func(w *Writer) error {
			return errors.Join(w.AddStream("a", 0, strings.NewReader("")), w.AddStream("a", 0, strings.NewReader("")))
		},
		"too short": func(w *Writer) error { return w.AddStream("a", 5, strings.NewReader("four")) },
		"too long":  func(w *Writer) error { return w.AddStream("a", 3, strings.NewReader("four")) },
		"negative":  func(w *Writer) error { return w.AddStream("a", -1, strings.NewReader("")) },
		"no file":   func(w *Writer) error { return w.AddFile("a", filepath.Join(t.TempDir(), "missing")) },
		"no tree":   func(w *Writer) error { return w.AddTree("a", filepath.Join(t.TempDir(), "missing")) },
		"info":      func(w *Writer) error { return w.SetInfo(func() {}) },
	} {
		w := NewWriter(io.Discard)
		err := add(w)
		if err == nil || w.Close() == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	w := NewWriter(io.Discard)
	if err := w.Close(); err != nil || w.Close() == nil || w.AddStream("a", 0, strings.NewReader("")) == nil {
		t.Errorf("closed: %v", err)
	}
	full := errors.New("the disk is full")
	if w := NewWriter(failing{full}); !errors.Is(w.AddStream("a", 0, strings.NewReader("")), full) || !errors.Is(w.Close(), full) {
		t.Error("a failed write")
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// FuzzVerify: whatever comes, Verify neither panics nor takes what is not exactly what a Writer writes.
func FuzzVerify(f *testing.F) {
	small := files()
	delete(small, "large.sst")
	f.Add(packed(f, small))
	f.Add(packed(f, nil))
	f.Add([]byte("hello"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := Verify(bytes.NewReader(text))
		if err != nil {
			return
		}
		r := stdtar.NewReader(bytes.NewReader(text))
		var out bytes.Buffer
		w := NewWriter(&out)
		w.m.Info = m.Info
		for range m.Members {
			h, err := r.Next()
			if err != nil {
				t.Fatal(err)
			}
			if err := w.AddStream(h.Name, h.Size, r); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil || !bytes.Equal(out.Bytes(), text) {
			t.Fatalf("taken, and not what is written: %v", err)
		}
	})
}
