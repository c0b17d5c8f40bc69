package candles

import "time"

// Interval is the length of a candle. Its numbers are part of the format of stored candles and never change.
type Interval uint8

// The intervals, shortest first.
const (
	S1  Interval = 1
	S5  Interval = 2
	S15 Interval = 3
	M1  Interval = 4
	M5  Interval = 5
	M15 Interval = 6
	M30 Interval = 7
	H1  Interval = 8
	H4  Interval = 9
	D1  Interval = 10
)

// Count is how many intervals there are.
const Count = 10

var intervals = [Count]struct {
	name   string
	length time.Duration
}{
	{"1s", time.Second}, {"5s", 5 * time.Second}, {"15s", 15 * time.Second},
	{"1m", time.Minute}, {"5m", 5 * time.Minute}, {"15m", 15 * time.Minute}, {"30m", 30 * time.Minute},
	{"1h", time.Hour}, {"4h", 4 * time.Hour}, {"1d", 24 * time.Hour},
}

// Intervals returns every interval, shortest first.
func Intervals() []Interval { return []Interval{S1, S5, S15, M1, M5, M15, M30, H1, H4, D1} }

// Parse returns the interval of a name such as "5m", and false where there is none of that name.
func Parse(name string) (Interval, bool) {
	for i := range intervals {
		if intervals[i].name == name {
			return Interval(i + 1), true
		}
	}
	return 0, false
}

// Valid reports whether i is one of the intervals.
func (i Interval) Valid() bool { return i >= S1 && i <= D1 }

// Index returns the place of the interval among all, from 0.
func (i Interval) Index() int { return int(i) - 1 }

// String returns "1s", "5s" … "1d".
func (i Interval) String() string {
	if !i.Valid() {
		return "invalid"
	}
	return intervals[i.Index()].name
}

// Duration returns the interval's length. The interval must be valid.
func (i Interval) Duration() time.Duration { return intervals[i.Index()].length }

// Start returns the beginning of the bucket that a time is in, both in nanoseconds since the Unix epoch. The interval must
// be valid.
func (i Interval) Start(ns int64) int64 { return floor(ns, int64(i.Duration())) }

// End returns the end of the bucket that begins at start: the first time that is not in it.
func (i Interval) End(start int64) int64 { return start + int64(i.Duration()) }

// floor returns the greatest multiple of step that is not above n.
func floor(n, step int64) int64 {
	r := n % step
	if r < 0 {
		r += step
	}
	return n - r
}
