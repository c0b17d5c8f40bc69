package fix

import (
	"fmt"
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

// runSchedule ends the sessions that a former process left logged on, once the node is ready, and starts the numbers of
// every session again at the configured time. What should have happened while the node was down happens when it is up.
func (s *Server) runSchedule(stop <-chan struct{}) {
	tick := time.NewTicker(scheduleEvery)
	defer tick.Stop()
	tidied := false
	var done time.Time // the reset time that everything has been done for
	for {
		if s.ready() {
			if !tidied {
				tidied = true
				s.tidyAll()
			}
			if s.reset != nil {
				if at := s.reset.before(s.clock()); !at.Equal(done) && s.resetDue(at) {
					done = at
				}
			}
		}
		select {
		case <-stop:
			return
		case <-s.stop:
			return
		case <-tick.C:
		}
	}
}

// tidyAll ends the sessions that are logged on in the log while nobody is there.
func (s *Server) tidyAll() {
	for _, def := range s.view.Sessions() {
		x, ok := s.outbox.Session(def.ID)
		if !ok || def.Kind == wire.MarketDataSession {
			continue
		}
		if on, _ := x.LoggedOn(); !on {
			continue
		}
		s.holding(&def, func(p *seat) { s.tidy(p, &def) })
	}
}

// holding does something for a session while nobody can log on to it. A session that is in use is left alone.
func (s *Server) holding(def *wire.Session, do func(p *seat)) {
	p, ok := s.seatOf(def)
	if !ok {
		return
	}
	g := s.ghost(def)
	if holder, err := p.take(g, time.Now().Add(s.limits.LogonWait)); holder != nil || err != nil {
		return
	}
	defer p.leave(g)
	do(p)
}

// resetDue starts the numbers again of every session that was used since before the given time, and reports whether none
// is left.
func (s *Server) resetDue(at time.Time) bool {
	s.endWhere(func(c *conn) bool { return c.since.Load() < at.UnixNano() }, "daily reset of the sequence numbers")
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

func (s *Server) isDue(def *wire.Session, at time.Time) bool {
	x, ok := s.outbox.Session(def.ID)
	if !ok {
		return false
	}
	n := x.Numbers()
	return n.SinceNs != 0 && n.SinceNs < at.UnixNano() && (n.NextIn > 1 || n.NextOut > 1)
}

// resetNumbers begins the session's next epoch.
func (s *Server) resetNumbers(p *seat, def *wire.Session) {
	s.tidy(p, def)
	n := p.x.Numbers()
	m := wire.SessionMessage{Session: def.ID, Kind: wire.SessionReset}
	cmd := wire.Command{Key: def.Key, Origin: wire.SessionOrigin(def.ID, n.Epoch+1, 0, false)}
	m.Put(&cmd)
	if err := s.patiently(s.limits.BusyWait, func() error { return s.put(p, &cmd) }); err != nil {
		s.log.Info("fix: numbers could not be reset, trying again", "session", def.CompID.String(), "error", err)
		return
	}
	p.settle(s.stop, time.Now().Add(s.limits.LogonWait))
	s.log.Info("fix: numbers reset", "session", def.CompID.String(), "epoch", n.Epoch+1)
}
