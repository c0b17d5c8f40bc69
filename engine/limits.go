package engine

import "uncross/engine/wire"

// Limits that every replica must share: changing one is a change of the rules.
const (
	// HashInterval is the number of commands between two EvStateHash events.
	HashInterval = 4096

	MaxAssets      = 4_096
	MaxInstruments = 65_536
	MaxFirms       = 1 << 20
	MaxUsers       = 1 << 20
	MaxKeys        = 1 << 20
	MaxAccounts    = 1 << 20
	MaxSessions    = 65_536
	MaxBalances    = 1 << 26 // pairs of account and asset with money, an open order or the fees of an instrument

	MaxOpenOrdersPerAccount = 65_536
	MaxOpenOrders           = 1 << 24 // in the whole venue

	// MaxPrice, MaxQty and MaxDepth leave room for sums in 63 bits: the first two bound an instrument's own limits, the
	// last the lots that rest on one side of a book.
	MaxPrice wire.Price = 1 << 62
	MaxQty   wire.Qty   = 1 << 62
	MaxDepth wire.Qty   = 1 << 62

	MaxDecimals = 18
	MaxFeeBps   = 1_000

	// NotionalBits bounds an order's notional: it is below 2^NotionalBits smallest units of the quote asset.
	NotionalBits = 96
	// IssueBits bounds what may exist of one asset: less than 2^IssueBits smallest units.
	IssueBits = 120

	// RepeatsPerAccount is how many order requests of an account are remembered, and likewise how many transfers. Entries
	// of open orders may exceed it for a while (see repeat.go).
	RepeatsPerAccount = 131_072
	// MaxRepeats bounds the entries of all accounts together: beyond it every new entry forgets the oldest ones, whosever
	// they are. It is at least twice MaxOpenOrders, since the entries of open orders are not forgotten.
	MaxRepeats = 1 << 25
	// RepeatWindow is how long order requests are remembered, in nanoseconds of engine time.
	RepeatWindow int64 = 24 * 3_600 * 1_000_000_000
	// FutureSent is how far ahead of engine time a request's SentNs may be, in nanoseconds: more is refused.
	FutureSent int64 = 60 * 1_000_000_000

	// FirstRemembered is the smallest reason that a repeat is answered with again.
	FirstRemembered = wire.InvalidSide
)

// bounds are the limits that an engine compares its state with and that a test could not reach otherwise.
type bounds struct {
	balances          int
	repeats           int    // of all accounts
	repeatsPerAccount uint32 // of each sort of requests
}

var venueBounds = bounds{balances: MaxBalances, repeats: MaxRepeats, repeatsPerAccount: RepeatsPerAccount}
