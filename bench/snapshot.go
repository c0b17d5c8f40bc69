package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/cespare/xxhash/v2"
	"github.com/hashicorp/raft"

	"uncross/engine"
	"uncross/engine/wire"
	"uncross/replication"
)

// SnapshotOptions of a measurement. The zero value of a field stands for its default.
type SnapshotOptions struct {
	Options
	Orders      int // open orders; default 1,000,000
	Accounts    int // default 20,000
	Instruments int // default 8; at least 2
	Batch       int // commands in a batch that is applied; default 256
}

func (o SnapshotOptions) withDefaults() SnapshotOptions {
	o.Options = o.Options.withDefaults(50_000)
	if o.Orders <= 0 {
		o.Orders = 1_000_000
	}
	if o.Accounts <= 0 {
		o.Accounts = 20_000
	}
	if o.Instruments < 2 {
		o.Instruments = 8
	}
	if o.Batch <= 0 {
		o.Batch = 256
	}
	return o
}

// Snapshot measures the snapshot of a state with many open orders: what it adds to the time that batches take beside it,
// how long it takes to be written and to be restored, and its size. It writes the figures to w.
func Snapshot(ctx context.Context, w io.Writer, o SnapshotOptions) (err error) {
	o = o.withDefaults()
	p := newProgress(o.Progress)
	defer p.clear()
	fmt.Fprintln(w, "uncross bench snapshot: the snapshot of a state with many open orders, taken while batches are applied, and its restore")
	printMachine(w)
	printLoad(w, "at the start")
	s := &snapshotter{o: o, h: newHeavy(o.Accounts, o.Instruments), e: engine.New()}
	start := time.Now()
	if err := s.h.fill(s.e, o.Orders, func(open int) { p.show("snapshot: %s of %s orders", thousands(open), thousands(o.Orders)) }); err != nil {
		return err
	}
	p.clear()
	fmt.Fprintf(w, "state     %s open orders of %s accounts in %d instruments; every request had a client id, a UUID; made in %v\n",
		thousands(o.Orders), thousands(o.Accounts), o.Instruments, round(time.Since(start)))
	fmt.Fprintf(w, `flow      batches of %d commands on a schedule of %s commands a second: 40 %% new orders, 40 %% cancels, 15 %% replaces, 5 %% that
          trade, each of any account and any order: as many pages as can be are touched
method    one thread applies batches, from when each was due on the schedule (late counts), and calls Freeze between two; another
          goroutine writes the image into the snapshot store (checksum, file, fsync), releases it, and later reads it back
`, o.Batch, rate(float64(o.Rates[0])))
	if err := printDisk(w, o.Dir); err != nil {
		return err
	}
	if s.dir, err = os.MkdirTemp(o.Dir, "uncross-bench-*"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(s.dir)) }()
	if s.store, err = replication.OpenSnapshots(s.dir, 1); err != nil {
		return err
	}
	var runs []*snapshotRun
	profile, err := profiled(func() error {
		for n := range o.Repeats {
			p.show("snapshot: repetition %d of %d", n+1, o.Repeats)
			r, err := s.run(ctx)
			if err != nil {
				return err
			}
			runs = append(runs, r)
		}
		return nil
	})
	if err != nil {
		return err
	}
	p.clear()
	printSnapshotRuns(w, runs)
	fmt.Fprintln(w)
	printLoad(w, "at the end")
	return saveProfile(profile, o.Profile)
}

// spin is how long before a batch is due the thread is awake and looks at the clock.
const spin = 200 * time.Microsecond

// snapshotter is a state of which snapshots are taken.
type snapshotter struct {
	o     SnapshotOptions
	h     *heavy
	e     *engine.Engine
	dir   string
	store *replication.SnapshotStore
	out   []wire.Event
}

// windowTimes are the times of the batches in one part of a run.
type windowTimes struct {
	late *hdrhistogram.Histogram // from when a batch was due until it was applied
	took *hdrhistogram.Histogram // applying it
	cpu  *hdrhistogram.Histogram // processor time of that
}

func newWindowTimes() *windowTimes {
	return &windowTimes{newHistogram(), newHistogram(), newHistogram()}
}

