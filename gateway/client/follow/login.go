package follow

import (
	"encoding/hex"
	"strconv"
	"time"

	"uncross/gateway/auth"
)

// How far a login is.
type loginState uint8

const (
	loginNone  loginState = iota // to be made, at or after login.due
	loginProof                   // a session is being got
	loginAsked                   // the request is under way
	loginDone
)

// Times of logins.
const (
	renewBefore    = 2 * time.Minute // of the session's end; a fifth of what is left where that is less
	longestRefused = 5 * time.Second // longest pause after a refusal
)

// login is how far the private channels are proved. The Follower's goroutine alone uses it.
type login struct {
	state   loginState
	due     time.Time
	pause   time.Duration
	session *auth.ClientSession
	renew   time.Time
	got     chan proof // nil: none is awaited
	renewed bool       // a login is under way while the one before holds
}

// proof is a session that was got, or why not.
type proof struct {
	session *auth.ClientSession
	err     error
}

// answers returns where a session comes, nil when none is awaited.
func (l *login) answers() <-chan proof { return l.got }

// prove logs in where that is due: at the start of a connection, and before the session ends.
func (f *Follower) prove(now time.Time) {
	l := &f.login
	begin := l.state == loginNone && !now.Before(l.due)
	renew := l.state == loginDone && !l.renewed && !now.Before(l.renew)
	if l.got != nil || !begin && !renew {
		return
	}
	var not *auth.ClientSession
	if renew || l.session != nil && !now.Before(l.renew) {
		not = l.session
	}
	if l.renewed = renew; begin {
		l.state = loginProof
	}
	got := make(chan proof, 1)
	l.got = got
	at, _ := BaseURL(f.c.Dial.URL) // Open has looked at it
	go func() {
		s, err := f.c.Client.SessionAt(f.ctx, at, not)
		got <- proof{s, err}
	}()
}

// proved goes on with a session that was got.
func (f *Follower) proved(p proof) {
	l := &f.login
	l.got = nil
	now := time.Now()
	if p.err != nil {
		f.loginFailed(p.err, now)
		return
	}
	l.session = p.session
	left := p.session.Expires().Sub(now)
	l.renew = p.session.Expires().Add(-min(renewBefore, left/5))
	h := p.session.Sign("GET", Path, nil, now)
	if l.state == loginProof {
		l.state = loginAsked
	}
	_ = f.send(op{ // the connection ends with the same error at the next read
		Op: "login", Session: h.Session, Seq: strconv.FormatUint(h.Seq, 10), Time: strconv.FormatInt(h.TimeMs, 10), Mac: hex.EncodeToString(h.Mac[:]),
	}, request{login: true})
}

func (f *Follower) loggedIn() {
	l := &f.login
	l.state, l.renewed, l.pause = loginDone, false, 0
	f.c.OnEvent(Event{Kind: LoggedIn})
}

// loginRefused deals with a login that the venue refuses, or with a session that it has ended: another session may do.
func (f *Follower) loginRefused(err error, now time.Time) {
	if f.login.session != nil {
		f.login.renew = now // the next login needs another session
	}
	f.loginFailed(err, now)
}

// loginFailed tries again later, or lets the private channels go where that does not help.
func (f *Follower) loginFailed(err error, now time.Time) {
	l := &f.login
	l.state, l.renewed = loginNone, false
	l.pause = min(max(2*l.pause, firstPause), longestRefused)
	l.due = now.Add(l.pause)
	f.c.OnEvent(Event{Kind: LoginFailed, Err: err})
	if e := asError(err); e == nil || e.Temporary() || sessionGone(e.Reason) {
		return
	}
	for _, t := range append([]*topic(nil), f.order...) {
		if t.sub.Private() {
			f.drop(t)
			f.c.OnEvent(Event{Kind: Refused, Subscription: t.sub, Err: err})
		}
	}
}

// sessionGone reports whether a new session may help.
func sessionGone(reason string) bool {
	switch reason {
	case "unknown_session", "session_expired", "replayed_request", "outside_time_window", "bad_signature":
		return true
	}
	return false
}
