package main

import (
	"os"
	"strconv"
	"testing"

	"github.com/iapeer/iapeer"
)

// shortSeed is the seed of the run that every test run makes; TORTURE_SEED
// takes another.
const shortSeed = 7

// TestTorture tortures for some seconds with everything that the long run does.
func TestTorture(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: -short")
	}
	if os.Getenv("TORTURE") == "" {
		t.Skip("SKIPPED: set TORTURE=1; see docs/torture.md for what it finds as things are")
	}
	o := options{runtime: iapeer.RuntimeExec, minutes: 0.15, seed: shortSeed, peers: 8, senders: 5, stops: true}
	if v := os.Getenv("TORTURE_SEED"); v != "" {
		n, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		o.seed = n
	}
	bad, err := torture(t.Context(), o, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	if bad > 0 {
		t.Errorf("%d violations with seed %d", bad, o.seed)
	}
}
