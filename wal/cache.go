package wal

// cache holds the newest records, contiguous up to the log's last index, so
// that replication and apply seldom read from Pebble. It is bounded by bytes,
// drops its oldest records first, and keeps what is left when the head of the
// log is truncated. Records are immutable: they may be handed out and outlive
// their place in the cache. The caller locks.
type cache struct {
	recs  [][]byte // recs[i] is the record at first+i
	first uint64
	bytes int
	limit int
}

func (c *cache) get(index uint64) []byte {
	if index < c.first || index-c.first >= uint64(len(c.recs)) {
		return nil
	}
	return c.recs[index-c.first]
}

// push appends the record at index, which must follow the last one held;
// otherwise the cache starts anew.
func (c *cache) push(index uint64, rec []byte) {
	if index != c.first+uint64(len(c.recs)) {
		c.clear()
	}
	if len(c.recs) == 0 {
		c.first = index
	}
	c.recs = append(c.recs, rec)
	c.bytes += len(rec)
	for c.bytes > c.limit && len(c.recs) > 0 {
		c.popFront()
	}
}

func (c *cache) popFront() {
	c.bytes -= len(c.recs[0])
	c.recs[0] = nil
	c.recs = c.recs[1:]
	c.first++
}

// truncateHead drops the records before first.
func (c *cache) truncateHead(first uint64) {
	for len(c.recs) > 0 && c.first < first {
		c.popFront()
	}
}

// truncateTail drops the records after last.
func (c *cache) truncateTail(last uint64) {
	for n := len(c.recs); n > 0 && c.first+uint64(n)-1 > last; n = len(c.recs) {
		c.bytes -= len(c.recs[n-1])
		c.recs[n-1] = nil
		c.recs = c.recs[:n-1]
	}
}

func (c *cache) clear() {
	c.recs, c.first, c.bytes = nil, 0, 0
}
