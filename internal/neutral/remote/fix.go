package remote

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"uncross/book"
	"uncross/gateway/fix/initiator"
	"uncross/gateway/fix/message"
	"uncross/internal/neutral"
)

// FIX says how orders and cancels go in by FIX.
type FIX struct {
	Address  string      // host:port
	Further  []string    // addresses of further nodes of the same venue
	TLS      *tls.Config // nil: plain TCP
	CompID   string      // ours; the run defines the session, so the name must be free
	Password string
	Target   string // the venue's CompID; default DefaultTarget
	Window   int    // orders and cancels sent ahead of the answers; default DefaultWindow
	DropCopy string // CompID of a drop copy session, which is held against the trading session's reports; "": none
}

// Defaults of FIX.
const (
	DefaultTarget = "UNCROSS"
	DefaultWindow = 1000
)

func (f FIX) withDefaults() FIX {
	if f.Target == "" {
		f.Target = DefaultTarget
	}
	if f.Window <= 0 {
		f.Window = DefaultWindow
	}
	return f
}

// FIXResult is what a run by FIX has seen beside the trades.
type FIXResult struct {
	Reports     uint64 // execution reports and cancel rejects, each once
	Fills       uint64 // of them, one side of a trade
	Copies      uint64 // reports of the drop copy session, each once
	Again       uint64 // messages that came with PossDupFlag for the first time: they were sent before, and had not arrived
	Repeats     uint64 // messages that came again and were the same, byte for byte
	Connections uint64 // of the trading session
	First       string // what was wrong first about a report itself, "" when nothing was
}

// fixDesk enters orders by one FIX session, so that they enter in their order, with many of them under way. All orders of
// the day are of its accounts: every trade comes back as two reports, one of either side.
//
// The session's own goroutine puts reports in the inbox, everything else is the run's goroutine's.
type fixDesk struct {
	*Run
	session *initiator.Initiator
	copies  *dropCopy // nil: there is none
	inbox   inbox
	body    *message.Body

	sent   []neutral.Command // not answered yet, in the order of sending; from first on
	first  int
	now    neutral.Command // the one whose reports are coming; N 0: none
	check  reportCheck
	busy   bool // something entered since the last settle
	result *FIXResult
}

// openFIX logs on.
func openFIX(ctx context.Context, r *Run) (*fixDesk, error) {
	d := &fixDesk{Run: r, body: message.NewBody(message.NewOrderSingle), result: &FIXResult{}}
	r.finished.FIX = d.result
	d.inbox.fresh = make(chan struct{}, 1)
	d.check = newReportCheck(r.symbol, d.result)
	var err error
	d.session, err = initiator.Open(r.FIX.config(r.FIX.CompID, d.take, func(e initiator.Event) {
		if e.Kind == initiator.LoggedOn {
			d.inbox.add(func() { d.result.Connections++ })
		}
	}))
	if err != nil {
		return nil, err
	}
	if r.FIX.DropCopy != "" {
		if d.copies, err = openDropCopy(r.FIX); err != nil {
			d.close()
			return nil, err
		}
		err = d.copies.session.WaitLogon(ctx)
	}
	if err = errors.Join(err, d.session.WaitLogon(ctx)); err != nil {
		d.close()
		return nil, fmt.Errorf("logging on by FIX at %s: %w", r.FIX.Address, err)
	}
	return d, nil
}

// config is that of one of the run's sessions.
func (f *FIX) config(compID string, take func(*message.Message, bool), session func(initiator.Event)) initiator.Config {
	return initiator.Config{Address: f.Address, Addresses: f.Further, TLS: f.TLS, Sender: compID, Target: f.Target, Password: f.Password, OnMessage: take, OnSession: session}
}

// closeTime bounds a logout.
const closeTime = 5 * time.Second

func closeSession(s *initiator.Initiator) {
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	_ = s.Close(ctx) // the run is over, and has what it wanted to know
}

func (d *fixDesk) close() {
	closeSession(d.session)
	if d.copies != nil {
		closeSession(d.copies.session)
	}
}

