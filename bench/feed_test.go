package bench

import (
	"net"
	"testing"
	"time"

	"uncross/gateway/feed/compact"
)

// TestFanout has the yardstick write to a few readers: everything comes, once.
func TestFanout(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- ServeFanout(ln) }()
	for _, size := range []int{1, 100, 70_000} {
		r, err := runFanout(t.Context(), ln.Addr().String(), 7, size, 1000, 0.02)
		if err != nil {
			t.Fatal(err)
		}
		if r.messages != 7*20 || r.bytes != r.messages*int64(max(size, fanoutHead)) || r.delays.TotalCount() != r.messages {
			t.Errorf("size %d: %d messages of %d bytes, %d delays", size, r.messages, r.bytes, r.delays.TotalCount())
		}
	}
	ln.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestFeedHead reads what messages begin with, in both forms.
func TestFeedHead(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 89, time.UTC).UnixNano()
	want := feedHead{channel: compact.Trades, sequence: 1207, previous: 1201, timeNs: at}
	var k feedClock
	text := `{"channel":"trades","type":"update","symbol":"A","previous":"1201","sequence":"1207","time":"2026-03-04T05:06:07.000000089Z","trades":[]}`
	for range 2 {
		if h, ok := k.head([]byte(text)); !ok || h != want {
			t.Errorf("JSON: %+v", h)
		}
	}
	m := compact.Message{Channel: compact.Trades, Instrument: 1, Sequence: 1207, Previous: 1201, TimeNs: at}
	if h, ok := binaryFeedHead(m.Append(nil)); !ok || h != want {
		t.Errorf("binary: %+v", h)
	}
	for _, other := range []string{``, `{}`, `{"type":"subscribed","subscriptions":[{"channel":"book"}]}`, `{"channel":"other","time":"2026-03-04T05:06:07.000000089Z"}`, `{"channel":"book","time":"now"}`} {
		if h, ok := k.head([]byte(other)); ok {
			t.Errorf("%s: %+v", other, h)
		}
	}
	if _, ok := binaryFeedHead([]byte("short")); ok {
		t.Error("a short message is read")
	}
}
