package follow

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"uncross/gateway/client"
)

// This file has what is done about a node that is silent, where several are known: one that is stopped or cut off does not close
// its connections, and a stream of which nothing happens looks the same. It is asked whether it is there, by a ping on the stream
// itself. Where it does not answer, or has not heard of a leader for long, the others are asked whether one of them leads, and the
// stream goes on there. As long as something comes, nothing is asked.

// Times of a silent stream.
const (
	firstSilence   = time.Second            // without a byte; then the node is asked whether it is there
	longestSilence = 16 * time.Second       // the same, after answers to that alone: doubling up to here
	pongTime       = time.Second            // for its answer, or any other byte
	mostAge        = 2 * time.Second        // since it last heard of a leader
	leadsTime      = 500 * time.Millisecond // for the answers of the other nodes
	seekAgain      = 500 * time.Millisecond // until they are asked again
	severalTime    = 3 * time.Second        // until the upgrade is answered, where there are several nodes
)

// pongAnswer is what the answer to a ping says of the node.
type pongAnswer struct {
	Role      string `json:"role"`
	LeaderAge *int64 `json:"leader_age_ms"`
}

// cutOff reports whether a node has not heard of a leader for long.
func (p *pongAnswer) cutOff() bool {
	return p.Role == "follower" && (p.LeaderAge == nil || time.Duration(*p.LeaderAge)*time.Millisecond >= mostAge)
}

// silence is what is known of a connection on which nothing comes. The Follower's goroutine alone uses it.
type silence struct {
	others []string // addresses of the other nodes; none: nobody is asked

	last   time.Time     // when the latest message had been dealt with: others may wait behind it
	after  time.Duration // without a byte, before the node is asked
	pinged time.Time     // when it was; zero: it has answered
	cutOff bool          // it has said so
	seek   time.Time     // when the others may be asked again
	found  chan string   // the leader among them, "" for none; nil: they are not being asked
}

// newSilence is for a connection that has just been made.
func (f *Follower) newSilence() silence {
	s := silence{after: firstSilence}
	for _, u := range f.c.Dial.URLs {
		base, _ := BaseURL(u) // Open has looked at it
		s.others = append(s.others, base)
	}
	return s
}

// heard notes a message that is not the answer to a ping.
func (s *silence) heard() { s.after, s.cutOff = firstSilence, false }

// pong notes the answer to a ping.
func (s *silence) pong(p *pongAnswer) {
	s.pinged = time.Time{}
	if s.cutOff = p.cutOff(); s.cutOff {
		s.after = firstSilence
	} else {
		s.after = min(2*s.after, longestSilence)
	}
}

// silent does what is due. It returns an error when the stream is to go on at another node.
func (f *Follower) silent(now time.Time) error {
	s := &f.silence
	if len(s.others) == 0 {
		return nil
	}
	quiet := min(now.Sub(f.conn.heard()), now.Sub(s.last))
	if s.pinged.IsZero() && quiet >= s.after {
		s.pinged = now
		if err := f.send(op{Op: "ping"}, request{ping: true}); err != nil {
			return err
		}
	}
	gone := s.cutOff || !s.pinged.IsZero() && now.Sub(s.pinged) >= pongTime && quiet >= pongTime
	if gone && s.found == nil && !now.Before(s.seek) {
		s.seek, s.found = now.Add(seekAgain), make(chan string, 1)
		go f.seek(s.others, s.found)
	}
	select {
	case leader := <-s.found:
		if s.found = nil; !gone || leader == "" {
			return nil
		}
		f.next = leader
		at, _ := BaseURL(f.c.Dial.URL)
		if s.cutOff {
			return fmt.Errorf("follow: %s has not heard of a leader for long, and %s leads", at, leader)
		}
		return fmt.Errorf("follow: %s has been silent for %v, and %s leads", at, quiet.Round(100*time.Millisecond), leader)
	default:
	}
	return nil
}

// seek asks nodes side by side whether they lead.
func (f *Follower) seek(nodes []string, found chan<- string) {
	way := &http.Transport{TLSClientConfig: f.c.Dial.TLS, DialContext: f.c.Dial.Socket}
	defer way.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(f.ctx, leadsTime)
	defer cancel()
	leads := make(chan string, len(nodes))
	for _, n := range nodes {
		go func() {
			if yes, _ := client.Leads(ctx, &http.Client{Transport: way}, n); yes {
				leads <- n
			} else {
				leads <- ""
			}
		}()
	}
	leader := ""
	for range nodes {
		if leader = <-leads; leader != "" {
			break
		}
	}
	found <- leader
}

// turn makes the next node the one to connect to: the leader that is known, or the one behind the present one. It has other
// sessions.
func (f *Follower) turn() {
	d := &f.c.Dial
	for range d.URLs {
		u := append(d.URLs[:len(d.URLs):len(d.URLs)], d.URL)
		d.URL, d.URLs = u[0], u[1:]
		if base, _ := BaseURL(d.URL); f.next == "" || base == f.next {
			break
		}
	}
	f.next, f.login.session = "", nil
}

// hearing is a socket that knows when something last came.
type hearing struct {
	net.Conn
	last atomic.Int64 // nanoseconds since 1970
}

// Read implements net.Conn.
func (h *hearing) Read(p []byte) (int, error) {
	n, err := h.Conn.Read(p)
	if n > 0 {
		h.last.Store(time.Now().UnixNano())
	}
	return n, err
}
