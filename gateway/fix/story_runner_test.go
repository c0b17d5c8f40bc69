package fix_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"uncross/gateway/fix/message"
)

// The stories prove nothing unless a venue that says too much, too little or something else makes them fail.
func TestStoriesFailWhenTheVenueIsWrong(t *testing.T) {
	const hello = "scenario: x\nconnect\nsend 35=1|34=2|112=a\nexpect 35=0|34=2|112=a\n"
	answer := func(seq uint64, id string) []byte {
		b := message.NewBody(message.Heartbeat).Str(message.TagTestReqID, id)
		return message.AppendMessage(nil, &message.Header{Sender: "V", Target: "US", Seq: seq, SendingNs: time.Now().UnixNano()}, b)
	}
	stranger := message.AppendMessage(nil, &message.Header{Sender: "V", Target: "OTHER", Seq: 2, SendingNs: time.Now().UnixNano()},
		message.NewBody(message.Heartbeat).Str(message.TagTestReqID, "a"))
	old := message.AppendMessage(nil, &message.Header{Sender: "V", Target: "US", Seq: 2, SendingNs: 1e18},
		message.NewBody(message.Heartbeat).Str(message.TagTestReqID, "a"))
	for name, c := range map[string]struct {
		story string
		says  []byte
		stays bool   // the venue does not close
		want  string // part of the error; "": none
	}{
		"as told":                 {hello + "disconnected\n", answer(2, "a"), false, ""},
		"any value":               {strings.ReplaceAll(hello, "=a\n", "=*\n") + "disconnected\n", answer(2, "b"), false, ""},
		"others allowed":          {strings.ReplaceAll(hello, "|112=a\n", "|...\n") + "disconnected\n", answer(2, "b"), false, ""},
		"silence":                 {hello, nil, true, "no message"},
		"closed":                  {hello, nil, false, "no message"},
		"another value":           {hello, answer(2, "b"), false, "no 112=a"},
		"another number":          {hello, answer(3, "a"), false, "no 34=2"},
		"a field more":            {strings.ReplaceAll(hello, "34=2|112=a\nexpect 35=0|34=2|112=a", "34=2|112=a\nexpect 35=0|34=2"), answer(2, "a"), false, "also 112=a"},
		"a field less":            {hello, answer(2, ""), false, "no 112=a"},
		"a message more":          {hello + "disconnected\n", append(answer(2, "a"), answer(3, "")...), false, "before the end"},
		"does not close":          {hello + "disconnected\n", answer(2, "a"), true, "still open"},
		"closes inside a message": {hello + "disconnected\n", append(answer(2, "a"), "8=FIX.4.4"...), false, "inside a message"},
		"junk before":             {hello, append([]byte("junk"), answer(2, "a")...), false, "garbled"},
		"for somebody else":       {hello, stranger, false, "header"},
		"of another time":         {hello, old, false, "SendingTime"},
		"left open":               {hello, answer(2, "a"), false, "open connection"},
		"not connected":           {"scenario: x\nsend 35=0\n", nil, false, "should not be"},
		"connected twice":         {"scenario: x\nconnect\nconnect\n", nil, true, "should not be"},
		"against the dictionary":  {hello, answer(2, "a\x01"), false, "no 112=a"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			done := make(chan struct{})
			defer func() { <-done }()
			release := make(chan struct{})
			defer close(release)
			go func() {
				defer close(done)
				peer, err := ln.Accept()
				if err != nil {
					return
				}
				defer peer.Close()
				_, _ = message.NewReader(peer, 0).Next()
				_, _ = peer.Write(c.says)
				if c.stays {
					<-release
				}
			}()
			s, err := parseStory(c.story)
			if err != nil {
				t.Fatal(err)
			}
			patience := 20 * time.Second
			if c.stays {
				patience = time.Second // its first answer is to be in time
			}
			err = s.run(stage{addr: ln.Addr().String(), us: "US", venue: "V", patience: patience})
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if strings.HasPrefix(c.story, "scenario: x\nsend") {
				ln.Close()
			}
		})
	}
}

func TestStoriesThatAreNone(t *testing.T) {
	for _, text := range []string{"", "connect\n", "scenario: x\n", "scenario: x\nconnect now\n", "scenario: x\nshout 35=0\n", "scenario: x\nsend 35\n", "scenario: x\nexpect =1\n"} {
		if _, err := parseStory(text); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}
