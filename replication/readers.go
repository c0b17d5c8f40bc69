package replication

import (
	"fmt"
	"time"
)

// readerLooks is how many times in Config.ReaderTimeout the readers are looked at.
const readerLooks = 8

// watchReaders ends the node when the slowest lossless reader stands still for Config.ReaderTimeout with events before it. As in
// watchdog.run looks count, not time: in a process that was stopped nobody has moved, and everybody does soon. The image of a
// snapshot is events like any others.
func (n *Node) watchReaders() {
	slowest, at := n.events.Slowest()
	for looks := 0; looks < readerLooks; looks++ {
		select {
		case <-n.stop:
			return
		case <-time.After(n.cfg.ReaderTimeout / readerLooks):
		}
		if r, next := n.events.Slowest(); r == nil || r != slowest || next != at {
			slowest, at, looks = r, next, -1
		}
	}
	n.fatal(fmt.Errorf("%w: %q has read nothing for %s, with %d events before it: its disk hangs, or it has come to an end without a word",
		ErrReader, slowest.Name(), n.cfg.ReaderTimeout, slowest.Lag()))
}
