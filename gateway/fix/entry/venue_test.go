package entry

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"uncross/engine"
	"uncross/engine/wire"
	"uncross/gateway/fix/message"
	"uncross/gateway/fix/report"
	"uncross/gateway/history"
	"uncross/gateway/view"
	"uncross/internal/ring"
)

// venue is a real engine with the view and the history that its events make.
type venue struct {
	t      testing.TB
	engine *engine.Engine
	events *ring.Broadcast[wire.Event]
	view   *view.View
	hist   *history.Store
	timeNs int64
	h      *Handler
}

// The keys, users and accounts of the test venue. Alice has two accounts.
const (
	custodianKey = wire.KeyID(2)
	aliceKey     = wire.KeyID(3)
	bobKey       = wire.KeyID(4)
	alice        = wire.UserID(2)
	bob          = wire.UserID(3)
	aliceMain    = wire.AccountID(2)
	bobMain      = wire.AccountID(3)
	aliceSpare   = wire.AccountID(4)
	theFirm      = wire.FirmID(2)
)

var cluster = [16]byte{1, 2, 3}

func openVenue(t testing.TB) *venue {
	t.Helper()
	v := &venue{t: t, engine: engine.New(), events: ring.NewBroadcast[wire.Event](1 << 12), view: view.New(view.Options{}),
		timeNs: time.Date(2024, 5, 6, 10, 0, 0, 0, time.UTC).UnixNano()}
	var err error
	if v.hist, err = history.Open("history", history.Options{FS: vfs.NewMem(), ClusterID: cluster, Fatal: func(err error) { panic(err) }}); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var running sync.WaitGroup
	for name, run := range map[string]func(r *ring.Reader[wire.Event]) error{
		"view":    func(r *ring.Reader[wire.Event]) error { return v.view.Run(r, stop) },
		"history": func(r *ring.Reader[wire.Event]) error { return v.hist.Run(r, stop) },
	} {
		r := v.events.Reader(name, true)
		running.Go(func() {
			defer r.Close()
			if err := run(r); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	t.Cleanup(func() {
		close(stop)
		running.Wait()
		if err := v.hist.Close(); err != nil {
			t.Errorf("close the history: %v", err)
		}
	})
	v.setUp()
	v.h = New(Config{View: v.view, History: v.hist})
	return v
}

type body interface{ Put(*wire.Command) }

func (v *venue) setUp() {
	name := wire.MustText
	v.do(wire.NoKey, &wire.Genesis{Venue: name("TEST"), ClusterID: cluster, OperatorPub: [32]byte{1}})
	const op = wire.OperatorKey
	v.do(op, &wire.AddAsset{Code: name("BTC"), Decimals: 8})
	v.do(op, &wire.AddAsset{Code: name("USD"), Decimals: 5})
	v.do(op, &wire.AddAsset{Code: name("ETH"), Decimals: 8})
	limits := wire.InstrumentLimits{MinPrice: 1, MaxPrice: 2_000_000, MinQty: 1, MaxQty: 1_000_000, MakerBps: 10, TakerBps: 20}
	v.do(op, &wire.AddInstrument{Symbol: name("BTC/USD"), Base: 1, Quote: 2, PriceDecimals: 2, TickSize: 5, LotSize: 100_000, Limits: limits})
	v.do(op, &wire.AddInstrument{Symbol: name("ETH/USD"), Base: 3, Quote: 2, PriceDecimals: 2, TickSize: 5, LotSize: 100_000, Limits: limits})
	v.do(op, &wire.AddFirm{Name: name("Broker")})
	v.do(op, &wire.AddKey{User: wire.OperatorUser, Role: wire.Custodian, Pub: [32]byte{2}})
	v.do(op, &wire.AddUser{Firm: theFirm, Name: name("alice")})
	v.do(op, &wire.AddUser{Firm: theFirm, Name: name("bob")})
	v.do(op, &wire.AddKey{User: alice, Role: wire.Trader, Pub: [32]byte{3}})
	v.do(op, &wire.AddKey{User: bob, Role: wire.Trader, Pub: [32]byte{4}})
	v.do(op, &wire.AddAccount{User: alice, Name: name("alice-main")})
	v.do(op, &wire.AddAccount{User: bob, Name: name("bob-main")})
	v.do(op, &wire.AddAccount{User: alice, Name: name("alice-spare")})
	for acc := aliceMain; acc <= aliceSpare; acc++ {
		for asset := wire.AssetID(1); asset <= 3; asset++ {
			m := wire.Transfer{Account: acc, Asset: asset, Amount: wire.Amount{Lo: 1_000_000_000_000_000}, Reference: name(fmt.Sprint("r", acc, asset))}
			var c wire.Command
			c.Key = custodianKey
			m.PutDeposit(&c)
			v.apply(c)
		}
	}
	v.do(op, &wire.SetPhase{Instrument: 1, Phase: wire.Continuous})
	v.do(op, &wire.SetPhase{Instrument: 2, Phase: wire.Continuous})
}

func (v *venue) do(key wire.KeyID, b body) []wire.Event {
	v.t.Helper()
	c := wire.Command{Key: key}
	b.Put(&c)
	return v.apply(c)
}

// apply runs a command and waits until view and history have it. Every command comes a second after the one before.
func (v *venue) apply(c wire.Command) []wire.Event {
	v.t.Helper()
	v.timeNs += int64(time.Second)
	c.TimeNs = v.timeNs
	es := v.engine.Apply(&c, nil)
	v.events.Publish(es)
	seq := es[0].Seq
	if !v.view.WaitFor(seq, 10*time.Second) || !v.hist.WaitFor(seq, 10*time.Second) {
		v.t.Fatal("view or history did not follow")
	}
	return es
}

// session returns a trading session of alice.
func session() *Session {
	return &Session{Def: wire.Session{ID: 1, Key: aliceKey, Kind: wire.TradingSession, Account: aliceMain}, User: alice, Firm: theFirm}
}

// parse makes a message of fields that | separates; a header and a trailer are put around them.
func parse(t testing.TB, fields string) *message.Message {
	t.Helper()
	typ, rest, _ := strings.Cut(fields, "|")
	text := "8=FIX.4.4|9=0|35=" + typ + "|34=7|49=ALICE|52=20240506-10:00:00|56=UNCROSS|" + rest
	if rest != "" {
		text += "|"
	}
	var m message.Message
	if err := m.Parse([]byte(strings.ReplaceAll(text+"10=000|", "|", "\x01"))); err != nil {
		t.Fatalf("%s: %v", fields, err)
	}
	return &m
}

// ask handles a message and tells what it comes to.
func (v *venue) ask(s *Session, fields string) string {
	v.t.Helper()
	var out Outcome
	v.h.Handle(s, parse(v.t, fields), &out)
	return v.tell(&out)
}

// tell writes an outcome as a line of text; answers as one line each.
func (v *venue) tell(o *Outcome) string {
	v.t.Helper()
	switch o.Do {
	case Submit:
		if announced := o.Command.Kind == wire.CmdCancelAll; o.Announced != announced {
			v.t.Errorf("%v announced: %v", o.Command.Kind, o.Announced)
		}
		return tellCommand(v.t, &o.Command)
	case Refuse:
		f := &o.Refusal
		if f.Kind == wire.RefusedCancel || f.Kind == wire.RefusedReplace {
			acc, id := report.Target(f)
			return fmt.Sprintf("refused %d: %s tag=%d side=%d id=%s target=%s acc=%d order=%d", f.Kind, report.ReasonName(f.Reason), f.Arg, f.Side,
				f.ClientID, f.Target, acc, id)
		}
		return fmt.Sprintf("refused %d: %s tag=%d side=%d id=%s target=%s symbol=%s", f.Kind, report.ReasonName(f.Reason), f.Arg, f.Side,
			f.ClientID, f.Target, f.SymbolText())
	case Answer:
		var lines []string
		for b := range o.Answers {
			lines = append(lines, tellBody(v.t, b))
		}
		return strings.Join(lines, "\n")
	case Reject:
		return fmt.Sprintf("reject %d tag=%d: %s", o.Violation.Reason, o.Violation.Tag, o.Violation.Text)
	}
	return "nothing"
}

func tellBody(t testing.TB, b *message.Body) string {
	t.Helper()
	stored := b.AppendTo(nil)
	again, err := message.ParseBody(stored)
	if err != nil || again.Type() != b.Type() {
		t.Errorf("%q does not read back: %v", stored, err)
	}
	return strings.TrimSuffix(strings.ReplaceAll(string(stored), "\x01", "|"), "|")
}

func tellCommand(t testing.TB, c *wire.Command) string {
	t.Helper()
	ref := func(r wire.OrderRef) string {
		return fmt.Sprintf("order=%d/%s/%d", r.Order, r.ClientID, r.Instrument)
	}
	switch c.Kind {
	case wire.CmdNewOrder:
		var m wire.NewOrder
		m.Get(c)
		return fmt.Sprintf("new acc=%d in=%d %v %v %v flags=%d price=%d qty=%d funds=%d id=%s", m.Account, m.Instrument, m.Side, m.Type, m.TIF,
			m.Flags, m.Price, m.Qty, m.Funds.Lo, m.ClientID)
	case wire.CmdCancelOrder:
		var m wire.CancelOrder
		m.Get(c)
		return fmt.Sprintf("cancel acc=%d %s id=%s", m.Account, ref(m.Target), m.ClientID)
	case wire.CmdReplaceOrder:
		var m wire.ReplaceOrder
		m.Get(c)
		return fmt.Sprintf("replace acc=%d %s price=%d qty=%d id=%s", m.Account, ref(m.Target), m.Price, m.Qty, m.ClientID)
	case wire.CmdCancelAll:
		var m wire.CancelAll
		m.Get(c)
		return fmt.Sprintf("cancel-all acc=%d in=%d", m.Account, m.Instrument)
	case wire.CmdQueryOrder:
		var m wire.QueryOrder
		m.Get(c)
		return fmt.Sprintf("query acc=%d %s", m.Account, ref(m.Target))
	}
	t.Fatalf("command of kind %d", c.Kind)
	return ""
}

// send handles a message that comes to a command, and runs it.
func (v *venue) send(s *Session, fields string) []wire.Event {
	v.t.Helper()
	var out Outcome
	v.h.Handle(s, parse(v.t, fields), &out)
	if out.Do != Submit {
		v.t.Fatalf("%s: %s", fields, v.tell(&out))
	}
	out.Command.Key = s.Def.Key
	return v.apply(out.Command)
}
