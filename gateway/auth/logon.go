package auth

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"uncross/engine/wire"
)

// Versions of the signed strings and of the key's derivation.
const (
	LogonVersion   = "uncross-logon-v1"
	RequestVersion = "uncross-request-v1"
	SessionVersion = "uncross-session-v1"
)

// LogonRequest is the body of a logon. In JSON the numbers are strings, since a nonce does not fit the numbers of every
// JSON reader, and the bytes are standard base64.
type LogonRequest struct {
	Key             wire.KeyID `json:"key,string"`
	Nonce           uint64     `json:"nonce,string"`     // nanoseconds since the Unix epoch by the client's clock, greater each time
	ClientEphemeral []byte     `json:"client_ephemeral"` // X25519 public key, fresh each time, 32 bytes
	Signature       []byte     `json:"signature"`        // Ed25519, 64 bytes
}

// LogonAnswer is the answer to an accepted logon.
type LogonAnswer struct {
	Session         string `json:"session"`          // 32 hex digits
	ServerEphemeral []byte `json:"server_ephemeral"` // X25519 public key, 32 bytes
	ExpiresMs       int64  `json:"expires_ms"`       // milliseconds since the Unix epoch
}

// AppendSigned appends the string that the logon's signature is over.
func (r *LogonRequest) AppendSigned(b []byte) []byte {
	b = append(b, LogonVersion...)
	b = append(b, '\n')
	b = strconv.AppendUint(b, uint64(r.Key), 10)
	b = append(b, '\n')
	b = strconv.AppendUint(b, r.Nonce, 10)
	b = append(b, '\n')
	return hex.AppendEncode(b, r.ClientEphemeral)
}

// Verify checks a logon against the public key that the venue has for r.Key: ErrLogonWindow, ErrEphemeral or
// ErrSignature. What it cannot see is a repeat: the nonce must then go through the log, where the engine refuses one
// that is not greater than the key's last. Only then is the session to be opened.
func (r *LogonRequest) Verify(pub [32]byte, now time.Time) error {
	if !within(int64(r.Nonce), now.UnixNano(), LogonWindow.Nanoseconds()) {
		return ErrLogonWindow
	}
	if len(r.ClientEphemeral) != ephemeralSize {
		return ErrEphemeral
	}
	if !ed25519.Verify(pub[:], r.AppendSigned(nil), r.Signature) {
		return ErrSignature
	}
	return nil
}

// within reports whether t is at most window off now, for any t from outside.
func within(t, now, window int64) bool { return t >= 0 && t >= now-window && t <= now+window }

const ephemeralSize = 32

// derive returns the MAC key of a session.
func derive(own *ecdh.PrivateKey, peer, client, server []byte, key wire.KeyID) ([]byte, error) {
	p, err := ecdh.X25519().NewPublicKey(peer)
	if err != nil {
		return nil, err
	}
	secret, err := own.ECDH(p) // refuses a peer of small order
	if err != nil {
		return nil, err
	}
	info := make([]byte, 0, len(SessionVersion)+2*ephemeralSize+4)
	info = append(info, SessionVersion...)
	info = append(info, client...)
	info = append(info, server...)
	info = binary.BigEndian.AppendUint32(info, uint32(key))
	return hkdf.Key(sha256.New, secret, nil, string(info), sha256.Size)
}

// PendingLogon is a logon that the client has made and that has no answer yet.
type PendingLogon struct {
	request LogonRequest
	own     *ecdh.PrivateKey
}

// NewLogon makes a logon of a client's key. The nonce must be greater than that of the key's every earlier logon, and
// near the time: the client's clock in nanoseconds is both.
func NewLogon(k *Key, nonce uint64) (*PendingLogon, error) {
	own, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a logon: %w", err)
	}
	p := &PendingLogon{own: own, request: LogonRequest{Key: k.ID, Nonce: nonce, ClientEphemeral: own.PublicKey().Bytes()}}
	p.request.Signature = ed25519.Sign(k.Private, p.request.AppendSigned(nil))
	return p, nil
}

// Request returns what is to be sent.
func (p *PendingLogon) Request() LogonRequest { return p.request }

// Complete makes the client's side of the session from the server's answer.
func (p *PendingLogon) Complete(a LogonAnswer) (*ClientSession, error) {
	if len(a.Session) != sessionIDLength || !isHex(a.Session) {
		return nil, errors.New("logon: the server's answer has no session id")
	}
	mac, err := derive(p.own, a.ServerEphemeral, p.request.ClientEphemeral, a.ServerEphemeral, p.request.Key)
	if err != nil {
		return nil, fmt.Errorf("logon: the server's answer has no usable server_ephemeral: %w", err)
	}
	return &ClientSession{id: a.Session, mac: mac, expires: time.UnixMilli(a.ExpiresMs)}, nil
}
