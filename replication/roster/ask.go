package roster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"uncross/internal/archive"
	"uncross/replication/peer"
)

// StoreTime is the longest time without progress while a store is sent.
const StoreTime = 30 * time.Second

// Services are what this node does for others when they ask. A nil function: it does not.
type Services struct {
	// Genesis returns what this node says to one that asks who the venue is.
	Genesis func(from string) (Genesis, error)
	// Join adds a node as a learner. When another node leads, it returns that one's address instead.
	Join func(node, address string) (leader string, err error)
	// Store returns a checked copy of a store ("history", "fix") that has everything up to a command, for the node that asks,
	// and what removes it.
	Store func(ctx context.Context, from, name string, atLeast uint64) (dir string, remove func(), err error)
}

type question struct {
	Format  int    `json:"format"`
	Address string `json:"address,omitempty"`  // join: of the peer port
	Store   string `json:"store,omitempty"`    // stores
	AtLeast uint64 `json:"at_least,omitempty"` // stores: a command number
}

type answer struct {
	Format  int             `json:"format"`
	Error   string          `json:"error,omitempty"`
	Leader  string          `json:"leader,omitempty"` // join: ask there
	Genesis json.RawMessage `json:"genesis,omitempty"`
	Known   bool            `json:"known,omitempty"`  // genesis: whoever asks is a voter that has been heard of
	Begun   bool            `json:"begun,omitempty"`  // genesis: whoever answers has a log of the venue
	Member  bool            `json:"member,omitempty"` // genesis: whoever asks is a member of its cluster
}

// Serve answers the others' questions.
func Serve(port *peer.Port, s Services) {
	serve := func(service string, f func(ctx context.Context, from string, q question) (answer, func(net.Conn, error) error)) {
		port.Handle(service, func(ctx context.Context, from string, c net.Conn) {
			defer c.Close()
			var q question
			if readLine(c, newReader(c), &q, AnswerTime) != nil {
				return
			}
			var a answer
			var body func(net.Conn, error) error
			if q.Format != Format {
				a.Error = errFormat(q.Format).Error()
			} else {
				a, body = f(ctx, from, q)
			}
			a.Format = Format
			err := writeLine(c, a, AnswerTime)
			if body != nil {
				_ = body(c, err) // the other side sees that it is cut off
			}
		})
	}
	if s.Genesis != nil {
		serve(peer.ServiceGenesis, func(_ context.Context, from string, _ question) (a answer, _ func(net.Conn, error) error) {
			g, err := s.Genesis(from)
			a.Genesis, a.Known, a.Begun, a.Member = g.Text, g.Known, g.Begun, g.Member
			a.fail(err)
			return a, nil
		})
	}
	if s.Join != nil {
		serve(peer.ServiceJoin, func(_ context.Context, from string, q question) (a answer, _ func(net.Conn, error) error) {
			leader, err := s.Join(from, q.Address)
			a.Leader = leader
			a.fail(err)
			return a, nil
		})
	}
	if s.Store != nil {
		serve(peer.ServiceStores, s.sendStore)
	}
}

func (a *answer) fail(err error) {
	if err != nil {
		*a = answer{Error: err.Error()}
	}
}

func (s Services) sendStore(ctx context.Context, from string, q question) (a answer, _ func(net.Conn, error) error) {
	dir, remove, err := s.Store(ctx, from, q.Store, q.AtLeast)
	if err != nil {
		a.fail(err)
		return a, nil
	}
	return a, func(c net.Conn, err error) error {
		defer remove()
		if err != nil {
			return err
		}
		w := archive.NewWriter(patient{c})
		return errors.Join(w.AddTree(q.Store, dir), w.Close())
	}
}

// patient renews the deadline of a connection with everything that passes.
type patient struct{ net.Conn }

func (p patient) Write(b []byte) (int, error) {
	if err := p.SetWriteDeadline(time.Now().Add(StoreTime)); err != nil {
		return 0, err
	}
	return p.Conn.Write(b)
}

func (p patient) Read(b []byte) (int, error) {
	if err := p.SetReadDeadline(time.Now().Add(StoreTime)); err != nil {
		return 0, err
	}
	return p.Conn.Read(b)
}

