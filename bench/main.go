// Command bench measures iapeer beside what its job costs at the least, and
// beside the same job done the usual way, and prints one table. `make bench`
// runs it; docs/performance.md explains the rows.
//
// Every figure that counts is a ratio of two things measured in turn within one
// run, so that a busy machine disturbs both. A table whose anchors were slow in
// proportion is void and says so.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"runtime/debug"
	"runtime/pprof"
	"syscall"
	"time"

	"github.com/iapeer/iapeer/bench/anchor"
	"github.com/iapeer/iapeer/cmd/iapeerd/run"
)

func main() {
	if len(os.Args) == 4 && os.Args[1] == "serve" {
		exit(anchor.Serve(os.Args[2], os.Args[3]))
	}
	if len(os.Args) == 3 && os.Args[1] == "profiled" {
		exit(profiled(os.Args[2]))
	}
	var b bench
	flag.IntVar(&b.rounds, "rounds", 7, "rounds of each measurement")
	flag.DurationVar(&b.slice, "slice", 1500*time.Millisecond, "time of one server in one round")
	flag.StringVar(&b.npm, "npm", ".cache/bench", "folder where scripts/bench.sh installed bun and the MCP SDK")
	flag.StringVar(&b.bin, "bin", "bin", "folder of the built iapeer and iapeerd")
	flag.StringVar(&b.before, "before", "", "folder of an earlier build, whose accepted and delivered sends are measured in the same rounds")
	flag.BoolVar(&b.markdown, "md", false, "print the table as markdown")
	flag.StringVar(&b.profile, "profile", "", "run the daemon in a process that writes its processor profile to this file, with a number for each daemon")
	only := flag.String("only", ".", "regular expression of the measurements to make")
	flag.Parse()
	b.only = regexp.MustCompile(*only)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-stop
		b.close()
		os.Exit(1)
	}()
	err := b.run(os.Stdout)
	b.close()
	exit(err)
}

// profiled is the daemon in a process that writes its processor profile.
func profiled(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := pprof.StartCPUProfile(f); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	time.AfterFunc(heapAfter, func() {
		if heap, err := os.Create(path + ".heap"); err == nil {
			debug.FreeOSMemory()
			_ = pprof.WriteHeapProfile(heap)
			_ = heap.Close()
		}
	})
	if code := run.Main(nil, os.Getenv, os.Stdin, os.Stdout, os.Stderr); code != 0 {
		return fmt.Errorf("the daemon ended with code %d", code)
	}
	return nil
}

// heapAfter is when a profiled daemon writes what its heap holds: after its
// start, before much else.
const heapAfter = 3 * time.Second

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}
