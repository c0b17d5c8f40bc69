package engine

import (
	"uncross/engine/amount"
	"uncross/engine/wire"
)

// Reference data. Every definition can be sent again: the same content is answered with what there is and FlagRepeat.
//
// Each object has a create function, which files a checked definition, also on restore, and a term: what it adds to the
// full hash.

// refile replaces one record's term in the full hash.
func (e *Engine) refile(term *uint64, h uint64) {
	e.sum += h - *term
	*term = h
}

func validName(t *wire.Text) bool { return t.Valid() && !t.IsEmpty() }

// genesis creates the venue: its firm, the first operator with its key, and the account that earns the fees.
func (e *Engine) genesis(c *wire.Command) wire.Reason {
	var m wire.Genesis
	m.Get(c)
	switch {
	case !validName(&m.Venue):
		return wire.InvalidName
	case m.OperatorPub == [32]byte{}:
		return wire.InvalidPublicKey
	}
	e.venue, e.rules = m, wire.CurrentRules
	m.PutEvent(e.emit())
	e.announceFirm(e.createFirm(wire.Firm{Name: m.Venue}))
	e.announceUser(e.createUser(wire.User{Firm: wire.VenueFirm, Name: wire.MustText("operator")}))
	e.announceKey(e.createKey(wire.Key{User: wire.OperatorUser, Role: wire.Operator, Pub: m.OperatorPub}))
	e.announceAccount(e.createAccount(wire.Account{User: wire.OperatorUser, Name: wire.MustText("venue")}))
	return wire.ReasonNone
}

func (e *Engine) setRules(c *wire.Command) wire.Reason {
	var m wire.SetRules
	m.Get(c)
	if m.Version != wire.CurrentRules {
		return wire.UnsupportedRules
	}
	e.rules = m.Version
	e.accept(uint64(m.Version))
	return wire.ReasonNone
}

func (e *Engine) logon(c *wire.Command) wire.Reason {
	var m wire.Logon
	m.Get(c)
	if m.Nonce <= e.keys.At(handle(c.Key)).def.Nonce {
		return wire.StaleNonce
	}
	e.keys.Mut(handle(c.Key)).def.Nonce = m.Nonce
	e.rehashKey(c.Key)
	e.accept(m.Nonce)
	return wire.ReasonNone
}

// Assets.

func (e *Engine) addAsset(c *wire.Command) wire.Reason {
	var m wire.AddAsset
	m.Get(c)
	if !validName(&m.Code) {
		return wire.InvalidName
	}
	if id := e.findAsset(&m.Code); id != 0 {
		if e.assets.At(handle(id)).def.Decimals != m.Decimals {
			return wire.DuplicateName
		}
		e.announceAsset(id)
		return e.repeated()
	}
	switch {
	case m.Decimals > MaxDecimals:
		return wire.InvalidDecimals
	case e.assets.Len() >= MaxAssets:
		return wire.TooManyObjects
	}
	e.announceAsset(e.createAsset(wire.Asset{Code: m.Code, Decimals: m.Decimals}))
	return wire.ReasonNone
}

func (e *Engine) createAsset(def wire.Asset) wire.AssetID {
	def.ID = wire.AssetID(add(e.assets))
	e.assets.Mut(handle(def.ID)).def = def
	e.name(assetCodes, e.nameHash(assetCodes, &def.Code), uint32(def.ID))
	e.rehashAsset(def.ID)
	return def.ID
}

func (e *Engine) rehashAsset(id wire.AssetID) {
	a := e.assets.Mut(handle(id))
	e.refile(&a.hash, a.term())
}

func (a *asset) term() uint64 {
	h := mixText(mix(tagAsset, uint64(a.def.ID)), &a.def.Code)
	return seal(mixAmount(mix(h, uint64(a.def.Decimals)), a.issued))
}

func (e *Engine) announceAsset(id wire.AssetID) { e.assets.At(handle(id)).def.PutEvent(e.emit()) }

