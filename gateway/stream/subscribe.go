package stream

import (
	"errors"

	"uncross/engine/wire"
	"uncross/gateway/history"
	"uncross/gateway/http"
	"uncross/gateway/view"
)

// asked is one subscription that a request comes to, with what it names looked up.
type asked struct {
	at    int // element of the request
	key   key
	shown subscriptionText
	after *history.EventID
}

// subscribe begins subscriptions, all that are asked for or none. One that there is already begins anew.
func (q *requester) subscribe(r *request) *http.Error {
	c := q.c
	if !c.s.ready() {
		return http.Refuse(http.NotReady, "", "") // names may not be known yet, and * is not every instrument
	}
	who := c.loggedInAs()
	all, instruments, err := q.resolve(r, who)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if who != c.login {
		return http.Refuse(http.NotAuthenticated, "", "the session ended") // in this very moment
	}
	if err := c.hasRoom(all); err != nil {
		return err
	}
	fresh := make([]*subscription, 0, len(all))
	for i := range all {
		sub, err := c.open(&all[i])
		if err != nil {
			for _, sub := range fresh {
				sub.source.close()
			}
			return within(all[i].at, err)
		}
		fresh = append(fresh, sub)
	}
	answer := subscribedAnswer{"subscribed", r.id, []subscriptionText{}, []instrumentText{}}
	for _, sub := range fresh {
		if old := c.subs[sub.key]; old != nil {
			c.drop(old)
		}
		c.subs[sub.key] = sub
		c.order = append(c.order, sub)
		sub.news.Store(true)
		answer.Subscriptions = append(answer.Subscriptions, sub.shown)
	}
	for _, in := range instruments {
		answer.Instruments = append(answer.Instruments, instrumentText{uint32(in.ID), in.Symbol.String(), in.Tick(), in.Lot()})
	}
	c.subscribed.Store(int64(len(c.order)))
	c.answer(q.encode(answer))
	return nil
}

func (c *conn) loggedInAs() *login {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.checkLogin()
	return c.login
}

// resolve looks up what a request names, and returns its subscriptions with * spelled out, and the instruments.
func (q *requester) resolve(r *request, who *login) (all []asked, instruments []view.Instrument, err *http.Error) {
	seen := map[key]bool{}
	known := map[wire.InstrumentID]bool{}
	for i := range r.wanted {
		w := &r.wanted[i]
		found, ins, err := q.lookUp(w, who)
		if err != nil {
			return nil, nil, within(i, err)
		}
		for _, a := range found {
			if a.at = i; seen[a.key] {
				return nil, nil, within(i, http.Refuse(http.InvalidValue, "", "given twice"))
			}
			seen[a.key] = true
			all = append(all, a)
		}
		for _, in := range ins {
			if !known[in.ID] {
				known[in.ID] = true
				instruments = append(instruments, in)
			}
		}
	}
	return all, instruments, nil
}

// lookUp looks up what one element names.
func (q *requester) lookUp(w *wanted, who *login) (all []asked, instruments []view.Instrument, err *http.Error) {
	if w.channel.private() {
		a, err := q.account(w, who)
		return []asked{a}, nil, err
	}
	if w.symbol == "*" {
		instruments = q.c.s.view.Instruments()
	} else {
		in, err := q.instrument(w.symbol)
		if err != nil {
			return nil, nil, err
		}
		instruments = []view.Instrument{in}
	}
	for i := range instruments {
		in := &instruments[i]
		a := asked{key: key{Topic: Topic{w.channel, in.ID, w.interval}}, shown: subscriptionText{Channel: w.channel.String(), Symbol: in.Symbol.String()}}
		if w.interval != 0 {
			a.shown.Interval = w.interval.String()
		}
		all = append(all, a)
	}
	return all, instruments, nil
}

func (q *requester) instrument(symbol string) (view.Instrument, *http.Error) {
	s := q.c.s
	in, ok := s.view.InstrumentBySymbol(symbol)
	if !ok {
		s.catchUp()
		in, ok = s.view.InstrumentBySymbol(symbol)
	}
	if !ok {
		return in, http.Refuse(wire.UnknownInstrument, "symbol", "")
	}
	return in, nil
}

// account looks up the account of a private subscription, in the order of the REST interface's checks: session, role, name,
// right to read.
func (q *requester) account(w *wanted, who *login) (a asked, err *http.Error) {
	if who == nil {
		return a, http.Refuse(http.NotAuthenticated, "", "")
	}
	s := q.c.s
	if err := roleReads(&who.key, w.channel); err != nil {
		return a, err
	}
	acc, ok := s.view.AccountByName(w.account)
	if !ok {
		s.catchUp()
		acc, ok = s.view.AccountByName(w.account)
	}
	if !ok {
		return a, http.Refuse(wire.UnknownAccount, "account", "")
	}
	a = asked{key: key{Topic: Topic{Channel: w.channel}, account: acc.ID}, shown: subscriptionText{Channel: w.channel.String(), Account: w.account}, after: w.after}
	return a, s.mayRead(&who.key, a.key)
}

