package flow

// random is java.util.Random: a linear congruential generator of 48 bits.
type random struct{ state uint64 }

const (
	multiplier = 0x5DEECE66D
	increment  = 0xB
	stateMask  = 1<<48 - 1
)

func newRandom(seed int64) *random { return &random{(uint64(seed) ^ multiplier) & stateMask} }

// next returns the given number of random bits, as the signed value that Java makes of them.
func (r *random) next(bits uint) int32 {
	r.state = (r.state*multiplier + increment) & stateMask
	return int32(r.state >> (48 - bits))
}

// intn is Java's nextInt(bound).
func (r *random) intn(bound int32) int32 {
	v := r.next(31)
	if bound&(bound-1) == 0 {
		return int32(int64(bound) * int64(v) >> 31)
	}
	for u := v; ; u = r.next(31) {
		v = u % bound
		if u-v+(bound-1) >= 0 { // overflows where the last, incomplete run of remainders begins
			return v
		}
	}
}

// float64 is Java's nextDouble.
func (r *random) float64() float64 {
	high := int64(r.next(26)) << 27
	return float64(high+int64(r.next(27))) * 0x1p-53
}