// snapshotRun is what came of one repetition.
type snapshotRun struct {
	freeze, freezeCPU     time.Duration
	first, firstCPU       time.Duration // the batch after the Freeze
	quiet, writing, after *windowTimes
	gcs                   uint32
	write                 time.Duration // of the image, until it is durable
	size                  int64
	orders, requests      int

	open, restore       time.Duration // with its checksum from the file, and the engine from that
	alone, aloneCPU     time.Duration // from bytes, on one goroutine
	memory, memoryCPU   time.Duration // on two
	image, piece        time.Duration // AppendImage, and its longest call
	imageCPU, openedCPU time.Duration // of AppendImage, and of open and restore
	events              int

	copied, summed, synced, loaded time.Duration // the same bytes: memcpy, XXH64, write and fsync, read back
}

// added returns how much longer than the middle of the quiet ones the longest batch from the Freeze on took.
func (r *snapshotRun) added(of func(*windowTimes) *hdrhistogram.Histogram) time.Duration {
	worst := max(of(r.writing).Max(), of(r.after).Max())
	return max(0, time.Duration(worst-of(r.quiet).ValueAtQuantile(50)))
}

func tookOf(w *windowTimes) *hdrhistogram.Histogram { return w.took }
func cpuOf(w *windowTimes) *hdrhistogram.Histogram  { return w.cpu }

// written is what the writing goroutine says.
type written struct {
	took time.Duration
	size int64
	err  error
}

func (s *snapshotter) run(ctx context.Context) (*snapshotRun, error) {
	r := &snapshotRun{quiet: newWindowTimes(), writing: newWindowTimes(), after: newWindowTimes()}
	if err := s.applyAndSnapshot(ctx, r); err != nil {
		return nil, err
	}
	if err := errors.Join(ctx.Err(), s.read(r)); err != nil {
		return nil, err
	}
	s.appendImage(r)
	return r, ctx.Err()
}

// applyAndSnapshot applies batches on the schedule: some in quiet, then from the Freeze on until the image is on disk, and
// then some more.
func (s *snapshotter) applyAndSnapshot(ctx context.Context, r *snapshotRun) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)

	between := time.Duration(float64(s.o.Batch) * 1e9 / float64(s.o.Rates[0]))
	quiet := max(1, int(s.o.Seconds*float64(time.Second)/float64(between)))
	done := make(chan written, 1)
	w, start := r.quiet, time.Now()
	for i, end := 0, -1; i != end; i++ {
		batch := s.h.next(s.o.Batch)
		due := time.Duration(i) * between
		if wait := due - time.Since(start); wait > spin {
			sleepFor(wait - spin)
		}
		for time.Since(start) < due {
		}
		if i == quiet {
			cpu, at := threadCPU(), time.Now()
			img := s.e.Freeze()
			r.freeze, r.freezeCPU = time.Since(at), threadCPU()-cpu
			w = r.writing
			go func() { done <- s.write(img) }()
		}
		if err := s.apply(batch, w, start, due); err != nil {
			return err
		}
		if i == quiet {
			r.first, r.firstCPU = time.Duration(w.took.Max()), time.Duration(w.cpu.Max())
		}
		select {
		case said := <-done:
			if said.err != nil {
				return said.err
			}
			r.write, r.size = said.took, said.size
			w, end = r.after, i+quiet
		default:
		}
		if i%64 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
	}
	runtime.ReadMemStats(&after)
	r.gcs = after.NumGC - before.NumGC
	return nil
}

// apply applies one batch and records its times.
func (s *snapshotter) apply(batch []byte, w *windowTimes, start time.Time, due time.Duration) (err error) {
	was := s.e.Seq()
	cpu, at := threadCPU(), time.Now()
	s.out, err = s.e.ApplyBatch(batch, s.out[:0])
	took, used := time.Since(at), threadCPU()-cpu
	if err != nil || s.e.Seq() == was {
		return fmt.Errorf("a batch was not applied: %w", err)
	}
	record(w.late, int64(time.Since(start)-due))
	record(w.took, int64(took))
	record(w.cpu, int64(used))
	return nil
}

