package neutral

import (
	"fmt"
	"strconv"

	"uncross/book"
	"uncross/engine"
	"uncross/engine/wire"
)

// EngineDriver carries out commands through the whole engine in process: a venue with one instrument, and funded
// accounts whose money every order holds and every trade moves. Units are the set's own: assets without decimals, one
// tick and one lot are 1.
//
// A and X become the instrument's phases: it stands in Auction while A and R rows come in, and X, or the first N after
// them, moves it to Continuous.
type EngineDriver struct {
	engine     *engine.Engine
	events     []wire.Event
	timeNs     int64
	phase      wire.Phase
	orders     []uint64 // id in the set by the engine's order number, which counts from 1
	instrument wire.InstrumentID
	accounts   [accountsPerSide * 2]wire.AccountID
	trader     wire.KeyID
}

// accountsPerSide spreads the orders over several accounts, so that no limit per account is met by a busy day.
const accountsPerSide = 8

// Fees that the replay's instrument takes, in basis points. They move money and change no trade.
const (
	makerBps = 2
	takerBps = 5
)

// largest is the greatest price and quantity of the replay's instrument.
const largest = 1 << 53

// NewEngineDriver returns a driver with a fresh venue whose accounts are funded.
func NewEngineDriver() (*EngineDriver, error) {
	d := &EngineDriver{engine: engine.New(), orders: []uint64{0}}
	if err := d.setUp(); err != nil {
		return nil, fmt.Errorf("neutral: setting up the venue: %w", err)
	}
	return d, nil
}

// body is a command's body.
type body interface{ Put(*wire.Command) }

// do applies one command that must succeed and returns its first event.
func (d *EngineDriver) do(key wire.KeyID, put func(*wire.Command)) (*wire.Event, error) {
	c := wire.Command{Key: key, TimeNs: d.timeNs}
	put(&c)
	c.Key, c.TimeNs = key, d.timeNs
	d.events = d.engine.Apply(&c, d.events[:0])
	first := &d.events[0]
	if r, refused := first.Refusal(); refused {
		return nil, fmt.Errorf("command kind %d refused: %v", r.Command, r.Reason)
	}
	return first, nil
}

// setUp creates what the replay needs: the venue, its keys, two assets, the instrument, and funded accounts.
func (d *EngineDriver) setUp() error {
	key := func(n byte) (pub [32]byte) { pub[0], pub[31] = n, 1; return pub }
	base, quote := wire.AssetID(1), wire.AssetID(2)
	trader, custodian := wire.UserID(2), wire.UserID(3)
	custodianKey := wire.KeyID(3)
	d.trader, d.instrument = 2, 1
	steps := []body{
		&wire.Genesis{Venue: wire.MustText("replay"), ClusterID: [16]byte{1}, OperatorPub: key(1)},
		&wire.AddAsset{Code: wire.MustText("BASE")},
		&wire.AddAsset{Code: wire.MustText("QUOTE")},
		&wire.AddInstrument{
			Symbol: wire.MustText("REPLAY"), Base: base, Quote: quote, TickSize: 1, LotSize: 1,
			Limits: wire.InstrumentLimits{
				MinPrice: 1, MaxPrice: largest, MinQty: 1, MaxQty: largest, MakerBps: makerBps, TakerBps: takerBps,
			},
		},
		&wire.AddUser{Firm: wire.VenueFirm, Name: wire.MustText("trader")},
		&wire.AddUser{Firm: wire.VenueFirm, Name: wire.MustText("custodian")},
		&wire.AddKey{User: trader, Role: wire.Trader, Pub: key(2)},
		&wire.AddKey{User: custodian, Role: wire.Custodian, Pub: key(3)},
	}
	for i, step := range steps {
		by := wire.OperatorKey
		if i == 0 {
			by = wire.NoKey
		}
		if _, err := d.do(by, step.Put); err != nil {
			return err
		}
	}
	for i := range d.accounts {
		open := wire.AddAccount{User: trader, Name: wire.MustText("replay-" + strconv.Itoa(i+1))}
		ev, err := d.do(wire.OperatorKey, open.Put)
		if err != nil {
			return err
		}
		var a wire.Account
		a.GetEvent(ev)
		d.accounts[i] = a.ID
		// The first half buys and the second half sells: each gets what it needs, far more than a day can hold.
		deposit := wire.Transfer{Account: a.ID, Asset: quote, Amount: wire.Amount{Hi: 1 << 48}, Reference: wire.MustText("replay")}
		if i >= accountsPerSide {
			deposit.Asset = base
		}
		if _, err := d.do(custodianKey, deposit.PutDeposit); err != nil {
			return err
		}
	}
	d.phase = wire.Closed
	return nil
}

