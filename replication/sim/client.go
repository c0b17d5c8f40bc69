package sim

import (
	"errors"
	"fmt"
	"time"

	"uncross/engine/amount"
	"uncross/engine/wire"
	"uncross/replication"
)

// How the clients behave.
const (
	patience  = 1500 * time.Millisecond // before a request is sent again
	burst     = 4                       // requests that one client sends without waiting
	customers = 4                       // clients
	firstNode = 1000                    // origins of client n have this and n as their node
)

// The venue's keys and accounts, as setup makes them.
const (
	traderKey    wire.KeyID        = 2
	custodianKey wire.KeyID        = 3
	firstAccount wire.AccountID    = 2
	usd          wire.AssetID      = 1
	acme         wire.AssetID      = 2
	gold         wire.AssetID      = 3 // comes and goes by transfers alone
	wide         wire.InstrumentID = 1
	narrow       wire.InstrumentID = 2 // has one price
	onlyPrice    wire.Price        = 1000
)

// client is one user of the venue. It sends requests with unique client ids to whichever node it believes to lead, and
// sends them again until each has its answer.
type client struct {
	w      *world
	number int
	dice   *dice
	sent   uint64
	ids    int
	orders []wire.Text // client ids of orders that it entered …
	wide   []wire.Text // … and of those on the wide instrument
	box    *box        // that it believes to lead
}

func (w *world) newClient(number int) *client {
	return &client{w: w, number: number, dice: newDice(w.o.Seed, byte('A'+number))}
}

func (c *client) account() wire.AccountID { return firstAccount + wire.AccountID(c.number) }

// run works until the world stops asking for more.
func (c *client) run() {
	for !c.w.closing.Load() {
		jobs := make([]*job, 1+c.dice.n(burst))
		for i := range jobs {
			jobs[i] = c.w.oracle.newJob(c, c.request())
		}
		if !c.do(jobs) {
			return
		}
		time.Sleep(c.dice.between(time.Millisecond, 60*time.Millisecond))
	}
}

// do sends the jobs in order, and those without an answer again, until all have one. It returns false when the world has
// ended before.
func (c *client) do(jobs []*job) bool {
	for {
		var calls []*call
		x := c.node()
		if x == nil {
			return false
		}
		for _, j := range jobs {
			if !c.w.oracle.answered(j) {
				k, ok := c.send(j, x)
				calls = append(calls, k)
				if !ok {
					break // those behind it would overtake it
				}
			}
		}
		if len(calls) == 0 {
			return true
		}
		if !c.wait(calls) {
			c.box = nil
			time.Sleep(c.dice.between(5*time.Millisecond, 80*time.Millisecond))
		}
		select {
		case <-c.w.over:
			return false
		default:
		}
	}
}

// node waits for a process to send to.
func (c *client) node() *incarnation {
	for {
		if c.box == nil {
			c.box = c.w.someBox(c.dice)
		}
		x := c.box.process()
		if x != nil && x.node.Ready() {
			return x
		}
		if x != nil {
			c.box = c.w.boxOf(x.node.Status().LeaderID)
			if c.box != nil && c.box.process() != nil && c.box.process().node.Ready() {
				continue
			}
		}
		c.box = nil
		select {
		case <-c.w.over:
			return nil
		case <-time.After(c.dice.between(5*time.Millisecond, 50*time.Millisecond)):
		}
	}
}

// send makes one call, and reports whether the node took it.
func (c *client) send(j *job, x *incarnation) (*call, bool) {
	c.sent++
	origin := wire.Origin{Node: firstNode + uint64(c.number), Seq: c.sent}
	k := c.w.oracle.send(j, x, origin)
	command := j.command
	command.Origin = origin
	c.w.spoil(&command, len(j.calls))
	err := x.node.Submit(&command)
	if err != nil {
		c.w.oracle.refused(x, origin, err)
	}
	return k, err == nil
}

// wait waits for the results of calls, and reports whether all are answered.
func (c *client) wait(calls []*call) bool {
	all := true
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for _, k := range calls {
		select {
		case r := <-k.done:
			if r.err != nil {
				all = false
				if errors.Is(r.err, replication.ErrUnknownOutcome) {
					c.w.trace.add("client %d: the outcome of call %d is unknown", c.number, k.number)
				}
			}
		case <-limit.C:
			c.w.trace.add("client %d: no answer to call %d from %s", c.number, k.number, k.node)
			return false
		case <-c.w.over:
			return false
		}
	}
	return all
}

