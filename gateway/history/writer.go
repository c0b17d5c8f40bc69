package history

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"uncross/engine/amount"
	"uncross/engine/wire"
	"uncross/internal/slab"
)

// How much the writer keeps in memory between batches. Everything kept is on the disk as well, so that it may be
// dropped at the end of any batch.
const (
	maxCachedOrders   = 1 << 18
	maxCachedAccounts = 1 << 20
)

// writer turns events into batches. It belongs to the writer goroutine.
type writer struct {
	s       *Store
	pos     position
	cluster [16]byte
	defs    map[wire.InstrumentID]wire.Instrument

	b *pebble.Batch // the batch being built

	orders     slab.Slab[cachedOrder]
	orderIndex slab.Index
	dirty      []slab.Handle

	totals  kept[accountAsset, wire.Amount]
	numbers kept[wire.AccountID, uint64]

	image *importing // an image that is being taken over
	skip  bool       // an image that is being skipped

	k, v []byte // scratch for a key and a value
}

type accountAsset struct {
	account wire.AccountID
	asset   wire.AssetID
}

type cachedOrder struct {
	Order
	dirty bool
}

func newWriter(s *Store) (*writer, error) {
	w := &writer{s: s, defs: map[wire.InstrumentID]wire.Instrument{}, k: make([]byte, 0, 64), v: make([]byte, 0, 512)}
	w.forget()
	v, ok, err := s.get(metaPosition)
	if ok {
		w.pos, err = parsePosition(v)
	}
	if err != nil {
		return nil, err
	}
	v, ok, err = s.get(metaCluster)
	if err != nil {
		return nil, err
	}
	if ok {
		copy(w.cluster[:], v)
	}
	if err := kind.Cluster(w.cluster, s.o.ClusterID); err != nil {
		return nil, err
	}
	if w.cluster == [16]byte{} && s.o.ClusterID != [16]byte{} {
		w.cluster = s.o.ClusterID
		if err := s.db.Set(metaCluster, w.cluster[:], pebble.Sync); err != nil {
			return nil, err
		}
	}
	s.from.Store(wire.FirstCommand)
	v, ok, err = s.get(metaFrom)
	if err != nil {
		return nil, err
	}
	if ok {
		f := fields{b: v}
		s.from.Store(f.u64())
		if err := f.err("complete-from"); err != nil {
			return nil, err
		}
	}
	return w, w.loadInstruments()
}

func (w *writer) loadInstruments() error {
	prefix := newKey(tagInstrument)
	it, err := w.s.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: prefix.after()})
	if err != nil {
		return err
	}
	for it.First(); it.Valid(); it.Next() {
		e, err := parseEvent(it.Value())
		if err != nil {
			return errors.Join(err, it.Close())
		}
		var m wire.Instrument
		m.GetEvent(&e)
		w.defs[m.ID] = m
	}
	return it.Close()
}

// forget drops what is kept between batches.
func (w *writer) forget() {
	w.orders, w.orderIndex = slab.Slab[cachedOrder]{}, slab.Index{}
	w.totals = newKept[accountAsset, wire.Amount]()
	w.numbers = newKept[wire.AccountID, uint64]()
}

// store writes events and the position behind them as one batch.
func (w *writer) store(es []wire.Event) error {
	w.b = w.s.db.NewBatch()
	defer func() { w.b.Close() }()
	before := w.pos
	for i := range es {
		e := &es[i]
		var err error
		if e.Flags&wire.FlagImage != 0 {
			err = w.imageEvent(e)
		} else {
			err = w.commandEvent(e)
		}
		if err != nil {
			return fmt.Errorf("history: event %d.%d: %w", e.Seq, e.Ord, err)
		}
	}
	w.flush()
	if w.pos != before {
		w.set(metaPosition, w.pos.append(w.v[:0]))
	}
	if w.b.Empty() {
		return nil
	}
	if err := w.s.guard(func() error { return w.b.Commit(pebble.NoSync) }); err != nil {
		return fmt.Errorf("history: write: %w", err)
	}
	if w.orders.Len() > maxCachedOrders || len(w.totals.m) > maxCachedAccounts || len(w.numbers.m) > maxCachedAccounts {
		w.forget()
	}
	return nil
}

func (w *writer) commandEvent(e *wire.Event) error {
	if w.image != nil {
		return fmt.Errorf("%w: an image that does not end", ErrGap)
	}
	if w.pos.has(e.Seq, e.Ord) {
		return nil // the log's replay
	}
	next := e.Seq == w.pos.seq+1 && e.Ord == 0
	if w.pos.seq != 0 && !w.pos.last {
		next = e.Seq == w.pos.seq && e.Ord == w.pos.ord+1
	}
	if !next {
		return fmt.Errorf("%w: the store ends with event %d.%d; start from a newer snapshot, or move the history away and let it be written anew",
			ErrGap, w.pos.seq, w.pos.ord)
	}
	w.pos = position{e.Seq, e.Ord, e.Flags&wire.FlagLast != 0}
	if e.Flags&wire.FlagRepeat != 0 {
		return nil
	}
	return w.news(e)
}

