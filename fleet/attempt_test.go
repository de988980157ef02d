package fleet_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet"
	"github.com/iapeer/iapeer/fleet/fleettest"
)

// TestEverySendIsAnAttempt tells of each send once, of refused ones with what
// could be read of them, and never the body.
func TestEverySendIsAnAttempt(t *testing.T) {
	m := fleettest.New("web")
	var got []iapeer.Attempt
	d := m.Deps()
	d.Attempted = func(a iapeer.Attempt) { got = append(got, a) }
	h := fleet.New(d)
	for _, tc := range []struct {
		target, body string
		to           iapeer.Name
		size         int
		path, err    string
	}{
		{"", `{"personality":"web","message":"hi","path":"cli"}`, "web", 2, "cli", ""},
		{"?progress=1", `{"personality":"web","message":"hi","path":"carrier pigeon"}`, "web", 2, "", ""},
		{"", `{"personality":"Web!","message":"hi","path":"cli"}`, "Web!", 2, "cli", "a name is"},
		{"", `{"personality":"web","path":"cli"}`, "web", 0, "cli", "is empty"},
		{"", `not json`, "", 0, "", "JSON object"},
		{"", `{"personality":"web","message":"hi","from":"exec-ghost"}`, "web", 2, "", "ghost"},
		{"?progress=1", `{"personality":"nobody","message":"hi"}`, "nobody", 2, "", "not in the iapeer peers index"},
	} {
		got = nil
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/fleet/v1/send"+tc.target, strings.NewReader(tc.body)))
		if len(got) != 1 {
			t.Errorf("%s %s: %d attempts, want 1", tc.target, tc.body, len(got))
			continue
		}
		a := got[0]
		if a.Draft.To != tc.to || a.Len != tc.size || a.Path != tc.path || a.Draft.Body != "" || (a.Result != nil) != (tc.err == "") {
			t.Errorf("%s: attempt %+v", tc.body, a)
		}
		if tc.err != "" && (a.Err == nil || !strings.Contains(a.Err.Error(), tc.err)) {
			t.Errorf("%s: error %v, want %q", tc.body, a.Err, tc.err)
		}
	}
}
