package neutral

import (
	"path/filepath"
	"testing"

	"uncross/internal/recorded"
)

// TestRealDays runs four days of the Shanghai exchange and a minute of six Coinbase products through the book alone and
// through the funded engine. The expected counts are those of the sets' own descriptions.
func TestRealDays(t *testing.T) {
	data := recorded.Dir(t)
	for _, set := range []struct {
		prefix   string
		commands uint64
		trades   uint64
		cancels  uint64
		auctions uint64
		snaps    [2]uint64 // equal, counted
	}{
		{"sse_order_by_order/600519_20230207", 58432, 18685, 14152, 2, [2]uint64{4864, 4865}},
		{"sse_order_by_order/600761_20230711", 46127, 24760, 8816, 2, [2]uint64{}},
		{"sse_order_by_order/601825_20230711", 11236, 5370, 1997, 2, [2]uint64{}},
		{"sse_order_by_order/605580_20230711", 33993, 16996, 7108, 2, [2]uint64{}},
		{"coinbase_full_20180325/BTC-USD", 5922, 163, 2659, 0, [2]uint64{}},
		{"coinbase_full_20180325/ETH-USD", 3549, 26, 1593, 0, [2]uint64{}},
		{"coinbase_full_20180325/BCH-EUR", 1591, 0, 239, 0, [2]uint64{}},
		{"coinbase_full_20180325/ETH-BTC", 1422, 0, 672, 0, [2]uint64{}},
		{"coinbase_full_20180325/BCH-BTC", 701, 0, 333, 0, [2]uint64{}},
		{"coinbase_full_20180325/LTC-EUR", 270, 6, 112, 0, [2]uint64{}},
	} {
		for _, d := range drivers {
			t.Run(filepath.Base(set.prefix)+"/"+d.name, func(t *testing.T) {
				r := runSet(t, filepath.Join(data, set.prefix), d.make)
				if !r.OK() {
					t.Errorf("first difference: %s", r.First)
				}
				if r.Commands != set.commands || r.Trades != (Count{set.trades, set.trades}) || r.Extra != 0 ||
					r.Cancels != (Count{set.cancels, set.cancels}) || r.Auctions != (Count{set.auctions, set.auctions}) {
					t.Errorf("counts %+v, expected %+v", r, set)
				}
				if s := r.Snapshots; s.Equal != set.snaps[0] || s.Counted != set.snaps[1] || s.Others.Equal != s.Others.Total {
					t.Errorf("snapshots %+v, expected %d of %d", s, set.snaps[0], set.snaps[1])
				}
			})
		}
	}
}
