package remote

import (
	"context"
	"fmt"
	"sync"

	"uncross/gateway/fix/initiator"
	"uncross/gateway/fix/message"
)

// dropCopy is a session that receives a copy of every report of the firm.
type dropCopy struct {
	session *initiator.Initiator
	mu      sync.Mutex
	execs   map[string]uint64 // as reportCheck's
	twice   string            // an ExecID that came twice, "" when there is none
}

func openDropCopy(f *FIX) (*dropCopy, error) {
	d := &dropCopy{execs: map[string]uint64{}}
	var err error
	d.session, err = initiator.Open(f.config(f.DropCopy, d.take, nil))
	return d, err
}

func (d *dropCopy) take(m *message.Message, repeat bool) {
	if m.Type() != message.ExecutionReport || repeat {
		return
	}
	r := parseReport(m, repeat)
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.execs[r.execID]; ok && d.twice == "" {
		d.twice = r.execID
	}
	d.execs[r.execID] = r.business
}

// compare waits until all copies are here and holds them against the reports.
func (d *dropCopy) compare(ctx context.Context, desk *fixDesk) error {
	limited, cancel := context.WithTimeout(ctx, desk.Patience)
	defer cancel()
	if err := d.session.RoundTrip(limited); err != nil {
		return fmt.Errorf("waiting for the drop copies: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	differ := func(format string, args ...any) {
		if desk.result.First == "" {
			desk.result.First = "drop copy: " + fmt.Sprintf(format, args...)
		}
	}
	if d.twice != "" {
		differ("ExecID %s came twice", d.twice)
	}
	desk.result.Copies = uint64(len(d.execs))
	for id, want := range desk.check.execs {
		switch got, ok := d.execs[id]; {
		case !ok:
			differ("ExecID %s is missing", id)
		case got != want:
			differ("ExecID %s is not as the trading session has it", id)
		}
	}
	if len(d.execs) != len(desk.check.execs) {
		differ("%d reports, the trading session has %d", len(d.execs), len(desk.check.execs))
	}
	return nil
}
