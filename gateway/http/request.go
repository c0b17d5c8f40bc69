package http

import (
	"encoding/json"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"uncross/engine/wire"
	"uncross/gateway/auth"
)

// addr is the address that a request came from, as it is throttled.
type addr = netip.Addr

// request is one request on its way through a handler.
type request struct {
	s       *Server
	ctx     *fasthttp.RequestCtx
	now     time.Time
	params  []string // the texts of the route's braces, in order
	fields  fields   // of the query
	headers auth.Headers
	session *auth.Session // nil on public routes
	key     wire.Key      // of the session
	waited  time.Duration // for the views, in all
	least   uint64        // command that the answer must have seen
	says    bool          // the answer says how far it is:
	applied uint64        // it has seen this command and all before it
}

// rawAnswer is an answer that is not JSON.
type rawAnswer struct {
	contentType string
	body        []byte
}

// dispatch takes a request through the checks that come before its handler, in this order: address, route, rate of the
// address, body, session, rate of the session, role.
func (s *Server) dispatch(ctx *fasthttp.RequestCtx) (any, *Error) {
	q := &request{s: s, ctx: ctx, now: s.clock()}
	target := string(ctx.Request.Header.RequestURI())
	if len(target) > s.limits.URL {
		return nil, refuse(URLTooLong, "")
	}
	if target == "" || target[0] != '/' || strings.IndexByte(target, '#') >= 0 {
		return nil, refuse(MalformedRequest, "the address must be a path")
	}
	from := q.address()
	signed := len(ctx.Request.Header.Peek(auth.HeaderSession)) > 0
	if !signed && !s.addresses.take(from, q.now, 1) {
		return nil, refuse(TooManyRequests, "")
	}
	path, rawQuery, _ := strings.Cut(target, "?")
	if name, ok := pageFile(path); ok && s.page != nil {
		if signed && !s.addresses.take(from, q.now, 1) {
			return nil, refuse(TooManyRequests, "")
		}
		return q.showPage(name)
	}
	t, params, allow, err := s.routes.find(string(ctx.Method()), path)
	if err == nil && signed && t.access == public && !s.addresses.take(from, q.now, 1) {
		err = refuse(TooManyRequests, "") // headers that nobody looks at do not help
	}
	if err == nil {
		q.params = params
		err = q.checkBody(t)
	}
	if err == nil {
		q.fields.query, err = parseQuery(rawQuery)
	}
	if err == nil && t.access != public {
		err = q.authenticate(t, target)
	}
	if err != nil {
		if signed && q.session == nil && !s.addresses.take(from, q.now, 1) {
			err = refuse(TooManyRequests, "") // guessing at sessions counts as well
		}
		if allow != "" {
			ctx.Response.Header.Set("Allow", allow)
		}
		return nil, err
	}
	if t.commands() && !s.core.Leading() {
		// Before a command is held against views that may be behind those of the leader.
		return nil, s.notLeading()
	}
	if t.shows() && !s.caughtUp() {
		return nil, refuse(NotReady, "the node is still reading its log")
	}
	if t.shows() {
		if err := q.reach(); err != nil {
			return nil, err
		}
	}
	answer, err := t.handler(q)
	if t.changes() {
		q.seen(max(s.view.Applied(), s.replies.seen.Load()))
	}
	if q.says {
		ctx.Response.Header.Set(HeaderApplied, id(q.applied))
	}
	return answer, err
}

// caughtUp reports whether the views have had everything that was there when the node started. Until then they show a past that
// has been answered beyond: nothing is read from them.
func (s *Server) caughtUp() bool {
	if !s.caught.Load() && s.core.Ready() {
		s.caught.Store(true)
	}
	return s.caught.Load()
}

// address returns the address that the request came from.
func (q *request) address() addr {
	if a, ok := q.ctx.RemoteAddr().(*net.TCPAddr); ok {
		return addressOf(a.AddrPort().Addr())
	}
	return addr{}
}

// checkBody refuses a body that is too large, of another kind than JSON, or where none is taken.
func (q *request) checkBody(t *route) *Error {
	h := &q.ctx.Request.Header
	n := len(q.ctx.PostBody())
	switch {
	case n > q.s.limits.Body:
		q.ctx.SetConnectionClose()
		return refuse(BodyTooLarge, "at most "+strconv.Itoa(q.s.limits.Body)+" bytes")
	case n > 0 && !t.body:
		return refuse(MalformedRequest, "no body is taken here")
	case !t.body:
		return nil
	case len(h.ContentEncoding()) > 0:
		return refuse(UnsupportedMedia, "no content encoding is taken")
	}
	kind, _, _ := strings.Cut(string(h.ContentType()), ";")
	if !strings.EqualFold(strings.TrimSpace(kind), "application/json") {
		return refuse(UnsupportedMedia, "")
	}
	return nil
}

