package daemon

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/house"
	"github.com/iapeer/iapeer/onboarding"
	"github.com/iapeer/iapeer/session"
)

// stopLimit bounds how long an order waits for a session to end.
const stopLimit = 30 * time.Second

// onboarder runs onboarding orders against the registry, and what an order
// means for sessions and mail.
type onboarder struct {
	d   *Daemon
	ctx context.Context // the daemon's life
}

var _ house.Onboarder = onboarder{}

// Onboard implements [house.Onboarder].
func (o onboarder) Onboard(order iapeer.Onboarding) (iapeer.OnboardingReport, error) {
	switch {
	case order.Verb == "rename":
		return o.rename(order)
	case order.Verb == "remove" && !order.DryRun:
		return o.remove(order)
	}
	return o.run(order)
}

func (o onboarder) run(order iapeer.Onboarding) (iapeer.OnboardingReport, error) {
	return onboarding.Run(o.ctx, order, onboarding.Deps{
		Paths: o.d.paths, Profiles: profiles{o.d.reg}, Registry: records{o.d.reg}, Getenv: o.d.getenv,
		Audit: o.d.reg.Audit, AcceptRisk: string(o.d.cfg.AcceptRisk),
	})
}

// dry is what an order would do, or why it is refused.
func (o onboarder) dry(order iapeer.Onboarding) (iapeer.OnboardingReport, error) {
	order.DryRun = true
	return o.run(order)
}

// remove ends the peer's sessions first, so that nothing works in folders that
// are taken away. One that does not end in time is ended after all by its
// presence, which the registry's change stops; only a work tree must not go
// before it.
func (o onboarder) remove(order iapeer.Onboarding) (iapeer.OnboardingReport, error) {
	report, err := o.dry(order)
	if err != nil {
		return report, err
	}
	if err := o.end(report.Name); err != nil && slices.ContainsFunc(report.Files, func(f iapeer.FileChange) bool { return f.What == "git worktree" && f.Action == "removed" }) {
		return report, fmt.Errorf("its session works in a git work tree and does not end (%w); nothing was removed, try again", err)
	}
	if report, err = o.run(order); err != nil {
		return report, err
	}
	for _, rt := range report.Runtimes { // a peer of that name that comes later is another one
		o.d.board.DropPresence(iapeer.Identity{Runtime: rt, Name: report.Name}, nil)
	}
	return report, nil
}

// end stops the live sessions of a peer and waits until their hosts are gone.
func (o onboarder) end(name iapeer.Name) error {
	found, err := session.Scan(o.d.paths.Hosts())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(o.ctx, stopLimit)
	defer cancel()
	for _, f := range found {
		if f.Identity.Name != name || f.State != session.Alive && f.State != session.Locked {
			continue
		}
		stop := iapeer.Command{Verb: iapeer.VerbStop, Peer: name, Runtime: f.Identity.Runtime, Now: true, Caller: iapeer.Caller{Proof: iapeer.ProofSystem}}
		if _, err := o.d.system.Command(ctx, stop); err != nil {
			return err
		}
		session.WaitUnlocked(f.Files, stopLimit)
	}
	return nil
}

// rename refuses while a session is live or mail is open for the old name.
// With Force the session is ended, and mail that was never offered goes on to
// the new name, as messages of their own whose senders are told.
func (o onboarder) rename(order iapeer.Onboarding) (iapeer.OnboardingReport, error) {
	report, err := o.dry(order)
	if err != nil {
		return report, err
	}
	from, to := report.OldName, report.Name
	if me := o.d.person(); me.Name == from {
		return report, &iapeer.FieldError{Field: "personality", Value: string(from), Reason: "is you; change your name with iapeer config set me " + string(to) + ", then iapeer daemon restart"}
	}
	open, err := o.d.box.Open(o.ctx, from)
	if err != nil {
		return report, err
	}
	if len(open) > 0 && !order.Force {
		return report, &iapeer.FieldError{Field: "personality", Value: string(from),
			Reason: fmt.Sprintf("%s open for it (%s); wait until they are settled, or --force sends what was not offered yet on to %s", countOf(len(open), "message is", "messages are"), ids(open), to)}
	}
	if order.DryRun {
		return told(report, len(open)), nil
	}
	records := o.presences(from, report.Runtimes)
	if order.Force {
		if err := o.end(from); err != nil {
			return report, err
		}
		if records, err = o.ended(records); err != nil {
			return report, err
		}
		if open, err = o.movable(from); err != nil {
			return report, err
		}
	}
	m := renaming{onboarder: o, order: order, records: records, open: open, to: to}
	if report, err = m.carryOut(); err != nil {
		return report, err
	}
	for i, msg := range open {
		o.d.system.Fail([]iapeer.Message{msg}, fmt.Sprintf("%s is called %s now; the message goes on as %s and need not be sent again", from, to, m.copies[i].ID))
	}
	return told(report, len(open)), o.stored()
}

