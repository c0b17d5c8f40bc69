package engine

import (
	"uncross/engine/wire"
	"uncross/internal/slab"
)

// Sessions. The engine knows which there are and judges who may use one; their numbers, and whether anybody is logged on,
// are no part of the state: they follow from the events.

type session struct {
	def  wire.Session
	hash uint64
}

func (e *Engine) addSession(c *wire.Command) wire.Reason {
	var m wire.AddSession
	m.Get(c)
	if !has(e.keys, m.Key) {
		return wire.UnknownKey
	}
	k := &e.keys.At(handle(m.Key)).def
	switch {
	case m.Kind == wire.TradingSession && !has(e.accounts, m.Account):
		return wire.UnknownAccount
	case m.Kind == wire.TradingSession && e.accounts.At(handle(m.Account)).def.User != k.User:
		return wire.NotYourAccount
	case !validName(&m.CompID):
		return wire.InvalidName
	}
	if id := e.findSession(&m.CompID); id != 0 {
		if s := &e.sessions.At(handle(id)).def; s.Key != m.Key || s.Kind != m.Kind || s.Account != m.Account {
			return wire.DuplicateName
		}
		e.announceSession(id)
		return e.repeated()
	}
	switch def := (wire.Session{Key: m.Key, Kind: m.Kind, Account: m.Account, CompID: m.CompID, Enabled: 1, Password: m.Password}); {
	case e.sessions.Len() >= MaxSessions:
		return wire.TooManyObjects
	case k.Revoked != 0 || !e.fits(&def):
		return wire.InvalidSession
	default:
		e.announceSession(e.createSession(def))
	}
	return wire.ReasonNone
}

// fits judges whether a session's kind, its key's role and its account go together. The key exists.
func (e *Engine) fits(s *wire.Session) bool {
	k := &e.keys.At(handle(s.Key)).def
	switch {
	case !s.Kind.Valid() || k.Role != wire.Trader && k.Role != wire.ReadOnly:
		return false
	case s.Kind != wire.TradingSession:
		return s.Account == 0
	}
	return has(e.accounts, s.Account) && e.accounts.At(handle(s.Account)).def.User == k.User
}

// setSession changes what is named of a session, which may be nothing.
func (e *Engine) setSession(c *wire.Command) wire.Reason {
	var m wire.SetSession
	m.Get(c)
	enabled, password := m.Fields&wire.SetSessionEnabled != 0, m.Fields&wire.SetSessionPassword != 0
	switch {
	case !has(e.sessions, m.Session):
		return wire.UnknownSession
	case m.Fields&^(wire.SetSessionEnabled|wire.SetSessionPassword) != 0, enabled && m.Enabled > 1:
		return wire.InvalidSession
	}
	s := e.sessions.Mut(handle(m.Session))
	if enabled {
		s.def.Enabled = m.Enabled
	}
	if password {
		s.def.Password = m.Password
	}
	e.refile(&s.hash, s.term())
	e.announceSession(m.Session)
	return wire.ReasonNone
}

// endsSession reports whether a command ends or resets a session. That can be done also to one that has been disabled or
// whose key has been revoked: its gateway does it.
func endsSession(c *wire.Command) bool {
	if c.Kind != wire.CmdSessionMessage {
		return false
	}
	var m wire.SessionMessage
	m.Get(c)
	return m.Kind == wire.SessionLogout || m.Kind == wire.SessionReset
}

// sessionMessage judges a message of a session and hands it on: nothing changes.
func (e *Engine) sessionMessage(c *wire.Command) wire.Reason {
	var m wire.SessionMessage
	m.Get(c)
	if !has(e.sessions, m.Session) {
		return wire.UnknownSession
	}
	switch s := &e.sessions.At(handle(m.Session)).def; {
	case s.Key != c.Key:
		return wire.NotYourSession
	case s.Enabled == 0 && !endsSession(c):
		return wire.SessionDisabled
	case !m.ClientID.Valid() || !m.Target.Valid():
		return wire.InvalidClientID
	case !m.Kind.Valid(), m.Kind == wire.SessionNumbers && m.Arg == 0:
		return wire.InvalidSession
	}
	m.PutEvent(e.emit())
	return wire.ReasonNone
}

func (e *Engine) createSession(def wire.Session) wire.SessionID {
	def.ID = wire.SessionID(add(e.sessions))
	s := e.sessions.Mut(handle(def.ID))
	s.def = def
	e.name(compIDs, e.nameHash(compIDs, &def.CompID), uint32(def.ID))
	e.refile(&s.hash, s.term())
	return def.ID
}

func (s *session) term() uint64 {
	h := mix(mix(tagSession, uint64(s.def.ID)), uint64(s.def.Key))
	h = mix(mix(h, uint64(s.def.Kind)|uint64(s.def.Enabled)<<8|uint64(s.def.Password.Scheme)<<16), uint64(s.def.Account))
	h = mixText(h, &s.def.CompID)
	return seal(mixBytes(mixBytes(h, s.def.Password.Salt[:]), s.def.Password.Hash[:]))
}

func (e *Engine) announceSession(id wire.SessionID) { e.sessions.At(handle(id)).def.PutEvent(e.emit()) }

func (e *Engine) findSession(compID *wire.Text) wire.SessionID {
	return wire.SessionID(e.find(compIDs, e.nameHash(compIDs, compID), func(h slab.Handle) bool {
		return e.sessions.At(h).def.CompID == *compID
	}))
}
