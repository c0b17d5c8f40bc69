package sandbox

import (
	"fmt"

	"uncross/engine/wire"
	"uncross/gateway/decimal"
)

// names is what the sandbox knows of the venue, learnt from its events.
type names struct {
	assets      map[string]wire.Asset
	assetByID   map[wire.AssetID]wire.Asset
	instruments map[string]wire.InstrumentID
	instrument  map[wire.InstrumentID]*decimal.Instrument
	firms       map[string]wire.FirmID
	users       map[string]wire.UserID
	userByID    map[wire.UserID]string
	firmByID    map[wire.FirmID]string
	accounts    map[string]wire.Account
	accountByID map[wire.AccountID]string
	keys        map[string]wire.KeyID // by the sandbox's own name for it
	keyByID     map[wire.KeyID]string
	keyByPub    map[[32]byte]string
}

func newNames() names {
	return names{
		assets: map[string]wire.Asset{}, assetByID: map[wire.AssetID]wire.Asset{},
		instruments: map[string]wire.InstrumentID{}, instrument: map[wire.InstrumentID]*decimal.Instrument{},
		firms: map[string]wire.FirmID{}, firmByID: map[wire.FirmID]string{},
		users: map[string]wire.UserID{}, userByID: map[wire.UserID]string{},
		accounts: map[string]wire.Account{}, accountByID: map[wire.AccountID]string{},
		keys: map[string]wire.KeyID{}, keyByID: map[wire.KeyID]string{},
		keyByPub: map[[32]byte]string{publicKey(operator): operator, publicKey(custodian): custodian},
	}
}

// learn takes over what an event defines.
func (n *names) learn(e *wire.Event) {
	switch e.Kind {
	case wire.EvAsset:
		var m wire.Asset
		m.GetEvent(e)
		n.assets[m.Code.String()], n.assetByID[m.ID] = m, m
	case wire.EvInstrument:
		var m wire.Instrument
		m.GetEvent(e)
		in := decimal.New(m, n.assetByID[m.Base], n.assetByID[m.Quote])
		n.instruments[m.Symbol.String()], n.instrument[m.ID] = m.ID, &in
	case wire.EvFirm:
		var m wire.Firm
		m.GetEvent(e)
		n.firms[m.Name.String()], n.firmByID[m.ID] = m.ID, m.Name.String()
	case wire.EvUser:
		var m wire.User
		m.GetEvent(e)
		n.users[m.Name.String()], n.userByID[m.ID] = m.ID, m.Name.String()
	case wire.EvKey:
		var m wire.Key
		m.GetEvent(e)
		name := n.keyByPub[m.Pub]
		n.keys[name], n.keyByID[m.ID] = m.ID, name
	case wire.EvAccount:
		var m wire.Account
		m.GetEvent(e)
		n.accounts[m.Name.String()], n.accountByID[m.ID] = m, m.Name.String()
	}
}

func (n *names) asset(field, code string) (wire.Asset, error) {
	if code == "" {
		return wire.Asset{}, missing(field)
	}
	a, ok := n.assets[code]
	if !ok {
		return a, fmt.Errorf("%s: there is no asset %q", field, code)
	}
	return a, nil
}

func (n *names) symbol(symbol string) (*decimal.Instrument, error) {
	if symbol == "" {
		return nil, missing("symbol")
	}
	id, ok := n.instruments[symbol]
	if !ok {
		return nil, fmt.Errorf("symbol: there is no instrument %q", symbol)
	}
	return n.instrument[id], nil
}

func (n *names) account(name string) (wire.Account, error) {
	if name == "" {
		return wire.Account{}, missing("account")
	}
	a, ok := n.accounts[name]
	if !ok {
		return a, fmt.Errorf("account: there is no account %q", name)
	}
	return a, nil
}

// trader returns the key with which an account's own user asks.
func (n *names) trader(a wire.Account) wire.KeyID { return n.keys[n.userByID[a.User]] }

func missing(field string) error { return fmt.Errorf("member %q is missing", field) }

// text reads a name or an id.
func text(field, s string) (wire.Text, error) {
	t, ok := wire.ParseText(s)
	if !ok {
		return t, fmt.Errorf("%s: %q is not 1 to 36 printable ASCII characters without spaces at the ends", field, s)
	}
	return t, nil
}

// name is text that must not be empty.
func name(field, s string) (wire.Text, error) {
	if s == "" {
		return wire.Text{}, missing(field)
	}
	return text(field, s)
}
