package initiator

import (
	"crypto/ed25519"
	"strconv"

	"uncross/gateway/fix/message"
)

// SigningText is what the venue has signed in a logon: SendingTime, "A", MsgSeqNum, SenderCompID and TargetCompID as they
// stand in the message, with SOH between them.
func SigningText(timeNs int64, seq uint64, sender, target string) []byte {
	const soh = 1
	b := message.AppendTime(nil, timeNs)
	b = append(b, soh, message.Logon[0], soh)
	b = strconv.AppendUint(b, seq, 10)
	b = append(append(b, soh), sender...)
	return append(append(b, soh), target...)
}

// Sign returns the signature for RawData (96).
func Sign(key ed25519.PrivateKey, timeNs int64, seq uint64, sender, target string) []byte {
	return ed25519.Sign(key, SigningText(timeNs, seq, sender, target))
}
