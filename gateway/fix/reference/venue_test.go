package reference

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"uncross/engine"
	"uncross/engine/wire"
	"uncross/gateway/fix/entry"
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

var cluster = [16]byte{1, 2, 3}

// noon of the venue's first day.
var noon = time.Date(2024, 5, 6, 12, 0, 0, 0, time.UTC)

func openVenue(t testing.TB) *venue {
	t.Helper()
	v := &venue{t: t, engine: engine.New(), events: ring.NewBroadcast[wire.Event](1 << 12), view: view.New(view.Options{}), timeNs: noon.UnixNano()}
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
	v.h = New(Config{View: v.view, History: v.hist})
	v.do(wire.NoKey, &wire.Genesis{Venue: wire.MustText("TEST"), ClusterID: cluster, OperatorPub: [32]byte{1}})
	return v
}

// Users 2 and 3 are of firm 2, user 4 of firm 3; key n+1 and account n are user n's.
func market(t testing.TB) *venue {
	v := openVenue(t)
	name := wire.MustText
	const op = wire.OperatorKey
	v.do(op, &wire.AddAsset{Code: name("BTC"), Decimals: 8})
	v.do(op, &wire.AddAsset{Code: name("USD"), Decimals: 5})
	v.do(op, &wire.AddAsset{Code: name("ETH"), Decimals: 8})
	v.instrument("BTC/USD", 1)
	v.instrument("ETH/USD", 3)
	v.do(op, &wire.AddFirm{Name: name("Broker")})
	v.do(op, &wire.AddFirm{Name: name("Other")})
	v.do(op, &wire.AddKey{User: wire.OperatorUser, Role: wire.Custodian, Pub: [32]byte{2}})
	for user := wire.UserID(2); user <= 4; user++ {
		v.do(op, &wire.AddUser{Firm: wire.FirmID(2 + user/4), Name: name(fmt.Sprint("user", user))})
		v.do(op, &wire.AddKey{User: user, Role: wire.Trader, Pub: [32]byte{byte(user + 1)}})
		v.do(op, &wire.AddAccount{User: user, Name: name(fmt.Sprint("acc", user))})
		for asset := wire.AssetID(1); asset <= 3; asset++ {
			m := wire.Transfer{Account: wire.AccountID(user), Asset: asset, Amount: wire.Amount{Lo: 1e15}, Reference: name(fmt.Sprint("r", user, asset))}
			c := wire.Command{Key: 2}
			m.PutDeposit(&c)
			v.apply(c)
		}
	}
	v.do(op, &wire.SetPhase{Instrument: 1, Phase: wire.Continuous})
	v.do(op, &wire.SetPhase{Instrument: 2, Phase: wire.Continuous})
	return v
}

func (v *venue) instrument(symbol string, base wire.AssetID) {
	v.do(wire.OperatorKey, &wire.AddInstrument{Symbol: wire.MustText(symbol), Base: base, Quote: 2, PriceDecimals: 2, TickSize: 5, LotSize: 100_000,
		Limits: wire.InstrumentLimits{MinPrice: 1, MaxPrice: 2_000_000, MinQty: 5, MaxQty: 1_000_000, MinNotional: 150_000, MakerBps: 10, TakerBps: 20}})
}

func (v *venue) do(key wire.KeyID, b interface{ Put(*wire.Command) }) []wire.Event {
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
	if seq := es[0].Seq; !v.view.WaitFor(seq, 10*time.Second) || !v.hist.WaitFor(seq, 10*time.Second) {
		v.t.Fatal("view or history did not follow")
	}
	return es
}

// order enters an order of a user and returns its command.
func (v *venue) order(user wire.UserID, in wire.InstrumentID, side wire.Side, price wire.Price, qty wire.Qty, id string) uint64 {
	v.t.Helper()
	es := v.do(wire.KeyID(user+1), &wire.NewOrder{Account: wire.AccountID(user), Instrument: in, Side: side, Type: wire.Limit, TIF: wire.GTC,
		Price: price, Qty: qty, ClientID: wire.MustText(id)})
	if es[0].Kind != wire.EvOrderAccepted {
		v.t.Fatalf("order %s: event %d", id, es[0].Kind)
	}
	return es[0].Seq
}

func trading(user wire.UserID) *entry.Session {
	return &entry.Session{Def: wire.Session{Kind: wire.TradingSession, Key: wire.KeyID(user + 1)}, User: user, Firm: wire.FirmID(2 + user/4)}
}

func dropCopy(user wire.UserID) *entry.Session {
	s := trading(user)
	s.Def.Kind = wire.DropCopySession
	return s
}

func marketData() *entry.Session {
	s := trading(2)
	s.Def.Kind = wire.MarketDataSession
	return s
}

func parse(t testing.TB, fields string) *message.Message {
	t.Helper()
	typ, rest, _ := strings.Cut(fields, "|")
	text := "8=FIX.4.4|9=0|35=" + typ + "|34=7|49=ALICE|52=20240506-10:00:00|56=UNCROSS|" + rest + "|10=000|"
	var m message.Message
	if err := m.Parse([]byte(strings.ReplaceAll(text, "|", "\x01"))); err != nil {
		t.Fatalf("%s: %v", fields, err)
	}
	return &m
}

// ask returns the answers to a message, one line each, or its refusal.
func (v *venue) ask(s *entry.Session, fields string) string {
	v.t.Helper()
	var out entry.Outcome
	v.h.Handle(s, parse(v.t, fields), &out)
	if out.Do == entry.Refuse {
		f := &out.Refusal
		return fmt.Sprintf("refused %d: %s id=%s symbol=%s", f.Kind, report.ReasonName(f.Reason), f.ClientID, f.SymbolText())
	}
	if out.Do != entry.Answer {
		v.t.Fatalf("%s: %d", fields, out.Do)
	}
	var lines []string
	for b := range out.Answers {
		lines = append(lines, strings.TrimSuffix(strings.ReplaceAll(string(b.AppendTo(nil)), "\x01", "|"), "|"))
	}
	for range out.Answers { // an answer may be left at any message
		break
	}
	return strings.Join(lines, "\n")
}

type line struct{ in, want string }

func (v *venue) run(s *entry.Session, lines []line) {
	v.t.Helper()
	for _, l := range lines {
		if got := v.ask(s, l.in); got != l.want {
			v.t.Errorf("%s\n got %s\nwant %s", l.in, got, l.want)
		}
	}
}
