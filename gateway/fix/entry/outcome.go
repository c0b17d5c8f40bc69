package entry

import (
	"iter"

	"uncross/engine/wire"
	"uncross/gateway/fix/message"
)

// Session is what a message's meaning depends on besides the message: whose session it came by. It is fixed for a
// connection's life.
type Session struct {
	Def  wire.Session
	User wire.UserID // of Def.Key
	Firm wire.FirmID // of User
}

// Action says what is to be done with a message. Exactly one field of Outcome goes with each.
type Action uint8

// The actions.
const (
	Nothing Action = iota // the message is dealt with: nothing is sent, its inbound number is spent
	Submit                // Command
	Refuse                // Refusal: an answer that is stored and can be sent again
	Answer                // Answers: messages that only this connection has
	Reject                // Violation: a session-level reject (3)
)

// Outcome is what a message comes to. It is the caller's and is used again for the next message, so that orders allocate
// nothing.
type Outcome struct {
	Do        Action
	Command   wire.Command        // Kind and Body; the caller sets Key, Origin and SentNs
	Announced bool                // Announce goes before Command: what the log needs for the answer and the command has no room for
	Announce  wire.SessionMessage // all but Session
	Refusal   wire.SessionMessage // all but Session; the caller's command carries the origin
	Answers   Answers
	Violation Violation
}

// Answers gives bodies one by one. A body is valid until the next one is asked for. Reading on demand is what keeps a
// long answer from being in memory at once; an answer may be ended at any body.
type Answers = iter.Seq[*message.Body]

// Violation is what a session-level reject says. Its fields are those of dictionary.Violation.
type Violation struct {
	Reason int // tag 373
	Tag    int // tag 371; 0: none
	Text   string
}

// reset makes o fit for the next message.
func (o *Outcome) reset() { o.Do, o.Announced, o.Answers = Nothing, false, nil }

// refuse makes o the refusal of a request that can never be a command.
func (o *Outcome) refuse(kind wire.SessionMessageKind, r wire.Reason, tag int) {
	o.Do = Refuse
	o.Refusal = wire.SessionMessage{Kind: kind, Reason: r, Arg: uint16(tag)}
}

// reject makes o a session-level reject.
func (o *Outcome) reject(reason, tag int, text string) {
	o.Do = Reject
	o.Violation = Violation{Reason: reason, Tag: tag, Text: text}
}

// RefuseMessage makes o the refusal (j) of any message: its type, and the id that the refusal refers to (379), which is
// left out where it cannot be stored.
func (o *Outcome) RefuseMessage(msgType, ref string, r wire.Reason, tag int) {
	o.refuse(wire.RefusedMessage, r, tag)
	copy(o.Refusal.Symbol[:], msgType)
	if t, ok := wire.ParseText(ref); ok {
		o.Refusal.ClientID = t
	}
}

// Give makes o an answer.
func (o *Outcome) Give(a Answers) {
	o.Do = Answer
	o.Answers = a
}

// One is an answer of one message.
func One(b *message.Body) Answers {
	return func(yield func(*message.Body) bool) { yield(b) }
}