// write writes an image as a node does and releases it.
func (s *snapshotter) write(img *engine.Image) (r written) {
	defer img.Release()
	start := time.Now()
	sink, err := s.store.Create(1, img.Seq(), 1, raft.Configuration{}, 1, nil)
	if err != nil {
		return written{err: err}
	}
	if r.size, err = img.WriteTo(sink); err != nil {
		return written{err: errors.Join(err, sink.Cancel())}
	}
	r.err = sink.Close()
	r.took = time.Since(start)
	return r
}

// read reads the snapshot back from its file, makes an engine of it, and does the yardsticks with the same bytes.
func (s *snapshotter) read(r *snapshotRun) error {
	metas, err := s.store.List()
	if err != nil {
		return err
	}
	runtime.GC()
	cpu, start := processCPU(), time.Now()
	_, body, err := s.store.Open(metas[0].ID)
	r.open = time.Since(start)
	if err != nil {
		return err
	}
	start = time.Now()
	e, err := replication.RestoreEngine(body)
	r.restore, r.openedCPU = time.Since(start), processCPU()-cpu
	if err := errors.Join(err, body.Close()); err != nil {
		return err
	}
	r.orders, r.requests = e.OpenOrders(), e.Remembered()
	e = nil
	runtime.GC()
	if _, body, err = s.store.Open(metas[0].ID); err != nil {
		return err
	}
	b, err := io.ReadAll(body)
	if err := errors.Join(err, body.Close()); err != nil {
		return err
	}
	if err := r.restoreFrom(b); err != nil {
		return err
	}
	return r.yardsticks(b, s.dir)
}

// restoreFrom restores an engine from bytes in memory, on one goroutine and then on two.
func (r *snapshotRun) restoreFrom(b []byte) error {
	runtime.GC()
	start, cpu := time.Now(), processCPU()
	if _, err := engine.Restore(bytes.NewReader(b)); err != nil {
		return err
	}
	r.alone, r.aloneCPU = time.Since(start), processCPU()-cpu
	runtime.GC()
	start, cpu = time.Now(), processCPU()
	_, err := replication.RestoreEngine(bytes.NewReader(b))
	r.memory, r.memoryCPU = time.Since(start), processCPU()-cpu
	return err
}

// yardsticks does what the machine takes for the same bytes at least.
func (r *snapshotRun) yardsticks(b []byte, dir string) error {
	to := make([]byte, len(b))
	copy(to, b) // its memory is there then
	start := time.Now()
	copy(to, b)
	r.copied = time.Since(start)
	start = time.Now()
	xxhash.Sum64(b)
	r.summed = time.Since(start)

	f, err := os.CreateTemp(dir, "yardstick-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	start = time.Now()
	if _, err = f.Write(b); err == nil {
		err = f.Sync()
	}
	r.synced = time.Since(start)
	if err != nil {
		return err
	}
	start = time.Now()
	_, err = f.ReadAt(to, 0)
	r.loaded = time.Since(start)
	return err
}

// appendImage lets the engine give its whole state as events, as a node does when it starts.
func (s *snapshotter) appendImage(r *snapshotRun) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var c engine.ImageCursor
	out := make([]wire.Event, 0, 2*engine.ImagePiece)
	cpu := threadCPU()
	for more := true; more; {
		start := time.Now()
		out, more = s.e.AppendImage(&c, out[:0])
		took := time.Since(start)
		r.image += took
		r.piece = max(r.piece, took)
		r.events += len(out)
	}
	r.imageCPU = threadCPU() - cpu
}

