package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// AppendRequest appends the string that a request's MAC is over. Target is the path, with ?query where there is one,
// byte for byte as on the request line.
func AppendRequest(b []byte, method, target string, seq uint64, timeMs int64, body []byte) []byte {
	b = append(b, RequestVersion...)
	b = append(b, '\n')
	b = append(b, method...)
	b = append(b, '\n')
	b = append(b, target...)
	b = append(b, '\n')
	b = strconv.AppendUint(b, seq, 10)
	b = append(b, '\n')
	b = strconv.AppendInt(b, timeMs, 10)
	b = append(b, '\n')
	sum := sha256.Sum256(body)
	return hex.AppendEncode(b, sum[:])
}

var macBuffers = sync.Pool{New: func() any { b := make([]byte, 0, 512); return &b }}

func requestMac(key []byte, method, target string, seq uint64, timeMs int64, body []byte) (mac [32]byte) {
	p := macBuffers.Get().(*[]byte)
	b := AppendRequest((*p)[:0], method, target, seq, timeMs, body)
	m := hmac.New(sha256.New, key)
	m.Write(b)
	m.Sum(mac[:0])
	if cap(b) <= 4096 {
		*p = b
		macBuffers.Put(p)
	}
	return mac
}

// ClientSession is the client's side of a session.
type ClientSession struct {
	id      string
	mac     []byte
	expires time.Time
	seq     atomic.Uint64
}

// ID returns the session's id.
func (c *ClientSession) ID() string { return c.id }

// Expires returns when the server will no longer take the session's requests, by the server's clock.
func (c *ClientSession) Expires() time.Time { return c.expires }

// Sign takes the next sequence number and returns the headers of a request. Target is the path, with ?query where there
// is one, byte for byte as it will be on the request line.
func (c *ClientSession) Sign(method, target string, body []byte, now time.Time) Headers {
	h := Headers{Session: c.id, Seq: c.seq.Add(1), TimeMs: now.UnixMilli()}
	h.Mac = requestMac(c.mac, method, target, h.Seq, h.TimeMs, body)
	return h
}
