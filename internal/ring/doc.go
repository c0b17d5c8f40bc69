// Package ring holds the bounded rings that carry commands into the engine and events out of it.
//
// Threading: an MPSC has any number of producers and one consumer; a Broadcast has one producer and any number of
// readers, each reader used by one goroutine at a time.
//
//	producers ─┬▶ TryPush ─▶ [ MPSC ] ─▶ Drain ─▶ one consumer
//	           └▶ (full: refused at once, nobody blocks)
//
//	one producer ─▶ Publish ─▶ [ Broadcast ] ─┬▶ Read  lossless reader: the producer waits for it
//	                                          └▶ Read  lossy reader: overrun, and told how many it lost
//
// Invariants: nothing grows beyond the stated capacity; values of one producer come out in the order in which they went
// in; a side that sleeps is always woken (see parker); a value is copied in and copied out, so that it should be a plain
// struct without pointers. The rings know nothing of what the values mean.
package ring

// cacheLine keeps values that different cores write apart from each other: two lines of 64 bytes, because processors
// fetch lines in pairs.
const cacheLine = 128

// pad is put between fields that different goroutines write.
type pad [cacheLine]byte

// checkCapacity panics unless n is a power of two, at least 2.
func checkCapacity(n int) {
	if n < 2 || n&(n-1) != 0 {
		panic("ring: the capacity must be a power of two, at least 2")
	}
}
