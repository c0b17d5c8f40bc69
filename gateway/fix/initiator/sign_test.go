package initiator

import (
	"bytes"
	"testing"

	"uncross/gateway/fix"
	"uncross/gateway/fix/message"
)

// TestSigningTextIsTheVenues builds a logon and has the venue say what of it is signed.
func TestSigningTextIsTheVenues(t *testing.T) {
	const ns = 1_767_225_600_123_456_000
	h := message.Header{Sender: "ME", Target: "VENUE", Seq: 17, SendingNs: ns}
	var m message.Message
	if err := m.Parse(message.AppendMessage(nil, &h, message.NewBody(message.Logon))); err != nil {
		t.Fatal(err)
	}
	if want, got := fix.SignedText(&m), SigningText(ns, 17, "ME", "VENUE"); !bytes.Equal(want, got) {
		t.Errorf("%q, the venue has %q", got, want)
	}
}
