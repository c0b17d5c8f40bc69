package feed

import (
	"bytes"
	"sync"
)

// Message is one encoded message. It never changes and is shared by all who read it.
type Message struct {
	feed    *Feed
	frame   []byte
	payload []byte // usually the end of frame
	binary  bool

	once     sync.Once
	deflated []byte
}

// Frame returns the message as it goes to a connection: as Options.Frame wrapped it. It must not be changed.
func (m *Message) Frame() []byte { return m.frame }

// Payload returns the message itself. It must not be changed.
func (m *Message) Payload() []byte { return m.payload }

// Binary reports whether the payload is in the binary form.
func (m *Message) Binary() bool { return m.binary }

// Deflated returns the message as Options.Deflate made it, once for all who ask; nil when it does not pay.
func (m *Message) Deflated() []byte {
	if m.feed.o.Deflate == nil {
		return nil
	}
	m.once.Do(func() { m.deflated = m.feed.o.Deflate(m.payload, m.binary) })
	return m.deflated
}

// Size returns the length of the frame in bytes: what Next counts.
func (m *Message) Size() int { return len(m.frame) }

// message copies a payload into a message.
func (f *Feed) message(payload []byte, enc Encoding) *Message {
	m := &Message{feed: f, binary: enc == Binary}
	if f.o.Frame == nil {
		m.frame = bytes.Clone(payload)
		m.payload = m.frame
	} else if m.frame = f.o.Frame(payload, m.binary); bytes.HasSuffix(m.frame, payload) {
		m.payload = m.frame[len(m.frame)-len(payload):]
	} else {
		m.payload = bytes.Clone(payload)
	}
	f.counts.messages.Add(1)
	f.counts.bytes.Add(uint64(len(m.frame)))
	return m
}
