package history

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

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
	now     int64   // engine time of it
	end     EventID // the last event of a whole command
	cluster [16]byte
	defs    map[wire.InstrumentID]*wire.Instrument

	b *pebble.Batch // the batch being built

	orders     slab.Slab[cachedOrder]
	orderIndex slab.Index
	dirty      []slab.Handle

	balances kept[accountAsset, balance]
	numbers  kept[wire.AccountID, uint64]
	candles  candleCache
	news     touched // accounts that the batch tells something new

	upgrading bool // the events come from the store itself
	estimates bool // there are balances of which only the sum is known …
	heal      bool // … and the image that comes tells the rest

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
	w := &writer{s: s, defs: map[wire.InstrumentID]*wire.Instrument{}, k: make([]byte, 0, 64), v: make([]byte, 0, 512)}
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
	if _, w.estimates, err = s.get(metaEstimates); err != nil {
		return nil, err
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
		w.defs[m.ID] = &m
	}
	return it.Close()
}

// forget drops what is kept between batches.
func (w *writer) forget() {
	w.orders, w.orderIndex = slab.Slab[cachedOrder]{}, slab.Index{}
	w.balances = newKept[accountAsset, balance]()
	w.numbers = newKept[wire.AccountID, uint64]()
	w.candles = candleCache{}
}

