// Package compact is the stream's binary form: what a public message says, in ticks and lots, and its bytes. The venue and
// its clients use it alike; it depends on numbers alone.
//
//	Message ──▶ Append ──▶ bytes ──▶ Decode ──▶ Message
//
// A message is a header of HeaderSize bytes and a number of entries, whose one size depends on the channel; integers are
// little-endian. docs/stream.md says what is at which byte; golden vectors in testdata hold this package to it.
//
// Threading: none; a Message belongs to whoever has it. Decode takes bytes from anywhere: it refuses what it does not know,
// reads nothing beyond the end, and never allocates more than the bytes it was given can fill.
package compact
