package auth

import (
	"crypto/ecdh"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"slices"
	"sync"
	"time"

	"uncross/engine/wire"
)

// The windows of time; parts of the interface.
const (
	LogonWindow   = 10 * time.Second // a logon's nonce against the server's clock
	RequestWindow = 5 * time.Second  // a request's time against the server's clock
)

// Limits bound what a Store holds.
type Limits struct {
	Sessions int           // at once; a logon beyond them gets ErrTooManySessions
	PerKey   int           // of one key at once; a logon beyond them ends the key's oldest session
	TTL      time.Duration // a session's life
}

// DefaultLimits are what a zero field of Limits means.
var DefaultLimits = Limits{Sessions: 16_384, PerKey: 16, TTL: 15 * time.Minute}

// Session is the server's side of a session.
type Session struct {
	id      string
	key     wire.KeyID
	mac     []byte
	expires time.Time
	done    chan struct{} // closed when the store no longer has it

	mu     sync.Mutex
	window window
}

// ID returns the session's id.
func (s *Session) ID() string { return s.id }

// Key returns the key that logged on.
func (s *Session) Key() wire.KeyID { return s.key }

// Expires returns when the session ends.
func (s *Session) Expires() time.Time { return s.expires }

// Done returns a channel that is closed when the session has been taken out of the store: it was ended, its key was
// dropped, a newer session took its place, or it had expired and was forgotten. A session that has expired is no longer
// good even while the channel is open: see Expires.
func (s *Session) Done() <-chan struct{} { return s.done }

// Store holds the open sessions of one gateway.
type Store struct {
	limits Limits
	clock  func() time.Time

	mu    sync.RWMutex
	byID  map[string]*Session
	byKey map[wire.KeyID][]*Session // oldest first
	swept time.Time                 // when expired sessions were last looked for
}

// NewStore returns an empty store. A zero limit means its default.
func NewStore(l Limits, clock func() time.Time) *Store {
	if l.Sessions == 0 {
		l.Sessions = DefaultLimits.Sessions
	}
	if l.PerKey == 0 {
		l.PerKey = DefaultLimits.PerKey
	}
	if l.TTL == 0 {
		l.TTL = DefaultLimits.TTL
	}
	return &Store{limits: l, clock: clock, byID: map[string]*Session{}, byKey: map[wire.KeyID][]*Session{}, swept: clock()}
}

// Open makes a session for a logon whose signature has been verified and whose nonce the core has accepted. A caller
// that ends sessions when a key is revoked looks at the key once more after Open: the revocation may have come between.
// Errors: ErrTooManySessions, ErrEphemeral.
func (s *Store) Open(r *LogonRequest) (*Session, LogonAnswer, error) {
	own, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil, LogonAnswer{}, fmt.Errorf("open a session: %w", err)
	}
	server := own.PublicKey().Bytes()
	mac, err := derive(own, r.ClientEphemeral, r.ClientEphemeral, server, r.Key)
	if err != nil {
		return nil, LogonAnswer{}, ErrEphemeral
	}
	var id [sessionIDLength / 2]byte
	if _, err := rand.Read(id[:]); err != nil {
		return nil, LogonAnswer{}, fmt.Errorf("open a session: %w", err)
	}
	n := &Session{id: hex.EncodeToString(id[:]), key: r.Key, mac: mac, done: make(chan struct{})}

	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock()
	n.expires = now.Add(s.limits.TTL)
	if now.Sub(s.swept) >= time.Second { // a sweep walks everything: not on each logon
		s.purge(now)
	}
	if own := s.byKey[r.Key]; len(own) >= s.limits.PerKey {
		s.remove(own[0])
	}
	if len(s.byID) >= s.limits.Sessions {
		return nil, LogonAnswer{}, ErrTooManySessions
	}
	s.byID[n.id] = n
	s.byKey[n.key] = append(s.byKey[n.key], n)
	return n, LogonAnswer{Session: n.id, ServerEphemeral: server, ExpiresMs: n.expires.UnixMilli()}, nil
}

// Verify authenticates a request and uses up its sequence number. Target is the path with ?query as on the request
// line. Errors, in this order: ErrUnknownSession, ErrExpired, ErrTimeWindow, ErrBadMac, ErrReplayed.
func (s *Store) Verify(h *Headers, method, target string, body []byte) (*Session, error) {
	s.mu.RLock()
	n := s.byID[h.Session]
	s.mu.RUnlock()
	if n == nil {
		return nil, ErrUnknownSession
	}
	now := s.clock()
	if !now.Before(n.expires) {
		return nil, ErrExpired
	}
	if !within(h.TimeMs, now.UnixMilli(), RequestWindow.Milliseconds()) {
		return nil, ErrTimeWindow
	}
	want := requestMac(n.mac, method, target, h.Seq, h.TimeMs, body)
	if subtle.ConstantTimeCompare(want[:], h.Mac[:]) != 1 {
		return nil, ErrBadMac
	}
	n.mu.Lock()
	fresh := n.window.take(h.Seq)
	n.mu.Unlock()
	if !fresh {
		return nil, ErrReplayed
	}
	return n, nil
}

// DropKey ends every session of a key, for when it is revoked, and returns how many there were.
func (s *Store) DropKey(k wire.KeyID) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	own := s.byKey[k]
	for _, n := range own {
		delete(s.byID, n.id)
		close(n.done)
	}
	delete(s.byKey, k)
	return len(own)
}

// End ends one session and reports whether there was one.
func (s *Store) End(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.byID[id]
	if n != nil {
		s.remove(n)
	}
	return n != nil
}

// Purge forgets expired sessions and returns how many there were. Open does it as well, at most once a second; expired
// sessions are refused whether or not they have been forgotten.
func (s *Store) Purge() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.purge(s.clock())
}

func (s *Store) purge(now time.Time) int {
	before := len(s.byID)
	s.swept = now
	for _, n := range s.byID {
		if !now.Before(n.expires) {
			s.remove(n)
		}
	}
	return before - len(s.byID)
}

func (s *Store) remove(n *Session) {
	delete(s.byID, n.id)
	close(n.done)
	rest := slices.DeleteFunc(s.byKey[n.key], func(o *Session) bool { return o == n })
	if len(rest) == 0 {
		delete(s.byKey, n.key)
		return
	}
	s.byKey[n.key] = rest
}

// Len returns the number of sessions held.
func (s *Store) Len() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.byID)
}
