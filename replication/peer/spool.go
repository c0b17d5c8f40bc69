package peer

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/raft"
)

const (
	spoolPattern = "snapshot-*.spool"
	streamPiece  = 256 << 10 // bytes of a snapshot that are read or written at once
)

// spooling is a snapshot that arrives. There is one at a time: a new one ends it.
type spooling struct {
	conn net.Conn
	done chan struct{}
}

// install takes a snapshot from a leader. Raft's main loop is asked first whether it follows that leader, which is also
// what keeps a stale leader's snapshot off the disk; then the stream goes to a file, while the loop does its work, and
// only the whole file goes to the loop.
//
// A disk that hangs or fails under the file holds up this connection and nothing else: the node hears its leader, votes and
// answers for itself, as one does that is still behind, so that no leader is kept in its lease by a node that raft would not
// count. It does not end the node, which has lost nothing. What raft writes to the same disk is watched, also the
// snapshot that is made of the file.
func (t *Transport) install(c net.Conn, r *bufio.Reader, from string, m *raft.InstallSnapshotRequest) (any, error) {
	if m.Size < 0 || m.Size > MaxSnapshot {
		return nil, fmt.Errorf("a snapshot of %d bytes is refused: %d are the most", m.Size, int64(MaxSnapshot))
	}
	answer, err := t.pass(&raft.AppendEntriesRequest{RPCHeader: m.RPCHeader, Term: m.Term}, nil, VoteTimeout)
	if err != nil {
		return nil, err
	}
	beat := answer.(*raft.AppendEntriesResponse)
	if !beat.Success {
		return &raft.InstallSnapshotResponse{RPCHeader: beat.RPCHeader, Term: beat.Term}, nil
	}
	if t.port.cfg.Holds(m.LastLogIndex, m.LastLogTerm) {
		return &raft.InstallSnapshotResponse{RPCHeader: beat.RPCHeader, Term: beat.Term, Success: true}, nil
	}
	end, err := t.beginSpooling(c)
	if err != nil {
		return nil, err
	}
	defer end()
	if err := c.SetDeadline(time.Now().Add(AppendTimeout)); err != nil {
		return nil, err
	}
	if _, err := c.Write(sealFrame(appendFrame(nil, kindSend))); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(t.port.cfg.SpoolDir, spoolPattern)
	if err != nil {
		t.port.log.warn("a snapshot cannot be received", "node", from, "error", err)
		return nil, err
	}
	defer func() {
		_ = f.Close()
		_ = os.Remove(f.Name()) // what stays is removed at the next start
	}()
	if err := receive(f, c, r, m.Size, t.stall); err != nil {
		t.port.count(func(s *Stats) { s.GivenUp++ })
		t.port.log.warn("a snapshot was not received", "node", from, "bytes", m.Size, "error", err)
		return nil, err
	}
	t.port.count(func(s *Stats) { s.Snapshots++ })
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	s := &spooled{file: f, window: &t.window, term: m.Term, leader: string(m.ID)}
	defer t.window.end(s) // the main loop has done so, unless raft was shut down inside
	return t.pass(m, s, installPatience(m.Size))
}

// beginSpooling makes c the connection that a snapshot arrives on, and ends an earlier one: its leader has begun anew, or
// another leads. One that does not end, since the disk hangs or it is with raft already, keeps the place: with a hanging disk each
// of the leader's tries would otherwise leave a connection and a file behind. The function that it returns gives the place free.
func (t *Transport) beginSpooling(c net.Conn) (end func(), err error) {
	s := &spooling{conn: c, done: make(chan struct{})}
	patience := time.After(HeartbeatTimeout)
	for {
		before := t.takeSpooling(s)
		if before == nil {
			return func() { t.endSpooling(s) }, nil
		}
		_ = before.conn.Close() // it is given up
		select {
		case <-before.done:
		case <-patience:
			return nil, errSpooling
		}
	}
}

// errSpooling is the answer to a snapshot while the one before is neither done nor given up.
var errSpooling = errors.New("an earlier snapshot is still being written here")

// takeSpooling takes the place where it is free, and returns whose it is where it is not.
func (t *Transport) takeSpooling(s *spooling) (before *spooling) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.spooling == nil {
		t.spooling = s
		return nil
	}
	return t.spooling
}

// endSpooling gives the place free.
func (t *Transport) endSpooling(s *spooling) {
	t.mu.Lock()
	t.spooling = nil
	t.mu.Unlock()
	close(s.done)
}

// receive copies size bytes to a file, and gives up when none comes for the time-out.
func receive(f *os.File, c net.Conn, r io.Reader, size int64, stall time.Duration) error {
	buf := make([]byte, streamPiece)
	for left := size; left > 0; {
		if err := c.SetReadDeadline(time.Now().Add(stall)); err != nil {
			return err
		}
		n, err := r.Read(buf[:min(left, streamPiece)])
		if n > 0 {
			if _, err := f.Write(buf[:n]); err != nil {
				return err
			}
			left -= int64(n)
		}
		if err != nil && left > 0 {
			if timedOut := net.Error(nil); errors.As(err, &timedOut) && timedOut.Timeout() {
				return fmt.Errorf("nothing came for %v, %d of %d bytes are missing", stall, left, size)
			}
			return fmt.Errorf("%d of %d bytes are missing: %w", left, size, err)
		}
	}
	return nil
}

// spooled is the snapshot that raft's main loop reads. It tells from the way in which it is read where the loop is:
// InstallSnapshot reads it for the first time when it has accepted the leader's term, and at its end, before it answers
// and whatever happened, it discards what is left (io.Copy to io.Discard). Between the two the window for heartbeats is
// open. A request that raft refuses is discarded at once, and the window is never opened.
type spooled struct {
	file   *os.File
	window *window
	term   uint64
	leader string
	begun  bool
}

// Read opens the window and reads the file.
func (s *spooled) Read(p []byte) (int, error) {
	if !s.begun {
		s.begun = true
		s.window.begin(s)
	}
	return s.file.Read(p)
}

// WriteTo is what io.Copy calls. To io.Discard, it closes the window: there is nothing to take from a connection. To
// anything else it copies, without a window.
func (s *spooled) WriteTo(w io.Writer) (int64, error) {
	if w == io.Discard {
		s.window.end(s)
		return 0, nil
	}
	return io.Copy(w, struct{ io.Reader }{s.file})
}

// removeSpooled removes what an earlier run left in the directory.
func removeSpooled(dir string) error {
	names, err := filepath.Glob(filepath.Join(dir, spoolPattern))
	for _, name := range names {
		err = errors.Join(err, os.Remove(name))
	}
	if err != nil {
		return fmt.Errorf("peer: %w", err)
	}
	return nil
}
