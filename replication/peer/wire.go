package peer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/hashicorp/raft"
)

// Raft's messages on a connection of ServiceRaft. Integers are little-endian; bytes are a 4-byte length and the bytes.
//
//	frame     kind u8, 0 u8, 0 u16, length u32 (of what follows, at most MaxFrame)
//	header    protocol version u64, node id bytes, address bytes
//
//	Append    header, term u64, leader bytes, previous index u64, previous term u64, leader's commit index u64,
//	          entries u32, and each: index u64, term u64, type u8, data bytes, extensions bytes, appended at i64 ns (0: unknown)
//	  answer  header, term u64, last index u64, success u8, no back-off u8
//	Vote      header, term u64, candidate bytes, last index u64, last term u64, transfer u8
//	  answer  header, term u64, peers bytes, granted u8
//	PreVote   header, term u64, last index u64, last term u64
//	  answer  header, term u64, granted u8
//	Install   header, snapshot version u64, term u64, leader bytes, last index u64, last term u64, peers bytes,
//	          configuration bytes, its index u64, size u64
//	  answer  header, term u64, success u8; or Send, and the answer behind the size bytes that then follow the request
//	TimeoutNow header
//	  answer  header
//	Failed    text bytes: an answer, raft's error
const (
	kindAppend     = 1
	kindVote       = 2
	kindPreVote    = 3
	kindInstall    = 4
	kindTimeoutNow = 5
	kindSend       = 6
	kindFailed     = 7
	kindAnswer     = 0x80 // added to the kind of a request

	frameHead = 8
	entryHead = 8 + 8 + 1 + 4 + 4 + 8 // bytes of an entry besides data and extensions
)

var errFrame = errors.New("malformed message")

// appendFrame begins a frame; sealFrame sets its length.
func appendFrame(b []byte, kind uint8) []byte { return append(b, kind, 0, 0, 0, 0, 0, 0, 0) }

func sealFrame(b []byte) []byte {
	binary.LittleEndian.PutUint32(b[4:], uint32(len(b)-frameHead))
	return b
}

// readHead reads the head of a frame.
func readHead(r io.Reader) (kind uint8, length int, err error) {
	var head [frameHead]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, 0, err
	}
	n := binary.LittleEndian.Uint32(head[4:])
	if head[1] != 0 || head[2] != 0 || head[3] != 0 || n > MaxFrame {
		return 0, 0, fmt.Errorf("%w: kind %d of %d bytes", errFrame, head[0], n)
	}
	return head[0], int(n), nil
}

// coder writes the fields of a message, or reads them in the same order, so that a message's layout is written down once.
// Writing leaves the message alone: raft sends one to several nodes at once.
type coder struct {
	b       []byte
	reading bool
	bad     bool // the message being read is too short or out of range
}

func (c *coder) take(n int) []byte {
	if c.bad || n < 0 || n > len(c.b) {
		c.bad = true
		return nil
	}
	v := c.b[:n:n]
	c.b = c.b[n:]
	return v
}

func (c *coder) u64(v *uint64) {
	if !c.reading {
		c.b = binary.LittleEndian.AppendUint64(c.b, *v)
	} else if b := c.take(8); b != nil {
		*v = binary.LittleEndian.Uint64(b)
	}
}

func (c *coder) u32(v *uint32) {
	if !c.reading {
		c.b = binary.LittleEndian.AppendUint32(c.b, *v)
	} else if b := c.take(4); b != nil {
		*v = binary.LittleEndian.Uint32(b)
	}
}

func (c *coder) u8(v *uint8) {
	if !c.reading {
		c.b = append(c.b, *v)
	} else if b := c.take(1); b != nil {
		*v = b[0]
	}
}

func (c *coder) flag(v *bool) {
	n := uint8(0)
	if *v {
		n = 1
	}
	c.u8(&n)
	if n > 1 {
		c.bad = true
	}
	if c.reading {
		*v = n == 1
	}
}

