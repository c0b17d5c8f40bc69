package sandbox

import (
	"errors"
	"fmt"

	"uncross/engine/amount"
	"uncross/engine/wire"
	"uncross/gateway/decimal"
)

// addAsset defines an asset.
type addAsset struct {
	common
	Code     string `json:"code"`
	Decimals uint8  `json:"decimals"`
}

func (r *addAsset) run(s *Sandbox) error {
	code, err := name("code", r.Code)
	if err != nil {
		return err
	}
	return s.operate(&r.common, &wire.AddAsset{Code: code, Decimals: r.Decimals})
}

// operate sends an operator's command.
func (s *Sandbox) operate(c *common, b body) error {
	var cmd wire.Command
	b.Put(&cmd)
	return s.send(c, wire.OperatorKey, cmd)
}

// limits are an instrument's limits and fees as a line gives them.
type limits struct {
	MinPrice    string `json:"min_price"`
	MaxPrice    string `json:"max_price"`
	MinQty      string `json:"min_qty"`
	MaxQty      string `json:"max_qty"`
	MinNotional string `json:"min_notional"`
	MakerBps    uint16 `json:"maker_bps"`
	TakerBps    uint16 `json:"taker_bps"`
}

// defaultMost is the greatest price in ticks and quantity in lots where a line gives none.
const defaultMost = 1_000_000_000_000

// read returns the limits in the instrument's ticks and lots; what is left out is one, or defaultMost.
func (l *limits) read(in *decimal.Instrument) (wire.InstrumentLimits, error) {
	out := wire.InstrumentLimits{
		MinPrice: 1, MaxPrice: defaultMost, MinQty: 1, MaxQty: defaultMost, MakerBps: l.MakerBps, TakerBps: l.TakerBps,
	}
	var err error
	price := func(field, s string, p *wire.Price) {
		if s != "" && err == nil {
			if *p, err = in.ParsePrice(s); err != nil {
				err = fmt.Errorf("%s %q: %w", field, s, err)
			}
		}
	}
	qty := func(field, s string, q *wire.Qty) {
		if s != "" && err == nil {
			if *q, err = in.ParseQty(s); err != nil {
				err = fmt.Errorf("%s %q: %w", field, s, err)
			}
		}
	}
	price("min_price", l.MinPrice, &out.MinPrice)
	price("max_price", l.MaxPrice, &out.MaxPrice)
	qty("min_qty", l.MinQty, &out.MinQty)
	qty("max_qty", l.MaxQty, &out.MaxQty)
	if l.MinNotional != "" && err == nil {
		var a amount.Amount
		if a, err = in.ParseQuote(l.MinNotional); err == nil && a.Hi != 0 {
			err = decimal.ErrRange
		}
		if err != nil {
			err = fmt.Errorf("min_notional %q: %w", l.MinNotional, err)
		}
		out.MinNotional = a.Lo
	}
	return out, err
}

// addInstrument defines an instrument.
type addInstrument struct {
	common
	limits
	Symbol string `json:"symbol"`
	Base   string `json:"base"`
	Quote  string `json:"quote"`
	Tick   string `json:"tick"`
	Lot    string `json:"lot"`
}

func (r *addInstrument) run(s *Sandbox) error {
	symbol, err := name("symbol", r.Symbol)
	if err != nil {
		return err
	}
	base, err := s.names.asset("base", r.Base)
	if err != nil {
		return err
	}
	quote, err := s.names.asset("quote", r.Quote)
	if err != nil {
		return err
	}
	decimals, tick, err := decimal.DefineTick(r.Tick)
	if err != nil {
		return fmt.Errorf("tick %q: %w", r.Tick, err)
	}
	lot, err := decimal.DefineLot(r.Lot, base.Decimals)
	if err != nil {
		return fmt.Errorf("lot %q: %w", r.Lot, err)
	}
	add := wire.AddInstrument{Symbol: symbol, Base: base.ID, Quote: quote.ID, PriceDecimals: decimals, TickSize: tick, LotSize: lot}
	scale := decimal.New(wire.Instrument{PriceDecimals: decimals, TickSize: tick, LotSize: lot}, base, quote)
	if add.Limits, err = r.limits.read(&scale); err != nil {
		return err
	}
	return s.operate(&r.common, &add)
}

// setInstrument changes an instrument's limits and fees.
type setInstrument struct {
	common
	limits
	Symbol string `json:"symbol"`
}

func (r *setInstrument) run(s *Sandbox) error {
	in, err := s.names.symbol(r.Symbol)
	if err != nil {
		return err
	}
	set := wire.SetInstrument{Instrument: in.ID, Fields: wire.AllLimits}
	if set.Limits, err = r.limits.read(in); err != nil {
		return err
	}
	return s.operate(&r.common, &set)
}

// setPhase moves an instrument to a phase.
type setPhase struct {
	common
	Symbol    string `json:"symbol"`
	Phase     string `json:"phase"`
	Reference string `json:"reference"`
}

