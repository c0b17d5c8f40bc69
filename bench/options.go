package bench

import (
	"io"

	"uncross/bench/flow"
)

// Options of a measurement. The zero value of a field stands for its default.
type Options struct {
	Flow     flow.Config // default: flow.Standard
	Repeats  int         // repetitions of the throughput measurement; default 5
	Rates    []int       // commands a second of the latency runs; the default depends on what is measured
	Seconds  float64     // length of each latency run; default 2
	Profile  string      // file to write the CPU profile to, for go tool pprof; default: none
	Dir      string      // where the pipeline makes its temporary data directory; default: the system's
	Progress io.Writer   // one line that is written over, for a terminal; default: none
}

func (o Options) withDefaults(rates ...int) Options {
	if o.Flow == (flow.Config{}) {
		o.Flow = flow.Standard()
	}
	if o.Repeats <= 0 {
		o.Repeats = 5
	}
	if o.Seconds <= 0 {
		o.Seconds = 2
	}
	if len(o.Rates) == 0 {
		o.Rates = rates
	}
	return o
}
