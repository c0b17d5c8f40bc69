package archive

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
)

// Limits of what a reader takes. The zero value takes anything up to the defaults.
type Limits struct {
	Bytes   int64 // of all members together; 0: DefaultBytes
	Members int   // 0: MaxMembers
	// Accept says whether a member may be in the archive; nil: any. One that may not makes the whole archive refused.
	Accept func(name string) bool
}

// Verify reads an archive to its end and returns its manifest when every byte is as it was written. The error says what is
// wrong; see the errors of the package.
func Verify(r io.Reader) (Manifest, error) {
	return read(r, Limits{Bytes: 1<<63 - 1}, func(string, int64) (io.WriteCloser, error) { return discard{}, nil })
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) Close() error                { return nil }

// reading is an archive that is being read.
type reading struct {
	r       io.Reader
	o       Limits
	members []Member
	names   map[string]struct{}
	bytes   int64
	buf     []byte
}

// read reads an archive, and gives each member to the writer that create returns for it.
func read(r io.Reader, o Limits, create func(name string, size int64) (io.WriteCloser, error)) (Manifest, error) {
	if o.Bytes == 0 {
		o.Bytes = DefaultBytes
	}
	if o.Members == 0 {
		o.Members = MaxMembers
	}
	x := &reading{r: r, o: o, names: map[string]struct{}{}, buf: make([]byte, 256<<10)}
	m, err := x.archive(create)
	if err != nil {
		return Manifest{}, fmt.Errorf("archive: %w", err)
	}
	return m, nil
}

func (x *reading) archive(create func(string, int64) (io.WriteCloser, error)) (Manifest, error) {
	for {
		name, size, err := x.header()
		if err != nil {
			return Manifest{}, err
		}
		if name == ManifestName {
			return x.manifest(size)
		}
		if err := x.admit(name, size); err != nil {
			return Manifest{}, err
		}
		if err := x.member(name, size, create); err != nil {
			return Manifest{}, err
		}
	}
}

// header reads the next member's.
func (x *reading) header() (string, int64, error) {
	var b [block]byte
	if err := x.full(b[:], "the header of a member"); err != nil {
		return "", 0, err
	}
	name, size, ok := parseHeader(&b)
	switch {
	case ok:
		return name, size, nil
	case b == [block]byte{}:
		return "", 0, fmt.Errorf("%w: it ends after %d members without its manifest", ErrIncomplete, len(x.members))
	case len(x.members) == 0:
		return "", 0, fmt.Errorf("%w: it does not begin as an archive of this program", ErrDamaged)
	}
	return "", 0, fmt.Errorf("%w: the header behind member %q cannot be read", ErrDamaged, x.members[len(x.members)-1].Name)
}

// admit refuses a member before anything is made of it.
func (x *reading) admit(name string, size int64) error {
	if err := checkName(name); err != nil {
		return fmt.Errorf("%w: member %d has %w", ErrDamaged, len(x.members)+1, err)
	}
	switch _, twice := x.names[name]; {
	case twice:
		return fmt.Errorf("%w: member %q is there twice", ErrDamaged, name)
	case len(x.members) >= x.o.Members:
		return fmt.Errorf("%w: it has more than %d members", ErrRefused, x.o.Members)
	case size > x.o.Bytes-x.bytes:
		return fmt.Errorf("%w: member %q claims %d bytes: more than %d are not taken altogether", ErrRefused, name, size, x.o.Bytes)
	case x.o.Accept != nil && !x.o.Accept(name):
		return fmt.Errorf("%w: member %q is not expected in it", ErrRefused, name)
	}
	x.names[name] = struct{}{}
	x.bytes += size
	return nil
}

func (x *reading) member(name string, size int64, create func(string, int64) (io.WriteCloser, error)) error {
	to, err := create(name, size)
	if err != nil {
		return err
	}
	sum := sha256.New()
	n, err := io.CopyBuffer(struct{ io.Writer }{io.MultiWriter(to, sum)}, struct{ io.Reader }{io.LimitReader(x.r, size)}, x.buf)
	if err = errors.Join(err, to.Close()); err != nil {
		return fmt.Errorf("member %q: %w", name, err)
	}
	if n < size {
		return fmt.Errorf("%w: it ends at byte %d of %d of member %q", ErrIncomplete, n, size, name)
	}
	x.members = append(x.members, Member{name, size, hex.EncodeToString(sum.Sum(nil))})
	return x.zeros(padding(size), fmt.Sprintf("the padding of member %q", name))
}

// manifest reads the last member and what must follow it: the archive's end, and then nothing.
func (x *reading) manifest(size int64) (Manifest, error) {
	if size > MaxManifest {
		return Manifest{}, fmt.Errorf("%w: a manifest of %d bytes, %d are the limit", ErrDamaged, size, MaxManifest)
	}
	text := make([]byte, size)
	if err := x.full(text, "the manifest"); err != nil {
		return Manifest{}, err
	}
	m, err := parseManifest(text, x.members)
	if err != nil {
		return m, err
	}
	if err := x.zeros(padding(size)+2*block, "the end"); err != nil {
		return m, err
	}
	var more [1]byte
	switch _, err := io.ReadFull(x.r, more[:]); {
	case err == nil:
		return m, fmt.Errorf("%w: there is something behind its end", ErrDamaged)
	case !errors.Is(err, io.EOF):
		return m, err
	}
	return m, nil
}

// zeros reads n bytes that must be zero.
func (x *reading) zeros(n int64, what string) error {
	b := x.buf[:n]
	if err := x.full(b, what); err != nil {
		return err
	}
	for _, c := range b {
		if c != 0 {
			return fmt.Errorf("%w: %s has been changed", ErrDamaged, what)
		}
	}
	return nil
}

func (x *reading) full(b []byte, what string) error {
	_, err := io.ReadFull(x.r, b)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it ends in %s, after %d members", ErrIncomplete, what, len(x.members))
	}
	return err
}
