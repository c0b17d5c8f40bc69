package traders

import (
	"sync"
	"time"

	"uncross/engine/wire"
)

// News knows the fair values, by the clock. Any goroutine may ask.
type News struct {
	start time.Time
	mu    sync.Mutex
	fairs map[string]*Fair
}

// NewNews returns values that begin at the last prices.
func NewNews(start time.Time, seed uint64, all []*Instrument, last []wire.Price) *News {
	n := &News{start: start, fairs: map[string]*Fair{}}
	for i, in := range all {
		n.fairs[in.Symbol] = NewFair(in, seed, last[i])
	}
	return n
}

// Fair returns the value of an instrument now, in ticks.
func (n *News) Fair(symbol string) float64 {
	step := int64(time.Since(n.start) / (time.Second / stepsPerSecond))
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.fairs[symbol].At(step)
}