// request makes the next thing to want.
func (c *client) request() (m wire.Command) {
	m.Key = traderKey
	n := c.dice.n(100)
	if len(c.orders) == 0 {
		n = 0
	}
	switch {
	case n < 50:
		o := c.order()
		o.Put(&m)
	case n < 65:
		(&wire.CancelOrder{Account: c.account(), Target: c.target(c.orders), ClientID: c.id()}).Put(&m)
	case n < 72 && len(c.wide) > 0:
		(&wire.ReplaceOrder{
			Account: c.account(), Target: c.target(c.wide), ClientID: c.id(),
			Price: wire.Price(990 + c.dice.n(20)), Qty: wire.Qty(1 + c.dice.n(80)),
		}).Put(&m)
	case n < 80:
		(&wire.QueryOrder{Account: c.account(), Target: c.target(c.orders)}).Put(&m)
	default:
		// Of anybody's account, so that clients meet.
		m.Key = custodianKey
		t := wire.Transfer{
			Account: firstAccount + wire.AccountID(c.dice.n(customers)), Asset: gold,
			Amount: amount.FromUint64(uint64(1 + c.dice.n(100))), Reference: c.id(),
		}
		if c.dice.n(2) == 0 {
			t.PutDeposit(&m)
		} else {
			t.PutWithdraw(&m)
		}
	}
	return m
}

// order makes an order: on the wide instrument, or on the one that has one price.
func (c *client) order() wire.NewOrder {
	o := wire.NewOrder{
		Account: c.account(), Instrument: wide, Side: wire.Side(1 + c.dice.n(2)), Type: wire.Limit, TIF: wire.GTC,
		Price: wire.Price(990 + c.dice.n(20)), Qty: wire.Qty(1 + c.dice.n(50)), ClientID: c.id(),
	}
	c.orders = append(c.orders, o.ClientID)
	if c.dice.n(3) == 0 {
		o.Instrument, o.Price = narrow, onlyPrice
		return o
	}
	c.wide = append(c.wide, o.ClientID)
	if c.dice.n(5) == 0 {
		o.TIF = wire.IOC
	}
	return o
}

func (c *client) id() wire.Text {
	c.ids++
	return wire.MustText(fmt.Sprintf("c%d-%d", c.number, c.ids))
}

// target names one of the last of some orders.
func (c *client) target(orders []wire.Text) wire.OrderRef {
	recent := orders[max(0, len(orders)-10):]
	return wire.OrderRef{ClientID: recent[c.dice.n(len(recent))]}
}

// setup returns the commands that make a venue with two instruments in continuous trading and a funded account for each
// client.
func setup() []wire.Command {
	var all []wire.Command
	add := func(key wire.KeyID, put func(*wire.Command)) {
		var c wire.Command
		put(&c)
		c.Key = key
		all = append(all, c)
	}
	pub := func(b byte) (p [32]byte) { p[0], p[31] = b, b; return p }
	text := wire.MustText
	add(wire.NoKey, (&wire.Genesis{Venue: text("sim"), ClusterID: [16]byte{1}, OperatorPub: pub(1)}).Put)
	add(wire.OperatorKey, (&wire.AddAsset{Code: text("USD"), Decimals: 2}).Put)
	add(wire.OperatorKey, (&wire.AddAsset{Code: text("ACME"), Decimals: 0}).Put)
	add(wire.OperatorKey, (&wire.AddAsset{Code: text("GOLD"), Decimals: 0}).Put)
	for _, i := range []struct {
		symbol      string
		least, most wire.Price
	}{{"ACME-USD", 1, 1_000_000}, {"ACME-FIX", onlyPrice, onlyPrice}} {
		add(wire.OperatorKey, (&wire.AddInstrument{
			Symbol: text(i.symbol), Base: acme, Quote: usd, PriceDecimals: 2, TickSize: 1, LotSize: 1,
			Limits: wire.InstrumentLimits{MinPrice: i.least, MaxPrice: i.most, MinQty: 1, MaxQty: 1_000_000, MakerBps: 1, TakerBps: 2},
		}).Put)
	}
	add(wire.OperatorKey, (&wire.AddFirm{Name: text("broker")}).Put)
	add(wire.OperatorKey, (&wire.AddUser{Firm: 2, Name: text("trader")}).Put)
	add(wire.OperatorKey, (&wire.AddKey{User: 2, Role: wire.Trader, Pub: pub(2)}).Put)
	add(wire.OperatorKey, (&wire.AddKey{User: 2, Role: wire.Custodian, Pub: pub(3)}).Put)
	for i := range customers {
		add(wire.OperatorKey, (&wire.AddAccount{User: 2, Name: text(fmt.Sprint("account ", i))}).Put)
	}
	for i := range customers {
		for _, asset := range []wire.AssetID{usd, acme} {
			t := wire.Transfer{Account: firstAccount + wire.AccountID(i), Asset: asset, Amount: amount.FromUint64(1 << 40), Reference: text(fmt.Sprint("d", i, asset))}
			add(custodianKey, t.PutDeposit)
		}
	}
	add(wire.OperatorKey, (&wire.SetPhase{Instrument: wide, Phase: wire.Continuous}).Put)
	add(wire.OperatorKey, (&wire.SetPhase{Instrument: narrow, Phase: wire.Continuous}).Put)
	return all
}
