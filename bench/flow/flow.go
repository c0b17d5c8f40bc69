package flow

import (
	"fmt"

	"uncross/book"
)

// Kind says what a command asks for. The numbers are those of the file format.
type Kind uint8

// The kinds.
const (
	NewGTC Kind = 1 // limit order, good till cancel
	NewIOC Kind = 2 // limit order, immediate or cancel
	Cancel Kind = 3
	Move   Kind = 4 // new price, same remaining quantity; loses its priority and may trade
)

// String returns the kind's name.
func (k Kind) String() string {
	switch k {
	case NewGTC:
		return "new gtc"
	case NewIOC:
		return "new ioc"
	case Cancel:
		return "cancel"
	case Move:
		return "move"
	}
	return "unknown"
}

// Command is one message of a flow. Orders are numbered from 1.
type Command struct {
	Kind   Kind
	Side   book.Side // of the order
	Symbol uint32
	ID     book.OrderID
	Price  book.Price // ticks; of a cancel, the resting order's; of a move, the new one
	Qty    book.Qty   // lots; of a cancel or a move, what remains of the order
	User   uint32     // owner, from 1
}

// Config says which flow to generate.
type Config struct {
	Commands int        // messages after the fill
	Target   int        // orders to rest, both sides together; also the number of messages of the fill
	Users    int32      // owners of orders
	Seed     int32      // of the random numbers
	Price    book.Price // first price in ticks; 0: drawn, about 2,000 to 2,000,000
}

// Standard is the flow that measurements run on unless they say otherwise: 3,000,000 messages over about 1,000 orders.
func Standard() Config {
	return Config{Commands: 3_000_000, Target: 1_000, Users: 1_000, Seed: 101_572_685, Price: 100_000}
}

// Validate returns what is wrong with the configuration, or nil.
func (c Config) Validate() error {
	switch {
	case c.Commands < 1 || c.Target < 1 || c.Users < 1:
		return fmt.Errorf("flow of %d commands, target %d, %d users: each is at least 1", c.Commands, c.Target, c.Users)
	case c.Price < 0 || c.Price > 1<<40:
		return fmt.Errorf("flow with first price %d: it is 0 (drawn) to 2^40", c.Price)
	}
	return nil
}

// Flow is a generated flow with its check values.
type Flow struct {
	Config   Config
	Commands []Command // the fill and then the bench phase
	FillLen  int       // messages of the fill, at the front of Commands
	Trades   Tally     // of the bench phase, as the generator's own book makes them

	MinPrice, MaxPrice book.Price // of all commands, in ticks
}

// Fill returns the messages that build the book. They are not measured.
func (f *Flow) Fill() []Command { return f.Commands[:f.FillLen] }

// Bench returns the messages to measure.
func (f *Flow) Bench() []Command { return f.Commands[f.FillLen:] }

// Tally is a running check over trades, in order.
type Tally struct {
	Count  int
	Volume book.Qty
	Hash   uint64
}

// Add counts one trade.
func (t *Tally) Add(maker, taker book.OrderID, price book.Price, qty book.Qty) {
	t.Count++
	t.Volume += qty
	t.Hash = t.Hash*1_000_003 + uint64(maker)*31 + uint64(taker)*17 + uint64(price)*7 + uint64(qty)
}

// String returns the three values in one line.
func (t Tally) String() string {
	return fmt.Sprintf("%d trades, volume %d, hash %016x", t.Count, t.Volume, t.Hash)
}

// Mix counts a flow's messages by kind.
func Mix(commands []Command) (counts [5]int) {
	for i := range commands {
		counts[commands[i].Kind]++
	}
	return counts
}
