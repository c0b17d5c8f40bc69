package bench

import (
	"uncross/bench/flow"
	"uncross/engine"
	"uncross/engine/wire"
)

// engineSubject is package engine: the whole state machine, without log or network.
type engineSubject struct {
	title  string
	flow   *flow.Flow
	day    day
	engine *engine.Engine
	events []wire.Event // of the last command
}

func (s *engineSubject) name() string         { return s.title }
func (s *engineSubject) kind(i int) flow.Kind { return s.flow.Bench()[i].Kind }

func (s *engineSubject) reset() {
	s.engine = engine.New()
	s.apply(s.day.before)
}

func (s *engineSubject) run(from, to int) int { return s.apply(s.day.bench[from:to]) }

func (s *engineSubject) apply(commands []wire.Command) (trades int) {
	for i := range commands {
		s.events = s.engine.Apply(&commands[i], s.events[:0])
		for j := range s.events {
			if s.events[j].Kind == wire.EvTrade {
				trades++
			}
		}
	}
	return trades
}

func (s *engineSubject) trades(t *flow.Tally) {
	for i := range s.events {
		if s.events[i].Kind == wire.EvTrade {
			tallyTrade(t, &s.events[i])
		}
	}
}
