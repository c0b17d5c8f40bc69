package slab

// Entry is a key with its handle.
type Entry struct {
	Key uint64
	H   Handle
}

// partBuckets is how many buckets Fill works on at a time: 256 KiB, which stay in a processor's cache.
const partBuckets = 1 << 12

// Fill puts entries into an empty index as Put would, one after the other, and calls replaced, which may be nil, with an
// entry's handle and the one of the same key that it replaces. Where Put would wait for memory with each key, Fill goes
// through the table part by part. It takes 16 bytes of memory for each entry meanwhile.
func (x *Index) Fill(entries []Entry, replaced func(h, was Handle)) {
	if x.count > 0 {
		panic("slab: only an empty index can be filled")
	}
	for x.n*bucketKeys < 2*uint64(len(entries)) {
		x.addBucket()
	}
	for _, e := range x.parted(entries) {
		if was := x.Put(e.Key, e.H); was != 0 && replaced != nil {
			replaced(e.H, was)
		}
	}
}

// parted returns the entries by the parts of the table that they belong to, those of one part in the order in which they came.
func (x *Index) parted(entries []Entry) []Entry {
	next := make([]int, x.n/partBuckets+2) // where the next entry of each part goes, one to the left of its part's number
	for _, e := range entries {
		next[x.number(e.Key)/partBuckets+1]++
	}
	for i := range next[1:] {
		next[i+1] += next[i]
	}
	all := make([]Entry, len(entries))
	for _, e := range entries {
		at := &next[x.number(e.Key)/partBuckets]
		all[*at] = e
		*at++
	}
	return all
}
