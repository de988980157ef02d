package actors

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/iapeer/iapeer"
)

// TestOfferIsOnDiskFirst kills daemon and host together, before the offer of a
// message is known to be on disk: the host was not asked yet. The message is run
// afterwards, or unknown where no record can prove that it was not; never twice.
func TestOfferIsOnDiskFirst(t *testing.T) {
	for _, to := range []string{"claude-bob", "exec-bob"} {
		t.Run(to, func(t *testing.T) {
			var pause atomic.Int64 // of a commit
			pause.Store(int64(time.Millisecond))
			inWorldOf(t, []string{"claude-ann", to}, func(w *world) {
				w.commit = func() time.Duration { return time.Duration(pause.Load()) }
			}, func(w *world) {
				t := w.tb
				w.send(draft("claude-ann", to, "first"))
				time.Sleep(time.Minute)
				pause.Store(int64(10 * time.Second)) // a disk that hardly takes anything
				go w.send(draft("claude-ann", to, "second"))
				time.Sleep(15 * time.Second)
				if got := w.bodies(to); len(got) != 1 {
					t.Errorf("%q was run before its offer was on disk", got)
				}
				w.live().kill(t)
				w.host(to).die(iapeer.SessionExited{Code: -1}, false)
				pause.Store(int64(time.Millisecond))
				w.boot(t)
				time.Sleep(10 * time.Minute)
				second := w.all()[1]
				if got := w.bodies(to); len(got) != 2 && second.State != iapeer.Unknown {
					t.Errorf("%q, and the second is %s; want each once", got, second.State)
				}
			})
		})
	}
}
