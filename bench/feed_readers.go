package bench

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"uncross/gateway/client/follow"
	"uncross/gateway/feed/compact"
)

// feedRun is the subscribers of one run and what they have had.
type feedRun struct {
	fast, slow int
	binary     bool
	channels   []string

	readers []*feedReader
	running sync.WaitGroup
	ready   sync.WaitGroup // a first snapshot of every channel
	shards  []*feedShard
	counts  atomic.Bool // the delay of what comes is measured
	volume  atomic.Bool // what comes is counted as delivered: until the last order is answered
	start   time.Time
	took    time.Duration
	over    atomic.Bool

	messages  atomic.Int64 // delivered to fast ones
	bytes     atomic.Int64
	snapshots [2]atomic.Int64 // that nobody asked for, of fast and of slow ones
	cut       [2]atomic.Int64 // connections that the venue ended
	closing   sync.Once
}

// feedShard is histograms that several subscribers share: one each would be too much memory.
type feedShard struct {
	mu     sync.Mutex
	delays [8 + 1]*hdrhistogram.Histogram // by channel
}

const feedShards = 16

// feedReader is one subscriber.
type feedReader struct {
	run   *feedRun
	shard *feedShard
	slow  int // 1: it is slow
	conn  *follow.Conn
	left  int // channels without a snapshot
	last  [8 + 1]uint64
	had   [8 + 1]bool
	clock feedClock
	err   error
}

func newFeedRun(fast, slow int, binary bool, channels []string) *feedRun {
	r := &feedRun{fast: fast, slow: slow, binary: binary, channels: channels}
	for range feedShards {
		s := &feedShard{}
		for _, name := range channels {
			c, _ := compact.ParseChannel(name)
			s.delays[c] = newHistogram()
		}
		r.shards = append(r.shards, s)
	}
	for i := range fast + slow {
		m := &feedReader{run: r, shard: r.shards[i%feedShards], left: len(channels)}
		if i >= fast {
			m.slow = 1
		}
		r.readers = append(r.readers, m)
	}
	return r
}

// feedDials is how many connections are made at the same time.
const feedDials = 16

