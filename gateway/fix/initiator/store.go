package initiator

// Entry is one of our own messages as a store has it.
type Entry struct {
	Seq    uint64
	TimeNs int64  // when it was given its number: tag 52 of the first sending
	Local  bool   // about the session itself, or no longer kept: a gap fill stands for it
	Body   []byte // stored form, see message.Body; nil when it is no longer kept. It never changes
}

// Store keeps the numbers of a session and our messages that may have to be sent again. The Initiator calls it under its
// own lock.
type Store interface {
	// Numbers returns the next number of each direction.
	Numbers() (nextIn, nextOut uint64)
	// Append gives a message the number nextOut. It copies body.
	Append(timeNs int64, local bool, body []byte) error
	// Received notes the next number that is expected.
	Received(nextIn uint64) error
	// Read puts up to len(dst) messages from a number on into dst and returns how many there were.
	Read(from uint64, dst []Entry) int
	// Flush makes what was noted survive a kill of this process. It is called before messages are put on the wire.
	Flush() error
	// Reset starts both numbers again at 1.
	Reset() error
	Close() error
}

// DefaultRetain is how many messages a store keeps to be sent again unless it is told otherwise.
const DefaultRetain = 1_000_000

// arenaSize is how much room for bodies is taken at once.
const arenaSize = 64 << 10

// Memory is a store without a disk: its numbers end with the process.
type Memory struct {
	nextIn uint64
	first  uint64 // number of the oldest entry
	ring   []Entry
	start  int // index of the oldest entry
	count  int
	retain int
	arena  []byte
}

// NewMemory returns a store that keeps the latest messages, DefaultRetain of them where retain is not positive.
func NewMemory(retain int) *Memory {
	if retain <= 0 {
		retain = DefaultRetain
	}
	return &Memory{nextIn: 1, first: 1, retain: retain}
}

// Numbers implements Store.
func (s *Memory) Numbers() (nextIn, nextOut uint64) { return s.nextIn, s.first + uint64(s.count) }

// Append implements Store.
func (s *Memory) Append(timeNs int64, local bool, body []byte) error {
	if cap(s.arena)-len(s.arena) < len(body) {
		s.arena = make([]byte, 0, max(arenaSize, len(body)))
	}
	at := len(s.arena)
	s.arena = append(s.arena, body...)
	s.push(Entry{Seq: s.first + uint64(s.count), TimeNs: timeNs, Local: local, Body: s.arena[at:len(s.arena):len(s.arena)]})
	return nil
}

// push adds an entry in place of the oldest one where as many are kept as are to be.
func (s *Memory) push(e Entry) {
	if s.count == s.retain {
		s.ring[s.start] = e
		s.start = (s.start + 1) % s.count
		s.first++
		return
	}
	s.ring = append(s.ring, e) // start is 0 until the ring is full
	s.count++
}

// Received implements Store.
func (s *Memory) Received(nextIn uint64) error {
	s.nextIn = nextIn
	return nil
}

// Read implements Store.
func (s *Memory) Read(from uint64, dst []Entry) int {
	n := 0
	for ; n < len(dst) && from < s.first+uint64(s.count); n, from = n+1, from+1 {
		if from < s.first {
			dst[n] = Entry{Seq: from, Local: true}
			continue
		}
		dst[n] = s.ring[(s.start+int(from-s.first))%s.count]
	}
	return n
}

// Flush implements Store.
func (s *Memory) Flush() error { return nil }

// Reset implements Store.
func (s *Memory) Reset() error {
	*s = *NewMemory(s.retain)
	return nil
}

// Close implements Store.
func (s *Memory) Close() error { return nil }