// Levels implements Depth.
func (d *EngineDriver) Levels(side book.Side, depth int, dst []book.Level) []book.Level {
	return d.engine.Book(d.instrument).Levels(side, depth, dst)
}

// account returns the account that an order is entered for.
func (d *EngineDriver) account(c *Command) wire.AccountID {
	i := c.ID % accountsPerSide
	if c.Side == book.Sell {
		i += accountsPerSide
	}
	return d.accounts[i]
}

// Apply implements Driver.
func (d *EngineDriver) Apply(c *Command, out *Outcome) error {
	d.timeNs = max(d.timeNs, c.TimeMs*1e6)
	switch c.Kind {
	case New:
		if err := d.toPhase(wire.Continuous, c, out); err != nil {
			return err
		}
		d.enter(c, out)
	case Enter, Resting:
		if err := d.toPhase(wire.Auction, c, out); err != nil {
			return err
		}
		d.enter(c, out)
	case Cancel:
		d.cancel(c, out)
	case Uncross:
		// A file may hold an auction into which nobody entered an order.
		if err := d.toPhase(wire.Auction, c, out); err != nil {
			return err
		}
		return d.toPhase(wire.Continuous, c, out)
	default:
		return fmt.Errorf("neutral: command %d of unknown kind %q", c.N, c.Kind)
	}
	return nil
}

// toPhase moves the instrument to a phase where it is in another; leaving Auction gives the auction's trades.
func (d *EngineDriver) toPhase(p wire.Phase, c *Command, out *Outcome) error {
	if d.phase == p {
		return nil
	}
	set := wire.SetPhase{Instrument: d.instrument, Phase: p}
	if _, err := d.do(wire.OperatorKey, set.Put); err != nil {
		return err
	}
	d.phase = p
	d.collect(c, out)
	return nil
}

func (d *EngineDriver) enter(c *Command, out *Outcome) {
	order := wire.NewOrder{
		Account: d.account(c), Instrument: d.instrument, Side: c.Side, Type: wire.Limit, TIF: c.TIF,
		Price: wire.Price(c.Price), Qty: wire.Qty(c.Qty), ClientID: clientID(c.ID),
	}
	if c.Market {
		order.Type = wire.Market
	}
	if _, err := d.do(d.trader, order.Put); err != nil {
		out.Refused = err.Error()
		return
	}
	d.collect(c, out)
}

func (d *EngineDriver) cancel(c *Command, out *Outcome) {
	cancel := wire.CancelOrder{Account: d.account(c), Target: wire.OrderRef{ClientID: clientID(c.ID)}}
	if _, err := d.do(d.trader, cancel.Put); err != nil {
		out.Refused = err.Error()
		return
	}
	d.collect(c, out)
}

// clientID is the set's order id as the engine's client order id.
func clientID(id uint64) wire.Text { return wire.MustText(strconv.FormatUint(id, 10)) }

// collect reads the events of the last command into out.
func (d *EngineDriver) collect(c *Command, out *Outcome) {
	for i := range d.events {
		e := &d.events[i]
		switch e.Kind {
		case wire.EvOrderAccepted:
			var m wire.OrderAccepted
			m.GetEvent(e)
			for uint64(len(d.orders)) <= uint64(m.Order) {
				d.orders = append(d.orders, 0)
			}
			d.orders[m.Order] = c.ID
		case wire.EvTrade:
			var m wire.Trade
			m.GetEvent(e)
			out.Trades = append(out.Trades, Trade{
				N: c.N, Buy: d.orders[m.BuyOrder], Sell: d.orders[m.SellOrder],
				Price: int64(m.Price), Qty: int64(m.Qty), Taker: m.Taker,
			})
		case wire.EvOrderCanceled:
			var m wire.OrderCanceled
			m.GetEvent(e)
			if c.Kind == Cancel {
				out.Left = int64(m.Left)
			}
		case wire.EvUncrossed:
			var m wire.Uncrossed
			m.GetEvent(e)
			out.Price, out.Volume = int64(m.Price), int64(m.Volume)
		}
	}
}

// Close implements Driver: it validates the engine and its money.
func (d *EngineDriver) Close() error {
	if err := d.engine.Validate(); err != nil {
		return err
	}
	return d.engine.CheckConservation()
}

// Hashes returns the engine's full and business hash.
func (d *EngineDriver) Hashes() (full, business uint64) { return d.engine.Hashes() }
