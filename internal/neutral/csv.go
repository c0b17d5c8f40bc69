package neutral

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// maxLine bounds a line in bytes; a snapshot of twenty levels has less than a quarter of it.
const maxLine = 4096

// table reads one CSV file line by line. The form has no quoting: a comma always separates.
type table struct {
	name   string
	file   io.Closer
	scan   *bufio.Scanner
	line   int
	text   string // the line at hand
	fields []string
	width  int
}

// openTable opens base+".csv" or base+".csv.gz" (the plain one where both are there) and checks its header.
// It returns an error that is fs.ErrNotExist when there is neither.
func openTable(base string, header string) (*table, error) {
	f, err := os.Open(base + ".csv")
	if errors.Is(err, fs.ErrNotExist) {
		f, err = os.Open(base + ".csv.gz")
	}
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("neither %s.csv nor %s.csv.gz: %w", base, base, fs.ErrNotExist)
		}
		return nil, err
	}
	var r io.Reader = f
	if strings.HasSuffix(f.Name(), ".gz") {
		z, err := gzip.NewReader(bufio.NewReader(f))
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("%s: %w", f.Name(), err)
		}
		r = z
	}
	t, err := readTable(f.Name(), r, header)
	if err != nil {
		f.Close()
		return nil, err
	}
	t.file = f
	return t, nil
}

// readTable begins to read a table and checks its header.
func readTable(name string, r io.Reader, header string) (*table, error) {
	t := &table{name: name, scan: bufio.NewScanner(r)}
	t.scan.Buffer(make([]byte, 0, maxLine), maxLine)
	if err := t.header(header); err != nil {
		return nil, err
	}
	return t, nil
}

func (t *table) header(want string) error {
	t.width = strings.Count(want, ",") + 1
	if !t.next() {
		if err := t.readError(); err != nil {
			return t.errorf("%w", err)
		}
		return t.errorf("empty file; expected the header %q", want)
	}
	if t.text != want {
		return t.errorf("header is %q, expected %q", t.text, want)
	}
	return nil
}

// next moves to the next line and splits it. It returns false at the end and on a read error; see err.
func (t *table) next() bool {
	if !t.scan.Scan() {
		t.line++
		return false
	}
	t.line++
	t.text = strings.TrimSuffix(t.scan.Text(), "\r")
	t.fields = t.fields[:0]
	for field := range strings.SplitSeq(t.text, ",") {
		t.fields = append(t.fields, field)
	}
	return true
}

// readError returns why the last line could not be read, nil at the end of the file.
func (t *table) readError() error {
	if err := t.scan.Err(); !errors.Is(err, bufio.ErrTooLong) {
		return err
	}
	return fmt.Errorf("a line of more than %d bytes", maxLine)
}

// row moves to the next line and checks its width. It returns io.EOF at the end.
func (t *table) row() error {
	if !t.next() {
		if err := t.readError(); err != nil {
			return t.errorf("%w", err)
		}
		return io.EOF
	}
	if len(t.fields) != t.width {
		return t.errorf("%d columns, expected %d", len(t.fields), t.width)
	}
	return nil
}

func (t *table) close() { t.file.Close() }

func (t *table) errorf(format string, args ...any) error {
	return fmt.Errorf("%s line %d: "+format, append([]any{t.name, t.line}, args...)...)
}

// whole reads column i as a number from 0 up.
func (t *table) whole(i int, name string) (int64, error) {
	s := t.fields[i]
	if s == "" {
		return 0, t.errorf("%s is empty", name)
	}
	if s[0] == '+' || s[0] == '-' {
		return 0, t.errorf("%s is %q, not a whole number from 0 up", name, s)
	}
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, t.errorf("%s is %q, not a whole number from 0 up within 63 bits", name, s)
	}
	return v, nil
}

// positive is whole without zero.
func (t *table) positive(i int, name string) (int64, error) {
	v, err := t.whole(i, name)
	if err == nil && v == 0 {
		return 0, t.errorf("%s is 0", name)
	}
	return v, err
}

// empty refuses text in columns that have no meaning here.
func (t *table) empty(cols ...int) error {
	for _, i := range cols {
		if t.fields[i] != "" {
			return t.errorf("column %d is %q where it has no meaning", i+1, t.fields[i])
		}
	}
	return nil
}
