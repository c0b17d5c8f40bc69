package book

// OrderID names one order. The caller chooses it; it must be unique among the orders that rest in one book.
type OrderID uint64

// Price is a price in ticks of the instrument.
type Price int64

// Qty is a quantity in lots of the instrument.
type Qty int64

// Side is the side of an order.
type Side uint8

// The two sides. The zero value is no side, so that a forgotten field is found.
const (
	Buy  Side = 1
	Sell Side = 2
)

// Opposite returns the other side.
func (s Side) Opposite() Side { return 3 - s }

// Valid reports whether s is Buy or Sell.
func (s Side) Valid() bool { return s == Buy || s == Sell }

// String returns "buy" or "sell".
func (s Side) String() string {
	switch s {
	case Buy:
		return "buy"
	case Sell:
		return "sell"
	}
	return "invalid"
}

// TimeInForce says how long an order may wait for a match.
type TimeInForce uint8

// The times in force (FIX tag 59). The zero value is none, so that a forgotten field is found.
const (
	GTC TimeInForce = 1 // good till cancel: what does not trade on entry rests in the book
	IOC TimeInForce = 2 // immediate or cancel: what does not trade on entry is dropped
	FOK TimeInForce = 3 // fill or kill: trades completely on entry or not at all
)

// String returns "gtc", "ioc" or "fok".
func (t TimeInForce) String() string {
	switch t {
	case GTC:
		return "gtc"
	case IOC:
		return "ioc"
	case FOK:
		return "fok"
	}
	return "invalid"
}
