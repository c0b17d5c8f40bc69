package traders

import (
	"hash/fnv"
	"math"
	"math/rand/v2"

	"uncross/engine/wire"
)

// stepsPerSecond is how often a fair value moves.
const stepsPerSecond = 4

// What a fair value is made of, in seconds.
const (
	homewards  = 2400.0 // time in which it comes back most of the way
	trendLasts = 40.0   // a trend lasts about so long
	newsEvery  = 75.0   // a jump comes about so often
	trendPart  = 0.12   // of Sigma: usual trend in a second
	jumpPart   = 7.0    // of Sigma: usual jump
	farthest   = 0.25   // natural logarithm of the farthest value from home
)

// Fair is the value of an instrument over time: a random walk with trends and a jump now and then, which is drawn back to
// home, so that it never runs away. The same seed gives the same walk.
type Fair struct {
	home  float64 // ticks
	sigma float64 // of one step
	usual float64 // usual trend of one step
	rng   *rand.Rand
	step  int64
	x     float64 // logarithm of the value over home
	trend float64 // of one step
}

// newRand returns the random numbers of somebody's own.
func newRand(seed uint64, name string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(name))
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}

// NewFair returns the value of an instrument that begins at last, the price of its last trade, or at home where that is 0.
func NewFair(in *Instrument, seed uint64, last wire.Price) *Fair {
	f := &Fair{
		home: float64(in.HomePrice), sigma: in.Sigma / math.Sqrt(stepsPerSecond), usual: in.Sigma * trendPart / stepsPerSecond,
		rng: newRand(seed, "fair "+in.Symbol),
	}
	if last > 0 {
		f.x = limit(math.Log(float64(last)/f.home), farthest)
	}
	return f
}

func limit(x, most float64) float64 { return min(max(x, -most), most) }

// At returns the value in ticks at a step. Steps do not go back: an earlier one is answered with the latest value.
func (f *Fair) At(step int64) float64 {
	for ; f.step < step; f.step++ {
		f.move()
	}
	return f.home * math.Exp(f.x)
}

func (f *Fair) move() {
	const seconds = 1.0 / stepsPerSecond
	keeps := math.Exp(-seconds / trendLasts)
	f.trend = keeps*f.trend + math.Sqrt(1-keeps*keeps)*f.rng.NormFloat64()*f.usual
	f.x += f.trend + f.sigma*f.rng.NormFloat64() - f.x*seconds/homewards
	if f.rng.Float64() < seconds/newsEvery {
		f.x += f.sigma * math.Sqrt(stepsPerSecond) * jumpPart * f.rng.NormFloat64()
	}
	f.x = limit(f.x, farthest)
}
