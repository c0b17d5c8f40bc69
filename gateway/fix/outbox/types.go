package outbox

import (
	"errors"

	"uncross/gateway/fix/report"
)

// The errors that callers tell apart with errors.Is.
var (
	ErrForeign = errors.New("not an outbox of this venue")              // wrapped: says what was found and what to do
	ErrFormat  = errors.New("an outbox of another format")              // wrapped: says which
	ErrDamaged = errors.New("damaged outbox")                           // a record that cannot be read
	ErrGap     = errors.New("commands are missing")                     // in what the source gave
	ErrClosed  = errors.New("outbox: the store is closed")              // after Close
	ErrEpoch   = errors.New("the session's numbers have started again") // Read of an epoch that is over
)

// TokenSize is the length of the token by which a connection finds the messages that only it has: the first bytes of
// SessionMessage.Symbol.
const TokenSize = 24

// Numbers are where a session's sequence numbers stand.
type Numbers struct {
	Epoch   uint32 // how often both numbers have started again
	NextIn  uint64 // the number that the client's next message has
	NextOut uint64 // the number that our next message has
	SinceNs int64  // engine time of the event that began the epoch; of epoch 0 the session's first event; 0: none yet
	Lost    bool   // events were missed (see Options.AcceptGap): our numbers may be too low until they start again
}

// Entry is one message, or some that only their node has, of a session.
type Entry struct {
	Number uint64          // of the (first) message
	Count  uint32          // how many numbers it takes: 1 unless Local
	Local  bool            // not stored: a gap fill stands for it, unless the connection has it (see Token)
	Token  [TokenSize]byte // of a local one, as the node gave it; zero where it is not kept any more
	TimeNs int64           // engine time of the event: SendingTime of the message
	Body   []byte          // stored form, for message.ParseBody; must not be changed. nil where Local
}

// End returns the number behind the entry's.
func (e *Entry) End() uint64 { return e.Number + uint64(e.Count) }

// OpenOrder is an open order with all that an execution report says of it.
type OpenOrder = report.Order

// Gap is a run of commands that the store has nothing of.
type Gap struct{ From, To uint64 }
