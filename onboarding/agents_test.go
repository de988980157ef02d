package onboarding_test

import (
	"encoding/json"
	"os/exec"
	"testing"

	"github.com/iapeer/iapeer/internal/agents"
)

// TestCodexReadsOurServer: the real program takes the configuration; the server
// is off for a plain session, which so shows no warning about it, and on for
// one that asks.
func TestCodexReadsOurServer(t *testing.T) {
	codex := agents.Codex(t)
	for _, before := range []string{"", "# mine\nmodel = \"x\"\n", "mcp_servers.other.url = \"http://127.0.0.1:9/\"\n", "mcp_servers = { other = { url = \"http://127.0.0.1:9/\" } }\n", "\ufeff"} {
		w := newWorld(t)
		w.install("codex")
		w.write(".codex/config.toml", before)
		w.init("web")
		for args, want := range map[string]bool{"": false, "mcp_servers.iapeer.enabled=true": true} {
			argv := []string{"mcp", "list", "--json"}
			if args != "" {
				argv = append(argv, "-c", args)
			}
			cmd := exec.Command(codex, argv...)
			cmd.Env = append(cmd.Environ(), "HOME="+w.home, "CODEX_HOME="+w.path(".codex"))
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("codex %q over %q: %v", argv, before, err)
			}
			var servers []struct {
				Name      string
				Enabled   bool
				Transport struct {
					URL    string
					Bearer string `json:"bearer_token_env_var"`
				}
			}
			if err := json.Unmarshal(out, &servers); err != nil {
				t.Fatalf("codex %q: %s: %v", argv, out, err)
			}
			found := false
			for _, s := range servers {
				if s.Name == "iapeer" {
					found = true
					if s.Enabled != want || s.Transport.URL != "http://127.0.0.1:8765/mcp" || s.Transport.Bearer != "IAPEER_BEARER" {
						t.Errorf("over %q with %q: %+v", before, args, s)
					}
				}
			}
			if !found {
				t.Errorf("over %q: codex does not see the server: %s", before, out)
			}
		}
	}
}
