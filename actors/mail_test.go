package actors

import (
	"slices"
	"testing"
	"time"

	"github.com/iapeer/iapeer/actors/house"
)

// A read of the mailbox is older than what the presence did meanwhile: what it
// shows as open may be over, and what it does not show may have come.
func TestSlowReadIsNotTrusted(t *testing.T) {
	inWorld(t, []string{"claude-ann", "exec-bob"}, func(w *world) {
		t := w.tb
		w.script("exec-bob").turn = 100 * time.Millisecond
		w.send(draft("claude-ann", "exec-bob", "zero"))
		time.Sleep(time.Minute)
		d := w.live()
		d.mail.read = func() time.Duration { return 300 * time.Millisecond }
		w.send(draft("claude-ann", "exec-bob", "one"))
		time.Sleep(50 * time.Millisecond) // it runs
		d.sys.h.Root.Send(d.sys.h.Roster, house.WakeMail{To: w.host("exec-bob").id})
		time.Sleep(100 * time.Millisecond) // it is done, and the read is not
		w.send(draft("claude-ann", "exec-bob", "two"))
		time.Sleep(time.Minute)
		w.wantAllDelivered(t)
		if got := w.bodies("exec-bob"); !slices.Equal(got, []string{"zero", "one", "two"}) {
			t.Errorf("consumed %q", got)
		}
	})
}
