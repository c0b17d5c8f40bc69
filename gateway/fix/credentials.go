package fix

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"

	"uncross/engine/wire"
	"uncross/gateway/fix/message"
)

// authentic checks who sent the logon at hand: by password (554), by signature (96), or by both where both are there. A
// session without a password must sign. Every refusal takes the time of a hash, also that of a CompID that is not known,
// and counts as a guess of the subject. The error says that nothing was judged.
func (c *conn) authentic(subject string, known bool) (bool, error) {
	m, def := &c.m, &c.who.Def
	password, byPassword := m.Get(message.TagPassword)
	signature, bySignature := m.Get(message.TagRawData)
	byPassword = byPassword && def.Password.Scheme != 0 // where there is no password none can be wrong
	good := known && (byPassword || bySignature)
	if name, ok := m.Get(message.TagUsername); ok {
		good = good && c.isName(string(name))
	}
	if good && bySignature {
		good = c.signed(signature)
	}
	if good && !byPassword {
		return true, nil
	}
	sum := c.s.fingerprint(password)
	p, seated := c.s.seatOf(def)
	if good && seated && p.verified(&def.Password, &sum) {
		return true, nil
	}
	right, err := c.hashed(subject, def.Password, string(password))
	if err != nil || !right || !good {
		return false, err
	}
	if seated {
		p.remember(&def.Password, &sum)
	}
	return true, nil
}

// hashed verifies a password the slow way, in turn.
func (c *conn) hashed(subject string, against wire.Password, password string) (bool, error) {
	s := c.s
	if err := c.awaitPlace(subject); err != nil {
		return false, err
	}
	defer s.hashing.release()
	if _, ok := s.guard.Allow(subject); !ok { // others may have guessed while this one waited
		return false, errLockedOut
	}
	s.guard.Failed(subject) // until it is found right: those that are judged at the same time count already
	return s.verify != nil && s.verify(against, password), nil
}

// fingerprint is what is remembered of a password: it tells nothing without the process's own secret.
func (s *Server) fingerprint(password []byte) (sum [sha256.Size]byte) {
	h := hmac.New(sha256.New, s.secret[:])
	_, _ = h.Write(password)
	h.Sum(sum[:0])
	return sum
}

// isName reports whether a Username (553) is the session's: its CompID or its user's name.
func (c *conn) isName(name string) bool {
	if name == c.compID {
		return true
	}
	u, ok := c.s.view.User(c.who.User)
	return ok && u.Name.String() == name
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
// signature is good once and now: a later one has to have a later SendingTime, and that has to be near our clock.
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
	sent, ok := m.Time(message.TagSendingTime)
	if !ok || !c.s.near(sent, c.s.clock().UnixNano()) { // an old one may be somebody's recording: it proves nothing
		return false
	}
	seq, _ := m.Seq()
	p, ok := c.s.seatOf(&c.who.Def)
	return ok && p.signed(sent, seq, c.s.startNs)
}
