package remote

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"time"

	"uncross/book"
	"uncross/gateway/auth"
	"uncross/gateway/client"
	"uncross/internal/neutral"
)

// DefaultBatch is how many orders and cancels go in one request: as many as a server takes.
const DefaultBatch = 100

// Config describes a run.
type Config struct {
	URL       string         // of the server, such as http://127.0.0.1:8080
	Prefix    string         // of the set's files
	Symbol    string         // of the instrument to make; the server must not have it yet
	Operator  *auth.Key      // makes what the run needs and moves the phases
	Custodian *auth.Key      // pays in; nil: the operator makes a key for that
	Roots     *x509.CertPool // see client.Config
	Batch     int            // orders in one request; 0: DefaultBatch
	Patience  time.Duration  // longest wait for one answer, with all repeats; 0: two minutes
	Progress  func(done uint64)
}

// Result is how a run compares with the exchange.
type Result struct {
	neutral.Result               // of the executions that came back
	History        neutral.Count // trades of the venue's history at the end, against the exchange's own
	HistoryFirst   string        // first difference of the history, "" when there is none
	Took           time.Duration // from the first order to the last answer
	Repeats        uint64        // answers that were those of an earlier sending
	FullHash       string        // the server's hashes at the end
	BusinessHash   string
}

// OK reports whether nothing differs.
func (r *Result) OK() bool { return r.Result.OK() && r.HistoryFirst == "" }

// Run is one replay on a server.
type Run struct {
	Config
	url, symbol                 string
	operator, custodian, trader *client.Client
	accounts                    [2 * accountsPerSide]string

	check    *neutral.Checker
	phase    string
	pending  []neutral.Command // not sent yet, of one phase
	ops      []client.Operation
	out      neutral.Outcome
	last     uint64            // greatest command number of the venue that an answer has named
	ids      map[string]uint64 // id in the set by the venue's order id
	numbers  map[string]uint64 // number in the set by the venue's command number
	finished Result
}

// Do carries out a set on a server and compares.
func Do(ctx context.Context, c Config) (Result, error) {
	if c.Batch <= 0 {
		c.Batch = DefaultBatch
	}
	if c.Patience <= 0 {
		c.Patience = 2 * time.Minute
	}
	r := &Run{Config: c, url: c.URL, symbol: c.Symbol, phase: "closed", ids: map[string]uint64{}, numbers: map[string]uint64{}}
	var err error
	if r.operator, err = client.New(client.Config{URL: c.URL, Key: c.Operator, Roots: c.Roots}); err != nil {
		return Result{}, err
	}
	if c.Custodian != nil {
		if r.custodian, err = client.New(client.Config{URL: c.URL, Key: c.Custodian, Roots: c.Roots}); err != nil {
			return Result{}, err
		}
	}
	commands, err := neutral.OpenCommands(c.Prefix)
	if err != nil {
		return Result{}, err
	}
	defer commands.Close()
	if r.check, err = neutral.NewChecker(c.Prefix, false); err != nil {
		return Result{}, err
	}
	defer r.check.Close()
	var first neutral.Command
	if err := commands.Next(&first); err != nil && err != io.EOF {
		return Result{}, err
	} else if err == nil && !replayable(&first) { // rows of that kind come first: nothing has been made on the server yet
		return Result{}, notReplayable(&first)
	}
	setUp, cancel := context.WithTimeout(ctx, c.Patience)
	defer cancel()
	if err := r.setUp(setUp); err != nil {
		return Result{}, err
	}
	start := time.Now()
	if err := r.all(ctx, &first, commands); err != nil {
		return Result{}, err
	}
	r.finished.Took = time.Since(start)
	if r.finished.Result, err = r.check.Finish(); err != nil {
		return Result{}, err
	}
	if err := r.compareHistory(ctx); err != nil {
		return Result{}, err
	}
	return r.finished, r.hashes(ctx)
}

