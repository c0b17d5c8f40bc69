package fix

import (
	"encoding/binary"

	"uncross/engine/wire"
	"uncross/gateway/fix/message"
	"uncross/gateway/fix/outbox"
)

// local is a run of messages that only this connection has, until the log has given them their numbers.
type local struct {
	token   uint64
	stored  []byte // the bodies in stored form, one behind the other
	ends    []int  // where each ends
	routing []byte // header fields of all of them

	logon      bool   // the answer to a logon
	early      bool   // of a logon: the client's came too early
	logout     bool   // our Logout
	number     uint64 // of a Logout: the only one that it may have; 0: any
	pushed     bool   // market data
	resendFrom uint64 // of a logon: the client said that this is the next number it expects; 0: it did not
}

func localOf(b *message.Body) *local {
	l := &local{}
	l.add(b)
	return l
}

func (l *local) add(b *message.Body) {
	l.stored = b.AppendTo(l.stored)
	l.ends = append(l.ends, len(l.stored))
}

func (l *local) count() int { return len(l.ends) }

// each calls fn with every body in turn.
func (l *local) each(fn func(b *message.Body)) {
	at := 0
	for _, end := range l.ends {
		if b, err := message.ParseBody(l.stored[at:end]); err == nil { // made by AppendTo: it has no errors
			fn(&b)
		}
		at = end
	}
}

// locals are those that wait, in the order in which they were submitted.
type locals struct {
	list  []*local
	bytes int
	next  uint64
}

func (q *locals) push(l *local) {
	q.next++
	l.token = q.next
	q.list = append(q.list, l)
	q.bytes += len(l.stored)
}

// unpush takes the last one back: it was not submitted.
func (q *locals) unpush() {
	last := len(q.list) - 1
	q.bytes -= len(q.list[last].stored)
	q.list[last] = nil
	q.list = q.list[:last]
}

// pop returns the first one.
func (q *locals) pop() *local {
	if len(q.list) == 0 {
		return nil
	}
	l := q.list[0]
	q.list[0] = nil
	if q.list = q.list[1:]; len(q.list) == 0 {
		q.list = nil
	}
	q.bytes -= len(l.stored)
	return l
}

// take returns the one with a token. Those before it never got numbers: the core refused them.
func (q *locals) take(token uint64) *local {
	for len(q.list) > 0 && q.list[0].token <= token {
		if l := q.pop(); l.token == token {
			return l
		}
	}
	return nil
}

// token writes the name of a local run into a command: the process, the connection, the run. No other connection of any
// node has it.
func (c *conn) token(m *wire.SessionMessage, n uint64) {
	copy(m.Symbol[:8], c.s.name[:])
	binary.LittleEndian.PutUint64(m.Symbol[8:], uint64(c.key))
	binary.LittleEndian.PutUint64(m.Symbol[16:], n)
}

// tokenOf returns the number of a run, and false when it is not this connection's.
func (c *conn) tokenOf(e *outbox.Entry) (uint64, bool) {
	t := &e.Token
	if [8]byte(t[:8]) != c.s.name || binary.LittleEndian.Uint64(t[8:]) != uint64(c.key) {
		return 0, false
	}
	return binary.LittleEndian.Uint64(t[16:]), true
}
