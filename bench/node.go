package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"uncross/bench/flow"
	"uncross/engine/wire"
	"uncross/internal/ring"
	"uncross/replication"
	"uncross/wal"
)

// Waiting times of the submitting goroutine.
const (
	busyPause = 50 * time.Microsecond // before a command is submitted again
	setUpTime = time.Minute           // for a new venue; more means that something is wrong
)

// pace says how many commands of the bench phase are submitted, and when.
type pace struct {
	count     int
	perSecond int                     // 0: as fast as they are taken
	done      *hdrhistogram.Histogram // nanoseconds from when a command was due until it was answered; nil: not measured
	sent      *hdrhistogram.Histogram // until it was submitted
}

// due returns when command i is due after the start.
func (p *pace) due(i int) time.Duration {
	return time.Duration(float64(i) * (1e9 / float64(p.perSecond)))
}

// nodeRun is what came of one run.
type nodeRun struct {
	sample
	trades    flow.Tally
	late      time.Duration // of the last answer
	busy      int
	entries   uint64 // of the log
	snapshots uint64
	encoded   int64 // bytes of the commands in the log
	written   int64 // bytes to disk; 0: not known
}

func (r *nodeRun) add(o nodeRun) {
	r.took += o.took
	r.mallocs += o.mallocs
	r.bytes += o.bytes
	r.gcs += o.gcs
	r.gcPauses += o.gcPauses
	r.gcWorst = max(r.gcWorst, o.gcWorst)
	r.busy += o.busy
	r.entries += o.entries
	r.snapshots += o.snapshots
	r.encoded += o.encoded
	r.written += o.written
}

// runNode makes a venue in a new directory below dir, sends it the day up to the bench phase, and then measures commands
// of that. The directory is removed again.
func runNode(ctx context.Context, d day, dir string, p pace) (r nodeRun, err error) {
	if dir, err = os.MkdirTemp(dir, "uncross-bench-*"); err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	v, err := openVenue(dir, len(d.before))
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, v.close()) }()
	if err := v.setUp(ctx, d.before); err != nil {
		return r, err
	}
	return v.measure(ctx, d.bench[:p.count], p)
}

// venue is a node with its log, and the goroutine that reads its events.
type venue struct {
	log      *wal.Store
	node     *replication.Node
	refused  atomic.Pointer[error] // the first command that was taken and not applied
	before   int                   // commands before the bench phase
	answered atomic.Int64          // commands, from the first one on
	end      chan struct{}         // the reader has ended

	// Set before the bench phase, used by the reader in it.
	pace   pace
	start  time.Time
	took   time.Duration
	trades flow.Tally
	late   time.Duration
	last   chan struct{} // closed with the last answer
}

func openVenue(dir string, before int) (*venue, error) {
	log, err := wal.Open(filepath.Join(dir, "log"), wal.Options{Logger: slog.New(slog.DiscardHandler), Fatal: func(err error) { panic(err) }})
	if err != nil {
		return nil, err
	}
	v := &venue{log: log, before: before, end: make(chan struct{}), last: make(chan struct{})}
	v.node, err = replication.Open(replication.Config{
		Log: log, SnapshotDir: filepath.Join(dir, "snapshots"),
		Refused: func(_ wire.Origin, err error) { v.refused.CompareAndSwap(nil, &err) },
		Fatal:   func(err error) { panic(err) },
	})
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	go v.read(v.node.Events().Reader("bench", true))
	if err := v.node.Start(); err != nil {
		return nil, errors.Join(err, v.close())
	}
	return v, nil
}

func (v *venue) close() error {
	err := v.node.Close()
	<-v.end
	return errors.Join(err, v.log.Close())
}

// setUp submits what comes before the bench phase and waits until it is answered.
func (v *venue) setUp(ctx context.Context, before []wire.Command) error {
	deadline := time.Now().Add(setUpTime)
	wait := func(done func() bool) error {
		for !done() {
			if err := errors.Join(ctx.Err(), v.refusal()); err != nil {
				return err
			}
			if time.Now().After(deadline) {
				return fmt.Errorf("the venue was not ready after %v", setUpTime)
			}
			time.Sleep(time.Millisecond)
		}
		return nil
	}
	if err := wait(v.node.Ready); err != nil {
		return err
	}
	for i := range before {
		if _, err := v.submit(&before[i]); err != nil {
			return err
		}
	}
	return wait(func() bool { return v.answered.Load() == int64(len(before)) })
}

// measure submits the commands at their pace and waits for the last answer.
func (v *venue) measure(ctx context.Context, commands []wire.Command, p pace) (r nodeRun, err error) {
	if len(commands) == 0 {
		return r, nil
	}
	v.pace = p
	status, disk := v.node.Status(), bytesWritten()
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	v.start = time.Now()
	for i := range commands {
		if p.perSecond > 0 {
			if wait := p.due(i) - time.Since(v.start); wait > 0 {
				time.Sleep(wait)
			}
		}
		busy, err := v.submit(&commands[i])
		if err != nil {
			return r, err
		}
		r.busy += busy
		r.encoded += int64(commands[i].EncodedSize())
		if p.sent != nil {
			record(p.sent, int64(time.Since(v.start)-p.due(i)))
		}
		if i%(1<<12) == 0 && ctx.Err() != nil {
			return r, ctx.Err()
		}
	}
	if err := v.awaitLast(ctx); err != nil {
		return r, err
	}
	runtime.ReadMemStats(&after)
	r.sample = difference(&before, &after, v.took)
	r.trades, r.late = v.trades, v.late
	now := v.node.Status()
	r.entries, r.snapshots = now.Batches-status.Batches, now.Snapshots-status.Snapshots
	r.written = bytesWritten() - disk
	return r, nil
}

func (v *venue) awaitLast(ctx context.Context) error {
	for {
		select {
		case <-v.last:
			return v.refusal()
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
			if err := v.refusal(); err != nil {
				return err
			}
		}
	}
}

func (v *venue) refusal() error {
	if p := v.refused.Load(); p != nil {
		return fmt.Errorf("a command was taken and not applied: %w", *p)
	}
	return nil
}

// submit submits one command, again and again while the node is busy, and returns how often it was.
func (v *venue) submit(c *wire.Command) (busy int, err error) {
	for {
		err := v.node.Submit(c)
		if !errors.Is(err, replication.ErrBusy) {
			return busy, err
		}
		busy++
		time.Sleep(busyPause)
	}
}

// read reads events until the ring is closed. The set-up publishes v.pace and v.start to it by submitting a command.
func (v *venue) read(r *ring.Reader[wire.Event]) {
	defer close(v.end)
	events := make([]wire.Event, 1024)
	answered := 0
	for {
		n, _, ok := r.Read(events, nil)
		if !ok {
			return
		}
		bench := answered >= v.before
		var now time.Duration
		if bench {
			now = time.Since(v.start)
		}
		for i := range events[:n] {
			e := &events[i]
			if e.Origin.Node == 0 {
				continue // the node's own
			}
			if bench && e.Kind == wire.EvTrade {
				tallyTrade(&v.trades, e)
			}
			if e.Flags&wire.FlagLast == 0 {
				continue
			}
			if bench {
				v.answer(answered-v.before, now)
			}
			answered++
		}
		v.answered.Store(int64(answered))
	}
}

// answer takes note of the answer to command i of the bench phase.
func (v *venue) answer(i int, now time.Duration) {
	if v.pace.done != nil {
		v.late = now - v.pace.due(i)
		record(v.pace.done, int64(v.late))
	}
	if i == v.pace.count-1 {
		v.took = now
		close(v.last)
	}
}