func (r *setPhase) run(s *Sandbox) error {
	in, err := s.names.symbol(r.Symbol)
	if err != nil {
		return err
	}
	set := wire.SetPhase{Instrument: in.ID}
	for p := wire.Closed; p.Valid(); p++ {
		if p.String() == r.Phase {
			set.Phase = p
		}
	}
	if set.Phase == 0 {
		return fmt.Errorf("phase %q is none of closed, auction, continuous, halted", r.Phase)
	}
	if r.Reference != "" {
		if set.Reference, err = in.ParsePrice(r.Reference); err != nil {
			return fmt.Errorf("reference %q: %w", r.Reference, err)
		}
	}
	return s.operate(&r.common, &set)
}

// addFirm defines a firm.
type addFirm struct {
	common
	Name string `json:"name"`
}

func (r *addFirm) run(s *Sandbox) error {
	n, err := name("name", r.Name)
	if err != nil {
		return err
	}
	return s.operate(&r.common, &wire.AddFirm{Name: n})
}

// addUser defines a user and gives it a trader key of its name.
type addUser struct {
	common
	Name string `json:"name"`
	Firm string `json:"firm"`
}

func (r *addUser) run(s *Sandbox) error {
	n, err := name("name", r.Name)
	if err != nil {
		return err
	}
	firm := wire.VenueFirm
	if r.Firm != "" {
		var ok bool
		if firm, ok = s.names.firms[r.Firm]; !ok {
			return fmt.Errorf("firm: there is no firm %q", r.Firm)
		}
	}
	if err := s.operate(&r.common, &wire.AddUser{Firm: firm, Name: n}); err != nil || s.refused() {
		return err
	}
	return s.giveKey(&r.common, r.Name, s.names.users[r.Name], wire.Trader)
}

// giveKey gives a user a key under a name of the sandbox's own.
func (s *Sandbox) giveKey(c *common, name string, user wire.UserID, role wire.Role) error {
	pub := publicKey(name)
	s.names.keyByPub[pub] = name
	return s.operate(c, &wire.AddKey{User: user, Role: role, Pub: pub})
}

// addKey gives a user a further key.
type addKey struct {
	common
	Name string `json:"name"`
	User string `json:"user"`
	Role string `json:"role"`
}

func (r *addKey) run(s *Sandbox) error {
	if r.Name == "" {
		return missing("name")
	}
	user, ok := s.names.users[r.User]
	if !ok {
		return fmt.Errorf("user: there is no user %q", r.User)
	}
	for role := wire.Trader; role.Valid(); role++ {
		if role.String() == r.Role {
			return s.giveKey(&r.common, r.Name, user, role)
		}
	}
	return fmt.Errorf("role %q is none of trader, read-only, custodian, operator", r.Role)
}

// revokeKey ends a key.
type revokeKey struct {
	common
	Name string `json:"name"`
}

func (r *revokeKey) run(s *Sandbox) error {
	key, ok := s.names.keys[r.Name]
	if !ok {
		return fmt.Errorf("name: there is no key %q", r.Name)
	}
	return s.operate(&r.common, &wire.RevokeKey{Key: key})
}

// addAccount opens an account, and creates its user where there is none yet.
type addAccount struct {
	common
	Name string `json:"name"`
	User string `json:"user"`
}

func (r *addAccount) run(s *Sandbox) error {
	n, err := name("name", r.Name)
	if err != nil {
		return err
	}
	owner := r.User
	if owner == "" {
		owner = r.Name
	}
	if _, ok := s.names.users[owner]; !ok {
		if r.By != "" {
			return errors.New("by: the account's user must be there when another key than the operator's asks")
		}
		create := addUser{common: r.common, Name: owner}
		if err := create.run(s); err != nil || s.refused() {
			return err
		}
	}
	return s.operate(&r.common, &wire.AddAccount{User: s.names.users[owner], Name: n})
}

// transfer deposits or withdraws.
type transfer struct {
	common
	Account   string `json:"account"`
	Asset     string `json:"asset"`
	Amount    string `json:"amount"`
	Reference string `json:"reference"`
}

func (r *transfer) run(s *Sandbox) error {
	a, err := s.names.account(r.Account)
	if err != nil {
		return err
	}
	asset, err := s.names.asset("asset", r.Asset)
	if err != nil {
		return err
	}
	t := wire.Transfer{Account: a.ID, Asset: asset.ID}
	if t.Amount, err = decimal.ParseAmount(r.Amount, asset.Decimals); err != nil {
		return fmt.Errorf("amount %q: %w", r.Amount, err)
	}
	if r.Reference == "" {
		r.Reference = fmt.Sprintf("line-%d", s.line)
	}
	if t.Reference, err = text("reference", r.Reference); err != nil {
		return err
	}
	var cmd wire.Command
	if r.Cmd == "withdraw" {
		t.PutWithdraw(&cmd)
	} else {
		t.PutDeposit(&cmd)
	}
	return s.send(&r.common, s.names.keys[custodian], cmd)
}