// news stores one event that tells something new.
func (w *writer) news(e *wire.Event) error {
	switch e.Kind {
	case wire.EvOrderState, wire.EvStateHash, wire.EvSessionMessage:
		return nil
	case wire.EvSession:
		w.session(e)
		return nil
	case wire.EvAccepted:
		var m wire.Accepted
		m.GetEvent(e)
		if m.Command == wire.CmdTick {
			return nil
		}
	case wire.EvVenue:
		if err := w.venue(e); err != nil {
			return err
		}
	case wire.EvInstrument:
		w.define(e)
	}
	w.setEvent(e)
	switch e.Kind {
	case wire.EvOrderAccepted:
		return w.accepted(e)
	case wire.EvTrade:
		return w.trade(e)
	case wire.EvOrderCanceled:
		return w.canceled(e)
	case wire.EvOrderReplaced:
		return w.replaced(e)
	case wire.EvDeposited, wire.EvWithdrawn:
		return w.transferred(e)
	}
	return nil
}

// venue learns the cluster id, and refuses to mix two venues' histories.
func (w *writer) venue(e *wire.Event) error {
	var m wire.Genesis
	m.GetEvent(e)
	if err := kind.Cluster(w.cluster, m.ClusterID); err != nil {
		return err
	}
	w.cluster = m.ClusterID
	w.set(metaCluster, m.ClusterID[:])
	return nil
}

// session stores a session's definition without its password, whose hash nobody asks the history for.
func (w *writer) session(e *wire.Event) {
	var m wire.Session
	m.GetEvent(e)
	m.Password = wire.Password{}
	stored := *e
	m.PutEvent(&stored)
	w.setEvent(&stored)
}

func (w *writer) define(e *wire.Event) {
	var m wire.Instrument
	m.GetEvent(e)
	w.defs[m.ID] = m
	w.set(w.key(tagInstrument).u32(uint32(m.ID)), wire.AppendEvent(w.v[:0], e))
}

func (w *writer) accepted(e *wire.Event) error {
	var m wire.OrderAccepted
	m.GetEvent(e)
	o := w.newOrder(m.Order)
	*o = Order{
		ID: m.Order, Account: m.Account, Instrument: m.Instrument, Side: m.Side, Type: m.Type, TIF: m.TIF, Flags: m.Flags,
		Status: wire.StatusNew, Price: m.Price, Qty: m.Qty, Left: m.Qty, Funds: m.Funds, EnteredNs: e.TimeNs,
		UpdatedNs: e.TimeNs, EnteredSeq: e.Seq, UpdatedSeq: e.Seq, ClientID: m.ClientID,
	}
	w.indexOrder(o)
	return nil
}

// indexOrder lets an order be found by account and by client id.
func (w *writer) indexOrder(o *Order) {
	w.set(w.key(tagOfAccount).account(o.Account).u64(uint64(o.ID)), nil)
	if !o.ClientID.IsEmpty() {
		id := binary.BigEndian.AppendUint64(w.v[:0], uint64(o.ID))
		w.set(w.key(tagClientID).account(o.Account).text(o.ClientID), id)
	}
}

func (w *writer) canceled(e *wire.Event) error {
	var m wire.OrderCanceled
	m.GetEvent(e)
	o, err := w.order(m.Order)
	if err != nil {
		return err
	}
	o.Status, o.CancelReason, o.Left = wire.StatusCanceled, m.Reason, m.Left
	o.UpdatedNs, o.UpdatedSeq = e.TimeNs, e.Seq
	return nil
}

func (w *writer) replaced(e *wire.Event) error {
	var m wire.OrderReplaced
	m.GetEvent(e)
	o, err := w.order(m.Order)
	if err != nil {
		return err
	}
	o.Price, o.Qty, o.Left, o.ClientID = m.Price, m.Qty, m.Left, m.ClientID
	o.Replaced++
	o.UpdatedNs, o.UpdatedSeq = e.TimeNs, e.Seq
	w.indexOrder(o)
	return nil
}

func (w *writer) trade(e *wire.Event) error {
	var m wire.Trade
	m.GetEvent(e)
	in, ok := w.defs[m.Instrument]
	if !ok {
		return fmt.Errorf("%w: trade in instrument %d, which is not defined", ErrDamaged, m.Instrument)
	}
	w.set(w.key(tagTrade).u32(uint32(m.Instrument)).event(e.Seq, e.Ord), nil)
	for _, side := range []wire.Side{wire.Buy, wire.Sell} {
		if err := w.fill(e, &m, side); err != nil {
			return err
		}
	}
	return w.settle(e, &m, &in)
}

