package view

import "uncross/engine/wire"

// get returns a copy of the entry of a dense id.
func get[T any, ID ~uint32](v *View, list func(*state) []T, id ID) (T, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if p := at(list(v.s), id); p != nil {
		return *p, true
	}
	var zero T
	return zero, false
}

// all returns a copy of a list.
func all[T any](v *View, list func(*state) []T) []T {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return append([]T{}, list(v.s)...)
}

// named returns a copy of the entry that has a name.
func named[T any, ID ~uint32](v *View, names func(*state) map[wire.Text]ID, list func(*state) []T, name string) (T, bool) {
	var zero T
	t, ok := wire.ParseText(name)
	if !ok {
		return zero, false
	}
	v.mu.RLock()
	defer v.mu.RUnlock()
	if p := at(list(v.s), names(v.s)[t]); p != nil {
		return *p, true
	}
	return zero, false
}

func assets(s *state) []wire.Asset     { return s.assets }
func firms(s *state) []wire.Firm       { return s.firms }
func users(s *state) []user            { return s.users }
func keys(s *state) []wire.Key         { return s.keys }
func accounts(s *state) []account      { return s.accounts }
func sessions(s *state) []wire.Session { return s.sessions }

// Asset returns an asset's definition.
func (v *View) Asset(id wire.AssetID) (wire.Asset, bool) { return get(v, assets, id) }

// AssetByCode returns an asset's definition.
func (v *View) AssetByCode(code string) (wire.Asset, bool) {
	return named(v, func(s *state) map[wire.Text]wire.AssetID { return s.codes }, assets, code)
}

// Assets returns every asset in the order of ids.
func (v *View) Assets() []wire.Asset { return all(v, assets) }

// Instrument returns an instrument.
func (v *View) Instrument(id wire.InstrumentID) (Instrument, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if p := at(v.s.instruments, id); p != nil {
		return (*p).Instrument, true
	}
	return Instrument{}, false
}

// InstrumentBySymbol returns an instrument.
func (v *View) InstrumentBySymbol(symbol string) (Instrument, bool) {
	t, ok := wire.ParseText(symbol)
	if !ok {
		return Instrument{}, false
	}
	v.mu.RLock()
	defer v.mu.RUnlock()
	if p := at(v.s.instruments, v.s.symbols[t]); p != nil {
		return (*p).Instrument, true
	}
	return Instrument{}, false
}

// Instruments returns every instrument in the order of ids.
func (v *View) Instruments() []Instrument {
	v.mu.RLock()
	defer v.mu.RUnlock()
	out := make([]Instrument, len(v.s.instruments))
	for i, p := range v.s.instruments {
		out[i] = p.Instrument
	}
	return out
}

// Firm returns a firm.
func (v *View) Firm(id wire.FirmID) (wire.Firm, bool) { return get(v, firms, id) }

// FirmByName returns a firm.
func (v *View) FirmByName(name string) (wire.Firm, bool) {
	return named(v, func(s *state) map[wire.Text]wire.FirmID { return s.firmNames }, firms, name)
}

// Firms returns every firm in the order of ids.
func (v *View) Firms() []wire.Firm { return all(v, firms) }

// User returns a user.
func (v *View) User(id wire.UserID) (wire.User, bool) {
	u, ok := get(v, users, id)
	return u.User, ok
}

// UserByName returns a user.
func (v *View) UserByName(name string) (wire.User, bool) {
	u, ok := named(v, func(s *state) map[wire.Text]wire.UserID { return s.userNames }, users, name)
	return u.User, ok
}

// Users returns every user in the order of ids.
func (v *View) Users() []wire.User {
	us := all(v, users)
	out := make([]wire.User, len(us))
	for i := range us {
		out[i] = us[i].User
	}
	return out
}

// Key returns a key. Its Nonce is as of its definition or the last image: the engine alone knows the latest.
func (v *View) Key(id wire.KeyID) (wire.Key, bool) { return get(v, keys, id) }

// KeyByPub returns the key of a public key.
func (v *View) KeyByPub(pub [32]byte) (wire.Key, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if p := at(v.s.keys, v.s.pubs[pub]); p != nil {
		return *p, true
	}
	return wire.Key{}, false
}

// Keys returns every key in the order of ids, revoked ones included.
func (v *View) Keys() []wire.Key { return all(v, keys) }

// Account returns an account.
func (v *View) Account(id wire.AccountID) (wire.Account, bool) {
	a, ok := get(v, accounts, id)
	return a.Account, ok
}

// AccountByName returns an account.
func (v *View) AccountByName(name string) (wire.Account, bool) {
	a, ok := named(v, func(s *state) map[wire.Text]wire.AccountID { return s.accountNames }, accounts, name)
	return a.Account, ok
}

// Accounts returns every account in the order of ids.
func (v *View) Accounts() []wire.Account {
	v.mu.RLock()
	defer v.mu.RUnlock()
	out := make([]wire.Account, len(v.s.accounts))
	for i := range out {
		out[i] = v.s.accounts[i].Account
	}
	return out
}

// AccountsOf returns a user's accounts in the order of ids.
func (v *View) AccountsOf(id wire.UserID) []wire.Account {
	v.mu.RLock()
	defer v.mu.RUnlock()
	u := at(v.s.users, id)
	if u == nil {
		return nil
	}
	out := make([]wire.Account, len(u.accounts))
	for i, a := range u.accounts {
		out[i] = at(v.s.accounts, a).Account
	}
	return out
}

// Session returns the definition of a session, disabled or not.
func (v *View) Session(id wire.SessionID) (wire.Session, bool) { return get(v, sessions, id) }

// SessionByCompID returns the definition of the session with a client's name.
func (v *View) SessionByCompID(name string) (wire.Session, bool) {
	return named(v, func(s *state) map[wire.Text]wire.SessionID { return s.compIDs }, sessions, name)
}

// Sessions returns every session in the order of ids, disabled ones included.
func (v *View) Sessions() []wire.Session { return all(v, sessions) }
