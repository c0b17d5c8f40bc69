package remote

import (
	"context"
	"time"

	"uncross/internal/neutral"
)

// Pace sends a recording at a multiple of the speed at which it was recorded.
type Pace struct {
	Speed   float64            // 10: ten times as fast as it was
	Silence time.Duration      // of the recording's time: longer silences, such as a lunch break, are cut to it; 0: none are
	Clock   func(timeMs int64) // is told the recording's time with every command; nil: nobody
}

// together is how much earlier than its time a command may go, so that those that came close together go together.
const together = 20 * time.Millisecond

// pacer is where a run is in its recording.
type pacer struct {
	start time.Time     // when the first command went
	began bool          // one has gone
	last  int64         // time_ms of the latest command
	gone  time.Duration // of the recording's time, without what was cut
}

// wait waits until it is a command's time. What waits to be sent is sent before.
func (r *Run) wait(ctx context.Context, c *neutral.Command) error {
	p := r.Pace
	if p == nil {
		return nil
	}
	due := r.pacer.due(p, c.TimeMs)
	if p.Clock != nil {
		p.Clock(c.TimeMs)
	}
	left := time.Until(due)
	if p.Speed <= 0 || left <= together {
		return nil
	}
	if err := r.desk.settle(ctx); err != nil {
		return err
	}
	t := time.NewTimer(time.Until(due))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// due returns when a command of that time is to go.
func (p *pacer) due(set *Pace, timeMs int64) time.Time {
	if !p.began {
		p.began, p.start, p.last = true, time.Now(), timeMs
	}
	step := time.Duration(timeMs-p.last) * time.Millisecond
	if set.Silence > 0 {
		step = min(step, set.Silence)
	}
	p.last, p.gone = timeMs, p.gone+max(step, 0)
	if set.Speed <= 0 {
		return p.start
	}
	return p.start.Add(time.Duration(float64(p.gone) / set.Speed))
}
