package http

import (
	"net/netip"
	"sync"
	"time"
)

// bucket is a token bucket: rate tokens per second, at most size of them. Its owner's lock guards it.
type bucket struct {
	tokens float64
	last   time.Time
}

// take removes n tokens, and reports false and removes none when there are fewer.
func (b *bucket) take(now time.Time, n, rate, size int) bool {
	if passed := now.Sub(b.last); passed > 0 {
		b.tokens = min(b.tokens+passed.Seconds()*float64(rate), float64(size))
		b.last = now
	}
	if b.tokens < float64(n) {
		return false
	}
	b.tokens -= float64(n)
	return true
}

// full reports whether the bucket is as if it were new.
func (b *bucket) full(now time.Time, rate, size int) bool {
	return b.tokens+now.Sub(b.last).Seconds()*float64(rate) >= float64(size)
}

// throttle keeps one bucket per key, for a bounded number of keys.
type throttle[K comparable] struct {
	mu         sync.Mutex
	buckets    map[K]*bucket
	rate, size int
	most       int // keys; beyond, those at rest are forgotten first, then all
}

func newThrottle[K comparable](rate, size, most int) *throttle[K] {
	return &throttle[K]{buckets: map[K]*bucket{}, rate: rate, size: size, most: most}
}

// take removes n tokens of key's bucket, and reports false when there are fewer.
func (t *throttle[K]) take(key K, now time.Time, n int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.buckets[key]
	if b == nil {
		if len(t.buckets) >= t.most {
			t.forgetRested(now)
		}
		if len(t.buckets) >= t.most {
			clear(t.buckets)
		}
		b = &bucket{tokens: float64(t.size), last: now}
		t.buckets[key] = b
	}
	return b.take(now, n, t.rate, t.size)
}

// purge forgets the keys whose buckets are as if new.
func (t *throttle[K]) purge(now time.Time) {
	t.mu.Lock()
	t.forgetRested(now)
	t.mu.Unlock()
}

func (t *throttle[K]) forgetRested(now time.Time) {
	for k, b := range t.buckets {
		if b.full(now, t.rate, t.size) {
			delete(t.buckets, k)
		}
	}
}

// waits counts the commands of each session that wait for their answers.
type waits struct {
	mu   sync.Mutex
	open map[string]int
}

// add takes n places of session's, and reports false when there are fewer left of most.
func (w *waits) add(session string, n, most int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open[session]+n > most {
		return false
	}
	w.open[session] += n
	return true
}

// sub gives n places back.
func (w *waits) sub(session string, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open[session] -= n; w.open[session] <= 0 {
		delete(w.open, session)
	}
}

// addressOf is the key under which an address is throttled: an IPv6 host has a whole /64 to change within.
func addressOf(a netip.Addr) netip.Addr {
	a = a.Unmap()
	if a.Is6() {
		if p, err := a.WithZone("").Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}
