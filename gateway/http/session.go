package http

import (
	"encoding/base64"
	"strconv"

	"uncross/engine/wire"
	"uncross/gateway/auth"
)

// logon handles POST /v1/logon. The signature is checked here; the nonce goes through the log, so that a recorded logon
// is refused also after a restart. Only then is there a session. A follower cannot write to the log: it remembers nonces by
// itself. A logon that was recorded at one node and sent again to another opens a session there that is of use to nobody
// but its owner, since its key follows from what only the owner has.
func logon(q *request) (any, *Error) {
	if err := q.fields.done(); err != nil {
		return nil, err
	}
	f, err := q.body()
	if err != nil {
		return nil, err
	}
	r := auth.LogonRequest{
		Key:             wire.KeyID(f.id32("key", true)),
		Nonce:           f.number("nonce"),
		ClientEphemeral: f.base64("client_ephemeral", 32),
		Signature:       f.base64("signature", 64),
	}
	if err := f.done(); err != nil {
		return nil, err
	}
	if err := q.reach(); err != nil {
		return nil, err
	}
	subject := q.address().String() + " " + strconv.FormatUint(uint64(r.Key), 10)
	if wait, ok := q.s.guard.Allow(subject); !ok {
		return nil, refuse(TooManyRequests, "too many logons of this key failed; wait "+wait.Round(1e9).String())
	}
	if err := q.checkLogon(&r); err != nil {
		return nil, q.failedLogon(subject, err)
	}
	if err := q.useNonce(&r); err != nil {
		return nil, q.failedLogon(subject, err)
	}
	q.s.guard.Succeeded(subject)
	session, answer, e := q.s.sessions.Open(&r)
	if e != nil {
		return nil, authError(e)
	}
	// A revocation between the check and the opening may have found no session to drop.
	if key, ok := q.s.view.Key(session.Key()); !ok || key.Revoked != 0 {
		q.s.sessions.End(session.ID())
		return nil, refuse(wire.KeyRevoked, "")
	}
	return answer, nil
}

// useNonce uses the nonce of a logon up.
func (q *request) useNonce(r *auth.LogonRequest) *Error {
	follows := q.s.follows()
	if !q.s.nonces.take(r.Key, r.Nonce, !follows) {
		return refuse(wire.StaleNonce, "")
	}
	if follows {
		return nil
	}
	var c wire.Command
	(&wire.Logon{Nonce: r.Nonce}).Put(&c)
	c.Key = r.Key
	_, err := q.command(&c)
	if err != nil && err.Reason == NotLeader {
		return nil // it has just ceased to lead
	}
	return err
}

// failedLogon returns err, and counts a logon that proves nothing: by a wrong signature, by a key that is none or none any
// more, or by a nonce that has been used, as in the copy of another's logon. A node that is not ready or busy says nothing
// about the client, and neither does a clock that is off.
func (q *request) failedLogon(subject string, err *Error) *Error {
	switch err.Reason {
	case BadSignature, wire.UnknownKey, wire.KeyRevoked, wire.StaleNonce:
		q.s.guard.Failed(subject)
	}
	return err
}

// checkLogon checks a logon's key and signature.
func (q *request) checkLogon(r *auth.LogonRequest) *Error {
	if !q.s.core.Ready() {
		return refuse(NotReady, "") // the view does not know every key yet
	}
	key, ok := q.s.view.Key(r.Key)
	if !ok {
		q.catchUp()
		key, ok = q.s.view.Key(r.Key)
	}
	switch {
	case !ok:
		return refuse(wire.UnknownKey, "")
	case key.Revoked != 0:
		return refuse(wire.KeyRevoked, "")
	}
	if err := r.Verify(key.Pub, q.now); err != nil {
		return authError(err)
	}
	return nil
}

// base64 returns a member that is standard base64 of exactly size bytes.
func (f *fields) base64(name string, size int) []byte {
	s := f.text(name)
	if s == "" {
		return nil
	}
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != size {
		f.keep(refuseField(InvalidValue, name, "standard base64 of "+itoa(size)+" bytes is needed"))
		return nil
	}
	return b
}

// id32 returns a member or parameter that is an identifier of 32 bits.
func (f *fields) id32(name string, needed bool) uint32 {
	n := f.number(name)
	if n > 1<<32-1 {
		f.keep(refuseField(InvalidValue, name, "there is no such identifier"))
	}
	if n == 0 && needed {
		f.keep(refuseField(MissingField, name, ""))
	}
	return uint32(n)
}

// sessionAnswer tells who a session is.
type sessionAnswer struct {
	Session string `json:"session"`
	Key     string `json:"key"`
	Role    string `json:"role"`
	User    string `json:"user"`
	Expires string `json:"expires"`
}

// showSession handles GET /v1/session.
func showSession(q *request) (any, *Error) {
	if err := q.fields.done(); err != nil {
		return nil, err
	}
	user, _ := q.s.view.User(q.key.User)
	return sessionAnswer{
		Session: q.session.ID(), Key: id(q.key.ID), Role: q.key.Role.String(), User: user.Name.String(),
		Expires: stamp(q.session.Expires().UnixNano()),
	}, nil
}

// endedAnswer answers the end of a session.
type endedAnswer struct {
	Ended bool `json:"ended"`
}

// endSession handles DELETE /v1/session.
func endSession(q *request) (any, *Error) {
	if err := q.fields.done(); err != nil {
		return nil, err
	}
	return endedAnswer{q.s.sessions.End(q.session.ID())}, nil
}
