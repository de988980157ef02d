// Torture shows that iapeer loses, doubles and reorders nothing, and calls
// nothing delivered that was not, while everything that can be killed is.
//
// It makes a house of its own with a daemon, peers that write down what really
// reaches them, and senders that note what they were told; a schedule made of
// a seed kills daemon, session hosts and their programs at named points. When
// all has come to rest an oracle compares the three accounts.
//
//	go run ./bench/torture -minutes 10
//
// It needs Linux: it looks at processes through /proc. See docs/torture.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/iapeer/iapeer"
)

// options are what the command line says.
type options struct {
	minutes float64
	seed    uint64
	runtime iapeer.Runtime
	peers   int
	senders int
	bin     string
	keep    bool
	stops   bool
	disk    bool
	inside  bool // this is the run on a small disk, in a mount namespace of its own
}

func main() {
	o := options{}
	flag.Float64Var(&o.minutes, "minutes", 10, "how long to torture; settling and judging come on top")
	flag.Uint64Var(&o.seed, "seed", 0, "of the schedule and the senders; 0 takes the time")
	flag.IntVar(&o.peers, "peers", 12, "peers to send to; of real agents the first three")
	flag.IntVar(&o.senders, "senders", 8, "senders, which are peers too")
	runtime := flag.String("runtime", "exec", "of the peers: exec, claude or codex, these with a scripted model")
	flag.StringVar(&o.bin, "bin", "", "folder with iapeer and iapeerd; built when empty")
	flag.BoolVar(&o.keep, "keep", false, "keep the house's folder")
	flag.BoolVar(&o.stops, "stops", true, "stop programs and hosts for a while (SIGSTOP)")
	flag.BoolVar(&o.disk, "disk", true, "torture a house on a small disk as well, for a fifth of the time: full, and read-only (needs root)")
	flag.BoolVar(&o.inside, "inside", false, "internal: this is that house")
	flag.Parse()
	o.runtime = iapeer.Runtime(*runtime)
	if o.seed == 0 {
		o.seed = uint64(time.Now().UnixNano()) % 1e9
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	bad, err := both(ctx, o)
	stop()
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "torture:", err)
		os.Exit(exitBroken)
	case bad > 0:
		os.Exit(exitBad)
	}
}

// Exit codes.
const (
	exitBad    = 1 // the oracle found violations
	exitBroken = 2 // there is no verdict
)

// diskShare is the part of the time that the house on the small disk gets.
const diskShare = 0.2

// both tortures the usual house, and then one on a small disk.
func both(ctx context.Context, o options) (bad int, err error) {
	part := o
	if o.disk && !o.inside {
		part.minutes *= diskShare
		part.runtime = iapeer.RuntimeExec
		o.minutes -= part.minutes
	}
	if bad, err = torture(ctx, o, os.Stdout); err != nil || !o.disk || o.inside {
		return bad, err
	}
	fmt.Printf("\n--- the house on a small disk\n")
	more, err := diskRun(ctx, part, os.Stdout)
	if errors.Is(err, errNoDisk) {
		fmt.Printf("SKIPPED: a full disk and a read-only store: %v\n", err)
		err = nil
	}
	return bad + more, err
}
