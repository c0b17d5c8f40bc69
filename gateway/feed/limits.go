package feed

import "time"

// What is not configured.
const (
	SnapshotTrades  = 100       // latest trades in a snapshot
	SnapshotCandles = 10        // latest candles in a snapshot, as far as they are known
	PartEntries     = 1000      // levels or orders of one message; more come in parts
	PartTrades      = 500       // trades of one message
	ChecksumEvery   = 50        // updates of a topic from one checksum to the next
	ChecksumLevels  = 10        // levels of a side in a checksum
	ChecksumOrders  = 50        // orders of a side in a checksum
	MaxPending      = 65_536    // changes of a book that wait to be published; beyond, readers get a new snapshot
	MaxBackfill     = 10_000    // trades of an instrument that are taken from the history after an overrun; beyond, its readers are cut off
	MaxBacklog      = 64 * 1024 // events that wait while the books are loaded, beside those in the ring
	StateMessages   = 64        // kept of channels whose messages say everything
	Linger          = time.Minute
)

// Defaults of Options.
const (
	BookInterval       = 10 * time.Millisecond  // books, best bid and offer
	AuctionInterval    = 100 * time.Millisecond // auctions
	CandlesInterval    = 250 * time.Millisecond // candles
	StatisticsInterval = time.Second            // statistics
	LogBytes           = 1 << 20                // of one topic and encoding; where a snapshot is larger, as much as that
	LogMessages        = 4096                   // likewise
)

// Further constants of the work itself.
const (
	readEvents    = 1024                   // events read at once
	coldInterval  = 10 * time.Millisecond  // between two looks whether the books can be loaded
	viewWait      = 100 * time.Millisecond // between two looks whether to stop, while the view is waited for
	shortest      = 50 * time.Microsecond  // from one look at what is due to the next
	longest       = time.Second            // likewise: the 24 hours are looked at so often
	brokenPause   = 100 * time.Millisecond // after a contradiction in the books
	windowLag     = time.Second            // the 24 hours move on so much later than the clock: trades under way find their minute
	smallSnapshot = 64 << 10               // bytes; of larger ones the one before is kept for those who are in it
)
