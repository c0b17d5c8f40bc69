package foreign

import (
	"fmt"
	"time"

	"uncross/engine/wire"
)

// clock holds the times of a feed that counts from midnight against each other.
type clock struct{ last int64 }

// judge returns what is wrong with the time of the next message, "" where nothing is. A time is held against the one before it
// and not against the latest of all, so that one wrong time is one problem, whichever way it is wrong.
func (c *clock) judge(timeNs int64) (kind, text string) {
	if timeNs >= int64(24*time.Hour) {
		return "bad time", fmt.Sprintf("the time is %s, beyond the day", clockText(timeNs))
	}
	if timeNs < c.last {
		kind, text = "time goes back", fmt.Sprintf("the time is %s, behind %s", clockText(timeNs), clockText(c.last))
	}
	c.last = timeNs
	return kind, text
}

// clockText writes seconds, as LOBSTER does.
func clockText(timeNs int64) string { return decimal(wire.Price(timeNs), 9) }
