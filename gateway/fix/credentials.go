package fix

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/fix/message"
)

// verifyWait is how long a logon waits for its password's turn to be verified.
const verifyWait = 30 * time.Second

// errCrowded says that a logon's password was not verified: too many others were before it. Nobody guessed wrong.
var errCrowded = errors.New("too many logons at once")

// authentic checks who sent the logon at hand: by password (554), by signature (96), or by both where both are there. A
// session without a password must sign. The error is errCrowded.
func (c *conn) authentic() (bool, error) {
	m, def := &c.m, &c.who.Def
	password, hasPassword := m.Get(message.TagPassword)
	signature, hasSignature := m.Get(message.TagRawData)
	if name, ok := m.Get(message.TagUsername); ok && !c.isName(string(name)) {
		return false, nil
	}
	if !hasPassword && !hasSignature || def.Password.Scheme == 0 && !hasSignature {
		return false, nil
	}
	if hasSignature && !c.signed(signature) {
		return false, nil
	}
	if !hasPassword || def.Password.Scheme == 0 {
		return true, nil // the signature was right; where there is no password none can be wrong
	}
	return c.s.verifyOne(def.Password, string(password))
}

// isName reports whether a Username (553) is the session's: its CompID or its user's name.
func (c *conn) isName(name string) bool {
	if name == c.compID {
		return true
	}
	u, ok := c.s.view.User(c.who.User)
	return ok && u.Name.String() == name
}

// verifyOne verifies a password; few are verified at once. The error is errCrowded.
func (s *Server) verifyOne(p wire.Password, password string) (bool, error) {
	if s.verify == nil {
		return false, nil
	}
	select {
	case s.verifying <- struct{}{}:
	case <-time.After(verifyWait):
		return false, errCrowded
	case <-s.stop:
		return false, errCrowded
	}
	defer func() { <-s.verifying }()
	return s.verify(p, password), nil
}

// SignedText returns what the signature of a Logon is made over: SendingTime (52), MsgType (35), MsgSeqNum (34),
// SenderCompID (49) and TargetCompID (56) as they stand in the message, joined by SOH.
func SignedText(m *message.Message) []byte {
	var text []byte
	for i, tag := range [...]int{
		message.TagSendingTime, message.TagMsgType, message.TagMsgSeqNum, message.TagSenderCompID, message.TagTargetCompID,
	} {
		if i > 0 {
			text = append(text, 1)
		}
		v, _ := m.Get(tag)
		text = append(text, v...)
	}
	return text
}

// signed checks the Ed25519 signature of the logon at hand, 64 bytes or these in base64, against the session's key. A
// signature is good once: a later one has to have a later SendingTime.
func (c *conn) signed(signature []byte) bool {
	m := &c.m
	k, ok := c.s.view.Key(c.who.Def.Key)
	if !ok {
		return false
	}
	if len(signature) != ed25519.SignatureSize {
		raw, err := base64.StdEncoding.DecodeString(string(signature))
		if err != nil || len(raw) != ed25519.SignatureSize {
			return false
		}
		signature = raw
	}
	if !ed25519.Verify(ed25519.PublicKey(k.Pub[:]), SignedText(m), signature) {
		return false
	}
	sent, _ := m.Time(message.TagSendingTime)
	p, ok := c.s.seatOf(&c.who.Def)
	return ok && p.signed(sent)
}