// Firms, users, accounts.

func (e *Engine) addFirm(c *wire.Command) wire.Reason {
	var m wire.AddFirm
	m.Get(c)
	if !validName(&m.Name) {
		return wire.InvalidName
	}
	if id := e.findFirm(&m.Name); id != 0 {
		e.announceFirm(id)
		return e.repeated()
	}
	if e.firms.Len() >= MaxFirms {
		return wire.TooManyObjects
	}
	e.announceFirm(e.createFirm(wire.Firm{Name: m.Name}))
	return wire.ReasonNone
}

func (e *Engine) createFirm(def wire.Firm) wire.FirmID {
	def.ID = wire.FirmID(add(e.firms))
	f := e.firms.Mut(handle(def.ID))
	f.def = def
	e.name(firmNames, e.nameHash(firmNames, &def.Name), uint32(def.ID))
	e.refile(&f.hash, f.term())
	return def.ID
}

func (f *firm) term() uint64 { return seal(mixText(mix(tagFirm, uint64(f.def.ID)), &f.def.Name)) }

func (e *Engine) announceFirm(id wire.FirmID) { e.firms.At(handle(id)).def.PutEvent(e.emit()) }

func (e *Engine) addUser(c *wire.Command) wire.Reason {
	var m wire.AddUser
	m.Get(c)
	switch {
	case !has(e.firms, m.Firm):
		return wire.UnknownFirm
	case !validName(&m.Name):
		return wire.InvalidName
	}
	if id := e.findUser(&m.Name); id != 0 {
		if e.users.At(handle(id)).def.Firm != m.Firm {
			return wire.DuplicateName
		}
		e.announceUser(id)
		return e.repeated()
	}
	if e.users.Len() >= MaxUsers {
		return wire.TooManyObjects
	}
	e.announceUser(e.createUser(wire.User{Firm: m.Firm, Name: m.Name}))
	return wire.ReasonNone
}

func (e *Engine) createUser(def wire.User) wire.UserID {
	def.ID = wire.UserID(add(e.users))
	u := e.users.Mut(handle(def.ID))
	u.def = def
	e.name(userNames, e.nameHash(userNames, &def.Name), uint32(def.ID))
	e.refile(&u.hash, u.term())
	return def.ID
}

func (u *user) term() uint64 {
	h := mix(mix(tagUser, uint64(u.def.ID)), uint64(u.def.Firm))
	return seal(mixText(h, &u.def.Name))
}

func (e *Engine) announceUser(id wire.UserID) { e.users.At(handle(id)).def.PutEvent(e.emit()) }

func (e *Engine) addAccount(c *wire.Command) wire.Reason {
	var m wire.AddAccount
	m.Get(c)
	switch {
	case !has(e.users, m.User):
		return wire.UnknownUser
	case !validName(&m.Name):
		return wire.InvalidName
	}
	if id := e.findAccount(&m.Name); id != 0 {
		if e.accounts.At(handle(id)).def.User != m.User {
			return wire.DuplicateName
		}
		e.announceAccount(id)
		return e.repeated()
	}
	if e.accounts.Len() >= MaxAccounts {
		return wire.TooManyObjects
	}
	e.announceAccount(e.createAccount(wire.Account{User: m.User, Name: m.Name}))
	return wire.ReasonNone
}

func (e *Engine) createAccount(def wire.Account) wire.AccountID {
	def.ID = wire.AccountID(add(e.accounts))
	e.accounts.Mut(handle(def.ID)).def = def
	e.name(accountNames, e.nameHash(accountNames, &def.Name), uint32(def.ID))
	e.rehashAccount(def.ID)
	return def.ID
}

func (e *Engine) rehashAccount(id wire.AccountID) {
	a := e.accounts.Mut(handle(id))
	e.refile(&a.hash, a.term())
}

