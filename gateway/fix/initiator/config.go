package initiator

import (
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"uncross/gateway/fix/message"
)

// BeginString is the only version that is spoken.
const BeginString = "FIX.4.4"

// Config describes one session. An address, Sender and Target are needed; the zero value of the others stands for their
// default.
type Config struct {
	Address   string             // host:port
	Addresses []string           // further ones, of other nodes of the same venue: each is tried in its turn, and the leader that it names
	TLS       *tls.Config        // nil: plain TCP
	Sender    string             // our CompID (tag 49)
	Target    string             // theirs (tag 56)
	Key       ed25519.PrivateKey // signs the logon (tags 95 and 96, see SigningText); nil: no signature

	Password   string        // tag 554; Sender is tag 553 then. "": none
	HeartBtInt time.Duration // whole seconds; default 30 s
	Reset      bool          // the first logon starts both numbers again (tag 141)
	ResetEvery bool          // every logon does: nothing is sent again, what waits for a connection is lost
	Store      Store         // default: a memory store. The Initiator closes it

	// LogonFields, where given, adds fields to every logon.
	LogonFields func(b *message.Body)
	// OnMessage takes every message that is not about the session itself (types 0, 1, 2, 4, 5 and A), in the order of their
	// numbers; the message is valid until it returns. repeat says that a message of that number has been handed over before:
	// it comes only when it was asked for with AskAgain, or when the client ended before it noted the number.
	OnMessage func(m *message.Message, repeat bool)
	// OnSession is told how the session fares.
	OnSession func(Event)

	Limits Limits

	after func(time.Duration) <-chan time.Time // the pause between two connections; nil: time.After
}

// Limits bound what a session takes of memory and time. The zero value of a field stands for its default.
type Limits struct {
	MaxMessage int           // bytes of one message that is read; default 1 MiB
	Retain     int           // own messages that can be sent again, with the default store; default 1,000,000
	Unsent     int           // messages that wait for the socket while logged on; more are ErrBusy; default 100,000
	Held       int           // messages kept that came before their turn; later ones are asked for again; default 100,000
	Answer     time.Duration // longest wait for a connection, for the answer to a logon or a logout; default 10 s
	Write      time.Duration // longest time that one write may take; default 10 s
	Dial       time.Duration // longest wait for a connection where there are several addresses; default 2 s, at most Answer
	BackOff    time.Duration // longest pause between two rounds of connections, one to each address; the first is a hundredth of it; default 1 s
}

func (l Limits) withDefaults() Limits {
	set := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	wait := func(v *time.Duration, d time.Duration) {
		if *v <= 0 {
			*v = d
		}
	}
	set(&l.MaxMessage, 1<<20)
	set(&l.Retain, DefaultRetain)
	set(&l.Unsent, 100_000)
	set(&l.Held, 100_000)
	wait(&l.Answer, 10*time.Second)
	wait(&l.Write, 10*time.Second)
	wait(&l.Dial, min(2*time.Second, l.Answer))
	wait(&l.BackOff, time.Second)
	return l
}

func (c Config) withDefaults() (Config, error) {
	if c.Address != "" {
		c.Addresses = append([]string{c.Address}, c.Addresses...)
	}
	switch {
	case len(c.Addresses) == 0 || c.Sender == "" || c.Target == "":
		return c, errors.New("initiator: an address and the CompIDs of both sides are needed")
	case c.HeartBtInt < 0 || c.HeartBtInt%time.Second != 0:
		return c, fmt.Errorf("initiator: a heartbeat interval of %v; it is whole seconds", c.HeartBtInt)
	case c.Key != nil && len(c.Key) != ed25519.PrivateKeySize:
		return c, errors.New("initiator: the key is no Ed25519 key")
	}
	if c.HeartBtInt == 0 {
		c.HeartBtInt = 30 * time.Second
	}
	c.Limits = c.Limits.withDefaults()
	if c.Store == nil {
		c.Store = NewMemory(c.Limits.Retain)
	}
	if c.OnMessage == nil {
		c.OnMessage = func(*message.Message, bool) {}
	}
	if c.OnSession == nil {
		c.OnSession = func(Event) {}
	}
	if c.after == nil {
		c.after = time.After
	}
	return c, nil
}

// EventKind says what has happened to a session.
type EventKind uint8

// The kinds of events.
const (
	LoggedOn  EventKind = iota + 1 // the logon was answered with a logon
	Refused                        // the logon was answered with a logout: Err says why
	Ended                          // the connection ended, or there was none to be had: Err says why
	GapFound                       // numbers From to To are missing and were asked for
	Resending                      // the other side asked for our numbers From to To
	LoggedOut                      // the connection ended with logouts from both sides
	StoreLost                      // the store failed: the session has ended for good
)

// String returns the kind in words.
func (k EventKind) String() string {
	switch k {
	case LoggedOn:
		return "logged on"
	case Refused:
		return "logon refused"
	case Ended:
		return "connection ended"
	case GapFound:
		return "gap found"
	case Resending:
		return "resending"
	case LoggedOut:
		return "logged out"
	case StoreLost:
		return "store lost"
	}
	return "invalid"
}

// Event is told to OnSession.
type Event struct {
	Kind     EventKind
	From, To uint64 // GapFound, Resending
	Err      error
}

// The errors that Send and the waiting functions return, beside those of the connection and of the store.
var (
	// ErrNotLoggedOn says that no logon has been answered yet: until then it is not known where the numbers begin.
	ErrNotLoggedOn = errors.New("initiator: not logged on yet")
	// ErrBusy says that Limits.Unsent messages wait for the socket.
	ErrBusy = errors.New("initiator: too many messages wait to be written")
	// ErrClosed says that the session has been closed.
	ErrClosed = errors.New("initiator: closed")
)

// RefusedError is a logon that was answered with a logout.
type RefusedError struct{ Text string }

// Error returns the other side's words.
func (e *RefusedError) Error() string { return "initiator: the logon was refused: " + e.Text }

// ElsewhereError is a logon that came to a node which does not lead. The Initiator goes to the one that does by itself.
type ElsewhereError struct {
	Text    string // the other side's words
	Address string // where the leader is; "": that is not known there
}

// Error returns the other side's words.
func (e *ElsewhereError) Error() string {
	return "initiator: the logon came to the wrong node: " + e.Text
}

// leaderIn returns where an error says that the leader is, "" where it does not.
func leaderIn(err error) string {
	if e := (*ElsewhereError)(nil); errors.As(err, &e) {
		return e.Address
	}
	return ""
}