// roleReads refuses a role that may not read a private channel at all: whoever may see the orders of an account sees its
// executions, and custodians see balances as well.
func roleReads(k *wire.Key, channel Channel) *http.Error {
	if channel == Balances || k.Role != wire.Custodian {
		return nil
	}
	return http.Refuse(wire.RoleNotAllowed, "", "this key's role is "+k.Role.String())
}

// mayRead returns why a key may not read a private channel of an account, nil where it may.
func (s *Server) mayRead(k *wire.Key, of key) *http.Error {
	if err := roleReads(k, of.Channel); err != nil {
		return err
	}
	acc, ok := s.view.Account(of.account)
	others := k.Role == wire.Operator || k.Role == wire.Custodian
	if !ok || acc.User != k.User && !others {
		return http.Refuse(wire.NotYourAccount, "account", "")
	}
	return nil
}

// hasRoom refuses what would be more subscriptions than there may be. It is called under the lock.
func (c *conn) hasRoom(all []asked) *http.Error {
	l := &c.s.limits
	total, private := len(c.subs), 0
	for k := range c.subs {
		if k.Channel.private() {
			private++
		}
	}
	for i := range all {
		if c.subs[all[i].key] != nil {
			continue
		}
		total++
		if all[i].key.Channel.private() {
			private++
		}
	}
	switch {
	case total > l.Subscriptions:
		return http.Refuse(http.TooManySubscribed, "subscriptions", "at most "+itoa(l.Subscriptions))
	case private > l.Private:
		return http.Refuse(http.TooManySubscribed, "subscriptions", "at most "+itoa(l.Private)+" private ones")
	}
	return nil
}

// open makes a subscription, which is not yet one of the connection's. It is called under the lock.
func (c *conn) open(a *asked) (*subscription, *http.Error) {
	sub := &subscription{key: a.key, shown: a.shown}
	wake := func() {
		sub.news.Store(true)
		c.poke()
	}
	if a.key.Channel.private() {
		return sub, c.openPrivate(sub, a, wake)
	}
	cursor, err := c.s.feed.Subscribe(a.key.Topic, c.binary, wake)
	switch {
	case errors.Is(err, ErrNoInstrument), errors.Is(err, ErrNotReady):
		return nil, http.Refuse(http.NotReady, "", "the feed does not have it yet") // the view has the instrument
	case err != nil:
		c.s.log.Error("the feed refuses a subscription", "channel", a.key.Channel.String(), "error", err)
		return nil, http.Refuse(http.Internal, "", "")
	}
	sub.source = &public{cursor: cursor, deflate: c.deflate}
	return sub, nil
}

// openPrivate places a private subscription behind the event that the client named, or at the end.
func (c *conn) openPrivate(sub *subscription, a *asked, wake func()) *http.Error {
	h := c.s.history
	p := &private{s: c.s, key: a.key, name: a.shown.Account, deflate: c.deflate}
	switch {
	case a.after != nil:
		p.after = *a.after
		if p.after.Seq > max(c.s.view.Applied(), h.End().Seq) {
			return http.Refuse(http.InvalidValue, "after", "there is no such event yet")
		}
		if _, _, _, err := h.AccountEvents(a.key.account, p.after, 1); err != nil {
			return c.unreadable(err)
		}
	case a.key.Channel == Balances:
		at, bs, err := h.Balances(a.key.account)
		if err != nil {
			return c.unreadable(err)
		}
		p.after, p.first = at, p.snapshot(at, bs)
	default:
		p.after = h.End()
	}
	sub.shown.After = eventText(p.after)
	p.cancel = h.Watch(a.key.account, wake)
	sub.source = p
	return nil
}

// unreadable refuses a subscription that the history does not give.
func (c *conn) unreadable(err error) *http.Error {
	switch {
	case errors.Is(err, history.ErrTrimmed):
		return http.Refuse(http.HistoryTrimmed, "after", err.Error())
	case errors.Is(err, history.ErrClosed):
		return http.Refuse(http.ShuttingDown, "", "")
	}
	c.s.log.Error("the history cannot be read", "error", err)
	return http.Refuse(http.Internal, "", "the history cannot be read")
}

// unsubscribe ends subscriptions, all that are named or none.
func (q *requester) unsubscribe(r *request) *http.Error {
	c := q.c
	c.mu.Lock()
	defer c.mu.Unlock()
	answer := listAnswer{"unsubscribed", r.id, []subscriptionText{}}
	ending := map[*subscription]bool{}
	for i := range r.wanted {
		w := &r.wanted[i]
		found := false
		for _, sub := range c.order {
			if !w.names(sub) {
				continue
			}
			if ending[sub] {
				return within(i, http.Refuse(http.InvalidValue, "", "given twice"))
			}
			found, ending[sub] = true, true
			answer.Subscriptions = append(answer.Subscriptions, sub.shown)
		}
		if !found {
			return within(i, http.Refuse(http.InvalidValue, "", "there is no such subscription"))
		}
	}
	for sub := range ending {
		c.drop(sub)
	}
	c.answer(q.encode(answer))
	return nil
}

// names reports whether an element of a request is about a subscription.
func (w *wanted) names(sub *subscription) bool {
	return w.channel == sub.key.Channel && w.interval == sub.key.Interval && w.account == sub.shown.Account &&
		(w.symbol == sub.shown.Symbol || w.symbol == "*")
}
