package fleet

import (
	"net/http"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet/client"
)

// health answers 200 while the daemon can do its work, 503 with the reason
// while it cannot.
func (s *server) health(r *http.Request) (any, error) {
	if s.Healthy != nil {
		if err := s.Healthy(r.Context()); err != nil {
			return nil, &client.Error{Status: http.StatusServiceUnavailable, Message: err.Error()}
		}
	}
	return struct {
		OK      bool   `json:"ok"`
		Version string `json:"version"`
		PID     int    `json:"pid"`
	}{true, s.Version, s.pid}, nil
}

func (s *server) version(*http.Request) (any, error) {
	return client.Version{Version: s.Version, API: client.API, PID: s.pid, StartedAt: s.Started}, nil
}

func (s *server) config(r *http.Request) (any, error) {
	if s.Config == nil {
		return nil, absent("config")
	}
	list, err := s.Config.Settings(r.Context())
	if err != nil {
		return nil, err
	}
	return client.SettingsReply{Settings: list}, nil
}

func (s *server) configSet(r *http.Request) (any, error) {
	if s.Config == nil {
		return nil, absent("config")
	}
	var req client.Setting
	if err := decode(r, maxCommandBytes, &req); err != nil {
		return nil, err
	}
	if req.Key == "" {
		return nil, &iapeer.FieldError{Field: "key", Reason: "is missing: iapeer config show lists the keys"}
	}
	if err := s.Config.Set(r.Context(), req.Key, req.Value); err != nil {
		return nil, err
	}
	return s.config(r)
}

func (s *server) configEnv(r *http.Request) (any, error) { return s.environment(r, false) }

func (s *server) configEnvRefresh(r *http.Request) (any, error) { return s.environment(r, true) }

func (s *server) environment(r *http.Request, refresh bool) (any, error) {
	if s.Config == nil {
		return nil, absent("config")
	}
	env, err := s.Config.Environment(r.Context(), refresh)
	if err != nil {
		return nil, err
	}
	return client.EnvironmentReply{Environment: env}, nil
}
