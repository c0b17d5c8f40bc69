package wal

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Set stores a stable value durably. The value is copied.
func (s *Store) Set(key, val []byte) error {
	if len(key) == 0 || len(key) > MaxStableKey || len(val) > MaxStableValue {
		return fmt.Errorf("wal: stable value %q: key of %d bytes (limit %d), value of %d bytes (limit %d)",
			key, len(key), MaxStableKey, len(val), MaxStableValue)
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.writable(); err != nil {
		return err
	}
	old, known := s.stable[string(key)]
	if !known && len(s.stable) >= MaxStableKeys {
		return fmt.Errorf("wal: no more than %d stable values are kept", MaxStableKeys)
	}
	next := s.st
	next.seq++
	if known {
		next.stable -= stableHash(string(key), old)
	}
	next.stable += stableHash(string(key), val)
	k := stableKey(key)
	b := s.db.NewBatch()
	if err := b.Set(k, encodeStable(k, val), nil); err != nil {
		return err
	}
	return s.commit(b, &next, func() { s.stable[string(key)] = append([]byte{}, val...) })
}

// Get returns a copy of the stable value, nil if it was never set.
func (s *Store) Get(key []byte) ([]byte, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return bytes.Clone(s.stable[string(key)]), s.usable()
}

// SetUint64 stores an integer as a stable value of 8 bytes, big-endian.
func (s *Store) SetUint64(key []byte, val uint64) error {
	return s.Set(key, binary.BigEndian.AppendUint64(nil, val))
}

// GetUint64 returns what SetUint64 stored, 0 if it was never set.
func (s *Store) GetUint64(key []byte) (uint64, error) {
	b, err := s.Get(key)
	switch {
	case err != nil || b == nil:
		return 0, err
	case len(b) != 8:
		return 0, fmt.Errorf("wal: the stable value %q has %d bytes, it is no integer", key, len(b))
	}
	return binary.BigEndian.Uint64(b), nil
}