// all carries out the commands in their order, beginning with c, which has been read already; it is zero where the set is
// empty.
func (r *Run) all(ctx context.Context, c *neutral.Command, commands *neutral.Commands) (err error) {
	for ; err == nil && c.N != 0; err = commands.Next(c) {
		if err := r.command(ctx, c); err != nil {
			return err
		}
		if r.Progress != nil {
			r.Progress(c.N)
		}
	}
	if err != nil && err != io.EOF {
		return err
	}
	return r.flush(ctx)
}

// replayable reports whether a gateway can be asked to do what c does.
func replayable(c *neutral.Command) bool { return c.Kind != neutral.Resting }

func notReplayable(c *neutral.Command) error {
	return fmt.Errorf("command %d: a row of kind %c can be replayed in process only", c.N, c.Kind)
}

func (r *Run) command(ctx context.Context, c *neutral.Command) error {
	switch c.Kind {
	case neutral.New:
		if err := r.toPhase(ctx, "continuous"); err != nil {
			return err
		}
	case neutral.Enter:
		if err := r.toPhase(ctx, "auction"); err != nil {
			return err
		}
	case neutral.Cancel:
	case neutral.Uncross:
		return r.uncross(ctx, c)
	default:
		return notReplayable(c)
	}
	r.pending = append(r.pending, *c)
	if len(r.pending) == r.Batch {
		return r.flush(ctx)
	}
	return nil
}

// flush sends what is pending and compares the answers.
func (r *Run) flush(ctx context.Context) error {
	if len(r.pending) == 0 {
		return nil
	}
	r.ops = r.ops[:0]
	for i := range r.pending {
		r.ops = append(r.ops, r.operation(&r.pending[i]))
	}
	ctx, cancel := context.WithTimeout(ctx, r.Patience)
	defer cancel()
	results, err := r.trader.Settle(ctx, r.ops)
	if err != nil {
		return fmt.Errorf("commands %d to %d: %w", r.pending[0].N, r.pending[len(r.pending)-1].N, err)
	}
	for i := range results {
		c := &r.pending[i]
		if err := r.answer(ctx, c, &results[i]); err != nil {
			return fmt.Errorf("command %d: %w", c.N, err)
		}
		if err := r.check.Check(c, &r.out, nil); err != nil {
			return err
		}
	}
	r.pending = r.pending[:0]
	return nil
}

// operation is a command as the server takes it.
func (r *Run) operation(c *neutral.Command) client.Operation {
	o := client.Operation{Op: "new", Account: r.account(c), ClientOrderID: strconv.FormatUint(c.ID, 10)}
	if c.Kind == neutral.Cancel {
		o.Op, o.OrigClientOrderID, o.ClientOrderID = "cancel", o.ClientOrderID, "c"+strconv.FormatUint(c.N, 10)
		return o
	}
	o.Symbol, o.Side, o.Type, o.TimeInForce = r.symbol, c.Side.String(), "limit", c.TIF.String()
	o.Quantity = strconv.FormatInt(c.Qty, 10)
	if c.Market {
		o.Type = "market"
	} else {
		o.Price = strconv.FormatInt(c.Price, 10)
	}
	return o
}

func (r *Run) account(c *neutral.Command) string {
	i := c.ID % accountsPerSide
	if c.Side == book.Sell {
		i += accountsPerSide
	}
	return r.accounts[i]
}

// answer reads what came of an order or a cancel.
func (r *Run) answer(ctx context.Context, c *neutral.Command, res *client.Result) error {
	r.out = neutral.Outcome{Trades: r.out.Trades[:0]}
	if res.Error != nil {
		r.out.Refused = res.Error.Error()
		return nil
	}
	o := res.Order
	if o.Repeat {
		r.finished.Repeats++
	}
	if err := r.saw(o.Command); err != nil {
		return err
	}
	if c.Kind == neutral.Cancel {
		var err error
		r.out.Left, err = strconv.ParseInt(o.Canceled, 10, 64)
		return err
	}
	r.ids[o.OrderID], r.numbers[o.Command] = c.ID, c.N
	if !o.FillsComplete {
		return r.fillsFromHistory(ctx, c, o.Command)
	}
	for _, f := range o.Fills {
		t := neutral.Trade{N: c.N, Taker: c.Side}
		if c.Side == book.Buy {
			t.Buy = c.ID
		} else {
			t.Sell = c.ID
		}
		var err1, err2 error
		t.Price, err1 = strconv.ParseInt(f.Price, 10, 64)
		t.Qty, err2 = strconv.ParseInt(f.Quantity, 10, 64)
		if err1 != nil || err2 != nil {
			return fmt.Errorf("a fill at price %q with quantity %q is not in whole numbers", f.Price, f.Quantity)
		}
		r.out.Trades = append(r.out.Trades, t)
	}
	return nil
}

