package fleet

import (
	"context"
	"net/http"
	"slices"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet/client"
	"github.com/iapeer/iapeer/fleet/why"
)

// Explainer tells what the state of a peer follows from.
type Explainer interface {
	// Known returns what is known of one identity. What was never used is no error.
	Known(context.Context, iapeer.Identity) (why.Known, error)
}

// explain tells why a peer is in its state.
func (s *server) explain(r *http.Request) (any, error) {
	if s.Explainer == nil {
		return nil, absent("explaining")
	}
	list, err := s.Fleet.Snapshot(r.Context())
	if err != nil {
		return nil, err
	}
	name := r.PathValue("peer")
	i := slices.IndexFunc(list, func(p iapeer.PeerStatus) bool { return string(p.Name) == name })
	if i < 0 {
		return nil, unknownPeer(name)
	}
	f := why.Facts{Peer: list[i]}
	if f.Status, err = chosen(list[i], r.URL.Query().Get("runtime")); err != nil {
		return nil, err
	}
	if f.Peer.Problem == "" {
		if f.Known, err = s.Explainer.Known(r.Context(), f.Status.Identity); err != nil {
			return nil, err
		}
	}
	if s.Approvals != nil {
		if f.Approvals, err = s.approvalList(r.Context()); err != nil {
			return nil, err
		}
	}
	if s.Healthy != nil {
		f.Sick = s.Healthy(r.Context())
	}
	e := why.Explain(f)
	e.API, e.Version, e.TS = client.API, s.Version, now()
	return e, nil
}

// chosen is the presence that is to be explained.
func chosen(p iapeer.PeerStatus, asked string) (st iapeer.PresenceStatus, err error) {
	var rt iapeer.Runtime
	if asked != "" {
		if rt, err = iapeer.ParseRuntime(asked); err != nil {
			return st, err
		}
	}
	st, ok := why.Choose(p, rt)
	if !ok {
		return st, &iapeer.PeerError{Op: "explain", Peer: p.Name, Err: iapeer.ErrNotDeclared}
	}
	return st, nil
}
