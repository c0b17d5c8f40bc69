package bench

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"uncross/internal/nodes"
)

const (
	diskLooks = 8
	// diskSnapshot is after how many bytes of log a snapshot is taken: sooner than by default, so that a short run has many.
	diskSnapshot = 16 << 20
)

// disk shows what a node's data take while it goes on, with the whole history and with a trimmed one.
func (b *clusterBench) disk(ctx context.Context) error {
	fmt.Fprintf(b.w, `
disk of one node (each of three has the same): orders by FIX, every second one trades; MB on disk, a snapshot after every %d MiB of log
`, diskSnapshot>>20)
	for _, r := range []struct {
		what  string
		flags []string
	}{
		{"the whole history is kept", nil},
		{fmt.Sprintf("--history-bytes %d", b.HistoryBytes), []string{"--history-bytes", strconv.FormatInt(b.HistoryBytes, 10)}},
	} {
		if err := b.diskRun(ctx, r.what, r.flags); err != nil {
			return err
		}
	}
	return nil
}

// Trimming looks once a minute, goes on beside the load at half of a core at most, and keeps the tables to within an eighth of the limit.
const (
	diskQuiet  = 5 * time.Minute
	diskTables = 8 * 36 << 20 // of the history's folder, beside its tables: what is not yet in them, and files that are kept to be used again
)

// awaitTrim waits until a history that is to be trimmed is, once nobody sends anything.
func (b *clusterBench) awaitTrim(ctx context.Context, n *nodes.Node, trims bool) error {
	if !trims {
		return nil
	}
	begin, was := time.Now(), sizesOf(n)["history"]
	for sizesOf(n)["history"] > b.HistoryBytes*9/8+diskTables {
		b.p.show("disk: the history is %d MB, waiting for it to be trimmed", sizesOf(n)["history"]/1e6)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Since(begin) > diskQuiet {
			fmt.Fprintf(b.w, "  the history is not down to its limit %v after the last order\n", diskQuiet)
			return nil
		}
		time.Sleep(time.Second)
	}
	if now := sizesOf(n)["history"]; now < was {
		fmt.Fprintf(b.w, "  the history is trimmed from %.0f to %.0f MB %v after the last order\n", float64(was)/1e6, float64(now)/1e6, time.Since(begin).Round(time.Second))
	}
	return nil
}

func (b *clusterBench) diskRun(ctx context.Context, what string, flags []string) error {
	t, err := b.lay("disk", 1, append([]string{"--snapshot-bytes", strconv.Itoa(diskSnapshot)}, flags...)...)
	if err != nil {
		return err
	}
	defer b.close(t)
	v, err := b.begin(ctx, t)
	if err != nil {
		return err
	}
	n := t.Nodes[0]
	v.FIX.Address = n.FIX
	c, err := openFIXClient(ctx, "one node", func(context.Context) (FIXEndpoint, error) { return v.FIX, nil })
	if err != nil {
		return err
	}
	defer c.close()
	w := newTable(b.w)
	fmt.Fprintf(w, "%s: commands", what)
	for _, f := range folders {
		fmt.Fprintf(w, "\t%s", f)
	}
	fmt.Fprintln(w, "\tentries of the log\tmemory\t")
	var first, last map[string]int64
	var from, to uint64
	for i := range diskLooks {
		b.p.show("disk: %s, %d of %d", what, i+1, diskLooks)
		if err := c.measure(ctx, &fixRun{want: max(2, b.Commands/diskLooks/2*2), window: b.Window}); err != nil {
			return err
		}
		s, err := t.Level(ctx)
		if err != nil {
			return err
		}
		last, to = sizesOf(n), s.Command
		if i == diskLooks/2-1 {
			first, from = last, to
		}
		memory, _ := memoryOf(n.PID())
		fmt.Fprintf(w, "%s", thousands(int(s.Command)))
		for _, f := range folders {
			fmt.Fprintf(w, "\t%.1f", float64(last[f])/1e6)
		}
		fmt.Fprintf(w, "\t%.1f\t%.0f\t\n", float64(s.Log.Bytes)/1e6, float64(memory)/1e6)
	}
	fmt.Fprint(w, "MB for a million commands more, second half")
	for _, f := range folders {
		fmt.Fprintf(w, "\t%.0f", float64(last[f]-first[f])/float64(to-from))
	}
	fmt.Fprintln(w, "\t\t\t")
	b.p.clear()
	w.Flush()
	return b.awaitTrim(ctx, n, flags != nil)
}
