package bench

import (
	"context"
	"fmt"

	"uncross/bench/flow"
)

// subject is a thing under measurement, together with the commands that it is to apply, in the form that it takes.
type subject interface {
	name() string
	reset()               // starts anew and applies the fill; not measured
	run(from, to int) int // applies commands from..to-1 of the bench phase and returns the trades that they made
	trades(t *flow.Tally) // adds the trades of the last run, which must have been of one command
	kind(i int) flow.Kind // of command i
}

// check applies the whole flow to every subject and compares the trades with the generator's.
func check(ctx context.Context, f *flow.Flow, subjects []subject, p *progress) error {
	n := len(f.Bench())
	for _, s := range subjects {
		s.reset()
		var t flow.Tally
		for i := range n {
			if s.run(i, i+1) > 0 {
				s.trades(&t)
			}
			if i%(1<<16) == 0 {
				p.show("%s: checking trades, %d%%", s.name(), 100*i/n)
				if err := ctx.Err(); err != nil {
					return err
				}
			}
		}
		if t != f.Trades {
			return fmt.Errorf("%s does not make the flow's trades: it made %v, the generator %v", s.name(), t, f.Trades)
		}
	}
	return nil
}

// nothing does no work. On the schedule of a latency run it shows what the machine itself adds: interrupts, other
// processes, the clock.
type nothing struct{}

func (nothing) name() string         { return "(no work)" }
func (nothing) reset()               {}
func (nothing) run(from, to int) int { return 0 }
func (nothing) trades(*flow.Tally)   {}
func (nothing) kind(int) flow.Kind   { return 0 }
