package outbox

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"uncross/engine"
	"uncross/engine/wire"
	"uncross/gateway/fix/message"
	"uncross/gateway/view/venuetest"
)

// quiet is a logger for what the tests provoke.
var quiet = slog.New(slog.DiscardHandler)

// stream is a source that gives events in pieces of random size and then ends.
type stream struct {
	es []wire.Event
	r  *rand.Rand
}

func newStream(es []wire.Event, seed uint64) *stream {
	return &stream{es, rand.New(rand.NewPCG(seed, 3))}
}

func (s *stream) Read(dst []wire.Event, stop <-chan struct{}) (int, uint64, bool) {
	select {
	case <-stop:
		return 0, 0, false
	default:
	}
	if len(s.es) == 0 {
		return 0, 0, false
	}
	n := copy(dst[:1+s.r.IntN(min(len(dst), 64))], s.es)
	s.es = s.es[n:]
	return n, 0, true
}

// traffic makes of venuetest's stream one in which most of what traders do comes by their FIX sessions.
type traffic struct {
	g     *venuetest.Gen
	r     *rand.Rand
	epoch [venuetest.Sessions + 1]uint32
	in    [venuetest.Sessions + 1]uint64
	token uint64
	sent  int
}

func newTraffic(seed uint64) *traffic {
	return &traffic{g: venuetest.New(seed), r: rand.New(rand.NewPCG(seed, 9))}
}

// trader is the session of a trader's key, 0 for any other key.
func trader(k wire.KeyID) wire.SessionID {
	if k < 3 || k >= 3+venuetest.Traders {
		return 0
	}
	return wire.SessionID(k - 2)
}

func (t *traffic) origin(s wire.SessionID, again bool) wire.Origin {
	t.in[s]++
	return wire.SessionOrigin(s, t.epoch[s], t.in[s], again)
}

func (t *traffic) next() wire.Command {
	t.sent++
	if t.sent > t.g.Setup()+100 && t.r.IntN(8) == 0 {
		return t.message()
	}
	c := t.g.Next()
	s := trader(c.Key)
	switch c.Kind {
	case wire.CmdNewOrder, wire.CmdCancelOrder, wire.CmdReplaceOrder, wire.CmdCancelAll, wire.CmdQueryOrder:
		if s != 0 && t.r.IntN(5) > 0 {
			c.Origin = t.origin(s, t.r.IntN(4) == 0)
		}
	case wire.CmdSetSession, wire.CmdSessionMessage:
		c = wire.Command{Key: wire.NoKey}
		(&wire.Tick{}).Put(&c)
	}
	return c
}

// message makes a message of a session: any kind, the drop copy's and the market data session's, too.
func (t *traffic) message() wire.Command {
	id := wire.SessionID(1 + t.r.IntN(venuetest.Sessions))
	key := wire.KeyID(3)
	if id <= venuetest.Traders {
		key = wire.KeyID(2 + id)
	}
	kinds := []wire.SessionMessageKind{
		wire.SessionLogon, wire.SessionLogout, wire.SessionNumbers, wire.SessionNumbers, wire.SessionAdvance, wire.RefusedNewOrder,
		wire.RefusedCancel, wire.RefusedReplace, wire.RefusedMassCancel, wire.RefusedMessage, wire.AnnouncedMassCancel,
	}
	m := wire.SessionMessage{Session: id, Kind: kinds[t.r.IntN(len(kinds))], Side: wire.Buy, Reason: wire.UnknownInstrument, Arg: 55}
	m.ClientID = wire.MustText(fmt.Sprint("m", t.sent))
	switch m.Kind {
	case wire.SessionLogout:
		m.Arg = uint16(t.r.IntN(2))
	case wire.SessionNumbers:
		m.Arg = uint16(1 + t.r.IntN(5))
	case wire.SessionLogon:
		m.Arg = uint16(t.r.IntN(2))
	}
	if m.Kind <= wire.SessionNumbers {
		t.token++
		copy(m.Symbol[:], fmt.Sprintf("token %d", t.token))
	} else {
		copy(m.Symbol[:], "NO-SUCH")
	}
	if t.r.IntN(150) == 0 {
		m.Kind = wire.SessionReset
		t.epoch[id] += 1 + uint32(t.r.IntN(2))
		t.in[id] = 0
	} else if m.Kind == wire.SessionLogon && t.r.IntN(20) == 0 {
		t.epoch[id]++
		t.in[id] = 0
	}
	c := wire.Command{Key: key, TimeNs: 1}
	m.Put(&c)
	if m.Kind == wire.SessionReset {
		c.Origin = wire.SessionOrigin(id, t.epoch[id], 0, false)
	} else {
		c.Origin = t.origin(id, false)
	}
	return c
}

