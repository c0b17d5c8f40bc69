package neutral

import (
	"fmt"
	"strings"
)

// snapshotHeader is n,time_ms,phase,num_trades,volume,last_e4,b1_px,b1_qty … b10_qty,a1_px … a10_qty.
var snapshotHeader = func() string {
	cols := []string{"n", "time_ms", "phase", "num_trades", "volume", "last_e4"}
	for _, side := range []string{"b", "a"} {
		for i := 1; i <= SnapshotDepth; i++ {
			cols = append(cols, fmt.Sprintf("%s%d_px", side, i), fmt.Sprintf("%s%d_qty", side, i))
		}
	}
	return strings.Join(cols, ",")
}()

// Snapshots reads a snapshots file.
type Snapshots struct {
	t    *table
	last uint64
}

// OpenSnapshots opens the snapshots file of a set, plain or gzip. The error is fs.ErrNotExist when the set has none.
func OpenSnapshots(prefix string) (*Snapshots, error) {
	t, err := openTable(prefix+".snapshots", snapshotHeader)
	if err != nil {
		return nil, err
	}
	return &Snapshots{t: t}, nil
}

// Close closes the file.
func (r *Snapshots) Close() { r.t.close() }

// Next reads the next snapshot into s, or returns io.EOF at the end. Any other error names file and line.
func (r *Snapshots) Next(s *Snapshot) error {
	t := r.t
	if err := t.row(); err != nil {
		return err
	}
	*s = Snapshot{LineNum: t.line}
	if t.fields[0] != "" {
		n, err := t.positive(0, "n")
		if err != nil {
			return err
		}
		if s.N = uint64(n); s.N < r.last {
			return t.errorf("n is %d after %d: snapshots come in the order of their commands", s.N, r.last)
		}
		r.last = s.N
	}
	var v [5]int64
	for i, name := range [5]string{"time_ms", "phase", "num_trades", "volume", "last_e4"} {
		var err error
		if v[i], err = t.whole(1+i, name); err != nil {
			return err
		}
	}
	s.Phase, s.Trades = int(v[1]), uint64(v[2])
	if err := r.side(&s.Bids, 6, "bid"); err != nil {
		return err
	}
	return r.side(&s.Asks, 6+2*SnapshotDepth, "ask")
}

func (r *Snapshots) side(levels *[SnapshotDepth]Level, col int, name string) (err error) {
	for i := range levels {
		if levels[i].Price, err = r.t.whole(col+2*i, fmt.Sprintf("%s price %d", name, i+1)); err != nil {
			return err
		}
		if levels[i].Qty, err = r.t.whole(col+2*i+1, fmt.Sprintf("%s quantity %d", name, i+1)); err != nil {
			return err
		}
	}
	return nil
}