// store writes events and the position behind them as one batch.
func (w *writer) store(es []wire.Event) error {
	w.b = w.s.db.NewBatch()
	defer func() { w.b.Close() }()
	w.news.clear()
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
	if err := w.s.commit(w.b); err != nil {
		return err
	}
	w.s.reached()
	w.s.wake(&w.news)
	if w.orders.Len() > maxCachedOrders || len(w.balances.m) > maxCachedAccounts || len(w.numbers.m) > maxCachedAccounts {
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
	w.now = e.TimeNs
	if w.pos.last {
		w.end = EventID{e.Seq, e.Ord}
	}
	if e.Flags&wire.FlagRepeat != 0 {
		return nil
	}
	return w.tell(e)
}

// tell stores one event that tells something new.
func (w *writer) tell(e *wire.Event) error {
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
	case wire.EvRejected, wire.EvOrderRejected:
		w.refused(e)
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
	w.defs[m.ID] = &m
	w.set(w.key(tagInstrument).u32(uint32(m.ID)), wire.AppendEvent(w.v[:0], e))
}

func (w *writer) accepted(e *wire.Event) error {
	var m wire.OrderAccepted
	m.GetEvent(e)
	in, err := w.instrument(m.Instrument)
	if err != nil {
		return err
	}
	o := w.newOrder(m.Order)
	*o = Order{
		ID: m.Order, Account: m.Account, Instrument: m.Instrument, Side: m.Side, Type: m.Type, TIF: m.TIF, Flags: m.Flags,
		Status: wire.StatusNew, Price: m.Price, Qty: m.Qty, Left: m.Qty, Funds: m.Funds, EnteredNs: e.TimeNs,
		UpdatedNs: e.TimeNs, EnteredSeq: e.Seq, UpdatedSeq: e.Seq, ClientID: m.ClientID,
	}
	w.indexOrder(o)
	return w.held(e, m.Account, heldAsset(in, m.Side), m.Held, wire.Amount{}, &concern{})
}

// held brings what an order moved between available and held into the balance, and indexes the event.
func (w *writer) held(e *wire.Event, acc wire.AccountID, asset wire.AssetID, more, less wire.Amount, c *concern) error {
	if !more.IsZero() || !less.IsZero() {
		at := accountAsset{acc, asset}
		if _, err := w.moved(at, hold, more); err != nil {
			return err
		}
		b, err := w.moved(at, release, less)
		if err != nil {
			return err
		}
		c.changed(b.after(asset))
	}
	w.concerns(acc, e, 0, c)
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
	in, err := w.instrument(m.Instrument)
	if err != nil {
		return err
	}
	o, err := w.order(m.Order)
	if err != nil {
		return err
	}
	o.Status, o.CancelReason, o.Left = wire.StatusCanceled, m.Reason, m.Left
	o.UpdatedNs, o.UpdatedSeq = e.TimeNs, e.Seq
	return w.held(e, m.Account, heldAsset(in, m.Side), wire.Amount{}, m.Released, &concern{hasTerms: true, terms: o.terms()})
}

func (w *writer) replaced(e *wire.Event) error {
	var m wire.OrderReplaced
	m.GetEvent(e)
	in, err := w.instrument(m.Instrument)
	if err != nil {
		return err
	}
	o, err := w.order(m.Order)
	if err != nil {
		return err
	}
	was := o.terms()
	o.Price, o.Qty, o.Left, o.ClientID = m.Price, m.Qty, m.Left, m.ClientID
	o.Replaced++
	o.UpdatedNs, o.UpdatedSeq = e.TimeNs, e.Seq
	w.indexOrder(o)
	return w.held(e, m.Account, heldAsset(in, m.Side), m.Held, m.Released, &concern{hasTerms: true, terms: was})
}

func (w *writer) trade(e *wire.Event) error {
	var m wire.Trade
	m.GetEvent(e)
	in, err := w.instrument(m.Instrument)
	if err != nil {
		return err
	}
	w.set(w.key(tagTrade).u32(uint32(m.Instrument)).event(e.Seq, e.Ord), nil)
	if err := w.candles.add(w.s, &m, e.TimeNs, w.setCandle); err != nil {
		return err
	}
	for _, side := range []wire.Side{wire.Buy, wire.Sell} {
		if err := w.fill(e, &m, in, side); err != nil {
			return err
		}
	}
	return w.feeIncome(e, &m, in)
}

// fill takes one side of a trade.
func (w *writer) fill(e *wire.Event, m *wire.Trade, in *wire.Instrument, side wire.Side) error {
	id, left, fee := m.BuyOrder, m.BuyLeft, m.BuyFee
	if side == wire.Sell {
		id, left, fee = m.SellOrder, m.SellLeft, m.SellFee
	}
	o, err := w.order(id)
	if err != nil {
		return err
	}
	if err := w.settle(e, m, in, side, o.terms()); err != nil {
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
	return nil
}

// leg is a ledger entry and the way its money goes.
type leg struct {
	asset  wire.AssetID
	kind   EntryKind
	how    move
	amount wire.Amount
}

// legsOf returns what one side of a trade pays and receives.
func legsOf(m *wire.Trade, in *wire.Instrument, side wire.Side) [3]leg {
	base := lots(in, m.Qty)
	if side == wire.Buy {
		return [...]leg{{in.Quote, TradeLeg, payHeld, m.Notional}, {in.Quote, Fee, payHeld, m.BuyFee}, {in.Base, TradeLeg, receive, base}}
	}
	return [...]leg{{in.Base, TradeLeg, payHeld, base}, {in.Quote, TradeLeg, receive, m.Notional}, {in.Quote, Fee, pay, m.SellFee}}
}

// settle writes what a trade does to one side: the ledger entries, what the buyer's hold had too much given back, and the
// fill with the balances after it.
func (w *writer) settle(e *wire.Event, m *wire.Trade, in *wire.Instrument, side wire.Side, terms OrderTerms) error {
	acc, order := m.BuyAccount, m.BuyOrder
	if side == wire.Sell {
		acc, order = m.SellAccount, m.SellOrder
	}
	for _, l := range legsOf(m, in, side) {
		entry := Entry{Account: acc, Order: order, Kind: l.kind, Asset: l.asset, Amount: l.amount, Instrument: m.Instrument, Trade: m.Trade}
		if _, err := w.post(e, &entry, l.how); err != nil {
			return err
		}
	}
	if side == wire.Buy {
		if _, err := w.moved(accountAsset{acc, in.Quote}, release, m.BuyReleased); err != nil {
			return err
		}
	}
	c := concern{hasTerms: true, terms: terms}
	for _, asset := range [...]wire.AssetID{in.Quote, in.Base} {
		b, err := w.balance(accountAsset{acc, asset})
		if err != nil {
			return err
		}
		c.changed(b.after(asset))
	}
	w.concerns(acc, e, byte(side), &c)
	return nil
}

// feeIncome gives the venue's account both fees of a trade.
func (w *writer) feeIncome(e *wire.Event, m *wire.Trade, in *wire.Instrument) error {
	fees := m.BuyFee.MustAdd(m.SellFee)
	if fees.IsZero() {
		return nil
	}
	entry := Entry{Account: wire.VenueAccount, Kind: FeeIncome, Asset: in.Quote, Amount: fees, Instrument: m.Instrument, Trade: m.Trade}
	b, err := w.post(e, &entry, receive)
	if err != nil {
		return err
	}
	var c concern
	c.changed(b.after(in.Quote))
	w.concerns(wire.VenueAccount, e, sideFees, &c)
	return nil
}

func (w *writer) transferred(e *wire.Event) error {
	var m wire.Transferred
	m.GetEvent(e)
	entry, how := Entry{Account: m.Account, Kind: Deposit, Asset: m.Asset, Amount: m.Amount, Reference: m.Reference}, receive
	if e.Kind == wire.EvWithdrawn {
		entry.Kind, how = Withdrawal, pay
	}
	b, err := w.post(e, &entry, how)
	if err != nil {
		return err
	}
	told := balance{available: m.Available, held: m.Held}
	if b.estimated && b.total() == told.total() {
		b = told
		w.balances.change(accountAsset{m.Account, m.Asset}, b)
	}
	if b != told {
		return fmt.Errorf("%w: account %d has %v and %v held of asset %d here, %v and %v in the engine",
			ErrDamaged, m.Account, b.available, b.held, m.Asset, m.Available, m.Held)
	}
	var c concern
	c.changed(b.after(m.Asset))
	w.concerns(m.Account, e, 0, &c)
	return nil
}

// post moves money and writes a ledger entry about it, unless the amount is zero. It returns the balance after it.
func (w *writer) post(e *wire.Event, entry *Entry, how move) (balance, error) {
	at := accountAsset{entry.Account, entry.Asset}
	b, err := w.moved(at, how, entry.Amount)
	if err != nil || entry.Amount.IsZero() {
		return b, err
	}
	entry.Negative = how != receive
	return b, w.enter(e, entry, b.total())
}

// enter writes a ledger entry under the account's next number.
func (w *writer) enter(e *wire.Event, entry *Entry, total wire.Amount) error {
	if w.upgrading {
		return nil // it is there
	}
	number, err := w.number(entry.Account)
	if err != nil {
		return err
	}
	number++
	entry.Number, entry.Total, entry.Seq, entry.Ord, entry.TimeNs = number, total, e.Seq, e.Ord, e.TimeNs
	w.numbers.change(entry.Account, number)
	w.set(w.key(tagLedger).account(entry.Account).u64(number), appendEntry(w.v[:0], entry))
	if number%sumsEvery == 0 {
		return w.sums(entry.Account, number)
	}
	return nil
}

// key begins a key in the writer's scratch buffer.
func (w *writer) key(tag byte) key { return append(key(w.k[:0]), tag) }

// set adds to the batch. Pebble copies both.
func (w *writer) set(k key, v []byte) {
	if err := w.b.Set(k, v, nil); err != nil {
		panic(err) // a batch in memory refuses only misuse
	}
}

func (w *writer) unset(k key) {
	if err := w.b.Delete(k, nil); err != nil {
		panic(err) // as in set
	}
}

func (w *writer) setEvent(e *wire.Event) {
	w.set(w.key(tagEvent).event(e.Seq, e.Ord), wire.AppendEvent(w.v[:0], e))
}
