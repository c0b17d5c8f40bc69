package bench

import (
	"context"
	"net"
	"strings"
	"testing"
)

// startEcho starts an echo in this process.
func startEcho(t *testing.T) func(context.Context) (FIXEndpoint, error) {
	return func(context.Context) (FIXEndpoint, error) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return FIXEndpoint{}, err
		}
		ended := make(chan error, 1)
		go func() { ended <- ServeEcho(ln) }()
		t.Cleanup(func() { ln.Close() })
		return FIXEndpoint{Address: ln.Addr().String(), CompID: "BENCH", Target: EchoTarget, Symbol: "X", Buyer: "b", Seller: "s",
			Stop: func() error { ln.Close(); return <-ended }}, nil
	}
}

// TestFIX runs every part with small counts, with an echo in the venue's place.
func TestFIX(t *testing.T) {
	var out strings.Builder
	o := FIXOptions{Options: Options{Repeats: 3, Rates: []int{2000}, Seconds: 0.05, Dir: t.TempDir()}, Orders: 301, Window: 7, Venue: startEcho(t), Echo: startEcho(t)}
	if err := FIX(t.Context(), &out, o); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	for _, want := range []string{"round trip with one order", "p99.99", "3 repetitions of 302 orders, up to 7 ahead", "venue ÷ echo", "venue, sent", "echo, sent"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
}

// TestFIXCounts finds a subject that does not answer as it should.
func TestFIXCounts(t *testing.T) {
	trading := func(ctx context.Context) (FIXEndpoint, error) {
		at, err := startEcho(t)(ctx)
		at.Trades = true // which an echo does not
		return at, err
	}
	c, err := openFIXClient(t.Context(), "subject", trading)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.measure(t.Context(), &fixRun{want: 10, window: 2}); err == nil || !strings.Contains(err.Error(), "10 orders, 10 answers, 0 fills; expected 10") {
		t.Errorf("%v", err)
	}
	if err := c.close(); err != nil {
		t.Error(err)
	}
}
