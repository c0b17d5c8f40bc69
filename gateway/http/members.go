package http

import (
	"encoding/base64"
	"math"

	"uncross/engine/wire"
	"uncross/gateway/auth"
)

// This file has the operators' routes for who trades: firms, users, keys and accounts.

type firmAnswer struct {
	FirmID string `json:"firm_id"`
	Name   string `json:"name"`
	Repeat bool   `json:"repeat,omitempty"`
}

// addFirm handles POST /v1/admin/firms.
func addFirm(q *request) (any, *Error) {
	f, err := q.adminBody()
	if err != nil {
		return nil, err
	}
	body := wire.AddFirm{Name: f.text36("name")}
	if err := f.done(); err != nil {
		return nil, err
	}
	var c wire.Command
	body.Put(&c)
	p, err := q.command(&c)
	if err != nil {
		return nil, err
	}
	var m wire.Firm
	m.GetEvent(&p.events[0])
	return firmAnswer{id(m.ID), m.Name.String(), p.repeat()}, nil
}

// listFirms handles GET /v1/admin/firms.
func listFirms(q *request) (any, *Error) {
	return byCursor(q, func() []wire.Firm { return q.s.view.Firms() }, func(f *wire.Firm) uint32 { return uint32(f.ID) },
		func(f *wire.Firm) firmAnswer { return firmAnswer{FirmID: id(f.ID), Name: f.Name.String()} })
}

type userAnswer struct {
	UserID string `json:"user_id"`
	Name   string `json:"name"`
	Firm   string `json:"firm"`
	Repeat bool   `json:"repeat,omitempty"`
}

// addUser handles POST /v1/admin/users.
func addUser(q *request) (any, *Error) {
	f, err := q.adminBody()
	if err != nil {
		return nil, err
	}
	name, firm := f.text36("name"), f.text("firm")
	if err := f.done(); err != nil {
		return nil, err
	}
	q.catchUp()
	of, ok := q.s.view.FirmByName(firm)
	if !ok {
		return nil, refuseField(wire.UnknownFirm, "firm", "")
	}
	var c wire.Command
	(&wire.AddUser{Firm: of.ID, Name: name}).Put(&c)
	p, err := q.command(&c)
	if err != nil {
		return nil, err
	}
	var m wire.User
	m.GetEvent(&p.events[0])
	return userAnswer{id(m.ID), m.Name.String(), of.Name.String(), p.repeat()}, nil
}

// user returns the user of that name.
func (q *request) user(name string) (wire.User, *Error) {
	u, ok := q.s.view.UserByName(name)
	if !ok {
		q.catchUp()
		u, ok = q.s.view.UserByName(name)
	}
	if !ok {
		return u, refuseField(wire.UnknownUser, "user", "")
	}
	return u, nil
}

// listUsers handles GET /v1/admin/users.
func listUsers(q *request) (any, *Error) {
	return byCursor(q, func() []wire.User { return q.s.view.Users() }, func(u *wire.User) uint32 { return uint32(u.ID) },
		func(u *wire.User) userAnswer {
			firm, _ := q.s.view.Firm(u.Firm)
			return userAnswer{UserID: id(u.ID), Name: u.Name.String(), Firm: firm.Name.String()}
		})
}

type keyAnswer struct {
	Key       string `json:"key"`
	User      string `json:"user"`
	Role      string `json:"role"`
	PublicKey string `json:"public_key"`
	Revoked   bool   `json:"revoked"`
	Repeat    bool   `json:"repeat,omitempty"`
}

func (q *request) keyText(k *wire.Key) keyAnswer {
	user, ok := q.s.view.User(k.User)
	if !ok {
		q.catchUp()
		user, _ = q.s.view.User(k.User)
	}
	return keyAnswer{Key: id(k.ID), User: user.Name.String(), Role: k.Role.String(),
		PublicKey: base64.StdEncoding.EncodeToString(k.Pub[:]), Revoked: k.Revoked != 0}
}

// addKey handles POST /v1/admin/keys.
func addKey(q *request) (any, *Error) {
	f, err := q.adminBody()
	if err != nil {
		return nil, err
	}
	user := f.text("user")
	role := choice(f, "role", wire.InvalidRole, wire.Trader, wire.ReadOnly, wire.Custodian, wire.Operator)
	pub := f.base64("public_key", 32)
	if err := f.done(); err != nil {
		return nil, err
	}
	if !auth.ValidPublicKey(pub) {
		return nil, refuseField(wire.InvalidPublicKey, "public_key", "")
	}
	of, err := q.user(user)
	if err != nil {
		return nil, err
	}
	var c wire.Command
	(&wire.AddKey{User: of.ID, Role: role, Pub: [32]byte(pub)}).Put(&c)
	p, err := q.command(&c)
	if err != nil {
		return nil, err
	}
	var m wire.Key
	m.GetEvent(&p.events[0])
	a := q.keyText(&m)
	a.Repeat = p.repeat()
	return a, nil
}

// revokeKey handles DELETE /v1/admin/keys/{key}.
func revokeKey(q *request) (any, *Error) {
	if err := q.fields.done(); err != nil {
		return nil, err
	}
	n, err := parseNumber(q.params[0])
	if err != nil || n > math.MaxUint32 {
		return nil, refuseField(InvalidValue, "key", "a whole number in digits is needed")
	}
	var c wire.Command
	(&wire.RevokeKey{Key: wire.KeyID(n)}).Put(&c)
	p, err := q.command(&c)
	if err != nil {
		if err.Reason == wire.UnknownKey {
			err.Field, err.status = "key", 404 // not the caller's own
		}
		return nil, err
	}
	q.catchUp()
	k, ok := q.s.view.Key(wire.KeyID(n))
	if !ok {
		return nil, refuse(OutcomeUnknown, "done, but not visible yet")
	}
	a := q.keyText(&k)
	a.Repeat = p.repeat()
	return a, nil
}

// listKeys handles GET /v1/admin/keys.
func listKeys(q *request) (any, *Error) {
	return byCursor(q, func() []wire.Key { return q.s.view.Keys() }, func(k *wire.Key) uint32 { return uint32(k.ID) }, q.keyText)
}

type accountAnswer struct {
	AccountID string `json:"account_id"`
	Name      string `json:"name"`
	User      string `json:"user"`
	Repeat    bool   `json:"repeat,omitempty"`
}

func (q *request) accountText(a *wire.Account) accountAnswer {
	user, _ := q.s.view.User(a.User)
	return accountAnswer{AccountID: id(a.ID), Name: a.Name.String(), User: user.Name.String()}
}

func accountNumber(a *wire.Account) uint32 { return uint32(a.ID) }

// addAccount handles POST /v1/admin/accounts.
func addAccount(q *request) (any, *Error) {
	f, err := q.adminBody()
	if err != nil {
		return nil, err
	}
	name, user := f.text36("name"), f.text("user")
	if err := f.done(); err != nil {
		return nil, err
	}
	of, err := q.user(user)
	if err != nil {
		return nil, err
	}
	var c wire.Command
	(&wire.AddAccount{User: of.ID, Name: name}).Put(&c)
	p, err := q.command(&c)
	if err != nil {
		return nil, err
	}
	var m wire.Account
	m.GetEvent(&p.events[0])
	return accountAnswer{id(m.ID), m.Name.String(), of.Name.String(), p.repeat()}, nil
}

// listAllAccounts handles GET /v1/admin/accounts.
func listAllAccounts(q *request) (any, *Error) {
	return byCursor(q, func() []wire.Account { return q.s.view.Accounts() }, accountNumber, q.accountText)
}
