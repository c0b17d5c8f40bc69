package fix

import (
	"cmp"
	"slices"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/fix/market"
)

// Status is how the gateway stands.
type Status struct {
	Connections int             // before logon included
	Sessions    []SessionStatus // that are logged on, by CompID
	Market      market.Status
}

// SessionStatus is how a session that is logged on stands.
type SessionStatus struct {
	ID       wire.SessionID
	CompID   string
	Kind     wire.SessionKind
	Remote   string // address of the client
	Since    time.Time
	NextIn   uint64 // number that its next message should have
	NextOut  uint64 // number behind the last message that was sent
	Behind   uint64 // messages that have their numbers and are not sent yet
	InFlight int    // commands that wait for their answers
}

// Status tells how the gateway stands.
func (s *Server) Status() Status {
	st := Status{Connections: s.doors.count(), Market: s.market.Status()}
	for _, c := range s.live() {
		st.Sessions = append(st.Sessions, c.status())
	}
	slices.SortFunc(st.Sessions, func(a, b SessionStatus) int { return cmp.Compare(a.CompID, b.CompID) })
	return st
}

// live returns the connections that are logged on.
func (s *Server) live() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []*conn
	for c := range s.conns {
		if c.def() != nil {
			list = append(list, c)
		}
	}
	return list
}

func (c *conn) status() SessionStatus {
	def := c.def()
	t := SessionStatus{
		ID: def.ID, CompID: def.CompID.String(), Kind: def.Kind, Remote: c.remote, Since: time.Unix(0, c.since.Load()),
		NextIn: c.done.Load() + 1, NextOut: c.sentOut.Load() + 1, InFlight: c.seat.inFlight(),
	}
	if c.durable {
		c.mu.Lock()
		cursor := c.cursor
		c.mu.Unlock()
		if next := c.seat.x.Numbers().NextOut; next > cursor {
			t.Behind = next - cursor
		}
	}
	return t
}
