package sandbox

import (
	"errors"
	"fmt"
	"strconv"

	"uncross/engine/wire"
)

// newOrder enters an order.
type newOrder struct {
	common
	Account  string `json:"account"`
	Symbol   string `json:"symbol"`
	Side     string `json:"side"`
	Type     string `json:"type"`
	TIF      string `json:"tif"`
	PostOnly bool   `json:"post_only"`
	Price    string `json:"price"`
	Qty      string `json:"qty"`
	Funds    string `json:"funds"`
	ClientID string `json:"client_id"`
}

func (r *newOrder) run(s *Sandbox) error {
	a, err := s.names.account(r.Account)
	if err != nil {
		return err
	}
	in, err := s.names.symbol(r.Symbol)
	if err != nil {
		return err
	}
	o := wire.NewOrder{Account: a.ID, Instrument: in.ID}
	if err := r.words(&o); err != nil {
		return err
	}
	if r.Price != "" {
		if o.Price, err = in.ParsePrice(r.Price); err != nil {
			return fmt.Errorf("price %q: %w", r.Price, err)
		}
	}
	if r.Qty != "" {
		if o.Qty, err = in.ParseQty(r.Qty); err != nil {
			return fmt.Errorf("qty %q: %w", r.Qty, err)
		}
	}
	if r.Funds != "" {
		if o.Funds, err = in.ParseQuote(r.Funds); err != nil {
			return fmt.Errorf("funds %q: %w", r.Funds, err)
		}
	}
	if o.ClientID, err = text("client_id", r.ClientID); err != nil {
		return err
	}
	var cmd wire.Command
	o.Put(&cmd)
	return s.send(&r.common, s.names.trader(a), cmd)
}

// words reads side, type, time in force and conditions.
func (r *newOrder) words(o *wire.NewOrder) error {
	switch r.Side {
	case "buy":
		o.Side = wire.Buy
	case "sell":
		o.Side = wire.Sell
	default:
		return fmt.Errorf("side %q is neither buy nor sell", r.Side)
	}
	switch r.Type {
	case "", "limit":
		o.Type, o.TIF = wire.Limit, wire.GTC
	case "market":
		o.Type, o.TIF = wire.Market, wire.IOC
	default:
		return fmt.Errorf("type %q is neither limit nor market", r.Type)
	}
	switch r.TIF {
	case "":
	case "gtc":
		o.TIF = wire.GTC
	case "ioc":
		o.TIF = wire.IOC
	case "fok":
		o.TIF = wire.FOK
	default:
		return fmt.Errorf("tif %q is none of gtc, ioc, fok", r.TIF)
	}
	if r.PostOnly {
		o.Flags |= wire.PostOnly
	}
	return nil
}

// target names an order: by the venue's id or by its client id.
type target struct {
	Account  string `json:"account"`
	Order    string `json:"order"`
	ClientID string `json:"client_id"`
}

func (t *target) find(s *Sandbox) (wire.Account, wire.OrderRef, error) {
	var ref wire.OrderRef
	a, err := s.names.account(t.Account)
	if err != nil {
		return a, ref, err
	}
	if (t.Order == "") == (t.ClientID == "") {
		return a, ref, errors.New(`one of "order" and "client_id" is needed, to say which order`)
	}
	if t.Order != "" {
		id, err := strconv.ParseUint(t.Order, 10, 64)
		if err != nil || id == 0 {
			return a, ref, fmt.Errorf("order %q is not the number of an order", t.Order)
		}
		ref.Order = wire.OrderID(id)
	}
	ref.ClientID, err = text("client_id", t.ClientID)
	return a, ref, err
}

// cancelOrder cancels what is left of an order.
type cancelOrder struct {
	common
	target
	RequestID string `json:"request_id"`
}

func (r *cancelOrder) run(s *Sandbox) error {
	a, ref, err := r.find(s)
	if err != nil {
		return err
	}
	id, err := text("request_id", r.RequestID)
	if err != nil {
		return err
	}
	var cmd wire.Command
	(&wire.CancelOrder{Account: a.ID, Target: ref, ClientID: id}).Put(&cmd)
	return s.send(&r.common, s.names.trader(a), cmd)
}

// replaceOrder changes an order's price and total quantity.
type replaceOrder struct {
	common
	target
	Symbol string `json:"symbol"`
	Price  string `json:"price"`
	Qty    string `json:"qty"`
	NewID  string `json:"new_client_id"`
}

func (r *replaceOrder) run(s *Sandbox) error {
	a, ref, err := r.find(s)
	if err != nil {
		return err
	}
	in, err := s.names.symbol(r.Symbol)
	if err != nil {
		return err
	}
	ref.Instrument = in.ID
	m := wire.ReplaceOrder{Account: a.ID, Target: ref}
	if m.Price, err = in.ParsePrice(r.Price); err != nil {
		return fmt.Errorf("price %q: %w", r.Price, err)
	}
	if m.Qty, err = in.ParseQty(r.Qty); err != nil {
		return fmt.Errorf("qty %q: %w", r.Qty, err)
	}
	if m.ClientID, err = text("new_client_id", r.NewID); err != nil {
		return err
	}
	var cmd wire.Command
	m.Put(&cmd)
	return s.send(&r.common, s.names.trader(a), cmd)
}

// cancelAll cancels an account's open orders, of one instrument or of all.
type cancelAll struct {
	common
	Account string `json:"account"`
	Symbol  string `json:"symbol"`
}

func (r *cancelAll) run(s *Sandbox) error {
	a, err := s.names.account(r.Account)
	if err != nil {
		return err
	}
	m := wire.CancelAll{Account: a.ID}
	if r.Symbol != "" {
		in, err := s.names.symbol(r.Symbol)
		if err != nil {
			return err
		}
		m.Instrument = in.ID
	}
	var cmd wire.Command
	m.Put(&cmd)
	return s.send(&r.common, s.names.trader(a), cmd)
}

// massCancel cancels every open order of an instrument.
type massCancel struct {
	common
	Symbol string `json:"symbol"`
}

func (r *massCancel) run(s *Sandbox) error {
	in, err := s.names.symbol(r.Symbol)
	if err != nil {
		return err
	}
	return s.operate(&r.common, &wire.MassCancel{Instrument: in.ID})
}

// queryOrder asks for an order's state.
type queryOrder struct {
	common
	target
}

func (r *queryOrder) run(s *Sandbox) error {
	a, ref, err := r.find(s)
	if err != nil {
		return err
	}
	var cmd wire.Command
	(&wire.QueryOrder{Account: a.ID, Target: ref}).Put(&cmd)
	return s.send(&r.common, s.names.trader(a), cmd)
}

// tick carries time alone.
type tick struct{ common }

func (r *tick) run(s *Sandbox) error {
	var cmd wire.Command
	(&wire.Tick{}).Put(&cmd)
	return s.send(&r.common, wire.NoKey, cmd)
}
