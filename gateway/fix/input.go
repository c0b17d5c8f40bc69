package fix

import (
	"errors"
	"os"
	"sync/atomic"
	"time"

	"uncross/gateway/fix/message"
)

// errEnding ends a read because the connection is to end.
var errEnding = errors.New("the connection is to end")

// input is a connection's receiving side: the frames, and how long one may take.
type input struct {
	c        *conn
	r        *message.Reader
	deadline time.Time // of all reads; zero: only a begun frame has one
	begun    time.Time // when the frame that is not whole yet was first waited for
	set      bool      // the socket has a deadline
	final    bool      // the end was asked for, and is known to the reader
	woken    atomic.Bool

	kept    []byte // what watch has read
	keptErr error  // and how it ended
}

func (in *input) init(c *conn) {
	in.c = c
	in.r = message.NewReader(in, c.s.limits.Message)
}

// next returns the next frame; see message.Reader.
func (in *input) next() ([]byte, error) {
	in.begun = time.Time{}
	return in.r.Next()
}

// wake makes a read that waits return. Any goroutine may call it.
func (in *input) wake() {
	in.woken.Store(true)
	_ = in.c.raw.SetReadDeadline(time.Unix(1, 0))
}

// Read implements io.Reader for the frame reader: any byte is a sign of life, and a begun frame has to become whole.
func (in *input) Read(p []byte) (int, error) {
	if len(in.kept) > 0 {
		n := copy(p, in.kept)
		in.kept = in.kept[n:]
		return n, nil
	}
	if in.keptErr != nil {
		return 0, in.keptErr
	}
	at := in.deadline
	if in.r.Buffered() > 0 {
		if in.begun.IsZero() {
			in.begun = time.Now()
		}
		if whole := in.begun.Add(in.c.s.limits.FrameTimeout); at.IsZero() || whole.Before(at) {
			at = whole
		}
	}
	if in.set || !at.IsZero() {
		_ = in.c.raw.SetReadDeadline(at)
		in.set = !at.IsZero()
	}
	// After the deadline was set: a wake that came before would otherwise be lost.
	if !in.final && in.woken.Load() {
		return 0, errEnding
	}
	n, err := in.c.nc.Read(p)
	if n > 0 {
		in.c.heard.Store(time.Now().UnixNano())
	}
	return n, err
}

// watchBytes is how much is read ahead of a client that waits for the answer to its logon.
const watchBytes = 512

// watch looks after the client while nothing is read: gone is closed when the client closes. What it sends meanwhile is
// kept for the next Read. unwatch ends it, before anything is read again.
func (in *input) watch() (gone <-chan struct{}, unwatch func()) {
	left, over := make(chan struct{}), make(chan struct{})
	_ = in.c.raw.SetReadDeadline(time.Time{})
	if in.woken.Load() {
		in.wake()
	}
	go func() {
		defer close(over)
		buf := make([]byte, watchBytes)
		n, err := in.c.nc.Read(buf)
		in.kept = buf[:n]
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			in.keptErr = err
			close(left)
		}
	}()
	return left, func() {
		_ = in.c.raw.SetReadDeadline(time.Unix(1, 0))
		<-over
		in.set = true // the next read sets its own
	}
}
