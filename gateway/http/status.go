package http

// This file has how the node stands, for those who watch it.

// StreamStatus is how the stream's server stands.
type StreamStatus struct {
	Connections   int
	Subscriptions int
}

type statusAnswer struct {
	Venue        string      `json:"venue"`
	ClusterID    string      `json:"cluster_id"`
	Version      string      `json:"version"`
	Node         string      `json:"node"`
	Role         string      `json:"role"`
	Ready        bool        `json:"ready"`                   // reads are served
	Leader       bool        `json:"leader"`                  // commands are taken
	LeaderAge    *int64      `json:"leader_age_ms,omitempty"` // on a follower: since a leader was last heard of
	LeaderAt     *Peer       `json:"leader_at,omitempty"`     // on a follower: where commands are taken
	Term         string      `json:"term"`
	Index        string      `json:"index"`
	Command      string      `json:"command"`
	EngineTime   string      `json:"engine_time"`
	FullHash     string      `json:"full_hash"`
	BusinessHash string      `json:"business_hash"`
	Queue        queueText   `json:"queue"`
	Log          logText     `json:"log"`
	View         string      `json:"view_command"`
	History      histText    `json:"history"`
	Count        countText   `json:"count"`
	Feed         *feedText   `json:"feed,omitempty"`
	Stream       *streamText `json:"stream,omitempty"`
}

type queueText struct {
	Waiting  int    `json:"waiting"`
	Capacity int    `json:"capacity"`
	EventLag string `json:"event_lag"`
}

type logText struct {
	First string `json:"first"`
	Last  string `json:"last"`
	Bytes string `json:"bytes"`
}

type histText struct {
	Command string `json:"command"`
	Durable string `json:"durable_command"`
	reach
}

type countText struct {
	Assets      int `json:"assets"`
	Instruments int `json:"instruments"`
	Accounts    int `json:"accounts"`
	OpenOrders  int `json:"open_orders"`
	Sessions    int `json:"sessions"`
}

type feedText struct {
	Ready     bool   `json:"ready"`
	Command   string `json:"command"`
	Topics    int    `json:"topics"`
	Readers   int    `json:"readers"`
	Messages  string `json:"messages"`
	Bytes     string `json:"bytes"`
	Snapshots string `json:"snapshots"`
	Missed    string `json:"missed_events"`
	Resyncs   string `json:"resyncs"`
	Broken    string `json:"broken"`
	Restarts  string `json:"restarts"`
	Slow      string `json:"slow_readers"`
}

type streamText struct {
	Connections   int `json:"connections"`
	Subscriptions int `json:"subscriptions"`
}

// showStatus handles GET /v1/status.
func showStatus(q *request) (any, *Error) {
	if err := q.fields.done(); err != nil {
		return nil, err
	}
	n, v, h := q.s.core.Status(), q.s.view.Status(), q.s.history
	a := statusAnswer{
		Node: n.NodeID, Role: n.Role,
		Venue: v.Venue.String(), ClusterID: hexText(v.ClusterID[:]), Version: q.s.version,
		Ready: q.s.core.Ready() && v.Initialised && !q.s.removed(), Leader: q.s.core.Leading(),
		Term: id(n.Term), Index: id(n.Index), Command: id(n.Seq), EngineTime: stamp(n.TimeNs),
		FullHash: hash(n.FullHash), BusinessHash: hash(n.BusinessHash),
		Queue:   queueText{n.InputQueued, n.InputSize, id(n.EventLag)},
		Log:     logText{id(n.LogFirst), id(n.LogLast), id(uint64(n.LogBytes))},
		View:    id(v.Applied),
		History: histText{id(h.Position()), id(h.Durable()), q.reaches()},
		Count:   countText{v.Assets, v.Instruments, v.Accounts, v.OpenOrders, q.s.sessions.Len()},
		Feed:    q.s.feedText(), Stream: q.s.streamText(),
	}
	if st := q.s.Standing(); st.Follows {
		if a.LeaderAt = st.Leader; st.LeaderAgeMs >= 0 {
			a.LeaderAge = &st.LeaderAgeMs
		}
	}
	return a, nil
}

func (s *Server) feedText() *feedText {
	if s.market == nil {
		return nil
	}
	f := s.market.Status()
	return &feedText{
		Ready: f.Ready, Command: id(f.Seq), Topics: f.Topics, Readers: f.Readers, Messages: id(f.Messages), Bytes: id(f.Bytes),
		Snapshots: id(f.Snapshots), Missed: id(f.Overruns), Resyncs: id(f.Resyncs), Broken: id(f.Broken), Restarts: id(f.Restarts),
		Slow: id(f.Slow),
	}
}

func (s *Server) streamText() *streamText {
	if s.streamStatus == nil {
		return nil
	}
	f := s.streamStatus()
	return &streamText{f.Connections, f.Subscriptions}
}
