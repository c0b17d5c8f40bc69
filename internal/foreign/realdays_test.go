package foreign

import (
	"path/filepath"
	"testing"

	"uncross/internal/recorded"
)

// The expected counts are those of the sets' own descriptions.

func TestRealLobster(t *testing.T) {
	prefix := filepath.Join(recorded.Dir(t), "lobster_20120621", "AMZN_2012-06-21_34200000_57600000_")
	l, err := OpenLobster(prefix+"message_5.csv.gz", prefix+"orderbook_5.csv.gz", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := l.Run(nil); err != nil {
		t.Fatal(err)
	}
	r := &l.Result
	if !r.OK() || r.Problems.Total() != 0 {
		t.Errorf("%s, problems %+v", r.First, r.Problems)
	}
	if r.Symbol != "AMZN" || r.Levels != 5 || r.Messages != 155935 || r.Rows != (Count{155934, 155934}) || r.Taken != 33840 {
		t.Errorf("book: %+v", r)
	}
	if r.Types != [8]uint64{0, 77381, 450, 66685, 8974, 2445, 0, 0} || r.Head != 7272 || r.Older != 1667 || r.Exceptions != 35 {
		t.Errorf("executions: %+v", r)
	}
	if err := l.Books().Validate(); err != nil {
		t.Error(err)
	}
}

func TestRealITCH(t *testing.T) {
	path := filepath.Join(recorded.Dir(t), "nasdaq_itch50_aapl_excerpt", "aapl_20191230_0935.itch50.gz")
	x, err := OpenITCH(path, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	if err := x.Run(nil); err != nil {
		t.Fatal(err)
	}
	r := &x.Result
	if !r.OK() || r.Problems.Total() != 0 {
		t.Errorf("%s, problems %+v", r.First, r.Problems)
	}
	types := [256]uint64{'A': 22121, 'F': 1, 'E': 2162, 'C': 4, 'X': 98, 'D': 24150, 'U': 1130, 'P': 281}
	if r.Messages != 49947 || r.Types != types || r.Unknown != [256]uint64{'E': 540, 'D': 3351, 'U': 67, 'X': 12} {
		t.Errorf("messages: %+v", r)
	}
	if r.Executions != (Count{1626, 1626}) || r.Crossing != 0 || r.Crossed != 0 || r.Instruments != 1 {
		t.Errorf("executions: %+v", r)
	}
	if k := x.Books().Book(13); k.Instrument().Symbol.String() != "AAPL" || k.Validate() != nil {
		t.Errorf("instrument %+v", k.Instrument())
	}
}

func runMBO(t *testing.T, path string, o MBOOptions) *MBO {
	t.Helper()
	m, err := OpenMBO(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	if err := m.Run(nil); err != nil {
		t.Fatal(err)
	}
	if err := m.Books().Validate(); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestRealMBOWithLevels(t *testing.T) {
	dir := filepath.Join(recorded.Dir(t), "databento_mbo_mbp10_arl_20250717")
	for _, unlinked := range []bool{false, true} {
		m := runMBO(t, filepath.Join(dir, "mbo.csv.gz"), MBOOptions{Book: filepath.Join(dir, "mbp10.csv.gz"), Unlinked: unlinked})
		r := &m.Result
		if !r.OK() || r.Problems.Total() != 0 {
			t.Errorf("%s, problems %+v", r.First, r.Problems)
		}
		if r.Records != 5886 || r.Actions != ['Z']uint64{'A': 2915, 'C': 2913, 'T': 46, 'F': 11, 'R': 1} || r.Unknown != ['Z']uint64{} {
			t.Errorf("records: %+v", r)
		}
		if r.Rows != (Count{3928, 3928}) || r.Levels != 10 || r.Fills != 11 || r.Head != 11 {
			t.Errorf("rows: %+v", r)
		}
	}
}

// TestRealMBO holds the counts of the set's description, which come of the plain rule of the schema. Where an order that was
// filled completely and shows again loses its place, none is left that hits another than the order whose turn it is.
func TestRealMBO(t *testing.T) {
	path := filepath.Join(recorded.Dir(t), "cme_es_mbo_20231225", "esh4_20231225.mbo.csv.gz")
	for _, c := range []struct {
		unlinked             bool
		head, skipped, other uint64
	}{{true, 5614, 581, 34}, {false, 5678, 551, 0}} {
		r := &runMBO(t, path, MBOOptions{Unlinked: c.unlinked}).Result
		if r.Actions != ['Z']uint64{'A': 29216, 'C': 17999, 'M': 12233, 'F': 6371, 'T': 2973} || r.Unknown != ['Z']uint64{} || r.Problems.Total() != 0 || !r.OK() {
			t.Errorf("records: %+v", r)
		}
		if r.Fills != 6229 || r.Head != c.head || r.Skipped != c.skipped || r.Other != c.other || r.Taker != 107 {
			t.Errorf("fills: %+v", r)
		}
		if r.Auctions != 1 || r.AuctionFills != 35 {
			t.Errorf("auctions: %+v", r)
		}
	}
}
