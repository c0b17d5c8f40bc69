package http

import (
	"uncross/engine/wire"
	"uncross/gateway/auth"
)

// This file has the operators' routes for the sessions of sequenced protocols (FIX): who may log on there, and how. They
// are not the sessions of this interface, which its own logon opens.
//
// A password comes in, or is made here, and goes on as a hash. The answer that makes one is the only one that shows it.

// SequencedState is how a sequenced session stands.
type SequencedState struct {
	LoggedOn bool   // a client is connected here and logged on
	Remote   string // its address
	Since    int64  // nanoseconds since 1970: when it logged on
	NextIn   uint64 // sequence number that the client's next message must have
	NextOut  uint64 // … that the venue's next message will have
}

// Sequenced tells how sequenced sessions stand. It may be called from many goroutines.
type Sequenced interface {
	// Sequenced returns how they stand now: a function that is asked for one session after the other by one goroutine. Its
	// ok is false for a session that nothing is known of.
	Sequenced() func(id wire.SessionID) (s SequencedState, ok bool)
}

// sequencedNow returns how sequenced sessions stand now.
func (q *request) sequencedNow() func(wire.SessionID) (SequencedState, bool) {
	if q.s.sequenced == nil {
		return func(wire.SessionID) (s SequencedState, ok bool) { return s, false }
	}
	return q.s.sequenced.Sequenced()
}

type sequencedAnswer struct {
	SessionID string         `json:"session_id"`
	CompID    string         `json:"comp_id"`
	Kind      string         `json:"kind"`
	Key       string         `json:"key"`
	User      string         `json:"user"`
	Account   string         `json:"account,omitempty"`
	Enabled   bool           `json:"enabled"`
	SignOnly  bool           `json:"sign_only"`
	Live      *sequencedLive `json:"live,omitempty"`
	Password  string         `json:"password,omitempty"`
	Detail    string         `json:"detail,omitempty"`
	Repeat    bool           `json:"repeat,omitempty"`
}

type sequencedLive struct {
	LoggedOn bool   `json:"logged_on"`
	Remote   string `json:"remote,omitempty"`
	Since    string `json:"since,omitempty"`
	NextIn   string `json:"next_in"`
	NextOut  string `json:"next_out"`
}

// sequencedText words a session. It never shows anything of the password but whether there is one.
func (q *request) sequencedText(s *wire.Session, now func(wire.SessionID) (SequencedState, bool)) sequencedAnswer {
	a := sequencedAnswer{SessionID: id(s.ID), CompID: s.CompID.String(), Kind: s.Kind.String(), Key: id(s.Key),
		Enabled: s.Enabled != 0, SignOnly: s.Password.Scheme == 0}
	if key, ok := q.s.view.Key(s.Key); ok {
		user, _ := q.s.view.User(key.User)
		a.User = user.Name.String()
	}
	if s.Account != 0 {
		a.Account = q.accountName(s.Account)
	}
	if l, ok := now(s.ID); ok {
		a.Live = &sequencedLive{LoggedOn: l.LoggedOn, Remote: l.Remote, NextIn: id(l.NextIn), NextOut: id(l.NextOut)}
		if l.Since != 0 {
			a.Live.Since = stamp(l.Since)
		}
	}
	return a
}

// passwordChange is what a request wants of a session's password.
type passwordChange struct {
	set  bool   // false: it stays as it is
	text string // "": none, logons are signed
	made bool   // by the venue
}

// password reads what a request says about the password: at most one of password, sign_only and, for a session that is
// there, new_password. A new session gets a password where nothing is said.
func (f *fields) password(isNew bool) (c passwordChange) {
	given := f.find("password") != nil
	c.text = f.optional("password")
	signOnly := f.flag("sign_only")
	c.made = isNew && !given && !signOnly || !isNew && f.flag("new_password")
	c.set = given || signOnly || c.made
	switch {
	case given && (signOnly || c.made), signOnly && c.made:
		f.keep(refuseField(InvalidValue, "password", "only one of password, sign_only and new_password"))
	case given && !auth.ValidPassword(c.text):
		f.keep(refuseField(InvalidValue, "password", auth.ErrPassword.Error()))
	case c.made:
		var err error
		if c.text, err = auth.NewPassword(); err != nil {
			f.keep(refuse(Internal, ""))
		}
	}
	return c
}

