package fix

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"uncross/engine/wire"
)

// DailyTime is a time of day in UTC.
type DailyTime struct{ Hour, Minute, Second int }

// ParseDailyTime reads "HH:MM" or "HH:MM:SS".
func ParseDailyTime(s string) (DailyTime, error) {
	for _, layout := range []string{"15:04", "15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil {
			return DailyTime{t.Hour(), t.Minute(), t.Second()}, nil
		}
	}
	return DailyTime{}, fmt.Errorf("gateway/fix: %q is no time of day: HH:MM or HH:MM:SS, in UTC", s)
}

// String returns HH:MM:SS.
func (d DailyTime) String() string { return fmt.Sprintf("%02d:%02d:%02d", d.Hour, d.Minute, d.Second) }

// before returns the latest such time that is not after t.
func (d DailyTime) before(t time.Time) time.Time {
	t = t.UTC()
	at := time.Date(t.Year(), t.Month(), t.Day(), d.Hour, d.Minute, d.Second, 0, time.UTC)
	if at.After(t) {
		at = at.AddDate(0, 0, -1)
	}
	return at
}

// scheduleEvery is how often the schedule is looked at.
const scheduleEvery = time.Second

// runSchedule ends the sessions that a former process or leader left logged on, as soon as the node leads, and starts the
// numbers of every session again at the configured time. What should have happened while no node led happens when one does:
// here, or in the session's logon where that comes first.
func (s *Server) runSchedule(stop <-chan struct{}) {
	tick := time.NewTicker(scheduleEvery)
	defer tick.Stop()
	var looked, tidied uint64 // the last era in which this node led, and the one in which nobody was left logged on
	var done time.Time        // the reset time that everything has been done for in the last era
	for {
		era, leads := s.core.Era(), s.leading()
		if leads && looked != era {
			looked, done = era, time.Time{}
		}
		if leads && tidied != era && s.tidyAll() {
			tidied = era
		}
		if s.ready() && s.reset != nil {
			if at := s.reset.before(s.clock()); !at.Equal(done) && s.resetDue(at, leads) {
				done = at
			}
		}
		s.endCutOff()
		select {
		case <-stop:
			return
		case <-s.stop:
			return
		case <-s.opened:
		case <-tick.C:
		}
	}
}

// tidyAll ends the sessions that are logged on in the log while nobody is there. It reports false when it could not look
// after some of them now: the outbox, which tells who is logged on, may still be reading what this node took office with.
func (s *Server) tidyAll() bool {
	if !s.outbox.WaitFor(s.core.Applied(), s.limits.BusyWait) {
		return false
	}
	var all sync.WaitGroup
	var missed atomic.Bool
	places := make(chan struct{}, tidyAtOnce)
	for _, def := range s.view.Sessions() {
		x, ok := s.outbox.Session(def.ID)
		if !ok || def.Kind == wire.MarketDataSession {
			continue
		}
		if on, _ := x.LoggedOn(); !on {
			continue
		}
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			if !s.holding(&def, func(p *seat) { s.tidy(p, &def) }) {
				missed.Store(true)
			}
		})
	}
	all.Wait()
	return !missed.Load()
}

// holding does something for a session while nobody can log on to it. A session that is in use is left alone. It reports
// false when nothing can be done for the session now.
func (s *Server) holding(def *wire.Session, do func(p *seat)) bool {
	p, ok := s.seatOf(def)
	if !ok {
		return false
	}
	g := s.ghost(def)
	if holder, err := p.take(g, time.Now().Add(s.limits.LogonWait)); holder != nil || err != nil {
		return err == nil
	}
	defer p.leave(g)
	do(p)
	return true
}

// resetDue starts the numbers again of every session whose numbers are from before the given time, and reports whether none
// is left. A session that is logged on with such numbers has to leave: since a logon carries out a reset that is due, it
// was logged on before. At a node that does not lead there are market data sessions alone.
func (s *Server) resetDue(at time.Time, leads bool) bool {
	s.endWhere(func(c *conn) bool {
		if c.durable {
			return s.isDue(c.def(), at)
		}
		return c.since.Load() < at.UnixNano()
	}, "daily reset of the sequence numbers")
	if !leads {
		return true
	}
	all := true
	for _, def := range s.view.Sessions() {
		if def.Kind == wire.MarketDataSession || !s.isDue(&def, at) {
			continue
		}
		s.holding(&def, func(p *seat) {
			if s.isDue(&def, at) {
				s.resetNumbers(p, &def)
			}
		})
		all = all && !s.isDue(&def, at)
	}
	return all
}

// resetFirst carries out a daily reset that is due, for a logon: numbers that it is answered with are never reset behind
// it. The caller has the seat. It reports false when the reset is due and cannot be had now.
func (s *Server) resetFirst(p *seat, def *wire.Session) bool {
	return s.reset == nil || !s.isDue(def, s.reset.before(s.clock())) || s.resetNumbers(p, def)
}

// isDue reports whether a session's numbers were used and are from before the given time.
func (s *Server) isDue(def *wire.Session, at time.Time) bool {
	x, ok := s.outbox.Session(def.ID)
	if !ok {
		return false
	}
	n := x.Numbers()
	return n.SinceNs != 0 && n.SinceNs < at.UnixNano() && (n.NextIn > 1 || n.NextOut > 1)
}

// resetNumbers begins the session's next epoch, and reports whether it has begun. The caller has the seat.
func (s *Server) resetNumbers(p *seat, def *wire.Session) bool {
	s.tidy(p, def)
	n := p.x.Numbers()
	m := wire.SessionMessage{Session: def.ID, Kind: wire.SessionReset}
	cmd := wire.Command{Key: def.Key, Origin: wire.SessionOrigin(def.ID, n.Epoch+1, 0, false)}
	m.Put(&cmd)
	if err := s.patiently(s.limits.BusyWait, func() error { return s.put(p, &cmd) }); err != nil {
		s.log.Info("fix: numbers could not be reset, trying again", "session", def.CompID.String(), "error", err)
		return false
	}
	if !p.settle(s.stop, time.Now().Add(s.limits.LogonWait)) || p.x.Numbers().Epoch == n.Epoch {
		s.log.Info("fix: numbers are not reset yet, trying again", "session", def.CompID.String())
		return false
	}
	s.log.Info("fix: numbers reset", "session", def.CompID.String(), "epoch", n.Epoch+1)
	return true
}
