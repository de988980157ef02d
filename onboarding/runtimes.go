package onboarding

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/onboarding/repo"
)

// The outcomes of the verbs about a peer's runtimes, as programs know them.
const (
	actionAdded   = "added"
	actionFlipped = "flipped"
	actionAlready = "already"
	actionSkipped = "skipped-infra-peer"
)

// declared finds the peer and the runtime of an order. skip is true for a peer
// that is no agent: what carries it is not chosen among agent programs.
func declared(o iapeer.Onboarding, d Deps) (peer iapeer.Peer, rt iapeer.Runtime, skip bool, err error) {
	if rt, err = iapeer.ParseRuntime(o.Runtime); err != nil || !rt.Agentic() {
		return peer, rt, false, &iapeer.FieldError{Field: "runtime", Value: o.Runtime, Reason: "an agent lives on claude or codex; other runtimes are chosen when a peer is made"}
	}
	peers, err := d.Registry.Peers()
	if err != nil {
		return peer, rt, false, fmt.Errorf("registry %s: %w", d.Paths.Registry(), err)
	}
	peer, known, err := removed(iapeer.Onboarding{Name: o.Name}, &Facts{Peers: peers})
	switch {
	case err != nil:
		return peer, rt, false, err
	case !known:
		return peer, rt, false, &iapeer.FieldError{Field: "personality", Value: o.Name, Reason: "no such peer; see iapeer list"}
	}
	return peer, rt, !peer.DefaultRuntime.Agentic(), nil
}

// reportOn is what every report says of a peer.
func reportOn(o iapeer.Onboarding, p iapeer.Peer, action string) iapeer.OnboardingReport {
	return iapeer.OnboardingReport{
		Verb: o.Verb, Name: p.Name, Runtime: p.DefaultRuntime, Runtimes: p.Runtimes, Nature: p.Nature, CWD: p.CWD,
		Gated: p.Settings.Gated, Action: action, DryRun: o.DryRun, Next: "iapeer status " + string(p.Name),
	}
}

// addRuntime lets a peer live on one more agent program: what init does for it,
// with the default as it was.
func addRuntime(ctx context.Context, o iapeer.Onboarding, d Deps) (iapeer.OnboardingReport, error) {
	peer, rt, skip, err := declared(o, d)
	if err != nil || skip {
		return reportOn(o, peer, actionSkipped), err
	}
	order := o
	order.Verb, order.CWD, order.Env = "init", peer.CWD, maps.Clone(o.Env)
	for _, key := range []string{"PEER_PERSONALITY", "PEER_IDENTITY", "PEER_RUNTIME"} { // of whoever gave the order, not of this peer
		delete(order.Env, key)
	}
	report, err := onboard(ctx, order, d)
	if err != nil {
		return report, err
	}
	if !slices.Contains(report.Runtimes, rt) {
		return report, &iapeer.FieldError{Field: "runtime", Value: string(rt),
			Reason: "the repository has the profile of " + string(peer.Name) + ", which does not name it; --scope project writes it"}
	}
	report.Verb, report.Action, report.Next = o.Verb, actionAdded, fmt.Sprintf("iapeer default-runtime %s --peer %s makes it the first choice; the default stays %s", rt, peer.Name, report.Runtime)
	if peer.Declares(rt) {
		report.Action, report.Next = actionAlready, "iapeer status "+string(peer.Name)
	}
	return report, nil
}

// defaultRuntime makes a runtime that the peer has its first choice. A live
// session goes on; the next wake is on the new one.
func defaultRuntime(ctx context.Context, o iapeer.Onboarding, d Deps) (iapeer.OnboardingReport, error) {
	peer, rt, skip, err := declared(o, d)
	switch {
	case err != nil || skip:
		return reportOn(o, peer, actionSkipped), err
	case !peer.Declares(rt):
		return reportOn(o, peer, "refused-undeclared-runtime"), &iapeer.FieldError{Field: "runtime", Value: string(rt),
			Reason: fmt.Sprintf("%s does not have it (it has %s); add it first: iapeer add-runtime %s --peer %s", peer.Name, joinRuntimes(peer.Runtimes), rt, peer.Name)}
	case peer.DefaultRuntime == rt:
		return reportOn(o, peer, actionAlready), nil
	case o.Scope != "project" && committed(ctx, peer.CWD):
		return reportOn(o, peer, ""), committedError(peer)
	}
	profile, err := d.Profiles.Profile(peer.CWD)
	if err != nil {
		return reportOn(o, peer, ""), fmt.Errorf("profile %s: %w; see iapeer verify %s", iapeer.Profile(peer.CWD), err, peer.Name)
	}
	others := slices.DeleteFunc(slices.Clone(peer.Runtimes), func(x iapeer.Runtime) bool { return x == rt })
	profile.CWD, profile.DefaultRuntime, profile.Runtimes = peer.CWD, rt, append([]iapeer.Runtime{rt}, others...)
	report := reportOn(o, profile, actionFlipped)
	report.Files = []iapeer.FileChange{{What: "profile", Path: iapeer.Profile(peer.CWD), Action: "updated"}, {What: "registry", Path: d.Paths.Registry(), Action: "updated"}}
	report.Next = fmt.Sprintf("the next wake is on %s; a session that is live goes on until then", rt)
	if o.DryRun {
		return report, nil
	}
	prints, err := loadFootprint(d.Paths)
	if err != nil {
		return report, err
	}
	ours := prints.asWritten(iapeer.Profile(peer.CWD))
	if err := d.Profiles.PutProfile(profile); err != nil {
		return report, fmt.Errorf("profile %s: %w", iapeer.Profile(peer.CWD), err)
	}
	if ours {
		prints.redigest(iapeer.Profile(peer.CWD))
		err = prints.save()
	}
	return report, err
}

// committed reports whether a repository has the profile in a peer's home.
func committed(ctx context.Context, cwd string) bool {
	path := iapeer.Profile(cwd)
	return repo.In(cwd) && repo.Look(ctx, nearestFolder(cwd)).Tracked(ctx, path)
}

// committedError refuses to change a file that a team shares.
func committedError(p iapeer.Peer) error {
	return &iapeer.FieldError{Field: "scope", Reason: "the repository has the profile of " + string(p.Name) + "; --scope project writes it"}
}

func joinRuntimes(list []iapeer.Runtime) string {
	words := make([]string, len(list))
	for i, rt := range list {
		words[i] = string(rt)
	}
	return strings.Join(words, ", ")
}