func (a *account) term() uint64 {
	h := mix(mix(tagAccount, uint64(a.def.ID)), uint64(a.def.User))
	h = mixText(h, &a.def.Name)
	for i := range a.queue {
		h = mix(h, uint64(a.queue[i].horizon))
	}
	return seal(h)
}

func (e *Engine) announceAccount(id wire.AccountID) { e.accounts.At(handle(id)).def.PutEvent(e.emit()) }

// Keys.

func (e *Engine) addKey(c *wire.Command) wire.Reason {
	var m wire.AddKey
	m.Get(c)
	switch {
	case !has(e.users, m.User):
		return wire.UnknownUser
	case !m.Role.Valid():
		return wire.InvalidRole
	case m.Pub == [32]byte{}:
		return wire.InvalidPublicKey
	}
	if id := e.findKey(&m.Pub); id != 0 {
		k := e.keys.At(handle(id))
		if k.def.User != m.User || k.def.Role != m.Role {
			return wire.DuplicateKey
		}
		e.announceKey(id)
		return e.repeated()
	}
	if e.keys.Len() >= MaxKeys {
		return wire.TooManyObjects
	}
	e.announceKey(e.createKey(wire.Key{User: m.User, Role: m.Role, Pub: m.Pub}))
	return wire.ReasonNone
}

func (e *Engine) createKey(def wire.Key) wire.KeyID {
	def.ID = wire.KeyID(add(e.keys))
	e.keys.Mut(handle(def.ID)).def = def
	if def.Role == wire.Operator && def.Revoked == 0 {
		e.operators++
	}
	e.name(publicKeys, e.keyHash(&def.Pub), uint32(def.ID))
	e.rehashKey(def.ID)
	return def.ID
}

// revokeKey answers twice: that it is done, and what the key is now.
func (e *Engine) revokeKey(c *wire.Command) wire.Reason {
	var m wire.RevokeKey
	m.Get(c)
	if !has(e.keys, m.Key) {
		return wire.UnknownKey
	}
	k := e.keys.At(handle(m.Key)).def
	if k.Revoked == 0 && k.Role == wire.Operator {
		if e.operators == 1 {
			return wire.LastOperatorKey
		}
		e.operators--
	}
	e.keys.Mut(handle(m.Key)).def.Revoked = 1
	e.rehashKey(m.Key)
	e.accept(uint64(m.Key))
	e.announceKey(m.Key)
	if k.Revoked != 0 {
		return e.repeated()
	}
	return wire.ReasonNone
}

func (e *Engine) rehashKey(id wire.KeyID) {
	k := e.keys.Mut(handle(id))
	e.refile(&k.hash, k.term())
}

func (k *key) term() uint64 {
	h := mix(mix(tagKey, uint64(k.def.ID)), uint64(k.def.User))
	h = mix(mix(h, uint64(k.def.Role)), uint64(k.def.Revoked))
	return seal(mix(mixBytes(h, k.def.Pub[:]), k.def.Nonce))
}

func (e *Engine) announceKey(id wire.KeyID) { e.keys.At(handle(id)).def.PutEvent(e.emit()) }

// multiplier returns the quote asset's smallest units for one tick times one lot, and false where that is not a whole
// number from 1 to 2^63: TickSize·LotSize·10^quote / 10^(PriceDecimals+base).
func multiplier(tick, lot int64, priceDecimals, base, quote uint8) (uint64, bool) {
	if tick < 1 || lot < 1 {
		return 0, false
	}
	p, ok := amount.Product(uint64(tick), uint64(lot)), true
	for shift := int(quote) - int(priceDecimals) - int(base); shift != 0; {
		if shift > 0 {
			if p, ok = p.Mul(10); !ok {
				return 0, false
			}
			shift--
			continue
		}
		var rest uint64
		if p, rest = p.DivRem(10); rest != 0 {
			return 0, false
		}
		shift++
	}
	return p.Lo, p.Hi == 0 && p.Lo <= 1<<63
}
