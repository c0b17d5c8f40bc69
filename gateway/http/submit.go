package http

import (
	"strconv"
	"time"

	"uncross/engine/wire"
)

// cancelShare is the part of the places that is kept for single cancels and mass cancels: a cancel is shed last.
const cancelShare = 8

// admit takes n places for commands, in all and of the session; release gives them back.
func (q *request) admit(n int, cancels bool) *Error {
	s := q.s
	all, own := s.limits.InFlight, s.limits.PerSession
	if !cancels {
		all, own = all-all/cancelShare, own-own/cancelShare
	}
	switch {
	case s.stopping.Load():
		return refuse(ShuttingDown, "")
	case !s.core.Leading():
		return s.notLeading()
	case int(s.replies.open.Load())+n > all:
		return refuse(Busy, "")
	case q.session != nil && !s.waits.add(q.session.ID(), n, own):
		return refuse(TooManyRequests, "too many requests of this session wait for their answers")
	}
	return nil
}

func (q *request) release(n int) {
	if q.session != nil {
		q.s.waits.sub(q.session.ID(), n)
	}
}

// submit hands in one command without waiting.
func (q *request) submit(c *wire.Command) (*reply, *Error) {
	if q.session != nil {
		c.Key = q.key.ID
		if c.SentNs == 0 {
			c.SentNs = q.headers.TimeMs * int64(time.Millisecond)
		}
	}
	p, origin := q.s.replies.expect()
	c.Origin = origin
	if err := q.s.core.Submit(c); err != nil {
		q.s.replies.forget(p)
		return nil, q.s.refuse(q.s.reasonOf(err, NotApplied))
	}
	return p, nil
}

// command submits one command, waits for its answer and returns it when it is not a refusal.
func (q *request) command(c *wire.Command) (*reply, *Error) {
	cancels := c.Kind == wire.CmdCancelOrder || c.Kind == wire.CmdCancelAll || c.Kind == wire.CmdMassCancel
	if err := q.admit(1, cancels); err != nil {
		return nil, err
	}
	defer q.release(1)
	p, err := q.submit(c)
	if err != nil {
		return nil, err
	}
	timer := time.NewTimer(q.s.limits.Answer)
	defer timer.Stop()
	q.s.replies.wait(p, timer.C)
	return p, q.refusal(p)
}

// refusal returns what an answer refuses with, nil when it does not.
func (q *request) refusal(p *reply) *Error {
	if p.refused != 0 {
		return q.s.refuse(p.refused)
	}
	e := &p.events[0]
	r, ok := e.Refusal()
	if !ok {
		return nil
	}
	refused := &Error{Reason: r.Reason, Repeat: e.Flags&wire.FlagRepeat != 0}
	if r.Reason == wire.DuplicateClientID && r.Order != 0 {
		refused.Detail = "order " + strconv.FormatUint(uint64(r.Order), 10) + " has it"
	}
	return refused
}

// repeat reports whether the answer is that of an earlier, equal command.
func (p *reply) repeat() bool { return p.events[0].Flags&wire.FlagRepeat != 0 }