// inbox is what came and has not been looked at.
type inbox struct {
	mu      sync.Mutex
	reports []fixReport
	fresh   chan struct{} // capacity 1
}

func (b *inbox) add(fn func()) {
	b.mu.Lock()
	fn()
	b.mu.Unlock()
	select {
	case b.fresh <- struct{}{}:
	default:
	}
}

// take is called by the session's goroutine.
func (d *fixDesk) take(m *message.Message, repeat bool) {
	r := parseReport(m, repeat)
	d.inbox.add(func() { d.inbox.reports = append(d.inbox.reports, r) })
}

// look deals with all that has come.
func (d *fixDesk) look() error {
	d.inbox.mu.Lock()
	reports := d.inbox.reports
	d.inbox.reports = nil
	d.inbox.mu.Unlock()
	for i := range reports {
		if err := d.report(&reports[i]); err != nil {
			return err
		}
	}
	return nil
}

// wait deals with what comes until done says that it is enough.
func (d *fixDesk) wait(ctx context.Context, what string, done func() bool) error {
	timer := time.NewTimer(d.Patience)
	defer timer.Stop()
	for {
		if err := d.look(); err != nil {
			return err
		}
		if done() {
			return nil
		}
		select {
		case <-d.inbox.fresh:
			timer.Reset(d.Patience)
		case <-timer.C:
			in, out := d.session.Numbers()
			return fmt.Errorf("waiting for %s: nothing came for %v; next numbers %d in, %d out; %d commands are not answered, first %v",
				what, d.Patience, in, out, len(d.sent)-d.first, d.oldest())
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (d *fixDesk) oldest() any {
	if d.first < len(d.sent) {
		return &d.sent[d.first]
	}
	return "none"
}

// enter sends a command once there is room in the window.
func (d *fixDesk) enter(ctx context.Context, c *neutral.Command) error {
	if len(d.sent)-d.first >= d.FIX.Window {
		err := d.wait(ctx, "answers", func() bool { return len(d.sent)-d.first < d.FIX.Window })
		if err != nil {
			return err
		}
	}
	if d.first > 4*d.FIX.Window {
		d.sent = append(d.sent[:0], d.sent[d.first:]...)
		d.first = 0
	}
	d.sent = append(d.sent, *c)
	d.busy = true
	for {
		_, err := d.session.Send(d.order(c))
		if !errors.Is(err, initiator.ErrBusy) {
			return err
		}
		time.Sleep(time.Millisecond)
	}
}

// order is a command as a FIX message.
func (d *fixDesk) order(c *neutral.Command) *message.Body {
	b, now := d.body, time.Now().UnixNano()
	side := byte('1')
	if c.Side == book.Sell {
		side = '2'
	}
	if c.Kind == neutral.Cancel {
		b.Reset(message.OrderCancelRequest).Str(message.TagOrigClOrdID, orderName(c.ID)).Str(message.TagClOrdID, cancelName(c.N))
		b.Str(message.TagAccount, d.account(c)).Str(message.TagSymbol, d.symbol).Char(message.TagSide, side).Time(message.TagTransactTime, now)
		if o := d.check.orders[c.ID]; o != nil {
			b.Int(message.TagOrderQty, o.qty)
		}
		return b
	}
	d.check.expect(c, d.account(c), side)
	b.Reset(message.NewOrderSingle).Str(message.TagClOrdID, orderName(c.ID)).Str(message.TagAccount, d.account(c))
	b.Str(message.TagSymbol, d.symbol).Char(message.TagSide, side).Time(message.TagTransactTime, now).Int(message.TagOrderQty, c.Qty)
	if c.Market {
		b.Char(message.TagOrdType, '1')
	} else {
		b.Char(message.TagOrdType, '2').Int(message.TagPrice, c.Price)
	}
	tif := byte('1')
	if c.TIF == book.IOC {
		tif = '3'
	}
	return b.Char(message.TagTimeInForce, tif)
}

// Client order ids of the run.
func orderName(id uint64) string { return strconv.FormatUint(id, 10) }
func cancelName(n uint64) string { return "c" + strconv.FormatUint(n, 10) }

// settle implements desk. A test request that is answered shows that there are no further reports of what was sent before.
func (d *fixDesk) settle(ctx context.Context) error {
	if !d.busy {
		return nil
	}
	if err := d.wait(ctx, "the last answers", func() bool { return d.first == len(d.sent) }); err != nil {
		return err
	}
	if err := d.barrier(ctx); err != nil {
		return err
	}
	d.busy = false
	return d.complete()
}

// barrier returns when all reports of what the venue has done so far are here.
func (d *fixDesk) barrier(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, d.Patience)
	defer cancel()
	if err := d.session.RoundTrip(limited); err != nil {
		return fmt.Errorf("waiting for the answer to a test request: %w", err)
	}
	return d.look()
}

// complete compares the command whose reports are all here.
func (d *fixDesk) complete() error {
	if d.now.N == 0 {
		return nil
	}
	d.check.whole()
	err := d.Run.check.Check(&d.now, &d.out, nil)
	d.now = neutral.Command{}
	return err
}

// auction implements desk.
func (d *fixDesk) auction(ctx context.Context, c *neutral.Command, _ uint64) error {
	d.now = *c
	if err := d.barrier(ctx); err != nil {
		return err
	}
	d.check.whole()
	d.now = neutral.Command{} // the run compares it
	return nil
}

// report deals with one message of the session.
func (d *fixDesk) report(r *fixReport) error {
	fresh, err := d.check.arrived(r)
	if err != nil || !fresh {
		return err
	}
	if d.next(r) {
		if err := d.complete(); err != nil {
			return err
		}
		d.now, d.out = d.sent[d.first], neutral.Outcome{Trades: d.out.Trades[:0]}
		d.first++
	}
	o := d.check.report(r)
	if o != nil {
		if err := d.saw(r.command()); err != nil {
			return err
		}
		d.ids[r.orderID] = o.id
	}
	switch {
	case r.msgType == message.OrderCancelReject:
		d.out.Refused = "cancel refused: " + r.text
	case r.execType == execRejected:
		d.out.Refused = "order refused: " + r.text
	case r.execType == execCanceled && r.orig != "" && o != nil:
		d.out.Left = o.qty - o.cum
	case r.execType == execTrade && o != nil:
		d.numbers[r.command()] = d.now.N
		if t, ok := d.check.trade(r, o); ok {
			t.N = d.now.N
			d.out.Trades = append(d.out.Trades, t)
			if d.now.Kind == neutral.Uncross {
				d.out.Price = t.Price
				d.out.Volume += t.Qty
			}
		}
	}
	return nil
}

// next reports whether r is the first answer to the next command that was sent.
func (d *fixDesk) next(r *fixReport) bool {
	if d.first == len(d.sent) {
		return false
	}
	c := &d.sent[d.first]
	if c.Kind == neutral.Cancel {
		return r.clOrd == cancelName(c.N)
	}
	return r.clOrd == orderName(c.ID) && (r.execType == execNew || r.execType == execRejected)
}

// againPage is how many messages are asked for again at once at the end.
const againPage = 10_000

// finish implements desk: it asks for all messages again, and holds the drop copies against the reports.
func (d *fixDesk) finish(ctx context.Context) error {
	next, _ := d.session.Numbers()
	for from := uint64(1); from < next; from += againPage {
		to := min(from+againPage-1, next-1)
		asked, wanted := uint64(0), d.check.wanted(from, to)
		err := d.wait(ctx, "repeats that were asked for", func() bool {
			if connections := d.connections(); wanted() > 0 && connections != asked {
				if d.session.AskAgain(from, to) == nil {
					asked = connections
				}
			}
			return wanted() == 0
		})
		if err != nil {
			return err
		}
	}
	if d.copies == nil {
		return nil
	}
	return d.copies.compare(ctx, d)
}

func (d *fixDesk) connections() uint64 {
	d.inbox.mu.Lock()
	defer d.inbox.mu.Unlock()
	return d.result.Connections
}
