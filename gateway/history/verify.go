package history

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"uncross/engine/wire"
	"uncross/gateway/candles"
	"uncross/gateway/storage"
)

// Report is what Verify found in a store.
type Report struct {
	Records  uint64 // of all kinds
	Position uint64 // last whole command stored
	From     uint64 // first command that has not been trimmed; 0: nothing is stored
}

// Verify reads every record of the store in dir, with the checksums of all tables, and changes nothing. It holds the records
// against each other: as many trades, fills and index records as the events tell of, ledgers without holes whose totals
// follow from one another and end in the balances. The store must not be in use. The error says what is damaged
// (ErrDamaged), or that this is no store; a directory that is not there is an empty store, as Open takes it. Of a store
// of an older format only the checksums are looked at.
func Verify(dir string, fs vfs.FS) (r Report, err error) {
	if fs == nil {
		fs = vfs.Default
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("history %s: %w", dir, err)
		}
	}()
	db, err := kind.View(dir, fs)
	if err != nil || db == nil {
		return r, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	format, err := storage.FormatOf(fs, dir)
	if err != nil {
		return r, err
	}
	return readAll(db, format == Format)
}

func readAll(db *pebble.DB, current bool) (r Report, err error) {
	it, err := db.NewIter(nil)
	if err != nil {
		return r, err
	}
	defer func() {
		if closing := it.Close(); closing != nil && err == nil {
			err = fmt.Errorf("%w: %w", ErrDamaged, closing)
		}
	}()
	c := checker{db: db}
	for ok := it.First(); ok; ok = it.Next() {
		v, err := it.ValueAndErr()
		if err != nil {
			return r, fmt.Errorf("%w: after %d records: %w", ErrDamaged, r.Records, err)
		}
		if string(it.Key()) == string(metaPosition) {
			p, err := parsePosition(v)
			if err != nil {
				return r, err
			}
			r.Position = p.whole()
		}
		if current {
			if err := c.record(it.Key(), v); err != nil {
				return r, err
			}
		}
		r.Records++
	}
	if err := it.Error(); err != nil {
		return r, fmt.Errorf("%w: after %d records: %w", ErrDamaged, r.Records, err)
	}
	if r.Position > 0 {
		g, err := edgeIn(db)
		if err != nil {
			return r, err
		}
		r.From = g.id.Seq + 1
	}
	return r, c.counts()
}

// checker goes through the records in the order of their keys.
type checker struct {
	db *pebble.DB

	trades, concerns      uint64 // that the events tell of
	listed, fills, others uint64 // trades in lists, fills, other index records
	orders, ofAccount     uint64

	account wire.AccountID // whose ledger it is in
	number  uint64         // of the entry before
	totals  totals         // behind it
}

// keyLengths are those of keys that have one, by tag.
var keyLengths = map[byte]int{
	tagGap: 9, tagInstrument: 5, tagEvent: 13, tagTrade: 17, tagFill: accountKey, tagOrder: 9, tagOfAccount: 13, tagLedger: 13,
	tagBalance: 9, tagNumber: 5, tagAccount: accountKey, tagCandle: 14, tagSums: 13,
}

func (c *checker) record(k, v []byte) error {
	if n, ok := keyLengths[k[0]]; ok && len(k) != n {
		return fmt.Errorf("%w: key %x", ErrDamaged, k)
	}
	var err error
	switch k[0] {
	case tagEvent:
		return c.event(k, v)
	case tagTrade:
		c.listed++
	case tagFill:
		c.fills++
		_, err = parseConcern(v)
	case tagAccount:
		var r concern
		if r, err = parseConcern(v); !r.carried {
			c.others++
		}
	case tagOrder:
		c.orders++
		_, err = parseOrder(wire.OrderID(binary.BigEndian.Uint64(k[1:])), v)
	case tagOfAccount:
		c.ofAccount++
	case tagLedger:
		return c.entry(k, v)
	case tagBalance:
		_, err = parseBalance(v)
	case tagNumber:
		return addsUp(c.db, wire.AccountID(binary.BigEndian.Uint32(k[1:])))
	case tagSums:
		_, err = parseTotals(v)
	case tagCandle:
		return c.candle(k, v)
	}
	return err
}

// event counts what there must be of other records.
func (c *checker) event(k, v []byte) error {
	e, err := parseEvent(v)
	if err != nil {
		return err
	}
	if id, err := parseEventID(k); err != nil || id != (EventID{e.Seq, e.Ord}) {
		return fmt.Errorf("%w: event %d.%d is in another's place", ErrDamaged, e.Seq, e.Ord)
	}
	switch e.Kind {
	case wire.EvTrade:
		var m wire.Trade
		m.GetEvent(&e)
		c.trades++
		if !m.BuyFee.IsZero() || !m.SellFee.IsZero() {
			c.concerns++
		}
	case wire.EvOrderAccepted, wire.EvOrderReplaced, wire.EvOrderCanceled, wire.EvDeposited, wire.EvWithdrawn:
		c.concerns++
	case wire.EvRejected, wire.EvOrderRejected:
		if _, ok := concerned(&e); ok {
			c.concerns++
		}
	}
	return nil
}

// entry holds a ledger entry against the one before it.
func (c *checker) entry(k, v []byte) (err error) {
	acc := wire.AccountID(binary.BigEndian.Uint32(k[1:]))
	e, err := entryIn(acc, k, v)
	if err != nil {
		return err
	}
	if c.totals == nil || acc != c.account {
		c.account = acc
		if c.number, c.totals, err = sumsBefore(c.db, acc, e.Number); err != nil {
			return err
		}
	}
	was, ok := c.totals[e.Asset], false
	if e.Negative {
		was, ok = was.Sub(e.Amount)
	} else {
		was, ok = was.Add(e.Amount)
	}
	if c.number++; c.number != e.Number || !ok || was != e.Total {
		return fmt.Errorf("%w: ledger entry %d of account %d does not follow from what is before it", ErrDamaged, e.Number, acc)
	}
	c.totals.set(e.Asset, e.Total)
	return nil
}

func (c *checker) candle(k, v []byte) error {
	start := int64(binary.BigEndian.Uint64(k[6:]))
	d, err := parseCandle(start, v)
	if err != nil {
		return err
	}
	iv := candles.Interval(k[5])
	if !iv.Valid() || iv.Start(start) != start || d.Low > min(d.Open, d.Close) || d.High < max(d.Open, d.Close) {
		return fmt.Errorf("%w: candle %x", ErrDamaged, k)
	}
	return nil
}

// counts holds the numbers of records against each other.
func (c *checker) counts() error {
	if c.listed != c.trades || c.fills != 2*c.trades || c.others != c.concerns || c.orders != c.ofAccount {
		return fmt.Errorf("%w: the events tell of %d trades and %d other records of accounts; there are %d trades, %d fills and %d others; %d orders, %d of them listed",
			ErrDamaged, c.trades, c.concerns, c.listed, c.fills, c.others, c.orders, c.ofAccount)
	}
	return nil
}
