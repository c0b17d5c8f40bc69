package slab

import "math/bits"

const (
	bucketKeys = 5  // keys in a bucket: one bucket fills a cache line of 64 bytes
	bucketPage = 64 // buckets in a page of the table
)

// bucket holds up to bucketKeys keys and their handles; a used place has a handle other than 0, and the used places come
// first. next is the overflow bucket of the chain, in Index.over.
type bucket struct {
	keys [bucketKeys]uint64
	vals [bucketKeys]Handle
	next Handle
}

// Index maps 64-bit keys to handles. The zero Index is empty and ready for use.
//
// It is a linear hash table: with n buckets, 2^k ≤ n < 2^(k+1), a key lives in the bucket of its low k+1 hash bits, or, where
// that bucket is not there yet, in the one of its low k bits. Growing by one bucket splits one chain. The hash is fixed, so it
// is the same on every machine; keys that a stranger may choose freely should be hashed by the caller first.
type Index struct {
	pages []*[bucketPage]bucket
	over  Slab[bucket] // overflow buckets
	n     uint64       // buckets in use
	mask  uint64       // 2^(k+1) − 1
	count int
}

// hashKey spreads the bits of a key (the finaliser of SplitMix64).
func hashKey(k uint64) uint64 {
	k = (k ^ k>>30) * 0xbf58476d1ce4e5b9
	k = (k ^ k>>27) * 0x94d049bb133111eb
	return k ^ k>>31
}

// Len returns the number of keys.
func (x *Index) Len() int { return x.count }

// number returns the number of the first bucket of the chain that the key belongs to.
func (x *Index) number(key uint64) uint64 {
	i := hashKey(key) & x.mask
	if i >= x.n {
		i &= x.mask >> 1
	}
	return i
}

// home returns that bucket.
func (x *Index) home(key uint64) *bucket { return x.bucket(x.number(key)) }

func (x *Index) bucket(i uint64) *bucket { return &x.pages[i/bucketPage][i%bucketPage] }

// Get returns the handle of key.
func (x *Index) Get(key uint64) (Handle, bool) {
	if x.count == 0 {
		return 0, false
	}
	for b := x.home(key); ; b = x.over.At(b.next) {
		for i := range b.keys {
			if b.keys[i] == key && b.vals[i] != 0 {
				return b.vals[i], true
			}
		}
		if b.next == 0 {
			return 0, false
		}
	}
}

// Put sets the handle of key and returns the one that it replaces, 0 where there is none. The handle must not be 0; any key
// may be used.
func (x *Index) Put(key uint64, h Handle) (was Handle) {
	if h == 0 {
		panic("slab: an index cannot hold handle 0")
	}
	if x.n == 0 {
		x.addBucket()
	}
	for b := x.home(key); ; b = x.over.Mut(b.next) {
		for i := range b.keys {
			if b.vals[i] == 0 { // the used places come first: key is not there
				b.keys[i], b.vals[i] = key, h
				x.added()
				return 0
			}
			if b.keys[i] == key {
				was, b.vals[i] = b.vals[i], h
				return was
			}
		}
		if b.next == 0 {
			b.next = x.newOverflow(key, h)
			x.added()
			return 0
		}
	}
}

// newOverflow returns an overflow bucket that holds one key.
func (x *Index) newOverflow(key uint64, h Handle) Handle {
	if x.over.mask == 0 {
		x.over.setPage(bucketPage)
	}
	o := x.over.Alloc()
	b := x.over.Mut(o)
	b.keys[0], b.vals[0] = key, h
	return o
}

// added counts a new key and keeps the load at no more than half of the places: more keys add one bucket.
func (x *Index) added() {
	x.count++
	if uint64(x.count)*2 > x.n*bucketKeys {
		x.split()
	}
}

// addBucket appends an empty bucket to the table.
func (x *Index) addBucket() {
	if x.n/bucketPage == uint64(len(x.pages)) {
		x.pages = append(x.pages, new([bucketPage]bucket))
	}
	x.n++
	x.mask = 1<<bits.Len64(x.n) - 1
}

// split adds one bucket and moves to it what belongs there from the one chain that it takes over from.
func (x *Index) split() {
	fresh := x.n
	old := fresh &^ (1 << (bits.Len64(fresh) - 1))
	x.addBucket()

	src := x.bucket(old)
	chain := *src
	*src = bucket{}
	for {
		for i := range chain.keys {
			if chain.vals[i] != 0 {
				x.place(chain.keys[i], chain.vals[i])
			}
		}
		o := chain.next
		if o == 0 {
			return
		}
		chain = *x.over.At(o)
		x.over.Free(o)
	}
}

// place puts a key that is known to be absent into its chain.
func (x *Index) place(key uint64, h Handle) {
	for b := x.home(key); ; b = x.over.Mut(b.next) {
		for i := range b.vals {
			if b.vals[i] == 0 {
				b.keys[i], b.vals[i] = key, h
				return
			}
		}
		if b.next == 0 {
			b.next = x.newOverflow(key, h)
			return
		}
	}
}

// Delete removes key and reports whether it was there. The last key of the chain takes its place, and an overflow bucket
// that becomes empty is given back.
func (x *Index) Delete(key uint64) bool {
	if x.count == 0 {
		return false
	}
	home := x.home(key)
	for b := home; ; b = x.over.Mut(b.next) {
		for i := range b.keys {
			if b.keys[i] == key && b.vals[i] != 0 {
				x.remove(home, b, i)
				x.count--
				return true
			}
		}
		if b.next == 0 {
			return false
		}
	}
}

// remove empties place i of bucket b, which is in the chain of home, by moving the chain's last key there.
func (x *Index) remove(home, b *bucket, i int) {
	last, before := home, (*bucket)(nil)
	for last.next != 0 {
		before, last = last, x.over.Mut(last.next)
	}
	j := bucketKeys - 1
	for last.vals[j] == 0 {
		j--
	}
	b.keys[i], b.vals[i] = last.keys[j], last.vals[j]
	last.keys[j], last.vals[j] = 0, 0
	if j == 0 && before != nil {
		x.over.Free(before.next)
		before.next = 0
	}
}
