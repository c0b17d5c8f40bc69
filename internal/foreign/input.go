package foreign

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
)

// MaxLine bounds a line of a text file in bytes: 1,000 levels a side fit.
const MaxLine = 1 << 17

const inputBuffer = 1 << 16

// open opens a file, plain or gzip: what is in it decides, not its name.
func open(path string) (*bufio.Reader, io.Closer, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	r, err := unpack(f)
	if err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, f, nil
}

var (
	gzipMagic = []byte{0x1f, 0x8b}
	zipMagic  = []byte("PK\x03\x04")
)

// errDamaged is the error of a file that ends early or is not what was written: "the file is …".
var errDamaged = errors.New("cut off or damaged")

// badGzip names an error of unpacking.
func badGzip(err error) error { return fmt.Errorf("the gzip file is %w: %v", errDamaged, err) }

// errNoFeed is the error of a file that is none of the feed, or has nothing of what was asked for.
var errNoFeed = errors.New("nothing to replay")

// errZip is the error of an archive, which may have many files in it.
var errZip = errors.New("a zip archive, which is not read; unpack it first")

// packed names the errors of unpacking. An early end must not look like one of the feed's own: that one is io.ErrUnexpectedEOF
// as well where a message is read.
type packed struct{ io.Reader }

func (p packed) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	if err != nil && err != io.EOF {
		err = badGzip(err)
	}
	return n, err
}

func unpack(f io.Reader) (*bufio.Reader, error) {
	r := bufio.NewReaderSize(f, inputBuffer)
	switch magic, _ := r.Peek(len(zipMagic)); {
	case bytes.Equal(magic, zipMagic):
		return nil, errZip
	case !bytes.HasPrefix(magic, gzipMagic):
		return r, nil
	}
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, badGzip(err)
	}
	return bufio.NewReaderSize(packed{z}, inputBuffer), nil
}

// lines reads a text file line by line and splits each at its commas. There is no quoting in these files.
type lines struct {
	name   string
	r      *bufio.Reader
	close  io.Closer
	n      int      // of the line at hand, from 1
	text   []byte   // the line at hand, valid until the next one
	fields [][]byte // of text
	before []byte   // the line before, for repeats
}

func openLines(path string) (*lines, error) {
	r, c, err := open(path)
	if err != nil {
		return nil, err
	}
	return &lines{name: path, r: r, close: c}, nil
}

// next moves to the next line. It returns io.EOF behind the last one; any other error ends the file as well and names the
// line. A line that is too long is handed out cut, with long set.
func (l *lines) next() (long bool, err error) {
	l.text = l.text[:0]
	for {
		part, err := l.r.ReadSlice('\n')
		if room := MaxLine - len(l.text); len(part) > room {
			part, long = part[:room], true
		}
		l.text = append(l.text, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err == io.EOF && len(l.text) == 0:
			return false, io.EOF
		case err != nil && err != io.EOF:
			return false, fmt.Errorf("%s line %d: %w", l.name, l.n+1, err)
		}
		l.n++
		l.text = bytes.TrimRight(l.text, "\r\n")
		l.split()
		return long, nil
	}
}

func (l *lines) split() {
	l.fields = l.fields[:0]
	rest := l.text
	for {
		i := bytes.IndexByte(rest, ',')
		if i < 0 {
			l.fields = append(l.fields, rest)
			return
		}
		l.fields = append(l.fields, rest[:i])
		rest = rest[i+1:]
	}
}

// repeats reports whether the line at hand is the one before it once more, byte for byte. It is to be asked of every line.
func (l *lines) repeats() bool {
	same := len(l.before) > 0 && bytes.Equal(l.before, l.text)
	l.before = append(l.before[:0], l.text...)
	return same
}

// short returns the line at hand for a message.
func (l *lines) short() []byte { return l.text[:min(len(l.text), 100)] }

// where names the line at hand.
func (l *lines) where() string { return fmt.Sprintf("%s line %d", l.name, l.n) }

// integer reads a whole number, which may be negative.
func integer(b []byte) (int64, bool) {
	if len(b) == 0 || b[0] == '+' {
		return 0, false
	}
	n, err := strconv.ParseInt(string(b), 10, 64)
	return n, err == nil
}

// fixed reads a decimal and returns it in units of 10^-decimals; false where it is none, has more decimals than that which
// are not 0, or does not fit.
func fixed(b []byte, decimals int) (int64, bool) {
	negative := len(b) > 0 && b[0] == '-'
	if negative {
		b = b[1:]
	}
	whole, part, _ := bytes.Cut(b, []byte{'.'})
	if len(whole) == 0 && len(part) == 0 || len(whole) > 19 {
		return 0, false
	}
	n := uint64(0)
	add := func(c byte) bool {
		if c < '0' || c > '9' || n > (1<<63-1)/10 {
			return false
		}
		n = n*10 + uint64(c-'0')
		return n <= 1<<63-1
	}
	for _, c := range whole {
		if !add(c) {
			return 0, false
		}
	}
	for i := range max(decimals, len(part)) {
		c := byte('0')
		if i < len(part) {
			c = part[i]
		}
		if i >= decimals && c != '0' || i < decimals && !add(c) {
			return 0, false
		}
	}
	if negative {
		return -int64(n), true
	}
	return int64(n), true
}

// seconds reads seconds and returns nanoseconds. Decimals behind the ninth, which are there where a file's writer went through
// a floating-point number, are cut off.
func seconds(b []byte) (int64, bool) {
	if i := bytes.IndexByte(b, '.'); i >= 0 && len(b) > i+10 {
		for _, c := range b[i+10:] {
			if c < '0' || c > '9' {
				return 0, false
			}
		}
		b = b[:i+10]
	}
	return fixed(b, 9)
}
