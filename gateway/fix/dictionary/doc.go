// Package dictionary checks a FIX message against the rules of its type: which fields there may be, which there must
// be, in which order, how often, and what their values look like. The rules are in uncross-fix44.xml, which is built
// into the program and can be given to clients; they are turned into tables once.
//
//	uncross-fix44.xml ──load──▶ table of tags:   type of value, enumerated values
//	                            header, trailer ┐
//	                            a message type  ├ slots in order: tag, required, group ─▶ slots …
//	                            …               ┘
//
// A Dictionary does not change once it is made: any goroutine may use it. A check of a message that has no fault does
// not allocate.
//
// Check finds at most one fault. It looks in this order, the one that FIX engines in use keep to:
//
//  1. header, body and trailer fields each in their part of the message (373=14)
//  2. MsgType (373=11)
//  3. required fields (373=1): of the header, of the trailer, of the body
//  4. the header's fields, then the trailer's, then the body's, each in wire order: repeated (373=13), empty (373=4),
//     format (373=6), enumerated value (373=5), unknown tag (373=0), not of this message type (373=2); in groups also
//     the order (373=15), required fields (373=1) and the count (373=16).
package dictionary

// SessionRejectReasons (373): what a Violation's Reason can be.
const (
	InvalidTag        = 0
	RequiredMissing   = 1
	NotForThisType    = 2
	NoValue           = 4
	ValueIncorrect    = 5
	IncorrectFormat   = 6
	InvalidMsgType    = 11
	AppearsTwice      = 13
	OutOfOrder        = 14
	GroupOutOfOrder   = 15
	GroupCountMistake = 16
)

var texts = [...]string{
	InvalidTag:        "Invalid tag number",
	RequiredMissing:   "Required tag missing",
	NotForThisType:    "Tag not defined for this message type",
	NoValue:           "Tag specified without a value",
	ValueIncorrect:    "Value is incorrect (out of range) for this tag",
	IncorrectFormat:   "Incorrect data format for value",
	InvalidMsgType:    "Invalid MsgType",
	AppearsTwice:      "Tag appears more than once",
	OutOfOrder:        "Tag specified out of required order",
	GroupOutOfOrder:   "Repeating group fields out of order",
	GroupCountMistake: "Incorrect NumInGroup count for repeating group",
}

// Violation is a fault of a message, with what a Reject (3) says about it.
type Violation struct {
	Reason int    // SessionRejectReason (373)
	Tag    int    // RefTagID (371), as the client wrote it: zero and negative ones too. 0 and not to be sent with InvalidMsgType
	Text   string // Text (58)
}

// RefersToTag reports whether Tag means something.
func (v *Violation) RefersToTag() bool { return v.Reason != InvalidMsgType }

// NewViolation returns a fault with its reason's text. Reasons without a text here have an empty one.
func NewViolation(reason, tag int) *Violation {
	v := Violation{Reason: reason, Tag: tag}
	if reason >= 0 && reason < len(texts) {
		v.Text = texts[reason]
	}
	return &v
}
