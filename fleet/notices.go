package fleet

import (
	"context"
	"fmt"
	"net/http"

	"github.com/iapeer/iapeer/fleet/client"
)

func (s *server) notices(r *http.Request) (any, error) {
	if s.Notices == nil {
		return nil, absent("notices")
	}
	list, err := s.noticeList(r.Context())
	if err != nil {
		return nil, err
	}
	return struct {
		Notices []client.Notice `json:"notices"`
	}{list}, nil
}

func (s *server) notice(r *http.Request) (any, error) {
	if s.Notices == nil {
		return nil, absent("notices")
	}
	list, err := s.noticeList(r.Context())
	if err != nil {
		return nil, err
	}
	for _, n := range list {
		if n.ID == r.PathValue("id") {
			return struct {
				Notice client.Notice `json:"notice"`
			}{n}, nil
		}
	}
	return nil, &client.Error{Status: http.StatusNotFound, Message: fmt.Sprintf("unknown notice %q", r.PathValue("id"))}
}

func (s *server) noticeList(ctx context.Context) ([]client.Notice, error) {
	list, err := s.Notices.Notices(ctx)
	if err != nil {
		return nil, err
	}
	out := []client.Notice{}
	for _, n := range list {
		out = append(out, client.Notice{ID: n.ID, Personality: string(n.Peer), Runtime: string(n.Runtime),
			Kind: n.Kind, Summary: n.Summary, CreatedMs: n.At.UnixMilli()})
	}
	return out, nil
}