// saw notes the number of a command of the venue.
func (r *Run) saw(command string) error {
	n, err := strconv.ParseUint(command, 10, 64)
	if err != nil {
		return fmt.Errorf("the server names a command %q: %w", command, err)
	}
	r.last = max(r.last, n)
	return nil
}

// toPhase moves the instrument to a phase where it is in another one.
func (r *Run) toPhase(ctx context.Context, phase string) error {
	if r.phase == phase {
		return nil
	}
	if err := r.flush(ctx); err != nil {
		return err
	}
	_, err := r.setPhase(ctx, phase)
	return err
}

// phaseAnswer is what the server answers to a change of phase.
type phaseAnswer struct {
	Command   string `json:"command"`
	Uncrossed *struct {
		Price  string `json:"price"`
		Volume string `json:"volume"`
	} `json:"uncrossed"`
}

func (r *Run) setPhase(ctx context.Context, phase string) (phaseAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, r.Patience)
	defer cancel()
	var a phaseAnswer
	if err := r.operator.Until(ctx, "POST", r.instrumentPath("/phase"), object{"phase": phase}, &a); err != nil {
		return a, fmt.Errorf("moving to phase %s: %w", phase, err)
	}
	r.phase = phase
	return a, nil
}

// uncross ends the auction. Its trades come from the history: also those of a change of phase whose answer was lost.
func (r *Run) uncross(ctx context.Context, c *neutral.Command) error {
	if err := r.toPhase(ctx, "auction"); err != nil {
		return err
	}
	if err := r.flush(ctx); err != nil {
		return err
	}
	before := r.last
	a, err := r.setPhase(ctx, "continuous")
	if err != nil {
		return err
	}
	r.out = neutral.Outcome{Trades: r.out.Trades[:0]}
	err = r.trades(ctx, before, func(t *historyTrade) error {
		r.numbers[t.Command] = c.N
		trade, err := r.trade(t)
		r.out.Trades = append(r.out.Trades, trade)
		r.out.Price = trade.Price
		r.out.Volume += trade.Qty
		return err
	})
	if err != nil {
		return err
	}
	if u := a.Uncrossed; u != nil {
		if v := strconv.FormatInt(r.out.Volume, 10); u.Volume != v || u.Price != "" && u.Price != strconv.FormatInt(r.out.Price, 10) {
			return fmt.Errorf("command %d: the auction's answer says %s at %s, its trades in the history %s at %d", c.N, u.Volume, u.Price, v, r.out.Price)
		}
	}
	if err := r.saw(a.Command); err != nil {
		return err
	}
	return r.check.Check(c, &r.out, nil)
}

func (r *Run) instrumentPath(below string) string {
	if below == "" {
		return "/v1/instruments/" + url.PathEscape(r.symbol)
	}
	return "/v1/admin/instruments/" + url.PathEscape(r.symbol) + below
}

// hashes asks the server for the hashes of its state.
func (r *Run) hashes(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, r.Patience)
	defer cancel()
	var s struct {
		Full     string `json:"full_hash"`
		Business string `json:"business_hash"`
	}
	err := r.operator.Until(ctx, "GET", "/v1/status", nil, &s)
	r.finished.FullHash, r.finished.BusinessHash = s.Full, s.Business
	return err
}
