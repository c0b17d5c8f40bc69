package bench

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"uncross/gateway/client"
	"uncross/internal/nodes"
)

// How a disk is made to hang.
const (
	hangSize = 512 << 20        // of the image; the file is sparse
	hangMost = 8 * time.Second  // that a disk hangs: then it is let go, also when this program has been killed
	hangEnd  = 10 * time.Second // for the process to have ended once its disk is let go
)

// guard starts a process that lets a disk go after hangMost, whatever becomes of this one, and returns what ends it.
func guard(d *nodes.Disk) (end func(), err error) {
	c := exec.Command("sh", "-c", fmt.Sprintf("sleep %d; exec fsfreeze -u \"$0\"", int(hangMost/time.Second)), d.Dir)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // and nothing that ends it with this process
	if err := c.Start(); err != nil {
		return nil, err
	}
	return func() {
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL) // with its sleep
		_ = c.Wait()
	}, nil
}

// hang measures how long clients get no answer when every write to the leader's disk hangs.
func (b *clusterBench) hang(ctx context.Context) (err error) {
	t, err := b.lay("hang", 3)
	if err != nil {
		return err
	}
	defer b.close(t)
	first := t.Nodes[0]
	disk, err := nodes.MakeDisk(filepath.Dir(first.Data), hangSize)
	if err != nil {
		b.p.clear()
		fmt.Fprintf(b.w, "\na disk that hangs: not measured: %v\n", err)
		return nil
	}
	defer func() {
		t.End()
		err = errors.Join(err, disk.Unmount())
	}()
	v, err := b.begin(ctx, t)
	if err != nil {
		return err
	}
	operator, err := client.New(client.Config{URLs: t.URLs(), Key: &v.Operator, Patience: nodes.Patience})
	if err != nil {
		return err
	}
	probe, err := startProber(ctx, t.URLs(), &v.Trader, v.Account, v.Symbol, "h")
	if err != nil {
		return err
	}
	var seen, led spans
	for i := range b.Hangs {
		b.p.show("hang: %d of %d", i+1, b.Hangs)
		gap, lead, err := b.hangOnce(ctx, t, disk, operator, probe)
		if err != nil {
			return errors.Join(err, probe.end())
		}
		seen, led = append(seen, gap), append(led, lead)
	}
	if err := probe.end(); err != nil {
		return err
	}
	b.p.clear()
	fmt.Fprintf(b.w, `
time without a leader when the leader's disk hangs: its data are on a file system of their own, of which every write hangs (fsfreeze);
  the disk time-out is the default, after which the node ends itself. The clients are those of a killed leader. They give up a node that has
  taken a request and says nothing after 3 s: the system keeps the connections of a process that hangs in a write, which cannot end
`)
	w := newTable(b.w)
	fmt.Fprintln(w, "\ttimes\tmedian\tp90\tworst\t")
	fmt.Fprintf(w, "from the last answer before to the first after\t%d\t%v\n", len(seen), seen)
	fmt.Fprintf(w, "until another node says that it leads\t%d\t%v\n", len(led), led)
	w.Flush()
	return b.account(ctx, t, &v, probe.series)
}

// hangOnce lets the disk of the first node hang while that leads, and lets it go when clients are answered again.
func (b *clusterBench) hangOnce(ctx context.Context, t *nodes.Venue, disk *nodes.Disk, operator *client.Client, probe *prober) (gap, lead time.Duration, err error) {
	first := t.Nodes[0]
	err = t.Await(ctx, first.Name+" to lead", func() bool {
		if first.Leads(ctx) {
			return true
		}
		_ = operator.Do(ctx, "POST", "/v1/admin/cluster/transfer", map[string]any{"node": first.Name}, nil) // it is tried again
		return first.Leads(ctx)
	})
	if err != nil {
		return 0, 0, err
	}
	time.Sleep(failoverPause)
	probe.forget()
	release, err := guard(disk)
	if err != nil {
		return 0, 0, err
	}
	led, watching := make(chan time.Duration, 1), context.Context(nil)
	watching, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := first.Signal(syscall.Signal(0))
	gap, err = probe.gap(ctx, func() error {
		begin := time.Now()
		go func() {
			for watching.Err() == nil {
				if t.Nodes[1].Leads(watching) || t.Nodes[2].Leads(watching) {
					led <- time.Since(begin)
					return
				}
				time.Sleep(nodes.Look)
			}
			led <- 0
		}()
		return disk.Freeze()
	})
	thawed := disk.Thaw()
	release()
	if err := errors.Join(err, ctx.Err()); err != nil {
		return 0, 0, err
	}
	cancel()
	lead = <-led
	select {
	case <-ended:
	case <-time.After(hangEnd):
		return 0, 0, fmt.Errorf("%s goes on although its disk hung for longer than its disk time-out (letting it go: %v)\n%s", first.Name, thawed, first.Tail())
	}
	return gap, lead, t.Up(ctx)
}
