package presence

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/house"
	"github.com/iapeer/iapeer/supervisor"
)

// maxDeaths is how many deaths a presence remembers.
const maxDeaths = 16

// quotaSpread is how long after a quota's reset a session may be woken, so that
// all that waited for the same reset do not come back together.
const quotaSpread = 3 * time.Minute

// policy is the peer's restart policy. The limits of the host are those of peers
// that are woken on demand; the other policies have their own.
func (p *presence) policy() supervisor.Policy {
	peer, _ := p.h.Peers.Peer(p.id.Name)
	policy, err := supervisor.Parse(cmp.Or(peer.Settings.Restart, string(supervisor.OnDemand)))
	if err != nil {
		policy, _ = supervisor.Parse(string(supervisor.OnDemand)) // the profile is reported where it is read
	}
	if policy.Mode == supervisor.OnDemand {
		policy.Intensity, policy.Window = p.h.Config.CrashMax-1, p.h.Config.CrashWindow
	}
	return policy
}

// recordDeath counts a death, and decides by the peer's policy what follows: a
// pause, then the next message or the policy starts it again; or a rest.
func (p *presence) recordDeath(why string) {
	now := p.h.Now()
	p.rec.Deaths = append(p.rec.Deaths, now)
	p.rec.Deaths = p.rec.Deaths[max(0, len(p.rec.Deaths)-maxDeaths):]
	policy := p.policy()
	switch d := policy.Decide(p.rec.Deaths, now); {
	case policy.Mode == supervisor.Never:
		p.keepDown(why)
	case d.GiveUp:
		p.h.Notify(house.Notice{Identity: p.id, Kind: "crash-loop", Summary: fmt.Sprintf("%s: %d deaths in %s, resting", p.id.Name, d.Failures, policy.Window), Content: why})
		p.rest(iapeer.RestCrashLoop, d.After, fmt.Sprintf("%d deaths in %s, the last: %s", d.Failures, policy.Window, why))
	default:
		pause := policy.Spread(d.After, rand.Float64()) //nolint:gosec // only spreads load
		p.rest(iapeer.RestBackOff, pause, fmt.Sprintf("%s; a pause of %s (death %d, rests at %d in %s)",
			why, pause.Round(time.Millisecond), d.Failures, policy.Intensity+1, policy.Window))
	}
}

// leftOnPurpose handles a session that ended well without being told to.
func (p *presence) leftOnPurpose(why string) {
	switch policy := p.policy(); policy.Mode {
	case supervisor.Always:
		p.recordDeath(why)
	case supervisor.Never:
		p.keepDown(why)
	case supervisor.OnDemand, supervisor.OnFailure:
		p.settleDown(why)
	}
}

// keptDown is the cause of a stop that nobody ordered.
const keptDown = "its session ended, and its restart policy is never"

// keepDown stops a peer that only a person starts.
func (p *presence) keepDown(why string) {
	p.rec.Stopped, p.rec.Cause = true, keptDown
	p.h.Notify(house.Notice{Identity: p.id, Kind: "down", Summary: fmt.Sprintf("%s is down, and its restart policy is never", p.id.Name), Content: why + "\nStart it: iapeer start " + string(p.id.Name)})
	p.settleDown(why)
}

// rest keeps the presence down for a while, whatever mail comes.
func (p *presence) rest(kind iapeer.RestKind, d time.Duration, why string) {
	p.rec.Rest, p.rec.RestUntil, p.rec.Cause = kind, p.h.Now().Add(d), why
	p.settleDown(why)
}

// restStep is the longest time between two looks at the clock during a rest:
// timers stand still while the machine sleeps, and a quota is renewed meanwhile.
const restStep = time.Minute

// armRest waits for the end of the rest, by the clock on the wall. When that was
// set back to before the rest began, what is left counts from now: only a quota is
// renewed at a time of day.
func (p *presence) armRest(now time.Time) {
	if p.rec.Since.Sub(now) > time.Second && p.rec.Rest != iapeer.RestQuota {
		p.rec.RestUntil = now.Add(p.rec.RestUntil.Sub(p.rec.Since))
		p.rec.Since = now
		p.show(iapeer.Resting, p.rec.Cause)
	}
	p.arm(timerState, min(p.rec.RestUntil.Sub(now), restStep))
}

// rested ends a rest.
func (p *presence) rested() {
	kind := p.rec.Rest
	p.rec.Rest, p.rec.RestUntil = "", time.Time{}
	p.become(iapeer.Asleep, p.asleep, "rested")
	if kind == iapeer.RestBackOff && p.policy().Restarts(true) {
		p.restart("")
		return
	}
	p.wakeForMail()
	p.keepUp()
}

// keepUp starts a session that its policy wants alive.
func (p *presence) keepUp() {
	if p.rec.State == iapeer.Asleep && p.policy().Mode == supervisor.Always && !p.settling && !p.loading && !p.removed {
		p.restart("")
	}
}

// restart wakes the presence without a message.
func (p *presence) restart(topic string) { p.wake(house.StartNatural, topic, false) }

// overQuota parks a session whose account has nothing left until a time that the
// runtime named. Who waits is told until when.
func (p *presence) overQuota(end turnEnd) {
	until := end.resets.Add(rand.N(quotaSpread)).Round(0) //nolint:gosec // only spreads load
	why := fmt.Sprintf("quota (%s), until %s", end.failed, end.resets.Format("Mon 15:04"))
	p.rec.Rest, p.rec.RestUntil, p.rec.Parked = iapeer.RestQuota, until, true
	p.h.Notify(house.Notice{
		Identity: p.id, Kind: "quota", Summary: fmt.Sprintf("%s is parked: %s", p.id.Name, why),
		Content: end.text + fmt.Sprintf("\nIt wakes by itself within %s of that. Try sooner: iapeer wake %s", quotaSpread, p.id.Name),
	})
	for _, m := range p.mail {
		p.tellQuota(m, why)
	}
	p.end(why)
}

// tellQuota tells the sender of a waiting message until when it waits, once a
// quota.
func (p *presence) tellQuota(m iapeer.Message, why string) {
	if m.From == iapeer.SystemIdentity() {
		return
	}
	p.h.Tell(m.From, fmt.Sprintf("quota:%s:%d", m.ID, p.rec.RestUntil.Unix()), fmt.Sprintf("%s waits at %s: parked, %s. It is not lost, do not send it again.", m.ID, p.id, why), m.ID, nil)
}
