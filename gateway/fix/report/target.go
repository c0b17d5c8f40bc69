package report

import (
	"encoding/binary"

	"uncross/engine/wire"
)

// Where SessionMessage.Symbol of a refused cancel or replace has what: first a zero byte, which no symbol begins with.
const (
	targetOrder   = 1
	targetAccount = targetOrder + 8
)

// PutTarget notes in a refused cancel or replace which order it names, besides by its client id: the account that it is
// for (0: none that is known) and the order's number (0: none). How the order stands is looked up when the refusal has its
// place in the log.
func PutTarget(m *wire.SessionMessage, acc wire.AccountID, id wire.OrderID) {
	m.Symbol = [len(m.Symbol)]byte{}
	binary.LittleEndian.PutUint64(m.Symbol[targetOrder:], uint64(id))
	binary.LittleEndian.PutUint32(m.Symbol[targetAccount:], uint32(acc))
}

// Target returns what PutTarget has noted, zeros where nothing was.
func Target(m *wire.SessionMessage) (acc wire.AccountID, id wire.OrderID) {
	if m.Symbol[0] != 0 {
		return 0, 0
	}
	return wire.AccountID(binary.LittleEndian.Uint32(m.Symbol[targetAccount:])), wire.OrderID(binary.LittleEndian.Uint64(m.Symbol[targetOrder:]))
}
