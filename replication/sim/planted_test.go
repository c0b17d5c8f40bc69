package sim

import "testing"

// Each planted bug is found, within so many seeds. Two that chance finds too seldom are in scripted_test.go.
func TestPlantedBugsAreFound(t *testing.T) {
	for _, b := range []struct {
		bug    Bug
		name   string
		within uint64
	}{
		{NoFsync, "an fsync of the log does nothing", 20},
		{NoDedupe, "a request that is sent again has another client id", 20},
		{NoTail, "a snapshot is sent without its tail", 60},
	} {
		t.Run(b.name, func(t *testing.T) {
			for seed := *first; seed < *first+b.within; seed++ {
				if r := simulate(t, Options{Seed: seed, Bug: b.bug}); r.Failure != "" {
					t.Logf("found with seed %d: %s", seed, r.Failure)
					return
				}
			}
			t.Errorf("not found within %d seeds", b.within)
		})
	}
}
