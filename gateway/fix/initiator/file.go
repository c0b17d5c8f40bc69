package initiator

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
)

// fileName is the store's one file in its folder. It is only ever appended to:
//
//	0 crc32c of what follows u32 │ 4 bytes after the header u32 │ 8 kind u8 │ 9 number or next number u64 │ 17 time i64 │ 25 body …
//
// A record that is not whole ends the file: the process was killed while it wrote it.
const fileName = "session.log"

const recordHeader = 25

// maxRecord bounds what is believed of a record's length.
const maxRecord = 16 << 20

// Kinds of records.
const (
	recordMessage  = 1 // an application message of ours
	recordLocal    = 2 // a message about the session itself
	recordReceived = 3 // the next number that is expected
	recordNumbers  = 4 // number: our next one; older messages are not kept
)

var crcTable = crc32.MakeTable(crc32.Castagnoli)

// File is a store that survives a kill of the process, though not a loss of power: nothing is synced. What is kept is in
// memory too.
type File struct {
	Memory
	path string
	file *os.File
	out  *bufio.Writer
	head [recordHeader]byte
	seen uint64 // nextIn of the latest record
}

// OpenFile opens the store in a folder, which is made where it is missing. retain is as for NewMemory.
func OpenFile(dir string, retain int) (*File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("initiator: %w", err)
	}
	s := &File{Memory: *NewMemory(retain), path: filepath.Join(dir, fileName)}
	if err := s.load(); err != nil {
		return nil, fmt.Errorf("initiator: %s: %w", s.path, err)
	}
	if err := s.rewrite(); err != nil {
		return nil, fmt.Errorf("initiator: %s: %w", s.path, err)
	}
	return s, nil
}

// load reads the file up to the first record that is not whole.
func (s *File) load() error {
	f, err := os.Open(s.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 1<<18)
	var body []byte
	for {
		if _, err := io.ReadFull(in, s.head[:]); err != nil {
			return torn(err)
		}
		n := binary.LittleEndian.Uint32(s.head[4:])
		if n > maxRecord {
			return nil
		}
		if cap(body) < int(n) {
			body = make([]byte, n)
		}
		body = body[:n]
		if _, err := io.ReadFull(in, body); err != nil {
			return torn(err)
		}
		if binary.LittleEndian.Uint32(s.head[:]) != s.sum(body) {
			return nil
		}
		if err := s.take(s.head[8], binary.LittleEndian.Uint64(s.head[9:]), int64(binary.LittleEndian.Uint64(s.head[17:])), body); err != nil {
			return err
		}
	}
}

// torn returns nil where a file ends, also within a record.
func torn(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return nil
	}
	return err
}

// sum is the checksum of the record whose header is at hand.
func (s *File) sum(body []byte) uint32 {
	return crc32.Update(crc32.Checksum(s.head[4:], crcTable), crcTable, body)
}

// take brings what is kept in memory up to a record.
func (s *File) take(kind byte, n uint64, timeNs int64, body []byte) error {
	switch kind {
	case recordMessage, recordLocal:
		if _, next := s.Numbers(); n != next {
			return fmt.Errorf("number %d after %d", n, next-1)
		}
		return s.Memory.Append(timeNs, kind == recordLocal, body)
	case recordReceived:
		return s.Memory.Received(n)
	case recordNumbers:
		in := s.nextIn
		s.Memory = *NewMemory(s.retain)
		s.nextIn, s.first = in, n
		return nil
	}
	return fmt.Errorf("a record of kind %d", kind)
}

// rewrite writes a new file with what is kept alone, in place of the old one.
func (s *File) rewrite() error {
	f, err := os.CreateTemp(filepath.Dir(s.path), fileName+".*")
	if err != nil {
		return err
	}
	if s.file != nil {
		s.file.Close()
	}
	s.file, s.out = f, bufio.NewWriterSize(f, 1<<16)
	err = errors.Join(s.record(recordNumbers, s.first, 0, nil), s.record(recordReceived, s.nextIn, 0, nil))
	var e [1]Entry
	for from := s.first; err == nil && s.Memory.Read(from, e[:]) == 1; from++ {
		err = s.message(&e[0])
	}
	s.seen = s.nextIn
	if err = errors.Join(err, s.out.Flush()); err == nil {
		err = os.Rename(f.Name(), s.path)
	}
	if err != nil {
		return errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	return nil
}

func (s *File) message(e *Entry) error {
	kind := byte(recordMessage)
	if e.Local {
		kind = recordLocal
	}
	return s.record(kind, e.Seq, e.TimeNs, e.Body)
}

func (s *File) record(kind byte, n uint64, timeNs int64, body []byte) error {
	binary.LittleEndian.PutUint32(s.head[4:], uint32(len(body)))
	s.head[8] = kind
	binary.LittleEndian.PutUint64(s.head[9:], n)
	binary.LittleEndian.PutUint64(s.head[17:], uint64(timeNs))
	binary.LittleEndian.PutUint32(s.head[:], s.sum(body))
	if _, err := s.out.Write(s.head[:]); err != nil {
		return err
	}
	_, err := s.out.Write(body)
	return err
}

// Append implements Store.
func (s *File) Append(timeNs int64, local bool, body []byte) error {
	_, seq := s.Numbers()
	if err := s.message(&Entry{Seq: seq, TimeNs: timeNs, Local: local, Body: body}); err != nil {
		return err
	}
	return s.Memory.Append(timeNs, local, body)
}

// Flush implements Store.
func (s *File) Flush() error {
	if s.seen != s.nextIn {
		s.seen = s.nextIn
		if err := s.record(recordReceived, s.nextIn, 0, nil); err != nil {
			return err
		}
	}
	return s.out.Flush()
}

// Reset implements Store.
func (s *File) Reset() error {
	s.Memory = *NewMemory(s.retain)
	return s.rewrite()
}

// Close implements Store.
func (s *File) Close() error { return errors.Join(s.Flush(), s.file.Close()) }
