package approvals_test

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails when a test leaves a goroutine behind. The actor library's count
// of dead letters ends a second after the last one.
func TestMain(m *testing.M) {
	code := m.Run()
	err := goleak.Find()
	for tries := 0; code == 0 && err != nil && tries < 10; tries++ {
		err = goleak.Find() // waits, for about half a second
	}
	if code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}