// hash returns the password as it goes into a command.
func (c *passwordChange) hash(q *request) (p wire.Password, refused *Error) {
	if !c.set || c.text == "" {
		return p, nil
	}
	p, err := auth.HashPassword(c.text)
	if err != nil {
		q.s.log.Error("a password cannot be hashed", "error", err) // it was found to be valid: there is no randomness
		return p, refuse(Internal, "")
	}
	return p, nil
}

// addSequenced handles POST /v1/admin/sessions.
func addSequenced(q *request) (any, *Error) {
	f, err := q.adminBody()
	if err != nil {
		return nil, err
	}
	body := wire.AddSession{
		CompID: f.text36("comp_id"),
		Key:    wire.KeyID(f.id32("key", true)),
		Kind:   choice(f, "kind", wire.InvalidSession, wire.TradingSession, wire.DropCopySession, wire.MarketDataSession),
	}
	account := f.optional("account")
	if body.Kind == wire.TradingSession && account == "" {
		f.keep(refuseField(MissingField, "account", "an order that names none needs one"))
	}
	password := f.password(true)
	if err := f.done(); err != nil {
		return nil, err
	}
	if account != "" {
		a, err := q.account(account)
		if err != nil {
			return nil, err
		}
		body.Account = a.ID
	}
	if body.Password, err = password.hash(q); err != nil {
		return nil, err
	}
	var c wire.Command
	body.Put(&c)
	a, err := q.defineSequenced(&c, &password)
	if err != nil && err.Reason == wire.UnknownKey {
		err.Field, err.status = "key", 404 // not the caller's own
	}
	return a, err
}

// setSequenced handles PATCH /v1/admin/sessions/{comp_id}: what is given changes, the rest stays.
func setSequenced(q *request) (any, *Error) {
	f, err := q.adminBody()
	if err != nil {
		return nil, err
	}
	body := wire.SetSession{}
	if f.find("enabled") != nil {
		body.Fields |= wire.SetSessionEnabled
		if f.flag("enabled") {
			body.Enabled = 1
		}
	}
	password := f.password(false)
	if err := f.done(); err != nil {
		return nil, err
	}
	if password.set {
		body.Fields |= wire.SetSessionPassword
	}
	if body.Fields == 0 {
		return nil, refuse(MissingField, "nothing is to be changed: enabled, password, new_password or sign_only")
	}
	q.catchUp()
	s, ok := q.s.view.SessionByCompID(q.params[0])
	if !ok {
		return nil, refuseField(wire.UnknownSession, "comp_id", "")
	}
	body.Session = s.ID
	if body.Password, err = password.hash(q); err != nil {
		return nil, err
	}
	var c wire.Command
	body.Put(&c)
	return q.defineSequenced(&c, &password)
}

// defineSequenced runs a command that is answered by Session.
func (q *request) defineSequenced(c *wire.Command, password *passwordChange) (any, *Error) {
	p, err := q.command(c)
	if err != nil {
		return nil, err
	}
	var m wire.Session
	m.GetEvent(&p.events[0])
	q.catchUp()
	a := q.sequencedText(&m, q.sequencedNow())
	switch a.Repeat = p.repeat(); {
	case a.Repeat:
		a.Detail = "the session was there already and its password has not been changed; PATCH changes it"
	case password.made:
		a.Password = password.text
		a.Detail = "this is the only time that the password is shown"
	}
	return a, nil
}

// listSequenced handles GET /v1/admin/sessions.
func listSequenced(q *request) (any, *Error) {
	now := q.sequencedNow()
	return byCursor(q, func() []wire.Session { return q.s.view.Sessions() }, func(s *wire.Session) uint32 { return uint32(s.ID) },
		func(s *wire.Session) sequencedAnswer { return q.sequencedText(s, now) })
}
