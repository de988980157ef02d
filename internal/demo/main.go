// Command demo shows a message with its proof: two peers, one wakes the other,
// the daemon is killed, and a ledger is drawn from what the store says at the
// end. It touches nothing outside a temporary folder and ends everything that
// it started.
//
//	demo <folder with iapeer and iapeerd> [<folder of agent programs>]
//
// With the second folder claude and codex play, with a scripted model; without
// it, or with EXEC=1 in the environment, two shell scripts do. It exits 1 when
// something was not as it must be.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		stop()
		os.Exit(1) //nolint:gocritic // nothing is left to be undone
	}
}

func run(ctx context.Context, args []string) (err error) {
	if len(args) == 0 {
		return errors.New("usage: demo <folder with iapeer and iapeerd> [<folder of agent programs>]")
	}
	s, err := newSandbox(args[0])
	if err != nil {
		return err
	}
	defer func() {
		if err != nil && ctx.Err() != nil {
			err = errors.New("interrupted; the sandbox is removed")
		} else if err != nil {
			s.explain()
		}
		err = errors.Join(err, s.close(context.WithoutCancel(ctx)))
	}()
	var c cast = &scripts{s: s}
	if len(args) > 1 && os.Getenv("EXEC") == "" {
		dir, err := filepath.Abs(args[1])
		if err != nil {
			return err
		}
		c = &agentCast{s: s, dir: dir}
	}
	fmt.Printf("sandbox %s — your ~/.iapeer, ~/.claude, ~/.codex are not touched\n", s.home)
	return (&story{ctx: ctx, s: s, cast: c}).tell()
}
