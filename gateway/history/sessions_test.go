package history

import (
	"bytes"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"uncross/engine/wire"
	"uncross/gateway/storage/storagetest"
	"uncross/gateway/view/venuetest"
)

// TestSessions: messages of sessions leave nothing but the position behind them, a session's definition is stored without
// its password, and a refused order is stored as it came.
func TestSessions(t *testing.T) {
	fs := vfs.NewMem()
	s := open(t, fs)
	r := newRun(1, venuetest.New(1).Setup())
	s.feed(t, r.es, 1)
	before := storagetest.Dump(t, s.db)
	setUp := s.Position()

	apply := func(key wire.KeyID, b interface{ Put(*wire.Command) }) {
		var c wire.Command
		b.Put(&c)
		c.Key = key
		from := len(r.es)
		r.es = r.e.Apply(&c, r.es)
		s.feed(t, r.es[from:], 1)
	}
	for range 3 {
		apply(3, &wire.SessionMessage{Session: 1, Kind: wire.RefusedNewOrder, Reason: wire.InvalidSide})
	}
	after := storagetest.Dump(t, s.db)
	delete(before, string(metaPosition))
	delete(after, string(metaPosition))
	if s.Position() != setUp+3 || len(after) != len(before) {
		t.Errorf("position %d, want %d; %d records, want %d", s.Position(), setUp+3, len(after), len(before))
	}
	closeStore(t, s)
	s = open(t, fs)
	defer func() { closeStore(t, s) }()
	if s.Position() != setUp+3 {
		t.Fatalf("position %d after a restart, want %d", s.Position(), setUp+3)
	}

	secret := wire.Password{Scheme: 1, Hash: [32]byte([]byte("a hash that must not be found..."))}
	apply(wire.OperatorKey, &wire.SetSession{Session: 1, Fields: wire.SetSessionPassword, Password: secret})
	apply(3, &wire.CancelOrder{Account: 2, Target: wire.OrderRef{Order: 99}, ClientID: wire.MustText("c1")})
	for seq, want := range map[uint64]wire.EventKind{setUp + 4: wire.EvSession, setUp + 5: wire.EvOrderRejected} {
		es, err := s.Events(seq, 10)
		if err != nil || len(es) != 1 || es[0].Kind != want {
			t.Errorf("command %d: %v, %v", seq, es, err)
		}
	}
	for _, v := range storagetest.Dump(t, s.db) {
		if bytes.Contains([]byte(v), secret.Hash[:]) {
			t.Error("a password's hash is in the history")
		}
	}
}
