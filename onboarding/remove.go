package onboarding

import (
	"fmt"

	iapeer "github.com/iapeer/iapeer"
)

// remove forgets a peer and takes back what was written for it outside the
// root, as far as it is still ours. The folder stays. An unknown peer is no
// error: what is wanted is so already.
func remove(o iapeer.Onboarding, d Deps) (iapeer.OnboardingReport, error) {
	report := iapeer.OnboardingReport{Verb: o.Verb, DryRun: o.DryRun}
	peers, err := d.Registry.Peers()
	if err != nil {
		return report, fmt.Errorf("registry %s: %w", d.Paths.Registry(), err)
	}
	f := Facts{Peers: peers}
	peer, known, err := removed(o, &f)
	if err != nil {
		return report, err
	}
	prints, err := loadFootprint(d.Paths)
	if err != nil {
		return report, err
	}
	report.Name, report.CWD, report.Nature = peer.Name, peer.CWD, peer.Nature
	report.Runtime, report.Runtimes = peer.DefaultRuntime, peer.Runtimes
	entry := iapeer.FileChange{What: "registry", Path: d.Paths.Registry(), Action: "removed"}
	if !known {
		entry.Action, entry.Detail = "kept", "no such peer"
	}
	report.Files = []iapeer.FileChange{entry}
	if known && !o.DryRun {
		if err := d.Registry.Unregister(peer.Name); err != nil {
			return report, fmt.Errorf("registry: %w", err)
		}
	}
	changes, warnings, err := prints.release(peer.Name, o.DryRun)
	report.Files = append(report.Files, changes...)
	report.Warnings = warnings
	report.Next = "iapeer list"
	if peer.CWD != "" {
		report.Next = "the folder stays: " + d.Paths.Abbreviate(peer.CWD)
	}
	return report, err
}

// removed finds the peer to remove, by name or by folder.
func removed(o iapeer.Onboarding, f *Facts) (iapeer.Peer, bool, error) {
	if o.Name == "" && o.CWD == "" {
		return iapeer.Peer{}, false, &iapeer.FieldError{Field: "personality", Reason: "remove needs a name: iapeer remove NAME"}
	}
	if o.Name == "" {
		p, ok := f.peerAt(o.CWD)
		if !ok {
			return p, false, &iapeer.FieldError{Field: "cwd", Value: o.CWD, Reason: "no peer lives here; name one: iapeer remove NAME"}
		}
		return p, true, nil
	}
	name, err := iapeer.ParseName(o.Name)
	if err != nil {
		return iapeer.Peer{}, false, &iapeer.FieldError{Field: "personality", Value: o.Name, Reason: iapeer.ErrBadName.Error()}
	}
	p, ok := f.peer(name)
	p.Name = name
	return p, ok, nil
}