// run is a whole life of a venue: its events, and images of it on the way.
type run struct {
	e      *engine.Engine
	es     []wire.Event
	at     []int // at[n]: events of the first n commands
	images map[uint64][]wire.Event
}

func newRun(seed uint64, commands, imageEvery int) *run {
	t := newTraffic(seed)
	r := &run{e: engine.New(), at: []int{0}, images: map[uint64][]wire.Event{}}
	for n := 1; n <= commands; n++ {
		c := t.next()
		from := len(r.es)
		r.es = r.e.Apply(&c, r.es)
		t.g.See(r.es[from:])
		r.at = append(r.at, len(r.es))
		if imageEvery > 0 && n%imageEvery == 0 {
			r.images[uint64(n)] = image(r.e)
		}
	}
	return r
}

func image(e *engine.Engine) (es []wire.Event) {
	var c engine.ImageCursor
	for more := true; more; {
		es, more = e.AppendImage(&c, es)
	}
	return es
}

func options(t testing.TB, fs vfs.FS) Options {
	return Options{FS: fs, Logger: quiet, SyncEvery: -1, ClusterID: venuetest.Cluster, Fatal: func(err error) { t.Errorf("fatal: %v", err) }}
}

func open(t testing.TB, o Options) *Store {
	t.Helper()
	s, err := Open("outbox", o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *Store) feed(t testing.TB, es []wire.Event, seed uint64) {
	t.Helper()
	if err := s.Run(newStream(es, seed), nil); err != nil {
		t.Fatal(err)
	}
}

func closeStore(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// all reads every message of a session, from the first number on, in small pieces.
func all(t testing.TB, s *Store, id wire.SessionID) []Entry {
	t.Helper()
	x, ok := s.Session(id)
	if !ok {
		t.Fatalf("there is no session %d", id)
	}
	n := x.Numbers()
	return readFrom(t, x, n, 1, 7)
}

// readFrom reads from a number to the end and checks that nothing is missing.
func readFrom(t testing.TB, x *Session, n Numbers, from uint64, piece int) []Entry {
	t.Helper()
	var list []Entry
	for next := from; next < n.NextOut; {
		es, err := x.Read(n.Epoch, next, make([]Entry, 0, piece))
		if err != nil || len(es) == 0 || len(es) > piece {
			t.Fatalf("session %d from number %d of %d: %d entries, %v", x.id, next, n.NextOut, len(es), err)
		}
		for _, e := range es {
			if e.Number != next || e.Count == 0 || e.Local != (e.Body == nil) || !e.Local && e.Count != 1 {
				t.Fatalf("session %d: %+v where number %d comes next", x.id, e, next)
			}
			next = e.End()
			list = append(list, e)
		}
	}
	return list
}

// fieldsOf returns a body's fields by tag; every tag comes once.
func fieldsOf(t testing.TB, body []byte) map[int]string {
	t.Helper()
	if _, err := message.ParseBody(body); err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(strings.TrimSuffix(string(body), "\x01"), "\x01")
	f := map[int]string{message.TagMsgType: parts[0]}
	for _, p := range parts[1:] {
		tag, v, ok := strings.Cut(p, "=")
		var n int
		if _, err := fmt.Sscan(tag, &n); err != nil || !ok || v == "" {
			t.Fatalf("field %q of %q", p, body)
		}
		if _, twice := f[n]; twice {
			t.Fatalf("tag %d is twice in %q", n, body)
		}
		f[n] = v
	}
	return f
}