// authenticate finds the request's session and checks its code, its rate and its key's role.
func (q *request) authenticate(t *route, target string) *Error {
	h := &q.ctx.Request.Header
	var text [4]string
	for i, name := range [4]string{auth.HeaderSession, auth.HeaderSeq, auth.HeaderTime, auth.HeaderMac} {
		all := h.PeekAll(name)
		if len(all) > 1 {
			return refuse(MalformedAuth, "a header is given twice")
		}
		if len(all) == 1 {
			text[i] = string(all[0])
		}
	}
	var err error
	if q.headers, err = auth.ParseHeaders(text[0], text[1], text[2], text[3]); err != nil {
		return authError(err)
	}
	session, err := q.s.sessions.Verify(&q.headers, string(q.ctx.Method()), target, q.ctx.PostBody())
	if err != nil {
		return authError(err)
	}
	q.session = session
	key, ok := q.s.view.Key(session.Key())
	switch {
	case !ok:
		return refuse(wire.UnknownKey, "")
	case key.Revoked != 0:
		return refuse(wire.KeyRevoked, "")
	}
	q.key = key
	if !q.s.rates.take(session.ID(), q.now, 1) {
		return refuse(TooManyRequests, "")
	}
	if t.access&(1<<key.Role) == 0 {
		return refuse(wire.RoleNotAllowed, "this key's role is "+key.Role.String())
	}
	return nil
}

// authError returns the refusal for an error of package auth.
func authError(err error) *Error {
	for _, m := range [...]struct {
		err    error
		reason wire.Reason
	}{
		{auth.ErrNoSession, NotAuthenticated},
		{auth.ErrHeader, MalformedAuth},
		{auth.ErrUnknownSession, UnknownSession},
		{auth.ErrExpired, SessionExpired},
		{auth.ErrTimeWindow, OutsideTimeWindow},
		{auth.ErrLogonWindow, OutsideTimeWindow},
		{auth.ErrBadMac, BadSignature},
		{auth.ErrSignature, BadSignature},
		{auth.ErrReplayed, ReplayedRequest},
		{auth.ErrEphemeral, MalformedAuth},
		{auth.ErrTooManySessions, TooManySessions},
	} {
		if errors.Is(err, m.err) {
			return refuse(m.reason, err.Error())
		}
	}
	return refuse(BadSignature, "")
}

// body returns the members of the request's JSON object.
func (q *request) body() (*fields, *Error) {
	o, err := parseObject(q.ctx.PostBody())
	if err != nil {
		return nil, err
	}
	return &fields{object: o}, nil
}

// finish writes an answer or a refusal, with the headers that every answer has.
func (s *Server) finish(ctx *fasthttp.RequestCtx, answer any, refused *Error) {
	h := &ctx.Response.Header
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	s.sayWhere(h)
	if s.secure.Load() {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
	if p, ok := answer.(pageAnswer); ok && refused == nil {
		p.write(ctx)
		return
	}
	if raw, ok := answer.(rawAnswer); ok && refused == nil {
		h.SetContentType(raw.contentType)
		ctx.SetBody(raw.body)
		return
	}
	if a, ok := answer.(*streamedAnswer); ok && refused == nil {
		a.send(s, ctx)
		return
	}
	if refused != nil {
		answer = errorBody{refused.body()}
		ctx.SetStatusCode(refused.Status())
		if p := refused.Leader; p != nil && p.HTTP != "" {
			h.Set(HeaderLeader, p.HTTP)
		}
		if r := info(refused.Reason).retry; r > 0 {
			h.Set("Retry-After", strconv.Itoa(r))
		}
		s.log.Debug("refused", "reason", ReasonName(refused.Reason), "field", refused.Field)
	}
	body, err := json.Marshal(answer)
	if err != nil {
		panic("gateway/http: an answer cannot be written: " + err.Error())
	}
	h.SetContentType("application/json")
	ctx.SetBody(body)
}

// catchUp waits until the view has all that was answered before, so that a read never contradicts an answer.
func (q *request) catchUp() { q.await(q.s.view.WaitFor, q.mustSee()) }

// catchUpHistory does the same for the history.
func (q *request) catchUpHistory() {
	q.catchUp()
	q.await(q.s.history.WaitFor, q.mustSee())
	q.seen(q.s.history.Position())
}

// catchUpMarket does the same for the market data, whose answers say themselves how far they are.
func (q *request) catchUpMarket() { q.await(q.s.market.WaitFor, q.mustSee()) }

// mustSee returns the command that the request has to see: what was answered before, and what it asks for.
func (q *request) mustSee() uint64 { return max(q.s.replies.seen.Load(), q.least) }

// await waits until command seq is there, as waitFor tells, and reports whether it is. All waits of a request together
// take no longer than Limits.ReadWait.
func (q *request) await(waitFor func(seq uint64, timeout time.Duration) bool, seq uint64) bool {
	begin := time.Now()
	ok := waitFor(seq, max(q.s.limits.ReadWait-q.waited, 0))
	q.waited += time.Since(begin)
	return ok
}
