package wire

// A session is how a client that speaks a sequenced protocol (FIX) is known to the venue: its name, its key, its
// password. The venue's log carries whatever takes one of a session's numbers, so that the numbers follow from the log
// alone and any node can carry a session on:
//
//   - the inbound number advances with the event of a command that came from the session: see SessionOrigin;
//   - an outbound number is taken by every event that a message is made of, and by every SessionMessage, for the messages
//     that no other event stands for.
//
// The engine knows which sessions there are and who may use them. It does not know numbers: whoever reads the events
// counts.

// SessionID is a session's number, dense from 1 in the order of creation. Zero means none.
type SessionID uint32

// SessionKind says what a session is for.
type SessionKind uint8

// The kinds of sessions.
const (
	TradingSession    SessionKind = 1 // orders of its key's user, and everything that can be asked for
	DropCopySession   SessionKind = 2 // a copy of every execution report of its key's firm; no orders
	MarketDataSession SessionKind = 3 // market data and reference data; its numbers start again at every logon
)

// Valid reports whether k is a known kind.
func (k SessionKind) Valid() bool { return k >= TradingSession && k <= MarketDataSession }

// String returns the kind's name in lower case with underscores.
func (k SessionKind) String() string {
	switch k {
	case TradingSession:
		return "trading"
	case DropCopySession:
		return "drop_copy"
	case MarketDataSession:
		return "market_data"
	}
	return "invalid"
}

// Password is a salted hash of a session's password: never the password itself. Scheme says how it was made and is the
// gateway's to know; 0 means that there is no password, and a logon must be signed with the session's key.
type Password struct {
	Scheme uint8
	Salt   [16]byte
	Hash   [32]byte
}

// AddSession defines a session. Operator. Names are unique in the venue; the same definition again, whatever the
// password, is answered with the one that there is.
type AddSession struct {
	Key      KeyID       // whose orders they are; its role must be Trader or ReadOnly
	Kind     SessionKind // a trading session that is to enter orders needs a Trader key
	Account  AccountID   // of a trading session: where an order goes that names no account; of the key's user. Otherwise 0
	CompID   Text        // the client's name in the protocol (FIX SenderCompID)
	Password Password
}

// SessionFields say what of a session a command sets, a set of bits.
type SessionFields uint8

// What of a session can be set.
const (
	SetSessionEnabled SessionFields = 1 << iota
	SetSessionPassword
)

// SetSession changes some of a session. Operator.
type SetSession struct {
	Session  SessionID
	Fields   SessionFields
	Enabled  uint8 // 0 or 1; a session that is not enabled cannot be used
	Password Password
}

// Session is a session's definition.
type Session struct {
	ID       SessionID
	Key      KeyID
	Kind     SessionKind
	Account  AccountID
	CompID   Text
	Enabled  uint8
	Password Password
}

// SessionMessageKind says what a SessionMessage stands for.
type SessionMessageKind uint8

// The kinds of session messages. Numbers are part of the log's format.
const (
	// SessionLogon: the client logged on; the answer takes one number. Arg has LogonFlags.
	SessionLogon SessionMessageKind = 1
	// SessionReset: both numbers start again at 1, in the epoch that the command's origin names; no number is taken.
	SessionReset SessionMessageKind = 2
	// SessionLogout: the session ended and is logged on no more. Arg is 1 where a message tells the client so and takes a number, else 0.
	SessionLogout SessionMessageKind = 3
	// SessionNumbers: Arg outbound numbers are taken by messages that only their node has: administrative ones, and answers
	// to questions. They are not sent again; a gap fill stands for them.
	SessionNumbers SessionMessageKind = 4
	// SessionAdvance: the inbound number goes on to the origin's and nothing is sent.
	SessionAdvance SessionMessageKind = 5
	// RefusedNewOrder, RefusedCancel, RefusedReplace, RefusedMassCancel: the gateway refused a request that therefore never
	// was a command. The answer takes one number and can be sent again.
	RefusedNewOrder   SessionMessageKind = 6
	RefusedCancel     SessionMessageKind = 7
	RefusedReplace    SessionMessageKind = 8
	RefusedMassCancel SessionMessageKind = 9
	// RefusedMessage: likewise, of any other message: its type is in Symbol, the id that the refusal refers to in ClientID.
	RefusedMessage SessionMessageKind = 10
	// AnnouncedMassCancel comes before a CancelAll of the session, which has no room for an id: ClientID is the id of the
	// request, Arg what kind of request the protocol calls it (FIX: the character of MassCancelRequestType), for its answer. Its origin has the number before the request's: if the CancelAll is lost, so is the request.
	AnnouncedMassCancel SessionMessageKind = 11
)

