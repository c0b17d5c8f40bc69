package feed

import (
	"sync"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/candles"
	"uncross/gateway/feed/compact"
)

// Channel is a public channel; see package compact.
type Channel = compact.Channel

// The public channels.
const (
	Book       = compact.Book
	Orders     = compact.Orders
	BBO        = compact.BBO
	Trades     = compact.Trades
	Auction    = compact.Auction
	Status     = compact.Status
	Candles    = compact.Candles
	Statistics = compact.Statistics
)

// ParseChannel returns the channel of a name, and false where there is none of that name.
func ParseChannel(name string) (Channel, bool) { return compact.ParseChannel(name) }

// Encoding is how messages are written.
type Encoding uint8

// The encodings.
const (
	JSON   Encoding = 0
	Binary Encoding = 1 // of package compact
)

const encodings = 2

// Topic is what one can subscribe to.
type Topic struct {
	Channel    Channel
	Instrument wire.InstrumentID
	Interval   candles.Interval // of Candles; 0 of all others
}

// change names the command that changed something last.
type change struct {
	seq    uint64
	timeNs int64
}

// topic is what is published of a topic. The feed's mutex guards it.
type topic struct {
	key      Topic
	m        *market
	gap      time.Duration // least time between two messages
	told     change        // of the last message
	updates  int           // published, for the checksums
	dirty    bool          // there is something to publish
	queued   bool          // is in Feed.queue or Feed.later
	restart  bool          // what changed is not known in full: readers need a new snapshot
	earliest time.Time     // of the next message
	lines    [encodings]*line
}

// active reports whether somebody may be reading.
func (t *topic) active() bool { return t.lines[JSON] != nil || t.lines[Binary] != nil }

// line is a topic in one encoding: a snapshot, and the messages behind it. Readers are cursors in it.
type line struct {
	t   *topic
	enc Encoding

	readers int       // guarded by the feed's mutex, as the next one
	idle    time.Time // since when it has none

	mu       sync.Mutex
	log      []*Message // from head on
	head     int
	first    uint64 // number of the first message in log
	bytes    int    // in log
	appended uint64 // bytes ever
	epoch    uint64 // counts restarts
	snap     *snapshot
	before   *snapshot // the one before: readers may still be in it
	made     uint64    // number of the latest snapshot
	making   bool      // somebody makes one
	sleepers []*Reader // have all there is
}

// snapshot is the state of a topic at one place of its line.
type snapshot struct {
	number   uint64
	parts    []*Message
	bytes    int
	at       uint64 // number of the message that continues it
	appended uint64 // the line's, when it was taken
}

// end returns the number of the next message.
func (l *line) end() uint64 { return l.first + uint64(len(l.log)-l.head) }

func (l *line) get(n uint64) *Message { return l.log[l.head+int(n-l.first)] }

// push appends a message and drops the oldest ones that are too many.
func (l *line) push(m *Message, bytes, count int) {
	if l.head > 64 && l.head > len(l.log)/2 {
		n := copy(l.log, l.log[l.head:])
		clear(l.log[n:])
		l.log, l.head = l.log[:n], 0
	}
	l.log = append(l.log, m)
	l.bytes += m.Size()
	l.appended += uint64(m.Size())
	if l.snap != nil {
		bytes = max(bytes, l.snap.bytes)
	}
	for len(l.log)-l.head > 1 && (l.bytes > bytes || len(l.log)-l.head > count) {
		l.bytes -= l.log[l.head].Size()
		l.log[l.head] = nil
		l.head++
		l.first++
	}
}

// begin forgets everything: whoever reads needs a new snapshot. One number is left out, so that who has all there was is
// behind too.
func (l *line) begin() {
	l.first = l.end() + 1
	l.log, l.head, l.bytes = nil, 0, 0
	l.snap, l.before = nil, nil
	l.epoch++
}

// fresh returns the snapshot for new readers, nil where it is gone or less than a new one with its log would be.
func (l *line) fresh() *snapshot {
	if s := l.snap; s != nil && s.at >= l.first && l.appended-s.appended <= uint64(s.bytes) {
		return s
	}
	return nil
}

// numbered returns a snapshot that a reader is in, nil where it has been replaced twice.
func (l *line) numbered(n uint64) *snapshot {
	for _, s := range [...]*snapshot{l.snap, l.before} {
		if s != nil && s.number == n {
			return s
		}
	}
	return nil
}

// install makes a snapshot the one for new readers.
func (l *line) install(s *snapshot) {
	l.made++
	s.number = l.made
	for _, m := range s.parts {
		s.bytes += m.Size()
	}
	l.before, l.snap = l.snap, s
	if l.before != nil && l.before.bytes <= smallSnapshot {
		l.before = nil // who is in it has it soon, or takes the new one
	}
}

// sleep has a reader woken with what comes next.
func (l *line) sleep(r *Reader) {
	if r.asleep == 0 {
		l.sleepers = append(l.sleepers, r)
		r.asleep = len(l.sleepers)
	}
}

// unsleep takes a reader off the list.
func (l *line) unsleep(r *Reader) {
	if r.asleep == 0 {
		return
	}
	n := len(l.sleepers) - 1
	last := l.sleepers[n]
	l.sleepers[r.asleep-1], last.asleep = last, r.asleep
	l.sleepers[n] = nil
	l.sleepers, r.asleep = l.sleepers[:n], 0
}

// rouse moves those who sleep to the list of those to be woken.
func (l *line) rouse(wakes []*Reader) []*Reader {
	for i, r := range l.sleepers {
		r.asleep = 0
		l.sleepers[i] = nil
		wakes = append(wakes, r)
	}
	l.sleepers = l.sleepers[:0]
	return wakes
}
