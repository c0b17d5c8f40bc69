package outbox

import "github.com/cockroachdb/pebble/v2"

// Checkpoint makes a copy of the store in dir, which must be missing, while the store goes on, and returns the last whole
// command in it: at least the one that was durable at the call, or stored and applied. The copy is on disk, and opens like
// the store itself. With an error nothing is left; a directory without the file FORMAT is what a crash has left of a copy. It
// may be called by any goroutine; Close waits for it.
func (s *Store) Checkpoint(dir string) (position uint64, err error) {
	return s.base.Checkpoint(dir, func(r pebble.Reader) (uint64, error) {
		v, ok, err := get(r, metaPosition)
		if err != nil || !ok {
			return 0, err
		}
		pos, err := parsePosition(v)
		return pos.whole(), err
	})
}
