package roster

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"uncross/replication/peer"
)

// Limits of what nodes tell and ask each other.
const (
	Format  = 1
	MaxLine = 16 << 10 // bytes of one line

	Interval   = 250 * time.Millisecond // between two words of a node
	Silence    = 2 * time.Second        // without a word the connection is given up and made anew
	Retry      = 250 * time.Millisecond // pause before a connection is tried again
	DialTime   = 2 * time.Second        // longest making of a connection
	AnswerTime = 15 * time.Second       // longest wait for an answer to a question
)

// Info is how a node stands, as it says itself.
type Info struct {
	Format  int    `json:"format"`
	Node    string `json:"node"`
	Address string `json:"address"` // of its peer port
	HTTP    string `json:"http"`    // URL for clients; empty: none
	FIX     string `json:"fix"`     // host:port for clients; empty: none
	Version string `json:"version"`

	Role     string `json:"role"`   // leader, follower, candidate
	Leader   string `json:"leader"` // node id; empty: none known
	Leading  bool   `json:"leading"`
	Live     bool   `json:"live"` // reads are served
	Term     uint64 `json:"term"`
	Commit   uint64 `json:"commit"`  // raft index
	Applied  uint64 `json:"applied"` // raft index
	Command  uint64 `json:"command"` // number of the last command applied
	FullHash uint64 `json:"full_hash"`
	LogBytes int64  `json:"log_bytes"`
	Snapshot uint64 `json:"snapshot"`          // index of the newest; 0: none
	Removed  bool   `json:"removed,omitempty"` // said by the node that leads: whoever hears this is no member any more
}

// errFormat refuses a line of another format.
func errFormat(format int) error {
	return fmt.Errorf("the other node speaks format %d, this one %d: nodes of two versions apart; upgrade the older one", format, Format)
}

// writeLine writes v as one line within a time.
func writeLine(c net.Conn, v any, within time.Duration) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(line) >= MaxLine {
		return fmt.Errorf("a line of %d bytes; the limit is %d", len(line), MaxLine)
	}
	if err := c.SetWriteDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	_, err = c.Write(append(line, '\n'))
	return err
}

// newReader returns a reader for readLine.
func newReader(c io.Reader) *bufio.Reader { return bufio.NewReaderSize(c, MaxLine) }

// readLine reads one line into v within a time.
func readLine(c net.Conn, r *bufio.Reader, v any, within time.Duration) error {
	if err := c.SetReadDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	line, err := r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return fmt.Errorf("a line of more than %d bytes", MaxLine)
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(bytes.TrimSpace(line), v)
}

// tellInfo sends this node's word until the other side goes away.
func (cfg *Config) tellInfo() func(context.Context, string, net.Conn) {
	return func(ctx context.Context, from string, c net.Conn) {
		defer c.Close()
		removed := func() bool { return false }
		if cfg.Removed != nil {
			removed = cfg.Removed(from)
		}
		tick := time.NewTicker(Interval)
		defer tick.Stop()
		for {
			word := cfg.Self()
			word.Format, word.Removed = Format, removed()
			if writeLine(c, word, Silence) != nil {
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}
}

// hearInfo reads a member's words and hands them on until the connection ends.
func hearInfo(ctx context.Context, port *peer.Port, m Member, heard func(Info)) error {
	dialling, cancel := context.WithTimeout(ctx, DialTime)
	defer cancel()
	c, err := port.Dial(dialling, m.ID, m.Address, peer.ServiceInfo)
	if err != nil {
		return err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	for r := newReader(c); ; {
		var word Info
		if err := readLine(c, r, &word, Silence); err != nil {
			return err
		}
		if word.Format != Format {
			return errFormat(word.Format)
		}
		word.Node = m.ID // who it is was proved by the connection
		heard(word)
	}
}
