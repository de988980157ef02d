package store_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"

	"go.uber.org/zap"

	"github.com/iapeer/iapeer/store"
)

// crashEnv names the file that a child of this test writes until it is killed.
const crashEnv = "STORE_CRASH_TEST_FILE"

// crashingChild writes lines from many goroutines and prints each one as soon
// as its callback says that it is durable.
func crashingChild(path string) {
	db, err := store.Open(context.Background(), path, zap.NewNop(), lines)
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	var mu sync.Mutex
	for w := range 8 {
		go func() {
			for i := 0; ; i++ {
				body := fmt.Sprintf("%d-%d-%d", os.Getpid(), w, i)
				if err := db.Do(context.Background(), insert(body)); err != nil {
					return
				}
				mu.Lock()
				fmt.Println(body)
				mu.Unlock()
			}
		}()
	}
	select {}
}

// Accepted means durable: whatever a process was told before SIGKILL is there.
func TestAcceptedMeansDurable(t *testing.T) {
	path := t.TempDir() + "/x.db"
	told := make(map[string]bool)
	for round := range 5 {
		for _, line := range killedChild(t, path, 200*(round+1)) {
			told[line] = true
		}
	}
	db := open(t, path)
	if d := db.Damage(); d != nil {
		t.Fatalf("damaged: %+v", d)
	}
	kept := make(map[string]bool)
	for _, b := range bodies(t, db) {
		kept[b] = true
	}
	for line := range told {
		if !kept[line] {
			t.Errorf("%s was accepted and is lost", line)
		}
	}
	t.Logf("%d accepted, %d kept", len(told), len(kept))
}

// killedChild runs a child until it has printed n lines, kills it and returns
// all that it printed.
func killedChild(t *testing.T, path string, n int) (printed []string) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), crashEnv+"="+path)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewScanner(out)
	for in.Scan() {
		printed = append(printed, in.Text())
		if len(printed) == n {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = child.Wait() // killed
	if len(printed) < n {
		t.Fatalf("the child ended early: %q", printed)
	}
	return printed
}
