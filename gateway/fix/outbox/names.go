package outbox

import (
	"fmt"

	"uncross/engine/wire"
	"uncross/gateway/decimal"
	"uncross/gateway/fix/report"
)

// names is what the events have defined so far. The engine gives ids out densely from 1, so entry i has id i+1.
type names struct {
	assets      []wire.Asset
	instruments []instrument
	users       []wire.FirmID
	keys        []wire.UserID
	accounts    []account
}

type instrument struct {
	decimal.Instrument
	quote wire.Text
}

type account struct {
	name wire.Text
	user wire.UserID
	firm wire.FirmID
}

// place puts a value in the entry of a dense id.
func place[T any, ID ~uint32](s *[]T, id ID, v T) error {
	switch {
	case id == 0 || int(id) > len(*s)+1:
		return fmt.Errorf("%w: number %d after %d", ErrGap, id, len(*s))
	case int(id) == len(*s)+1:
		*s = append(*s, v)
	default:
		(*s)[id-1] = v
	}
	return nil
}

// at returns the entry of a dense id, the zero value where there is none.
func at[T any, ID ~uint32](s []T, id ID) (v T) {
	if id == 0 || int(id) > len(s) {
		return v
	}
	return s[id-1]
}

// define takes one definition; it reports whether the event is one.
func (n *names) define(e *wire.Event) (bool, error) {
	switch e.Kind {
	case wire.EvAsset:
		var m wire.Asset
		m.GetEvent(e)
		return true, place(&n.assets, m.ID, m)
	case wire.EvInstrument:
		var m wire.Instrument
		m.GetEvent(e)
		base, quote := at(n.assets, m.Base), at(n.assets, m.Quote)
		return true, place(&n.instruments, m.ID, instrument{decimal.New(m, base, quote), quote.Code})
	case wire.EvUser:
		var m wire.User
		m.GetEvent(e)
		return true, place(&n.users, m.ID, m.Firm)
	case wire.EvKey:
		var m wire.Key
		m.GetEvent(e)
		return true, place(&n.keys, m.ID, m.User)
	case wire.EvAccount:
		var m wire.Account
		m.GetEvent(e)
		return true, place(&n.accounts, m.ID, account{m.Name, m.User, at(n.users, m.User)})
	}
	return false, nil
}

// of returns what reports call an account and an instrument.
func (n *names) of(acc wire.AccountID, in wire.InstrumentID) report.Names {
	r := report.Names{Account: at(n.accounts, acc).name}
	if in != 0 && int(in) <= len(n.instruments) {
		p := &n.instruments[in-1]
		r.Instrument, r.Quote = &p.Instrument, p.quote
	}
	return r
}

func (n *names) firmOfAccount(a wire.AccountID) wire.FirmID { return at(n.accounts, a).firm }

// owns reports whether an account is of a key's user.
func (n *names) owns(k wire.KeyID, a wire.AccountID) bool {
	user := at(n.keys, k)
	return user != 0 && at(n.accounts, a).user == user
}

func (n *names) firmOfKey(k wire.KeyID) wire.FirmID { return at(n.users, at(n.keys, k)) }
