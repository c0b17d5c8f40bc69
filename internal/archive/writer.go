package archive

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// Writer writes an archive. After an error it writes no more, and Close returns the error.
type Writer struct {
	w     io.Writer
	m     Manifest
	names map[string]struct{}
	err   error
	buf   []byte
}

// NewWriter begins an archive. Every write to w is of up to 256 KiB.
func NewWriter(w io.Writer) *Writer {
	return &Writer{w: w, m: Manifest{Format: Format}, names: map[string]struct{}{}, buf: make([]byte, 256<<10)}
}

// SetInfo sets what the manifest says beside the members, as JSON.
func (w *Writer) SetInfo(info any) error {
	text, err := json.Marshal(info)
	if err != nil {
		return w.fail(fmt.Errorf("archive: info: %w", err))
	}
	w.m.Info = text
	return nil
}

func (w *Writer) fail(err error) error {
	if w.err == nil {
		w.err = err
	}
	return err
}

// AddFile adds a file as it is now: where it grows meanwhile, what is new is left out.
func (w *Writer) AddFile(name, file string) error {
	st, err := os.Lstat(file)
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a plain file", file)
	}
	if err != nil {
		return w.fail(fmt.Errorf("archive: %w", err))
	}
	f, err := os.Open(file)
	if err != nil {
		return w.fail(fmt.Errorf("archive: %w", err))
	}
	defer f.Close()
	return w.AddStream(name, st.Size(), io.LimitReader(f, st.Size()))
}

// AddTree adds the files of a directory and of those below it, with names that begin with prefix and a '/'; "" is no prefix.
// Empty directories are left out. Anything that is neither a directory nor a plain file is an error.
func (w *Writer) AddTree(prefix, dir string) error {
	return filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return w.fail(fmt.Errorf("archive: %w", err))
		}
		if d.IsDir() {
			return nil
		}
		rel, err := filepath.Rel(dir, file)
		if err != nil {
			return w.fail(fmt.Errorf("archive: %w", err))
		}
		return w.AddFile(path.Join(prefix, filepath.ToSlash(rel)), file)
	})
}

// AddStream adds a member of a size that is known beforehand; r must have exactly that many bytes.
func (w *Writer) AddStream(name string, size int64, r io.Reader) error {
	if w.err != nil {
		return w.err
	}
	if err := w.admit(name, size); err != nil {
		return w.fail(fmt.Errorf("archive: member %q: %w", name, err))
	}
	sum, err := w.member(name, size, r)
	if err != nil {
		return w.fail(fmt.Errorf("archive: member %q: %w", name, err))
	}
	w.names[name] = struct{}{}
	w.m.Members = append(w.m.Members, Member{name, size, sum})
	w.m.Bytes += size
	return nil
}

func (w *Writer) admit(name string, size int64) error {
	if err := checkName(name); err != nil {
		return err
	}
	switch _, twice := w.names[name]; {
	case twice:
		return errors.New("there is one of this name already")
	case name == ManifestName:
		return errors.New("the name is the manifest's")
	case size < 0:
		return fmt.Errorf("a size of %d bytes", size)
	case len(w.m.Members) == MaxMembers:
		return fmt.Errorf("an archive has %d members at most", MaxMembers)
	}
	return nil
}

// member writes a header, the content and the padding.
func (w *Writer) member(name string, size int64, r io.Reader) (string, error) {
	h := header(name, size)
	if _, err := w.w.Write(h[:]); err != nil {
		return "", err
	}
	sum := sha256.New()
	n, err := io.CopyBuffer(struct{ io.Writer }{io.MultiWriter(w.w, sum)}, struct{ io.Reader }{io.LimitReader(r, size)}, w.buf)
	if err != nil {
		return "", err
	}
	if n != size {
		return "", fmt.Errorf("it has %d bytes, and %d were announced", n, size)
	}
	if more, err := io.ReadFull(r, make([]byte, 1)); more > 0 || err != nil && err != io.EOF {
		return "", errors.Join(fmt.Errorf("it has more than the %d bytes that were announced", size), err)
	}
	var zeros [block]byte
	_, err = w.w.Write(zeros[:padding(size)])
	return hex.EncodeToString(sum.Sum(nil)), err
}

// Close writes the manifest and the archive's end. It does not close what the archive is written to.
func (w *Writer) Close() error {
	if w.err != nil {
		return w.err
	}
	w.err = errors.New("archive: the writer is closed")
	text, err := w.m.encode()
	if err == nil && len(text) > MaxManifest {
		err = fmt.Errorf("a manifest of %d bytes, %d are the limit", len(text), MaxManifest)
	}
	if err == nil {
		h := header(ManifestName, int64(len(text)))
		end := make([]byte, padding(int64(len(text)))+2*block)
		_, err = w.w.Write(append(append(h[:], text...), end...))
	}
	if err != nil {
		w.err = fmt.Errorf("archive: manifest: %w", err)
		return w.err
	}
	return nil
}
