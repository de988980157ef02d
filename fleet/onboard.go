package fleet

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/iapeer/iapeer"
)

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