// bytes reads a part of the message itself, not a copy; of no bytes, nil.
func (c *coder) bytes(v *[]byte) {
	n := uint32(len(*v))
	c.u32(&n)
	if !c.reading {
		c.b = append(c.b, *v...)
	} else if b := c.take(int(n)); len(b) > 0 {
		*v = b
	}
}

func number[T ~int | ~int64 | ~uint64](c *coder, v *T) {
	n := uint64(*v)
	c.u64(&n)
	if c.reading {
		*v = T(n)
	}
}

func (c *coder) header(h *raft.RPCHeader) {
	number(c, &h.ProtocolVersion)
	c.bytes(&h.ID)
	c.bytes(&h.Addr)
}

func (c *coder) appendRequest(m *raft.AppendEntriesRequest) {
	c.header(&m.RPCHeader)
	c.u64(&m.Term)
	//lint:ignore SA1019 raft sets it still
	c.bytes(&m.Leader)
	c.u64(&m.PrevLogEntry)
	c.u64(&m.PrevLogTerm)
	c.u64(&m.LeaderCommitIndex)
	n := uint32(len(m.Entries))
	c.u32(&n)
	if c.reading {
		if int(n) > len(c.b)/entryHead {
			c.bad = true
			return
		}
		m.Entries = nil
		if n > 0 {
			logs := make([]raft.Log, n)
			m.Entries = make([]*raft.Log, n)
			for i := range logs {
				m.Entries[i] = &logs[i]
			}
		}
	}
	for _, e := range m.Entries {
		c.entry(e)
	}
}

func (c *coder) entry(e *raft.Log) {
	c.u64(&e.Index)
	c.u64(&e.Term)
	kind := uint8(e.Type)
	c.u8(&kind)
	if c.reading {
		e.Type = raft.LogType(kind)
	}
	c.bytes(&e.Data)
	c.bytes(&e.Extensions)
	at := int64(0)
	if !e.AppendedAt.IsZero() {
		at = e.AppendedAt.UnixNano()
	}
	number(c, &at)
	if c.reading && at != 0 {
		e.AppendedAt = time.Unix(0, at)
	}
}

func (c *coder) appendAnswer(m *raft.AppendEntriesResponse) {
	c.header(&m.RPCHeader)
	c.u64(&m.Term)
	c.u64(&m.LastLog)
	c.flag(&m.Success)
	c.flag(&m.NoRetryBackoff)
}

func (c *coder) voteRequest(m *raft.RequestVoteRequest) {
	c.header(&m.RPCHeader)
	c.u64(&m.Term)
	//lint:ignore SA1019 raft sets it still
	c.bytes(&m.Candidate)
	c.u64(&m.LastLogIndex)
	c.u64(&m.LastLogTerm)
	c.flag(&m.LeadershipTransfer)
}

func (c *coder) voteAnswer(m *raft.RequestVoteResponse) {
	c.header(&m.RPCHeader)
	c.u64(&m.Term)
	c.bytes(&m.Peers)
	c.flag(&m.Granted)
}

func (c *coder) preVoteRequest(m *raft.RequestPreVoteRequest) {
	c.header(&m.RPCHeader)
	c.u64(&m.Term)
	c.u64(&m.LastLogIndex)
	c.u64(&m.LastLogTerm)
}

func (c *coder) preVoteAnswer(m *raft.RequestPreVoteResponse) {
	c.header(&m.RPCHeader)
	c.u64(&m.Term)
	c.flag(&m.Granted)
}

func (c *coder) installRequest(m *raft.InstallSnapshotRequest) {
	c.header(&m.RPCHeader)
	number(c, &m.SnapshotVersion)
	c.u64(&m.Term)
	c.bytes(&m.Leader)
	c.u64(&m.LastLogIndex)
	c.u64(&m.LastLogTerm)
	c.bytes(&m.Peers)
	c.bytes(&m.Configuration)
	c.u64(&m.ConfigurationIndex)
	number(c, &m.Size)
}

