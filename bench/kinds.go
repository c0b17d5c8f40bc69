package bench

import (
	"context"
	"fmt"
	"io"
	"time"

	"uncross/bench/flow"
)

// class is a kind of command, apart by whether it traded.
type class struct {
	kind   flow.Kind
	traded bool
}

// spent is how often commands of a class came and how long they took.
type spent struct {
	count int
	ns    int64
}

// byKind times every command of its own, less the cost of the clock. The sum is above that of an undisturbed run.
func byKind(ctx context.Context, s subject, n int, p *progress) (map[class]spent, error) {
	p.show("%s: time by kind of command", s.name())
	clock := int64(clockCost())
	s.reset()
	times := make(map[class]spent)
	var table [flow.Move + 1][2]spent
	start := time.Now()
	for i := range n {
		begin := time.Since(start)
		traded := s.run(i, i+1) > 0
		took := max(int64(time.Since(start)-begin)-clock, 0)
		x := &table[s.kind(i)][b2i(traded)]
		x.count++
		x.ns += took
		if i%(1<<16) == 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
		}
	}
	for kind := range table {
		for traded, x := range table[kind] {
			if x.count > 0 {
				times[class{flow.Kind(kind), traded == 1}] = x
			}
		}
	}
	return times, nil
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func printKinds(w io.Writer, s subject, times map[class]spent) {
	var all spent
	for _, x := range times {
		all.count += x.count
		all.ns += x.ns
	}
	fmt.Fprintf(w, "\nwhere the time goes in %s, by kind of command (each timed alone, the clock's cost taken off)\n", s.name())
	t := newTable(w)
	fmt.Fprintln(t, "kind\tcommands\tshare\tns each\tshare of time\t")
	for kind := flow.NewGTC; kind <= flow.Move; kind++ {
		for _, traded := range []bool{false, true} {
			x, ok := times[class{kind, traded}]
			if !ok {
				continue
			}
			name := kind.String()
			if traded {
				name += ", trades"
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%.0f\t%s\t\n", name, thousands(x.count), percent(x.count, all.count), float64(x.ns)/float64(x.count), percent(int(x.ns), int(all.ns)))
		}
	}
	t.Flush()
}