// Valid reports whether k is a known kind.
func (k SessionMessageKind) Valid() bool { return k >= SessionLogon && k <= AnnouncedMassCancel }

// LogonFlags are the Arg of a SessionLogon, a set of bits.
type LogonFlags uint16

// CancelOnDisconnect asks that the session's open orders are canceled when it ends, however it ends.
const CancelOnDisconnect LogonFlags = 1

// SessionMessage is a protocol message without a command of its own, or its answer. Any key of a session. It changes
// nothing in the engine.
//
// Symbol is, for a kind that has a symbol or a message type, its text, with zeros behind. A SessionLogon, SessionLogout or
// SessionNumbers has a token in its first bytes, by which the node finds its own messages. A RefusedCancel or RefusedReplace
// has a zero byte, which no symbol begins with, and behind it, little-endian, the number of the order that the request names
// (8 bytes, 0: none) and the account that it is for (4 bytes, 0: none that is known): the answer says how that order stands.
type SessionMessage struct {
	Session  SessionID
	Kind     SessionMessageKind
	Side     Side   // Refused…: of the request; 0 where it had none that is known
	Reason   Reason // Refused…: why; a gateway's own reason or one of the engine's
	Arg      uint16 // see the kinds; Refused…: the tag at fault, 0: none
	ClientID Text   // Refused…: the request's own id
	Target   Text   // Refused…: the client id of the order that it names; RefusedMassCancel: what kind of request the protocol calls it
	Symbol   [36]byte
}

// SymbolText returns the symbol, cut off at the first zero byte.
func (m *SessionMessage) SymbolText() string {
	for i, c := range m.Symbol {
		if c == 0 {
			return string(m.Symbol[:i])
		}
	}
	return string(m.Symbol[:])
}

// OrderRejected answers a command about an order that changed nothing: NewOrder, CancelOrder, ReplaceOrder, CancelAll,
// QueryOrder. What the command did not have, or what is not known, is zero.
type OrderRejected struct {
	Command    CommandKind
	Reason     Reason
	Account    AccountID
	Instrument InstrumentID
	Side       Side // of the new order, or of the order that is named
	Type       OrderType
	TIF        TIF
	Order      OrderID // the one that is named, or, for DuplicateClientID, the one that has the id
	Price      Price   // asked for
	Qty        Qty     // asked for
	Status     OrderStatus
	Filled     Qty  // of the order that is named, where it is open
	ClientID   Text // of the command
	Target     Text // the client id by which the command names the order
}

const (
	sessionOriginBit = 1 << 63 // of Origin.Node: the request came by a session, and Seq is its number there
	againBit         = 1 << 62 // the client marked the message as possibly sent before
	epochShift       = 32
	// MaxEpoch is the last number that a session's resets can have.
	MaxEpoch = 1<<30 - 1
)

// SessionOrigin names the message of a session that a command came from: the session's epoch (how often its numbers have
// started again), the message's inbound number, and whether the client said that it may have sent it before. A command
// that a node sends of its own accord carries the number of the last message that it has dealt with.
func SessionOrigin(s SessionID, epoch uint32, in uint64, again bool) Origin {
	o := Origin{Node: sessionOriginBit | uint64(epoch&MaxEpoch)<<epochShift | uint64(s), Seq: in}
	if again {
		o.Node |= againBit
	}
	return o
}

// Session takes a SessionOrigin apart; ok is false for any other origin.
func (o Origin) Session() (s SessionID, epoch uint32, again, ok bool) {
	return SessionID(o.Node & (1<<epochShift - 1)), uint32(o.Node>>epochShift) & MaxEpoch, o.Node&againBit != 0, o.Node&sessionOriginBit != 0
}

// GatewayOrigin makes a random number fit to be the Node of a gateway that answers by request, not by session.
func GatewayOrigin(random uint64) uint64 { return random &^ sessionOriginBit }
