package engine

import (
	"uncross/book"
	"uncross/engine/wire"
	"uncross/internal/slab"
)

// The records of the engine's state. Each is pointer-free and lives in a slab. Definitions are never deleted, so their
// handles run from 1 without gaps and are the ids themselves. hash is the record's own term in a state hash.

type asset struct {
	def    wire.Asset
	issued wire.Amount // deposited less withdrawn
	hash   uint64
}

type instrument struct {
	def       wire.Instrument
	print     [2]uint64 // fingerprint of the definition as it was first given
	phase     wire.Phase
	lastPrice wire.Price
	lastQty   wire.Qty
	feeTo     slab.Handle // the venue's balance of the quote asset
	hash      uint64
}

type firm struct {
	def  wire.Firm
	hash uint64
}

type user struct {
	def  wire.User
	hash uint64
}

type key struct {
	def  wire.Key
	hash uint64
}

type account struct {
	def   wire.Account
	open  list // open orders in the order of entry
	queue [queues]queue
	hash  uint64
}

// queue is the memory of one sort of an account's requests, the oldest first.
type queue struct {
	list
	horizon int64 // greatest sent time of what has been forgotten; 0: nothing has been
}

type balance struct {
	account   wire.AccountID
	asset     wire.AssetID
	available wire.Amount
	held      wire.Amount
	uses      uint32 // orders and instruments that have its handle
	hash      uint64
}

// order is an order that rests, or, on the stack, one that is entering.
type order struct {
	id         wire.OrderID
	account    wire.AccountID
	instrument wire.InstrumentID
	side       wire.Side
	typ        wire.OrderType
	tif        wire.TIF
	flags      wire.OrderFlags
	exact      bool // hold is the exact cost of what will trade (market orders, never at rest)
	maker      uint16
	taker      uint16
	slack      uint32 // fee paid beyond the exact fee, in 1/10,000 of a smallest unit, 0–9,999
	price      wire.Price
	qty        wire.Qty // total
	filled     wire.Qty
	notional   wire.Amount // of its trades
	held       wire.Amount
	enteredNs  int64
	priority   uint64 // the book's
	clientID   wire.Text
	base       slab.Handle // balances of its account
	quote      slab.Handle
	link       // the account's open orders
	hash       uint64
}

func (o *order) left() wire.Qty { return o.qty - o.filled }

func (o *order) status() wire.OrderStatus {
	switch {
	case o.filled == o.qty:
		return wire.StatusFilled
	case o.filled > 0:
		return wire.StatusPartiallyFilled
	}
	return wire.StatusNew
}

// Engine is the state machine. Make one with New or Restore.
type Engine struct {
	seq     uint64 // number of the last command
	now     int64  // engine time
	orderID wire.OrderID
	tradeID wire.TradeID
	place   uint64 // last place given to a remembered request
	rules   uint32
	venue   wire.Genesis

	// Position in the log; part of a snapshot but of no hash, since it depends on how commands were batched.
	applied  uint64
	term     uint64
	sequence uint64

	assets      *slab.Slab[asset]
	instruments *slab.Slab[instrument]
	firms       *slab.Slab[firm]
	users       *slab.Slab[user]
	keys        *slab.Slab[key]
	accounts    *slab.Slab[account]
	sessions    *slab.Slab[session]
	balances    *slab.Slab[balance]
	orders      *slab.Slab[order]
	repeats     *slab.Slab[repeat]
	books       []*book.Book // by instrument, from 0
	past        [queues]list // remembered requests of all accounts, the oldest first

	names     [nameSpaces]slab.Index // hash of the name → id
	byBalance slab.Index             // account and asset → balance
	byOrder   slab.Index             // order number → order
	byRequest slab.Index             // hash of account, space and id → newest of the chain
	operators int                    // operator keys that hold

	sum       uint64   // hash terms of all records but balances
	money     uint64   // hash terms of balances
	bookSum   uint64   // hash terms of books
	bookTerms []uint64 // by instrument, from 0
	chain     uint64   // hash chained over all trades

	bounds bounds

	running request // the command that is being applied
	out     []wire.Event
	scratch
}

// scratch is memory that commands use again and again; nothing in it outlives a command.
type scratch struct {
	decoded wire.Command
	fills   []book.Fill
	pairs   []book.Pair
	levels  []book.Level
	handles []slab.Handle
}

// New returns an engine without a venue: its first command is Genesis.
func New() *Engine {
	// Pages hold few values, since the first change of a page after a Freeze copies it, and the commands of a batch change
	// orders, requests, accounts and balances all over. Even fewer would make more objects for the garbage collector.
	return &Engine{
		assets:      slab.NewPaged[asset](16),
		instruments: slab.NewPaged[instrument](16),
		firms:       slab.NewPaged[firm](16),
		users:       slab.NewPaged[user](16),
		keys:        slab.NewPaged[key](16),
		accounts:    slab.NewPaged[account](4),
		sessions:    slab.NewPaged[session](16),
		balances:    slab.NewPaged[balance](8),
		orders:      slab.NewPaged[order](4),
		repeats:     slab.NewPaged[repeat](8),
		bounds:      venueBounds,
	}
}