func (c *coder) installAnswer(m *raft.InstallSnapshotResponse) {
	c.header(&m.RPCHeader)
	c.u64(&m.Term)
	c.flag(&m.Success)
}

// message codes one of raft's requests or answers, and reports its kind; 0 when it is none.
func (c *coder) message(m any) uint8 {
	switch m := m.(type) {
	case *raft.AppendEntriesRequest:
		c.appendRequest(m)
		return kindAppend
	case *raft.AppendEntriesResponse:
		c.appendAnswer(m)
		return kindAppend | kindAnswer
	case *raft.RequestVoteRequest:
		c.voteRequest(m)
		return kindVote
	case *raft.RequestVoteResponse:
		c.voteAnswer(m)
		return kindVote | kindAnswer
	case *raft.RequestPreVoteRequest:
		c.preVoteRequest(m)
		return kindPreVote
	case *raft.RequestPreVoteResponse:
		c.preVoteAnswer(m)
		return kindPreVote | kindAnswer
	case *raft.InstallSnapshotRequest:
		c.installRequest(m)
		return kindInstall
	case *raft.InstallSnapshotResponse:
		c.installAnswer(m)
		return kindInstall | kindAnswer
	case *raft.TimeoutNowRequest:
		c.header(&m.RPCHeader)
		return kindTimeoutNow
	case *raft.TimeoutNowResponse:
		c.header(&m.RPCHeader)
		return kindTimeoutNow | kindAnswer
	}
	return 0
}

// newRequest returns an empty request of a kind, nil when there is none.
func newRequest(kind uint8) any {
	switch kind {
	case kindAppend:
		return new(raft.AppendEntriesRequest)
	case kindVote:
		return new(raft.RequestVoteRequest)
	case kindPreVote:
		return new(raft.RequestPreVoteRequest)
	case kindInstall:
		return new(raft.InstallSnapshotRequest)
	case kindTimeoutNow:
		return new(raft.TimeoutNowRequest)
	}
	return nil
}

// encode appends a message as a whole frame to b[:0].
func encode(b []byte, m any) ([]byte, error) {
	c := coder{b: appendFrame(b[:0], 0)}
	kind := c.message(m)
	if kind == 0 {
		return nil, fmt.Errorf("%w: %T cannot be sent", errFrame, m)
	}
	if len(c.b)-frameHead > MaxFrame {
		return nil, fmt.Errorf("%w: %d bytes, more than %d", errFrame, len(c.b)-frameHead, MaxFrame)
	}
	c.b[0] = kind
	return sealFrame(c.b), nil
}

// decode reads a message from a frame's body, which it keeps parts of.
func decode(body []byte, m any) error {
	c := coder{b: body, reading: true}
	c.message(m)
	if c.bad || len(c.b) > 0 {
		return fmt.Errorf("%w: %T of %d bytes", errFrame, m, len(body))
	}
	return nil
}

// failed returns the frame of an error that raft answers with.
func failed(b []byte, err error) []byte {
	text := []byte(err.Error())
	if len(text) > MaxHello {
		text = text[:MaxHello]
	}
	c := coder{b: appendFrame(b[:0], kindFailed)}
	c.bytes(&text)
	return sealFrame(c.b)
}

// failure returns the error of a failed frame.
func failure(body []byte) error {
	c := coder{b: body, reading: true}
	var text []byte
	if c.bytes(&text); c.bad || len(c.b) > 0 {
		return errFrame
	}
	return &remoteError{string(text)}
}

// remoteError is an error that the other node's raft gave: the connection is good.
type remoteError struct{ text string }

func (e *remoteError) Error() string { return e.text }

// cut returns how many of the entries go into one request: at least one, and no more than MaxAppend bytes.
func cut(entries []*raft.Log) int {
	bytes := 0
	for i, e := range entries {
		if bytes += entryHead + len(e.Data) + len(e.Extensions); bytes > MaxAppend && i > 0 {
			return i
		}
	}
	return len(entries)
}
