package stream

import (
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/gobwas/ws"

	"uncross/engine/wire"
	"uncross/gateway/auth"
	"uncross/gateway/http"
)

// requester does what a client asks for. It belongs to the connection's reader.
type requester struct {
	c      *conn
	tokens float64 // of the rate
	last   time.Time
	wrong  int // requests one after the other
	logins int // wrong ones in all
}

// take counts a frame of the client's against the rate.
func (q *requester) take() bool {
	l := &q.c.s.limits
	now := time.Now()
	q.tokens = min(q.tokens+now.Sub(q.last).Seconds()*float64(l.RequestRate), float64(l.RequestBump))
	q.last = now
	if q.tokens < 1 {
		return false
	}
	q.tokens--
	return true
}

// ping answers a client's ping.
func (q *requester) ping(payload []byte) {
	if !q.take() {
		q.bad(nil)
		return
	}
	q.answer(controlFrame(ws.OpPong, payload))
}

// pong takes the answer to a ping of ours; others mean nothing.
func (q *requester) pong(payload []byte) {
	if !q.take() {
		q.bad(nil)
		return
	}
	if len(payload) == 8 {
		q.c.pong.Store(binary.BigEndian.Uint64(payload))
	}
}

// request does one request and answers it.
func (q *requester) request(text []byte) {
	if !q.take() {
		q.bad(&errorMessage{Type: "error", Error: http.Refuse(http.TooManyRequests, "", "")})
		return
	}
	r, err := parse(text, q.c.s.limits.Request)
	if err == nil {
		err = q.do(&r)
	}
	if err != nil {
		q.bad(&errorMessage{Type: "error", ID: r.id, Error: err})
		return
	}
	q.wrong = 0
}

func (q *requester) do(r *request) *http.Error {
	switch r.op {
	case "subscribe":
		return q.subscribe(r)
	case "unsubscribe":
		return q.unsubscribe(r)
	case "list":
		return q.list(r)
	case "ping":
		q.answer(q.encode(q.c.s.pong(r.id)))
		return nil
	case "login":
		return q.login(r)
	default:
		return q.logout(r)
	}
}

// bad counts a wrong request and says what is wrong, where there is something to say.
func (q *requester) bad(m *errorMessage) {
	q.wrong++
	if m != nil {
		q.c.s.log.Debug("stream refused", "address", q.c.from, "reason", http.ReasonName(m.Error.Reason), "field", m.Error.Field)
		q.answer(q.encode(m))
	}
	switch l := &q.c.s.limits; {
	case q.logins >= l.Logins:
		q.c.end(ws.StatusPolicyViolation, "too many wrong logins")
	case q.wrong >= l.Wrong:
		q.c.end(ws.StatusPolicyViolation, "too many wrong requests")
	}
}

func (q *requester) answer(frame []byte) {
	q.c.mu.Lock()
	q.c.answer(frame)
	q.c.mu.Unlock()
}

func (q *requester) encode(m any) []byte { return encode(m, q.c.deflate) }

func (q *requester) list(r *request) *http.Error {
	q.c.mu.Lock()
	defer q.c.mu.Unlock()
	a := listAnswer{"subscriptions", r.id, []subscriptionText{}}
	for _, sub := range q.c.order {
		a.Subscriptions = append(a.Subscriptions, sub.shown)
	}
	q.c.answer(q.encode(a))
	return nil
}

// login takes a session that the client proves to have, as a request of GET /v1/stream without a body would.
func (q *requester) login(r *request) *http.Error {
	s := q.c.s
	h, err := auth.ParseHeaders(r.proof[0], r.proof[1], r.proof[2], r.proof[3])
	if err != nil {
		return q.failed(http.AuthError(err))
	}
	// Not the session alone: nobody may lock out somebody else.
	subject := "stream " + q.c.from.String() + " " + h.Session
	if wait, ok := s.guard.Allow(subject); !ok {
		return q.failed(http.Refuse(http.TooManyRequests, "", "too many logins failed; wait "+wait.Round(time.Second).String()))
	}
	session, err := s.sessions.Verify(&h, "GET", "/v1/stream", nil)
	if err != nil {
		if errors.Is(err, auth.ErrBadMac) || errors.Is(err, auth.ErrUnknownSession) || errors.Is(err, auth.ErrReplayed) {
			s.guard.Failed(subject)
		}
		return q.failed(http.AuthError(err))
	}
	s.guard.Succeeded(subject)
	k, ok := s.view.Key(session.Key())
	if !ok {
		s.catchUp()
		k, ok = s.view.Key(session.Key())
	}
	switch {
	case !ok:
		return q.failed(http.Refuse(wire.UnknownKey, "", ""))
	case k.Revoked != 0:
		return q.failed(revoked())
	}
	q.loggedIn(r, &login{session, k})
	return nil
}

// loggedIn carries on what the new session may read of the same user's, ends the rest, and answers.
func (q *requester) loggedIn(r *request, next *login) {
	c := q.c
	user, _ := c.s.view.User(next.key.User)
	c.mu.Lock()
	defer c.mu.Unlock()
	same := c.login != nil && c.login.key.User == next.key.User
	ended := c.dropPrivate(func(k key) bool { return same && c.s.mayRead(&next.key, k) == nil })
	c.login = next
	c.keyRevoked.Store(false)
	c.keyID.Store(uint32(next.key.ID))
	// From here on KeyRevoked finds the connection; it may have come just before.
	if k, ok := c.s.view.Key(next.key.ID); !ok || k.Revoked != 0 {
		c.keyRevoked.Store(true)
	}
	c.answer(q.encode(loginAnswer{"logged_in", r.id, user.Name.String(), next.key.Role.String(),
		stamp(next.session.Expires().UnixNano()), ended}))
}

// failed counts a wrong login; bad answers it, and closes behind the answer where it is one too many.
func (q *requester) failed(err *http.Error) *http.Error {
	q.logins++
	return err
}

func (q *requester) logout(r *request) *http.Error {
	c := q.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.login == nil {
		return http.Refuse(http.NotAuthenticated, "", "")
	}
	c.login = nil
	c.keyID.Store(0)
	c.answer(q.encode(loginAnswer{Type: "logged_out", ID: r.id, Ended: c.dropPrivate(nil)}))
	return nil
}

// dropPrivate ends the private subscriptions that are not to be kept, nil: all, and returns them. It is called under the
// lock.
func (c *conn) dropPrivate(keep func(key) bool) (ended []subscriptionText) {
	for _, sub := range slices.Clone(c.order) {
		if sub.key.Channel.private() && (keep == nil || !keep(sub.key)) {
			ended = append(ended, sub.shown)
			c.drop(sub)
		}
	}
	return ended
}

// drop ends one subscription. It is called under the lock.
func (c *conn) drop(sub *subscription) {
	sub.source.close()
	delete(c.subs, sub.key)
	c.order = slices.DeleteFunc(c.order, func(o *subscription) bool { return o == sub })
	c.subscribed.Store(int64(len(c.order)))
}

func revoked() *http.Error { return http.Refuse(wire.KeyRevoked, "", "") }
