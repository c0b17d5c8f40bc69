package stream

import (
	"sync/atomic"

	"uncross/engine/wire"
)

// key names a subscription on its connection.
type key struct {
	Topic
	account wire.AccountID // of a private channel
}

// source gives a subscription's frames. It is used under the connection's lock.
type source interface {
	// next appends frames, up to about so many bytes but at least one message where there is one. more says that there may
	// be others.
	next(dst [][]byte, bytes int) (_ [][]byte, more bool, err error)
	close()
}

// subscription is one subscription of a connection.
type subscription struct {
	key    key
	shown  subscriptionText // as the client is told it
	source source
	news   atomic.Bool // there may be something to send
}

// public reads a topic of the feed.
type public struct {
	cursor  Cursor
	deflate bool
	scratch []Message
}

func (p *public) next(dst [][]byte, bytes int) ([][]byte, bool, error) {
	messages, err := p.cursor.Next(p.scratch[:0], bytes)
	for i, m := range messages {
		frame := []byte(nil)
		if p.deflate {
			frame = m.Deflated()
		}
		if frame == nil {
			frame = m.Frame()
		}
		dst = append(dst, frame)
		messages[i] = nil
	}
	p.scratch = messages[:0]
	return dst, len(messages) > 0, err
}

func (p *public) close() { p.cursor.Close() }
