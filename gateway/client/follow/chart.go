package follow

import "slices"

// MaxChart is how many candles a Chart remembers.
const MaxChart = 1440

// Chart is a copy of an instrument's latest candles of one interval.
type Chart struct {
	Instrument *Instrument
	Interval   string

	sequence uint64
	whole    bool
	candles  []Candle // by start
}

// Sequence returns the number of the command that changed a candle last.
func (c *Chart) Sequence() uint64 { return c.sequence }

// Candles returns the latest candles, oldest first, up to 1,440. It is the chart's own list: it holds until the next Apply.
func (c *Chart) Candles() []Candle { return c.candles }

// Apply takes the next message of the channel. Errors: ErrGap.
func (c *Chart) Apply(m *Message) error {
	if err := follows(m, c.whole, c.sequence); err != nil {
		c.whole = false
		return err
	}
	if m.Snapshot {
		c.candles = c.candles[:0]
	}
	c.Instrument, c.Interval, c.sequence, c.whole = m.Instrument, m.Interval, m.Sequence, true
	for _, n := range m.Candles {
		i, ok := slices.BinarySearchFunc(c.candles, n.StartNs, func(v Candle, start int64) int {
			switch {
			case v.StartNs < start:
				return -1
			case v.StartNs > start:
				return 1
			}
			return 0
		})
		if ok {
			c.candles[i] = n
		} else {
			c.candles = slices.Insert(c.candles, i, n)
		}
	}
	if over := len(c.candles) - MaxChart; over > 0 {
		c.candles = slices.Delete(c.candles, 0, over)
	}
	return nil
}

// Latest is the latest message of a channel whose messages each tell all: bbo, auction, status and statistics.
type Latest struct {
	Message Message
	whole   bool
}

// Apply takes the next message of the channel. Errors: ErrGap.
func (l *Latest) Apply(m *Message) error {
	if err := follows(m, l.whole, l.Message.Sequence); err != nil {
		l.whole = false
		return err
	}
	l.Message, l.whole = *m, true
	l.Message.Raw = nil
	return nil
}

// follows checks that an update continues what there is.
func follows(m *Message, whole bool, sequence uint64) error {
	if !m.Snapshot && (!whole || m.Previous != sequence) {
		return ErrGap
	}
	return nil
}
