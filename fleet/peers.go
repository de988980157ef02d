package fleet

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet/client"
)

// peerEvents is how many of the last events a peer's page shows, out of
// scanEvents that are looked through.
const (
	peerEvents = 50
	scanEvents = 1000
)

// verbs are the commands to a peer.
var verbs = []iapeer.Verb{
	iapeer.VerbWake, iapeer.VerbSleep, iapeer.VerbStop, iapeer.VerbStart, iapeer.VerbRestart, iapeer.VerbNew,
	iapeer.VerbRefresh, iapeer.VerbCompact, iapeer.VerbInterrupt, iapeer.VerbLaunch, iapeer.VerbAttach, iapeer.VerbAdopt,
	iapeer.VerbSelfFresh, iapeer.VerbSelfDone,
}

func (s *server) snapshot(r *http.Request) (any, error) {
	list, err := s.Fleet.Snapshot(r.Context())
	if err != nil {
		return nil, err
	}
	snap := client.Snapshot{API: client.API, Version: s.Version, TS: now(), Host: s.host(), Peers: []client.Peer{}}
	for _, p := range list {
		snap.Peers = append(snap.Peers, client.WirePeer(p))
	}
	if s.Approvals != nil {
		if snap.Approvals, err = s.approvalList(r.Context()); err != nil {
			return nil, err
		}
	}
	if s.Notices != nil {
		if snap.Notices, err = s.noticeList(r.Context()); err != nil {
			return nil, err
		}
	}
	return snap, nil
}

func (s *server) host() client.Host {
	return client.Host{Version: s.Version, PID: s.pid, StartedAt: s.Started, UptimeSecs: int64(time.Since(s.Started) / time.Second)}
}

func (s *server) peer(r *http.Request) (any, error) {
	name := r.PathValue("peer")
	list, err := s.Fleet.Snapshot(r.Context())
	if err != nil {
		return nil, err
	}
	for _, p := range list {
		if string(p.Name) == name {
			return client.PeerReply{API: client.API, Version: s.Version, TS: now(), Peer: client.WirePeer(p), Events: s.eventsOf(name)}, nil
		}
	}
	return nil, unknownPeer(name)
}

func unknownPeer(name string) error {
	return &client.Error{Status: http.StatusNotFound, Code: "unknown-peer", Message: fmt.Sprintf("unknown peer %q", name)}
}

// eventsOf returns the last kept events that concern a peer.
func (s *server) eventsOf(name string) []client.Event {
	kept, _, cancel := s.Events.Subscribe(0, 0, scanEvents)
	defer cancel()
	list := []client.Event{}
	for _, ev := range kept {
		if e := client.WireEvent(ev); e.Peer() == name {
			list = append(list, e)
		}
	}
	return list[max(0, len(list)-peerEvents):]
}

// command carries out one verb. A verb that could not be carried out is 502, as
// older programs expect, also when the peer is unknown. It answers when the verb is
// done: a compaction may take minutes.
func (s *server) command(r *http.Request) (any, error) {
	verb := iapeer.Verb(r.PathValue("verb"))
	if !slices.Contains(verbs, verb) {
		return nil, &client.Error{Status: http.StatusNotFound, Message: fmt.Sprintf("unknown command %q; there are %v", verb, verbs)}
	}
	name, err := iapeer.ParseName(r.PathValue("peer"))
	if err != nil {
		return nil, err
	}
	var req client.CommandRequest
	if err := decode(r, maxCommandBytes, &req); err != nil {
		return nil, err
	}
	cmd, err := order(verb, name, req, s.caller(r))
	if err != nil {
		return nil, err
	}
	out, err := s.Fleet.Command(r.Context(), cmd)
	if err != nil {
		return nil, notDone(err)
	}
	return out, nil
}

// order reads a command.
func order(verb iapeer.Verb, name iapeer.Name, req client.CommandRequest, caller iapeer.Caller) (iapeer.Command, error) {
	cmd := iapeer.Command{
		Verb: verb, Peer: name, Topic: req.Topic, Anyway: req.Anyway, Now: req.Now, Fresh: req.Fresh, Resume: req.Resume, Caller: caller,
	}
	if req.Fresh && req.Resume {
		return cmd, &iapeer.FieldError{Field: "fresh", Reason: "a session is fresh or resumed, not both"}
	}
	if req.Runtime != "" {
		var err error
		if cmd.Runtime, err = iapeer.ParseRuntime(req.Runtime); err != nil {
			return cmd, err
		}
	}
	if verb == iapeer.VerbSelfFresh || verb == iapeer.VerbSelfDone {
		return ownOrder(cmd)
	}
	return cmd, nil
}

// ownOrder admits a verb that only the peer's own session may give, by its token:
// who merely runs under its host may be anybody's program.
func ownOrder(cmd iapeer.Command) (iapeer.Command, error) {
	c := cmd.Caller
	own := c.Session && c.Proof == iapeer.ProofSession && c.Identity.Name == cmd.Peer
	if !own || cmd.Runtime != "" && cmd.Runtime != c.Identity.Runtime {
		return cmd, &client.Error{Status: http.StatusForbidden, Code: "not-proven", Message: fmt.Sprintf(
			"%s %s: only a session of %s itself says so, with its token; from outside: iapeer refresh %s, iapeer sleep %s", cmd.Verb, cmd.Peer, cmd.Peer, cmd.Peer, cmd.Peer)}
	}
	cmd.Runtime = c.Identity.Runtime
	return cmd, nil
}

// notDone is a refusal with the status that older programs expect of one: 502
// where the peer is unknown.
func notDone(err error) error {
	e := *refusal(err)
	if e.Status == http.StatusNotFound {
		e.Status = http.StatusBadGateway
	}
	return &e
}

func (s *server) screen(r *http.Request) (any, error) {
	if s.Screens == nil {
		return nil, absent("screen")
	}
	name, err := iapeer.ParseName(r.PathValue("peer"))
	if err != nil {
		return nil, err
	}
	id := iapeer.Identity{Name: name}
	if rt := r.URL.Query().Get("runtime"); rt != "" {
		if id.Runtime, err = iapeer.ParseRuntime(rt); err != nil {
			return nil, err
		}
	}
	text, err := s.Screens.Screen(r.Context(), id)
	if err != nil {
		return nil, err
	}
	return client.ScreenReply{Screen: text}, nil
}

// onboard makes, changes, checks or removes peers. The environment of the command
// travels in the body: the daemon's own would be another person's PATH.
func (s *server) onboard(r *http.Request) (any, error) {
	var req iapeer.Onboarding
	if err := decode(r, maxSendBytes, &req); err != nil {
		return nil, err
	}
	if !slices.Contains(iapeer.OnboardingVerbs, req.Verb) {
		return nil, &iapeer.FieldError{Field: "verb", Value: req.Verb, Reason: fmt.Sprintf("is one of %v", iapeer.OnboardingVerbs)}
	}
	req.Caller = s.caller(r)
	report, err := s.Fleet.Onboard(r.Context(), req)
	if err != nil {
		return nil, notDone(err)
	}
	return report, nil
}
