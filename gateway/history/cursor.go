package history

import (
	"bytes"
	"encoding/base64"
)

// A cursor is the key of the last item that was looked at, with the direction in front, in base64:
//
//	0 version u8 │ 1 direction u8 │ 2 key
//
// It stays good for as long as the store is: keys never move.
const cursorVersion = 1

const (
	newestFirst = 0
	oldestFirst = 1
)

func direction(oldest bool) byte {
	if oldest {
		return oldestFirst
	}
	return newestFirst
}

func encodeCursor(k []byte, oldest bool) string {
	return base64.RawURLEncoding.EncodeToString(append([]byte{cursorVersion, direction(oldest)}, k...))
}

// decodeCursor returns the key of a cursor of the list whose keys begin with prefix and have the given length.
func decodeCursor(s string, prefix []byte, length int, oldest bool) ([]byte, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != 2+length || b[0] != cursorVersion || b[1] != direction(oldest) || !bytes.HasPrefix(b[2:], prefix) {
		return nil, ErrCursor
	}
	return b[2:], nil
}