// ask sends one question and returns the answer, and the rest of the connection, which the caller closes.
func ask(ctx context.Context, port *peer.Port, address, service string, q question) (a answer, rest io.Reader, c net.Conn, err error) {
	dialling, cancel := context.WithTimeout(ctx, DialTime)
	defer cancel()
	if c, err = port.Dial(dialling, "", address, service); err != nil {
		return a, nil, nil, err
	}
	defer context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })()
	q.Format = Format
	r := newReader(patient{c})
	if err = writeLine(c, q, AnswerTime); err == nil {
		err = readLine(c, r, &a, AnswerTime)
	}
	switch {
	case err != nil:
	case a.Format != Format:
		err = errFormat(a.Format)
	case a.Error != "":
		err = errors.New(a.Error)
	}
	if err != nil {
		_ = c.Close()
		return a, nil, nil, fmt.Errorf("%s: %w", address, err)
	}
	return a, r, c, nil
}

// ErrKnown refuses a node without data that another one knows as a voter.
var ErrKnown = errors.New("this node is a voter of the running cluster, and its data are gone")

// Genesis is what a node says to one that asks who the venue is.
type Genesis struct {
	Text   []byte // genesis.json
	Known  bool   // the node that asks is a voter that has been heard of before
	Begun  bool   // the node that answers has a log of the venue
	Member bool   // and the node that asks is a member of its cluster
}

// Heard is what the nodes said that were asked who the venue is.
type Heard struct {
	Genesis          // of the first that has begun; of the first that has answered where none has; without text where nobody knows
	From      string // its address
	Strangers int    // how many are of this node's cluster, or may be, and do not know it
	Apart     error  // why those refused it that are of another incarnation of the cluster; nil: none did
}

// AskGenesis asks all nodes at the addresses for genesis.json, side by side, and returns when all have answered or ctx ends. It
// fails where nobody has it; and with ErrKnown where one of them says that this node is a voter that it has heard of: a node that
// asks has no data, so it has forgotten what it has acknowledged and whom it has voted for.
func AskGenesis(ctx context.Context, port *peer.Port, addresses []string) (h Heard, err error) {
	answers, failed := make([]answer, len(addresses)), make([]error, len(addresses))
	var asking sync.WaitGroup
	for i, address := range addresses {
		asking.Go(func() {
			a, _, c, err := ask(ctx, port, address, peer.ServiceGenesis, question{})
			if err == nil {
				_ = c.Close()
			}
			answers[i], failed[i] = a, err
		})
	}
	asking.Wait()
	for i, address := range addresses {
		a := &answers[i]
		if failed[i] == nil {
			h.Strangers++
		}
		switch {
		case errors.Is(failed[i], peer.ErrIncarnation):
			h.Apart = errors.Join(h.Apart, failed[i])
		case failed[i] != nil:
		case a.Known:
			return Heard{}, fmt.Errorf("%w, as the node at %s says", ErrKnown, address)
		case h.Text == nil || a.Begun && !h.Begun:
			h.Genesis, h.From = Genesis{Text: a.Genesis, Begun: a.Begun, Member: a.Member}, address
		}
	}
	if h.Text == nil {
		err = errors.Join(failed...)
	}
	return h, err
}

// Join asks the nodes at the addresses to add this one, which is reached at own, as a learner. A node that does not lead
// names the one that does, which is asked next.
func Join(ctx context.Context, port *peer.Port, addresses []string, own string) (err error) {
	for _, address := range addresses {
		for range 2 { // the node itself, then the leader that it names
			a, _, c, failed := ask(ctx, port, address, peer.ServiceJoin, question{Address: own})
			if failed != nil {
				err = errors.Join(err, failed)
				break
			}
			_ = c.Close()
			if a.Leader == "" {
				return nil
			}
			address = a.Leader
		}
	}
	if err == nil {
		err = errors.New("no leader takes the request at the moment")
	}
	return err
}

// Fetch asks the nodes at the addresses for a store that has everything up to a command, and puts it into the directory dir,
// which must be empty or missing: it is then in dir/NAME. It takes as long as bytes come, or until ctx ends.
func Fetch(ctx context.Context, port *peer.Port, addresses []string, name string, atLeast uint64, dir string) (err error) {
	for _, address := range addresses {
		_, body, c, failed := ask(ctx, port, address, peer.ServiceStores, question{Store: name, AtLeast: atLeast})
		if failed == nil {
			stop := context.AfterFunc(ctx, func() { _ = c.Close() }) // it is given up
			_, failed = archive.Extract(body, dir, nil)
			stop()
			if _ = c.Close(); failed == nil {
				return nil
			}
			failed = errors.Join(failed, os.RemoveAll(dir)) // for the next one
		}
		err = errors.Join(err, failed)
	}
	if err == nil {
		err = errors.New("there is no other node to ask")
	}
	return err
}
