// Witness is the program of the peers under torture: it writes each message
// that reaches it into its own ledger, on disk, before it does anything else.
//
//	witness exec <ledger> <manner>    one message on standard input, see manners
//	witness router <ledger>           messages on its terminal, until that ends
package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/bench/torture/ledger"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "witness:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("usage: witness exec <ledger> <manner> | router <ledger>")

func run(args []string) error {
	switch {
	case len(args) == 3 && args[0] == "exec":
		return execute(args[1], args[2])
	case len(args) == 2 && args[0] == "router":
		return route(args[1])
	}
	return errUsage
}

// execute takes one message and behaves as its manner says: "quiet" and "slow"
// say nothing, "answer" answers, "fail" ends with an error, "late" takes its
// time before it writes anything down.
func execute(path, manner string) error {
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	if manner == "late" {
		pause(5, 25)
	}
	entries := take(new(iapeer.Extractor), text)
	if len(entries) != 1 {
		entries = []ledger.Entry{{ID: "m-none", Nonce: fmt.Sprintf("%d-envelopes", len(entries)), PID: os.Getpid(), At: time.Now()}}
	}
	if err := ledger.Append(path, entries...); err != nil {
		return err
	}
	switch manner {
	case "slow":
		pause(20, 120)
	case "answer":
		if entries[0].Nonce != "-" {
			fmt.Println(ledger.Answer(entries[0].Nonce), "done")
		}
	case "fail":
		return errors.New("this peer fails every time")
	}
	return nil
}

// pause waits between two numbers of milliseconds.
func pause(from, to int) {
	time.Sleep(time.Duration(from+rand.IntN(to-from)) * time.Millisecond)
}

// take returns the messages that the next bytes complete.
func take(x *iapeer.Extractor, b []byte) (out []ledger.Entry) {
	_, _ = x.Write(b) // never fails
	for e, ok := x.Next(); ok; e, ok = x.Next() {
		out = append(out, ledger.Entry{ID: e.ID, Nonce: ledger.Nonce(e.Body), PID: os.Getpid(), At: time.Now()})
	}
	return out
}

// route takes messages until the terminal ends.
func route(path string) error {
	var x iapeer.Extractor
	buf := make([]byte, 64<<10)
	for {
		n, err := os.Stdin.Read(buf)
		if got := take(&x, buf[:n]); len(got) > 0 {
			if err := ledger.Append(path, got...); err != nil {
				return err
			}
		}
		if err != nil {
			return nil //nolint:nilerr // the terminal ended, and with it the session
		}
	}
}