// connect connects all subscribers and returns when each has its first snapshots.
func (r *feedRun) connect(ctx context.Context, url, symbol string) error {
	next := make(chan *feedReader)
	var dialing sync.WaitGroup
	for range feedDials {
		dialing.Go(func() {
			for m := range next {
				m.err = m.connect(ctx, url, symbol)
			}
		})
	}
	for _, m := range r.readers {
		next <- m
	}
	close(next)
	dialing.Wait()
	for i, m := range r.readers {
		if m.err != nil {
			return fmt.Errorf("subscriber %d: %w", i+1, m.err)
		}
	}
	for _, m := range r.readers {
		r.ready.Add(1)
		r.running.Go(m.read)
	}
	all := make(chan struct{})
	go func() {
		r.ready.Wait()
		close(all)
	}()
	select {
	case <-all:
		return nil
	case <-time.After(fixPatience):
		return errors.New("not all subscribers have their first snapshots")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// How a slow subscriber reads.
const (
	feedSlowBytes  = 1 << 10
	feedSlowPause  = 100 * time.Millisecond
	feedSlowSocket = 4 << 10
)

// feedSlow is a socket of which little is read at a time once the run has begun.
type feedSlow struct {
	net.Conn
	run *feedRun
}

func (s *feedSlow) Read(b []byte) (int, error) {
	if s.run.counts.Load() {
		time.Sleep(feedSlowPause)
		b = b[:min(len(b), feedSlowBytes)]
	}
	return s.Conn.Read(b)
}

func (m *feedReader) connect(ctx context.Context, url, symbol string) error {
	set := follow.DialConfig{URL: url, Binary: m.run.binary, Quiet: time.Minute}
	if m.slow > 0 {
		set.Socket = func(ctx context.Context, network, address string) (net.Conn, error) {
			var d net.Dialer
			c, err := d.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &feedSlow{c, m.run}, c.(*net.TCPConn).SetReadBuffer(feedSlowSocket)
		}
	}
	var err error
	if m.conn, err = follow.Dial(ctx, set); err != nil {
		return err
	}
	var subs []follow.Subscription
	for _, channel := range m.run.channels {
		subs = append(subs, follow.Subscription{Channel: channel, Symbol: symbol})
	}
	return m.conn.Send(map[string]any{"op": "subscribe", "subscriptions": subs})
}

// read reads until the connection ends.
func (m *feedReader) read() {
	defer func() {
		if m.left > 0 {
			m.run.ready.Done() // it will show in the check
		}
	}()
	before := int64(0)
	for {
		payload, isBinary, err := m.conn.Read()
		if err != nil {
			if !m.run.over.Load() {
				m.run.cut[m.slow].Add(1)
			}
			return
		}
		now := time.Now()
		size := m.conn.Received() - before
		before += size
		h, ok := feedHead{}, true
		if isBinary {
			h, ok = binaryFeedHead(payload)
		} else {
			h, ok = m.clock.head(payload)
		}
		if !ok {
			continue // the answer to the subscription
		}
		m.note(&h, now, size)
	}
}

// note counts a message and checks that it continues what there was.
func (m *feedReader) note(h *feedHead, now time.Time, size int64) {
	c, counts := h.channel, m.run.counts.Load()
	switch {
	case h.snapshot && !m.had[c]:
		m.had[c] = true
		if m.left--; m.left == 0 {
			m.run.ready.Done()
		}
	case h.snapshot && counts && m.last[c] != h.sequence: // else a further part
		m.run.snapshots[m.slow].Add(1)
	case !h.snapshot && h.previous != m.last[c] && h.sequence != m.last[c] && m.err == nil:
		m.err = fmt.Errorf("%v: an update continues %d, the last one was %d", c, h.previous, m.last[c])
	}
	m.last[c] = h.sequence
	if !counts || m.slow > 0 {
		return
	}
	if m.run.volume.Load() {
		m.run.messages.Add(1)
		m.run.bytes.Add(size)
	}
	if !h.snapshot {
		m.shard.mu.Lock()
		record(m.shard.delays[c], now.UnixNano()-h.timeNs)
		m.shard.mu.Unlock()
	}
}

func (r *feedRun) begin() {
	r.start = time.Now()
	r.counts.Store(true)
	r.volume.Store(true)
}

// end stops counting; the delay of messages that are under way is measured yet.
func (r *feedRun) end(tail time.Duration) {
	r.volume.Store(false)
	r.took = time.Since(r.start)
	time.Sleep(tail)
	r.counts.Store(false)
}

// check returns the first thing that did not fit.
func (r *feedRun) check() error {
	if n := r.cut[0].Load(); n > 0 {
		return fmt.Errorf("%d fast subscribers were cut off: this machine cannot read so much; measure with lower --rates, or fewer --subscribers", n)
	}
	r.close()
	for i, m := range r.readers {
		if m.err != nil {
			return fmt.Errorf("subscriber %d: %w", i+1, m.err)
		}
	}
	return nil
}

// close ends all connections and waits for their readers.
func (r *feedRun) close() {
	r.closing.Do(func() {
		r.over.Store(true)
		for _, m := range r.readers {
			if m.conn != nil {
				m.conn.Close()
			}
		}
		r.running.Wait()
	})
}

// delays returns the delays of a channel's messages, of all subscribers together.
func (r *feedRun) delays(channel string) *hdrhistogram.Histogram {
	c, _ := compact.ParseChannel(channel)
	all := newHistogram()
	for _, s := range r.shards {
		all.Merge(s.delays[c])
	}
	return all
}

// feedHead is what is looked at of a message.
type feedHead struct {
	channel            compact.Channel
	snapshot           bool
	sequence, previous uint64
	timeNs             int64
}

// binaryFeedHead reads the header of the binary form.
func binaryFeedHead(b []byte) (feedHead, bool) {
	if len(b) < compact.HeaderSize {
		return feedHead{}, false
	}
	c := compact.Channel(b[1])
	return feedHead{channel: c, snapshot: b[2]&1 != 0, sequence: binary.LittleEndian.Uint64(b[8:]), previous: binary.LittleEndian.Uint64(b[16:]),
		timeNs: int64(binary.LittleEndian.Uint64(b[24:]))}, c.Valid()
}

// feedClock reads times; most are in the same second as the one before.
type feedClock struct {
	second string
	ns     int64
}

// head reads what all JSON messages begin with, without the rest.
func (k *feedClock) head(b []byte) (h feedHead, ok bool) {
	b = b[:min(len(b), 300)]
	if !bytes.HasPrefix(b, []byte(`{"channel":"`)) {
		return h, false
	}
	h.channel, ok = compact.ParseChannel(string(textOf(b, `"channel":"`)))
	h.snapshot = string(textOf(b, `"type":"`)) == "snapshot"
	h.sequence, h.previous = digits(textOf(b, `"sequence":"`)), digits(textOf(b, `"previous":"`))
	stamp := textOf(b, `"time":"`)
	if len(stamp) != len(feedStamp)+len(".123456789Z") {
		return h, false
	}
	if whole := string(stamp[:len(feedStamp)]); whole != k.second {
		t, err := time.Parse(feedStamp, whole)
		if err != nil {
			return h, false
		}
		k.second, k.ns = whole, t.UnixNano()
	}
	h.timeNs = k.ns + int64(digits(stamp[len(feedStamp)+1:len(stamp)-1]))
	return h, ok
}

// feedStamp is the beginning of a time in a message.
const feedStamp = "2006-01-02T15:04:05"

// textOf returns the text behind a name, nil where there is none.
func textOf(b []byte, name string) []byte {
	_, rest, ok := bytes.Cut(b, []byte(name))
	if !ok {
		return nil
	}
	text, _, _ := bytes.Cut(rest, []byte(`"`))
	return text
}

func digits(b []byte) (n uint64) {
	for _, c := range b {
		n = 10*n + uint64(c-'0')
	}
	return n
}