func printSnapshotRuns(w io.Writer, runs []*snapshotRun) {
	fmt.Fprintf(w, "\npause: %d repetitions; added is how much longer the longest batch took from the Freeze on than the middle one before; CPU is the\n"+
		"thread's own time, in which other work on the machine has no part; of a restore it is that of all threads, the collector's too\n", len(runs))
	t := newTable(w)
	fmt.Fprintln(t, "\tmedian\tmin\tmax\t")
	row := func(name string, of func(*snapshotRun) time.Duration) {
		var v []float64
		for _, r := range runs {
			v = append(v, float64(of(r)))
		}
		fmt.Fprintf(t, "%s\t%v\t%v\t%v\t\n", name, round(time.Duration(median(v))), round(time.Duration(slices.Min(v))), round(time.Duration(slices.Max(v))))
	}
	row("Freeze", func(r *snapshotRun) time.Duration { return r.freeze })
	row("Freeze, CPU", func(r *snapshotRun) time.Duration { return r.freezeCPU })
	row("first batch after it", func(r *snapshotRun) time.Duration { return r.first })
	row("first batch, CPU", func(r *snapshotRun) time.Duration { return r.firstCPU })
	row("added to the longest batch", func(r *snapshotRun) time.Duration { return r.added(tookOf) })
	row("added, CPU", func(r *snapshotRun) time.Duration { return r.added(cpuOf) })
	row("pause: Freeze and added", func(r *snapshotRun) time.Duration { return r.freeze + r.added(tookOf) })
	row("pause, CPU", func(r *snapshotRun) time.Duration { return r.freezeCPU + r.added(cpuOf) })
	row("writing, until durable", func(r *snapshotRun) time.Duration { return r.write })
	row("opening, with checksum", func(r *snapshotRun) time.Duration { return r.open })
	row("Restore from the file", func(r *snapshotRun) time.Duration { return r.restore })
	row("both", func(r *snapshotRun) time.Duration { return r.open + r.restore })
	row("both, CPU of all threads", func(r *snapshotRun) time.Duration { return r.openedCPU })
	row("Restore from bytes, one goroutine", func(r *snapshotRun) time.Duration { return r.alone })
	row("Restore from bytes, one, CPU", func(r *snapshotRun) time.Duration { return r.aloneCPU })
	row("Restore from bytes", func(r *snapshotRun) time.Duration { return r.memory })
	row("Restore from bytes, CPU of all", func(r *snapshotRun) time.Duration { return r.memoryCPU })
	row("AppendImage, all", func(r *snapshotRun) time.Duration { return r.image })
	row("AppendImage, CPU", func(r *snapshotRun) time.Duration { return r.imageCPU })
	row("AppendImage, longest call", func(r *snapshotRun) time.Duration { return r.piece })
	row("the same bytes: memcpy", func(r *snapshotRun) time.Duration { return r.copied })
	row("the same bytes: XXH64", func(r *snapshotRun) time.Duration { return r.summed })
	row("the same bytes: write and fsync", func(r *snapshotRun) time.Duration { return r.synced })
	row("the same bytes: read back", func(r *snapshotRun) time.Duration { return r.loaded })
	t.Flush()

	last := runs[len(runs)-1]
	fmt.Fprintf(w, "  the last one has %s bytes: %s orders, %s remembered requests; %.0f bytes an order; its image has %s events\n",
		thousands(int(last.size)), thousands(last.orders), thousands(last.requests), float64(last.size)/float64(last.orders), thousands(last.events))
	fmt.Fprintln(w, "  the files are read from the system's cache")
	printWindows(w, runs)
}

// printWindows writes the batches' times of all repetitions together.
func printWindows(w io.Writer, runs []*snapshotRun) {
	fmt.Fprintln(w, "\nbatches, all repetitions together")
	t := newTable(w)
	fmt.Fprintln(t, "\t\tbatches\tp50\tp90\tp99\tp99.9\tmax\t")
	for _, part := range []struct {
		name string
		of   func(*snapshotRun) *windowTimes
	}{
		{"before", func(r *snapshotRun) *windowTimes { return r.quiet }},
		{"from the Freeze on", func(r *snapshotRun) *windowTimes { return r.writing }},
		{"after the release", func(r *snapshotRun) *windowTimes { return r.after }},
	} {
		all := newWindowTimes()
		for _, r := range runs {
			all.late.Merge(part.of(r).late)
			all.took.Merge(part.of(r).took)
			all.cpu.Merge(part.of(r).cpu)
		}
		for _, x := range []struct {
			name string
			h    *hdrhistogram.Histogram
		}{{"done after due", all.late}, {"applying", all.took}, {"CPU of that", all.cpu}} {
			fmt.Fprintf(t, "%s\t%s\t%s\t", part.name, x.name, thousands(int(x.h.TotalCount())))
			for _, q := range percentiles[:4] {
				fmt.Fprintf(t, "%v\t", round(time.Duration(x.h.ValueAtQuantile(q))))
			}
			fmt.Fprintf(t, "%v\t\n", round(time.Duration(x.h.Max())))
		}
	}
	t.Flush()
}
