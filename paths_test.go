package iapeer_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/iapeer/iapeer"
)

func TestPathsFromEnv(t *testing.T) {
	for _, tc := range []struct{ root, home, want string }{
		{"", "/home/ada", "/home/ada/.iapeer"},
		{"/srv/team", "/home/ada", "/srv/team"},
		{"/srv/../srv/team/", "/home/ada", "/srv/team"},
	} {
		p := iapeer.PathsFromEnv(func(key string) string {
			return map[string]string{"IAPEER_ROOT": tc.root, "HOME": tc.home}[key]
		})
		if p.Root != tc.want || p.Home != tc.home {
			t.Errorf("root %q, home %q: got %+v", tc.root, tc.home, p)
		}
	}
	if p := iapeer.PathsFromEnv(func(string) string { return "" }); !filepath.IsAbs(p.Root) {
		t.Errorf("an empty environment gives %+v", p)
	}
}

// Older programs and people's scripts know these places.
func TestPathsLayout(t *testing.T) {
	p := iapeer.Paths{Root: "/r", Home: "/h"}
	for got, want := range map[string]string{
		p.Registry():            "/r/peers-profiles.json",
		p.RegistryLock():        "/r/peers-profiles.lock",
		p.Config():              "/r/config.toml",
		p.Doctrine():            "/r/IAPEER.md",
		p.PeerHome("ada"):       "/r/peers/ada",
		p.State():               "/r/state/iapeer",
		p.RouterFile():          "/r/state/iapeer/router.json",
		p.RouterSocket():        "/r/state/iapeer/router.sock",
		p.Store():               "/r/state/iapeer/iapeer.db",
		p.Hosts():               "/r/state/supervisor",
		p.Sessions():            "/r/state/sessions",
		p.Logs():                "/r/logs/iapeer",
		p.PaneLogs():            "/r/logs/lifecycle",
		p.Runtimes():            "/r/runtimes",
		p.Docs():                "/r/docs",
		iapeer.PeerDir("/w"):    "/w/.iapeer",
		iapeer.Profile("/w"):    "/w/.iapeer/peer-profile.json",
		p.Abbreviate("/h"):      "~",
		p.Abbreviate("/h/x"):    "~/x",
		p.Abbreviate("/hx"):     "/hx",
		p.Abbreviate("/r/h/x"):  "/r/h/x",
		iapeer.Paths{}.Config(): "config.toml",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestNewIDs(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		m, c := string(iapeer.NewMessageID()), string(iapeer.NewConversationID())
		for id, prefix := range map[string]string{m: "m-", c: "c-"} {
			rest, ok := strings.CutPrefix(id, prefix)
			if !ok || len(rest) != 10 || strings.Trim(rest, "0123456789abcdefghjkmnpqrstvwxyz") != "" || seen[id] {
				t.Fatalf("id %q", id)
			}
			seen[id] = true
		}
	}
}
