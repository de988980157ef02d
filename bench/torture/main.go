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
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// options are what the command line says.
type options struct {
	minutes float64
	seed    uint64
	peers   int
	senders int
	bin     string
	keep    bool
	stops   bool
}

func main() {
	o := options{}
	flag.Float64Var(&o.minutes, "minutes", 10, "how long to torture; settling and judging come on top")
	flag.Uint64Var(&o.seed, "seed", 0, "of the schedule and the senders; 0 takes the time")
	flag.IntVar(&o.peers, "peers", 12, "exec peers")
	flag.IntVar(&o.senders, "senders", 8, "senders, which are peers too")
	flag.StringVar(&o.bin, "bin", "", "folder with iapeer and iapeerd; built when empty")
	flag.BoolVar(&o.keep, "keep", false, "keep the house's folder")
	flag.BoolVar(&o.stops, "stops", true, "stop programs and hosts for a while (SIGSTOP)")
	flag.Parse()
	if o.seed == 0 {
		o.seed = uint64(time.Now().UnixNano()) % 1e9
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	bad, err := torture(ctx, o, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "torture:", err)
	}
	if bad > 0 || err != nil {
		stop()
		os.Exit(1) //nolint:gocritic // stop has been called
	}
}
