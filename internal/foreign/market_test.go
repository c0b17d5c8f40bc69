package foreign

import (
	"testing"

	"uncross/engine/wire"
)

// TestRename gives an order another name and its first one again, while its number is a name of others.
func TestRename(t *testing.T) {
	m := newMarket(nil)
	m.define(1, wire.MustText("X"), 4)
	five, six := Name{1, 5}, Name{1, 6}
	is := func(name Name, want wire.OrderID) {
		t.Helper()
		if r, _ := m.find(name); r.Order != want || m.err != nil {
			t.Fatalf("order %d is %d, expected %d, %v", name.Number, r.Order, want, m.err)
		}
	}
	m.enterAs(five, wire.Buy, 100, 10)
	is(five, 5)
	m.rename(5, six)
	is(five, 0)
	is(six, 5)
	m.enterAs(five, wire.Buy, 100, 10)
	is(five, FirstOwnNumber)
	m.cancel(1, m.resting(FirstOwnNumber))
	is(five, 0)
	m.rename(5, five)
	is(five, 5)
	is(six, 0)
	m.enterAs(six, wire.Buy, 100, 10)
	is(six, 6)
}
