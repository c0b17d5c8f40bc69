package history

import (
	"fmt"

	"uncross/engine/wire"
)

// Behind counts what AccountEvents would still give behind an event, an account's trade with itself as two, but not beyond
// most. It looks at keys alone.
func (s *Store) Behind(acc wire.AccountID, after EventID, most int) (n int, err error) {
	snap, done, err := s.snapshot()
	if err != nil {
		return 0, err
	}
	defer done()
	l, err := listAccount(snap, acc, after.Seq, 0)
	if err != nil {
		return 0, fmt.Errorf("history: read: %w", err)
	}
	defer l.Close()
	from := append(newKey(tagAccount).account(acc).event(after.Seq, after.Ord), 0xff)
	for ok := l.start(from, true); ok && n < most; ok = l.step(true) {
		n++
	}
	return n, l.err()
}
