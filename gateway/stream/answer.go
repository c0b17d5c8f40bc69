package stream

import (
	"strconv"

	"uncross/gateway/http"
)

// This file has the shapes of answers; asyncapi.yaml describes them, and a test holds the two together.

// subscriptionText is a subscription as answers show it. The same without after ends it.
type subscriptionText struct {
	Channel  string `json:"channel"`
	Symbol   string `json:"symbol,omitempty"`
	Interval string `json:"interval,omitempty"`
	Account  string `json:"account,omitempty"`
	After    string `json:"after,omitempty"` // of a private one: the event that it begins behind
}

// subscribedAnswer answers subscribe.
type subscribedAnswer struct {
	Type          string             `json:"type"`
	ID            string             `json:"id,omitempty"`
	Subscriptions []subscriptionText `json:"subscriptions"`
	Instruments   []instrumentText   `json:"instruments"` // those that the subscriptions are of
}

// instrumentText is what the binary form needs to know of an instrument: its number, and what a tick and a lot are.
type instrumentText struct {
	Instrument uint32 `json:"instrument"`
	Symbol     string `json:"symbol"`
	Tick       string `json:"tick"`
	Lot        string `json:"lot"`
}

// listAnswer answers unsubscribe and list.
type listAnswer struct {
	Type          string             `json:"type"`
	ID            string             `json:"id,omitempty"`
	Subscriptions []subscriptionText `json:"subscriptions"`
}

// pongAnswer answers ping.
type pongAnswer struct {
	Type string `json:"type"`
	ID   string `json:"id,omitempty"`
	Time string `json:"time"` // the server's clock

	// The rest says which node the connection is to, and how far that is.
	Node      string     `json:"node,omitempty"`
	Applied   string     `json:"applied,omitempty"`       // the last command that it has applied
	Role      string     `json:"role,omitempty"`          // "follower" where it takes no commands
	LeaderAge *int64     `json:"leader_age_ms,omitempty"` // of a follower: since it last heard of a leader
	Leader    *http.Peer `json:"leader,omitempty"`        // of a follower: where commands are taken
}

// pong returns the answer to a ping.
func (s *Server) pong(id string) pongAnswer {
	a := pongAnswer{Type: "pong", ID: id, Time: stamp(s.clock().UnixNano())}
	if s.standing == nil {
		return a
	}
	st := s.standing()
	a.Node, a.Applied = st.Node, strconv.FormatUint(s.view.Applied(), 10)
	if st.Follows {
		if a.Role, a.Leader = http.RoleFollower, st.Leader; st.LeaderAgeMs >= 0 {
			a.LeaderAge = &st.LeaderAgeMs
		}
	}
	return a
}

// loginAnswer answers login and logout.
type loginAnswer struct {
	Type    string             `json:"type"`
	ID      string             `json:"id,omitempty"`
	User    string             `json:"user,omitempty"`
	Role    string             `json:"role,omitempty"`
	Expires string             `json:"expires,omitempty"`
	Ended   []subscriptionText `json:"ended,omitempty"` // private subscriptions that are over
}

// errorMessage refuses a request, or says without having been asked that the login is over.
type errorMessage struct {
	Type  string             `json:"type"`
	ID    string             `json:"id,omitempty"`
	Error *http.Error        `json:"error"`
	Ended []subscriptionText `json:"ended,omitempty"`
}
