package view

import (
	"fmt"
	"hash/maphash"

	"uncross/engine/amount"
	"uncross/engine/wire"
	"uncross/gateway/decimal"
	"uncross/internal/slab"
)

// state is everything that is known as of one command.
type state struct {
	initialised bool
	venue       wire.Genesis
	seq         uint64 // last whole command
	timeNs      int64
	hashSeq     uint64
	hash        wire.StateHash

	// Definitions by id: the engine gives ids out densely from 1, so entry i has id i+1.
	assets      []wire.Asset
	instruments []*instrument
	firms       []wire.Firm
	users       []user
	keys        []wire.Key
	accounts    []account
	sessions    []wire.Session

	codes        map[wire.Text]wire.AssetID
	symbols      map[wire.Text]wire.InstrumentID
	firmNames    map[wire.Text]wire.FirmID
	userNames    map[wire.Text]wire.UserID
	accountNames map[wire.Text]wire.AccountID
	pubs         map[[32]byte]wire.KeyID
	compIDs      map[wire.Text]wire.SessionID

	balances     slab.Slab[balance]
	balanceIndex slab.Index // account<<32 | asset
	orders       slab.Slab[order]
	orderIndex   slab.Index // order id
	clientIndex  slab.Index // hash of account and client id: first of a chain
	seed         maphash.Seed
	entering     slab.Handle // the order that the current command entered or moved and that is not in the book yet
	priority     uint64      // of the order that came to rest last

	trades  int              // trades kept per instrument
	revoked []wire.KeyID     // keys revoked since this was last emptied
	changed []wire.SessionID // sessions defined or changed, likewise
}

type user struct {
	wire.User
	accounts []wire.AccountID
}

type account struct {
	wire.Account
	balances    slab.Handle // list, latest first
	first, last slab.Handle // open orders in order of id
	open        int
}

type balance struct {
	Balance
	next slab.Handle
}

type instrument struct {
	Instrument
	bids, asks levels
	trades     tape
	book       change
	phase      change // of the phase
	was        wire.Phase
	result     wire.Uncrossed // of the auction that ended with the present phase
}

// change names the command that changed something last.
type change struct {
	seq    uint64
	timeNs int64
}

func changed(e *wire.Event) change { return change{e.Seq, e.TimeNs} }

func newState(trades int) *state {
	return &state{
		codes: map[wire.Text]wire.AssetID{}, symbols: map[wire.Text]wire.InstrumentID{}, firmNames: map[wire.Text]wire.FirmID{},
		userNames: map[wire.Text]wire.UserID{}, accountNames: map[wire.Text]wire.AccountID{}, pubs: map[[32]byte]wire.KeyID{},
		compIDs: map[wire.Text]wire.SessionID{}, seed: maphash.MakeSeed(), trades: trades,
	}
}

// place returns the entry of a dense id in s, which grows to hold it.
func place[T any, ID ~uint32](s *[]T, id ID) *T {
	if id == 0 || int(id) > len(*s)+1 {
		panic(fmt.Sprintf("view: number %d after %d: the engine gives them out densely", id, len(*s)))
	}
	if int(id) == len(*s)+1 {
		var zero T
		*s = append(*s, zero)
	}
	return &(*s)[id-1]
}

// at returns the entry of a dense id, nil where there is none.
func at[T any, ID ~uint32](s []T, id ID) *T {
	if id == 0 || int(id) > len(s) {
		return nil
	}
	return &s[id-1]
}

func (s *state) setAsset(a wire.Asset) {
	*place(&s.assets, a.ID) = a
	s.codes[a.Code] = a.ID
}

func (s *state) setInstrument(in wire.Instrument) {
	p := place(&s.instruments, in.ID)
	if *p == nil {
		*p = &instrument{bids: newLevels(), asks: newLevels(), trades: tape{max: s.trades}}
		(*p).Phase, (*p).was = wire.Closed, wire.Closed
		s.symbols[in.Symbol] = in.ID
	}
	base, quote := at(s.assets, in.Base), at(s.assets, in.Quote)
	(*p).Instrument.Instrument = decimal.New(in, *base, *quote)
	(*p).BaseCode, (*p).QuoteCode = base.Code, quote.Code
}

func (s *state) instrument(id wire.InstrumentID) *instrument { return *at(s.instruments, id) }

func (s *state) setUser(u wire.User) {
	place(&s.users, u.ID).User = u
	s.userNames[u.Name] = u.ID
}

func (s *state) setKey(k wire.Key) {
	p := place(&s.keys, k.ID)
	if k.Revoked != 0 && p.Revoked == 0 {
		s.revoked = append(s.revoked, k.ID)
	}
	*p = k
	s.pubs[k.Pub] = k.ID
}

func (s *state) revoke(id wire.KeyID) {
	if p := at(s.keys, id); p != nil && p.Revoked == 0 {
		p.Revoked = 1
		s.revoked = append(s.revoked, id)
	}
}

func (s *state) setAccount(a wire.Account) {
	p := place(&s.accounts, a.ID)
	if p.ID == 0 {
		s.accountNames[a.Name] = a.ID
		if u := at(s.users, a.User); u != nil {
			u.accounts = append(u.accounts, a.ID)
		}
	}
	p.Account = a
}

func (s *state) setSession(m wire.Session) {
	*place(&s.sessions, m.ID) = m
	s.compIDs[m.CompID] = m.ID
	s.changed = append(s.changed, m.ID)
}

// balance returns the entry of an account's asset for writing, made where there is none.
func (s *state) balance(acc wire.AccountID, asset wire.AssetID) *balance {
	key := uint64(acc)<<32 | uint64(asset)
	h, ok := s.balanceIndex.Get(key)
	if !ok {
		h = s.balances.Alloc()
		s.balanceIndex.Put(key, h)
		a := at(s.accounts, acc)
		*s.balances.Mut(h) = balance{Balance: Balance{Asset: asset}, next: a.balances}
		a.balances = h
	}
	return s.balances.Mut(h)
}

// hold moves an amount of an account's asset from available to held, release the other way.
func (s *state) hold(acc wire.AccountID, asset wire.AssetID, a wire.Amount) {
	if a.IsZero() {
		return
	}
	b := s.balance(acc, asset)
	b.Available = b.Available.MustSub(a)
	b.Held = b.Held.MustAdd(a)
}

func (s *state) release(acc wire.AccountID, asset wire.AssetID, a wire.Amount) {
	if a.IsZero() {
		return
	}
	b := s.balance(acc, asset)
	b.Held = b.Held.MustSub(a)
	b.Available = b.Available.MustAdd(a)
}

func (s *state) credit(acc wire.AccountID, asset wire.AssetID, a wire.Amount) {
	if a.IsZero() {
		return
	}
	b := s.balance(acc, asset)
	b.Available = b.Available.MustAdd(a)
}

func (s *state) debitHeld(acc wire.AccountID, asset wire.AssetID, a wire.Amount) {
	b := s.balance(acc, asset)
	b.Held = b.Held.MustSub(a)
}

// lots returns the amount of the base asset that a quantity is.
func (in *instrument) lots(q wire.Qty) wire.Amount {
	return amount.Product(uint64(q), uint64(in.LotSize))
}

// heldAsset returns the asset that an order of this side holds.
func (in *instrument) heldAsset(side wire.Side) wire.AssetID {
	if side == wire.Buy {
		return in.Quote
	}
	return in.Base
}