// stored returns when all that was handed to the store before is on disk: it
// writes in the order in which it is asked to.
func (o onboarder) stored() error {
	done := make(chan error, 1)
	o.d.board.Unset("renamed", func(err error) { done <- err })
	return <-done
}

// A renaming is one rename with what follows the name in the store.
type renaming struct {
	onboarder
	order   iapeer.Onboarding
	records []iapeer.Presence
	open    []iapeer.Message
	copies  []iapeer.Message // of open, for the new name
	to      iapeer.Name
}

// carryOut has mail and records there before the peer begins under its new name,
// so that it finds them. Where a person had stopped it, mail comes after it is
// stopped again, and waits for its start.
func (m *renaming) carryOut() (report iapeer.OnboardingReport, err error) {
	stopped := slices.ContainsFunc(m.records, func(p iapeer.Presence) bool { return p.Stopped })
	if !stopped {
		if m.copies, err = m.forward(m.open, m.to); err != nil {
			return report, err
		}
	}
	m.keep(m.records, m.to)
	if report, err = m.run(m.order); err != nil {
		m.withdraw(m.copies, m.records, m.to)
		return report, err
	}
	if err := m.settle(m.records, m.to); err != nil || !stopped {
		return report, err
	}
	if m.copies, err = m.forward(m.open, m.to); err != nil {
		return report, err
	}
	for _, c := range m.copies { // the peer reads its mail again
		e := iapeer.Evidence{Source: "daemon", Detail: "sent on", At: time.Now()}
		if _, err := m.d.system.Mark(m.ctx, iapeer.Mark{ID: c.ID, Change: iapeer.ChangeRelease, Evidence: e}); err != nil {
			return report, err
		}
	}
	return report, nil
}

// settle forgets the records of the old name, and keeps down under the new one
// what a person had stopped.
func (o onboarder) settle(records []iapeer.Presence, to iapeer.Name) error {
	for _, p := range records {
		o.d.board.DropPresence(p.Identity, nil)
		if !p.Stopped {
			continue
		}
		stop := iapeer.Command{Verb: iapeer.VerbStop, Peer: to, Runtime: p.Identity.Runtime, Caller: iapeer.Caller{Proof: iapeer.ProofSystem}}
		if _, err := o.d.system.Command(o.ctx, stop); err != nil {
			return err
		}
	}
	return nil
}

// told adds the mail to a report.
func told(report iapeer.OnboardingReport, n int) iapeer.OnboardingReport {
	if n > 0 {
		report.Files = append(report.Files, iapeer.FileChange{What: "mail", Path: string(report.Name), Action: "moved", Detail: countOf(n, "message", "messages") + ", each under a new id; the senders are told"})
	}
	return report
}

// movable returns the open messages of a peer without a session, all of which
// must never have been offered: of others nobody can say here that they were not
// read.
func (o onboarder) movable(name iapeer.Name) ([]iapeer.Message, error) {
	open, err := o.d.box.Open(o.ctx, name)
	if err != nil {
		return nil, err
	}
	var stuck []iapeer.Message
	for _, m := range open {
		if m.State != iapeer.Accepted {
			stuck = append(stuck, m)
		}
	}
	if len(stuck) > 0 {
		return nil, &iapeer.FieldError{Field: "personality", Value: string(name),
			Reason: fmt.Sprintf("%s is %s, and may have been read; try again in a moment, or decide: iapeer msg resolve. The peer is stopped meanwhile", ids(stuck), stuck[0].State)}
	}
	return open, nil
}