// fill takes one side of a trade.
func (w *writer) fill(e *wire.Event, m *wire.Trade, side wire.Side) error {
	id, acc, left, fee := m.BuyOrder, m.BuyAccount, m.BuyLeft, m.BuyFee
	if side == wire.Sell {
		id, acc, left, fee = m.SellOrder, m.SellAccount, m.SellLeft, m.SellFee
	}
	o, err := w.order(id)
	if err != nil {
		return err
	}
	o.Filled += m.Qty
	o.Left = left
	o.Notional = o.Notional.MustAdd(m.Notional)
	o.Fee = o.Fee.MustAdd(fee)
	o.Status = wire.StatusPartiallyFilled
	if left == 0 {
		o.Status = wire.StatusFilled
	}
	o.UpdatedNs, o.UpdatedSeq = e.TimeNs, e.Seq
	k := append(w.key(tagFill).account(acc).event(e.Seq, e.Ord), byte(side))
	w.set(k, o.ClientID.Bytes())
	return nil
}

// settle writes what a trade does to the ledger.
func (w *writer) settle(e *wire.Event, m *wire.Trade, in *wire.Instrument) error {
	base := amount.Product(uint64(m.Qty), uint64(in.LotSize))
	legs := [...]Entry{
		{Account: m.BuyAccount, Order: m.BuyOrder, Kind: TradeLeg, Asset: in.Quote, Negative: true, Amount: m.Notional},
		{Account: m.BuyAccount, Order: m.BuyOrder, Kind: Fee, Asset: in.Quote, Negative: true, Amount: m.BuyFee},
		{Account: m.BuyAccount, Order: m.BuyOrder, Kind: TradeLeg, Asset: in.Base, Amount: base},
		{Account: m.SellAccount, Order: m.SellOrder, Kind: TradeLeg, Asset: in.Base, Negative: true, Amount: base},
		{Account: m.SellAccount, Order: m.SellOrder, Kind: TradeLeg, Asset: in.Quote, Amount: m.Notional},
		{Account: m.SellAccount, Order: m.SellOrder, Kind: Fee, Asset: in.Quote, Negative: true, Amount: m.SellFee},
		{Account: wire.VenueAccount, Kind: FeeIncome, Asset: in.Quote, Amount: m.BuyFee.MustAdd(m.SellFee)},
	}
	for i := range legs {
		leg := &legs[i]
		leg.Instrument, leg.Trade = m.Instrument, m.Trade
		if _, err := w.post(e, leg); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) transferred(e *wire.Event) error {
	var m wire.Transferred
	m.GetEvent(e)
	entry := Entry{Account: m.Account, Kind: Deposit, Asset: m.Asset, Amount: m.Amount, Reference: m.Reference}
	if e.Kind == wire.EvWithdrawn {
		entry.Kind, entry.Negative = Withdrawal, true
	}
	total, err := w.post(e, &entry)
	if err != nil {
		return err
	}
	if want := m.Available.MustAdd(m.Held); total != want {
		return fmt.Errorf("%w: account %d has %v of asset %d here and %v in the engine", ErrDamaged, m.Account, total, m.Asset, want)
	}
	return nil
}

// post writes a ledger entry, unless its amount is zero, and returns the account's total after it.
func (w *writer) post(e *wire.Event, entry *Entry) (wire.Amount, error) {
	at := accountAsset{entry.Account, entry.Asset}
	total, err := w.total(at)
	if err != nil || entry.Amount.IsZero() {
		return total, err
	}
	ok := false
	if entry.Negative {
		total, ok = total.Sub(entry.Amount)
	} else {
		total, ok = total.Add(entry.Amount)
	}
	if !ok {
		return total, fmt.Errorf("%w: the total of account %d in asset %d would be negative", ErrDamaged, entry.Account, entry.Asset)
	}
	number, err := w.number(entry.Account)
	if err != nil {
		return total, err
	}
	number++
	entry.Number, entry.Total, entry.Seq, entry.Ord, entry.TimeNs = number, total, e.Seq, e.Ord, e.TimeNs
	w.totals.change(at, total)
	w.numbers.change(entry.Account, number)
	w.set(w.key(tagLedger).account(entry.Account).u64(number), appendEntry(w.v[:0], entry))
	return total, nil
}

// key begins a key in the writer's scratch buffer.
func (w *writer) key(tag byte) key { return append(key(w.k[:0]), tag) }

// set adds to the batch. Pebble copies both.
func (w *writer) set(k key, v []byte) {
	if err := w.b.Set(k, v, nil); err != nil {
		panic(err) // a batch in memory refuses only misuse
	}
}

func (w *writer) setEvent(e *wire.Event) {
	w.set(w.key(tagEvent).event(e.Seq, e.Ord), wire.AppendEvent(w.v[:0], e))
}
