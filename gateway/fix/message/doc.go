// Package message reads and writes FIX 4.4 messages as bytes: it finds the frames in a stream, splits a frame into its
// fields, and builds frames. It knows the encoding (tag=value, SOH, BodyLength, CheckSum, data fields) and nothing of
// what a message means.
//
//	8=FIX.4.4|9=63|35=A|34=1|49=BROKER|…|98=0|108=30|10=168|
//	└─ first three fields ──┘└──── BodyLength counts ────┘└ sum of all bytes before, mod 256
//
// Nothing here is safe for use by several goroutines at once; a connection's reader and writer each have their own
// Reader, Message, Body and buffers. Reading and building do not allocate once the buffers have grown.
//
// Invariants:
//   - a frame that Reader returns begins with BeginString, BodyLength and MsgType, and its length and sum are right;
//   - which frames come out of a stream does not depend on the pieces it comes in;
//   - memory is bounded by the limit that the Reader was made with;
//   - what AppendMessage writes is read back by Reader and Parse as the same fields.
package message

// BeginString44 is the BeginString (8) of everything that is written here.
const BeginString44 = "FIX.4.4"

const soh = 0x01