// forward accepts messages anew for the same runtimes under another name. A
// repeat returns the same copies.
func (o onboarder) forward(open []iapeer.Message, to iapeer.Name) (copies []iapeer.Message, err error) {
	for _, m := range open {
		next := iapeer.Message{Envelope: m.Envelope, To: iapeer.Identity{Runtime: m.To.Runtime, Name: to}, State: iapeer.Accepted,
			AcceptedAt: o.d.wall(), ExpiresAt: m.ExpiresAt, Caused: m.Caused, Key: "renamed:" + string(m.ID)}
		next.ID = iapeer.NewMessageID()
		type answer struct {
			m   iapeer.Message
			err error
		}
		c := make(chan answer, 1)
		o.d.box.Append(next, func(stored iapeer.Message, _ bool, err error) { c <- answer{stored, err} })
		got := <-c
		if got.err != nil {
			o.withdraw(copies, nil, to)
			return nil, got.err
		}
		copies = append(copies, got.m)
	}
	return copies, nil
}

// presences are the durable records of a peer.
func (o onboarder) presences(name iapeer.Name, runtimes []iapeer.Runtime) (all []iapeer.Presence) {
	for _, rt := range runtimes {
		if p, ok, err := o.d.board.Presence(o.ctx, iapeer.Identity{Runtime: rt, Name: name}); err == nil && ok {
			all = append(all, p)
		}
	}
	return all
}

// ended returns the records as they are now that the sessions have ended on our
// word: it is no person who stopped them.
func (o onboarder) ended(before []iapeer.Presence) (after []iapeer.Presence, err error) {
	if err := o.stored(); err != nil {
		return nil, err
	}
	for _, was := range before {
		p, ok, err := o.d.board.Presence(o.ctx, was.Identity)
		if err != nil {
			return nil, err
		}
		if !ok {
			p = was
		}
		p.Stopped = was.Stopped
		after = append(after, p)
	}
	return after, nil
}

// keep copies the records for the new name: its conversations, topics and
// whether a person stopped it.
func (o onboarder) keep(records []iapeer.Presence, to iapeer.Name) {
	var moved []iapeer.Presence
	for _, p := range records {
		p.Identity.Name = to
		if !p.Stopped {
			p.State, p.Cause = iapeer.Asleep, "renamed"
		}
		done := make(chan error, 1)
		o.d.board.PutPresence(p, func(err error) { done <- err })
		if err := <-done; err != nil {
			o.d.log.Warn("a peer's conversations do not follow its name", zap.Stringer("identity", p.Identity), zap.Error(err))
		}
		moved = append(moved, p)
	}
	o.d.system.Expect(to, moved) // before the registry names it
}

// withdraw takes back what a rename that was refused had prepared.
func (o onboarder) withdraw(copies []iapeer.Message, records []iapeer.Presence, to iapeer.Name) {
	for _, m := range copies {
		e := iapeer.Evidence{Source: "daemon", Detail: "the peer was not renamed after all", At: time.Now()}
		mail{box: o.d.box, ctx: o.ctx}.Mark([]iapeer.Mark{{ID: m.ID, Change: iapeer.ChangeCancel, Evidence: e}}, func([]house.Marked) {})
	}
	for _, p := range records {
		o.d.board.DropPresence(iapeer.Identity{Runtime: p.Identity.Runtime, Name: to}, nil)
	}
	o.d.system.Expect(to, nil)
}

func countOf(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// maxNamed is how many messages a refusal names.
const maxNamed = 5

func ids(list []iapeer.Message) string {
	var words []string
	for _, m := range list[:min(len(list), maxNamed)] {
		words = append(words, string(m.ID))
	}
	if len(list) > maxNamed {
		words = append(words, "…")
	}
	return strings.Join(words, ", ")
}
