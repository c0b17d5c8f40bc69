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
	URL       string         // of the server's REST interface, such as http://127.0.0.1:8080
	URLs      []string       // of further nodes of the same venue
	FIX       *FIX           // where orders and cancels go in; nil: by the REST interface as well
	Prefix    string         // of the set's files
	Symbol    string         // of the instrument to make; the server must not have it yet
	Operator  *auth.Key      // makes what the run needs and moves the phases
	Custodian *auth.Key      // pays in; nil: the operator makes a key for that
	Roots     *x509.CertPool // see client.Config
	Batch     int            // orders in one request; 0: DefaultBatch
	Patience  time.Duration  // longest wait for one answer, with all repeats; 0: two minutes
	Progress  func(done uint64)
	Pace      *Pace // nil: as fast as the server takes it

	Base, Quote   string // codes of the assets to make; "": names that no other set of other units has
	PriceDecimals int    // the set's prices in units of the quote asset are its numbers divided by 10^PriceDecimals; by REST alone
}

// Result is how a run compares with the exchange.
type Result struct {
	neutral.Result               // of the executions that came back
	History        neutral.Count // trades of the venue's history at the end, against the exchange's own
	HistoryFirst   string        // first difference of the history, "" when there is none
	Took           time.Duration // from the first order to the last answer
	Repeats        uint64        // answers that were those of an earlier sending
	FIX            *FIXResult    // of a run by FIX
	FullHash       string        // the server's hashes at the end
	BusinessHash   string
}

// OK reports whether nothing differs.
func (r *Result) OK() bool {
	return r.Result.OK() && r.HistoryFirst == "" && (r.FIX == nil || r.FIX.First == "")
}

// desk is where orders and cancels go in: they enter in the order of the calls.
type desk interface {
	enter(ctx context.Context, c *neutral.Command) error
	// settle returns when all that entered is answered and has been compared.
	settle(ctx context.Context) error
	// auction puts the trades of an auction that has been uncrossed into the outcome. after is the greatest command of the
	// venue that was known before.
	auction(ctx context.Context, c *neutral.Command, after uint64) error
	// finish ends the run: what can be told only at the end is compared.
	finish(ctx context.Context) error
	close()
}

// Run is one replay on a server.
type Run struct {
	Config
	symbol                      string
	operator, custodian, trader *client.Client
	accounts                    [2 * accountsPerSide]string

	desk     desk
	check    *neutral.Checker
	phase    string
	pacer    pacer
	out      neutral.Outcome
	last     uint64            // greatest command number of the venue that an answer has named
	ids      map[string]uint64 // id in the set by the venue's order id
	numbers  map[string]uint64 // number in the set by the venue's command number
	finished Result
}

// Do carries out a set on a server and compares.
func Do(ctx context.Context, c Config) (Result, error) {
	r, err := newRun(c)
	if err != nil {
		return Result{}, err
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
	setUp, cancel := context.WithTimeout(ctx, r.Patience)
	defer cancel()
	if err := r.setUp(setUp); err != nil {
		return Result{}, err
	}
	r.desk = &restDesk{Run: r}
	if r.FIX != nil {
		if r.desk, err = openFIX(setUp, r); err != nil {
			return Result{}, err
		}
	}
	defer r.desk.close()
	start := time.Now()
	if err := r.all(ctx, &first, commands); err != nil {
		return Result{}, err
	}
	r.finished.Took = time.Since(start)
	if err := r.desk.finish(ctx); err != nil {
		return Result{}, err
	}
	if r.finished.Result, err = r.check.Finish(); err != nil {
		return Result{}, err
	}
	if err := r.compareHistory(ctx); err != nil {
		return Result{}, err
	}
	return r.finished, r.hashes(ctx)
}

func newRun(c Config) (*Run, error) {
	if c.Batch <= 0 {
		c.Batch = DefaultBatch
	}
	if c.Patience <= 0 {
		c.Patience = 2 * time.Minute
	}
	if c.PriceDecimals < 0 || c.PriceDecimals > maxPriceDecimals || c.PriceDecimals > 0 && c.FIX != nil {
		return nil, fmt.Errorf("prices of %d decimals: 0 to %d, and none by FIX", c.PriceDecimals, maxPriceDecimals)
	}
	if c.Base == "" {
		c.Base = "REPLAY-BASE"
	}
	if c.Quote == "" {
		if c.Quote = "REPLAY-QUOTE"; c.PriceDecimals > 0 {
			c.Quote += "-" + strconv.Itoa(c.PriceDecimals)
		}
	}
	if c.FIX != nil {
		f := c.FIX.withDefaults()
		c.FIX = &f
	}
	r := &Run{Config: c, symbol: c.Symbol, phase: "closed", ids: map[string]uint64{}, numbers: map[string]uint64{}}
	var err error
	if r.operator, err = r.clientOf(c.Operator); err != nil {
		return nil, err
	}
	if c.Custodian != nil {
		if r.custodian, err = r.clientOf(c.Custodian); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// Place is an instrument in continuous trading with funded accounts on either side.
type Place struct{ Symbol, Buyer, Seller string }

// Prepare makes on a server what a run needs, and opens the instrument for continuous trading.
func Prepare(ctx context.Context, c Config) (Place, error) {
	r, err := newRun(c)
	if err != nil {
		return Place{}, err
	}
	if err := r.setUp(ctx); err != nil {
		return Place{}, err
	}
	_, err = r.setPhase(ctx, "continuous")
	return Place{Symbol: r.symbol, Buyer: r.accounts[0], Seller: r.accounts[accountsPerSide]}, err
}

// all carries out the commands in their order, beginning with c, which has been read already; it is zero where the set is
// empty.
func (r *Run) all(ctx context.Context, c *neutral.Command, commands *neutral.Commands) (err error) {
	for ; err == nil && c.N != 0; err = commands.Next(c) {
		if err := r.wait(ctx, c); err != nil {
			return err
		}
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
	return r.desk.settle(ctx)
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
	return r.desk.enter(ctx, c)
}

func (r *Run) account(c *neutral.Command) string {
	i := c.ID % accountsPerSide
	if c.Side == book.Sell {
		i += accountsPerSide
	}
	return r.accounts[i]
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
	if err := r.desk.settle(ctx); err != nil {
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

// uncross ends the auction.
func (r *Run) uncross(ctx context.Context, c *neutral.Command) error {
	if err := r.toPhase(ctx, "auction"); err != nil {
		return err
	}
	if err := r.desk.settle(ctx); err != nil {
		return err
	}
	before := r.last
	a, err := r.setPhase(ctx, "continuous")
	if err != nil {
		return err
	}
	r.out = neutral.Outcome{Trades: r.out.Trades[:0]}
	if err := r.desk.auction(ctx, c, before); err != nil {
		return err
	}
	if u := a.Uncrossed; u != nil {
		if v := strconv.FormatInt(r.out.Volume, 10); u.Volume != v || u.Price != "" && u.Price != r.prices().text(r.out.Price) {
			return fmt.Errorf("command %d: the auction's answer says %s at %s, its trades %s at %d", c.N, u.Volume, u.Price, v, r.out.Price)
		}
	}
	if err := r.saw(a.Command); err != nil {
		return err
	}
	return r.check.Check(c, &r.out, nil)
}

// prices are the units of the set's prices.
func (r *Run) prices() decimals { return decimals(r.PriceDecimals) }

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
