package foreign

import "uncross/engine/wire"

// Name is what a feed calls an order.
type Name struct {
	Instrument wire.InstrumentID
	Number     uint64
}

// names finds the order that a feed means. An order's number is the feed's own for it; only the exceptions are kept: a number
// that was out of range or taken, and an order that goes by another number since a replace.
type names struct {
	orders map[Name]wire.OrderID
	given  map[wire.OrderID]Name
}

func newNames() names {
	return names{orders: map[Name]wire.OrderID{}, given: map[wire.OrderID]Name{}}
}

// order returns the order of a name, which need not rest; false where the number means another order now.
func (n *names) order(name Name) (wire.OrderID, bool) {
	if id, ok := n.orders[name]; ok {
		return id, true
	}
	id := wire.OrderID(name.Number)
	if id >= FirstOwnNumber {
		return 0, false
	}
	_, renamed := n.given[id]
	return id, !renamed
}

// give gives an order a name that is not its number, in place of any other.
func (n *names) give(name Name, id wire.OrderID) {
	n.forget(id)
	n.orders[name] = id
	n.given[id] = name
}

// of returns the feed's name for an order.
func (n *names) of(in wire.InstrumentID, id wire.OrderID) Name {
	if name, ok := n.given[id]; ok {
		return name
	}
	return Name{in, uint64(id)}
}

// forget removes an order that is gone.
func (n *names) forget(id wire.OrderID) {
	if name, ok := n.given[id]; ok {
		delete(n.given, id)
		delete(n.orders, name)
	}
}
